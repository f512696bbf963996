/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of attention have in common: rows of one head in shared memory, and products of
 * such rows. A block has four warps; each owns 16 of the block's 64 rows, and meets tiles of as
 * many columns as registers allow. Results lie in registers as mma_bf16 leaves them: with lane =
 * 4·g + t, c[n][0] and c[n][1] are row g, columns 8n + 2t and 8n + 2t + 1; c[n][2], c[n][3] row g
 * + 8. f32 keeps that layout, so that one kernel serves both types. */
#ifndef MEL_ATTENTION_TILES_H
#define MEL_ATTENTION_TILES_H

#include "engine/cuda/kernel.h"

enum { WARPS = 4, THREADS = WARPS * WARP, ROWS = 16 * WARPS };

/* The distance of rows in shared memory: one 16-byte pack more than a row has, and no two of the
 * rows that a warp reads at once begin in the same bank. */
template <typename T, int P> constexpr int tile_step = P + pack_size<T>;

template <typename T, int P> constexpr int tile_bytes(int rows)
{
    return rows * tile_step<T, P> * (int)sizeof(T);
}

/* The rows of one head. packed: 16-byte accesses are allowed. */
template <typename T> struct Matrix {
    const T *data;
    int64_t rows, step;
    int width;
    bool packed;
};

/* ---- shared memory -------------------------------------------------------------------------- */

/* Rows from `row` on and P columns from slice·P on, zeros where the matrix has ended. Asynchronous:
 * to be followed by tiles_arrive or its like. */
template <typename T, int P>
__device__ __forceinline__ void load_tile(T *tile, int tile_rows, const Matrix<T> &from,
                                          int64_t row, int slice)
{
    constexpr int n = pack_size<T>, packs = P / n;
    for (int i = (int)threadIdx.x; i < tile_rows * packs; i += THREADS) {
        const int64_t r = row + i / packs;
        const int at = i % packs * n, column = slice * P + at;
        const T *source = from.data + r * from.step + column;
        T *to = tile + i / packs * tile_step<T, P> + at;
        const int left = r < from.rows ? from.width - column : 0;
        if (left >= n && from.packed) {
            copy16_async(to, source);
            continue;
        }
        float v[n];
#pragma unroll
        for (int k = 0; k < n; k++)
            v[k] = k < left ? to_float(source[k]) : 0;
        store_pack<T, n>(to, v);
    }
}

/* After it every thread sees all that was loaded. */
static __device__ __forceinline__ void tiles_arrive(void)
{
    copy16_commit();
    copy16_wait<0>();
    __syncthreads();
}

/* ---- products ------------------------------------------------------------------------------- */

/* c += a·bᵀ: a has this warp's 16 rows, b has 8·C rows; both P wide. */
template <int P, int C>
__device__ __forceinline__ void add_product(float (&c)[C][4], const Bf16 *a, const Bf16 *b)
{
    constexpr int step = tile_step<Bf16, P>;
    const int lane = (int)threadIdx.x % WARP;
    a += lane % 16 * step + lane / 16 * 8;
    b += (lane % 8 + lane / 16 * 8) * step + lane / 8 % 2 * 8;
#pragma unroll
    for (int k = 0; k < P; k += 16) {
        uint32_t rows[4];
        load_matrices(rows, a + k);
#pragma unroll
        for (int n = 0; n < C; n += 2) {
            uint32_t columns[4];
            load_matrices(columns, b + n * 8 * step + k);
            mma_bf16(c[n], rows, {columns[0], columns[1]});
            mma_bf16(c[n + 1], rows, {columns[2], columns[3]});
        }
    }
}

template <int P, int C>
__device__ __forceinline__ void add_product(float (&c)[C][4], const float *a, const float *b)
{
    constexpr int step = tile_step<float, P>;
    const int g = (int)threadIdx.x % WARP / 4, t = (int)threadIdx.x % 4;
    a += g * step;
    b += 2 * t * step;
    for (int k = 0; k < P; k += 4) {
        float upper[4], lower[4];
        load_pack<float, 4>(a + k, upper);
        load_pack<float, 4>(a + 8 * step + k, lower);
#pragma unroll
        for (int n = 0; n < 2 * C; n++) {
            float column[4];
            load_pack<float, 4>(b + (n / 2 * 8 + n % 2) * step + k, column);
#pragma unroll
            for (int i = 0; i < 4; i++) {
                c[n / 2][n % 2] += upper[i] * column[i];
                c[n / 2][n % 2 + 2] += lower[i] * column[i];
            }
        }
    }
}

/* o += c·b: c are registers as above, b has 8·C rows of P numbers. */
template <int P, int C>
__device__ __forceinline__ void add_weighted(float (&o)[P / 8][4], const float (&c)[C][4],
                                             const Bf16 *b)
{
    constexpr int step = tile_step<Bf16, P>;
    const int lane = (int)threadIdx.x % WARP;
    b += lane % 16 * step + lane / 16 * 8;
#pragma unroll
    for (int k = 0; k < C; k += 2) {
        const uint32_t rows[4] = {bf16_pair(c[k][0], c[k][1]), bf16_pair(c[k][2], c[k][3]),
                                  bf16_pair(c[k + 1][0], c[k + 1][1]),
                                  bf16_pair(c[k + 1][2], c[k + 1][3])};
#pragma unroll
        for (int n = 0; n < P / 8; n += 2) {
            uint32_t columns[4];
            load_transposed(columns, b + k * 8 * step + n * 8);
            mma_bf16(o[n], rows, {columns[0], columns[1]});
            mma_bf16(o[n + 1], rows, {columns[2], columns[3]});
        }
    }
}

template <int P, int C>
__device__ __forceinline__ void add_weighted(float (&o)[P / 8][4], const float (&c)[C][4],
                                             const float *b)
{
    constexpr int step = tile_step<float, P>;
    const int lane = (int)threadIdx.x % WARP, t = lane % 4;
#pragma unroll
    for (int k = 0; k < 2 * C; k++) {
        for (int owner = 0; owner < 4; owner++) {
            const int from = lane - t + owner;
            const float upper = __shfl_sync(ALL_LANES, c[k / 2][k % 2], from);
            const float lower = __shfl_sync(ALL_LANES, c[k / 2][k % 2 + 2], from);
            const float *row = b + (k / 2 * 8 + owner * 2 + k % 2) * step + 2 * t;
#pragma unroll
            for (int n = 0; n < P / 8; n++) {
                float v[2];
                load_pack<float, 2>(row + n * 8, v);
                o[n][0] += upper * v[0];
                o[n][1] += upper * v[1];
                o[n][2] += lower * v[0];
                o[n][3] += lower * v[1];
            }
        }
    }
}

template <int C> __device__ __forceinline__ void set_zero(float (&c)[C][4])
{
#pragma unroll
    for (int n = 0; n < C; n++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            c[n][i] = 0;
}

/* ---- attention ------------------------------------------------------------------------------ */

/* What every kernel needs to know. */
struct Attention {
    AttentionSizes s;
    float scale;
    Floats bias;
    bool packed;
};

/* One head of one batch item. */
struct Head {
    int64_t q, k, v, out, bias;
};

static __device__ __forceinline__ Head head_of(const AttentionSizes &s, int64_t item)
{
    const int64_t b = item / s.heads, h = item % s.heads;
    return Head{b * s.queries * s.q_step + h * s.width, b * s.keys * s.q_step + h * s.width,
                b * s.keys * s.v_step + h * s.value_width,
                b * s.queries * s.v_step + h * s.value_width,
                b * s.bias_step[0] + h * s.bias_step[1]};
}

/* How many keys the queries before `end` see. */
static __device__ __forceinline__ int64_t keys_seen(const AttentionSizes &s, int64_t end)
{
    return s.causal && end < s.keys ? end : s.keys;
}

/* A score out of a dot product; minus infinity for what is not there or not to be seen. */
static __device__ __forceinline__ float score_of(const Attention &a, const Head &head, float dot,
                                                 int64_t query, int64_t key)
{
    if (query >= a.s.queries || key >= a.s.keys || (a.s.causal && key > query)) return -INFINITY;
    const float bias = a.bias.data ? a.bias.at(head.bias + query * a.s.bias_step[2] + key) : 0.0f;
    return dot * a.scale + bias;
}

/* Whether every query of some sees every key of some, without bias. */
static __device__ __forceinline__ bool all_seen(const Attention &a, int64_t query, int queries,
                                                int64_t key, int keys)
{
    return !a.bias.data && query + queries <= a.s.queries && key + keys <= a.s.keys &&
           (!a.s.causal || key + keys - 1 <= query);
}

template <typename T> __device__ __forceinline__ float exp_for(float x);
template <> __device__ __forceinline__ float exp_for<float>(float x)
{
    return expf(x);
}
template <> __device__ __forceinline__ float exp_for<Bf16>(float x)
{
    return fast_exp(x);
}

/* This thread's numbers of 16 rows from `row` on and P columns from `column` on, times `upper` and
 * `lower`. */
template <typename T, int P>
__device__ __forceinline__ void write_rows(T *to, const Matrix<T> &like, int64_t row, int column,
                                           const float (&o)[P / 8][4], float upper, float lower)
{
    const int g = (int)threadIdx.x % WARP / 4, t = (int)threadIdx.x % 4;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int64_t r = row + g + half * 8;
        const float factor = half ? lower : upper;
#pragma unroll
        for (int n = 0; n < P / 8; n++) {
            const int at = column + n * 8 + 2 * t;
            const float pair[2] = {o[n][2 * half] * factor, o[n][2 * half + 1] * factor};
            T *place = to + r * like.step + at;
            if (r >= like.rows) continue;
            if (at + 1 < like.width && like.packed) {
                store_pack<T, 2>(place, pair);
            } else {
                if (at < like.width) place[0] = from_float<T>(pair[0]);
                if (at + 1 < like.width) place[1] = from_float<T>(pair[1]);
            }
        }
    }
}

#endif
