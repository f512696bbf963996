/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers as networks name them: "<name>.weight", "<name>.bias". */
#ifndef MEL_ENGINE_BLOCKS_H
#define MEL_ENGINE_BLOCKS_H

#include "engine/ops.h"

typedef enum Bias { NO_BIAS, BIAS } Bias;

/* [..., K] → [..., out]; weight [out, K]. */
Node *net_linear(Graph *graph, Node *x, const char *name, int64_t out, Bias bias);

/* With a bias, and added to `onto`, of the result's shape: the end of a residual branch. */
Node *net_linear_onto(Graph *graph, Node *onto, Node *x, const char *name);

/* [B, H, W, C] → [B, H', W', out]; weight [out, C/groups, kernel_h, kernel_w]. */
Node *net_conv(Graph *graph, Node *x, const char *name, int64_t out, int kernel_h, int kernel_w,
               Bias bias, const ConvOptions *options);

/* The same for lines, [B, 1, L, C]; weight [out, C, kernel], the second of each pair of options. */
Node *net_conv_line(Graph *graph, Node *x, const char *name, int64_t out, int kernel, Bias bias,
                    const ConvOptions *options);

/* weight [C, out, kernel] */
Node *net_conv_transpose_line(Graph *graph, Node *x, const char *name, int64_t out, int kernel,
                              const ConvOptions *options);

Node *net_group_norm(Graph *graph, Node *x, const char *name, int groups, double eps);
Node *net_group_norm_silu(Graph *graph, Node *x, const char *name, int groups, double eps);
Node *net_layer_norm(Graph *graph, Node *x, const char *name, double eps);
Node *net_rms_norm(Graph *graph, Node *x, const char *name, double eps);

/* With running statistics, over the last axis: (x - running_mean) / √(running_var + eps) · weight +
 * bias. */
Node *net_batch_norm(Graph *graph, Node *x, const char *name, double eps);

/* weight [count, width]; ids of i32. */
Node *net_embedding(Graph *graph, Node *ids, const char *name, int64_t count, int64_t width);

/* "<name>.<part>" asked for as a parameter. */
Node *net_param(Graph *graph, const char *name, const char *part, Shape shape);

#endif
