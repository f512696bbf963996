/* SPDX-License-Identifier: Apache-2.0
 *
 * All that people answered, for statistics over it. */
#ifndef MEL_DB_ANNOTATION_WALK_H
#define MEL_DB_ANNOTATION_WALK_H

#include "db/annotation.h"

/* One person's newest submitted answer to one clip, until the callback returns. */
typedef struct PersonAnswer {
    const Annotation *answer; /* with clip_id and created_at */
    const char *person;       /* who; of a retest the person, without RETEST_SUFFIX */
    bool retest;              /* the blind second answer */
    int64_t frame_us;         /* presentation time of the chosen frame; -1 = not known */
} PersonAnswer;

/* Calls fn for every such answer, by clip and then by annotator id, until it returns false. Answers
 * of lists, scripts and Melkit itself are left out. `where`: a user's condition over the view
 * `clips`, or NULL. */
typedef bool PersonAnswerFn(void *ctx, const PersonAnswer *answer, Err *err);
MEL_MUST_CHECK bool mel_answers_each(Db *db, const char *where, PersonAnswerFn *fn, void *ctx,
                                     Err *err);

#endif
