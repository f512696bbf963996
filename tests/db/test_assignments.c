/* SPDX-License-Identifier: Apache-2.0
 *
 * Queues, and who may read whose answers. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static void assign(Db *db, const char *batch, const char *clip, const char *person,
                   const char *purpose, int64_t position, const char *not_before)
{
    Err err = {0};
    const Assignment item = {.batch = batch,
                             .clip_id = clip,
                             .annotator_id = person,
                             .purpose = purpose,
                             .position = position,
                             .not_before = not_before};
    CHECK_OK(mel_assignments_put(db, &item, 1, NULL, &err));
}

static void answer(Db *db, const char *clip, const char *person, const char *state)
{
    Err err = {0};
    Annotation a;
    mel_annotation_init(&a);
    a.clip_id = clip;
    a.annotator_id = person;
    a.state = state;
    a.genre = "jazz";
    CHECK_OK(mel_annotator_put(db, person, "person", NULL, &err));
    CHECK_OK(mel_annotation_save(db, &a, NULL, NULL, &err));
}

static bool may_read(Db *db, const char *clip, const char *person)
{
    Err err = {0};
    bool may;
    CHECK_OK(mel_may_read_answers(db, clip, person, &may, &err));
    return may;
}

static bool add_item(void *ctx, const QueueItem *item, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s %s %s\n", item->assignment.clip_id, item->assignment.purpose,
                 mel_queue_state_name(item->state));
    return true;
}

static void queue_is(Db *db, const QueueQuery *query, const char *wanted)
{
    Err err = {0};
    Str found = {0};
    CHECK_OK(mel_queue_each(db, query, add_item, &found, &err));
    assert_string_equal(mel_str_text(&found), wanted);
    mel_str_clear(&found);
}

static void a_queue_has_its_order_and_the_state_of_the_own_answer(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    const char *a = store_clip(db, "file-a", 0), *b = store_clip(db, "file-b", 0),
               *c = store_clip(db, "file-c", 0);
    assign(db, "one", c, "anna", "work", 0, NULL);
    assign(db, "one", a, "anna", "gold", 2, NULL);
    assign(db, "one", b, "anna", "overlap", 1, NULL);
    assign(db, "one", b, "ben", "overlap", 0, NULL);
    const QueueQuery query = {.annotator_id = "anna"}, other = {.annotator_id = "ben"};
    answer(db, b, "ben", "submitted");
    queue_is(db, &query, "file-c:0 work open\nfile-b:0 overlap open\nfile-a:0 gold open\n");
    queue_is(db, &other, "file-b:0 overlap submitted\n");
    answer(db, c, "anna", "submitted");
    answer(db, b, "anna", "draft");
    answer(db, a, "anna", "submitted");
    answer(db, a, "anna", "withdrawn");
    queue_is(db, &query, "file-c:0 work submitted\nfile-b:0 overlap draft\nfile-a:0 gold open\n");
    Err err = {0};
    int64_t counts[QUEUE_STATES];
    CHECK_OK(mel_queue_count(db, &query, counts, &err));
    assert_int_equal(counts[QUEUE_OPEN], 1);
    assert_int_equal(counts[QUEUE_DRAFT], 1);
    assert_int_equal(counts[QUEUE_SUBMITTED], 1);
}

static void an_item_for_later_waits(void **state)
{
    Store *store = *state;
    const char *clip = store_clip(store->db, "file-a", 0);
    assign(store->db, "one", clip, "anna", "work", 0, "2031-01-01T00:00:00.000000Z");
    QueueQuery query = {.annotator_id = "anna", .now = "2030-12-31T23:59:59.999999Z"};
    queue_is(store->db, &query, "");
    query.now = "2031-01-01T00:00:00.000000Z";
    queue_is(store->db, &query, "file-a:0 work open\n");
}

static void a_batch_is_put_once_and_read_alone(void **state)
{
    Store *store = *state;
    Err err = {0};
    int64_t added, count;
    const char *clip = store_clip(store->db, "file-a", 0);
    const Assignment items[] = {
        {.batch = "one", .clip_id = clip, .annotator_id = "anna", .purpose = "work"},
        {.batch = "one", .clip_id = clip, .annotator_id = "ben",  .purpose = "work"},
    };
    CHECK_OK(mel_assignments_put(store->db, items, 2, &added, &err));
    assert_int_equal(added, 2);
    CHECK_OK(mel_assignments_put(store->db, items, 2, &added, &err));
    assert_int_equal(added, 0);
    assign(store->db, "two", clip, "anna", "gold", 0, NULL);
    CHECK_OK(mel_batch_count(store->db, "one", &count, &err));
    assert_int_equal(count, 2);
    const QueueQuery query = {.annotator_id = "anna", .batch = "two"};
    queue_is(store->db, &query, "file-a:0 gold open\n");
}

static void a_batch_with_an_unknown_clip_is_refused_as_a_whole(void **state)
{
    Store *store = *state;
    Err err = {0};
    int64_t count;
    const Assignment items[] = {
        {.batch = "one",
         .clip_id = store_clip(store->db, "file-a", 0),
         .annotator_id = "anna",
         .purpose = "work"},
        {.batch = "one", .clip_id = "file-x:0",             .annotator_id = "anna",        .purpose = "work"},
    };
    CHECK_FAILS(mel_assignments_put(store->db, items, 2, NULL, &err), ERR_NOT_FOUND);
    CHECK_OK(mel_batch_count(store->db, "one", &count, &err));
    assert_int_equal(count, 0);
}

static void whoever_is_asked_is_blind_until_submitting(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    const char *clip = store_clip(db, "file-a", 0);
    assign(db, "one", clip, "anna", "overlap", 0, NULL);
    answer(db, clip, "ben", "submitted");
    assert_false(may_read(db, clip, "anna"));
    assert_true(may_read(db, clip, "zoe"));
    answer(db, clip, "anna", "draft");
    assert_false(may_read(db, clip, "anna"));
    answer(db, clip, "anna", "submitted");
    assert_true(may_read(db, clip, "anna"));
    answer(db, clip, "anna", "draft");
    assert_true(may_read(db, clip, "anna"));
}

static void a_retest_blinds_again_and_a_review_does_not(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    const char *clip = store_clip(db, "file-a", 0);
    answer(db, clip, "anna", "submitted");
    assign(db, "again", clip, "anna", "retest", 0, NULL);
    assign(db, "reviews", clip, "rita", "review", 0, NULL);
    assert_false(may_read(db, clip, "anna"));
    assert_true(may_read(db, clip, "rita"));
    const QueueQuery query = {.annotator_id = "anna"};
    queue_is(db, &query, "file-a:0 retest open\n");
    answer(db, clip, "anna" RETEST_SUFFIX, "submitted");
    assert_true(may_read(db, clip, "anna"));
    queue_is(db, &query, "file-a:0 retest submitted\n");
}

static void a_retest_waits_for_the_first_answer(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    Err err = {0};
    const char *clip = store_clip(db, "file-a", 0);
    const QueueQuery query = {.annotator_id = "anna"};
    assign(db, "one", clip, "anna", "work", 0, NULL);
    assign(db, "two", clip, "anna", "retest", 0, NULL);
    queue_is(db, &query, "file-a:0 work open\n");
    answer(db, clip, "anna", "draft");
    queue_is(db, &query, "file-a:0 work draft\n");
    answer(db, clip, "anna", "submitted");
    queue_is(db, &query, "file-a:0 work submitted\nfile-a:0 retest open\n");
    const Review review = {
        .clip_id = clip, .author_id = "anna", .reviewer_id = "rita", .verdict = "return"};
    CHECK_OK(mel_review_save(db, &review, NULL, &err));
    queue_is(db, &query, "file-a:0 work returned\n");
    answer(db, clip, "anna", "submitted");
    answer(db, clip, "anna" RETEST_SUFFIX, "draft");
    queue_is(db, &query, "file-a:0 work submitted\nfile-a:0 retest draft\n");
    answer(db, clip, "anna" RETEST_SUFFIX, "submitted");
    answer(db, clip, "anna", "draft"); /* too late to look there */
    queue_is(db, &query, "file-a:0 work draft\nfile-a:0 retest submitted\n");
}

static bool add_answered(void *ctx, const char *clip_id, const char *at, Err *err)
{
    (void)err;
    assert_int_equal(strlen(at), UTC_SIZE - 1);
    mel_str_addf(ctx, "%s ", clip_id);
    return true;
}

static void what_may_be_asked_again_is_what_was_submitted(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    Err err = {0};
    Str found = {0};
    answer(db, store_ready_clip(db, "file-b", 0, -20), "anna", "submitted");
    answer(db, store_ready_clip(db, "file-a", 0, -20), "anna", "submitted");
    answer(db, store_ready_clip(db, "file-c", 0, -20), "anna", "draft");
    answer(db, store_ready_clip(db, "file-d", 0, -20), "ben", "submitted");
    CHECK_OK(mel_answered_each(db, "anna", add_answered, &found, &err));
    assert_string_equal(mel_str_text(&found), "file-a:0 file-b:0 ");
    mel_str_clear(&found);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_queue_has_its_order_and_the_state_of_the_own_answer),
        TEST(an_item_for_later_waits),
        TEST(a_batch_is_put_once_and_read_alone),
        TEST(a_batch_with_an_unknown_clip_is_refused_as_a_whole),
        TEST(whoever_is_asked_is_blind_until_submitting),
        TEST(a_retest_blinds_again_and_a_review_does_not),
        TEST(a_retest_waits_for_the_first_answer),
        TEST(what_may_be_asked_again_is_what_was_submitted),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
