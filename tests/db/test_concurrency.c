/* SPDX-License-Identifier: Apache-2.0
 *
 * Eighteen people, an importer and a reader on one store: nothing is lost, nobody sees "busy". */
#include "tests/support/store_load.h"

#include <sqlite3.h>
#include <stdlib.h>

static void every_acknowledged_save_is_there(const char *folder, const LoadResult *result)
{
    static const char sql[] = "SELECT count(*) FROM annotation WHERE id = ?1";
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t missing = 0;
    assert_int_equal(sqlite3_open(test_path(folder, "mel.db"), &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    for (size_t i = 0; i < result->count; i++) {
        sqlite3_bind_text(statement, 1, result->saves[i].id, -1, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        missing += sqlite3_column_int64(statement, 0) != 1;
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    assert_int_equal(missing, 0);
}

static int compare_waits(const void *a, const void *b)
{
    const LoadSave *x = a, *y = b;
    return (x->took_us > y->took_us) - (x->took_us < y->took_us);
}

static void eighteen_people_lose_nothing_while_one_imports_and_one_reads(void **state)
{
    (void)state;
    Err err = {0};
    LoadResult result;
    const StoreLoad load = {.people = 18, .saves_each = 100, .import_clips = 500, .read_all = true};
    char *folder = test_folder();
    CHECK_OK(mel_db_create(folder, &err));
    store_load_run(folder, &load, &result);
    assert_int_equal(result.failed_processes, 0);
    assert_int_equal(result.count, load.people * load.saves_each);
    every_acknowledged_save_is_there(folder, &result);

    Store store = {.folder = folder};
    store_reopen(&store, DB_WRITE);
    assert_int_equal(store_count(store.db, "clips", "source <> 'file-load'"), result.imports * 500);
    assert_int_equal(store_raw_i64(&store, "SELECT count(*) FROM annotation"), result.count);
    assert_int_equal(store_findings(store.db, NULL), 0);
    qsort(result.saves, result.count, sizeof *result.saves, compare_waits);
    print_message("%zu saves in %.1f s, %lld imports, %lld readings; waits: median %.1f ms,"
                  " p99 %.1f ms, longest %.1f ms\n",
                  result.count, (double)result.took_us / 1e6, (long long)result.imports,
                  (long long)result.readings, (double)result.saves[result.count / 2].took_us / 1e3,
                  (double)result.saves[result.count * 99 / 100].took_us / 1e3,
                  (double)result.saves[result.count - 1].took_us / 1e3);
    free(result.saves);
    store_remove(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eighteen_people_lose_nothing_while_one_imports_and_one_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
