/* SPDX-License-Identifier: Apache-2.0
 *
 * NumPy's legacy generator, RandomState: MT19937 (Matsumoto and Nishimura, 1998). For repeating
 * published evaluations only; everything of ours uses base/rng.h. */
#ifndef MEL_ENGINE_MT19937_H
#define MEL_ENGINE_MT19937_H

#include <stdint.h>

typedef struct Mt19937 {
    uint32_t words[624];
    int next;
} Mt19937;

void mt19937_seed(Mt19937 *mt, uint32_t seed);
uint32_t mt19937_u32(Mt19937 *mt);

/* RandomState.permutation(n): order[i] is the i-th of the shuffled numbers 0 … n-1. */
void mt19937_permutation(Mt19937 *mt, int64_t n, int64_t *order);

#endif
