/* SPDX-License-Identifier: Apache-2.0
 *
 * 3x3 convolutions of stride 1, their transposes and their slopes along the weights by Winograd's
 * minimal filtering, F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2016): 36 products where the sum has 144, as 36 matrix products over tiles of 6x6.
 * Weights that are known are transformed once and take four times their memory; others are
 * transformed at every run. */
#ifndef MEL_ENGINE_WINOGRAD_H
#define MEL_ENGINE_WINOGRAD_H

#include "engine/onednn.h"

typedef struct Winograd Winograd;

/* Which of the three; conv is as in dnn_conv_new, dnn_conv_transpose_new, dnn_conv_weights_new. */
typedef enum WinogradPass {
    WINOGRAD_FORWARD,
    WINOGRAD_TRANSPOSED,
    WINOGRAD_SLOPE, /* along the weights */
} WinogradPass;

/* Whether this is one of those, f32, and likely to gain. */
bool winograd_suits(const DnnConv *conv, WinogradPass pass);

Winograd *winograd_new(const DnnConv *conv, WinogradPass pass);
void winograd_free(void *winograd);
int64_t winograd_scratch_bytes(const Winograd *winograd);

/* x, weights, bias and out as in dnn_run: of a slope, weights is the slope along the result; bias
 * [out_channels] or NULL. */
void winograd_run(const Winograd *winograd, const float *x, const float *weights, const float *bias,
                  float *out, void *scratch);

#endif
