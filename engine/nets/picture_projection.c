/* SPDX-License-Identifier: Apache-2.0
 *
 * "linear.weight", "linear.bias": our own names, nothing of it was published. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

Node *mel_net_picture_projection(Graph *graph, const PictureProjectionConfig *config,
                                 Node *embedding)
{
    if (mel_node_dim(embedding, -1) != config->picture_width)
        return mel_graph_fail(
            graph, "pictures are embedded in %lld numbers, the projection has %lld",
            (long long)mel_node_dim(embedding, -1), (long long)config->picture_width);
    return net_linear(graph, embedding, "linear", config->text_width, BIAS);
}
