/* SPDX-License-Identifier: Apache-2.0
 *
 * What a parameter is before it has learnt anything: what PyTorch's layers begin with, told by the
 * parameter's name and shape. */
#ifndef MEL_TRAINER_INIT_H
#define MEL_TRAINER_INIT_H

#include "engine/tensor.h"

/* Norms 1 and 0, biases 0, α 0, running statistics 0 and 1, "logit_scale" ln(1/0.07), embeddings
 * normal of 0.02, other matrices and kernels uniform in ±√(1/inputs) (Kaiming's, as nn.Linear and
 * nn.Conv2d have it). The same (seed, name, shape) gives the same numbers. */
void train_init(const char *name, const Shape *shape, uint64_t seed, float *out);

#endif
