/* SPDX-License-Identifier: Apache-2.0
 *
 * VGGish (Hershey et al., 2017) as torchvggish publishes it, without the last ReLU, the PCA and the
 * quantisation, as the published FAD uses it. The flattening is NHWC, which ours is. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <stdio.h>

VggishConfig mel_vggish_published(void)
{
    return (VggishConfig){.width = 64, .hidden = 4096, .embedding = 128, .classes = 1};
}

static Node *relu(Node *x)
{
    return mel_op_unary(x, UNARY_RELU, 0, 0);
}

/* The layers by their places in the published list: a convolution's width in units of config.width,
 * or 0 for a pool. */
static const struct {
    int place, times;
} layers[] = {
    {0,  1},
    {2,  0},
    {3,  2},
    {5,  0},
    {6,  4},
    {8,  4},
    {10, 0},
    {11, 8},
    {13, 8},
    {15, 0},
};

Node *mel_net_vggish(Graph *graph, const VggishConfig *config, Node *patches)
{
    static const ConvOptions same = {
        .pad_before = {1, 1},
          .pad_after = {1, 1}
    };
    char name[32];
    Node *x = patches;
    for (size_t i = 0; i < MEL_COUNT(layers); i++) {
        if (!layers[i].times) {
            x = mel_op_pool(x, POOL_MAX, 2, 2);
            continue;
        }
        snprintf(name, sizeof name, "features.%d", layers[i].place);
        x = relu(net_conv(graph, x, name, config->width * layers[i].times, 3, 3, BIAS, &same));
    }
    x = mel_op_reshape(x, SHAPE(mel_node_dim(x, 0), -1));
    x = relu(net_linear(graph, x, "embeddings.0", config->hidden, BIAS));
    x = relu(net_linear(graph, x, "embeddings.2", config->hidden, BIAS));
    return net_linear(graph, x, "embeddings.4", config->embedding, BIAS);
}

Node *mel_net_vggish_logits(Graph *graph, const VggishConfig *config, Node *embedding)
{
    return net_linear(graph, relu(embedding), "classifier", config->classes, BIAS);
}
