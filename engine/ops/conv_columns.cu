/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/conv_columns.h"

#include "engine/cuda/walk.h"

enum { THREADS = 256, SIDE = 32 };

Columns columns_of(const ConvMap *map, bool transposed)
{
    const ConvAttrs *attrs = map->attrs;
    const int64_t *rows = transposed ? map->large : map->small;
    const int64_t *from = transposed ? map->small : map->large;
    Columns c = {};
    c.rows = map->batch * rows[0] * rows[1];
    c.channels = transposed ? map->out : map->in;
    c.groups = attrs->groups;
    c.transposed = transposed;
    for (int i = 0; i < 2; i++) {
        c.row_size[i] = (int)rows[i];
        c.from_size[i] = (int)from[i];
        c.kernel[i] = (int)map->kernel[i];
        c.stride[i] = attrs->stride[i];
        c.dilation[i] = attrs->dilation[i];
        c.pad[i] = attrs->pad_before[i];
    }
    return c;
}

int64_t columns_width(const Columns *c)
{
    return c->channels * c->kernel[0] * c->kernel[1];
}

bool columns_plain(const Columns *c)
{
    bool plain = true;
    for (int i = 0; i < 2; i++)
        plain = plain && c->kernel[i] == 1 && c->stride[i] == 1 && c->pad[i] == 0 &&
                c->row_size[i] == c->from_size[i];
    return plain;
}

/* A thread takes N channels of one row through all taps. */
template <typename T, int N, bool transposed, typename Index>
static __global__ void columns_gather_kernel(Columns c, const T *from, T *to, int64_t first,
                                             int64_t count)
{
    const Index in_group = (Index)(c.channels / c.groups), packs = in_group / N;
    const int taps = c.kernel[0] * c.kernel[1];
    for (EACH_INDEX(i, count)) {
        const Index each = packs * (Index)c.groups, local = (Index)i / each;
        const Index group = (Index)i % each / packs, channel = (Index)i % packs * N;
        const Index place = (Index)first + local, line = place / (Index)c.row_size[1];
        const int x = (int)(place % (Index)c.row_size[1]);
        const int y = (int)(line % (Index)c.row_size[0]);
        const int64_t item = (int64_t)(line / (Index)c.row_size[0]) * c.from_size[0];
        T *at = to + (int64_t)(local * (Index)c.groups + group) * taps * in_group + channel;
        for (int ky = 0; ky < c.kernel[0]; ky++)
            for (int kx = 0; kx < c.kernel[1]; kx++, at += in_group) {
                const int sy = columns_taken<transposed>(c, 0, y, ky);
                const int sx = columns_taken<transposed>(c, 1, x, kx);
                Pack<T, N> pack = {};
                if (sy >= 0 && sx >= 0)
                    pack = *(const Pack<T, N> *)(from +
                                                 ((item + sy) * c.from_size[1] + sx) * c.channels +
                                                 group * in_group + channel);
                *(Pack<T, N> *)at = pack;
            }
    }
}

template <typename T, int N>
static void start_gather(const CudaCall *call, const Columns *c, const T *from, T *to,
                         int64_t first, int64_t rows)
{
    const int64_t count = rows * c->channels / N;
    WITH_INDEX(count + first, Index, {
        if (c->transposed)
            LAUNCH((columns_gather_kernel<T, N, true, Index>), blocks_for(count, THREADS), THREADS,
                   0, call, *c, from, to, first, count);
        else
            LAUNCH((columns_gather_kernel<T, N, false, Index>), blocks_for(count, THREADS), THREADS,
                   0, call, *c, from, to, first, count);
    });
}

void columns_gather(const CudaCall *call, const Columns *c, DType dtype, const void *from, void *to,
                    int64_t first, int64_t rows)
{
    if (rows * c->channels == 0) return;
    WITH_FLOAT(dtype, T, {
        const bool packs = all_aligned(from, to) && c->channels / c->groups % pack_size<T> == 0;
        WITH_PACK(packs, T, N, start_gather<T, N>(call, c, (const T *)from, (T *)to, first, rows));
    });
}

template <typename T>
static __global__ void swap_axes_kernel(Floats from, T *to, int64_t count, int64_t a, int64_t b)
{
    for (EACH_INDEX(i, count)) {
        const int64_t row = i / a, item = row / b;
        to[i] = from_float<T>(from.at((item * a + i % a) * b + row % b));
    }
}

/* Through squares of shared memory, so that reads and writes are of neighbours both. */
template <typename T>
static __global__ void swap_squares_kernel(Floats from, T *to, int64_t squares, int64_t a,
                                           int64_t b)
{
    __shared__ float square[SIDE][SIDE + 1]; /* no two rows of a column in one bank */
    const int column = (int)threadIdx.x % SIDE, first = (int)threadIdx.x / SIDE;
    const int64_t across = (b + SIDE - 1) / SIDE, down = (a + SIDE - 1) / SIDE;
    for (int64_t i = blockIdx.x; i < squares; i += gridDim.x) {
        const int64_t left = i % across * SIDE, line = i / across, top = line % down * SIDE;
        const int64_t item = line / down * a * b;
        for (int row = first; row < SIDE; row += THREADS / SIDE)
            if (top + row < a && left + column < b)
                square[row][column] = from.at(item + (top + row) * b + left + column);
        __syncthreads();
        for (int row = first; row < SIDE; row += THREADS / SIDE)
            if (left + row < b && top + column < a)
                to[item + (left + row) * a + top + column] = from_float<T>(square[column][row]);
        __syncthreads();
    }
}

void swap_axes(const CudaCall *call, Floats from, void *to, DType dtype, int64_t batch, int64_t a,
               int64_t b)
{
    const int64_t count = batch * a * b;
    const int64_t squares = batch * ((a + SIDE - 1) / SIDE) * ((b + SIDE - 1) / SIDE);
    if (count == 0) return;
    WITH_FLOAT(dtype, T, {
        if (a < SIDE || b < SIDE)
            LAUNCH((swap_axes_kernel<T>), blocks_for(count, THREADS), THREADS, 0, call, from,
                   (T *)to, count, a, b);
        else
            LAUNCH((swap_squares_kernel<T>), blocks_for(squares, 1), THREADS, 0, call, from,
                   (T *)to, squares, a, b);
    });
}

static __global__ void zero_kernel(float *to, int64_t count)
{
    for (EACH_INDEX(i, count))
        to[i] = 0;
}

void fill_zero(const CudaCall *call, float *to, int64_t count)
{
    if (count > 0) LAUNCH(zero_kernel, blocks_for(count, THREADS), THREADS, 0, call, to, count);
}
