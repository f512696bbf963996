/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/walk.h"

enum { THREADS = 256 };

static __device__ __forceinline__ float combine(Binary kind, float x, float y)
{
    switch (kind) {
    case BINARY_ADD:
        return x + y;
    case BINARY_SUB:
        return x - y;
    case BINARY_MUL:
        return x * y;
    default:
        return x / y;
    }
}

/* Along the last axis in packs; an input that repeats along it gives one number to each pack. */
template <typename T, int N, typename Index>
static __global__ void same_kernel(Strided walk, int64_t count, Binary kind, const T *x, const T *y,
                                   T *out)
{
    const int last = walk.rank - 1;
    const bool x_repeats = walk.strides[1][last] == 0, y_repeats = walk.strides[2][last] == 0;
    for (EACH_INDEX(i, count)) {
        int64_t at[3];
        float a[N], b[N];
        walk_at<3, Index>(walk, (Index)i, at);
        if (!x_repeats) load_pack<T, N>(x + at[1], a);
        if (!y_repeats) load_pack<T, N>(y + at[2], b);
        const float one_x = x_repeats ? to_float(x[at[1]]) : 0;
        const float one_y = y_repeats ? to_float(y[at[2]]) : 0;
        for (int k = 0; k < N; k++)
            a[k] = combine(kind, x_repeats ? one_x : a[k], y_repeats ? one_y : b[k]);
        store_pack<T, N>(out + at[0], a);
    }
}

/* Inputs of different types. */
template <typename T, typename Index>
static __global__ void mixed_kernel(Strided walk, int64_t count, Binary kind, Floats x, Floats y,
                                    T *out)
{
    for (EACH_INDEX(i, count)) {
        int64_t at[3];
        walk_at<3, Index>(walk, (Index)i, at);
        out[at[0]] = from_float<T>(combine(kind, x.at(at[1]), y.at(at[2])));
    }
}

template <typename T, int N>
static void start_same(const CudaCall *call, const Strided *walk, Binary kind)
{
    const int64_t count = walk_count(walk);
    WITH_INDEX(count, Index,
               LAUNCH((same_kernel<T, N, Index>), blocks_for(count, THREADS), THREADS, 0, call,
                      *walk, count, kind, (const T *)call->in[0], (const T *)call->in[1],
                      (T *)call->out));
}

template <typename T> static void run_same(const CudaCall *call, Strided walk, Binary kind)
{
    constexpr int N = pack_size<T>;
    if (all_aligned(call->in[0], call->in[1], call->out) && walk_pack(&walk, 3, N))
        start_same<T, N>(call, &walk, kind);
    else
        start_same<T, 1>(call, &walk, kind);
}

template <typename T> static void run_mixed(const CudaCall *call, const Strided *walk, Binary kind)
{
    const int64_t count = walk_count(walk);
    WITH_INDEX(count, Index,
               LAUNCH((mixed_kernel<T, Index>), blocks_for(count, THREADS), THREADS, 0, call, *walk,
                      count, kind, floats_of(call, 0), floats_of(call, 1), (T *)call->out));
}

static bool binary_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const Binary kind = ((const BinaryAttrs *)node->attrs)->kind;
    const Strided walk = op_binary_walk(node);
    const bool same = node->in[0]->dtype == node->dtype && node->in[1]->dtype == node->dtype;
    if (walk_count(&walk) == 0) return true;
    WITH_FLOAT(node->dtype, T, {
        if (same)
            run_same<T>(call, walk, kind);
        else
            run_mixed<T>(call, &walk, kind);
    });
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_binary = {NULL, binary_run, MIXED(1)};
