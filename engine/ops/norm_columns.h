/* SPDX-License-Identifier: Apache-2.0
 *
 * How norm.cu shares [items, rows, C] out where sums run down the rows: blocks for parts of an
 * item's rows, threads for packs of channels. */
#ifndef MEL_NORM_COLUMNS_H
#define MEL_NORM_COLUMNS_H

#include "engine/cuda/kernel.h"

enum { THREADS = 256, BLOCKS_WANTED = 1024, ROWS_LEAST = 4 };

struct Columns {
    int64_t batch, space, channels, groups, width;
    int64_t parts, part; /* of an item's rows; rows of one */
    int across, down;    /* threads of a block along the channels and along the rows */
    float eps;
    bool centred, silu, by_row; /* by_row: each row is a set */
};

/* For packs of n. */
static Columns columns_of(const Node *node, int n)
{
    const NormAttrs *attrs = (const NormAttrs *)node->attrs;
    const NormSizes s = op_norm_sizes(node);
    Columns c = {};
    c.batch = attrs->rows ? 1 : s.batch;
    c.space = attrs->rows ? s.batch : s.space;
    c.channels = s.channels;
    c.groups = s.groups;
    c.width = s.width;
    const int64_t packs = s.channels / n;
    c.across = packs < 1 ? 1 : packs < THREADS ? (int)packs : (int)THREADS;
    c.down = THREADS / c.across;
    const int64_t busy = c.batch * ((packs + c.across - 1) / c.across);
    const int64_t most = c.space / (ROWS_LEAST * c.down);
    c.parts = BLOCKS_WANTED / (busy > 0 ? busy : 1);
    if (c.parts > most) c.parts = most;
    if (c.parts < 1) c.parts = 1;
    c.part = (c.space + c.parts - 1) / c.parts;
    c.eps = (float)attrs->eps;
    c.centred = attrs->centred;
    c.silu = attrs->silu;
    c.by_row = attrs->rows;
    return c;
}

static dim3 grid_of(const Columns &c, int n)
{
    const int64_t packs = c.channels / n;
    return dim3((unsigned)(c.batch * c.parts), (unsigned)((packs + c.across - 1) / c.across));
}

/* A thread's share: N channels from `channel` on, every `down`-th row from `begin` to `end`. */
template <int N> struct Share {
    int64_t item, channel, begin, end;
    __device__ __forceinline__ explicit Share(const Columns &c)
    {
        const int64_t part = blockIdx.x % c.parts, last = (part + 1) * c.part;
        item = blockIdx.x / c.parts;
        channel = ((int64_t)blockIdx.y * c.across + threadIdx.x % c.across) * N;
        begin = part * c.part + threadIdx.x / c.across;
        end = channel < c.channels ? (last < c.space ? last : c.space) : 0;
    }
    __device__ __forceinline__ int64_t at(const Columns &c, int64_t row) const
    {
        return (item * c.space + row) * c.channels + channel;
    }
};

/* Adds what the rows of a block have found, in their order, into sums [item, part, 2, C]. */
template <int N>
__device__ __forceinline__ void add_rows(const Columns &c, const float (&a)[N], const float (&b)[N],
                                         float *sums)
{
    DYNAMIC_SHARED(float, found); /* [down, 2, across·N] */
    const int width = c.across * N, row = (int)threadIdx.x / c.across;
    for (int k = 0; k < N; k++) {
        const int at = (int)threadIdx.x % c.across * N + k;
        found[row * 2 * width + at] = a[k];
        found[row * 2 * width + width + at] = b[k];
    }
    __syncthreads();
    for (int i = (int)threadIdx.x; i < 2 * width; i += (int)blockDim.x) {
        const int64_t channel = (int64_t)blockIdx.y * width + i % width;
        float sum = 0;
        for (int k = 0; k < c.down; k++)
            sum += found[k * 2 * width + i];
        if (channel < c.channels)
            sums[((int64_t)blockIdx.x * 2 + i / width) * c.channels + channel] = sum;
    }
}

static int shared_bytes(const Columns &c, int n)
{
    return c.down * c.across * n * 2 * (int)sizeof(float);
}

#endif
