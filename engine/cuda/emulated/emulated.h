/* SPDX-License-Identifier: Apache-2.0
 *
 * CUDA as far as Melkit's kernels use it, on the CPU and for tests alone: blocks run one after
 * another, the threads of a block as coroutines that change at barriers, shuffles and matrix
 * instructions. Stricter than a GPU: a barrier that some threads of a block never reach, or a
 * shuffle that some lanes of a warp do not take part in, ends the program with the kernel's name;
 * shared and fresh memory is filled with NaN. emulated_reverse runs the threads in the other order,
 * which makes a missing barrier show. */
#ifndef MEL_CUDA_EMULATED_H
#define MEL_CUDA_EMULATED_H

#include "engine/cuda/emulated/order.h"

#include <algorithm>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(n) alignas(n)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

void emulated_launch(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
                     const std::function<void()> &body);
void *emulated_shared(void);

#define DYNAMIC_SHARED(T, name) T *name = (T *)emulated_shared()

template <typename Kernel> bool allow_shared(Kernel, int)
{
    return true;
}

/* ---- inside a kernel ------------------------------------------------------------------------ */

void __syncthreads(void);
void __syncwarp(unsigned mask = 0xffffffffu);

/* Every lane gives 8 bytes and gets those of lane `from`; lanes of one warp only, all of them. */
uint64_t emulated_exchange(uint64_t mine, int from);
int emulated_lane(void);

template <typename T> T emulated_shuffle(unsigned mask, T x, int from)
{
    static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
    if (mask != 0xffffffffu) abort(); /* part of a warp: not used here */
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof x);
    bits = emulated_exchange(bits, from);
    memcpy(&x, &bits, sizeof x);
    return x;
}

template <typename T> T __shfl_xor_sync(unsigned mask, T x, int lanes)
{
    return emulated_shuffle(mask, x, emulated_lane() ^ lanes);
}

template <typename T> T __shfl_sync(unsigned mask, T x, int from)
{
    return emulated_shuffle(mask, x, from & 31);
}

template <typename T> T __shfl_down_sync(unsigned mask, T x, int lanes)
{
    const int from = emulated_lane() + lanes;
    return emulated_shuffle(mask, x, from < 32 ? from : emulated_lane());
}

template <typename T> T __shfl_up_sync(unsigned mask, T x, int lanes)
{
    const int from = emulated_lane() - lanes;
    return emulated_shuffle(mask, x, from >= 0 ? from : emulated_lane());
}

/* Bit i of the result is lane i's answer. */
unsigned __ballot_sync(unsigned mask, int answer);

static inline int __ffs(int bits)
{
    return __builtin_ffs(bits);
}

/* As in device_code.h. */
void mma_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void load_matrices(uint32_t (&to)[4], const void *row);
void load_transposed(uint32_t (&to)[4], const void *row);

static inline void copy16_async(void *shared, const void *from)
{
    if ((uintptr_t)shared % 16 || (uintptr_t)from % 16) abort();
    memcpy(shared, from, 16);
}

static inline void copy16_commit(void)
{
}
template <int left> void copy16_wait(void)
{
}

static inline float __uint_as_float(uint32_t bits)
{
    return mel_f32_of_bits(bits);
}

static inline uint32_t __float_as_uint(float x)
{
    return mel_f32_bits(x);
}

static inline uint16_t bf16_bits(float x)
{
    return mel_f32_to_bf16(x);
}

static inline float rsqrtf(float x)
{
    return 1 / sqrtf(x);
}

static inline float fast_exp(float x)
{
    return expf(x);
}

template <typename T> T atomicAdd(T *to, T x)
{
    const T before = *to;
    *to = before + x;
    return before;
}

using std::max;
using std::min;

#endif
