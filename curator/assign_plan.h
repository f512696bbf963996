/* SPDX-License-Identifier: Apache-2.0
 *
 * Who gets which clip: a pure function of the clips, the people and a seed, for curator/assign.h.
 */
#ifndef MEL_CURATOR_ASSIGN_PLAN_H
#define MEL_CURATOR_ASSIGN_PLAN_H

#include "base/base.h"

/* A clip that a person has answered before. */
typedef struct AssignAnswered {
    int person; /* index into people */
    const char *clip_id;
    const char *not_before; /* UTC, or NULL */
} AssignAnswered;

typedef struct AssignPlanInput {
    const char *seed;
    const char *const *people; /* distinct */
    int person_count;
    const char *const *clips; /* distinct ids, for work */
    size_t clip_count;
    const char *const *gold; /* distinct ids; those among `clips` are gold only */
    size_t gold_count;
    double overlap_share; /* of the clips, 0 to 1, that `raters` people get */
    int raters;           /* 1 to person_count */
    bool review;          /* the clips are to be reviewed, not answered */
    const AssignAnswered *answered;
    size_t answered_count;
    double retest_share; /* of each person's answered clips, 0 to 1 */
} AssignPlanInput;

typedef struct AssignPlanItem {
    const char *clip_id, *purpose; /* as in db/assignment.h; clip ids are the input's */
    const char *not_before;
    int person;
    int64_t position;
} AssignPlanItem;

typedef struct AssignPlan {
    AssignPlanItem *items; /* by person, then position */
    size_t count;
    size_t work, overlap, gold; /* clips */
    size_t retests;             /* items */
} AssignPlan;

/* Plans: round(share * clips) clips go to `raters` people, the rest to one each, every time to
 * those who have least (people's counts of work and overlap differ by at most one); gold goes to
 * everybody; gold and retests lie evenly among the other items. The order of `clips` does not
 * matter. ERR_USAGE: a share outside 0 to 1, no people, a person named twice, more raters than
 * people. mel_assign_plan_clear frees the plan. */
MEL_MUST_CHECK bool mel_assign_plan(const AssignPlanInput *input, AssignPlan *out, Err *err);
void mel_assign_plan_clear(AssignPlan *plan); /* {0} is fine */

#endif
