/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run takes up from a checkpoint is on the device what it was when it was written. */
#include "tests/trainer/train_world.h"

static const char autoencoder[] =
    "{\"target\":\"autoencoder\",\"of\":\"pictures\",\"data\":\"%s\",\"model\":\"%s\","
    "\"batch\":2,\"accumulate\":2,\"learning_rate\":0.003,\"warmup\":2,\"ema\":0.9,"
    "\"checkpoint_every\":2,\"keep\":2,\"seed\":7}";

/* On to step `steps`, from the run's checkpoint if it has one. */
static void train(json_t *config, int steps, const char *run)
{
    Err err = {0};
    TrainResult result;
    const TrainOptions options = {.folder = run, .resume = true};
    json_object_set_new(config, "steps", json_integer(steps));
    CHECK_OK(mel_train(config, &options, &result, &err));
    assert_int_equal(result.steps, steps);
}

/* Numbers, moments and averages after step 4. */
static void hash_of(const char *run, char hex[SHA256_HEX_SIZE])
{
    Err err = {0};
    CHECK_OK(mel_sha256_file(test_path(run, "checkpoints/step-00000004/state.safetensors"), hex,
                             NULL, &err));
}

static void a_run_that_was_stopped_ends_as_one_that_never_was(void **state)
{
    (void)state;
    static const char *const precisions[] = {"f32", "bf16"};
    for (size_t i = 0; i < MEL_COUNT(precisions); i++) {
        char one[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
        const char *whole = test_path(world, "%s-whole", precisions[i]);
        const char *stopped = test_path(world, "%s-stopped", precisions[i]);
        json_t *config = world_config(autoencoder, data, model);
        json_object_set_new(config, "precision", json_string(precisions[i]));
        train(config, 4, whole);
        train(config, 2, stopped);
        train(config, 4, stopped);
        hash_of(whole, one);
        hash_of(stopped, other);
        assert_string_equal(one, other);
        json_decref(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_was_stopped_ends_as_one_that_never_was),
    };
    return cmocka_run_group_tests(tests, make_picture_world, free_picture_world);
}
