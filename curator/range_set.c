/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/range_set.h"

#include <stdlib.h>
#include <string.h>

/* Index of the first range that ends at or behind `offset` (touching counts). */
static size_t find(const RangeSet *set, int64_t offset)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].offset + set->ranges[middle].length < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void mel_range_set_add(RangeSet *set, int64_t offset, int64_t length)
{
    if (length <= 0) return;
    int64_t end = offset + length;
    size_t first = find(set, offset), last = first;
    for (; last < set->count && set->ranges[last].offset <= end; last++) {
        const ByteRange *old = &set->ranges[last];
        if (old->offset < offset) offset = old->offset;
        if (old->offset + old->length > end) end = old->offset + old->length;
    }
    if (first == last) {
        mel_grow(&set->ranges, &set->capacity, set->count + 1, sizeof *set->ranges);
        memmove(set->ranges + first + 1, set->ranges + first,
                (set->count - first) * sizeof *set->ranges);
        set->count++;
    } else if (last - first > 1) {
        memmove(set->ranges + first + 1, set->ranges + last,
                (set->count - last) * sizeof *set->ranges);
        set->count -= last - first - 1;
    }
    set->ranges[first] = (ByteRange){.offset = offset, .length = end - offset};
}

void mel_range_set_clear(RangeSet *set)
{
    free(set->ranges);
    *set = (RangeSet){0};
}

int64_t mel_range_set_gap(const RangeSet *set, int64_t offset, int64_t end)
{
    size_t i = find(set, offset);
    if (i < set->count && set->ranges[i].offset + set->ranges[i].length == offset) i++;
    if (i < set->count && set->ranges[i].offset <= offset)
        offset = set->ranges[i].offset + set->ranges[i].length;
    return offset < end ? offset : end;
}

int64_t mel_range_set_next(const RangeSet *set, int64_t offset, int64_t end)
{
    size_t i = find(set, offset);
    if (i < set->count && set->ranges[i].offset + set->ranges[i].length == offset) i++;
    if (i == set->count) return end;
    int64_t next = set->ranges[i].offset > offset ? set->ranges[i].offset : offset;
    return next < end ? next : end;
}
