/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the window: its parts, for the files that it is written in. */
#ifndef MEL_ANNOTATOR_WINDOW_INTERNAL_H
#define MEL_ANNOTATOR_WINDOW_INTERNAL_H

#include "annotator/core/suggestions.h"
#include "annotator/filmstrip.h"
#include "annotator/form.h"
#include "annotator/lint/lint.h"
#include "annotator/queue_model.h"
#include "annotator/window.h"

struct _MelWindow {
    GtkApplicationWindow parent_instance;
    GtkWidget *title, *subtitle, *submit, *progress, *conflict, *outer, *inner, *side, *search,
        *state_filter, *list, *left, *form_scroller, *status, *saved;
    GtkWidget *stage, *strip, *form;
    MelQueueModel *queue;
    GtkSingleSelection *selection;
    Db *db;
    Session *session;
    Keymap *keymap;
    char *place;
    char *locked; /* why nothing can be kept now, or NULL */
    guint timer, lint_timer, suggestion_timer;
    LintLexicon *lexicon; /* NULL: without lint */
    Spelling *spelling;
    char *item_title, *item_channel;
    Suggestions *suggestions;
    SuggestionPolicy suggestion_policy;
    GHashTable *labels; /* of terms; NULL when they could not be read */
    /* Of the newest change, and of the first one that is not kept (0: all are); when keeping is
     * tried again after a failure. */
    gint64 changed_us, unkept_us, retry_us;
};

/* ---- window_items.c: which item is shown */
void window_build_list(MelWindow *window);
gboolean window_go(MelWindow *window, guint position);
gboolean window_display(MelWindow *window); /* the session's item */
void window_go_back_to(MelWindow *window, const char *place_file);
void window_step(MelWindow *window, int by, gboolean open);
void window_show_answers(MelWindow *window);
void window_note_state(MelWindow *window);

/* ---- window_keep.c: what is said is kept */
void window_edited(MelWindow *window, AnswerField field, const char *value);
void window_changed(MelWindow *window);  /* something is to be kept */
gboolean window_keep(MelWindow *window); /* now; FALSE: it could not be, which is on screen */
gboolean window_submit(MelWindow *window);
void window_start_keeping(MelWindow *window);
void window_tell(MelWindow *window, const char *sentence); /* NULL: nothing to tell */

/* ---- window_lint.c: what a careful colleague would say */
void window_open_lint(MelWindow *window);
void window_close_lint(MelWindow *window);
void window_lint_soon(MelWindow *window);      /* after the person rests */
gboolean window_may_submit(MelWindow *window); /* FALSE: the protocol forbids it, which is told */

/* ---- window_suggestions.c: what metadata and models propose */
void window_open_suggestions(MelWindow *window);
void window_close_suggestions(MelWindow *window);
void window_take_suggestions(MelWindow *window); /* those of the session's item */
void window_show_suggestions(MelWindow *window); /* those that may be seen now */
void window_accept_suggestion(MelWindow *window);
void window_note_suggestions_submitted(MelWindow *window);

/* ---- window_packet.c */
void window_install_packet(MelWindow *window);

/* ---- window_keys.c: one dispatcher for all keys, and the actions */
void window_install_keys(MelWindow *window);
void window_install_actions(MelWindow *window);

/* ---- window_review.c: windows about what everybody said */
void window_open_review(MelWindow *window);
void window_open_agreement(MelWindow *window);

/* ---- window_settings.c: how the person had it the last time */
void window_bind_settings(MelWindow *window);

#endif
