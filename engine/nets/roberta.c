/* SPDX-License-Identifier: Apache-2.0
 *
 * RoBERTa (Liu et al., 2019) as CLAP's text tower, with the parameter names of transformers: a
 * post-norm transformer whose first token is pooled. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

static Node *embed(Graph *g, const RobertaConfig *c, Node *ids, Node *positions)
{
    int64_t width = c->tower.width;
    mel_graph_push(g, "embeddings.");
    Node *x = net_embedding(g, ids, "word_embeddings", c->vocabulary, width);
    x = mel_op_add(x, net_embedding(g, positions, "position_embeddings", c->positions, width));
    x = mel_op_add(x, mel_graph_param(g, "token_type_embeddings.weight", SHAPE(1, width)));
    x = net_layer_norm(g, x, "LayerNorm", c->eps);
    mel_graph_pop(g);
    return x;
}

static Node *layer(Graph *g, const RobertaConfig *c, Node *x, Node *mask)
{
    int64_t width = c->tower.width;
    Node *q = net_linear(g, x, "attention.self.query", width, BIAS);
    Node *k = net_linear(g, x, "attention.self.key", width, BIAS);
    Node *v = net_linear(g, x, "attention.self.value", width, BIAS);
    Node *h = mel_op_attention(q, k, v, mask, &(AttentionOptions){.heads = c->tower.heads});
    h = net_linear_onto(g, x, h, "attention.output.dense");
    x = net_layer_norm(g, h, "attention.output.LayerNorm", c->eps);
    h = net_linear(g, x, "intermediate.dense", c->tower.hidden, BIAS);
    h = net_linear_onto(g, x, mel_op_unary(h, UNARY_GELU, 0, 0), "output.dense");
    return net_layer_norm(g, h, "output.LayerNorm", c->eps);
}

Node *mel_net_roberta_pooled(Graph *graph, const RobertaConfig *config, Node *ids, Node *positions,
                             Node *mask)
{
    int64_t batch = mel_node_dim(ids, 0);
    Node *x = embed(graph, config, ids, positions);
    for (int i = 0; i < config->tower.layers; i++) {
        mel_graph_push(graph, "encoder.layer.%d.", i);
        x = layer(graph, config, x, mask);
        mel_graph_pop(graph);
    }
    x = mel_op_reshape(mel_op_slice(x, 1, 0, 1), SHAPE(batch, config->tower.width));
    return mel_op_unary(net_linear(graph, x, "pooler.dense", config->tower.width, BIAS), UNARY_TANH,
                        0, 0);
}
