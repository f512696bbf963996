/* SPDX-License-Identifier: Apache-2.0
 *
 * Time: a diffusion step as sines and cosines, and a signal as overlapping windows. */
#include "engine/op.h"
#include "engine/ops/attrs.h"
#include "engine/ops/places.h"
#include "engine/ops/simd.h"

#include <string.h>

/* ---- a step as numbers ---------------------------------------------------------------------- */

static bool timestep_infer(Node *node, Err *err)
{
    const DimAttrs *attrs = node->attrs;
    if (node->in[0]->shape.rank != 1 || attrs->dim < 2 || attrs->dim % 2)
        return mel_err(err, ERR_USAGE, "it wants steps [B] and an even width");
    node->shape = SHAPE(node->in[0]->shape.dims[0], attrs->dim);
    node->dtype = mel_graph_float_type(node->graph);
    return true;
}

static double frequency(int i, int half)
{
    return exp(-log(10000) * i / half);
}

static void timestep_reference(const Call *call)
{
    const DimAttrs *attrs = call->node->attrs;
    int half = attrs->dim / 2;
    for (int64_t b = 0; b < call->node->shape.dims[0]; b++)
        for (int i = 0; i < half; i++) {
            double angle = ((const double *)call->in[0])[b] * frequency(i, half);
            double *out = (double *)call->out + b * attrs->dim;
            out[i] = cos(angle);
            out[half + i] = sin(angle);
        }
}

static void timestep_cpu(const Call *call)
{
    const DimAttrs *attrs = call->node->attrs;
    DType in = call->node->in[0]->dtype, out = call->node->dtype;
    int half = attrs->dim / 2;
    for (int64_t b = 0; b < call->node->shape.dims[0]; b++)
        for (int i = 0; i < half; i++) {
            float buffer[SIMD_CHUNK], value[SIMD_CHUNK];
            double angle = *simd_load(call->in[0], in, b, 1, buffer) * frequency(i, half);
            int64_t at = b * attrs->dim + i;
            *simd_target(call->out, out, at, value) = (float)cos(angle);
            simd_store(call->out, out, at, 1, value);
            *simd_target(call->out, out, at + half, value) = (float)sin(angle);
            simd_store(call->out, out, at + half, 1, value);
        }
}

/* A step is given, not learnt: there is no gradient. */
Node *mel_op_timestep_embedding(Node *t, int dim)
{
    const DimAttrs attrs = {.dim = dim};
    return op_node(op_graph(t), &op_timestep_embedding, &attrs, &t, 1, 1);
}

static void timestep_samples(SampleSink *sink)
{
    Node *t = sample_input(sink, 100, 500, SHAPE(5));
    sample_check(sink, "steps", mel_op_timestep_embedding(t, 32));
}

const OpDef op_timestep_embedding = {
    .name = "timestep embedding",
    .attrs_size = sizeof(DimAttrs),
    .infer = timestep_infer,
    .reference = timestep_reference,
    .cpu_run = timestep_cpu,
    .samples = timestep_samples,
};

/* ---- windows of a signal -------------------------------------------------------------------- */

static bool frame_infer(Node *node, Err *err)
{
    const FrameAttrs *attrs = node->attrs;
    const Shape *in = &node->in[0]->shape;
    if (in->rank != 2 || attrs->length < 1 || attrs->hop < 1 || attrs->reflect < 0)
        return mel_err(err, ERR_USAGE, "it wants [B, N], a length and a hop");
    int64_t room = in->dims[1] + 2 * attrs->reflect - attrs->length;
    if (attrs->reflect >= in->dims[1] || room < 0)
        return mel_err(err, ERR_USAGE, "the signal is shorter than its reflection or one window");
    node->shape = SHAPE(in->dims[0], 1 + room / attrs->hop, attrs->length);
    node->dtype = node->in[0]->dtype;
    return true;
}

static void frame(const Call *call, size_t size)
{
    const FrameAttrs *attrs = call->node->attrs;
    const Shape *out = &call->node->shape;
    int64_t samples = call->node->in[0]->shape.dims[1];
#pragma omp parallel for schedule(static) if (mel_shape_count(out) > 16384)
    for (int64_t row = 0; row < out->dims[0] * out->dims[1]; row++) {
        int64_t b = row / out->dims[1], begin = row % out->dims[1] * attrs->hop;
        const char *from = (const char *)call->in[0] + (size_t)(b * samples) * size;
        char *to = (char *)call->out + (size_t)(row * attrs->length) * size;
        int64_t first = begin - attrs->reflect;
        if (first >= 0 && first + attrs->length <= samples) {
            memcpy(to, from + (size_t)first * size, (size_t)attrs->length * size);
            continue;
        }
        for (int64_t i = 0; i < attrs->length; i++)
            memcpy(to + (size_t)i * size,
                   from + (size_t)reflected(begin + i, attrs->reflect, samples) * size, size);
    }
}

static void frame_reference(const Call *call)
{
    frame(call, sizeof(double));
}

static void frame_cpu(const Call *call)
{
    frame(call, mel_dtype_size(call->node->dtype));
}

static void frame_gradient(const Node *node, Node *dy, Node **dx)
{
    FrameAttrs attrs = *(const FrameAttrs *)node->attrs;
    attrs.samples = node->in[0]->shape.dims[1];
    dx[0] = op_node(node->graph, &op_frame_grad, &attrs, &dy, 1, 1);
}

Node *mel_op_frame(Node *x, int64_t length, int64_t hop, int64_t reflect)
{
    const FrameAttrs attrs = {.length = length, .hop = hop, .reflect = reflect};
    return op_node(op_graph(x), &op_frame, &attrs, &x, 1, 1);
}

static void frame_samples(SampleSink *sink)
{
    sample_check(sink, "reflected", mel_op_frame(sample_input(sink, 1, 0, SHAPE(2, 50)), 16, 5, 8));
    sample_check(sink, "as it is", mel_op_frame(sample_input(sink, 1, 0, SHAPE(1, 40)), 10, 4, 0));
    sample_check(sink, "short", mel_op_frame(sample_input(sink, 1, 0, SHAPE(1, 9)), 16, 3, 8));
}

const OpDef op_frame = {
    .name = "frame",
    .attrs_size = sizeof(FrameAttrs),
    .infer = frame_infer,
    .reference = frame_reference,
    .gradient = frame_gradient,
    .cpu_run = frame_cpu,
    .samples = frame_samples,
};

/* ---- back: overlapping windows are added ------------------------------------------------------
 */

static bool frame_grad_infer(Node *node, Err *err)
{
    const FrameAttrs *attrs = node->attrs;
    (void)err;
    node->shape = SHAPE(node->in[0]->shape.dims[0], attrs->samples);
    node->dtype = node->in[0]->dtype;
    return true;
}

static void frame_grad_reference(const Call *call)
{
    const FrameAttrs *attrs = call->node->attrs;
    const Shape *dy = &call->node->in[0]->shape;
    double *out = call->out;
    memset(out, 0, (size_t)mel_shape_count(&call->node->shape) * sizeof *out);
    for (int64_t row = 0; row < dy->dims[0] * dy->dims[1]; row++)
        for (int64_t i = 0; i < attrs->length; i++) {
            int64_t at =
                reflected(row % dy->dims[1] * attrs->hop + i, attrs->reflect, attrs->samples);
            out[row / dy->dims[1] * attrs->samples + at] +=
                ((const double *)call->in[0])[row * attrs->length + i];
        }
}

static bool frame_grad_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    prepare->scratch_bytes = mel_shape_count(&prepare->node->shape) * (int64_t)sizeof(float);
    return true;
}

/* Threads share the signals of a batch. */
static void frame_grad_cpu(const Call *call)
{
    const FrameAttrs *attrs = call->node->attrs;
    const Shape *dy = &call->node->in[0]->shape;
    DType in = call->node->in[0]->dtype, out = call->node->dtype;
    int64_t count = mel_shape_count(&call->node->shape);
    float *sums = call->scratch;
    memset(sums, 0, (size_t)count * sizeof *sums);
#pragma omp parallel for schedule(static) if (mel_shape_count(dy) > 16384)
    for (int64_t b = 0; b < dy->dims[0]; b++)
        for (int64_t row = 0; row < dy->dims[1]; row++)
            for (int64_t i = 0; i < attrs->length; i++) {
                float buffer[SIMD_CHUNK];
                int64_t at = reflected(row * attrs->hop + i, attrs->reflect, attrs->samples);
                sums[b * attrs->samples + at] += *simd_load(
                    call->in[0], in, (b * dy->dims[1] + row) * attrs->length + i, 1, buffer);
            }
    mel_convert(sums, DTYPE_F32, call->out, out, count);
}

const OpDef op_frame_grad = {
    .name = "frame gradient",
    .attrs_size = sizeof(FrameAttrs),
    .infer = frame_grad_infer,
    .reference = frame_grad_reference,
    .cpu_prepare = frame_grad_prepare,
    .cpu_run = frame_grad_cpu,
};
