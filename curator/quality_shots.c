/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether two successive pictures with a large step between them still belong to one shot. Three
 * things make large steps without a cut: a fade, a dissolve or a change of light, which leave the
 * pattern of light and dark as it was; and a moving camera, which shifts it. */
#include "curator/measures_internal.h"

#include "base/base.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Successive pictures of a dissolve over 4 frames or more correlate at least so. */
static const double SAME_PATTERN = 0.93;

/* Luma deviation under which a picture has no pattern; a fade from or to black steps less. */
static const double FLAT = 3, FLAT_CHANGE = 18;

/* A camera moves by at most this share of the picture a frame; where that explains all but this
 * share of the step, it is no cut. Looked for in steps of a GRIDth of the width, on every other
 * pixel of such a grid. */
static const double SHIFT_MAX = 1.0 / 12, LEFT_OVER = 0.5;
enum { GRID = 160 };

typedef struct Likeness {
    double deviation_a, deviation_b, correlation;
} Likeness;

static Likeness compare(const PicturePair *pair)
{
    uint64_t a_sum = 0, b_sum = 0, aa = 0, bb = 0, ab = 0;
    for (int y = 0; y < pair->height; y++) {
        const uint8_t *a = pair->a + y * pair->a_stride, *b = pair->b + y * pair->b_stride;
        for (int x = 0; x < pair->width; x++) {
            uint32_t u = a[x], v = b[x];
            a_sum += u;
            b_sum += v;
            aa += u * u;
            bb += v * v;
            ab += u * v;
        }
    }
    double n = (double)pair->width * pair->height;
    double a_mean = (double)a_sum / n, b_mean = (double)b_sum / n;
    double a_var = fmax(0, (double)aa / n - a_mean * a_mean);
    double b_var = fmax(0, (double)bb / n - b_mean * b_mean);
    double both = (double)ab / n - a_mean * b_mean;
    double scale = sqrt(a_var * b_var);
    return (Likeness){sqrt(a_var), sqrt(b_var), scale > 0 ? both / scale : 0};
}

/* Mean absolute difference of a against b shifted by (dx, dy), where both are. */
static double shifted_change(const PicturePair *pair, int dx, int dy, int step)
{
    int left = dx > 0 ? dx : 0, right = dx < 0 ? pair->width + dx : pair->width;
    int top = dy > 0 ? dy : 0, bottom = dy < 0 ? pair->height + dy : pair->height;
    uint64_t sum = 0, count = 0;
    for (int y = top; y < bottom; y += 2 * step) {
        const uint8_t *a = pair->a + y * pair->a_stride;
        const uint8_t *b = pair->b + (y - dy) * pair->b_stride - dx;
        for (int x = left; x < right; x += 2 * step, count++)
            sum += (uint32_t)abs(a[x] - b[x]);
    }
    return count ? (double)sum / (double)count : INFINITY;
}

static bool camera_moved(const PicturePair *pair, double change)
{
    int step = pair->width / GRID > 1 ? pair->width / GRID : 1;
    int across = (int)(pair->width * SHIFT_MAX) / step,
        down = (int)(pair->height * SHIFT_MAX) / step;
    for (int dy = -down; dy <= down; dy++)
        for (int dx = -across; dx <= across; dx++)
            if (shifted_change(pair, dx * step, dy * step, step) <= LEFT_OVER * change) return true;
    return false;
}

bool mel_same_shot(const PicturePair *pair, double change)
{
    Likeness like = compare(pair);
    if (like.deviation_a < FLAT || like.deviation_b < FLAT) return change < FLAT_CHANGE;
    return like.correlation >= SAME_PATTERN || camera_moved(pair, change);
}
