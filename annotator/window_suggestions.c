/* SPDX-License-Identifier: Apache-2.0
 *
 * Suggestions on screen: which are visible is decided by core/suggestions.c, anew at every change
 * and when the focus moves. What became of them is kept a little later, as nobody waits for it. */
#include "annotator/answer_text.h"
#include "annotator/settings.h"
#include "annotator/window_internal.h"

#include <glib/gi18n.h>
#include <stdlib.h>

enum { KEEP_MS = 400 };

/* ---- keeping -------------------------------------------------------------------------------- */

static gboolean keep(gpointer data)
{
    Err err = {0};
    MelWindow *window = data;
    if (!suggestions_keep(window->suggestions, &err)) { /* a full disk: the answers tell it */
        g_debug("%s", err.message);
        return G_SOURCE_CONTINUE;
    }
    window->suggestion_timer = 0;
    return G_SOURCE_REMOVE;
}

static void keep_soon(MelWindow *window)
{
    if (!window->suggestion_timer && suggestions_unkept(window->suggestions))
        window->suggestion_timer = g_timeout_add(KEEP_MS, keep, window);
}

/* ---- showing -------------------------------------------------------------------------------- */

/* Who says so, in a word. */
static const char *origin_text(const char *origin)
{
    if (g_str_has_prefix(origin, "measured/")) return _("measured");
    if (g_str_has_prefix(origin, "labels/")) return _("by its labels");
    return origin;
}

static char *line_text(MelWindow *window, const FieldSuggestion *suggestion)
{
    char *value = answer_text(window->labels, suggestion->field, suggestion->value);
    const char *origin = origin_text(suggestion->origin);
    char *text = suggestion->field == ANSWER_BPM
                     ? g_strdup_printf(_("suggested: %s BPM (%s)"), value, origin)
                     : g_strdup_printf(_("suggested: %s (%s)"), value, origin);
    g_free(value);
    return text;
}

static const FieldSuggestion *visible(MelWindow *window, AnswerField field)
{
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(window));
    bool in_hand = mel_form_field_of(MEL_FORM(window->form), focus) == (int)field;
    return suggestions_visible(window->suggestions, session_answers(window->session), field,
                               in_hand);
}

void window_show_suggestions(MelWindow *window)
{
    const char *keys = keymap_keys(window->keymap, COMMAND_accept);
    if (!window->labels) return;
    for (int i = 0; i < ANSWER_FIELDS; i++) {
        const FieldSuggestion *suggestion = visible(window, (AnswerField)i);
        char *text = suggestion ? line_text(window, suggestion) : NULL;
        if (suggestion) suggestions_note_shown(window->suggestions, suggestion);
        mel_form_suggest(MEL_FORM(window->form), (AnswerField)i, text, keys);
        g_free(text);
    }
    keep_soon(window);
}

void window_take_suggestions(MelWindow *window)
{
    Err err = {0};
    if (!suggestions_go(window->suggestions, session_clip(window->session),
                        session_is_retest(window->session), &window->suggestion_policy, &err))
        window_tell(window, err.message);
}

/* ---- accepting ------------------------------------------------------------------------------ */

static void accept(MelWindow *window, const FieldSuggestion *suggestion)
{
    AnswerField field = suggestion->field;
    char *value =
        suggestions_accept(window->suggestions, suggestion, session_answers(window->session));
    mel_form_answer(MEL_FORM(window->form), field, value);
    free(value);
    keep_soon(window);
}

/* The field's that the person is in, else the first one on screen. */
void window_accept_suggestion(MelWindow *window)
{
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(window));
    int at = mel_form_field_of(MEL_FORM(window->form), focus);
    const FieldSuggestion *found = at >= 0 ? visible(window, (AnswerField)at) : NULL;
    for (int i = 0; !found && i < ANSWER_FIELDS; i++)
        found = visible(window, (AnswerField)i);
    if (found)
        accept(window, found);
    else
        window_tell(window, _("Nothing is suggested here."));
}

static void accepted(MelForm *form, int field, MelWindow *window)
{
    (void)form;
    const FieldSuggestion *suggestion = visible(window, (AnswerField)field);
    if (suggestion) accept(window, suggestion);
}

void window_note_suggestions_submitted(MelWindow *window)
{
    suggestions_note_submitted(window->suggestions, session_answers(window->session));
    keep_soon(window);
}

/* ---- on and off ----------------------------------------------------------------------------- */

static void switched(GSimpleAction *action, GVariant *on, gpointer data)
{
    MelWindow *window = data;
    MelSettings *settings = mel_settings_new();
    window->suggestion_policy.on = g_variant_get_boolean(on);
    mel_settings_set(settings, SETTING_SUGGESTIONS, on);
    mel_settings_free(settings);
    g_simple_action_set_state(action, on);
    if (!session_clip(window->session)) return;
    window_take_suggestions(window);
    window_show_suggestions(window);
}

static void add_switch(MelWindow *window)
{
    GVariant *on = g_variant_new_boolean(window->suggestion_policy.on);
    GSimpleAction *action = g_simple_action_new_stateful("suggestions", NULL, on);
    g_signal_connect_object(action, "change-state", G_CALLBACK(switched), window, 0);
    g_action_map_add_action(G_ACTION_MAP(window), G_ACTION(action));
    g_object_unref(action);
}

void window_open_suggestions(MelWindow *window)
{
    Err err = {0};
    MelSettings *settings = mel_settings_new();
    window->suggestion_policy = (SuggestionPolicy){
        .on = mel_settings_flag(settings, SETTING_SUGGESTIONS),
        .control_percent = mel_settings_number(settings, SETTING_SUGGESTION_CONTROL)};
    mel_settings_free(settings);
    window->suggestions = suggestions_new(window->db, session_annotator(window->session));
    window->labels = answer_labels_new(window->db, &err);
    if (!window->labels) window_tell(window, err.message);
    add_switch(window);
    g_signal_connect(window->form, "accepted", G_CALLBACK(accepted), window);
    g_signal_connect_swapped(window, "notify::focus-widget", G_CALLBACK(window_show_suggestions),
                             window);
}

void window_close_suggestions(MelWindow *window)
{
    g_clear_handle_id(&window->suggestion_timer, g_source_remove);
    g_signal_handlers_disconnect_by_func(window, window_show_suggestions, NULL);
    if (window->suggestions) keep(window);
    g_clear_pointer(&window->suggestions, suggestions_free);
    g_clear_pointer(&window->labels, g_hash_table_unref);
}
