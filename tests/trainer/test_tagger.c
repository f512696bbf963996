/* SPDX-License-Identifier: Apache-2.0
 *
 * A judge learns to name what it hears: low notes and high ones. */
#include "tests/trainer/train_world.h"

#include <math.h>

enum { SAMPLES = 163840, RATE_HZ = 16000, ITEMS = 16 };

/* Even items are low notes, odd ones high, each of its own pitch. */
static void play(int item, int16_t *wave)
{
    double hz = (item % 2 ? 1500.0 : 150.0) * (1 + 0.03 * item);
    for (int i = 0; i < SAMPLES; i++)
        wave[i] = (int16_t)(9000 * sin(6.283185307179586 * hz * i / RATE_HZ));
}

static void notes(const char *folder)
{
    Err err = {0};
    ShardsWriter *writer;
    int64_t done;
    const ShardArray arrays[] = {
        {.name = "wave", .dtype = DTYPE_I16, .shape = SHAPE(SAMPLES)}
    };
    int16_t *wave = mel_alloc(SAMPLES * sizeof *wave);
    json_t *made = json_pack("{s:s}", "split", "notes");
    const ShardsPlan plan = {
        .arrays = arrays, .array_count = 1, .items_per_file = 8, .made_with = made};
    CHECK_OK(mel_shards_begin(folder, &plan, &writer, &done, &err));
    for (int i = 0; i < ITEMS; i++) {
        char key[16];
        const void *item[] = {wave};
        snprintf(key, sizeof key, "n%d:0", i);
        play(i, wave);
        CHECK_OK(mel_shards_add(writer, key, i % 2 ? "high, note" : "low, note", item, &err));
    }
    CHECK_OK(mel_shards_finish(writer, &err));
    json_decref(made);
    free(wave);
}

static int make_world(void **state)
{
    (void)state;
    world_open(&world, &data, &model);
    notes(data);
    world_file(model, "vggish",
               "{\"model_type\":\"melkit_vggish\",\"width\":4,\"hidden\":32,\"embedding\":16,"
               "\"classes\":3}");
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    world_close(world, data, model);
    return 0;
}

static const char judge[] =
    "{\"target\":\"tagger\",\"of\":\"vggish\",\"data\":\"%s\",\"model\":\"%s\",\"steps\":24,"
    "\"batch\":8,\"seconds\":1,\"learning_rate\":0.004,\"seed\":1}";

static TrainResult train(bool mixup)
{
    Err err = {0};
    TrainResult result;
    json_t *config = world_config(judge, data, model);
    json_object_set_new(config, "validate", json_string(data));
    json_object_set_new(config, "mixup", json_boolean(mixup));
    char *run = mel_strdup(test_path(world, mixup ? "mixed" : "plain"));
    const TrainOptions options = {.folder = run};
    CHECK_OK(mel_train(config, &options, &result, &err));
    print_message("%s: loss %.4f, of what is played alone %.4f\n", mixup ? "mixed" : "plain",
                  result.loss, result.validation);
    json_decref(config);
    free(run);
    return result;
}

/* Whoever hears nothing and knows the shares gets 2/3·ln 2 = 0.46. */
static void a_vggish_learns_to_tell_low_from_high(void **state)
{
    (void)state;
    assert_true(train(false).validation < 0.05);
}

/* Of a mixture nobody can be sure: the loss is higher, what is learnt holds for sounds alone. */
static void mixed_sounds_have_the_tags_of_both(void **state)
{
    (void)state;
    TrainResult result = train(true);
    assert_true(result.loss > 0.1);
    assert_true(result.validation < 0.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vggish_learns_to_tell_low_from_high),
        cmocka_unit_test(mixed_sounds_have_the_tags_of_both),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
