/* SPDX-License-Identifier: Apache-2.0
 *
 * How noise is added and what a network predicts of it. A latent at time t is
 * z_t = √ᾱ_t·x₀ + √(1-ᾱ_t)·ε (Ho et al., 2020); ᾱ falls with t. */
#ifndef MEL_ENGINE_SCHEDULE_H
#define MEL_ENGINE_SCHEDULE_H

#include "base/base.h"

/* What the network's output is: ε, or v = √ᾱ·ε - √(1-ᾱ)·x₀ (Salimans and Ho, 2022). */
typedef enum Prediction { PREDICT_NOISE, PREDICT_V } Prediction;

enum { SCHEDULE_TIMES_MAX = 4000 };

typedef struct NoiseSchedule {
    int times; /* of training: t is 0 … times-1 */
    Prediction prediction;
    int offset;       /* added to a leading grid of times; 0 is TANGO's */
    double alpha_end; /* ᾱ before time 0: 1, or ᾱ_0 when set_alpha_to_one is false */
    double alpha_bar[SCHEDULE_TIMES_MAX];
} NoiseSchedule;

/* √β from first to last in equal steps (SD's "scaled_linear"), or β itself ("linear"). */
void mel_schedule_make(NoiseSchedule *schedule, int times, double beta_first, double beta_last,
                       bool scaled);

/* 1000 times, 0.00085 … 0.012 scaled, v, offset 0, alpha_end ᾱ_0: TANGO's. */
NoiseSchedule mel_schedule_tango(void);

/* A scheduler_config.json of diffusers. ERR_FORMAT names what is not known or impossible. */
MEL_MUST_CHECK bool mel_schedule_read(const char *path, NoiseSchedule *out, Err *err);
MEL_MUST_CHECK bool mel_schedule_from_json(const json_t *config, NoiseSchedule *out, Err *err);

/* ᾱ at t; alpha_end for t < 0. */
double mel_schedule_alpha(const NoiseSchedule *schedule, int t);

/* Signal over noise at t, ᾱ/(1-ᾱ). */
double mel_schedule_snr(const NoiseSchedule *schedule, int t);

/* Which times a sampler of `count` steps visits, into out[count], falling.
 * leading: k·(times/count) + offset; trailing: the last is times-1; linspace: 0 … times-1 in equal
 * steps, both ends among them but for 0 (as DPM-Solver's in diffusers). */
typedef enum TimeGrid { GRID_LEADING, GRID_TRAILING, GRID_LINSPACE } TimeGrid;
MEL_MUST_CHECK bool mel_schedule_times(const NoiseSchedule *schedule, TimeGrid grid, int count,
                                       int *out, Err *err);

/* z_t of x0 and noise, and what the network shall predict for it; n numbers. */
void mel_schedule_add_noise(const NoiseSchedule *schedule, int t, const float *x0,
                            const float *noise, int64_t n, float *z);
void mel_schedule_target(const NoiseSchedule *schedule, int t, const float *x0, const float *noise,
                         int64_t n, float *target);

/* x₀ and ε from a prediction at ᾱ. */
typedef struct Estimate {
    double x0, noise;
} Estimate;

static inline Estimate mel_estimate(Prediction prediction, double signal, double sigma, double z,
                                    double out)
{
    if (prediction == PREDICT_V)
        return (Estimate){.x0 = signal * z - sigma * out, .noise = signal * out + sigma * z};
    return (Estimate){.x0 = (z - sigma * out) / signal, .noise = out};
}

/* The weight of a sample at t in the loss, of Min-SNR (Hang et al., 2023): min(snr, γ) over snr for
 * a prediction of noise, over snr + 1 for one of v. compatible: the first for both, as TANGO was
 * trained. γ = 0: 1. */
double mel_schedule_loss_weight(const NoiseSchedule *schedule, int t, double gamma,
                                bool compatible);

#endif
