/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory for weights and arenas: on huge pages where the system gives them on request, since the
 * first touch of a gigabyte in pages of 4 KiB, and their translations at every run, cost more than
 * reading it. */
#ifndef MEL_ENGINE_BIG_ALLOC_H
#define MEL_ENGINE_BIG_ALLOC_H

#include <stdint.h>

/* Aligned to 64 bytes or more, not cleared; NULL when there is none. free() frees it. */
void *big_alloc(int64_t bytes);

#endif
