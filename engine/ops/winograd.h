/* SPDX-License-Identifier: Apache-2.0
 *
 * 3x3 convolutions of stride 1 by Winograd's minimal filtering, F(4x4, 3x3) (Lavin and Gray, "Fast
 * Algorithms for Convolutional Neural Networks", 2016): 36 products where the sum has 144, as 36
 * matrix products over tiles of 6x6. The weights are transformed once and take four times their
 * memory. */
#ifndef MEL_ENGINE_WINOGRAD_H
#define MEL_ENGINE_WINOGRAD_H

#include "engine/onednn.h"

typedef struct Winograd Winograd;

/* Whether this convolution is one of those, f32, with weights that are known, and is likely to
 * gain: enough channels, and enough tiles to make it worth reading four times the weights. */
bool winograd_suits(const DnnConv *conv);

Winograd *winograd_new(const DnnConv *conv);
void winograd_free(void *winograd);
int64_t winograd_scratch_bytes(const Winograd *winograd);

/* x and out as in dnn_run; bias [out_channels] or NULL. */
void winograd_run(const Winograd *winograd, const float *x, const float *bias, float *out,
                  void *scratch);

#endif
