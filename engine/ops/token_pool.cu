/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/walk.h"
#include "engine/ops/places.h"

enum { THREADS = 256 };

/* x is [B, tokens, width], its pool [B, bins, width]; lengths may be NULL. */
struct TokenPool {
    int64_t samples, tokens, bins, width;
    const void *lengths;
};

static TokenPool token_pool_of(const CudaCall *call, const Shape *x, const Shape *pooled)
{
    const void *lengths = call->node->in[1] ? call->in[1] : NULL;
    return TokenPool{x->dims[0], x->dims[1], pooled->dims[1], x->dims[2], lengths};
}

/* sums += a row's numbers, divided by how many its bin has. */
template <typename T, int N>
static __device__ __forceinline__ void add_share(const T *row, Bin bin, float (&sums)[N])
{
    const float share = 1.0f / (float)(bin.end - bin.begin);
    float v[N];
    load_pack<T, N>(row, v);
    for (int k = 0; k < N; k++)
        sums[k] += v[k] * share;
}

/* A thread for N numbers of a pooled token. */
template <typename T, int N, typename Index>
static __global__ void token_pool_kernel(TokenPool pool, const T *x, T *y)
{
    const int64_t packs = pool.width / N;
    for (EACH_INDEX(i, pool.samples * pool.bins * packs)) {
        const Index row = (Index)i / (Index)packs, b = row / (Index)pool.bins;
        const int64_t at = (i - (int64_t)row * packs) * N;
        const int64_t own = (int64_t)row - (int64_t)b * pool.bins;
        const int64_t n = bins_of(pool.lengths, b, pool.bins);
        float sums[N] = {};
        if (own < n) {
            const Bin bin = bin_of(own, n, pool.tokens);
            for (int64_t t = bin.begin; t < bin.end; t++)
                add_share<T, N>(x + (b * pool.tokens + t) * pool.width + at, bin, sums);
        }
        store_pack<T, N>(y + i * N, sums);
    }
}

/* And for N numbers of a token: bins overlap, but in their order. */
template <typename T, int N, typename Index>
static __global__ void token_pool_grad_kernel(TokenPool pool, const T *dy, T *dx)
{
    const int64_t packs = pool.width / N;
    for (EACH_INDEX(i, pool.samples * pool.tokens * packs)) {
        const Index row = (Index)i / (Index)packs, b = row / (Index)pool.tokens;
        const int64_t at = (i - (int64_t)row * packs) * N;
        const int64_t t = (int64_t)row - (int64_t)b * pool.tokens;
        const int64_t n = bins_of(pool.lengths, b, pool.bins);
        float sums[N] = {};
        /* from the first bin that holds t on while they do */
        for (int64_t own = t * n / pool.tokens; own < n; own++) {
            const Bin bin = bin_of(own, n, pool.tokens);
            if (bin.begin > t) break;
            add_share<T, N>(dy + (b * pool.bins + own) * pool.width + at, bin, sums);
        }
        store_pack<T, N>(dx + i * N, sums);
    }
}

template <typename T, int N>
static void start(const CudaCall *call, const TokenPool *pool, bool back)
{
    const int64_t count = mel_shape_count(&call->node->shape) / N;
    const T *from = (const T *)call->in[0];
    WITH_INDEX(count, Index, {
        if (back)
            LAUNCH((token_pool_grad_kernel<T, N, Index>), blocks_for(count, THREADS), THREADS, 0,
                   call, *pool, from, (T *)call->out);
        else
            LAUNCH((token_pool_kernel<T, N, Index>), blocks_for(count, THREADS), THREADS, 0, call,
                   *pool, from, (T *)call->out);
    });
}

static bool run(const CudaCall *call, const TokenPool *pool, bool back, Err *err)
{
    if (mel_shape_count(&call->node->shape) == 0) return true;
    WITH_FLOAT(call->node->dtype, T,
               WITH_PACK(all_aligned(call->in[0], call->out) && pool->width % pack_size<T> == 0, T,
                         N, start<T, N>(call, pool, back)));
    return cuda_started(err);
}

static bool token_pool_run(const CudaCall *call, Err *err)
{
    const TokenPool pool = token_pool_of(call, &call->node->in[0]->shape, &call->node->shape);
    return run(call, &pool, false, err);
}

static bool token_pool_grad_run(const CudaCall *call, Err *err)
{
    const TokenPool pool = token_pool_of(call, &call->node->shape, &call->node->in[0]->shape);
    return run(call, &pool, true, err);
}

extern "C" const CudaOp cuda_op_token_pool = {NULL, token_pool_run, 0};
extern "C" const CudaOp cuda_op_token_pool_grad = {NULL, token_pool_grad_run, 0};
