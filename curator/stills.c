/* SPDX-License-Identifier: Apache-2.0
 *
 * Which frames of a clip make good stills. */
#include "curator/measures.h"

#include "base/base.h"
#include "curator/fingerprint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t CUT_CLEAR_US = 300000;
static const double BLACK_FROM = 0.7, BLACK_AT = 0.98; /* share of dark pixels: fine … no still */
static const double CONTRAST_GOOD = 40;                /* luma levels */
static const double CHANGE_HALVES = 12;                /* luma levels of motion that blur */

/* Two stills that differ by fewer bits of their hashes show the same. */
enum { SAME_BELOW_BITS = 4, DIFFERENT_BITS = 20 };

/* Time from the frame to the nearest cut, at most CUT_CLEAR_US. A cut lies just before its frame,
 * so frames behind it have the frame's own time to count from. */
static int64_t cut_distance(const FrameFacts *frames, size_t n, size_t index)
{
    int64_t now = frames[index].time_us, nearest = CUT_CLEAR_US;
    for (size_t i = index + 1; i-- > 0 && now - frames[i].time_us < nearest;)
        if (frames[i].is_cut) nearest = now - frames[i].time_us;
    for (size_t i = index + 1; i < n && frames[i].time_us - now < nearest; i++)
        if (frames[i].is_cut) nearest = frames[i].time_us - now;
    return nearest > 0 ? nearest : 0;
}

static double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* sharper: share of the clip's frames that are less sharp, ties by half. Sharpness compares only
 * within a clip: it says more about the picture's content than about its focus. */
static double score_of(const FrameFacts *frames, size_t n, size_t index, double sharper)
{
    const FrameFacts *f = &frames[index];
    double light = clamp01((BLACK_AT - f->black_share) / (BLACK_AT - BLACK_FROM));
    double clear = (double)cut_distance(frames, n, index) / (double)CUT_CLEAR_US;
    double contrast = clamp01(f->contrast / CONTRAST_GOOD);
    double change = isfinite(f->change) && !f->is_cut ? f->change : 0;
    double calm = CHANGE_HALVES / (CHANGE_HALVES + change);
    return light * (0.1 + 0.9 * clear) * (0.6 * sharper + 0.2 * contrast + 0.2 * calm);
}

double mel_still_score(const FrameFacts *frames, size_t n, size_t index)
{
    MEL_ASSERT(index < n);
    size_t less = 0, equal = 0;
    for (size_t i = 0; i < n; i++) {
        less += frames[i].sharpness < frames[index].sharpness;
        equal += frames[i].sharpness == frames[index].sharpness;
    }
    return score_of(frames, n, index, ((double)less + (double)equal / 2) / (double)n);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many of the sorted values lie below x (or, with `equal`, not above it). */
static size_t count_below(const double *sorted, size_t n, double x, bool equal)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < x || (equal && sorted[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* mel_still_score of every frame, with one sort instead of n passes. */
static double *all_scores(const FrameFacts *frames, size_t n)
{
    double *sorted = mel_alloc(n * sizeof *sorted), *scores = mel_alloc(n * sizeof *scores);
    for (size_t i = 0; i < n; i++)
        sorted[i] = frames[i].sharpness;
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < n; i++) {
        size_t below = count_below(sorted, n, frames[i].sharpness, false);
        size_t up_to = count_below(sorted, n, frames[i].sharpness, true);
        double sharper = ((double)below + (double)(up_to - below) / 2) / (double)n;
        scores[i] = score_of(frames, n, i, sharper);
    }
    free(sorted);
    return scores;
}

/* Weight for lying apart from a still chosen before, in time and in looks; 0 shows the same. */
static double apart(const FrameFacts *frames, const uint64_t *hashes, size_t a, size_t b,
                    double share_us)
{
    double gap_us = fabs((double)(frames[a].time_us - frames[b].time_us));
    double weight = clamp01(gap_us / share_us);
    if (!hashes) return weight;
    int bits = mel_picture_distance(hashes[a], hashes[b]);
    if (bits < SAME_BELOW_BITS) return 0;
    return weight * (0.25 + 0.75 * clamp01((double)bits / DIFFERENT_BITS));
}

size_t mel_choose_stills(const FrameFacts *frames, const uint64_t *picture_hashes, size_t n,
                         size_t k, size_t *chosen)
{
    if (!n || !k) return 0;
    double *value = all_scores(frames, n);
    double *weight = mel_alloc(n * sizeof *weight);
    for (size_t i = 0; i < n; i++)
        weight[i] = 1;
    double span_us = (double)(frames[n - 1].time_us - frames[0].time_us);
    double share_us = fmax(span_us / (double)(k + 1), 1);
    size_t count = 0;
    while (count < k) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++)
            if (value[i] * weight[i] > value[best] * weight[best]) best = i;
        if (count && !(value[best] * weight[best] > 0)) break;
        chosen[count++] = best;
        for (size_t i = 0; i < n; i++)
            weight[i] = fmin(weight[i], apart(frames, picture_hashes, i, best, share_us));
    }
    free(weight);
    free(value);
    return count;
}
