/* SPDX-License-Identifier: Apache-2.0
 *
 * What matrix products and convolutions need beside a product: weights and biases of another type
 * than the values', and a bias on its own. */
#ifndef MEL_ENGINE_OPERANDS_H
#define MEL_ENGINE_OPERANDS_H

#include "engine/cuda/kernel.h"

/* The weights on the device as `dtype`: new memory, for cuda_free. NULL on error. */
void *weights_upload(const Tensor *weights, DType dtype, Err *err);

/* Input 2 in the type of the node, as products want it. Where it has another one, memory for it,
 * filled at the first run when it is constant, else at each. */
typedef struct ProductBias {
    void *memory;
    bool filled;
} ProductBias;

MEL_MUST_CHECK bool product_bias_new(const Node *node, ProductBias *out, Err *err);
void product_bias_clear(ProductBias *bias);
/* NULL where the node has none. */
const void *product_bias_of(const CudaCall *call, ProductBias *bias);

/* Adds input 2 to each row of the output, in place. */
void bias_add(const CudaCall *call);

#endif
