/* SPDX-License-Identifier: Apache-2.0
 *
 * A person's items as a GListModel: all of them in memory as rows, objects only for those that are
 * on screen. */
#ifndef MEL_ANNOTATOR_QUEUE_MODEL_H
#define MEL_ANNOTATOR_QUEUE_MODEL_H

#include "annotator/core/session.h"

#include <gtk/gtk.h>

/* One row as the list shows it: properties "clip", "title", "state" (an ItemState), "genre". */
#define MEL_TYPE_QUEUE_ITEM (mel_queue_item_get_type())
G_DECLARE_FINAL_TYPE(MelQueueItem, mel_queue_item, MEL, QUEUE_ITEM, GObject)
const char *mel_queue_item_clip(MelQueueItem *item);
const char *mel_queue_item_title(MelQueueItem *item);
const char *mel_queue_item_genre(MelQueueItem *item);   /* in the person's language; "" without */
const char *mel_queue_item_comment(MelQueueItem *item); /* of who sent it back; "" else */
ItemState mel_queue_item_state(MelQueueItem *item);
gboolean mel_queue_item_is_retest(MelQueueItem *item);

#define MEL_TYPE_QUEUE_MODEL (mel_queue_model_get_type())
G_DECLARE_FINAL_TYPE(MelQueueModel, mel_queue_model, MEL, QUEUE_MODEL, GObject)

MelQueueModel *mel_queue_model_new(void);
MEL_MUST_CHECK bool mel_queue_model_load(MelQueueModel *model, Db *db, const char *annotator_id,
                                         Err *err);

/* Shows rows whose title, clip or genre, as it is shown, holds the text and that are in the state
 * (-1: any). */
void mel_queue_model_filter(MelQueueModel *model, const char *text, int state);

/* Tells of a change of the row's answer (genre: the term's id, NULL without); a row that the filter
 * no longer wants stays until the filter is set again, so that nothing jumps away under the person.
 */
void mel_queue_model_note(MelQueueModel *model, const char *clip_id, gboolean retest,
                          ItemState state, const char *genre);

/* The position of a clip among those that are shown, or GTK_INVALID_LIST_POSITION. */
guint mel_queue_model_find(MelQueueModel *model, const char *clip_id, gboolean retest);

/* The next or previous shown row behind a position; open: only one that nothing is said of yet. */
guint mel_queue_model_step(MelQueueModel *model, guint from, int by, gboolean open);

typedef struct QueueCounts {
    guint all, shown, submitted, drafts;
} QueueCounts;
QueueCounts mel_queue_model_counts(MelQueueModel *model);

#endif
