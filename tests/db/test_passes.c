/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static const char quiet[] = "loudness_lufs < -30";

/* Four ready clips of -20, -35, -40 and -50 LUFS, and one that waits. */
static void fill(Store *store)
{
    static const double loudness[] = {-20, -35, -40, -50};
    for (int i = 0; i < 4; i++)
        store_ready_clip(store->db, "file-a", i * 20, loudness[i]);
    store_clip(store->db, "file-a", 200);
}

static PassOutcome run(Db *db, const char *name, const char *where, bool dry_run)
{
    Err err = {0};
    PassOutcome outcome;
    CHECK_OK(mel_pass_run(db, name, where, "a note", dry_run, &outcome, &err));
    return outcome;
}

static void a_pass_excludes_what_it_matches_and_counts(void **state)
{
    Store *store = *state;
    fill(store);
    PassOutcome o = run(store->db, "quiet", quiet, false);
    assert_int_equal(o.examined, 4);
    assert_int_equal(o.matched, 3);
    assert_int_equal(o.newly_excluded, 3);
    assert_int_equal(o.also_elsewhere, 0);
    assert_int_equal(o.included_after, 1);
    assert_int_equal(store_count(store->db, "clips", "excluded_by = 'quiet'"), 3);
    assert_int_equal(store_count(store->db, "clips", "state = 'ready' AND included"), 1);
    assert_int_equal(store_count(store->db, "clips", NULL), 5);
}

static void a_dry_run_tells_the_same_and_leaves_nothing(void **state)
{
    Store *store = *state;
    fill(store);
    Err err = {0};
    char *before = store_dump(store->db, &err);
    PassOutcome dry = run(store->db, "quiet", quiet, true);
    char *after = store_dump(store->db, &err);
    assert_string_equal(before, after);
    assert_int_equal(store_raw_i64(store, "SELECT (SELECT count(*) FROM pass)"
                                          " + (SELECT count(*) FROM pass_run)"
                                          " + (SELECT count(*) FROM pass_exclusion)"),
                     0);
    PassOutcome real = run(store->db, "quiet", quiet, false);
    assert_memory_equal(&dry, &real, sizeof dry);
    free(before);
    free(after);
}

static void an_undone_pass_lets_its_clips_in_again(void **state)
{
    Store *store = *state;
    Err err = {0};
    int64_t freed = 0;
    fill(store);
    run(store->db, "quiet", quiet, false);
    CHECK_OK(mel_pass_undo(store->db, "quiet", "a mistake", &freed, &err));
    assert_int_equal(freed, 3);
    assert_int_equal(store_count(store->db, "clips", "included"), 5);
    CHECK_FAILS(mel_pass_undo(store->db, "quiet", NULL, &freed, &err), ERR_NOT_FOUND);
    CHECK_FAILS(mel_pass_undo(store->db, "never", NULL, &freed, &err), ERR_NOT_FOUND);
    PassOutcome o = run(store->db, "quiet", "loudness_lufs < -45", false);
    assert_int_equal(o.newly_excluded, 1);
    assert_int_equal(store_count(store->db, "clips", "included"), 4);
    assert_int_equal(store_raw_i64(store, "SELECT max(generation) FROM pass"), 2);
}

static void a_pass_run_again_examines_new_clips_and_keeps_old_decisions(void **state)
{
    Store *store = *state;
    fill(store);
    run(store->db, "quiet", quiet, false);
    store_ready(store->db, "file-a:20000", 3, -5); /* fetched again, and loud now */
    store_ready_clip(store->db, "file-b", 0, -60);
    PassOutcome o = run(store->db, "quiet", quiet, false);
    assert_int_equal(o.examined, 5);
    assert_int_equal(o.matched, 3);
    assert_int_equal(o.newly_excluded, 1);
    assert_int_equal(o.also_elsewhere, 0); /* its own exclusions are not another pass's */
    assert_int_equal(o.included_after, 1);
    assert_int_equal(store_count(store->db, "clips", "excluded_by = 'quiet'"), 4);
}

static void clips_that_another_pass_keeps_out_are_counted(void **state)
{
    Store *store = *state;
    fill(store);
    run(store->db, "quiet", quiet, false);
    PassOutcome o = run(store->db, "quietest", "loudness_lufs < -38", false);
    assert_int_equal(o.newly_excluded, 2);
    assert_int_equal(o.also_elsewhere, 2);
    o = run(store->db, "quietest", "loudness_lufs < -38", false);
    assert_int_equal(o.newly_excluded, 0);
    assert_int_equal(o.also_elsewhere, 2);
    Err err = {0};
    CHECK_OK(mel_pass_undo(store->db, "quiet", NULL, NULL, &err));
    assert_int_equal(store_count(store->db, "clips", "included"), 3);
}

static void a_name_belongs_to_one_condition_at_a_time(void **state)
{
    Store *store = *state;
    Err err = {0};
    PassOutcome outcome = {.examined = 77};
    fill(store);
    run(store->db, "quiet", quiet, false);
    CHECK_FAILS(
        mel_pass_run(store->db, "quiet", "loudness_lufs < -31", NULL, false, &outcome, &err),
        ERR_EXISTS);
    CHECK_FAILS(mel_pass_run(store->db, "quiet", "loudness_lufs < -31", NULL, true, &outcome, &err),
                ERR_EXISTS);
    assert_int_equal(outcome.examined, 77);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM pass_run"), 1);
}

static void bad_names_and_conditions_make_no_pass(void **state)
{
    Store *store = *state;
    Err err = {0};
    PassOutcome o;
    fill(store);
    CHECK_FAILS(mel_pass_run(store->db, "a/b", quiet, NULL, false, &o, &err), ERR_USAGE);
    CHECK_FAILS(mel_pass_run(store->db, "", quiet, NULL, false, &o, &err), ERR_USAGE);
    CHECK_FAILS(mel_pass_run(store->db, "p", "nonsense <", NULL, false, &o, &err), ERR_USAGE);
    CHECK_FAILS(mel_pass_run(store->db, "p", "1) OR (1", NULL, false, &o, &err), ERR_USAGE);
    CHECK_FAILS(mel_pass_run(store->db, "p", "1 UNION SELECT 2", NULL, false, &o, &err), ERR_USAGE);
    CHECK_FAILS(mel_pass_run(store->db, "p", "(SELECT count(*) FROM clip)", NULL, false, &o, &err),
                ERR_DENIED);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM pass"), 0);
}

static void the_numbers_of_a_decision_are_kept(void **state)
{
    Store *store = *state;
    fill(store);
    run(store->db, "quiet", quiet, false);
    store_ready(store->db, "file-a:60000", 3, -1);
    assert_int_equal(store_raw_i64(store, "SELECT json_extract(values_json, '$.loudness_lufs')"
                                          "  FROM pass_exclusion WHERE clip_id = 'file-a:60000'"),
                     -50);
}

static bool tell(void *ctx, const PassRow *row, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s %s %lld %s; ", row->name, row->undone_at ? "undone" : "in force",
                 (long long)row->excluded, row->note ? row->note : "-");
    return true;
}

static void passes_are_listed_oldest_first(void **state)
{
    Store *store = *state;
    Err err = {0};
    Str text = {0};
    fill(store);
    run(store->db, "b", quiet, false);
    run(store->db, "a", "0", false);
    CHECK_OK(mel_pass_undo(store->db, "b", NULL, NULL, &err));
    CHECK_OK(mel_pass_each(store->db, tell, &text, &err));
    assert_string_equal(mel_str_text(&text), "b undone 3 a note; a in force 0 a note; ");
    mel_str_clear(&text);
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(a_pass_excludes_what_it_matches_and_counts),
        IN_A_STORE(a_dry_run_tells_the_same_and_leaves_nothing),
        IN_A_STORE(an_undone_pass_lets_its_clips_in_again),
        IN_A_STORE(a_pass_run_again_examines_new_clips_and_keeps_old_decisions),
        IN_A_STORE(clips_that_another_pass_keeps_out_are_counted),
        IN_A_STORE(a_name_belongs_to_one_condition_at_a_time),
        IN_A_STORE(bad_names_and_conditions_make_no_pass),
        IN_A_STORE(the_numbers_of_a_decision_are_kept),
        IN_A_STORE(passes_are_listed_oldest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
