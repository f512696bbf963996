/* SPDX-License-Identifier: Apache-2.0
 *
 * Libraries that are opened at first use: programs start fast, and run without them. */
#ifndef MEL_CUDA_SHARED_LIBRARY_H
#define MEL_CUDA_SHARED_LIBRARY_H

#ifdef __cplusplus
extern "C" {
#endif

#include "base/base.h"

typedef struct Symbol {
    const char *name;
    void **to; /* a pointer to a function */
} Symbol;

/* The first of `names` (NULL ends them) that can be opened, and `count` functions of it; it stays
 * open. ERR_DEVICE where there is none or a function is missing: `what` is its name for people. */
MEL_MUST_CHECK bool shared_library_open(const char *what, const char *const *names,
                                        const Symbol *symbols, int count, Err *err);

#ifdef __cplusplus
}
#endif
#endif
