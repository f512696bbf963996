/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions along one axis (a vocoder's): one matrix product a tap, of the input moved by that
 * tap, all added up. Blocks of places stay in the cache while their taps are added; dilation costs
 * nothing. oneDNN 2.6 copies every window out for such kernels, or is slower by a third. */
#ifndef MEL_ENGINE_CONV_LINE_H
#define MEL_ENGINE_CONV_LINE_H

#include "engine/onednn.h"

typedef struct ConvLine ConvLine;

/* Whether this is such a convolution: one row, f32, stride 1, weights known. */
bool conv_line_suits(const DnnConv *conv);

ConvLine *conv_line_new(const DnnConv *conv);
void conv_line_free(void *line);
int64_t conv_line_scratch_bytes(const ConvLine *line);

/* x and out as in dnn_run; bias [out_channels] or NULL. */
void conv_line_run(const ConvLine *line, const float *x, const float *bias, float *out,
                   void *scratch);

#endif
