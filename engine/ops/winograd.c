/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/winograd.h"

#include "engine/big_alloc.h"
#include "engine/ops/winograd_filters.h"
#include "engine/ops/winograd_tiles.h"

#include <stdlib.h>

enum { TILE = WINOGRAD_TILE, POINTS = WINOGRAD_POINTS, LANES = WINOGRAD_LANES, AREA = 9 };
enum { CHANNELS_MIN = 32, SLOPE_CHANNELS_MIN = 16, TILES_MIN = 64, WORK_MIN = 10 << 20 };

/* A point's numbers lie this much further than their count, or 36 of them would share the sets of
 * a cache. */
enum { SKEW = 16 };

/* Floats at the 36 points that are done together: tiles, weights, and tiles where weights come a
 * panel at a time. Few enough to stay near, enough to make good matrix products. */
enum { MIB = (1 << 20) / sizeof(float) };
enum { BLOCK = 4 * MIB, PANEL = 6 * MIB, WHOLE = 24 * MIB, BLOCK_TILES_MIN = 128 };

struct Winograd {
    WinogradPass pass;
    WinogradTiling tiling;
    int64_t count, block;                    /* tiles: all, done together */
    int64_t panel;                           /* outputs that are done together */
    int64_t in_step, out_step, weights_step; /* from point to point, in elements */
    float *weights;                          /* NULL where they change; else [POINTS, in, out] */
};

static int64_t tile_count(const DnnConv *c)
{
    return c->batch * ((c->out_size[0] + TILE - 1) / TILE) * ((c->out_size[1] + TILE - 1) / TILE);
}

/* Counted in multiplications per weight, the sum has 9 at every place and Winograd's has 36 at
 * every tile. Weights that are known cost the reading of four times their memory. The others are
 * transformed, which takes as long as that many multiplications (measured beside oneDNN, which is
 * slow along weights and fast along data); and below WORK_MIN in all, starting is what takes the
 * time. */
bool winograd_suits(const DnnConv *c, WinogradPass pass)
{
    static const int64_t transform[] = {
        [WINOGRAD_FORWARD] = 700, [WINOGRAD_TRANSPOSED] = 1800, [WINOGRAD_SLOPE] = 300};
    bool shape = c->kernel[0] == 3 && c->kernel[1] == 3 && c->stride[0] == 1 && c->stride[1] == 1 &&
                 c->dilation[0] == 1 && c->dilation[1] == 1 && c->groups == 1;
    int64_t in = c->in_channels, out = c->out_channels, tiles = tile_count(c);
    int64_t least = pass == WINOGRAD_SLOPE ? SLOPE_CHANNELS_MIN : CHANNELS_MIN;
    if (!shape || c->dtype != DTYPE_F32 || in < least || out < least) return false;
    if (c->weights) return tiles >= TILES_MIN;
    int64_t direct = AREA * c->batch * c->out_size[0] * c->out_size[1];
    return direct > POINTS * tiles + transform[pass] && direct * in * out >= WORK_MIN;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    return lesser(value < least ? least : value, most);
}

/* ---- weights -------------------------------------------------------------------------------- */

/* A panel's filters, [in, out of the panel]; by all threads of the team. */
static void transform_weights(const Winograd *w, const float *weights, WinogradPanel panel,
                              float *u)
{
    int64_t in = w->tiling.conv.in_channels, out = w->tiling.conv.out_channels;
    bool turned = w->pass == WINOGRAD_TRANSPOSED;
    int64_t in_step = turned ? out * AREA : AREA, out_step = turned ? AREA : in * AREA;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < in; i++)
        winograd_filters(weights + i * in_step + panel.first * out_step, out_step, panel.count,
                         turned, u + i * panel.count, w->weights_step);
}

/* All filters, of any float type. */
static void keep_weights(Winograd *w, const Tensor *given)
{
    int64_t count = AREA * w->tiling.conv.in_channels * w->tiling.conv.out_channels;
    bool as_is = given->dtype == DTYPE_F32 && (uintptr_t)given->data % sizeof(float) == 0;
    float *copy = as_is ? NULL : big_alloc(count * (int64_t)sizeof *copy);
    w->weights = big_alloc(POINTS * w->weights_step * (int64_t)sizeof *w->weights);
    MEL_ASSERT(w->weights && (copy || as_is));
    if (copy) mel_convert(given->data, given->dtype, copy, DTYPE_F32, count);
#pragma omp parallel
    transform_weights(w, copy ? copy : given->data, (WinogradPanel){0, w->panel}, w->weights);
    free(copy);
}

/* ---- making --------------------------------------------------------------------------------- */

/* The direct convolution that a transposed one is. */
static DnnConv as_direct(const DnnConv *conv, WinogradPass pass)
{
    DnnConv direct = *conv;
    for (int i = 0; i < 2 && pass == WINOGRAD_TRANSPOSED; i++)
        direct.pad_before[i] = 2 - conv->pad_before[i];
    direct.weights = NULL;
    return direct;
}

/* Large weights are transformed a panel at a time, which is used while it is near. Then all tiles
 * wait for it at the 36 points where they have room; where not, panels are large, since every one
 * transforms all tiles again. */
static void choose_sizes(Winograd *w, bool known)
{
    int64_t in = w->tiling.conv.in_channels, out = w->tiling.conv.out_channels;
    bool small = POINTS * in * out <= PANEL, whole = !small && POINTS * in * w->count <= WHOLE;
    w->panel = out;
    if (!known && !small)
        w->panel = within((whole ? PANEL : WHOLE) / (POINTS * in) / LANES * LANES, LANES, out);
    w->block = w->count;
    if (!whole) w->block = within(BLOCK / (POINTS * (in + w->panel)), BLOCK_TILES_MIN, w->count);
}

Winograd *winograd_new(const DnnConv *conv, WinogradPass pass)
{
    Winograd *w = mel_alloc(sizeof *w);
    *w = (Winograd){.pass = pass, .tiling = {.conv = as_direct(conv, pass)}};
    int64_t in = conv->in_channels;
    for (int i = 0; i < 2; i++)
        w->tiling.tiles[i] = (conv->out_size[i] + TILE - 1) / TILE;
    w->count = tile_count(conv);
    choose_sizes(w, conv->weights != NULL);
    w->in_step = w->block * in + SKEW;
    w->out_step = w->block * w->panel + SKEW;
    w->weights_step = in * w->panel + SKEW;
    if (conv->weights) keep_weights(w, conv->weights);
    return w;
}

void winograd_free(void *winograd)
{
    Winograd *w = winograd;
    if (!w) return;
    free(w->weights);
    free(w);
}

int64_t winograd_scratch_bytes(const Winograd *w)
{
    return POINTS * (w->in_step + w->out_step + (w->weights ? 0 : w->weights_step)) *
           (int64_t)sizeof(float);
}

/* ---- running -------------------------------------------------------------------------------- */

/* What all threads of a team work on: tiles at the 36 points, and weights there. Where a loop ends
 * without waiting for the others, what it reads is not written before the next loop's end. */
typedef struct Work {
    const float *x, *weights, *bias;
    float *out;
    float *at_in, *at_out, *at_weights;
} Work;

static void bring_tiles(const Winograd *w, const Work *work, int64_t first, int64_t n)
{
#pragma omp for schedule(static)
    for (int64_t t = 0; t < n; t++)
        winograd_input_tile(&w->tiling, work->x, first + t,
                            work->at_in + t * w->tiling.conv.in_channels, w->in_step);
}

/* The products and, of n tiles from `first` on, the outputs in a panel. */
static void run_block(const Winograd *w, const Work *work, WinogradPanel panel, int64_t first,
                      int64_t n)
{
    int64_t in = w->tiling.conv.in_channels;
    const DnnProduct product = {.m = n,
                                .n = panel.count,
                                .k = in,
                                .a_step = in,
                                .b_step = panel.count,
                                .c_step = panel.count,
                                .alpha = 1};
#pragma omp for schedule(dynamic)
    for (int p = 0; p < POINTS; p++)
        dnn_multiply(&product, work->at_in + p * w->in_step, work->at_weights + p * w->weights_step,
                     work->at_out + p * w->out_step);
#pragma omp for schedule(static) nowait
    for (int64_t t = 0; t < n; t++)
        winograd_output_tile(&w->tiling, work->at_out + t * panel.count, w->out_step, first + t,
                             panel, work->bias, work->out);
}

/* Adds n tiles' share to the slope of a panel's weights at the 36 points. With
 * y = Aᵀ((G·w·Gᵀ)∘(Bᵀ·d·B))A and loss's slope s along y, the slope along w is
 * Gᵀ((A·s·Aᵀ)∘(Bᵀ·d·B))G, since every step is linear. */
static void add_block(const Winograd *w, const Work *work, WinogradPanel panel, int64_t first,
                      int64_t n)
{
    int64_t in = w->tiling.conv.in_channels;
    const DnnProduct product = {.m = panel.count,
                                .n = in,
                                .k = n,
                                .a_step = panel.count,
                                .b_step = in,
                                .c_step = in,
                                .transpose_a = true,
                                .alpha = 1,
                                .beta = first ? 1 : 0};
#pragma omp for schedule(static)
    for (int64_t t = 0; t < n; t++)
        winograd_slope_tile(&w->tiling, work->weights, first + t, panel,
                            work->at_out + t * panel.count, w->out_step);
#pragma omp for schedule(dynamic)
    for (int p = 0; p < POINTS; p++)
        dnn_multiply(&product, work->at_out + p * w->out_step, work->at_in + p * w->in_step,
                     work->at_weights + p * w->weights_step);
}

static void take_slope(const Winograd *w, const Work *work, WinogradPanel panel)
{
    int64_t in = w->tiling.conv.in_channels;
#pragma omp for schedule(static) nowait
    for (int64_t row = 0; row < panel.count; row++)
        winograd_filters_slope(work->at_weights + row * in, w->weights_step, in,
                               work->out + (panel.first + row) * in * AREA);
}

static void run_panel(const Winograd *w, const Work *work, WinogradPanel panel)
{
    bool slope = w->pass == WINOGRAD_SLOPE, one_block = w->block >= w->count;
    if (!slope && !w->weights) transform_weights(w, work->weights, panel, work->at_weights);
    for (int64_t at = 0; at < w->count; at += w->block) {
        int64_t n = lesser(w->count - at, w->block);
        if (!one_block || panel.first == 0) bring_tiles(w, work, at, n);
        if (slope)
            add_block(w, work, panel, at, n);
        else
            run_block(w, work, panel, at, n);
    }
    if (slope) take_slope(w, work, panel);
}

void winograd_run(const Winograd *w, const float *x, const float *weights, const float *bias,
                  float *out, void *scratch)
{
    int64_t outputs = w->tiling.conv.out_channels;
    float *at_in = scratch, *at_out = at_in + POINTS * w->in_step;
    const Work work = {.x = x,
                       .weights = weights,
                       .bias = bias,
                       .out = out,
                       .at_in = at_in,
                       .at_out = at_out,
                       .at_weights = w->weights ? w->weights : at_out + POINTS * w->out_step};
#pragma omp parallel
    for (int64_t first = 0; first < outputs; first += w->panel)
        run_panel(w, &work, (WinogradPanel){first, lesser(outputs - first, w->panel)});
}
