/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products and convolutions by oneDNN, which is met in onednn.c alone. A kernel is one of
 * its primitives with the reorders that its favourite layouts ask for; weights that are known when
 * it is made are packed once. Its own scratchpad is ours: one kernel may not run twice at once, two
 * may. */
#ifndef MEL_ENGINE_ONEDNN_H
#define MEL_ENGINE_ONEDNN_H

#include "engine/tensor.h"

typedef struct DnnKernel DnnKernel;

/* x [batch, m, k] · w [batch or 1, k, n] + bias [n] (+ added) → [batch, m, n]; strides in elements.
 */
typedef struct DnnMatmul {
    int64_t batch, m, n, k;
    int64_t x_strides[3], w_strides[3];
    const Tensor *weights; /* w, where it is known now; any float type; laid out as w_strides say */
    DType dtype;           /* of x, w, what is added and the result; bias is f32 */
    float scale;           /* of the product; 0: 1 */
    bool w_repeats;        /* one w for all */
    bool bias, added;
    bool sums_f32;   /* the result is f32 whatever the dtype */
    bool adds;       /* to what the result holds; not with `added` */
    bool one_thread; /* it will run inside a parallel region */
} DnnMatmul;

typedef struct DnnConv {
    int64_t batch, in_channels, out_channels, groups;
    int64_t in_size[2], out_size[2], kernel[2];
    int stride[2], dilation[2], pad_before[2], pad_after[2];
    bool bias;
    DType dtype;
    const Tensor *weights; /* where they are known now; any float type */
} DnnConv;

/* A processor whose bf16 oneDNN does not know computes in f32 and rounds. Errors: ERR_DEVICE when
 * it has no code for this at all. */
MEL_MUST_CHECK bool dnn_matmul_new(const DnnMatmul *matmul, DnnKernel **out, Err *err);

/* NHWC; weights [out, in/groups, kh, kw]. In the transpose "in" is the small side, and the weights
 * are [in, out/groups, kh, kw]. */
MEL_MUST_CHECK bool dnn_conv_new(const DnnConv *conv, DnnKernel **out, Err *err);
MEL_MUST_CHECK bool dnn_conv_transpose_new(const DnnConv *conv, DnnKernel **out, Err *err);

/* The slope along the weights, from x and the slope along the result (as w in dnn_run). */
MEL_MUST_CHECK bool dnn_conv_weights_new(const DnnConv *conv, DnnKernel **out, Err *err);

void dnn_free(void *kernel);
int64_t dnn_scratch_bytes(const DnnKernel *kernel);

/* What a kernel does not have may be NULL, as w where the weights were packed. */
typedef struct DnnArrays {
    const void *x, *w, *bias;
    const void *added; /* laid out as the result */
    void *out;
} DnnArrays;
void dnn_run(DnnKernel *kernel, const DnnArrays *arrays, void *scratch);

/* c = alpha·a·b + beta·c, all f32 and row-major: a [m, k] (or its transpose), b [k, n] (or its
 * transpose), rows a_step, b_step, c_step elements apart. Inside a parallel region it runs on the
 * calling thread. */
typedef struct DnnProduct {
    int64_t m, n, k, a_step, b_step, c_step;
    bool transpose_a, transpose_b;
    float alpha, beta;
} DnnProduct;
void dnn_multiply(const DnnProduct *p, const float *a, const float *b, float *c);

/* Whether products of bf16 are computed as such: otherwise in f32, from widened values. */
bool dnn_has_bf16(void);
/* Whether the processor multiplies bf16 faster than f32. */
bool dnn_likes_bf16(void);

#endif
