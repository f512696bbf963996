/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention without its score matrix (Dao, "FlashAttention-2", 2023): a block for 64 queries of one
 * head meets tiles of keys, with the softmax carried along in registers. Heads wider than a tile
 * are cut: scores are summed over slices of the width, and each block writes one slice of the
 * values. */
#include "engine/ops/attention_tiles.h"

/* P: numbers of a row in shared memory. Two buffers where they fit in what every GPU from sm_80 on
 * lends a block (99 KiB). */
template <typename T, int P> struct Plan {
    static constexpr bool half = sizeof(T) == 2;
    static constexpr int keys = half && P <= 128 ? 64 : 32;
    static constexpr int buffers = half || P <= 96 ? 2 : 1;
    static constexpr int bytes = tile_bytes<T, P>(ROWS + 2 * buffers * keys);
};

/* The softmax of a thread's two rows so far. */
struct Running {
    float top[2], sum[2];
};

/* Dot products become weights relative to the largest score so far, and what was summed before is
 * brought to the same. */
template <typename T, int P, int C>
__device__ __forceinline__ void weigh(const Attention &a, const Head &head, int64_t query,
                                      int64_t key, float (&c)[C][4], float (&o)[P / 8][4],
                                      Running &running)
{
    const int g = (int)threadIdx.x % WARP / 4, t = (int)threadIdx.x % 4;
    const bool plain = all_seen(a, query, 16, key, C * 8);
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int first = 2 * half;
        float top = running.top[half], sum = 0;
#pragma unroll
        for (int n = 0; n < C; n++)
#pragma unroll
            for (int i = first; i < first + 2; i++) {
                c[n][i] = plain ? c[n][i] * a.scale
                                : score_of(a, head, c[n][i], query + g + half * 8,
                                           key + n * 8 + 2 * t + i % 2);
                top = fmaxf(top, c[n][i]);
            }
        top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, 1));
        top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, 2));
        const float before = exp_for<T>(running.top[half] - top);
#pragma unroll
        for (int n = 0; n < C; n++)
#pragma unroll
            for (int i = first; i < first + 2; i++) {
                c[n][i] = exp_for<T>(c[n][i] - top);
                sum += c[n][i];
            }
        running.top[half] = top;
        running.sum[half] = running.sum[half] * before + sum;
#pragma unroll
        for (int n = 0; n < P / 8; n++) {
            o[n][first] *= before;
            o[n][first + 1] *= before;
        }
    }
}

/* Where a block works. */
template <typename T> struct Place {
    Head head;
    Matrix<T> q, k, v;
    int64_t query; /* the block's first */
    int slice;     /* of the values */
};

template <typename T>
__device__ __forceinline__ Place<T> place_of(const Attention &a, const T *q, const T *k, const T *v)
{
    const AttentionSizes &s = a.s;
    const int64_t tiles = (s.queries + ROWS - 1) / ROWS;
    const Head head = head_of(s, blockIdx.x / tiles);
    return Place<T>{
        head,
        {q + head.q, s.queries, s.q_step, (int)s.width,       a.packed},
        {k + head.k, s.keys,    s.q_step, (int)s.width,       a.packed},
        {v + head.v, s.keys,    s.v_step, (int)s.value_width, a.packed},
        blockIdx.x % tiles * ROWS,
        (int)blockIdx.y
    };
}

/* Loads for the tile of keys from `key` on, if there is one: K and V, behind each other. */
template <typename T, int P>
__device__ __forceinline__ void load_keys(T *tile, const Place<T> &place, int64_t key, int64_t seen)
{
    constexpr int keys = Plan<T, P>::keys;
    if (key < seen) {
        load_tile<T, P>(tile, keys, place.k, key, 0);
        load_tile<T, P>(tile + keys * tile_step<T, P>, keys, place.v, key, place.slice);
    }
    copy16_commit();
}

/* Scores of heads wider than P, slice after slice; V's slice comes along. */
template <typename T, int P, int C>
__device__ __forceinline__ void add_slices(float (&c)[C][4], T *q_tile, T *k_tile,
                                           const Place<T> &place, int64_t key)
{
    constexpr int keys = Plan<T, P>::keys;
    const T *rows = q_tile + threadIdx.x / WARP * 16 * tile_step<T, P>;
    load_tile<T, P>(k_tile + keys * tile_step<T, P>, keys, place.v, key, place.slice);
    for (int slice = 0; slice * P < place.q.width; slice++) {
        load_tile<T, P>(q_tile, ROWS, place.q, place.query, slice);
        load_tile<T, P>(k_tile, keys, place.k, key, slice);
        tiles_arrive();
        add_product<P>(c, rows, k_tile);
        __syncthreads();
    }
}

template <typename T, int P>
static __global__ void __launch_bounds__(THREADS)
    attention_kernel(const T *q, const T *k, const T *v, T *out, Attention a)
{
    constexpr int keys = Plan<T, P>::keys, buffers = Plan<T, P>::buffers;
    constexpr int tile = keys * tile_step<T, P>;
    DYNAMIC_SHARED(T, q_tile);
    T *const kv_tiles = q_tile + ROWS * tile_step<T, P>;
    const Place<T> place = place_of(a, q, k, v);
    const int64_t query = place.query + threadIdx.x / WARP * 16;
    const int64_t seen = keys_seen(a.s, place.query + ROWS);
    const bool wide = place.q.width > P;
    const T *rows = q_tile + threadIdx.x / WARP * 16 * tile_step<T, P>;
    float o[P / 8][4];
    Running running = {
        {-FLT_MAX, -FLT_MAX},
        {0,        0       }
    };
    set_zero(o);
    if (!wide) {
        load_tile<T, P>(q_tile, ROWS, place.q, place.query, 0);
        load_keys<T, P>(kv_tiles, place, 0, seen);
    }
    for (int64_t key = 0, turn = 0; key < seen; key += keys, turn++) {
        T *const here = kv_tiles + turn % buffers * 2 * tile;
        T *const next = kv_tiles + (turn + 1) % buffers * 2 * tile;
        float c[keys / 8][4];
        set_zero(c);
        if (wide) {
            add_slices<T, P>(c, q_tile, here, place, key);
        } else {
            if (buffers == 2) load_keys<T, P>(next, place, key + keys, seen);
            copy16_wait<buffers - 1>();
            __syncthreads();
            add_product<P>(c, rows, here);
        }
        weigh<T, P>(a, place.head, query, key, c, o, running);
        add_weighted<P>(o, c, here + tile);
        __syncthreads(); /* the next turn writes over it */
        if (!wide && buffers == 1) load_keys<T, P>(next, place, key + keys, seen);
    }
    float factor[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float sum = running.sum[half];
        sum += __shfl_xor_sync(ALL_LANES, sum, 1);
        sum += __shfl_xor_sync(ALL_LANES, sum, 2);
        factor[half] = 1 / sum;
    }
    const Matrix<T> like = {NULL, a.s.queries, a.s.v_step, (int)a.s.value_width, a.packed};
    write_rows<T, P>(out + place.head.out, like, query, place.slice * P, o, factor[0], factor[1]);
}

/* ---- running -------------------------------------------------------------------------------- */

template <typename T, int P> static bool start(const CudaCall *call, const Attention &a, Err *err)
{
    constexpr int bytes = Plan<T, P>::bytes;
    const int64_t tiles = (a.s.queries + ROWS - 1) / ROWS, slices = (a.s.value_width + P - 1) / P;
    if (!allow_shared(attention_kernel<T, P>, bytes))
        return mel_err(err, ERR_DEVICE, "attention wants %d bytes of shared memory", bytes);
    LAUNCH((attention_kernel<T, P>),
           dim3((unsigned)(a.s.batch * a.s.heads * tiles), (unsigned)slices), THREADS, bytes, call,
           (const T *)call->in[0], (const T *)call->in[1], (const T *)call->in[2], (T *)call->out,
           a);
    return cuda_started(err);
}

/* The least tile that a row fits in; 128 numbers at a time where none does. */
template <typename T> static bool start_for(const CudaCall *call, const Attention &a, Err *err)
{
    const int64_t width = a.s.width > a.s.value_width ? a.s.width : a.s.value_width;
    if (width <= 32) return start<T, 32>(call, a, err);
    if (width <= 48) return start<T, 48>(call, a, err);
    if (width <= 64) return start<T, 64>(call, a, err);
    if (width <= 80) return start<T, 80>(call, a, err);
    if (width <= 96) return start<T, 96>(call, a, err);
    if (width > 128 && width <= 160) return start<T, 160>(call, a, err);
    if (sizeof(T) == 2 && width > 160 && width <= 256) return start<Bf16, 256>(call, a, err);
    return start<T, 128>(call, a, err);
}

static bool attention_run(const CudaCall *call, Err *err)
{
    Attention a = {};
    a.s = op_attention_sizes(call->node);
    a.scale = (float)a.s.scale;
    a.bias = floats_of(call, 3);
    a.packed = a.s.width % 8 == 0 && a.s.value_width % 8 == 0 &&
               all_aligned(call->in[0], call->in[1], call->in[2], call->out);
    if (mel_shape_count(&call->node->shape) == 0) return true;
    if (call->node->dtype == DTYPE_BF16) return start_for<Bf16>(call, a, err);
    return start_for<float>(call, a, err);
}

extern "C" const CudaOp cuda_op_attention = {NULL, attention_run, MIXED(3)};
