/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, its transpose and its slope along the weights: each is the gradient of the others.
 */
#include "engine/onednn.h"
#include "engine/op.h"
#include "engine/ops/attrs.h"
#include "engine/ops/conv_line.h"
#include "engine/ops/winograd.h"

#include <stdlib.h>

static ConvAttrs attrs_of(const ConvOptions *options)
{
    static const ConvOptions plain;
    const ConvOptions *o = options ? options : &plain;
    ConvAttrs attrs = {.groups = o->groups ? o->groups : 1};
    for (int i = 0; i < 2; i++) {
        attrs.stride[i] = o->stride[i] ? o->stride[i] : 1;
        attrs.dilation[i] = o->dilation[i] ? o->dilation[i] : 1;
        attrs.pad_before[i] = o->pad_before[i];
        attrs.pad_after[i] = o->pad_after[i];
    }
    return attrs;
}

static ConvMap map_of(const ConvAttrs *attrs, const Shape *large, const Shape *small,
                      const int64_t kernel[2])
{
    ConvMap map = {
        .attrs = attrs, .batch = large->dims[0], .in = large->dims[3], .out = small->dims[3]};
    for (int i = 0; i < 2; i++) {
        map.large[i] = large->dims[1 + i];
        map.small[i] = small->dims[1 + i];
        map.kernel[i] = kernel[i];
    }
    return map;
}

static bool check_operands(const Node *node, Err *err)
{
    const Shape *x = &node->in[0]->shape, *w = &node->in[1]->shape;
    const ConvAttrs *attrs = node->attrs;
    if (x->rank != 4 || w->rank != 4)
        return mel_err(err, ERR_USAGE, "it wants [B, H, W, C] and four axes of weights");
    if (attrs->groups < 1 || w->dims[0] % attrs->groups || x->dims[3] % attrs->groups)
        return mel_err(err, ERR_USAGE, "%d groups do not divide the channels", attrs->groups);
    return true;
}

static bool check_bias(const Node *bias, int64_t channels, Err *err)
{
    return !bias || (bias->shape.rank == 1 && bias->shape.dims[0] == channels) ||
           mel_err(err, ERR_USAGE, "the bias does not fit the weights");
}

static int64_t reach(const ConvAttrs *attrs, const Shape *weights, int i)
{
    return attrs->dilation[i] * (weights->dims[2 + i] - 1) + 1;
}

/* ---- the plain loops ------------------------------------------------------------------------ */

/* Calls fn for every pair of places that a weight joins. */
typedef void PairFn(void *ctx, int64_t large, int64_t small, int64_t weight);

static void each_pair_at(const ConvMap *m, int64_t b, int64_t sy, int64_t sx, PairFn *fn, void *ctx)
{
    const ConvAttrs *a = m->attrs;
    int64_t in_group = m->in / a->groups, out_group = m->out / a->groups;
    for (int64_t ky = 0; ky < m->kernel[0]; ky++)
        for (int64_t kx = 0; kx < m->kernel[1]; kx++) {
            int64_t ly = sy * a->stride[0] + ky * a->dilation[0] - a->pad_before[0];
            int64_t lx = sx * a->stride[1] + kx * a->dilation[1] - a->pad_before[1];
            if (ly < 0 || ly >= m->large[0] || lx < 0 || lx >= m->large[1]) continue;
            int64_t large = ((b * m->large[0] + ly) * m->large[1] + lx) * m->in;
            int64_t small = ((b * m->small[0] + sy) * m->small[1] + sx) * m->out;
            for (int64_t o = 0; o < m->out; o++)
                for (int64_t c = 0; c < in_group; c++)
                    fn(ctx, large + o / out_group * in_group + c, small + o,
                       ((o * in_group + c) * m->kernel[0] + ky) * m->kernel[1] + kx);
        }
}

static void each_pair(const ConvMap *m, PairFn *fn, void *ctx)
{
    for (int64_t b = 0; b < m->batch; b++)
        for (int64_t y = 0; y < m->small[0]; y++)
            for (int64_t x = 0; x < m->small[1]; x++)
                each_pair_at(m, b, y, x, fn, ctx);
}

typedef struct Arrays {
    const double *from, *weights;
    double *to;
} Arrays;

static void add_small(void *ctx, int64_t large, int64_t small, int64_t weight)
{
    const Arrays *a = ctx;
    a->to[small] += a->from[large] * a->weights[weight];
}

static void add_large(void *ctx, int64_t large, int64_t small, int64_t weight)
{
    const Arrays *a = ctx;
    a->to[large] += a->from[small] * a->weights[weight];
}

static void add_weight(void *ctx, int64_t large, int64_t small, int64_t weight)
{
    const Arrays *a = ctx;
    a->to[weight] += a->from[large] * a->weights[small];
}

static void start_with_bias(const Call *call, int64_t channels)
{
    int64_t count = mel_shape_count(&call->node->shape);
    const double *bias = call->node->in_count > 2 ? call->in[2] : NULL;
    for (int64_t i = 0; i < count; i++)
        ((double *)call->out)[i] = bias ? bias[i % channels] : 0;
}

/* ---- oneDNN --------------------------------------------------------------------------------- */

static DnnConv dnn_conv(const ConvMap *m, DType dtype, bool bias, bool transposed)
{
    const ConvAttrs *a = m->attrs;
    DnnConv conv = {.batch = m->batch,
                    .in_channels = transposed ? m->out : m->in,
                    .out_channels = transposed ? m->in : m->out,
                    .groups = a->groups,
                    .bias = bias,
                    .dtype = dtype};
    for (int i = 0; i < 2; i++) {
        conv.in_size[i] = transposed ? m->small[i] : m->large[i];
        conv.out_size[i] = transposed ? m->large[i] : m->small[i];
        conv.kernel[i] = m->kernel[i];
        conv.stride[i] = a->stride[i];
        conv.dilation[i] = a->dilation[i];
        conv.pad_before[i] = a->pad_before[i];
        /* what the last window really reaches */
        conv.pad_after[i] =
            (int)((m->small[i] - 1) * a->stride[i] + a->dilation[i] * (m->kernel[i] - 1) + 1 -
                  m->large[i] - a->pad_before[i]);
    }
    return conv;
}

/* One of the three. */
typedef struct ConvState {
    DnnKernel *kernel;
    Winograd *winograd;
    ConvLine *line;
} ConvState;

static void free_state(void *memory)
{
    ConvState *state = memory;
    if (!state) return;
    dnn_free(state->kernel);
    winograd_free(state->winograd);
    conv_line_free(state->line);
    free(state);
}

static bool take_state(Prepare *prepare, ConvState made, bool packed)
{
    ConvState *state = mel_alloc(sizeof *state);
    *state = made;
    prepare->packed[1] = packed;
    prepare->state = state;
    prepare->free_state = free_state;
    prepare->scratch_bytes = made.winograd ? winograd_scratch_bytes(made.winograd)
                             : made.line   ? conv_line_scratch_bytes(made.line)
                                           : dnn_scratch_bytes(made.kernel);
    return true;
}

static bool prepare_conv(Prepare *prepare, const ConvMap *map, bool transposed, Err *err)
{
    const Node *node = prepare->node;
    DnnConv conv = dnn_conv(map, node->dtype, node->in[2] != NULL, transposed);
    DnnKernel *kernel;
    bool known = prepare->weights[1].data != NULL;
    if (!known && node->in[1]->dtype != node->dtype)
        return mel_err(err, ERR_USAGE, "weights of another type than the values");
    if (known) conv.weights = &prepare->weights[1];
    WinogradPass pass = transposed ? WINOGRAD_TRANSPOSED : WINOGRAD_FORWARD;
    if (winograd_suits(&conv, pass))
        return take_state(prepare, (ConvState){.winograd = winograd_new(&conv, pass)}, known);
    if (!transposed && conv_line_suits(&conv))
        return take_state(prepare, (ConvState){.line = conv_line_new(&conv)}, true);
    bool ok = transposed ? dnn_conv_transpose_new(&conv, &kernel, err)
                         : dnn_conv_new(&conv, &kernel, err);
    return ok && take_state(prepare, (ConvState){.kernel = kernel}, known);
}

static void conv_cpu(const Call *call)
{
    const void *bias = call->node->in_count > 2 ? call->in[2] : NULL;
    const ConvState *state = call->state;
    if (state->winograd)
        winograd_run(state->winograd, call->in[0], call->in[1], bias, call->out, call->scratch);
    else if (state->line)
        conv_line_run(state->line, call->in[0], bias, call->out, call->scratch);
    else
        dnn_run(state->kernel,
                &(DnnArrays){.x = call->in[0], .w = call->in[1], .bias = bias, .out = call->out},
                call->scratch);
}

/* ---- convolution ---------------------------------------------------------------------------- */

static bool conv_infer(Node *node, Err *err)
{
    const ConvAttrs *attrs = node->attrs;
    if (!check_operands(node, err)) return false;
    const Shape *x = &node->in[0]->shape, *w = &node->in[1]->shape;
    if (w->dims[1] * attrs->groups != x->dims[3])
        return mel_err(err, ERR_USAGE, "the weights do not fit the channels");
    node->shape = SHAPE(x->dims[0], 0, 0, w->dims[0]);
    node->dtype = node->in[0]->dtype;
    for (int i = 0; i < 2; i++) {
        int64_t padded = x->dims[1 + i] + attrs->pad_before[i] + attrs->pad_after[i];
        int64_t room = padded - reach(attrs, w, i);
        if (room < 0) return mel_err(err, ERR_USAGE, "the picture is smaller than the kernel");
        node->shape.dims[1 + i] = room / attrs->stride[i] + 1;
    }
    return check_bias(node->in[2], w->dims[0], err);
}

ConvMap op_conv_map(const Node *node)
{
    return map_of(node->attrs, &node->in[0]->shape, &node->shape, node->in[1]->shape.dims + 2);
}

static void conv_reference(const Call *call)
{
    ConvMap map = op_conv_map(call->node);
    start_with_bias(call, map.out);
    each_pair(&map, add_small, &(Arrays){call->in[0], call->in[1], call->out});
}

static bool conv_prepare(Prepare *prepare, Err *err)
{
    ConvMap map = op_conv_map(prepare->node);
    return prepare_conv(prepare, &map, false, err);
}

static Node *slope_of_weights(const Node *node, Node *large, Node *small)
{
    ConvAttrs attrs = *(const ConvAttrs *)node->attrs;
    attrs.kernel[0] = node->in[1]->shape.dims[2];
    attrs.kernel[1] = node->in[1]->shape.dims[3];
    Node *in[] = {large, small};
    return op_node(node->graph, &op_conv_grad_weight, &attrs, in, 2, 2);
}

static Node *slope_of_bias(const Node *node, Node *dy)
{
    return node->in[2] ? mel_op_sum_to(dy, node->in[2]->shape) : NULL;
}

static void conv_gradient(const Node *node, Node *dy, Node **dx)
{
    ConvAttrs attrs = *(const ConvAttrs *)node->attrs;
    for (int i = 0; i < 2; i++)
        attrs.extra[i] = (int)((node->in[0]->shape.dims[1 + i] + attrs.pad_before[i] +
                                attrs.pad_after[i] - reach(&attrs, &node->in[1]->shape, i)) %
                               attrs.stride[i]);
    Node *in[] = {dy, node->in[1], NULL};
    dx[0] = op_node(node->graph, &op_conv_transpose, &attrs, in, 3, 2);
    dx[1] = slope_of_weights(node, node->in[0], dy);
    dx[2] = slope_of_bias(node, dy);
}

Node *mel_op_conv(Node *x, Node *weight, Node *bias, const ConvOptions *options)
{
    const ConvAttrs attrs = attrs_of(options);
    if (bias && mel_node_dtype(bias) != DTYPE_F32) bias = mel_op_cast(bias, DTYPE_F32);
    Node *in[] = {x, weight, bias};
    return op_node(op_graph(x), &op_conv, &attrs, in, 3, 2);
}

typedef struct ConvSample {
    const char *name;
    Shape x, w;
    ConvOptions options;
} ConvSample;

static const ConvSample conv_cases[] = {
    {"3x3",          {4, {2, 6, 5, 4}},  {4, {8, 4, 3, 3}},   {.pad_before = {1, 1}, .pad_after = {1, 1}}},
    {"1x1",          {4, {1, 4, 4, 16}}, {4, {16, 16, 1, 1}}, {.groups = 1}                              },
    {"stride",
     {4, {1, 8, 7, 3}},
     {4, {5, 3, 3, 3}},
     {.stride = {2, 2}, .pad_before = {1, 1}, .pad_after = {1, 1}}                                       },
    {"lopsided",     {4, {1, 6, 6, 4}},  {4, {4, 4, 3, 3}},   {.stride = {2, 2}, .pad_after = {1, 1}}    },
    {"left over",    {4, {1, 9, 8, 2}},  {4, {3, 2, 2, 3}},   {.stride = {3, 2}}                         },
    {"patches",      {4, {1, 8, 8, 3}},  {4, {6, 3, 4, 4}},   {.stride = {4, 4}}                         },
    {"dilated line",
     {4, {2, 1, 20, 4}},
     {4, {4, 4, 1, 3}},
     {.dilation = {1, 3}, .pad_before = {0, 3}, .pad_after = {0, 3}}                                     },
    {"groups",
     {4, {1, 5, 5, 8}},
     {4, {4, 4, 3, 3}},
     {.groups = 2, .pad_before = {1, 1}, .pad_after = {1, 1}}                                            },
    {"shortcut",     {4, {2, 7, 6, 8}},  {4, {16, 8, 1, 1}},  {.stride = {2, 2}}                         },
    {"wide",         {4, {2, 9, 7, 16}}, {4, {8, 16, 3, 3}},  {.pad_before = {1, 1}, .pad_after = {1, 1}}},
    {"depthwise",
     {4, {2, 1, 9, 6}},
     {4, {6, 1, 1, 3}},
     {.groups = 6, .pad_before = {0, 1}, .pad_after = {0, 1}}                                            },
};
enum { CONV_CASES = MEL_COUNT(conv_cases) };

enum { FIXED_MAX = 32 * 16 * 9 };

static Node *fixed_weights(SampleSink *sink, Shape shape)
{
    float fixed[FIXED_MAX];
    for (int i = 0; i < FIXED_MAX; i++)
        fixed[i] = (float)((i * 7919) % 64 - 32) / 64.0F;
    return mel_graph_constant(sample_graph(sink), DTYPE_F32, shape, fixed);
}

static void conv_samples(SampleSink *sink)
{
    for (int i = 0; i < CONV_CASES; i++) {
        const ConvSample *c = &conv_cases[i];
        Node *x = sample_input(sink, 1, 0, c->x), *w = sample_input(sink, 1, 0, c->w);
        Node *bias = i % 2 ? NULL : sample_input(sink, 1, 0, SHAPE(c->w.dims[0]));
        sample_check(sink, c->name, mel_op_conv(x, w, bias, &c->options));
    }
    Node *x = sample_input(sink, 1, 0, SHAPE(1, 6, 6, 16));
    Node *w = fixed_weights(sink, SHAPE(32, 16, 3, 3));
    sample_check(sink, "packed", mel_op_conv(x, w, NULL, NULL));
    x = sample_input(sink, 1, 0, SHAPE(1, 3, 4, 16));
    w = fixed_weights(sink, SHAPE(8, 16, 1, 1));
    sample_check(sink, "packed 1x1", mel_op_conv(x, w, sample_input(sink, 1, 0, SHAPE(8)), NULL));
}

const OpDef op_conv = {
    .name = "conv",
    .attrs_size = sizeof(ConvAttrs),
    .infer = conv_infer,
    .reference = conv_reference,
    .gradient = conv_gradient,
    .cpu_prepare = conv_prepare,
    .cpu_run = conv_cpu,
    .samples = conv_samples,
};

/* ---- its transpose -------------------------------------------------------------------------- */

static bool transpose_infer(Node *node, Err *err)
{
    const ConvAttrs *attrs = node->attrs;
    if (!check_operands(node, err)) return false;
    const Shape *x = &node->in[0]->shape, *w = &node->in[1]->shape;
    if (w->dims[0] != x->dims[3])
        return mel_err(err, ERR_USAGE, "the weights do not fit the channels");
    int64_t channels = w->dims[1] * attrs->groups;
    node->shape = SHAPE(x->dims[0], 0, 0, channels);
    node->dtype = node->in[0]->dtype;
    for (int i = 0; i < 2; i++) {
        if (attrs->extra[i] < 0 || attrs->extra[i] >= attrs->stride[i])
            return mel_err(err, ERR_USAGE, "extra is not below the stride");
        int64_t size = (x->dims[1 + i] - 1) * attrs->stride[i] + reach(attrs, w, i) +
                       attrs->extra[i] - attrs->pad_before[i] - attrs->pad_after[i];
        if (size < 1) return mel_err(err, ERR_USAGE, "nothing is left of the result");
        node->shape.dims[1 + i] = size;
    }
    return check_bias(node->in[2], channels, err);
}

ConvMap op_conv_transpose_map(const Node *node)
{
    return map_of(node->attrs, &node->shape, &node->in[0]->shape, node->in[1]->shape.dims + 2);
}

static void transpose_reference(const Call *call)
{
    ConvMap map = op_conv_transpose_map(call->node);
    start_with_bias(call, map.in);
    each_pair(&map, add_large, &(Arrays){call->in[0], call->in[1], call->out});
}

static bool transpose_prepare(Prepare *prepare, Err *err)
{
    ConvMap map = op_conv_transpose_map(prepare->node);
    return prepare_conv(prepare, &map, true, err);
}

static void transpose_gradient(const Node *node, Node *dy, Node **dx)
{
    Node *in[] = {dy, node->in[1], NULL};
    dx[0] = op_node(node->graph, &op_conv, node->attrs, in, 3, 2);
    dx[1] = slope_of_weights(node, dy, node->in[0]);
    dx[2] = slope_of_bias(node, dy);
}

Node *mel_op_conv_transpose(Node *x, Node *weight, Node *bias, const ConvOptions *options,
                            const int extra[2])
{
    ConvAttrs attrs = attrs_of(options);
    for (int i = 0; i < 2 && extra; i++)
        attrs.extra[i] = extra[i];
    if (bias && mel_node_dtype(bias) != DTYPE_F32) bias = mel_op_cast(bias, DTYPE_F32);
    Node *in[] = {x, weight, bias};
    return op_node(op_graph(x), &op_conv_transpose, &attrs, in, 3, 2);
}

static void transpose_samples(SampleSink *sink)
{
    Node *x = sample_input(sink, 1, 0, SHAPE(3, 1, 6, 8));
    Node *w = sample_input(sink, 1, 0, SHAPE(8, 4, 1, 16));
    Node *bias = sample_input(sink, 1, 0, SHAPE(4));
    const ConvOptions vocoder = {
        .stride = {1, 5},
          .pad_before = {0, 5},
          .pad_after = {0, 5}
    };
    sample_check(sink, "HiFi-GAN", mel_op_conv_transpose(x, w, bias, &vocoder, NULL));
    x = sample_input(sink, 1, 0, SHAPE(1, 3, 4, 4)),
    w = sample_input(sink, 1, 0, SHAPE(4, 6, 3, 3));
    const ConvOptions twice = {
        .stride = {2, 2},
          .pad_before = {1, 1},
          .pad_after = {1, 1}
    };
    const int extra[] = {1, 0};
    sample_check(sink, "extra", mel_op_conv_transpose(x, w, NULL, &twice, extra));
    x = sample_input(sink, 1, 0, SHAPE(2, 3, 3, 16)), w = fixed_weights(sink, SHAPE(16, 8, 3, 2));
    bias = sample_input(sink, 1, 0, SHAPE(16));
    const ConvOptions grouped = {
        .stride = {2, 1},
          .dilation = {1, 2},
          .groups = 2
    };
    sample_check(sink, "packed groups", mel_op_conv_transpose(x, w, bias, &grouped, NULL));
    x = sample_input(sink, 1, 0, SHAPE(2, 3, 3, 8)), w = fixed_weights(sink, SHAPE(8, 4, 1, 1));
    sample_check(sink, "packed 1x1", mel_op_conv_transpose(x, w, NULL, NULL, NULL));
    x = sample_input(sink, 1, 0, SHAPE(2, 5, 6, 8)),
    w = sample_input(sink, 1, 0, SHAPE(8, 8, 3, 3));
    sample_check(sink, "bands", mel_op_conv_transpose(x, w, NULL, &twice, extra));
    x = sample_input(sink, 1, 0, SHAPE(2, 1, 40, 8)),
    w = sample_input(sink, 1, 0, SHAPE(8, 8, 1, 4));
    bias = sample_input(sink, 1, 0, SHAPE(8));
    const ConvOptions line = {
        .stride = {1, 2},
          .dilation = {1, 2},
          .pad_before = {0, 1}
    };
    sample_check(sink, "bands of a line", mel_op_conv_transpose(x, w, bias, &line, NULL));
}

const OpDef op_conv_transpose = {
    .name = "transposed conv",
    .attrs_size = sizeof(ConvAttrs),
    .infer = transpose_infer,
    .reference = transpose_reference,
    .gradient = transpose_gradient,
    .cpu_prepare = transpose_prepare,
    .cpu_run = conv_cpu,
    .samples = transpose_samples,
};

/* ---- the slope along the weights ------------------------------------------------------------ */

static bool weight_infer(Node *node, Err *err)
{
    (void)err;
    const ConvAttrs *attrs = node->attrs;
    const Shape *large = &node->in[0]->shape, *small = &node->in[1]->shape;
    node->shape =
        SHAPE(small->dims[3], large->dims[3] / attrs->groups, attrs->kernel[0], attrs->kernel[1]);
    node->dtype = node->in[0]->dtype;
    return true;
}

ConvMap op_conv_weight_map(const Node *node)
{
    const ConvAttrs *attrs = node->attrs;
    return map_of(attrs, &node->in[0]->shape, &node->in[1]->shape, attrs->kernel);
}

static void weight_reference(const Call *call)
{
    ConvMap map = op_conv_weight_map(call->node);
    start_with_bias(call, 1);
    each_pair(&map, add_weight, &(Arrays){call->in[0], call->in[1], call->out});
}

static bool weight_prepare(Prepare *prepare, Err *err)
{
    ConvMap map = op_conv_weight_map(prepare->node);
    DnnConv conv = dnn_conv(&map, prepare->node->dtype, false, false);
    DnnKernel *kernel;
    if (winograd_suits(&conv, WINOGRAD_SLOPE))
        return take_state(prepare, (ConvState){.winograd = winograd_new(&conv, WINOGRAD_SLOPE)},
                          false);
    return dnn_conv_weights_new(&conv, &kernel, err) &&
           take_state(prepare, (ConvState){.kernel = kernel}, false);
}

/* Linear in both: the slope of a slope is a convolution again. */
static void weight_gradient(const Node *node, Node *dy, Node **dx)
{
    Node *large[] = {node->in[1], dy, NULL}, *small[] = {node->in[0], dy, NULL};
    ConvAttrs attrs = *(const ConvAttrs *)node->attrs;
    for (int i = 0; i < 2; i++)
        attrs.extra[i] = (int)((node->in[0]->shape.dims[1 + i] + attrs.pad_before[i] +
                                attrs.pad_after[i] - reach(&attrs, &node->shape, i)) %
                               attrs.stride[i]);
    dx[0] = op_node(node->graph, &op_conv_transpose, &attrs, large, 3, 2);
    dx[1] = op_node(node->graph, &op_conv, node->attrs, small, 3, 2);
}

static void weight_samples(SampleSink *sink)
{
    ConvAttrs attrs = attrs_of(&(ConvOptions){
        .stride = {2, 1},
          .pad_before = {1, 0}
    });
    attrs.kernel[0] = 3;
    attrs.kernel[1] = 2;
    Node *in[] = {sample_input(sink, 1, 0, SHAPE(2, 6, 5, 3)),
                  sample_input(sink, 1, 0, SHAPE(2, 3, 4, 4))};
    sample_check(sink, "stride",
                 op_node(sample_graph(sink), &op_conv_grad_weight, &attrs, in, 2, 2));
    attrs = attrs_of(&(ConvOptions){
        .pad_before = {1, 1},
          .pad_after = {1, 1}
    });
    attrs.kernel[0] = attrs.kernel[1] = 3;
    Node *wide[] = {sample_input(sink, 1, 0, SHAPE(2, 5, 9, 16)),
                    sample_input(sink, 1, 0, SHAPE(2, 5, 9, 8))};
    sample_check(sink, "wide",
                 op_node(sample_graph(sink), &op_conv_grad_weight, &attrs, wide, 2, 2));
}

const OpDef op_conv_grad_weight = {
    .name = "conv's weight gradient",
    .attrs_size = sizeof(ConvAttrs),
    .infer = weight_infer,
    .reference = weight_reference,
    .gradient = weight_gradient,
    .cpu_prepare = weight_prepare,
    .cpu_run = conv_cpu,
    .samples = weight_samples,
};
