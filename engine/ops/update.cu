/* SPDX-License-Identifier: Apache-2.0
 *
 * Each update is one pass over its variables. The sum of squares is in a fixed order: a block's
 * sums are kept in scratch memory, and a second kernel adds those; small variables need only one
 * block. */
#include "engine/cuda/kernel.h"

/* BLOCKS_MAX: about what a large GPU holds at once; longer arrays are gone through in strides. */
enum { THREADS = 256, PACK = 4, PACKS_A_THREAD = 2 };
constexpr int64_t BLOCKS_MAX = 1024;

static int64_t block_count(const Node *node)
{
    const int64_t count = mel_shape_count(&node->in[0]->shape);
    const int64_t each = THREADS * PACK * PACKS_A_THREAD, blocks = (count + each - 1) / each;
    return blocks < 1 ? 1 : blocks > BLOCKS_MAX ? BLOCKS_MAX : blocks;
}

static bool update_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    const int64_t blocks = block_count(prepare->node);
    if (blocks > 1) prepare->scratch_bytes = blocks * (int64_t)sizeof(float);
    return true;
}

/* An Update has begin(), which reads its numbers, and step<N>(at), which does elements at … at+N-1
 * and returns the sum of their squares. */
template <typename Update, int N>
static __global__ void update_kernel(Update update, int64_t count, float *sums)
{
    float sum = 0;
    update.begin();
    for (EACH_INDEX(i, count / N))
        sum += update.template step<N>(i * N);
    for (EACH_INDEX(i, count % N))
        sum += update.template step<1>(count / N * N + i);
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

/* One warp. */
static __global__ void join_kernel(const float *sums, int64_t count, float *out)
{
    float sum = 0;
    for (int64_t i = threadIdx.x; i < count; i += WARP)
        sum += sums[i];
    sum = warp_sum(sum);
    if (threadIdx.x == 0) *out = sum;
}

template <typename Update>
static bool run_update(const CudaCall *call, const Update &update, bool aligned, Err *err)
{
    const int64_t count = mel_shape_count(&call->node->in[0]->shape);
    const int64_t blocks = block_count(call->node);
    float *sums = (float *)(blocks > 1 ? call->scratch : call->out);
    if (aligned)
        LAUNCH((update_kernel<Update, PACK>), (unsigned)blocks, THREADS, 0, call, update, count,
               sums);
    else
        LAUNCH((update_kernel<Update, 1>), (unsigned)blocks, THREADS, 0, call, update, count, sums);
    if (blocks > 1) LAUNCH(join_kernel, 1, WARP, 0, call, sums, blocks, (float *)call->out);
    return cuda_started(err);
}

/* ---- accumulate ----------------------------------------------------------------------------- */

/* keep = 0 forgets what was there, be it no number. */
struct Accumulate {
    float *sum;
    const float *x, *keep_at;
    float keep;

    __device__ __forceinline__ void begin()
    {
        keep = *keep_at;
    }

    template <int N> __device__ __forceinline__ float step(int64_t at) const
    {
        float s[N], v[N], squares = 0;
        load_pack<float, N>(x + at, v);
        if (keep != 0) load_pack<float, N>(sum + at, s);
        for (int k = 0; k < N; k++) {
            if (keep != 0) v[k] += keep * s[k];
            squares += v[k] * v[k];
        }
        store_pack<float, N>(sum + at, v);
        return squares;
    }
};

static bool accumulate_run(const CudaCall *call, Err *err)
{
    const Accumulate update = {(float *)call->in[0], (const float *)call->in[1],
                               (const float *)call->in[2], 0};
    return run_update(call, update, all_aligned(update.sum, update.x), err);
}

extern "C" const CudaOp cuda_op_accumulate = {update_prepare, accumulate_run, 0};

/* ---- squares -------------------------------------------------------------------------------- */

struct Squares {
    const float *x;

    __device__ __forceinline__ void begin()
    {
    }

    template <int N> __device__ __forceinline__ float step(int64_t at) const
    {
        float v[N], squares = 0;
        load_pack<float, N>(x + at, v);
        for (int k = 0; k < N; k++)
            squares += v[k] * v[k];
        return squares;
    }
};

static bool squares_run(const CudaCall *call, Err *err)
{
    const Squares update = {(const float *)call->in[0]};
    return run_update(call, update, all_aligned(update.x), err);
}

extern "C" const CudaOp cuda_op_squares = {update_prepare, squares_run, 0};

/* ---- AdamW ---------------------------------------------------------------------------------- */

struct AdamW {
    float *p;
    const float *g;
    float *m, *v;
    const float *hyper;
    float scale, beta1, beta2, eps, shrink, rate, root;

    __device__ __forceinline__ void begin()
    {
        scale = hyper[ADAMW_GRADIENT_SCALE];
        beta1 = hyper[ADAMW_BETA1];
        beta2 = hyper[ADAMW_BETA2];
        eps = hyper[ADAMW_EPS];
        shrink = 1 - hyper[ADAMW_RATE] * hyper[ADAMW_DECAY];
        rate = hyper[ADAMW_RATE] / hyper[ADAMW_CORRECTION1];
        root = 1 / sqrtf(hyper[ADAMW_CORRECTION2]);
    }

    template <int N> __device__ __forceinline__ float step(int64_t at) const
    {
        float param[N], slope[N], first[N], second[N], squares = 0;
        load_pack<float, N>(p + at, param);
        load_pack<float, N>(g + at, slope);
        load_pack<float, N>(m + at, first);
        load_pack<float, N>(v + at, second);
        for (int k = 0; k < N; k++) {
            const float before = param[k], s = scale * slope[k];
            first[k] += (1 - beta1) * (s - first[k]);
            second[k] = beta2 * second[k] + (1 - beta2) * s * s;
            param[k] = shrink * before - rate * first[k] / (sqrtf(second[k]) * root + eps);
            squares += (param[k] - before) * (param[k] - before);
        }
        store_pack<float, N>(p + at, param);
        store_pack<float, N>(m + at, first);
        store_pack<float, N>(v + at, second);
        return squares;
    }
};

static bool adamw_run(const CudaCall *call, Err *err)
{
    AdamW update = {};
    update.p = (float *)call->in[0];
    update.g = (const float *)call->in[1];
    update.m = (float *)call->in[2];
    update.v = (float *)call->in[3];
    update.hyper = (const float *)call->in[4];
    return run_update(call, update, all_aligned(update.p, update.g, update.m, update.v), err);
}

extern "C" const CudaOp cuda_op_adamw = {update_prepare, adamw_run, 0};

/* ---- exponential moving average ------------------------------------------------------------- */

struct Average {
    float *mean;
    const float *x, *keep_at;
    float keep;

    __device__ __forceinline__ void begin()
    {
        keep = *keep_at;
    }

    template <int N> __device__ __forceinline__ float step(int64_t at) const
    {
        float value[N], now[N], squares = 0;
        load_pack<float, N>(mean + at, value);
        load_pack<float, N>(x + at, now);
        for (int k = 0; k < N; k++) {
            const float change = (1 - keep) * (now[k] - value[k]);
            value[k] += change;
            squares += change * change;
        }
        store_pack<float, N>(mean + at, value);
        return squares;
    }
};

static bool average_run(const CudaCall *call, Err *err)
{
    const Average update = {(float *)call->in[0], (const float *)call->in[1],
                            (const float *)call->in[2], 0};
    return run_update(call, update, all_aligned(update.mean, update.x), err);
}

extern "C" const CudaOp cuda_op_average = {update_prepare, average_run, 0};
