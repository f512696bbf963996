/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/player/melgram.h"

#include <kiss_fft.h>

#include <math.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;
static const double LOW_HZ = 40, HIGH_HZ = 16000, WINDOW_S = 0.043, RANGE_DB = 80;
static const float FLOOR_POWER = 1e-12F; /* what is quieter counts as silence */

static double mel_of(double hz)
{
    return 2595 * log10(1 + hz / 700);
}

/* Edges of the bands in mel, MELGRAM_BANDS + 2 of them at equal distances. */
static double edge_mel(int rate_hz, int i)
{
    double low = mel_of(LOW_HZ), high = mel_of(fmin(HIGH_HZ, rate_hz / 2.0));
    return low + (high - low) * i / (MELGRAM_BANDS + 1);
}

int mel_melgram_row(int rate_hz, double frequency_hz)
{
    double step = edge_mel(rate_hz, 1) - edge_mel(rate_hz, 0);
    long band = lround((mel_of(frequency_hz) - edge_mel(rate_hz, 1)) / step);
    if (band < 0) band = 0;
    if (band >= MELGRAM_BANDS) band = MELGRAM_BANDS - 1;
    return MELGRAM_BANDS - 1 - (int)band;
}

typedef struct Work {
    const LoadedClip *clip;
    kiss_fft_cfg fft;
    int size;
    float *window;
    float *weights;                               /* [MELGRAM_BANDS][size / 2 + 1] */
    int first[MELGRAM_BANDS], end[MELGRAM_BANDS]; /* lines of a band with any weight */
    float *lines;                                 /* powers of one column */
    kiss_fft_cpx *in, *spectrum;
    float *powers; /* [MELGRAM_BANDS][columns] */
    int columns;
} Work;

/* Where bands are narrower than the lines of the spectrum, each has at least the one nearest to its
 * centre, or it would be a black stripe. */
static void make_band(Work *work, int band)
{
    int rate_hz = work->clip->rate_hz, lines = work->size / 2 + 1, nearest = 0;
    double left = edge_mel(rate_hz, band), middle = edge_mel(rate_hz, band + 1);
    double right = edge_mel(rate_hz, band + 2), sum = 0;
    float *weights = work->weights + (ptrdiff_t)band * lines;
    for (int k = 0; k < lines; k++) {
        double mel = mel_of((double)k * rate_hz / work->size);
        double nearest_mel = mel_of((double)nearest * rate_hz / work->size);
        if (fabs(mel - middle) < fabs(nearest_mel - middle)) nearest = k;
        double up = (mel - left) / (middle - left), down = (right - mel) / (right - middle);
        weights[k] = (float)fmax(0, fmin(up, down));
        sum += weights[k];
    }
    if (sum <= 0) weights[nearest] = 1;
    int first = 0, end = lines;
    while (weights[first] == 0)
        first++;
    while (weights[end - 1] == 0)
        end--;
    for (int k = first; k < end && sum > 0; k++)
        weights[k] /= (float)sum;
    work->first[band] = first;
    work->end[band] = end;
}

static void prepare(Work *work)
{
    int rate_hz = work->clip->rate_hz;
    work->size = 256;
    while (work->size * 2 <= WINDOW_S * rate_hz * 1.01)
        work->size *= 2;
    size_t size = (size_t)work->size, lines = size / 2 + 1;
    int64_t frames = work->clip->frames;
    work->columns = (int)((frames * MELGRAM_COLUMNS_PER_S + rate_hz - 1) / rate_hz);
    work->fft = kiss_fft_alloc(work->size, 0, NULL, NULL);
    work->window = mel_alloc(size * sizeof *work->window);
    work->weights = mel_alloc(lines * MELGRAM_BANDS * sizeof *work->weights);
    work->lines = mel_alloc(lines * sizeof *work->lines);
    work->in = mel_alloc(size * sizeof *work->in);
    work->spectrum = mel_alloc(size * sizeof *work->spectrum);
    work->powers = mel_alloc((size_t)work->columns * MELGRAM_BANDS * sizeof *work->powers);
    for (int i = 0; i < work->size; i++)
        work->window[i] = (float)(0.5 - 0.5 * cos(2 * PI * i / work->size));
    for (int band = 0; band < MELGRAM_BANDS; band++)
        make_band(work, band);
}

static void clear(Work *work)
{
    kiss_fft_free(work->fft);
    free(work->window);
    free(work->weights);
    free(work->lines);
    free(work->in);
    free(work->spectrum);
    free(work->powers);
}

/* One channel is the real, the other the imaginary part of one transform; their powers, added, are
 * those of z[k] and z[size - k] together, halved. */
static void add_column(Work *work, int column)
{
    int64_t centre = (int64_t)column * work->clip->rate_hz / MELGRAM_COLUMNS_PER_S;
    for (int i = 0; i < work->size; i++) {
        int64_t at = centre - work->size / 2 + i;
        bool inside = at >= 0 && at < work->clip->frames;
        const float *x = work->clip->samples + (inside ? at * PLAYER_CHANNELS : 0);
        float weight = inside ? work->window[i] : 0;
        work->in[i] = (kiss_fft_cpx){x[0] * weight, x[1] * weight};
    }
    kiss_fft(work->fft, work->in, work->spectrum);
    int lines = work->size / 2 + 1;
    for (int k = 0; k < lines; k++) {
        kiss_fft_cpx a = work->spectrum[k], b = work->spectrum[(work->size - k) % work->size];
        work->lines[k] = (a.r * a.r + a.i * a.i + b.r * b.r + b.i * b.i) / 2;
    }
    for (int band = 0; band < MELGRAM_BANDS; band++) {
        const float *weights = work->weights + (ptrdiff_t)band * lines;
        float power = 0;
        for (int k = work->first[band]; k < work->end[band]; k++)
            power += weights[k] * work->lines[k];
        work->powers[(ptrdiff_t)band * work->columns + column] = power;
    }
}

static uint8_t *levels_of(const Work *work)
{
    size_t columns = (size_t)work->columns;
    uint8_t *levels = mel_alloc(columns * MELGRAM_BANDS + 1);
    float loudest = FLOOR_POWER;
    for (size_t i = 0; i < columns * MELGRAM_BANDS; i++)
        loudest = fmaxf(loudest, work->powers[i]);
    for (size_t band = 0; band < MELGRAM_BANDS; band++)
        for (size_t i = 0; i < columns; i++) {
            float power = fmaxf(work->powers[band * columns + i], FLOOR_POWER * 1e-9F);
            double db = 10 * log10((double)power / loudest), level = 255 * (1 + db / RANGE_DB);
            levels[(MELGRAM_BANDS - 1 - band) * columns + i] = (uint8_t)lround(fmax(0, level));
        }
    return levels;
}

bool mel_melgram(const LoadedClip *clip, const atomic_bool *cancel, Melgram *out)
{
    if (!clip->samples || !clip->frames) return false;
    Work work = {.clip = clip};
    prepare(&work);
    bool cancelled = false;
    for (int column = 0; column < work.columns && !cancelled; column++) {
        add_column(&work, column);
        cancelled = cancel && atomic_load_explicit(cancel, memory_order_relaxed);
    }
    if (!cancelled) *out = (Melgram){levels_of(&work), work.columns};
    clear(&work);
    return !cancelled;
}

void mel_melgram_clear(Melgram *melgram)
{
    free(melgram->levels);
    *melgram = (Melgram){0};
}
