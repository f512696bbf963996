/* SPDX-License-Identifier: Apache-2.0
 *
 * What kernel.h needs of a real GPU, from sm_80 on: instructions that CUDA C++ has no word for.
 * emulated.h has the same for the CPU. */
#ifndef MEL_CUDA_DEVICE_CODE_H
#define MEL_CUDA_DEVICE_CODE_H

#include <cuda_bf16.h>
#include <cuda_runtime.h>

/* Rounded to nearest, ties to even. */
static __device__ __forceinline__ uint16_t bf16_bits(float x)
{
    return __bfloat16_as_ushort(__float2bfloat16_rn(x));
}

/* e^x to about two units in the last place near 0, for softmaxes; not where tests want f32's last
 * bits.
 */
static __device__ __forceinline__ float fast_exp(float x)
{
    return __expf(x);
}

/* c += a·b for one warp: a [16, 16] and b [16, 8] of bf16, c [16, 8] of float, in the registers
 * that PTX's mma.sync.m16n8k16 says. With lane = 4·g + t: a[0] holds row g, columns 2t and 2t + 1;
 * a[1] row g + 8; a[2], a[3] the same rows, 8 columns on. b[0] holds rows 2t and 2t + 1 of column
 * g, b[1] 8 rows on. c[0], c[1] are row g, columns 2t and 2t + 1; c[2], c[3] row g + 8. */
static __device__ __forceinline__ void mma_bf16(float (&c)[4], const uint32_t (&a)[4],
                                                const uint32_t (&b)[2])
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Four 8 x 8 matrices of 16 bits each out of shared memory: lane 8·i + r gives where row r of
 * matrix i begins (aligned to 16). to[i] of lane 4·g + t becomes row g, columns 2t and 2t + 1;
 * transposed: rows 2t and 2t + 1 of column g. */
static __device__ __forceinline__ void load_matrices(uint32_t (&to)[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"((unsigned)__cvta_generic_to_shared(row))
                 : "memory");
}

static __device__ __forceinline__ void load_transposed(uint32_t (&to)[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"((unsigned)__cvta_generic_to_shared(row))
                 : "memory");
}

/* 16 bytes from the device's memory into shared memory, without waiting; both aligned to 16. What
 * was asked for since the last commit is a group; wait until all but the `left` youngest groups of
 * this thread have come (and then a barrier, for those of other threads). */
static __device__ __forceinline__ void copy16_async(void *shared, const void *from)
{
    const unsigned to = (unsigned)__cvta_generic_to_shared(shared);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

static __device__ __forceinline__ void copy16_commit(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int left> __device__ __forceinline__ void copy16_wait(void)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory");
}

/* The dynamic shared memory of the launch as an array of T. */
#define DYNAMIC_SHARED(T, name)                                                                    \
    extern __shared__ __align__(16) unsigned char dynamic_shared[];                                \
    T *name = (T *)dynamic_shared

/* Before a launch with more than 48 KiB of it. */
template <typename Kernel> bool allow_shared(Kernel kernel, int bytes)
{
    return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) ==
           cudaSuccess;
}

#endif
