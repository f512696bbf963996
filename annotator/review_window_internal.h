/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the review window: its parts, for the files that it is written in. */
#ifndef MEL_ANNOTATOR_REVIEW_WINDOW_INTERNAL_H
#define MEL_ANNOTATOR_REVIEW_WINDOW_INTERNAL_H

#include "annotator/review_table.h"
#include "annotator/review_window.h"
#include "annotator/stills.h"

struct _MelReviewWindow {
    GtkWindow parent_instance;
    GtkWidget *list, *clip_title, *pages, *scene, *still, *answers, *rest, *rest_grid, *author,
        *comment, *status;
    GtkWidget *stage, *table;
    Db *db;
    char *reviewer;
    const Keymap *keymap;
    GHashTable *labels;
    GPtrArray *rows;      /* of what waits, by position in `names` */
    GtkStringList *names; /* clip ids, for the list */
    GtkSingleSelection *selection;
    char *clip_id; /* on screen, or NULL */
    Arena arena;   /* of the item */
    ClipItem item;
    Stills *stills;
    Decision decision; /* {0} where the answers are not shown */
    gboolean loading;
};

/* ---- review_window.c: which clip is shown */
void review_reload(MelReviewWindow *window); /* the same clip if it still waits, else the next */
void review_step(MelReviewWindow *window, int by);
void review_show_still(MelReviewWindow *window);
void review_note_open(MelReviewWindow *window);                  /* what may be done now */
void review_tell(MelReviewWindow *window, const char *sentence); /* NULL: nothing */

/* ---- review_window_keys.c: what is done with it */
void review_install_actions(GtkWidgetClass *class);
void review_install_keys(MelReviewWindow *window);

#endif
