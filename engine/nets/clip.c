/* SPDX-License-Identifier: Apache-2.0
 *
 * CLIP (Radford et al., 2021) with the parameter names of transformers: pre-norm transformers over
 * tokens and over patches of a picture. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <stdlib.h>

static const double eps = 1e-5;

ClipConfig mel_clip_b32(void)
{
    return (ClipConfig){
        .vocabulary = 49408,
        .positions = 77,
        .text = {.width = 512, .layers = 12, .heads = 8,  .hidden = 2048},
        .vision = {.width = 768, .layers = 12, .heads = 12, .hidden = 3072},
        .picture = 224,
        .patch = 32,
        .joint = 512,
        .gelu = UNARY_QUICK_GELU
    };
}

ClipConfig mel_clip_l14(void)
{
    return (ClipConfig){
        .vocabulary = 49408,
        .positions = 77,
        .text = {.width = 768,  .layers = 12, .heads = 12, .hidden = 3072},
        .vision = {.width = 1024, .layers = 24, .heads = 16, .hidden = 4096},
        .picture = 224,
        .patch = 14,
        .joint = 768,
        .gelu = UNARY_QUICK_GELU
    };
}

ClipConfig mel_clip_h14_text(void)
{
    return (ClipConfig){
        .vocabulary = 49408,
        .positions = 77,
        .text = {.width = 1024, .layers = 23, .heads = 16, .hidden = 4096},
        .gelu = UNARY_GELU
    };
}

/* onto + the attention of x. */
static Node *attend(Graph *g, Node *onto, Node *x, int heads, bool causal)
{
    int64_t width = mel_node_dim(x, -1);
    mel_graph_push(g, "self_attn.");
    Node *q = net_linear(g, x, "q_proj", width, BIAS), *k = net_linear(g, x, "k_proj", width, BIAS);
    Node *v = net_linear(g, x, "v_proj", width, BIAS);
    const AttentionOptions options = {.heads = heads, .causal = causal};
    x = net_linear_onto(g, onto, mel_op_attention(q, k, v, NULL, &options), "out_proj");
    mel_graph_pop(g);
    return x;
}

/* "encoder.layers.N.", over [B, L, C] */
static Node *encoder(Graph *g, Node *x, const TowerConfig *tower, Unary gelu, bool causal)
{
    for (int i = 0; i < tower->layers; i++) {
        mel_graph_push(g, "encoder.layers.%d.", i);
        Node *n = net_layer_norm(g, x, "layer_norm1", eps);
        x = attend(g, x, n, tower->heads, causal);
        n = net_layer_norm(g, x, "layer_norm2", eps);
        n = mel_op_unary(net_linear(g, n, "mlp.fc1", tower->hidden, BIAS), gelu, 0, 0);
        x = mel_graph_segment(g, net_linear_onto(g, x, n, "mlp.fc2"));
        mel_graph_pop(g);
    }
    return x;
}

Node *mel_net_clip_text(Graph *graph, const ClipConfig *config, Node *ids)
{
    int64_t length = mel_node_dim(ids, 1);
    if (length > config->positions)
        return mel_graph_fail(graph, "CLIP takes at most %lld tokens",
                              (long long)config->positions);
    mel_graph_push(graph, "text_model.");
    Node *x = net_embedding(graph, ids, "embeddings.token_embedding", config->vocabulary,
                            config->text.width);
    Node *positions = mel_graph_param(graph, "embeddings.position_embedding.weight",
                                      SHAPE(config->positions, config->text.width));
    x = mel_op_add(x, mel_op_slice(positions, 0, 0, length));
    x = encoder(graph, x, &config->text, config->gelu, true);
    x = net_layer_norm(graph, x, "final_layer_norm", eps);
    mel_graph_pop(graph);
    return x;
}

Node *mel_net_clip_text_embedding(Graph *graph, const ClipConfig *config, Node *states, Node *ends)
{
    Node *rows = mel_op_reshape(states, SHAPE(-1, config->text.width));
    return net_linear(graph, mel_op_embedding(rows, ends), "text_projection", config->joint,
                      NO_BIAS);
}

/* A class token, then the patches row by row. */
static Node *patch_tokens(Graph *g, const ClipConfig *c, Node *pictures)
{
    int64_t batch = mel_node_dim(pictures, 0), width = c->vision.width;
    const ConvOptions patches = {
        .stride = {(int)c->patch, (int)c->patch}
    };
    Node *x = net_conv(g, pictures, "patch_embedding", width, (int)c->patch, (int)c->patch, NO_BIAS,
                       &patches);
    x = mel_op_reshape(x, SHAPE(batch, -1, width));
    Node *token = mel_graph_param(g, "class_embedding", SHAPE(width));
    token = mel_op_cast(mel_op_broadcast(token, SHAPE(batch, 1, width)), mel_node_dtype(x));
    x = mel_op_concat(token, x, 1);
    return mel_op_add(
        x, mel_graph_param(g, "position_embedding.weight", SHAPE(mel_node_dim(x, 1), width)));
}

Node *mel_net_clip_vision_embedding(Graph *graph, const ClipConfig *config, Node *pictures)
{
    if (mel_node_dim(pictures, 1) != config->picture ||
        mel_node_dim(pictures, 2) != config->picture)
        return mel_graph_fail(graph, "CLIP takes pictures of %lldx%lld", (long long)config->picture,
                              (long long)config->picture);
    mel_graph_push(graph, "vision_model.");
    mel_graph_push(graph, "embeddings.");
    Node *x = patch_tokens(graph, config, pictures);
    mel_graph_pop(graph);
    x = net_layer_norm(graph, x, "pre_layrnorm", eps); /* as published */
    x = encoder(graph, x, &config->vision, config->gelu, false);
    x = mel_op_reshape(mel_op_slice(x, 1, 0, 1), SHAPE(mel_node_dim(x, 0), config->vision.width));
    x = net_layer_norm(graph, x, "post_layernorm", eps);
    mel_graph_pop(graph);
    return net_linear(graph, x, "visual_projection", config->joint, NO_BIAS);
}
