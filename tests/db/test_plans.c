/* SPDX-License-Identifier: Apache-2.0
 *
 * How SQLite means to run the queries that people wait for: through keys, whatever the size. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static char *plan_of(Db *db, const char *query)
{
    Err err = {0};
    DbRows rows;
    Str plan = {0};
    char *sql = mel_asprintf("EXPLAIN QUERY PLAN %s", query);
    CHECK_OK(db_rows(db, &rows, sql, NULL, 0, &err));
    while (db_next(&rows, &err))
        mel_str_addf(&plan, "%s\n", db_col_text(&rows, 3));
    db_rows_end(&rows);
    if (mel_err_is_set(&err)) fail_msg("%s: %s", query, err.message);
    /* the text is the key of the cache, which must not outlive it */
    sqlite3_finalize(db->cache[--db->cached].statement);
    free(sql);
    return mel_str_take(&plan);
}

static void has(const char *query, const char *plan, const char *words)
{
    MEL_ASSERT(plan);
    if (!strstr(plan, words)) fail_msg("%s\nhas no '%s' in its plan:\n%s", query, words, plan);
}

static void has_not(const char *query, const char *plan, const char *words)
{
    MEL_ASSERT(plan);
    if (strstr(plan, words)) fail_msg("%s\nhas '%s' in its plan:\n%s", query, words, plan);
}

static void looking_up_one_clip_scans_nothing(void **state)
{
    Store *store = *state;
    static const char *const queries[] = {
        "SELECT * FROM clips WHERE id = 'file-a:0'",
        "SELECT * FROM triplets WHERE id = 'file-a:0'",
        "SELECT * FROM annotations WHERE clip = 'file-a:0'",
        "SELECT * FROM scores WHERE clip = 'file-a:0'",
        "SELECT * FROM clips WHERE source = 'file-a'",
        "SELECT * FROM annotations WHERE annotator = 'ann'",
    };
    for (size_t i = 0; i < MEL_COUNT(queries); i++) {
        char *plan = plan_of(store->db, queries[i]);
        has_not(queries[i], plan, "SCAN");
        free(plan);
    }
}

static void a_listing_page_walks_the_key_and_sorts_nothing(void **state)
{
    Store *store = *state;
    static const char *const queries[] = {
        "SELECT * FROM clips WHERE 1 ORDER BY id LIMIT 50",
        "SELECT * FROM clips WHERE id > 'file-a:0' ORDER BY id LIMIT 50",
        "SELECT * FROM clips WHERE state = 'ready' ORDER BY id LIMIT 50",
        "SELECT * FROM clips WHERE state = 'failed' AND id > 'file-a:0' ORDER BY id LIMIT 50",
    };
    for (size_t i = 0; i < MEL_COUNT(queries); i++) {
        char *plan = plan_of(store->db, queries[i]);
        has_not(queries[i], plan, "TEMP B-TREE");
        if (strstr(queries[i], "state")) has(queries[i], plan, "SEARCH c USING");
        if (strstr(queries[i], "id >")) has(queries[i], plan, "SEARCH c USING");
        has_not(queries[i], plan, "SCAN s");
        free(plan);
    }
}

static void the_work_list_reads_only_what_waits(void **state)
{
    Store *store = *state;
    static const char query[] = "SELECT id, state, failure_class FROM clips WHERE 1"
                                " AND (state IN ('new', 'failed')) AND (\nkind = 'file'\n)";
    char *plan = plan_of(store->db, query);
    has(query, plan, "SEARCH c USING");
    has_not(query, plan, "SCAN");
    free(plan);
}

static void what_joins_a_pass_a_duplicate_or_a_score_goes_by_key(void **state)
{
    Store *store = *state;
    static const char *const queries[] = {
        "SELECT id FROM clips WHERE included",
        "SELECT id FROM clips WHERE duplicated",
        "SELECT id FROM clips WHERE duplicate_of_earlier",
        "SELECT id FROM clips WHERE imsm < 0.2",
        "SELECT id FROM clips WHERE genre = 'jazz'",
        "SELECT * FROM triplets",
    };
    for (size_t i = 0; i < MEL_COUNT(queries); i++) {
        char *plan = plan_of(store->db, queries[i]);
        char *first = strstr(plan, "SCAN"); /* of the clips themselves, and of nothing else */
        if (first) has_not(queries[i], first + 1, "SCAN");
        has_not(queries[i], plan, "AUTOMATIC");
        free(plan);
    }
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(looking_up_one_clip_scans_nothing),
        IN_A_STORE(a_listing_page_walks_the_key_and_sorts_nothing),
        IN_A_STORE(the_work_list_reads_only_what_waits),
        IN_A_STORE(what_joins_a_pass_a_duplicate_or_a_score_goes_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
