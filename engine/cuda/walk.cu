/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/walk.h"

enum { THREADS = 256 };

bool walk_pack(Strided *walk, int operands, int n)
{
    const int last = walk->rank - 1;
    if (walk->dims[last] % n) return false;
    for (int k = 0; k < operands; k++) {
        const int64_t step = walk->strides[k][last];
        if (step != 1 && (step != 0 || k == 0)) return false;
        for (int i = 0; i < last && step == 1; i++)
            if (walk->strides[k][i] % n) return false;
    }
    walk->dims[last] /= n;
    for (int k = 0; k < operands; k++)
        walk->strides[k][last] *= n;
    return true;
}

template <typename T, int N, typename Index>
static __global__ void copy_kernel(Strided walk, int64_t count, T *to, const T *from)
{
    for (EACH_INDEX(i, count)) {
        int64_t at[2];
        walk_at<2, Index>(walk, (Index)i, at);
        *(Pack<T, N> *)(to + at[0]) = *(const Pack<T, N> *)(from + at[1]);
    }
}

template <typename T, int N>
static void start_copy(const CudaCall *call, const Strided *walk, void *to, const void *from)
{
    const int64_t count = walk_count(walk);
    WITH_INDEX(count, Index,
               LAUNCH((copy_kernel<T, N, Index>), blocks_for(count, THREADS), THREADS, 0, call,
                      *walk, count, (T *)to, (const T *)from));
}

template <typename T>
static void copy_any(const CudaCall *call, Strided walk, void *to, const void *from)
{
    constexpr int N = pack_size<T>;
    strided_fold(&walk);
    const bool whole = walk.strides[1][walk.rank - 1] == 1 && all_aligned(to, from);
    if (whole && walk_pack(&walk, 2, N))
        start_copy<T, N>(call, &walk, to, from);
    else
        start_copy<T, 1>(call, &walk, to, from);
}

bool walk_copy(const CudaCall *call, const Strided *walk, void *to, const void *from, size_t size,
               Err *err)
{
    if (walk_count(walk) == 0) return true;
    if (size == 2)
        copy_any<uint16_t>(call, *walk, to, from);
    else if (size == 4)
        copy_any<uint32_t>(call, *walk, to, from);
    else
        return mel_err(err, ERR_DEVICE, "elements of %zu bytes cannot be copied", size);
    return cuda_started(err);
}
