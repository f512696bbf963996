/* SPDX-License-Identifier: Apache-2.0
 *
 * AutoencoderKL (Rombach et al., 2022), with the parameter names of diffusers. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <stdio.h>

static const double eps = 1e-6;
static const ConvOptions same = {
    .pad_before = {1, 1},
      .pad_after = {1, 1}
};
static const ConvOptions halving = {
    .stride = {2, 2},
      .pad_after = {1, 1}
}; /* one side only */

VaeConfig mel_vae_sd(void)
{
    return (VaeConfig){
        .channels = 3,
        .latent_channels = 4,
        .levels = 4,
        .widths = {128, 256, 512, 512},
        .layers = 2,
        .groups = 32,
        .scaling = 0.18215
    };
}

VaeConfig mel_vae_audioldm(void)
{
    return (VaeConfig){
        .channels = 1,
        .latent_channels = 8,
        .levels = 3,
        .widths = {128, 256, 512},
        .layers = 2,
        .groups = 32,
        .scaling = 0.9227914214134216
    };
}

static Node *resnet(Graph *g, Node *x, int number, int64_t width, int groups)
{
    mel_graph_push(g, "resnets.%d.", number);
    Node *h = net_group_norm_silu(g, x, "norm1", groups, eps);
    h = net_conv(g, h, "conv1", width, 3, 3, BIAS, &same);
    h = net_group_norm_silu(g, h, "norm2", groups, eps);
    h = net_conv(g, h, "conv2", width, 3, 3, BIAS, &same);
    if (mel_node_dim(x, -1) != width) x = net_conv(g, x, "conv_shortcut", width, 1, 1, BIAS, NULL);
    mel_graph_pop(g);
    return mel_graph_segment(g, mel_op_add(h, x));
}

/* One head over all places. */
static Node *attend(Graph *g, Node *x, int groups)
{
    Shape picture = *mel_node_shape(x);
    int64_t width = mel_node_dim(x, -1);
    mel_graph_push(g, "attentions.0.");
    Node *h = net_group_norm(g, x, "group_norm", groups, eps);
    const Shape rows = SHAPE(picture.dims[0], -1, width);
    h = mel_op_reshape(h, rows);
    Node *q = net_linear(g, h, "to_q", width, BIAS), *k = net_linear(g, h, "to_k", width, BIAS);
    Node *v = net_linear(g, h, "to_v", width, BIAS);
    h = mel_op_attention(q, k, v, NULL, &(AttentionOptions){.heads = 1});
    h = net_linear_onto(g, mel_op_reshape(x, rows), h, "to_out.0");
    mel_graph_pop(g);
    return mel_graph_segment(g, mel_op_reshape(h, picture));
}

static Node *middle(Graph *g, Node *x, const VaeConfig *c)
{
    int64_t width = c->widths[c->levels - 1];
    mel_graph_push(g, "mid_block.");
    x = resnet(g, x, 0, width, c->groups);
    x = attend(g, x, c->groups);
    x = resnet(g, x, 1, width, c->groups);
    mel_graph_pop(g);
    return x;
}

static Node *last_layers(Graph *g, Node *x, const VaeConfig *c, int64_t channels)
{
    x = net_group_norm_silu(g, x, "conv_norm_out", c->groups, eps);
    return net_conv(g, x, "conv_out", channels, 3, 3, BIAS, &same);
}

VaeMoments mel_net_vae_encoder(Graph *graph, const VaeConfig *config, Node *x)
{
    const VaeConfig *c = config;
    mel_graph_push(graph, "encoder.");
    x = net_conv(graph, x, "conv_in", c->widths[0], 3, 3, BIAS, &same);
    for (int level = 0; level < c->levels; level++) {
        mel_graph_push(graph, "down_blocks.%d.", level);
        for (int i = 0; i < c->layers; i++)
            x = resnet(graph, x, i, c->widths[level], c->groups);
        if (level < c->levels - 1)
            x = net_conv(graph, x, "downsamplers.0.conv", c->widths[level], 3, 3, BIAS, &halving);
        mel_graph_pop(graph);
    }
    x = last_layers(graph, middle(graph, x, c), c, 2 * c->latent_channels);
    mel_graph_pop(graph);
    x = net_conv(graph, x, "quant_conv", 2 * c->latent_channels, 1, 1, BIAS, NULL);
    Node *log_variance = mel_op_slice(x, -1, c->latent_channels, 2 * c->latent_channels);
    return (VaeMoments){.mean = mel_op_slice(x, -1, 0, c->latent_channels),
                        .log_variance = mel_op_unary(log_variance, UNARY_CLAMP, -30, 20)};
}

Node *mel_net_vae_decoder(Graph *graph, const VaeConfig *config, Node *latents)
{
    const VaeConfig *c = config;
    Node *x = net_conv(graph, latents, "post_quant_conv", c->latent_channels, 1, 1, BIAS, NULL);
    mel_graph_push(graph, "decoder.");
    x = net_conv(graph, x, "conv_in", c->widths[c->levels - 1], 3, 3, BIAS, &same);
    x = middle(graph, x, c);
    for (int level = c->levels - 1; level >= 0; level--) {
        mel_graph_push(graph, "up_blocks.%d.", c->levels - 1 - level);
        for (int i = 0; i <= c->layers; i++)
            x = resnet(graph, x, i, c->widths[level], c->groups);
        if (level > 0)
            x = net_conv(graph, mel_op_upsample(x, 2, 2), "upsamplers.0.conv", c->widths[level], 3,
                         3, BIAS, &same);
        mel_graph_pop(graph);
    }
    x = last_layers(graph, x, c, c->channels);
    mel_graph_pop(graph);
    return x;
}
