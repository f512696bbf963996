/* SPDX-License-Identifier: Apache-2.0
 *
 * Types and shapes of n-d arrays. Arrays are contiguous, the last axis runs fastest; pictures and
 * everything that a network makes of them are NHWC. */
#ifndef MEL_ENGINE_TENSOR_H
#define MEL_ENGINE_TENSOR_H

#include "base/base.h"

#include <string.h>

typedef enum DType {
    DTYPE_F32,
    DTYPE_BF16,
    DTYPE_F16,
    DTYPE_F64,
    DTYPE_I64,
    DTYPE_I32,
    DTYPE_I16,
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_BOOL, /* one byte, 0 or 1 */
} DType;
enum { DTYPE_COUNT = DTYPE_BOOL + 1 };

size_t mel_dtype_size(DType dtype);      /* bytes of one element */
const char *mel_dtype_name(DType dtype); /* "f32", … */
bool mel_dtype_is_float(DType dtype);

enum { RANK_MAX = 6 };

typedef struct Shape {
    int rank; /* 0 is a single number */
    int64_t dims[RANK_MAX];
} Shape;

/* SHAPE(2, 64, 64, 4) */
#define SHAPE(...)                                                                                 \
    ((Shape){.rank = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                    \
             .dims = {__VA_ARGS__}})

bool mel_shape_equal(const Shape *a, const Shape *b);
int64_t mel_shape_count(const Shape *shape); /* elements; the product must fit, see below */

/* Elements and bytes with every product checked; false on overflow or a negative dimension. */
bool mel_shape_bytes(const Shape *shape, DType dtype, int64_t *count, int64_t *bytes);

enum { SHAPE_TEXT_SIZE = 160 };
const char *mel_shape_text(const Shape *shape, char text[SHAPE_TEXT_SIZE]); /* "[2, 64, 64, 4]" */

/* An array in memory that somebody else owns. */
typedef struct Tensor {
    DType dtype;
    Shape shape;
    void *data;
} Tensor;

/* A float as the bits that it is, and back. */
static inline uint32_t mel_f32_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float mel_f32_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* bfloat16 and IEEE half: the bits, to and from float; rounding to nearest, ties to even. */
static inline float mel_bf16_to_f32(uint16_t bits)
{
    return mel_f32_of_bits((uint32_t)bits << 16);
}

/* The nearest number of bf16, as the f32 that it is; not for NaN. */
static inline float mel_rounded_to_bf16(float number)
{
    uint32_t bits = mel_f32_bits(number);
    return mel_f32_of_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
}

/* A NaN stays one. Without a branch: loops of it become vectors. */
static inline uint16_t mel_f32_to_bf16(float value)
{
    uint32_t rounded = mel_f32_bits(mel_rounded_to_bf16(value)), bits = mel_f32_bits(value);
    bool nan = (bits & 0x7fffffff) > 0x7f800000;
    return (uint16_t)((nan ? bits | 0x400000 : rounded) >> 16);
}

float mel_f16_to_f32(uint16_t bits);
uint16_t mel_f32_to_f16(float value);

/* `count` numbers of any type as another; to an integer type, towards zero. */
void mel_convert(const void *from, DType from_type, void *to, DType to_type, int64_t count);

#endif
