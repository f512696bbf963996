/* SPDX-License-Identifier: Apache-2.0
 *
 * Which frames become stills. A whole film is in test_quality_picture.c. */
#include "curator/fingerprint.h"
#include "curator/measures.h"
#include "tests/support/test.h"

enum { FRAME_US = 40000 };

/* 250 plain frames, all alike but for `hashes`, where every second looks different. */
static void plain_frames(FrameFacts *frames, uint64_t *hashes, size_t n)
{
    Rng rng = {.seed = 1};
    for (size_t i = 0; i < n; i++) {
        frames[i] = (FrameFacts){.time_us = (int64_t)i * FRAME_US,
                                 .sharpness = 100,
                                 .brightness = 100,
                                 .contrast = 50,
                                 .change = i ? 1 : NAN};
        hashes[i] = i % 25 ? hashes[i - 1] : (uint64_t)mel_rng_u32(&rng) << 32 | mel_rng_u32(&rng);
    }
}

static void the_sharpest_frame_is_the_first_still(void **state)
{
    (void)state;
    FrameFacts frames[250];
    uint64_t hashes[250];
    plain_frames(frames, hashes, 250);
    frames[140].sharpness = 500;
    size_t chosen[5];
    assert_int_equal(mel_choose_stills(frames, hashes, 250, 5, chosen), 5);
    assert_int_equal(chosen[0], 140);
    double best = mel_still_score(frames, 250, 140);
    for (size_t i = 0; i < 250; i++) {
        double score = mel_still_score(frames, 250, i);
        assert_true(score >= 0 && score <= 1 && (i == 140 || score < best));
    }
}

static void stills_lie_apart(void **state)
{
    (void)state;
    FrameFacts frames[250];
    uint64_t hashes[250];
    plain_frames(frames, hashes, 250);
    for (size_t i = 120; i < 130; i++)
        frames[i].sharpness = 500;            /* the ten best lie side by side */
    for (int looks = 0; looks < 2; looks++) { /* by time alone, and by looks too */
        size_t chosen[4];
        assert_int_equal(mel_choose_stills(frames, looks ? hashes : NULL, 250, 4, chosen), 4);
        for (size_t a = 0; a < 4; a++)
            for (size_t b = 0; b < a; b++) {
                int64_t gap_us = frames[chosen[a]].time_us - frames[chosen[b]].time_us;
                assert_true(llabs(gap_us) >= 1000000);
                if (looks)
                    assert_true(mel_picture_distance(hashes[chosen[a]], hashes[chosen[b]]) >= 4);
            }
    }
}

static void black_frames_and_frames_at_a_cut_are_no_stills(void **state)
{
    (void)state;
    FrameFacts frames[250];
    uint64_t hashes[250];
    plain_frames(frames, hashes, 250);
    for (size_t i = 0; i < 100; i++)
        frames[i].black_share = 0.99;
    frames[40].sharpness = 900; /* a starry sky, perhaps, but black */
    frames[150].is_cut = 1;
    frames[149].sharpness = frames[150].sharpness = frames[151].sharpness = 800;
    size_t chosen[5];
    size_t count = mel_choose_stills(frames, hashes, 250, 5, chosen);
    assert_true(count >= 3);
    for (size_t i = 0; i < count; i++) {
        assert_true(chosen[i] >= 100);
        assert_true(chosen[i] < 145 || chosen[i] > 155); /* 200 ms on either side */
    }
    CHECK_NEAR(mel_still_score(frames, 250, 40), 0, 0);
}

static void motion_costs_a_still_its_place(void **state)
{
    (void)state;
    FrameFacts frames[250];
    uint64_t hashes[250];
    plain_frames(frames, hashes, 250);
    for (size_t i = 1; i < 250; i++)
        frames[i].change = i == 77 ? 1 : 15;
    frames[0].sharpness = 0;
    size_t chosen[1];
    assert_int_equal(mel_choose_stills(frames, hashes, 250, 1, chosen), 1);
    assert_int_equal(chosen[0], 77);
}

static void contrast_gains_a_still_its_place(void **state)
{
    (void)state;
    FrameFacts frames[250];
    uint64_t hashes[250];
    plain_frames(frames, hashes, 250);
    for (size_t i = 0; i < 250; i++)
        frames[i].contrast = i == 203 ? 30 : 10;
    size_t chosen[1];
    assert_int_equal(mel_choose_stills(frames, hashes, 250, 1, chosen), 1);
    assert_int_equal(chosen[0], 203);
}

static void what_looks_the_same_is_chosen_once(void **state)
{
    (void)state;
    FrameFacts frames[250];
    uint64_t hashes[250];
    plain_frames(frames, hashes, 250);
    for (size_t i = 0; i < 250; i++) /* two pictures, three bits of noise on each */
        hashes[i] = (i < 125 ? 0xf0f0f0f0f0f0f0f0u : 0x123456789abcdef0u) ^ (1u << i % 3);
    size_t chosen[5];
    assert_int_equal(mel_choose_stills(frames, hashes, 250, 5, chosen), 2);
    assert_true((chosen[0] < 125) != (chosen[1] < 125));
}

static void few_frames_give_few_stills(void **state)
{
    (void)state;
    FrameFacts frames[3];
    uint64_t hashes[3] = {1, 2, 3};
    size_t chosen[5] = {9, 9, 9, 9, 9};
    plain_frames(frames, hashes, 3);
    assert_int_equal(mel_choose_stills(frames, hashes, 0, 5, chosen), 0);
    assert_int_equal(mel_choose_stills(frames, hashes, 3, 0, chosen), 0);
    assert_int_equal(chosen[0], 9);
    assert_int_equal(mel_choose_stills(frames, hashes, 1, 5, chosen), 1);
    assert_int_equal(chosen[0], 0);
    for (size_t i = 0; i < 3; i++)
        frames[i].black_share = 1; /* better a black still than none */
    assert_int_equal(mel_choose_stills(frames, hashes, 3, 5, chosen), 1);
    assert_int_equal(chosen[1], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sharpest_frame_is_the_first_still),
        cmocka_unit_test(stills_lie_apart),
        cmocka_unit_test(black_frames_and_frames_at_a_cut_are_no_stills),
        cmocka_unit_test(motion_costs_a_still_its_place),
        cmocka_unit_test(contrast_gains_a_still_its_place),
        cmocka_unit_test(what_looks_the_same_is_chosen_once),
        cmocka_unit_test(few_frames_give_few_stills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
