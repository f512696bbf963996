/* SPDX-License-Identifier: Apache-2.0
 *
 * The matchers on made-up hashes. With real landmarks: test_fingerprint_audio.c. */
#include "curator/fingerprint.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- pictures ----------------------------------------------------------------------------------
 */

static uint64_t random_hash(Rng *rng)
{
    uint64_t high = mel_rng_u32(rng);
    return high << 32 | mel_rng_u32(rng);
}

static uint64_t flip_bits(uint64_t hash, int bits, Rng *rng)
{
    while (bits > 0) {
        uint64_t bit = UINT64_C(1) << mel_rng_int(rng, 64);
        if (!bit) continue;
        hash ^= bit;
        bits--;
    }
    return hash;
}

static void assert_all_pairs(const uint64_t *hashes, size_t count, int max_distance)
{
    Err err = {0};
    DuplicateEdge *edges;
    size_t edge_count, at = 0;
    CHECK_OK(mel_match_pictures(hashes, count, max_distance, &edges, &edge_count, &err));
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            int distance = mel_picture_distance(hashes[i], hashes[j]);
            if (distance > max_distance || !hashes[i] || !hashes[j]) continue;
            assert_true(at < edge_count);
            assert_int_equal(edges[at].a, i);
            assert_int_equal(edges[at].b, j);
            assert_int_equal(edges[at].evidence, distance);
            CHECK_NEAR(edges[at].score, 1 - distance / 64.0, 1e-12);
            at++;
        }
    assert_int_equal(at, edge_count);
    free(edges);
}

static void picture_matching_finds_what_brute_force_finds(void **state)
{
    (void)state;
    enum { N = 3000 };
    static uint64_t hashes[N];
    Rng rng = {.seed = 2};
    for (size_t i = 0; i < N; i++) {
        hashes[i] = random_hash(&rng);
        if (i % 3 == 1)
            hashes[i] = flip_bits(hashes[mel_rng_int(&rng, (int)i)], mel_rng_int(&rng, 14), &rng);
        if (i % 50 == 7) hashes[i] = hashes[mel_rng_int(&rng, (int)i)];
        if (i % 97 == 5) hashes[i] = 0;
    }
    for (int distance = 0; distance <= 10; distance++)
        assert_all_pairs(hashes, N, distance);
}

/* All hashes within a few bits of each other: every bucket is crowded. */
static void picture_matching_is_complete_in_a_crowd(void **state)
{
    (void)state;
    enum { N = 200 };
    uint64_t hashes[N];
    Rng rng = {.seed = 3};
    for (size_t i = 0; i < N; i++)
        hashes[i] = flip_bits(UINT64_C(0x123456789abcdef0), mel_rng_int(&rng, 9), &rng);
    for (int distance = 0; distance <= 10; distance++)
        assert_all_pairs(hashes, N, distance);
}

static void thousands_of_equal_pictures_hang_together_by_few_edges(void **state)
{
    (void)state;
    enum { N = 20000 };
    static uint64_t hashes[N];
    Rng rng = {.seed = 4};
    for (size_t i = 0; i < N; i++) { /* one stock picture, some copies of it recompressed */
        hashes[i] = UINT64_C(0x0ff00ff0a5a5a5a4);
        if (i % 4 == 0) hashes[i] = flip_bits(hashes[i], 2, &rng);
    }
    Err err = {0};
    DuplicateEdge *edges;
    size_t edge_count;
    clock_t start = clock();
    CHECK_OK(mel_match_pictures(hashes, N, 6, &edges, &edge_count, &err));
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
    assert_true(edge_count <= (size_t)N * 130);
    Groups groups;
    mel_groups_init(&groups, N);
    for (size_t i = 0; i < edge_count; i++) {
        assert_true(edges[i].a < edges[i].b);
        if (i)
            assert_true(edges[i - 1].a < edges[i].a ||
                        (edges[i - 1].a == edges[i].a && edges[i - 1].b < edges[i].b));
        mel_groups_join(&groups, (size_t)edges[i].a, (size_t)edges[i].b);
    }
    for (size_t i = 0; i < N; i++)
        assert_int_equal(mel_groups_find(&groups, i), 0);
    mel_groups_clear(&groups);
    free(edges);
}

static void a_hundred_thousand_pictures_take_a_moment(void **state)
{
    (void)state;
    enum { N = 100000 };
    uint64_t *hashes = mel_alloc(N * sizeof *hashes);
    Rng rng = {.seed = 5};
    for (size_t i = 0; i < N; i++) {
        hashes[i] = random_hash(&rng);
        if (i % 10 == 9) hashes[i] = flip_bits(hashes[i - 1], 5, &rng);
    }
    Err err = {0};
    DuplicateEdge *edges;
    size_t edge_count;
    clock_t start = clock();
    CHECK_OK(mel_match_pictures(hashes, N, 10, &edges, &edge_count, &err));
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("100,000 pictures: %.2f s, %zu edges\n", seconds, edge_count);
    assert_true(edge_count >= N / 10);
    assert_true(seconds < 20);
    free(edges);
    free(hashes);
}

static void picture_matching_refuses_distances_it_is_not_complete_for(void **state)
{
    (void)state;
    Err err = {0};
    DuplicateEdge *edges;
    size_t edge_count;
    CHECK_FAILS(mel_match_pictures(NULL, 0, 11, &edges, &edge_count, &err), ERR_USAGE);
    CHECK_FAILS(mel_match_pictures(NULL, 0, -1, &edges, &edge_count, &err), ERR_USAGE);
    CHECK_OK(mel_match_pictures(NULL, 0, 10, &edges, &edge_count, &err));
    assert_int_equal(edge_count, 0);
    free(edges);
}

/* ---- sound -------------------------------------------------------------------------------------
 */

/* A recording is a stream of landmarks, 30 a second; a clip is a part of it. */
static Landmark mark_at(uint64_t recording, uint32_t index, uint32_t hashes)
{
    Rng rng = {.seed = recording, .stream = 1, .next = index * 4};
    uint32_t hash = mel_rng_u32(&rng) % hashes;
    return (Landmark){hash, index * 10 / 7};
}

enum { CLIP_MARKS = 300, HASHES = 1 << 20 };

typedef struct Clips {
    Landmark (*marks)[CLIP_MARKS];
    AudioItem *items;
    size_t count;
} Clips;

static Clips clips_new(size_t count)
{
    Clips clips = {.count = count};
    clips.marks = mel_alloc(count * sizeof *clips.marks);
    clips.items = mel_alloc(count * sizeof *clips.items);
    for (size_t i = 0; i < count; i++)
        clips.items[i] = (AudioItem){clips.marks[i], CLIP_MARKS};
    return clips;
}

static void clips_free(Clips *clips)
{
    free(clips->marks);
    free(clips->items);
}

/* Part of a recording; `lost` of the landmarks have come out as something else. */
static void record(Clips *clips, size_t clip, uint64_t recording, uint32_t from, double lost)
{
    Rng rng = {.seed = clip, .stream = 2};
    uint32_t start = mark_at(recording, from, HASHES).position;
    for (uint32_t i = 0; i < CLIP_MARKS; i++) {
        Landmark *mark = &clips->marks[clip][i];
        *mark = mark_at(recording, from + i, HASHES);
        mark->position -= start;
        if (mel_rng_uniform(&rng) < lost) mark->hash = mel_rng_u32(&rng) % HASHES;
    }
}

static size_t match(const Clips *clips, const AudioMatchOptions *options, DuplicateEdge **edges)
{
    Err err = {0};
    size_t count;
    CHECK_OK(mel_match_audio(clips->items, clips->count, options, edges, &count, &err));
    for (size_t i = 0; i < count; i++) {
        assert_true((*edges)[i].a < (*edges)[i].b);
        if (i)
            assert_true((*edges)[i - 1].a < (*edges)[i].a ||
                        ((*edges)[i - 1].a == (*edges)[i].a && (*edges)[i - 1].b < (*edges)[i].b));
    }
    return count;
}

static void a_copy_matches_fully_and_a_part_by_its_share_and_offset(void **state)
{
    (void)state;
    Clips clips = clips_new(4);
    record(&clips, 0, 1, 0, 0);
    record(&clips, 1, 1, 0, 0);   /* the same */
    record(&clips, 2, 1, 210, 0); /* 7 s later: 90 landmarks in common */
    record(&clips, 3, 2, 0, 0);   /* another recording */
    DuplicateEdge *edges;
    assert_int_equal(match(&clips, NULL, &edges), 3);
    assert_int_equal(edges[0].b, 1);
    CHECK_NEAR(edges[0].score, 1, 1e-9);
    assert_int_equal(edges[0].evidence, CLIP_MARKS);
    assert_int_equal(edges[0].offset_us, 0);
    assert_int_equal(edges[1].b, 2);
    CHECK_NEAR(edges[1].score, 0.3, 0.01);
    CHECK_NEAR((double)edges[1].offset_us, -300 * mel_landmark_hop_s() * 1e6, 30000);
    assert_int_equal(edges[2].a, 1);
    assert_int_equal(edges[2].b, 2);
    free(edges);
    clips_free(&clips);
}

static void options_raise_the_bar(void **state)
{
    (void)state;
    Clips clips = clips_new(3);
    record(&clips, 0, 1, 0, 0);
    record(&clips, 1, 1, 0, 0.2);
    record(&clips, 2, 1, 200, 0);
    DuplicateEdge *edges;
    assert_int_equal(match(&clips, NULL, &edges), 3);
    free(edges);
    assert_int_equal(match(&clips, &(AudioMatchOptions){.score_min = 0.5}, &edges), 1);
    assert_int_equal(edges[0].b, 1);
    free(edges);
    assert_int_equal(match(&clips, &(AudioMatchOptions){.evidence_min = 150}, &edges), 1);
    free(edges);
    assert_int_equal(match(&clips, &(AudioMatchOptions){.score_min = 0.95}, &edges), 0);
    free(edges);
    clips_free(&clips);
}

/* One hit repeated: many landmarks agree on the offset, all with the same few hashes. */
static void a_repeated_hit_is_no_evidence(void **state)
{
    (void)state;
    Clips clips = clips_new(2);
    for (size_t c = 0; c < 2; c++) {
        record(&clips, c, 10 + c, 0, 0);
        for (size_t i = 0; i < CLIP_MARKS; i += 2)
            clips.marks[c][i].hash = 1000 + i / 2 % 5;
    }
    DuplicateEdge *edges;
    assert_int_equal(match(&clips, NULL, &edges), 0);
    free(edges);
    clips_free(&clips);
}

/* A copy of something that repeats agrees at several offsets: still a copy, at the best of them. */
static void a_copy_of_repeating_music_is_found(void **state)
{
    (void)state;
    Clips clips = clips_new(2);
    for (size_t c = 0; c < 2; c++)
        for (uint32_t i = 0; i < CLIP_MARKS; i++) {
            clips.marks[c][i] = mark_at(3, i % 60, HASHES);
            clips.marks[c][i].position = mark_at(3, i, HASHES).position;
        }
    DuplicateEdge *edges;
    assert_int_equal(match(&clips, NULL, &edges), 1);
    assert_int_equal(edges[0].offset_us, 0);
    CHECK_NEAR(edges[0].score, 1, 1e-9);
    free(edges);
    clips_free(&clips);
}

static void a_short_stretch_in_common_is_not_enough(void **state)
{
    (void)state;
    Clips clips = clips_new(2);
    record(&clips, 0, 1, 0, 0);
    record(&clips, 1, 1, 260, 0); /* 1.3 s */
    DuplicateEdge *edges;
    assert_int_equal(match(&clips, NULL, &edges), 0);
    free(edges);
    clips_free(&clips);
}

static void very_many_copies_hang_together(void **state)
{
    (void)state;
    enum { N = 1500 };
    Clips clips = clips_new(N);
    for (size_t i = 0; i < N; i++)
        record(&clips, i, i % 2 ? 1 : 1000 + i, 0, i % 2 ? 0.3 : 0);
    DuplicateEdge *edges;
    size_t count = match(&clips, NULL, &edges);
    Groups groups;
    mel_groups_init(&groups, N);
    for (size_t i = 0; i < count; i++)
        mel_groups_join(&groups, (size_t)edges[i].a, (size_t)edges[i].b);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(mel_groups_find(&groups, i), i % 2 ? 1 : i);
    assert_true(count < (size_t)N * 64);
    mel_groups_clear(&groups);
    free(edges);
    clips_free(&clips);
}

/* 11,250 clips of the field's usual data set. A quarter of all landmarks have one of a few hundred
 * hashes, as real ones do. */
static void thousands_of_clips_take_a_moment(void **state)
{
    (void)state;
    enum { N = 11250, COPIES = 200 };
    Clips clips = clips_new(N);
    for (size_t i = 0; i < N; i++) {
        bool copy = i < 2 * COPIES;
        record(&clips, i, copy ? i / 2 : i, copy && i % 2 ? 180 : 0, copy && i % 2 ? 0.4 : 0);
        Rng rng = {.seed = i, .stream = 4};
        for (size_t k = 3; k < CLIP_MARKS; k += 4)
            clips.marks[i][k].hash = (uint32_t)mel_rng_int(&rng, 300);
    }
    DuplicateEdge *edges;
    clock_t start = clock();
    size_t count = match(&clips, NULL, &edges);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("%d clips: %.2f s, %zu edges\n", N, seconds, count);
    assert_int_equal(count, COPIES);
    for (size_t i = 0; i < count; i++)
        assert_true(edges[i].a % 2 == 0 && edges[i].b == edges[i].a + 1 && edges[i].b < 2 * COPIES);
    assert_true(seconds < 30);
    free(edges);
    clips_free(&clips);
}

static void nothing_and_silence_match_nothing(void **state)
{
    (void)state;
    Err err = {0};
    DuplicateEdge *edges;
    size_t count;
    CHECK_OK(mel_match_audio(NULL, 0, NULL, &edges, &count, &err));
    assert_int_equal(count, 0);
    free(edges);
    AudioItem silent[3] = {{0}};
    CHECK_OK(mel_match_audio(silent, 3, NULL, &edges, &count, &err));
    assert_int_equal(count, 0);
    free(edges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_matching_finds_what_brute_force_finds),
        cmocka_unit_test(picture_matching_is_complete_in_a_crowd),
        cmocka_unit_test(thousands_of_equal_pictures_hang_together_by_few_edges),
        cmocka_unit_test(a_hundred_thousand_pictures_take_a_moment),
        cmocka_unit_test(picture_matching_refuses_distances_it_is_not_complete_for),
        cmocka_unit_test(a_copy_matches_fully_and_a_part_by_its_share_and_offset),
        cmocka_unit_test(options_raise_the_bar),
        cmocka_unit_test(a_repeated_hit_is_no_evidence),
        cmocka_unit_test(a_copy_of_repeating_music_is_found),
        cmocka_unit_test(a_short_stretch_in_common_is_not_enough),
        cmocka_unit_test(very_many_copies_hang_together),
        cmocka_unit_test(thousands_of_clips_take_a_moment),
        cmocka_unit_test(nothing_and_silence_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
