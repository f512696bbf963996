/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/walk.h"

enum { THREADS = 256, TILE_ROWS = THREADS / WARP };

/* ---- cast ----------------------------------------------------------------------------------- */

template <typename From, typename To, int N>
static __global__ void cast_kernel(const From *from, To *to, int64_t count)
{
    for (EACH_INDEX(i, count / N)) {
        float v[N];
        load_pack<From, N>(from + i * N, v);
        store_pack<To, N>(to + i * N, v);
    }
    for (EACH_INDEX(i, count % N)) {
        const int64_t at = count / N * N + i;
        to[at] = from_float<To>(to_float(from[at]));
    }
}

template <typename From, typename To> static void start_cast(const CudaCall *call)
{
    const int64_t count = mel_shape_count(&call->node->shape);
    const From *from = (const From *)call->in[0];
    To *to = (To *)call->out;
    if (all_aligned(from, to))
        LAUNCH((cast_kernel<From, To, 4>), blocks_for(count / 4 + 1, THREADS), THREADS, 0, call,
               from, to, count);
    else
        LAUNCH((cast_kernel<From, To, 1>), blocks_for(count, THREADS), THREADS, 0, call, from, to,
               count);
}

static bool cast_run(const CudaCall *call, Err *err)
{
    WITH_FLOAT(call->node->in[0]->dtype, From,
               WITH_FLOAT(call->node->dtype, To, start_cast<From, To>(call)));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_cast = {NULL, cast_run, 0};

/* ---- transpose: tiles go through shared memory where reading and writing run along other axes -
 */

/* The numbers of one tile lie `columns` side by side in the result, `rows` in the input. */
struct Flip {
    Strided rest; /* the other axes */
    int64_t rows, columns;
    int64_t row_step, column_step; /* in the result; in the input */
    int64_t down, across, tiles;
};

/* The pad keeps the lanes of a warp from one bank of shared memory. */
enum { TILE = 64 };
template <typename T> constexpr int tile_pad = 4 / (int)sizeof(T);

template <typename T, typename Index>
static __global__ void flip_kernel(Flip flip, T *to, const T *from)
{
    __shared__ T tile[TILE][TILE + tile_pad<T>];
    const Index across = (Index)flip.across, down = (Index)flip.down;
    for (int64_t i = blockIdx.x; i < flip.tiles; i += gridDim.x) {
        const Index line = (Index)i / across, picture = line / down;
        const int64_t row = (int64_t)(line - picture * down) * TILE;
        const int64_t column = (int64_t)((Index)i - line * across) * TILE;
        int64_t at[2];
        walk_at<2, Index>(flip.rest, picture, at);
        const T *in = from + at[1] + column * flip.column_step + row;
        T *out = to + at[0] + row * flip.row_step + column;
        for (int c = (int)threadIdx.y; c < TILE; c += TILE_ROWS)
            for (int r = (int)threadIdx.x; r < TILE; r += WARP)
                if (column + c < flip.columns && row + r < flip.rows)
                    tile[c][r] = in[c * flip.column_step + r];
        __syncthreads();
        for (int r = (int)threadIdx.y; r < TILE; r += TILE_ROWS)
            for (int c = (int)threadIdx.x; c < TILE; c += WARP)
                if (column + c < flip.columns && row + r < flip.rows)
                    out[r * flip.row_step + c] = tile[c][r];
        __syncthreads();
    }
}

/* False where tiles would gain nothing: both run along the last axis, or a side is very short. */
static bool find_flip(const Strided *walk, Flip *flip)
{
    enum { SHORT = 8 };
    const int last = walk->rank - 1;
    int inner = last;
    *flip = Flip{};
    for (int i = 0; i < last; i++)
        if (walk->strides[1][i] == 1) inner = i;
    if (inner == last || walk->dims[inner] < SHORT || walk->dims[last] < SHORT) return false;
    flip->rows = walk->dims[inner];
    flip->columns = walk->dims[last];
    flip->row_step = walk->strides[0][inner];
    flip->column_step = walk->strides[1][last];
    flip->rest.operands = 2;
    for (int i = 0; i < last; i++) {
        if (i == inner) continue;
        const int n = flip->rest.rank++;
        flip->rest.dims[n] = walk->dims[i];
        flip->rest.strides[0][n] = walk->strides[0][i];
        flip->rest.strides[1][n] = walk->strides[1][i];
    }
    flip->down = (flip->rows + TILE - 1) / TILE;
    flip->across = (flip->columns + TILE - 1) / TILE;
    flip->tiles = walk_count(&flip->rest) * flip->down * flip->across;
    return true;
}

template <typename T> static bool run_transpose(const CudaCall *call, const Strided *walk, Err *err)
{
    Flip flip;
    if (!find_flip(walk, &flip))
        return walk_copy(call, walk, call->out, call->in[0], sizeof(T), err);
    WITH_INDEX(flip.tiles, Index,
               LAUNCH((flip_kernel<T, Index>), blocks_for(flip.tiles, 1), dim3(WARP, TILE_ROWS), 0,
                      call, flip, (T *)call->out, (const T *)call->in[0]));
    return cuda_started(err);
}

static bool transpose_run(const CudaCall *call, Err *err)
{
    Strided walk = op_transpose_walk(call->node);
    if (walk_count(&walk) == 0) return true;
    strided_fold(&walk);
    return mel_dtype_size(call->node->dtype) == 2 ? run_transpose<uint16_t>(call, &walk, err)
                                                  : run_transpose<uint32_t>(call, &walk, err);
}

extern "C" const CudaOp cuda_op_transpose = {NULL, transpose_run, 0};

/* ---- slice, concat, pad: rows that are joined from parts of other rows ------------------------
 */

/* Columns begin … end-1 of the result's rows are the first of rows `width` apart. Widths are in
 * bytes until units_of, in units then. */
struct Part {
    const char *from;
    int64_t begin, end, width;
};

/* What no part covers is 0. */
struct Splice {
    int64_t rows, width;
    Part parts[2];
};

template <typename Unit, typename Index>
static __global__ void splice_kernel(Splice splice, Unit *to)
{
    for (EACH_INDEX(i, splice.rows * splice.width)) {
        const Index row = (Index)i / (Index)splice.width;
        const int64_t column = (int64_t)((Index)i - row * (Index)splice.width);
        Unit unit = {};
        for (const Part &part : splice.parts)
            if (column >= part.begin && column < part.end)
                unit = ((const Unit *)part.from)[(int64_t)row * part.width + column - part.begin];
        to[i] = unit;
    }
}

/* The most bytes, up to 16, that can always be moved at once. */
static int64_t unit_of(const Splice *splice, const void *to)
{
    uint64_t all = 16 | (uint64_t)splice->width | (uint64_t)(uintptr_t)to;
    for (const Part &part : splice->parts)
        if (part.end > part.begin)
            all |= (uint64_t)(uintptr_t)part.from | (uint64_t)part.begin | (uint64_t)part.end |
                   (uint64_t)part.width;
    return (int64_t)(all & (~all + 1));
}

template <typename Unit> static void start_splice(const CudaCall *call, Splice splice)
{
    constexpr int64_t SIZE = (int64_t)sizeof(Unit);
    splice.width /= SIZE;
    for (Part &part : splice.parts)
        part = Part{part.from, part.begin / SIZE, part.end / SIZE, part.width / SIZE};
    const int64_t count = splice.rows * splice.width;
    WITH_INDEX(count, Index,
               LAUNCH((splice_kernel<Unit, Index>), blocks_for(count, THREADS), THREADS, 0, call,
                      splice, (Unit *)call->out));
}

static bool run_splice(const CudaCall *call, const Splice *splice, Err *err)
{
    if (splice->rows * splice->width == 0) return true;
    const int64_t unit = unit_of(splice, call->out);
    if (unit == 16)
        start_splice<Pack<uint32_t, 4>>(call, *splice);
    else if (unit == 8)
        start_splice<Pack<uint32_t, 2>>(call, *splice);
    else if (unit == 4)
        start_splice<uint32_t>(call, *splice);
    else
        start_splice<uint16_t>(call, *splice);
    return cuda_started(err);
}

/* The bytes from one place along an axis to the next. */
static int64_t step_of(const Node *node, int axis)
{
    int64_t step = (int64_t)mel_dtype_size(node->dtype);
    for (int i = axis + 1; i < node->shape.rank; i++)
        step *= node->shape.dims[i];
    return step;
}

/* Rows are everything from the axis on; no parts yet. */
static Splice splice_of(const Node *node, int axis)
{
    Splice splice = {1, step_of(node, axis) * node->shape.dims[axis], {}};
    for (int i = 0; i < axis; i++)
        splice.rows *= node->shape.dims[i];
    return splice;
}

static bool slice_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const SliceAttrs *attrs = (const SliceAttrs *)node->attrs;
    const int64_t step = step_of(node, attrs->axis);
    Splice splice = splice_of(node, attrs->axis);
    splice.parts[0] = Part{(const char *)call->in[0] + attrs->begin * step, 0, splice.width,
                           step * node->in[0]->shape.dims[attrs->axis]};
    return run_splice(call, &splice, err);
}

static bool concat_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const int axis = ((const ConcatAttrs *)node->attrs)->axis;
    Splice splice = splice_of(node, axis);
    const int64_t middle = step_of(node, axis) * node->in[0]->shape.dims[axis];
    splice.parts[0] = Part{(const char *)call->in[0], 0, middle, middle};
    splice.parts[1] = Part{(const char *)call->in[1], middle, splice.width, splice.width - middle};
    return run_splice(call, &splice, err);
}

static bool pad_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const PadAttrs *attrs = (const PadAttrs *)node->attrs;
    const int64_t step = step_of(node, attrs->axis);
    const int64_t before = attrs->before * step,
                  width = step * node->in[0]->shape.dims[attrs->axis];
    Splice splice = splice_of(node, attrs->axis);
    splice.parts[0] = Part{(const char *)call->in[0], before, before + width, width};
    return run_splice(call, &splice, err);
}

extern "C" const CudaOp cuda_op_slice = {NULL, slice_run, 0};
extern "C" const CudaOp cuda_op_concat = {NULL, concat_run, 0};
extern "C" const CudaOp cuda_op_pad = {NULL, pad_run, 0};

/* Views: never run. */
extern "C" const CudaOp cuda_op_reshape = {NULL, NULL, 0};
extern "C" const CudaOp cuda_op_detach = {NULL, NULL, 0};
