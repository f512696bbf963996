/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions, the writer lock and the statement cache. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
    store_close(store);
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
    store_reopen(store, DB_WRITE);
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

/* A process with an open store that writes when it is told to. */
typedef struct Comer {
    pid_t pid;
    int line; /* to tell it: 'w' to write, then 'e' to end (a holder only) */
} Comer;

static _Noreturn void be_a_comer(const Store *store, const char *clip, const char *name, bool holds,
                                 int line)
{
    Err err = {0};
    Db *db = NULL;
    char byte;
    mel_interrupt_install();
    bool ok = mel_db_open(store->folder, DB_WRITE, &db, &err) && mel_write_fd(line, "o", 1) &&
              mel_read_fd(line, &byte, 1) == 1 && mel_db_begin(db, &err);
    if (ok) ok = mel_clip_label(db, clip, "turn", name, &err);
    if (ok && holds) mel_read_fd(line, &byte, 1);
    if (db && db->depth) ok = mel_db_end(db, ok, &err) && ok;
    mel_db_close(db);
    _exit(ok ? 0 : err.code == ERR_CANCELLED ? 5 : 1);
}

static Comer start_comer(const Store *store, const char *clip, const char *name, bool holds)
{
    int ends[2];
    char byte;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    Comer comer = {.pid = fork(), .line = ends[0]};
    assert_true(comer.pid >= 0);
    if (comer.pid == 0) be_a_comer(store, clip, name, holds, ends[1]);
    close(ends[1]);
    assert_int_equal(mel_read_fd(comer.line, &byte, 1), 1);
    return comer;
}

/* Tells it to write, and waits until it has drawn its number and stands in the queue. */
static void let_come(const Store *store, const Comer *comer)
{
    int64_t before = last_number(store);
    assert_true(mel_write_fd(comer->line, "w", 1));
    while (last_number(store) == before)
        mel_sleep_us(1000);
    mel_sleep_us(5000);
}

static int end_of(const Comer *comer)
{
    int status;
    assert_int_equal(waitpid(comer->pid, &status, 0), comer->pid);
    close(comer->line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void who_waits_may_die_or_give_up_and_the_others_have_their_turn(void **state)
{
    Store *store = *state;
    enum { COMERS = 5 };
    static const char *const names[COMERS] = {"holds", "first", "dies", "gives up", "last"};
    static const int ends[COMERS] = {0, 0, 128 + SIGKILL, 5, 0};
    Comer comers[COMERS];
    const char *clip = store_clip(store->db, "file-a", 0);
    store_close(store);
    for (int i = 0; i < COMERS; i++)
        comers[i] = start_comer(store, clip, names[i], i == 0);
    for (int i = 0; i < COMERS; i++)
        let_come(store, &comers[i]);
    kill(comers[2].pid, SIGKILL);
    kill(comers[3].pid, SIGTERM);
    assert_int_equal(end_of(&comers[2]), ends[2]);
    assert_int_equal(end_of(&comers[3]), ends[3]);
    assert_int_equal(labels(store), 0); /* nobody slipped past the one who writes */
    assert_true(mel_write_fd(comers[0].line, "e", 1));
    for (int i = 0; i < COMERS; i++)
        if (i != 2 && i != 3) assert_int_equal(end_of(&comers[i]), ends[i]);
    assert_int_equal(labels(store), 3);
}

static void writers_have_their_turn_in_the_order_of_coming(void **state)
{
    Store *store = *state;
    enum { COMERS = 7 };
    Err err = {0};
    Comer comers[COMERS];
    Str order = {0};
    DbRows rows;
    const char *clip = store_clip(store->db, "file-a", 0);
    store_close(store);
    store_raw(store, "CREATE TABLE came (value TEXT);"
                     "CREATE TRIGGER remember AFTER INSERT ON label"
                     " BEGIN INSERT INTO came VALUES (new.value); END;");
    for (int i = 0; i < COMERS; i++) {
        char name[2] = {(char)('0' + i), '\0'};
        comers[i] = start_comer(store, clip, name, i == 0);
    }
    for (int i = 0; i < COMERS; i++)
        let_come(store, &comers[i]);
    assert_true(mel_write_fd(comers[0].line, "e", 1));
    for (int i = 0; i < COMERS; i++)
        assert_int_equal(end_of(&comers[i]), 0);
    store_reopen(store, DB_WRITE);
    CHECK_OK(db_rows(store->db, &rows, "SELECT value FROM came ORDER BY rowid", NULL, 0, &err));
    while (db_next(&rows, &err))
        mel_str_add(&order, db_col_text(&rows, 0));
    db_rows_end(&rows);
    assert_string_equal(mel_str_text(&order), "0123456");
    mel_str_clear(&order);
}

static void a_writer_that_dies_inside_frees_the_lock_and_leaves_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    int ready[2];
    char byte;
    const char *clip = store_clip(store->db, "file-a", 0);
    store_close(store);
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
    store_reopen(store, DB_WRITE);
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
        IN_A_STORE(writers_have_their_turn_in_the_order_of_coming),
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
