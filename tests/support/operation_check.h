/* SPDX-License-Identifier: Apache-2.0
 *
 * Every operation of the table on a backend, on the samples that each brings along: its code and
 * its gradient against the reference, and the gradient against finite differences of the reference
 * in double. */
#ifndef MEL_TESTS_OPERATION_CHECK_H
#define MEL_TESTS_OPERATION_CHECK_H

#include "engine/backend.h"

typedef struct OperationCheck {
    Backend *backend;
    DType float_type;
    double tolerance; /* of f32, relative; bf16 has 2e-2 */
    bool slopes;      /* against finite differences too */
    const char *only; /* one operation; NULL for all, and then each must be run by some sample */
} OperationCheck;

void check_operations(const OperationCheck *how);

#endif
