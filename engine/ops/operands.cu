/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/operands.h"

enum { THREADS = 256 };

void *weights_upload(const Tensor *weights, DType dtype, Err *err)
{
    const int64_t count = mel_shape_count(&weights->shape);
    void *memory = cuda_alloc(count * (int64_t)mel_dtype_size(dtype), err);
    if (!memory || cuda_upload(memory, dtype, weights, err)) return memory;
    cuda_free(memory);
    return NULL;
}

/* ---- biases --------------------------------------------------------------------------------- */

bool product_bias_new(const Node *node, ProductBias *out, Err *err)
{
    const Node *bias = node->in_count > 2 ? node->in[2] : NULL;
    *out = ProductBias{NULL, false};
    if (!bias || bias->dtype == node->dtype) return true;
    out->memory =
        cuda_alloc(mel_shape_count(&bias->shape) * (int64_t)mel_dtype_size(node->dtype), err);
    return out->memory != NULL;
}

void product_bias_clear(ProductBias *bias)
{
    if (bias->memory) cuda_free(bias->memory);
}

template <typename T> static __global__ void bias_convert_kernel(Floats from, T *to, int64_t count)
{
    for (EACH_INDEX(i, count))
        to[i] = from_float<T>(from.at(i));
}

const void *product_bias_of(const CudaCall *call, ProductBias *bias)
{
    const Node *node = call->node;
    if (node->in_count < 3 || !node->in[2]) return NULL;
    if (!bias->memory) return call->in[2];
    const int64_t count = mel_shape_count(&node->in[2]->shape);
    if (!bias->filled)
        WITH_FLOAT(node->dtype, T,
                   LAUNCH((bias_convert_kernel<T>), blocks_for(count, THREADS), THREADS, 0, call,
                          floats_of(call, 2), (T *)bias->memory, count));
    bias->filled = node->in[2]->constant;
    return bias->memory;
}

template <typename T, int N>
static __global__ void bias_add_kernel(T *to, int64_t packs, int64_t channels, Floats bias)
{
    for (EACH_INDEX(i, packs)) {
        const int64_t channel = i * N % channels;
        float v[N];
        load_pack<T, N>(to + i * N, v);
        for (int k = 0; k < N; k++)
            v[k] += bias.at(channel + k);
        store_pack<T, N>(to + i * N, v);
    }
}

void bias_add(const CudaCall *call)
{
    const Node *node = call->node;
    const int64_t count = mel_shape_count(&node->shape);
    const int64_t channels = mel_shape_count(&node->in[2]->shape);
    if (count == 0) return;
    WITH_FLOAT(node->dtype, T,
               WITH_PACK(all_aligned(call->out) && channels % pack_size<T> == 0, T, N,
                         LAUNCH((bias_add_kernel<T, N>), blocks_for(count / N, THREADS), THREADS, 0,
                                call, (T *)call->out, count / N, channels, floats_of(call, 2))));
}
