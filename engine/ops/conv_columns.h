/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions as products: what a place of one side takes from the other side becomes a row of a
 * matrix, and weights get the order of those rows. */
#ifndef MEL_ENGINE_CONV_COLUMNS_H
#define MEL_ENGINE_CONV_COLUMNS_H

#include "engine/cuda/kernel.h"

#ifdef MEL_EMULATED
constexpr int64_t COLUMNS_BYTES = 4 << 10; /* so that samples have several chunks */
#else
constexpr int64_t COLUMNS_BYTES = 128 << 20; /* of columns at once */
#endif

/* Rows are the places of `row_size` in each of the batch, each [groups, taps, channels / groups] of
 * numbers from [batch, from_size, channels], zeros where a tap falls outside. Forwards a row takes
 * place · stride + tap · dilation - pad; transposed, the places which would take from it so. */
typedef struct Columns {
    int64_t rows, channels;
    int row_size[2], from_size[2], kernel[2], stride[2], dilation[2], pad[2];
    int groups;
    bool transposed;
} Columns;

Columns columns_of(const ConvMap *map, bool transposed);
int64_t columns_width(const Columns *columns); /* numbers of a row */
/* Whether the rows are the values as they lie. */
bool columns_plain(const Columns *columns);

/* Where tap k of place `row` lies along one axis of the other side; negative: nowhere. */
template <bool transposed>
__device__ __forceinline__ int columns_taken(const Columns &c, int axis, int row, int k)
{
    int at = transposed ? row + c.pad[axis] - k * c.dilation[axis]
                        : row * c.stride[axis] + k * c.dilation[axis] - c.pad[axis];
    if (transposed && at >= 0) at = at % c.stride[axis] ? -1 : at / c.stride[axis];
    return at < c.from_size[axis] ? at : -1;
}

/* Rows from `first` on, `rows` of them, to ← [rows, width]. */
void columns_gather(const CudaCall *call, const Columns *columns, DType dtype, const void *from,
                    void *to, int64_t first, int64_t rows);

/* to ← from with its last two axes swapped: from is [batch, a, b], to [batch, b, a] of `dtype`. The
 * order of weights: OIHW is [O, I, taps], products want [O, taps, I]; transposed, [groups, O, I ·
 * taps] and [groups, I · taps, O]. */
void swap_axes(const CudaCall *call, Floats from, void *to, DType dtype, int64_t batch, int64_t a,
               int64_t b);

void fill_zero(const CudaCall *call, float *to, int64_t count);

#endif
