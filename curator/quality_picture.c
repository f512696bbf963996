/* SPDX-License-Identifier: Apache-2.0
 *
 * Picture measures, frame by frame. Sums over pixels are integers: exact, and the same on every
 * machine. */
#include "curator/measures.h"

#include "base/base.h"
#include "curator/measures_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLACK_BELOW = 32, CELLS = 16, HISTORY = 8 };

static const double BLACK_FRAME_SHARE = 0.98;

/* A step that nobody sees: little change over all (ffmpeg's freezedetect says 0.001 of the range)
 * and in no cell of a 16x16 grid more than coding noise (lyrics, a meter's needle are local). */
static const double STATIC_CHANGE = 0.3, STATIC_CELL_CHANGE = 2.5;

/* A hard cut: a large step, large against the steps just before (wild motion has large ones too;
 * with no steps yet, a moderate one is assumed), and to another picture. */
static const double CUT_CHANGE = 12, CUT_RATIO = 3, CUT_CHANGE_PRIOR = 6;

/* Of steps so near to each other only the first counts; and where one leads back so soon to the
 * picture from before (lightning, a camera's flash), up to this share of the step, none does. */
static const int64_t CUT_DISTANCE_US = 250000;
static const double FLASH_LEFT_OVER = 0.33;

struct PictureMeter {
    int64_t duration_us;
    uint8_t *previous;   /* width x height, without padding */
    uint8_t *before_cut; /* likewise: the last picture before the latest cut */
    int width, height;
    int64_t previous_us;
    int64_t cut_us; /* of the latest cut */
    double cut_change;
    bool any_cut, may_be_flash; /* may_be_flash: the latest cut still may turn out to be one */
    double history[HISTORY];    /* the last changes, a ring */
    size_t steps;               /* frames after the first */
    float *sharpness;           /* of each frame */
    size_t frames, capacity;
    size_t inside; /* frames with a time inside the span */
    size_t black, still_steps, cuts;
    double motion, brightness, contrast; /* sums */
    int64_t longest_us;
};

PictureMeter *mel_picture_meter_new(int64_t duration_us)
{
    PictureMeter *meter = mel_alloc(sizeof *meter);
    meter->duration_us = duration_us;
    return meter;
}

void mel_picture_meter_free(PictureMeter *meter)
{
    if (!meter) return;
    free(meter->previous);
    free(meter->before_cut);
    free(meter->sharpness);
    free(meter);
}

typedef struct RowSums {
    uint64_t sum, squares, black;
} RowSums;

static void add_levels(const uint8_t *row, int width, RowSums *sums)
{
    uint32_t sum = 0, black = 0;
    uint64_t squares = 0;
    for (int x = 0; x < width; x++) {
        uint32_t v = row[x];
        sum += v;
        squares += v * v;
        black += v < BLACK_BELOW;
    }
    sums->sum += sum;
    sums->squares += squares;
    sums->black += black;
}

/* Variance of the four-neighbour Laplacian over the inner pixels. */
static double sharpness_of(const uint8_t *luma, int width, int height, ptrdiff_t stride)
{
    if (width < 3 || height < 3) return 0;
    int64_t sum = 0, squares = 0;
    for (int y = 1; y < height - 1; y++) {
        const uint8_t *row = luma + y * stride, *up = row - stride, *down = row + stride;
        int32_t row_sum = 0;
        int64_t row_squares = 0;
        for (int x = 1; x < width - 1; x++) {
            int32_t v = up[x] + down[x] + row[x - 1] + row[x + 1] - 4 * row[x];
            row_sum += v;
            row_squares += v * v;
        }
        sum += row_sum;
        squares += row_squares;
    }
    double n = (double)(width - 2) * (height - 2), mean = (double)sum / n;
    return fmax(0, (double)squares / n - mean * mean);
}

/* Mean absolute difference from an earlier picture (kept without padding), and the largest of any
 * grid cell. */
static double change_of(const PictureMeter *meter, const uint8_t *earlier, const uint8_t *luma,
                        ptrdiff_t stride, double *cell_max)
{
    int width = meter->width, height = meter->height;
    uint64_t total = 0;
    *cell_max = 0;
    for (int j = 0; j < CELLS; j++) {
        int top = (int)((int64_t)height * j / CELLS),
            bottom = (int)((int64_t)height * (j + 1) / CELLS);
        uint64_t cells[CELLS] = {0};
        for (int y = top; y < bottom; y++) {
            const uint8_t *a = luma + y * stride, *b = earlier + (size_t)y * width;
            for (int i = 0; i < CELLS; i++) {
                int to = (int)((int64_t)width * (i + 1) / CELLS);
                uint32_t sum = 0;
                for (int x = (int)((int64_t)width * i / CELLS); x < to; x++)
                    sum += (uint32_t)abs(a[x] - b[x]);
                cells[i] += sum;
            }
        }
        for (int i = 0; i < CELLS; i++) {
            int64_t columns = (int64_t)width * (i + 1) / CELLS - (int64_t)width * i / CELLS;
            double area = (double)columns * (bottom - top);
            if (area > 0) *cell_max = fmax(*cell_max, (double)cells[i] / area);
            total += cells[i];
        }
    }
    return (double)total / ((double)width * height);
}

static bool is_cut(const PictureMeter *meter, const uint8_t *luma, ptrdiff_t stride, double change,
                   int64_t time_us)
{
    if (meter->any_cut && time_us - meter->cut_us < CUT_DISTANCE_US) return false;
    double usual = CUT_CHANGE_PRIOR;
    size_t n = meter->steps < HISTORY ? meter->steps : HISTORY;
    if (n) {
        usual = 0;
        for (size_t i = 0; i < n; i++)
            usual += meter->history[i] / (double)n;
    }
    if (change < CUT_CHANGE || change < CUT_RATIO * usual) return false;
    PicturePair pair = {meter->previous, luma, meter->width, stride, meter->width, meter->height};
    return !mel_same_shot(&pair, change);
}

static void keep(PictureMeter *meter, const uint8_t *luma, ptrdiff_t stride)
{
    for (int y = 0; y < meter->height; y++)
        memcpy(meter->previous + (size_t)y * meter->width, luma + y * stride, (size_t)meter->width);
}

static void note_cut(PictureMeter *meter, double change, int64_t time_us)
{
    size_t size_bytes = (size_t)meter->width * (size_t)meter->height;
    if (!meter->before_cut) meter->before_cut = mel_alloc(size_bytes);
    memcpy(meter->before_cut, meter->previous, size_bytes);
    meter->cuts++;
    meter->cut_us = time_us;
    meter->cut_change = change;
    meter->any_cut = meter->may_be_flash = true;
}

/* Takes the latest cut back when this picture is the one from before it. */
static void forget_flash(PictureMeter *meter, const uint8_t *luma, ptrdiff_t stride,
                         int64_t time_us)
{
    if (!meter->may_be_flash) return;
    if (time_us - meter->cut_us > CUT_DISTANCE_US) {
        meter->may_be_flash = false;
        return;
    }
    double cell_max;
    double change = change_of(meter, meter->before_cut, luma, stride, &cell_max);
    if (change > FLASH_LEFT_OVER * meter->cut_change) return;
    meter->may_be_flash = false;
    meter->cuts--;
}

static void add_step(PictureMeter *meter, const uint8_t *luma, ptrdiff_t stride, FrameFacts *facts)
{
    double cell_max;
    facts->change = change_of(meter, meter->previous, luma, stride, &cell_max);
    forget_flash(meter, luma, stride, facts->time_us);
    facts->is_cut = is_cut(meter, luma, stride, facts->change, facts->time_us);
    if (facts->is_cut) note_cut(meter, facts->change, facts->time_us);
    meter->still_steps += facts->change < STATIC_CHANGE && cell_max < STATIC_CELL_CHANGE;
    meter->motion += facts->change;
    meter->history[meter->steps++ % HISTORY] = facts->change;
    int64_t stood_us = facts->time_us - meter->previous_us;
    if (stood_us > meter->longest_us) meter->longest_us = stood_us;
}

FrameFacts mel_picture_meter_add(PictureMeter *meter, const uint8_t *luma, int width, int height,
                                 ptrdiff_t stride, int64_t time_us)
{
    MEL_ASSERT(width > 0 && height > 0 && width <= 1 << 15 && height <= 1 << 15);
    if (!meter->previous) {
        meter->width = width;
        meter->height = height;
        meter->previous = mel_alloc((size_t)width * (size_t)height);
    }
    MEL_ASSERT(width == meter->width && height == meter->height);

    RowSums sums = {0};
    for (int y = 0; y < height; y++)
        add_levels(luma + y * stride, width, &sums);
    double n = (double)width * height, mean = (double)sums.sum / n;
    FrameFacts facts = {
        .time_us = time_us,
        .sharpness = sharpness_of(luma, width, height, stride),
        .brightness = mean,
        .contrast = sqrt(fmax(0, (double)sums.squares / n - mean * mean)),
        .black_share = (double)sums.black / n,
        .change = NAN,
    };
    if (meter->frames) add_step(meter, luma, stride, &facts);
    keep(meter, luma, stride);

    mel_grow(&meter->sharpness, &meter->capacity, meter->frames + 1, sizeof *meter->sharpness);
    meter->sharpness[meter->frames++] = (float)facts.sharpness;
    meter->inside += time_us >= 0 && time_us < meter->duration_us;
    meter->black += facts.black_share >= BLACK_FRAME_SHARE;
    meter->brightness += facts.brightness;
    meter->contrast += facts.contrast;
    meter->previous_us = time_us;
    return facts;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double median_of(const float *values, size_t n)
{
    float *sorted = mel_alloc(n * sizeof *sorted);
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    double median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
    free(sorted);
    return median;
}

void mel_picture_meter_finish(const PictureMeter *meter, PictureMeasures *out)
{
#define X(name, unit, meaning) out->name = NAN;
    MEL_PICTURE_MEASURES(X)
#undef X
    if (!meter->frames) return;
    double n = (double)meter->frames;
    out->black_share = (double)meter->black / n;
    out->sharpness_median = median_of(meter->sharpness, meter->frames);
    out->shot_cuts = (double)meter->cuts;
    out->brightness_mean = meter->brightness / n;
    out->contrast = meter->contrast / n;
    out->frame_count = (double)meter->inside;
    if (meter->steps) {
        out->motion_mean = meter->motion / (double)meter->steps;
        out->static_share = (double)meter->still_steps / (double)meter->steps;
    }
    if (meter->duration_us > 0)
        out->frame_rate_hz = (double)meter->inside / ((double)meter->duration_us / 1e6);
    int64_t last_us = meter->duration_us - meter->previous_us;
    out->longest_frame_s =
        (double)(last_us > meter->longest_us ? last_us : meter->longest_us) / 1e6;
}
