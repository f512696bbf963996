/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/walk.h"

enum { THREADS = 256, WARPS = THREADS / WARP };

/* A table [rows, width], and which of its rows were taken. */
struct Lookup {
    const int32_t *ids;
    int64_t count, rows, width;
};

static Lookup lookup_of(const Node *table, const Node *ids, const void *id_data)
{
    return Lookup{(const int32_t *)id_data, mel_shape_count(&ids->shape), table->shape.dims[0],
                  table->shape.dims[1]};
}

/* Ids outside the table stand for zeroes. */
template <typename From, typename To, int N, typename Index>
static __global__ void embedding_kernel(Lookup lookup, const From *table, To *out)
{
    const int64_t packs = lookup.width / N;
    for (EACH_INDEX(i, lookup.count * packs)) {
        const Index row = (Index)i / (Index)packs;
        const int64_t id = lookup.ids[row], at = (i - (int64_t)row * packs) * N;
        float v[N] = {};
        if (id >= 0 && id < lookup.rows) load_pack<From, N>(table + id * lookup.width + at, v);
        store_pack<To, N>(out + i * N, v);
    }
}

template <typename From, typename To, int N>
static void start_embedding(const CudaCall *call, const Lookup *lookup)
{
    const int64_t count = lookup->count * (lookup->width / N);
    WITH_INDEX(count, Index,
               LAUNCH((embedding_kernel<From, To, N, Index>), blocks_for(count, THREADS), THREADS,
                      0, call, *lookup, (const From *)call->in[0], (To *)call->out));
}

static bool embedding_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const Lookup lookup = lookup_of(node->in[0], node->in[1], call->in[1]);
    if (lookup.count * lookup.width == 0) return true;
    WITH_FLOAT(node->in[0]->dtype, From, WITH_FLOAT(node->dtype, To, {
                   constexpr int N =
                       pack_size<From> < pack_size<To> ? pack_size<From> : pack_size<To>;
                   if (all_aligned(call->in[0], call->out) && lookup.width % N == 0)
                       start_embedding<From, To, N>(call, &lookup);
                   else
                       start_embedding<From, To, 1>(call, &lookup);
               }));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_embedding = {NULL, embedding_run, 0};

/* ---- the gradient --------------------------------------------------------------------------- */

/* Each row of the table gets a sum in the order of the ids. Of a small table, every row looks
 * through all ids, in parts whose sums a second kernel adds. Of a large one, most of whose rows no
 * id stands for, every id that is the first of its kind looks through those after it. */
enum { PART_LEAST = 1024, BLOCKS = 1024 };

static int64_t parts_of(const Lookup *lookup)
{
    const int64_t wanted = BLOCKS / (lookup->rows > 0 ? lookup->rows : 1);
    const int64_t most = lookup->count / PART_LEAST, parts = wanted < most ? wanted : most;
    return parts > 1 ? parts : 1;
}

static bool by_rows(const Lookup *lookup)
{
    return lookup->rows <= lookup->count;
}

/* Adds those rows of dy, among begin … end-1, whose id is `id`: N numbers from `column` on, of
 * which a lane beyond the width has none. */
template <typename T, int N>
static __device__ __forceinline__ void add_rows(const Lookup &lookup, const T *dy, int64_t id,
                                                int64_t begin, int64_t end, int64_t column,
                                                float (&sums)[N])
{
    const int lane = (int)threadIdx.x % WARP;
    for (int64_t first = begin; first < end; first += WARP) {
        const bool same = first + lane < end && lookup.ids[first + lane] == id;
        for (unsigned found = __ballot_sync(ALL_LANES, same); found; found &= found - 1) {
            const int64_t row = first + __ffs((int)found) - 1;
            float v[N];
            if (column >= lookup.width) continue;
            load_pack<T, N>(dy + row * lookup.width + column, v);
            for (int k = 0; k < N; k++)
                sums[k] += v[k];
        }
    }
}

/* A block's warps share the ids begin … end-1; the sums of WARP · N columns go to `to`. */
template <typename T, int N>
static __device__ __forceinline__ void sum_rows(const Lookup &lookup, const T *dy, int64_t id,
                                                int64_t begin, int64_t end, int64_t column,
                                                float *to)
{
    __shared__ float parts[WARPS][WARP * N];
    const int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP;
    const int64_t share = (end - begin + WARPS - 1) / WARPS, own = begin + warp * share;
    float sums[N] = {};
    add_rows<T, N>(lookup, dy, id, own, min(own + share, end), column + lane * N, sums);
    __syncthreads(); /* parts may still be read from the last time */
    for (int k = 0; k < N; k++)
        parts[warp][lane * N + k] = sums[k];
    __syncthreads();
    for (int c = (int)threadIdx.x; c < WARP * N && column + c < lookup.width; c += THREADS) {
        float sum = 0;
        for (int w = 0; w < WARPS; w++)
            sum += parts[w][c];
        to[column + c] = sum;
    }
}

/* A block for each row, chunk of columns and part of the ids; `sums` is [parts, rows, width]. */
template <typename T, int N>
static __global__ void rows_kernel(Lookup lookup, int64_t parts, const T *dy, float *sums)
{
    const int64_t chunks = (lookup.width + WARP * N - 1) / (WARP * N);
    const int64_t part = (lookup.count + parts - 1) / parts;
    for (int64_t i = blockIdx.x; i < parts * lookup.rows * chunks; i += gridDim.x) {
        const int64_t row = i / chunks % lookup.rows, begin = i / chunks / lookup.rows * part;
        sum_rows<T, N>(lookup, dy, row, begin, min(begin + part, lookup.count),
                       i % chunks * WARP * N, sums + i / chunks * lookup.width);
    }
}

static __global__ void join_kernel(int64_t count, int64_t parts, const float *sums, float *out)
{
    for (EACH_INDEX(i, count)) {
        float sum = 0;
        for (int64_t part = 0; part < parts; part++)
            sum += sums[part * count + i];
        out[i] = sum;
    }
}

static __global__ void clear_kernel(float *out, int64_t count)
{
    for (EACH_INDEX(i, count))
        out[i] = 0;
}

/* A block for each id and chunk of columns. */
template <typename T, int N>
static __global__ void firsts_kernel(Lookup lookup, const T *dy, float *out)
{
    const int64_t chunks = (lookup.width + WARP * N - 1) / (WARP * N);
    for (int64_t i = blockIdx.x; i < lookup.count * chunks; i += gridDim.x) {
        const int64_t first = i / chunks, id = lookup.ids[first];
        float earlier = 0;
        if (id < 0 || id >= lookup.rows) continue;
        for (int64_t k = threadIdx.x; k < first && earlier == 0; k += THREADS)
            earlier = lookup.ids[k] == id ? 1.0f : 0.0f;
        if (block_max(earlier) > 0) continue;
        sum_rows<T, N>(lookup, dy, id, first, lookup.count, i % chunks * WARP * N,
                       out + id * lookup.width);
    }
}

template <typename T, int N>
static void start_by_rows(const CudaCall *call, const Lookup *lookup, const T *dy)
{
    const int64_t chunks = (lookup->width + WARP * N - 1) / (WARP * N), parts = parts_of(lookup);
    const int64_t size = lookup->rows * lookup->width;
    float *sums = (float *)(parts > 1 ? call->scratch : call->out);
    LAUNCH((rows_kernel<T, N>), blocks_for(parts * lookup->rows * chunks, 1), THREADS, 0, call,
           *lookup, parts, dy, sums);
    if (parts > 1)
        LAUNCH(join_kernel, blocks_for(size, THREADS), THREADS, 0, call, size, parts, sums,
               (float *)call->out);
}

template <typename T, int N>
static void start_by_firsts(const CudaCall *call, const Lookup *lookup, const T *dy)
{
    const int64_t chunks = (lookup->width + WARP * N - 1) / (WARP * N);
    const int64_t size = lookup->rows * lookup->width;
    float *out = (float *)call->out;
    LAUNCH(clear_kernel, blocks_for(size, THREADS), THREADS, 0, call, out, size);
    if (lookup->count > 0)
        LAUNCH((firsts_kernel<T, N>), blocks_for(lookup->count * chunks, 1), THREADS, 0, call,
               *lookup, dy, out);
}

static bool grad_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    const Lookup lookup = lookup_of(prepare->node, prepare->node->in[1], NULL);
    const int64_t parts = by_rows(&lookup) ? parts_of(&lookup) : 1;
    if (parts > 1)
        prepare->scratch_bytes = parts * lookup.rows * lookup.width * (int64_t)sizeof(float);
    return true;
}

static bool grad_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const Lookup lookup = lookup_of(node, node->in[1], call->in[1]);
    if (lookup.rows * lookup.width == 0) return true;
    WITH_FLOAT(node->in[0]->dtype, T, {
        const T *dy = (const T *)call->in[0];
        WITH_PACK(all_aligned(dy) && lookup.width % pack_size<T> == 0, T, N, {
            if (by_rows(&lookup))
                start_by_rows<T, N>(call, &lookup, dy);
            else
                start_by_firsts<T, N>(call, &lookup, dy);
        });
    });
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_embedding_grad = {grad_prepare, grad_run, 0};
