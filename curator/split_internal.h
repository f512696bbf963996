/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the two halves of the split plan: what groups there are (split_plan.c) and where the new
 * ones go (split_balance.c). */
#ifndef MEL_CURATOR_SPLIT_INTERNAL_H
#define MEL_CURATOR_SPLIT_INTERNAL_H

#include "curator/split_plan.h"

typedef struct SplitGroup {
    const char *key;     /* the smallest of its items */
    uint64_t hash;       /* of the key, by the seed; of new groups only */
    size_t first, count; /* its items, in the order by group */
    size_t size;         /* items that are not dropped */
    uint32_t stratum;    /* that most of its items have */
    int side;            /* SPLIT_NEW until it is assigned */
} SplitGroup;

/* Assigns sides to the groups that have none. `names`: of the strata; two of them differ. */
void mel_split_balance(SplitGroup *groups, size_t count, const char *const *names,
                       size_t stratum_count, const SplitOptions *options);

#endif
