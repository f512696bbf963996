/* SPDX-License-Identifier: Apache-2.0
 *
 * product.h for the emulation: plain loops with sums of float, as the device's. */
#include "engine/cuda/product.h"

#include "engine/cuda/kernel.h"

struct ProductPlan {
    Product product;
};

bool product_new(const Product *product, ProductPlan **out, Err *)
{
    *out = new ProductPlan{*product};
    if ((*out)->product.batch == 0) (*out)->product.batch = 1;
    return true;
}

void product_free(ProductPlan *plan)
{
    delete plan;
}

int64_t product_scratch_bytes(const ProductPlan *)
{
    return 256;
}

static float read(const void *from, DType dtype, int64_t i)
{
    return dtype == DTYPE_BF16 ? mel_bf16_to_f32(((const uint16_t *)from)[i])
                               : ((const float *)from)[i];
}

static void write(void *to, DType dtype, int64_t i, float x)
{
    if (dtype == DTYPE_BF16)
        ((uint16_t *)to)[i] = mel_f32_to_bf16(x);
    else
        ((float *)to)[i] = x;
}

/* Row i of batch item z. */
static void multiply_row(const Product *p, int64_t z, int64_t i, const ProductArrays *arrays,
                         float *sums)
{
    const void *a = arrays->a, *b = arrays->b, *bias = arrays->bias;
    const void *d = arrays->d ? arrays->d : arrays->c;
    for (int64_t j = 0; j < p->n; j++)
        sums[j] = 0;
    for (int64_t l = 0; l < p->k; l++) {
        const int64_t a_at = p->transpose_a ? l * p->a_step + i : i * p->a_step + l;
        const float x = read(a, p->dtype, z * p->a_batch + a_at);
        for (int64_t j = 0; j < p->n; j++) {
            const int64_t b_at = p->transpose_b ? j * p->b_step + l : l * p->b_step + j;
            sums[j] += x * read(b, p->dtype, z * p->b_batch + b_at);
        }
    }
    for (int64_t j = 0; j < p->n; j++) {
        const int64_t at = z * p->c_batch + i * p->c_step + j;
        float y = p->alpha * sums[j] + (bias ? read(bias, p->c_dtype, j) : 0);
        if (p->beta != 0) y += p->beta * read(d, p->c_dtype, at);
        write(arrays->c, p->c_dtype, at, y);
    }
}

bool product_run(const ProductPlan *plan, Stream *, const ProductArrays *arrays, void *, Err *err)
{
    const Product *p = &plan->product;
    if (p->bias != (arrays->bias != NULL))
        return mel_err(err, ERR_USAGE, "bias: asked for, not given");
    float *sums = (float *)mel_alloc((size_t)(p->n + 1) * sizeof(float));
    for (int64_t z = 0; z < p->batch; z++)
        for (int64_t i = 0; i < p->m; i++)
            multiply_row(p, z, i, arrays, sums);
    free(sums);
    return true;
}
