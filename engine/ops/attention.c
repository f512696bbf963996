/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention without its score matrix (Milakov and Gimelshein, "Online normalizer calculation for
 * softmax", 2018; Dao et al., "FlashAttention", 2022): what it is, by the plain formula. The fast
 * code is attention_cpu.c, attention_grad_cpu.c and the .cu. */
#include "engine/ops/attention_cpu.h"
#include "engine/ops/strided.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

AttentionSizes op_attention_sizes(const Node *node)
{
    const AttentionAttrs *attrs = node->attrs;
    const Shape *q = &node->in[0]->shape, *k = &node->in[1]->shape, *v = &node->in[2]->shape;
    AttentionSizes s = {.batch = q->dims[0],
                        .heads = attrs->heads,
                        .queries = q->dims[1],
                        .keys = k->dims[1],
                        .width = q->dims[2] / attrs->heads,
                        .value_width = v->dims[2] / attrs->heads,
                        .q_step = q->dims[2],
                        .v_step = v->dims[2],
                        .causal = attrs->causal};
    s.scale = attrs->scale > 0 ? attrs->scale : 1 / sqrt((double)s.width);
    if (node->in[3]) {
        const Shape whole = SHAPE(s.batch, s.heads, s.queries, s.keys);
        int64_t strides[RANK_MAX];
        strided_broadcast(&node->in[3]->shape, &whole, strides);
        for (int i = 0; i < 3; i++)
            s.bias_step[i] = strides[i];
    }
    return s;
}

static bool check_inputs(const Node *node, Err *err)
{
    const AttentionAttrs *attrs = node->attrs;
    const Shape *q = &node->in[0]->shape, *k = &node->in[1]->shape, *v = &node->in[2]->shape;
    if (q->rank != 3 || k->rank != 3 || v->rank != 3)
        return mel_err(err, ERR_USAGE, "it wants [B, L, C]");
    if (attrs->heads < 1 || q->dims[2] % attrs->heads || v->dims[2] % attrs->heads)
        return mel_err(err, ERR_USAGE, "%d heads do not divide the width", attrs->heads);
    if (q->dims[2] != k->dims[2] || k->dims[1] != v->dims[1] || q->dims[0] != k->dims[0] ||
        k->dims[0] != v->dims[0] || k->dims[1] < 1)
        return mel_err(err, ERR_USAGE, "queries, keys and values do not fit each other");
    if (!node->in[3]) return true;
    Shape joined, whole = SHAPE(q->dims[0], attrs->heads, q->dims[1], k->dims[1]);
    const Shape *bias = &node->in[3]->shape;
    return (bias->rank == 4 && bias->dims[3] == k->dims[1] &&
            shape_broadcast(bias, &whole, &joined) && mel_shape_equal(&joined, &whole)) ||
           mel_err(err, ERR_USAGE, "the bias does not fit [B, heads, queries, keys]");
}

/* ---- the plain formula ---------------------------------------------------------------------- */

/* Weights of one query; returns how many keys it sees. */
static int64_t plain_weights(const AttentionSizes *s, const double *q, const double *k,
                             const double *bias, int64_t query, double *weights)
{
    int64_t seen = s->causal && query + 1 < s->keys ? query + 1 : s->keys;
    double top = -DBL_MAX, sum = 0;
    for (int64_t j = 0; j < seen; j++) {
        double dot = 0;
        for (int64_t d = 0; d < s->width; d++)
            dot += q[d] * k[j * s->q_step + d];
        weights[j] = dot * s->scale + (bias ? bias[j] : 0);
        top = fmax(top, weights[j]);
    }
    for (int64_t j = 0; j < seen; j++)
        sum += weights[j] = exp(weights[j] - top);
    for (int64_t j = 0; j < seen; j++)
        weights[j] /= sum;
    return seen;
}

static const double *plain_bias(const AttentionSizes *s, const double *bias,
                                const AttentionHead *head, int64_t query)
{
    return bias ? bias + head->bias + query * s->bias_step[2] : NULL;
}

static void attention_reference(const Call *call)
{
    AttentionSizes s = op_attention_sizes(call->node);
    const double *v = call->in[2];
    double *weights = mel_alloc((size_t)s.keys * sizeof *weights);
    for (int64_t item = 0; item < s.batch * s.heads; item++) {
        AttentionHead head = attention_head(&s, item);
        for (int64_t i = 0; i < s.queries; i++) {
            double *out = (double *)call->out + head.out + i * s.v_step;
            int64_t seen = plain_weights(&s, (const double *)call->in[0] + head.q + i * s.q_step,
                                         (const double *)call->in[1] + head.k,
                                         plain_bias(&s, call->in[3], &head, i), i, weights);
            for (int64_t d = 0; d < s.value_width; d++) {
                out[d] = 0;
                for (int64_t j = 0; j < seen; j++)
                    out[d] += weights[j] * v[head.v + j * s.v_step + d];
            }
        }
    }
    free(weights);
}

static bool attention_infer(Node *node, Err *err)
{
    if (!check_inputs(node, err)) return false;
    node->shape = node->in[0]->shape;
    node->shape.dims[2] = node->in[2]->shape.dims[2];
    node->dtype = node->in[0]->dtype;
    return true;
}

/* ---- the gradient --------------------------------------------------------------------------- */

void op_attention_grad_offsets(const Node *node, int64_t at[5])
{
    const AttentionAttrs *attrs = node->attrs;
    at[0] = 0;
    for (int i = 0; i < 4; i++) {
        bool there = i < 3 || attrs->wants_bias;
        at[i + 1] = at[i] + (there ? mel_shape_count(&node->in[i]->shape) : 0);
    }
}

static bool grad_infer(Node *node, Err *err)
{
    int64_t at[5];
    if (!check_inputs(node, err)) return false;
    op_attention_grad_offsets(node, at);
    node->shape = SHAPE(at[4]);
    node->dtype = node->in[0]->dtype;
    return true;
}

static void plain_slopes(const AttentionSizes *s, const Call *call, const AttentionHead *head,
                         int64_t i, double *weights, double *slopes, const int64_t at[5],
                         bool wants_bias)
{
    const double *q = (const double *)call->in[0] + head->q + i * s->q_step;
    const double *k = (const double *)call->in[1] + head->k;
    const double *v = (const double *)call->in[2] + head->v;
    const double *dy = (const double *)call->in[4] + head->out + i * s->v_step;
    double *out = call->out, mean = 0;
    int64_t seen = plain_weights(s, q, k, plain_bias(s, call->in[3], head, i), i, weights);
    for (int64_t j = 0; j < seen; j++) {
        slopes[j] = 0;
        for (int64_t d = 0; d < s->value_width; d++) {
            slopes[j] += dy[d] * v[j * s->v_step + d];
            out[at[2] + head->v + j * s->v_step + d] += weights[j] * dy[d];
        }
        mean += weights[j] * slopes[j];
    }
    for (int64_t j = 0; j < seen; j++) {
        double slope = weights[j] * (slopes[j] - mean);
        if (wants_bias) out[at[3] + head->bias + i * s->bias_step[2] + j] += slope;
        for (int64_t d = 0; d < s->width; d++) {
            out[head->q + i * s->q_step + d] += slope * s->scale * k[j * s->q_step + d];
            out[at[1] + head->k + j * s->q_step + d] += slope * s->scale * q[d];
        }
    }
}

static void grad_reference(const Call *call)
{
    const AttentionAttrs *attrs = call->node->attrs;
    AttentionSizes s = op_attention_sizes(call->node);
    int64_t at[5];
    op_attention_grad_offsets(call->node, at);
    memset(call->out, 0, (size_t)at[4] * sizeof(double));
    double *weights = mel_alloc((size_t)s.keys * sizeof *weights);
    double *slopes = mel_alloc((size_t)s.keys * sizeof *slopes);
    for (int64_t item = 0; item < s.batch * s.heads; item++) {
        AttentionHead head = attention_head(&s, item);
        for (int64_t i = 0; i < s.queries; i++)
            plain_slopes(&s, call, &head, i, weights, slopes, at, attrs->wants_bias);
    }
    free(weights);
    free(slopes);
}

static void attention_gradient(const Node *node, Node *dy, Node **dx)
{
    AttentionAttrs attrs = *(const AttentionAttrs *)node->attrs;
    int64_t at[5];
    attrs.wants_bias = node->in[3] && !node->in[3]->constant;
    Node *in[] = {node->in[0], node->in[1], node->in[2], node->in[3], dy};
    Node *all = op_node(node->graph, &op_attention_grad, &attrs, in, 5, 3);
    if (!all) return;
    op_attention_grad_offsets(all, at);
    for (int i = 0; i < 4; i++)
        if (node->in[i] && at[i + 1] > at[i])
            dx[i] = mel_op_reshape(mel_op_slice(all, 0, at[i], at[i + 1]), node->in[i]->shape);
}

Node *mel_op_attention(Node *q, Node *k, Node *v, Node *bias, const AttentionOptions *options)
{
    const AttentionAttrs attrs = {
        .heads = options->heads, .scale = options->scale, .causal = options->causal};
    Node *in[] = {q, k, v, bias};
    return op_node(op_graph(q), &op_attention, &attrs, in, 4, 3);
}

static void attention_samples(SampleSink *sink)
{
    static const struct {
        const char *name;
        int64_t batch, queries, keys, width, value_width;
        AttentionOptions options;
        int64_t bias[3]; /* 0: none */
    } cases[] = {
        {"self",           2, 9,   9,    12,  12,  {.heads = 3},                 {0}      },
        {"cross",          1, 70,  13,   8,   6,   {.heads = 2, .scale = 1},     {0}      },
        {"causal",         1, 67,  67,   8,   8,   {.heads = 2, .causal = true}, {0}      },
        {"padding",        2, 5,   7,    8,   8,   {.heads = 2},                 {2, 1, 1}},
        {"relative",       2, 6,   6,    8,   8,   {.heads = 4, .scale = 1},     {1, 4, 6}},
        {"all",            2, 3,   5,    8,   8,   {.heads = 2},                 {2, 2, 3}},
        {"two key tiles",  1, 5,   530,  4,   4,   {.heads = 1},                 {0}      },
        {"causal tiles",   1, 530, 530,  4,   4,   {.heads = 1, .causal = true}, {1, 1, 1}},
        {"tiles and ends", 1, 260, 1030, 8,   16,  {.heads = 1},                 {0}      },
        {"even",           1, 20,  70,   80,  80,  {.heads = 2},                 {0}      },
        {"causal, even",   1, 70,  70,   64,  64,  {.heads = 1, .causal = true}, {0}      },
        {"uneven",         2, 9,   9,    32,  48,  {.heads = 2},                 {1, 1, 9}},
        {"wide",           1, 5,   40,   264, 136, {.heads = 1},                 {0}      },
        {"odd and wide",   1, 3,   35,   150, 141, {.heads = 1, .causal = true}, {0}      },
        {"wider",          1, 3,   35,   200, 200, {.heads = 1},                 {1, 1, 1}},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        int64_t b = cases[i].batch, l = cases[i].keys;
        Node *q = sample_input(sink, 1, 0, SHAPE(b, cases[i].queries, cases[i].width));
        Node *k = sample_input(sink, 1, 0, SHAPE(b, l, cases[i].width));
        Node *v = sample_input(sink, 1, 0, SHAPE(b, l, cases[i].value_width));
        const int64_t *s = cases[i].bias;
        Node *bias = s[0] ? sample_input(sink, 1, 0, SHAPE(s[0], s[1], s[2], l)) : NULL;
        sample_check(sink, cases[i].name, mel_op_attention(q, k, v, bias, &cases[i].options));
    }
}

const OpDef op_attention = {
    .name = "attention",
    .attrs_size = sizeof(AttentionAttrs),
    .infer = attention_infer,
    .reference = attention_reference,
    .gradient = attention_gradient,
    .cpu_prepare = attention_prepare,
    .cpu_run = attention_cpu,
    .samples = attention_samples,
};

const OpDef op_attention_grad = {
    .name = "attention gradient",
    .attrs_size = sizeof(AttentionAttrs),
    .infer = grad_infer,
    .reference = grad_reference,
    .cpu_prepare = attention_grad_prepare,
    .cpu_run = attention_grad_cpu,
};
