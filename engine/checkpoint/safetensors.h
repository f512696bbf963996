/* SPDX-License-Identifier: Apache-2.0
 *
 * What the reader and the writer of safetensors share. */
#ifndef MEL_ENGINE_SAFETENSORS_H
#define MEL_ENGINE_SAFETENSORS_H

#include "engine/tensor.h"

/* The format's word for a type: "F32", … */
const char *mel_safetensors_dtype(DType dtype);

#endif
