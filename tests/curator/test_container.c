/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans for small files made here: where samples and segments lie, and files that lie. */
#include "curator/container.h"

#include "curator/container_index.h"
#include "curator/failure.h"
#include "tests/support/test.h"

#include <string.h>

static const int64_t second = 1000000;

typedef struct Memory {
    const uint8_t *bytes;
    size_t n;
} Memory;

static bool read_memory(void *ctx, int64_t offset, size_t n, uint8_t *out, Err *err)
{
    Memory *memory = ctx;
    if (offset < 0 || (uint64_t)offset > memory->n || n > memory->n - (size_t)offset)
        return mel_err(err, ERR_IO, "the plan read out of the file");
    memcpy(out, memory->bytes + offset, n);
    return true;
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
    static const char block[65536];
    for (; n > sizeof block; n -= sizeof block)
        mel_str_add_bytes(s, block, sizeof block);
    mel_str_add_bytes(s, block, n);
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
    for (size_t i = 0; i < MEL_COUNT(sizes); i++) {
        set_u32(&file, at_moov, sizes[i]);
        expect_broken(&file);
    }
    set_u32(&file, at_moov, moov_size);
    set_u32(&file, at_trak, moov_size);
    expect_broken(&file);
    mel_str_clear(&file);
}

/* ---- segment indices ---- */

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

/* ---- everything else ---- */

static void what_is_no_container_gets_no_plan(void **state)
{
    (void)state;
    static ContainerPlan plan;
    Err err = {0};
    static const char *const texts[] = {"", "x", "<!DOCTYPE html><title>Sign in</title>",
                                        "RIFF....WAVEfmt and so on and so on",
                                        "#EXTM3U\n#EXT-X-VERSION:3\nhttp://elsewhere/"};
    for (size_t i = 0; i < MEL_COUNT(texts); i++) {
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
    (void)state;
    char *folder = test_folder();
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
    for (size_t k = 0; k < MEL_COUNT(kinds); k++) {
        assert_int_equal(test_shell("cd %s && ffmpeg -v error -y -f lavfi -i "
                                    "testsrc=s=64x48:r=10:d=8 -f lavfi -i sine=d=8 -g 10 %s",
                                    folder, kinds[k]),
                         0);
        char *bytes;
        size_t n;
        Err err = {0};
        CHECK_OK(mel_read_file(test_path(folder, "%s", strrchr(kinds[k], ' ') + 1), 1 << 24, &bytes,
                               &n, &err));
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
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
