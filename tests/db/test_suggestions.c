/* SPDX-License-Identifier: Apache-2.0
 *
 * Suggestions stand beside the answers and never among them. */
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static bool put(Db *db, const char *clip, const char *field, const char *value, const char *origin)
{
    Err err = {0};
    bool added = false;
    const Suggestion s = {.clip_id = clip, .field = field, .value_json = value, .origin = origin};
    CHECK_OK(mel_suggestion_put(db, &s, &added, &err));
    return added;
}

static void refuses(Db *db, const char *clip, const char *field, const char *value,
                    const char *origin, ErrCode code)
{
    Err err = {0};
    const Suggestion s = {.clip_id = clip, .field = field, .value_json = value, .origin = origin};
    CHECK_FAILS(mel_suggestion_put(db, &s, NULL, &err), code);
}

static bool add_line(void *ctx, const Suggestion *s, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s=%s by %s%s%s%s\n", s->field, s->value_json, s->origin,
                 s->was_shown ? ", shown" : "", s->outcome ? ", " : "",
                 s->outcome ? s->outcome : "");
    return true;
}

static void assert_standing(Db *db, const char *clip, const char *person, const char *want)
{
    Err err = {0};
    Str lines = {0};
    CHECK_OK(mel_suggestions_each(db, clip, person, add_line, &lines, &err));
    assert_string_equal(mel_str_text(&lines), want);
    mel_str_clear(&lines);
}

static bool take_id(void *ctx, const Suggestion *s, Err *err)
{
    (void)err;
    snprintf(ctx, ULID_SIZE, "%s", s->id);
    return false;
}

static void use(Db *db, const char *clip, const char *person, const char *action)
{
    Err err = {0};
    char id[ULID_SIZE] = "";
    CHECK_OK(mel_suggestions_each(db, clip, person, take_id, id, &err)); /* the newest */
    CHECK_OK(mel_suggestion_use(db, id, person, action, &err));
}

static bool add_count(void *ctx, const SuggestionCount *c, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s by %s: %d, %d %d %d %d\n", c->field, c->origin, (int)c->suggestions,
                 (int)c->shown, (int)c->accepted, (int)c->edited, (int)c->ignored);
    return true;
}

static void assert_counts(Db *db, const char *want)
{
    Err err = {0};
    Str lines = {0};
    CHECK_OK(mel_suggestion_counts(db, add_count, &lines, &err));
    assert_string_equal(mel_str_text(&lines), want);
    mel_str_clear(&lines);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_newer_value_of_an_origin_takes_the_place_of_the_older(void **state)
{
    Store *store = *state;
    const char *clip = store_ready_clip(store->db, "file-a", 0, -14);
    assert_true(put(store->db, clip, "genre", "\"Jazz\"", "model 1"));
    assert_false(put(store->db, clip, "genre", "\"jazz\"", "model 1")); /* says so already */
    assert_true(put(store->db, clip, "genre", "\"r&b\"", "labels/audioset"));
    assert_true(put(store->db, clip, "genre", "\"blues\"", "model 1"));
    assert_standing(store->db, clip, "anna",
                    "genre=\"blues\" by model 1\n"
                    "genre=\"r-and-b\" by labels/audioset\n");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM suggestion"), 3);
    assert_true(put(store->db, clip, "genre", "\"jazz\"", "model 1")); /* back again */
    assert_true(put(store->db, clip, "genre", "null", "labels/audioset"));
    assert_standing(store->db, clip, "anna", "genre=\"jazz\" by model 1\n");
    assert_false(put(store->db, clip, "mood", "null", "model 1")); /* nothing to take away */
}

static void values_are_terms_lists_of_terms_and_numbers(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    const char *clip = store_ready_clip(db, "file-a", 0, -14);
    assert_true(put(db, clip, "bpm", "96", "m"));
    assert_false(put(db, clip, "bpm", "96.0", "m"));
    assert_true(put(db, clip, "instrument", "[\"Piano/lead\",\"drum kit\"]", "m"));
    assert_standing(db, clip, "anna",
                    "instrument=[\"piano/lead\",\"drums\"] by m\nbpm=96.0 by m\n");
    refuses(db, clip, "genre", "\"jaz\"", "m", ERR_USAGE);
    refuses(db, clip, "genre", "[\"jazz\"]", "m", ERR_USAGE);
    refuses(db, clip, "mood", "\"calm\"", "m", ERR_USAGE);
    refuses(db, clip, "mood", "[]", "m", ERR_USAGE);
    refuses(db, clip, "mood", "[\"calm/lead\"]", "m", ERR_USAGE);
    refuses(db, clip, "instrument", "[\"piano/loud\"]", "m", ERR_USAGE);
    refuses(db, clip, "bpm", "\"96\"", "m", ERR_USAGE);
    refuses(db, clip, "bpm", "-1", "m", ERR_USAGE);
    refuses(db, clip, "text", "\"A song.\"", "m", ERR_USAGE);
    refuses(db, clip, "genre", "\"jazz", "m", ERR_FORMAT);
    refuses(db, clip, "genre", "\"jazz\"", "", ERR_USAGE);
    refuses(db, clip, "genre", "\"jazz\"", "two\nlines", ERR_USAGE);
    refuses(db, "file-z:0", "genre", "\"jazz\"", "m", ERR_NOT_FOUND);
}

static void what_is_refused_leaves_a_transaction_whole(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_ready_clip(store->db, "file-a", 0, -14);
    CHECK_OK(mel_db_begin(store->db, &err));
    put(store->db, clip, "genre", "\"jazz\"", "m");
    refuses(store->db, clip, "genre", "\"noise\"", "m", ERR_USAGE);
    refuses(store->db, "file-z:0", "genre", "\"jazz\"", "m", ERR_NOT_FOUND);
    put(store->db, clip, "metre", "\"4/4\"", "m");
    CHECK_OK(mel_db_end(store->db, true, &err));
    assert_standing(store->db, clip, "anna", "metre=\"4-4\" by m\ngenre=\"jazz\" by m\n");
}

static void a_source_that_was_taken_down_gets_none(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_ready_clip(store->db, "file-a", 0, -14);
    CHECK_OK(mel_source_takedown(store->db, "file-a", "asked", NULL, &err));
    refuses(store->db, clip, "genre", "\"jazz\"", "m", ERR_DENIED);
}

static void the_newest_of_what_a_person_did_counts(void **state)
{
    Store *store = *state;
    Db *db = store->db;
    const char *clip = store_ready_clip(db, "file-a", 0, -14);
    const char *other = store_ready_clip(db, "file-b", 0, -14);
    store_person(db, "anna");
    store_person(db, "ben");
    put(db, clip, "genre", "\"jazz\"", "m");
    put(db, other, "genre", "\"jazz\"", "m");
    assert_counts(db, "genre by m: 2, 0 0 0 0\n");
    use(db, clip, "anna", "shown");
    use(db, clip, "anna", "shown"); /* once */
    use(db, clip, "anna", "accepted");
    use(db, clip, "ben", "shown");
    use(db, clip, "ben", "ignored");
    assert_counts(db, "genre by m: 2, 2 1 0 1\n");
    use(db, clip, "anna", "edited");
    assert_counts(db, "genre by m: 2, 2 0 1 1\n");
    assert_standing(db, clip, "anna", "genre=\"jazz\" by m, shown, edited\n");
    assert_standing(db, clip, "ben", "genre=\"jazz\" by m, shown, ignored\n");
    assert_standing(db, other, "anna", "genre=\"jazz\" by m\n");
    put(db, clip, "genre", "\"pop\"", "m"); /* the history counts on, what stands is another */
    assert_counts(db, "genre by m: 2, 2 0 1 1\n");
    assert_standing(db, clip, "anna", "genre=\"pop\" by m\n");
}

/* Everything that others see of a dataset. */
static char *seen(Store *store)
{
    Err err = {0};
    int64_t counts[QUEUE_STATES];
    const QueueQuery query = {.annotator_id = "anna"};
    char *dump = store_dump(store->db, &err);
    if (!dump) fail_msg("%s", err.message);
    CHECK_OK(mel_queue_count(store->db, &query, counts, &err));
    Str all = {0};
    mel_str_addf(&all, "%s\nqueue %d %d %d %d\nannotations %d, triplets %d", dump, (int)counts[0],
                 (int)counts[1], (int)counts[2], (int)counts[3],
                 (int)store_count(store->db, "annotations", NULL),
                 (int)store_count(store->db, "triplets", NULL));
    free(dump);
    return mel_str_take(&all);
}

static void no_view_no_settlement_and_no_queue_sees_a_suggestion(void **state)
{
    Store *store = *state;
    Err err = {0};
    Db *db = store->db;
    const char *clips[] = {store_ready_clip(db, "file-a", 0, -14),
                           store_ready_clip(db, "file-b", 0, -14)};
    store_person(db, "anna");
    store_say(db, clips[0], "anna", "jazz", NULL);
    const Assignment work[] = {
        {.batch = "b",
         .clip_id = clips[0],
         .annotator_id = "anna",
         .purpose = "work",
         .position = 0},
        {.batch = "b",
         .clip_id = clips[1],
         .annotator_id = "anna",
         .purpose = "work",
         .position = 1}
    };
    CHECK_OK(mel_assignments_put(db, work, 2, NULL, &err));
    char *before = seen(store);
    for (int i = 0; i < 2; i++) {
        put(db, clips[i], "genre", "\"metal\"", "labels/audioset");
        use(db, clips[i], "anna", "shown");
        use(db, clips[i], "anna", "accepted");
        CHECK_OK(mel_settle(db, clips[i], &err));
    }
    char *after = seen(store);
    assert_string_equal(after, before);
    assert_null(strstr(after, "metal"));
    assert_int_equal(store_findings(db, NULL), 0);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_newer_value_of_an_origin_takes_the_place_of_the_older,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(values_are_terms_lists_of_terms_and_numbers, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_leaves_a_transaction_whole, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(a_source_that_was_taken_down_gets_none, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(the_newest_of_what_a_person_did_counts, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(no_view_no_settlement_and_no_queue_sees_a_suggestion,
                                        store_setup, store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
