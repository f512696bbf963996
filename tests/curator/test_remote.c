/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/remote.h"

#include "curator/failure.h"
#include "curator/remote_map.h"
#include "tests/support/http_server.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 12 << 20 };

static uint8_t *content;

typedef struct Bench {
    char *folder;
    HttpServer *server;
    HttpClient *client;
    const char *path, *map_path;
} Bench;

static int set_up(void **state)
{
    Bench *bench = mel_alloc(sizeof *bench);
    HttpPolicy policy = {
        .allow_private = true, .attempts = 2, .backoff_us = 5000, .stall_us = 300000};
    Err err = {0};
    if (!content) {
        Rng rng = {.seed = 5};
        content = mel_alloc(SIZE);
        for (size_t i = 0; i < SIZE; i += 4) {
            uint32_t word = mel_rng_u32(&rng);
            memcpy(content + i, &word, 4);
        }
    }
    bench->folder = test_folder();
    bench->path = test_path(bench->folder, "mirror");
    bench->map_path = test_path(bench->folder, "mirror.map");
    bench->server = http_server_start();
    CHECK_OK(mel_http_new(&policy, &bench->client, &err));
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    Bench *bench = *state;
    mel_http_free(bench->client);
    http_server_stop(bench->server);
    test_folder_remove(bench->folder);
    free(bench);
    return 0;
}

static int forget_content(void **state)
{
    (void)state;
    free(content);
    return 0;
}

static void serve(Bench *bench, HttpRoute route)
{
    if (!route.path) route.path = "/x";
    if (!route.bytes) route.bytes = content, route.size = SIZE;
    http_server_add(bench->server, &route);
}

static bool try_open(Bench *bench, const char *path, RemoteFile **out, Err *err)
{
    return mel_remote_open(bench->client, http_server_url(bench->server, path), NULL, bench->path,
                           0, out, err);
}

static RemoteFile *open_remote(Bench *bench, const char *path)
{
    Err err = {0};
    RemoteFile *file = NULL;
    CHECK_OK(try_open(bench, path, &file, &err));
    return file;
}

static int64_t present_bytes(const RemoteFile *file)
{
    CutInput *input = mel_alloc(sizeof *input);
    mel_remote_ranges(file, input);
    int64_t sum = input->range_count ? 0 : input->size;
    for (int32_t i = 0; i < input->range_count; i++)
        sum += input->ranges[i].length;
    free(input);
    return sum;
}

/* Every byte that is said to be there is the right one. */
static void check_truth(const RemoteFile *file)
{
    CutInput *input = mel_alloc(sizeof *input);
    uint8_t *local = mel_alloc(SIZE);
    mel_remote_ranges(file, input);
    if (!input->range_count) input->ranges[input->range_count++] = (ByteRange){0, input->size};
    for (int32_t i = 0; i < input->range_count; i++) {
        ByteRange range = input->ranges[i];
        assert_true(range.offset >= 0 && range.offset + range.length <= input->size);
        assert_int_equal(pread(mel_remote_fd(file), local, (size_t)range.length, range.offset),
                         range.length);
        assert_memory_equal(local, content + range.offset, range.length);
    }
    free(local);
    free(input);
}

/* ---- what works ---- */

static void opening_fetches_the_front_only(void **state)
{
    Bench *bench = *state;
    serve(bench, (HttpRoute){.etag = "a"});
    RemoteFile *file = open_remote(bench, "/x");
    assert_int_equal(mel_remote_size(file), SIZE);
    assert_int_equal(present_bytes(file), 65536);
    assert_int_equal(http_server_bytes(bench->server, "/x"), 65536);
    check_truth(file);
    struct stat st;
    assert_int_equal(fstat(mel_remote_fd(file), &st), 0);
    assert_int_equal(st.st_size, SIZE);
    assert_true(st.st_blocks * 512 < 1 << 20); /* sparse */
    mel_remote_close(file);
}

static void only_what_is_missing_is_asked_for_and_never_too_much_at_once(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    serve(bench, (HttpRoute){.etag = "a"});
    RemoteFile *file = open_remote(bench, "/x");
    CHECK_OK(mel_remote_need(file, 1000000, 500, &err));
    CHECK_OK(mel_remote_need(file, 1000100, 10, &err)); /* there already */
    assert_int_equal(http_server_requests(bench->server, "/x"), 2);
    assert_int_equal(http_server_bytes(bench->server, "/x"), 65536 + 500);
    CHECK_OK(mel_remote_need(file, 999000, 5000, &err)); /* around it, in one request */
    assert_int_equal(http_server_requests(bench->server, "/x"), 3);
    assert_int_equal(http_server_bytes(bench->server, "/x"), 65536 + 500 + 5000);
    CHECK_OK(mel_remote_need(file, 0, INT64_MAX, &err));
    assert_true(http_server_largest_range(bench->server, "/x") <= HTTP_CHUNK_BYTES_MAX);
    assert_int_equal(present_bytes(file), SIZE);
    check_truth(file);
    CHECK_OK(mel_remote_need(file, SIZE + 5, 10, &err)); /* behind the end: nothing */
    CHECK_FAILS(mel_remote_need(file, -1, 10, &err), ERR_USAGE);
    CHECK_OK(mel_remote_discard(file, &err));
    assert_false(mel_path_exists(bench->path));
    assert_false(mel_path_exists(bench->map_path));
}

static void a_mirror_goes_on_where_it_stopped(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    serve(bench, (HttpRoute){.etag = "a"});
    RemoteFile *file = open_remote(bench, "/x");
    CHECK_OK(mel_remote_need(file, 2000000, 1000000, &err));
    mel_remote_close(file);
    int64_t before = http_server_bytes(bench->server, "/x");
    file = open_remote(bench, "/x");
    assert_int_equal(present_bytes(file), 65536 + 1000000);
    CHECK_OK(mel_remote_need(file, 2000000, 1000000, &err));
    assert_true(http_server_bytes(bench->server, "/x") - before <= 4096);
    check_truth(file);
    mel_remote_close(file);
}

static void a_server_without_ranges_gives_everything(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    serve(bench, (HttpRoute){.path = "/plain", .no_ranges = true});
    serve(bench, (HttpRoute){.path = "/nolength", .no_ranges = true, .no_length = true});
    serve(bench, (HttpRoute){.path = "/chunked", .no_ranges = true, .chunked = true});
    static const char *const paths[] = {"/plain", "/nolength", "/chunked"};
    for (size_t i = 0; i < 3; i++) {
        RemoteFile *file = open_remote(bench, paths[i]);
        assert_int_equal(mel_remote_size(file), SIZE);
        assert_int_equal(present_bytes(file), SIZE);
        check_truth(file);
        CHECK_OK(mel_remote_need(file, 5, SIZE, &err));
        CHECK_OK(mel_remote_discard(file, &err));
    }
}

static void unknown_containers_need_nothing_more(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    serve(bench, (HttpRoute){.etag = "a"});
    RemoteFile *file = open_remote(bench, "/x");
    CHECK_OK(mel_remote_need_span(file, 0, 1000000, &err));
    assert_int_equal(present_bytes(file), 65536);
    mel_remote_close(file);
}

/* ---- what breaks off ---- */

static void any_point_of_breaking_off_can_be_gone_on_from(void **state)
{
    Bench *bench = *state;
    Rng rng = {.seed = 11};
    for (int round = 0; round < 12; round++) {
        /* the connection breaks in every answer of the first file, at some byte */
        char *path = mel_asprintf("/cut%d", round);
        int64_t at = 1 + mel_rng_int(&rng, round % 2 ? 400000 : 3000);
        serve(bench, (HttpRoute){.path = test_path("", "%s", path + 1),
                                 .etag = "a",
                                 .cut_after = at < 70000 ? at + 65536 : at});
        Err err = {0};
        RemoteFile *file = open_remote(bench, path);
        int64_t offset = 100000 + mel_rng_int(&rng, 1000000), last = 0;
        bool done = false;
        for (int tries = 0; tries < 60 && !done; tries++) {
            mel_err_clear(&err);
            done = mel_remote_need(file, offset, 700000, &err);
            if (!done) assert_string_equal(err.reason, "http.short");
            check_truth(file);
            assert_true(present_bytes(file) > last || done);
            last = present_bytes(file);
            if (tries % 2) { /* as if the process had ended here */
                mel_remote_close(file);
                file = open_remote(bench, path);
                assert_int_equal(present_bytes(file), last);
            }
        }
        assert_true(done);
        CHECK_OK(mel_remote_discard(file, &err));
        free(path);
    }
}

static void fetch_until_killed(Bench *bench)
{
    HttpPolicy policy = {.allow_private = true};
    Err err = {0};
    HttpClient *client;
    RemoteFile *file;
    if (!mel_http_new(&policy, &client, &err)) _exit(2);
    if (!mel_remote_open(client, http_server_url(bench->server, "/x"), NULL, bench->path, 0, &file,
                         &err))
        _exit(3);
    for (int64_t offset = 70000; offset < SIZE; offset += 150000)
        if (!mel_remote_need(file, offset, 100000, &err)) _exit(4);
    for (;;)
        pause();
}

static void a_process_killed_at_any_moment_leaves_a_true_mirror(void **state)
{
    Bench *bench = *state;
    Rng rng = {.seed = 12};
    Err err = {0};
    int midway = 0;
    serve(bench, (HttpRoute){.etag = "a"});
    for (int round = 0; round < 15; round++) {
        pid_t pid = fork();
        if (pid == 0) fetch_until_killed(bench);
        mel_sleep_us(2000 + mel_rng_int(&rng, 60000));
        kill(pid, SIGKILL);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        RemoteFile *file = open_remote(bench, "/x");
        check_truth(file);
        int64_t present = present_bytes(file);
        midway += present > 65536 && present < SIZE / 2;
        if (present < SIZE / 2)
            mel_remote_close(file);
        else
            CHECK_OK(mel_remote_discard(file, &err));
    }
    print_message("  killed 15 times, %d of them midway\n", midway);
    assert_true(midway > 0);
}

static void a_torn_map_means_fetching_again(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    serve(bench, (HttpRoute){.etag = "a"});
    RemoteFile *file = open_remote(bench, "/x");
    CHECK_OK(mel_remote_need(file, 3000000, 100000, &err));
    mel_remote_close(file);
    char *map;
    size_t n;
    CHECK_OK(mel_read_file(bench->map_path, 1 << 20, &map, &n, &err));
    Rng rng = {.seed = 13};
    for (int round = 0; round < 200; round++) {
        char *torn = mel_alloc(n + 1);
        size_t length = n;
        RemoteMap read = {0};
        memcpy(torn, map, n);
        if (round % 3 == 0) length = (size_t)mel_rng_int(&rng, (int)n);
        if (round % 3 == 1)
            torn[mel_rng_int(&rng, (int)n - 1)] ^= (char)(1 << mel_rng_int(&rng, 7));
        if (round % 3 == 2) memset(torn + n / 2, 0, (size_t)mel_rng_int(&rng, (int)n / 3) + 1);
        test_write(bench->map_path, torn, length);
        assert_false(mel_remote_map_load(bench->map_path, &read));
        free(torn);
    }
    file = open_remote(bench, "/x");
    assert_int_equal(present_bytes(file), 65536);
    check_truth(file);
    mel_remote_close(file);
    test_write(bench->map_path, map,
               n); /* it claims bytes; the file has been emptied and has none */
    test_write(bench->path, "short", 5);
    file = open_remote(bench, "/x");
    assert_int_equal(present_bytes(file), 65536);
    mel_remote_close(file);
    free(map);
}

static void other_bytes_at_the_front_start_the_mirror_over(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    uint8_t *other = mel_alloc(SIZE);
    memset(other, 'x', SIZE);
    serve(bench, (HttpRoute){.path = "/a", .bytes = other, .size = SIZE}); /* no validators */
    serve(bench, (HttpRoute){.path = "/b"});
    RemoteFile *file = open_remote(bench, "/a");
    CHECK_OK(mel_remote_need(file, 3000000, 100000, &err));
    mel_remote_close(file);
    file = open_remote(bench, "/b");
    CHECK_OK(mel_remote_need(file, 0, 100000, &err));
    check_truth(file);
    assert_int_equal(present_bytes(file), 100000);
    mel_remote_close(file);
    free(other);
}

/* ---- what is refused ---- */

static void a_resource_that_changes_starts_over(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    serve(bench, (HttpRoute){.etag = "a", .etag_later = "b"});
    RemoteFile *file = open_remote(bench, "/x");
    assert_false(mel_remote_need(file, 100000, 10, &err));
    assert_string_equal(err.reason, "http.changed");
    assert_false(mel_path_exists(bench->map_path));
    mel_remote_close(file);
    file = open_remote(bench, "/x");
    mel_err_clear(&err);
    CHECK_OK(mel_remote_need(file, 100000, 10, &err));
    check_truth(file);
    mel_remote_close(file);
}

static void a_size_that_changes_starts_over(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    serve(bench, (HttpRoute){.total_lie = 1});
    RemoteFile *file = open_remote(bench, "/x");
    assert_false(mel_remote_need(file, 100000, 10, &err));
    assert_string_equal(err.reason, "http.changed");
    mel_remote_close(file);
}

static void opening_fails_by_name(void **state)
{
    static const struct {
        const char *path;
        HttpRoute route;
        const char *reason;
    } cases[] = {
        {"/gone",     {.status = 404},                                 "http.404"      },
        {"/empty",    {.bytes = "", .size = 0},                        "http.empty"    },
        {"/empty200", {.bytes = "", .size = 0, .no_ranges = true},     "http.empty"    },
        {"/endless",  {.endless = true, .no_ranges = true},            "http.too_large"},
        {"/wrong",    {.range_lie = 1},                                "http.range"    },
        {"/gzip",     {.extra_headers = "Content-Encoding: gzip\r\n"}, "http.encoding" },
        {"/loop",     {.status = 302, .location = "/loop"},            "http.redirects"},
    };
    Bench *bench = *state;
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        HttpRoute route = cases[i].route;
        RemoteFile *file = NULL;
        Err err = {0};
        route.path = cases[i].path;
        serve(bench, route);
        bool ok = mel_remote_open(bench->client, http_server_url(bench->server, cases[i].path),
                                  NULL, bench->path, 1 << 20, &file, &err);
        assert_false(ok);
        if (!mel_equal(err.reason, cases[i].reason))
            fail_msg("%s: %s: %s, wanted %s", cases[i].path, err.reason, err.message,
                     cases[i].reason);
    }
}

static void the_limit_counts_everything_that_is_fetched(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    RemoteFile *file;
    serve(bench, (HttpRoute){.etag = "a"});
    CHECK_OK(mel_remote_open(bench->client, http_server_url(bench->server, "/x"), NULL, bench->path,
                             200000, &file, &err));
    CHECK_OK(mel_remote_need(file, 1000000, 100000, &err));
    assert_false(mel_remote_need(file, 2000000, 100000, &err));
    assert_string_equal(err.reason, "http.too_large");
    assert_true(http_server_bytes(bench->server, "/x") <= 200000);
    mel_remote_close(file);
}

static void two_at_once_do_not_share_a_mirror(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    RemoteFile *second = NULL;
    serve(bench, (HttpRoute){.etag = "a"});
    RemoteFile *file = open_remote(bench, "/x");
    assert_false(try_open(bench, "/x", &second, &err));
    assert_string_equal(err.reason, "local.busy");
    assert_string_equal(mel_failure(err.reason)->reason, "local.busy");
    mel_remote_close(file);
}

/* RLIMIT_FSIZE stands in for a full disk: write(2) fails as it does there, with EFBIG. */
static void a_disk_that_takes_no_more_is_said(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    struct rlimit before, small;
    serve(bench, (HttpRoute){.etag = "a"});
    RemoteFile *file = open_remote(bench, "/x");
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_false(mel_remote_need(file, 2 << 20, 1000, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, old);
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(mel_failure(mel_failure_reason(&err))->class, FAIL_LOCAL);
    mel_err_clear(&err);
    CHECK_OK(mel_remote_need(file, 2 << 20, 1000, &err));
    check_truth(file);
    mel_remote_close(file);
}

/* In a namespace of its own, on a disk of half a megabyte. */
static int fill_small_disk(Bench *bench)
{
    HttpPolicy policy = {.allow_private = true};
    Err err = {0};
    HttpClient *client;
    RemoteFile *file;
    bool mine = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    if (!mine || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", bench->folder, "tmpfs", 0, "size=512k") != 0)
        return 77;
    if (!mel_http_new(&policy, &client, &err)) return 2;
    if (!mel_remote_open(client, http_server_url(bench->server, "/x"), NULL, bench->path, 0, &file,
                         &err))
        return 3;
    if (mel_remote_need(file, 1 << 20, 1 << 20, &err)) return 4;
    if (!mel_equal(err.reason, "local.disk_full")) return 5;
    if (!mel_equal(mel_failure(err.reason)->reason, "local.disk_full")) return 6;
    if (http_server_requests(bench->server, "/x") > 2) return 7; /* never tried again */
    check_truth(file);
    mel_remote_close(file);
    return 0;
}

static void a_full_disk_is_said_and_not_tried_again(void **state)
{
    Bench *bench = *state;
    int status;
    serve(bench, (HttpRoute){.etag = "a"});
    pid_t pid = fork();
    if (pid == 0) _exit(fill_small_disk(bench));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("  skipped: no small disk can be mounted here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static void places_that_are_no_files_are_refused(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    RemoteFile *file = NULL;
    const char *const places[] = {"/dev/null", test_path(bench->folder, "no/such/folder"),
                                  bench->folder, test_path(bench->folder, "link")};
    serve(bench, (HttpRoute){.etag = "a"});
    assert_int_equal(symlink("/dev/null", places[3]), 0);
    for (size_t i = 0; i < MEL_COUNT(places); i++)
        CHECK_FAILS(mel_remote_open(bench->client, http_server_url(bench->server, "/x"), NULL,
                                    places[i], 0, &file, &err),
                    ERR_IO);
    assert_int_equal(http_server_requests(bench->server, "/x"), 0);
}

/* ---- the set of ranges ---- */

static void the_set_of_ranges_agrees_with_a_bitmap(void **state)
{
    (void)state;
    enum { N = 300 };
    Rng rng = {.seed = 14};
    for (int round = 0; round < 200; round++) {
        RangeSet set = {0};
        bool bits[N] = {false};
        for (int i = 0; i < 30; i++) {
            int offset = mel_rng_int(&rng, N), length = mel_rng_int(&rng, N - offset) / 8;
            mel_range_set_add(&set, offset, length);
            for (int k = 0; k < length; k++)
                bits[offset + k] = true;
            int from = mel_rng_int(&rng, N), gap = from, next = from;
            while (gap < N && bits[gap])
                gap++;
            while (next < N && !bits[next])
                next++;
            assert_int_equal(mel_range_set_gap(&set, from, N), gap);
            assert_int_equal(mel_range_set_next(&set, from, N), next);
        }
        for (size_t i = 1; i < set.count; i++)
            assert_true(set.ranges[i - 1].offset + set.ranges[i - 1].length < set.ranges[i].offset);
        mel_range_set_clear(&set);
    }
}

static void more_ranges_than_fit_keep_the_largest(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    CutInput *input = mel_alloc(sizeof *input);
    RemoteMap map = {.size = SIZE, .etag = "\"a\""};
    enum { SMALL = 200, LARGE = INPUT_RANGES_MAX - 100 };
    serve(bench, (HttpRoute){.etag = "a"});
    test_write(bench->path, content, SIZE);
    mel_range_set_add(&map.present, 0, 65536);
    for (int64_t i = 0; i < SMALL + LARGE; i++)
        mel_range_set_add(&map.present, 100000 + i * 15000, i < SMALL ? 10 : 50);
    CHECK_OK(mel_remote_map_save(bench->map_path, &map, &err));
    mel_range_set_clear(&map.present);
    RemoteFile *file = open_remote(bench, "/x");
    mel_remote_ranges(file, input);
    assert_int_equal(input->range_count, INPUT_RANGES_MAX);
    int large = 0;
    for (int32_t i = 0; i < input->range_count; i++) {
        large += input->ranges[i].length == 50;
        if (i) assert_true(input->ranges[i - 1].offset < input->ranges[i].offset);
    }
    assert_int_equal(large, LARGE);
    check_truth(file);
    mel_remote_close(file);
    free(input);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(opening_fetches_the_front_only),
        WITH_SERVER(only_what_is_missing_is_asked_for_and_never_too_much_at_once),
        WITH_SERVER(a_mirror_goes_on_where_it_stopped),
        WITH_SERVER(a_server_without_ranges_gives_everything),
        WITH_SERVER(unknown_containers_need_nothing_more),
        WITH_SERVER(any_point_of_breaking_off_can_be_gone_on_from),
        WITH_SERVER(a_process_killed_at_any_moment_leaves_a_true_mirror),
        WITH_SERVER(a_torn_map_means_fetching_again),
        WITH_SERVER(other_bytes_at_the_front_start_the_mirror_over),
        WITH_SERVER(a_resource_that_changes_starts_over),
        WITH_SERVER(a_size_that_changes_starts_over),
        WITH_SERVER(opening_fails_by_name),
        WITH_SERVER(the_limit_counts_everything_that_is_fetched),
        WITH_SERVER(two_at_once_do_not_share_a_mirror),
        WITH_SERVER(a_disk_that_takes_no_more_is_said),
        WITH_SERVER(a_full_disk_is_said_and_not_tried_again),
        WITH_SERVER(places_that_are_no_files_are_refused),
        cmocka_unit_test(the_set_of_ranges_agrees_with_a_bitmap),
        WITH_SERVER(more_ranges_than_fit_keep_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, forget_content);
}
