/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/strided.h"

#include <string.h>

void strided_contiguous(const Shape *shape, int64_t strides[RANK_MAX])
{
    int64_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= shape->dims[i];
    }
}

void strided_broadcast(const Shape *from, const Shape *to, int64_t strides[RANK_MAX])
{
    int64_t own[RANK_MAX] = {0};
    int lead = to->rank - from->rank;
    strided_contiguous(from, own);
    for (int i = 0; i < to->rank; i++)
        strides[i] = i < lead || from->dims[i - lead] == 1 ? 0 : own[i - lead];
}

static bool follows(const Strided *walk, int outer, int inner)
{
    for (int k = 0; k < walk->operands; k++)
        if (walk->strides[k][outer] != walk->strides[k][inner] * walk->dims[inner]) return false;
    return true;
}

void strided_fold(Strided *walk)
{
    Strided out = {.operands = walk->operands};
    for (int i = 0; i < walk->rank; i++) {
        if (walk->dims[i] == 1) continue;
        int n = out.rank;
        out.dims[n] = walk->dims[i];
        for (int k = 0; k < walk->operands; k++)
            out.strides[k][n] = walk->strides[k][i];
        out.rank++;
        if (n > 0 && follows(&out, n - 1, n)) {
            out.dims[n - 1] *= out.dims[n];
            for (int k = 0; k < walk->operands; k++)
                out.strides[k][n - 1] = out.strides[k][n];
            out.rank--;
        }
    }
    if (out.rank == 0) {
        out.rank = 1;
        out.dims[0] = 1;
    }
    *walk = out;
}

static int64_t chunks_a_row(const Strided *walk)
{
    return (walk->dims[walk->rank - 1] + STRIDED_CHUNK - 1) / STRIDED_CHUNK;
}

int64_t strided_pieces(const Strided *walk)
{
    int64_t rows = 1;
    for (int i = 0; i < walk->rank - 1; i++)
        rows *= walk->dims[i];
    return rows * chunks_a_row(walk);
}

StridedPiece strided_piece(const Strided *walk, int64_t i)
{
    int last = walk->rank - 1;
    int64_t chunks = chunks_a_row(walk), row = i / chunks, begin = i % chunks * STRIDED_CHUNK;
    int64_t left = walk->dims[last] - begin;
    StridedPiece piece = {.count = left < STRIDED_CHUNK ? left : STRIDED_CHUNK};
    for (int k = 0; k < walk->operands; k++)
        piece.offset[k] = begin * walk->strides[k][last];
    for (int axis = last - 1; axis >= 0; axis--) {
        int64_t at = row % walk->dims[axis];
        row /= walk->dims[axis];
        for (int k = 0; k < walk->operands; k++)
            piece.offset[k] += at * walk->strides[k][axis];
    }
    return piece;
}

#define COPY_PIECE(type)                                                                           \
    for (int64_t j = 0; j < piece.count; j++)                                                      \
    ((type *)to)[piece.offset[0] + j * out_step] =                                                 \
        ((const type *)from)[piece.offset[1] + j * in_step]

static void copy_piece(const Strided *walk, int64_t i, char *to, const char *from, size_t size)
{
    StridedPiece piece = strided_piece(walk, i);
    int64_t out_step = walk->strides[0][walk->rank - 1], in_step = walk->strides[1][walk->rank - 1];
    if (out_step == 1 && in_step == 1)
        memcpy(to + piece.offset[0] * (int64_t)size, from + piece.offset[1] * (int64_t)size,
               (size_t)piece.count * size);
    else if (size == 8)
        COPY_PIECE(uint64_t);
    else if (size == 4)
        COPY_PIECE(uint32_t);
    else
        COPY_PIECE(uint16_t);
}

void strided_copy(const Strided *walk, void *to, const void *from, size_t size)
{
    Strided folded = *walk;
    strided_fold(&folded);
    int64_t pieces = strided_pieces(&folded);
#pragma omp parallel for schedule(static) if (pieces > 16)
    for (int64_t i = 0; i < pieces; i++)
        copy_piece(&folded, i, to, from, size);
}

bool shape_broadcast(const Shape *a, const Shape *b, Shape *out)
{
    Shape joined = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < joined.rank; i++) {
        int at_a = i - joined.rank + a->rank, at_b = i - joined.rank + b->rank;
        int64_t x = at_a < 0 ? 1 : a->dims[at_a], y = at_b < 0 ? 1 : b->dims[at_b];
        if (x != y && x != 1 && y != 1) return false;
        joined.dims[i] = x == 1 ? y : x;
    }
    *out = joined;
    return true;
}
