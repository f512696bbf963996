/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch's adaptive average pool along the tokens, to each sample's own length. */
#include "engine/op.h"
#include "engine/ops/attrs.h"
#include "engine/ops/places.h"
#include "engine/ops/simd.h"

#include <string.h>

static bool check(const Node *x, const Node *lengths, int64_t length, Err *err)
{
    if (x->shape.rank != 3 || x->shape.dims[1] < 1 || length < 1)
        return mel_err(err, ERR_USAGE, "it wants [B, N, C]");
    bool fits = !lengths || (lengths->dtype == DTYPE_I32 && lengths->shape.rank == 1 &&
                             lengths->shape.dims[0] == x->shape.dims[0]);
    return fits || mel_err(err, ERR_USAGE, "it wants one length of i32 for each sample");
}

static bool pool_infer(Node *node, Err *err)
{
    const LengthAttrs *attrs = node->attrs;
    if (!check(node->in[0], node->in[1], attrs->length, err)) return false;
    node->shape = node->in[0]->shape;
    node->shape.dims[1] = attrs->length;
    node->dtype = node->in[0]->dtype;
    return true;
}

static void pool_reference(const Call *call)
{
    const Shape *in = &call->node->in[0]->shape, *out = &call->node->shape;
    int64_t width = in->dims[2];
    double *to = call->out;
    memset(to, 0, (size_t)mel_shape_count(out) * sizeof *to);
    for (int64_t b = 0; b < in->dims[0]; b++) {
        int64_t n = bins_of(call->in[1], b, out->dims[1]);
        for (int64_t i = 0; i < n; i++) {
            Bin bin = bin_of(i, n, in->dims[1]);
            for (int64_t t = bin.begin; t < bin.end; t++)
                for (int64_t c = 0; c < width; c++)
                    to[(b * out->dims[1] + i) * width + c] +=
                        ((const double *)call->in[0])[(b * in->dims[1] + t) * width + c] /
                        (double)(bin.end - bin.begin);
        }
    }
}

MEL_CLONES static void add_scaled(const float *x, float factor, float *sums, int64_t n)
{
    for (int64_t c = 0; c < n; c++)
        sums[c] += x[c] * factor;
}

/* One output row: the mean of its bin, or zeroes. */
static void pool_row(const Call *call, int64_t b, int64_t i)
{
    const Shape *in = &call->node->in[0]->shape, *out = &call->node->shape;
    DType dtype = call->node->dtype;
    int64_t width = in->dims[2], n = bins_of(call->in[1], b, out->dims[1]);
    MEL_ASSERT(i >= 0);
    Bin bin = i < n ? bin_of(i, n, in->dims[1]) : (Bin){0};
    for (int64_t c = 0; c < width; c += SIMD_CHUNK) {
        float sums[SIMD_CHUNK] = {0}, buffer[SIMD_CHUNK];
        int64_t count = width - c < SIMD_CHUNK ? width - c : SIMD_CHUNK;
        for (int64_t t = bin.begin; t < bin.end; t++)
            add_scaled(
                simd_load(call->in[0], dtype, (b * in->dims[1] + t) * width + c, count, buffer),
                1.0F / (float)(bin.end - bin.begin), sums, count);
        int64_t at = (b * out->dims[1] + i) * width + c;
        memcpy(simd_target(call->out, dtype, at, buffer), sums, (size_t)count * sizeof *sums);
        simd_store(call->out, dtype, at, count, buffer);
    }
}

static void pool_cpu(const Call *call)
{
    const Shape *out = &call->node->shape;
#pragma omp parallel for schedule(static) if (mel_shape_count(&call->node->in[0]->shape) > 16384)
    for (int64_t row = 0; row < out->dims[0] * out->dims[1]; row++)
        pool_row(call, row / out->dims[1], row % out->dims[1]);
}

static void pool_gradient(const Node *node, Node *dy, Node **dx)
{
    const LengthAttrs attrs = {.length = node->in[0]->shape.dims[1]};
    Node *in[] = {dy, node->in[1]};
    dx[0] = op_node(node->graph, &op_token_pool_grad, &attrs, in, 2, 1);
}

Node *mel_op_token_pool(Node *x, Node *lengths, int64_t length)
{
    const LengthAttrs attrs = {.length = length};
    Node *in[] = {x, lengths};
    return op_node(op_graph(x), &op_token_pool, &attrs, in, 2, 1);
}

static void pool_samples(SampleSink *sink)
{
    sample_check(sink, "fewer",
                 mel_op_token_pool(sample_input(sink, 1, 0, SHAPE(2, 16, 5)), NULL, 5));
    sample_check(sink, "more",
                 mel_op_token_pool(sample_input(sink, 1, 0, SHAPE(1, 3, 4)), NULL, 7));
    Node *x = sample_input(sink, 1, 0, SHAPE(4, 64, 70)), *lengths = sample_ids(sink, 9, SHAPE(4));
    sample_check(sink, "own lengths", mel_op_token_pool(x, lengths, 8));
    x = sample_input(sink, 1, 0, SHAPE(4, 21, 16)), lengths = sample_ids(sink, 9, SHAPE(4));
    sample_check(sink, "packs", mel_op_token_pool(x, lengths, 8));
}

const OpDef op_token_pool = {
    .name = "token pool",
    .attrs_size = sizeof(LengthAttrs),
    .infer = pool_infer,
    .reference = pool_reference,
    .gradient = pool_gradient,
    .cpu_run = pool_cpu,
    .samples = pool_samples,
};

/* ---- back: every token gets its share of each bin that it was in ------------------------------
 */

static bool grad_infer(Node *node, Err *err)
{
    const LengthAttrs *attrs = node->attrs;
    (void)err;
    node->shape = node->in[0]->shape;
    node->shape.dims[1] = attrs->length;
    node->dtype = node->in[0]->dtype;
    return true;
}

static void grad_reference(const Call *call)
{
    const Shape *dy = &call->node->in[0]->shape, *out = &call->node->shape;
    int64_t width = out->dims[2];
    double *to = call->out;
    memset(to, 0, (size_t)mel_shape_count(out) * sizeof *to);
    for (int64_t b = 0; b < out->dims[0]; b++) {
        int64_t n = bins_of(call->in[1], b, dy->dims[1]);
        for (int64_t i = 0; i < n; i++) {
            Bin bin = bin_of(i, n, out->dims[1]);
            for (int64_t t = bin.begin; t < bin.end; t++)
                for (int64_t c = 0; c < width; c++)
                    to[(b * out->dims[1] + t) * width + c] +=
                        ((const double *)call->in[0])[(b * dy->dims[1] + i) * width + c] /
                        (double)(bin.end - bin.begin);
        }
    }
}

static void grad_row(const Call *call, int64_t b, int64_t t)
{
    const Shape *dy = &call->node->in[0]->shape, *out = &call->node->shape;
    DType dtype = call->node->dtype;
    int64_t width = out->dims[2], n = bins_of(call->in[1], b, dy->dims[1]);
    for (int64_t c = 0; c < width; c += SIMD_CHUNK) {
        float sums[SIMD_CHUNK] = {0}, buffer[SIMD_CHUNK];
        int64_t count = width - c < SIMD_CHUNK ? width - c : SIMD_CHUNK;
        /* the first bin that may hold t, and on while they do */
        for (int64_t i = t * n / out->dims[1]; i < n; i++) {
            Bin bin = bin_of(i, n, out->dims[1]);
            if (bin.begin > t) break;
            if (bin.end <= t) continue;
            add_scaled(
                simd_load(call->in[0], dtype, (b * dy->dims[1] + i) * width + c, count, buffer),
                1.0F / (float)(bin.end - bin.begin), sums, count);
        }
        int64_t at = (b * out->dims[1] + t) * width + c;
        memcpy(simd_target(call->out, dtype, at, buffer), sums, (size_t)count * sizeof *sums);
        simd_store(call->out, dtype, at, count, buffer);
    }
}

static void grad_cpu(const Call *call)
{
    const Shape *out = &call->node->shape;
#pragma omp parallel for schedule(static) if (mel_shape_count(out) > 16384)
    for (int64_t row = 0; row < out->dims[0] * out->dims[1]; row++)
        grad_row(call, row / out->dims[1], row % out->dims[1]);
}

const OpDef op_token_pool_grad = {
    .name = "token pool gradient",
    .attrs_size = sizeof(LengthAttrs),
    .infer = grad_infer,
    .reference = grad_reference,
    .cpu_run = grad_cpu,
};
