/* SPDX-License-Identifier: Apache-2.0
 *
 * The language in which the .cu files are written. They are compiled by nvcc for a GPU, and by a
 * C++ compiler for the tests, with emulated.h in the place of CUDA's headers: the same blocks,
 * threads, barriers, shuffles and matrix instructions, on the CPU. What a kernel uses and
 * emulated.h lacks must be added there. */
#ifndef MEL_CUDA_KERNEL_H
#define MEL_CUDA_KERNEL_H

#include <cfloat>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/cuda/cuda_op.h"
extern "C" {
#include "engine/ops/attrs.h"
}

#ifdef MEL_EMULATED
#include "engine/cuda/emulated/emulated.h"
#else
#include "engine/cuda/device_code.h"
#endif

/* ---- numbers -------------------------------------------------------------------------------- */

/* bfloat16, as it lies in memory. Kernels compute in float. */
struct Bf16 {
    uint16_t bits;
};

static __device__ __forceinline__ float to_float(float x)
{
    return x;
}

static __device__ __forceinline__ float to_float(Bf16 x)
{
    return __uint_as_float((uint32_t)x.bits << 16);
}

template <typename T> __device__ __forceinline__ T from_float(float x);

template <> __device__ __forceinline__ float from_float<float>(float x)
{
    return x;
}

template <> __device__ __forceinline__ Bf16 from_float<Bf16>(float x)
{
    return Bf16{bf16_bits(x)};
}

/* Two of them in one register, the first in the lower half. */
static __device__ __forceinline__ uint32_t bf16_pair(float first, float second)
{
    return (uint32_t)bf16_bits(first) | (uint32_t)bf16_bits(second) << 16;
}

/* N neighbours, read or written by one instruction where N · sizeof(T) is at most 16; the address
 * must be a multiple of that. */
template <typename T, int N> struct alignas(sizeof(T) * N) Pack {
    T at[N];
};

template <typename T, int N>
__device__ __forceinline__ void load_pack(const T *from, float (&to)[N])
{
    const Pack<T, N> pack = *(const Pack<T, N> *)from;
    for (int i = 0; i < N; i++)
        to[i] = to_float(pack.at[i]);
}

template <typename T, int N>
__device__ __forceinline__ void store_pack(T *to, const float (&from)[N])
{
    Pack<T, N> pack;
    for (int i = 0; i < N; i++)
        pack.at[i] = from_float<T>(from[i]);
    *(Pack<T, N> *)to = pack;
}

/* How many of T one 16-byte access moves. */
template <typename T> constexpr int pack_size = 16 / (int)sizeof(T);

/* Whether arrays begin where 16-byte accesses may: not all views do. */
template <typename... Arrays> static inline bool all_aligned(const Arrays *...arrays)
{
    return (((uintptr_t)arrays | ...) & 15) == 0;
}

/* WITH_PACK(aligned, T, N, statement): the statement with N as pack_size<T>, or as 1. */
#define WITH_PACK(aligned, T, N, ...)                                                              \
    do {                                                                                           \
        if (aligned) {                                                                             \
            constexpr int N = pack_size<T>;                                                        \
            __VA_ARGS__;                                                                           \
        } else {                                                                                   \
            constexpr int N = 1;                                                                   \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
    } while (0)

/* An array of either float type, for the few numbers whose type is not that of the kernel: scales,
 * shifts, biases. A NULL array has no values. */
struct Floats {
    const void *data;
    bool bf16;
    __device__ __forceinline__ float at(int64_t i) const
    {
        return bf16 ? to_float(((const Bf16 *)data)[i]) : ((const float *)data)[i];
    }
};

static inline Floats floats_of(const CudaCall *call, int i)
{
    const Node *in = i < call->node->in_count ? call->node->in[i] : NULL;
    return Floats{in ? call->in[i] : NULL, in && in->dtype == DTYPE_BF16};
}

/* ---- sums and maxima of a warp and of a block ----------------------------------------------- */

enum { WARP = 32 };
constexpr unsigned ALL_LANES = 0xffffffffu;

static __device__ __forceinline__ float warp_sum(float x)
{
    for (int step = WARP / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(ALL_LANES, x, step);
    return x;
}

static __device__ __forceinline__ float warp_max(float x)
{
    for (int step = WARP / 2; step > 0; step /= 2)
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, step));
    return x;
}

/* Of all threads of a block of whole warps (one axis, at most 1,024), given to each of them. */
static __device__ __forceinline__ float block_sum(float x)
{
    __shared__ float parts[WARP];
    const int warps = (int)blockDim.x / WARP, lane = (int)threadIdx.x % WARP;
    x = warp_sum(x);
    __syncthreads(); /* parts may still be read from the last time */
    if (lane == 0) parts[threadIdx.x / WARP] = x;
    __syncthreads();
    return warp_sum(lane < warps ? parts[lane] : 0.0f);
}

static __device__ __forceinline__ float block_max(float x)
{
    __shared__ float parts[WARP];
    const int warps = (int)blockDim.x / WARP, lane = (int)threadIdx.x % WARP;
    x = warp_max(x);
    __syncthreads();
    if (lane == 0) parts[threadIdx.x / WARP] = x;
    __syncthreads();
    return warp_max(lane < warps ? parts[lane] : -FLT_MAX);
}

/* ---- starting kernels ----------------------------------------------------------------------- */

/* LAUNCH((kernel<T>), blocks, threads, bytes of dynamic shared memory, call, arguments…); whether
 * they started is told by cuda_started. */
#ifdef MEL_EMULATED
#define LAUNCH(kernel, grid, block, shared, call, ...)                                             \
    ((void)(call), emulated_launch(#kernel, grid, block, shared, [&] { (kernel)(__VA_ARGS__); }))
#else
#define LAUNCH(kernel, grid, block, shared, call, ...)                                             \
    (kernel)<<<grid, block, shared, (cudaStream_t)(call)->stream>>>(__VA_ARGS__)
#endif

/* Blocks of `threads` that cover `count` items; a grid-stride loop does the rest where there are
 * more than a grid should have. */
static inline unsigned blocks_for(int64_t count, int threads)
{
    const int64_t blocks = (count + threads - 1) / threads, most = 1 << 20;
    if (blocks < 1) return 1;
    return (unsigned)(blocks < most ? blocks : most);
}

/* for (EACH_INDEX(i, count)): every thread of the grid takes its share. */
#define EACH_INDEX(i, count)                                                                       \
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;                                    \
    i < (count);                                                                                   \
    i += (int64_t)gridDim.x * blockDim.x

/* WITH_FLOAT(dtype, T, statement): the statement with T as the C++ type of a float DType. */
#define WITH_FLOAT(dtype, T, ...)                                                                  \
    do {                                                                                           \
        if ((dtype) == DTYPE_BF16) {                                                               \
            using T = Bf16;                                                                        \
            __VA_ARGS__;                                                                           \
        } else {                                                                                   \
            using T = float;                                                                       \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
    } while (0)

#endif
