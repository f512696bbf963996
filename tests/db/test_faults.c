/* SPDX-License-Identifier: Apache-2.0
 *
 * A full disk, a file that may not grow, a sync that fails: the change in hand is lost and said so,
 * what was stored before stays, and the store goes on once there is room again. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Saves numbered answers until one fails. Every id that was acknowledged goes through the pipe, so
 * that the parent can look for it. Returns by exiting: 0 = it failed cleanly. */
static _Noreturn void save_until_refused(const char *folder, int acknowledge)
{
    Err err = {0};
    Db *db = NULL;
    char text[3000];
    Annotation a;
    memset(text, 't', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    if (!mel_db_open(folder, DB_WRITE, &db, &err)) _exit(2);
    mel_annotation_init(&a);
    a.clip_id = "file-a:0";
    a.annotator_id = "ann";
    a.text = text;
    for (int i = 0; i < 100000; i++) {
        char id[ULID_SIZE];
        if (!mel_annotation_save(db, &a, id, NULL, &err)) {
            Err again = {0};
            int64_t count = 0;
            const ViewQuery query = {.view = "clips", .columns = "count(*)"};
            bool reads = mel_query_i64(db, &query, &count, &again) && count == 1;
            mel_db_close(db);
            _exit(err.code == ERR_DB && err.message[0] && reads ? 0 : 3);
        }
        if (!mel_write_fd(acknowledge, id, ULID_SIZE)) _exit(4);
    }
    _exit(5);
}

/* Runs the child with `limit` bytes as the largest file (0 = no limit), then checks the store. */
static void refused_saves_lose_nothing(const Store *store, rlim_t limit)
{
    int ends[2], status;
    char id[ULID_SIZE];
    int acknowledged = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit most = {.rlim_cur = limit, .rlim_max = limit};
        close(ends[0]);
        signal(SIGXFSZ, SIG_IGN);
        if (limit && setrlimit(RLIMIT_FSIZE, &most) != 0) _exit(6);
        save_until_refused(store->folder, ends[1]);
    }
    close(ends[1]);
    while (mel_read_fd(ends[0], id, sizeof id) == sizeof id) {
        char *sql = mel_asprintf("SELECT count(*) FROM annotation WHERE id = '%s'", id);
        assert_int_equal(store_raw_i64(store, sql), 1);
        free(sql);
        acknowledged++;
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail_msg("the child ended with %x", status);
    assert_true(acknowledged > 0);
}

static void prepare(Store *store)
{
    store_clip(store->db, "file-a", 0);
    store_person(store->db, "ann");
    store_close(store);
}

static void the_store_goes_on(Store *store)
{
    Err err = {0};
    store_reopen(store, DB_WRITE);
    assert_int_equal(store_findings(store->db, NULL), 0);
    int64_t before = store_raw_i64(store, "SELECT count(*) FROM annotation");
    store_say(store->db, "file-a:0", "ann", "jazz", NULL);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotation"), before + 1);
    CHECK_OK(mel_db_backup(store->db, test_path(store->folder, "after.db"), &err));
}

static void a_file_that_may_not_grow_refuses_and_keeps(void **state)
{
    Store *store = *state;
    prepare(store);
    refused_saves_lose_nothing(store, 1 << 20);
    the_store_goes_on(store);
}

static void a_full_disk_refuses_and_keeps(void **state)
{
    (void)state;
    Err err = {0};
    Store store = {.folder = test_folder()};
    if (mount("none", store.folder, "tmpfs", 0, "size=2m") != 0) {
        print_message("skipped: no small tmpfs can be mounted here\n");
        test_folder_remove(store.folder);
        skip();
    }
    CHECK_OK(mel_db_create(store.folder, &err));
    store_reopen(&store, DB_WRITE);
    prepare(&store);
    refused_saves_lose_nothing(&store, 0);
    assert_int_equal(mount("none", store.folder, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    the_store_goes_on(&store);
    mel_db_close(store.db);
    assert_int_equal(umount(store.folder), 0);
    test_folder_remove(store.folder);
}

static void a_backup_without_room_leaves_no_file(void **state)
{
    Store *store = *state;
    prepare(store);
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        Err err = {0};
        Db *db = NULL;
        struct rlimit most = {.rlim_cur = 60000, .rlim_max = 60000};
        if (!mel_db_open(store->folder, DB_WRITE, &db, &err)) _exit(2);
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &most) != 0) _exit(3);
        _exit(mel_db_backup(db, test_path(store->folder, "copy.db"), &err));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_false(mel_path_exists(test_path(store->folder, "copy.db")));
    assert_false(mel_path_exists(test_path(store->folder, "copy.db.tmp")));
    the_store_goes_on(store);
}

static void an_init_without_room_is_completed_later(void **state)
{
    (void)state;
    Err err = {0};
    for (rlim_t limit = 0; limit <= 160000; limit += 20000) {
        char *folder = test_folder();
        Store store = {.folder = folder};
        int status;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct rlimit most = {.rlim_cur = limit, .rlim_max = limit};
            signal(SIGXFSZ, SIG_IGN);
            if (setrlimit(RLIMIT_FSIZE, &most) != 0) _exit(3);
            _exit(mel_db_create(folder, &err));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        CHECK_OK(mel_db_create(folder, &err));
        store_reopen(&store, DB_WRITE);
        assert_int_equal(store_findings(store.db, NULL), 0);
        store_remove(&store);
    }
}

/* ---- syncs that fail
 * ---------------------------------------------------------------------------------- */

/* Run by the test below, under strace, with the folder and a place for what was acknowledged. */
static int save_under_strace(const char *folder, const char *list)
{
    Err err = {0};
    Db *db = NULL;
    Annotation a;
    int failures = 0;
    FILE *file = fopen(list, "w");
    if (!file || !mel_db_open(folder, DB_WRITE, &db, &err)) return 2;
    mel_annotation_init(&a);
    a.clip_id = "file-a:0";
    a.annotator_id = "ann";
    for (int i = 0; i < 30; i++) {
        char id[ULID_SIZE];
        if (mel_annotation_save(db, &a, id, NULL, &err))
            fprintf(file, "%s\n", id);
        else
            failures++;
        mel_err_clear(&err);
    }
    fclose(file);
    mel_db_close(db);
    return failures > 0 ? 0 : 3;
}

static char *own_path(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(n > 0);
    return mel_strndup(path, (size_t)n);
}

static void a_failed_sync_is_no_success(void **state)
{
    Store *store = *state;
    if (test_shell(
            "strace -o /dev/null -e inject=fdatasync:error=EIO:when=9999 true 2>/dev/null")) {
        print_message("skipped: strace cannot trace here\n");
        skip();
    }
#ifdef MEL_SANITIZED
    print_message("skipped: the leak checker does not run under strace\n");
    skip();
#endif
    prepare(store);
    const char *list = test_path(store->folder, "acknowledged");
    char *program = own_path(), *lines = NULL;
    Err err = {0};
    assert_int_equal(test_shell("strace -f -o /dev/null -e inject=fdatasync:error=EIO:when=5+3"
                                " '%s' --save '%s' '%s'",
                                program, store->folder, list),
                     0);
    CHECK_OK(mel_read_file(list, 1 << 20, &lines, NULL, &err));
    int acknowledged = 0;
    for (char *rest = lines, *id; (id = strsep(&rest, "\n")) != NULL;) {
        if (!*id) continue;
        acknowledged++;
        char *sql = mel_asprintf("SELECT count(*) FROM annotation WHERE id = '%s'", id);
        assert_int_equal(store_raw_i64(store, sql), 1);
        free(sql);
    }
    assert_true(acknowledged > 0);
    the_store_goes_on(store);
    free(lines);
    free(program);
}

int main(int argc, char **argv)
{
    if (argc == 4 && mel_equal(argv[1], "--save")) return save_under_strace(argv[2], argv[3]);
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(a_file_that_may_not_grow_refuses_and_keeps),
        cmocka_unit_test(a_full_disk_refuses_and_keeps),
        IN_A_STORE(a_backup_without_room_leaves_no_file),
        IN_A_STORE(an_init_without_room_is_completed_later),
        IN_A_STORE(a_failed_sync_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
