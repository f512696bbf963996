/* SPDX-License-Identifier: Apache-2.0
 *
 * A run from its configuration to its model: it learns, it goes on after any death to the same bit,
 * and it says what is wrong. */
#include "tests/trainer/train_world.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char autoencoder[] =
    "{\"target\":\"autoencoder\",\"of\":\"pictures\",\"data\":\"%s\",\"model\":\"%s\","
    "\"steps\":12,\"batch\":3,\"accumulate\":2,\"learning_rate\":0.003,\"warmup\":2,\"ema\":0.9,"
    "\"checkpoint_every\":3,\"keep\":2,\"validate_every\":6,\"seed\":7}";

static char *run_folder(const char *name)
{
    return mel_strdup(test_path(world, "%s", name));
}

static char *state_hash(const char *run, int64_t step)
{
    Err err = {0};
    char hex[SHA256_HEX_SIZE];
    char *path = mel_asprintf("%s/checkpoints/step-%08lld/state.safetensors", run, (long long)step);
    CHECK_OK(mel_sha256_file(path, hex, NULL, &err));
    free(path);
    return mel_strdup(hex);
}

static TrainResult train(const json_t *config, const char *run, bool resume)
{
    Err err = {0};
    TrainResult result;
    const TrainOptions options = {.folder = run, .resume = resume};
    CHECK_OK(mel_train(config, &options, &result, &err));
    return result;
}

static void an_autoencoder_learns_its_pictures(void **state)
{
    (void)state;
    json_t *config = world_config(autoencoder, data, model);
    json_object_set_new(config, "steps", json_integer(250));
    json_object_set_new(config, "accumulate", json_integer(1));
    json_object_set_new(config, "validate", json_string(data));
    json_object_set_new(config, "learning_rate", json_real(0.01));
    char *run = run_folder("learns");
    TrainResult result = train(config, run, false);
    print_message("loss %.4f, by the average %.4f, of %lld numbers\n", result.loss,
                  result.validation, (long long)result.parameters);
    assert_true(result.loss < 0.12);
    assert_true(result.validation < 0.12);
    Err err = {0};
    Network *network;
    char *below = mel_path_join(run, "model");
    CHECK_OK(mel_network_open(below, "image_vae", MODEL_VAE, NETWORK_WEIGHTS, &network, &err));
    assert_true(fabs(network->settings.vae.scaling - 0.18215) > 1e-3); /* measured */
    mel_network_close(network);
    free(below);
    free(run);
    json_decref(config);
}

static void one_batch_is_learnt_by_heart(void **state)
{
    (void)state;
    json_t *config =
        world_config("{\"target\":\"clip\",\"data\":\"%s\",\"model\":\"%s\",\"steps\":300,"
                     "\"batch\":12,\"learning_rate\":0.005,\"seed\":1}",
                     data, model);
    char *run = run_folder("by-heart");
    TrainResult result = train(config, run, false);
    print_message("loss %.5f\n", result.loss);
    assert_true(result.loss < 0.01);
    free(run);
    json_decref(config);
}

/* What this program does as a child: train CONFIG RUN. */
static int train_as_child(char **arguments)
{
    Err err = {0};
    TrainResult result;
    const TrainOptions options = {.folder = arguments[2], .resume = true};
    json_t *config = mel_json_load(arguments[1], 1 << 20, &err);
    bool ok = config && mel_train(config, &options, &result, &err);
    json_decref(config);
    return ok ? 0 : 1;
}

/* Trains in a child that is killed after some milliseconds; true when it came to its end. */
static bool train_in_child(const char *config, const char *run, int milliseconds)
{
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "train", config, run, (char *)NULL);
        _exit(2);
    }
    int status;
    for (int waited = 0; waited < milliseconds; waited++) {
        if (waitpid(child, &status, WNOHANG) == child) {
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail_msg("the child failed");
            return true;
        }
        mel_sleep_us(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return false;
}

static void a_killed_run_goes_on_to_the_same_bit(void **state)
{
    (void)state;
    json_t *config = world_config(autoencoder, data, model);
    char *whole = run_folder("whole"), *killed = run_folder("killed");
    train(config, whole, false);
    char *given = mel_path_join(whole, "config.json");
    Rng rng = {.seed = 3};
    int deaths = 0;
    /* Long enough for a slow machine in the end, too short for a fast one at first. */
    for (int patience = 8; !train_in_child(given, killed, patience + mel_rng_int(&rng, patience));
         patience += patience / 4)
        deaths++;
    print_message("killed %d times\n", deaths);
    assert_true(deaths > 0);
    char *a = state_hash(whole, 12), *b = state_hash(killed, 12);
    assert_string_equal(a, b);
    char *lines[2];
    for (int i = 0; i < 2; i++) {
        Err err = {0};
        size_t n;
        char *path = mel_path_join(i ? killed : whole, "metrics.jsonl");
        CHECK_OK(mel_read_file(path, 1 << 20, &lines[i], &n, &err));
        free(path);
    }
    int count[2] = {0};
    for (int i = 0; i < 2; i++)
        for (const char *c = lines[i]; *c; c++)
            count[i] += *c == '\n';
    assert_int_equal(count[0], count[1]);
    free(lines[0]);
    free(lines[1]);
    free(a);
    free(b);
    free(given);
    free(whole);
    free(killed);
    json_decref(config);
}

static void a_torn_checkpoint_is_passed_over(void **state)
{
    (void)state;
    json_t *config = world_config(autoencoder, data, model);
    char *whole = run_folder("torn");
    train(config, whole, false);
    char *before = state_hash(whole, 12);
    assert_int_equal(
        test_shell("truncate -s 900 %s/checkpoints/step-00000012/state.safetensors", whole), 0);
    train(config, whole, true);
    char *after = state_hash(whole, 12);
    assert_string_equal(before, after);
    free(before);
    free(after);
    free(whole);
    json_decref(config);
}

/* Of every number array of a trained model, in the folder of a run. */
static int count_parameters(const char *run)
{
    Err err = {0};
    Checkpoint *weights;
    char *path = mel_path_join(run, "model/image_vae");
    CHECK_OK(mel_checkpoint_open(path, &weights, &err));
    int count = (int)mel_checkpoint_count(weights);
    mel_checkpoint_close(weights);
    free(path);
    return count;
}

/* The form of checkpoints: those of earlier versions are taken up by these names. */
static void a_checkpoint_has_each_parameter_under_its_own_name(void **state)
{
    (void)state;
    static const char *const kinds[] = {"", "first moment of ", "second moment of ", "average of "};
    Err err = {0};
    Checkpoint *checkpoint;
    json_t *config = world_config(autoencoder, data, model);
    char *run = run_folder("names");
    train(config, run, false);
    char *path = mel_path_join(run, "checkpoints/step-00000012/state.safetensors");
    CHECK_OK(mel_checkpoint_open(path, &checkpoint, &err));
    int found = 0;
    for (int64_t i = 0; i < mel_checkpoint_count(checkpoint); i++) {
        const CheckpointTensor *one = mel_checkpoint_at(checkpoint, i);
        if (strstr(one->name, " of ")) continue;
        found++;
        for (size_t k = 0; k < MEL_COUNT(kinds); k++) {
            char *name = mel_asprintf("%s%s", kinds[k], one->name);
            const CheckpointTensor *other = mel_checkpoint_find(checkpoint, name);
            assert_non_null(other);
            assert_true(mel_shape_equal(&other->shape, &one->shape));
            free(name);
        }
    }
    assert_int_equal(found, count_parameters(run));
    assert_int_equal(mel_checkpoint_count(checkpoint), found * (int)MEL_COUNT(kinds));
    mel_checkpoint_close(checkpoint);
    free(path);
    free(run);
    json_decref(config);
}

/* Two small batches are one large batch. */
static void accumulated_batches_are_one_batch(void **state)
{
    (void)state;
    float first[2];
    for (int i = 0; i < 2; i++) {
        json_t *config = world_config(autoencoder, data, model);
        json_object_set_new(config, "steps", json_integer(1));
        json_object_set_new(config, "batch", json_integer(i ? 6 : 3));
        json_object_set_new(config, "accumulate", json_integer(i ? 1 : 2));
        char *run = run_folder(i ? "one" : "two");
        TrainResult result = train(config, run, false);
        first[i] = (float)result.loss;
        free(run);
        json_decref(config);
    }
    assert_float_equal(first[0], first[1], 1e-5);
}

static void refuse(const char *key, json_t *value, const char *says)
{
    Err err = {0};
    TrainResult result;
    json_t *config = world_config(autoencoder, data, model);
    if (value)
        json_object_set_new(config, key, value);
    else
        json_object_del(config, key);
    char *run = run_folder("refused");
    const TrainOptions options = {.folder = run};
    if (mel_train(config, &options, &result, &err)) fail_msg("'%s' was taken", key);
    if (!strstr(err.message, says)) fail_msg("'%s': %s, wanted %s", key, err.message, says);
    assert_int_equal(test_shell("rm -rf %s", run), 0);
    free(run);
    json_decref(config);
}

static void impossible_configurations_are_named(void **state)
{
    (void)state;
    refuse("stepz", json_integer(3), "'stepz' is not known");
    refuse("target", json_string("nothing"), "'nothing'");
    refuse("target", NULL, "'target'");
    refuse("steps", NULL, "'steps'");
    refuse("steps", json_integer(0), "'steps'");
    refuse("steps", json_real(1.5), "a whole number");
    refuse("steps", json_string("10"), "a whole number");
    refuse("batch", json_integer(-1), "'batch'");
    refuse("learning_rate", json_string("high"), "a number");
    refuse("learning_rate", json_real(-1), "'learning_rate'");
    refuse("precision", json_string("f8"), "\"f32\" or \"bf16\"");
    refuse("decay", json_integer(1), "\"none\" or \"linear\"");
    refuse("recompute", json_integer(1), "true or false");
    refuse("data", json_string("/nowhere"), "no index.json");
    refuse("data", json_integer(1), "a text");
    refuse("model", json_string("/nowhere"), "config.json");
    refuse("of", json_string("smells"), "\"pictures\" or \"sounds\"");
    refuse("of", json_string("sounds"), "have no 'mel'");
    refuse("ema", json_real(1.0), "'ema'");
}

static void a_run_is_not_begun_twice_nor_gone_on_with_otherwise(void **state)
{
    (void)state;
    Err err = {0};
    TrainResult result;
    json_t *config = world_config(autoencoder, data, model);
    char *run = run_folder("twice");
    TrainOptions options = {.folder = run};
    json_object_set_new(config, "steps", json_integer(3));
    CHECK_OK(mel_train(config, &options, &result, &err));
    CHECK_FAILS(mel_train(config, &options, &result, &err), ERR_EXISTS);
    options.resume = true;
    json_object_set_new(config, "seed", json_integer(8));
    CHECK_FAILS(mel_train(config, &options, &result, &err), ERR_USAGE);
    json_object_set_new(config, "seed", json_integer(7));
    json_object_set_new(config, "steps", json_integer(6));
    CHECK_OK(mel_train(config, &options, &result, &err));
    assert_int_equal(result.steps, 6);
    free(run);
    json_decref(config);
}

static void a_loss_that_is_no_number_stops_before_it_spoils_anything(void **state)
{
    (void)state;
    Err err = {0};
    TrainResult result;
    json_t *config = world_config(autoencoder, data, model);
    char *run = run_folder("whole-run"), *spoilt = run_folder("spoilt");
    train(config, run, false);
    assert_int_equal(
        test_shell("cp -r %s/model %s && "
                   "f=%s/image_vae/diffusion_pytorch_model.safetensors && "
                   "printf '\\377\\377\\377\\377' | dd of=$f bs=1 conv=notrunc status=none "
                   "seek=$(($(stat -c %%s $f) - 4))",
                   run, spoilt, spoilt),
        0);
    json_object_set_new(config, "model", json_string(spoilt));
    char *explodes = run_folder("explodes");
    const TrainOptions options = {.folder = explodes};
    CHECK_FAILS(mel_train(config, &options, &result, &err), ERR_MATH);
    assert_int_equal(result.steps, 0);
    assert_int_equal(test_shell("ls %s/checkpoints/* >/dev/null 2>&1", explodes), 2);
    free(run);
    free(spoilt);
    free(explodes);
    json_decref(config);
}

static void shards_that_are_torn_or_mixed_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *damage, *says;
    } bad[] = {
        {"truncate -s 500 %s/00001.safetensors",                                         "00001.safetensors"      },
        {"printf x | dd of=%s/00001.safetensors bs=1 seek=700 conv=notrunc status=none",
         "not what the index says"                                                                                },
        {"cd %s && cp 00000.safetensors 00001.safetensors",                              "not what the index says"},
        {"rm %s/00002.safetensors",                                                      "00002.safetensors"      },
        {"rm %s/index.json",                                                             "no index.json"          },
        {"echo '{}' > %s/index.json",                                                    "not that of"            },
        {"echo '{' > %s/index.json",                                                     "index.json"             },
    };
    for (size_t i = 0; i < MEL_COUNT(bad); i++) {
        Err err = {0};
        Shards *shards = NULL;
        char *folder = run_folder("bad-shards");
        assert_int_equal(test_shell("rm -rf %s && cp -r %s %s", folder, data, folder), 0);
        assert_int_equal(test_shell(bad[i].damage, folder), 0);
        if (mel_shards_open(folder, &shards, &err)) fail_msg("'%s' was taken", bad[i].damage);
        if (!strstr(err.message, bad[i].says)) fail_msg("'%s': %s", bad[i].damage, err.message);
        free(folder);
    }
}

int main(int count, char **arguments)
{
    if (count == 3) return train_as_child(arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_autoencoder_learns_its_pictures),
        cmocka_unit_test(one_batch_is_learnt_by_heart),
        cmocka_unit_test(a_killed_run_goes_on_to_the_same_bit),
        cmocka_unit_test(a_torn_checkpoint_is_passed_over),
        cmocka_unit_test(a_checkpoint_has_each_parameter_under_its_own_name),
        cmocka_unit_test(accumulated_batches_are_one_batch),
        cmocka_unit_test(impossible_configurations_are_named),
        cmocka_unit_test(a_run_is_not_begun_twice_nor_gone_on_with_otherwise),
        cmocka_unit_test(a_loss_that_is_no_number_stops_before_it_spoils_anything),
        cmocka_unit_test(shards_that_are_torn_or_mixed_are_named),
    };
    return cmocka_run_group_tests(tests, make_picture_world, free_picture_world);
}
