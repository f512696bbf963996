/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums in a fixed order, so that a run gives the same bits each time: each result's numbers are cut
 * into parts, the parts' sums are kept in scratch memory as float, and a second kernel adds those.
 */
#include "engine/cuda/walk.h"

enum { THREADS = 256, PARTS_MAX = 1024, PART_LEAST = 64, WORKERS = 1 << 16 };

/* How a sum is cut. */
struct Cut {
    int64_t results, numbers; /* of each result */
    int64_t parts, part;      /* numbers of one part */
    bool across;              /* results lie side by side: a thread each; else a block each */
};

static Cut cut_of(const SumWalks *walks)
{
    Cut cut = {walk_count(&walks->kept), walk_count(&walks->summed), 1, 0, false};
    cut.across = walks->kept.strides[1][walks->kept.rank - 1] == 1 && cut.results > 1;
    const int64_t busy = cut.across ? cut.results : cut.results * THREADS;
    const int64_t least = cut.across ? PART_LEAST : PART_LEAST * THREADS;
    cut.parts = WORKERS / (busy > 0 ? busy : 1);
    if (cut.parts > cut.numbers / least) cut.parts = cut.numbers / least;
    if (cut.parts > PARTS_MAX) cut.parts = PARTS_MAX;
    if (cut.parts < 1) cut.parts = 1;
    cut.part = (cut.numbers + cut.parts - 1) / cut.parts;
    return cut;
}

static __device__ __forceinline__ int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A thread for each result and part; `sums` is [parts, results], or the results in their places. */
template <typename T, typename To>
static __global__ void across_kernel(SumWalks walks, Cut cut, const T *in, To *sums, bool in_place)
{
    for (EACH_INDEX(i, cut.results * cut.parts)) {
        const int64_t result = i % cut.results, part = i / cut.results;
        int64_t place[2], at[2];
        float sum = 0;
        walk_at<2, uint64_t>(walks.kept, (uint64_t)result, place);
        const int64_t end = least_of((part + 1) * cut.part, cut.numbers);
        for (int64_t k = part * cut.part; k < end; k++) {
            walk_at<2, uint64_t>(walks.summed, (uint64_t)k, at);
            sum += to_float(in[place[1] + at[1]]);
        }
        sums[in_place ? place[0] : i] = from_float<To>(sum);
    }
}

/* A block for each result and part. */
template <typename T, typename To>
static __global__ void along_kernel(SumWalks walks, Cut cut, const T *in, To *sums, bool in_place)
{
    for (int64_t i = blockIdx.x; i < cut.results * cut.parts; i += gridDim.x) {
        const int64_t result = i % cut.results, part = i / cut.results;
        int64_t place[2], at[2];
        float sum = 0;
        walk_at<2, uint64_t>(walks.kept, (uint64_t)result, place);
        const int64_t end = least_of((part + 1) * cut.part, cut.numbers);
        for (int64_t k = part * cut.part + threadIdx.x; k < end; k += blockDim.x) {
            walk_at<2, uint64_t>(walks.summed, (uint64_t)k, at);
            sum += to_float(in[place[1] + at[1]]);
        }
        sum = block_sum(sum);
        if (threadIdx.x == 0) sums[in_place ? place[0] : i] = from_float<To>(sum);
    }
}

template <typename T>
static __global__ void join_kernel(Strided kept, Cut cut, const float *sums, T *out)
{
    for (EACH_INDEX(i, cut.results)) {
        int64_t place[2];
        float sum = 0;
        walk_at<2, uint64_t>(kept, (uint64_t)i, place);
        for (int64_t part = 0; part < cut.parts; part++)
            sum += sums[part * cut.results + i];
        out[place[0]] = from_float<T>(sum);
    }
}

template <typename T, typename To>
static void start_sums(const CudaCall *call, const SumWalks *walks, const Cut *cut, To *to,
                       bool in_place)
{
    const int64_t sums = cut->results * cut->parts;
    const T *in = (const T *)call->in[0];
    if (cut->across)
        LAUNCH((across_kernel<T, To>), blocks_for(sums, THREADS), THREADS, 0, call, *walks, *cut,
               in, to, in_place);
    else
        LAUNCH((along_kernel<T, To>), blocks_for(sums, 1), THREADS, 0, call, *walks, *cut, in, to,
               in_place);
}

static bool sum_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    const SumWalks walks = op_sum_walks(prepare->node);
    const Cut cut = cut_of(&walks);
    prepare->scratch_bytes = cut.parts > 1 ? cut.results * cut.parts * (int64_t)sizeof(float) : 0;
    return true;
}

static bool sum_run(const CudaCall *call, Err *err)
{
    const SumWalks walks = op_sum_walks(call->node);
    const Cut cut = cut_of(&walks);
    if (cut.results == 0) return true;
    WITH_FLOAT(call->node->dtype, T, {
        if (cut.parts == 1) {
            start_sums<T, T>(call, &walks, &cut, (T *)call->out, true);
        } else {
            float *sums = (float *)call->scratch;
            start_sums<T, float>(call, &walks, &cut, sums, false);
            LAUNCH((join_kernel<T>), blocks_for(cut.results, THREADS), THREADS, 0, call, walks.kept,
                   cut, sums, (T *)call->out);
        }
    });
    return cuda_started(err);
}

static bool broadcast_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    Strided walk = {};
    walk.rank = node->shape.rank;
    walk.operands = 2;
    memcpy(walk.dims, node->shape.dims, sizeof walk.dims);
    strided_contiguous(&node->shape, walk.strides[0]);
    strided_broadcast(&node->in[0]->shape, &node->shape, walk.strides[1]);
    return walk_copy(call, &walk, call->out, call->in[0], mel_dtype_size(node->dtype), err);
}

extern "C" const CudaOp cuda_op_sum_to = {sum_prepare, sum_run, 0};
extern "C" const CudaOp cuda_op_broadcast = {NULL, broadcast_run, 0};
