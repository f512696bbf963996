/* SPDX-License-Identifier: Apache-2.0
 *
 * The window in which items are annotated. */
#ifndef MEL_ANNOTATOR_WINDOW_H
#define MEL_ANNOTATOR_WINDOW_H

#include "annotator/core/keys.h"
#include "annotator/core/session.h"
#include "annotator/stage.h"

#include <gtk/gtk.h>

#define MEL_TYPE_WINDOW (mel_window_get_type())
G_DECLARE_FINAL_TYPE(MelWindow, mel_window, MEL, WINDOW, GtkApplicationWindow)

typedef struct MelWindowSetup {
    Db *db;           /* taken over */
    Session *session; /* taken over */
    Keymap *keymap;   /* borrowed */
    const char *audio;
    const char *place;  /* the file that remembers where the person was */
    const char *locked; /* why db and session are for looking only, or NULL */
} MelWindowSetup;

GtkWidget *mel_window_new(GtkApplication *application, const MelWindowSetup *setup);

/* For tests. */
Session *mel_window_session(MelWindow *window);
MelStage *mel_window_stage(MelWindow *window);

#endif
