/* SPDX-License-Identifier: Apache-2.0
 *
 * What the .c of a family and the .cu with its kernels share: what its nodes carry beside their
 * inputs, and how they are walked over. */
#ifndef MEL_ENGINE_ATTRS_H
#define MEL_ENGINE_ATTRS_H

#include "engine/ops/strided.h"

/* elementwise */
typedef struct UnaryAttrs {
    Unary kind;
    double a, b;
} UnaryAttrs;

/* binary */
typedef struct BinaryAttrs {
    Binary kind;
} BinaryAttrs;
/* Operand 0 is the result. */
Strided op_binary_walk(const Node *node);

/* reduce */
typedef struct ShapeAttrs {
    Shape shape;
} ShapeAttrs;
/* Of a sum: over the results, and over the numbers that one of them sums. Operand 0 is the result,
 * operand 1 the input. */
typedef struct SumWalks {
    Strided kept, summed;
} SumWalks;
SumWalks op_sum_walks(const Node *node);

/* layout */
typedef struct CastAttrs {
    DType dtype;
} CastAttrs;
typedef struct ReshapeAttrs {
    Shape shape;
} ReshapeAttrs;
typedef struct TransposeAttrs {
    int axes[RANK_MAX];
} TransposeAttrs;
/* Operand 0 is the result, operand 1 the input. */
Strided op_transpose_walk(const Node *node);
typedef struct SliceAttrs {
    int axis;
    int64_t begin, end;
} SliceAttrs;
typedef struct ConcatAttrs {
    int axis;
} ConcatAttrs;
typedef struct PadAttrs {
    int axis;
    int64_t before, after;
} PadAttrs;

/* matmul */
typedef struct MatmulAttrs {
    bool transpose_x, transpose_y;
} MatmulAttrs;
/* One product of a batch: m, n, k and how to step through x and y. */
typedef struct ProductSizes {
    int64_t batch, m, n, k, x_batch, x_row, x_column, y_batch, y_row, y_column;
} ProductSizes;
ProductSizes op_matmul_sizes(const Node *node);
ProductSizes op_linear_sizes(const Node *node);

/* conv */
typedef struct ConvAttrs {
    int stride[2], dilation[2], pad_before[2], pad_after[2], groups;
    int extra[2];      /* of the transpose: rows and columns that its forward would have left out */
    int64_t kernel[2]; /* of the weights' slope */
} ConvAttrs;
/* Sizes of one map from a large side (H, W, in) to a small one (H', W', out), as the convolution
 * sees it; its transpose goes the other way. */
typedef struct ConvMap {
    const ConvAttrs *attrs;
    int64_t batch, large[2], small[2], kernel[2], in, out;
} ConvMap;
ConvMap op_conv_map(const Node *node);
ConvMap op_conv_transpose_map(const Node *node);
ConvMap op_conv_weight_map(const Node *node);

/* norm */
typedef struct NormAttrs {
    int groups;
    bool rows;    /* every axis but the last is a batch */
    bool centred; /* not RMS */
    bool silu;    /* the result goes through x·σ(x) */
    double eps;
} NormAttrs;
typedef struct NormSizes {
    int64_t batch, space, channels, groups, width; /* width: channels of a group */
} NormSizes;
NormSizes op_norm_sizes(const Node *node);

/* softmax */
typedef struct SoftmaxAttrs {
    bool logarithm;
} SoftmaxAttrs;

/* attention */
typedef struct AttentionAttrs {
    int heads;
    double scale;
    bool causal;
    bool wants_bias; /* of the gradient */
} AttentionAttrs;
/* Sizes; how far apart rows are; bias strides of batch, head, query. */
typedef struct AttentionSizes {
    int64_t batch, heads, queries, keys, width, value_width;
    int64_t q_step, v_step;
    int64_t bias_step[3];
    double scale;
    bool causal;
} AttentionSizes;
AttentionSizes op_attention_sizes(const Node *node);
/* Where dq, dk, dv and, where wanted, d bias begin: one behind the other; at[4] is the end. */
void op_attention_grad_offsets(const Node *node, int64_t at[5]);

/* resample */
typedef struct BlockAttrs {
    int h, w;
    Pool kind;
} BlockAttrs;

/* token_pool */
typedef struct LengthAttrs {
    int64_t length;
} LengthAttrs;

/* signal */
typedef struct DimAttrs {
    int dim;
} DimAttrs;
typedef struct FrameAttrs {
    int64_t length, hop, reflect;
    int64_t samples; /* of the gradient: how long the signal was */
} FrameAttrs;

#endif
