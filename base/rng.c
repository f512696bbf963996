/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include <math.h>

static const double two_pi = 6.283185307179586;

void mel_philox(uint64_t seed, uint64_t stream, uint64_t block, uint32_t out[4])
{
    uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream,
                     (uint32_t)(stream >> 32)};
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53U * c[0];
        uint64_t p1 = (uint64_t)0xCD9E8D57U * c[2];
        uint32_t x0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        uint32_t x2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[0] = x0;
        c[1] = (uint32_t)p1;
        c[2] = x2;
        c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

uint32_t mel_rng_u32(Rng *rng)
{
    uint32_t block[4];
    mel_philox(rng->seed, rng->stream, rng->next / 4, block);
    return block[rng->next++ % 4];
}

double mel_rng_uniform(Rng *rng)
{
    return mel_rng_u32(rng) / 4294967296.0;
}

double mel_rng_range(Rng *rng, double a, double b)
{
    return a + (b - a) * mel_rng_uniform(rng);
}

int mel_rng_int(Rng *rng, int n)
{
    return (int)(((uint64_t)mel_rng_u32(rng) * (uint64_t)n) >> 32);
}

double mel_rng_normal(Rng *rng)
{
    double u = (mel_rng_u32(rng) + 1.0) / 4294967296.0;
    double v = mel_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(two_pi * v);
}
