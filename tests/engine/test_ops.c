/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan.h"
#include "tests/support/operation_check.h"
#include "tests/support/test.h"

static void every_operation_agrees_with_its_reference_and_its_finite_differences(void **state)
{
    (void)state;
    check_operations(&(OperationCheck){
        .backend = mel_backend_cpu(), .float_type = DTYPE_F32, .tolerance = 5e-6, .slopes = true});
}

static void every_operation_agrees_with_its_reference_in_bf16(void **state)
{
    (void)state;
    check_operations(&(OperationCheck){.backend = mel_backend_cpu(), .float_type = DTYPE_BF16});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_agrees_with_its_reference_and_its_finite_differences),
        cmocka_unit_test(every_operation_agrees_with_its_reference_in_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
