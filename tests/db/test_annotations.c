/* SPDX-License-Identifier: Apache-2.0
 *
 * Saving and loading what people say, and the vocabularies it is said in. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static Annotation blank(Db *db, const char *clip, const char *person)
{
    Annotation annotation;
    store_person(db, person);
    mel_annotation_init(&annotation);
    annotation.clip_id = clip;
    annotation.annotator_id = person;
    return annotation;
}

static void an_annotation_comes_back_as_it_was_saved(void **state)
{
    Store *store = *state;
    Err err = {0};
    Arena arena = {0};
    bool found;
    char id[ULID_SIZE];
    int64_t rev;
    const AnnotationTerm terms[] = {
        {"mood",       "calm",                    ""    },
        {"instrument", "piano",                   "lead"},
        {"instrument", "drums",                   ""    },
        {"voice",      "none",                    NULL  },
        {"genre",      "blues",                   ""    },
        {"aspect",     "like rain; at \"night\"", ""    }
    };
    Annotation a = blank(store->db, store_clip(store->db, "file-a", 0), "ann");
    a.genre = "jazz", a.tempo = "slow", a.dissonance = "mild", a.metre = "3-4", a.feel = "swing";
    a.relevance = "complementary", a.bpm = 71.5, a.text = "Größe, it's \xF0\x9F\x8E\xB5",
    a.comment = "", a.frame_why = "why", a.frame_position = 2, a.active_us = 123456;
    a.terms = terms, a.term_count = 6;
    CHECK_OK(mel_annotation_save(store->db, &a, id, &rev, &err));
    assert_int_equal(rev, 1);
    Annotation b;
    CHECK_OK(mel_annotation_load(store->db, a.clip_id, "ann", &arena, &b, &found, &err));
    assert_true(found);
    assert_string_equal(b.id, id);
    assert_int_equal(b.rev, 1);
    assert_string_equal(b.state, "draft");
    assert_string_equal(b.text, a.text);
    assert_string_equal(b.comment, "");
    assert_true(b.bpm == 71.5 && b.frame_position == 2 && b.active_us == 123456);
    assert_string_equal(b.feel, "swing");
    assert_int_equal(b.term_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(b.terms[i].field, terms[i].field);
        assert_string_equal(b.terms[i].term, terms[i].term);
        assert_string_equal(b.terms[i].role, terms[i].role ? terms[i].role : "");
    }
    assert_string_equal(store_field(store->db, "annotations", NULL, "instruments"),
                        "drums,piano/lead");
    mel_arena_clear(&arena);
}

static void a_revision_is_later_than_the_one_before_whatever_the_clock_says(void **state)
{
    Store *store = *state;
    const char *clip = store_clip(store->db, "file-a", 0);
    store_say(store->db, clip, "ann", "jazz", "First.");
    store_raw(store, "UPDATE annotation SET created_at = '2999-12-31T23:59:59.999999Z'");
    store_say(store->db, clip, "ann", "rock", "Second.");
    assert_string_equal(store_field(store->db, "annotations", NULL, "created_at"),
                        "3000-01-01T00:00:00.000000Z");
}

static void what_was_not_answered_comes_back_unanswered(void **state)
{
    Store *store = *state;
    Err err = {0};
    Arena arena = {0};
    bool found;
    Annotation a = blank(store->db, store_clip(store->db, "file-a", 0), "ann"), b;
    CHECK_OK(mel_annotation_load(store->db, a.clip_id, "ann", &arena, &b, &found, &err));
    assert_false(found);
    CHECK_OK(mel_annotation_save(store->db, &a, NULL, NULL, &err));
    CHECK_OK(mel_annotation_load(store->db, a.clip_id, "ann", &arena, &b, &found, &err));
    assert_true(found);
    assert_null(b.genre);
    assert_null(b.text);
    assert_true(isnan(b.bpm));
    assert_int_equal(b.frame_position, -1);
    assert_int_equal(b.active_us, -1);
    assert_int_equal(b.term_count, 0);
    mel_arena_clear(&arena);
}

static void revisions_are_appended_and_the_newest_counts(void **state)
{
    Store *store = *state;
    const char *clip = store_clip(store->db, "file-a", 0);
    assert_int_equal(store_say(store->db, clip, "ann", "jazz", "One."), 1);
    assert_int_equal(store_say(store->db, clip, "ann", "rock", "Two."), 2);
    assert_int_equal(store_say(store->db, clip, "bob", "rock", "Two."), 1);
    assert_int_equal(store_count(store->db, "annotations", "annotator_kind = 'person'"), 2);
    assert_string_equal(store_field(store->db, "clips", NULL, "annotation_count"), "2");
    assert_string_equal(store_field(store->db, "annotations", "annotator = 'ann'", "text"), "Two.");
    assert_int_equal(
        store_raw_i64(store, "SELECT count(*) FROM annotation WHERE annotator_id = 'ann'"), 2);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

static void saving_the_same_id_again_changes_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    char id[ULID_SIZE], out[ULID_SIZE];
    int64_t rev = 0;
    Annotation a = blank(store->db, store_clip(store->db, "file-a", 0), "ann");
    mel_ulid(id);
    a.id = id, a.genre = "jazz", a.rev = 0, a.state = "submitted";
    CHECK_OK(mel_annotation_save(store->db, &a, out, &rev, &err));
    store_say(store->db, a.clip_id, "ann", "rock", NULL); /* a newer one comes in between */
    a.genre = "pop";
    CHECK_OK(mel_annotation_save(store->db, &a, out, &rev, &err));
    assert_string_equal(out, id);
    assert_int_equal(rev, 1);
    assert_string_equal(store_field(store->db, "annotations", "annotator = 'ann'", "genre"),
                        "rock");
    assert_int_equal(
        store_raw_i64(store, "SELECT count(*) FROM annotation WHERE annotator_id = 'ann'"), 2);
}

static void an_id_of_another_answer_is_not_taken_for_a_repetition(void **state)
{
    Store *store = *state;
    Err err = {0};
    char id[ULID_SIZE];
    Annotation a = blank(store->db, store_clip(store->db, "file-a", 0), "ann");
    mel_ulid(id);
    a.id = id;
    CHECK_OK(mel_annotation_save(store->db, &a, NULL, NULL, &err));
    a.clip_id = store_clip(store->db, "file-a", 20);
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_EXISTS);
    a = blank(store->db, "file-a:0", "bob");
    a.id = id;
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_EXISTS);
    a.id = "this id is longer than twenty-six letters";
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_USAGE);
    a.id = "";
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_USAGE);
    assert_int_equal(store_count(store->db, "annotations", NULL), 1);
}

static void a_save_from_an_old_revision_is_a_conflict(void **state)
{
    Store *store = *state;
    Err err = {0};
    int64_t rev;
    Annotation a = blank(store->db, store_clip(store->db, "file-a", 0), "ann");
    a.rev = 1;
    assert_false(mel_annotation_save(store->db, &a, NULL, NULL, &err));
    assert_string_equal(err.reason, "annotation.conflict");
    mel_err_clear(&err);
    a.rev = 0, a.text = "window one";
    CHECK_OK(mel_annotation_save(store->db, &a, NULL, &rev, &err));
    a.text = "window two";
    assert_false(mel_annotation_save(store->db, &a, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_EXISTS);
    assert_string_equal(err.reason, "annotation.conflict");
    mel_err_clear(&err);
    assert_string_equal(store_field(store->db, "annotations", NULL, "text"), "window one");
    a.rev = rev;
    CHECK_OK(mel_annotation_save(store->db, &a, NULL, &rev, &err));
    assert_int_equal(rev, 2);
    a.rev = -1;
    CHECK_OK(mel_annotation_save(store->db, &a, NULL, &rev, &err));
    assert_int_equal(rev, 3);
}

static void a_withdrawn_answer_no_longer_counts(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_ready_clip(store->db, "file-a", 0, -20);
    store_say(store->db, clip, "ann", "jazz", NULL);
    assert_string_equal(store_field(store->db, "clips", NULL, "annotation_count"), "1");
    assert_int_equal(store_count(store->db, "triplets", NULL), 1);
    Annotation a = blank(store->db, clip, "ann");
    a.state = "withdrawn";
    CHECK_OK(mel_annotation_save(store->db, &a, NULL, NULL, &err));
    assert_string_equal(store_field(store->db, "clips", NULL, "annotation_count"), "0");
    assert_string_equal(store_field(store->db, "clips", NULL, "settled_state"), "open");
    assert_string_equal(store_field(store->db, "clips", NULL, "genre"), "");
    assert_int_equal(store_count(store->db, "triplets", NULL), 0);
}

static void terms_outside_the_vocabulary_are_refused(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
#define REFUSED(assignment)                                                                        \
    do {                                                                                           \
        Annotation a = blank(store->db, clip, "ann");                                              \
        assignment;                                                                                \
        CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_USAGE);              \
    } while (0)
#define TERM(...) a.terms = (const AnnotationTerm[]){{__VA_ARGS__}}, a.term_count = 1
    REFUSED(a.genre = "polka");
    REFUSED(a.genre = "Jazz"); /* ids here; labels are mel_vocabulary_id's */
    REFUSED(a.tempo = "");
    REFUSED(a.dissonance = "much");
    REFUSED(a.metre = "5-4");
    REFUSED(a.feel = "calm");
    REFUSED(a.relevance = "yes");
    REFUSED(TERM("mood", "jazz", ""));
    REFUSED(TERM("instrument", "kazoo", ""));
    REFUSED(TERM("instrument", "piano", "soloist"));
    REFUSED(TERM("mood", "calm", "lead"));
    REFUSED(TERM("colour", "red", ""));
#undef TERM
#undef REFUSED
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotation"), 0);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotation_term"), 0);
}

static void impossible_answers_are_refused_whole(void **state)
{
    Store *store = *state;
    Err err = {0};
    Annotation a = blank(store->db, store_clip(store->db, "file-a", 0), "ann");
    a.bpm = -5;
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_DB);
    a.bpm = NAN, a.state = "perhaps";
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_DB);
    a.state = "draft", a.origin = "nowhere";
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_DB);
    a.origin = "app", a.annotator_id = "nobody";
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_DB);
    a.annotator_id = "ann", a.clip_id = "no:clip";
    CHECK_FAILS(mel_annotation_save(store->db, &a, NULL, NULL, &err), ERR_NOT_FOUND);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotation"), 0);
}

static void a_retired_term_stays_valid_in_answers_but_is_not_offered(void **state)
{
    Store *store = *state;
    Err err = {0};
    char id[64];
    store_raw(store, "INSERT INTO vocabulary_term"
                     " (field, id, label, position, since_version, retired_version)"
                     " VALUES ('genre', 'skiffle', 'Skiffle', 99, 0, 1)");
    CHECK_FAILS(mel_vocabulary_id(store->db, "genre", "skiffle", id, &err), ERR_USAGE);
    store_say(store->db, store_clip(store->db, "file-a", 0), "ann", "skiffle", NULL);
    assert_string_equal(store_field(store->db, "clips", NULL, "genre"), "skiffle");
}

static void annotators_have_names_that_are_safe(void **state)
{
    Store *store = *state;
    Err err = {0};
    static const char *const bad[] = {"", ".", "..", "a b", "a/b", "ann;", "ä", NULL};
    for (const char *const *name = bad; *name; name++)
        CHECK_FAILS(mel_annotator_put(store->db, *name, "person", NULL, &err), ERR_USAGE);
    CHECK_FAILS(mel_annotator_put(store->db, "ann", "robot", NULL, &err), ERR_DB);
    CHECK_FAILS(mel_annotator_put(store->db, "settled", "person", NULL, &err), ERR_USAGE);
    CHECK_OK(mel_annotator_put(store->db, "ann", "person", "Ann", &err));
    CHECK_OK(mel_annotator_put(store->db, "ann", "person", "Other", &err));
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotator"), 1);
}

/* ---- vocabularies
 * ---------------------------------------------------------------------------------- */

static void terms_are_found_by_id_and_by_label_whatever_the_case(void **state)
{
    Store *store = *state;
    Err err = {0};
    static const char *const cases[][3] = {
        {"genre", "R&B",           "r-and-b"    },
        {"genre", "r&b",           "r-and-b"    },
        {"genre", "R-AND-B",       "r-and-b"    },
        {"genre", "Jazz",          "jazz"       },
        {"genre", "none of these", "unmatched"  },
        {"metre", "6/8",           "6-8"        },
        {"voice", "lead, female",  "lead-female"},
        {"tempo", "no pulse",      "none"       },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        char id[64];
        CHECK_OK(mel_vocabulary_id(store->db, cases[i][0], cases[i][1], id, &err));
        assert_string_equal(id, cases[i][2]);
    }
}

static void a_misspelt_term_gets_the_nearest_suggested(void **state)
{
    Store *store = *state;
    Err err = {0};
    char id[64] = "untouched";
    assert_false(mel_vocabulary_id(store->db, "genre", "jaz", id, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.hint, "'jazz'"));
    mel_err_clear(&err);
    assert_false(mel_vocabulary_id(store->db, "instrument", "xylofone", id, &err));
    assert_non_null(strstr(err.hint, "'xylophone'"));
    mel_err_clear(&err);
    assert_false(mel_vocabulary_id(store->db, "genre", "something else entirely", id, &err));
    assert_null(strstr(err.hint, "did you mean"));
    assert_string_equal(id, "untouched");
}

static void collect_term(void *ctx, const char *id, const char *label)
{
    (void)label;
    mel_str_addf(ctx, "%s ", id);
}

static void the_genres_are_the_fifteen_in_their_order(void **state)
{
    Store *store = *state;
    Err err = {0};
    Str ids = {0};
    CHECK_OK(mel_vocabulary_each(store->db, "genre", collect_term, &ids, &err));
    assert_string_equal(mel_str_text(&ids),
                        "new-age classical latin r-and-b easy-listening metal jazz"
                        " world-traditional hip-hop pop blues country rock folk-acoustic"
                        " electronic unmatched ");
    mel_str_clear(&ids);
}

static void an_older_vocabulary_is_brought_up_to_date_on_opening(void **state)
{
    Store *store = *state;
    Err err = {0};
    char id[64];
    store_close(store);
    store_raw(store, "UPDATE setting SET value = '0' WHERE key = 'vocabulary_version';"
                     "DELETE FROM vocabulary_term WHERE id = 'jazz';"
                     "UPDATE vocabulary_term SET label = 'Old' WHERE id = 'rock';"
                     "INSERT INTO vocabulary_term (field, id, label, position, since_version)"
                     " VALUES ('genre', 'skiffle', 'Skiffle', 99, 0);");
    store_reopen(store, DB_WRITE);
    CHECK_OK(mel_vocabulary_id(store->db, "genre", "jazz", id, &err));
    CHECK_OK(mel_vocabulary_id(store->db, "genre", "Rock", id, &err));
    CHECK_FAILS(mel_vocabulary_id(store->db, "genre", "skiffle", id, &err), ERR_USAGE);
    assert_int_equal(store_raw_i64(store, "SELECT retired_version FROM vocabulary_term"
                                          " WHERE id = 'skiffle'"),
                     mel_vocabulary_version());
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(an_annotation_comes_back_as_it_was_saved),
        IN_A_STORE(a_revision_is_later_than_the_one_before_whatever_the_clock_says),
        IN_A_STORE(what_was_not_answered_comes_back_unanswered),
        IN_A_STORE(revisions_are_appended_and_the_newest_counts),
        IN_A_STORE(saving_the_same_id_again_changes_nothing),
        IN_A_STORE(an_id_of_another_answer_is_not_taken_for_a_repetition),
        IN_A_STORE(a_save_from_an_old_revision_is_a_conflict),
        IN_A_STORE(a_withdrawn_answer_no_longer_counts),
        IN_A_STORE(terms_outside_the_vocabulary_are_refused),
        IN_A_STORE(impossible_answers_are_refused_whole),
        IN_A_STORE(a_retired_term_stays_valid_in_answers_but_is_not_offered),
        IN_A_STORE(annotators_have_names_that_are_safe),
        IN_A_STORE(terms_are_found_by_id_and_by_label_whatever_the_case),
        IN_A_STORE(a_misspelt_term_gets_the_nearest_suggested),
        IN_A_STORE(the_genres_are_the_fifteen_in_their_order),
        IN_A_STORE(an_older_vocabulary_is_brought_up_to_date_on_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
