/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/vocoder.h"

#include "engine/clones.h"
#include "engine/diffusion/mel_inverse.h"

#include <kiss_fftr.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static const float momentum = 0.99F;

/* Of one thread: kiss_fft's plans hold scratch memory. */
typedef struct Worker {
    kiss_fftr_cfg forth, back;
    float *frame;
    kiss_fft_cpx *lines;
} Worker;

typedef struct Stft {
    int fft, hop, bins; /* bins: fft/2 + 1 */
    int64_t frames, samples;
    float *window; /* [fft] */
    float *scale;  /* [samples]: 1/(fft · Σ of the squared windows over a sample) */
    float *pieces; /* [frames, fft]: the inverse transforms of all frames */
    Worker *workers;
    int threads;
} Stft;

static void weigh(Stft *s, const double *window)
{
    double *weight = mel_alloc((size_t)s->samples * sizeof *weight);
    for (int64_t t = 0; t < s->frames; t++)
        for (int i = 0; i < s->fft; i++) {
            int64_t at = t * s->hop + i - s->fft / 2;
            if (at >= 0 && at < s->samples) weight[at] += window[i] * window[i];
        }
    for (int64_t at = 0; at < s->samples; at++)
        s->scale[at] = (float)(1 / (s->fft * fmax(weight[at], 1e-8)));
    free(weight);
}

static void stft_open(Stft *s, const MelSettings *settings, int64_t frames)
{
    *s = (Stft){.fft = settings->fft,
                .hop = settings->hop,
                .bins = settings->fft / 2 + 1,
                .frames = frames,
                .samples = frames * settings->hop,
                .threads = omp_get_max_threads()};
    double *window = mel_alloc((size_t)s->fft * sizeof *window);
    mel_hann_window(s->fft, window);
    s->window = mel_alloc((size_t)s->fft * sizeof *s->window);
    for (int i = 0; i < s->fft; i++)
        s->window[i] = (float)window[i];
    s->scale = mel_alloc((size_t)s->samples * sizeof *s->scale);
    weigh(s, window);
    s->pieces = mel_alloc((size_t)(frames * s->fft) * sizeof *s->pieces);
    s->workers = mel_alloc((size_t)s->threads * sizeof *s->workers);
    for (int i = 0; i < s->threads; i++)
        s->workers[i] = (Worker){.forth = kiss_fftr_alloc(s->fft, 0, NULL, NULL),
                                 .back = kiss_fftr_alloc(s->fft, 1, NULL, NULL),
                                 .frame = mel_alloc((size_t)s->fft * sizeof(float)),
                                 .lines = mel_alloc((size_t)s->bins * sizeof(kiss_fft_cpx))};
    free(window);
}

static void stft_close(Stft *s)
{
    for (int i = 0; i < s->threads; i++) {
        kiss_fftr_free(s->workers[i].forth);
        kiss_fftr_free(s->workers[i].back);
        free(s->workers[i].frame);
        free(s->workers[i].lines);
    }
    free(s->workers);
    free(s->window);
    free(s->scale);
    free(s->pieces);
}

/* Samples outside are those reflected at the end. */
static int64_t reflected(int64_t at, int64_t samples)
{
    if (at < 0) at = -at;
    if (at >= samples) at = 2 * (samples - 1) - at;
    return at < 0 ? 0 : at;
}

MEL_CLONES static void window_frame(const Stft *s, const float *restrict samples, int64_t t,
                                    float *restrict frame)
{
    int64_t from = t * s->hop - s->fft / 2;
    bool inside = from >= 0 && from + s->fft <= s->samples;
    const float *restrict window = s->window;
    if (inside)
        for (int i = 0; i < s->fft; i++)
            frame[i] = samples[from + i] * window[i];
    else
        for (int i = 0; i < s->fft; i++)
            frame[i] = samples[reflected(from + i, s->samples)] * window[i];
}

/* One hop's samples: what the frames over them say, weighted by their windows. */
MEL_CLONES static void overlap(const Stft *s, int64_t hop, float *out)
{
    int64_t middle = hop * s->hop + s->fft / 2; /* where frame 0 has the first sample */
    memset(out, 0, (size_t)s->hop * sizeof *out);
    for (int64_t t = hop - s->fft / 2 / s->hop; t <= (middle + s->hop - 1) / s->hop; t++) {
        int64_t at = middle - t * s->hop; /* where frame t has it */
        if (t < 0 || t >= s->frames) continue;
        const float *piece = s->pieces + t * s->fft + at, *window = s->window + at;
        int64_t from = at < 0 ? -at : 0, to = s->fft - at < s->hop ? s->fft - at : s->hop;
        for (int64_t i = from; i < to; i++)
            out[i] += piece[i] * window[i];
    }
    for (int i = 0; i < s->hop; i++)
        out[i] *= s->scale[hop * s->hop + i];
}

/* The sizes wanted, with the phases of where the spectrum moves. */
MEL_CLONES static void impose(const float *restrict size, const kiss_fft_cpx *restrict now,
                              kiss_fft_cpx *restrict before, kiss_fft_cpx *restrict out, int count)
{
#pragma omp simd
    for (int k = 0; k < count; k++) {
        float r = now[k].r + momentum * (now[k].r - before[k].r);
        float j = now[k].i + momentum * (now[k].i - before[k].i);
        float length = sqrtf(r * r + j * j);
        float scale = size[k] / (length > 1e-12F ? length : 1e-12F);
        before[k].r = now[k].r;
        before[k].i = now[k].i;
        out[k].r = r * scale;
        out[k].i = j * scale;
    }
}

/* What is known of the spectrum, [frames, bins] each. */
typedef struct Spectrum {
    float *size;
    kiss_fft_cpx *before, *lines;
} Spectrum;

/* The signal whose spectrum is nearest to the lines. */
static void signal_of(const Stft *s, const Spectrum *spectrum, float *samples)
{
#pragma omp parallel num_threads(s->threads)
    {
        const Worker *worker = &s->workers[omp_get_thread_num()];
#pragma omp for schedule(static)
        for (int64_t t = 0; t < s->frames; t++)
            kiss_fftri(worker->back, spectrum->lines + t * s->bins, s->pieces + t * s->fft);
#pragma omp for schedule(static)
        for (int64_t t = 0; t < s->frames; t++)
            overlap(s, t, samples + t * s->hop);
    }
}

/* The lines of the signal's spectrum, of the wanted sizes. */
static void lines_of(const Stft *s, const float *samples, bool first, Spectrum *spectrum)
{
#pragma omp parallel num_threads(s->threads)
    {
        const Worker *worker = &s->workers[omp_get_thread_num()];
        kiss_fft_cpx *now = worker->lines;
#pragma omp for schedule(static)
        for (int64_t t = 0; t < s->frames; t++) {
            int64_t at = t * s->bins;
            window_frame(s, samples, t, worker->frame);
            kiss_fftr(worker->forth, worker->frame, now);
            if (first) memcpy(spectrum->before + at, now, (size_t)s->bins * sizeof *now);
            impose(spectrum->size + at, now, spectrum->before + at, spectrum->lines + at, s->bins);
        }
    }
}

static void draw_phases(Spectrum *spectrum, size_t count)
{
    Rng rng = {.seed = 1};
    for (size_t i = 0; i < count; i++) {
        double phase = mel_rng_range(&rng, 0, 6.283185307179586), size = spectrum->size[i];
        spectrum->lines[i] =
            (kiss_fft_cpx){.r = (float)(size * cos(phase)), .i = (float)(size * sin(phase))};
    }
}

void mel_griffin_lim(const float *log_mel, int64_t frames, int iterations, float *samples)
{
    const MelSettings *settings = mel_front_settings(MEL_FRONT_AUDIOLDM);
    Stft s;
    stft_open(&s, settings, frames);
    size_t count = (size_t)(frames * s.bins);
    Spectrum spectrum = {.size = mel_alloc(count * sizeof(float)),
                         .before = mel_alloc(count * sizeof(kiss_fft_cpx)),
                         .lines = mel_alloc(count * sizeof(kiss_fft_cpx))};
    mel_inverse(settings, log_mel, frames, spectrum.size);
    draw_phases(&spectrum, count);
    for (int i = 0; i < iterations; i++) {
        signal_of(&s, &spectrum, samples);
        lines_of(&s, samples, i == 0, &spectrum);
    }
    signal_of(&s, &spectrum, samples);
    free(spectrum.size);
    free(spectrum.before);
    free(spectrum.lines);
    stft_close(&s);
}
