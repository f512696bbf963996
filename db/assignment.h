/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is asked about which clip, in which order; what of it is done; who may read whose answers. */
#ifndef MEL_DB_ASSIGNMENT_H
#define MEL_DB_ASSIGNMENT_H

#include "db/store.h"

typedef struct Assignment {
    const char *batch, *clip_id, *annotator_id;
    const char *purpose;    /* "work", "overlap" (others are asked too), "gold" (everybody is),
                               "retest" (asked before), "review" */
    const char *not_before; /* UTC; NULL = at once */
    int64_t position;       /* in the person's queue of this batch, from 0 */
} Assignment;

/* Adds the items of a batch, people first seen among them, in one transaction. What is there
 * already is left alone. *added_out may be NULL. ERR_NOT_FOUND: an unknown clip. */
MEL_MUST_CHECK bool mel_assignments_put(Db *db, const Assignment *items, size_t count,
                                        int64_t *added_out, Err *err);

/* Items of a batch; 0 when there is no such batch. */
MEL_MUST_CHECK bool mel_batch_count(Db *db, const char *batch, int64_t *count_out, Err *err);

typedef enum QueueState {
    QUEUE_OPEN,      /* nothing said yet, or taken back */
    QUEUE_DRAFT,     /* begun */
    QUEUE_RETURNED,  /* a reviewer sent the answer back */
    QUEUE_SUBMITTED, /* done; a review: given to an answer that still stands */
    QUEUE_STATES,
} QueueState;

const char *mel_queue_state_name(QueueState state); /* "open", "draft", "returned", "submitted" */

typedef struct QueueItem {
    Assignment assignment;
    QueueState state;    /* of the person's own answer; nobody else's is looked at */
    const char *comment; /* of the reviewer who returned it, or NULL */
} QueueItem;

typedef struct QueueQuery {
    const char *annotator_id;
    const char *batch; /* NULL = all */
    const char *now;   /* UTC; items for later are left out. NULL = this moment */
} QueueQuery;

/* A person's items, older batches first, each in its order, until fn returns false. Texts hold
 * until fn returns. A retest's state is that of the answer of "<annotator>" RETEST_SUFFIX; it is
 * left out until the first answer is submitted, and while that was sent back. */
typedef bool QueueItemFn(void *ctx, const QueueItem *item, Err *err);
MEL_MUST_CHECK bool mel_queue_each(Db *db, const QueueQuery *query, QueueItemFn *fn, void *ctx,
                                   Err *err);

/* How many items of a queue are in which state. */
MEL_MUST_CHECK bool mel_queue_count(Db *db, const QueueQuery *query, int64_t counts[QUEUE_STATES],
                                    Err *err);

/* The clips that a person has answered (submitted, of a source that is still there), by clip, with
 * the time of the newest answer: what may be asked again. */
typedef bool AnsweredFn(void *ctx, const char *clip_id, const char *submitted_at, Err *err);
MEL_MUST_CHECK bool mel_answered_each(Db *db, const char *annotator_id, AnsweredFn *fn, void *ctx,
                                      Err *err);

/* Blindness: whoever is asked about a clip reads nobody else's answer to it before submitting an
 * own one (a retest: a second one). Whoever is not asked, or asked for a review only, may read. */
MEL_MUST_CHECK bool mel_may_read_answers(Db *db, const char *clip_id, const char *reader_id,
                                         bool *may_out, Err *err);

#endif
