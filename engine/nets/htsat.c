/* SPDX-License-Identifier: Apache-2.0
 *
 * HTS-AT (Chen et al., 2022), CLAP's audio tower, with the parameter names of transformers: a Swin
 * transformer over a spectrogram whose quarters of time are stacked along frequency. */
#include "engine/nets.h"
#include "engine/nets/blocks.h"

#include <math.h>
#include <stdlib.h>

static const double eps = 1e-5;

/* ---- from the spectrogram to a square picture -------------------------------------------------
 */

/* Keys' cubic with a = -0.75, at distance x. */
static double cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* [to, from]: bicubic interpolation whose ends stay (PyTorch's align_corners). */
static Node *stretching(Graph *g, int64_t from, int64_t to)
{
    float *matrix = mel_alloc((size_t)(from * to) * sizeof *matrix);
    for (int64_t i = 0; i < to; i++) {
        double at = to > 1 ? (double)i * (double)(from - 1) / (double)(to - 1) : 0;
        int64_t first = (int64_t)floor(at) - 1;
        for (int64_t k = first; k < first + 4; k++) {
            int64_t place = k < 0 ? 0 : k >= from ? from - 1 : k;
            matrix[i * from + place] += (float)cubic(at - (double)k);
        }
    }
    Node *constant = mel_graph_constant(g, DTYPE_F32, SHAPE(to, from), matrix);
    free(matrix);
    return constant;
}

/* [B, T, mel] → [B, side, side, 1]: picture[q·mel + f][t] = sound[q·side + t][f] */
static Node *as_picture(Graph *g, const HtsatConfig *c, Node *log_mel)
{
    static const int quarters_first[] = {0, 2, 1, 3}, time_last[] = {0, 2, 1};
    int64_t batch = mel_node_dim(log_mel, 0), frames = mel_node_dim(log_mel, 1);
    int64_t quarters = c->side / c->mel_bins, wanted = quarters * c->side;
    Node *x = frames == wanted ? mel_op_transpose(log_mel, time_last)
                               : mel_op_matmul(log_mel, stretching(g, frames, wanted), true, true);
    x = mel_op_reshape(x, SHAPE(batch, c->mel_bins, quarters, c->side));
    x = mel_op_transpose(x, quarters_first);
    return mel_op_reshape(x, SHAPE(batch, c->side, c->side, 1));
}

/* ---- windows -------------------------------------------------------------------------------- */

/* What a block needs to know of its place. */
typedef struct Block {
    Graph *graph;
    int64_t batch, side, width; /* side: of the square of tokens */
    int heads;
    int64_t window, shift;
} Block;

/* [B, S, S, C] → [B·windows, window², C] */
static Node *to_windows(const Block *b, Node *x)
{
    static const int windows_first[] = {0, 1, 3, 2, 4, 5};
    int64_t across = b->side / b->window;
    x = mel_op_reshape(x, SHAPE(b->batch, across, b->window, across, b->window, b->width));
    x = mel_op_transpose(x, windows_first);
    return mel_op_reshape(x, SHAPE(-1, b->window * b->window, b->width));
}

static Node *from_windows(const Block *b, Node *x)
{
    static const int rows_first[] = {0, 1, 3, 2, 4, 5};
    int64_t across = b->side / b->window;
    x = mel_op_reshape(x, SHAPE(b->batch, across, across, b->window, b->window, b->width));
    x = mel_op_transpose(x, rows_first);
    return mel_op_reshape(x, SHAPE(b->batch, b->side, b->side, b->width));
}

/* Everything moves by `by` places towards the start, around the end. */
static Node *roll(Node *x, int axis, int64_t by)
{
    int64_t size = mel_node_dim(x, axis);
    by = ((by % size) + size) % size;
    if (by == 0) return x;
    return mel_op_concat(mel_op_slice(x, axis, by, size), mel_op_slice(x, axis, 0, by), axis);
}

/* [1, heads, window², window²] out of the table of relative places. */
static Node *place_bias(const Block *b)
{
    static const int heads_first[] = {2, 0, 1};
    int64_t w = b->window, n = w * w, span = 2 * w - 1;
    int32_t *places = mel_alloc((size_t)(n * n) * sizeof *places);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t down = i / w - j / w + w - 1, right = i % w - j % w + w - 1;
            places[i * n + j] = (int32_t)(down * span + right);
        }
    Node *ids = mel_graph_constant(b->graph, DTYPE_I32, SHAPE(n, n), places);
    free(places);
    Node *table =
        mel_graph_param(b->graph, "relative_position_bias_table", SHAPE(span * span, b->heads));
    Node *bias = mel_op_transpose(mel_op_embedding(table, ids), heads_first);
    return mel_op_reshape(bias, SHAPE(1, b->heads, n, n));
}

/* After the shift three bands lie along each side: those that were apart stay apart. */
static int64_t band(const Block *b, int64_t at)
{
    if (at < b->side - b->window) return 0;
    return at < b->side - b->shift ? 1 : 2;
}

/* [B·windows, 1, window², window²]: -100 between regions that only the shift made neighbours. */
static Node *shift_mask(const Block *b)
{
    int64_t w = b->window, n = w * w, across = b->side / w, windows = across * across;
    float *mask = mel_alloc((size_t)(b->batch * windows * n * n) * sizeof *mask);
    for (int64_t i = 0; i < b->batch * windows * n * n; i++) {
        int64_t window = i / (n * n) % windows, query = i / n % n, key = i % n;
        int64_t top = window / across * w, left = window % across * w;
        bool together = band(b, top + query / w) == band(b, top + key / w) &&
                        band(b, left + query % w) == band(b, left + key % w);
        mask[i] = together ? 0 : -100;
    }
    Node *constant =
        mel_graph_constant(b->graph, DTYPE_F32, SHAPE(b->batch * windows, 1, n, n), mask);
    free(mask);
    return constant;
}

static Node *attend(const Block *b, Node *x)
{
    Graph *g = b->graph;
    mel_graph_push(g, "attention.self.");
    Node *q = net_linear(g, x, "query", b->width, BIAS);
    Node *k = net_linear(g, x, "key", b->width, BIAS);
    Node *v = net_linear(g, x, "value", b->width, BIAS);
    Node *bias = place_bias(b);
    mel_graph_pop(g);
    if (b->shift) bias = mel_op_add(bias, shift_mask(b));
    x = mel_op_attention(q, k, v, bias, &(AttentionOptions){.heads = b->heads});
    return net_linear(g, x, "attention.output.dense", b->width, BIAS);
}

/* [B, S, S, C] → the same */
static Node *block(const Block *b, Node *x)
{
    Graph *g = b->graph;
    Node *h = net_layer_norm(g, x, "layernorm_before", eps);
    h = roll(roll(h, 1, b->shift), 2, b->shift);
    h = from_windows(b, attend(b, to_windows(b, h)));
    h = roll(roll(h, 1, -b->shift), 2, -b->shift);
    x = mel_op_add(h, x);
    h = net_layer_norm(g, x, "layernorm_after", eps);
    h = mel_op_unary(net_linear(g, h, "intermediate.dense", 4 * b->width, BIAS), UNARY_GELU, 0, 0);
    return net_linear_onto(g, x, h, "output.dense");
}

/* Blocks of 2×2 tokens become one of twice the width; column by column, as published. */
static Node *merge(Graph *g, Node *x, int64_t batch, int64_t side, int64_t width)
{
    static const int columns_first[] = {0, 1, 3, 4, 2, 5};
    x = mel_op_reshape(x, SHAPE(batch, side / 2, 2, side / 2, 2, width));
    x = mel_op_transpose(x, columns_first);
    x = mel_op_reshape(x, SHAPE(batch, side / 2, side / 2, 4 * width));
    x = net_layer_norm(g, x, "downsample.norm", eps);
    return net_linear(g, x, "downsample.reduction", 2 * width, NO_BIAS);
}

static bool check_input(Graph *g, const HtsatConfig *c, Node *log_mel)
{
    int64_t step = c->patch * c->window << (c->stages - 1);
    if (mel_node_dim(log_mel, 2) != c->mel_bins || c->side % c->mel_bins)
        mel_graph_fail(g, "HTS-AT wants %lld mel bins", (long long)c->mel_bins);
    else if (c->side % step)
        mel_graph_fail(g, "HTS-AT's side of %lld is not whole windows", (long long)c->side);
    else
        return true;
    return false;
}

Node *mel_net_htsat(Graph *graph, const HtsatConfig *config, Node *log_mel)
{
    const HtsatConfig *c = config;
    if (!check_input(graph, c, log_mel)) return NULL;
    const ConvOptions patches = {
        .stride = {(int)c->patch, (int)c->patch}
    };
    Block b = {.graph = graph,
               .batch = mel_node_dim(log_mel, 0),
               .side = c->side / c->patch,
               .width = c->width};
    Node *x = net_batch_norm(graph, log_mel, "batch_norm", eps); /* decibels are not rounded */
    x = as_picture(graph, c, mel_op_cast(x, mel_graph_float_type(graph)));
    x = net_conv(graph, x, "patch_embed.proj", c->width, (int)c->patch, (int)c->patch, BIAS,
                 &patches);
    x = net_layer_norm(graph, x, "patch_embed.norm", eps);
    for (int stage = 0; stage < c->stages; stage++) {
        b.heads = c->heads[stage];
        b.window = b.side < c->window ? b.side : c->window;
        for (int i = 0; i < c->depths[stage]; i++) {
            b.shift = i % 2 && b.side > c->window ? c->window / 2 : 0;
            mel_graph_push(graph, "layers.%d.blocks.%d.", stage, i);
            x = block(&b, x);
            mel_graph_pop(graph);
        }
        if (stage == c->stages - 1) break;
        mel_graph_push(graph, "layers.%d.", stage);
        x = merge(graph, x, b.batch, b.side, b.width);
        mel_graph_pop(graph);
        b.side /= 2;
        b.width *= 2;
    }
    x = net_layer_norm(graph, x, "norm", eps);
    x = mel_op_reshape(x, SHAPE(b.batch, b.side * b.side, b.width));
    return mel_op_reshape(mel_op_mean_axis(x, 1), SHAPE(b.batch, b.width));
}
