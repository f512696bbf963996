/* SPDX-License-Identifier: Apache-2.0
 *
 * Which places along one axis belong to which of another: said once, for the CPU's code and for the
 * kernels. */
#ifndef MEL_ENGINE_PLACES_H
#define MEL_ENGINE_PLACES_H

#include <stdint.h>

#ifdef __CUDACC__
#define MEL_HOST_AND_DEVICE __host__ __device__
#else
#define MEL_HOST_AND_DEVICE
#endif

/* Tokens begin … end-1. */
typedef struct Bin {
    int64_t begin, end;
} Bin;

/* The bin of output i of n > 0, over `count` tokens. */
MEL_HOST_AND_DEVICE static inline Bin bin_of(int64_t i, int64_t n, int64_t count)
{
    const Bin bin = {i * count / n, ((i + 1) * count + n - 1) / n};
    return bin;
}

/* How many outputs of sample b are bins; lengths outside are as the nearest inside. */
MEL_HOST_AND_DEVICE static inline int64_t bins_of(const void *lengths, int64_t b, int64_t most)
{
    if (!lengths) return most;
    const int64_t n = ((const int32_t *)lengths)[b];
    return n < 0 ? 0 : n > most ? most : n;
}

/* The sample that place i of the reflected signal shows; reflect < samples. */
MEL_HOST_AND_DEVICE static inline int64_t reflected(int64_t i, int64_t reflect, int64_t samples)
{
    i -= reflect;
    if (i < 0) return -i;
    return i < samples ? i : 2 * (samples - 1) - i;
}

#endif
