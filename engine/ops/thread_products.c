/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/thread_products.h"

#include "engine/ops/rows.h"

#include <stdlib.h>

struct ThreadProducts {
    int64_t threads, scratch_bytes;
    int count;
    DnnKernel *kernels[]; /* those of one thread after those of another */
};

DnnMatmul thread_product(int64_t m, int64_t n, int64_t k, const int64_t x_steps[2],
                         const int64_t w_steps[2])
{
    return (DnnMatmul){
        .batch = 1,
        .m = m,
        .n = n,
        .k = k,
        .x_strides = {m * k, x_steps[0], x_steps[1]},
        .w_strides = {k * n, w_steps[0], w_steps[1]},
        .dtype = DTYPE_BF16,
        .sums_f32 = true
    };
}

bool thread_products_new(const DnnMatmul *products, int count, ThreadProducts **out, Err *err)
{
    int64_t threads = thread_limit(), all = threads * count;
    ThreadProducts *set = mel_alloc(sizeof *set + (size_t)all * sizeof(DnnKernel *));
    set->threads = threads;
    set->count = count;
    for (int64_t i = 0; i < all; i++) {
        DnnMatmul product = products[i % count];
        product.one_thread = true;
        if (!dnn_matmul_new(&product, &set->kernels[i], err)) {
            thread_products_free(set);
            return false;
        }
        int64_t bytes = dnn_scratch_bytes(set->kernels[i]);
        if (bytes > set->scratch_bytes) set->scratch_bytes = bytes;
    }
    *out = set;
    return true;
}

void thread_products_free(void *memory)
{
    ThreadProducts *set = memory;
    for (int64_t i = 0; set && i < set->threads * set->count; i++)
        dnn_free(set->kernels[i]);
    free(set);
}

int64_t thread_products_scratch_bytes(const ThreadProducts *products)
{
    return products->scratch_bytes;
}

void thread_products_run(ThreadProducts *products, int which, const void *x, const void *w,
                         void *out, void *scratch)
{
    dnn_run(products->kernels[thread_number() * products->count + which],
            &(DnnArrays){.x = x, .w = w, .out = out}, scratch);
}
