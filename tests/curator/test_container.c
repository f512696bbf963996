/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans for real files of twenty minutes, fetched from a server that counts, decoded from nothing
 * but what was fetched; and plans for files that lie. */
#include "curator/container.h"

#include "curator/container_index.h"
#include "curator/failure.h"
#include "curator/remote.h"
#include "tests/curator/span_decode.h"
#include "tests/support/http_server.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const int64_t second = 1000000;

/* ---- real files
 * ------------------------------------------------------------------------------------------- */

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

static ContainerKind kind_of(const char *path);

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

/* ---- plans of bytes in memory
 * ------------------------------------------------------------------------------- */

typedef struct Memory {
    const uint8_t *bytes;
    size_t n;
    int64_t reads, read_bytes;
    int fd; /* in place of bytes when > 0 */
} Memory;

static bool read_memory(void *ctx, int64_t offset, size_t n, uint8_t *out, Err *err)
{
    Memory *memory = ctx;
    memory->reads++;
    memory->read_bytes += (int64_t)n;
    if (offset < 0 || (uint64_t)offset > memory->n || n > memory->n - (size_t)offset)
        return mel_err(err, ERR_IO, "the plan read out of the file");
    if (memory->fd > 0) return pread(memory->fd, out, n, offset) == (ssize_t)n;
    memcpy(out, memory->bytes + offset, n);
    return true;
}

static ContainerKind kind_of(const char *path)
{
    Err err = {0};
    ContainerPlan *plan = mel_alloc(sizeof *plan);
    struct stat st;
    Memory memory = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    assert_int_equal(fstat(memory.fd, &st), 0);
    memory.n = (size_t)st.st_size;
    CHECK_OK(mel_container_plan(read_memory, &memory, st.st_size, 0, second, plan, &err));
    ContainerKind kind = plan->kind;
    close(memory.fd);
    free(plan);
    return kind;
}

static bool plan_memory(const Str *file, int64_t start_us, int64_t end_us, ContainerPlan *plan,
                        Err *err)
{
    Memory memory = {.bytes = (const uint8_t *)file->text, .n = file->length};
    return mel_container_plan(read_memory, &memory, (int64_t)file->length, start_us, end_us, plan,
                              err);
}

static void check_plan_in_order(const ContainerPlan *plan, size_t size)
{
    int64_t end = -1;
    assert_true(plan->range_count <= INPUT_RANGES_MAX);
    for (size_t i = 0; i < plan->range_count; i++) {
        assert_true(plan->ranges[i].offset > end && plan->ranges[i].length > 0);
        end = plan->ranges[i].offset + plan->ranges[i].length;
        assert_true(end <= (int64_t)size);
    }
}

static bool planned(const ContainerPlan *plan, int64_t offset, int64_t length)
{
    for (size_t i = 0; i < plan->range_count; i++)
        if (plan->ranges[i].offset <= offset &&
            plan->ranges[i].offset + plan->ranges[i].length >= offset + length)
            return true;
    return false;
}

static void expect_broken(const Str *file)
{
    static ContainerPlan plan;
    Err err = {0};
    assert_false(plan_memory(file, 0, second, &plan, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_string_equal(err.reason, "media.container");
    assert_string_equal(mel_failure(mel_failure_reason(&err))->reason, "media.container");
}

/* A writer of boxes: begin, numbers, end. */
static void u16(Str *s, uint32_t v)
{
    mel_str_add_char(s, (char)(v >> 8));
    mel_str_add_char(s, (char)v);
}

static void u32(Str *s, uint64_t v)
{
    u16(s, (uint32_t)(v >> 16) & 0xffff);
    u16(s, (uint32_t)v & 0xffff);
}

static void u64(Str *s, uint64_t v)
{
    u32(s, v >> 32);
    u32(s, v & 0xffffffff);
}

static void set_u32(Str *s, size_t at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        s->text[at + (size_t)i] = (char)(v >> (24 - 8 * i));
}

static size_t begin_box(Str *s, const char *type)
{
    u32(s, 0);
    mel_str_add_bytes(s, type, 4);
    return s->length - 8;
}

static void end_box(Str *s, size_t at)
{
    set_u32(s, at, (uint32_t)(s->length - at));
}

static void zeros(Str *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mel_str_add_char(s, 0);
}

/* What varies between the small movies below. */
typedef struct Movie {
    uint32_t timescale, samples, sample_size, chunk_samples;
    uint64_t first_chunk; /* offset */
    bool co64, fragmented;
    int32_t edit_empty_ms, edit_media_time;
    uint32_t lie_stts, lie_stsz, lie_stsc, lie_stco; /* added to their counts */
} Movie;

static const Movie honest = {
    .timescale = 1000, .samples = 100, .sample_size = 2000, .chunk_samples = 1};

static void add_tables(Str *s, const Movie *m)
{
    size_t box = begin_box(s, "stts");
    u32(s, 0), u32(s, 1 + m->lie_stts), u32(s, m->samples), u32(s, 1000);
    end_box(s, box);
    box = begin_box(s, "stsz");
    u32(s, 0), u32(s, 0), u32(s, m->samples + m->lie_stsz);
    for (uint32_t i = 0; i < m->samples; i++)
        u32(s, m->sample_size);
    end_box(s, box);
    box = begin_box(s, "stsc");
    u32(s, 0), u32(s, 1 + m->lie_stsc), u32(s, 1), u32(s, m->chunk_samples), u32(s, 1);
    end_box(s, box);
    box = begin_box(s, m->co64 ? "co64" : "stco");
    uint32_t chunks = m->samples / m->chunk_samples;
    u32(s, 0), u32(s, chunks + m->lie_stco);
    for (uint32_t i = 0; i < chunks; i++) {
        /* far apart, so that no two chunks are joined */
        uint64_t at = m->first_chunk + (uint64_t)i * 200000;
        m->co64 ? u64(s, at) : u32(s, at);
    }
    end_box(s, box);
}

static void add_moov(Str *s, const Movie *m)
{
    size_t moov = begin_box(s, "moov"), box = begin_box(s, "mvhd");
    zeros(s, 12), u32(s, 1000), zeros(s, 84);
    end_box(s, box);
    size_t trak = begin_box(s, "trak");
    box = begin_box(s, "tkhd");
    zeros(s, 12), u32(s, 1), zeros(s, 68);
    end_box(s, box);
    if (m->edit_empty_ms || m->edit_media_time) {
        size_t edts = begin_box(s, "edts");
        box = begin_box(s, "elst");
        u32(s, 0), u32(s, 2), u32(s, (uint32_t)m->edit_empty_ms), u32(s, 0xffffffff), u32(s, 65536);
        u32(s, 0), u32(s, (uint32_t)m->edit_media_time), u32(s, 65536);
        end_box(s, box);
        end_box(s, edts);
    }
    size_t mdia = begin_box(s, "mdia");
    box = begin_box(s, "mdhd");
    zeros(s, 12), u32(s, m->timescale), zeros(s, 8);
    end_box(s, box);
    size_t minf = begin_box(s, "minf"), stbl = begin_box(s, "stbl");
    if (!m->fragmented) add_tables(s, m);
    end_box(s, stbl), end_box(s, minf), end_box(s, mdia), end_box(s, trak);
    if (m->fragmented) end_box(s, begin_box(s, "mvex"));
    end_box(s, moov);
}

/* ftyp, moov, mdat of 20 MB: a sample a second, 200 KB apart. */
static Str make_plain(Movie m)
{
    Str s = {0};
    size_t box = begin_box(&s, "ftyp");
    mel_str_add_bytes(&s, "isom\0\0\0\0", 8);
    end_box(&s, box);
    if (!m.first_chunk) m.first_chunk = 100000;
    add_moov(&s, &m);
    size_t mdat = begin_box(&s, "mdat");
    zeros(&s, 20100000 - s.length);
    end_box(&s, mdat);
    return s;
}

static void check_samples(Movie movie, int64_t start_s, uint32_t first, uint32_t last)
{
    static ContainerPlan plan;
    Err err = {0};
    Str file = make_plain(movie);
    CHECK_OK(plan_memory(&file, start_s * second, (start_s + 3) * second, &plan, &err));
    assert_int_equal(plan.kind, CONTAINER_MP4_PLAIN);
    check_plan_in_order(&plan, file.length);
    for (uint32_t i = 1; i < movie.samples; i++)
        if (planned(&plan, 100000 + i * 200000, 2000) != (i >= first && i <= last))
            fail_msg("sample %u of %u..%u", i, first, last);
    mel_str_clear(&file);
}

static void plain_samples_are_found_by_their_times(void **state)
{
    (void)state;
    Movie wide = honest, late = honest, skipped = honest;
    check_samples(honest, 50, 48, 54); /* 49..54 s and one for the moment before */
    wide.co64 = true;
    check_samples(wide, 50, 48, 54);
    late.edit_empty_ms = 10000;
    check_samples(late, 50, 38, 44);
    skipped.edit_media_time = 20000;
    check_samples(skipped, 50, 68, 74);
}

static void lying_sample_tables_are_refused(void **state)
{
    (void)state;
    Movie movies[10];
    for (size_t i = 0; i < 10; i++)
        movies[i] = honest;
    movies[0].lie_stts = 5;
    movies[1].lie_stsz = 1;
    movies[2].lie_stsc = 0x7fffffff;
    movies[3].lie_stco = 0xffffff00;
    movies[4].timescale = 0;
    movies[5].first_chunk = 20099999; /* the media lies behind the end */
    movies[6].co64 = true;
    movies[6].first_chunk = UINT64_MAX - 200000;
    movies[7].sample_size = 0x7fffffff;
    movies[8].lie_stsz = 0xffffffff - 100;
    movies[9].co64 = true;
    movies[9].first_chunk = INT64_MAX;
    for (size_t i = 0; i < 10; i++) {
        Str file = make_plain(movies[i]);
        expect_broken(&file);
        mel_str_clear(&file);
    }
}

static void boxes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    Str file = make_plain(honest);
    char *moov = memmem(file.text, file.length, "moov", 4);
    char *trak = memmem(file.text, file.length, "trak", 4);
    size_t at_moov = (size_t)(moov - file.text) - 4, at_trak = (size_t)(trak - file.text) - 4;
    uint32_t moov_size = mel_be32((const uint8_t *)file.text + at_moov);
    static const uint32_t sizes[] = {1, 7, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        set_u32(&file, at_moov, sizes[i]);
        expect_broken(&file);
    }
    set_u32(&file, at_moov, moov_size);
    set_u32(&file, at_trak, moov_size);
    expect_broken(&file);
    mel_str_clear(&file);
}

/* ---- segment indices
 * -------------------------------------------------------------------------------------------- */

typedef struct Index {
    bool wide, hierarchical, no_marks;
    uint32_t timescale, count_lie, segments, only;
    uint64_t first_time;
} Index;

/* moov, sidx of ten-second segments of 300 KB, moof. */
static Str make_dash(Index index)
{
    Str s = {0};
    Movie movie = honest;
    size_t box = begin_box(&s, "ftyp");
    mel_str_add_bytes(&s, "dash\0\0\0\0", 8);
    end_box(&s, box);
    movie.fragmented = true;
    add_moov(&s, &movie);
    uint32_t listed = index.only ? index.only : index.segments;
    box = begin_box(&s, "sidx");
    u32(&s, index.wide ? 0x01000000 : 0), u32(&s, 1), u32(&s, index.timescale);
    index.wide ? u64(&s, index.first_time) : u32(&s, index.first_time);
    index.wide ? u64(&s, 0) : u32(&s, 0);
    u16(&s, 0), u16(&s, listed + index.count_lie);
    for (uint32_t i = 0; i < listed; i++) {
        bool key = i % 2 == 0;
        u32(&s, 300000 | (index.hierarchical ? 0x80000000 : 0));
        u32(&s, 10 * index.timescale);
        u32(&s, key && !index.no_marks ? 0x90000000 : 0);
    }
    end_box(&s, box);
    for (uint32_t i = 0; i < index.segments; i++) {
        size_t start = s.length;
        box = begin_box(&s, "moof");
        end_box(&s, box);
        box = begin_box(&s, "mdat");
        zeros(&s, 300000 - (s.length - start));
        end_box(&s, box);
    }
    return s;
}

static const Index plain_index = {.timescale = 1000, .segments = 60};

static void check_segments(Index index, uint32_t first, uint32_t last)
{
    static ContainerPlan plan;
    Err err = {0};
    Str file = make_dash(index);
    int64_t media = (int64_t)file.length - 60 * 300000;
    CHECK_OK(plan_memory(&file, 335 * second, 345 * second, &plan, &err));
    assert_int_equal(plan.kind, CONTAINER_MP4_SIDX);
    check_plan_in_order(&plan, file.length);
    for (uint32_t i = 1; i < 59; i++)
        if (planned(&plan, media + i * 300000, 300000) != (i >= first && i <= last))
            fail_msg("segment %u of %u..%u", i, first, last);
    assert_true(planned(&plan, (int64_t)file.length - 4, 4));
    mel_str_clear(&file);
}

static void segments_are_found_from_one_that_can_be_started_with(void **state)
{
    (void)state;
    Index wide = plain_index, unmarked = plain_index, shifted = plain_index;
    check_segments(plain_index, 32, 34); /* 33 holds the span's start, 32 the key frame */
    wide.wide = true;
    check_segments(wide, 32, 34);
    unmarked.no_marks = true;
    check_segments(unmarked, 33, 34);
    shifted.wide = true;
    shifted.first_time = 20000;
    check_segments(shifted, 30, 32);
}

static void bad_segment_indices_are_refused(void **state)
{
    (void)state;
    Index bad[4] = {plain_index, plain_index, plain_index, plain_index};
    bad[0].hierarchical = true;
    bad[1].timescale = 0;
    bad[2].count_lie = 1;
    bad[3].wide = true;
    bad[3].first_time = UINT64_MAX;
    for (size_t i = 0; i < 4; i++) {
        Str file = make_dash(bad[i]);
        expect_broken(&file);
        mel_str_clear(&file);
    }
}

static void an_index_of_the_first_segment_only_is_not_believed(void **state)
{
    (void)state;
    static ContainerPlan plan;
    Err err = {0};
    Index partial = plain_index;
    partial.only = 2;
    Str file = make_dash(partial);
    CHECK_OK(plan_memory(&file, 335 * second, 345 * second, &plan, &err));
    assert_int_not_equal(plan.kind, CONTAINER_MP4_SIDX);
    mel_str_clear(&file);
}

/* ---- everything else
 * -----------------------------------------------------------------------------------------------
 */

static void what_is_no_container_gets_no_plan(void **state)
{
    (void)state;
    static ContainerPlan plan;
    Err err = {0};
    static const char *const texts[] = {"", "x", "<!DOCTYPE html><title>Sign in</title>",
                                        "RIFF....WAVEfmt and so on and so on",
                                        "#EXTM3U\n#EXT-X-VERSION:3\nhttp://elsewhere/"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Str file = {0};
        mel_str_add(&file, texts[i]);
        CHECK_OK(plan_memory(&file, 0, second, &plan, &err));
        assert_int_equal(plan.kind, CONTAINER_UNKNOWN);
        assert_int_equal(plan.range_count, 0);
        mel_str_clear(&file);
    }
    assert_string_equal(mel_container_kind_name(CONTAINER_MATROSKA), "matroska");
}

static void spans_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static ContainerPlan plan;
    Err err = {0};
    Str file = make_plain(honest);
    CHECK_FAILS(plan_memory(&file, -1, second, &plan, &err), ERR_USAGE);
    CHECK_FAILS(plan_memory(&file, second, second, &plan, &err), ERR_USAGE);
    CHECK_FAILS(plan_memory(&file, 0, INT64_MAX, &plan, &err), ERR_USAGE);
    CHECK_OK(plan_memory(&file, 0, (int64_t)1 << 60, &plan, &err));
    mel_str_clear(&file);
}

/* Small real files with a few bytes changed: a plan within the file, or a named error, at once. */
static void damaged_files_end_in_a_plan_or_a_named_error(void **state)
{
    Bench *bench = *state;
    static ContainerPlan plan;
    static const char *const kinds[] = {
        "-c:v mpeg4 -c:a aac a.mp4",
        "-c:v mpeg4 -c:a aac -movflags +faststart b.mp4",
        "-c:v mpeg4 -c:a aac -movflags +dash+frag_keyframe+global_sidx c.mp4",
        "-c:v mpeg4 -c:a aac -movflags +frag_keyframe+empty_moov d.mp4",
        "-c:v mpeg4 -c:a aac -movflags +frag_keyframe+empty_moov+skip_trailer e.mp4",
        "-c:v libvpx -deadline realtime -cpu-used 16 -c:a libopus f.webm"};
    int plans = 0, refusals = 0;
    int64_t begin_us = mel_monotonic_us();
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        assert_int_equal(test_shell("cd %s && ffmpeg -v error -y -f lavfi -i "
                                    "testsrc=s=64x48:r=10:d=8 -f lavfi -i sine=d=8 -g 10 %s",
                                    bench->folder, kinds[k]),
                         0);
        char *bytes;
        size_t n;
        Err err = {0};
        CHECK_OK(mel_read_file(test_path(bench->folder, "%s", strrchr(kinds[k], ' ') + 1), 1 << 24,
                               &bytes, &n, &err));
        Rng rng = {.seed = k};
        for (int round = 0; round < 1500; round++) {
            Str file = {0};
            mel_str_add_bytes(&file, bytes, n);
            for (int i = mel_rng_int(&rng, 4) + 1; i; i--) {
                bool front = mel_rng_int(&rng, 2);
                size_t at = (size_t)mel_rng_int(&rng, n < 3000 ? (int)n : 3000);
                file.text[front ? at : n - 1 - at] = (char)mel_rng_u32(&rng);
            }
            if (round % 5 == 0) file.length = (size_t)mel_rng_int(&rng, (int)n);
            mel_err_clear(&err);
            if (plan_memory(&file, 3 * second, 4 * second, &plan, &err)) {
                check_plan_in_order(&plan, file.length);
                plans++;
            } else {
                assert_string_equal(err.reason, "media.container");
                refusals++;
            }
            mel_str_clear(&file);
        }
        free(bytes);
    }
    print_message("  %d plans, %d refusals in %.2f s\n", plans, refusals,
                  (double)(mel_monotonic_us() - begin_us) / 1e6);
    assert_true(plans > 1000 && refusals > 500);
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
        cmocka_unit_test(plain_samples_are_found_by_their_times),
        cmocka_unit_test(lying_sample_tables_are_refused),
        cmocka_unit_test(boxes_that_do_not_fit_are_refused),
        cmocka_unit_test(segments_are_found_from_one_that_can_be_started_with),
        cmocka_unit_test(bad_segment_indices_are_refused),
        cmocka_unit_test(an_index_of_the_first_segment_only_is_not_believed),
        cmocka_unit_test(what_is_no_container_gets_no_plan),
        cmocka_unit_test(spans_that_make_no_sense_are_refused),
        cmocka_unit_test(damaged_files_end_in_a_plan_or_a_named_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
