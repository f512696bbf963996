/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks over arrays whose axes have steps of their own (ops/strided.h), one element a thread. */
#ifndef MEL_CUDA_WALK_H
#define MEL_CUDA_WALK_H

#include "engine/cuda/kernel.h"

static inline int64_t walk_count(const Strided *walk)
{
    int64_t count = 1;
    for (int i = 0; i < walk->rank; i++)
        count *= walk->dims[i];
    return count;
}

/* Where the i-th element lies in each of the first K operands. Index is uint32_t where the walk has
 * fewer than 2^31 elements (division is much cheaper so). */
template <int K, typename Index>
__device__ __forceinline__ void walk_at(const Strided &walk, Index i, int64_t (&at)[K])
{
    for (int k = 0; k < K; k++)
        at[k] = 0;
    for (int axis = walk.rank - 1; axis >= 0; axis--) {
        const Index dim = (Index)walk.dims[axis], place = axis ? i % dim : i;
        if (axis) i /= dim;
        for (int k = 0; k < K; k++)
            at[k] += (int64_t)place * walk.strides[k][axis];
    }
}

/* WITH_INDEX(count, Index, statement) */
#define WITH_INDEX(count, Index, ...)                                                              \
    do {                                                                                           \
        if ((count) < INT32_MAX) {                                                                 \
            using Index = uint32_t;                                                                \
            __VA_ARGS__;                                                                           \
        } else {                                                                                   \
            using Index = uint64_t;                                                                \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
    } while (0)

/* The last axis in packs of n, where every one of the first `operands` operands has step 1 along it
 * or (but for operand 0) step 0, and every other step keeps packs whole: the walk over packs is
 * then the same with a shorter last axis. False, and the walk as it was, where it cannot be. */
bool walk_pack(Strided *walk, int operands, int n);

/* to ← from along the walk (operand 0 is written, 1 is read), elements of 2 or 4 bytes. */
bool walk_copy(const CudaCall *call, const Strided *walk, void *to, const void *from, size_t size,
               Err *err);

#endif
