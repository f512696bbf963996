/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/nets/blocks.h"

Node *net_param(Graph *graph, const char *name, const char *part, Shape shape)
{
    char full[160];
    snprintf(full, sizeof full, "%s.%s", name, part);
    return mel_graph_param(graph, full, shape);
}

static Node *bias_of(Graph *graph, const char *name, int64_t count, Bias bias)
{
    return bias == BIAS ? net_param(graph, name, "bias", SHAPE(count)) : NULL;
}

Node *net_linear(Graph *graph, Node *x, const char *name, int64_t out, Bias bias)
{
    Node *weight = net_param(graph, name, "weight", SHAPE(out, mel_node_dim(x, -1)));
    return mel_op_linear(x, weight, bias_of(graph, name, out, bias));
}

static int64_t channels_per_group(Node *x, const ConvOptions *options)
{
    int groups = options && options->groups ? options->groups : 1;
    return mel_node_dim(x, -1) / groups;
}

Node *net_conv(Graph *graph, Node *x, const char *name, int64_t out, int kernel_h, int kernel_w,
               Bias bias, const ConvOptions *options)
{
    Shape shape = SHAPE(out, channels_per_group(x, options), kernel_h, kernel_w);
    Node *weight = net_param(graph, name, "weight", shape);
    return mel_op_conv(x, weight, bias_of(graph, name, out, bias), options);
}

Node *net_conv_line(Graph *graph, Node *x, const char *name, int64_t out, int kernel, Bias bias,
                    const ConvOptions *options)
{
    int64_t in = channels_per_group(x, options);
    Node *weight = net_param(graph, name, "weight", SHAPE(out, in, kernel));
    weight = mel_op_reshape(weight, SHAPE(out, in, 1, kernel));
    return mel_op_conv(x, weight, bias_of(graph, name, out, bias), options);
}

Node *net_conv_transpose_line(Graph *graph, Node *x, const char *name, int64_t out, int kernel,
                              const ConvOptions *options)
{
    int64_t in = mel_node_dim(x, -1);
    Node *weight = net_param(graph, name, "weight", SHAPE(in, out, kernel));
    weight = mel_op_reshape(weight, SHAPE(in, out, 1, kernel));
    return mel_op_conv_transpose(x, weight, bias_of(graph, name, out, BIAS), options, NULL);
}

Node *net_group_norm(Graph *graph, Node *x, const char *name, int groups, double eps)
{
    int64_t width = mel_node_dim(x, -1);
    Node *scale = net_param(graph, name, "weight", SHAPE(width));
    return mel_op_group_norm(x, scale, bias_of(graph, name, width, BIAS), groups, eps);
}

Node *net_group_norm_silu(Graph *graph, Node *x, const char *name, int groups, double eps)
{
    int64_t width = mel_node_dim(x, -1);
    Node *scale = net_param(graph, name, "weight", SHAPE(width));
    return mel_op_group_norm_silu(x, scale, bias_of(graph, name, width, BIAS), groups, eps);
}

Node *net_layer_norm(Graph *graph, Node *x, const char *name, double eps)
{
    int64_t width = mel_node_dim(x, -1);
    Node *scale = net_param(graph, name, "weight", SHAPE(width));
    return mel_op_layer_norm(x, scale, bias_of(graph, name, width, BIAS), eps);
}

Node *net_rms_norm(Graph *graph, Node *x, const char *name, double eps)
{
    return mel_op_rms_norm(x, net_param(graph, name, "weight", SHAPE(mel_node_dim(x, -1))), eps);
}

Node *net_batch_norm(Graph *graph, Node *x, const char *name, double eps)
{
    Shape shape = SHAPE(mel_node_dim(x, -1));
    Node *variance = net_param(graph, name, "running_var", shape);
    Node *scale = mel_op_mul(mel_op_unary(variance, UNARY_RSQRT, eps, 0),
                             net_param(graph, name, "weight", shape));
    Node *mean = mel_op_mul(net_param(graph, name, "running_mean", shape), scale);
    Node *shift = mel_op_sub(net_param(graph, name, "bias", shape), mean);
    return mel_op_add(mel_op_mul(x, scale), shift);
}

Node *net_embedding(Graph *graph, Node *ids, const char *name, int64_t count, int64_t width)
{
    return mel_op_embedding(net_param(graph, name, "weight", SHAPE(count, width)), ids);
}
