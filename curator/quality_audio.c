/* SPDX-License-Identifier: Apache-2.0
 *
 * Levels of a clip's sound: silence, clipping, loudness, stereo, offset. Gaps, spectrum and rhythm
 * are in quality_gaps.c, quality_spectrum.c and quality_tempo.c. */
#include "curator/measures.h"

#include "base/base.h"
#include "curator/measures_internal.h"

#include <ebur128.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double WINDOW_S = 0.05;
static const double SILENT_RMS = 1e-3; /* -60 dBFS */
static const double SIDE_DB_MAX = 120; /* stands for "nothing at all" on the other side */

/* Clipping: samples equal to each other and within AT_PEAK of the highest (lowest) sample, entered
 * or left by a step. A slow wave, rounded to 16 bits, has level tops too, but no step beside them.
 * Tops below CLIP_PEAK_MIN are rounding. */
enum { CLIP_RUN_MIN = 3 };
static const float AT_PEAK = 0.999f, CLIP_PEAK_MIN = 0.01f;
static const float STEP_MIN = 2.5f / 32768, STEP_OF_PEAK = 1e-4f;

typedef struct Levels {
    double sum[MEASURE_CHANNELS_MAX], squares[MEASURE_CHANNELS_MAX];
    double cross; /* of the first two channels */
    float highest, lowest;
    size_t windows, silent, silent_run, silent_longest; /* the latter three in samples */
} Levels;

static bool all_finite(const float *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(samples[i])) return false;
    return true;
}

/* One window: true when it is silent. */
static bool add_window(const Sound *sound, size_t first, size_t last, Levels *levels)
{
    bool silent = true;
    int channels = sound->channels;
    double limit = SILENT_RMS * SILENT_RMS * (double)(last - first);
    for (int c = 0; c < channels; c++) {
        const float *x = sound->samples + first * (size_t)channels + c;
        double sum = 0, squares = 0;
        float highest = levels->highest, lowest = levels->lowest;
        for (size_t i = first; i < last; i++, x += channels) {
            sum += *x;
            squares += (double)*x * *x;
            highest = *x > highest ? *x : highest;
            lowest = *x < lowest ? *x : lowest;
        }
        levels->highest = highest;
        levels->lowest = lowest;
        levels->sum[c] += sum;
        levels->squares[c] += squares;
        silent = silent && squares < limit;
    }
    if (channels > 1) {
        const float *x = sound->samples + first * (size_t)channels;
        double cross = 0;
        for (size_t i = first; i < last; i++, x += channels)
            cross += (double)x[0] * x[1];
        levels->cross += cross;
    }
    return silent;
}

/* Windows of 50 ms; a rest at the end joins the last one when it is under half a window. */
static Levels add_levels(const Sound *sound)
{
    Levels levels = {.highest = -INFINITY, .lowest = INFINITY};
    size_t window = (size_t)lrint(fmax(1, WINDOW_S * sound->rate_hz));
    for (size_t first = 0, last; first < sound->n; first = last) {
        last = sound->n - first < window + window / 2 ? sound->n : first + window;
        if (!add_window(sound, first, last, &levels)) {
            levels.silent_run = 0;
            continue;
        }
        levels.silent += last - first;
        levels.silent_run += last - first;
        if (levels.silent_run > levels.silent_longest) levels.silent_longest = levels.silent_run;
    }
    return levels;
}

static void measure_levels(const Sound *sound, const Levels *levels, AudioMeasures *out)
{
    double n = (double)sound->n, squares = 0;
    out->silence_share = (double)levels->silent / n;
    out->silence_longest_s = (double)levels->silent_longest / sound->rate_hz;
    out->dc_offset = 0;
    for (int c = 0; c < sound->channels; c++) {
        double mean = levels->sum[c] / n;
        if (fabs(mean) > fabs(out->dc_offset)) out->dc_offset = mean;
        squares += levels->squares[c];
    }
    double peak = fmaxf(levels->highest, -levels->lowest);
    double rms = sqrt(squares / (n * sound->channels));
    if (rms > 0) out->crest_db = 20 * log10(peak / rms);
}

static void measure_stereo(const Sound *sound, const Levels *levels, AudioMeasures *out)
{
    if (sound->channels < 2) return;
    double n = (double)sound->n;
    const double *sum = levels->sum, *squares = levels->squares;
    double left = squares[0] - sum[0] * sum[0] / n, right = squares[1] - sum[1] * sum[1] / n;
    double tiny = 1e-12 * n; /* -120 dBFS: a channel with nothing in it correlates with nothing */
    if (left > tiny && right > tiny) {
        double both = levels->cross - sum[0] * sum[1] / n;
        out->stereo_correlation = fmax(-1, fmin(1, both / sqrt(left * right)));
    }
    double all = squares[0] + squares[1];
    if (!(all > 0)) return;
    /* Four times the powers of middle and side; a difference of rounding only is none. */
    double middle = fmax(0, all + 2 * levels->cross), side = fmax(0, all - 2 * levels->cross);
    double db = 10 * log10(fmax(side, all * 1e-15) / fmax(middle, all * 1e-15));
    out->side_level_db = fmax(-SIDE_DB_MAX, fmin(SIDE_DB_MAX, db));
}

/* A run of equal samples from `first` on: how long, and whether a step leads to or from it. */
static size_t flat_run(const float *x, size_t first, size_t n, int stride, float step,
                       bool *stepped)
{
    float value = x[first * (size_t)stride];
    size_t last = first + 1;
    while (last < n && x[last * (size_t)stride] == value)
        last++;
    *stepped = (first > 0 && fabsf(x[(first - 1) * (size_t)stride] - value) > step) ||
               (last < n && fabsf(x[last * (size_t)stride] - value) > step);
    return last - first;
}

/* A run beyond full scale, as a lossy codec makes of clipped sound: the product is cut there. */
static size_t over_run(const float *x, size_t first, size_t n, int stride)
{
    float sign = x[first * (size_t)stride] < 0 ? -1 : 1;
    size_t last = first;
    while (last < n && sign * x[last * (size_t)stride] >= 1)
        last++;
    return last - first;
}

static void measure_clipping(const Sound *sound, const Levels *levels, AudioMeasures *out)
{
    float peak = fmaxf(levels->highest, -levels->lowest);
    float highest = levels->highest > peak / 2 ? levels->highest : peak;
    float lowest = levels->lowest < -peak / 2 ? levels->lowest : -peak;
    float step = fmaxf(STEP_MIN, STEP_OF_PEAK * peak);
    size_t runs = 0, inside = 0, n = peak >= CLIP_PEAK_MIN ? sound->n : 0;
    for (int c = 0; c < sound->channels; c++) {
        const float *x = sound->samples + c;
        for (size_t i = 0, length; i < n; i += length) {
            float v = x[i * (size_t)sound->channels];
            length = 1;
            if (v < fminf(1, AT_PEAK * highest) && v > fmaxf(-1, AT_PEAK * lowest)) continue;
            bool stepped;
            size_t over = over_run(x, i, n, sound->channels);
            length = flat_run(x, i, n, sound->channels, step, &stepped);
            if (over >= CLIP_RUN_MIN)
                length = over;
            else if (length < CLIP_RUN_MIN || !stepped)
                continue;
            runs++;
            inside += length;
        }
    }
    out->clipped_runs = (double)runs;
    out->clipped_share = (double)inside / ((double)sound->n * sound->channels);
}

static double finite_or_nan(double value)
{
    return isfinite(value) ? value : NAN;
}

Loudness mel_measure_loudness(const float *interleaved, size_t n, int channels, int sample_rate_hz)
{
    Loudness out = {NAN, NAN, NAN};
    ebur128_state *meter = ebur128_init((unsigned)channels, (unsigned long)sample_rate_hz,
                                        EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_TRUE_PEAK);
    if (!meter) return out;
    double value, peak = 0;
    if (ebur128_add_frames_float(meter, interleaved, n) == EBUR128_SUCCESS) {
        if (ebur128_loudness_global(meter, &value) == EBUR128_SUCCESS)
            out.integrated_lufs = finite_or_nan(value);
        if (isfinite(out.integrated_lufs) && n >= 3 * (size_t)sample_rate_hz &&
            ebur128_loudness_range(meter, &value) == EBUR128_SUCCESS)
            out.range_lu = finite_or_nan(value);
        for (int c = 0; c < channels; c++)
            if (ebur128_true_peak(meter, (unsigned)c, &value) == EBUR128_SUCCESS)
                peak = fmax(peak, value);
        if (peak > 0) out.true_peak_dbtp = 20 * log10(peak);
    }
    ebur128_destroy(&meter);
    return out;
}

static void measure_loudness(const Sound *sound, AudioMeasures *out)
{
    Loudness loudness =
        mel_measure_loudness(sound->samples, sound->n, sound->channels, sound->rate_hz);
    out->loudness_lufs = loudness.integrated_lufs;
    out->loudness_range_lu = loudness.range_lu;
    out->true_peak_dbtp = loudness.true_peak_dbtp;
}

static void measure(const Sound *sound, AudioMeasures *out)
{
    Levels levels = add_levels(sound);
    double squares = 0;
    for (int c = 0; c < sound->channels; c++)
        squares += levels.squares[c];
    double rms = sqrt(squares / ((double)sound->n * sound->channels));
    measure_levels(sound, &levels, out);
    measure_stereo(sound, &levels, out);
    measure_clipping(sound, &levels, out);
    measure_loudness(sound, out);
    mel_measure_gaps(sound, rms, out);
    mel_measure_spectrum(sound, out);
}

void mel_measure_audio(const float *interleaved, size_t n, int channels, int sample_rate_hz,
                       AudioMeasures *out)
{
    MEL_ASSERT(channels >= 1 && channels <= MEASURE_CHANNELS_MAX && sample_rate_hz > 0);
#define X(name, unit, meaning) out->name = NAN;
    MEL_AUDIO_MEASURES(X)
#undef X
    if (!n) return;
    size_t count = n * (size_t)channels;
    float *clean = NULL;
    if (!all_finite(interleaved, count)) { /* broken float streams hold such things */
        clean = mel_alloc(count * sizeof *clean);
        for (size_t i = 0; i < count; i++)
            clean[i] = isfinite(interleaved[i]) ? interleaved[i] : 0;
    }
    Sound sound = {clean ? clean : interleaved, n, channels, sample_rate_hz};
    measure(&sound, out);
    free(clean);
}
