/* SPDX-License-Identifier: Apache-2.0
 *
 * Schedules and samplers beside diffusers' (tests/parity/make_samplers.py), and what must hold of
 * them whatever the network says. */
#include "engine/engine.h"
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 6, COUNT_MAX = 64 };

/* The script's formula in place of a network. */
static void network(const float *z, int t, float *out)
{
    for (int i = 0; i < N; i++)
        out[i] = (float)(0.6 * tanh(z[i]) + 0.2 * z[(i + N - 1) % N] + 0.0004 * t);
}

static void noise_of(int step, float *noise)
{
    for (int i = 0; i < N; i++)
        noise[i] = (float)(sin(0.7 * step + 1.3 * i + 0.2) * 1.4);
}

typedef struct Case {
    const char *sampler;
    NoiseSchedule schedule;
    int count, times[COUNT_MAX];
    const json_t *result;
    float z[N];
} Case;

static Case read_case(const json_t *from, const json_t *start)
{
    Err err = {0};
    Case c = {.sampler = mel_json_text(from, "sampler", ""),
              .result = json_object_get(from, "result")};
    json_t *config = json_pack(
        "{s:i, s:f, s:f, s:s, s:s, s:i, s:b}", "num_train_timesteps", 1000, "beta_start", 0.00085,
        "beta_end", 0.012, "beta_schedule", "scaled_linear", "prediction_type",
        mel_json_text(from, "prediction", ""), "steps_offset", (int)mel_json_i64(from, "offset", 0),
        "set_alpha_to_one", mel_equal(c.sampler, "ddim-to-one"));
    CHECK_OK(mel_schedule_from_json(config, &c.schedule, &err));
    json_decref(config);
    const json_t *times = json_object_get(from, "times");
    c.count = (int)json_array_size(times);
    for (int i = 0; i < c.count; i++)
        c.times[i] = (int)json_integer_value(json_array_get(times, (size_t)i));
    for (int i = 0; i < N; i++)
        c.z[i] = (float)json_number_value(json_array_get(start, (size_t)i));
    return c;
}

static void walk(Case *c, SamplerKind kind)
{
    float out[N], noise[N];
    Sampler *sampler = mel_sampler_new(kind, &c->schedule, c->times, c->count, N);
    for (int i = 0; i < c->count; i++) {
        network(c->z, c->times[i], out);
        noise_of(i, noise);
        mel_sampler_step(sampler, i, out, noise, c->z);
    }
    mel_sampler_free(sampler);
}

static void invert(Case *c)
{
    float out[N];
    for (int i = 0; i < c->count / 2; i++) { /* theirs rise */
        int t = c->times[i];
        c->times[i] = c->times[c->count - 1 - i];
        c->times[c->count - 1 - i] = t;
    }
    for (int i = 0; i < c->count; i++) {
        network(c->z, mel_invert_time(c->times, c->count, i), out);
        mel_invert_step(&c->schedule, INVERT_BEFORE, c->times, c->count, i, out, N, c->z);
    }
}

static void samplers_are_those_of_diffusers(void **state)
{
    (void)state;
    Err err = {0};
    json_t *file = mel_json_load(MEL_TEST_DATA "/samplers.json", 1 << 24, &err);
    CHECK_OK(file != NULL);
    const json_t *cases = json_object_get(file, "cases");
    assert_true(json_array_size(cases) >= 60);
    for (size_t k = 0; k < json_array_size(cases); k++) {
        Case c = read_case(json_array_get(cases, k), json_object_get(file, "start"));
        SamplerKind kind = SAMPLER_DDIM;
        int grid[COUNT_MAX];
        bool known = mel_sampler_kind(c.sampler, &kind, &err);
        if (!known) mel_err_clear(&err);
        CHECK_OK(mel_schedule_times(&c.schedule, mel_sampler_grid(kind), c.count, grid, &err));
        if (mel_equal(c.sampler, "invert"))
            invert(&c);
        else
            walk(&c, kind);
        double far = 0, size = 0;
        for (int i = 0; i < N; i++) {
            double wanted = json_number_value(json_array_get(c.result, (size_t)i));
            far += (c.z[i] - wanted) * (c.z[i] - wanted);
            size += wanted * wanted;
        }
        if (!(sqrt(far / size) < 2e-5))
            fail_msg("case %zu, %s, offset %d, %d steps: %.2g away", k, c.sampler,
                     c.schedule.offset, c.count, sqrt(far / size));
        assert_memory_equal(grid, c.times, (size_t)c.count * sizeof(int));
    }
    json_decref(file);
}

static void the_schedule_is_that_of_the_published_numbers(void **state)
{
    (void)state;
    NoiseSchedule s = mel_schedule_tango();
    assert_float_equal(mel_schedule_alpha(&s, 0), 0.99915, 1e-5);
    assert_float_equal(mel_schedule_alpha(&s, 500), 0.276333, 1e-6);
    assert_float_equal(mel_schedule_alpha(&s, 999), 0.00466010, 1e-7);
    assert_float_equal(mel_schedule_loss_weight(&s, 0, 5, true), 0.0043, 1e-4);
    assert_float_equal(mel_schedule_loss_weight(&s, 100, 5, true), 0.591, 1e-3);
    assert_float_equal(mel_schedule_loss_weight(&s, 100, 5, false), 0.529, 1e-3);
    assert_float_equal(mel_schedule_loss_weight(&s, 500, 5, true), 1, 0);
    assert_float_equal(mel_schedule_loss_weight(&s, 500, 5, false), 0.276, 1e-3);
    assert_float_equal(mel_schedule_loss_weight(&s, 999, 5, false), 0.0047, 1e-4);
    assert_float_equal(mel_schedule_loss_weight(&s, 999, 0, false), 1, 0);
}

/* A network that knows x₀ predicts it exactly: every sampler must end there. */
static void a_perfect_prediction_leads_every_sampler_to_the_latent(void **state)
{
    (void)state;
    Err err = {0};
    const float x0[N] = {0.3F, -0.8F, 1.1F, 0, -1.9F, 0.6F};
    for (int p = 0; p < 2; p++)
        for (int kind = SAMPLER_DDPM; kind <= SAMPLER_DPM; kind++) {
            NoiseSchedule s = mel_schedule_tango();
            s.prediction = p ? PREDICT_V : PREDICT_NOISE;
            s.alpha_end = 1;
            int times[20];
            float z[N] = {1, -1, 0.5F, 2, -2, 0}, out[N], noise[N], eps[N];
            CHECK_OK(mel_schedule_times(&s, mel_sampler_grid((SamplerKind)kind), 20, times, &err));
            Sampler *sampler = mel_sampler_new((SamplerKind)kind, &s, times, 20, N);
            for (int i = 0; i < 20; i++) {
                double alpha = mel_schedule_alpha(&s, times[i]);
                for (int k = 0; k < N; k++)
                    eps[k] = (float)((z[k] - sqrt(alpha) * x0[k]) / sqrt(1 - alpha));
                mel_schedule_target(&s, times[i], x0, eps, N, out);
                noise_of(i, noise);
                mel_sampler_step(sampler, i, out, noise, z);
            }
            for (int k = 0; k < N; k++)
                if (!(fabs(z[k] - x0[k]) < 1e-3))
                    fail_msg("sampler %d, prediction %d: %g, wanted %g", kind, p, z[k], x0[k]);
            mel_sampler_free(sampler);
        }
}

/* With a network that says the same at a pair of times, the way back is the way there. */
static void inversion_and_replay_are_each_other_s_reverse(void **state)
{
    (void)state;
    Err err = {0};
    for (int p = 0; p < 2; p++) {
        NoiseSchedule s = mel_schedule_tango();
        s.prediction = p ? PREDICT_V : PREDICT_NOISE;
        int times[50];
        float z[N] = {0.3F, -0.8F, 1.1F, 0, -1.9F, 0.6F}, start[N], out[50][N];
        memcpy(start, z, sizeof z);
        CHECK_OK(mel_schedule_times(&s, GRID_LEADING, 50, times, &err));
        for (int i = 0; i < 50; i++) {
            network(z, mel_invert_time(times, 50, i), out[i]);
            mel_invert_step(&s, INVERT_BEFORE, times, 50, i, out[i], N, z);
        }
        assert_true(fabs(z[0] - start[0]) > 0.05);
        Sampler *sampler = mel_sampler_new(SAMPLER_DDIM, &s, times, 50, N);
        if (s.prediction == PREDICT_NOISE) {
            for (int i = 0; i < 50; i++)
                mel_sampler_step(sampler, i, out[49 - i], NULL, z);
            for (int k = 0; k < N; k++)
                assert_float_equal(z[k], start[k], 2e-4);
        }
        mel_sampler_free(sampler);
    }
}

static void impossible_schedules_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *config, *says;
    } bad[] = {
        {"{\"prediction_type\":\"sample\"}",          "prediction_type"    },
        {"{\"beta_schedule\":\"squaredcos_cap_v2\"}", "beta_schedule"      },
        {"{\"num_train_timesteps\":0}",               "num_train_timesteps"},
        {"{\"num_train_timesteps\":99999}",           "num_train_timesteps"},
        {"{\"beta_start\":0.5,\"beta_end\":0.1}",     "beta_start"         },
        {"{\"beta_end\":1.5}",                        "beta_start"         },
        {"{\"steps_offset\":-1}",                     "steps_offset"       },
        {"{\"steps_offset\":1000}",                   "steps_offset"       },
        {"{\"trained_betas\":[0.1]}",                 "trained_betas"      },
        {"{\"rescale_betas_zero_snr\":true}",         "rescale_betas"      },
    };
    for (size_t i = 0; i < MEL_COUNT(bad); i++) {
        Err err = {0};
        NoiseSchedule s;
        json_t *config = json_loads(bad[i].config, 0, NULL);
        assert_false(mel_schedule_from_json(config, &s, &err));
        if (!strstr(err.message, bad[i].says)) fail_msg("%s: %s", bad[i].config, err.message);
        json_decref(config);
    }
    Err err = {0};
    int times[4];
    NoiseSchedule s = mel_schedule_tango();
    assert_false(mel_schedule_times(&s, GRID_LEADING, 0, times, &err));
    mel_err_clear(&err);
    assert_false(mel_schedule_times(&s, GRID_LEADING, 1001, times, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samplers_are_those_of_diffusers),
        cmocka_unit_test(the_schedule_is_that_of_the_published_numbers),
        cmocka_unit_test(a_perfect_prediction_leads_every_sampler_to_the_latent),
        cmocka_unit_test(inversion_and_replay_are_each_other_s_reverse),
        cmocka_unit_test(impossible_schedules_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
