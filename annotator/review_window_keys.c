/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done with a clip under review, and by which keys: figures take an answer, arrows move
 * among the answers, "a" accepts, "r" returns, Ctrl+Return adjudicates, F5 looks again what waits,
 * and the transport has the person's own keys. */
#include "annotator/choice.h"
#include "annotator/review_window_internal.h"

#include <glib/gi18n.h>

enum { KEYS = 9 };

/* ---- verdicts -------------------------------------------------------------------------------- */

static const char *author_now(const MelReviewWindow *window)
{
    gpointer author = gtk_drop_down_get_selected_item(GTK_DROP_DOWN(window->author));
    return author ? gtk_string_object_get_string(author) : NULL;
}

static void give(MelReviewWindow *window, const char *verdict, const char *format)
{
    Err err = {0};
    const char *comment = gtk_editable_get_text(GTK_EDITABLE(window->comment));
    const Review review = {.clip_id = window->clip_id,
                           .author_id = author_now(window),
                           .reviewer_id = window->reviewer,
                           .verdict = verdict,
                           .comment = *comment ? comment : NULL};
    if (!review.author_id) return;
    bool ok = mel_review_save(window->db, &review, NULL, &err);
    char *sentence =
        ok ? g_strdup_printf(format, window->clip_id, review.author_id) : g_strdup(err.message);
    if (ok) review_reload(window);
    review_tell(window, sentence);
    g_free(sentence);
}

static void accept(GtkWidget *widget, const char *name, GVariant *parameter)
{
    (void)name, (void)parameter;
    give(MEL_REVIEW_WINDOW(widget), "accept", _("%s: %s's answer stands."));
}

/* Nothing goes back without a word of why. */
static void return_it(GtkWidget *widget, const char *name, GVariant *parameter)
{
    (void)name, (void)parameter;
    MelReviewWindow *window = MEL_REVIEW_WINDOW(widget);
    if (*gtk_editable_get_text(GTK_EDITABLE(window->comment))) {
        give(window, "return", _("%s is in %s's queue again."));
        return;
    }
    gtk_widget_grab_focus(window->comment);
    review_tell(window, _("Say why, then press Return."));
}

static void adjudicate(GtkWidget *widget, const char *name, GVariant *parameter)
{
    (void)name, (void)parameter;
    Err err = {0};
    MelReviewWindow *window = MEL_REVIEW_WINDOW(widget);
    bool ok = decision_store(&window->decision, window->db, window->reviewer, &err);
    char *sentence =
        ok ? g_strdup_printf(_("%s is settled."), window->clip_id) : g_strdup(err.message);
    if (ok) review_reload(window);
    review_tell(window, sentence);
    g_free(sentence);
}

void review_install_actions(GtkWidgetClass *class)
{
    gtk_widget_class_install_action(class, "review.accept", NULL, accept);
    gtk_widget_class_install_action(class, "review.return", NULL, return_it);
    gtk_widget_class_install_action(class, "review.adjudicate", NULL, adjudicate);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static gboolean is_typing(GtkWidget *focus)
{
    return focus && (GTK_IS_TEXT(focus) || GTK_IS_EDITABLE(focus));
}

static gboolean activate(MelReviewWindow *window, const char *action)
{
    gtk_widget_activate_action(GTK_WIDGET(window), action, NULL);
    return TRUE;
}

static gboolean move(MelReviewWindow *window, guint keyval)
{
    MelReviewTable *table = MEL_REVIEW_TABLE(window->table);
    switch (keyval) {
    case GDK_KEY_Up:
        return mel_review_table_move(table, -1, 0);
    case GDK_KEY_Down:
        return mel_review_table_move(table, 1, 0);
    case GDK_KEY_Left:
        return mel_review_table_move(table, 0, -1);
    case GDK_KEY_Right:
        return mel_review_table_move(table, 0, 1);
    default:
        return FALSE;
    }
}

/* The keys that the person has chosen for the main window mean the same here. */
static gboolean usual_key(MelReviewWindow *window, guint keyval, guint keycode,
                          GdkModifierType modifiers)
{
    KeyCommand command;
    const KeyPress press = {gdk_keyval_name(gdk_keyval_to_lower(keyval)), keycode,
                            (modifiers & GDK_SHIFT_MASK) != 0, (modifiers & GDK_CONTROL_MASK) != 0};
    if (!keymap_find(window->keymap, &press, &command)) return FALSE;
    switch (command) {
    case COMMAND_next:
    case COMMAND_previous:
        review_step(window, command == COMMAND_next ? 1 : -1);
        return TRUE;
    case COMMAND_comment:
        return gtk_widget_grab_focus(window->comment);
    default:
        return window->decision.person_count &&
               mel_stage_command(MEL_STAGE(window->stage), command);
    }
}

/* Escape leaves an entry first, then the window. */
static void leave(MelReviewWindow *window, GtkWidget *focus)
{
    if (is_typing(focus))
        gtk_widget_grab_focus(window->stage);
    else
        gtk_window_close(GTK_WINDOW(window));
}

static gboolean key_pressed(GtkEventControllerKey *keys, guint keyval, guint keycode,
                            GdkModifierType modifiers, MelReviewWindow *window)
{
    (void)keys;
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(window));
    gboolean ctrl = (modifiers & GDK_CONTROL_MASK) != 0;
    gboolean plain = !(modifiers & (GDK_CONTROL_MASK | GDK_SHIFT_MASK));
    if (modifiers & (GDK_ALT_MASK | GDK_SUPER_MASK)) return FALSE;
    if (keyval == GDK_KEY_Escape) {
        leave(window, focus);
        return TRUE;
    }
    if (ctrl && (keyval == GDK_KEY_Return || keyval == GDK_KEY_KP_Enter))
        return activate(window, "review.adjudicate");
    if (keyval == GDK_KEY_F5) {
        review_reload(window);
        return TRUE;
    }
    if (is_typing(focus) && !ctrl) return FALSE;
    if (!window->decision.person_count) return usual_key(window, keyval, keycode, modifiers);
    int n = plain ? mel_choice_key(keycode) : -1;
    if (n >= 0 && n < KEYS)
        return mel_review_table_press(MEL_REVIEW_TABLE(window->table), (guint)n);
    if (plain && move(window, keyval)) return TRUE;
    if (plain && keyval == GDK_KEY_a) return activate(window, "review.accept");
    if (plain && keyval == GDK_KEY_r) return activate(window, "review.return");
    if (keyval == GDK_KEY_Return || keyval == GDK_KEY_KP_Enter) return FALSE; /* the button's */
    return usual_key(window, keyval, keycode, modifiers);
}

static void comment_done(GtkEntry *entry, MelReviewWindow *window)
{
    (void)entry;
    activate(window, "review.return");
}

void review_install_keys(MelReviewWindow *window)
{
    GtkEventController *keys = gtk_event_controller_key_new();
    gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
    g_signal_connect(keys, "key-pressed", G_CALLBACK(key_pressed), window);
    gtk_widget_add_controller(GTK_WIDGET(window), keys);
    g_signal_connect(window->comment, "activate", G_CALLBACK(comment_done), window);
}
