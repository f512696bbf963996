/* SPDX-License-Identifier: Apache-2.0
 *
 * Pillow resizes in two passes, across, then down, each with rounding to bytes between. The weights
 * of an output pixel are the bicubic kernel, widened by the ratio where the picture shrinks,
 * normalised in double and then rounded to whole numbers of 2^-22. Its results are only met by the
 * same order of the same roundings, so that nothing here is free. */
#include "engine/front/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHT_BITS = 22 };
static const size_t limit_bytes = (size_t)1 << 30;

const PictureScale mel_picture_clip = {
    .mean = {0.48145466F, 0.4578275F,  0.40821073F},
    .deviation = {0.26862954F, 0.26130258F, 0.27577711F},
};
const PictureScale mel_picture_signed = {
    .mean = {0.5F, 0.5F, 0.5F},
    .deviation = {0.5F, 0.5F, 0.5F},
};

/* Which pixels make each output pixel: `first`, `count`, and weights from i·stride on. */
typedef struct Taps {
    int stride;
    int *first, *count;
    int32_t *weights;
} Taps;

static void taps_clear(Taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weights);
    *taps = (Taps){0};
}

/* Keys' cubic with a = -½. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static void set_taps(Taps *taps, int i, double scale, int from, double *work)
{
    double wide = scale > 1 ? scale : 1, support = 2 * wide, narrow = 1 / wide;
    double centre = (i + 0.5) * scale, sum = 0;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (end > from) end = from;
    for (int k = 0; k < end - first; k++) {
        work[k] = bicubic((k + first - centre + 0.5) * narrow);
        sum += work[k];
    }
    for (int k = 0; k < end - first; k++) {
        double weight = (sum != 0 ? work[k] / sum : work[k]) * (1 << WEIGHT_BITS);
        taps->weights[(size_t)i * (size_t)taps->stride + (size_t)k] =
            (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps->first[i] = first;
    taps->count[i] = end - first;
}

static bool taps_new(int from, int to, Taps *out, Err *err)
{
    double scale = (double)from / to, support = 2 * (scale > 1 ? scale : 1);
    if (support > 1 << 28) return mel_err(err, ERR_LIMIT, "a side of %d pixels to %d", from, to);
    Taps taps = {.stride = (int)ceil(support) * 2 + 1};
    double *work = NULL;
    bool ok = false;
    size_t count = (size_t)to, stride = (size_t)taps.stride;
    taps.first = mel_try_alloc(count, sizeof(int), limit_bytes, "a resized picture", err);
    taps.count = mel_try_alloc(count, sizeof(int), limit_bytes, "a resized picture", err);
    taps.weights =
        mel_try_alloc(count * stride, sizeof(int32_t), limit_bytes, "a resized picture", err);
    work = mel_try_alloc(stride, sizeof *work, limit_bytes, "a resized picture", err);
    if (!taps.first || !taps.count || !taps.weights || !work) goto out;
    for (int i = 0; i < to; i++)
        set_taps(&taps, i, scale, from, work);
    *out = taps;
    taps = (Taps){0};
    ok = true;
out:
    free(work);
    taps_clear(&taps);
    return ok;
}

/* A sum of weighted bytes as a byte. */
static uint8_t to_byte(int32_t sum)
{
    sum >>= WEIGHT_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static const int32_t half = 1 << (WEIGHT_BITS - 1);

static void resize_across(const Taps *taps, const uint8_t *in, uint8_t *out, int to)
{
    for (int i = 0; i < to; i++) {
        const int32_t *weights = taps->weights + (size_t)i * (size_t)taps->stride;
        const uint8_t *from = in + (size_t)taps->first[i] * 3;
        int32_t r = half, g = half, b = half;
        for (int k = 0; k < taps->count[i]; k++, from += 3) {
            r += from[0] * weights[k];
            g += from[1] * weights[k];
            b += from[2] * weights[k];
        }
        out[3 * i] = to_byte(r);
        out[3 * i + 1] = to_byte(g);
        out[3 * i + 2] = to_byte(b);
    }
}

/* One output row; `row` bytes each. */
static void resize_down(const Taps *taps, const uint8_t *in, uint8_t *out, int i, size_t row)
{
    enum { PIECE = 1024 };
    const int32_t *weights = taps->weights + (size_t)i * (size_t)taps->stride;
    const uint8_t *first = in + (size_t)taps->first[i] * row;
    int32_t sums[PIECE];
    for (size_t at = 0; at < row; at += PIECE) {
        size_t n = row - at < PIECE ? row - at : PIECE;
        for (size_t c = 0; c < n; c++)
            sums[c] = half;
        for (int k = 0; k < taps->count[i]; k++)
            for (size_t c = 0; c < n; c++)
                sums[c] += first[(size_t)k * row + at + c] * weights[k];
        for (size_t c = 0; c < n; c++)
            out[at + c] = to_byte(sums[c]);
    }
}

bool mel_resize_bicubic(const uint8_t *rgb, PictureSize from, uint8_t *out, PictureSize to,
                        Err *err)
{
    Taps across = {0}, down = {0};
    uint8_t *between = NULL;
    bool ok = false;
    if (from.width < 1 || from.height < 1 || to.width < 1 || to.height < 1)
        return mel_err(err, ERR_USAGE, "a picture of %dx%d cannot become %dx%d", from.width,
                       from.height, to.width, to.height);
    size_t row = (size_t)to.width * 3;
    const uint8_t *narrowed = rgb;
    if (from.width != to.width) {
        if (!taps_new(from.width, to.width, &across, err)) goto out;
        between = mel_try_alloc((size_t)from.height, row, limit_bytes, "a resized picture", err);
        if (!between) goto out;
#pragma omp parallel for schedule(static)
        for (int y = 0; y < from.height; y++)
            resize_across(&across, rgb + (size_t)y * (size_t)from.width * 3,
                          between + (size_t)y * row, to.width);
        narrowed = between;
    }
    if (from.height == to.height) {
        memcpy(out, narrowed, row * (size_t)to.height);
    } else {
        if (!taps_new(from.height, to.height, &down, err)) goto out;
#pragma omp parallel for schedule(static)
        for (int y = 0; y < to.height; y++)
            resize_down(&down, narrowed, out + (size_t)y * row, y, row);
    }
    ok = true;
out:
    taps_clear(&across);
    taps_clear(&down);
    free(between);
    return ok;
}

static int in_proportion(int longer, int shorter, int side)
{
    return (int)((int64_t)side * longer / shorter);
}

bool mel_resize_square(const uint8_t *rgb, PictureSize from, uint8_t *out, int side, Err *err)
{
    if (from.width < 1 || from.height < 1 || side < 1)
        return mel_err(err, ERR_USAGE, "a picture of %dx%d cannot become a square of %d",
                       from.width, from.height, side);
    bool wide = from.width > from.height;
    int shorter = wide ? from.height : from.width, longer = wide ? from.width : from.height;
    if ((int64_t)side * longer / shorter > 1 << 24)
        return mel_err(err, ERR_LIMIT, "a picture of %dx%d is too thin", from.width, from.height);
    PictureSize to = {.width = wide ? in_proportion(longer, shorter, side) : side,
                      .height = wide ? side : in_proportion(longer, shorter, side)};
    size_t bytes = (size_t)to.width * 3, left = (size_t)(to.width - side) / 2;
    size_t top = (size_t)(to.height - side) / 2;
    uint8_t *whole = mel_try_alloc((size_t)to.height, bytes, limit_bytes, "a resized picture", err);
    bool ok = whole && mel_resize_bicubic(rgb, from, whole, to, err);
    for (int y = 0; ok && y < side; y++)
        memcpy(out + (size_t)y * (size_t)side * 3, whole + (top + (size_t)y) * bytes + left * 3,
               (size_t)side * 3);
    free(whole);
    return ok;
}

void mel_picture_floats(const uint8_t *rgb, int64_t pixels, const PictureScale *scale, float *out)
{
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            out[3 * i + c] =
                ((float)rgb[3 * i + c] / 255.0F - scale->mean[c]) / scale->deviation[c];
}
