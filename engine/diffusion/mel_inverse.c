/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/mel_inverse.h"

#include "engine/clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Frames are done LANES at once: side by side they are a vector. */
enum { ROUNDS = 60, LANES = 16 };

/* A mel bin: the weights of `count` lines from `from` on. */
typedef struct Triangle {
    const float *weights;
    int from, count;
} Triangle;

typedef struct Inverse {
    int bins, lines;
    float *bank; /* [bins, lines] */
    Triangle *triangles;
    float *share; /* [lines]: 1/Σ of a line's weights; 0 where there are none */
} Inverse;

/* Of one thread. */
typedef struct Lanes {
    float *wanted; /* [bins, LANES]: energies */
    float *x, *up; /* [lines, LANES] */
} Lanes;

static Triangle find_triangle(const float *weights, int lines)
{
    int from = 0, to = lines;
    while (from < to && weights[from] == 0)
        from++;
    while (to > from && weights[to - 1] == 0)
        to--;
    return (Triangle){.weights = weights + from, .from = from, .count = to - from};
}

static void inverse_open(Inverse *v, const MelSettings *settings)
{
    *v = (Inverse){.bins = settings->bins, .lines = settings->fft / 2 + 1};
    v->bank = mel_alloc((size_t)(v->bins * v->lines) * sizeof *v->bank);
    v->triangles = mel_alloc((size_t)v->bins * sizeof *v->triangles);
    v->share = mel_alloc((size_t)v->lines * sizeof *v->share);
    mel_filter_bank(settings, v->bank);
    for (int b = 0; b < v->bins; b++) {
        v->triangles[b] = find_triangle(v->bank + b * v->lines, v->lines);
        for (int k = 0; k < v->lines; k++)
            v->share[k] += v->bank[b * v->lines + k];
    }
    for (int k = 0; k < v->lines; k++)
        v->share[k] = v->share[k] > 0 ? 1 / v->share[k] : 0;
}

static void inverse_close(Inverse *v)
{
    free(v->bank);
    free(v->triangles);
    free(v->share);
}

/* up += the weights of `lines` times wanted / had, of each lane. */
static inline void add_ratio(const float *restrict weights, int lines, const float *restrict wanted,
                             const float *restrict x, float *restrict up)
{
    float ratio[LANES];
#pragma omp simd
    for (int i = 0; i < LANES; i++)
        ratio[i] = 1e-9F;
    for (int k = 0; k < lines; k++)
#pragma omp simd
        for (int i = 0; i < LANES; i++)
            ratio[i] += weights[k] * x[k * LANES + i];
#pragma omp simd
    for (int i = 0; i < LANES; i++)
        ratio[i] = wanted[i] / ratio[i];
    for (int k = 0; k < lines; k++)
#pragma omp simd
        for (int i = 0; i < LANES; i++)
            up[k * LANES + i] += weights[k] * ratio[i];
}

/* The multiplicative updates of Lee and Seung, "Algorithms for Non-negative Matrix Factorization",
 * 2000, which never leave the positive. */
MEL_CLONES static void invert(const Inverse *v, const float *wanted, float *restrict x,
                              float *restrict up)
{
    const float *restrict share = v->share;
    const int lines = v->lines;
    for (int k = 0; k < lines * LANES; k++)
        x[k] = 1e-3F;
    for (int round = 0; round < ROUNDS; round++) {
        memset(up, 0, (size_t)(lines * LANES) * sizeof *up);
        for (int b = 0; b < v->bins; b++) {
            const Triangle *t = &v->triangles[b];
            add_ratio(t->weights, t->count, wanted + b * LANES, x + t->from * LANES,
                      up + t->from * LANES);
        }
        for (int k = 0; k < lines; k++)
#pragma omp simd
            for (int i = 0; i < LANES; i++)
                x[k * LANES + i] *= up[k * LANES + i] * share[k];
    }
}

/* LANES frames, or the last ones. */
static void invert_frames(const Inverse *v, const Lanes *lanes, const float *log_mel, int count,
                          float *magnitudes)
{
    for (int i = 0; i < LANES; i++)
        for (int b = 0; b < v->bins; b++)
            lanes->wanted[b * LANES + i] = i < count ? expf(log_mel[i * v->bins + b]) : 0;
    invert(v, lanes->wanted, lanes->x, lanes->up);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < v->lines; k++)
            magnitudes[i * v->lines + k] = lanes->x[k * LANES + i];
}

void mel_inverse(const MelSettings *settings, const float *log_mel, int64_t frames,
                 float *magnitudes)
{
    Inverse v;
    inverse_open(&v, settings);
#pragma omp parallel
    {
        size_t lines = (size_t)v.lines * LANES, bins = (size_t)v.bins * LANES;
        float *room = mel_alloc((2 * lines + bins) * sizeof *room);
        const Lanes lanes = {.x = room, .up = room + lines, .wanted = room + 2 * lines};
#pragma omp for schedule(static)
        for (int64_t t = 0; t < frames; t += LANES)
            invert_frames(&v, &lanes, log_mel + t * v.bins,
                          (int)(frames - t < LANES ? frames - t : LANES), magnitudes + t * v.lines);
        free(room);
    }
    inverse_close(&v);
}
