/* SPDX-License-Identifier: Apache-2.0
 *
 * A leak-free split as a pure function: groups (connected components) go whole to one side,
 * stratified, by keyed hash, so that the answer depends on neither order nor time, and growth never
 * moves old members. */
#ifndef MEL_CURATOR_SPLIT_PLAN_H
#define MEL_CURATOR_SPLIT_PLAN_H

#include "base/base.h"

enum { SPLIT_SIDES_MAX = 8, SPLIT_DROPPED = -2, SPLIT_NEW = -1 };

typedef struct SplitItem {
    const char *key;     /* clip id */
    const char *stratum; /* genre; NULL = "" */
    size_t group;        /* any index; equal = same group (fingerprint.h's Groups) */
    int side;            /* in: SPLIT_NEW or the side it already has; out: its side, or
                            SPLIT_DROPPED when an old group turned out to straddle sides */
} SplitItem;

typedef struct SplitOptions {
    int side_count;                    /* 2 or 3 as a rule: train, val, test */
    double fractions[SPLIT_SIDES_MAX]; /* sum 1 within 1e-9 */
    const char *seed;
} SplitOptions;

typedef struct SplitReport {
    size_t counts[SPLIT_SIDES_MAX];
    size_t groups, largest_group, dropped;
    double worst_stratum_error; /* largest |share - fraction| over strata with 20 items or more */
} SplitReport;

/* Assigns. An old group whose members lie on several sides (a new edge joined them) keeps the side
 * that is not side 0 (train): its members on side 0 are dropped, never test or validation. */
MEL_MUST_CHECK bool mel_split_plan(SplitItem *items, size_t count, const SplitOptions *options,
                                   SplitReport *report, Err *err);

/* True when no group lies on two sides; else says which two items do. */
MEL_MUST_CHECK bool mel_split_prove(const SplitItem *items, size_t count, Err *err);

#endif
