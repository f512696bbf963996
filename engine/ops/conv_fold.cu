/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/conv_fold.h"

enum { THREADS = 256 };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Small places along an axis that may fall on a band of the large side. */
static int64_t reach(const Columns *c, int axis, int64_t band)
{
    return (band - 1 + (int64_t)c->dilation[axis] * (c->kernel[axis] - 1)) / c->stride[axis] + 1;
}

Fold fold_of(const ConvMap *map)
{
    Fold f = {};
    const Columns *c = &f.columns;
    f.columns = columns_of(map, true);
    f.batch = map->batch;
    f.channels = map->in;
    f.axis = map->small[0] > 1 ? 0 : 1;
    const int64_t small = map->small[f.axis], large = map->large[f.axis];
    const int64_t bytes = fold_width(&f) * map->small[1 - f.axis] * (int64_t)sizeof(float);
    const int64_t places = COLUMNS_BYTES / (bytes > 0 ? bytes : 1);
    f.items = least(places / (small > 0 ? small : 1), f.batch);
    f.band = (int)large;
    f.window = (int)small;
    if (f.items > 0) return f;
    const int64_t band = (places - 1) * c->stride[f.axis] -
                         (int64_t)c->dilation[f.axis] * (c->kernel[f.axis] - 1) + 1;
    f.items = 1;
    f.band = (int)least(band > 1 ? band : 1, large);
    f.window = (int)least(reach(c, f.axis, f.band), small);
    return f;
}

int64_t fold_width(const Fold *f)
{
    return f->channels * f->columns.kernel[0] * f->columns.kernel[1];
}

int64_t fold_rows(const Fold *f, int64_t items)
{
    return items * f->window * f->columns.from_size[1 - f->axis];
}

static int64_t bands_of(const Fold *f)
{
    return (f->columns.row_size[f->axis] + f->band - 1) / f->band;
}

int64_t fold_count(const Fold *f)
{
    return (f->batch + f->items - 1) / f->items * bands_of(f);
}

FoldChunk fold_chunk(const Fold *f, int64_t i)
{
    const Columns *c = &f->columns;
    const int axis = f->axis, stride = c->stride[axis];
    FoldChunk chunk = {};
    chunk.item = i / bands_of(f) * f->items;
    chunk.items = least(f->items, f->batch - chunk.item);
    chunk.band = (int)(i % bands_of(f)) * f->band;
    chunk.band_size = (int)least(f->band, c->row_size[axis] - chunk.band);
    const int first = chunk.band + c->pad[axis] - c->dilation[axis] * (c->kernel[axis] - 1);
    const int start = first > 0 ? (first + stride - 1) / stride : 0;
    chunk.start = (int)least(start, c->from_size[axis] - f->window);
    return chunk;
}

int64_t fold_first(const Fold *f, const FoldChunk *chunk)
{
    const int *size = f->columns.from_size;
    return chunk->item * size[0] * size[1] + (int64_t)chunk->start * (f->axis ? 1 : size[1]);
}

/* N channels of a large place a thread. */
template <typename T, int N>
static __global__ void fold_add_kernel(Fold f, FoldChunk chunk, const float *columns, Floats bias,
                                       T *out, int64_t count)
{
    const Columns &c = f.columns;
    const int rows = f.axis ? c.row_size[0] : chunk.band_size;
    const int places = f.axis ? chunk.band_size : c.row_size[1];
    const int window_rows = f.axis ? c.from_size[0] : f.window;
    const int window_places = f.axis ? f.window : c.from_size[1];
    const int64_t packs = f.channels / N, in_group = f.channels / c.groups;
    const int64_t width = f.channels * c.kernel[0] * c.kernel[1];
    for (EACH_INDEX(i, count)) {
        const int64_t channel = i % packs * N, line = i / packs / places, item = line / rows;
        const int x = (int)(i / packs % places) + (f.axis ? chunk.band : 0);
        const int y = (int)(line % rows) + (f.axis ? 0 : chunk.band);
        const int64_t group = channel / in_group;
        float sum[N], v[N];
        for (int k = 0; k < N; k++)
            sum[k] = bias.data ? bias.at(channel + k) : 0;
        for (int tap = 0; tap < c.kernel[0] * c.kernel[1]; tap++) {
            const int sy = columns_taken<true>(c, 0, y, tap / c.kernel[1]);
            const int sx = columns_taken<true>(c, 1, x, tap % c.kernel[1]);
            if (sy < 0 || sx < 0) continue;
            const int64_t row =
                (item * window_rows + sy - (f.axis ? 0 : chunk.start)) * window_places + sx -
                (f.axis ? chunk.start : 0);
            load_pack<float, N>(columns + row * width +
                                    (group * c.kernel[0] * c.kernel[1] + tap) * in_group +
                                    channel % in_group,
                                v);
            for (int k = 0; k < N; k++)
                sum[k] += v[k];
        }
        store_pack<T, N>(
            out + (((chunk.item + item) * c.row_size[0] + y) * c.row_size[1] + x) * f.channels +
                channel,
            sum);
    }
}

void fold_add(const CudaCall *call, const Fold *f, const FoldChunk *chunk, const float *columns,
              Floats bias)
{
    const Columns *c = &f->columns;
    const int64_t lines = (int64_t)chunk->band_size * c->row_size[1 - f->axis];
    const int64_t count = chunk->items * lines * f->channels;
    if (count == 0) return;
    WITH_FLOAT(call->node->dtype, T, {
        const bool packs = all_aligned(call->out) && f->channels / c->groups % pack_size<T> == 0;
        WITH_PACK(packs, T, N,
                  LAUNCH((fold_add_kernel<T, N>), blocks_for(count / N, THREADS), THREADS, 0, call,
                         *f, *chunk, columns, bias, (T *)call->out, count / N));
    });
}
