/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/nets/blocks.h"

#include <stdio.h>

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

static Node *linear(Graph *graph, Node *x, const char *name, int64_t out, Bias bias, Node *onto)
{
    Node *weight = net_param(graph, name, "weight", SHAPE(out, mel_node_dim(x, -1)));
    return mel_op_linear_add(x, weight, bias_of(graph, name, out, bias), onto);
}

Node *net_linear(Graph *graph, Node *x, const char *name, int64_t out, Bias bias)
{
    return linear(graph, x, name, out, bias, NULL);
}

Node *net_linear_onto(Graph *graph, Node *onto, Node *x, const char *name)
{
    return linear(graph, x, name, mel_node_dim(onto, -1), BIAS, onto);
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

/* running ← (1 - momentum)·running + momentum·now, where it is a variable; PyTorch's momentum. */
static void follow(Graph *graph, Node *running, Node *now, const char *name)
{
    if (!mel_node_is_variable(running)) return;
    char full[160];
    snprintf(full, sizeof full, "change of %s", name);
    mel_graph_output(graph, full, mel_op_average(running, now, mel_graph_number(graph, 1 - 0.1)));
}

/* By the batch's own mean and variance (Ioffe and Szegedy, 2015). */
static Node *batch_norm_in_training(Graph *graph, Node *x, const char *name, double eps)
{
    Shape shape = SHAPE(mel_node_dim(x, -1));
    DType type = mel_node_dtype(x);
    double count = (double)mel_shape_count(mel_node_shape(x)) / (double)shape.dims[0];
    x = mel_op_cast(x, DTYPE_F32);
    Node *mean = mel_op_affine(mel_op_sum_to(x, shape), 1 / count, 0);
    Node *far = mel_op_sub(x, mean);
    Node *variance =
        mel_op_affine(mel_op_sum_to(mel_op_unary(far, UNARY_SQUARE, 0, 0), shape), 1 / count, 0);
    follow(graph, net_param(graph, name, "running_mean", shape), mean, name);
    follow(graph, net_param(graph, name, "running_var", shape),
           mel_op_affine(variance, count / (count > 1 ? count - 1 : 1), 0), name);
    Node *scale = mel_op_mul(mel_op_unary(variance, UNARY_RSQRT, eps, 0),
                             net_param(graph, name, "weight", shape));
    Node *y = mel_op_add(mel_op_mul(far, scale), net_param(graph, name, "bias", shape));
    return mel_op_cast(y, type);
}

Node *net_batch_norm(Graph *graph, Node *x, const char *name, double eps)
{
    if (mel_graph_is_training(graph)) return batch_norm_in_training(graph, x, name, eps);
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
