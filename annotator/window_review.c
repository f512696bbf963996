/* SPDX-License-Identifier: Apache-2.0
 *
 * From the main window to those about what everybody said. */
#include "annotator/agreement_window.h"
#include "annotator/review_window.h"
#include "annotator/window_internal.h"

static void go_to(MelReviewWindow *review, const char *clip_id, MelWindow *window)
{
    (void)review;
    guint at = mel_queue_model_find(window->queue, clip_id, FALSE);
    if (at == GTK_INVALID_LIST_POSITION) at = mel_queue_model_find(window->queue, clip_id, TRUE);
    if (at != GTK_INVALID_LIST_POSITION && window_go(window, at))
        gtk_window_present(GTK_WINDOW(window));
}

/* The one that is open already, or NULL. */
static GtkWindow *find_open(MelWindow *window, GType type)
{
    GListModel *all = gtk_window_get_toplevels();
    GtkWindow *found = NULL;
    for (guint i = 0; i < g_list_model_get_n_items(all); i++) {
        GtkWindow *one = g_list_model_get_item(all, i);
        if (g_type_is_a(G_OBJECT_TYPE(one), type) &&
            gtk_window_get_transient_for(one) == GTK_WINDOW(window))
            found = one;
        g_object_unref(one);
    }
    return found;
}

void window_open_review(MelWindow *window)
{
    Err err = {0};
    GtkWindow *open = find_open(window, MEL_TYPE_REVIEW_WINDOW);
    const MelReviewSetup setup = {.folder = mel_db_folder(window->db),
                                  .reviewer = session_annotator(window->session),
                                  .audio = mel_stage_audio(MEL_STAGE(window->stage)),
                                  .keymap = window->keymap};
    if (!open) {
        GtkWidget *made = mel_review_window_new(GTK_WINDOW(window), &setup, &err);
        if (made) g_signal_connect_object(made, "go-to", G_CALLBACK(go_to), window, 0);
        open = (GtkWindow *)made;
    }
    mel_player_pause(mel_stage_player(MEL_STAGE(window->stage)));
    if (open)
        gtk_window_present(open);
    else
        window_tell(window, err.message);
}

void window_open_agreement(MelWindow *window)
{
    GtkWindow *open = find_open(window, MEL_TYPE_AGREEMENT_WINDOW);
    if (!open)
        open = GTK_WINDOW(mel_agreement_window_new(GTK_WINDOW(window), mel_db_folder(window->db)));
    gtk_window_present(open);
}
