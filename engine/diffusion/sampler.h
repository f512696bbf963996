/* SPDX-License-Identifier: Apache-2.0
 *
 * From noise to a latent, and back: what is done with a network's prediction at each step. The
 * arithmetic is the host's, in double: a latent is small beside what predicts it. */
#ifndef MEL_ENGINE_SAMPLER_H
#define MEL_ENGINE_SAMPLER_H

#include "engine/diffusion/schedule.h"

typedef enum SamplerKind {
    SAMPLER_DDPM, /* ancestral (Ho et al., 2020), variance of the posterior: TANGO's */
    SAMPLER_DDIM, /* deterministic (Song et al., 2021) */
    SAMPLER_DPM,  /* DPM-Solver++(2M) (Lu et al., 2022) */
} SamplerKind;

MEL_MUST_CHECK bool mel_sampler_kind(const char *name, SamplerKind *out, Err *err);
const char *mel_sampler_name(SamplerKind kind); /* "ddpm", "ddim", "dpm++" */
TimeGrid mel_sampler_grid(SamplerKind kind);    /* the one that goes with it */

/* Steps through falling times over n numbers. */
typedef struct Sampler Sampler;
Sampler *mel_sampler_new(SamplerKind kind, const NoiseSchedule *schedule, const int *times,
                         int count, int64_t n);
void mel_sampler_free(Sampler *sampler); /* NULL is fine */

/* z at times[i] becomes z at times[i+1], or x₀ after the last; `out` is the prediction at
 * (z, times[i]). Steps are taken in order from 0, which forgets what was before. noise: n normal
 * numbers, read by DDPM alone; may be NULL for the others. */
void mel_sampler_step(Sampler *sampler, int i, const float *out, const float *noise, float *z);
bool mel_sampler_wants_noise(const Sampler *sampler, int i);

/* u + g·(c - u), into c (Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022). */
void mel_guide(const float *uncond, float *cond, int64_t n, double guidance);

/* DDIM inversion: from x₀ upwards through the same times, rising as i does.
 * BEFORE: z is taken to lie where the step before left it, the network is asked at the time that
 * the step leads to (as diffusers' DDIMInverseScheduler): an exact pair of the reverse step.
 * AT: z is taken to lie at the very time at which the network is asked (as the first such code,
 * Hertz et al.): it visits the pairs (z_t, t) that a replay would. */
typedef enum InvertConvention { INVERT_BEFORE, INVERT_AT } InvertConvention;

/* The time at which the network is asked in step i of `count`, times falling as a sampler's. */
int mel_invert_time(const int *times, int count, int i);

/* One step; z is what the network saw. After the last, z lies at times[0] (BEFORE), or beyond it,
 * at the last time of training (AT). */
void mel_invert_step(const NoiseSchedule *schedule, InvertConvention convention, const int *times,
                     int count, int i, const float *out, int64_t n, float *z);

#endif
