/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/mt19937.h"

enum { WORDS = 624, SHIFT = 397 };

void mt19937_seed(Mt19937 *mt, uint32_t seed)
{
    mt->words[0] = seed;
    for (uint32_t i = 1; i < WORDS; i++)
        mt->words[i] = 1812433253U * (mt->words[i - 1] ^ mt->words[i - 1] >> 30) + i;
    mt->next = WORDS;
}

static void refill(Mt19937 *mt)
{
    for (int i = 0; i < WORDS; i++) {
        uint32_t y = (mt->words[i] & 0x80000000U) | (mt->words[(i + 1) % WORDS] & 0x7fffffffU);
        mt->words[i] = mt->words[(i + SHIFT) % WORDS] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfU : 0);
    }
    mt->next = 0;
}

uint32_t mt19937_u32(Mt19937 *mt)
{
    if (mt->next >= WORDS) refill(mt);
    uint32_t y = mt->words[mt->next++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680U;
    y ^= y << 15 & 0xefc60000U;
    return y ^ y >> 18;
}

/* 0 … last, by throwing away what is too large. */
static uint32_t up_to(Mt19937 *mt, uint32_t last)
{
    uint32_t mask = last, value;
    for (int shift = 1; shift < 32; shift *= 2)
        mask |= mask >> shift;
    do
        value = mt19937_u32(mt) & mask;
    while (value > last);
    return value;
}

void mt19937_permutation(Mt19937 *mt, int64_t n, int64_t *order)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = up_to(mt, (uint32_t)i), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
