/* SPDX-License-Identifier: Apache-2.0
 *
 * Making, opening and refusing datasets. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_refuses(const char *folder, ErrCode wanted, const char *words)
{
    Err err = {0};
    Db *db = NULL;
    for (DbMode mode = DB_READ; mode <= DB_WRITE; mode++) {
        if (mel_db_open(folder, mode, &db, &err)) fail_msg("'%s' was opened", folder);
        if (err.code != wanted || !strstr(err.message, words))
            fail_msg("%s: %s, wanted %s with '%s'", mel_err_code_name(err.code), err.message,
                     mel_err_code_name(wanted), words);
        assert_null(db);
        mel_err_clear(&err);
    }
}

static void raw_database(const char *path, const char *sql)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void a_new_dataset_has_its_folders_and_opens_both_ways(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    const char *inside = test_path(folder, "a/b/set");
    CHECK_OK(mel_db_create(inside, &err));
    for (const char *const *sub = (const char *const[]){"media", "exports", "runs", "models", NULL};
         *sub; sub++)
        assert_true(mel_path_is_dir(test_path(inside, "%s", *sub)));
    for (DbMode mode = DB_READ; mode <= DB_WRITE; mode++) {
        Db *db = NULL;
        CHECK_OK(mel_db_open(inside, mode, &db, &err));
        assert_string_equal(mel_db_folder(db), inside);
        assert_int_equal(store_count(db, "clips", NULL), 0);
        assert_int_equal(store_findings(db, NULL), 0);
        mel_db_close(db);
    }
    test_folder_remove(folder);
}

static void a_new_store_is_marked_journals_ahead_and_syncs_fully(void **state)
{
    Store *store = *state;
    Err err = {0};
    int application_id, version;
    char *mode = NULL;
    int64_t sync = 0, keys = 0;
    CHECK_OK(db_read_versions(store->db, &application_id, &version, &err));
    assert_int_equal(application_id, DB_APPLICATION_ID);
    assert_int_equal(version, mel_db_schema_version());
    CHECK_OK(db_one_text(store->db, "PRAGMA journal_mode", NULL, 0, &mode, &err));
    assert_string_equal(mode, "wal");
    free(mode);
    CHECK_OK(db_one_i64(store->db, "PRAGMA synchronous", NULL, 0, 0, &sync, &err));
    CHECK_OK(db_one_i64(store->db, "PRAGMA foreign_keys", NULL, 0, 0, &keys, &err));
    assert_int_equal(sync, 2);
    assert_int_equal(keys, 1);
}

static void a_second_init_refuses_and_changes_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    store_clip(store->db, "file-a", 0);
    CHECK_FAILS(mel_db_create(store->folder, &err), ERR_EXISTS);
    assert_int_equal(store_count(store->db, "clips", NULL), 1);
}

static void a_folder_without_a_dataset_is_not_found(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    open_refuses(folder, ERR_NOT_FOUND, "no dataset");
    open_refuses(test_path(folder, "not/there"), ERR_NOT_FOUND, "no dataset");
    assert_null(mel_db_find(folder, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    test_folder_remove(folder);
}

static void a_dataset_is_found_from_inside(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *deep = test_path(store->folder, "media/x/y");
    CHECK_OK(mel_make_dirs(deep, &err));
    char *found = mel_db_find(deep, &err), *real = realpath(store->folder, NULL);
    assert_non_null(found);
    assert_string_equal(found, real);
    free(found);
    free(real);
}

static void files_that_are_no_store_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    const char *path = test_path(folder, "mel.db");
    char bytes[20000];
    Rng rng = {.seed = 7};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)mel_rng_u32(&rng);
    for (const size_t *n = (const size_t[]){sizeof bytes, 100, 16, 1, 0, 99999}; *n != 99999; n++) {
        test_write(path, bytes, *n);
        open_refuses(folder, ERR_FORMAT, "not a Melkit store");
        if (*n) CHECK_FAILS(mel_db_create(folder, &err), ERR_EXISTS);
    }
    test_write(path, "SQLite format 3\0junk that is no header at all", 45);
    open_refuses(folder, ERR_DB, "not a database");
    test_folder_remove(folder);
}

static void a_file_that_was_refused_is_left_as_it_was(void **state)
{
    (void)state;
    Err err = {0};
    static const char words[] = "somebody's own file that happens to have this name";
    char *folder = test_folder(), *bytes;
    const char *path = test_path(folder, "mel.db");
    test_write(path, words, sizeof words);
    CHECK_FAILS(mel_db_create(folder, &err), ERR_EXISTS);
    CHECK_OK(mel_read_file(path, 1000, &bytes, NULL, &err));
    assert_string_equal(bytes, words);
    free(bytes);
    test_folder_remove(folder);
}

static void databases_of_other_programs_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    const char *path = test_path(folder, "mel.db");
    raw_database(path, "CREATE TABLE t (x); PRAGMA application_id = 252006673;");
    open_refuses(folder, ERR_FORMAT, "another program");
    CHECK_FAILS(mel_db_create(folder, &err), ERR_EXISTS);
    raw_database(path, "PRAGMA application_id = 0;");
    open_refuses(folder, ERR_FORMAT, "another program");
    CHECK_FAILS(mel_db_create(folder, &err), ERR_EXISTS);
    raw_database(path, "DROP TABLE t; PRAGMA application_id = 5;");
    open_refuses(folder, ERR_FORMAT, "another program");
    CHECK_FAILS(mel_db_create(folder, &err), ERR_EXISTS);
    test_folder_remove(folder);
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    Store *store = *state;
    Err err = {0};
    store_close(store);
    store_raw(store, "PRAGMA user_version = 99;");
    open_refuses(store->folder, ERR_FORMAT, "schema 99");
    CHECK_FAILS(mel_db_create(store->folder, &err), ERR_EXISTS);
    assert_int_equal(store_raw_i64(store, "PRAGMA user_version"), 99);
}

static void a_directory_or_a_link_named_mel_db_is_refused(void **state)
{
    Store *store = *state;
    Err err = {0};
    char *folder = test_folder();
    const char *path = test_path(folder, "mel.db");
    assert_int_equal(mkdir(path, 0777), 0);
    open_refuses(folder, ERR_FORMAT, "not a Melkit store");
    CHECK_FAILS(mel_db_create(folder, &err), ERR_EXISTS);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink(test_path(store->folder, "mel.db"), path), 0);
    open_refuses(folder, ERR_IO, "cannot open");
    CHECK_FAILS(mel_db_create(folder, &err), ERR_EXISTS);
    assert_int_equal(store_findings(store->db, NULL), 0);
    test_folder_remove(folder);
}

static void a_dataset_behind_a_linked_folder_opens(void **state)
{
    Store *store = *state;
    Err err = {0};
    Db *db = NULL;
    char *folder = test_folder();
    const char *link = test_path(folder, "link");
    assert_int_equal(symlink(store->folder, link), 0);
    CHECK_OK(mel_db_open(link, DB_READ, &db, &err));
    mel_db_close(db);
    test_folder_remove(folder);
}

static void local_disks_are_not_network_file_systems(void **state)
{
    (void)state;
    char *folder = test_folder();
    assert_null(mel_network_fs(folder));
    assert_null(mel_network_fs("/proc"));
    assert_null(mel_network_fs("/not/there"));
    test_folder_remove(folder);
}

static void a_reader_cannot_change_anything(void **state)
{
    Store *store = *state;
    Err err = {0};
    store_clip(store->db, "file-a", 0);
    store_reopen(store, DB_READ);
    CHECK_FAILS(mel_clip_label(store->db, "file-a:0", "audioset", "/m/1", &err), ERR_DB);
    assert_int_equal(store_count(store->db, "clips", NULL), 1);
}

/* Root may do everything, so the attempt is made by nobody. Returns the child's exit code. */
static int as_nobody(const char *folder, DbMode mode)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        Err err = {0};
        Db *db = NULL;
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(9);
        bool ok = mel_db_open(folder, mode, &db, &err);
        mel_db_close(db);
        _exit(ok ? 0 : err.code == ERR_IO || err.code == ERR_DB ? 1 : 2);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_read_only_folder_can_be_read_but_not_opened_for_writing(void **state)
{
    Store *store = *state;
    store_clip(store->db, "file-a", 0);
    store_close(store);
    assert_int_equal(test_shell("chmod -R a-w,a+rX '%s'", store->folder), 0);
    int writing = as_nobody(store->folder, DB_WRITE), reading = as_nobody(store->folder, DB_READ);
    assert_int_equal(test_shell("chmod -R u+w '%s'", store->folder), 0);
    assert_int_equal(writing, 1);
    assert_int_equal(reading, 0);
}

/* ---- where nothing can be written ------------------------------------------------------------ */

/* Nothing stops root: everybody's rights go, and root becomes nobody. */
static void take_rights(const char *folder)
{
    assert_int_equal(test_shell("chmod -R a-w,a+rX '%s'", folder), 0);
    if (geteuid() == 0) assert_int_equal(seteuid(65534), 0);
}

static void give_rights(const char *folder)
{
    if (getuid() == 0) assert_int_equal(seteuid(0), 0);
    assert_int_equal(test_shell("chmod -R u+w '%s'", folder), 0);
}

static void a_store_opened_for_reading_can_be_written_once_its_folder_can(void **state)
{
    Store *store = *state;
    Err err = {0};
    store_clip(store->db, "file-a", 0);
    store_close(store);
    take_rights(store->folder);
    bool opened = mel_db_open(store->folder, DB_READ, &store->db, &err);
    bool early = opened && mel_db_unlock(store->db, &err);
    ErrCode why = err.code;
    int64_t seen = opened ? store_count(store->db, "clips", NULL) : -1;
    give_rights(store->folder);
    assert_true(opened && !early);
    assert_true(why == ERR_IO || why == ERR_DB);
    assert_int_equal(seen, 1); /* it can be read as before */
    mel_err_clear(&err);
    CHECK_OK(mel_db_unlock(store->db, &err));
    store_clip(store->db, "file-b", 0);
    assert_int_equal(store_count(store->db, "clips", NULL), 2);
    store_reopen(store, DB_READ);
    assert_int_equal(store_count(store->db, "clips", NULL), 2);
}

static void a_store_alone_where_nothing_can_be_written_is_read(void **state)
{
    Store *store = *state;
    Err err = {0};
    int64_t seen = -1, later = -1;
    store_clip(store->db, "file-a", 0);
    store_close(store);
    /* Signs that mean something in the name by which SQLite is asked. */
    char *odd = mel_asprintf("%s/100%%41?immutable=0#x", store->folder);
    assert_int_equal(mkdir(odd, 0755), 0);
    store_raw(store, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(test_shell("cp '%s/mel.db' '%s'", store->folder, odd), 0);
    for (int wal = 0; wal < 2; wal++) {
        if (wal) test_write(test_path(odd, "mel.db-wal"), "", 0);
        Db *db = NULL;
        take_rights(store->folder);
        bool opened = mel_db_open(odd, DB_READ, &db, &err);
        if (opened) seen = store_count(db, "clips", NULL);
        bool unlocked = opened && mel_db_unlock(db, &err);
        if (opened) later = store_count(db, "clips", NULL); /* as before */
        mel_db_close(db);
        give_rights(store->folder);
        if (!opened) fail_msg("%s", err.message);
        assert_false(unlocked);
        mel_err_clear(&err);
        assert_int_equal(seen, 1);
        assert_int_equal(later, 1);
        assert_int_equal(test_shell("test $(ls '%s' | wc -l) = %d", odd, 1 + wal), 0);
    }
    free(odd);
}

static void a_journal_that_cannot_be_read_is_told_until_it_can(void **state)
{
    Store *store = *state;
    Db *db = NULL;
    Err err = {0}, again = {0};
    store_clip(store->db, "file-a", 0);
    store_close(store);
    assert_int_equal(unlink(test_path(store->folder, "mel.db-shm")), 0);
    take_rights(store->folder);
    bool early = mel_db_open(store->folder, DB_READ, &db, &err);
    give_rights(store->folder);
    assert_false(early);
    assert_int_equal(err.code, ERR_DENIED);
    assert_non_null(strstr(err.message, "mel.db-wal' holds changes"));
    assert_non_null(strstr(err.hint, "copy the whole folder"));
    store_reopen(store, DB_READ); /* once where it can be written */
    store_close(store);
    take_rights(store->folder);
    bool opened = mel_db_open(store->folder, DB_READ, &db, &again);
    int64_t seen = opened ? store_count(db, "clips", NULL) : -1;
    mel_db_close(db);
    give_rights(store->folder);
    assert_int_equal(seen, 1);
}

static void a_store_alone_is_not_opened_for_writing_nor_where_writing_is_possible(void **state)
{
    Store *store = *state;
    Db *db = NULL;
    Err err = {0};
    char *folder = test_folder();
    store_clip(store->db, "file-a", 0);
    store_close(store);
    store_raw(store, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(test_shell("cp '%s/mel.db' '%s'", store->folder, folder), 0);
    take_rights(folder);
    bool writing = mel_db_open(folder, DB_WRITE, &db, &err);
    give_rights(folder);
    assert_false(writing);
    assert_int_equal(err.code, ERR_DB);
    mel_err_clear(&err);
    CHECK_OK(mel_db_open(folder, DB_READ, &db, &err));
    assert_true(mel_path_exists(test_path(folder, "mel.db-shm"))); /* others may change it */
    mel_db_close(db);
    test_folder_remove(folder);
}

/* ---- half-made stores
 * ---------------------------------------------------------------------------- */

static void completes(const char *folder)
{
    Err err = {0};
    Db *db = NULL;
    char id[64];
    CHECK_OK(mel_db_create(folder, &err));
    CHECK_OK(mel_db_open(folder, DB_WRITE, &db, &err));
    CHECK_OK(mel_vocabulary_id(db, "genre", "jazz", id, &err));
    assert_int_equal(store_findings(db, NULL), 0);
    mel_db_close(db);
}

static void a_half_made_store_is_completed_by_init(void **state)
{
    (void)state;
    char *folder = test_folder();
    test_write(test_path(folder, "mel.db"), "", 0);
    open_refuses(folder, ERR_FORMAT, "not a Melkit store");
    completes(folder);
    const char *marked = test_path(folder, "marked");
    assert_int_equal(mkdir(marked, 0777), 0);
    raw_database(test_path(marked, "mel.db"), "PRAGMA journal_mode = WAL;");
    open_refuses(marked, ERR_FORMAT, "its making was interrupted");
    completes(marked);
    test_folder_remove(folder);
}

static void a_store_without_its_vocabulary_is_completed_by_init_or_by_writing(void **state)
{
    Store *store = *state;
    Err err = {0};
    char id[64];
    static const char forget[] = "DELETE FROM setting; DELETE FROM vocabulary_term;";
    store_close(store);
    store_raw(store, forget);
    completes(store->folder);
    store_raw(store, forget);
    store_reopen(store, DB_WRITE);
    CHECK_OK(mel_vocabulary_id(store->db, "genre", "R&B", id, &err));
    assert_string_equal(id, "r-and-b");
}

static void an_init_killed_anywhere_is_completed_by_the_next(void **state)
{
    (void)state;
    for (int i = 0; i < 25; i++) {
        char *folder = test_folder();
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            Err err = {0};
            _exit(!mel_db_create(folder, &err));
        }
        mel_sleep_us(i * 800);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        Err err = {0};
        Db *db = NULL;
        if (!mel_db_create(folder, &err)) assert_int_equal(err.code, ERR_EXISTS);
        mel_err_clear(&err);
        CHECK_OK(mel_db_open(folder, DB_WRITE, &db, &err));
        assert_int_equal(store_findings(db, NULL), 0);
        mel_db_close(db);
        test_folder_remove(folder);
    }
}

/* ---- backups
 * ------------------------------------------------------------------------------------- */

static void a_backup_is_a_store_of_its_own(void **state)
{
    Store *store = *state;
    Err err = {0};
    char *folder = test_folder();
    const char *clip = store_ready_clip(store->db, "file-a", 0, -20);
    store_say(store->db, clip, "ann", "jazz", NULL);
    CHECK_OK(mel_db_backup(store->db, test_path(folder, "mel.db"), &err));
    char *here = store_dump(store->db, &err);
    Store copy = {.folder = folder};
    for (DbMode mode = DB_READ; mode <= DB_WRITE; mode++) {
        store_reopen(&copy, mode);
        char *there = store_dump(copy.db, &err);
        assert_string_equal(here, there);
        free(there);
    }
    assert_int_equal(store_findings(copy.db, NULL), 0);
    store_clip(copy.db, "file-b", 0);
    assert_int_equal(store_count(store->db, "clips", NULL), 1);
    char *mode = NULL;
    CHECK_OK(db_one_text(copy.db, "PRAGMA journal_mode", NULL, 0, &mode, &err));
    assert_string_equal(mode, "wal");
    free(mode);
    free(here);
    store_remove(&copy);
}

static void a_backup_is_consistent_while_others_write(void **state)
{
    Store *store = *state;
    Err err = {0};
    char *folder = test_folder();
    store_source(store->db, "file-a");
    store_close(store);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) { /* pairs of clips, each pair in one transaction */
        Err problem = {0};
        Db *db = NULL;
        bool ok = mel_db_open(store->folder, DB_WRITE, &db, &problem);
        for (int i = 0; ok && i < 4000; i += 2) {
            ok = mel_db_begin(db, &problem);
            for (int k = 0; ok && k < 2; k++)
                ok = mel_clip_put(db, "file-a", (i + k) * 1000000LL, (i + k + 1) * 1000000LL, NULL,
                                  NULL, NULL, &problem);
            ok = mel_db_end(db, ok, &problem) && ok;
        }
        _exit(!ok);
    }
    store_reopen(store, DB_WRITE);
    for (int i = 0; i < 5; i++) {
        mel_sleep_us(30000);
        const char *sub = test_path(folder, "%d", i);
        assert_int_equal(mkdir(sub, 0777), 0);
        CHECK_OK(mel_db_backup(store->db, test_path(sub, "mel.db"), &err));
        Db *db = NULL;
        CHECK_OK(mel_db_open(sub, DB_READ, &db, &err));
        assert_int_equal(store_findings(db, NULL), 0);
        assert_int_equal(store_count(db, "clips", NULL) % 2, 0);
        mel_db_close(db);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(store_count(store->db, "clips", NULL) > 0);
    test_folder_remove(folder);
}

static void a_backup_that_cannot_be_written_leaves_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    CHECK_FAILS(mel_db_backup(store->db, test_path(store->folder, "no/such/folder.db"), &err),
                ERR_DB);
    assert_int_equal(mkdir(test_path(store->folder, "taken"), 0777), 0);
    CHECK_FAILS(mel_db_backup(store->db, test_path(store->folder, "taken"), &err), ERR_IO);
    assert_false(mel_path_exists(test_path(store->folder, "taken.tmp")));
    store_clip(store->db, "file-a", 0); /* and the store goes on */
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_dataset_has_its_folders_and_opens_both_ways),
        IN_A_STORE(a_new_store_is_marked_journals_ahead_and_syncs_fully),
        IN_A_STORE(a_second_init_refuses_and_changes_nothing),
        cmocka_unit_test(a_folder_without_a_dataset_is_not_found),
        IN_A_STORE(a_dataset_is_found_from_inside),
        cmocka_unit_test(files_that_are_no_store_are_refused),
        cmocka_unit_test(a_file_that_was_refused_is_left_as_it_was),
        cmocka_unit_test(databases_of_other_programs_are_refused),
        IN_A_STORE(a_newer_schema_is_refused_and_left_alone),
        IN_A_STORE(a_directory_or_a_link_named_mel_db_is_refused),
        IN_A_STORE(a_dataset_behind_a_linked_folder_opens),
        cmocka_unit_test(local_disks_are_not_network_file_systems),
        IN_A_STORE(a_reader_cannot_change_anything),
        IN_A_STORE(a_store_alone_where_nothing_can_be_written_is_read),
        IN_A_STORE(a_journal_that_cannot_be_read_is_told_until_it_can),
        IN_A_STORE(a_store_alone_is_not_opened_for_writing_nor_where_writing_is_possible),
        IN_A_STORE(a_read_only_folder_can_be_read_but_not_opened_for_writing),
        IN_A_STORE(a_store_opened_for_reading_can_be_written_once_its_folder_can),
        cmocka_unit_test(a_half_made_store_is_completed_by_init),
        IN_A_STORE(a_store_without_its_vocabulary_is_completed_by_init_or_by_writing),
        cmocka_unit_test(an_init_killed_anywhere_is_completed_by_the_next),
        IN_A_STORE(a_backup_is_a_store_of_its_own),
        IN_A_STORE(a_backup_is_consistent_while_others_write),
        IN_A_STORE(a_backup_that_cannot_be_written_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
