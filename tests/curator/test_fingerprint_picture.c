/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/fingerprint.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 160, HEIGHT = 90 };

/* A made-up picture: some soft blobs on a slope, at any size. */
static void paint(uint8_t *luma, int width, int height, ptrdiff_t stride, uint64_t seed)
{
    enum { BLOBS = 12 };
    double at[BLOBS][4];
    Rng rng = {.seed = seed};
    for (int i = 0; i < BLOBS; i++) {
        at[i][0] = mel_rng_uniform(&rng);
        at[i][1] = mel_rng_uniform(&rng);
        at[i][2] = mel_rng_range(&rng, 0.03, 0.3);
        at[i][3] = mel_rng_range(&rng, -90, 90);
    }
    double slope = mel_rng_range(&rng, -40, 40);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double u = (x + 0.5) / width, v = (y + 0.5) / height, sum = 128 + slope * (u - v);
            for (int i = 0; i < BLOBS; i++) {
                double dx = (u - at[i][0]) / at[i][2], dy = (v - at[i][1]) / at[i][2];
                sum += at[i][3] * exp(-dx * dx - dy * dy);
            }
            luma[y * stride + x] = (uint8_t)fmax(0, fmin(255, sum));
        }
}

static uint64_t painted_hash(int width, int height, uint64_t seed)
{
    uint8_t *luma = mel_alloc((size_t)width * (size_t)height);
    paint(luma, width, height, width, seed);
    uint64_t hash = mel_picture_hash(luma, width, height, width);
    free(luma);
    return hash;
}

static void distance_counts_bits(void **state)
{
    (void)state;
    assert_int_equal(mel_picture_distance(0, 0), 0);
    assert_int_equal(mel_picture_distance(0, UINT64_MAX), 64);
    assert_int_equal(mel_picture_distance(0x0f, 0xf0), 8);
}

static void half_of_the_63_bits_are_set(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        uint64_t hash = painted_hash(WIDTH, HEIGHT, seed);
        assert_int_equal(hash & 1, 0);
        assert_in_range(__builtin_popcountll(hash), 20, 31);
    }
}

static void flat_pictures_hash_to_zero(void **state)
{
    (void)state;
    uint8_t luma[WIDTH * HEIGHT];
    Rng rng = {.seed = 1};
    for (int level = 0; level < 256; level += 51) {
        memset(luma, level, sizeof luma);
        assert_true(mel_picture_hash(luma, WIDTH, HEIGHT, WIDTH) == 0);
        for (size_t i = 0; i < sizeof luma; i++) /* the noise of a codec does not count */
            luma[i] = (uint8_t)(level < 255 ? level + mel_rng_int(&rng, 2) : 255);
        assert_true(mel_picture_hash(luma, WIDTH, HEIGHT, WIDTH) == 0);
    }
}

static void the_same_picture_at_another_size_is_near(void **state)
{
    (void)state;
    static const int sizes[][2] = {
        {1920, 1080},
        {640,  360 },
        {333,  187 },
        {64,   36  },
        {32,   32  },
        {31,   17  }
    };
    for (uint64_t seed = 0; seed < 10; seed++) {
        uint64_t hash = painted_hash(WIDTH, HEIGHT, seed);
        for (size_t i = 0; i < MEL_COUNT(sizes); i++)
            assert_in_range(
                mel_picture_distance(hash, painted_hash(sizes[i][0], sizes[i][1], seed)), 0, 6);
    }
}

/* Block means, coarse levels and noise stand for a bad JPEG; gain and offset for another grading.
 */
static void a_compressed_or_regraded_picture_is_near(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        uint8_t luma[WIDTH * HEIGHT], bad[WIDTH * HEIGHT];
        Rng rng = {.seed = seed, .stream = 2};
        paint(luma, WIDTH, HEIGHT, WIDTH, seed);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                int block = luma[(y & ~1) * WIDTH + (x & ~1)] / 8 * 8;
                double v = 20 + 0.8 * block + 6 * mel_rng_normal(&rng);
                bad[y * WIDTH + x] = (uint8_t)fmax(0, fmin(255, v));
            }
        assert_in_range(mel_picture_distance(mel_picture_hash(luma, WIDTH, HEIGHT, WIDTH),
                                             mel_picture_hash(bad, WIDTH, HEIGHT, WIDTH)),
                        0, 8);
    }
}

static void different_pictures_are_far(void **state)
{
    (void)state;
    enum { N = 200 };
    uint64_t hashes[N];
    int near = 0, nearest = 64;
    for (uint64_t i = 0; i < N; i++)
        hashes[i] = painted_hash(WIDTH, HEIGHT, 1000 + i);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < i; j++) {
            int distance = mel_picture_distance(hashes[i], hashes[j]);
            near += distance <= 8;
            nearest = distance < nearest ? distance : nearest;
        }
    print_message("nearest of %d different pairs: %d bits\n", N * (N - 1) / 2, nearest);
    assert_int_equal(near, 0);
}

static void the_stride_and_what_lies_beside_the_picture_do_not_matter(void **state)
{
    (void)state;
    static uint8_t wide[HEIGHT * 200], narrow[HEIGHT * WIDTH];
    memset(wide, 0xee, sizeof wide);
    paint(wide, WIDTH, HEIGHT, 200, 3);
    paint(narrow, WIDTH, HEIGHT, WIDTH, 3);
    assert_true(mel_picture_hash(wide, WIDTH, HEIGHT, 200) ==
                mel_picture_hash(narrow, WIDTH, HEIGHT, WIDTH));
}

static void tiny_pictures_are_hashed(void **state)
{
    (void)state;
    static const uint8_t luma[6] = {0, 200, 30, 255, 10, 90};
    assert_true(mel_picture_hash(luma, 3, 2, 3) != 0);
    assert_true(mel_picture_hash(luma, 1, 1, 1) == 0);
    assert_true(mel_picture_hash(luma, 1, 6, 1) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_bits),
        cmocka_unit_test(half_of_the_63_bits_are_set),
        cmocka_unit_test(flat_pictures_hash_to_zero),
        cmocka_unit_test(the_same_picture_at_another_size_is_near),
        cmocka_unit_test(a_compressed_or_regraded_picture_is_near),
        cmocka_unit_test(different_pictures_are_far),
        cmocka_unit_test(the_stride_and_what_lies_beside_the_picture_do_not_matter),
        cmocka_unit_test(tiny_pictures_are_hashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
