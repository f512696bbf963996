/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropouts: short gaps in the middle of sounding music. A rest in the music is not one: there the
 * sound dies away over some milliseconds, while a gap begins and ends within one. That holds
 * behind a lossy codec too: it smears a few per cent of the level into the gap, but no more. */
#include "curator/measures_internal.h"

#include "base/base.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const double GAP_MIN_S = 0.002, GAP_MAX_S = 0.2;
static const double ZERO = 1.5 / 32768; /* dither of one bit is still nothing */

/* The sound beside a gap: its level over AROUND_S must be music, in absolute terms and against the
 * clip, and both sides must be about as loud. */
static const double AROUND_S = 0.02;
static const double SOUNDING_RMS = 3e-3, SOUNDING_OF_CLIP = 0.05, SIDES_RATIO = 3.2;

/* ---- silent gaps: in the level of windows of half a millisecond --------------------------------
 */

static const double WINDOW_S = 0.0005;
enum { EDGE_WINDOWS = 2, HOLE_WINDOWS = 3 };

/* The music goes on right up to the gap, where the level falls to DROP within two windows. What
 * goes on behind it may begin softer: it is the end that tells a gap from a rest. */
static const double BEFORE_OF_AROUND = 0.5, BEHIND_OF_AROUND = 0.33;
static const double DROP = 1.0 / 8, BACK = 1.0 / 4;

/* Beside the gap nothing is as hollow as HOLE: the pulses of a buzz have gaps between them too. */
static const double HOLE = 1.0 / 10;

/* How silent the gap gets: nothing at all; or, where a codec had the time to fade, nearly so. */
static const double SILENT = 1.0 / 150, FADE_S = 0.01;

typedef struct Envelope {
    double *sums; /* count + 1: of the windows' powers, all channels added */
    size_t count;
    double window_s;
} Envelope;

static Envelope envelope_new(const Sound *sound)
{
    size_t window = (size_t)lrint(fmax(1, WINDOW_S * sound->rate_hz));
    size_t samples = window * (size_t)sound->channels;
    Envelope e = {.count = sound->n / window, .window_s = (double)window / sound->rate_hz};
    e.sums = mel_alloc((e.count + 1) * sizeof *e.sums);
    for (size_t i = 0; i < e.count; i++) {
        const float *x = sound->samples + i * samples;
        float power = 0;
        for (size_t k = 0; k < samples; k++)
            power += x[k] * x[k];
        e.sums[i + 1] = e.sums[i] + (double)power / (double)window;
    }
    return e;
}

/* Level (RMS) of the windows [first, last). */
static double level(const Envelope *e, size_t first, size_t last)
{
    return sqrt(fmax(0, e->sums[last] - e->sums[first]) / (double)(last - first));
}

static double lowest(const Envelope *e, size_t first, size_t last)
{
    double low = INFINITY;
    for (size_t i = first; i + HOLE_WINDOWS <= last; i++)
        low = fmin(low, level(e, i, i + HOLE_WINDOWS));
    return low;
}

/* The sound of [first, last) goes on, without holes, up to the gap: `edge` are its windows next to
 * the gap, at least at `loud` times its level; `inside` is the gap's first whole window. */
static bool breaks_off(const Envelope *e, size_t first, size_t last, size_t edge, size_t inside,
                       double loud)
{
    double around = level(e, first, last), at_edge = level(e, edge, edge + EDGE_WINDOWS);
    return at_edge >= loud * around &&
           level(e, inside, inside + 1) <= DROP * fmin(around, at_edge) &&
           lowest(e, first, last) >= HOLE * around;
}

/* Whether the windows [first, last), the outer ones partly in the music, are a silent gap. */
static bool is_silent_gap(const Envelope *e, size_t first, size_t last, double sounding)
{
    size_t around = (size_t)ceil(AROUND_S / e->window_s);
    if (first < around || e->count - last < around) return false;
    double before = level(e, first - around, first), after = level(e, last, last + around);
    if (before < sounding || after < sounding) return false;
    if (before > SIDES_RATIO * after || after > SIDES_RATIO * before) return false;
    bool fades = (double)(last - first) * e->window_s >= FADE_S;
    double silent = fmax(ZERO, fades ? SILENT * fmin(before, after) : 0);
    return lowest(e, first, last) <= silent &&
           breaks_off(e, first - around, first, first - EDGE_WINDOWS, first + 1,
                      BEFORE_OF_AROUND) &&
           breaks_off(e, last, last + around, last, last - 2, BEHIND_OF_AROUND);
}

static size_t count_silent_gaps(const Sound *sound, double sounding)
{
    Envelope e = envelope_new(sound);
    size_t shortest = (size_t)lrint(GAP_MIN_S / e.window_s), count = 0;
    size_t longest = (size_t)lrint(GAP_MAX_S / e.window_s) + 2;
    for (size_t i = EDGE_WINDOWS; i + 2 < e.count; i++) {
        double before = level(&e, i - EDGE_WINDOWS, i);
        if (before < BEFORE_OF_AROUND * sounding || level(&e, i + 1, i + 2) > DROP * before)
            continue;
        size_t last = i + 2;
        while (last < e.count && last - i <= longest && level(&e, last, last + 1) < BACK * before)
            last++;
        if (last - i < shortest || last - i > longest || last == e.count) continue;
        if (!is_silent_gap(&e, i, last, sounding)) continue;
        count++;
        i = last;
    }
    free(e.sums);
    return count;
}

/* ---- frozen gaps: one sample held --------------------------------------------------------------
 */

/* A held sample is entered without a step; a rectangular wave is not. */
static const double STEP_OF_USUAL = 4;

/* Just before and behind it the sound is about as loud as over AROUND_S. */
static const double FROZEN_EDGE_S = 0.002, FROZEN_EDGE_OF_AROUND = 0.35;

static bool same(const float *now, const float *before, int channels)
{
    for (int c = 0; c < channels; c++)
        if (now[c] != before[c]) return false;
    return true;
}

static bool is_zero(const float *frame, int channels)
{
    for (int c = 0; c < channels; c++)
        if (fabs((double)frame[c]) > ZERO) return false;
    return true;
}

/* RMS of the loudest channel over [first, last). */
static double rms(const Sound *sound, size_t first, size_t last)
{
    double loudest = 0;
    for (int c = 0; c < sound->channels; c++) {
        const float *x = sound->samples + first * (size_t)sound->channels + c;
        double squares = 0;
        for (size_t i = first; i < last; i++, x += sound->channels)
            squares += (double)*x * *x;
        loudest = fmax(loudest, squares);
    }
    return sqrt(loudest / (double)(last - first));
}

/* Whether the step to sample `at` is no larger than is usual just before it, in every channel. */
static bool entered_smoothly(const Sound *sound, size_t at, size_t around)
{
    for (int c = 0; c < sound->channels; c++) {
        const float *x = sound->samples + c;
        size_t stride = (size_t)sound->channels;
        double usual = 0;
        for (size_t i = at - around + 1; i < at; i++)
            usual += fabs((double)x[i * stride] - x[(i - 1) * stride]);
        usual /= (double)(around - 1);
        if (fabs((double)x[at * stride] - x[(at - 1) * stride]) > STEP_OF_USUAL * usual + ZERO)
            return false;
    }
    return true;
}

/* Whether the held value is as far out as anything in [from, to): clipping, not a gap. */
static bool at_the_peak(const Sound *sound, size_t held, size_t from, size_t to)
{
    for (int c = 0; c < sound->channels; c++) {
        const float *x = sound->samples + c;
        float peak = 0;
        for (size_t i = from; i < to; i++)
            peak = fmaxf(peak, fabsf(x[i * (size_t)sound->channels]));
        if (peak > 0 && fabsf(x[held * (size_t)sound->channels]) >= 0.99f * peak) return true;
    }
    return false;
}

/* Whether the unchanging stretch [first, last) lies inside sounding music. */
static bool is_frozen_gap(const Sound *sound, size_t first, size_t last, double sounding)
{
    if (is_zero(sound->samples + first * (size_t)sound->channels, sound->channels)) return false;
    size_t around = (size_t)ceil(AROUND_S * sound->rate_hz) + 2;
    size_t edge = (size_t)ceil(FROZEN_EDGE_S * sound->rate_hz);
    if (first < around || sound->n - last < around) return false;
    double before = rms(sound, first - around, first), after = rms(sound, last, last + around);
    if (before < sounding || after < sounding) return false;
    if (before > SIDES_RATIO * after || after > SIDES_RATIO * before) return false;
    return rms(sound, first - edge, first) >= FROZEN_EDGE_OF_AROUND * before &&
           rms(sound, last, last + edge) >= FROZEN_EDGE_OF_AROUND * after &&
           entered_smoothly(sound, first, around) &&
           !at_the_peak(sound, first, first - around, last + around);
}

static size_t count_frozen_gaps(const Sound *sound, double sounding)
{
    size_t shortest = (size_t)ceil(GAP_MIN_S * sound->rate_hz), count = 0;
    size_t longest = (size_t)floor(GAP_MAX_S * sound->rate_hz), stride = (size_t)sound->channels;
    for (size_t i = 1, first = 0; i <= sound->n; i++) {
        const float *now = sound->samples + i * stride;
        if (i < sound->n && same(now, now - stride, sound->channels)) continue;
        size_t length = i - first;
        if (length >= shortest && length <= longest && is_frozen_gap(sound, first, i, sounding))
            count++;
        first = i;
    }
    return count;
}

void mel_measure_gaps(const Sound *sound, double clip_rms, AudioMeasures *out)
{
    double sounding = fmax(SOUNDING_RMS, SOUNDING_OF_CLIP * clip_rms);
    out->dropouts =
        (double)(count_silent_gaps(sound, sounding) + count_frozen_gaps(sound, sounding));
}
