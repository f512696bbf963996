/* SPDX-License-Identifier: Apache-2.0
 *
 * Small matrix products that each thread of a parallel region runs by itself: a kernel may not run
 * twice at once, so every thread has a copy of each. */
#ifndef MEL_ENGINE_THREAD_PRODUCTS_H
#define MEL_ENGINE_THREAD_PRODUCTS_H

#include "engine/onednn.h"

typedef struct ThreadProducts ThreadProducts;

/* x [m, k] · w [k, n] of bf16 with sums in f32; steps: from a row to the next, from a column to the
 * next, in elements. */
DnnMatmul thread_product(int64_t m, int64_t n, int64_t k, const int64_t x_steps[2],
                         const int64_t w_steps[2]);

/* one_thread is set for them all. Errors as dnn_matmul_new. */
MEL_MUST_CHECK bool thread_products_new(const DnnMatmul *products, int count, ThreadProducts **out,
                                        Err *err);
void thread_products_free(void *products); /* NULL is fine */

/* What one thread's scratch must hold, for any of them. */
int64_t thread_products_scratch_bytes(const ThreadProducts *products);

/* The calling thread's copy of product `which`; its own scratch, aligned to 64. */
void thread_products_run(ThreadProducts *products, int which, const void *x, const void *w,
                         void *out, void *scratch);

#endif
