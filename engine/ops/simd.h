/* SPDX-License-Identifier: Apache-2.0
 *
 * What fast kernels share: functions that a compiler can turn into vectors, and rows of bf16 as
 * rows of float. */
#ifndef MEL_ENGINE_SIMD_H
#define MEL_ENGINE_SIMD_H

#include "engine/clones.h"
#include "engine/tensor.h"

#include <math.h>

/* e^x of x ≤ 88.3 within 2 units in the last place; 0 below -87.3. */
static inline float simd_exp_below(float x)
{
    float clamped = x > -87.3F ? x : -87.3F;
    float shifted = clamped * 1.44269504F + 12582912.0F; /* its last bits: an integer, n */
    float n = shifted - 12582912.0F;
    float f = clamped - n * 0.693359375F + n * 2.12194440e-4F;
    float p = 1.3888889e-3F;
    p = p * f + 8.3333333e-3F;
    p = p * f + 4.1666668e-2F;
    p = p * f + 1.6666667e-1F;
    p = p * f + 0.5F;
    p = p * f + 1.0F;
    p = p * f + 1.0F;
    p = mel_f32_of_bits(mel_f32_bits(p) + (mel_f32_bits(shifted) << 23)); /* p · 2^n */
    return x > -87.3F ? p : 0.0F;
}

/* The same of any x; e^88.3 above. */
static inline float simd_exp(float x)
{
    return simd_exp_below(x < 88.3F ? x : 88.3F);
}

/* Abramowitz and Stegun 7.1.26: within 1.5e-7. */
static inline float simd_erf(float x)
{
    float z = fabsf(x), t = 1.0F / (1.0F + 0.3275911F * z);
    float p = 1.061405429F;
    p = p * t - 1.453152027F;
    p = p * t + 1.421413741F;
    p = p * t - 0.284496736F;
    p = p * t + 0.254829592F;
    float y = 1.0F - p * t * simd_exp(-z * z);
    return x < 0 ? -y : y;
}

static inline float simd_sigmoid(float x)
{
    return 1.0F / (1.0F + simd_exp(-x));
}

static inline float simd_tanh(float x)
{
    float e = simd_exp(-2.0F * fabsf(x));
    float y = fabsf(x) < 0.02F ? fabsf(x) * (1.0F - x * x * 0.33333333F) : (1.0F - e) / (1.0F + e);
    return x < 0 ? -y : y;
}

enum { SIMD_CHUNK = 1024 };

/* `count` ≤ SIMD_CHUNK numbers from `offset` on: where they lie, or converted into buffer. */
static inline const float *simd_load(const void *from, DType dtype, int64_t offset, int64_t count,
                                     float buffer[SIMD_CHUNK])
{
    if (dtype == DTYPE_F32) return (const float *)from + offset;
    mel_convert((const uint16_t *)from + offset, dtype, buffer, DTYPE_F32, count);
    return buffer;
}

/* Where a kernel writes those numbers, and their way home. */
static inline float *simd_target(void *to, DType dtype, int64_t offset, float buffer[SIMD_CHUNK])
{
    return dtype == DTYPE_F32 ? (float *)to + offset : buffer;
}

static inline void simd_store(void *to, DType dtype, int64_t offset, int64_t count,
                              const float buffer[SIMD_CHUNK])
{
    if (dtype == DTYPE_F32) return;
    mel_convert(buffer, DTYPE_F32, (uint16_t *)to + offset, dtype, count);
}

#endif
