/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products on the device: cuBLASLt's, met in product_cublaslt.cu; the emulation's own plain
 * loops. What the library is asked for is fixed once, running it decides nothing. */
#ifndef MEL_CUDA_PRODUCT_H
#define MEL_CUDA_PRODUCT_H

#ifdef __cplusplus
extern "C" {
#endif

#include "engine/tensor.h"

typedef struct Stream Stream;

/* c ← alpha·op(a)·op(b) + beta·d (+ bias on each row), rows after rows, for each of `batch`. op(a)
 * is [m, k], op(b) [k, n], c [m, n]; d is what c holds, or another array laid out as c. Steps are
 * the distances of their rows, of a and b as they lie (a is [k, m] when transposed). Distances of
 * the batch are in elements; 0 uses one for all. */
typedef struct Product {
    int64_t m, n, k;
    int64_t a_step, b_step, c_step;
    bool transpose_a, transpose_b;
    int64_t batch, a_batch, b_batch, c_batch; /* batch 0 is 1 */
    float alpha, beta;
    DType dtype;   /* of a and b: f32 (never rounded to TF32) or bf16; sums are of f32 */
    DType c_dtype; /* that, or f32 */
    bool bias;     /* of c's type, n of them */
} Product;

typedef struct ProductPlan ProductPlan;

MEL_MUST_CHECK bool product_new(const Product *product, ProductPlan **out, Err *err);
void product_free(ProductPlan *plan); /* NULL is fine */
int64_t product_scratch_bytes(const ProductPlan *plan);

typedef struct ProductArrays {
    const void *a, *b;
    const void *bias; /* NULL where there is none */
    const void *d;    /* NULL: c */
    void *c;
} ProductArrays;
MEL_MUST_CHECK bool product_run(const ProductPlan *plan, Stream *stream,
                                const ProductArrays *arrays, void *scratch, Err *err);

#ifdef __cplusplus
}
#endif
#endif
