/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels of every operation, on the device that this program was linked with: the emulation,
 * or a GPU. With an operation's name as argument, that one alone. */
#include "engine/cuda/emulated/order.h"
#include "engine/device.h"
#include "tests/support/operation_check.h"
#include "tests/support/test.h"

static const char *only;

static void check(DType float_type)
{
    check_operations(&(OperationCheck){
        .backend = mel_device(), .float_type = float_type, .tolerance = 1e-5, .only = only});
}

static void every_kernel_agrees_with_its_reference(void **state)
{
    (void)state;
    check(DTYPE_F32);
}

static void every_kernel_agrees_with_its_reference_in_bf16(void **state)
{
    (void)state;
    check(DTYPE_BF16);
}

static void no_kernel_depends_on_the_order_of_its_threads(void **state)
{
    (void)state;
    if (!emulated_reverse) skip(); /* a GPU has no order */
    emulated_reverse(true);
    check(DTYPE_F32);
    check(DTYPE_BF16);
    emulated_reverse(false);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_agrees_with_its_reference),
        cmocka_unit_test(every_kernel_agrees_with_its_reference_in_bf16),
        cmocka_unit_test(no_kernel_depends_on_the_order_of_its_threads),
    };
    only = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
