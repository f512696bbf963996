/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches of work: which people are asked about which clips of the store (assign_plan.h plans). */
#ifndef MEL_CURATOR_ASSIGN_H
#define MEL_CURATOR_ASSIGN_H

#include "db/db.h"

typedef struct AssignOptions {
    const char *batch; /* name of the batch */
    const char *where; /* over the view `clips`: which clips; NULL = none but gold and retests */
    const char *const *people;
    int person_count;
    double overlap_share; /* of the clips, 0 to 1, go to `raters` people */
    int raters;
    bool review;             /* the clips' submitted answers are to be reviewed */
    const char *const *gold; /* clips that everybody gets */
    size_t gold_count;
    const char *gold_where; /* and those that meet this condition; NULL = none */
    double gold_share;      /* at most so many of those, as a share of the clips; 0 = all */
    double retest_share;    /* of each person's submitted answers, asked again */
    int64_t after_days;     /* at the earliest so long after the answer */
    int64_t seed;
    bool dry_run;
} AssignOptions;

typedef struct AssignPerson {
    const char *id;
    int64_t work, overlap, gold, retest, review;
} AssignPerson;

/* Texts live in the arena; mel_assign_report_clear frees all. */
typedef struct AssignReport {
    Arena arena;
    int64_t there; /* > 0: the batch was there with so many items, and nothing was added */
    int64_t added; /* items */
    int64_t clips, overlap_clips, gold_clips;
    AssignPerson *people; /* as in the options */
    int person_count;
} AssignReport;

/* Assigns ready clips that no pass keeps out, in one transaction. A batch that is there already
 * stays as it is. The same store, options and seed give the same batch. ERR_NOT_FOUND: nothing to
 * assign, or an unknown gold clip. */
MEL_MUST_CHECK bool mel_assign(Db *db, const AssignOptions *options, AssignReport *report,
                               Err *err);
void mel_assign_report_clear(AssignReport *report);

#endif
