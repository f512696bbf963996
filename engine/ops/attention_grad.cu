/* SPDX-License-Identifier: Apache-2.0
 *
 * The slopes of attention, out of its inputs and of dy alone. With p the weights and e = dy·vᵀ: a
 * first kernel finds each query's normaliser log Σ exp(score) and its mean Σ p·e; then
 * ds = p·(e - mean), dq = scale·ds·k, dk = scale·dsᵀ·q, dv = pᵀ·dy. Blocks of keys write dk and dv,
 * blocks of queries dq, a warp each number of d bias: nothing is added up by two writers. */
#include "engine/ops/attention_tiles.h"

enum { COLUMNS = 32, TILES = COLUMNS / 8 };

/* Two tiles of rows and two of columns. */
template <typename T, int P> constexpr int shared_bytes = tile_bytes<T, P>(2 * ROWS + 2 * COLUMNS);

/* Of one query. */
struct Stats {
    float normaliser, mean;
};

template <typename T> struct Inputs {
    const T *q, *k, *v, *dy;
    Attention a;
};

/* One head's rows. */
template <typename T> struct Rows {
    Head head;
    Matrix<T> q, k, v, dy;
    int64_t stats; /* where its queries' begin */
};

template <typename T> __device__ __forceinline__ Rows<T> rows_of(const Inputs<T> &in, int64_t item)
{
    const AttentionSizes &s = in.a.s;
    const Head head = head_of(s, item);
    const int width = (int)s.width, value_width = (int)s.value_width;
    return Rows<T>{
        head,
        {in.q + head.q,    s.queries, s.q_step, width,       in.a.packed},
        {in.k + head.k,    s.keys,    s.q_step, width,       in.a.packed},
        {in.v + head.v,    s.keys,    s.v_step, value_width, in.a.packed},
        {in.dy + head.out, s.queries, s.v_step, value_width, in.a.packed},
        item * s.queries
    };
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* A block's 64 rows of two matrices, tiles of columns of two others, and how both are cut. */
template <typename T, int P> struct Tiles {
    static constexpr int step = tile_step<T, P>;
    T *rows[2], *columns[2];
    bool whole; /* all of a row fits into a tile: the block's rows stay */

    __device__ __forceinline__ Tiles(T *shared, const Matrix<T> &first, const Matrix<T> &second,
                                     int64_t row)
    {
        rows[0] = shared;
        rows[1] = rows[0] + ROWS * step;
        columns[0] = rows[1] + ROWS * step;
        columns[1] = columns[0] + COLUMNS * step;
        whole = first.width <= P && second.width <= P;
        if (!whole) return;
        load_tile<T, P>(rows[0], ROWS, first, row, 0);
        load_tile<T, P>(rows[1], ROWS, second, row, 0);
    }

    __device__ __forceinline__ const T *own(int i) const
    {
        return rows[i] + threadIdx.x / WARP * 16 * step;
    }

    /* c = own rows of `a` times the columns from `column` on of `b`, slice after slice. */
    __device__ __forceinline__ void sliced(float (&c)[TILES][4], int i, const Matrix<T> &a,
                                           int64_t row, const Matrix<T> &b, int64_t column)
    {
        for (int slice = 0; slice * P < a.width; slice++) {
            load_tile<T, P>(rows[i], ROWS, a, row, slice);
            load_tile<T, P>(columns[i], COLUMNS, b, column, slice);
            tiles_arrive();
            add_product<P>(c, own(i), columns[i]);
            __syncthreads();
        }
    }
};

/* Dot products of the block's rows with a tile of columns, in both pairs of matrices; and then the
 * given slice of the columns, in shared memory. */
template <typename T, int P>
__device__ __forceinline__ void multiply(Tiles<T, P> &tiles, const Matrix<T> (&rows)[2],
                                         int64_t row, const Matrix<T> (&columns)[2], int64_t column,
                                         int slice, float (&c)[2][TILES][4])
{
    set_zero(c[0]);
    set_zero(c[1]);
    __syncthreads(); /* the last tile is no longer read */
    if (!tiles.whole) {
#pragma unroll
        for (int i = 0; i < 2; i++)
            tiles.sliced(c[i], i, rows[i], row, columns[i], column);
    }
#pragma unroll
    for (int i = 0; i < 2; i++)
        load_tile<T, P>(tiles.columns[i], COLUMNS, columns[i], column, slice);
    tiles_arrive();
    if (!tiles.whole) return;
    add_product<P>(c[0], tiles.own(0), tiles.columns[0]);
    add_product<P>(c[1], tiles.own(1), tiles.columns[1]);
}

/* Dot products c[0] and c[1] become weights and slopes of the scores; the rows are queries, or the
 * columns are. */
template <typename T, bool rows_are_queries>
__device__ __forceinline__ void slopes_of(const Attention &a, const Rows<T> &r, const Stats *stats,
                                          int64_t row, int64_t column, float (&c)[2][TILES][4])
{
    const int g = (int)threadIdx.x % WARP / 4, t = (int)threadIdx.x % 4;
    const bool plain = rows_are_queries ? all_seen(a, row, 16, column, COLUMNS)
                                        : all_seen(a, column, COLUMNS, row, 16);
#pragma unroll
    for (int n = 0; n < TILES; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int64_t own = row + g + i / 2 * 8, other = column + n * 8 + 2 * t + i % 2;
            const int64_t query = rows_are_queries ? own : other;
            const int64_t key = rows_are_queries ? other : own;
            const Stats of = query < a.s.queries ? stats[r.stats + query] : Stats{0, 0};
            const float score =
                plain ? c[0][n][i] * a.scale : score_of(a, r.head, c[0][n][i], query, key);
            c[0][n][i] = exp_for<T>(score - of.normaliser);
            c[1][n][i] = c[0][n][i] * (c[1][n][i] - of.mean);
        }
}

/* ---- each query's normaliser and mean ------------------------------------------------------- */

/* A thread's two rows so far: the largest score, Σ exp(score - top), Σ exp(score - top)·e. */
struct Running {
    float top[2], sum[2], product[2];
};

template <typename T>
__device__ __forceinline__ void carry(const Attention &a, const Head &head, int64_t query,
                                      int64_t key, const float (&c)[2][TILES][4], Running &running)
{
    const int g = (int)threadIdx.x % WARP / 4, t = (int)threadIdx.x % 4;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float scores[2 * TILES], top = running.top[half];
#pragma unroll
        for (int i = 0; i < 2 * TILES; i++) {
            scores[i] = score_of(a, head, c[0][i / 2][2 * half + i % 2], query + g + half * 8,
                                 key + i / 2 * 8 + 2 * t + i % 2);
            top = fmaxf(top, scores[i]);
        }
        const float before = exp_for<T>(running.top[half] - top);
        running.top[half] = top;
        running.sum[half] *= before;
        running.product[half] *= before;
#pragma unroll
        for (int i = 0; i < 2 * TILES; i++) {
            const float weight = exp_for<T>(scores[i] - top);
            running.sum[half] += weight;
            running.product[half] += weight * c[1][i / 2][2 * half + i % 2];
        }
    }
}

/* Joins the four threads of a row. */
template <typename T> __device__ __forceinline__ Stats joined(float top, float sum, float product)
{
    float all = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, 1));
    all = fmaxf(all, __shfl_xor_sync(ALL_LANES, all, 2));
    sum *= exp_for<T>(top - all);
    product *= exp_for<T>(top - all);
    for (int step = 1; step < 4; step *= 2) {
        sum += __shfl_xor_sync(ALL_LANES, sum, step);
        product += __shfl_xor_sync(ALL_LANES, product, step);
    }
    return Stats{all + logf(sum), product / sum};
}

template <typename T, int P>
static __global__ void __launch_bounds__(THREADS) stats_kernel(Inputs<T> in, Stats *stats)
{
    DYNAMIC_SHARED(T, shared);
    const AttentionSizes &s = in.a.s;
    const int64_t blocks = (s.queries + ROWS - 1) / ROWS, first = blockIdx.x % blocks * ROWS;
    const Rows<T> r = rows_of(in, blockIdx.x / blocks);
    const Matrix<T> rows[2] = {r.q, r.dy}, columns[2] = {r.k, r.v};
    const int64_t query = first + threadIdx.x / WARP * 16, seen = keys_seen(s, first + ROWS);
    Tiles<T, P> tiles(shared, rows[0], rows[1], first);
    Running running = {
        {-FLT_MAX, -FLT_MAX},
        {0,        0       },
        {0,        0       }
    };
    for (int64_t key = 0; key < seen; key += COLUMNS) {
        float c[2][TILES][4];
        multiply(tiles, rows, first, columns, key, 0, c);
        carry<T>(in.a, r.head, query, key, c, running);
    }
    for (int half = 0; half < 2; half++) {
        const Stats of = joined<T>(running.top[half], running.sum[half], running.product[half]);
        const int64_t at = query + threadIdx.x % WARP / 4 + half * 8;
        if (threadIdx.x % 4 == 0 && at < s.queries) stats[r.stats + at] = of;
    }
}

/* ---- dq; dk and dv -------------------------------------------------------------------------- */

template <typename T, int P>
static __global__ void __launch_bounds__(THREADS) dq_kernel(Inputs<T> in, const Stats *stats, T *dq)
{
    DYNAMIC_SHARED(T, shared);
    const AttentionSizes &s = in.a.s;
    const int64_t blocks = (s.queries + ROWS - 1) / ROWS, first = blockIdx.x % blocks * ROWS;
    const Rows<T> r = rows_of(in, blockIdx.x / blocks);
    const Matrix<T> rows[2] = {r.q, r.dy}, columns[2] = {r.k, r.v};
    const int64_t query = first + threadIdx.x / WARP * 16, seen = keys_seen(s, first + ROWS);
    const int slice = (int)blockIdx.y;
    Tiles<T, P> tiles(shared, rows[0], rows[1], first);
    float sum[P / 8][4];
    set_zero(sum);
    for (int64_t key = 0; key < seen; key += COLUMNS) {
        float c[2][TILES][4];
        multiply(tiles, rows, first, columns, key, slice, c);
        slopes_of<T, true>(in.a, r, stats, query, key, c);
        add_weighted<P>(sum, c[1], tiles.columns[0]);
    }
    write_rows<T, P>(dq + r.head.q, r.q, query, slice * P, sum, in.a.scale, in.a.scale);
}

template <typename T, int P>
static __global__ void __launch_bounds__(THREADS)
    dk_dv_kernel(Inputs<T> in, const Stats *stats, T *dk, T *dv)
{
    DYNAMIC_SHARED(T, shared);
    const AttentionSizes &s = in.a.s;
    const int64_t blocks = (s.keys + ROWS - 1) / ROWS, first = blockIdx.x % blocks * ROWS;
    const Rows<T> r = rows_of(in, blockIdx.x / blocks);
    const Matrix<T> rows[2] = {r.k, r.v}, columns[2] = {r.q, r.dy};
    const int64_t key = first + threadIdx.x / WARP * 16;
    const int slice = (int)blockIdx.y;
    Tiles<T, P> tiles(shared, rows[0], rows[1], first);
    float dk_sum[P / 8][4], dv_sum[P / 8][4];
    set_zero(dk_sum);
    set_zero(dv_sum);
    for (int64_t query = s.causal ? first : 0; query < s.queries; query += COLUMNS) {
        float c[2][TILES][4];
        multiply(tiles, rows, first, columns, query, slice, c);
        slopes_of<T, false>(in.a, r, stats, key, query, c);
        add_weighted<P>(dk_sum, c[1], tiles.columns[0]);
        add_weighted<P>(dv_sum, c[0], tiles.columns[1]);
    }
    write_rows<T, P>(dk + r.head.k, r.k, key, slice * P, dk_sum, in.a.scale, in.a.scale);
    write_rows<T, P>(dv + r.head.v, r.v, key, slice * P, dv_sum, 1, 1);
}

/* ---- d bias --------------------------------------------------------------------------------- */

/* The bias' first three axes; one that is 1 is summed over. */
struct BiasAxes {
    int64_t batch, heads, queries;
};

/* A warp's dot product of two rows. */
template <typename T>
__device__ __forceinline__ float dot(const Matrix<T> &a, int64_t row, const Matrix<T> &b,
                                     int64_t column)
{
    float sum = 0;
    for (int i = (int)threadIdx.x % WARP; i < a.width; i += WARP)
        sum += to_float(a.data[row * a.step + i]) * to_float(b.data[column * b.step + i]);
    return warp_sum(sum);
}

/* A warp for each number of the bias. Small networks alone train one, so it is plain. */
template <typename T>
static __global__ void dbias_kernel(Inputs<T> in, const Stats *stats, T *dbias, BiasAxes axes)
{
    const AttentionSizes &s = in.a.s;
    const int64_t count = axes.batch * axes.heads * axes.queries * s.keys;
    const int64_t warps = (int64_t)gridDim.x * (THREADS / WARP);
    for (int64_t i = (int64_t)blockIdx.x * (THREADS / WARP) + threadIdx.x / WARP; i < count;
         i += warps) {
        const int64_t key = i % s.keys, query = i / s.keys % axes.queries;
        const int64_t head = i / s.keys / axes.queries % axes.heads;
        const int64_t item = i / s.keys / axes.queries / axes.heads;
        float sum = 0;
        for (int64_t b = item; b < s.batch; b += axes.batch)
            for (int64_t h = head; h < s.heads; h += axes.heads)
                for (int64_t q = query; q < s.queries; q += axes.queries) {
                    const Rows<T> r = rows_of(in, b * s.heads + h);
                    const Stats of = stats[r.stats + q];
                    const float score = score_of(in.a, r.head, dot(r.q, q, r.k, key), q, key);
                    sum += exp_for<T>(score - of.normaliser) * (dot(r.dy, q, r.v, key) - of.mean);
                }
        if (threadIdx.x % WARP == 0) dbias[i] = from_float<T>(sum);
    }
}

template <typename T>
static void start_bias(const CudaCall *call, const Inputs<T> &in, const Stats *stats, T *dbias)
{
    const Shape *bias = &call->node->in[3]->shape;
    const BiasAxes axes = {bias->dims[0], bias->dims[1], bias->dims[2]};
    const int64_t count = mel_shape_count(bias);
    LAUNCH((dbias_kernel<T>), blocks_for(count, WARPS), THREADS, 0, call, in, stats, dbias, axes);
}

/* ---- running -------------------------------------------------------------------------------- */

template <typename T, int P>
static bool start(const CudaCall *call, const Inputs<T> &in, const int64_t at[5], Err *err)
{
    const AttentionSizes &s = in.a.s;
    const int64_t items = s.batch * s.heads, bytes = shared_bytes<T, P>;
    const unsigned query_blocks = (unsigned)(items * ((s.queries + ROWS - 1) / ROWS));
    const unsigned key_blocks = (unsigned)(items * ((s.keys + ROWS - 1) / ROWS));
    const unsigned slices = (unsigned)((s.width + P - 1) / P);
    const unsigned value_slices = (unsigned)((s.value_width + P - 1) / P);
    T *out = (T *)call->out;
    Stats *stats = (Stats *)call->scratch;
    if (!allow_shared(stats_kernel<T, P>, (int)bytes) ||
        !allow_shared(dq_kernel<T, P>, (int)bytes) || !allow_shared(dk_dv_kernel<T, P>, (int)bytes))
        return mel_err(err, ERR_DEVICE, "its kernels want %d bytes of shared memory", (int)bytes);
    if (query_blocks > 0) {
        LAUNCH((stats_kernel<T, P>), query_blocks, THREADS, bytes, call, in, stats);
        LAUNCH((dq_kernel<T, P>), dim3(query_blocks, slices), THREADS, bytes, call, in, stats,
               out + at[0]);
    }
    LAUNCH((dk_dv_kernel<T, P>), dim3(key_blocks, slices > value_slices ? slices : value_slices),
           THREADS, bytes, call, in, stats, out + at[1], out + at[2]);
    if (at[4] > at[3]) start_bias(call, in, stats, out + at[3]);
    return cuda_started(err);
}

/* The least tile that a row fits in, or half of one; 128 numbers at a time of wider ones. */
template <typename T> static bool start_for(const CudaCall *call, const Attention &a, Err *err)
{
    const Inputs<T> in = {(const T *)call->in[0], (const T *)call->in[1], (const T *)call->in[2],
                          (const T *)call->in[4], a};
    const int64_t width = a.s.width > a.s.value_width ? a.s.width : a.s.value_width;
    int64_t at[5];
    op_attention_grad_offsets(call->node, at);
    if (width <= 32) return start<T, 32>(call, in, at, err);
    if (width <= 48) return start<T, 48>(call, in, at, err);
    if (width <= 64) return start<T, 64>(call, in, at, err);
    if (width <= 80 || (width > 128 && width <= 160)) return start<T, 80>(call, in, at, err);
    if (width <= 96) return start<T, 96>(call, in, at, err);
    return start<T, 128>(call, in, at, err);
}

static bool grad_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    const AttentionSizes s = op_attention_sizes(prepare->node);
    prepare->scratch_bytes = s.batch * s.heads * s.queries * (int64_t)sizeof(Stats);
    return true;
}

static bool grad_run(const CudaCall *call, Err *err)
{
    Attention a = {};
    int64_t at[5];
    op_attention_grad_offsets(call->node, at);
    a.s = op_attention_sizes(call->node);
    a.scale = (float)a.s.scale;
    a.bias = floats_of(call, 3);
    a.packed = a.s.width % 8 == 0 && a.s.value_width % 8 == 0 &&
               all_aligned(call->in[0], call->in[1], call->in[2], call->in[4], call->out);
    if (at[4] == 0) return true;
    if (call->node->dtype == DTYPE_BF16) return start_for<Bf16>(call, a, err);
    return start_for<float>(call, a, err);
}

extern "C" const CudaOp cuda_op_attention_grad = {grad_prepare, grad_run, MIXED(3)};
