/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of stretches of a file: what is there, or what is needed. Internal to the curator. */
#ifndef MEL_CURATOR_RANGE_SET_H
#define MEL_CURATOR_RANGE_SET_H

#include "curator/cut.h"

/* Sorted, disjoint, not touching. Start with {0}. */
typedef struct RangeSet {
    ByteRange *ranges;
    size_t count, capacity;
} RangeSet;

void mel_range_set_add(RangeSet *set, int64_t offset, int64_t length); /* length >= 0 */
void mel_range_set_clear(RangeSet *set);

/* The first byte at or behind `offset` that is not in the set; `end` when there is none before. */
int64_t mel_range_set_gap(const RangeSet *set, int64_t offset, int64_t end);
/* The first byte at or behind `offset` that is in the set; `end` when there is none before. */
int64_t mel_range_set_next(const RangeSet *set, int64_t offset, int64_t end);

#endif
