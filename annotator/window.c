/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/window_internal.h"

#include <glib/gi18n.h>

G_DEFINE_FINAL_TYPE(MelWindow, mel_window, GTK_TYPE_APPLICATION_WINDOW)

static void form_edited(MelForm *form, int field, const char *value, MelWindow *window)
{
    (void)form;
    window_edited(window, (AnswerField)field, value);
}

static void still_chosen(MelFilmstrip *strip, int position, MelWindow *window)
{
    char text[16] = "";
    (void)strip;
    if (position >= 0) g_snprintf(text, sizeof text, "%d", position);
    window_edited(window, ANSWER_FRAME, text);
    if (position >= 0) mel_form_focus(MEL_FORM(window->form), COMMAND_why); /* the next key says */
}

static void still_looked_at(MelFilmstrip *strip, gint64 time_us, MelWindow *window)
{
    (void)strip;
    mel_stage_seek_us(MEL_STAGE(window->stage), time_us);
}

static void part_told(GtkWidget *part, const char *sentence, MelWindow *window)
{
    (void)part;
    window_tell(window, sentence);
}

static gboolean close_request(GtkWindow *gtk_window)
{
    MelWindow *window = MEL_WINDOW(gtk_window);
    if (!window_keep(window)) return TRUE; /* stays, and says why */
    return GTK_WINDOW_CLASS(mel_window_parent_class)->close_request(gtk_window);
}

static void dispose(GObject *object)
{
    MelWindow *window = MEL_WINDOW(object);
    g_clear_handle_id(&window->timer, g_source_remove);
    window_close_lint(window);
    window_close_suggestions(window);
    if (window->stage) g_signal_handlers_disconnect_by_data(window->stage, window);
    window->stage = NULL; /* a clip that loads may keep it a while */
    gtk_widget_dispose_template(GTK_WIDGET(object), MEL_TYPE_WINDOW);
    g_clear_object(&window->selection);
    G_OBJECT_CLASS(mel_window_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MelWindow *window = MEL_WINDOW(object);
    session_close(window->session);
    mel_db_close(window->db);
    g_free(window->locked);
    g_free(window->place);
    g_free(window->item_title);
    g_free(window->item_channel);
    G_OBJECT_CLASS(mel_window_parent_class)->finalize(object);
}

static void mel_window_class_init(MelWindowClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    GTK_WINDOW_CLASS(class)->close_request = close_request;
    gtk_widget_class_set_template_from_resource(widget, "/org/melkit/Annotator/window.ui");
    gtk_widget_class_bind_template_child(widget, MelWindow, title);
    gtk_widget_class_bind_template_child(widget, MelWindow, subtitle);
    gtk_widget_class_bind_template_child(widget, MelWindow, submit);
    gtk_widget_class_bind_template_child(widget, MelWindow, progress);
    gtk_widget_class_bind_template_child(widget, MelWindow, conflict);
    gtk_widget_class_bind_template_child(widget, MelWindow, outer);
    gtk_widget_class_bind_template_child(widget, MelWindow, inner);
    gtk_widget_class_bind_template_child(widget, MelWindow, side);
    gtk_widget_class_bind_template_child(widget, MelWindow, search);
    gtk_widget_class_bind_template_child(widget, MelWindow, state_filter);
    gtk_widget_class_bind_template_child(widget, MelWindow, list);
    gtk_widget_class_bind_template_child(widget, MelWindow, left);
    gtk_widget_class_bind_template_child(widget, MelWindow, form_scroller);
    gtk_widget_class_bind_template_child(widget, MelWindow, status);
    gtk_widget_class_bind_template_child(widget, MelWindow, saved);
}

static void mel_window_init(MelWindow *window)
{
    gtk_widget_init_template(GTK_WIDGET(window));
}

static void build(MelWindow *window, const char *audio)
{
    window->stage = mel_stage_new(audio);
    window->strip = mel_filmstrip_new();
    window->form = mel_form_new(window->db);
    gtk_widget_set_vexpand(window->stage, TRUE);
    gtk_box_append(GTK_BOX(window->left), window->stage);
    gtk_box_append(GTK_BOX(window->left), window->strip);
    gtk_box_append(GTK_BOX(window->left), mel_form_words(MEL_FORM(window->form)));
    gtk_widget_set_focusable(window->stage, TRUE);
    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(window->form_scroller), window->form);
    g_signal_connect(window->form, "edited", G_CALLBACK(form_edited), window);
    g_signal_connect(window->strip, "chosen", G_CALLBACK(still_chosen), window);
    g_signal_connect(window->strip, "looked-at", G_CALLBACK(still_looked_at), window);
    g_signal_connect(window->strip, "told", G_CALLBACK(part_told), window);
    g_signal_connect(window->stage, "told", G_CALLBACK(part_told), window);
}

GtkWidget *mel_window_new(GtkApplication *application, const MelWindowSetup *setup)
{
    MelWindow *window = g_object_new(MEL_TYPE_WINDOW, "application", application, NULL);
    window->db = setup->db;
    window->session = setup->session;
    window->keymap = setup->keymap;
    window->place = g_strdup(setup->place);
    if (setup->locked)
        window->locked = g_strdup_printf(_("Nothing can be kept now: %s"), setup->locked);
    build(window, setup->audio);
    window_open_lint(window);
    window_open_suggestions(window);
    window_install_actions(window);
    window_install_packet(window);
    window_install_keys(window);
    window_bind_settings(window);
    window_build_list(window);
    window_start_keeping(window);
    window_go_back_to(window, setup->place);
    gtk_widget_grab_focus(window->stage); /* the first key is a command */
    return GTK_WIDGET(window);
}

Session *mel_window_session(MelWindow *window)
{
    return window->session;
}

MelStage *mel_window_stage(MelWindow *window)
{
    return MEL_STAGE(window->stage);
}
