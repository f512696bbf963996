/* SPDX-License-Identifier: Apache-2.0
 *
 * One spectrogram serves two questions: how far up the sound reaches (its long-term spectrum) and
 * where notes begin (its changes). The first two channels go through one complex transform. */
#include "curator/measures_internal.h"

#include "base/base.h"

#include <kiss_fft.h>

#include <math.h>
#include <stdlib.h>

enum { BANDS = 20 };

static const double WINDOW_S = 0.02; /* at least; rounded up to a power of two */
static const double BAND_LOW_HZ = 60, BAND_HIGH_HZ = 12000;

typedef struct Spectrum {
    int size, hop, bins; /* bins: size / 2 */
    size_t frames;
    double bin_hz;
    float *window;
    double *power;        /* bins: long-term mean; a full-scale sine in one channel has 1 */
    float *bands;         /* frames x BANDS, power */
    float *strength;      /* frames: how much begins there */
    int edges[BANDS + 1]; /* bins */
} Spectrum;

static bool spectrum_init(Spectrum *s, const Sound *sound)
{
    *s = (Spectrum){.size = 64};
    while (s->size < WINDOW_S * sound->rate_hz)
        s->size *= 2;
    if (sound->n < 2 * (size_t)s->size) return false;
    s->hop = s->size / 2;
    s->bins = s->size / 2;
    s->bin_hz = (double)sound->rate_hz / s->size;
    s->frames = (sound->n - (size_t)s->size) / (size_t)s->hop + 1;
    s->window = mel_alloc((size_t)s->size * sizeof *s->window);
    s->power = mel_alloc((size_t)s->bins * sizeof *s->power);
    s->bands = mel_alloc(s->frames * BANDS * sizeof *s->bands);
    s->strength = mel_alloc(s->frames * sizeof *s->strength);
    for (int i = 0; i < s->size; i++)
        s->window[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / s->size));
    double top = fmin(BAND_HIGH_HZ, 0.45 * sound->rate_hz);
    for (int b = 0; b <= BANDS; b++) {
        int edge = (int)lrint(BAND_LOW_HZ * pow(top / BAND_LOW_HZ, (double)b / BANDS) / s->bin_hz);
        s->edges[b] = b && edge <= s->edges[b - 1] ? s->edges[b - 1] + 1 : edge > 1 ? edge : 1;
    }
    return s->edges[BANDS] <= s->bins;
}

static void spectrum_clear(Spectrum *s)
{
    free(s->window);
    free(s->power);
    free(s->bands);
    free(s->strength);
}

/* Left in the real, right in the imaginary part: their powers come apart again, since the spectrum
 * of each is symmetric. */
static void fill_frame(const Sound *sound, const Spectrum *s, size_t at, kiss_fft_cpx *frame)
{
    const float *x = sound->samples + at * (size_t)sound->channels;
    for (int i = 0; i < s->size; i++, x += sound->channels) {
        frame[i].r = x[0] * s->window[i];
        frame[i].i = sound->channels > 1 ? x[1] * s->window[i] : 0;
    }
}

static void add_frame(Spectrum *s, size_t t, const kiss_fft_cpx *z, float *power)
{
    float scale = 8.0f / (float)s->size / (float)s->size;
    for (int k = 1; k < s->bins; k++) {
        const kiss_fft_cpx *a = &z[k], *b = &z[s->size - k];
        power[k] = (a->r * a->r + a->i * a->i + b->r * b->r + b->i * b->i) * scale;
        s->power[k] += power[k];
    }
    for (int b = 0; b < BANDS; b++) {
        float sum = 0;
        for (int k = s->edges[b]; k < s->edges[b + 1]; k++)
            sum += power[k];
        s->bands[t * BANDS + (size_t)b] = sum;
    }
}

static bool transform(const Sound *sound, Spectrum *s)
{
    kiss_fft_cfg fft = kiss_fft_alloc(s->size, 0, NULL, NULL);
    if (!fft) return false;
    kiss_fft_cpx *frame = mel_alloc((size_t)s->size * sizeof *frame);
    kiss_fft_cpx *z = mel_alloc((size_t)s->size * sizeof *z);
    float *power = mel_alloc((size_t)s->bins * sizeof *power);
    for (size_t t = 0; t < s->frames; t++) {
        fill_frame(sound, s, t * (size_t)s->hop, frame);
        kiss_fft(fft, frame, z);
        add_frame(s, t, z, power);
    }
    for (int k = 0; k < s->bins; k++)
        s->power[k] /= (double)s->frames;
    free(power);
    free(z);
    free(frame);
    kiss_fft_free(fft);
    return true;
}

/* Mean rise of the bands' levels, compressed so that 30 dB below the mean counts as nothing. */
static void find_strength(Spectrum *s)
{
    double mean = 0;
    for (size_t i = 0; i < s->frames * BANDS; i++)
        mean += s->bands[i];
    mean /= (double)(s->frames * BANDS);
    if (!(mean > 0)) return;
    float before[BANDS] = {0};
    for (size_t t = 0; t < s->frames; t++) {
        float rise = 0;
        for (int b = 0; b < BANDS; b++) {
            float level = log1pf(1000 * s->bands[t * BANDS + (size_t)b] / (float)mean);
            if (t && level > before[b]) rise += level - before[b];
            before[b] = level;
        }
        s->strength[t] = rise / BANDS;
    }
}

/* ---- bandwidth ----------------------------------------------------------------------------------
 *
 * The noise floor is what a sound's spectrum falls to and stays at. It is found in two ways, and
 * the lower answer counts:
 *   level: where the spectrum last stands 6 dB over the rounding noise of 16 bits and not more
 *          than 80 dB under its highest;
 *   cliff: where it falls by 10 dB or more within a few hundred hertz and never comes back: the
 *          edge of a lossy codec, of an upsampled recording, of a filter.
 * A weak lone line above all else (a pilot tone, the whine of a screen) is not the sound's. */

static const double SMOOTH_HZ = 150, BESIDE_HZ = 500, GUARD_HZ = 100;
static const double CLIFF_DB = 10, EDGE_DB = 6, BELOW_HIGHEST_DB = 80;
static const double LINE_HZ = 400, LONE_HZ = 1500, LINE_SHARE = 0.01;
enum { LINES_MAX = 3 };

static int to_bins(const Spectrum *s, double hz, int at_least)
{
    int bins = (int)lrint(hz / s->bin_hz);
    return bins > at_least ? bins : at_least;
}

static void smooth_db(const Spectrum *s, double *db)
{
    int half = to_bins(s, SMOOTH_HZ, 1);
    for (int k = 0; k < s->bins; k++) {
        int from = k > half ? k - half : 1, to = k + half < s->bins ? k + half + 1 : s->bins;
        double sum = 0;
        for (int i = from; i < to; i++)
            sum += s->power[i];
        db[k] = 10 * log10(sum / (to - from) + 1e-20);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, int n, double *scratch)
{
    for (int i = 0; i < n; i++)
        scratch[i] = values[i];
    qsort(scratch, (size_t)n, sizeof *scratch, by_value);
    return scratch[n / 2];
}

static double highest_of(const double *db, int from, int to)
{
    double highest = -INFINITY;
    for (int k = from; k < to; k++)
        highest = fmax(highest, db[k]);
    return highest;
}

static int level_edge(const Spectrum *s, const double *db)
{
    double rounding = 1.0 / 32768 / 32768 / 12;            /* variance of 16-bit rounding */
    double floor = 10 * log10(4 * 6 * rounding / s->size); /* in one bin of a Hann window */
    double limit = fmax(floor, highest_of(db, 1, s->bins) - BELOW_HIGHEST_DB);
    for (int k = s->bins - 1; k > 0; k--)
        if (db[k] > limit) return k;
    return 0;
}

/* The bin of the highest cliff, or `top` when there is none. */
static int cliff_edge(const Spectrum *s, const double *db, int top)
{
    int beside = to_bins(s, BESIDE_HZ, 4), guard = to_bins(s, GUARD_HZ, 1), best = 0;
    double *scratch = mel_alloc((size_t)s->bins * sizeof *scratch), best_drop = CLIFF_DB, level = 0;
    for (int k = s->bins - guard - 3; k > beside + guard; k--) {
        if (best && k < best - beside) break; /* the first one from above, at its steepest */
        int above = s->bins - k - guard;
        double under = median(db + k - guard - beside, beside, scratch);
        double over = median(db + k + guard, above < beside ? above : beside, scratch);
        if (under - over <= best_drop) continue;
        if (under - median(db + k + guard, above, scratch) <= CLIFF_DB) continue;
        best = k;
        best_drop = under - over;
        level = under;
    }
    free(scratch);
    if (!best) return top;
    int edge = best + beside < s->bins ? best + beside : s->bins - 1;
    while (edge > 1 && db[edge] < level - EDGE_DB)
        edge--;
    return edge < top ? edge : top;
}

static int find_edge(const Spectrum *s, const double *db)
{
    int edge = level_edge(s, db);
    return edge ? cliff_edge(s, db, edge) : 0;
}

static double power_of(const Spectrum *s, int from, int to)
{
    double sum = 0;
    for (int k = from > 1 ? from : 1; k < to && k < s->bins; k++)
        sum += s->power[k];
    return sum;
}

/* Takes out what reaches up to `edge` when it is a line: weak, narrow, and nothing of its kind for
 * LONE_HZ below it, where harmonics of the music would be. Returns whether it did. */
static bool remove_line(const Spectrum *s, double *db, int edge)
{
    int half = to_bins(s, LINE_HZ, 3), lone = to_bins(s, LONE_HZ, 8), peak = edge;
    for (int k = edge; k > edge - 2 * half && k > 0; k--)
        if (db[k] > db[peak]) peak = k;
    if (peak <= lone) return false;
    if (power_of(s, peak - half, peak + half) > LINE_SHARE * power_of(s, 1, s->bins)) return false;
    if (highest_of(db, peak - lone, peak - half) > db[peak] - CLIFF_DB) return false;
    double beside = INFINITY;
    for (int k = peak - lone; k < peak; k++)
        beside = fmin(beside, db[k]);
    for (int k = peak - lone; k < peak + lone && k < s->bins; k++)
        db[k] = fmin(db[k], beside);
    return true;
}

static double bandwidth(const Spectrum *s)
{
    double *db = mel_alloc((size_t)s->bins * sizeof *db);
    smooth_db(s, db);
    int edge = find_edge(s, db);
    for (int i = 0, lower; i < LINES_MAX && edge && remove_line(s, db, edge); i++, edge = lower)
        if (!(lower = find_edge(s, db))) break;
    free(db);
    if (!edge) return NAN;
    return edge >= s->bins - 1 ? s->bins * s->bin_hz : (edge + 0.5) * s->bin_hz;
}

static Rhythm rhythm_of(Spectrum *s, const Sound *sound)
{
    find_strength(s);
    return mel_find_rhythm(s->strength, s->frames, (double)sound->rate_hz / s->hop);
}

void mel_measure_spectrum(const Sound *sound, AudioMeasures *out)
{
    Spectrum s;
    if (spectrum_init(&s, sound) && transform(sound, &s)) {
        Rhythm rhythm = rhythm_of(&s, sound);
        out->bandwidth_hz = bandwidth(&s);
        out->onset_rate_hz = rhythm.onset_rate_hz;
        out->tempo_bpm = rhythm.pulse.bpm;
    }
    spectrum_clear(&s);
}

Pulse mel_measure_pulse(const float *interleaved, size_t n, int channels, int sample_rate_hz)
{
    Spectrum s;
    Pulse pulse = {NAN, NAN};
    const Sound sound = {interleaved, n, channels, sample_rate_hz};
    if (spectrum_init(&s, &sound) && transform(&sound, &s)) pulse = rhythm_of(&s, &sound).pulse;
    spectrum_clear(&s);
    return pulse;
}
