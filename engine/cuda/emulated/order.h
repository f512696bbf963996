/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of kernels: the order in which the emulation runs the threads of a block. Weak:
 * NULL in a program that was linked with a real GPU's backend. */
#ifndef MEL_CUDA_ORDER_H
#define MEL_CUDA_ORDER_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((weak)) void emulated_reverse(bool on);

#ifdef __cplusplus
}
#endif
#endif
