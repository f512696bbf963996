/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/vocoder.h"

#include "engine/front/mel.h"

#include <kiss_fftr.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { INVERSE_ROUNDS = 60, MEL_BINS_MAX = 256 };
static const double momentum = 0.99;

/* Of one thread: kiss_fft's plans hold scratch memory. */
typedef struct Worker {
    kiss_fftr_cfg forth, back;
    float *frame;
} Worker;

typedef struct Stft {
    const MelSettings *settings;
    int64_t frames, samples;
    int bins;                /* fft/2 + 1 */
    double *window, *weight; /* weight: Σ of squared windows over each sample */
    float *pieces;           /* [frames, fft]: the inverse transforms of all frames */
    Worker *workers;
    int threads;
} Stft;

static void stft_open(Stft *s, int64_t frames)
{
    const MelSettings *m = mel_front_settings(MEL_FRONT_AUDIOLDM);
    *s = (Stft){.settings = m,
                .frames = frames,
                .samples = frames * m->hop,
                .bins = m->fft / 2 + 1,
                .threads = omp_get_max_threads()};
    s->window = mel_alloc((size_t)m->fft * sizeof *s->window);
    s->pieces = mel_alloc((size_t)(frames * m->fft) * sizeof *s->pieces);
    s->weight = mel_alloc((size_t)s->samples * sizeof *s->weight);
    s->workers = mel_alloc((size_t)s->threads * sizeof *s->workers);
    for (int i = 0; i < s->threads; i++)
        s->workers[i] = (Worker){.forth = kiss_fftr_alloc(m->fft, 0, NULL, NULL),
                                 .back = kiss_fftr_alloc(m->fft, 1, NULL, NULL),
                                 .frame = mel_alloc((size_t)m->fft * sizeof(float))};
    mel_hann_window(m->window, s->window);
    for (int64_t t = 0; t < frames; t++)
        for (int i = 0; i < m->fft; i++) {
            int64_t at = t * m->hop + i - m->fft / 2;
            if (at >= 0 && at < s->samples) s->weight[at] += s->window[i] * s->window[i];
        }
}

static void stft_close(Stft *s)
{
    for (int i = 0; i < s->threads; i++) {
        kiss_fftr_free(s->workers[i].forth);
        kiss_fftr_free(s->workers[i].back);
        free(s->workers[i].frame);
    }
    free(s->workers);
    free(s->window);
    free(s->pieces);
    free(s->weight);
}

/* Samples outside are those reflected at the end. */
static int64_t reflected(int64_t at, int64_t samples)
{
    if (at < 0) at = -at;
    if (at >= samples) at = 2 * (samples - 1) - at;
    return at < 0 ? 0 : at;
}

static void spectrum(const Stft *s, const float *samples, kiss_fft_cpx *out)
{
    const MelSettings *m = s->settings;
#pragma omp parallel for schedule(static) num_threads(s->threads)
    for (int64_t t = 0; t < s->frames; t++) {
        const Worker *worker = &s->workers[omp_get_thread_num()];
        for (int i = 0; i < m->fft; i++) {
            int64_t at = reflected(t * m->hop + i - m->fft / 2, s->samples);
            worker->frame[i] = (float)(samples[at] * s->window[i]);
        }
        kiss_fftr(worker->forth, worker->frame, out + t * s->bins);
    }
}

/* One sample: what the frames over it say, weighted by their windows. */
static float overlap(const Stft *s, int64_t at)
{
    const MelSettings *m = s->settings;
    int64_t middle = at + m->fft / 2, last = middle / m->hop;
    double sum = 0;
    if (last >= s->frames) last = s->frames - 1;
    for (int64_t t = last; t >= 0 && middle - t * m->hop < m->fft; t--)
        sum += s->pieces[t * m->fft + middle - t * m->hop] * s->window[middle - t * m->hop];
    return (float)(sum / m->fft / fmax(s->weight[at], 1e-8));
}

/* The signal whose spectrum is nearest. */
static void signal_of(const Stft *s, const kiss_fft_cpx *lines, float *samples)
{
    const MelSettings *m = s->settings;
#pragma omp parallel num_threads(s->threads)
    {
        const Worker *worker = &s->workers[omp_get_thread_num()];
#pragma omp for schedule(static)
        for (int64_t t = 0; t < s->frames; t++)
            kiss_fftri(worker->back, lines + t * s->bins, s->pieces + t * m->fft);
#pragma omp for schedule(static)
        for (int64_t at = 0; at < s->samples; at++)
            samples[at] = overlap(s, at);
    }
}

/* Where a mel bin's triangle begins and ends. */
typedef struct Triangle {
    const float *weights;
    int from, to;
} Triangle;

static void find_triangles(const Stft *s, const float *bank, Triangle *out)
{
    for (int b = 0; b < s->settings->bins; b++) {
        Triangle t = {.weights = bank + b * s->bins, .from = 0, .to = s->bins};
        while (t.from < t.to && t.weights[t.from] == 0)
            t.from++;
        while (t.to > t.from && t.weights[t.to - 1] == 0)
            t.to--;
        out[b] = t;
    }
}

/* Magnitudes x ≥ 0 with bank·x near the mel energies of one frame: multiplicative updates of Lee
 * and Seung, which never leave the positive. */
static void invert_frame(const Stft *s, const Triangle *triangles, const float *log_mel, float *x,
                         double *up, const double *down)
{
    double wanted[MEL_BINS_MAX];
    for (int b = 0; b < s->settings->bins; b++)
        wanted[b] = exp((double)log_mel[b]);
    for (int k = 0; k < s->bins; k++)
        x[k] = 1e-3F;
    for (int round = 0; round < INVERSE_ROUNDS; round++) {
        for (int k = 0; k < s->bins; k++)
            up[k] = 0;
        for (int b = 0; b < s->settings->bins; b++) {
            const Triangle *t = &triangles[b];
            double have = 1e-9;
            for (int k = t->from; k < t->to; k++)
                have += (double)t->weights[k] * x[k];
            for (int k = t->from; k < t->to; k++)
                up[k] += t->weights[k] * (wanted[b] / have);
        }
        for (int k = 0; k < s->bins; k++)
            x[k] = down[k] > 0 ? (float)(x[k] * up[k] / down[k]) : 0;
    }
}

static void magnitudes(const Stft *s, const float *log_mel, float *out)
{
    const MelSettings *m = s->settings;
    float *bank = mel_alloc((size_t)(m->bins * s->bins) * sizeof *bank);
    Triangle *triangles = mel_alloc((size_t)m->bins * sizeof *triangles);
    double *up = mel_alloc((size_t)(s->bins * s->threads) * sizeof *up);
    double *down = mel_alloc((size_t)s->bins * sizeof *down);
    MEL_ASSERT(m->bins <= MEL_BINS_MAX);
    mel_filter_bank(m, bank);
    find_triangles(s, bank, triangles);
    for (int b = 0; b < m->bins; b++)
        for (int k = triangles[b].from; k < triangles[b].to; k++)
            down[k] += triangles[b].weights[k];
#pragma omp parallel for schedule(static) num_threads(s->threads)
    for (int64_t t = 0; t < s->frames; t++)
        invert_frame(s, triangles, log_mel + t * m->bins, out + t * s->bins,
                     up + (int64_t)omp_get_thread_num() * s->bins, down);
    free(up);
    free(down);
    free(triangles);
    free(bank);
}

static void impose(const Stft *s, const float *size, const kiss_fft_cpx *now, kiss_fft_cpx *before,
                   kiss_fft_cpx *out)
{
#pragma omp parallel for schedule(static) num_threads(s->threads)
    for (int64_t i = 0; i < s->frames * s->bins; i++) {
        float r = now[i].r + (float)momentum * (now[i].r - before[i].r);
        float j = now[i].i + (float)momentum * (now[i].i - before[i].i);
        float length = sqrtf(r * r + j * j);
        float scale = length > 1e-12F ? size[i] / length : 0;
        before[i] = now[i];
        out[i] = (kiss_fft_cpx){.r = r * scale, .i = j * scale};
    }
}

void mel_griffin_lim(const float *log_mel, int64_t frames, int iterations, float *samples)
{
    Stft s;
    stft_open(&s, frames);
    size_t count = (size_t)(frames * s.bins);
    float *size = mel_alloc(count * sizeof *size);
    kiss_fft_cpx *now = mel_alloc(count * sizeof *now), *before = mel_alloc(count * sizeof *before);
    kiss_fft_cpx *next = mel_alloc(count * sizeof *next);
    Rng rng = {.seed = 1};
    magnitudes(&s, log_mel, size);
    for (size_t i = 0; i < count; i++) {
        double phase = mel_rng_range(&rng, 0, 6.283185307179586);
        next[i] =
            (kiss_fft_cpx){.r = (float)(size[i] * cos(phase)), .i = (float)(size[i] * sin(phase))};
    }
    for (int i = 0; i < iterations; i++) {
        signal_of(&s, next, samples);
        spectrum(&s, samples, now);
        if (i == 0) memcpy(before, now, count * sizeof *now);
        impose(&s, size, now, before, next);
    }
    signal_of(&s, next, samples);
    free(size);
    free(now);
    free(before);
    free(next);
    stft_close(&s);
}
