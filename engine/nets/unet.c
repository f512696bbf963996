/* SPDX-License-Identifier: Apache-2.0
 *
 * The UNet of Stable Diffusion 1.5 and 2.1 and of TANGO (Rombach et al., 2022), with the parameter
 * names of diffusers. What they call attention_head_dim is the number of heads. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <stdio.h>

static const double resnet_eps = 1e-5, transformer_eps = 1e-6, layer_eps = 1e-5;
static const ConvOptions same = {
    .pad_before = {1, 1},
      .pad_after = {1, 1}
};
static const ConvOptions halving = {
    .stride = {2, 2},
      .pad_before = {1, 1},
      .pad_after = {1, 1}
};

/* What every part of one network needs. */
typedef struct Unet {
    Graph *graph;
    const UnetConfig *config;
    const UnetHook *hook;
    Node *time, *text, *mask; /* time: after its SiLU, [B, 4·widths[0]] */
} Unet;

UnetConfig mel_unet_sd21(void)
{
    return (UnetConfig){
        .in_channels = 4,
        .out_channels = 4,
        .text_width = 1024,
        .levels = 4,
        .widths = {320, 640, 1280, 1280},
        .heads = {5,   10,  20,   20  },
        .layers = 2,
        .groups = 32,
        .linear_projection = true
    };
}

UnetConfig mel_unet_sd15(void)
{
    UnetConfig config = mel_unet_sd21();
    config.text_width = 768;
    config.linear_projection = false;
    for (int i = 0; i < config.levels; i++)
        config.heads[i] = 8;
    return config;
}

UnetConfig mel_unet_tango(void)
{
    UnetConfig config = mel_unet_sd21();
    config.in_channels = config.out_channels = 8;
    return config;
}

static Node *resnet(const Unet *u, Node *x, const char *name, int number, int64_t width)
{
    Graph *g = u->graph;
    int groups = u->config->groups;
    mel_graph_push(g, "%s.%d.", name, number);
    Node *h = net_group_norm_silu(g, x, "norm1", groups, resnet_eps);
    h = net_conv(g, h, "conv1", width, 3, 3, BIAS, &same);
    Node *time = net_linear(g, u->time, "time_emb_proj", width, BIAS);
    h = mel_op_add(h, mel_op_reshape(time, SHAPE(mel_node_dim(time, 0), 1, 1, width)));
    h = net_group_norm_silu(g, h, "norm2", groups, resnet_eps);
    h = net_conv(g, h, "conv2", width, 3, 3, BIAS, &same);
    if (mel_node_dim(x, -1) != width) x = net_conv(g, x, "conv_shortcut", width, 1, 1, BIAS, NULL);
    mel_graph_pop(g);
    return mel_graph_segment(g, mel_op_add(h, x));
}

/* Where a block's attentions lie, and how many heads they have. */
typedef struct Layer {
    const char *name;
    int heads;
} Layer;

/* x + the attention of its normalised states over `from`: the text, or the states themselves. */
static Node *attend(const Unet *u, Node *x, Node *states, Node *from, const Layer *layer)
{
    const bool cross = from != states;
    Graph *g = u->graph;
    int64_t width = mel_node_dim(states, -1);
    mel_graph_push(g, cross ? "attn2." : "attn1.");
    Node *q = net_linear(g, states, "to_q", width, NO_BIAS);
    Node *k = net_linear(g, from, "to_k", width, NO_BIAS);
    Node *v = net_linear(g, from, "to_v", width, NO_BIAS);
    if (u->hook) {
        char name[96];
        snprintf(name, sizeof name, "%s.%s", layer->name, cross ? "attn2" : "attn1");
        const UnetAttention where = {
            .layer = name, .cross = cross, .states = states, .heads = layer->heads};
        u->hook->attention(u->hook->ctx, &where, &k, &v);
    }
    Node *out = mel_op_attention(q, k, v, cross ? u->mask : NULL,
                                 &(AttentionOptions){.heads = layer->heads});
    out = net_linear_onto(g, x, out, "to_out.0");
    mel_graph_pop(g);
    return out;
}

/* x + what is made of its normalised states. */
static Node *feed_forward(Graph *g, Node *x, Node *states)
{
    int64_t width = mel_node_dim(x, -1);
    Node *h = mel_op_gated(net_linear(g, states, "ff.net.0.proj", 8 * width, BIAS), UNARY_GELU);
    return net_linear_onto(g, x, h, "ff.net.2");
}

/* [B, L, C] → the same */
static Node *transformer_block(const Unet *u, Node *x, const Layer *layer)
{
    Graph *g = u->graph;
    Node *n = net_layer_norm(g, x, "norm1", layer_eps);
    x = attend(u, x, n, n, layer);
    n = net_layer_norm(g, x, "norm2", layer_eps);
    x = attend(u, x, n, u->text, layer);
    return feed_forward(g, x, net_layer_norm(g, x, "norm3", layer_eps));
}

static Node *project(const Unet *u, Node *x, const char *name, int64_t width)
{
    if (u->config->linear_projection) return net_linear(u->graph, x, name, width, BIAS);
    return net_conv(u->graph, x, name, width, 1, 1, BIAS, NULL);
}

static Node *transformer(const Unet *u, Node *x, const char *block, int number, int heads)
{
    Graph *g = u->graph;
    char layer[80];
    Shape picture = *mel_node_shape(x);
    int64_t width = mel_node_dim(x, -1);
    snprintf(layer, sizeof layer, "%sattentions.%d.transformer_blocks.0", block, number);
    mel_graph_push(g, "attentions.%d.", number);
    Node *h = net_group_norm(g, x, "norm", u->config->groups, transformer_eps);
    h = project(u, h, "proj_in", width);
    h = mel_op_reshape(h, SHAPE(picture.dims[0], -1, width));
    mel_graph_push(g, "transformer_blocks.0.");
    h = transformer_block(u, h, &(Layer){.name = layer, .heads = heads});
    mel_graph_pop(g);
    h = mel_op_reshape(h, picture);
    h = u->config->linear_projection ? net_linear_onto(g, x, h, "proj_out")
                                     : mel_op_add(project(u, h, "proj_out", width), x);
    mel_graph_pop(g);
    return mel_graph_segment(g, h);
}

/* What the way down leaves for the way up. */
typedef struct Skips {
    Node *nodes[UNET_LEVELS_MAX * (UNET_LAYERS_MAX + 1)];
    int count;
} Skips;

static Node *down_block(const Unet *u, Node *x, int level, Skips *skips)
{
    const UnetConfig *c = u->config;
    char block[32];
    snprintf(block, sizeof block, "down_blocks.%d.", level);
    mel_graph_push(u->graph, "%s", block);
    for (int i = 0; i < c->layers; i++) {
        x = resnet(u, x, "resnets", i, c->widths[level]);
        if (level < c->levels - 1 && c->heads[level])
            x = transformer(u, x, block, i, c->heads[level]);
        skips->nodes[skips->count++] = x;
    }
    if (level < c->levels - 1) {
        x = net_conv(u->graph, x, "downsamplers.0.conv", c->widths[level], 3, 3, BIAS, &halving);
        skips->nodes[skips->count++] = x;
    }
    mel_graph_pop(u->graph);
    return x;
}

static Node *middle_block(const Unet *u, Node *x)
{
    int last = u->config->levels - 1;
    mel_graph_push(u->graph, "mid_block.");
    x = resnet(u, x, "resnets", 0, u->config->widths[last]);
    x = transformer(u, x, "mid_block.", 0, u->config->heads[last]);
    x = resnet(u, x, "resnets", 1, u->config->widths[last]);
    mel_graph_pop(u->graph);
    return x;
}

static Node *up_block(const Unet *u, Node *x, int number, Skips *skips)
{
    const UnetConfig *c = u->config;
    int level = c->levels - 1 - number;
    char block[32];
    snprintf(block, sizeof block, "up_blocks.%d.", number);
    mel_graph_push(u->graph, "%s", block);
    for (int i = 0; i <= c->layers; i++) {
        x = resnet(u, mel_op_concat(x, skips->nodes[--skips->count], -1), "resnets", i,
                   c->widths[level]);
        if (c->heads[level] && number > 0) x = transformer(u, x, block, i, c->heads[level]);
    }
    if (level > 0)
        x = net_conv(u->graph, mel_op_upsample(x, 2, 2), "upsamplers.0.conv", c->widths[level], 3,
                     3, BIAS, &same);
    mel_graph_pop(u->graph);
    return x;
}

static Node *time_embedding(Graph *g, const UnetConfig *c, Node *timesteps)
{
    int64_t width = c->widths[0];
    Node *t = mel_op_timestep_embedding(timesteps, (int)width);
    t = mel_op_silu(net_linear(g, t, "time_embedding.linear_1", 4 * width, BIAS));
    return mel_op_silu(net_linear(g, t, "time_embedding.linear_2", 4 * width, BIAS));
}

static bool check_inputs(Graph *g, const UnetConfig *c, const UnetInputs *in)
{
    if (c->levels < 1 || c->levels > UNET_LEVELS_MAX || c->layers < 1 ||
        c->layers > UNET_LAYERS_MAX) {
        mel_graph_fail(g, "a UNet has at most %d levels of %d layers", UNET_LEVELS_MAX,
                       UNET_LAYERS_MAX);
        return false;
    }
    const Shape *x = mel_node_shape(in->x);
    int64_t step = (int64_t)1 << (c->levels - 1);
    if (x->rank != 4 || x->dims[3] != c->in_channels || x->dims[1] % step || x->dims[2] % step)
        mel_graph_fail(g, "the UNet wants [B, H, W, %lld] with sides that %lld divides",
                       (long long)c->in_channels, (long long)step);
    else if (mel_node_dim(in->text, -1) != c->text_width)
        mel_graph_fail(g, "the UNet wants a text of width %lld", (long long)c->text_width);
    else
        return true;
    return false;
}

Node *mel_net_unet(Graph *graph, const UnetConfig *config, const UnetInputs *inputs,
                   const UnetHook *hook)
{
    if (!check_inputs(graph, config, inputs)) return NULL;
    Unet u = {.graph = graph,
              .config = config,
              .hook = hook,
              .time = time_embedding(graph, config, inputs->timesteps),
              .text = inputs->text,
              .mask = inputs->mask};
    Skips skips = {0};
    Node *x = net_conv(graph, inputs->x, "conv_in", config->widths[0], 3, 3, BIAS, &same);
    mel_graph_segment(graph, x);
    skips.nodes[skips.count++] = x;
    for (int level = 0; level < config->levels; level++)
        x = down_block(&u, x, level, &skips);
    x = middle_block(&u, x);
    for (int number = 0; number < config->levels; number++)
        x = up_block(&u, x, number, &skips);
    x = net_group_norm_silu(graph, x, "conv_norm_out", config->groups, resnet_eps);
    return net_conv(graph, x, "conv_out", config->out_channels, 3, 3, BIAS, &same);
}
