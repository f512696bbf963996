/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a media file: the plan is within the file and in order, or there is none. */
#include "curator/container.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Memory {
    const uint8_t *bytes;
    size_t n;
} Memory;

static bool read_memory(void *ctx, int64_t offset, size_t n, uint8_t *out, Err *err)
{
    const Memory *memory = ctx;
    (void)err;
    MEL_ASSERT(offset >= 0 && (uint64_t)offset <= memory->n && n <= memory->n - (size_t)offset);
    if (n) memcpy(out, memory->bytes + offset, n);
    return true;
}

static void check(const ContainerPlan *plan, size_t size)
{
    int64_t end = -1;
    MEL_ASSERT(plan->range_count <= INPUT_RANGES_MAX);
    MEL_ASSERT(plan->kind != CONTAINER_UNKNOWN || plan->range_count == 0);
    for (size_t i = 0; i < plan->range_count; i++) {
        const ByteRange *range = &plan->ranges[i];
        MEL_ASSERT(range->offset > end && range->length > 0);
        MEL_ASSERT((uint64_t)range->offset <= size);
        MEL_ASSERT((uint64_t)range->length <= size - (size_t)range->offset);
        end = range->offset + range->length;
    }
}

/* The first two bytes choose the span. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ContainerPlan plan;
    Err err = {0};
    if (size < 2) return 0;
    int64_t start_us = (int64_t)data[0] << (data[1] & 31);
    Memory memory = {data + 2, size - 2};
    if (mel_container_plan(read_memory, &memory, (int64_t)memory.n, start_us, start_us + 1000000,
                           &plan, &err))
        check(&plan, memory.n);
    else
        MEL_ASSERT(strcmp(err.reason, "media.container") == 0);
    return 0;
}
