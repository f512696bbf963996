/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: whole under their final name or not at all, also when the disk is full; walks in order. */
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void paths_are_joined_and_taken_apart(void **state)
{
    (void)state;
    static const char *const joins[][3] = {
        {"",   "b", "b"  },
        {"a",  "b", "a/b"},
        {"a/", "b", "a/b"},
        {"/",  "b", "/b" }
    };
    for (size_t i = 0; i < 4; i++) {
        char *joined = mel_path_join(joins[i][0], joins[i][1]);
        assert_string_equal(joined, joins[i][2]);
        free(joined);
    }
    static const char *const parts[][4] = {
        {"a/b.tar.gz", "a",   "b.tar.gz", "gz"},
        {"b",          ".",   "b",        ""  },
        {"/b.c",       "/",   "b.c",      "c" },
        {"/a/.hidden", "/a",  ".hidden",  ""  },
        {"a.b/c",      "a.b", "c",        ""  },
        {"a/b.",       "a",   "b.",       ""  },
    };
    for (size_t i = 0; i < MEL_COUNT(parts); i++) {
        char *dir = mel_path_dir(parts[i][0]);
        assert_string_equal(dir, parts[i][1]);
        assert_string_equal(mel_path_base(parts[i][0]), parts[i][2]);
        assert_string_equal(mel_path_extension(parts[i][0]), parts[i][3]);
        free(dir);
    }
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    const char *deep = test_path(folder, "a/b//c/");
    CHECK_OK(mel_make_dirs(deep, &err));
    CHECK_OK(mel_make_dirs(deep, &err));
    assert_true(mel_path_is_dir(deep));
    test_write(test_path(folder, "file"), "x", 1);
    CHECK_FAILS(mel_make_dirs(test_path(folder, "file"), &err), ERR_IO);
    CHECK_FAILS(mel_make_dirs(test_path(folder, "file/below"), &err), ERR_IO);
    CHECK_FAILS(mel_make_dirs("", &err), ERR_IO);
    CHECK_OK(mel_make_dirs("/", &err));
    test_folder_remove(folder);
}

static void trees_are_removed_and_links_not_followed(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    CHECK_OK(mel_make_dirs(test_path(folder, "tree/a/b"), &err));
    CHECK_OK(mel_make_dirs(test_path(folder, "kept"), &err));
    test_write(test_path(folder, "tree/a/b/file"), "x", 1);
    test_write(test_path(folder, "kept/file"), "x", 1);
    assert_int_equal(symlink("../kept", test_path(folder, "tree/link")), 0);
    assert_int_equal(symlink("nowhere", test_path(folder, "tree/broken")), 0);
    CHECK_OK(mel_remove_tree(test_path(folder, "tree"), &err));
    assert_false(mel_path_exists(test_path(folder, "tree")));
    assert_true(mel_path_exists(test_path(folder, "kept/file")));
    CHECK_OK(mel_remove_tree(test_path(folder, "tree"), &err));
    assert_int_equal(symlink("kept", test_path(folder, "link")), 0);
    CHECK_OK(mel_remove_tree(test_path(folder, "link"), &err));
    assert_true(mel_path_exists(test_path(folder, "kept/file")));
    test_folder_remove(folder);
}

static void a_tree_deeper_than_the_open_files_is_removed(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    Str deep = {0};
    mel_str_add(&deep, folder);
    for (int i = 0; i < 300; i++)
        mel_str_add(&deep, "/d");
    CHECK_OK(mel_make_dirs(deep.text, &err));
    mel_str_clear(&deep);
    test_folder_remove(folder);
}

static void files_are_read_whole_up_to_a_limit(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder(), *bytes = NULL;
    size_t n = 77;
    const char *path = test_path(folder, "file");
    test_write(path, "a\0c", 3);
    CHECK_OK(mel_read_file(path, 3, &bytes, &n, &err));
    assert_int_equal(n, 3);
    assert_memory_equal(bytes, "a\0c", 4);
    free(bytes);
    bytes = NULL;
    CHECK_OK(mel_read_file(path, SIZE_MAX, &bytes, NULL, &err));
    free(bytes);
    bytes = NULL;
    CHECK_FAILS(mel_read_file(path, 2, &bytes, &n, &err), ERR_LIMIT);
    CHECK_FAILS(mel_read_file(folder, 100, &bytes, &n, &err), ERR_IO);
    CHECK_FAILS(mel_read_file(test_path(folder, "none"), 100, &bytes, &n, &err), ERR_IO);
    assert_null(bytes);
    assert_int_equal(n, 3);
    test_write(path, "", 0);
    CHECK_OK(mel_read_file(path, 0, &bytes, &n, &err));
    assert_int_equal(n, 0);
    free(bytes);
    test_folder_remove(folder);
}

static void a_pipe_in_place_of_a_file_does_not_hold_us(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder(), *bytes = NULL;
    const char *path = test_path(folder, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(20);
    CHECK_FAILS(mel_read_file(path, 100, &bytes, NULL, &err), ERR_IO);
    alarm(0);
    test_folder_remove(folder);
}

static int files_in(const char *folder)
{
    return test_shell("exit $(ls -A '%s' | wc -l)", folder);
}

static void a_writer_shows_its_file_on_commit_only(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder(), *bytes = NULL;
    const char *path = test_path(folder, "file");
    FileWriter writer = {0};
    test_write(path, "old", 3);
    CHECK_OK(mel_writer_begin(&writer, path, &err));
    fputs("new", writer.file);
    fflush(writer.file);
    CHECK_OK(mel_read_file(path, 100, &bytes, NULL, &err));
    assert_string_equal(bytes, "old");
    free(bytes);
    CHECK_OK(mel_writer_commit(&writer, &err));
    CHECK_OK(mel_read_file(path, 100, &bytes, NULL, &err));
    assert_string_equal(bytes, "new");
    free(bytes);
    mel_writer_abort(&writer); /* nothing is left to abort */
    assert_int_equal(files_in(folder), 1);
    test_folder_remove(folder);
}

static void an_aborted_writer_leaves_nothing(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    FileWriter writer = {0};
    mel_writer_abort(&writer);
    CHECK_OK(mel_writer_begin(&writer, test_path(folder, "file"), &err));
    fputs("half", writer.file);
    mel_writer_abort(&writer);
    mel_writer_abort(&writer);
    assert_int_equal(files_in(folder), 0);
    CHECK_FAILS(mel_writer_begin(&writer, test_path(folder, "none/file"), &err), ERR_IO);
    test_folder_remove(folder);
}

static void a_new_file_has_the_rights_that_the_umask_leaves(void **state)
{
    (void)state;
    char *folder = test_folder();
    struct stat st;
    mode_t mask = umask(027);
    test_write(test_path(folder, "file"), "x", 1);
    umask(mask);
    assert_int_equal(stat(test_path(folder, "file"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    test_folder_remove(folder);
}

/* Runs fn in a child whose files may have at most limit bytes; a further write is EFBIG, which
 * takes the same way as ENOSPC. The child's exit code. */
static int with_file_limit(rlim_t limit, int (*fn)(const char *folder), const char *folder)
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit files = {limit, limit};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &files);
        _exit(fn(folder));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int write_too_much(const char *folder)
{
    Err err = {0};
    char block[8192] = {0};
    if (mel_write_file(test_path(folder, "file"), block, sizeof block, &err)) return 1;
    return err.code == ERR_IO && strstr(err.message, strerror(EFBIG)) ? 0 : 2;
}

static int write_too_much_piece_by_piece(const char *folder)
{
    Err err = {0};
    FileWriter writer = {0};
    if (!mel_writer_begin(&writer, test_path(folder, "file"), &err)) return 1;
    for (int i = 0; i < 100000; i++)
        fputs("0123456789", writer.file); /* whose answer nobody looks at */
    errno = 0;
    if (mel_writer_commit(&writer, &err)) return 2;
    return err.code == ERR_IO && !strstr(err.message, "Success") ? 0 : 3;
}

static void a_full_disk_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder(), *bytes = NULL;
    const char *path = test_path(folder, "file");
    test_write(path, "old", 3);
    assert_int_equal(with_file_limit(4096, write_too_much, folder), 0);
    assert_int_equal(with_file_limit(4096, write_too_much_piece_by_piece, folder), 0);
    CHECK_OK(mel_read_file(path, 100, &bytes, NULL, &err));
    assert_string_equal(bytes, "old");
    assert_int_equal(files_in(folder), 1);
    free(bytes);
    test_folder_remove(folder);
}

static void many_writers_of_one_name_leave_one_whole_file(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder(), *bytes = NULL;
    FileWriter writers[16] = {0};
    for (int i = 0; i < 16; i++) {
        CHECK_OK(mel_writer_begin(&writers[i], test_path(folder, "file"), &err));
        fprintf(writers[i].file, "%02d", i);
    }
    for (int i = 15; i >= 0; i--)
        CHECK_OK(mel_writer_commit(&writers[i], &err));
    CHECK_OK(mel_read_file(test_path(folder, "file"), 100, &bytes, NULL, &err));
    assert_string_equal(bytes, "00");
    assert_int_equal(files_in(folder), 1);
    free(bytes);
    test_folder_remove(folder);
}

static void descriptors_are_read_and_written_whole(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) { /* a writer that dribbles */
        for (int i = 0; i < 100; i++)
            if (!mel_write_fd(ends[1], "0123456789", 10)) _exit(1);
        _exit(0);
    }
    close(ends[1]);
    char bytes[1200];
    assert_int_equal(mel_read_fd(ends[0], bytes, 995), 995);
    assert_int_equal(mel_read_fd(ends[0], bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "56789", 5);
    assert_int_equal(mel_read_fd(ends[0], bytes, sizeof bytes), 0);
    close(ends[0]);
    assert_int_equal(mel_read_fd(-1, bytes, 1), -1);
    assert_false(mel_write_fd(-1, bytes, 1));
    assert_true(mel_write_fd(-1, bytes, 0));
    waitpid(pid, NULL, 0);
}

typedef struct Walked {
    Str text;
    int stop_after;
} Walked;

static bool note_file(void *ctx, const char *relative, Err *err)
{
    Walked *walked = ctx;
    mel_str_addf(&walked->text, "%s\n", relative);
    return --walked->stop_after != 0 || mel_err(err, ERR_CANCELLED, "enough");
}

static void a_walk_is_in_byte_order_of_the_paths(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    static const char *const names[] = {"b",   "a/c", "a-b",  "a0",   "a/\xC3\xA9",
                                        "a/C", "Z",   ".h/x", "a/b/x"};
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        char *dir = mel_path_dir(test_path(folder, "%s", names[i]));
        CHECK_OK(mel_make_dirs(dir, &err));
        test_write(test_path(folder, "%s", names[i]), "x", 1);
        free(dir);
    }
    assert_int_equal(symlink("b", test_path(folder, "link")), 0);
    assert_int_equal(symlink("..", test_path(folder, "up")), 0);
    assert_int_equal(mkfifo(test_path(folder, "fifo"), 0600), 0);
    Walked walked = {0};
    CHECK_OK(mel_walk(folder, note_file, &walked, &err));
    assert_string_equal(walked.text.text, ".h/x\nZ\na-b\na/C\na/b/x\na/c\na/\xC3\xA9\na0\nb\n");
    mel_str_clear(&walked.text);
    walked.stop_after = 3;
    CHECK_FAILS(mel_walk(folder, note_file, &walked, &err), ERR_CANCELLED);
    assert_string_equal(walked.text.text, ".h/x\nZ\na-b\n");
    mel_str_clear(&walked.text);
    CHECK_FAILS(mel_walk(test_path(folder, "none"), note_file, &walked, &err), ERR_IO);
    test_folder_remove(folder);
}

static void local_disks_are_not_the_network(void **state)
{
    (void)state;
    assert_null(mel_network_fs("/proc"));
    assert_null(mel_network_fs("/no/such/place"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_joined_and_taken_apart),
        cmocka_unit_test(folders_are_made_with_their_parents),
        cmocka_unit_test(trees_are_removed_and_links_not_followed),
        cmocka_unit_test(a_tree_deeper_than_the_open_files_is_removed),
        cmocka_unit_test(files_are_read_whole_up_to_a_limit),
        cmocka_unit_test(a_pipe_in_place_of_a_file_does_not_hold_us),
        cmocka_unit_test(a_writer_shows_its_file_on_commit_only),
        cmocka_unit_test(an_aborted_writer_leaves_nothing),
        cmocka_unit_test(a_new_file_has_the_rights_that_the_umask_leaves),
        cmocka_unit_test(a_full_disk_leaves_the_old_file_and_nothing_else),
        cmocka_unit_test(many_writers_of_one_name_leave_one_whole_file),
        cmocka_unit_test(descriptors_are_read_and_written_whole),
        cmocka_unit_test(a_walk_is_in_byte_order_of_the_paths),
        cmocka_unit_test(local_disks_are_not_the_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
