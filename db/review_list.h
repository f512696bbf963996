/* SPDX-License-Identifier: Apache-2.0
 *
 * What a reviewer or adjudicator has before them: which clips wait for somebody, and what people
 * said of one of them. */
#ifndef MEL_DB_REVIEW_LIST_H
#define MEL_DB_REVIEW_LIST_H

#include "db/annotation.h"
#include "db/review.h"

typedef struct ReviewItem {
    const char *clip_id, *title; /* title: of the source, or its locator */
    ClipStage stage;             /* disputed, agreed, or submitted */
    bool asked;                  /* a review of it was assigned to the reader, and is not given */
    bool may_read;               /* else the reader is to answer first (mel_may_read_answers) */
} ReviewItem;

/* Clips that wait for a second person who is not their only author: reviews that the reader is
 * asked for, then disputed clips, then clips with one answer that nobody has reviewed; each by id,
 * until fn returns false. Texts hold until fn returns. */
typedef bool ReviewItemFn(void *ctx, const ReviewItem *item, Err *err);
MEL_MUST_CHECK bool mel_review_list(Db *db, const char *reader_id, ReviewItemFn *fn, void *ctx,
                                    Err *err);

/* The answers that settle a clip, earliest first: everybody's newest, where it is submitted and was
 * not returned; those of lists only where no person has answered. [*count_out], in the arena.
 * ERR_DENIED: the reader is asked about the clip and has not answered. */
MEL_MUST_CHECK bool mel_clip_answers(Db *db, const char *clip_id, const char *reader_id,
                                     Arena *arena, Annotation **out, size_t *count_out, Err *err);

#endif
