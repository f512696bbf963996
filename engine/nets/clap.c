/* SPDX-License-Identifier: Apache-2.0
 *
 * CLAP (Wu et al., 2023), laion/clap-htsat-unfused: two towers and their projections. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

ClapConfig mel_clap_htsat_unfused(void)
{
    return (ClapConfig){
        .audio = {.mel_bins = 64,
                  .side = 256,
                  .patch = 4,
                  .width = 96,
                  .window = 8,
                  .stages = 4,
                  .depths = {2, 2, 6, 2},
                  .heads = {4, 8, 16, 32}},
        .text = {.vocabulary = 50265,
                  .positions = 514,
                  .tower = {.width = 768, .layers = 12, .heads = 12, .hidden = 3072},
                  .eps = 1e-12},
        .joint = 512
    };
}

static Node *project(Graph *g, Node *x, const char *name, int64_t width)
{
    mel_graph_push(g, "%s.", name);
    x = mel_op_unary(net_linear(g, x, "linear1", width, BIAS), UNARY_RELU, 0, 0);
    x = net_linear(g, x, "linear2", width, BIAS);
    mel_graph_pop(g);
    return x;
}

Node *mel_net_clap_audio_embedding(Graph *graph, const ClapConfig *config, Node *log_mel)
{
    mel_graph_push(graph, "audio_model.audio_encoder.");
    Node *x = mel_net_htsat(graph, &config->audio, log_mel);
    mel_graph_pop(graph);
    return project(graph, x, "audio_projection", config->joint);
}

Node *mel_net_clap_text_embedding(Graph *graph, const ClapConfig *config, Node *ids,
                                  Node *positions, Node *mask)
{
    mel_graph_push(graph, "text_model.");
    Node *x = mel_net_roberta_pooled(graph, &config->text, ids, positions, mask);
    mel_graph_pop(graph);
    return project(graph, x, "text_projection", config->joint);
}
