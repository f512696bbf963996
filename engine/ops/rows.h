/* SPDX-License-Identifier: Apache-2.0
 *
 * What normalisations do with a row of floats, and whose scratch they do it in. */
#ifndef MEL_ENGINE_ROWS_H
#define MEL_ENGINE_ROWS_H

#include <omp.h>
#include <stdint.h>

float row_largest(const float *row, int64_t n); /* -FLT_MAX for none */

/* row = e^(row - top); returns the sum. */
float row_exponentials(float *row, int64_t n, float top);

/* The same, rounded to bf16 into `bits`; the sum is of what was rounded. */
float row_exponentials_bf16(const float *row, uint16_t *bits, int64_t n, float top);

float row_dot(const float *a, const float *b, int64_t n);
void row_scale(float *row, int64_t n, float factor);

/* Parts of so many bytes, one behind the other, each at a multiple of 64: how many bytes they take
 * up, and, unless parts is NULL, where in `memory` they begin. */
int64_t scratch_parts(const int64_t *bytes, int count, void *memory, void **parts);

/* For scratch of each thread's own. */
static inline int64_t thread_number(void)
{
    return omp_get_thread_num();
}

static inline int64_t thread_limit(void)
{
    return omp_get_max_threads();
}

#endif
