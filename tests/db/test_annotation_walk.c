/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking what people answered: who is heard, and what a retest is. */
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static bool note(void *ctx, const PersonAnswer *answer, Err *err)
{
    (void)err;
    const Annotation *a = answer->answer;
    assert_non_null(a->created_at);
    mel_str_addf(ctx, "%s %s%s %s %zu %lld\n", a->clip_id, answer->person,
                 answer->retest ? " again" : "", a->genre ? a->genre : "-", a->term_count,
                 (long long)answer->frame_us);
    return true;
}

static void walk_is(Db *db, const char *where, const char *wanted)
{
    Err err = {0};
    Str text = {0};
    CHECK_OK(mel_answers_each(db, where, note, &text, &err));
    assert_string_equal(mel_str_text(&text), wanted);
    mel_str_clear(&text);
}

static void the_newest_submitted_answers_of_people_are_walked_by_clip_and_person(void **state)
{
    Store *store = *state;
    Err err = {0};
    Annotation other;
    const char *first = store_ready_clip(store->db, "file-a", 0, -20);
    const char *second = store_ready_clip(store->db, "file-b", 0, -20);
    store_say(store->db, second, "bob", "rock", NULL);
    store_say(store->db, first, "bob", "jazz", NULL);
    store_say(store->db, first, "ann", "rock", NULL);
    store_say(store->db, first, "ann", "jazz", NULL); /* her second thought */
    CHECK_OK(mel_annotator_put(store->db, "list", "import", NULL, &err));
    CHECK_OK(mel_annotator_put(store->db, "robot", "script", NULL, &err));
    mel_annotation_init(&other);
    other.clip_id = second;
    other.state = "submitted";
    other.genre = "pop";
    other.annotator_id = "list";
    CHECK_OK(mel_annotation_save(store->db, &other, NULL, NULL, &err));
    other.annotator_id = "robot";
    CHECK_OK(mel_annotation_save(store->db, &other, NULL, NULL, &err));
    store_person(store->db, "cyd");
    other.annotator_id = "cyd";
    other.state = "draft";
    CHECK_OK(mel_annotation_save(store->db, &other, NULL, NULL, &err));
    walk_is(store->db, NULL,
            "file-a:0 ann jazz 0 -1\nfile-a:0 bob jazz 0 -1\nfile-b:0 bob rock 0 -1\n");
}

static void a_condition_over_clips_chooses(void **state)
{
    Store *store = *state;
    Err err = {0};
    Str text = {0};
    for (int i = 0; i < 4; i++)
        store_say(store->db, store_ready_clip(store->db, "file-a", 10 * i, -20 - i), "ann", "jazz",
                  NULL);
    walk_is(store->db, "loudness_lufs IN (-21, -23)",
            "file-a:10000 ann jazz 0 -1\nfile-a:30000 ann jazz 0 -1\n");
    walk_is(store->db, "0", "");
    CHECK_FAILS(mel_answers_each(store->db, "no_such_column", note, &text, &err), ERR_USAGE);
    assert_int_equal(text.length, 0);
}

static void a_retest_names_its_person_and_comes_with_its_frame_and_terms(void **state)
{
    Store *store = *state;
    Err err = {0};
    const AnnotationTerm terms[] = {
        {"mood", "calm",  ""},
        {"mood", "happy", ""},
    };
    Annotation again;
    const char *clip = store_ready_clip(store->db, "file-a", 0, -20);
    store_say(store->db, clip, "ann", "jazz", NULL);
    mel_annotation_init(&again);
    again.clip_id = clip;
    again.annotator_id = "ann" RETEST_SUFFIX;
    again.state = "submitted";
    again.genre = "blues";
    again.terms = terms;
    again.term_count = 2;
    again.frame_position = 1;
    CHECK_OK(mel_annotator_put(store->db, again.annotator_id, "person", NULL, &err));
    CHECK_OK(mel_annotation_save(store->db, &again, NULL, NULL, &err));
    walk_is(store->db, NULL, "file-a:0 ann jazz 0 -1\nfile-a:0 ann again blues 2 1500000\n");
    assert_string_equal(store_field(store->db, "clips", NULL, "annotation_count"), "1");
}

static void only_a_name_may_stand_before_the_mark_of_a_retest(void **state)
{
    Store *store = *state;
    Err err = {0};
    CHECK_OK(mel_annotator_put(store->db, "a-b_9~retest", "person", NULL, &err));
    CHECK_FAILS(mel_annotator_put(store->db, "~retest", "person", NULL, &err), ERR_USAGE);
    CHECK_FAILS(mel_annotator_put(store->db, "a~b", "person", NULL, &err), ERR_USAGE);
    CHECK_FAILS(mel_annotator_put(store->db, "a~retest~retest", "person", NULL, &err), ERR_USAGE);
    CHECK_FAILS(mel_annotator_put(store->db, "a/b~retest", "person", NULL, &err), ERR_USAGE);
}

static bool stop(void *ctx, const PersonAnswer *answer, Err *err)
{
    (void)answer, (void)err;
    ++*(int *)ctx;
    return false;
}

static bool refuse(void *ctx, const PersonAnswer *answer, Err *err)
{
    (void)ctx, (void)answer;
    return mel_err(err, ERR_LIMIT, "enough");
}

static void the_walk_ends_when_it_is_told_to(void **state)
{
    Store *store = *state;
    Err err = {0};
    int calls = 0;
    for (int i = 0; i < 3; i++)
        store_say(store->db, store_ready_clip(store->db, "file-a", 10 * i, -20), "ann", "jazz",
                  NULL);
    CHECK_OK(mel_answers_each(store->db, NULL, stop, &calls, &err));
    assert_int_equal(calls, 1);
    CHECK_FAILS(mel_answers_each(store->db, NULL, refuse, NULL, &err), ERR_LIMIT);
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(the_newest_submitted_answers_of_people_are_walked_by_clip_and_person),
        IN_A_STORE(a_condition_over_clips_chooses),
        IN_A_STORE(a_retest_names_its_person_and_comes_with_its_frame_and_terms),
        IN_A_STORE(only_a_name_may_stand_before_the_mark_of_a_retest),
        IN_A_STORE(the_walk_ends_when_it_is_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
