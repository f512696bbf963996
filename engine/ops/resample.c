/* SPDX-License-Identifier: Apache-2.0
 *
 * Fewer or more places: nearest upsampling, pools, and the pool of tokens to a wanted length. */
#include "engine/op.h"
#include "engine/ops/attrs.h"
#include "engine/ops/simd.h"

#include <float.h>
#include <string.h>

static bool check_picture(const Node *node, Err *err)
{
    return node->in[0]->shape.rank == 4 || mel_err(err, ERR_USAGE, "it wants [B, H, W, C]");
}

/* ---- upsampling: every place becomes a block; back: the sum of each block ---------------------
 */

static bool upsample_infer(Node *node, Err *err)
{
    const BlockAttrs *attrs = node->attrs;
    if (!check_picture(node, err)) return false;
    if (attrs->h < 1 || attrs->w < 1) return mel_err(err, ERR_USAGE, "it grows by 1 or more");
    node->shape = node->in[0]->shape;
    node->shape.dims[1] *= attrs->h;
    node->shape.dims[2] *= attrs->w;
    node->dtype = node->in[0]->dtype;
    return true;
}

static void upsample(const Call *call, size_t size)
{
    const BlockAttrs *attrs = call->node->attrs;
    const Shape *in = &call->node->in[0]->shape, *out = &call->node->shape;
    size_t bytes = (size_t)in->dims[3] * size;
    int64_t rows = out->dims[0] * out->dims[1];
#pragma omp parallel for schedule(static) if (mel_shape_count(out) > 16384)
    for (int64_t row = 0; row < rows; row++) {
        int64_t b = row / out->dims[1], y = row % out->dims[1] / attrs->h;
        const char *from =
            (const char *)call->in[0] + (size_t)((b * in->dims[1] + y) * in->dims[2]) * bytes;
        char *to = (char *)call->out + (size_t)(row * out->dims[2]) * bytes;
        for (int64_t x = 0; x < out->dims[2]; x++)
            memcpy(to + (size_t)x * bytes, from + (size_t)(x / attrs->w) * bytes, bytes);
    }
}

static void upsample_reference(const Call *call)
{
    upsample(call, sizeof(double));
}

static void upsample_cpu(const Call *call)
{
    upsample(call, mel_dtype_size(call->node->dtype));
}

/* Σ over a block is its mean times its size. */
static void upsample_gradient(const Node *node, Node *dy, Node **dx)
{
    const BlockAttrs *attrs = node->attrs;
    dx[0] = mel_op_affine(mel_op_pool(dy, POOL_MEAN, attrs->h, attrs->w), attrs->h * attrs->w, 0);
}

Node *mel_op_upsample(Node *x, int times_h, int times_w)
{
    const BlockAttrs attrs = {.h = times_h, .w = times_w};
    return op_node(op_graph(x), &op_upsample, &attrs, &x, 1, 1);
}

static void upsample_samples(SampleSink *sink)
{
    sample_check(sink, "twice", mel_op_upsample(sample_input(sink, 1, 0, SHAPE(2, 3, 4, 5)), 2, 2));
    sample_check(sink, "wide",
                 mel_op_upsample(sample_input(sink, 1, 0, SHAPE(1, 9, 40, 64)), 1, 3));
}

const OpDef op_upsample = {
    .name = "upsample",
    .attrs_size = sizeof(BlockAttrs),
    .infer = upsample_infer,
    .reference = upsample_reference,
    .gradient = upsample_gradient,
    .cpu_run = upsample_cpu,
    .samples = upsample_samples,
};

/* ---- pools ---------------------------------------------------------------------------------- */

static bool pool_infer(Node *node, Err *err)
{
    const BlockAttrs *attrs = node->attrs;
    if (!check_picture(node, err)) return false;
    node->shape = node->in[0]->shape;
    node->dtype = node->in[0]->dtype;
    if (attrs->h < 1 || attrs->w < 1 || node->shape.dims[1] < attrs->h ||
        node->shape.dims[2] < attrs->w)
        return mel_err(err, ERR_USAGE, "the picture is smaller than %dx%d", attrs->h, attrs->w);
    node->shape.dims[1] /= attrs->h;
    node->shape.dims[2] /= attrs->w;
    return true;
}

/* The first element of place (y, x) of block number `block` of the pooled shape. */
static int64_t in_block(const Shape *large, const Shape *pooled, const BlockAttrs *attrs,
                        int64_t block, int y, int x)
{
    int64_t column = block % pooled->dims[2], row = block / pooled->dims[2] % pooled->dims[1];
    int64_t b = block / pooled->dims[2] / pooled->dims[1];
    return ((b * large->dims[1] + row * attrs->h + y) * large->dims[2] + column * attrs->w + x) *
           large->dims[3];
}

static int64_t block_count(const Shape *pooled)
{
    return pooled->dims[0] * pooled->dims[1] * pooled->dims[2];
}

static void pool_reference(const Call *call)
{
    const BlockAttrs *attrs = call->node->attrs;
    const Shape *in = &call->node->in[0]->shape, *out = &call->node->shape;
    const double *from = call->in[0];
    bool mean = attrs->kind == POOL_MEAN;
    for (int64_t block = 0; block < block_count(out); block++)
        for (int64_t c = 0; c < out->dims[3]; c++) {
            double value = mean ? 0 : -DBL_MAX;
            for (int k = 0; k < attrs->h * attrs->w; k++) {
                double x = from[in_block(in, out, attrs, block, k / attrs->w, k % attrs->w) + c];
                value = mean ? value + x / (attrs->h * attrs->w) : fmax(value, x);
            }
            ((double *)call->out)[block * out->dims[3] + c] = value;
        }
}

MEL_CLONES static void join_row(Pool kind, const float *x, float *sums, int64_t n)
{
    if (kind == POOL_MEAN)
        for (int64_t c = 0; c < n; c++)
            sums[c] += x[c];
    else
        for (int64_t c = 0; c < n; c++)
            sums[c] = x[c] > sums[c] ? x[c] : sums[c];
}

static void pool_block(const Call *call, int64_t block, int64_t c, int64_t n)
{
    const BlockAttrs *attrs = call->node->attrs;
    const Shape *in = &call->node->in[0]->shape, *out = &call->node->shape;
    DType dtype = call->node->dtype;
    float sums[SIMD_CHUNK], buffer[SIMD_CHUNK];
    float factor = attrs->kind == POOL_MEAN ? 1.0F / (float)(attrs->h * attrs->w) : 1;
    for (int64_t i = 0; i < n; i++)
        sums[i] = attrs->kind == POOL_MEAN ? 0 : -FLT_MAX;
    for (int k = 0; k < attrs->h * attrs->w; k++) {
        int64_t at = in_block(in, out, attrs, block, k / attrs->w, k % attrs->w) + c;
        join_row(attrs->kind, simd_load(call->in[0], dtype, at, n, buffer), sums, n);
    }
    int64_t to = block * out->dims[3] + c;
    float *target = simd_target(call->out, dtype, to, buffer);
    for (int64_t i = 0; i < n; i++)
        target[i] = sums[i] * factor;
    simd_store(call->out, dtype, to, n, buffer);
}

static void pool_cpu(const Call *call)
{
    const Shape *out = &call->node->shape;
    int64_t blocks = block_count(out), channels = out->dims[3];
#pragma omp parallel for schedule(static) if (mel_shape_count(&call->node->in[0]->shape) > 16384)
    for (int64_t block = 0; block < blocks; block++)
        for (int64_t c = 0; c < channels; c += SIMD_CHUNK)
            pool_block(call, block, c, channels - c < SIMD_CHUNK ? channels - c : SIMD_CHUNK);
}

static void pool_gradient(const Node *node, Node *dy, Node **dx)
{
    Node *in[] = {dy, node->in[0]};
    dx[0] = op_node(node->graph, &op_pool_grad, node->attrs, in, 2, 2);
}

Node *mel_op_pool(Node *x, Pool kind, int kernel_h, int kernel_w)
{
    const BlockAttrs attrs = {.kind = kind, .h = kernel_h, .w = kernel_w};
    return op_node(op_graph(x), &op_pool, &attrs, &x, 1, 1);
}

static void pool_samples(SampleSink *sink)
{
    for (int kind = 0; kind <= POOL_MEAN; kind++) {
        sample_check(sink, "2x2",
                     mel_op_pool(sample_input(sink, 1, 0, SHAPE(2, 4, 6, 5)), (Pool)kind, 2, 2));
        sample_check(sink, "tail",
                     mel_op_pool(sample_input(sink, 1, 0, SHAPE(1, 5, 7, 3)), (Pool)kind, 2, 3));
        sample_check(sink, "packs and a tail",
                     mel_op_pool(sample_input(sink, 1, 0, SHAPE(2, 5, 7, 8)), (Pool)kind, 2, 3));
        sample_check(sink, "all",
                     mel_op_pool(sample_input(sink, 1, 0, SHAPE(2, 9, 1, 2000)), (Pool)kind, 9, 1));
    }
}

const OpDef op_pool = {
    .name = "pool",
    .attrs_size = sizeof(BlockAttrs),
    .infer = pool_infer,
    .reference = pool_reference,
    .gradient = pool_gradient,
    .cpu_run = pool_cpu,
    .samples = pool_samples,
};

/* Back: to all of the block alike, or to its first largest. What the tail left out gets nothing. */

static bool pool_grad_infer(Node *node, Err *err)
{
    (void)err;
    node->shape = node->in[1]->shape;
    node->dtype = node->in[0]->dtype;
    return true;
}

static int64_t first_largest(const Call *call, const Shape *large, const Shape *pooled,
                             int64_t block, int64_t c)
{
    const BlockAttrs *attrs = call->node->attrs;
    const double *x = call->in[1];
    int64_t best = in_block(large, pooled, attrs, block, 0, 0) + c;
    for (int k = 1; k < attrs->h * attrs->w; k++) {
        int64_t at = in_block(large, pooled, attrs, block, k / attrs->w, k % attrs->w) + c;
        if (x[at] > x[best]) best = at;
    }
    return best;
}

static void pool_grad_reference(const Call *call)
{
    const BlockAttrs *attrs = call->node->attrs;
    const Shape *large = &call->node->shape, *pooled = &call->node->in[0]->shape;
    double *out = call->out;
    memset(out, 0, (size_t)mel_shape_count(large) * sizeof *out);
    for (int64_t block = 0; block < block_count(pooled); block++)
        for (int64_t c = 0; c < pooled->dims[3]; c++) {
            double dy = ((const double *)call->in[0])[block * pooled->dims[3] + c];
            if (attrs->kind == POOL_MAX) {
                out[first_largest(call, large, pooled, block, c)] = dy;
                continue;
            }
            for (int k = 0; k < attrs->h * attrs->w; k++)
                out[in_block(large, pooled, attrs, block, k / attrs->w, k % attrs->w) + c] =
                    dy / (attrs->h * attrs->w);
        }
}

/* places[c] = which of the block's places has the first largest number of channel c. */
static void find_largest(const Call *call, int64_t block, int64_t c, int64_t n, int *places)
{
    const BlockAttrs *attrs = call->node->attrs;
    const Shape *large = &call->node->shape, *pooled = &call->node->in[0]->shape;
    float top[SIMD_CHUNK], buffer[SIMD_CHUNK];
    for (int k = 0; k < attrs->h * attrs->w; k++) {
        int64_t at = in_block(large, pooled, attrs, block, k / attrs->w, k % attrs->w) + c;
        const float *x = simd_load(call->in[1], call->node->in[1]->dtype, at, n, buffer);
        for (int64_t i = 0; i < n; i++) {
            if (k > 0 && !(x[i] > top[i])) continue;
            top[i] = x[i];
            places[i] = k;
        }
    }
}

static void pool_grad_block(const Call *call, int64_t block, int64_t c, int64_t n)
{
    const BlockAttrs *attrs = call->node->attrs;
    const Shape *large = &call->node->shape, *pooled = &call->node->in[0]->shape;
    DType type = call->node->dtype;
    bool max = attrs->kind == POOL_MAX;
    float buffer[SIMD_CHUNK], slopes[SIMD_CHUNK], factor = 1.0F / (float)(attrs->h * attrs->w);
    int places[SIMD_CHUNK];
    const float *dy = simd_load(call->in[0], type, block * pooled->dims[3] + c, n, buffer);
    if (max) find_largest(call, block, c, n, places);
    for (int k = 0; k < attrs->h * attrs->w; k++) {
        int64_t at = in_block(large, pooled, attrs, block, k / attrs->w, k % attrs->w) + c;
        float *out = simd_target(call->out, type, at, slopes);
        for (int64_t i = 0; i < n; i++)
            out[i] = !max ? dy[i] * factor : places[i] == k ? dy[i] : 0;
        simd_store(call->out, type, at, n, slopes);
    }
}

static void pool_grad_cpu(const Call *call)
{
    const BlockAttrs *attrs = call->node->attrs;
    const Shape *large = &call->node->shape;
    int64_t blocks = block_count(&call->node->in[0]->shape), channels = large->dims[3];
    bool tail = large->dims[1] % attrs->h || large->dims[2] % attrs->w;
    size_t bytes = (size_t)mel_shape_count(large) * mel_dtype_size(call->node->dtype);
    if (tail) memset(call->out, 0, bytes);
#pragma omp parallel for schedule(static) if (mel_shape_count(large) > 16384)
    for (int64_t block = 0; block < blocks; block++)
        for (int64_t c = 0; c < channels; c += SIMD_CHUNK)
            pool_grad_block(call, block, c, channels - c < SIMD_CHUNK ? channels - c : SIMD_CHUNK);
}

const OpDef op_pool_grad = {
    .name = "pool gradient",
    .attrs_size = sizeof(BlockAttrs),
    .infer = pool_grad_infer,
    .reference = pool_grad_reference,
    .cpu_run = pool_grad_cpu,
};
