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

MEL_CLONES float row_exponentials_bf16(const float *row, uint16_t *bits, int64_t n, float top)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        float e = mel_rounded_to_bf16(simd_exp_below(row[i] - top));
        bits[i] = (uint16_t)(mel_f32_bits(e) >> 16);
        sum += e;
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

int64_t scratch_parts(const int64_t *bytes, int count, void *memory, void **parts)
{
    int64_t at = 0;
    for (int i = 0; i < count; i++) {
        if (parts) parts[i] = (char *)memory + at;
        at += (bytes[i] + 63) / 64 * 64;
    }
    return at;
}
