/* SPDX-License-Identifier: Apache-2.0
 *
 * Landmarks of sound: resample to one rate, a spectrogram in decibels, onsets emphasised, peaks
 * that no neighbour in time or frequency hides, and pairs of them.
 *
 * The peak picker follows the idea of a decaying, spreading threshold run over the clip forwards
 * and backwards (D. Ellis, "Robust Landmark-Based Audio Fingerprinting", 2009), here in decibels:
 * a peak hides what lies below a bell around it, and the bell sinks as time goes on. Levels enter
 * as differences only, so that loudness does not matter. */
#include "curator/fingerprint.h"

#include <kiss_fftr.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    RATE_HZ = 11025,
    WINDOW = 1024,
    HOP = 256,
    BINS = 464,     /* up to 5 kHz, where the resampler begins to fade */
    LOWEST_BIN = 8, /* 86 Hz: hum and rumble say little */
    PEAKS_PER_HOP = 3,
    FAN_OUT = 3,
    DISTANCE_MIN = 2, /* hops between the peaks of a pair */
    DISTANCE_MAX = 63,
    SPREAD_MAX = 96, /* bins between the peaks of a pair */
};

static const double FLOOR_DBFS = -90; /* below it is silence */

/* Below the clip's loudest bin. What lies deeper is not music but the codec's, and emphasis would
 * make as much of it as of the music. */
static const double RANGE_DB = 45;
static const float POLE = 0.98f; /* of the onset emphasis: 1.1 s */
static const float BELL_DB = 8;  /* the bell's fall at BELL_BINS from its centre */
static const float BELL_BINS = 40;
static const float SINK_DB = 0.25f; /* of the threshold, per hop */
static const float PEAK_MIN_DB = 8;

double mel_landmark_hop_s(void)
{
    return (double)HOP / RATE_HZ;
}

/* ---- resampling --------------------------------------------------------------------------------
 */

enum { ZERO_CROSSINGS = 10, PHASES_MAX = 512 };
static const double PASS_HZ = 5200; /* half-way down; aliases fold to above BINS only */

typedef float Float4 __attribute__((vector_size(16)));

typedef struct Resampler {
    float *taps;       /* phases x width */
    int phases, width; /* width: taps of one phase, a multiple of 4 */
    int half;          /* of the taps lie before the point in time, and as many behind */
} Resampler;

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* A windowed sinc for each fraction of an input sample that an output can fall on; fractions finer
 * than 1/PHASES_MAX are rounded. */
static Resampler resampler_new(int rate_hz)
{
    int64_t exact = RATE_HZ / gcd(RATE_HZ, rate_hz);
    double cutoff = 2 * fmin(PASS_HZ / rate_hz, 0.47); /* of the input's Nyquist */
    int half = (int)ceil(ZERO_CROSSINGS / cutoff);
    Resampler r = {
        .phases = exact < PHASES_MAX ? (int)exact : PHASES_MAX,
        .width = (2 * half + 3) & ~3,
        .half = half,
    };
    r.taps = mel_alloc((size_t)r.phases * (size_t)r.width * sizeof *r.taps);
    for (int phase = 0; phase < r.phases; phase++) {
        float *taps = r.taps + (size_t)phase * r.width;
        double sum = 0;
        for (int i = 0; i < 2 * half; i++) {
            double t = i - (half - 1) - (double)phase / r.phases, x = M_PI * cutoff * t;
            double window = fabs(t) < half ? 0.5 + 0.5 * cos(M_PI * t / half) : 0;
            taps[i] = (float)(window * (fabs(x) < 1e-9 ? 1 : sin(x) / x));
            sum += taps[i];
        }
        for (int i = 0; i < 2 * half; i++)
            taps[i] = (float)(taps[i] / sum);
    }
    return r;
}

static float dot(const float *a, const float *b, int n)
{
    Float4 sum = {0};
    for (int i = 0; i < n; i += 4) {
        Float4 x, y;
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        sum += x * y;
    }
    return sum[0] + sum[1] + sum[2] + sum[3];
}

/* The sound at RATE_HZ, yours; NULL when there is less than one window. */
static float *resample(const float *mono, size_t n, int rate_hz, size_t *n_out)
{
    size_t count = (size_t)((double)n * RATE_HZ / rate_hz);
    if (count < WINDOW || n > SIZE_MAX / sizeof(float) / 4) return NULL;
    Resampler r = resampler_new(rate_hz);
    size_t before = (size_t)r.half - 1, padded = n + 2 * (size_t)r.width;
    float *in = mel_alloc(padded * sizeof *in), *out = mel_alloc(count * sizeof *out);
    for (size_t i = 0; i < n; i++)
        in[before + i] = isfinite(mono[i]) ? mono[i] : 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = (uint64_t)i * (uint64_t)rate_hz;
        uint64_t base = at / RATE_HZ;
        int phase = (int)((at % RATE_HZ) * (uint64_t)r.phases / RATE_HZ);
        const float *taps = r.taps + (size_t)phase * r.width;
        out[i] = dot(in + base, taps, r.width);
    }
    free(in);
    free(r.taps);
    *n_out = count;
    return out;
}

/* ---- spectrogram
 * --------------------------------------------------------------------------------- */

typedef struct Spectrogram {
    float *db; /* hops x BINS; after emphasis: rise over the recent past */
    size_t hops;
} Spectrogram;

static void window_fill(float window[WINDOW])
{
    for (int i = 0; i < WINDOW; i++)
        window[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / WINDOW));
}

/* Power of each bin; returns the largest. A full-scale sine has power 1. */
static float measure(const float *sound, Spectrogram *s)
{
    float window[WINDOW], frame[WINDOW], largest = 0;
    kiss_fft_cpx bins[WINDOW / 2 + 1];
    kiss_fftr_cfg fft = kiss_fftr_alloc(WINDOW, 0, NULL, NULL);
    MEL_ASSERT(fft);
    window_fill(window);
    for (size_t t = 0; t < s->hops; t++) {
        for (int i = 0; i < WINDOW; i++)
            frame[i] = sound[t * HOP + (size_t)i] * window[i];
        kiss_fftr(fft, frame, bins);
        float *row = s->db + t * BINS;
        for (int k = 0; k < BINS; k++) {
            float power =
                (bins[k].r * bins[k].r + bins[k].i * bins[k].i) * (16.0f / WINDOW / WINDOW);
            row[k] = power;
            if (power > largest) largest = power;
        }
    }
    kiss_fftr_free(fft);
    return largest;
}

/* Decibels above the floor, then a one-pole high-pass along time: what rises is what makes music
 * recognisable, and its moment is sharp. */
static void emphasise(Spectrogram *s, float largest)
{
    float floor = fmaxf((float)pow(10, FLOOR_DBFS / 10), largest * (float)pow(10, -RANGE_DB / 10));
    float before[BINS], risen[BINS] = {0};
    for (size_t t = 0; t < s->hops; t++) {
        float *row = s->db + t * BINS;
        for (int k = 0; k < BINS; k++) {
            float db = row[k] > floor ? 10 * log10f(row[k] / floor) : 0;
            if (!t) before[k] = db;
            risen[k] = db - before[k] + POLE * risen[k];
            before[k] = db;
            row[k] = risen[k];
        }
    }
}

/* ---- peaks
 * --------------------------------------------------------------------------------------- */

typedef struct Peak {
    uint32_t hop;
    int bin;
    float level;
    float time, frequency; /* hops and bins, between the grid's points */
} Peak;

typedef struct Peaks {
    Peak *items;
    size_t count, capacity;
} Peaks;

typedef struct Hider {
    float bell[2 * BINS]; /* fall at a distance in bins, centre at BINS */
    float threshold[BINS];
} Hider;

static void hider_init(Hider *hider)
{
    for (int i = 0; i < 2 * BINS; i++) {
        float d = (float)(i - BINS) / BELL_BINS;
        hider->bell[i] = BELL_DB * d * d;
    }
    for (int k = 0; k < BINS; k++)
        hider->threshold[k] = PEAK_MIN_DB;
}

static void hide(Hider *hider, int bin, float level)
{
    const float *bell = hider->bell + BINS - bin;
    for (int k = 0; k < BINS; k++)
        hider->threshold[k] = fmaxf(hider->threshold[k], level - bell[k]);
}

static void sink(Hider *hider)
{
    for (int k = 0; k < BINS; k++)
        hider->threshold[k] = fmaxf(hider->threshold[k] - SINK_DB, PEAK_MIN_DB);
}

/* The highest local maxima of one row above the threshold, highest first. */
static int row_peaks(const float *row, const float *threshold, Peak out[PEAKS_PER_HOP])
{
    int count = 0;
    for (int k = LOWEST_BIN; k < BINS - 1; k++) {
        if (row[k] <= threshold[k] || row[k] < row[k - 1] || row[k] <= row[k + 1]) continue;
        int at = count < PEAKS_PER_HOP ? count++ : PEAKS_PER_HOP;
        for (; at > 0 && out[at - 1].level < row[k]; at--)
            if (at < PEAKS_PER_HOP) out[at] = out[at - 1];
        if (at < PEAKS_PER_HOP) out[at] = (Peak){.bin = k, .level = row[k]};
    }
    return count;
}

static void find_forwards(const Spectrogram *s, Peaks *peaks)
{
    Hider hider;
    hider_init(&hider);
    for (size_t t = 0; t < s->hops; t++) {
        const float *row = s->db + t * BINS;
        Peak found[PEAKS_PER_HOP];
        int count = row_peaks(row, hider.threshold, found);
        for (int i = 0; i < count; i++) {
            if (found[i].level <= hider.threshold[found[i].bin])
                continue; /* hidden by a higher one */
            hide(&hider, found[i].bin, found[i].level);
            mel_grow(&peaks->items, &peaks->capacity, peaks->count + 1, sizeof *peaks->items);
            found[i].hop = (uint32_t)t;
            peaks->items[peaks->count++] = found[i];
        }
        sink(&hider);
    }
}

/* Drops peaks that a later one hides; keeps the order. */
static void prune_backwards(const Spectrogram *s, Peaks *peaks)
{
    Hider hider;
    hider_init(&hider);
    size_t kept = 0, i = peaks->count;
    for (size_t t = s->hops; t-- > 0;) {
        size_t first = i;
        while (first > 0 && peaks->items[first - 1].hop == t)
            first--;
        for (size_t j = first; j < i; j++) { /* highest first */
            Peak *peak = &peaks->items[j];
            if (peak->level <= hider.threshold[peak->bin])
                peak->level = -1;
            else
                hide(&hider, peak->bin, peak->level);
        }
        i = first;
        sink(&hider);
    }
    for (size_t j = 0; j < peaks->count; j++)
        if (peaks->items[j].level >= 0) peaks->items[kept++] = peaks->items[j];
    peaks->count = kept;
}

/* Where a parabola through three neighbours has its top, -0.5..0.5 from the middle one. */
static float top_between(float left, float middle, float right)
{
    float bend = left - 2 * middle + right;
    return bend < 0 ? fmaxf(-0.5f, fminf(0.5f, 0.5f * (left - right) / bend)) : 0;
}

/* Two copies fall on the grid differently; between its points they agree better. */
static void locate(const Spectrogram *s, Peaks *peaks)
{
    for (size_t i = 0; i < peaks->count; i++) {
        Peak *peak = &peaks->items[i];
        const float *at = s->db + (size_t)peak->hop * BINS + peak->bin;
        peak->frequency = (float)peak->bin + top_between(at[-1], at[0], at[1]);
        peak->time = (float)peak->hop;
        if (peak->hop > 0 && peak->hop + 1 < s->hops)
            peak->time += top_between(at[-BINS], at[0], at[BINS]);
    }
}

/* ---- pairs -------------------------------------------------------------------------------------
 */

typedef struct Marks {
    Landmark *items;
    size_t count, capacity;
} Marks;

/* Frequencies and distance by steps of two bins and two hops: 8 + 8 + 6 bits. */
static Landmark pair_of(const Peak *a, const Peak *b)
{
    uint32_t low = (uint32_t)lrintf(a->frequency / 2), high = (uint32_t)lrintf(b->frequency / 2);
    uint32_t distance = (uint32_t)lrintf((b->time - a->time) / 2);
    return (Landmark){
        .hash = low << 14 | high << 6 | distance,
        .position = (uint32_t)lrintf(a->time),
    };
}

static void add_pairs(const Peaks *peaks, Marks *marks)
{
    for (size_t i = 0; i < peaks->count; i++) {
        const Peak *a = &peaks->items[i];
        int made = 0;
        for (size_t j = i + 1; j < peaks->count && made < FAN_OUT; j++) {
            const Peak *b = &peaks->items[j];
            uint32_t distance = b->hop - a->hop;
            if (distance > DISTANCE_MAX) break;
            if (distance < DISTANCE_MIN || abs(b->bin - a->bin) > SPREAD_MAX) continue;
            mel_grow(&marks->items, &marks->capacity, marks->count + 1, sizeof *marks->items);
            marks->items[marks->count++] = pair_of(a, b);
            made++;
        }
    }
}

/* A permutation of 32-bit numbers (the finaliser of MurmurHash3). */
static uint32_t scramble(uint32_t x)
{
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

static int by_scrambled(const void *a, const void *b)
{
    const Landmark *x = a, *y = b;
    uint32_t p = scramble(x->hash), q = scramble(y->hash);
    if (p != q) return p < q ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

static int by_position(const void *a, const void *b)
{
    const Landmark *x = a, *y = b;
    if (x->position != y->position) return x->position < y->position ? -1 : 1;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* When there are too many, which ones stay depends on their hashes alone, so that two copies keep
 * the same ones. */
static size_t take(Marks *marks, Landmark out[LANDMARKS_MAX])
{
    size_t count = marks->count;
    if (count > LANDMARKS_MAX) {
        qsort(marks->items, count, sizeof *marks->items, by_scrambled);
        count = LANDMARKS_MAX;
    }
    if (count) memcpy(out, marks->items, count * sizeof *out);
    qsort(out, count, sizeof *out, by_position);
    return count;
}

size_t mel_audio_landmarks(const float *mono, size_t n, int sample_rate_hz,
                           Landmark out[LANDMARKS_MAX])
{
    MEL_ASSERT(sample_rate_hz >= 8000);
    size_t length = 0, count = 0;
    float *sound = resample(mono, n, sample_rate_hz, &length);
    if (!sound) return 0;
    Spectrogram s = {.hops = (length - WINDOW) / HOP + 1};
    s.db = mel_alloc(s.hops * BINS * sizeof *s.db);
    float largest = measure(sound, &s);
    if (largest > pow(10, FLOOR_DBFS / 10)) {
        Peaks peaks = {0};
        Marks marks = {0};
        emphasise(&s, largest);
        find_forwards(&s, &peaks);
        prune_backwards(&s, &peaks);
        locate(&s, &peaks);
        add_pairs(&peaks, &marks);
        count = take(&marks, out);
        free(peaks.items);
        free(marks.items);
    }
    free(s.db);
    free(sound);
    return count;
}
