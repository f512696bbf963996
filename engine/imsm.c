/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/imsm.h"

#include "engine/onednn.h"
#include "engine/ops/rows.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum { ROWS = 128, TEXTS = 512, STRIP = 512 };

static bool all_finite(const float *numbers, int64_t count)
{
    float worst = 0; /* 0·x is not 0 for what is not finite */
    for (int64_t i = 0; i < count; i++)
        worst += 0 * numbers[i];
    return worst == 0;
}

static bool check_bank(const ImsmBank *b, Err *err)
{
    if (b->triplets < 1 || b->texts < 1 || b->picture_width < 1 || b->music_width < 1)
        return mel_err(err, ERR_USAGE, "purity needs at least one triplet and one text");
    bool finite = isfinite(b->picture_scale) && isfinite(b->music_scale) &&
                  all_finite(b->pictures, b->triplets * b->picture_width) &&
                  all_finite(b->picture_texts, b->texts * b->picture_width) &&
                  all_finite(b->music, b->triplets * b->music_width) &&
                  all_finite(b->music_texts, b->texts * b->music_width);
    return finite || mel_err(err, ERR_USAGE, "an embedding holds a number that is not finite");
}

/* Logits of some rows against some texts, [rows, step]. */
static void logits(const float *rows, int64_t count, const float *texts, int64_t text_count,
                   int64_t width, double scale, float *out, int64_t step)
{
    dnn_multiply(&(DnnProduct){.m = count,
                               .n = text_count,
                               .k = width,
                               .a_step = width,
                               .b_step = width,
                               .c_step = step,
                               .transpose_b = true,
                               .alpha = (float)scale},
                 rows, texts, out);
}

/* ---- the diagonal --------------------------------------------------------------------------- */

/* Two softmaxes and the sum of their products, carried along the texts. */
typedef struct Running {
    float top_p, top_q;
    double sum_p, sum_q, both;
} Running;

static void take_texts(Running *run, float *p, float *q, int64_t n)
{
    float top_p = fmaxf(run->top_p, row_largest(p, n)),
          top_q = fmaxf(run->top_q, row_largest(q, n));
    double shrink_p = exp((double)run->top_p - top_p), shrink_q = exp((double)run->top_q - top_q);
    run->sum_p = run->sum_p * shrink_p + row_exponentials(p, n, top_p);
    run->sum_q = run->sum_q * shrink_q + row_exponentials(q, n, top_q);
    run->both = run->both * shrink_p * shrink_q + row_dot(p, q, n);
    run->top_p = top_p;
    run->top_q = top_q;
}

static void purity_of_rows(const ImsmBank *b, int64_t first, int64_t rows, float *p, float *q,
                           double *purity)
{
    Running run[ROWS];
    for (int64_t i = 0; i < rows; i++)
        run[i] = (Running){.top_p = -FLT_MAX, .top_q = -FLT_MAX};
    for (int64_t text = 0; text < b->texts; text += TEXTS) {
        int64_t n = b->texts - text < TEXTS ? b->texts - text : TEXTS;
        logits(b->pictures + first * b->picture_width, rows,
               b->picture_texts + text * b->picture_width, n, b->picture_width, b->picture_scale, p,
               TEXTS);
        logits(b->music + first * b->music_width, rows, b->music_texts + text * b->music_width, n,
               b->music_width, b->music_scale, q, TEXTS);
        for (int64_t i = 0; i < rows; i++)
            take_texts(&run[i], p + i * TEXTS, q + i * TEXTS, n);
    }
    for (int64_t i = 0; i < rows; i++)
        purity[first + i] = run[i].both / (run[i].sum_p * run[i].sum_q);
}

bool mel_imsm(const ImsmBank *bank, double *purity, Err *err)
{
    if (!check_bank(bank, err)) return false;
    int threads = omp_get_max_threads();
    size_t each = (size_t)2 * ROWS * TEXTS;
    float *work = mel_try_alloc((size_t)threads * each, sizeof *work, SIZE_MAX, "purity", err);
    if (!work) return false;
#pragma omp parallel for schedule(dynamic)
    for (int64_t first = 0; first < bank->triplets; first += ROWS) {
        float *p = work + (size_t)omp_get_thread_num() * each;
        int64_t left = bank->triplets - first;
        if (mel_interrupted()) continue;
        purity_of_rows(bank, first, left < ROWS ? left : ROWS, p, p + ROWS * TEXTS, purity);
    }
    free(work);
    return !mel_interrupted() || mel_err(err, ERR_CANCELLED, "interrupted");
}

/* ---- with the released script's last softmax ------------------------------------------------ */

/* The softmaxes of `rows` rows over all texts, [rows, texts]. */
static void softmax_rows(const float *rows, int64_t count, const float *texts, int64_t text_count,
                         int64_t width, double scale, float *out)
{
    logits(rows, count, texts, text_count, width, scale, out, text_count);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++) {
        float *row = out + i * text_count;
        float sum = row_exponentials(row, text_count, row_largest(row, text_count));
        row_scale(row, text_count, 1 / sum);
    }
}

/* Adds Σ e^A_ij over the columns of one strip, and keeps e^A_ii. */
static void add_strip(const float *a, int64_t rows, int64_t columns, int64_t first_row,
                      int64_t first_column, double *sums, double *own)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double e = exp((double)a[i * STRIP + j]);
            sums[first_row + i] += e;
            if (first_row + i == first_column + j) own[first_row + i] = e;
        }
}

static void compat_strip(const ImsmBank *b, int64_t column, float *p, float *q, float *a,
                         double *sums, double *own)
{
    int64_t columns = b->triplets - column < STRIP ? b->triplets - column : STRIP;
    softmax_rows(b->music + column * b->music_width, columns, b->music_texts, b->texts,
                 b->music_width, b->music_scale, q);
    for (int64_t row = 0; row < b->triplets && !mel_interrupted(); row += STRIP) {
        int64_t rows = b->triplets - row < STRIP ? b->triplets - row : STRIP;
        softmax_rows(b->pictures + row * b->picture_width, rows, b->picture_texts, b->texts,
                     b->picture_width, b->picture_scale, p);
        logits(p, rows, q, columns, b->texts, 1, a, STRIP);
        add_strip(a, rows, columns, row, column, sums, own);
    }
}

bool mel_imsm_compat(const ImsmBank *bank, double *purity, Err *err)
{
    if (!check_bank(bank, err)) return false;
    size_t strip = (size_t)bank->texts * STRIP;
    float *work =
        mel_try_alloc(2 * strip + (size_t)STRIP * STRIP, sizeof *work, SIZE_MAX, "purity", err);
    double *sums = mel_try_alloc((size_t)bank->triplets, sizeof *sums, SIZE_MAX, "purity", err);
    bool ok = work && sums;
    for (int64_t column = 0; ok && column < bank->triplets; column += STRIP)
        compat_strip(bank, column, work, work + strip, work + 2 * strip, sums, purity);
    for (int64_t i = 0; ok && i < bank->triplets; i++)
        purity[i] /= sums[i];
    if (ok && mel_interrupted()) ok = mel_err(err, ERR_CANCELLED, "interrupted");
    free(work);
    free(sums);
    return ok;
}
