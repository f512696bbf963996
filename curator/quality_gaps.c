/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropouts: short stretches without any change in the middle of sounding music. A rest in the
 * music is not one: there the sound dies away before it, or another sound starts behind it. */
#include "curator/measures_internal.h"

#include <math.h>
#include <stdbool.h>

static const double GAP_MIN_S = 0.002, GAP_MAX_S = 0.2;
static const float ZERO = 1.5f / 32768; /* dither of one bit is still nothing */

/* The sound beside a gap: its level over AROUND_S must be music, in absolute terms and against the
 * clip; it must go on right up to the edge; and both sides must be about as loud. */
static const double AROUND_S = 0.02, EDGE_S = 0.002;
static const double SOUNDING_RMS = 3e-3, SOUNDING_OF_CLIP = 0.05;
static const double EDGE_OF_AROUND = 0.35, SIDES_RATIO = 3.2;

/* A lossy codec smears what lies beside a gap into it, by a block: there the music is looked for
 * a little farther out, and only around zeros that are longer than such a block. */
static const double SMEAR_S = 0.022;

/* A held sample is entered without a step; a rectangular wave is not. */
static const double STEP_OF_USUAL = 4;

static bool unchanged(const float *now, const float *before, int channels)
{
    for (int c = 0; c < channels; c++) {
        bool zeros = fabsf(now[c]) <= ZERO && fabsf(before[c]) <= ZERO;
        if (now[c] != before[c] && !zeros) return false;
    }
    return true;
}

static bool is_zero(const float *frame, int channels)
{
    for (int c = 0; c < channels; c++)
        if (fabsf(frame[c]) > ZERO) return false;
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

/* Whether music sounds on both sides of [first, last), about equally loud, up to the edges. */
static bool sounds_beside(const Sound *sound, size_t first, size_t last, double clip_rms)
{
    size_t around = (size_t)ceil(AROUND_S * sound->rate_hz) + 2;
    size_t edge = (size_t)ceil(EDGE_S * sound->rate_hz);
    if (first < around || sound->n - last < around) return false;
    double before = rms(sound, first - around, first), after = rms(sound, last, last + around);
    double sounding = fmax(SOUNDING_RMS, SOUNDING_OF_CLIP * clip_rms);
    if (before < sounding || after < sounding) return false;
    if (before > SIDES_RATIO * after || after > SIDES_RATIO * before) return false;
    return rms(sound, first - edge, first) >= EDGE_OF_AROUND * before &&
           rms(sound, last, last + edge) >= EDGE_OF_AROUND * after;
}

/* Whether the unchanging stretch [first, last) lies inside sounding music. */
static bool is_dropout(const Sound *sound, size_t first, size_t last, double clip_rms)
{
    size_t around = (size_t)ceil(AROUND_S * sound->rate_hz) + 2;
    size_t smear = (size_t)ceil(SMEAR_S * sound->rate_hz);
    bool zero = is_zero(sound->samples + first * (size_t)sound->channels, sound->channels);
    if (sounds_beside(sound, first, last, clip_rms))
        return zero || entered_smoothly(sound, first, around);
    for (size_t skip = smear / 4; zero && last - first > smear && skip <= smear; skip += smear / 4)
        if (first > skip && last + skip < sound->n &&
            sounds_beside(sound, first - skip, last + skip, clip_rms))
            return true;
    return false;
}

void mel_measure_gaps(const Sound *sound, double clip_rms, AudioMeasures *out)
{
    size_t shortest = (size_t)ceil(GAP_MIN_S * sound->rate_hz);
    size_t longest = (size_t)floor(GAP_MAX_S * sound->rate_hz), count = 0;
    size_t stride = (size_t)sound->channels;
    for (size_t i = 1, first = 0; i <= sound->n; i++) {
        const float *now = sound->samples + i * stride;
        if (i < sound->n && unchanged(now, now - stride, sound->channels)) continue;
        size_t length = i - first;
        if (length >= shortest && length <= longest && is_dropout(sound, first, i, clip_rms))
            count++;
        first = i;
    }
    out->dropouts = (double)count;
}
