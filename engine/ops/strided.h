/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks over arrays of up to six axes whose steps differ from their neighbours': what broadcasting,
 * transposing, slicing and padding have in common. */
#ifndef MEL_ENGINE_STRIDED_H
#define MEL_ENGINE_STRIDED_H

#include "engine/op.h"

enum { STRIDED_OPERANDS_MAX = 3, STRIDED_CHUNK = 8192 };

/* strides in elements, for each operand. After strided_fold axes that follow each other in all
 * operands are one, and there is at least one axis. */
typedef struct Strided {
    int rank, operands;
    int64_t dims[RANK_MAX];
    int64_t strides[STRIDED_OPERANDS_MAX][RANK_MAX];
} Strided;

/* The strides of a contiguous array; of one that is broadcast to `to`, with 0 where it repeats. */
void strided_contiguous(const Shape *shape, int64_t strides[RANK_MAX]);
void strided_broadcast(const Shape *from, const Shape *to, int64_t strides[RANK_MAX]);

void strided_fold(Strided *walk);

/* The walk in pieces along its last axis: piece i covers `count` elements from `offset[k]` on in
 * operand k, with the last axis' strides. */
typedef struct StridedPiece {
    int64_t offset[STRIDED_OPERANDS_MAX], count;
} StridedPiece;
int64_t strided_pieces(const Strided *walk);
StridedPiece strided_piece(const Strided *walk, int64_t i);

/* Copies elements of `size` bytes: operand 0 is written, operand 1 read. */
void strided_copy(const Strided *walk, void *to, const void *from, size_t size);

/* Shapes as NumPy joins them; false when they do not fit. */
bool shape_broadcast(const Shape *a, const Shape *b, Shape *out);

#endif
