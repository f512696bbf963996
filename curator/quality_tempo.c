/* SPDX-License-Identifier: Apache-2.0
 *
 * Onsets and tempo out of the onset strength. The tempo is the period at which the strength
 * resembles itself best, helped by its multiples and by a preference for the middle of the range
 * (people tap near 120 BPM); half and double tempo remain easy to confuse. */
#include "curator/measures_internal.h"

#include "base/base.h"

#include <math.h>
#include <stdlib.h>

static const double ONSET_GAP_S = 0.04;   /* the highest within so far on either side */
static const double ONSET_AROUND_S = 0.4; /* and above the median of so far around, which is */
static const double ONSET_ABOVE = 0.35;   /* high in steady noise and low between drum hits */
static const float ONSET_OF_MEDIAN = 2;
enum { ONSETS_MIN = 4 }; /* fewer have no tempo: what else repeats is the beating of partials */

static const double BPM_MIN = 60, BPM_MAX = 200, BPM_USUAL = 120, OCTAVES_USUAL = 1.0;
static const double SECONDS_MIN = 3;    /* shorter sound has no tempo worth the name */
static const double LIKENESS_MIN = 0.1; /* of the strength with itself one period on */
enum { MULTIPLES = 4 };

static double mean_around(const double *sums, size_t frames, size_t t, size_t half)
{
    size_t from = t > half ? t - half : 0, to = t + half + 1 < frames ? t + half + 1 : frames;
    return (sums[to] - sums[from]) / (double)(to - from);
}

static bool highest_around(const float *strength, size_t frames, size_t t, size_t half)
{
    size_t from = t > half ? t - half : 0, to = t + half + 1 < frames ? t + half + 1 : frames;
    for (size_t i = from; i < to; i++)
        if (strength[i] > strength[t] || (i < t && strength[i] == strength[t])) return false;
    return true;
}

/* Puts a value into a sorted list, or takes one out of it. */
static void sorted_insert(float *sorted, size_t n, float value)
{
    while (n > 0 && sorted[n - 1] > value) {
        sorted[n] = sorted[n - 1];
        n--;
    }
    sorted[n] = value;
}

static void sorted_remove(float *sorted, size_t n, float value)
{
    size_t i = 0;
    while (i + 1 < n && sorted[i] != value)
        i++;
    for (; i + 1 < n; i++)
        sorted[i] = sorted[i + 1];
}

static size_t count_onsets(const float *strength, size_t frames, double rate_hz)
{
    size_t gap = (size_t)lrint(ONSET_GAP_S * rate_hz), count = 0;
    size_t half = (size_t)lrint(ONSET_AROUND_S * rate_hz), n = 0, next = 0;
    float *around = mel_alloc((2 * half + 1) * sizeof *around);
    for (size_t t = 0; t < frames; t++) {
        if (t > half) sorted_remove(around, n--, strength[t - half - 1]);
        while (next < frames && next <= t + half)
            sorted_insert(around, n++, strength[next++]);
        if (strength[t] <= ONSET_OF_MEDIAN * around[n / 2] + ONSET_ABOVE) continue;
        count += highest_around(strength, frames, t, gap > 0 ? gap : 1);
    }
    free(around);
    return count;
}

/* What of the strength stands out, with mean 0. A peak is spread over its neighbours by 1:2:1: a
 * beat of half a frame more (150 BPM in frames of 10.7 ms) would else look like every second one.
 */
static double *stand_out(const float *strength, const double *sums, size_t frames, double rate_hz)
{
    double *out = mel_alloc(frames * sizeof *out), mean = 0, before = 0;
    size_t around = (size_t)lrint(ONSET_AROUND_S * rate_hz);
    for (size_t t = 0; t < frames; t++)
        out[t] = fmax(0, strength[t] - mean_around(sums, frames, t, around));
    for (size_t t = 0; t < frames; t++) {
        double here = out[t];
        out[t] = 0.25 * before + 0.5 * here + 0.25 * (t + 1 < frames ? out[t + 1] : 0);
        before = here;
        mean += out[t] / (double)frames;
    }
    for (size_t t = 0; t < frames; t++)
        out[t] -= mean;
    return out;
}

/* Likeness to itself `lag` frames on, -1..1. */
static double likeness(const double *x, size_t frames, size_t lag)
{
    double sum = 0, squares = 0;
    for (size_t t = 0; t + lag < frames; t++)
        sum += x[t] * x[t + lag];
    for (size_t t = 0; t < frames; t++)
        squares += x[t] * x[t];
    return squares > 0 ? sum / (double)(frames - lag) * (double)frames / squares : 0;
}

/* Between whole lags, by a parabola through the neighbours, and the best within a frame. */
static double likeness_near(const double *likes, size_t count, double lag)
{
    size_t at = (size_t)lrint(lag);
    if (at < 1 || at + 1 >= count) return 0;
    return fmax(likes[at], fmax(likes[at - 1], likes[at + 1]) * 0.95);
}

static double score_of(const double *likes, size_t count, double lag, double rate_hz)
{
    double sum = 0, weights = 0;
    for (int m = 1; m <= MULTIPLES && lag * m + 1 < (double)count; m++) {
        sum += likeness_near(likes, count, lag * m) / m;
        weights += 1.0 / m;
    }
    double octaves = log2(60 * rate_hz / lag / BPM_USUAL) / OCTAVES_USUAL;
    return weights > 0 ? sum / weights * exp(-0.5 * octaves * octaves) : 0;
}

/* The lag near m times `lag` where the likeness is highest, to a fraction of a frame. */
static double refine(const double *likes, size_t count, double lag)
{
    size_t at = (size_t)lrint(lag), best = at;
    for (size_t i = at > 2 ? at - 2 : 1; i <= at + 2 && i + 1 < count; i++)
        if (likes[i] > likes[best]) best = i;
    if (best < 1 || best + 1 >= count) return lag;
    double a = likes[best - 1], b = likes[best], c = likes[best + 1], bend = a - 2 * b + c;
    return (double)best + (bend < 0 ? fmax(-0.5, fmin(0.5, 0.5 * (a - c) / bend)) : 0);
}

/* The lag in frames, to a quarter, at which the sound is most like itself; 0 for none. */
static double best_lag(const double *likes, size_t count, double rate_hz)
{
    double best = 0, found = 0, first = 60 * rate_hz / BPM_MAX, last = 60 * rate_hz / BPM_MIN;
    int quarters = (int)((last - first) * 4);
    for (int i = 0; i <= quarters; i++) {
        double lag = first + i * 0.25, score = score_of(likes, count, lag, rate_hz);
        if (score > best) {
            best = score;
            found = lag;
        }
    }
    return found;
}

static Pulse find_pulse(const double *x, size_t frames, double rate_hz)
{
    size_t count = (size_t)(60 / BPM_MIN * rate_hz) * MULTIPLES + 4;
    if (count > frames * 3 / 4) count = frames * 3 / 4;
    double *likes = mel_alloc(count * sizeof *likes);
    for (size_t lag = 0; lag < count; lag++)
        likes[lag] = likeness(x, frames, lag);
    Pulse pulse = {NAN, NAN};
    double lag = best_lag(likes, count, rate_hz);
    double clarity = lag > 0 ? likeness_near(likes, count, lag) : 0;
    if (clarity >= LIKENESS_MIN) {
        for (int m = 1; m <= MULTIPLES && lag * m + 3 < (double)count; m++)
            lag = refine(likes, count, lag * m) / m; /* each multiple says it more finely */
        pulse = (Pulse){fmin(BPM_MAX, fmax(BPM_MIN, 60 * rate_hz / lag)), fmin(1, clarity)};
    }
    free(likes);
    return pulse;
}

Rhythm mel_find_rhythm(const float *strength, size_t frames, double frame_rate_hz)
{
    double *sums = mel_alloc((frames + 1) * sizeof *sums);
    for (size_t t = 0; t < frames; t++)
        sums[t + 1] = sums[t] + strength[t];
    double seconds = (double)frames / frame_rate_hz;
    size_t onsets = count_onsets(strength, frames, frame_rate_hz);
    Rhythm rhythm = {
        .onset_rate_hz = (double)onsets / seconds, .pulse = {NAN, NAN}
    };
    if (seconds >= SECONDS_MIN && onsets >= ONSETS_MIN) {
        double *x = stand_out(strength, sums, frames, frame_rate_hz);
        rhythm.pulse = find_pulse(x, frames, frame_rate_hz);
        free(x);
    }
    free(sums);
    return rhythm;
}
