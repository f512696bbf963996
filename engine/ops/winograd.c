/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/winograd.h"

#include "engine/big_alloc.h"
#include "engine/ops/simd.h"

#include <stdlib.h>

enum { TILE = 4, EDGE = 6, POINTS = EDGE * EDGE, AREA = 9, INPUTS = 8 };
enum { CHANNELS_MIN = 32, TILES_MIN = 64, LANES = 16 };

/* Tiles that are done together: enough to make good matrix products, few enough to stay near. */
static const int64_t block_floats = (32 << 20) / sizeof(float);

struct Winograd {
    DnnConv conv;
    int64_t tiles[2]; /* down, across */
    int64_t block;    /* tiles */
    float *weights;   /* [POINTS, in, out] */
};

static int64_t tile_count(const DnnConv *c)
{
    return c->batch * ((c->out_size[0] + TILE - 1) / TILE) * ((c->out_size[1] + TILE - 1) / TILE);
}

bool winograd_suits(const DnnConv *c)
{
    bool shape = c->kernel[0] == 3 && c->kernel[1] == 3 && c->stride[0] == 1 && c->stride[1] == 1 &&
                 c->dilation[0] == 1 && c->dilation[1] == 1 && c->groups == 1;
    return shape && c->dtype == DTYPE_F32 && c->weights && c->in_channels >= CHANNELS_MIN &&
           c->out_channels >= CHANNELS_MIN && tile_count(c) >= TILES_MIN;
}

/* ---- weights -------------------------------------------------------------------------------- */

/* G·w·Gᵀ of one filter, in double. */
static void transform_filter(const float *w, double u[POINTS])
{
    static const double g[EDGE][3] = {
        {1.0 / 4,  0,         0       },
        {-1.0 / 6, -1.0 / 6,  -1.0 / 6},
        {-1.0 / 6, 1.0 / 6,   -1.0 / 6},
        {1.0 / 24, 1.0 / 12,  1.0 / 6 },
        {1.0 / 24, -1.0 / 12, 1.0 / 6 },
        {0,        0,         1       },
    };
    double rows[EDGE][3];
    for (int i = 0; i < EDGE; i++)
        for (int j = 0; j < 3; j++)
            rows[i][j] = g[i][0] * w[j] + g[i][1] * w[3 + j] + g[i][2] * w[6 + j];
    for (int i = 0; i < EDGE; i++)
        for (int j = 0; j < EDGE; j++)
            u[i * EDGE + j] = rows[i][0] * g[j][0] + rows[i][1] * g[j][1] + rows[i][2] * g[j][2];
}

/* All filters of some inputs: few enough for what is written to stay in the cache. */
static void transform_inputs(Winograd *w, const Tensor *given, int64_t first, int64_t n)
{
    int64_t in = w->conv.in_channels, out = w->conv.out_channels;
    size_t size = mel_dtype_size(given->dtype);
    float filters[INPUTS * AREA];
    for (int64_t o = 0; o < out; o++) {
        const char *at = (const char *)given->data + (size_t)((o * in + first) * AREA) * size;
        mel_convert(at, given->dtype, filters, DTYPE_F32, n * AREA);
        for (int64_t i = 0; i < n; i++) {
            double u[POINTS];
            transform_filter(filters + i * AREA, u);
            for (int p = 0; p < POINTS; p++)
                w->weights[(p * in + first + i) * out + o] = (float)u[p];
        }
    }
}

Winograd *winograd_new(const DnnConv *conv)
{
    Winograd *w = mel_alloc(sizeof *w);
    w->conv = *conv;
    w->conv.weights = NULL;
    int64_t in = conv->in_channels, out = conv->out_channels;
    for (int i = 0; i < 2; i++)
        w->tiles[i] = (conv->out_size[i] + TILE - 1) / TILE;
    w->block = block_floats / (POINTS * (in + out));
    w->block = w->block < TILES_MIN ? TILES_MIN : w->block;
    if (w->block > tile_count(conv)) w->block = tile_count(conv);
    w->weights = big_alloc(POINTS * in * out * (int64_t)sizeof *w->weights);
    MEL_ASSERT(w->weights);
#pragma omp parallel for schedule(dynamic)
    for (int64_t first = 0; first < in; first += INPUTS)
        transform_inputs(w, conv->weights, first, in - first < INPUTS ? in - first : INPUTS);
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
    return POINTS * w->block * (w->conv.in_channels + w->conv.out_channels) *
           (int64_t)sizeof(float);
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* Where a tile's first output lies. */
typedef struct TilePlace {
    int64_t batch, row, column;
} TilePlace;

static TilePlace place_of(const Winograd *w, int64_t tile)
{
    int64_t per = w->tiles[0] * w->tiles[1], in = tile % per;
    return (TilePlace){
        .batch = tile / per, .row = in / w->tiles[1] * TILE, .column = in % w->tiles[1] * TILE};
}

/* Six numbers by Bᵀ, `step` apart, LANES channels at once. */
static inline void input_step(const float *in, float *out, int step)
{
#define IN(k) in[(k)*step + c]
    for (int c = 0; c < LANES; c++) {
        float a = IN(4) - 4 * IN(2), b = IN(3) - 4 * IN(1);
        float d = IN(4) - IN(2), e = 2 * (IN(3) - IN(1));
        out[0 * step + c] = 4 * IN(0) - 5 * IN(2) + IN(4);
        out[1 * step + c] = a + b;
        out[2 * step + c] = a - b;
        out[3 * step + c] = d + e;
        out[4 * step + c] = d - e;
        out[5 * step + c] = 4 * IN(1) - 5 * IN(3) + IN(5);
    }
#undef IN
}

/* Six numbers to four by Aᵀ. */
static inline void output_step(const float *in, int in_step, float *out, int out_step)
{
#define IN(k) in[(k)*in_step + c]
    for (int c = 0; c < LANES; c++) {
        float s = IN(1) + IN(2), d = IN(1) - IN(2), t = IN(3) + IN(4), e = IN(3) - IN(4);
        out[0 * out_step + c] = IN(0) + s + t;
        out[1 * out_step + c] = d + 2 * e;
        out[2 * out_step + c] = s + 4 * t;
        out[3 * out_step + c] = d + 8 * e + IN(5);
    }
#undef IN
}

/* A tile's 6x6 inputs, LANES channels from `channel` on, zeros outside of the picture. */
static inline void gather(const Winograd *w, const float *x, TilePlace at, int64_t channel,
                          int64_t lanes, float d[POINTS * LANES])
{
    const DnnConv *c = &w->conv;
    for (int i = 0; i < EDGE; i++)
        for (int j = 0; j < EDGE; j++) {
            int64_t row = at.row + i - c->pad_before[0], column = at.column + j - c->pad_before[1];
            float *to = d + (i * EDGE + j) * LANES;
            bool inside = row >= 0 && row < c->in_size[0] && column >= 0 && column < c->in_size[1];
            const float *from =
                x + ((at.batch * c->in_size[0] + row) * c->in_size[1] + column) * c->in_channels +
                channel;
            for (int k = 0; k < LANES; k++)
                to[k] = inside && k < lanes ? from[k] : 0;
        }
}

MEL_CLONES static void input_tile(const Winograd *w, const float *x, int64_t tile, float *v,
                                  int64_t point_step)
{
    TilePlace at = place_of(w, tile);
    float d[POINTS * LANES], t[POINTS * LANES];
    for (int64_t channel = 0; channel < w->conv.in_channels; channel += LANES) {
        int64_t lanes =
            w->conv.in_channels - channel < LANES ? w->conv.in_channels - channel : LANES;
        gather(w, x, at, channel, lanes, d);
        for (int j = 0; j < EDGE; j++)
            input_step(d + j * LANES, t + j * LANES, EDGE * LANES);
        for (int i = 0; i < EDGE; i++)
            input_step(t + i * EDGE * LANES, d + i * EDGE * LANES, LANES);
        for (int p = 0; p < POINTS; p++)
            for (int64_t k = 0; k < lanes; k++)
                v[p * point_step + channel + k] = d[p * LANES + k];
    }
}

MEL_CLONES static void output_tile(const Winograd *w, const float *m, int64_t point_step,
                                   int64_t tile, const float *bias, float *out)
{
    const DnnConv *c = &w->conv;
    TilePlace at = place_of(w, tile);
    float d[POINTS * LANES], t[TILE * EDGE * LANES], y[TILE * TILE * LANES];
    for (int64_t channel = 0; channel < c->out_channels; channel += LANES) {
        int64_t lanes = c->out_channels - channel < LANES ? c->out_channels - channel : LANES;
        for (int p = 0; p < POINTS; p++)
            for (int k = 0; k < LANES; k++)
                d[p * LANES + k] = k < lanes ? m[p * point_step + channel + k] : 0;
        for (int j = 0; j < EDGE; j++)
            output_step(d + j * LANES, EDGE * LANES, t + j * LANES, EDGE * LANES);
        for (int i = 0; i < TILE; i++)
            output_step(t + i * EDGE * LANES, LANES, y + i * TILE * LANES, LANES);
        for (int i = 0; i < TILE && at.row + i < c->out_size[0]; i++)
            for (int j = 0; j < TILE && at.column + j < c->out_size[1]; j++) {
                int64_t place =
                    (at.batch * c->out_size[0] + at.row + i) * c->out_size[1] + at.column + j;
                float *to = out + place * c->out_channels + channel;
                for (int64_t k = 0; k < lanes; k++)
                    to[k] = y[(i * TILE + j) * LANES + k] + (bias ? bias[channel + k] : 0);
            }
    }
}

/* ---- running -------------------------------------------------------------------------------- */

static void run_block(const Winograd *w, const float *x, const float *bias, float *out,
                      int64_t first, int64_t n, float *v, float *m)
{
    int64_t in = w->conv.in_channels, width = w->conv.out_channels;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t t = 0; t < n; t++)
            input_tile(w, x, first + t, v + t * in, n * in);
#pragma omp for schedule(static)
        for (int p = 0; p < POINTS; p++)
            dnn_multiply(&(DnnProduct){.m = n,
                                       .n = width,
                                       .k = in,
                                       .a_step = in,
                                       .b_step = width,
                                       .c_step = width,
                                       .alpha = 1},
                         v + p * n * in, w->weights + p * in * width, m + p * n * width);
#pragma omp for schedule(static)
        for (int64_t t = 0; t < n; t++)
            output_tile(w, m + t * width, n * width, first + t, bias, out);
    }
}

void winograd_run(const Winograd *w, const float *x, const float *bias, float *out, void *scratch)
{
    int64_t tiles = tile_count(&w->conv);
    float *v = scratch, *m = v + POINTS * w->block * w->conv.in_channels;
    for (int64_t at = 0; at < tiles; at += w->block)
        run_block(w, x, bias, out, at, tiles - at < w->block ? tiles - at : w->block, v, m);
}
