/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/winograd_tiles.h"

#include "engine/ops/simd.h"

enum { TILE = WINOGRAD_TILE, EDGE = WINOGRAD_EDGE, POINTS = WINOGRAD_POINTS };
enum { LANES = WINOGRAD_LANES };

/* ---- six numbers, LANES channels at once ---------------------------------------------------- */

#define IN(k) in[(k)*in_step + c]
#define OUT(k) out[(k)*out_step + c]

/* Bᵀ. */
static inline void input_step(const float *restrict in, int64_t in_step, float *restrict out,
                              int64_t out_step)
{
    for (int c = 0; c < LANES; c++) {
        float a = IN(4) - 4 * IN(2), b = IN(3) - 4 * IN(1);
        float d = IN(4) - IN(2), e = 2 * (IN(3) - IN(1));
        OUT(0) = 4 * IN(0) - 5 * IN(2) + IN(4);
        OUT(1) = a + b;
        OUT(2) = a - b;
        OUT(3) = d + e;
        OUT(4) = d - e;
        OUT(5) = 4 * IN(1) - 5 * IN(3) + IN(5);
    }
}

/* Aᵀ: six to four. */
static inline void output_step(const float *restrict in, int64_t in_step, float *restrict out,
                               int64_t out_step)
{
    for (int c = 0; c < LANES; c++) {
        float s = IN(1) + IN(2), d = IN(1) - IN(2), t = IN(3) + IN(4), e = IN(3) - IN(4);
        OUT(0) = IN(0) + s + t;
        OUT(1) = d + 2 * e;
        OUT(2) = s + 4 * t;
        OUT(3) = d + 8 * e + IN(5);
    }
}

/* A: four to six. */
static inline void slope_step(const float *restrict in, int64_t in_step, float *restrict out,
                              int64_t out_step)
{
    for (int c = 0; c < LANES; c++) {
        float even = IN(0) + IN(2), odd = IN(1) + IN(3);
        float far = IN(0) + 4 * IN(2), further = 2 * IN(1) + 8 * IN(3);
        OUT(0) = IN(0);
        OUT(1) = even + odd;
        OUT(2) = even - odd;
        OUT(3) = far + further;
        OUT(4) = far - further;
        OUT(5) = IN(3);
    }
}

#undef IN
#undef OUT

/* ---- a square of a picture ------------------------------------------------------------------ */

/* The edge x edge places from `row`, `column` on, which may lie outside. */
typedef struct Square {
    const float *picture; /* [height, width, channels] */
    int64_t height, width, channels, row, column;
    int edge;
} Square;

static inline bool lies_inside(const Square *s)
{
    return s->row >= 0 && s->column >= 0 && s->row + s->edge <= s->height &&
           s->column + s->edge <= s->width;
}

/* In elements from the picture's start. */
static inline int64_t offset(const Square *s, int64_t row, int64_t column)
{
    return ((s->row + row) * s->width + s->column + column) * s->channels;
}

static inline const float *place(const Square *s, int64_t row, int64_t column)
{
    return s->picture + offset(s, row, column);
}

/* LANES channels of a square, zeros beside the picture and beyond `lanes`. */
static inline void gather(const Square *s, int64_t channel, int64_t lanes, float *d)
{
    for (int i = 0; i < s->edge; i++)
        for (int j = 0; j < s->edge; j++, d += LANES) {
            bool inside = s->row + i >= 0 && s->row + i < s->height && s->column + j >= 0 &&
                          s->column + j < s->width;
            if (inside && lanes == LANES)
                memcpy(d, place(s, i, j) + channel, LANES * sizeof *d);
            else
                for (int k = 0; k < LANES; k++)
                    d[k] = inside && k < lanes ? place(s, i, j)[channel + k] : 0;
        }
}

static inline int64_t lanes_from(int64_t channel, int64_t channels)
{
    return channels - channel < LANES ? channels - channel : LANES;
}

static inline void put(const float *from, int64_t lanes, float *to, int64_t step)
{
    for (int p = 0; p < POINTS; p++)
        for (int64_t k = 0; k < lanes; k++)
            to[p * step + k] = from[p * LANES + k];
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* Where a tile's first output lies. */
typedef struct TilePlace {
    int64_t batch, row, column;
} TilePlace;

static TilePlace place_of(const WinogradTiling *tiling, int64_t tile)
{
    int64_t per = tiling->tiles[0] * tiling->tiles[1], in = tile % per;
    return (TilePlace){.batch = tile / per,
                       .row = in / tiling->tiles[1] * TILE,
                       .column = in % tiling->tiles[1] * TILE};
}

static Square input_square(const WinogradTiling *tiling, const float *x, int64_t tile)
{
    const DnnConv *c = &tiling->conv;
    TilePlace at = place_of(tiling, tile);
    return (Square){.picture = x + at.batch * c->in_size[0] * c->in_size[1] * c->in_channels,
                    .height = c->in_size[0],
                    .width = c->in_size[1],
                    .channels = c->in_channels,
                    .row = at.row - c->pad_before[0],
                    .column = at.column - c->pad_before[1],
                    .edge = EDGE};
}

static Square output_square(const WinogradTiling *tiling, const float *y, int64_t tile)
{
    const DnnConv *c = &tiling->conv;
    TilePlace at = place_of(tiling, tile);
    return (Square){.picture = y + at.batch * c->out_size[0] * c->out_size[1] * c->out_channels,
                    .height = c->out_size[0],
                    .width = c->out_size[1],
                    .channels = c->out_channels,
                    .row = at.row,
                    .column = at.column,
                    .edge = TILE};
}

/* One step of a transform: so many numbers to six. */
typedef void (*ToSix)(const float *restrict in, int64_t in_step, float *restrict out,
                      int64_t out_step);

/* A panel's channels of a square [edge, edge]: its columns to six each, then the rows of those to
 * the 36 points, at out[point * step + channel of the panel]. `edge` and `six` are constants where
 * this is called. */
static inline __attribute__((always_inline)) void
to_points(const Square *s, WinogradPanel panel, int edge, ToSix six, float *out, int64_t step)
{
    bool inside = lies_inside(s);
    float d[POINTS * LANES], t[POINTS * LANES];
    for (int64_t at = 0; at < panel.count; at += LANES) {
        int64_t lanes = lanes_from(at, panel.count), channel = panel.first + at;
        if (inside && lanes == LANES) {
            for (int j = 0; j < edge; j++)
                six(place(s, 0, j) + channel, s->width * s->channels, t + j * LANES, edge * LANES);
        } else {
            gather(s, channel, lanes, d);
            for (int j = 0; j < edge; j++)
                six(d + j * LANES, edge * LANES, t + j * LANES, edge * LANES);
        }
        if (lanes == LANES) {
            for (int i = 0; i < EDGE; i++)
                six(t + i * edge * LANES, LANES, out + i * EDGE * step + at, step);
        } else {
            for (int i = 0; i < EDGE; i++)
                six(t + i * edge * LANES, LANES, d + i * EDGE * LANES, LANES);
            put(d, lanes, out + at, step);
        }
    }
}

MEL_CLONES void winograd_input_tile(const WinogradTiling *tiling, const float *x, int64_t tile,
                                    float *v, int64_t step)
{
    Square s = input_square(tiling, x, tile);
    to_points(&s, (WinogradPanel){0, s.channels}, EDGE, input_step, v, step);
}

MEL_CLONES void winograd_slope_tile(const WinogradTiling *tiling, const float *dy, int64_t tile,
                                    WinogradPanel panel, float *y, int64_t step)
{
    Square s = output_square(tiling, dy, tile);
    to_points(&s, panel, TILE, slope_step, y, step);
}

/* What of y [4, 4, LANES] lies in the picture. */
static inline void scatter(const Square *s, const float *y, int64_t channel, int64_t lanes,
                           const float *bias, float *picture)
{
    for (int i = 0; i < TILE && s->row + i < s->height; i++)
        for (int j = 0; j < TILE && s->column + j < s->width; j++) {
            float *to = picture + offset(s, i, j) + channel;
            const float *from = y + (i * TILE + j) * LANES;
            if (lanes == LANES)
                for (int k = 0; k < LANES; k++)
                    to[k] = from[k] + bias[k];
            else
                for (int64_t k = 0; k < lanes; k++)
                    to[k] = from[k] + bias[k];
        }
}

MEL_CLONES void winograd_output_tile(const WinogradTiling *tiling, const float *m, int64_t step,
                                     int64_t tile, WinogradPanel panel, const float *bias,
                                     float *out)
{
    Square s = output_square(tiling, out, tile);
    float *picture = out + (s.picture - out); /* the same, to write */
    float d[POINTS * LANES], t[TILE * EDGE * LANES], y[TILE * TILE * LANES], add[LANES] = {0};
    for (int64_t at = 0; at < panel.count; at += LANES) {
        int64_t lanes = lanes_from(at, panel.count), channel = panel.first + at;
        if (lanes == LANES) {
            for (int j = 0; j < EDGE; j++)
                output_step(m + j * step + at, EDGE * step, t + j * LANES, EDGE * LANES);
        } else {
            for (int p = 0; p < POINTS; p++)
                for (int k = 0; k < LANES; k++)
                    d[p * LANES + k] = k < lanes ? m[p * step + at + k] : 0;
            for (int j = 0; j < EDGE; j++)
                output_step(d + j * LANES, EDGE * LANES, t + j * LANES, EDGE * LANES);
        }
        for (int i = 0; i < TILE; i++)
            output_step(t + i * EDGE * LANES, LANES, y + i * TILE * LANES, LANES);
        for (int64_t k = 0; bias && k < lanes; k++)
            add[k] = bias[channel + k];
        scatter(&s, y, channel, lanes, add, picture);
    }
}
