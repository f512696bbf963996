/* SPDX-License-Identifier: Apache-2.0
 *
 * A first answer and the question asked again are not in one packet. Anna is asked about one clip
 * twice; the fixture's clips have no media files. */
#include "curator/curator.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

#define ANNA_AGAIN "anna" RETEST_SUFFIX
static const char clip[] = "file-a:0";

static void ask(Db *db, const char *id, const char *purpose, const char *batch, int64_t position)
{
    Err err = {0};
    const Assignment item = {.batch = batch,
                             .clip_id = id,
                             .annotator_id = "anna",
                             .purpose = purpose,
                             .position = position};
    CHECK_OK(mel_assignments_put(db, &item, 1, NULL, &err));
}

static int asked_twice(void **state)
{
    store_setup(state);
    Store *store = *state;
    store_ready_clip(store->db, "file-a", 0, -20);
    store_ready_clip(store->db, "file-b", 0, -20);
    ask(store->db, clip, "work", "main", 0);
    ask(store->db, "file-b:0", "work", "main", 1);
    ask(store->db, clip, "retest", "retests", 0);
    return 0;
}

static void begin(Db *db, const char *person)
{
    Err err = {0};
    Annotation a;
    store_person(db, person);
    mel_annotation_init(&a);
    a.clip_id = clip;
    a.annotator_id = person;
    a.state = "draft";
    a.genre = "blues";
    CHECK_OK(mel_annotation_save(db, &a, NULL, NULL, &err));
}

static void send_back(Db *db)
{
    Err err = {0};
    const Review review = {
        .clip_id = clip, .author_id = "anna", .reviewer_id = "rita", .verdict = "return"};
    CHECK_OK(mel_review_save(db, &review, NULL, &err));
}

static PacketContents pack(const Store *store, const char *name, Store *packet)
{
    Err err = {0};
    PackReport report;
    packet->folder = mel_strdup(test_path(store->folder, "%s", name));
    const PackOptions options = {
        .annotator = "anna", .path = packet->folder, .without_media = true};
    CHECK_OK(mel_pack(store->db, &options, NULL, &report, &err));
    CHECK_OK(mel_db_open(packet->folder, DB_WRITE, &packet->db, &err));
    return report.contents;
}

static void merge(const Store *store, Store *packet)
{
    Err err = {0};
    PacketMerge report;
    store_close(packet);
    CHECK_OK(mel_merge(store->db, packet->folder, NULL, NULL, &report, &err));
    store_remove(packet);
}

static bool add_item(void *ctx, const QueueItem *item, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s %s %s, ", item->assignment.clip_id, item->assignment.purpose,
                 mel_queue_state_name(item->state));
    return true;
}

/* The queue, and who has answered the clip. */
static void holds(Db *db, const char *queue, const char *answers)
{
    Err err = {0};
    Str found = {0};
    const QueueQuery query = {.annotator_id = "anna"};
    CHECK_OK(mel_queue_each(db, &query, add_item, &found, &err));
    assert_string_equal(mel_str_text(&found), queue);
    mel_str_clear(&found);
    assert_int_equal(store_count(db, "annotations", "clip = 'file-a:0' AND NOT retest"),
                     strstr(answers, "first") != NULL);
    assert_int_equal(store_count(db, "annotations", "clip = 'file-a:0' AND retest"),
                     strstr(answers, "second") != NULL);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Else the first answer would be given in the very file that holds the second question. */
static void the_question_waits_for_a_packet_after_the_first_answer(void **state)
{
    Store *store = *state, packet;
    begin(store->db, "anna");
    PacketContents contents = pack(store, "early", &packet);
    assert_int_equal(contents.clips, 2);
    assert_int_equal(contents.waiting, 1);
    assert_int_equal(contents.skipped, 0);
    holds(packet.db, "file-a:0 work draft, file-b:0 work open, ", "first");
    store_say(packet.db, clip, "anna", "jazz", NULL);
    merge(store, &packet);
    assert_int_equal(pack(store, "due", &packet).waiting, 0);
    holds(packet.db, "file-b:0 work open, file-a:0 retest open, ", "");
    store_say(packet.db, clip, ANNA_AGAIN, "rock", NULL);
    holds(packet.db, "file-b:0 work open, file-a:0 retest submitted, ", "second");
    merge(store, &packet);
    holds(store->db, "file-a:0 work submitted, file-b:0 work open, file-a:0 retest submitted, ",
          "first second");
}

static void a_first_answer_that_was_sent_back_is_mended_before_the_second(void **state)
{
    Store *store = *state, packet;
    store_say(store->db, clip, "anna", "jazz", NULL);
    begin(store->db, ANNA_AGAIN);
    send_back(store->db);
    assert_int_equal(pack(store, "mend", &packet).waiting, 1);
    holds(packet.db, "file-a:0 work returned, file-b:0 work open, ", "first");
    store_say(packet.db, clip, "anna", "pop", NULL);
    merge(store, &packet);
    assert_int_equal(pack(store, "due", &packet).waiting, 0);
    holds(packet.db, "file-b:0 work open, file-a:0 retest draft, ", "second");
    store_remove(&packet);
}

static void an_answer_that_was_opened_again_is_not_asked_for_again(void **state)
{
    Store *store = *state, packet;
    store_say(store->db, clip, "anna", "jazz", NULL);
    begin(store->db, "anna");
    assert_int_equal(pack(store, "open", &packet).waiting, 1);
    holds(packet.db, "file-a:0 work draft, file-b:0 work open, ", "first");
    store_remove(&packet);
}

static void once_both_are_given_they_may_lie_together(void **state)
{
    Store *store = *state, packet;
    store_say(store->db, clip, "anna", "jazz", NULL);
    store_say(store->db, clip, ANNA_AGAIN, "rock", NULL);
    send_back(store->db);
    assert_int_equal(pack(store, "both", &packet).waiting, 0);
    holds(packet.db, "file-a:0 work returned, file-b:0 work open, file-a:0 retest submitted, ",
          "first second");
    store_remove(&packet);
}

static void a_packet_of_nothing_but_questions_that_wait_is_not_made(void **state)
{
    Store *store = *state;
    Err err = {0};
    PackReport report;
    const PackOptions options = {
        .annotator = "anna", .batch = "retests", .path = test_path(store->folder, "none")};
    assert_false(mel_pack(store->db, &options, NULL, &report, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "1 is asked again"));
    assert_false(mel_path_exists(options.path));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, asked_twice, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_question_waits_for_a_packet_after_the_first_answer),
        TEST(a_first_answer_that_was_sent_back_is_mended_before_the_second),
        TEST(an_answer_that_was_opened_again_is_not_asked_for_again),
        TEST(once_both_are_given_they_may_lie_together),
        TEST(a_packet_of_nothing_but_questions_that_wait_is_not_made),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
