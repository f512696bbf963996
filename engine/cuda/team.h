/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that are measured and then written: a team of threads for each, a warp, or a whole block
 * where rows are long. */
#ifndef MEL_CUDA_TEAM_H
#define MEL_CUDA_TEAM_H

#include "engine/cuda/kernel.h"

enum { WARP_ROW_MAX = 2048, TEAM_BLOCK = 256 };

/* A thread's place. Every thread of a team must take part in its sums. */
template <bool whole_block> struct Team {
    int64_t first, step; /* row of this thread's team, and how many teams there are */
    int rank, size;      /* of this thread in its team */

    __device__ __forceinline__ Team()
    {
        const int warps = whole_block ? 1 : (int)blockDim.x / WARP;
        size = whole_block ? (int)blockDim.x : WARP;
        rank = (int)threadIdx.x % size;
        first = (int64_t)blockIdx.x * warps + threadIdx.x / size;
        step = (int64_t)gridDim.x * warps;
    }
    __device__ __forceinline__ float sum(float x) const
    {
        return whole_block ? block_sum(x) : warp_sum(x);
    }
    __device__ __forceinline__ float most(float x) const
    {
        return whole_block ? block_max(x) : warp_max(x);
    }
};

/* WITH_TEAM(rows, their length, whole_block, blocks, statement): the statement with the kind of
 * team that the length asks for, and a number of blocks of TEAM_BLOCK threads. */
#define WITH_TEAM(rows, length, whole_block, blocks, ...)                                          \
    do {                                                                                           \
        if ((length) > WARP_ROW_MAX) {                                                             \
            constexpr bool whole_block = true;                                                     \
            const unsigned blocks = blocks_for(rows, 1);                                           \
            __VA_ARGS__;                                                                           \
        } else {                                                                                   \
            constexpr bool whole_block = false;                                                    \
            const unsigned blocks = blocks_for(rows, TEAM_BLOCK / WARP);                           \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
    } while (0)

#endif
