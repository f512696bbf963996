/* SPDX-License-Identifier: Apache-2.0
 *
 * A clip under review, without a display: what is disputed, what is decided, and what the store
 * has of it afterwards. */
#include "annotator/core/decision.h"
#include "tests/support/store_fixture.h"

#include <string.h>

static const char *clip_of(Store *store)
{
    return store_ready_clip(store->db, "a", 0, -14);
}

static void say(Db *db, const char *clip, const char *who, const char *genre, double bpm, int frame)
{
    Err err = {0};
    Annotation answer;
    mel_annotation_init(&answer);
    answer.clip_id = clip;
    answer.annotator_id = who;
    answer.state = "submitted";
    answer.origin = "app";
    answer.rev = -1;
    answer.genre = genre;
    answer.tempo = "slow";
    answer.bpm = bpm;
    answer.frame_position = frame;
    answer.frame_why = who;
    answer.text = "A piano.";
    store_person(db, who);
    CHECK_OK(mel_annotation_save(db, &answer, NULL, NULL, &err));
}

static void dispute(Db *db, const char *clip, const char *who, const char *field)
{
    Err err = {0};
    const Review review = {.clip_id = clip,
                           .author_id = who,
                           .reviewer_id = "dora",
                           .verdict = "dispute",
                           .fields = &field,
                           .field_count = 1};
    CHECK_OK(mel_review_save(db, &review, NULL, &err));
}

static void fields_are_disputed_merged_or_agreed(void **state)
{
    Err err = {0};
    Store *store = *state;
    Decision d;
    const char *clip = clip_of(store);
    say(store->db, clip, "bert", "jazz", 80, 0);
    say(store->db, clip, "clara", "blues", 90, 0);
    CHECK_OK(decision_load(store->db, clip, "dora", &d, &err));
    assert_int_equal(d.person_count, 2);
    assert_string_equal(d.people[0].name, "bert"); /* who answered first */
    assert_int_equal(d.disputed_count, 1);
    assert_int_equal(d.disputed[0], ANSWER_GENRE);
    assert_int_equal(d.merged_count, 1);
    assert_int_equal(d.merged[0], ANSWER_BPM);
    assert_int_equal(d.agreed_count, 3); /* tempo, text, frame */
    assert_int_equal(d.aside_count, 1);
    assert_int_equal(d.asides[0], ANSWER_FRAME_WHY);
    assert_string_equal(d.settled.values[ANSWER_BPM], "85");
    assert_null(d.settled.values[ANSWER_GENRE]);
    decision_clear(&d);
}

static void what_is_taken_is_what_the_store_has(void **state)
{
    Err err = {0};
    Arena arena = {0};
    Store *store = *state;
    Settlement settled;
    Decision d;
    const char *clip = clip_of(store);
    say(store->db, clip, "bert", "jazz", 80, 0);
    say(store->db, clip, "clara", "blues", 90, 1);
    dispute(store->db, clip, "bert", "frame");
    CHECK_OK(decision_load(store->db, clip, "dora", &d, &err));
    assert_int_equal(decision_open_count(&d), 2);
    CHECK_FAILS(decision_store(&d, store->db, "dora", &err), ERR_USAGE);
    decision_take(&d, ANSWER_GENRE, 0);
    decision_take(&d, ANSWER_GENRE, 1); /* another mind */
    decision_take(&d, ANSWER_FRAME, 1);
    assert_int_equal(decision_open_count(&d), 0);
    CHECK_OK(decision_store(&d, store->db, "dora", &err));
    CHECK_OK(mel_settlement_load(store->db, clip, &arena, &settled, &err));
    assert_string_equal(settled.method, "adjudicated");
    assert_string_equal(settled.draft.genre, "blues");
    assert_int_equal(settled.draft.frame_position, 1);
    assert_string_equal(settled.draft.frame_why, "clara");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM settlement_field AS f"
                                          "  JOIN annotation AS a ON a.id = f.from_annotation_id"
                                          " WHERE a.annotator_id = 'clara'"
                                          "   AND f.how = 'adjudicated'"),
                     2);
    decision_clear(&d);
    mel_arena_clear(&arena);
}

static void own_words_can_be_taken_back(void **state)
{
    Err err = {0};
    Store *store = *state;
    Decision d;
    const char *clip = clip_of(store);
    say(store->db, clip, "bert", "jazz", 80, 0);
    dispute(store->db, clip, "bert", "text");
    CHECK_OK(decision_load(store->db, clip, "dora", &d, &err));
    decision_say(&d, ANSWER_TEXT, "A harp.");
    assert_int_equal(decision_open_count(&d), 0);
    decision_say(&d, ANSWER_TEXT, "");
    assert_int_equal(decision_open_count(&d), 1);
    decision_clear(&d);
}

static void nobody_decides_before_an_own_answer(void **state)
{
    Err err = {0};
    Store *store = *state;
    Decision d;
    const char *clip = clip_of(store);
    const Assignment asked = {
        .batch = "b", .clip_id = clip, .annotator_id = "anna", .purpose = "work"};
    say(store->db, clip, "bert", "jazz", 80, 0);
    store_person(store->db, "anna");
    CHECK_OK(mel_assignments_put(store->db, &asked, 1, NULL, &err));
    CHECK_FAILS(decision_load(store->db, clip, "anna", &d, &err), ERR_DENIED);
    say(store->db, clip, "anna", "jazz", 80, 0);
    CHECK_OK(decision_load(store->db, clip, "anna", &d, &err));
    assert_int_equal(d.person_count, 2);
    decision_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_are_disputed_merged_or_agreed, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(what_is_taken_is_what_the_store_has, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(own_words_can_be_taken_back, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(nobody_decides_before_an_own_answer, store_setup,
                                        store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
