/* SPDX-License-Identifier: Apache-2.0
 *
 * Cnn14 (Kong et al., "PANNs", 2020), and MS-CLAP 2022's audio tower, which is one with a
 * projection. Facts of the published checkpoints: bn0 over the mel bins, six blocks of two
 * convolutions, the mean over frequency, then the maximum and the mean over time. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <stdio.h>

enum { BLOCKS = 6 };
static const double bn_eps = 1e-5;

Cnn14Config mel_cnn14_published(void)
{
    return (Cnn14Config){.mel_bins = 64, .width = 64, .embedding = 2048, .classes = 527};
}

static Node *relu(Node *x)
{
    return mel_op_unary(x, UNARY_RELU, 0, 0);
}

static Node *conv_bn_relu(Graph *graph, Node *x, int number, int64_t width)
{
    static const ConvOptions same = {
        .pad_before = {1, 1},
          .pad_after = {1, 1}
    };
    char conv[16], norm[16];
    snprintf(conv, sizeof conv, "conv%d", number);
    snprintf(norm, sizeof norm, "bn%d", number);
    x = net_conv(graph, x, conv, width, 3, 3, NO_BIAS, &same);
    return relu(net_batch_norm(graph, x, norm, bn_eps));
}

/* [B, T, mel, 1] → [B, T/32, mel/32, 32·width] */
static Node *blocks(Graph *graph, Node *x, int64_t width)
{
    for (int i = 1; i <= BLOCKS; i++) {
        mel_graph_push(graph, "conv_block%d.", i);
        x = conv_bn_relu(graph, x, 1, width << (i - 1));
        x = conv_bn_relu(graph, x, 2, width << (i - 1));
        mel_graph_pop(graph);
        if (i < BLOCKS) x = mel_op_pool(x, POOL_MEAN, 2, 2);
        mel_graph_segment(graph, x);
    }
    return x;
}

Cnn14Outputs mel_net_cnn14(Graph *graph, const Cnn14Config *config, Node *log_mel)
{
    int64_t batch = mel_node_dim(log_mel, 0), frames = mel_node_dim(log_mel, 1);
    if (mel_node_dim(log_mel, 2) != config->mel_bins) {
        mel_graph_fail(graph, "Cnn14 wants %lld mel bins", (long long)config->mel_bins);
        return (Cnn14Outputs){0};
    }
    Node *x = net_batch_norm(graph, log_mel, "bn0", bn_eps);
    x = mel_op_reshape(x, SHAPE(batch, frames, config->mel_bins, 1));
    x = mel_op_mean_axis(blocks(graph, x, config->width), 2); /* [B, T', 1, C] */
    int64_t width = mel_node_dim(x, -1), left = mel_node_dim(x, 1);
    Node *most = mel_op_pool(x, POOL_MAX, (int)left, 1);
    x = mel_op_add(mel_op_reshape(most, SHAPE(batch, width)),
                   mel_op_reshape(mel_op_mean_axis(x, 1), SHAPE(batch, width)));
    Cnn14Outputs out = {.embedding = relu(net_linear(graph, x, "fc1", config->embedding, BIAS))};
    if (config->classes)
        out.logits = net_linear(graph, out.embedding, "fc_audioset", config->classes, BIAS);
    return out;
}

/* e = linear1(x); LN(e + linear2(gelu(e))), neither with a bias. */
Node *mel_net_msclap_projection(Graph *graph, Node *embedding, int64_t width)
{
    Node *e = net_linear(graph, embedding, "linear1", width, NO_BIAS);
    Node *more = net_linear(graph, mel_op_unary(e, UNARY_GELU, 0, 0), "linear2", width, NO_BIAS);
    return net_layer_norm(graph, mel_op_add(e, more), "layer_norm", 1e-5);
}

Node *mel_net_sound_tower(Graph *graph, const Cnn14Config *config, int64_t joint, Node *log_mel)
{
    mel_graph_push(graph, "audio_encoder.base.");
    Node *x = mel_net_cnn14(graph, config, log_mel).embedding;
    mel_graph_pop(graph);
    mel_graph_push(graph, "audio_encoder.projection.");
    x = mel_net_msclap_projection(graph, x, joint);
    mel_graph_pop(graph);
    return x;
}
