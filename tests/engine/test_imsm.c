/* SPDX-License-Identifier: Apache-2.0
 *
 * Purity beside its definition, written out with whole matrices. */
#include "engine/engine.h"
#include "tests/support/test.h"

#include <stdlib.h>

typedef struct Made {
    ImsmBank bank;
    float *numbers[4];
} Made;

static float *unit_rows(int64_t rows, int64_t width, uint64_t stream)
{
    float *numbers = mel_alloc((size_t)(rows * width) * sizeof *numbers);
    Rng rng = {.seed = 3, .stream = stream};
    for (int64_t i = 0; i < rows; i++) {
        double size = 0;
        for (int64_t j = 0; j < width; j++) {
            numbers[i * width + j] = (float)mel_rng_normal(&rng);
            size += numbers[i * width + j] * numbers[i * width + j];
        }
        for (int64_t j = 0; j < width; j++)
            numbers[i * width + j] /= (float)sqrt(size);
    }
    return numbers;
}

static Made make(int64_t triplets, int64_t texts, int64_t picture_width, int64_t music_width)
{
    Made made = {
        .numbers = {unit_rows(triplets, picture_width, 1), unit_rows(texts, picture_width, 2),
                    unit_rows(triplets, music_width, 3), unit_rows(texts, music_width, 4)}
    };
    made.bank = (ImsmBank){.triplets = triplets,
                           .texts = texts,
                           .picture_width = picture_width,
                           .music_width = music_width,
                           .pictures = made.numbers[0],
                           .picture_texts = made.numbers[1],
                           .music = made.numbers[2],
                           .music_texts = made.numbers[3],
                           .picture_scale = 100,
                           .music_scale = 18.6};
    return made;
}

static void forget(Made *made)
{
    for (int i = 0; i < 4; i++)
        free(made->numbers[i]);
}

/* softmax over texts, [rows, texts] */
static double *softmaxes(const float *rows, int64_t count, const float *texts, int64_t text_count,
                         int64_t width, double scale)
{
    double *out = mel_alloc((size_t)(count * text_count) * sizeof *out);
    for (int64_t i = 0; i < count; i++) {
        double *row = out + i * text_count, top = -1e300, sum = 0;
        for (int64_t j = 0; j < text_count; j++) {
            for (int64_t d = 0; d < width; d++)
                row[j] += scale * (double)rows[i * width + d] * (double)texts[j * width + d];
            top = fmax(top, row[j]);
        }
        for (int64_t j = 0; j < text_count; j++)
            sum += row[j] = exp(row[j] - top);
        for (int64_t j = 0; j < text_count; j++)
            row[j] /= sum;
    }
    return out;
}

/* The whole matrix A = P·Qᵀ. */
static double *definition(const ImsmBank *b)
{
    double *p = softmaxes(b->pictures, b->triplets, b->picture_texts, b->texts, b->picture_width,
                          b->picture_scale);
    double *q =
        softmaxes(b->music, b->triplets, b->music_texts, b->texts, b->music_width, b->music_scale);
    double *a = mel_alloc((size_t)(b->triplets * b->triplets) * sizeof *a);
    for (int64_t i = 0; i < b->triplets; i++)
        for (int64_t j = 0; j < b->triplets; j++)
            for (int64_t t = 0; t < b->texts; t++)
                a[i * b->triplets + j] += p[i * b->texts + t] * q[j * b->texts + t];
    free(p);
    free(q);
    return a;
}

static void check(int64_t triplets, int64_t texts, int64_t picture_width, int64_t music_width)
{
    Err err = {0};
    Made made = make(triplets, texts, picture_width, music_width);
    double *a = definition(&made.bank), *purity = mel_alloc((size_t)triplets * sizeof *purity);
    CHECK_OK(mel_imsm(&made.bank, purity, &err));
    for (int64_t i = 0; i < triplets; i++)
        CHECK_NEAR(purity[i], a[i * triplets + i], 1e-5);
    CHECK_OK(mel_imsm_compat(&made.bank, purity, &err));
    for (int64_t i = 0; i < triplets; i++) {
        double sum = 0;
        for (int64_t j = 0; j < triplets; j++)
            sum += exp(a[i * triplets + j]);
        CHECK_NEAR(purity[i], exp(a[i * triplets + i]) / sum, 1e-5);
    }
    free(a);
    free(purity);
    forget(&made);
}

static void purity_equals_the_product_of_whole_matrices(void **state)
{
    (void)state;
    check(1, 1, 4, 4);
    check(3, 2, 8, 5);
    check(130, 130, 16, 12); /* a tile and a bit */
    check(40, 1100, 16, 16); /* more texts than two tiles hold */
    check(600, 50, 8, 8);    /* more than one strip */
}

static void matching_triplets_are_purer_than_shuffled_ones(void **state)
{
    (void)state;
    Err err = {0};
    enum { N = 200, WIDTH = 32 };
    Made made = make(N, N, WIDTH, WIDTH);
    double right[N], wrong[N], sum_right = 0, sum_wrong = 0;
    made.bank.pictures = made.bank.picture_texts; /* each is its own text's */
    made.bank.music = made.bank.music_texts;
    CHECK_OK(mel_imsm(&made.bank, right, &err));
    float *shifted = unit_rows(N, WIDTH, 9);
    for (int i = 0; i < N; i++)
        for (int d = 0; d < WIDTH; d++)
            shifted[i * WIDTH + d] = made.bank.music_texts[(i + 1) % N * WIDTH + d];
    made.bank.music = shifted;
    CHECK_OK(mel_imsm(&made.bank, wrong, &err));
    for (int i = 0; i < N; i++) {
        sum_right += right[i] / N;
        sum_wrong += wrong[i] / N;
    }
    assert_true(sum_right > 0.5 && sum_wrong < 0.01);
    free(shifted);
    forget(&made);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    double purity[3];
    Made made = make(3, 3, 4, 4);
    made.numbers[2][5] = NAN;
    CHECK_FAILS(mel_imsm(&made.bank, purity, &err), ERR_USAGE);
    made.numbers[2][5] = 0;
    made.bank.picture_scale = INFINITY;
    CHECK_FAILS(mel_imsm(&made.bank, purity, &err), ERR_USAGE);
    made.bank.picture_scale = 100;
    made.bank.texts = 0;
    CHECK_FAILS(mel_imsm(&made.bank, purity, &err), ERR_USAGE);
    forget(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purity_equals_the_product_of_whole_matrices),
        cmocka_unit_test(matching_triplets_are_purer_than_shuffled_ones),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
