/* SPDX-License-Identifier: Apache-2.0
 *
 * There is no cuDNN in the emulation: every convolution is done by products. */
#include "engine/cuda/conv_cudnn.h"

ConvDnn *conv_cudnn_new(const ConvMap *, ConvKind, DType)
{
    return NULL;
}

void conv_cudnn_free(ConvDnn *)
{
}

int64_t conv_cudnn_scratch_bytes(const ConvDnn *)
{
    return 0;
}

bool conv_cudnn_run(const ConvDnn *, Stream *, const void *, const void *, void *, void *, Err *err)
{
    return mel_err(err, ERR_DEVICE, "there is no cuDNN here");
}
