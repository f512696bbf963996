/* SPDX-License-Identifier: Apache-2.0
 *
 * One dispatcher sees every key before any widget. Where a text is being typed it takes none but
 * those with Ctrl and the function keys; elsewhere a key is first for the field of buttons that has
 * the focus, then a command. */
#include "annotator/choice.h"
#include "annotator/keys_window.h"
#include "annotator/window_internal.h"

#include <glib/gi18n.h>

/* ---- what commands do ---------------------------------------------------------------------------
 */

static void undo_or_redo(MelWindow *window, UndoWay way)
{
    Err err = {0};
    bool moved;
    AnswerField field;
    if (!session_undo(window->session, way, &moved, &field, &err)) {
        const char *nothing =
            way == UNDO ? _("There is nothing to undo.") : _("There is nothing to redo.");
        window_tell(window, mel_err_is_set(&err) ? err.message : nothing);
        return;
    }
    window_changed(window);
    if (moved)
        window_display(window);
    else
        window_show_answers(window);
}

static void submit(MelWindow *window)
{
    if (window_submit(window)) window_step(window, 1, TRUE);
}

static void toggle_list(MelWindow *window)
{
    gboolean visible = !gtk_widget_get_visible(window->side);
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(window), "list");
    gtk_widget_set_visible(window->side, visible);
    g_simple_action_set_state(G_SIMPLE_ACTION(action), g_variant_new_boolean(visible));
}

static void find(MelWindow *window)
{
    if (!gtk_widget_get_visible(window->side)) toggle_list(window);
    gtk_widget_grab_focus(window->search);
}

static gboolean run(MelWindow *window, KeyCommand command)
{
    switch (command) {
    case COMMAND_submit:
        submit(window);
        return TRUE;
    case COMMAND_next:
    case COMMAND_previous:
        window_step(window, command == COMMAND_next ? 1 : -1, FALSE);
        return TRUE;
    case COMMAND_undo:
    case COMMAND_redo:
        undo_or_redo(window, command == COMMAND_undo ? UNDO : REDO);
        return TRUE;
    case COMMAND_find:
        find(window);
        return TRUE;
    case COMMAND_list:
        toggle_list(window);
        return TRUE;
    case COMMAND_keys:
        mel_keys_window_present(GTK_WINDOW(window), window->keymap);
        return TRUE;
    case COMMAND_review:
        window_open_review(window);
        return TRUE;
    case COMMAND_agreement:
        window_open_agreement(window);
        return TRUE;
    case COMMAND_accept:
        window_accept_suggestion(window);
        return TRUE;
    case COMMAND_tap:
        mel_form_tap(MEL_FORM(window->form));
        return TRUE;
    case COMMAND_bpm_double:
    case COMMAND_bpm_half:
        mel_form_fold(MEL_FORM(window->form), command == COMMAND_bpm_half ? TAP_HALVE : TAP_DOUBLE);
        return TRUE;
    case COMMAND_still:
        return gtk_widget_grab_focus(window->strip);
    default:
        return mel_stage_command(MEL_STAGE(window->stage), command) ||
               mel_form_focus(MEL_FORM(window->form), command);
    }
}

/* ---- keys
 * ---------------------------------------------------------------------------------------- */

static gboolean is_typing(GtkWidget *focus)
{
    return focus && (GTK_IS_TEXT(focus) || GTK_IS_TEXT_VIEW(focus) || GTK_IS_EDITABLE(focus));
}

static gboolean is_function_key(guint keyval)
{
    return keyval >= GDK_KEY_F1 && keyval <= GDK_KEY_F35;
}

/* The key's name without Shift: GDK_KEY_A is "a" with shift. */
static const char *name_of(GtkEventControllerKey *keys, guint keyval, guint keycode)
{
    GdkKeymapKey *places = NULL;
    guint *values = NULL;
    int count = 0;
    guint plain = gdk_keyval_to_lower(keyval);
    GdkDisplay *display =
        gtk_widget_get_display(gtk_event_controller_get_widget(GTK_EVENT_CONTROLLER(keys)));
    gboolean letter = plain != gdk_keyval_to_upper(keyval);
    if (!letter && gdk_display_map_keycode(display, keycode, &places, &values, &count)) {
        for (int i = 0; i < count; i++) /* '?' itself where Shift makes it, '/' where it does not */
            if (places[i].level == 0 && places[i].group == 0 && values[i] == keyval) plain = keyval;
    }
    g_free(places);
    g_free(values);
    return gdk_keyval_name(plain);
}

/* In a field of buttons, and among the stills, keys of the upper rows choose. */
static gboolean choose(MelWindow *window, GtkWidget *focus, guint keycode)
{
    int n = mel_choice_key(keycode);
    if (!focus || n < 0) return FALSE;
    if (gtk_widget_is_ancestor(focus, window->strip))
        return mel_filmstrip_press(MEL_FILMSTRIP(window->strip), (guint)n);
    GtkWidget *field = gtk_widget_get_ancestor(focus, MEL_TYPE_CHOICE);
    return field && mel_choice_press(MEL_CHOICE(field), (guint)n);
}

/* Escape leaves a field: letters are commands again. */
static void leave_field(MelWindow *window)
{
    gtk_widget_grab_focus(window->stage);
}

static gboolean key_pressed(GtkEventControllerKey *keys, guint keyval, guint keycode,
                            GdkModifierType modifiers, MelWindow *window)
{
    KeyCommand command;
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(window));
    gboolean ctrl = (modifiers & GDK_CONTROL_MASK) != 0;
    gboolean shift = (modifiers & GDK_SHIFT_MASK) != 0;
    session_alive(window->session);
    if (modifiers & (GDK_ALT_MASK | GDK_SUPER_MASK)) return FALSE;
    if (keyval == GDK_KEY_Escape) {
        leave_field(window);
        return TRUE;
    }
    gboolean back = keyval == GDK_KEY_ISO_Left_Tab || (keyval == GDK_KEY_Tab && shift);
    if (focus && !ctrl && (back || keyval == GDK_KEY_Tab) &&
        mel_form_step(MEL_FORM(window->form), focus, back ? -1 : 1))
        return TRUE;
    if (is_typing(focus) && !ctrl && !is_function_key(keyval)) return FALSE;
    if (!ctrl && !shift && choose(window, focus, keycode)) return TRUE;
    KeyPress press = {name_of(keys, keyval, keycode), keycode, shift, ctrl};
    bool found = keymap_find(window->keymap, &press, &command);
    if (!found && shift) { /* "question" is a key of its own name, whatever makes it */
        press.shift = false;
        found = keymap_find(window->keymap, &press, &command) &&
                gdk_keyval_to_lower(keyval) == gdk_keyval_to_upper(keyval) &&
                gdk_keyval_to_unicode(keyval);
    }
    return found && run(window, command);
}

void window_install_keys(MelWindow *window)
{
    GtkEventController *keys = gtk_event_controller_key_new();
    gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
    g_signal_connect(keys, "key-pressed", G_CALLBACK(key_pressed), window);
    gtk_widget_add_controller(GTK_WIDGET(window), keys);
}

/* ---- actions
 * ------------------------------------------------------------------------------------- */

static void command_action(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    (void)parameter;
    const char *name = g_action_get_name(G_ACTION(action));
    for (int i = 0; i < COMMANDS; i++)
        if (g_strcmp0(key_command_name((KeyCommand)i), name) == 0) run(data, (KeyCommand)i);
}

static void resolve(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    (void)parameter;
    Err err = {0};
    MelWindow *window = data;
    bool mine = g_strcmp0(g_action_get_name(G_ACTION(action)), "keep-mine") == 0;
    if (!session_resolve(window->session, mine, &err)) {
        window_tell(window, err.message);
        return;
    }
    gtk_revealer_set_reveal_child(GTK_REVEALER(window->conflict), FALSE);
    window->retry_us = 0;
    window_show_answers(window);
}

static void set_dark(GSimpleAction *action, GVariant *value, gpointer data)
{
    (void)data;
    g_object_set(gtk_settings_get_default(), "gtk-application-prefer-dark-theme",
                 g_variant_get_boolean(value), NULL);
    g_simple_action_set_state(action, value);
}

static void about(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    (void)action, (void)parameter;
    gtk_show_about_dialog(data, "program-name", "Melkit Annotator", "version", MEL_VERSION,
                          "comments", _("Pictures, texts and music, joined by ear and eye"),
                          "license-type", GTK_LICENSE_APACHE_2_0, "logo-icon-name",
                          "org.melkit.Annotator", NULL);
}

void window_install_actions(MelWindow *window)
{
    static const GActionEntry entries[] = {
        {"submit",      command_action, NULL, NULL,    NULL,     {0}},
        {"next",        command_action, NULL, NULL,    NULL,     {0}},
        {"previous",    command_action, NULL, NULL,    NULL,     {0}},
        {"undo",        command_action, NULL, NULL,    NULL,     {0}},
        {"redo",        command_action, NULL, NULL,    NULL,     {0}},
        {"keys",        command_action, NULL, NULL,    NULL,     {0}},
        {"review",      command_action, NULL, NULL,    NULL,     {0}},
        {"agreement",   command_action, NULL, NULL,    NULL,     {0}},
        {"list",        command_action, NULL, "true",  NULL,     {0}},
        {"keep-mine",   resolve,        NULL, NULL,    NULL,     {0}},
        {"take-theirs", resolve,        NULL, NULL,    NULL,     {0}},
        {"dark",        NULL,           NULL, "false", set_dark, {0}},
        {"about",       about,          NULL, NULL,    NULL,     {0}},
    };
    g_action_map_add_action_entries(G_ACTION_MAP(window), entries, G_N_ELEMENTS(entries), window);
}
