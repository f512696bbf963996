/* SPDX-License-Identifier: Apache-2.0
 *
 * HiFi-GAN's generator (Kong, Kim and Bae, 2020) with AudioLDM's rates and the parameter names of
 * transformers' SpeechT5HifiGan. The last leaky ReLU has PyTorch's slope, 0.01; the others 0.1. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <stdio.h>

HifiganConfig mel_hifigan_audioldm(void)
{
    return (HifiganConfig){
        .mel_bins = 64,
        .width = 1024,
        .stages = 5,
        .rates = {5,  4, 2,  2, 2},
        .kernels = {16, 16,  8,   4, 4},
        .resblock_count = 3,
        .resblock_kernels = {3, 7,11},
        .dilations = {1,  3,  5  }
    };
}

static Node *leaky(Node *x, double slope)
{
    return mel_op_unary(x, UNARY_LEAKY_RELU, slope, 0);
}

static Node *same_line(Graph *g, Node *x, const char *name, int64_t width, int kernel, int dilation)
{
    int pad = dilation * (kernel - 1) / 2;
    const ConvOptions options = {
        .dilation = {1, dilation},
          .pad_before = {0, pad     },
          .pad_after = {0, pad     }
    };
    return net_conv_line(g, x, name, width, kernel, BIAS, &options);
}

static Node *resblock(Graph *g, Node *x, int number, int kernel, const int *dilations)
{
    int64_t width = mel_node_dim(x, -1);
    char name[16];
    mel_graph_push(g, "resblocks.%d.", number);
    for (int i = 0; i < HIFIGAN_DILATIONS; i++) {
        snprintf(name, sizeof name, "convs1.%d", i);
        Node *h = same_line(g, leaky(x, 0.1), name, width, kernel, dilations[i]);
        snprintf(name, sizeof name, "convs2.%d", i);
        h = same_line(g, leaky(h, 0.1), name, width, kernel, 1);
        x = mel_graph_segment(g, mel_op_add(h, x));
    }
    mel_graph_pop(g);
    return x;
}

static Node *stage(Graph *g, const HifiganConfig *c, Node *x, int i)
{
    char name[16];
    int pad = (c->kernels[i] - c->rates[i]) / 2;
    const ConvOptions options = {
        .stride = {1, c->rates[i]},
          .pad_before = {0, pad        },
          .pad_after = {0, pad        }
    };
    snprintf(name, sizeof name, "upsampler.%d", i);
    x = net_conv_transpose_line(g, leaky(x, 0.1), name, c->width >> (i + 1), c->kernels[i],
                                &options);
    Node *sum = NULL;
    for (int k = 0; k < c->resblock_count; k++) {
        Node *y = resblock(g, x, i * c->resblock_count + k, c->resblock_kernels[k], c->dilations);
        sum = sum ? mel_op_add(sum, y) : y;
    }
    return mel_graph_segment(g, mel_op_affine(sum, 1.0 / c->resblock_count, 0));
}

Node *mel_net_hifigan(Graph *graph, const HifiganConfig *config, Node *log_mel)
{
    int64_t batch = mel_node_dim(log_mel, 0), frames = mel_node_dim(log_mel, 1);
    Node *x = mel_op_reshape(log_mel, SHAPE(batch, 1, frames, config->mel_bins));
    x = same_line(graph, x, "conv_pre", config->width, 7, 1);
    for (int i = 0; i < config->stages; i++)
        x = stage(graph, config, x, i);
    x = same_line(graph, leaky(x, 0.01), "conv_post", 1, 7, 1);
    x = mel_op_unary(x, UNARY_TANH, 0, 0);
    return mel_op_reshape(x, SHAPE(batch, -1));
}
