/* SPDX-License-Identifier: Apache-2.0
 *
 * One number in, one number out. Each function is written once, with its slope, and made into
 * code for double (the reference) and float (the fast one). */
#include "engine/ops/attrs.h"
#include "engine/ops/simd.h"
#include "engine/ops/strided.h"
#include "engine/ops/unary_list.h"

#define EXP(x) _Generic((x), double : exp, float : simd_exp)(x)
#define ERF(x) _Generic((x), double : erf, float : simd_erf)(x)
#define TANH(x) _Generic((x), double : tanh, float : simd_tanh)(x)
#define SQRT(x) _Generic((x), double : sqrt, float : sqrtf)(x)
#define LOG(x) _Generic((x), double : log, float : logf)(x)
#define SIN(x) _Generic((x), double : sin, float : sinf)(x)
#define COS(x) _Generic((x), double : cos, float : cosf)(x)
#define VALUE_CASE(kind, value, slope)                                                             \
    case kind:                                                                                     \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T x = in[i];                                                                     \
            out[i] = (T)(value);                                                                   \
        }                                                                                          \
        break;
#define SLOPE_CASE(kind, value, slope)                                                             \
    case kind:                                                                                     \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T x = in[i];                                                                     \
            (void)x;                                                                               \
            out[i] = dy[i] * (T)(slope);                                                           \
        }                                                                                          \
        break;

/* NOLINTBEGIN(readability-function-size): one line for each kind, in the list above */
#define T double
#define C(n) (n)
static void values_f64(const UnaryAttrs *u, const double *in, double *out, int64_t n)
{
    const double a = u->a, b = u->b;
    switch (u->kind) {
        UNARY_LIST(VALUE_CASE)
    }
}

static void slopes_f64(const UnaryAttrs *u, const double *in, const double *dy, double *out,
                       int64_t n)
{
    const double a = u->a, b = u->b;
    (void)b;
    switch (u->kind) {
        UNARY_LIST(SLOPE_CASE)
    }
}
#undef T
#undef C

#define T float
#define C(n) ((float)(n))
MEL_CLONES static void values_f32(const UnaryAttrs *u, const float *in, float *out, int64_t n)
{
    const float a = (float)u->a, b = (float)u->b;
    switch (u->kind) {
        UNARY_LIST(VALUE_CASE)
    }
}

MEL_CLONES static void slopes_f32(const UnaryAttrs *u, const float *in, const float *dy, float *out,
                                  int64_t n)
{
    const float a = (float)u->a, b = (float)u->b;
    (void)b;
    switch (u->kind) {
        UNARY_LIST(SLOPE_CASE)
    }
}
#undef T
#undef C
/* NOLINTEND(readability-function-size) */

static bool same_as_first(Node *node, Err *err)
{
    if (node->in_count > 1 && !mel_shape_equal(&node->in[0]->shape, &node->in[1]->shape))
        return mel_err(err, ERR_USAGE, "the shapes differ");
    node->shape = node->in[0]->shape;
    node->dtype = node->in[0]->dtype;
    return mel_dtype_is_float(node->dtype) || mel_err(err, ERR_USAGE, "it wants floating point");
}

static void unary_reference(const Call *call)
{
    values_f64(call->node->attrs, call->in[0], call->out, mel_shape_count(&call->node->shape));
}

static void unary_grad_reference(const Call *call)
{
    slopes_f64(call->node->attrs, call->in[0], call->in[1], call->out,
               mel_shape_count(&call->node->shape));
}

static void unary_cpu(const Call *call)
{
    const Node *node = call->node;
    int64_t n = mel_shape_count(&node->shape);
#pragma omp parallel for schedule(static) if (n > 16384)
    for (int64_t at = 0; at < n; at += SIMD_CHUNK) {
        float x[SIMD_CHUNK], y[SIMD_CHUNK];
        int64_t count = n - at < SIMD_CHUNK ? n - at : SIMD_CHUNK;
        values_f32(node->attrs, simd_load(call->in[0], node->in[0]->dtype, at, count, x),
                   simd_target(call->out, node->dtype, at, y), count);
        simd_store(call->out, node->dtype, at, count, y);
    }
}

static void unary_grad_cpu(const Call *call)
{
    const Node *node = call->node;
    int64_t n = mel_shape_count(&node->shape);
#pragma omp parallel for schedule(static) if (n > 16384)
    for (int64_t at = 0; at < n; at += SIMD_CHUNK) {
        float x[SIMD_CHUNK], dy[SIMD_CHUNK], y[SIMD_CHUNK];
        int64_t count = n - at < SIMD_CHUNK ? n - at : SIMD_CHUNK;
        slopes_f32(node->attrs, simd_load(call->in[0], node->in[0]->dtype, at, count, x),
                   simd_load(call->in[1], node->in[1]->dtype, at, count, dy),
                   simd_target(call->out, node->dtype, at, y), count);
        simd_store(call->out, node->dtype, at, count, y);
    }
}

static void unary_gradient(const Node *node, Node *dy, Node **dx)
{
    Node *in[] = {node->in[0], dy};
    dx[0] = op_node(node->graph, &op_unary_grad, node->attrs, in, 2, 2);
}

Node *mel_op_unary(Node *x, Unary kind, double a, double b)
{
    const UnaryAttrs attrs = {.kind = kind, .a = a, .b = b};
    return op_node(op_graph(x), &op_unary, &attrs, &x, 1, 1);
}

Node *mel_op_affine(Node *x, double a, double b)
{
    return mel_op_unary(x, UNARY_AFFINE, a, b);
}

Node *mel_op_silu(Node *x)
{
    return mel_op_unary(x, UNARY_SILU, 0, 0);
}

static void unary_samples(SampleSink *sink)
{
    static const struct {
        const char *name;
        double a, b, scale, shift;
    } kinds[] = {
        [UNARY_AFFINE] = {"affine",     -2,   0.5, 1,   0},
        [UNARY_RELU] = {"relu",       0,    0,   1,   0},
        [UNARY_LEAKY_RELU] = {"leaky relu", 0.1,  0,   1,   0},
        [UNARY_SILU] = {"silu",       0,    0,   4,   0},
        [UNARY_GELU] = {"gelu",       0,    0,   2,   0},
        [UNARY_GELU_TANH] = {"tanh gelu",  0,    0,   2,   0},
        [UNARY_QUICK_GELU] = {"quick gelu", 0,    0,   2,   0},
        [UNARY_SIGMOID] = {"sigmoid",    0,    0,   4,   0},
        [UNARY_TANH] = {"tanh",       0,    0,   2,   0},
        [UNARY_EXP] = {"exp",        0,    0,   2,   0},
        [UNARY_LOG] = {"log",        1e-5, 0,   0.1, 1},
        [UNARY_SQRT] = {"sqrt",       1e-5, 0,   0.1, 1},
        [UNARY_RSQRT] = {"rsqrt",      1e-5, 0,   0.1, 1},
        [UNARY_SQUARE] = {"square",     0,    0,   1,   0},
        [UNARY_ABS] = {"abs",        0,    0,   1,   0},
        [UNARY_CLAMP] = {"clamp",      -0.5, 0.7, 1,   0},
        [UNARY_SIN] = {"sin",        0,    0,   3,   0},
        [UNARY_COS] = {"cos",        0,    0,   3,   0},
    };
    for (size_t i = 0; i < MEL_COUNT(kinds); i++) {
        Node *x = sample_input(sink, kinds[i].scale, kinds[i].shift, SHAPE(3, 7, 11));
        sample_check(sink, kinds[i].name, mel_op_unary(x, (Unary)i, kinds[i].a, kinds[i].b));
    }
    sample_check(sink, "large", mel_op_silu(sample_input(sink, 40, 0, SHAPE(2, 20011))));
}

const OpDef op_unary = {
    .name = "unary",
    .attrs_size = sizeof(UnaryAttrs),
    .infer = same_as_first,
    .reference = unary_reference,
    .gradient = unary_gradient,
    .cpu_run = unary_cpu,
    .samples = unary_samples,
    .in_place = true,
};

/* The samples of what it is the gradient of run it. */
const OpDef op_unary_grad = {
    .name = "unary gradient",
    .attrs_size = sizeof(UnaryAttrs),
    .infer = same_as_first,
    .reference = unary_grad_reference,
    .cpu_run = unary_grad_cpu,
    .in_place = true,
};

/* ---- gated ---------------------------------------------------------------------------------- */

static bool gated_infer(Node *node, Err *err)
{
    const Shape *in = &node->in[0]->shape;
    if (in->rank < 1 || in->dims[in->rank - 1] % 2)
        return mel_err(err, ERR_USAGE, "the last axis is not even");
    node->shape = *in;
    node->shape.dims[in->rank - 1] /= 2;
    node->dtype = node->in[0]->dtype;
    return true;
}

static void gated_reference(const Call *call)
{
    const Shape *shape = &call->node->shape;
    int64_t width = shape->dims[shape->rank - 1], rows = width ? mel_shape_count(shape) / width : 0;
    for (int64_t r = 0; r < rows; r++) {
        const double *in = (const double *)call->in[0] + r * 2 * width;
        double *out = (double *)call->out + r * width;
        values_f64(call->node->attrs, in + width, out, width);
        for (int64_t i = 0; i < width; i++)
            out[i] *= in[i];
    }
}

static void gated_cpu(const Call *call)
{
    const Node *node = call->node;
    const Shape *shape = &node->shape;
    DType dtype = node->dtype;
    int64_t width = shape->dims[shape->rank - 1], rows = width ? mel_shape_count(shape) / width : 0;
    int64_t chunks = (width + SIMD_CHUNK - 1) / SIMD_CHUNK;
#pragma omp parallel for schedule(static) if (rows * width > 16384)
    for (int64_t piece = 0; piece < rows * chunks; piece++) {
        float h[SIMD_CHUNK], g[SIMD_CHUNK], y[SIMD_CHUNK], gate[SIMD_CHUNK];
        int64_t row = piece / chunks, at = piece % chunks * SIMD_CHUNK;
        int64_t count = width - at < SIMD_CHUNK ? width - at : SIMD_CHUNK;
        int64_t in = row * 2 * width + at, out = row * width + at;
        const float *value = simd_load(call->in[0], dtype, in, count, h);
        values_f32(node->attrs, simd_load(call->in[0], dtype, in + width, count, g), gate, count);
        float *to = simd_target(call->out, dtype, out, y);
        for (int64_t i = 0; i < count; i++)
            to[i] = value[i] * gate[i];
        simd_store(call->out, dtype, out, count, y);
    }
}

static bool gated_grad_infer(Node *node, Err *err)
{
    (void)err;
    node->shape = node->in[0]->shape;
    node->dtype = node->in[0]->dtype;
    return true;
}

static void gated_grad_reference(const Call *call)
{
    const Shape *shape = &call->node->in[1]->shape;
    int64_t width = shape->dims[shape->rank - 1], rows = width ? mel_shape_count(shape) / width : 0;
    for (int64_t r = 0; r < rows; r++) {
        const double *in = (const double *)call->in[0] + r * 2 * width;
        const double *dy = (const double *)call->in[1] + r * width;
        double *out = (double *)call->out + r * 2 * width;
        values_f64(call->node->attrs, in + width, out, width);
        slopes_f64(call->node->attrs, in + width, dy, out + width, width);
        for (int64_t i = 0; i < width; i++) {
            out[i] *= dy[i];
            out[width + i] *= in[i];
        }
    }
}

static void gated_grad_row(const Node *node, const Call *call, int64_t in, int64_t dy_at,
                           int64_t width, int64_t count)
{
    DType dtype = node->dtype;
    float h[SIMD_CHUNK] = {0}, g[SIMD_CHUNK] = {0}, d[SIMD_CHUNK], y[SIMD_CHUNK], work[SIMD_CHUNK];
    const float *value = simd_load(call->in[0], dtype, in, count, h);
    const float *gate = simd_load(call->in[0], dtype, in + width, count, g);
    const float *dy = simd_load(call->in[1], dtype, dy_at, count, d);
    values_f32(node->attrs, gate, work, count);
    float *to = simd_target(call->out, dtype, in, y);
    for (int64_t i = 0; i < count; i++)
        to[i] = work[i] * dy[i];
    simd_store(call->out, dtype, in, count, y);
    slopes_f32(node->attrs, gate, dy, work, count);
    to = simd_target(call->out, dtype, in + width, y);
    for (int64_t i = 0; i < count; i++)
        to[i] = work[i] * value[i];
    simd_store(call->out, dtype, in + width, count, y);
}

static void gated_grad_cpu(const Call *call)
{
    const Node *node = call->node;
    const Shape *shape = &node->in[1]->shape;
    int64_t width = shape->dims[shape->rank - 1], rows = width ? mel_shape_count(shape) / width : 0;
    int64_t chunks = (width + SIMD_CHUNK - 1) / SIMD_CHUNK;
#pragma omp parallel for schedule(static) if (rows * width > 16384)
    for (int64_t piece = 0; piece < rows * chunks; piece++) {
        int64_t row = piece / chunks, at = piece % chunks * SIMD_CHUNK;
        int64_t count = width - at < SIMD_CHUNK ? width - at : SIMD_CHUNK;
        gated_grad_row(node, call, row * 2 * width + at, row * width + at, width, count);
    }
}

static void gated_gradient(const Node *node, Node *dy, Node **dx)
{
    Node *in[] = {node->in[0], dy};
    dx[0] = op_node(node->graph, &op_gated_grad, node->attrs, in, 2, 2);
}

Node *mel_op_gated(Node *x, Unary kind)
{
    const UnaryAttrs attrs = {.kind = kind};
    return op_node(op_graph(x), &op_gated, &attrs, &x, 1, 1);
}

static void gated_samples(SampleSink *sink)
{
    sample_check(sink, "GEGLU",
                 mel_op_gated(sample_input(sink, 1, 0, SHAPE(2, 5, 26)), UNARY_GELU));
    sample_check(sink, "wide", mel_op_gated(sample_input(sink, 1, 0, SHAPE(9, 4100)), UNARY_SILU));
}

const OpDef op_gated = {
    .name = "gated",
    .attrs_size = sizeof(UnaryAttrs),
    .infer = gated_infer,
    .reference = gated_reference,
    .gradient = gated_gradient,
    .cpu_run = gated_cpu,
    .samples = gated_samples,
};

const OpDef op_gated_grad = {
    .name = "gated gradient",
    .attrs_size = sizeof(UnaryAttrs),
    .infer = gated_grad_infer,
    .reference = gated_grad_reference,
    .cpu_run = gated_grad_cpu,
};
