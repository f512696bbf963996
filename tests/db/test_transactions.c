/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions, the writer lock and the statement cache. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void label(Db *db, const char *clip, const char *value)
{
    Err err = {0};
    CHECK_OK(mel_clip_label(db, clip, "test", value, &err));
}

static int64_t labels(const Store *store)
{
    return store_raw_i64(store, "SELECT count(*) FROM label");
}

static void a_committed_transaction_is_seen_by_others_at_its_end_only(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    CHECK_OK(mel_db_begin(store->db, &err));
    label(store->db, clip, "a");
    label(store->db, clip, "b");
    assert_int_equal(labels(store), 0);
    CHECK_OK(mel_db_end(store->db, true, &err));
    assert_int_equal(labels(store), 2);
}

static void a_failed_transaction_leaves_nothing_and_the_next_one_works(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    CHECK_OK(mel_db_begin(store->db, &err));
    label(store->db, clip, "a");
    assert_false(mel_db_end(store->db, false, &err));
    assert_false(mel_err_is_set(&err));
    assert_int_equal(labels(store), 0);
    label(store->db, clip, "b");
    assert_int_equal(labels(store), 1);
}

static void inner_transactions_commit_with_the_outermost(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    for (int i = 0; i < 3; i++)
        CHECK_OK(mel_db_begin(store->db, &err));
    label(store->db, clip, "a");
    CHECK_OK(mel_db_end(store->db, true, &err));
    CHECK_OK(mel_db_end(store->db, true, &err));
    assert_int_equal(labels(store), 0);
    CHECK_OK(mel_db_end(store->db, true, &err));
    assert_int_equal(labels(store), 1);
}

static void an_inner_failure_rolls_everything_back_and_says_so(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    CHECK_OK(mel_db_begin(store->db, &err));
    label(store->db, clip, "a");
    CHECK_OK(mel_db_begin(store->db, &err));
    label(store->db, clip, "b");
    assert_false(mel_db_end(store->db, false, &err));
    assert_false(mel_err_is_set(&err));
    label(store->db, clip, "c");
    CHECK_FAILS(mel_db_end(store->db, true, &err), ERR_DB);
    assert_int_equal(labels(store), 0);
    CHECK_OK(mel_db_begin(store->db, &err)); /* the failure is forgotten with its transaction */
    label(store->db, clip, "d");
    CHECK_OK(mel_db_end(store->db, true, &err));
    assert_int_equal(labels(store), 1);
}

static void an_error_of_sqlite_inside_rolls_back(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    CHECK_OK(mel_db_begin(store->db, &err));
    label(store->db, clip, "a");
    bool ok = mel_clip_label(store->db, "no such clip", "test", "a", &err);
    assert_false(ok);
    assert_int_equal(err.code, ERR_DB);
    assert_false(mel_db_end(store->db, ok, &err));
    assert_int_equal(labels(store), 0);
}

static void an_error_outside_a_transaction_releases_the_lock(void **state)
{
    Store *store = *state;
    Err err = {0};
    Db *other = NULL;
    const char *clip = store_clip(store->db, "file-a", 0);
    CHECK_FAILS(mel_clip_label(store->db, "no such clip", "test", "a", &err), ERR_DB);
    assert_false(store->db->locked);
    CHECK_OK(mel_db_open(store->folder, DB_WRITE, &other, &err));
    label(other, clip, "a");
    label(store->db, clip, "b");
    mel_db_close(other);
    assert_int_equal(labels(store), 2);
}

static void reading_goes_on_while_another_connection_writes(void **state)
{
    Store *store = *state;
    Err err = {0};
    Db *reader = NULL;
    const char *clip = store_clip(store->db, "file-a", 0);
    CHECK_OK(mel_db_open(store->folder, DB_READ, &reader, &err));
    CHECK_OK(mel_db_begin(store->db, &err));
    CHECK_OK(mel_clip_failed(store->db, clip, "http.404", "permanent", "gone", 1, 1, "{}", &err));
    assert_string_equal(store_field(reader, "clips", NULL, "state"), "new");
    CHECK_OK(mel_db_end(store->db, true, &err));
    assert_string_equal(store_field(reader, "clips", NULL, "state"), "failed");
    mel_db_close(reader);
}

/* ---- the lock
 * -------------------------------------------------------------------------------------- */

enum { WRITERS = 18, ROUNDS = 15 };

/* Reads a counter and writes it back one higher: only right when no other writer comes between. */
static bool count_up(Db *db, Err *err)
{
    int64_t value;
    char text[24];
    static const char get[] = "SELECT value FROM setting WHERE key = 'test.counter'";
    static const char put[] = "INSERT INTO setting (key, value) VALUES ('test.counter', ?1)"
                              " ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    if (!mel_db_begin(db, err)) return false;
    bool ok = db_one_i64(db, get, NULL, 0, 0, &value, err);
    snprintf(text, sizeof text, "%lld", (long long)value + 1);
    ok = ok && DB_RUN(db, put, err, db_text(text));
    return mel_db_end(db, ok, err);
}

static _Noreturn void write_in_turn(const char *folder, int rounds)
{
    Err err = {0};
    Db *db = NULL;
    bool ok = mel_db_open(folder, DB_WRITE, &db, &err);
    for (int i = 0; ok && i < rounds; i++)
        ok = count_up(db, &err);
    mel_db_close(db);
    if (!ok) fprintf(stderr, "a writer failed: %s\n", err.message);
    _exit(!ok);
}

static void eighteen_processes_write_in_turn_without_losing_one(void **state)
{
    Store *store = *state;
    for (int i = 0; i < WRITERS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) write_in_turn(store->folder, ROUNDS);
    }
    int failures = 0, status;
    for (int i = 0; i < WRITERS; i++) {
        assert_true(wait(&status) > 0);
        failures += status != 0;
    }
    assert_int_equal(failures, 0);
    assert_int_equal(
        store_raw_i64(store,
                      "SELECT CAST(value AS INTEGER) FROM setting WHERE key = 'test.counter'"),
        WRITERS * ROUNDS);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

/* The number last drawn from the queue, which the lock file begins with. */
static int64_t last_number(const Store *store)
{
    Err err = {0};
    char *bytes = NULL;
    int64_t number = 0;
    size_t n = 0;
    CHECK_OK(mel_read_file(test_path(store->folder, "mel.db-writer"), 64, &bytes, &n, &err));
    assert_int_equal(n, sizeof number);
    memcpy(&number, bytes, sizeof number);
    free(bytes);
    return number;
}

/* A process that labels the clip with its name as soon as its turn comes; returns when it queues.
 */
static pid_t queue_up(const Store *store, const char *clip, const char *name)
{
    int64_t before = last_number(store);
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        Err err = {0};
        Db *db = NULL;
        /* opening for writing has its turn too: it would wait for the one who writes */
        mel_interrupt_install();
        bool ok = mel_write_fd(ready[1], "r", 1) &&
                  mel_db_open(store->folder, DB_WRITE, &db, &err) &&
                  mel_clip_label(db, clip, "turn", name, &err);
        mel_db_close(db);
        _exit(ok ? 0 : err.code == ERR_CANCELLED ? 5 : 1);
    }
    assert_int_equal(mel_read_fd(ready[0], &byte, 1), 1);
    while (last_number(store) == before)
        mel_sleep_us(1000);
    mel_sleep_us(5000); /* from the number to the waiting */
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static int exit_code_of(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void who_waits_may_die_or_give_up_and_the_others_have_their_turn(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    CHECK_OK(mel_db_begin(store->db, &err));
    pid_t first = queue_up(store, clip, "first"), dies = queue_up(store, clip, "dies");
    pid_t gives_up = queue_up(store, clip, "gives up"), last = queue_up(store, clip, "last");
    kill(dies, SIGKILL);
    kill(gives_up, SIGTERM);
    assert_int_equal(exit_code_of(dies), 128 + SIGKILL);
    assert_int_equal(exit_code_of(gives_up), 5);
    assert_int_equal(labels(store), 0); /* nobody slipped past the one who writes */
    CHECK_OK(mel_db_end(store->db, true, &err));
    assert_int_equal(exit_code_of(first), 0);
    assert_int_equal(exit_code_of(last), 0);
    assert_int_equal(labels(store), 2);
}

/* Whoever comes out and wants in again stands behind those who waited. */
static void a_busy_writer_does_not_overtake_who_waits(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    CHECK_OK(mel_db_begin(store->db, &err));
    pid_t waits = queue_up(store, clip, "waits");
    CHECK_OK(mel_db_end(store->db, true, &err));
    CHECK_OK(mel_db_begin(store->db, &err)); /* at once: behind the one who opens */
    CHECK_OK(mel_db_end(store->db, true, &err));
    CHECK_OK(mel_db_begin(store->db, &err));
    CHECK_OK(mel_db_end(store->db, true, &err));
    assert_int_equal(exit_code_of(waits), 0);
    assert_int_equal(labels(store), 1);
}

static void a_writer_that_dies_inside_frees_the_lock_and_leaves_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    int ready[2];
    char byte;
    const char *clip = store_clip(store->db, "file-a", 0);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        Err problem = {0};
        Db *db = NULL;
        bool ok = mel_db_open(store->folder, DB_WRITE, &db, &problem) &&
                  mel_db_begin(db, &problem) && mel_clip_label(db, clip, "test", "x", &problem);
        mel_write_fd(ready[1], ok ? "y" : "n", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(mel_read_fd(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    CHECK_OK(mel_clip_label(store->db, clip, "test", "after", &err));
    assert_int_equal(labels(store), 1);
    close(ready[0]);
    close(ready[1]);
}

static void the_journal_is_copied_back_and_does_not_grow_for_ever(void **state)
{
    Store *store = *state;
    Err err = {0};
    char text[2000];
    struct stat st;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    store_clip(store->db, "file-a", 0);
    for (int i = 0; i < 40; i++) {
        CHECK_OK(mel_db_begin(store->db, &err));
        for (int k = 0; k < 200; k++)
            CHECK_OK(mel_bad_row_put(store->db, "list.csv", i * 200 + k, "x", "x", text, &err));
        CHECK_OK(mel_db_end(store->db, true, &err));
    }
    assert_int_equal(stat(test_path(store->folder, "mel.db-wal"), &st), 0);
    assert_true(st.st_size < 8 << 20); /* 16 MB were written */
}

static void closing_copies_the_journal_back(void **state)
{
    Store *store = *state;
    struct stat before, after;
    const char *path = test_path(store->folder, "mel.db");
    for (int i = 0; i < 50; i++)
        store_clip(store->db, "file-a", i);
    assert_int_equal(stat(path, &before), 0);
    store_reopen(store, DB_READ);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_mtim.tv_sec > before.st_mtim.tv_sec ||
                after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);
    assert_int_equal(store_count(store->db, "clips", NULL), 50);
}

/* ---- the statement cache ------------------------------------------------------------------------
 */

static const char sql_clips[] = "SELECT id FROM clip WHERE source_id = ?1 ORDER BY id";

static void a_statement_is_prepared_once(void **state)
{
    Store *store = *state;
    Err err = {0};
    store_clip(store->db, "file-a", 0);
    int before = store->db->cached;
    for (int i = 0; i < 5; i++) {
        DbRows rows;
        CHECK_OK(DB_ROWS(store->db, &rows, sql_clips, &err, db_text("file-a")));
        assert_true(db_next(&rows, &err));
        db_rows_end(&rows);
    }
    assert_int_equal(store->db->cached, before + 1);
}

/* Counts pairs of clips by a loop inside the same loop: the inner one must not end the outer. */
static void a_busy_statement_is_not_used_a_second_time(void **state)
{
    Store *store = *state;
    Err err = {0};
    int pairs = 0;
    DbRows outer, inner;
    for (int i = 0; i < 4; i++)
        store_clip(store->db, "file-a", i);
    CHECK_OK(DB_ROWS(store->db, &outer, sql_clips, &err, db_text("file-a")));
    while (db_next(&outer, &err)) {
        CHECK_OK(DB_ROWS(store->db, &inner, sql_clips, &err, db_text("file-a")));
        while (db_next(&inner, &err))
            pairs++;
        db_rows_end(&inner);
    }
    db_rows_end(&outer);
    assert_int_equal(pairs, 16);
    assert_false(mel_err_is_set(&err));
}

static void more_statements_than_the_cache_holds_work_too(void **state)
{
    Store *store = *state;
    Err err = {0};
    static char texts[DB_STATEMENTS_MAX + 20][40];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < DB_STATEMENTS_MAX + 20; i++) {
            int64_t value;
            snprintf(texts[i], sizeof texts[i], "SELECT %d", i);
            CHECK_OK(db_one_i64(store->db, texts[i], NULL, 0, -1, &value, &err));
            assert_int_equal(value, i);
        }
    assert_int_equal(store->db->cached, DB_STATEMENTS_MAX);
}

static void values_come_back_as_they_were_bound(void **state)
{
    Store *store = *state;
    Err err = {0};
    DbRows rows;
    static const char sql[] = "SELECT ?1, ?2, ?3, ?4, ?5, typeof(?6), length(?7)";
    CHECK_OK(DB_ROWS(store->db, &rows, sql, &err, db_text("it's \"text\""), db_i64(INT64_MIN),
                     db_f64(0.1), db_f64(NAN), db_text(NULL), db_f64(INFINITY),
                     db_blob("\0\1\2", 3)));
    assert_true(db_next(&rows, &err));
    assert_string_equal(db_col_text(&rows, 0), "it's \"text\"");
    assert_true(db_col_i64(&rows, 1) == INT64_MIN);
    assert_true(db_col_f64(&rows, 2) == 0.1);
    assert_true(isnan(db_col_f64(&rows, 3)));
    assert_null(db_col_text(&rows, 4));
    assert_string_equal(db_col_text(&rows, 5), "null");
    assert_int_equal(db_col_i64(&rows, 6), 3);
    db_rows_end(&rows);
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(a_committed_transaction_is_seen_by_others_at_its_end_only),
        IN_A_STORE(a_failed_transaction_leaves_nothing_and_the_next_one_works),
        IN_A_STORE(inner_transactions_commit_with_the_outermost),
        IN_A_STORE(an_inner_failure_rolls_everything_back_and_says_so),
        IN_A_STORE(an_error_of_sqlite_inside_rolls_back),
        IN_A_STORE(an_error_outside_a_transaction_releases_the_lock),
        IN_A_STORE(reading_goes_on_while_another_connection_writes),
        IN_A_STORE(eighteen_processes_write_in_turn_without_losing_one),
        IN_A_STORE(who_waits_may_die_or_give_up_and_the_others_have_their_turn),
        IN_A_STORE(a_busy_writer_does_not_overtake_who_waits),
        IN_A_STORE(a_writer_that_dies_inside_frees_the_lock_and_leaves_nothing),
        IN_A_STORE(the_journal_is_copied_back_and_does_not_grow_for_ever),
        IN_A_STORE(closing_copies_the_journal_back),
        IN_A_STORE(a_statement_is_prepared_once),
        IN_A_STORE(a_busy_statement_is_not_used_a_second_time),
        IN_A_STORE(more_statements_than_the_cache_holds_work_too),
        IN_A_STORE(values_come_back_as_they_were_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
