/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions by cuDNN, met in conv_cudnn.cu, where it is there and suits; ops/conv.cu does the
 * others by products. What the library is asked for is fixed once. */
#ifndef MEL_CUDA_CONV_CUDNN_H
#define MEL_CUDA_CONV_CUDNN_H

#include "engine/cuda/kernel.h"

/* Which of a map's three the result is: its small side, its large side or its weights. */
typedef enum ConvKind { CONV_SMALL, CONV_LARGE, CONV_WEIGHTS } ConvKind;

typedef struct ConvDnn ConvDnn;

/* NULL where cuDNN is not there or does not suit: it pads both ends alike, and a kernel of one
 * place is a plain product. The sides are NHWC, weights [O, kh, kw, I / groups]; all of them, the
 * result too, are `dtype`: f32 (never rounded to TF32) or bf16 with sums of f32. They must begin at
 * multiples of 16 bytes. */
ConvDnn *conv_cudnn_new(const ConvMap *map, ConvKind kind, DType dtype);
void conv_cudnn_free(ConvDnn *conv); /* NULL is fine */
int64_t conv_cudnn_scratch_bytes(const ConvDnn *conv);
/* a and b are the two that are given: large side and weights, small side and weights, or large and
 * small side. */
MEL_MUST_CHECK bool conv_cudnn_run(const ConvDnn *conv, Stream *stream, const void *a,
                                   const void *b, void *out, void *scratch, Err *err);

#endif
