/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Sampler {
    SamplerKind kind;
    const NoiseSchedule *schedule;
    int *times;
    int count;
    int64_t n;
    float *before;        /* DPM: x₀ as seen one step earlier */
    double lambda_before; /* and where */
};

static const char *const names[] = {"ddpm", "ddim", "dpm++"};

bool mel_sampler_kind(const char *name, SamplerKind *out, Err *err)
{
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        if (!mel_equal(name, names[i])) continue;
        *out = (SamplerKind)i;
        return true;
    }
    return mel_err(err, ERR_USAGE, "there is no sampler '%.40s': ddpm, ddim or dpm++", name);
}

const char *mel_sampler_name(SamplerKind kind)
{
    return names[kind];
}

TimeGrid mel_sampler_grid(SamplerKind kind)
{
    return kind == SAMPLER_DPM ? GRID_LINSPACE : GRID_LEADING;
}

Sampler *mel_sampler_new(SamplerKind kind, const NoiseSchedule *schedule, const int *times,
                         int count, int64_t n)
{
    Sampler *sampler = mel_alloc(sizeof *sampler);
    *sampler = (Sampler){.kind = kind, .schedule = schedule, .count = count, .n = n};
    sampler->times = mel_alloc((size_t)count * sizeof *sampler->times);
    memcpy(sampler->times, times, (size_t)count * sizeof *times);
    if (kind == SAMPLER_DPM) sampler->before = mel_alloc((size_t)n * sizeof(float) + 1);
    return sampler;
}

void mel_sampler_free(Sampler *sampler)
{
    if (!sampler) return;
    free(sampler->times);
    free(sampler->before);
    free(sampler);
}

bool mel_sampler_wants_noise(const Sampler *sampler, int i)
{
    return sampler->kind == SAMPLER_DDPM && sampler->times[i] > 0 && i + 1 < sampler->count;
}

/* A step from ᾱ `from` to ᾱ `to`. */
typedef struct Move {
    double signal, sigma, signal_to, sigma_to;
} Move;

static Move move_between(double from, double to)
{
    return (Move){.signal = sqrt(from),
                  .sigma = sqrt(1 - from),
                  .signal_to = sqrt(to),
                  .sigma_to = sqrt(1 - to)};
}

static void ddim_move(Prediction prediction, Move m, const float *out, int64_t n, float *z)
{
    for (int64_t i = 0; i < n; i++) {
        Estimate e = mel_estimate(prediction, m.signal, m.sigma, z[i], out[i]);
        z[i] = (float)(m.signal_to * e.x0 + m.sigma_to * e.noise);
    }
}

/* Eq. 6 and 7 of Ho et al.: mean and variance of q(z_s | z_t, x₀). */
static void ddpm_step(const Sampler *s, int i, const float *out, const float *noise, float *z)
{
    bool last = i + 1 == s->count;
    double at = mel_schedule_alpha(s->schedule, s->times[i]);
    double to = last ? 1 : mel_schedule_alpha(s->schedule, s->times[i + 1]);
    double beta = 1 - at / to;
    double x0_part = sqrt(to) * beta / (1 - at), z_part = sqrt(at / to) * (1 - to) / (1 - at);
    double spread =
        mel_sampler_wants_noise(s, i) ? sqrt(fmax((1 - to) / (1 - at) * beta, 1e-20)) : 0;
    double signal = sqrt(at), sigma = sqrt(1 - at);
    for (int64_t k = 0; k < s->n; k++) {
        Estimate e = mel_estimate(s->schedule->prediction, signal, sigma, z[k], out[k]);
        double mean = x0_part * e.x0 + z_part * z[k];
        z[k] = (float)(spread > 0 ? mean + spread * noise[k] : mean);
    }
}

static void ddim_step(const Sampler *s, int i, const float *out, float *z)
{
    int next = i + 1 < s->count ? s->times[i + 1] : -1;
    Move m = move_between(mel_schedule_alpha(s->schedule, s->times[i]),
                          mel_schedule_alpha(s->schedule, next));
    ddim_move(s->schedule->prediction, m, out, s->n, z);
}

/* λ = ln(√ᾱ/√(1-ᾱ)) grows; D extrapolates x₀ from two steps. The last step goes to x₀ itself, to
 * first order. */
static void dpm_step(Sampler *s, int i, const float *out, float *z)
{
    bool last = i + 1 == s->count;
    double to = last ? 1 : mel_schedule_alpha(s->schedule, s->times[i + 1]);
    Move m = move_between(mel_schedule_alpha(s->schedule, s->times[i]), to);
    double lambda = log(m.signal / m.sigma), half_inverse_ratio = 0;
    double h = last ? INFINITY : log(m.signal_to / m.sigma_to) - lambda;
    if (i > 0 && !last) half_inverse_ratio = h / (lambda - s->lambda_before) / 2;
    for (int64_t k = 0; k < s->n; k++) {
        Estimate e = mel_estimate(s->schedule->prediction, m.signal, m.sigma, z[k], out[k]);
        double d = e.x0;
        if (half_inverse_ratio > 0) d += half_inverse_ratio * (e.x0 - s->before[k]);
        z[k] = (float)(m.sigma_to / m.sigma * z[k] - m.signal_to * expm1(-h) * d);
        s->before[k] = (float)e.x0;
    }
    s->lambda_before = lambda;
}

void mel_sampler_step(Sampler *sampler, int i, const float *out, const float *noise, float *z)
{
    MEL_ASSERT(i >= 0 && i < sampler->count);
    if (sampler->kind == SAMPLER_DDPM)
        ddpm_step(sampler, i, out, noise, z);
    else if (sampler->kind == SAMPLER_DDIM)
        ddim_step(sampler, i, out, z);
    else
        dpm_step(sampler, i, out, z);
}

void mel_guide(const float *uncond, float *cond, int64_t n, double guidance)
{
    for (int64_t i = 0; i < n; i++)
        cond[i] = (float)(uncond[i] + guidance * ((double)cond[i] - uncond[i]));
}

int mel_invert_time(const int *times, int count, int i)
{
    return times[count - 1 - i];
}

void mel_invert_step(const NoiseSchedule *schedule, InvertConvention convention, const int *times,
                     int count, int i, const float *out, int64_t n, float *z)
{
    int asked = mel_invert_time(times, count, i), from = asked, to = asked;
    if (convention == INVERT_BEFORE)
        from = i > 0 ? mel_invert_time(times, count, i - 1) : -1;
    else
        to = i + 1 < count ? mel_invert_time(times, count, i + 1) : schedule->times - 1;
    Move m = move_between(mel_schedule_alpha(schedule, from), mel_schedule_alpha(schedule, to));
    ddim_move(schedule->prediction, m, out, n, z);
}
