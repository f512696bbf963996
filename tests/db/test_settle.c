/* SPDX-License-Identifier: Apache-2.0
 *
 * From several people's answers to the settled one. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static const char *clip_of(Store *store)
{
    return store_ready_clip(store->db, "file-a", 0, -20);
}

static void says(Db *db, const char *clip, const char *kind, const char *person,
                 const Annotation *answer)
{
    Err err = {0};
    Annotation a = *answer;
    CHECK_OK(mel_annotator_put(db, person, kind, NULL, &err));
    a.clip_id = clip;
    a.annotator_id = person;
    a.state = "submitted";
    CHECK_OK(mel_annotation_save(db, &a, NULL, NULL, &err));
}

static Annotation answer(const char *genre, const char *text)
{
    Annotation a;
    mel_annotation_init(&a);
    a.genre = genre;
    a.text = text;
    return a;
}

static const char *settled(Db *db, const char *field)
{
    return store_field(db, "triplets", NULL, field);
}

static const char *clip_field(Db *db, const char *field)
{
    return store_field(db, "clips", NULL, field);
}

static void one_answer_is_taken_as_it_is(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "jazz", "Hers.");
    assert_string_equal(settled(store->db, "annotator"), "ann");
    assert_string_equal(settled(store->db, "settled_by"), "single");
    assert_string_equal(settled(store->db, "text"), "Hers.");
}

static void a_draft_settles_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    Annotation a = answer("jazz", "Not yet.");
    store_person(store->db, "ann");
    a.clip_id = clip_of(store);
    a.annotator_id = "ann";
    CHECK_OK(mel_annotation_save(store->db, &a, NULL, NULL, &err));
    assert_string_equal(clip_field(store->db, "settled_state"), "");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM settlement"), 0);
}

static void people_who_agree_settle_with_the_earliest_ones_words(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    store_say(store->db, clip, "bob", "jazz", "His.");
    store_say(store->db, clip, "ann", "jazz", "Hers.");
    assert_string_equal(clip_field(store->db, "settled_state"), "settled");
    assert_string_equal(settled(store->db, "text"), "His.");
    assert_string_equal(settled(store->db, "settled_by"), "agreed");
    assert_string_equal(settled(store->db, "annotator"), "settled");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM settlement_field"
                                          " WHERE field = 'genre' AND how = 'agreed'"),
                     1);
}

static void a_majority_wins_and_the_words_come_from_it(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "rock", "Loud.");
    store_say(store->db, clip, "bob", "jazz", "First of the majority.");
    assert_string_equal(clip_field(store->db, "settled_state"), "disputed");
    store_say(store->db, clip, "cyd", "jazz", "Second of it.");
    assert_string_equal(clip_field(store->db, "settled_state"), "settled");
    assert_string_equal(settled(store->db, "genre"), "jazz");
    assert_string_equal(settled(store->db, "text"), "First of the majority.");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM settlement_field"
                                          " WHERE field = 'genre' AND how = 'majority'"),
                     1);
}

static void a_tie_is_disputed_and_named(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    Annotation a = answer("jazz", "A."), b = answer("rock", "B.");
    a.tempo = b.tempo = "slow";
    a.feel = "swing", b.feel = "straight";
    says(store->db, clip, "person", "ann", &a);
    says(store->db, clip, "person", "bob", &b);
    assert_string_equal(clip_field(store->db, "settled_state"), "disputed");
    assert_string_equal(clip_field(store->db, "genre"), "");
    assert_int_equal(store_count(store->db, "triplets", NULL), 0);
    assert_int_equal(store_raw_i64(store, "SELECT disputed_json = '[\"genre\",\"feel\"]'"
                                          "  FROM settlement ORDER BY rev DESC LIMIT 1"),
                     1);
}

static void who_did_not_answer_a_field_does_not_vote_on_it(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    Annotation a = answer("jazz", "A."), b = answer(NULL, "B."), c = answer("jazz", "C.");
    a.tempo = "slow";
    says(store->db, clip, "person", "ann", &a);
    says(store->db, clip, "person", "bob", &b);
    says(store->db, clip, "person", "cyd", &c);
    assert_string_equal(clip_field(store->db, "settled_state"), "settled");
    assert_string_equal(settled(store->db, "genre"), "jazz");
    assert_string_equal(settled(store->db, "tempo"), "slow");
    assert_string_equal(settled(store->db, "metre"), "");
}

static void beats_are_the_median_of_those_given(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    static const double bpm[] = {100, NAN, 300, 102};
    static const char *const people[] = {"ann", "bob", "cyd", "dan"};
    static const char *const wanted[] = {"100", "100", "200", "102"};
    for (int i = 0; i < 4; i++) {
        Annotation a = answer("jazz", "A.");
        a.bpm = bpm[i];
        says(store->db, clip, "person", people[i], &a);
        assert_string_equal(settled(store->db, "bpm"), wanted[i]);
    }
}

static void a_term_stays_when_half_of_the_people_name_it(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    const AnnotationTerm first[] = {
        {"mood",       "calm",  ""    },
        {"instrument", "piano", "lead"}
    };
    const AnnotationTerm second[] = {
        {"instrument", "piano", "background"},
        {"instrument", "drums", ""          }
    };
    Annotation a = answer("jazz", "A."), b = a, c = a;
    a.terms = first, a.term_count = 2;
    b.terms = second, b.term_count = 2;
    says(store->db, clip, "person", "ann", &a);
    says(store->db, clip, "person", "bob", &b);
    assert_string_equal(settled(store->db, "moods"), "calm");
    assert_string_equal(settled(store->db, "instruments"), "drums,piano/lead");
    says(store->db, clip, "person", "cyd", &c);
    assert_string_equal(settled(store->db, "moods"), "");
    assert_string_equal(settled(store->db, "instruments"), "piano/lead");
}

static void people_go_before_imported_answers(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    Annotation list = answer("rock", "From a list."), hers = answer("jazz", "Hers.");
    says(store->db, clip, "import", "musiccaps", &list);
    assert_string_equal(settled(store->db, "text"), "From a list.");
    says(store->db, clip, "person", "ann", &hers);
    assert_string_equal(settled(store->db, "text"), "Hers.");
    assert_string_equal(settled(store->db, "genre"), "jazz");
    hers.state = "withdrawn";
    Err err = {0};
    hers.clip_id = clip, hers.annotator_id = "ann";
    CHECK_OK(mel_annotation_save(store->db, &hers, NULL, NULL, &err));
    assert_string_equal(settled(store->db, "text"), "From a list.");
}

static void a_retest_is_no_vote(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann" RETEST_SUFFIX, "rock", "Again.");
    assert_string_equal(clip_field(store->db, "settled_state"), "");
    store_say(store->db, clip, "ann", "jazz", "A.");
    assert_string_equal(settled(store->db, "settled_by"), "single");
    assert_string_equal(settled(store->db, "genre"), "jazz");
    store_say(store->db, clip, "ann" RETEST_SUFFIX, "blues", "Once more.");
    assert_string_equal(settled(store->db, "annotator"), "ann");
    assert_string_equal(settled(store->db, "settled_by"), "single");
}

static void settling_again_changes_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "jazz", "A.");
    store_say(store->db, clip, "bob", "jazz", "B.");
    store_say(store->db, clip, "cyd", "rock", "C.");
    int64_t settlements = store_raw_i64(store, "SELECT count(*) FROM settlement");
    int64_t answers = store_raw_i64(store, "SELECT count(*) FROM annotation");
    for (int i = 0; i < 5; i++)
        CHECK_OK(mel_settle(store->db, clip, &err));
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM settlement"), settlements);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotation"), answers);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

static void a_merged_answer_is_no_vote(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "jazz", "A.");
    store_say(store->db, clip, "bob", "jazz", "B.");
    store_say(store->db, clip, "ann", "rock", "A."); /* one against one, not against two */
    assert_string_equal(clip_field(store->db, "settled_state"), "disputed");
    assert_string_equal(clip_field(store->db, "annotation_count"), "2");
}

static int64_t merged_answers(Db *db)
{
    return store_count(db, "annotations", "annotator = 'settled'");
}

static void a_merged_answer_is_shown_while_its_clip_stands_on_it(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "jazz", "A.");
    store_say(store->db, clip, "bob", "jazz", "B.");
    assert_int_equal(merged_answers(store->db), 1);
    store_say(store->db, clip, "bob", "rock", "B.");
    assert_string_equal(clip_field(store->db, "settled_state"), "disputed");
    assert_int_equal(merged_answers(store->db), 0);
    store_say(store->db, clip, "bob", "jazz", "B.");
    assert_int_equal(merged_answers(store->db), 1);
    assert_int_equal(store_count(store->db, "annotations", NULL), 3);
}

static void a_merged_answer_goes_when_one_person_is_left(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "jazz", "A.");
    store_say(store->db, clip, "bob", "jazz", "B.");
    Annotation gone = answer("jazz", "B.");
    gone.state = "withdrawn";
    gone.clip_id = clip, gone.annotator_id = "bob";
    CHECK_OK(mel_annotation_save(store->db, &gone, NULL, NULL, &err));
    assert_string_equal(settled(store->db, "settled_by"), "single");
    assert_int_equal(merged_answers(store->db), 0);
}

static void history_of_settlements_is_kept(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "jazz", "A.");
    store_say(store->db, clip, "bob", "rock", "B.");
    store_say(store->db, clip, "bob", "jazz", "B.");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM settlement"), 3);
    assert_int_equal(
        store_raw_i64(store, "SELECT state = 'disputed' FROM settlement WHERE rev = 2"), 1);
    assert_int_equal(store_raw_i64(store, "SELECT rev FROM settlement_head"), 3);
}

static void an_adjudicated_settlement_stays(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "jazz", "A.");
    store_say(store->db, clip, "bob", "rock", "B.");
    store_raw(store, "INSERT INTO settlement SELECT 'adjudged', clip_id, 99, 'settled',"
                     " 'adjudicated', (SELECT id FROM annotation WHERE genre = 'rock'), NULL,"
                     " 'ann', '2026-01-01T00:00:00.000000Z' FROM settlement_head;"
                     "UPDATE settlement_head SET settlement_id = 'adjudged', rev = 99,"
                     " state = 'settled',"
                     " annotation_id = (SELECT id FROM annotation WHERE genre = 'rock');");
    store_say(store->db, clip, "cyd", "jazz", "C.");
    CHECK_OK(mel_settle(store->db, clip, &err));
    assert_string_equal(settled(store->db, "genre"), "rock");
    assert_string_equal(settled(store->db, "settled_by"), "adjudicated");
    assert_int_equal(store_findings(store->db, NULL), 0);
}

static void the_chosen_frame_comes_with_the_words(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    Annotation a = answer("jazz", "A."), b = answer("jazz", "B.");
    a.frame_position = 2;
    b.frame_position = 1;
    says(store->db, clip, "person", "ann", &a);
    says(store->db, clip, "person", "bob", &b);
    assert_string_equal(settled(store->db, "frame_position"), "2");
    assert_true(mel_ends_with(settled(store->db, "image_path"), "still-2.jpg"));
}

static void without_a_text_or_its_frame_there_is_no_triplet(void **state)
{
    Store *store = *state;
    const char *clip = clip_of(store);
    Annotation a = answer("jazz", "");
    says(store->db, clip, "person", "ann", &a);
    assert_int_equal(store_count(store->db, "triplets", NULL), 0);
    a.text = "Now.";
    a.frame_position = 7; /* there are three stills */
    says(store->db, clip, "person", "ann", &a);
    assert_int_equal(store_count(store->db, "triplets", NULL), 0);
    a.frame_position = 2;
    says(store->db, clip, "person", "ann", &a);
    assert_int_equal(store_count(store->db, "triplets", NULL), 1);
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(one_answer_is_taken_as_it_is),
        IN_A_STORE(a_draft_settles_nothing),
        IN_A_STORE(people_who_agree_settle_with_the_earliest_ones_words),
        IN_A_STORE(a_majority_wins_and_the_words_come_from_it),
        IN_A_STORE(a_tie_is_disputed_and_named),
        IN_A_STORE(who_did_not_answer_a_field_does_not_vote_on_it),
        IN_A_STORE(beats_are_the_median_of_those_given),
        IN_A_STORE(a_term_stays_when_half_of_the_people_name_it),
        IN_A_STORE(people_go_before_imported_answers),
        IN_A_STORE(a_retest_is_no_vote),
        IN_A_STORE(settling_again_changes_nothing),
        IN_A_STORE(a_merged_answer_is_no_vote),
        IN_A_STORE(a_merged_answer_is_shown_while_its_clip_stands_on_it),
        IN_A_STORE(a_merged_answer_goes_when_one_person_is_left),
        IN_A_STORE(history_of_settlements_is_kept),
        IN_A_STORE(an_adjudicated_settlement_stays),
        IN_A_STORE(the_chosen_frame_comes_with_the_words),
        IN_A_STORE(without_a_text_or_its_frame_there_is_no_triplet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
