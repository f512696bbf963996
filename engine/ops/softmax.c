/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax over the last axis, its logarithm, and their gradients. */
#include "engine/ops/attrs.h"
#include "engine/ops/rows.h"
#include "engine/ops/simd.h"

#include "engine/op.h"

#include <float.h>

static int64_t row_length(const Node *node)
{
    return node->shape.dims[node->shape.rank - 1];
}

static int64_t row_count(const Node *node)
{
    int64_t length = row_length(node);
    return length ? mel_shape_count(&node->shape) / length : 0;
}

static bool softmax_infer(Node *node, Err *err)
{
    node->shape = node->in[0]->shape;
    node->dtype = node->in[0]->dtype;
    if (node->in_count > 1 && !mel_shape_equal(&node->shape, &node->in[1]->shape))
        return mel_err(err, ERR_USAGE, "the shapes differ");
    return (node->shape.rank > 0 && mel_dtype_is_float(node->dtype)) ||
           mel_err(err, ERR_USAGE, "it wants rows of floating point");
}

static void softmax_reference(const Call *call)
{
    const SoftmaxAttrs *attrs = call->node->attrs;
    int64_t n = row_length(call->node);
    for (int64_t r = 0; r < row_count(call->node); r++) {
        const double *x = (const double *)call->in[0] + r * n;
        double *y = (double *)call->out + r * n, top = -DBL_MAX, sum = 0;
        for (int64_t i = 0; i < n; i++)
            top = fmax(top, x[i]);
        for (int64_t i = 0; i < n; i++)
            sum += exp(x[i] - top);
        for (int64_t i = 0; i < n; i++)
            y[i] = attrs->logarithm ? x[i] - top - log(sum) : exp(x[i] - top) / sum;
    }
}

/* The row in floats: in place where the result is f32, else in the thread's scratch. */
static float *row_for(const Call *call, int64_t row, int64_t n, float *scratch)
{
    const Node *in = call->node->in[0];
    float *to = call->node->dtype == DTYPE_F32 ? (float *)call->out + row * n : scratch;
    mel_convert((const char *)call->in[0] + row * n * (int64_t)mel_dtype_size(in->dtype), in->dtype,
                to, DTYPE_F32, n);
    return to;
}

static float *scratch_of_thread(const Call *call, int64_t n)
{
    return (float *)call->scratch + thread_number() * n;
}

static void write_row(const Call *call, int64_t row, int64_t n, const float *values)
{
    DType dtype = call->node->dtype;
    if (dtype == DTYPE_F32) return;
    mel_convert(values, DTYPE_F32, (char *)call->out + row * n * (int64_t)mel_dtype_size(dtype),
                dtype, n);
}

MEL_CLONES static float sum_of_exponentials(const float *row, int64_t n, float top)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += simd_exp(row[i] - top);
    return sum;
}

static void softmax_cpu(const Call *call)
{
    const SoftmaxAttrs *attrs = call->node->attrs;
    int64_t n = row_length(call->node), rows = row_count(call->node);
#pragma omp parallel for schedule(static) if (rows * n > 16384)
    for (int64_t r = 0; r < rows; r++) {
        float *row = row_for(call, r, n, scratch_of_thread(call, n));
        float top = row_largest(row, n);
        if (attrs->logarithm) {
            float shift = top + logf(sum_of_exponentials(row, n, top));
            for (int64_t i = 0; i < n; i++)
                row[i] -= shift;
        } else {
            row_scale(row, n, 1 / row_exponentials(row, n, top));
        }
        write_row(call, r, n, row);
    }
}

static bool row_scratch(Prepare *prepare, Err *err)
{
    (void)err;
    prepare->scratch_bytes =
        2 * thread_limit() * row_length(prepare->node) * (int64_t)sizeof(float);
    return true;
}

static void softmax_gradient(const Node *node, Node *dy, Node **dx)
{
    Node *in[] = {(Node *)node, dy}; /* from the result: x is not needed again */
    dx[0] = op_node(node->graph, &op_softmax_grad, node->attrs, in, 2, 2);
}

static Node *softmax(Node *x, bool logarithm)
{
    const SoftmaxAttrs attrs = {.logarithm = logarithm};
    return op_node(op_graph(x), &op_softmax, &attrs, &x, 1, 1);
}

Node *mel_op_softmax(Node *x)
{
    return softmax(x, false);
}

Node *mel_op_log_softmax(Node *x)
{
    return softmax(x, true);
}

static void softmax_samples(SampleSink *sink)
{
    for (int logarithm = 0; logarithm < 2; logarithm++) {
        sample_check(sink, "rows", softmax(sample_input(sink, 2, 0, SHAPE(3, 4, 9)), logarithm));
        sample_check(sink, "one", softmax(sample_input(sink, 2, 0, SHAPE(3, 1)), logarithm));
        sample_check(sink, "far", softmax(sample_input(sink, 3, 500, SHAPE(2, 17)), logarithm));
        sample_check(sink, "long", softmax(sample_input(sink, 1, 0, SHAPE(7, 3001)), logarithm));
        sample_check(sink, "even", softmax(sample_input(sink, 2, 0, SHAPE(11, 272)), logarithm));
        sample_check(sink, "longest", softmax(sample_input(sink, 1, 1, SHAPE(2, 2064)), logarithm));
    }
}

const OpDef op_softmax = {
    .name = "softmax",
    .attrs_size = sizeof(SoftmaxAttrs),
    .infer = softmax_infer,
    .reference = softmax_reference,
    .gradient = softmax_gradient,
    .cpu_prepare = row_scratch,
    .cpu_run = softmax_cpu,
    .samples = softmax_samples,
};

/* ---- the gradient, from the result y: y·(dy - Σ y·dy), or dy - e^y·Σ dy -----------------------
 */

static void softmax_grad_reference(const Call *call)
{
    const SoftmaxAttrs *attrs = call->node->attrs;
    int64_t n = row_length(call->node);
    for (int64_t r = 0; r < row_count(call->node); r++) {
        const double *y = (const double *)call->in[0] + r * n;
        const double *dy = (const double *)call->in[1] + r * n;
        double *dx = (double *)call->out + r * n, sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += attrs->logarithm ? dy[i] : y[i] * dy[i];
        for (int64_t i = 0; i < n; i++)
            dx[i] = attrs->logarithm ? dy[i] - exp(y[i]) * sum : y[i] * (dy[i] - sum);
    }
}

MEL_CLONES static void slopes_from(bool logarithm, const float *y, float *dy, int64_t n)
{
    float sum = 0;
    if (logarithm) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++)
            sum += dy[i];
        for (int64_t i = 0; i < n; i++)
            dy[i] -= simd_exp(y[i]) * sum;
        return;
    }
    sum = row_dot(y, dy, n);
    for (int64_t i = 0; i < n; i++)
        dy[i] = y[i] * (dy[i] - sum);
}

static void softmax_grad_cpu(const Call *call)
{
    const Node *node = call->node;
    const SoftmaxAttrs *attrs = node->attrs;
    int64_t n = row_length(node), rows = row_count(node);
    size_t size_y = mel_dtype_size(node->in[0]->dtype),
           size_dy = mel_dtype_size(node->in[1]->dtype);
#pragma omp parallel for schedule(static) if (rows * n > 16384)
    for (int64_t r = 0; r < rows; r++) {
        float *y = scratch_of_thread(call, 2 * n), *dy = y + n;
        mel_convert((const char *)call->in[0] + (size_t)(r * n) * size_y, node->in[0]->dtype, y,
                    DTYPE_F32, n);
        mel_convert((const char *)call->in[1] + (size_t)(r * n) * size_dy, node->in[1]->dtype, dy,
                    DTYPE_F32, n);
        slopes_from(attrs->logarithm, y, dy, n);
        mel_convert(dy, DTYPE_F32,
                    (char *)call->out + (size_t)(r * n) * mel_dtype_size(node->dtype), node->dtype,
                    n);
    }
}

const OpDef op_softmax_grad = {
    .name = "softmax gradient",
    .attrs_size = sizeof(SoftmaxAttrs),
    .infer = softmax_infer,
    .reference = softmax_grad_reference,
    .cpu_prepare = row_scratch,
    .cpu_run = softmax_grad_cpu,
};
