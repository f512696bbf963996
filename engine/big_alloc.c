/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/big_alloc.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

void *big_alloc(int64_t bytes)
{
    size_t unit = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    size_t size = ((size_t)bytes + unit - 1) / unit * unit;
    void *memory = aligned_alloc(unit, size ? size : unit);
    if (memory && unit == HUGE_PAGE) madvise(memory, size, MADV_HUGEPAGE); /* a wish */
    return memory;
}
