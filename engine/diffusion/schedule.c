/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/schedule.h"

#include <math.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };

void mel_schedule_make(NoiseSchedule *schedule, int times, double beta_first, double beta_last,
                       bool scaled)
{
    double from = scaled ? sqrt(beta_first) : beta_first, to = scaled ? sqrt(beta_last) : beta_last;
    double product = 1;
    MEL_ASSERT(times > 0 && times <= SCHEDULE_TIMES_MAX);
    schedule->times = times;
    for (int i = 0; i < times; i++) {
        double beta = times > 1 ? from + (to - from) * i / (times - 1) : from;
        product *= 1 - (scaled ? beta * beta : beta);
        schedule->alpha_bar[i] = product;
    }
    schedule->alpha_end = schedule->alpha_bar[0];
}

NoiseSchedule mel_schedule_tango(void)
{
    NoiseSchedule schedule = {.prediction = PREDICT_V};
    mel_schedule_make(&schedule, 1000, 0.00085, 0.012, true);
    return schedule;
}

static bool read_betas(const json_t *config, NoiseSchedule *out, Err *err)
{
    const char *kind = mel_json_text(config, "beta_schedule", "linear");
    int64_t times = mel_json_i64(config, "num_train_timesteps", 1000);
    double first = mel_json_f64(config, "beta_start", 0.0001);
    double last = mel_json_f64(config, "beta_end", 0.02);
    if (times < 1 || times > SCHEDULE_TIMES_MAX)
        return mel_err(err, ERR_FORMAT, "num_train_timesteps is not 1 to %d", SCHEDULE_TIMES_MAX);
    if (!(first > 0 && first <= last && last < 1))
        return mel_err(err, ERR_FORMAT, "beta_start and beta_end are not rising within 0 to 1");
    if (!mel_equal(kind, "linear") && !mel_equal(kind, "scaled_linear"))
        return mel_err(err, ERR_FORMAT, "beta_schedule is '%.40s', not linear or scaled_linear",
                       kind);
    const json_t *trained = json_object_get(config, "trained_betas");
    if (trained && !json_is_null(trained))
        return mel_err(err, ERR_FORMAT, "trained_betas are not supported");
    if (json_is_true(json_object_get(config, "rescale_betas_zero_snr")))
        return mel_err(err, ERR_FORMAT, "rescale_betas_zero_snr is not supported");
    mel_schedule_make(out, (int)times, first, last, mel_equal(kind, "scaled_linear"));
    return true;
}

bool mel_schedule_from_json(const json_t *config, NoiseSchedule *out, Err *err)
{
    *out = (NoiseSchedule){0};
    const char *prediction = mel_json_text(config, "prediction_type", "epsilon");
    bool v = mel_equal(prediction, "v_prediction");
    if (!v && !mel_equal(prediction, "epsilon"))
        return mel_err(err, ERR_FORMAT, "prediction_type is '%.40s', not epsilon or v_prediction",
                       prediction);
    if (!read_betas(config, out, err)) return false;
    out->prediction = v ? PREDICT_V : PREDICT_NOISE;
    int64_t offset = mel_json_i64(config, "steps_offset", 0);
    if (offset < 0 || offset >= out->times)
        return mel_err(err, ERR_FORMAT, "steps_offset is not 0 to %d", out->times - 1);
    out->offset = (int)offset;
    const json_t *one = json_object_get(config, "set_alpha_to_one");
    if (!one || json_is_true(one)) out->alpha_end = 1;
    return true;
}

bool mel_schedule_read(const char *path, NoiseSchedule *out, Err *err)
{
    json_t *config = mel_json_load(path, CONFIG_BYTES_MAX, err);
    if (!config) return false;
    bool ok = mel_schedule_from_json(config, out, err) || mel_err_wrap(err, "'%s'", path);
    json_decref(config);
    return ok;
}

double mel_schedule_alpha(const NoiseSchedule *schedule, int t)
{
    MEL_ASSERT(t < schedule->times);
    return t < 0 ? schedule->alpha_end : schedule->alpha_bar[t];
}

double mel_schedule_snr(const NoiseSchedule *schedule, int t)
{
    double alpha = mel_schedule_alpha(schedule, t);
    return alpha / (1 - alpha);
}

bool mel_schedule_times(const NoiseSchedule *schedule, TimeGrid grid, int count, int *out, Err *err)
{
    int times = schedule->times;
    if (count < 1 || count > times)
        return mel_err(err, ERR_USAGE, "%d steps: at least 1, at most %d", count, times);
    for (int i = 0; i < count; i++) {
        int k = count - 1 - i; /* from the end */
        if (grid == GRID_TRAILING)
            out[i] = (int)nearbyint(times - (double)i * times / count) - 1;
        else if (grid == GRID_LINSPACE)
            out[i] = (int)nearbyint((double)(times - 1) * (k + 1) / count);
        else
            out[i] = k * (times / count) + schedule->offset;
        if (out[i] > times - 1) out[i] = times - 1;
    }
    return true;
}

void mel_schedule_add_noise(const NoiseSchedule *schedule, int t, const float *x0,
                            const float *noise, int64_t n, float *z)
{
    double alpha = mel_schedule_alpha(schedule, t);
    float signal = (float)sqrt(alpha), sigma = (float)sqrt(1 - alpha);
    for (int64_t i = 0; i < n; i++)
        z[i] = signal * x0[i] + sigma * noise[i];
}

void mel_schedule_target(const NoiseSchedule *schedule, int t, const float *x0, const float *noise,
                         int64_t n, float *target)
{
    double alpha = mel_schedule_alpha(schedule, t);
    float signal = (float)sqrt(alpha), sigma = (float)sqrt(1 - alpha);
    bool v = schedule->prediction == PREDICT_V;
    for (int64_t i = 0; i < n; i++)
        target[i] = v ? signal * noise[i] - sigma * x0[i] : noise[i];
}

double mel_schedule_loss_weight(const NoiseSchedule *schedule, int t, double gamma, bool compatible)
{
    double snr = mel_schedule_snr(schedule, t);
    if (gamma <= 0) return 1;
    bool v = schedule->prediction == PREDICT_V && !compatible;
    return fmin(snr, gamma) / (v ? snr + 1 : snr);
}
