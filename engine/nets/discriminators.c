/* SPDX-License-Identifier: Apache-2.0
 *
 * HiFi-GAN's discriminators, with the published names and without weight or spectral norms. A sound
 * whose length no period divides loses its end. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <stdio.h>

typedef struct ScaleLayer {
    int times, kernel, stride, groups; /* times: its width beside a period's first */
} ScaleLayer;

static const int periods[HIFIGAN_PERIODS] = {2, 3, 5, 7, 11};
static const int period_times[HIFIGAN_PERIOD_LAYERS - 1] = {1, 4, 16, 32, 32};
static const ScaleLayer scale_layers[HIFIGAN_SCALE_LAYERS - 1] = {
    {4,  15, 1, 1 },
    {4,  41, 2, 4 },
    {8,  41, 2, 16},
    {16, 41, 4, 16},
    {32, 41, 4, 16},
    {32, 41, 1, 16},
    {32, 5,  1, 1 },
};

static Node *keep(HifiganJudged *out, Node *x, bool is_judgement)
{
    out->is_judgement[out->count] = is_judgement;
    out->values[out->count++] = x;
    return x;
}

static Node *leaky(Node *x)
{
    return mel_op_unary(x, UNARY_LEAKY_RELU, 0.1, 0);
}

/* The sound as rows of one period. */
static void judge_period(Graph *g, int64_t width, Node *wave, int number, HifiganJudged *out)
{
    int64_t batch = mel_node_dim(wave, 0), rows = mel_node_dim(wave, 1) / periods[number];
    Node *x = mel_op_slice(wave, 1, 0, rows * periods[number]);
    x = mel_op_reshape(x, SHAPE(batch, rows, periods[number], 1));
    mel_graph_push(g, "mpd.discriminators.%d.", number);
    for (int i = 0; i < HIFIGAN_PERIOD_LAYERS - 1; i++) {
        char name[16];
        bool last = i == HIFIGAN_PERIOD_LAYERS - 2;
        const ConvOptions options = {
            .stride = {last ? 1 : 3, 1},
              .pad_before = {2,            0},
              .pad_after = {2,            0}
        };
        snprintf(name, sizeof name, "convs.%d", i);
        x = net_conv(g, x, name, width * period_times[i], 5, 1, BIAS, &options);
        x = keep(out, leaky(x), false);
    }
    const ConvOptions post = {
        .pad_before = {1, 0},
          .pad_after = {1, 0}
    };
    keep(out, net_conv(g, x, "conv_post", 1, 3, 1, BIAS, &post), true);
    mel_graph_pop(g);
}

static void judge_scale(Graph *g, int64_t width, Node *line, int number, HifiganJudged *out)
{
    mel_graph_push(g, "msd.discriminators.%d.", number);
    Node *x = line;
    for (int i = 0; i < HIFIGAN_SCALE_LAYERS - 1; i++) {
        char name[16];
        const ScaleLayer *layer = &scale_layers[i];
        int pad = (layer->kernel - 1) / 2;
        const ConvOptions options = {
            .stride = {1, layer->stride},
            .pad_before = {0, pad          },
            .pad_after = {0, pad          },
            .groups = layer->groups
        };
        snprintf(name, sizeof name, "convs.%d", i);
        x = net_conv_line(g, x, name, width * layer->times, layer->kernel, BIAS, &options);
        x = keep(out, leaky(x), false);
    }
    const ConvOptions post = {
        .pad_before = {0, 1},
          .pad_after = {0, 1}
    };
    keep(out, net_conv_line(g, x, "conv_post", 1, 3, BIAS, &post), true);
    mel_graph_pop(g);
}

/* Means of four, every second one. */
static Node *halved(Graph *g, Node *line)
{
    static const float mean[] = {0.25F, 0.25F, 0.25F, 0.25F};
    const ConvOptions options = {
        .stride = {1, 2},
          .pad_before = {0, 2},
          .pad_after = {0, 2}
    };
    Node *weight = mel_graph_constant(g, DTYPE_F32, SHAPE(1, 1, 1, 4), mean);
    return mel_op_conv(line, mel_op_cast(weight, mel_node_dtype(line)), NULL, &options);
}

void mel_net_hifigan_discriminators(Graph *graph, int64_t width, Node *wave, HifiganJudged *out)
{
    out->count = 0;
    for (int i = 0; i < HIFIGAN_PERIODS; i++)
        judge_period(graph, width, wave, i, out);
    Node *line = mel_op_reshape(wave, SHAPE(mel_node_dim(wave, 0), 1, mel_node_dim(wave, 1), 1));
    for (int i = 0; i < HIFIGAN_SCALES; i++) {
        if (i) line = halved(graph, line);
        judge_scale(graph, width, line, i, out);
    }
}
