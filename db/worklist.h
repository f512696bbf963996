/* SPDX-License-Identifier: Apache-2.0
 *
 * What somebody has to work on, and what is needed to show one item of it. Nobody else's answer is
 * in it. */
#ifndef MEL_DB_WORKLIST_H
#define MEL_DB_WORKLIST_H

#include "db/assignment.h"
#include "db/clip.h"

/* Texts until the callback returns. */
typedef struct WorkItem {
    const char *clip_id, *title; /* title: of the source, or its locator */
    const char *purpose;         /* of the assignment; NULL where nothing is assigned */
    const char *genre;           /* of the person's answer, or NULL */
    const char *comment;         /* of a reviewer who sent the answer back, or NULL */
    QueueState state;
} WorkItem;
typedef bool WorkItemFn(void *ctx, const WorkItem *item, Err *err);

/* The person's queue (mel_queue_each) without reviews and without clips that are not ready; all
 * clips that are ready and kept by the passes, by id, when nothing is assigned to the person. */
MEL_MUST_CHECK bool mel_worklist(Db *db, const char *annotator_id, WorkItemFn *fn, void *ctx,
                                 Err *err);

/* One clip as an annotator meets it. Texts and arrays live in the arena; paths are whole, NULL for
 * what the clip lacks. */
typedef struct ClipStill {
    int position;
    const char *path;
    int64_t time_us; /* from the clip's start */
    double score, sharpness, black_share;
    uint64_t picture_hash;
} ClipStill;

typedef struct ClipItem {
    const char *clip_id, *source_id, *title, *channel, *locator;
    int64_t start_us, end_us, got_start_us; /* got: of the sound, as it was cut */
    const char *audio, *preview;
    const ClipStill *stills; /* by position */
    size_t still_count;
    double tempo_bpm, loudness_lufs; /* measured; NAN where not */
} ClipItem;

/* ERR_NOT_FOUND when there is no such clip. */
MEL_MUST_CHECK bool mel_clip_item(Db *db, const char *clip_id, Arena *arena, ClipItem *out,
                                  Err *err);

#endif
