/* SPDX-License-Identifier: Apache-2.0
 *
 * From submitted through reviews and disputes to adjudicated. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <string.h>

static const char *clip_of(Store *store)
{
    return store_ready_clip(store->db, "file-a", 0, -20);
}

static void stage_is(Db *db, const char *clip, const char *wanted)
{
    Err err = {0};
    ClipStage stage;
    CHECK_OK(mel_clip_stage(db, clip, &stage, &err));
    assert_string_equal(mel_clip_stage_name(stage), wanted);
}

static bool review(Db *db, const char *clip, const char *author, const char *reviewer,
                   const char *verdict, const char *field, Err *err)
{
    const Review r = {.clip_id = clip,
                      .author_id = author,
                      .reviewer_id = reviewer,
                      .verdict = verdict,
                      .fields = &field,
                      .field_count = field ? 1 : 0,
                      .comment = "why"};
    return mel_review_save(db, &r, NULL, err);
}

/* Sets the genre, and takes the text of `take` when it is not NULL. */
static bool adjudicate(Db *db, const char *clip, const char *by, const char *genre,
                       const char *take, Err *err)
{
    Arena arena = {0};
    Settlement settlement;
    Annotation from;
    AdjudicatedField fields[2];
    size_t count = 0;
    bool found, ok = mel_settlement_load(db, clip, &arena, &settlement, err);
    if (ok && genre) {
        settlement.draft.genre = genre;
        fields[count++] = (AdjudicatedField){.field = "genre"};
    }
    if (ok && take) {
        ok = mel_annotation_load(db, clip, take, &arena, &from, &found, err) && found;
        assert_true(ok);
        settlement.draft.text = from.text;
        fields[count++] = (AdjudicatedField){.field = "text", .from_annotation_id = from.id};
    }
    const Adjudication a = {.clip_id = clip,
                            .by = by,
                            .answer = &settlement.draft,
                            .fields = fields,
                            .field_count = count};
    ok = ok && mel_adjudicate(db, &a, err);
    mel_arena_clear(&arena);
    return ok;
}

static const char *triplet(Db *db, const char *field)
{
    return store_field(db, "triplets", NULL, field);
}

static void a_clip_walks_through_the_stages(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    Err err = {0};
    const char *clip = clip_of(store);
    Annotation draft;
    stage_is(db, clip, "open");
    store_person(db, "ann");
    mel_annotation_init(&draft);
    draft.clip_id = clip;
    draft.annotator_id = "ann";
    CHECK_OK(mel_annotation_save(db, &draft, NULL, NULL, &err));
    stage_is(db, clip, "drafted");
    store_say(db, clip, "ann", "jazz", "A.");
    stage_is(db, clip, "submitted");
    CHECK_OK(review(db, clip, "ann", "rita", "accept", NULL, &err));
    stage_is(db, clip, "agreed");
    store_say(db, clip, "ben", "rock", "B.");
    stage_is(db, clip, "disputed");
    CHECK_OK(adjudicate(db, clip, "zoe", "pop", "ben", &err));
    stage_is(db, clip, "adjudicated");
    CHECK_FAILS(mel_clip_stage(db, "file-x:0", &(ClipStage){0}, &err), ERR_NOT_FOUND);
}

static void a_returned_answer_settles_nothing_until_it_is_answered_again(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    Err err = {0};
    const char *clip = clip_of(store);
    int64_t counts[QUEUE_STATES];
    const QueueQuery query = {.annotator_id = "ann"};
    store_say(db, clip, "ann", "jazz", "A.");
    assert_int_equal(store_count(db, "triplets", NULL), 1);
    CHECK_OK(review(db, clip, "ann", "rita", "return", "text", &err));
    assert_int_equal(store_count(db, "triplets", NULL), 0);
    CHECK_OK(mel_queue_count(db, &query, counts, &err));
    assert_int_equal(counts[QUEUE_RETURNED], 1);
    store_say(db, clip, "ann", "jazz", "Better.");
    CHECK_OK(mel_queue_count(db, &query, counts, &err));
    assert_int_equal(counts[QUEUE_RETURNED], 0);
    assert_int_equal(counts[QUEUE_SUBMITTED], 1);
    assert_string_equal(triplet(db, "text"), "Better.");
    assert_int_equal(store_findings(db, NULL), 0);
}

static void the_newest_verdict_counts(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = clip_of(store);
    store_say(store->db, clip, "ann", "jazz", "A.");
    CHECK_OK(review(store->db, clip, "ann", "rita", "return", NULL, &err));
    CHECK_OK(review(store->db, clip, "ann", "sue", "accept", NULL, &err));
    assert_int_equal(store_count(store->db, "triplets", NULL), 1);
    stage_is(store->db, clip, "agreed");
}

static void a_dispute_makes_even_one_answer_disputed(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    Err err = {0};
    Arena arena = {0};
    Settlement settlement;
    const char *clip = clip_of(store);
    store_say(db, clip, "ann", "jazz", "A.");
    CHECK_OK(review(db, clip, "ann", "rita", "dispute", "genre", &err));
    stage_is(db, clip, "disputed");
    assert_int_equal(store_count(db, "triplets", NULL), 0);
    CHECK_OK(mel_settlement_load(db, clip, &arena, &settlement, &err));
    assert_int_equal(settlement.disputed_count, 1);
    assert_string_equal(settlement.disputed[0], "genre");
    assert_string_equal(settlement.draft.genre, "jazz");
    CHECK_FAILS(adjudicate(db, clip, "zoe", NULL, "ann", &err), ERR_USAGE);
    CHECK_OK(adjudicate(db, clip, "zoe", "blues", NULL, &err));
    assert_string_equal(triplet(db, "genre"), "blues");
    assert_string_equal(triplet(db, "text"), "A.");
    assert_string_equal(triplet(db, "settled_by"), "adjudicated");
    mel_arena_clear(&arena);
}

static void an_adjudication_stays_and_says_where_its_fields_are_from(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    Err err = {0};
    const char *clip = clip_of(store);
    store_say(db, clip, "ann", "jazz", "A.");
    store_say(db, clip, "ben", "rock", "B.");
    CHECK_OK(adjudicate(db, clip, "zoe", "pop", "ben", &err));
    store_say(db, clip, "ben", "jazz", "B2.");
    store_say(db, clip, "carl", "jazz", "C.");
    assert_string_equal(triplet(db, "genre"), "pop");
    assert_string_equal(triplet(db, "text"), "B.");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM settlement_field AS f"
                                          "  JOIN annotation AS a ON a.id = f.from_annotation_id"
                                          " WHERE f.how = 'adjudicated' AND f.field = 'text'"
                                          "   AND a.annotator_id = 'ben'"),
                     1);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM settlement WHERE by_id = 'zoe'"),
                     1);
    CHECK_OK(adjudicate(db, clip, "zoe", "metal", NULL, &err));
    assert_string_equal(triplet(db, "genre"), "metal");
    assert_string_equal(triplet(db, "text"), "B.");
    assert_int_equal(store_findings(db, NULL), 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    Err err = {0};
    const char *clip = clip_of(store);
    CHECK_FAILS(review(db, clip, "ann", "rita", "accept", NULL, &err), ERR_NOT_FOUND);
    CHECK_FAILS(adjudicate(db, clip, "zoe", "pop", NULL, &err), ERR_NOT_FOUND);
    store_say(db, clip, "ann", "jazz", "A.");
    CHECK_FAILS(review(db, clip, "ann", "ann", "accept", NULL, &err), ERR_USAGE);
    CHECK_FAILS(review(db, clip, "ann", "rita", "hate", NULL, &err), ERR_USAGE);
    CHECK_FAILS(review(db, clip, "ann", "rita", "dispute", NULL, &err), ERR_USAGE);
    CHECK_FAILS(review(db, clip, "ann", "rita", "dispute", "genres", &err), ERR_USAGE);
    CHECK_FAILS(adjudicate(db, clip, "zoe", "polka", NULL, &err), ERR_USAGE);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM review"), 0);
    assert_string_equal(triplet(db, "genre"), "jazz");
}

static void whoever_is_asked_too_reviews_and_decides_only_after_answering(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    Err err = {0};
    const char *clip = clip_of(store);
    const Assignment item = {
        .batch = "one", .clip_id = clip, .annotator_id = "ben", .purpose = "overlap"};
    CHECK_OK(mel_assignments_put(db, &item, 1, NULL, &err));
    store_say(db, clip, "ann", "jazz", "A.");
    CHECK_FAILS(review(db, clip, "ann", "ben", "accept", NULL, &err), ERR_DENIED);
    CHECK_FAILS(adjudicate(db, clip, "ben", "pop", NULL, &err), ERR_DENIED);
    store_say(db, clip, "ben", "jazz", "B.");
    CHECK_OK(review(db, clip, "ann", "ben", "accept", NULL, &err));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_clip_walks_through_the_stages),
        TEST(a_returned_answer_settles_nothing_until_it_is_answered_again),
        TEST(the_newest_verdict_counts),
        TEST(a_dispute_makes_even_one_answer_disputed),
        TEST(an_adjudication_stays_and_says_where_its_fields_are_from),
        TEST(what_makes_no_sense_is_refused),
        TEST(whoever_is_asked_too_reviews_and_decides_only_after_answering),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
