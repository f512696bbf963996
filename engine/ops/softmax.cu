/* SPDX-License-Identifier: Apache-2.0
 *
 * The largest number of a row and its sum of exponentials are carried along in one pass (Milakov
 * and Gimelshein, "Online normalizer calculation for softmax", 2018); the second pass finds the row
 * in the caches. */
#include "engine/cuda/team.h"

struct Rows {
    int64_t count, length;
    bool logarithm;
};

static Rows rows_of(const Node *node)
{
    const int64_t length = node->shape.dims[node->shape.rank - 1];
    return Rows{length ? mel_shape_count(&node->shape) / length : 0, length,
                ((const SoftmaxAttrs *)node->attrs)->logarithm};
}

template <typename T, int N, bool whole_block>
static __global__ void softmax_kernel(const T *in, T *out, Rows rows)
{
    const Team<whole_block> team;
    for (int64_t row = team.first; row < rows.count; row += team.step) {
        const T *x = in + row * rows.length;
        float v[N], top = -FLT_MAX, sum = 0;
        for (int64_t i = team.rank; i < rows.length / N; i += team.size) {
            float higher = top;
            load_pack<T, N>(x + i * N, v);
            for (int k = 0; k < N; k++)
                higher = fmaxf(higher, v[k]);
            sum *= expf(top - higher);
            top = higher;
            for (int k = 0; k < N; k++)
                sum += expf(v[k] - top);
        }
        const float all = team.most(top);
        sum = team.sum(sum * expf(top - all));
        const float shift = all + logf(sum), factor = 1 / sum;
        for (int64_t i = team.rank; i < rows.length / N; i += team.size) {
            load_pack<T, N>(x + i * N, v);
            for (int k = 0; k < N; k++)
                v[k] = rows.logarithm ? v[k] - shift : expf(v[k] - all) * factor;
            store_pack<T, N>(out + row * rows.length + i * N, v);
        }
    }
}

template <typename T, int N, bool whole_block>
static __global__ void softmax_grad_kernel(const T *result, const T *slopes, T *out, Rows rows)
{
    const Team<whole_block> team;
    for (int64_t row = team.first; row < rows.count; row += team.step) {
        const T *y = result + row * rows.length, *dy = slopes + row * rows.length;
        float v[N], d[N], sum = 0;
        for (int64_t i = team.rank; i < rows.length / N; i += team.size) {
            load_pack<T, N>(y + i * N, v);
            load_pack<T, N>(dy + i * N, d);
            for (int k = 0; k < N; k++)
                sum += rows.logarithm ? d[k] : v[k] * d[k];
        }
        sum = team.sum(sum);
        for (int64_t i = team.rank; i < rows.length / N; i += team.size) {
            load_pack<T, N>(y + i * N, v);
            load_pack<T, N>(dy + i * N, d);
            for (int k = 0; k < N; k++)
                d[k] = rows.logarithm ? d[k] - expf(v[k]) * sum : v[k] * (d[k] - sum);
            store_pack<T, N>(out + row * rows.length + i * N, d);
        }
    }
}

static bool softmax_run(const CudaCall *call, Err *err)
{
    const Rows rows = rows_of(call->node);
    const bool packs = all_aligned(call->in[0], call->out) && rows.length % 8 == 0;
    if (rows.count == 0) return true;
    WITH_FLOAT(call->node->dtype, T,
               WITH_PACK(packs, T, N,
                         WITH_TEAM(rows.count, rows.length, whole_block, blocks,
                                   LAUNCH((softmax_kernel<T, N, whole_block>), blocks, TEAM_BLOCK,
                                          0, call, (const T *)call->in[0], (T *)call->out, rows))));
    return cuda_started(err);
}

static bool softmax_grad_run(const CudaCall *call, Err *err)
{
    const Rows rows = rows_of(call->node);
    const bool packs = all_aligned(call->in[0], call->in[1], call->out) && rows.length % 8 == 0;
    if (rows.count == 0) return true;
    WITH_FLOAT(call->node->dtype, T,
               WITH_PACK(packs, T, N,
                         WITH_TEAM(rows.count, rows.length, whole_block, blocks,
                                   LAUNCH((softmax_grad_kernel<T, N, whole_block>), blocks,
                                          TEAM_BLOCK, 0, call, (const T *)call->in[0],
                                          (const T *)call->in[1], (T *)call->out, rows))));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_softmax = {NULL, softmax_run, 0};
extern "C" const CudaOp cuda_op_softmax_grad = {NULL, softmax_grad_run, 0};
