/* SPDX-License-Identifier: Apache-2.0
 *
 * What waits for a reviewer, and for which one. */
#include "tests/support/store_fixture.h"

#include <stdio.h>
#include <string.h>

static bool add_line(void *ctx, const ReviewItem *item, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s %s%s%s\n", item->clip_id, mel_clip_stage_name(item->stage),
                 item->asked ? " asked" : "", item->may_read ? "" : " blind");
    return true;
}

static void list_is(Db *db, const char *reader, const char *wanted)
{
    Err err = {0};
    Str text = {0};
    CHECK_OK(mel_review_list(db, reader, add_line, &text, &err));
    assert_string_equal(mel_str_text(&text), wanted);
    mel_str_clear(&text);
}

static void ask(Db *db, const char *clip, const char *who, const char *purpose)
{
    Err err = {0};
    const Assignment item = {
        .batch = purpose, .clip_id = clip, .annotator_id = who, .purpose = purpose};
    CHECK_OK(mel_assignments_put(db, &item, 1, NULL, &err));
}

static void review(Db *db, const char *clip, const char *author, const char *who,
                   const char *verdict)
{
    Err err = {0};
    const Review r = {.clip_id = clip, .author_id = author, .reviewer_id = who, .verdict = verdict};
    CHECK_OK(mel_review_save(db, &r, NULL, &err));
}

static void disputes_come_before_single_answers_and_own_ones_not_at_all(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    const char *a = store_ready_clip(db, "a", 0, -14), *b = store_ready_clip(db, "b", 0, -14);
    store_ready_clip(db, "c", 0, -14); /* nobody has said anything */
    store_person(db, "bert");
    store_person(db, "clara");
    store_say(db, a, "bert", "jazz", NULL);
    store_say(db, b, "bert", "jazz", NULL);
    store_say(db, b, "clara", "blues", NULL);
    list_is(db, "dora", "b:0 disputed\na:0 submitted\n");
    list_is(db, "bert", "b:0 disputed\n");
    review(db, a, "bert", "clara", "accept");
    list_is(db, "dora", "b:0 disputed\n");
    review(db, b, "clara", "dora", "return"); /* bert's stands alone now */
    list_is(db, "dora", "b:0 submitted\n");
}

static void who_is_asked_for_a_review_comes_to_it_first_until_it_is_given(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    const char *a = store_ready_clip(db, "a", 0, -14), *b = store_ready_clip(db, "b", 0, -14);
    store_person(db, "bert");
    store_person(db, "clara");
    store_person(db, "dora");
    store_say(db, a, "bert", "jazz", NULL);
    store_say(db, a, "clara", "blues", NULL);
    store_say(db, b, "bert", "jazz", NULL);
    store_say(db, b, "clara", "jazz", NULL);
    ask(db, b, "dora", "review");
    list_is(db, "dora", "b:0 agreed asked\na:0 disputed\n");
    list_is(db, "erik", "a:0 disputed\n");
    review(db, b, "bert", "dora", "accept");
    list_is(db, "dora", "a:0 disputed\n");
}

static void answers_are_hidden_from_whoever_is_to_answer_first(void **state)
{
    Err err = {0};
    Arena arena = {0};
    Annotation *answers = NULL;
    size_t count = 0;
    Store *store = *state;
    Db *db = store->db;
    const char *a = store_ready_clip(db, "a", 0, -14);
    store_person(db, "anna");
    store_person(db, "bert");
    store_say(db, a, "bert", "jazz", NULL);
    ask(db, a, "anna", "work");
    list_is(db, "anna", "a:0 submitted blind\n");
    CHECK_FAILS(mel_clip_answers(db, a, "anna", &arena, &answers, &count, &err), ERR_DENIED);
    assert_null(answers);
    store_say(db, a, "anna", "jazz", NULL);
    CHECK_OK(mel_clip_answers(db, a, "anna", &arena, &answers, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(answers[0].annotator_id, "bert");
    review(db, a, "bert", "anna", "return"); /* it is no answer until it comes back */
    CHECK_OK(mel_clip_answers(db, a, "anna", &arena, &answers, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(answers[0].annotator_id, "anna");
    mel_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(disputes_come_before_single_answers_and_own_ones_not_at_all,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(
            who_is_asked_for_a_review_comes_to_it_first_until_it_is_given, store_setup,
            store_teardown),
        cmocka_unit_test_setup_teardown(answers_are_hidden_from_whoever_is_to_answer_first,
                                        store_setup, store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
