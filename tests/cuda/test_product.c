/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products as product.h promises them, on the device that this program was linked with. */
#include "engine/cuda/product.h"
#include "engine/cuda/runtime.h"
#include "engine/device.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

/* An array on the device and what it holds, exactly. */
typedef struct Array {
    DType dtype;
    int64_t count;
    double *numbers;
    char *memory, *at; /* at: where it begins, `skip` elements on */
} Array;

static Array make_array(DType dtype, int64_t count, int64_t skip, uint64_t stream)
{
    Err err = {0};
    Rng rng = {.seed = 3, .stream = stream};
    const int64_t size = (int64_t)mel_dtype_size(dtype);
    Array array = {.dtype = dtype, .count = count};
    array.numbers = mel_alloc((size_t)count * sizeof *array.numbers);
    for (int64_t i = 0; i < count; i++) /* exact in bf16 */
        array.numbers[i] = (double)mel_rng_int(&rng, 129) / 64 - 1;
    array.memory = cuda_alloc((count + skip) * size, &err);
    assert_non_null(array.memory);
    array.at = array.memory + skip * size;
    const Tensor exact = {.dtype = DTYPE_F64, .shape = SHAPE(count), .data = array.numbers};
    CHECK_OK(cuda_upload(array.at, dtype, &exact, &err));
    return array;
}

static void free_array(Array *array)
{
    cuda_free(array->memory);
    free(array->numbers);
}

/* What element (i, j) of matrix z must be. */
static double wanted(const Product *p, const Array *a, const Array *b, const Array *bias,
                     const Array *c, int64_t z, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t l = 0; l < p->k; l++)
        sum +=
            a->numbers[z * p->a_batch + (p->transpose_a ? l * p->a_step + i : i * p->a_step + l)] *
            b->numbers[z * p->b_batch + (p->transpose_b ? j * p->b_step + l : l * p->b_step + j)];
    return p->alpha * sum + p->beta * c->numbers[z * p->c_batch + i * p->c_step + j] +
           (p->bias ? bias->numbers[j] : 0);
}

static void compare(const Product *p, const Array *a, const Array *b, const Array *bias,
                    const Array *c)
{
    Err err = {0};
    double *got = mel_alloc((size_t)c->count * sizeof *got);
    const Tensor numbers = {.dtype = DTYPE_F64, .shape = SHAPE(c->count), .data = got};
    CHECK_OK(runtime_copy_out(runtime_stream(), &numbers, c->at, c->dtype, &err));
    for (int64_t z = 0; z < p->batch; z++)
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) {
                const double want = wanted(p, a, b, bias, c, z, i, j);
                const double near = c->dtype == DTYPE_BF16 ? 0x1p-8 : 0x1p-20;
                CHECK_NEAR(got[z * p->c_batch + i * p->c_step + j], want, near * (fabs(want) + 1));
            }
    free(got);
}

/* Runs the product with its arrays `skip` elements behind a multiple of 16 bytes. */
static void check_product(Product p, int64_t skip)
{
    Err err = {0};
    ProductPlan *plan = NULL;
    const int64_t a_rows = p.transpose_a ? p.k : p.m, b_rows = p.transpose_b ? p.n : p.k;
    Array a = make_array(p.dtype, (p.batch - 1) * p.a_batch + a_rows * p.a_step, skip, 1);
    Array b = make_array(p.dtype, (p.batch - 1) * p.b_batch + b_rows * p.b_step, skip, 2);
    Array c = make_array(p.c_dtype, (p.batch - 1) * p.c_batch + p.m * p.c_step, skip, 3);
    Array d = make_array(p.c_dtype, c.count, skip, 3);
    Array bias = make_array(p.c_dtype, p.n, skip, 4);
    CHECK_OK(product_new(&p, &plan, &err));
    void *scratch = cuda_alloc(product_scratch_bytes(plan), &err);
    ProductArrays arrays = {.a = a.at, .b = b.at, .bias = p.bias ? bias.at : NULL, .c = c.at};
    CHECK_OK(product_run(plan, runtime_stream(), &arrays, scratch, &err));
    compare(&p, &a, &b, &bias, &c);
    arrays.d = d.at; /* other memory, with what c held at first */
    CHECK_OK(product_run(plan, runtime_stream(), &arrays, scratch, &err));
    compare(&p, &a, &b, &bias, &c);
    product_free(plan);
    cuda_free(scratch);
    free_array(&a);
    free_array(&b);
    free_array(&c);
    free_array(&d);
    free_array(&bias);
}

static Product rows(DType dtype, int64_t m, int64_t n, int64_t k, bool ta, bool tb)
{
    return (Product){.m = m,
                     .n = n,
                     .k = k,
                     .a_step = ta ? m : k,
                     .b_step = tb ? k : n,
                     .c_step = n,
                     .transpose_a = ta,
                     .transpose_b = tb,
                     .batch = 1,
                     .alpha = 1,
                     .dtype = dtype,
                     .c_dtype = dtype};
}

static void start(void)
{
    Err err = {0};
    if (!mel_backend_cuda(0, &err)) fail_msg("%s", err.message);
}

static const DType types[] = {DTYPE_F32, DTYPE_BF16};

static void either_side_may_be_transposed(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 8; i++) {
        check_product(rows(types[i / 4], 24, 40, 64, i & 1, i & 2), 0);
        check_product(rows(types[i / 4], 5, 9, 7, i & 1, i & 2), 0);
    }
}

static void arrays_may_begin_anywhere(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 2; i++) {
        Product p = rows(types[i], 24, 40, 64, false, true);
        p.bias = true;
        check_product(p, 0);
        check_product(p, 1);
    }
}

static void a_batch_has_its_own_distances(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 2; i++) {
        Product p = rows(types[i], 8, 16, 24, false, false);
        p.batch = 3;
        p.a_step = 3 * p.k; /* side by side, as groups of channels lie */
        p.a_batch = p.k;
        p.b_batch = p.k * p.n;
        p.c_step = 3 * p.n;
        p.c_batch = p.n;
        check_product(p, 0);
        p.b_batch = 0; /* one for all */
        check_product(p, 0);
    }
}

static void results_are_scaled_and_added(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 2; i++) {
        Product p = rows(types[i], 16, 24, 300, true, false);
        p.alpha = 0.5F;
        p.beta = 1;
        p.c_dtype = DTYPE_F32;
        check_product(p, 0);
        p = rows(types[i], 24, 40, 64, false, true); /* a layer with its residual */
        p.beta = 1;
        p.bias = true;
        check_product(p, 0);
        check_product(p, 1);
    }
}

static void what_is_empty_gives_nothing(void **state)
{
    (void)state;
    start();
    check_product(rows(DTYPE_F32, 0, 8, 8, false, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_side_may_be_transposed),
        cmocka_unit_test(arrays_may_begin_anywhere),
        cmocka_unit_test(a_batch_has_its_own_distances),
        cmocka_unit_test(results_are_scaled_and_added),
        cmocka_unit_test(what_is_empty_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
