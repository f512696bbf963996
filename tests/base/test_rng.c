/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers: the known answers of Philox-4x32-10 (Random123's kat_vectors), and moments. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

/* counter words 0 to 3, key words 0 and 1, answer */
static const uint32_t known[][10] = {
    {0,          0,          0,          0,          0,          0,          0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e,
     0xa20bc7c6,                                                                                                 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
     0x5001e420,                                                                                                 0x24126ea1},
};

static void the_known_answers_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(known); i++) {
        const uint32_t *k = known[i];
        uint32_t out[4];
        mel_philox(k[4] | (uint64_t)k[5] << 32, k[2] | (uint64_t)k[3] << 32,
                   k[0] | (uint64_t)k[1] << 32, out);
        assert_memory_equal(out, k + 6, sizeof out);
    }
}

static void a_cursor_walks_the_blocks_of_its_stream(void **state)
{
    (void)state;
    Rng rng = {.seed = 42, .stream = 7};
    for (uint64_t block = 0; block < 10; block++) {
        uint32_t words[4];
        mel_philox(42, 7, block, words);
        for (int i = 0; i < 4; i++)
            assert_int_equal(mel_rng_u32(&rng), words[i]);
    }
    Rng later = {.seed = 42, .stream = 7, .next = 40};
    assert_int_equal(mel_rng_u32(&later), mel_rng_u32(&rng));
}

static void streams_and_seeds_differ(void **state)
{
    (void)state;
    Rng a = {.seed = 1}, b = {.seed = 2}, c = {.seed = 1, .stream = 1};
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t x = mel_rng_u32(&a), y = mel_rng_u32(&b), z = mel_rng_u32(&c);
        same += (x == y) + (y == z) + (x == z);
    }
    assert_int_equal(same, 0);
}

enum { MANY = 200000 };

static void uniform_numbers_are_uniform(void **state)
{
    (void)state;
    Rng rng = {.seed = 3};
    double sum = 0, squares = 0;
    int bins[10] = {0};
    for (int i = 0; i < MANY; i++) {
        double u = mel_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
        bins[(int)(u * 10)]++;
    }
    CHECK_NEAR(sum / MANY, 0.5, 0.003); /* 4.6 standard errors */
    CHECK_NEAR(squares / MANY, 1.0 / 3, 0.003);
    for (int i = 0; i < 10; i++)
        CHECK_NEAR(bins[i] / (double)MANY, 0.1, 0.003);
    for (int i = 0; i < 1000; i++) {
        double v = mel_rng_range(&rng, -3, 5);
        assert_true(v >= -3 && v < 5);
    }
}

static void normal_numbers_are_normal(void **state)
{
    (void)state;
    Rng rng = {.seed = 4};
    double moments[5] = {0};
    int within_one = 0;
    for (int i = 0; i < MANY; i++) {
        double x = mel_rng_normal(&rng), power = 1;
        assert_true(isfinite(x));
        for (int m = 1; m <= 4; m++)
            moments[m] += (power *= x);
        within_one += fabs(x) < 1;
    }
    CHECK_NEAR(moments[1] / MANY, 0, 0.01);
    CHECK_NEAR(moments[2] / MANY, 1, 0.015);
    CHECK_NEAR(moments[3] / MANY, 0, 0.04);
    CHECK_NEAR(moments[4] / MANY, 3, 0.12);
    CHECK_NEAR(within_one / (double)MANY, 0.6827, 0.005);
    assert_int_equal(rng.next, 2 * MANY); /* two words each, always */
}

static void integers_cover_their_range_evenly(void **state)
{
    (void)state;
    Rng rng = {.seed = 5};
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++)
        counts[mel_rng_int(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9500, 10500);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(mel_rng_int(&rng, 1), 0);
        assert_in_range(mel_rng_int(&rng, INT32_MAX), 0, INT32_MAX - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_answers_come_out),
        cmocka_unit_test(a_cursor_walks_the_blocks_of_its_stream),
        cmocka_unit_test(streams_and_seeds_differ),
        cmocka_unit_test(uniform_numbers_are_uniform),
        cmocka_unit_test(normal_numbers_are_normal),
        cmocka_unit_test(integers_cover_their_range_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
