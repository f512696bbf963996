/* SPDX-License-Identifier: Apache-2.0
 *
 * Towers from a model's folder: what they embed is what the networks alone give, whatever the
 * batch; folders that are wrong are refused with a sentence. The models are small and random. */
#include "engine/engine.h"
#include "engine/nets.h"
#include "tests/support/small_models.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static char *models;

static int make_models(void **state)
{
    (void)state;
    Err err = {0};
    models = test_folder();
    CHECK_OK(small_models_write(models, MEL_TEST_DATA "/tokenizers", &err));
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    test_folder_remove(models);
    return 0;
}

static Towers *open_towers(const char *name)
{
    Err err = {0};
    Towers *towers;
    CHECK_OK(mel_towers_open(test_path(models, "%s", name), DTYPE_F32, &towers, &err));
    return towers;
}

static double cosine(const float *a, const float *b, int64_t width)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void fill(float *values, int64_t n, uint64_t seed)
{
    Rng rng = {.seed = seed};
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)(mel_rng_normal(&rng) * 0.2);
}

/* ---- embeddings ----------------------------------------------------------------------------- */

/* Eleven inputs at once, and each by itself: the rows are the same and of length 1. */
static void check_batches(Towers *towers, TowerSide side)
{
    enum { COUNT = 11 };
    Err err = {0};
    int64_t width = mel_towers_info(towers)->width, n = mel_tower_input_count(towers, side);
    float *inputs = mel_alloc((size_t)(COUNT * n) * sizeof *inputs);
    float *together = mel_alloc((size_t)(COUNT * width) * sizeof *together), row[64];
    assert_true(width <= 64);
    fill(inputs, COUNT * n, 7);
    CHECK_OK(mel_tower_embed(towers, side, inputs, COUNT, together, &err));
    for (int i = 0; i < COUNT; i++) {
        CHECK_OK(mel_tower_embed(towers, side, inputs + i * n, 1, row, &err));
        CHECK_NEAR(cosine(row, row, width), 1, 1e-5);
        for (int64_t c = 0; c < width; c++)
            CHECK_NEAR(row[c], together[i * width + c], 1e-5);
    }
    free(inputs);
    free(together);
}

static void an_embedding_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    Towers *clip = open_towers("clip"), *clap = open_towers("clap"), *sound = open_towers("sound");
    check_batches(clip, TOWER_PICTURE);
    check_batches(clap, TOWER_SOUND);
    check_batches(sound, TOWER_SOUND);
    mel_towers_close(clip);
    mel_towers_close(clap);
    mel_towers_close(sound);
}

/* The network by hand, in double, on one picture. */
static void a_picture_is_embedded_as_the_network_says(void **state)
{
    (void)state;
    static const ClipConfig config = {
        .vocabulary = 4608,
        .positions = 77,
        .text = {.width = 48, .layers = 2, .heads = 4, .hidden = 96},
        .vision = {.width = 48, .layers = 2, .heads = 4, .hidden = 96},
        .picture = 64,
        .patch = 16,
        .joint = 32,
        .gelu = UNARY_QUICK_GELU
    };
    Err err = {0};
    Towers *towers = open_towers("clip");
    Checkpoint *checkpoint;
    CHECK_OK(mel_checkpoint_open(test_path(models, "clip"), &checkpoint, &err));
    CheckpointParams source = {.checkpoint = checkpoint};
    Params params = mel_checkpoint_params(&source);
    Graph *g = mel_graph_new(DTYPE_F32);
    Node *pictures = mel_graph_input(g, "pictures", DTYPE_F32, SHAPE(1, 64, 64, 3));
    mel_graph_output(g, "row", mel_net_clip_vision_embedding(g, &config, pictures));
    Plan *plan;
    CHECK_OK(mel_plan_new(g, mel_backend_reference(), &params, &plan, &err));
    uint8_t rgb[100 * 80 * 3];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37 % 251);
    float input[64 * 64 * 3], row[32];
    double wanted[32], squares = 0;
    CHECK_OK(mel_tower_prepare_picture(towers, rgb, (PictureSize){100, 80}, input, &err));
    CHECK_OK(mel_tower_embed(towers, TOWER_PICTURE, input, 1, row, &err));
    CHECK_OK(mel_plan_write(plan, "pictures", input, &err));
    CHECK_OK(mel_plan_run(plan, &err));
    CHECK_OK(mel_plan_read_f64(plan, "row", wanted, &err));
    for (int i = 0; i < 32; i++)
        squares += wanted[i] * wanted[i];
    for (int i = 0; i < 32; i++)
        CHECK_NEAR(row[i], wanted[i] / sqrt(squares), 1e-5);
    mel_plan_free(plan);
    mel_graph_free(g);
    mel_checkpoint_close(checkpoint);
    mel_towers_close(towers);
}

static void a_text_is_embedded_alike_alone_and_among_others(void **state)
{
    (void)state;
    Err err = {0};
    static const char *const names[] = {"clip", "clap"};
    const char *texts[20];
    for (int i = 0; i < 20; i++)
        texts[i] = test_path("text", "%d slow pianos %s", i, i % 3 ? "in the rain" : "and a choir");
    for (int k = 0; k < 2; k++) {
        Towers *towers = open_towers(names[k]);
        int64_t width = mel_towers_info(towers)->width, cut = 0;
        float rows[20 * 32], row[32];
        CHECK_OK(mel_tower_embed_texts(towers, texts, 20, rows, &cut, &err));
        for (int i = 0; i < 20; i++) {
            CHECK_OK(mel_tower_embed_texts(towers, &texts[i], 1, row, &cut, &err));
            CHECK_NEAR(cosine(row, rows + i * width, width), 1, 1e-5);
        }
        assert_true(cosine(rows, rows + width, width) < 0.9999);
        assert_int_equal(cut, 0);
        mel_towers_close(towers);
    }
}

static void a_long_text_is_cut_where_the_model_stops_reading(void **state)
{
    (void)state;
    Err err = {0};
    Str longer = {0};
    float row[32], again[32];
    for (int i = 0; i < 100; i++)
        mel_str_addf(&longer, "note%d ", i);
    Towers *clip = open_towers("clip"), *clap = open_towers("clap");
    int64_t cut = 0;
    const char *text = longer.text;
    CHECK_OK(mel_tower_embed_texts(clip, &text, 1, row, &cut, &err));
    assert_int_equal(cut, 1);
    CHECK_OK(mel_tower_embed_texts(clap, &text, 1, row, &cut, &err)); /* up to 512 */
    assert_int_equal(cut, 1);
    for (int i = 0; i < 400; i++)
        mel_str_addf(&longer, "note%d ", i);
    text = longer.text;
    CHECK_OK(mel_tower_embed_texts(clap, &text, 1, again, &cut, &err));
    assert_int_equal(cut, 2);
    assert_true(cosine(row, again, 24) < 0.99999);
    mel_str_clear(&longer);
    mel_towers_close(clip);
    mel_towers_close(clap);
}

/* ---- sounds --------------------------------------------------------------------------------- */

static void a_short_sound_is_repeated_whole_and_then_silent(void **state)
{
    (void)state;
    Err err = {0};
    Towers *towers = open_towers("sound");
    enum { RATE = 16000, SHORT = 3 * RATE, WHOLE = 10 * RATE };
    assert_int_equal(mel_tower_input_count(towers, TOWER_SOUND), WHOLE);
    float *stereo = mel_alloc(2 * SHORT * sizeof *stereo), *out = mel_alloc(WHOLE * sizeof *out);
    fill(stereo, 2 * SHORT, 3);
    CHECK_OK(mel_tower_prepare_sound(towers, stereo, SHORT, 2, RATE, out, &err));
    for (int i = 0; i < WHOLE; i++) {
        int at = i % SHORT;
        double wanted = i < 3 * SHORT ? (stereo[2 * at] + stereo[2 * at + 1]) / 2 : 0;
        CHECK_NEAR(out[i], wanted, 1e-6);
    }
    free(stereo);
    free(out);
    mel_towers_close(towers);
}

static void another_rate_is_resampled_and_a_long_sound_cut(void **state)
{
    (void)state;
    Err err = {0};
    Towers *towers = open_towers("sound");
    enum { RATE = 44100, LONG = 12 * RATE, WHOLE = 160000 };
    float *sound = mel_alloc(LONG * sizeof *sound), *out = mel_alloc(WHOLE * sizeof *out);
    for (int i = 0; i < LONG; i++)
        sound[i] = (float)(0.5 * sin(2 * 3.14159265358979 * 440 * i / RATE));
    CHECK_OK(mel_tower_prepare_sound(towers, sound, LONG, 1, RATE, out, &err));
    for (int i = 1000; i < WHOLE; i++) /* behind the filter's beginning */
        CHECK_NEAR(out[i], 0.5 * sin(2 * 3.14159265358979 * 440 * i / 16000), 2e-3);
    free(sound);
    free(out);
    mel_towers_close(towers);
}

/* ---- bad folders ---------------------------------------------------------------------------- */

static void refuse(const char *name, const char *config, const char *wording)
{
    Err err = {0};
    Towers *towers = NULL;
    const char *path = test_path(models, "%s/config.json", name);
    char *before;
    size_t n;
    CHECK_OK(mel_read_file(path, 1 << 20, &before, &n, &err));
    test_write(path, config, strlen(config));
    if (mel_towers_open(test_path(models, "%s", name), DTYPE_F32, &towers, &err))
        fail_msg("opened: %s", config);
    assert_null(towers);
    if (!strstr(err.message, wording)) fail_msg("'%s', wanted '%s'", err.message, wording);
    test_write(path, before, n);
    free(before);
}

static void configurations_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    refuse("clip", "", "config.json");
    refuse("clip", "[]", "model_type ''");
    refuse("clip", "{\"model_type\":\"bert\"}", "model_type 'bert'");
    refuse("clip", "{\"model_type\":\"clip\",\"projection_dim\":0}", "'projection_dim'");
    refuse("clip", "{\"model_type\":\"clip\",\"projection_dim\":1e9}", "'projection_dim'");
    refuse("clip", "{\"model_type\":\"clip\",\"text_config\":{\"hidden_size\":-4}}",
           "'hidden_size' of text_config");
    refuse("clip", "{\"model_type\":\"clip\",\"text_config\":{\"num_attention_heads\":7}}",
           "a width of 512 for 7 heads");
    refuse("clip", "{\"model_type\":\"clip\",\"vision_config\":{\"patch_size\":33}}",
           "in patches of 33");
    refuse("clip", "{\"model_type\":\"clip\",\"text_config\":{\"hidden_act\":\"relu\"}}",
           "'hidden_act' of text_config");
    refuse("clap", "{\"model_type\":\"clap\",\"audio_config\":{\"enable_fusion\":true}}", "fusion");
    refuse("clap", "{\"model_type\":\"clap\",\"audio_config\":{\"depths\":[]}}", "'depths'");
    refuse("clap", "{\"model_type\":\"clap\",\"audio_config\":{\"depths\":[2,2,\"x\",2]}}",
           "'depths'");
    refuse("sound", "{\"model_type\":\"melkit_sound_tower\",\"front\":\"ears\"}", "'ears'");
}

static void weights_of_another_size_are_named(void **state)
{
    (void)state;
    refuse("clip", "{\"model_type\":\"clip\"}", "and not [768, 3, 32, 32] is 'vision_model.");
    refuse("sound", "{\"model_type\":\"melkit_sound_tower\",\"front\":\"cnn14_16k\"}",
           "audio_encoder.base.");
    refuse("sound", "{\"model_type\":\"clip\"}", "'vision_model.");
    refuse("sound", "{\"model_type\":\"melkit_vggish\"}", "it is a melkit_vggish");
}

static void a_folder_without_its_files_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    Towers *towers = NULL;
    CHECK_FAILS(mel_towers_open(test_path(models, "none"), DTYPE_F32, &towers, &err),
                ERR_NOT_FOUND);
    assert_int_equal(
        test_shell("cp -r %s/clip %s/bare && rm %s/bare/vocab.json", models, models, models), 0);
    CHECK_FAILS(mel_towers_open(test_path(models, "bare"), DTYPE_F32, &towers, &err),
                ERR_NOT_FOUND);
    assert_int_equal(test_shell("rm %s/bare/model.safetensors", models), 0);
    CHECK_FAILS(mel_towers_open(test_path(models, "bare"), DTYPE_F32, &towers, &err),
                ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_embedding_does_not_depend_on_its_batch),
        cmocka_unit_test(a_picture_is_embedded_as_the_network_says),
        cmocka_unit_test(a_text_is_embedded_alike_alone_and_among_others),
        cmocka_unit_test(a_long_text_is_cut_where_the_model_stops_reading),
        cmocka_unit_test(a_short_sound_is_repeated_whole_and_then_silent),
        cmocka_unit_test(another_rate_is_resampled_and_a_long_sound_cut),
        cmocka_unit_test(configurations_that_make_no_sense_are_refused),
        cmocka_unit_test(weights_of_another_size_are_named),
        cmocka_unit_test(a_folder_without_its_files_is_refused),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
