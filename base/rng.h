/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers from one counter-based generator, Philox-4x32-10 (Salmon et al., "Parallel
 * Random Numbers: As Easy as 1, 2, 3", SC 2011): the value at (seed, stream, index) is a pure
 * function, so every device and every order of evaluation gives the same numbers. */
#ifndef MEL_BASE_RNG_H
#define MEL_BASE_RNG_H

#include <stdint.h>

/* The 128-bit block at (seed, stream, block). */
void mel_philox(uint64_t seed, uint64_t stream, uint64_t block, uint32_t out[4]);

/* A cursor over one stream. */
typedef struct Rng {
    uint64_t seed, stream, next; /* next 32-bit word */
} Rng;

uint32_t mel_rng_u32(Rng *rng);
double mel_rng_uniform(Rng *rng); /* [0, 1), 32 bits of it */
double mel_rng_range(Rng *rng, double a, double b);
int mel_rng_int(Rng *rng, int n); /* 0 … n-1 */
double mel_rng_normal(Rng *rng);  /* mean 0, variance 1 (Box-Muller, two words) */

#endif
