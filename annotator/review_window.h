/* SPDX-License-Identifier: Apache-2.0
 *
 * The window in which one person reviews what others said, and settles what they dispute. */
#ifndef MEL_ANNOTATOR_REVIEW_WINDOW_H
#define MEL_ANNOTATOR_REVIEW_WINDOW_H

#include "annotator/core/decision.h"
#include "annotator/stage.h"

#include <gtk/gtk.h>

#define MEL_TYPE_REVIEW_WINDOW (mel_review_window_get_type())
G_DECLARE_FINAL_TYPE(MelReviewWindow, mel_review_window, MEL, REVIEW_WINDOW, GtkWindow)

typedef struct MelReviewSetup {
    const char *folder; /* of the dataset, which gets a connection of its own */
    const char *reviewer, *audio;
    const Keymap *keymap; /* borrowed, for the transport */
} MelReviewSetup;

/* NULL with err set when the store cannot be opened. Emits "go-to" (const char *clip_id) when the
 * person is to answer a clip first. */
GtkWidget *mel_review_window_new(GtkWindow *parent, const MelReviewSetup *setup, Err *err);

/* For tests: the clip that is shown, or NULL; what is decided of it so far, or NULL where its
 * answers are not shown. */
const char *mel_review_window_clip(MelReviewWindow *window);
const Decision *mel_review_window_decision(MelReviewWindow *window);

#endif
