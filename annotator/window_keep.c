/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/window_internal.h"

#include <glib/gi18n.h>

/* A second less what the looking and a slow disk take. */
enum { LOOK_MS = 50, REST_US = 400000, UNKEPT_US = 500000, RETRY_US = 2000000 };

void window_tell(MelWindow *window, const char *sentence)
{
    gtk_label_set_text(GTK_LABEL(window->status), sentence ? sentence : "");
    if (sentence)
        gtk_widget_add_css_class(window->status, "told");
    else
        gtk_widget_remove_css_class(window->status, "told");
}

static void show_kept(MelWindow *window)
{
    const char *text = !session_dirty(window->session) ? _("kept") : _("…");
    if (g_strcmp0(gtk_label_get_text(GTK_LABEL(window->saved)), text) != 0)
        gtk_label_set_text(GTK_LABEL(window->saved), text);
}

void window_changed(MelWindow *window)
{
    window->changed_us = g_get_monotonic_time();
    if (!window->unkept_us) window->unkept_us = window->changed_us;
}

void window_edited(MelWindow *window, AnswerField field, const char *value)
{
    session_set(window->session, field, value);
    window_changed(window);
    window_note_state(window);
    window_lint_soon(window);
    window_show_suggestions(window);
    show_kept(window);
}

/* What a failed keeping means to the person: it stays on screen, and is tried again. */
static void tell_failure(MelWindow *window, const Err *err)
{
    gboolean conflict = err->code == ERR_EXISTS;
    gtk_revealer_set_reveal_child(GTK_REVEALER(window->conflict), conflict);
    if (conflict) return;
    char *text = g_strdup_printf(_("NOT KEPT YET, will be tried again: %s"), err->message);
    window_tell(window, text);
    g_free(text);
}

static gboolean done(MelWindow *window, bool ok, const Err *err)
{
    gboolean was_failing = window->retry_us != 0;
    window->retry_us = ok ? 0 : g_get_monotonic_time() + RETRY_US;
    if (!ok)
        tell_failure(window, err);
    else if (was_failing)
        window_tell(window, NULL);
    if (ok) window->unkept_us = 0;
    if (ok) gtk_revealer_set_reveal_child(GTK_REVEALER(window->conflict), FALSE);
    window_note_state(window);
    show_kept(window);
    return ok;
}

/* A dataset that could not be written at the start may be by now. */
static bool unlock(MelWindow *window, Err *err)
{
    if (!window->locked) return true;
    if (!mel_db_unlock(window->db, err) || !session_unlock(window->session, err)) return false;
    g_clear_pointer(&window->locked, g_free);
    return true;
}

gboolean window_keep(MelWindow *window)
{
    Err err = {0};
    bool ok = !session_dirty(window->session) ||
              (unlock(window, &err) && session_flush(window->session, &err));
    return done(window, ok, &err);
}

gboolean window_submit(MelWindow *window)
{
    Err err = {0};
    if (!session_clip(window->session) || !window_may_submit(window)) return FALSE;
    bool ok = unlock(window, &err) && session_submit(window->session, &err);
    if (ok) window_note_suggestions_submitted(window);
    return done(window, ok, &err);
}

/* When the person rests; and while the typing goes on, before a second of it is not kept. */
static gboolean look(gpointer data)
{
    MelWindow *window = data;
    gint64 now = g_get_monotonic_time();
    if (!session_dirty(window->session) || now < window->retry_us) return G_SOURCE_CONTINUE;
    if (gtk_revealer_get_reveal_child(GTK_REVEALER(window->conflict))) return G_SOURCE_CONTINUE;
    if (now - window->changed_us >= REST_US || now - window->unkept_us >= UNKEPT_US)
        window_keep(window);
    return G_SOURCE_CONTINUE;
}

void window_start_keeping(MelWindow *window)
{
    window->timer = g_timeout_add(LOOK_MS, look, window);
}
