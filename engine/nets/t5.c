/* SPDX-License-Identifier: Apache-2.0
 *
 * The encoder of FLAN-T5 (Raffel et al., 2020; Chung et al., 2022) with the parameter names of
 * transformers: RMS norms, no biases, no scaling of scores, and a bias of relative positions that
 * the first layer owns and all add. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <math.h>
#include <stdlib.h>

static const double eps = 1e-6;

enum { BUCKETS = 32, FAR = 128 };

T5Config mel_t5_flan_large(void)
{
    return (T5Config){
        .vocabulary = 32128,
        .tower = {.width = 1024, .layers = 24, .heads = 16, .hidden = 2816},
        .head_width = 64
    };
}

/* Half of the buckets for keys before the query, half behind; in each, half of them for single
 * distances and half for ranges that grow, up to FAR. */
static int32_t bucket_of(int64_t distance)
{
    int half = BUCKETS / 2, near = half / 2;
    int first = distance > 0 ? half : 0;
    int64_t r = llabs(distance);
    if (r < near) return first + (int32_t)r;
    float steps =
        logf((float)r / (float)near) / (float)log((double)FAR / near) * (float)(half - near);
    int bucket = near + (int)steps;
    return first + (bucket < half - 1 ? bucket : half - 1);
}

/* [1, heads, L, L], constant once the table is known */
static Node *position_bias(Graph *g, const T5Config *c, int64_t length)
{
    static const int heads_first[] = {2, 0, 1};
    int32_t *buckets = mel_alloc((size_t)(length * length) * sizeof *buckets + 1);
    for (int64_t query = 0; query < length; query++)
        for (int64_t key = 0; key < length; key++)
            buckets[query * length + key] = bucket_of(key - query);
    Node *ids = mel_graph_constant(g, DTYPE_I32, SHAPE(length, length), buckets);
    free(buckets);
    Node *bias = net_embedding(g, ids, "block.0.layer.0.SelfAttention.relative_attention_bias",
                               BUCKETS, c->tower.heads);
    bias = mel_op_transpose(bias, heads_first);
    return mel_op_reshape(bias, SHAPE(1, c->tower.heads, length, length));
}

static Node *attend(Graph *g, const T5Config *c, Node *x, Node *bias)
{
    int64_t inner = c->tower.heads * c->head_width;
    mel_graph_push(g, "SelfAttention.");
    Node *q = net_linear(g, x, "q", inner, NO_BIAS), *k = net_linear(g, x, "k", inner, NO_BIAS);
    Node *v = net_linear(g, x, "v", inner, NO_BIAS);
    const AttentionOptions options = {.heads = c->tower.heads, .scale = 1};
    x = net_linear(g, mel_op_attention(q, k, v, bias, &options), "o", c->tower.width, NO_BIAS);
    mel_graph_pop(g);
    return x;
}

static Node *feed_forward(Graph *g, const T5Config *c, Node *x)
{
    mel_graph_push(g, "DenseReluDense.");
    Node *gate = net_linear(g, x, "wi_0", c->tower.hidden, NO_BIAS);
    gate = mel_op_unary(gate, UNARY_GELU_TANH, 0, 0);
    x = mel_op_mul(gate, net_linear(g, x, "wi_1", c->tower.hidden, NO_BIAS));
    x = net_linear(g, x, "wo", c->tower.width, NO_BIAS);
    mel_graph_pop(g);
    return x;
}

/* A layer's norm, and what it adds to the stream. The stream is f32: 48 sums of bf16 would lose
 * more than all the products do. */
static Node *normed(Graph *g, Node *x)
{
    return mel_op_cast(net_rms_norm(g, x, "layer_norm", eps), mel_graph_float_type(g));
}

static Node *add_to(Node *stream, Node *layer)
{
    return mel_op_add(stream, mel_op_cast(layer, DTYPE_F32));
}

Node *mel_net_t5_encoder(Graph *graph, const T5Config *config, Node *ids, Node *mask)
{
    Node *x = mel_op_embedding(
        mel_graph_param(graph, "shared.weight", SHAPE(config->vocabulary, config->tower.width)),
        ids);
    x = mel_op_cast(x, DTYPE_F32);
    mel_graph_push(graph, "encoder.");
    Node *bias = position_bias(graph, config, mel_node_dim(ids, 1));
    if (mask) bias = mel_op_add(bias, mask);
    for (int i = 0; i < config->tower.layers; i++) {
        mel_graph_push(graph, "block.%d.layer.0.", i);
        x = add_to(x, attend(graph, config, normed(graph, x), bias));
        mel_graph_pop(graph);
        mel_graph_push(graph, "block.%d.layer.1.", i);
        x = add_to(x, feed_forward(graph, config, normed(graph, x)));
        mel_graph_pop(graph);
    }
    x = net_rms_norm(graph, x, "final_layer_norm", eps);
    mel_graph_pop(graph);
    return mel_op_cast(x, mel_graph_float_type(graph));
}
