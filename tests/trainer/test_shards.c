/* SPDX-License-Identifier: Apache-2.0
 *
 * Training shards: a stopped writer goes on, what is read is what was written, and an order of
 * samples that depends on nothing but seed and number. */
#include "tests/trainer/train_world.h"
#include "trainer/order.h"

static int make_world(void **state)
{
    (void)state;
    world = test_folder();
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    test_folder_remove(world);
    return 0;
}

static const ShardArray arrays[] = {
    {.name = "pixels", .dtype = DTYPE_U8, .shape = {.rank = 3, .dims = {16, 16, 3}}}
};

static bool begin(const char *folder, const char *split, ShardsWriter **writer, int64_t *done,
                  Err *err)
{
    json_t *made = json_pack("{s:s}", "split", split);
    const ShardsPlan plan = {
        .arrays = arrays, .array_count = 1, .items_per_file = 5, .made_with = made};
    bool ok = mel_shards_begin(folder, &plan, writer, done, err);
    json_decref(made);
    return ok;
}

static void a_stopped_writer_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    Err err = {0};
    ShardsWriter *writer;
    Shards *shards;
    int64_t done;
    char *whole = mel_strdup(test_path(world, "whole")),
         *stopped = mel_strdup(test_path(world, "stopped"));
    world_shards(whole);
    CHECK_OK(begin(stopped, "small", &writer, &done, &err));
    assert_int_equal(done, 0);
    assert_null(mel_shards_last_key(writer));
    world_add(writer, 0, 8);
    mel_shards_abandon(writer);
    CHECK_FAILS(mel_shards_open(stopped, &shards, &err), ERR_NOT_FOUND); /* unfinished */
    CHECK_FAILS(begin(stopped, "another", &writer, &done, &err), ERR_USAGE);
    CHECK_OK(begin(stopped, "small", &writer, &done, &err));
    assert_int_equal(done, 5);
    assert_string_equal(mel_shards_last_key(writer), "v4:0");
    world_add(writer, 5, WORLD_ITEMS);
    CHECK_OK(mel_shards_finish(writer, &err));
    assert_int_equal(test_shell("diff -r %s %s", whole, stopped), 0);
    free(whole);
    free(stopped);
}

static void what_is_read_is_what_was_written(void **state)
{
    (void)state;
    Err err = {0};
    Shards *shards;
    char *folder = mel_strdup(test_path(world, "read"));
    world_shards(folder);
    CHECK_OK(mel_shards_open(folder, &shards, &err));
    assert_int_equal(mel_shards_count(shards), WORLD_ITEMS);
    int pixels = mel_shards_array(shards, "pixels", &err);
    assert_true(pixels >= 0);
    for (int i = 0; i < WORLD_ITEMS; i++) {
        uint8_t wanted[WORLD_SIDE * WORLD_SIDE * 3];
        float got[WORLD_SIDE * WORLD_SIDE * 3];
        world_pixels(i, wanted);
        assert_memory_equal(mel_shards_data(shards, pixels, i), wanted, sizeof wanted);
        mel_shards_floats(shards, pixels, i, got);
        assert_float_equal(got[77], wanted[77], 0);
    }
    assert_string_equal(mel_shards_key(shards, 11), "v11:0");
    assert_string_equal(mel_shards_text(shards, 1), "colour number b");
    assert_int_equal(mel_shards_array(shards, "smells", &err), -1);
    assert_non_null(strstr(err.message, "'smells'"));
    mel_err_clear(&err);
    assert_null(mel_shards_constant(shards, "null_text", &err));
    mel_err_clear(&err);
    CHECK_FAILS(mel_shards_made_with(shards, "image_unet", "0123456789abcdef", &err), ERR_FORMAT);
    mel_shards_close(shards);
    free(folder);
}

static void every_epoch_has_every_item_once_in_an_order_of_its_own(void **state)
{
    (void)state;
    enum { ITEMS = 23, EPOCHS = 4 };
    int64_t first[ITEMS];
    Order *order = order_new(5, ITEMS), *other = order_new(6, ITEMS);
    int moved = 0, differs = 0;
    for (int e = 0; e < EPOCHS; e++) {
        bool seen[ITEMS] = {0};
        for (int i = 0; i < ITEMS; i++) {
            int64_t item = order_item(order, e * ITEMS + i);
            assert_true(item >= 0 && item < ITEMS && !seen[item]);
            seen[item] = true;
            if (e == 0) first[i] = item;
            moved += e > 0 && item != first[i];
            differs += item != order_item(other, e * ITEMS + i);
        }
    }
    assert_true(moved > ITEMS && differs > ITEMS);
    for (int i = ITEMS - 1; i >= 0; i--) /* asked for in any order */
        assert_int_equal(order_item(order, i), first[i]);
    order_free(order);
    order_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_writer_goes_on_to_the_same_bytes),
        cmocka_unit_test(what_is_read_is_what_was_written),
        cmocka_unit_test(every_epoch_has_every_item_once_in_an_order_of_its_own),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
