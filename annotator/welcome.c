/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/welcome.h"

#include <glib/gi18n.h>

typedef struct Question {
    GApplication *application;
    MelFolderChosen chosen;
    gpointer data;
} Question;

static void answered(GtkNativeDialog *dialog, int response, Question *question)
{
    GFile *file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
    char *path = file && response == GTK_RESPONSE_ACCEPT ? g_file_get_path(file) : NULL;
    gtk_native_dialog_hide(dialog);
    if (path) question->chosen(question->application, path, question->data);
    g_application_release(question->application);
    g_clear_object(&file);
    g_object_unref(dialog);
    g_free(path);
    g_free(question);
}

void mel_welcome_choose(GApplication *application, MelFolderChosen chosen, gpointer data)
{
    Question *question = g_new(Question, 1);
    *question = (Question){application, chosen, data};
    GtkFileChooserNative *dialog = gtk_file_chooser_native_new(
        _("Which dataset?"), NULL, GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _("_Open"), _("_Cancel"));
    g_signal_connect(dialog, "response", G_CALLBACK(answered), question);
    g_application_hold(application);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(dialog));
}

void mel_welcome_complain(GApplication *application, const Err *err)
{
    GtkWidget *dialog =
        gtk_message_dialog_new(NULL, 0, GTK_MESSAGE_ERROR, GTK_BUTTONS_CLOSE, "%s", err->message);
    if (*err->hint)
        gtk_message_dialog_format_secondary_text(GTK_MESSAGE_DIALOG(dialog), "%s", err->hint);
    gtk_window_set_title(GTK_WINDOW(dialog), _("Melkit Annotator"));
    gtk_window_set_application(GTK_WINDOW(dialog), GTK_APPLICATION(application));
    g_signal_connect(dialog, "response", G_CALLBACK(gtk_window_destroy), NULL);
    gtk_window_present(GTK_WINDOW(dialog));
}
