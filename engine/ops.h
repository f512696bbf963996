/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations of a graph. Shapes in the comments name their axes: B batch, H height, W width, C
 * channels, L tokens. Parameters have the layouts in which they are published: linear [out, in],
 * convolution [out, in, kh, kw]. Everything broadcasts as NumPy's arrays do where the comment says
 * so. Each returns the new value, or NULL after an error (graph.h). */
#ifndef MEL_ENGINE_OPS_H
#define MEL_ENGINE_OPS_H

#include "engine/graph.h"

/* ops/elementwise.c */
typedef enum Unary {
    UNARY_AFFINE, /* a·x + b */
    UNARY_RELU,
    UNARY_LEAKY_RELU, /* x < 0: a·x */
    UNARY_SILU,       /* x·σ(x) */
    UNARY_GELU,       /* x·Φ(x), by erf */
    UNARY_GELU_TANH,  /* ½x(1 + tanh(√(2/π)(x + 0.044715x³))) */
    UNARY_QUICK_GELU, /* x·σ(1.702x) */
    UNARY_SIGMOID,
    UNARY_TANH,
    UNARY_EXP,
    UNARY_LOG,   /* ln max(x, a) */
    UNARY_SQRT,  /* √max(x, a) */
    UNARY_RSQRT, /* 1/√(x + a) */
    UNARY_SQUARE,
    UNARY_ABS,
    UNARY_CLAMP, /* to a … b */
    UNARY_SIN,
    UNARY_COS,
} Unary;

Node *mel_op_unary(Node *x, Unary kind, double a, double b);
Node *mel_op_affine(Node *x, double a, double b); /* a·x + b */
Node *mel_op_silu(Node *x);

typedef enum Binary { BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV } Binary;

/* Broadcasts. */
Node *mel_op_binary(Node *x, Node *y, Binary kind);
Node *mel_op_add(Node *x, Node *y);
Node *mel_op_sub(Node *x, Node *y);
Node *mel_op_mul(Node *x, Node *y);
Node *mel_op_div(Node *x, Node *y);

/* [..., 2C] → [..., C]: the first half times kind(the second half). GEGLU is UNARY_GELU. */
Node *mel_op_gated(Node *x, Unary kind);

/* ops/reduce.c: sums over the axes on which `shape` is 1 or which it lacks in front; the reverse;
 * the mean over one axis (from the end when negative), which stays as 1; the mean of everything,
 * shape []. */
Node *mel_op_sum_to(Node *x, Shape shape);
Node *mel_op_broadcast(Node *x, Shape shape);
Node *mel_op_mean_axis(Node *x, int axis);
Node *mel_op_mean(Node *x);

/* ops/layout.c */
Node *mel_op_cast(Node *x, DType dtype);
Node *mel_op_reshape(Node *x, Shape shape);       /* one dimension may be -1 */
Node *mel_op_detach(Node *x);                     /* x, through which no gradient flows */
Node *mel_op_transpose(Node *x, const int *axes); /* out axis i is x's axes[i] */
Node *mel_op_slice(Node *x, int axis, int64_t begin, int64_t end);
Node *mel_op_concat(Node *x, Node *y, int axis);
Node *mel_op_pad(Node *x, int axis, int64_t before, int64_t after); /* by zeros */

/* ops/matmul.c: [..., M, K] · [..., K, N] → [..., M, N], either one transposed first; the leading
 * axes are equal, or y has none. */
Node *mel_op_matmul(Node *x, Node *y, bool transpose_x, bool transpose_y);

/* x·weightᵀ + bias: [..., K], [N, K], [N] or NULL → [..., N]. */
Node *mel_op_linear(Node *x, Node *weight, Node *bias);
Node *mel_op_linear_add(Node *x, Node *weight, Node *bias, Node *added); /* + added, of its shape */

/* ops/conv.c */
typedef struct ConvOptions {
    int stride[2], dilation[2];      /* 0 is 1 */
    int pad_before[2], pad_after[2]; /* zeros on each side: of height, of width */
    int groups;                      /* 0 is 1 */
} ConvOptions;

/* [B, H, W, C], [O, C/groups, kh, kw], [O] or NULL → [B, H', W', O]; cross-correlation. */
Node *mel_op_conv(Node *x, Node *weight, Node *bias, const ConvOptions *options);

/* The transpose of that map: [B, H', W', O], [O, C, kh, kw], [C] or NULL → [B, H, W, C], with
 * H = (H'-1)·stride - pads + dilation·(kh-1) + 1 + extra[0], W likewise. */
Node *mel_op_conv_transpose(Node *x, Node *weight, Node *bias, const ConvOptions *options,
                            const int extra[2]);

/* ops/norm.c: x to mean 0 and variance 1 (eps added to the variance), times scale, plus shift;
 * either may be NULL. */
Node *mel_op_group_norm(Node *x, Node *scale, Node *shift, int groups, double eps); /* [B, …, C] */
Node *mel_op_group_norm_silu(Node *x, Node *scale, Node *shift, int groups, double eps);
Node *mel_op_layer_norm(Node *x, Node *scale, Node *shift, double eps); /* over the last axis */
Node *mel_op_rms_norm(Node *x, Node *scale, double eps); /* x / √(mean x² + eps) · scale */

/* ops/softmax.c: over the last axis. */
Node *mel_op_softmax(Node *x);
Node *mel_op_log_softmax(Node *x);

/* ops/attention.c: softmax(scale·q·kᵀ + bias)·v for each head; the heads lie side by side in the
 * last axis. q [B, Lq, heads·D], k [B, Lk, heads·D], v [B, Lk, heads·Dv] → [B, Lq, heads·Dv].
 * bias, or NULL: [1 or B, 1 or heads, 1 or Lq, Lk]. causal: a query sees keys up to its own
 * place. The score matrix is never stored. */
typedef struct AttentionOptions {
    int heads;
    double scale; /* 0 is 1/√D */
    bool causal;
} AttentionOptions;

Node *mel_op_attention(Node *q, Node *k, Node *v, Node *bias, const AttentionOptions *options);

/* ops/embedding.c: rows of table [N, C] by ids [...] (i32) → [..., C]; zeroes for an id outside. */
Node *mel_op_embedding(Node *table, Node *ids);

/* ops/resample.c */
Node *mel_op_upsample(Node *x, int times_h, int times_w); /* nearest; [B, H, W, C] */

typedef enum Pool { POOL_MAX, POOL_MEAN } Pool;
Node *mel_op_pool(Node *x, Pool kind, int kernel_h, int kernel_w); /* stride = kernel, tail cut */

/* PyTorch's adaptive average pool along the tokens: [B, N, C] → [B, L, C]. For the sample b the
 * first lengths[b] outputs are the means of its bins [⌊iN/n⌋, ⌈(i+1)N/n⌉), n = lengths[b] ≤ L, the
 * rest are 0. lengths: [B] of i32, or NULL for L. */
Node *mel_op_token_pool(Node *x, Node *lengths, int64_t length);

/* ops/signal.c: t [B] (f32) → [B, dim]: cos(t·f_i), then sin(t·f_i), f_i = 10000^(-i/half). */
Node *mel_op_timestep_embedding(Node *t, int dim);

/* Windows of a signal: [B, N] → [B, T, length], the t-th from t·hop on, after reflection of
 * `reflect` samples at both ends. T = 1 + (N + 2·reflect - length) / hop. */
Node *mel_op_frame(Node *x, int64_t length, int64_t hop, int64_t reflect);

/* ops/update.c: what changes variables; f32, of one shape. They run in the order of building among
 * everything else that reads those variables. Each gives a number, shape [].
 * sum ← keep·sum + x, keep [] → |sum|² after it. */
Node *mel_op_accumulate(Node *sum, Node *x, Node *keep);

/* |x|² of a variable, for a norm of all that it holds; f32, shape []. */
Node *mel_op_squares(Node *x);

/* What AdamW's `hyper` holds. CORRECTION is 1 - βᵏ after k steps; the gradient is multiplied by
 * GRADIENT_SCALE first. */
enum {
    ADAMW_RATE,
    ADAMW_BETA1,
    ADAMW_BETA2,
    ADAMW_EPS,
    ADAMW_DECAY,
    ADAMW_CORRECTION1,
    ADAMW_CORRECTION2,
    ADAMW_GRADIENT_SCALE,
    ADAMW_HYPER_COUNT
};

/* One step of AdamW on p by the gradient g, with the moments m and v → |step|². */
Node *mel_op_adamw(Node *p, Node *g, Node *m, Node *v, Node *hyper);

/* mean ← keep·mean + (1 - keep)·x, keep [] → |change|². */
Node *mel_op_average(Node *mean, Node *x, Node *keep);

#endif
