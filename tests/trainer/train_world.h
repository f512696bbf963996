/* SPDX-License-Identifier: Apache-2.0
 *
 * A small world to train on: shards of coloured pictures, and a model's folder of small networks.
 */
#ifndef MEL_TESTS_TRAIN_WORLD_H
#define MEL_TESTS_TRAIN_WORLD_H

#include "tests/support/test.h"
#include "trainer/trainer.h"

#include <stdlib.h>
#include <string.h>

enum { WORLD_SIDE = 16, WORLD_ITEMS = 12 };

/* A folder of the test's own, and the paths of shards and of a model's folder in it. */
static inline void world_open(char **folder, char **data, char **model)
{
    *folder = test_folder();
    *data = mel_strdup(test_path(*folder, "shards"));
    *model = mel_strdup(test_path(*folder, "model"));
}

static inline void world_close(char *folder, char *data, char *model)
{
    free(data);
    free(model);
    test_folder_remove(folder);
}

static inline void world_file(const char *folder, const char *part, const char *text)
{
    Err err = {0};
    char *below = mel_path_join(folder, part), *path = mel_path_join(below, "config.json");
    CHECK_OK(mel_make_dirs(below, &err));
    CHECK_OK(mel_write_file(path, text, strlen(text), &err));
    free(below);
    free(path);
}

static inline void world_model(const char *folder)
{
    world_file(folder, "image_vae",
               "{\"_class_name\":\"AutoencoderKL\",\"in_channels\":3,\"out_channels\":3,"
               "\"latent_channels\":2,\"block_out_channels\":[8,8],\"layers_per_block\":1,"
               "\"norm_num_groups\":4}");
    world_file(
        folder, "clip",
        "{\"model_type\":\"clip\",\"projection_dim\":16,\"text_config\":{\"vocab_size\":4608,"
        "\"hidden_size\":16,\"num_hidden_layers\":1,\"num_attention_heads\":2,"
        "\"intermediate_size\":32},\"vision_config\":{\"image_size\":16,\"patch_size\":8,"
        "\"hidden_size\":16,\"num_hidden_layers\":1,\"num_attention_heads\":2,"
        "\"intermediate_size\":32}}");
    assert_int_equal(test_shell("cp %s/tokenizers/clip/vocab.json %s/tokenizers/clip/merges.txt "
                                "%s/clip",
                                MEL_TEST_DATA, MEL_TEST_DATA, folder),
                     0);
}

/* Pictures of one colour that changes slowly, one a shard item. */
static inline void world_pixels(int item, uint8_t *rgb)
{
    for (int y = 0; y < WORLD_SIDE; y++)
        for (int x = 0; x < WORLD_SIDE; x++)
            for (int c = 0; c < 3; c++)
                rgb[(y * WORLD_SIDE + x) * 3 + c] =
                    (uint8_t)(20 + 17 * ((item * 5 + c * 3) % 12) + (c == 0 ? x : y));
}

/* Items from … to-1, each a picture of one colour and its words. */
static inline void world_add(ShardsWriter *writer, int from, int to)
{
    Err err = {0};
    for (int i = from; i < to; i++) {
        uint8_t rgb[WORLD_SIDE * WORLD_SIDE * 3];
        char key[16], text[32];
        const void *data[] = {rgb};
        world_pixels(i, rgb);
        snprintf(key, sizeof key, "v%d:0", i);
        snprintf(text, sizeof text, "colour number %c", 'a' + i);
        CHECK_OK(mel_shards_add(writer, key, text, data, &err));
    }
}

static inline void world_shards(const char *folder)
{
    Err err = {0};
    ShardsWriter *writer;
    int64_t done;
    const ShardArray arrays[] = {
        {.name = "pixels", .dtype = DTYPE_U8, .shape = SHAPE(WORLD_SIDE, WORLD_SIDE, 3)}
    };
    json_t *made = json_pack("{s:s}", "split", "small");
    const ShardsPlan plan = {
        .arrays = arrays, .array_count = 1, .items_per_file = 5, .made_with = made};
    CHECK_OK(mel_shards_begin(folder, &plan, &writer, &done, &err));
    world_add(writer, (int)done, WORLD_ITEMS);
    CHECK_OK(mel_shards_finish(writer, &err));
    json_decref(made);
}

/* The JSON of a run, with %s for its data and its model. */
static inline json_t *world_config(const char *format, const char *data, const char *model)
{
    Err err = {0};
    char *text = mel_asprintf(format, data, model);
    json_t *config = mel_json_parse(text, strlen(text), "the configuration", &err);
    if (!config) fail_msg("%s", err.message);
    free(text);
    return config;
}

/* The world of a program's tests; of pictures where these make it before them, and free it behind.
 */
static char *world, *data, *model;

static inline int make_picture_world(void **state)
{
    (void)state;
    world_open(&world, &data, &model);
    world_shards(data);
    world_model(model);
    return 0;
}

static inline int free_picture_world(void **state)
{
    (void)state;
    world_close(world, data, model);
    return 0;
}

#endif
