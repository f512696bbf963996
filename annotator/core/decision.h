/* SPDX-License-Identifier: Apache-2.0
 *
 * One clip under review: what each person said, which fields are disputed, and what somebody
 * decides of those, until it is stored. Without a display. */
#ifndef MEL_ANNOTATOR_DECISION_H
#define MEL_ANNOTATOR_DECISION_H

#include "annotator/core/answers.h"

enum { DECISION_OPEN = -1, DECISION_OWN = -2 }; /* in the place of a person's number */

typedef struct DecisionPerson {
    const char *name, *annotation_id;
    Answers answers;
} DecisionPerson;

typedef struct Decision {
    Arena arena;
    const char *clip_id;
    DecisionPerson *people; /* [person_count], who answered first first */
    size_t person_count;
    AnswerField disputed[ANSWER_FIELDS], agreed[ANSWER_FIELDS], merged[ANSWER_FIELDS];
    AnswerField asides[ANSWER_FIELDS]; /* that somebody said and nobody compares: comments */
    size_t disputed_count, agreed_count, merged_count,
        aside_count;          /* merged: they differ, undisputed */
    Answers settled;          /* what the answers come to, with what was decided here */
    int taken[ANSWER_FIELDS]; /* of a disputed field: whose answer, or one of the above */
} Decision;

/* Reads the clip as the reader may see it. ERR_DENIED: the reader is to answer first;
 * ERR_NOT_FOUND: nobody has answered. Clear what comes of it. */
MEL_MUST_CHECK bool decision_load(Db *db, const char *clip_id, const char *reader_id, Decision *out,
                                  Err *err);
void decision_clear(Decision *decision); /* {0} is fine */

/* Takes a person's answer to a disputed field; with a frame comes why it was chosen. */
void decision_take(Decision *decision, AnswerField field, size_t person);

/* Decides with other words; "" opens the field again. For fields of ANSWER_WORDS. */
void decision_say(Decision *decision, AnswerField field, const char *words);

size_t decision_open_count(const Decision *decision); /* disputed fields that wait */

/* Stores it as 'mel adjudicate' does. ERR_USAGE: a field is open. */
MEL_MUST_CHECK bool decision_store(const Decision *decision, Db *db, const char *by, Err *err);

#endif
