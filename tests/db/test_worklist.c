/* SPDX-License-Identifier: Apache-2.0
 *
 * What the annotator's window lists, and what it needs of one item. */
#include "tests/support/store_fixture.h"

#include <math.h>
#include <string.h>

static bool add_item(void *ctx, const WorkItem *item, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s|%s|%s|%s|%s\n", item->clip_id, item->purpose ? item->purpose : "-",
                 mel_queue_state_name(item->state), item->genre ? item->genre : "-",
                 item->comment ? item->comment : "-");
    return true;
}

static void list_is(Db *db, const char *person, const char *wanted)
{
    Err err = {0};
    Str found = {0};
    CHECK_OK(mel_worklist(db, person, add_item, &found, &err));
    assert_string_equal(mel_str_text(&found), wanted);
    mel_str_clear(&found);
}

static void give(Db *db, const char *clip, const char *purpose, int64_t position)
{
    Err err = {0};
    const Assignment item = {.batch = "one",
                             .clip_id = clip,
                             .annotator_id = "anna",
                             .purpose = purpose,
                             .position = position};
    CHECK_OK(mel_assignments_put(db, &item, 1, NULL, &err));
}

static void without_a_queue_all_that_is_ready_and_kept_is_listed(void **state)
{
    Store *store = *state;
    store_ready_clip(store->db, "b", 0, -14);
    store_ready_clip(store->db, "a", 0, -14);
    store_clip(store->db, "c", 0); /* not ready */
    store_person(store->db, "anna");
    list_is(store->db, "anna", "a:0|-|open|-|-\nb:0|-|open|-|-\n");
    store_say(store->db, "b:0", "anna", "jazz", NULL);
    store_say(store->db, "a:0", "ben", "rock", NULL); /* nobody's business */
    list_is(store->db, "anna", "a:0|-|open|-|-\nb:0|-|submitted|jazz|-\n");
}

static void a_queue_is_listed_in_its_order_with_what_was_sent_back(void **state)
{
    Err err = {0};
    Store *store = *state;
    store_ready_clip(store->db, "a", 0, -14);
    store_ready_clip(store->db, "b", 0, -14);
    store_ready_clip(store->db, "r", 0, -14);
    store_clip(store->db, "c", 0);
    store_person(store->db, "anna");
    store_person(store->db, "rob");
    give(store->db, "b:0", "work", 0);
    give(store->db, "c:0", "work", 1); /* not ready */
    give(store->db, "a:0", "gold", 2);
    give(store->db, "r:0", "review", 3); /* another window's */
    give(store->db, "b:0", "retest", 4);
    store_say(store->db, "b:0", "anna", "jazz", NULL);
    list_is(store->db, "anna",
            "b:0|work|submitted|jazz|-\na:0|gold|open|-|-\nb:0|retest|open|-|-\n");
    const Review review = {.clip_id = "b:0",
                           .author_id = "anna",
                           .reviewer_id = "rob",
                           .verdict = "return",
                           .comment = "listen again"};
    CHECK_OK(mel_review_save(store->db, &review, NULL, &err));
    list_is(store->db, "anna",
            "b:0|work|returned|jazz|listen again\na:0|gold|open|-|-\n"); /* first things first */
}

static void an_item_has_its_media_and_stills(void **state)
{
    Err err = {0};
    Store *store = *state;
    Arena arena = {0};
    ClipItem item;
    const char *clip = store_ready_clip(store->db, "a", 20, -14);
    CHECK_OK(mel_clip_item(store->db, clip, &arena, &item, &err));
    assert_string_equal(item.clip_id, clip);
    assert_int_equal(item.start_us, 20000000);
    assert_true(mel_starts_with(item.audio, store->folder));
    assert_non_null(item.preview);
    assert_true(item.still_count > 0);
    for (size_t i = 0; i < item.still_count; i++)
        assert_int_equal(item.stills[i].position, i);
    assert_float_equal(item.loudness_lufs, -14, 1e-9);
    CHECK_FAILS(mel_clip_item(store->db, "nope:0", &arena, &item, &err), ERR_NOT_FOUND);
    mel_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_queue_all_that_is_ready_and_kept_is_listed,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_queue_is_listed_in_its_order_with_what_was_sent_back,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(an_item_has_its_media_and_stills, store_setup,
                                        store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
