/* SPDX-License-Identifier: Apache-2.0
 *
 * A second person's verdict on an answer, and how far a clip has come:
 *
 *     open -> drafted -> submitted -> agreed or disputed -> adjudicated
 *
 * Nothing is rewritten: a verdict counts for the revision it was given to, the newest one first. */
#ifndef MEL_DB_REVIEW_H
#define MEL_DB_REVIEW_H

#include "db/store.h"

typedef struct Review {
    const char *clip_id, *author_id, *reviewer_id;
    const char *verdict;       /* "accept"; "return": back to its author, and out of the
                                  settlement until then; "dispute": the fields want adjudication */
    const char *const *fields; /* "genre", "mood", … that the verdict is about */
    size_t field_count;        /* a dispute names at least one */
    const char *comment;       /* or NULL */
} Review;

/* Reviews the author's newest answer and settles the clip anew, in one transaction. A returned one
 * is in its author's queue again. ERR_NOT_FOUND: no such answer; ERR_USAGE: an own or unsubmitted
 * answer, an unknown verdict or field; ERR_DENIED: the reviewer is asked about the clip too and has
 * not answered yet. id_out may be NULL. */
MEL_MUST_CHECK bool mel_review_save(Db *db, const Review *review, char id_out[ULID_SIZE], Err *err);

/* The fields of an answer, as reviews and adjudications name them; ERR_USAGE with the nearest. */
MEL_MUST_CHECK bool mel_answer_field_check(const char *field, Err *err);

typedef enum ClipStage {
    STAGE_OPEN,        /* nobody has said anything */
    STAGE_DRAFTED,     /* begun, or returned */
    STAGE_SUBMITTED,   /* one answer, not looked at by a second person */
    STAGE_AGREED,      /* several answers agree, or the one was accepted */
    STAGE_DISPUTED,    /* answers differ, or a reviewer disputes one */
    STAGE_ADJUDICATED, /* somebody has decided, for good */
} ClipStage;

const char *mel_clip_stage_name(ClipStage stage); /* "open", "drafted", … */
MEL_MUST_CHECK bool mel_clip_stage(Db *db, const char *clip_id, ClipStage *out, Err *err);

#endif
