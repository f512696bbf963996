/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/rows.h"

#include "engine/ops/simd.h"

#include <float.h>

MEL_CLONES float row_largest(const float *row, int64_t n)
{
    float top = -FLT_MAX;
#pragma omp simd reduction(max : top)
    for (int64_t i = 0; i < n; i++)
        top = row[i] > top ? row[i] : top;
    return top;
}

MEL_CLONES float row_exponentials(float *row, int64_t n, float top)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        float e = simd_exp_below(row[i] - top);
        row[i] = e;
        sum += e;
    }
    return sum;
}

/* Exponentials are numbers: no NaN to keep, unlike mel_convert. */
MEL_CLONES float row_exponentials_bf16(const float *row, uint16_t *bits, int64_t n, float top)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        float e = simd_exp_below(row[i] - top), rounded;
        uint32_t word;
        memcpy(&word, &e, sizeof word);
        word = (word + 0x7fff + (word >> 16 & 1)) >> 16;
        bits[i] = (uint16_t)word;
        word <<= 16;
        memcpy(&rounded, &word, sizeof rounded);
        sum += rounded;
    }
    return sum;
}

MEL_CLONES float row_dot(const float *a, const float *b, int64_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

MEL_CLONES void row_scale(float *row, int64_t n, float factor)
{
    for (int64_t i = 0; i < n; i++)
        row[i] *= factor;
}
