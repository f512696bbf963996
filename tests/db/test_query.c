/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions over the public views: what they may say, and what hostile ones cannot do. */
#include "curator/measures.h"
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static void valid_conditions_select_what_they_say(void **state)
{
    Store *store = *state;
    const char *clip = store_ready_clip(store->db, "file-a", 0, -20);
    store_ready_clip(store->db, "file-a", 20, -35);
    store_clip(store->db, "file-b", 0);
    store_say(store->db, clip, "ann", "jazz", "It's a 50% \"swing\"; -- really.");
    static const struct {
        const char *where;
        int64_t wanted;
    } cases[] = {
        {NULL,                                                           3},
        {"1",                                                            3},
        {"0",                                                            0},
        {"NULL",                                                         0},
        {"state = 'ready'",                                              2},
        {"state = 'ready' OR state = 'new'",                             3},
        {"loudness_lufs < -30",                                          1},
        {"loudness_lufs IS NULL",                                        1},
        {"genre = 'jazz' AND included",                                  1},
        {"text LIKE '%50\\%%' ESCAPE '\\'",                              1},
        {"text LIKE '%; -- really.'",                                    1},
        {"text = 'It''s a 50% \"swing\"; -- really.'",                   1},
        {"id IN (SELECT clip FROM annotations WHERE annotator = 'ann')", 1},
        {"EXISTS (SELECT 1 FROM triplets AS t WHERE t.id = clips.id)",   1},
        {"start_s BETWEEN 0 AND 10 -- a remark",                         2},
        {"/* a remark */ start_s = 20",                                  1},
        {"abs(round(loudness_lufs)) > 30",                               1},
        {"coalesce(genre, 'with') = 'with'",                             2},
        {"title || ' with' GLOB '*[b] with'",                            1},
        {"CASE state WHEN 'new' THEN 1 ELSE 0 END",                      1},
        {"loudness_lufs = (SELECT min(loudness_lufs) FROM clips)",       1},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        if (store_count(store->db, "clips", cases[i].where) != cases[i].wanted)
            fail_msg("'%s' selects %lld, wanted %lld", cases[i].where,
                     (long long)store_count(store->db, "clips", cases[i].where),
                     (long long)cases[i].wanted);
}

static bool any_row(void *ctx, const ViewRow *row, Err *err)
{
    (void)row, (void)err;
    ++*(int *)ctx;
    return true;
}

static void refuses(Db *db, const char *where, ErrCode wanted)
{
    Err err = {0};
    int rows = 0;
    const ViewQuery query = {.view = "clips", .where = where, .timeout_us = 2000000};
    if (mel_query_check(db, "clips", where, &err)) fail_msg("check lets '%s' pass", where);
    if (err.code != wanted)
        fail_msg("'%s': %s: %s, wanted %s", where, mel_err_code_name(err.code), err.message,
                 mel_err_code_name(wanted));
    mel_err_clear(&err);
    if (mel_query(db, &query, any_row, &rows, &err)) fail_msg("query lets '%s' pass", where);
    assert_int_equal(rows, 0);
    assert_int_equal(err.code, wanted);
}

static void what_is_no_single_condition_is_refused(void **state)
{
    Store *store = *state;
    store_clip(store->db, "file-a", 0);
    static const char *const cases[] = {
        "",
        " ",
        "-- nothing",
        "state =",
        "1) OR (1",
        "1))",
        "((1)",
        "1; SELECT 2",
        "1;",
        "1; DELETE FROM clip",
        "no_such_column = 1",
        "state = ",
        "'unclosed",
        "1 /* open",
        "1 ORDER BY id",
        "1 LIMIT 1",
        "1 GROUP BY id",
        "1 UNION SELECT 1",
        "1 HAVING 1",
        "?1",
        "state = :name",
        "id = $x",
        "no_such_function(1)",
        "count(*) > 1",
        "1 1",
        "SELECT 1",
        "id IN (SELECT clip FROM annotations",
        "EXISTS (SELECT 1 FROM clips) AND",
        "1 WINDOW w AS ()",
        "state = 'new' INTERSECT SELECT 1",
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        refuses(store->db, cases[i], ERR_USAGE);
}

static void what_reaches_past_the_views_is_refused(void **state)
{
    Store *store = *state;
    store_clip(store->db, "file-a", 0);
    static const char *const cases[] = {
        "EXISTS (SELECT 1 FROM annotation)",
        "id IN (SELECT id FROM clip)",
        "(SELECT count(*) FROM source)",
        "(SELECT sql FROM sqlite_master LIMIT 1) IS NOT NULL",
        "EXISTS (SELECT 1 FROM sqlite_schema)",
        "EXISTS (SELECT * FROM pragma_table_info('clip'))",
        "EXISTS (SELECT * FROM pragma_database_list)",
        "EXISTS (SELECT 1 FROM json_each('[1]'))",
        "id IN (SELECT clips.id FROM (SELECT id FROM annotation) AS clips)",
        "load_extension('evil.so')",
        "fts3_tokenizer('simple') IS NULL",
        /* a table expression with a view's name must not read in the view's name */
        "id IN (WITH splits AS (SELECT id FROM annotation) SELECT id FROM splits)",
        "id IN (WiTh\n\"clips\" AS (SELECT id FROM annotator) SELECT id FROM \"clips\")",
        "id IN (/*x*/with/**/triplets(id) AS (SELECT id FROM setting) SELECT id FROM triplets)",
        "1 < (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
        " SELECT count(*) FROM r)",
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        refuses(store->db, cases[i], ERR_DENIED);
}

static void statements_that_are_no_condition_change_nothing(void **state)
{
    Store *store = *state;
    store_clip(store->db, "file-a", 0);
    static const char *const cases[] = {
        "ATTACH 'x.db' AS x",
        "1; ATTACH 'x.db' AS x",
        "PRAGMA writable_schema = 1",
        "1; PRAGMA writable_schema = 1",
        "1; DROP TABLE clip; --",
        "(DELETE FROM clip RETURNING 1)",
        "(INSERT INTO setting VALUES ('a', 'b') RETURNING 1)",
        "(UPDATE clip SET state = 'failed' RETURNING 1)",
        "1; VACUUM INTO 'x.db'",
        "EXPLAIN SELECT 1",
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        refuses(store->db, cases[i], ERR_USAGE);
    assert_int_equal(store_count(store->db, "clips", "state = 'new'"), 1);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

static void a_condition_in_quotes_may_contain_any_word(void **state)
{
    Store *store = *state;
    store_clip(store->db, "file-a", 0);
    assert_int_equal(store_count(store->db, "clips", "title = 'with' OR title = 'x; DROP TABLE'"),
                     0);
    assert_int_equal(store_count(store->db, "clips", "id <> 'with' AND 1 /* with */ -- with"), 1);
    assert_int_equal(store_count(store->db, "clips", "'without' <> 'withal'"), 1);
}

static void a_condition_that_runs_away_is_ended(void **state)
{
    Store *store = *state;
    Err err = {0};
    int rows = 0;
    CHECK_OK(mel_db_begin(store->db, &err));
    store_source(store->db, "file-a");
    for (int i = 0; i < 400; i++)
        CHECK_OK(mel_clip_put(store->db, "file-a", i * 1000000LL, i * 1000000LL + 1, NULL, NULL,
                              NULL, &err));
    CHECK_OK(mel_db_end(store->db, true, &err));
    const ViewQuery query = {
        .view = "clips",
        .where = "(SELECT count(*) FROM clips AS a, clips AS b, clips AS c, clips AS d"
                 "  WHERE a.title <> b.title OR c.title <> d.title) > 0",
        .timeout_us = 100000};
    int64_t begin = mel_monotonic_us();
    CHECK_FAILS(mel_query(store->db, &query, any_row, &rows, &err), ERR_LIMIT);
    assert_true(mel_monotonic_us() - begin < 5000000);
    assert_int_equal(store_count(store->db, "clips", NULL), 400); /* the store goes on */
}

static void a_condition_cannot_ask_for_all_memory(void **state)
{
    Store *store = *state;
    Err err = {0};
    int rows = 0;
    store_clip(store->db, "file-a", 0);
    const ViewQuery query = {.view = "clips", .where = "length(hex(zeroblob(2000000000))) > 0"};
    assert_false(mel_query(store->db, &query, any_row, &rows, &err));
    assert_int_equal(rows, 0);
}

/* ---- the query's own parts
 * ------------------------------------------------------------------------ */

typedef struct Nested {
    Db *db;
    int rows;
} Nested;

static bool read_inside(void *ctx, const ViewRow *row, Err *err)
{
    Nested *nested = ctx;
    char id[64];
    json_t *whole = mel_clip_describe(nested->db, mel_row_text(row, "id", ""), err);
    if (!whole) return false;
    json_decref(whole);
    nested->rows += store_count(nested->db, "clips", "state = 'new'") == 3;
    return mel_vocabulary_id(nested->db, "genre", "jazz", id, err) &&
           mel_clip_label(nested->db, mel_row_text(row, "id", ""), "seen", "yes", err);
}

static void a_row_function_may_use_the_store_itself(void **state)
{
    Store *store = *state;
    Err err = {0};
    Nested nested = {.db = store->db};
    for (int i = 0; i < 3; i++)
        store_clip(store->db, "file-a", i);
    const ViewQuery query = {.view = "clips", .where = "state = 'new'", .timeout_us = 10000000};
    CHECK_OK(mel_query(store->db, &query, read_inside, &nested, &err));
    assert_int_equal(nested.rows, 3);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM label"), 3);
}

static bool stop_after_two(void *ctx, const ViewRow *row, Err *err)
{
    (void)row, (void)err;
    return ++*(int *)ctx < 2;
}

static bool fail_at_once(void *ctx, const ViewRow *row, Err *err)
{
    (void)ctx, (void)row;
    return mel_err(err, ERR_IO, "the row function failed");
}

static void a_row_function_can_stop_and_can_fail(void **state)
{
    Store *store = *state;
    Err err = {0};
    int rows = 0;
    for (int i = 0; i < 5; i++)
        store_clip(store->db, "file-a", i);
    const ViewQuery query = {.view = "clips"};
    CHECK_OK(mel_query(store->db, &query, stop_after_two, &rows, &err));
    assert_int_equal(rows, 2);
    CHECK_FAILS(mel_query(store->db, &query, fail_at_once, NULL, &err), ERR_IO);
}

static bool collect_ids(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s ", mel_row_text(row, "id", ""));
    return true;
}

static void arguments_order_and_limit_are_kept(void **state)
{
    Store *store = *state;
    Err err = {0};
    Str ids = {0};
    for (int i = 0; i < 6; i++)
        store_clip(store->db, i % 2 ? "file-b" : "file-a", i);
    const ViewQuery query = {
        .view = "clips",
        .columns = "id",
        .where = "start_s > 0",
        .also = "source = ?1 AND id <> ?2",
        .args = {"file-b", "file-b:5000"},
        .arg_count = 2,
        .order = "id DESC",
        .limit = 1
    };
    CHECK_OK(mel_query(store->db, &query, collect_ids, &ids, &err));
    assert_string_equal(mel_str_text(&ids), "file-b:3000 ");
    mel_str_clear(&ids);
}

/* A user's OR must not get around the program's own condition. */
static void a_condition_cannot_widen_what_the_program_selects(void **state)
{
    Store *store = *state;
    Err err = {0};
    int64_t count = 0;
    store_clip(store->db, "file-a", 0);
    store_clip(store->db, "file-b", 0);
    const ViewQuery query = {.view = "clips",
                             .columns = "count(*)",
                             .where = "1 OR 1",
                             .also = "source = 'file-a' OR 0"};
    CHECK_OK(mel_query_i64(store->db, &query, &count, &err));
    assert_int_equal(count, 1);
}

static void rows_become_json_with_their_types(void **state)
{
    Store *store = *state;
    const char *clip = store_ready_clip(store->db, "file-a", 3, -20.5);
    Err err = {0};
    json_t *row = mel_clip_describe(store->db, clip, &err);
    assert_non_null(row);
    assert_string_equal(mel_json_text(row, "id", ""), clip);
    assert_true(mel_json_f64(row, "loudness_lufs", 0) == -20.5);
    assert_int_equal(mel_json_i64(row, "sample_rate_hz", 0), 48000);
    assert_true(json_is_null(json_object_get(row, "genre")));
    assert_int_equal(json_array_size(json_object_get(row, "media")), 5);
    assert_int_equal(json_array_size(json_object_get(row, "frames")), 3);
    assert_int_equal(json_array_size(json_object_get(row, "attempts")), 1);
    json_decref(row);
}

static void a_clip_that_is_not_there_gets_the_nearest_suggested(void **state)
{
    Store *store = *state;
    Err err = {0};
    store_clip(store->db, "file-abc", 3);
    assert_null(mel_clip_describe(store->db, "file-abd:3000", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "file-abc:3000"));
}

typedef struct ColumnSearch {
    const char *wanted;
    bool found;
} ColumnSearch;

static bool look_at_column(void *ctx, const char *name)
{
    ColumnSearch *search = ctx;
    search->found = search->found || mel_equal(name, search->wanted);
    return true;
}

static void a_column_that_is_not_there_gets_the_nearest_suggested(void **state)
{
    Store *store = *state;
    Err err = {0};
    if (mel_query_check(store->db, "clips", "loudnes_lufs < -30", &err)) fail();
    assert_string_equal(err.hint, "did you mean 'loudness_lufs'?");
    mel_err_clear(&err);
    if (mel_query_check(store->db, "clips", "frobnicate < -30", &err)) fail();
    assert_non_null(strstr(err.hint, "--columns-help"));
}

static void every_measure_is_a_column_of_the_table_and_of_the_view(void **state)
{
    Store *store = *state;
    Err err = {0};
    static const char *const names[] = {
#define X(name, unit, meaning) #name,
        MEL_AUDIO_MEASURES(X) MEL_PICTURE_MEASURES(X)
#undef X
    };
    size_t count = MEL_COUNT(names);
    for (size_t i = 0; i < count; i++) {
        ColumnSearch search = {.wanted = names[i]};
        int64_t there;
        DbArg args[] = {db_text(names[i])};
        CHECK_OK(mel_query_columns(store->db, "clips", look_at_column, &search, &err));
        if (!search.found) fail_msg("the view has no '%s'", names[i]);
        CHECK_OK(db_one_i64(store->db,
                            "SELECT count(*) FROM pragma_table_info('quality') WHERE name = ?1",
                            args, 1, 0, &there, &err));
        if (!there) fail_msg("the table has no '%s'", names[i]);
    }
    assert_int_equal(store_raw_i64(store, "SELECT count(*) - 1 FROM pragma_table_info('quality')"),
                     count);
}

static void measures_come_out_as_they_went_in(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    const ClipMeasure measures[] = {
        {"loudness_lufs", -23.125},
        {"tempo_bpm",     NAN    },
        {"gap_s",         0      }
    };
    const ClipMedia media[] = {
        {.role = "audio",
         .path = "media/a.flac",
         .sha256 = "0123456789abcdef0123456789abcdef"
                   "0123456789abcdef0123456789abcdef", .size_bytes = 1}
    };
    const ClipProducts products = {.clip_id = clip,
                                   .tools_json = "{}",
                                   .container = "mp4",
                                   .audio_codec = "aac",
                                   .video_codec = "h264",
                                   .media = media,
                                   .media_count = 1,
                                   .measures = measures,
                                   .measure_count = 3};
    CHECK_OK(mel_clip_ready(store->db, &products, &err));
    assert_string_equal(store_field(store->db, "clips", NULL, "loudness_lufs"), "-23.125");
    assert_string_equal(store_field(store->db, "clips", NULL, "tempo_bpm"), "");
    assert_string_equal(store_field(store->db, "clips", NULL, "gap_s"), "0");
    assert_string_equal(store_field(store->db, "clips", NULL, "contrast"), "");
}

static void every_view_can_be_read_by_any_client(void **state)
{
    Store *store = *state;
    const char *clip = store_ready_clip(store->db, "file-a", 0, -20);
    store_say(store->db, clip, "ann", "jazz", NULL);
    static const char *const views[] = {"clips", "annotations", "triplets", "scores", "splits"};
    for (size_t i = 0; i < 5; i++) {
        char *plain = mel_asprintf("SELECT count(*) FROM %s", views[i]);
        assert_int_equal(store_raw_i64(store, plain), store_count(store->db, views[i], NULL));
        free(plain);
    }
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(valid_conditions_select_what_they_say),
        IN_A_STORE(what_is_no_single_condition_is_refused),
        IN_A_STORE(what_reaches_past_the_views_is_refused),
        IN_A_STORE(statements_that_are_no_condition_change_nothing),
        IN_A_STORE(a_condition_in_quotes_may_contain_any_word),
        IN_A_STORE(a_condition_that_runs_away_is_ended),
        IN_A_STORE(a_condition_cannot_ask_for_all_memory),
        IN_A_STORE(a_row_function_may_use_the_store_itself),
        IN_A_STORE(a_row_function_can_stop_and_can_fail),
        IN_A_STORE(arguments_order_and_limit_are_kept),
        IN_A_STORE(a_condition_cannot_widen_what_the_program_selects),
        IN_A_STORE(rows_become_json_with_their_types),
        IN_A_STORE(a_clip_that_is_not_there_gets_the_nearest_suggested),
        IN_A_STORE(a_column_that_is_not_there_gets_the_nearest_suggested),
        IN_A_STORE(every_measure_is_a_column_of_the_table_and_of_the_view),
        IN_A_STORE(measures_come_out_as_they_went_in),
        IN_A_STORE(every_view_can_be_read_by_any_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
