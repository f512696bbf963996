/* SPDX-License-Identifier: Apache-2.0
 *
 * Real files of twenty minutes: a clip's bytes fetched from a server that counts, and decoded from
 * nothing but what was fetched. */
#include "curator/container.h"

#include "curator/remote.h"
#include "tests/curator/span_decode.h"
#include "tests/support/http_server.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const int64_t second = 1000000;

typedef struct Bench {
    char *folder;
    HttpServer *server;
    HttpClient *client;
} Bench;

static int set_up(void **state)
{
    Bench *bench = mel_alloc(sizeof *bench);
    HttpPolicy policy = {.allow_private = true, .attempts = 2, .backoff_us = 10000};
    Err err = {0};
    bench->folder = test_folder();
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

/* Ten seconds of 720p, looped without re-encoding to twenty minutes. */
static const char *make_long(const Bench *bench, const char *codecs, const char *extension,
                             const char *muxer)
{
    const char *base = test_path(bench->folder, "base.%s", extension);
    const char *whole = test_path(bench->folder, "whole.%s", extension);
    if (!mel_path_exists(base))
        assert_int_equal(
            test_shell("ffmpeg -v error -y -f lavfi -i testsrc2=s=1280x720:r=25:d=10 "
                       "-f lavfi -i anoisesrc=d=10:c=pink:a=0.3:r=48000 %s -b:v 1200k -g 125 "
                       "-pix_fmt yuv420p -b:a 96k -shortest %s",
                       codecs, base),
            0);
    assert_int_equal(
        test_shell("ffmpeg -v error -y -stream_loop 119 -i %s -c copy %s %s", base, muxer, whole),
        0);
    return whole;
}

static const char *const h264 = "-c:v libx264 -preset ultrafast -bf 2 -c:a aac";
static const char *const vp9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 "
                               "-c:a libopus";

static bool read_file(void *ctx, int64_t offset, size_t n, uint8_t *out, Err *err)
{
    if (pread(*(int *)ctx, out, n, offset) == (ssize_t)n) return true;
    return mel_err(err, ERR_IO, "the plan read out of the file");
}

static ContainerKind kind_of(const char *path)
{
    Err err = {0};
    ContainerPlan *plan = mel_alloc(sizeof *plan);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    CHECK_OK(mel_container_plan(read_file, &fd, st.st_size, 0, second, plan, &err));
    ContainerKind kind = plan->kind;
    close(fd);
    free(plan);
    return kind;
}

static void check_same_span(RemoteFile *remote, const char *whole, int64_t start_us, int64_t end_us)
{
    CutInput *present = mel_alloc(sizeof *present), *all = mel_alloc(sizeof *all);
    SpanDecode from_part, from_all;
    int fd = open(whole, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    mel_remote_ranges(remote, present);
    assert_true(present->range_count > 0);
    all->size = present->size;
    assert_true(decode_span(fd, all, start_us, end_us, &from_all));
    assert_true(decode_span(mel_remote_fd(remote), present, start_us, end_us, &from_part));
    if (from_part.missing_offset >= 0)
        fail_msg("byte %lld of %lld was needed and not fetched",
                 (long long)from_part.missing_offset, (long long)present->size);
    CHECK_NEAR((double)from_all.frames, 25 * (double)(end_us - start_us) / 1e6, 2.1);
    CHECK_NEAR(from_all.samples, 48000.0 * (double)(end_us - start_us) / 1e6, 3000);
    assert_int_equal(from_part.frames, from_all.frames);
    assert_int_equal(from_part.samples, from_all.samples);
    assert_true(from_part.frame_hash == from_all.frame_hash);
    assert_true(from_part.sound_hash == from_all.sound_hash);
    close(fd);
    free(present);
    free(all);
}

/* Fetches a clip of ten seconds into a fresh mirror and compares the first compared_us; returns the
 * share of the file that the server sent. */
static double fetch_clip(Bench *bench, const char *whole, const char *path, double at_s,
                         int64_t compared_us)
{
    Err err = {0};
    RemoteFile *remote = NULL;
    int64_t start_us = (int64_t)(at_s * 1e6), before = http_server_bytes(bench->server, path);
    int requests = http_server_requests(bench->server, path);
    CHECK_OK(mel_remote_open(bench->client, http_server_url(bench->server, path), NULL,
                             test_path(bench->folder, "mirror"), 0, &remote, &err));
    CHECK_OK(mel_remote_need_span(remote, start_us, start_us + 10 * second, &err));
    check_same_span(remote, whole, start_us, start_us + compared_us);
    int64_t sent = http_server_bytes(bench->server, path) - before;
    double share = (double)sent / (double)mel_remote_size(remote);
    assert_int_equal(sent, mel_remote_fetched_bytes(remote));
    print_message("  %-10s clip at %7.2f s: %8lld of %lld bytes, %.2f %%, %d requests\n", path + 1,
                  at_s, (long long)sent, (long long)mel_remote_size(remote), 100 * share,
                  http_server_requests(bench->server, path) - requests);
    CHECK_OK(mel_remote_discard(remote, &err));
    return share;
}

static void check_format(void **state, const char *codecs, const char *extension, const char *muxer,
                         const char *name, ContainerKind kind)
{
    Bench *bench = *state;
    const char *whole = make_long(bench, codecs, extension, muxer);
    http_server_add(bench->server, &(HttpRoute){.path = name, .file = whole, .etag = "1"});
    assert_int_equal(kind_of(whole), kind);
    assert_true(fetch_clip(bench, whole, name, 603.217, 10 * second) < 0.05);
    assert_true(fetch_clip(bench, whole, name, 0, 2 * second) < 0.05);
    assert_true(fetch_clip(bench, whole, name, 1187.5, 2 * second) < 0.05);
    unlink(whole);
}

static void dash_mp4_is_fetched_by_its_segment_index(void **state)
{
    check_format(state, h264, "mp4", "-movflags +dash+frag_keyframe+global_sidx", "/dash.mp4",
                 CONTAINER_MP4_SIDX);
}

static void fragmented_mp4_is_walked_past_its_random_access_table(void **state)
{
    check_format(state, h264, "mp4", "-movflags +frag_keyframe+empty_moov", "/frag.mp4",
                 CONTAINER_MP4_FRAGMENTED);
}

static void plain_mp4_with_its_index_in_front_is_fetched(void **state)
{
    check_format(state, h264, "mp4", "-movflags +faststart", "/front.mp4", CONTAINER_MP4_PLAIN);
}

static void plain_mp4_with_its_index_behind_is_fetched(void **state)
{
    check_format(state, h264, "mp4", "", "/back.mp4", CONTAINER_MP4_PLAIN);
}

static void webm_is_fetched_by_its_cues(void **state)
{
    check_format(state, vp9, "webm", "", "/cues.webm", CONTAINER_MATROSKA);
}

static void webm_with_its_cues_in_front_is_fetched(void **state)
{
    check_format(state, vp9, "webm", "-cues_to_front 1", "/front.webm", CONTAINER_MATROSKA);
}

static void fragmented_mp4_without_any_table_is_walked(void **state)
{
    check_format(state, h264, "mp4", "-movflags +frag_keyframe+empty_moov+skip_trailer",
                 "/walk.mp4", CONTAINER_MP4_FRAGMENTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dash_mp4_is_fetched_by_its_segment_index),
        cmocka_unit_test(fragmented_mp4_is_walked_past_its_random_access_table),
        cmocka_unit_test(plain_mp4_with_its_index_in_front_is_fetched),
        cmocka_unit_test(plain_mp4_with_its_index_behind_is_fetched),
        cmocka_unit_test(webm_is_fetched_by_its_cues),
        cmocka_unit_test(webm_with_its_cues_in_front_is_fetched),
        cmocka_unit_test(fragmented_mp4_without_any_table_is_walked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
