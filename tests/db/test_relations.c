/* SPDX-License-Identifier: Apache-2.0
 *
 * Scores, fingerprints and duplicates, splits and exports. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static void score(Db *db, const char *clip, const char *name, double value, const char *id)
{
    Err err = {0};
    const Score s = {.id = id, .clip_id = clip, .name = name, .value = value, .model = "m"};
    CHECK_OK(mel_score_put(db, &s, &err));
}

static void the_newest_score_of_a_name_is_the_current_one(void **state)
{
    Store *store = *state;
    const char *clip = store_clip(store->db, "file-a", 0);
    score(store->db, clip, "imsm", 0.5, NULL);
    score(store->db, clip, "imsm", 0.25, NULL);
    score(store->db, clip, "clip", 0.75, NULL);
    assert_string_equal(store_field(store->db, "clips", NULL, "imsm"), "0.25");
    assert_string_equal(store_field(store->db, "clips", NULL, "clip_score"), "0.75");
    assert_string_equal(store_field(store->db, "clips", NULL, "clap_score"), "");
    assert_int_equal(store_count(store->db, "scores", NULL), 3);
    assert_int_equal(store_count(store->db, "scores", "is_current"), 2);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

static void a_score_saved_twice_is_saved_once(void **state)
{
    Store *store = *state;
    Err err = {0};
    char id[ULID_SIZE];
    const char *clip = store_clip(store->db, "file-a", 0);
    mel_ulid(id);
    score(store->db, clip, "imsm", 0.5, id);
    score(store->db, clip, "imsm", 0.75, NULL);
    score(store->db, clip, "imsm", 0.5, id);
    assert_string_equal(store_field(store->db, "clips", NULL, "imsm"), "0.75");
    assert_int_equal(store_count(store->db, "scores", NULL), 2);
    const Score unknown = {.clip_id = "no:clip", .name = "imsm", .value = 1, .model = "m"};
    CHECK_FAILS(mel_score_put(store->db, &unknown, &err), ERR_DB);
    assert_int_equal(store_count(store->db, "scores", NULL), 2);
}

static void a_clock_that_was_set_back_makes_no_score_old(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    score(store->db, clip, "imsm", 0.5, NULL);
    store_raw(store, "UPDATE score SET created_at = '2999-01-01T00:00:00.000000Z'");
    score(store->db, clip, "imsm", 0.25, NULL);
    assert_int_equal(store_findings(store->db, NULL), 0);
    CHECK_OK(mel_store_rebuild_heads(store->db, &err));
    assert_string_equal(store_field(store->db, "clips", NULL, "imsm"), "0.25");
}

static void a_bank_of_texts_is_kept_once(void **state)
{
    Store *store = *state;
    Err err = {0};
    for (int i = 0; i < 2; i++)
        CHECK_OK(mel_score_bank_put(store->db, "bank", 10, "abc", NULL, &err));
    const char *clip = store_clip(store->db, "file-a", 0);
    Score s = {.clip_id = clip, .name = "imsm", .value = 1, .model = "m", .bank_id = "bank"};
    CHECK_OK(mel_score_put(store->db, &s, &err));
    s.bank_id = "no bank";
    CHECK_FAILS(mel_score_put(store->db, &s, &err), ERR_DB);
    assert_int_equal(store_count(store->db, "scores", "bank = 'bank'"), 1);
}

/* ---- duplicates
 * ------------------------------------------------------------------------------------- */

static bool take_landmark(void *ctx, const char *clip_id, int version, const void *bytes,
                          size_t n_bytes, size_t count, Err *err)
{
    (void)err;
    uint64_t seed = mel_keyed_hash("products", clip_id);
    assert_int_equal(version, 1);
    assert_int_equal(count, 1);
    assert_int_equal(n_bytes, sizeof seed);
    assert_memory_equal(bytes, &seed, sizeof seed);
    mel_str_addf(ctx, "%s ", clip_id);
    return true;
}

static bool take_hash(void *ctx, const char *clip_id, int position, uint64_t hash, Err *err)
{
    (void)err;
    assert_true(hash == mel_keyed_hash("products", clip_id) + (uint64_t)position);
    ++*(int *)ctx;
    return true;
}

static void fingerprints_of_ready_clips_come_in_order(void **state)
{
    Store *store = *state;
    Err err = {0};
    Str ids = {0};
    int hashes = 0;
    store_ready_clip(store->db, "file-b", 0, -20);
    store_ready_clip(store->db, "file-a", 9, -20);
    const char *failed = store_ready_clip(store->db, "file-a", 1, -20);
    CHECK_OK(mel_clip_failed(store->db, failed, "x", "local", "x", 1, 1, "{}", &err));
    CHECK_OK(mel_landmark_each(store->db, take_landmark, &ids, &err));
    assert_string_equal(mel_str_text(&ids), "file-a:9000 file-b:0 ");
    CHECK_OK(mel_picture_hash_each(store->db, take_hash, &hashes, &err));
    assert_int_equal(hashes, 6);
    mel_str_clear(&ids);
}

static bool put_edge(Db *db, const char *a, const char *b, const char *kind, double value)
{
    Err err = {0};
    bool added;
    const DuplicateRow row = {
        .clip_a = a, .clip_b = b, .kind = kind, .score = value, .evidence = 9, .method = "m"};
    CHECK_OK(mel_duplicate_put(db, &row, &added, &err));
    return added;
}

static bool take_edge(void *ctx, const DuplicateRow *row, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s-%s %s %g; ", row->clip_a, row->clip_b, row->kind, row->score);
    return true;
}

static void an_edge_is_added_once_and_refreshed(void **state)
{
    Store *store = *state;
    Err err = {0};
    Str edges = {0};
    const char *a = store_clip(store->db, "file-a", 0), *b = store_clip(store->db, "file-b", 0);
    assert_true(put_edge(store->db, a, b, "audio", 0.5));
    assert_false(put_edge(store->db, a, b, "audio", 0.75));
    assert_true(put_edge(store->db, a, b, "picture", 1));
    const DuplicateRow wrong = {.clip_a = b, .clip_b = a, .kind = "audio", .method = "m"};
    CHECK_FAILS(mel_duplicate_put(store->db, &wrong, NULL, &err), ERR_DB);
    CHECK_OK(mel_duplicate_each(store->db, take_edge, &edges, &err));
    assert_string_equal(mel_str_text(&edges), "file-a:0-file-b:0 audio 0.75; "
                                              "file-a:0-file-b:0 picture 1; ");
    mel_str_clear(&edges);
}

static void only_the_later_clip_of_a_pair_is_a_duplicate_of_an_earlier(void **state)
{
    Store *store = *state;
    const char *a = store_clip(store->db, "file-a", 0), *b = store_clip(store->db, "file-b", 0);
    const char *c = store_clip(store->db, "file-b", 50);
    put_edge(store->db, a, b, "audio", 1);
    put_edge(store->db, b, c, "audio", 1); /* of one source: overlapping cuts, no copy */
    assert_int_equal(store_count(store->db, "clips", "duplicated"), 3);
    assert_int_equal(store_count(store->db, "clips", "duplicate_of_earlier"), 1);
    assert_string_equal(store_field(store->db, "clips", "duplicate_of_earlier", "id"), b);
}

static void a_broken_edge_no_longer_counts(void **state)
{
    Store *store = *state;
    Err err = {0};
    Str edges = {0};
    const char *a = store_clip(store->db, "file-a", 0), *b = store_clip(store->db, "file-b", 0);
    put_edge(store->db, a, b, "audio", 1);
    for (int i = 0; i < 2; i++) /* whichever way round, and twice */
        CHECK_OK(mel_duplicate_break(store->db, i ? a : b, i ? b : a, "audio", "I looked", &err));
    CHECK_OK(mel_duplicate_each(store->db, take_edge, &edges, &err));
    assert_string_equal(mel_str_text(&edges), "");
    assert_int_equal(store_count(store->db, "clips", "duplicated OR duplicate_of_earlier"), 0);
    assert_false(put_edge(store->db, a, b, "audio", 1)); /* found again: still broken */
    assert_int_equal(store_count(store->db, "clips", "duplicated"), 0);
    put_edge(store->db, a, b, "picture", 1);
    assert_int_equal(store_count(store->db, "clips", "duplicated"), 2);
    mel_str_clear(&edges);
}

/* ---- splits
 * ------------------------------------------------------------------------------------------ */

static bool take_member(void *ctx, const SplitMember *member, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s %s %s; ", member->clip_id, member->side, member->group_key);
    return true;
}

static SplitRow make(Db *db, Arena *arena, const char *name, const char *seed, bool *made)
{
    Err err = {0};
    SplitRow stored;
    const SplitRow row = {.name = name,
                          .seed = seed,
                          .sides_json = "{\"train\":0.8,\"test\":0.2}",
                          .stratify = "genre",
                          .condition = "included"};
    CHECK_OK(mel_split_make(db, &row, arena, &stored, made, &err));
    return stored;
}

static void a_split_is_made_once_and_then_told_as_it_is(void **state)
{
    Store *store = *state;
    Err err = {0};
    Arena arena = {0};
    bool made;
    SplitRow first = make(store->db, &arena, "s", "7", &made);
    assert_true(made);
    SplitRow second = make(store->db, &arena, "s", "8", &made);
    assert_false(made);
    assert_string_equal(second.id, first.id);
    assert_string_equal(second.seed, "7");
    CHECK_OK(mel_split_find(store->db, "s", &arena, &second, &err));
    assert_string_equal(second.sides_json, "{\"train\":0.8,\"test\":0.2}");
    assert_false(mel_split_find(store->db, "t", &arena, &second, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "s"));
    mel_err_clear(&err);
    const SplitRow bad = {.name = "a b"};
    CHECK_FAILS(mel_split_make(store->db, &bad, &arena, &second, &made, &err), ERR_USAGE);
    mel_arena_clear(&arena);
}

static void members_stay_where_they_are_and_may_be_dropped(void **state)
{
    Store *store = *state;
    Err err = {0};
    Arena arena = {0};
    Str members = {0};
    bool made;
    SplitRow split = make(store->db, &arena, "s", "7", &made);
    SplitMember b = {store_clip(store->db, "file-b", 0), "test", "g2"};
    SplitMember a = {store_clip(store->db, "file-a", 0), "train", "g1"};
    CHECK_OK(mel_split_assign(store->db, split.id, &b, &err));
    CHECK_OK(mel_split_assign(store->db, split.id, &a, &err));
    a.side = "test";
    CHECK_OK(mel_split_assign(store->db, split.id, &a, &err));
    CHECK_OK(mel_split_each(store->db, split.id, take_member, &members, &err));
    assert_string_equal(mel_str_text(&members), "file-a:0 train g1; file-b:0 test g2; ");
    CHECK_OK(mel_split_drop(store->db, split.id, a.clip_id, "joined to test", &err));
    CHECK_OK(mel_split_drop(store->db, split.id, a.clip_id, "again", &err));
    mel_str_reset(&members);
    CHECK_OK(mel_split_each(store->db, split.id, take_member, &members, &err));
    assert_string_equal(mel_str_text(&members), "file-b:0 test g2; ");
    assert_int_equal(store_count(store->db, "splits", "split = 's'"), 1);
    CHECK_FAILS(mel_split_assign(store->db, "no split", &a, &err), ERR_DB);
    mel_str_clear(&members);
    mel_arena_clear(&arena);
}

static void an_export_is_recorded_with_or_without_a_split(void **state)
{
    Store *store = *state;
    Err err = {0};
    ExportRow row = {
        .format = "csv", .path = "exports/x", .manifest_sha256 = "abc", .item_count = 3};
    CHECK_OK(mel_export_record(store->db, &row, &err));
    row.split_id = "no split";
    CHECK_FAILS(mel_export_record(store->db, &row, &err), ERR_DB);
    assert_int_equal(store_raw_i64(store, "SELECT sum(item_count) FROM export"), 3);
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(the_newest_score_of_a_name_is_the_current_one),
        IN_A_STORE(a_score_saved_twice_is_saved_once),
        IN_A_STORE(a_clock_that_was_set_back_makes_no_score_old),
        IN_A_STORE(a_bank_of_texts_is_kept_once),
        IN_A_STORE(fingerprints_of_ready_clips_come_in_order),
        IN_A_STORE(an_edge_is_added_once_and_refreshed),
        IN_A_STORE(only_the_later_clip_of_a_pair_is_a_duplicate_of_an_earlier),
        IN_A_STORE(a_broken_edge_no_longer_counts),
        IN_A_STORE(a_split_is_made_once_and_then_told_as_it_is),
        IN_A_STORE(members_stay_where_they_are_and_may_be_dropped),
        IN_A_STORE(an_export_is_recorded_with_or_without_a_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
