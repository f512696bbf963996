/* SPDX-License-Identifier: Apache-2.0
 *
 * Twenty steps of the music target beside PyTorch's (tests/parity/make_training.py), from the same
 * weights, data and noise. */
#include "tests/support/test.h"
#include "trainer/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 20 };

static json_t *config_of(const char *precision, bool recompute)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:i, s:f, s:f, s:f, s:s, s:b}",
                     "target", "music", "data", MEL_TEST_DATA "/training/shards", "model",
                     MEL_TEST_DATA "/training/model", "steps", STEPS, "batch", 2, "seed", 9,
                     "learning_rate", 3e-3, "alpha_learning_rate", 2e-2, "warmup", 4, "clip", 0.8,
                     "text_dropout", 0.25, "snr_gamma", 5.0, "precision", precision, "recompute",
                     (int)recompute);
}

/* The largest relative distance of a loss. */
static double losses_away(const char *run, const float *wanted)
{
    Err err = {0};
    char *path = mel_path_join(run, "metrics.jsonl"), *text;
    size_t n;
    double worst = 0;
    int step = 0;
    CHECK_OK(mel_read_file(path, 1 << 20, &text, &n, &err));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1, step++) {
        json_t *object = mel_json_parse(line, strcspn(line, "\n"), "a line", &err);
        double loss = mel_json_f64(object, "loss", NAN);
        json_decref(object);
        worst = fmax(worst, fabs(loss - wanted[step]) / fabs(wanted[step]));
    }
    assert_int_equal(step, STEPS);
    free(text);
    free(path);
    return worst;
}

/* ‖ours - theirs‖ / ‖theirs‖ over all of a UNet's weights, and over what has moved. */
static double weights_away(const char *run, const Checkpoint *expected, double *alphas)
{
    Err err = {0};
    Checkpoint *ours;
    double far = 0, size = 0;
    int64_t found = 0;
    *alphas = 0;
    CHECK_OK(mel_checkpoint_open(test_path(run, "model/unet/diffusion_pytorch_model.safetensors"),
                                 &ours, &err));
    for (int64_t i = 0; i < mel_checkpoint_count(ours); i++) {
        const CheckpointTensor *a = mel_checkpoint_at(ours, i);
        const CheckpointTensor *b = mel_checkpoint_find(expected, a->name);
        if (!b) fail_msg("there is no '%s'", a->name);
        assert_int_equal(mel_shape_count(&a->shape), mel_shape_count(&b->shape));
        const float *x = a->data, *y = b->data;
        for (int64_t k = 0; k < mel_shape_count(&a->shape); k++) {
            far += (x[k] - y[k]) * (x[k] - y[k]);
            size += y[k] * y[k];
        }
        if (mel_synapse_is_alpha(a->name)) {
            *alphas = fmax(*alphas, fabs(x[0] - y[0]) / fabs(y[0]));
            found++;
        }
    }
    assert_int_equal(found, 2);
    assert_int_equal(mel_checkpoint_count(ours) + 1, mel_checkpoint_count(expected));
    mel_checkpoint_close(ours);
    return sqrt(far / size);
}

static void twenty_steps_are_those_of_pytorch(void **state)
{
    (void)state;
    static const struct {
        const char *precision;
        bool recompute;
        double losses, weights, alphas;
    } cases[] = {
        {"f32",  false, 1e-4, 1e-3, 1e-3},
        {"f32",  true,  1e-4, 1e-3, 1e-3},
        {"bf16", false, 3e-2, 3e-2, 1e-1},
    };
    Err err = {0};
    Checkpoint *expected;
    char *folder = test_folder();
    CHECK_OK(mel_checkpoint_open(MEL_TEST_DATA "/training/expected.safetensors", &expected, &err));
    const float *losses = mel_checkpoint_find(expected, "losses")->data;
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        TrainResult result;
        char *run = mel_asprintf("%s/%zu", folder, i);
        json_t *config = config_of(cases[i].precision, cases[i].recompute);
        const TrainOptions options = {.folder = run};
        CHECK_OK(mel_train(config, &options, &result, &err));
        double alphas, loss = losses_away(run, losses);
        double weights = weights_away(run, expected, &alphas);
        print_message("%s%s: losses %.1e, weights %.1e, alphas %.1e away; arena %.2f MB\n",
                      cases[i].precision, cases[i].recompute ? ", recomputed" : "", loss, weights,
                      alphas, (double)result.arena_bytes / 1e6);
        assert_true(loss <= cases[i].losses);
        assert_true(weights <= cases[i].weights);
        assert_true(alphas <= cases[i].alphas);
        json_decref(config);
        free(run);
    }
    mel_checkpoint_close(expected);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_steps_are_those_of_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
