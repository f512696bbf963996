/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers and RMS: a team of threads for each row (team.h). Groups, whose sets are whole pictures:
 * every thread owns a pack of channels and walks down some rows; the sums of a block's rows go to
 * scratch memory, one block for each set joins them, and a third kernel writes. All orders of
 * summing are fixed by the shape alone. */
#include "engine/cuda/team.h"
#include "engine/ops/norm_columns.h"

/* Of one set: what to subtract and what to multiply by. */
struct Moments {
    float mean, inverse;
};

/* N scales or shifts from the i-th on; `otherwise` where there are none. */
template <int N>
__device__ __forceinline__ void load_floats(const Floats &from, int64_t i, float otherwise,
                                            float (&to)[N])
{
    constexpr int n = N < 4 ? N : 4;
    for (int k = 0; k < N; k++)
        to[k] = otherwise;
    if (!from.data) return;
    if (from.bf16) {
        load_pack<Bf16, N>((const Bf16 *)from.data + i, to);
        return;
    }
    for (int k = 0; k < N; k += n) {
        float some[n];
        load_pack<float, n>((const float *)from.data + i + k, some);
        for (int j = 0; j < n; j++)
            to[k + j] = some[j];
    }
}

static __device__ __forceinline__ float silu_if(bool silu, float z)
{
    return silu ? z / (1 + expf(-z)) : z;
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct RowSet {
    int64_t rows, length;
    float eps;
    bool centred, silu;
};

static RowSet row_set(const Node *node)
{
    const NormAttrs *attrs = (const NormAttrs *)node->attrs;
    const NormSizes s = op_norm_sizes(node);
    return RowSet{s.batch, s.channels, (float)attrs->eps, attrs->centred, attrs->silu};
}

/* In two passes; the mean about the row's first number, so that a large one costs no digits. */
template <typename T, int N, bool whole_block>
__device__ __forceinline__ Moments row_moments(const Team<whole_block> &team, const RowSet &set,
                                               const T *x)
{
    float v[N], sum = 0, squares = 0;
    const float first = to_float(x[0]), count = (float)set.length;
    for (int64_t i = team.rank; set.centred && i < set.length / N; i += team.size) {
        load_pack<T, N>(x + i * N, v);
        for (int k = 0; k < N; k++)
            sum += v[k] - first;
    }
    const float mean = set.centred ? first + team.sum(sum) / count : 0;
    for (int64_t i = team.rank; i < set.length / N; i += team.size) {
        load_pack<T, N>(x + i * N, v);
        for (int k = 0; k < N; k++)
            squares += (v[k] - mean) * (v[k] - mean);
    }
    return Moments{mean, 1 / sqrtf(team.sum(squares) / count + set.eps)};
}

template <typename T, int N, bool whole_block>
static __global__ void rows_kernel(const T *in, Floats scale, Floats shift, T *out, RowSet set)
{
    const Team<whole_block> team;
    for (int64_t row = team.first; row < set.rows; row += team.step) {
        const T *x = in + row * set.length;
        const Moments m = row_moments<T, N>(team, set, x);
        for (int64_t i = team.rank; i < set.length / N; i += team.size) {
            float v[N], factor[N], add[N];
            load_pack<T, N>(x + i * N, v);
            load_floats<N>(scale, i * N, 1, factor);
            load_floats<N>(shift, i * N, 0, add);
            for (int k = 0; k < N; k++)
                v[k] = silu_if(set.silu, (v[k] - m.mean) * m.inverse * factor[k] + add[k]);
            store_pack<T, N>(out + row * set.length + i * N, v);
        }
    }
}

template <typename T, int N, bool whole_block>
static __global__ void rows_grad_kernel(const T *in, const T *slopes, Floats scale, T *out,
                                        RowSet set)
{
    const Team<whole_block> team;
    for (int64_t row = team.first; row < set.rows; row += team.step) {
        const T *x = in + row * set.length, *dy = slopes + row * set.length;
        const Moments m = row_moments<T, N>(team, set, x);
        float v[N], d[N], factor[N], g = 0, gz = 0;
        for (int64_t i = team.rank; i < set.length / N; i += team.size) {
            load_pack<T, N>(x + i * N, v);
            load_pack<T, N>(dy + i * N, d);
            load_floats<N>(scale, i * N, 1, factor);
            for (int k = 0; k < N; k++) {
                g += d[k] * factor[k];
                gz += d[k] * factor[k] * ((v[k] - m.mean) * m.inverse);
            }
        }
        g = set.centred ? team.sum(g) / (float)set.length : 0;
        gz = team.sum(gz) / (float)set.length;
        for (int64_t i = team.rank; i < set.length / N; i += team.size) {
            load_pack<T, N>(x + i * N, v);
            load_pack<T, N>(dy + i * N, d);
            load_floats<N>(scale, i * N, 1, factor);
            for (int k = 0; k < N; k++)
                d[k] = m.inverse * (d[k] * factor[k] - g - (v[k] - m.mean) * m.inverse * gz);
            store_pack<T, N>(out + row * set.length + i * N, d);
        }
    }
}

template <typename T, int N, bool whole_block>
static __global__ void row_moments_kernel(const T *in, Moments *moments, RowSet set)
{
    const Team<whole_block> team;
    for (int64_t row = team.first; row < set.rows; row += team.step) {
        const Moments m = row_moments<T, N>(team, set, in + row * set.length);
        if (team.rank == 0) moments[row] = m;
    }
}

/* ---- groups: statistics --------------------------------------------------------------------- */

/* Σd and Σd², d about the channel's first number of the item. */
template <typename T, int N>
static __global__ void squares_kernel(const T *x, float *sums, Columns c)
{
    const Share<N> share(c);
    float first[N] = {}, v[N], sum[N] = {}, squares[N] = {};
    if (share.channel < c.channels) load_pack<T, N>(x + share.at(c, 0), first);
    for (int64_t row = share.begin; row < share.end; row += c.down) {
        load_pack<T, N>(x + share.at(c, row), v);
        for (int k = 0; k < N; k++) {
            const float d = v[k] - first[k];
            sum[k] += d;
            squares[k] += d * d;
        }
    }
    add_rows<N>(c, sum, squares, sums);
}

/* block_sum, in double. */
static __device__ __forceinline__ double block_total(double x)
{
    __shared__ double parts[WARP];
    const int warps = (int)blockDim.x / WARP, lane = (int)threadIdx.x % WARP;
    for (int step = WARP / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(ALL_LANES, x, step);
    __syncthreads();
    if (lane == 0) parts[threadIdx.x / WARP] = x;
    __syncthreads();
    double sum = 0;
    for (int i = 0; i < warps; i++)
        sum += parts[i];
    return sum;
}

/* A block for each item and group: the mean, then Σ(x - mean)² out of the sums about each channel's
 * first number. */
template <typename T>
static __global__ void moments_kernel(const T *x, const float *sums, Moments *moments, Columns c)
{
    const int64_t item = blockIdx.x / c.groups, channel = blockIdx.x % c.groups * c.width;
    const T *first = x + item * c.space * c.channels + channel;
    const double space = (double)c.space, count = space * (double)c.width;
    double mean = 0, spread = 0;
    sums += item * c.parts * 2 * c.channels + channel;
    for (int64_t i = threadIdx.x; c.centred && i < c.parts * c.width; i += blockDim.x) {
        const int64_t part = i / c.width, k = i % c.width;
        mean += (double)sums[part * 2 * c.channels + k];
        if (part == 0) mean += space * (double)to_float(first[k]);
    }
    mean = block_total(mean) / count;
    for (int64_t i = threadIdx.x; i < c.parts * c.width; i += blockDim.x) {
        const int64_t part = i / c.width, k = i % c.width;
        const double apart = (double)to_float(first[k]) - mean;
        const float *of_part = sums + part * 2 * c.channels + k;
        spread += (double)of_part[c.channels] + 2 * apart * (double)of_part[0];
        if (part == 0) spread += space * apart * apart;
    }
    spread = block_total(spread) / count;
    if (threadIdx.x == 0)
        moments[blockIdx.x] =
            Moments{(float)mean, (float)(1 / sqrt(fmax(spread, 0.0) + (double)c.eps))};
}

template <typename T, int N>
static __global__ void apply_kernel(const T *x, Floats scale, Floats shift, const Moments *moments,
                                    T *y, Columns c)
{
    const Share<N> share(c);
    float v[N], mean[N], factor[N], add[N];
    if (share.channel >= c.channels) return;
    load_floats<N>(scale, share.channel, 1, factor);
    load_floats<N>(shift, share.channel, 0, add);
    for (int k = 0; k < N; k++) {
        const Moments m = moments[share.item * c.groups + (share.channel + k) / c.width];
        mean[k] = m.mean;
        factor[k] *= m.inverse;
    }
    for (int64_t row = share.begin; row < share.end; row += c.down) {
        load_pack<T, N>(x + share.at(c, row), v);
        for (int k = 0; k < N; k++)
            v[k] = silu_if(c.silu, (v[k] - mean[k]) * factor[k] + add[k]);
        store_pack<T, N>(y + share.at(c, row), v);
    }
}

/* ---- groups: slopes ------------------------------------------------------------------------- */

/* Σdy and Σdy·z of each channel. */
template <typename T, int N>
static __global__ void slopes_kernel(const T *x, const T *dy, const Moments *moments, float *sums,
                                     Columns c)
{
    const Share<N> share(c);
    float v[N], d[N], sum[N] = {}, product[N] = {};
    Moments m[N] = {};
    for (int k = 0; k < N && !c.by_row && share.channel < c.channels; k++)
        m[k] = moments[share.item * c.groups + (share.channel + k) / c.width];
    for (int64_t row = share.begin; row < share.end; row += c.down) {
        load_pack<T, N>(x + share.at(c, row), v);
        load_pack<T, N>(dy + share.at(c, row), d);
        for (int k = 0; k < N; k++) {
            if (c.by_row) m[k] = moments[row];
            sum[k] += d[k];
            product[k] += d[k] * ((v[k] - m[k].mean) * m[k].inverse);
        }
    }
    add_rows<N>(c, sum, product, sums);
}

/* A set's means of g = dy·scale and of g·z. */
struct Means {
    float g, gz;
};

static __global__ void means_kernel(const float *sums, Floats scale, Means *means, Columns c)
{
    const int64_t item = blockIdx.x / c.groups, channel = blockIdx.x % c.groups * c.width;
    const double count = (double)c.space * (double)c.width;
    double g = 0, gz = 0;
    sums += item * c.parts * 2 * c.channels + channel;
    for (int64_t i = threadIdx.x; i < c.parts * c.width; i += blockDim.x) {
        const int64_t part = i / c.width, k = i % c.width;
        const double factor = scale.data ? (double)scale.at(channel + k) : 1;
        g += factor * (double)sums[part * 2 * c.channels + k];
        gz += factor * (double)sums[(part * 2 + 1) * c.channels + k];
    }
    g = block_total(g) / count;
    gz = block_total(gz) / count;
    if (threadIdx.x == 0) means[blockIdx.x] = Means{c.centred ? (float)g : 0, (float)gz};
}

template <typename T, int N>
static __global__ void grad_kernel(const T *x, const T *dy, Floats scale, const Moments *moments,
                                   const Means *means, T *dx, Columns c)
{
    const Share<N> share(c);
    float v[N], d[N], factor[N];
    Moments m[N];
    Means mean[N];
    if (share.channel >= c.channels) return;
    load_floats<N>(scale, share.channel, 1, factor);
    for (int k = 0; k < N; k++) {
        const int64_t set = share.item * c.groups + (share.channel + k) / c.width;
        m[k] = moments[set];
        mean[k] = means[set];
    }
    for (int64_t row = share.begin; row < share.end; row += c.down) {
        load_pack<T, N>(x + share.at(c, row), v);
        load_pack<T, N>(dy + share.at(c, row), d);
        for (int k = 0; k < N; k++) {
            const float z = (v[k] - m[k].mean) * m[k].inverse;
            d[k] = m[k].inverse * (d[k] * factor[k] - mean[k].g - z * mean[k].gz);
        }
        store_pack<T, N>(dx + share.at(c, row), d);
    }
}

/* The second sums of each channel, over items and parts: a warp's lanes are channels, its block's
 * warps take turns. */
static __global__ void join_kernel(const float *sums, float *out, Columns c)
{
    __shared__ float found[THREADS];
    const int warps = (int)blockDim.x / WARP, warp = (int)threadIdx.x / WARP;
    const int64_t channel = (int64_t)blockIdx.x * WARP + threadIdx.x % WARP;
    float sum = 0;
    for (int64_t i = warp; channel < c.channels && i < c.batch * c.parts; i += warps)
        sum += sums[(i * 2 + 1) * c.channels + channel];
    found[threadIdx.x] = sum;
    __syncthreads();
    if (warp > 0 || channel >= c.channels) return;
    for (int i = 1; i < warps; i++)
        sum += found[i * WARP + (int)threadIdx.x];
    out[channel] = sum;
}

/* ---- running -------------------------------------------------------------------------------- */

/* The scratch: moments and means of each set, then sums. */
static int64_t set_count(const Columns &c)
{
    return c.by_row ? c.space : c.batch * c.groups;
}

static Moments *moments_of(const CudaCall *call)
{
    return (Moments *)call->scratch;
}

static Means *means_of(const CudaCall *call, const Columns &c)
{
    return (Means *)(moments_of(call) + set_count(c));
}

static float *sums_of(const CudaCall *call, const Columns &c)
{
    return (float *)(means_of(call, c) + set_count(c));
}

static int64_t columns_bytes(const Columns &c)
{
    return set_count(c) * (int64_t)(sizeof(Moments) + sizeof(Means)) +
           c.batch * c.parts * 2 * c.channels * (int64_t)sizeof(float);
}

/* How wide packs will be is known when the arrays are. */
static bool columns_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    for (int n = 1; n <= 8; n *= 2) {
        const int64_t bytes = columns_bytes(columns_of(prepare->node, n));
        if (bytes > prepare->scratch_bytes) prepare->scratch_bytes = bytes;
    }
    return true;
}

static bool norm_prepare(Prepare *prepare, Err *err)
{
    const NormAttrs *attrs = (const NormAttrs *)prepare->node->attrs;
    return attrs->rows || columns_prepare(prepare, err);
}

static bool takes_packs(const CudaCall *call)
{
    const Shape *x = &call->node->in[0]->shape;
    return x->dims[x->rank - 1] % 8 == 0 &&
           all_aligned(call->in[0], call->in[1], call->in[2], call->out);
}

template <typename T, int N> static void start_moments(const CudaCall *call, const Columns &c)
{
    const T *x = (const T *)call->in[0];
    LAUNCH((squares_kernel<T, N>), grid_of(c, N), c.across * c.down, shared_bytes(c, N), call, x,
           sums_of(call, c), c);
    LAUNCH((moments_kernel<T>), (unsigned)(c.batch * c.groups), THREADS, 0, call, x,
           sums_of(call, c), moments_of(call), c);
}

template <typename T, int N> static void start_slopes(const CudaCall *call, const Columns &c)
{
    LAUNCH((slopes_kernel<T, N>), grid_of(c, N), c.across * c.down, shared_bytes(c, N), call,
           (const T *)call->in[0], (const T *)call->in[1], moments_of(call), sums_of(call, c), c);
}

template <typename T, int N> static void start_norm(const CudaCall *call)
{
    const T *x = (const T *)call->in[0];
    const Floats scale = floats_of(call, 1), shift = floats_of(call, 2);
    const RowSet set = row_set(call->node);
    const Columns c = columns_of(call->node, N);
    if (c.by_row) {
        WITH_TEAM(set.rows, set.length, whole_block, blocks,
                  LAUNCH((rows_kernel<T, N, whole_block>), blocks, TEAM_BLOCK, 0, call, x, scale,
                         shift, (T *)call->out, set));
        return;
    }
    start_moments<T, N>(call, c);
    LAUNCH((apply_kernel<T, N>), grid_of(c, N), c.across * c.down, 0, call, x, scale, shift,
           moments_of(call), (T *)call->out, c);
}

template <typename T, int N> static void start_grad(const CudaCall *call)
{
    const T *x = (const T *)call->in[0], *dy = (const T *)call->in[1];
    const Floats scale = floats_of(call, 2);
    const RowSet set = row_set(call->node);
    const Columns c = columns_of(call->node, N);
    if (c.by_row) {
        WITH_TEAM(set.rows, set.length, whole_block, blocks,
                  LAUNCH((rows_grad_kernel<T, N, whole_block>), blocks, TEAM_BLOCK, 0, call, x, dy,
                         scale, (T *)call->out, set));
        return;
    }
    start_moments<T, N>(call, c);
    start_slopes<T, N>(call, c);
    LAUNCH(means_kernel, (unsigned)(c.batch * c.groups), THREADS, 0, call, sums_of(call, c), scale,
           means_of(call, c), c);
    LAUNCH((grad_kernel<T, N>), grid_of(c, N), c.across * c.down, 0, call, x, dy, scale,
           moments_of(call), means_of(call, c), (T *)call->out, c);
}

template <typename T, int N> static void start_grad_scale(const CudaCall *call)
{
    const RowSet set = row_set(call->node);
    const Columns c = columns_of(call->node, N);
    if (c.by_row)
        WITH_TEAM(set.rows, set.length, whole_block, blocks,
                  LAUNCH((row_moments_kernel<T, N, whole_block>), blocks, TEAM_BLOCK, 0, call,
                         (const T *)call->in[0], moments_of(call), set));
    else
        start_moments<T, N>(call, c);
    start_slopes<T, N>(call, c);
    LAUNCH(join_kernel, blocks_for(c.channels, WARP), THREADS, 0, call, sums_of(call, c),
           (float *)call->out, c);
}

static bool norm_run(const CudaCall *call, Err *err)
{
    WITH_FLOAT(call->node->in[0]->dtype, T,
               WITH_PACK(takes_packs(call), T, N, start_norm<T, N>(call)));
    return cuda_started(err);
}

static bool norm_grad_run(const CudaCall *call, Err *err)
{
    WITH_FLOAT(call->node->in[0]->dtype, T,
               WITH_PACK(takes_packs(call), T, N, start_grad<T, N>(call)));
    return cuda_started(err);
}

static bool norm_grad_scale_run(const CudaCall *call, Err *err)
{
    WITH_FLOAT(call->node->in[0]->dtype, T,
               WITH_PACK(takes_packs(call), T, N, start_grad_scale<T, N>(call)));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_norm = {norm_prepare, norm_run, MIXED(1) | MIXED(2)};
extern "C" const CudaOp cuda_op_norm_grad = {norm_prepare, norm_grad_run, MIXED(2)};
extern "C" const CudaOp cuda_op_norm_grad_scale = {columns_prepare, norm_grad_scale_run, 0};
