/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tensor.h"

#include "engine/clones.h"

#include <string.h>

static const struct {
    const char *name;
    size_t size;
    bool is_float;
} dtypes[DTYPE_COUNT] = {
    [DTYPE_F32] = {"f32",  4, true },
      [DTYPE_BF16] = {"bf16", 2, true },
    [DTYPE_F16] = {"f16",  2, true },
      [DTYPE_F64] = {"f64",  8, true },
    [DTYPE_I64] = {"i64",  8, false},
      [DTYPE_I32] = {"i32",  4, false},
    [DTYPE_I16] = {"i16",  2, false},
      [DTYPE_I8] = {"i8",   1, false},
    [DTYPE_U8] = {"u8",   1, false},
      [DTYPE_BOOL] = {"bool", 1, false},
};

size_t mel_dtype_size(DType dtype)
{
    return dtypes[dtype].size;
}

const char *mel_dtype_name(DType dtype)
{
    return dtypes[dtype].name;
}

bool mel_dtype_is_float(DType dtype)
{
    return dtypes[dtype].is_float;
}

bool mel_shape_equal(const Shape *a, const Shape *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

int64_t mel_shape_count(const Shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dims[i];
    return count;
}

bool mel_shape_bytes(const Shape *shape, DType dtype, int64_t *count, int64_t *bytes)
{
    int64_t n = 1;
    if (shape->rank < 0 || shape->rank > RANK_MAX) return false;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0 || __builtin_mul_overflow(n, shape->dims[i], &n)) return false;
    *count = n;
    return !__builtin_mul_overflow(n, (int64_t)dtypes[dtype].size, bytes);
}

const char *mel_shape_text(const Shape *shape, char text[SHAPE_TEXT_SIZE])
{
    size_t at = 0;
    text[at++] = '[';
    for (int i = 0; i < shape->rank; i++)
        at += (size_t)snprintf(text + at, SHAPE_TEXT_SIZE - at, "%s%lld", i ? ", " : "",
                               (long long)shape->dims[i]);
    snprintf(text + at, SHAPE_TEXT_SIZE - at, "]");
    return text;
}

/* Without a branch, so that a loop of it becomes vectors. */
static inline float half_to_float(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, magnitude = (uint32_t)(bits & 0x7fff) << 13;
    uint32_t normal = magnitude + (112U << 23), endless = magnitude | 0x7f800000;
    uint32_t small = mel_f32_bits((float)(int32_t)(bits & 0x3ff) * 0x1p-24F); /* exact */
    uint32_t result = magnitude < 1U << 23 ? small : magnitude < 31U << 23 ? normal : endless;
    return mel_f32_of_bits(sign | result);
}

float mel_f16_to_f32(uint16_t bits)
{
    return half_to_float(bits);
}

uint16_t mel_f32_to_f16(float value)
{
    uint32_t bits = mel_f32_bits(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* rounds to 65536 or more */
    if (magnitude < 0x38800000) { /* below 2^-14: adding 0.5 rounds at 2^-24 */
        float shifted = mel_f32_of_bits(magnitude) + 0.5F;
        return (uint16_t)(sign | (mel_f32_bits(shifted) - mel_f32_bits(0.5F)));
    }
    magnitude += 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((magnitude >> 13) - (112 << 10)));
}

static double read_number(const void *from, DType dtype, int64_t i)
{
    switch (dtype) {
    case DTYPE_F32:
        return ((const float *)from)[i];
    case DTYPE_BF16:
        return mel_bf16_to_f32(((const uint16_t *)from)[i]);
    case DTYPE_F16:
        return mel_f16_to_f32(((const uint16_t *)from)[i]);
    case DTYPE_F64:
        return ((const double *)from)[i];
    case DTYPE_I64:
        return (double)((const int64_t *)from)[i];
    case DTYPE_I32:
        return ((const int32_t *)from)[i];
    case DTYPE_I16:
        return ((const int16_t *)from)[i];
    case DTYPE_I8:
        return ((const int8_t *)from)[i];
    case DTYPE_U8:
    case DTYPE_BOOL:
        return ((const uint8_t *)from)[i];
    }
    return 0;
}

static void write_number(void *to, DType dtype, int64_t i, double value)
{
    switch (dtype) {
    case DTYPE_F32:
        ((float *)to)[i] = (float)value;
        break;
    case DTYPE_BF16:
        ((uint16_t *)to)[i] = mel_f32_to_bf16((float)value);
        break;
    case DTYPE_F16:
        ((uint16_t *)to)[i] = mel_f32_to_f16((float)value);
        break;
    case DTYPE_F64:
        ((double *)to)[i] = value;
        break;
    case DTYPE_I64:
        ((int64_t *)to)[i] = (int64_t)value;
        break;
    case DTYPE_I32:
        ((int32_t *)to)[i] = (int32_t)value;
        break;
    case DTYPE_I16:
        ((int16_t *)to)[i] = (int16_t)value;
        break;
    case DTYPE_I8:
        ((int8_t *)to)[i] = (int8_t)value;
        break;
    case DTYPE_U8:
        ((uint8_t *)to)[i] = (uint8_t)value;
        break;
    case DTYPE_BOOL:
        ((uint8_t *)to)[i] = value != 0;
        break;
    }
}

/* ---- what weights and kernels go through ---------------------------------------------------- */

MEL_CLONES static void widen(const uint16_t *from, float *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = mel_bf16_to_f32(from[i]);
}

MEL_CLONES static void narrow(const float *from, uint16_t *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = mel_f32_to_bf16(from[i]);
}

MEL_CLONES static void widen_half(const uint16_t *from, float *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = half_to_float(from[i]);
}

/* f16 to bf16, by way of f32. */
static void round_half(const uint16_t *from, uint16_t *to, int64_t count)
{
    float buffer[1024];
    for (int64_t i = 0; i < count; i += MEL_COUNT(buffer)) {
        int64_t n = count - i < (int64_t)MEL_COUNT(buffer) ? count - i : (int64_t)MEL_COUNT(buffer);
        widen_half(from + i, buffer, n);
        narrow(buffer, to + i, n);
    }
}

void mel_convert(const void *from, DType from_type, void *to, DType to_type, int64_t count)
{
    if (from_type == to_type) {
        memcpy(to, from, (size_t)count * mel_dtype_size(to_type));
    } else if (from_type == DTYPE_BF16 && to_type == DTYPE_F32) {
        widen(from, to, count);
    } else if (from_type == DTYPE_F32 && to_type == DTYPE_BF16) {
        narrow(from, to, count);
    } else if (from_type == DTYPE_F16 && to_type == DTYPE_F32) {
        widen_half(from, to, count);
    } else if (from_type == DTYPE_F16 && to_type == DTYPE_BF16) {
        round_half(from, to, count);
    } else {
        for (int64_t i = 0; i < count; i++)
            write_number(to, to_type, i, read_number(from, from_type, i));
    }
}
