/* SPDX-License-Identifier: Apache-2.0
 *
 * The program started from the desktop, where there is no dataset in the working folder. */
#include "annotator/welcome.h"
#include "tests/ui/ui.h"

typedef struct Choice {
    int calls;
    char *folder;
} Choice;

static void chosen(GApplication *application, const char *folder, gpointer data)
{
    Choice *choice = data;
    (void)application;
    choice->calls++;
    choice->folder = g_strdup(folder);
}

/* The window of that type which is shown, or NULL. */
static GtkWidget *shown(GType type)
{
    GListModel *all = gtk_window_get_toplevels();
    GtkWidget *found = NULL;
    for (guint i = 0; i < g_list_model_get_n_items(all); i++) {
        GtkWidget *window = g_list_model_get_item(all, i);
        if (g_type_is_a(G_OBJECT_TYPE(window), type) && gtk_widget_get_mapped(window))
            found = window;
        g_object_unref(window);
    }
    return found;
}

static gboolean has_chosen(GtkWidget *dialog, GFile *folder)
{
    GFile *now = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
    gboolean same = now && g_file_equal(now, folder);
    g_clear_object(&now);
    return same;
}

static void a_folder_is_asked_for_and_taken(void **state)
{
    Ui *ui = *state;
    Choice choice = {0};
    GFile *folder = g_file_new_for_path(ui->folder);
    mel_welcome_choose(G_APPLICATION(ui->application), chosen, &choice);
    UI_WAIT(shown(GTK_TYPE_FILE_CHOOSER_DIALOG));
    GtkWidget *dialog = shown(GTK_TYPE_FILE_CHOOSER_DIALOG);
    assert_true(gtk_file_chooser_set_file(GTK_FILE_CHOOSER(dialog), folder, NULL));
    UI_WAIT(has_chosen(dialog, folder));
    gtk_dialog_response(GTK_DIALOG(dialog), GTK_RESPONSE_ACCEPT);
    UI_WAIT(choice.calls == 1);
    assert_string_equal(choice.folder, ui->folder);
    g_object_unref(folder);
    g_free(choice.folder);
}

static void no_folder_is_an_answer_too(void **state)
{
    Ui *ui = *state;
    Choice choice = {0};
    mel_welcome_choose(G_APPLICATION(ui->application), chosen, &choice);
    UI_WAIT(shown(GTK_TYPE_FILE_CHOOSER_DIALOG));
    GtkWidget *dialog = shown(GTK_TYPE_FILE_CHOOSER_DIALOG);
    gtk_dialog_response(GTK_DIALOG(dialog), GTK_RESPONSE_CANCEL);
    ui_settle(ui);
    assert_int_equal(choice.calls, 0);
}

static void what_went_wrong_is_on_screen(void **state)
{
    Ui *ui = *state;
    Err err = {0};
    char *text, *hint;
    mel_err(&err, ERR_NOT_FOUND, "there is no dataset in '%s'", "here");
    mel_err_hint(&err, "'mel init' makes one");
    mel_welcome_complain(G_APPLICATION(ui->application), &err);
    UI_WAIT(shown(GTK_TYPE_MESSAGE_DIALOG));
    GtkWidget *dialog = shown(GTK_TYPE_MESSAGE_DIALOG);
    g_object_get(dialog, "text", &text, "secondary-text", &hint, NULL);
    assert_string_equal(text, "there is no dataset in 'here'");
    assert_string_equal(hint, "'mel init' makes one");
    gpointer gone = dialog;
    g_object_add_weak_pointer(G_OBJECT(dialog), &gone);
    gtk_dialog_response(GTK_DIALOG(dialog), GTK_RESPONSE_CLOSE);
    UI_WAIT(!gone);
    g_free(text);
    g_free(hint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_is_asked_for_and_taken, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(no_folder_is_an_answer_too, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(what_went_wrong_is_on_screen, ui_setup, ui_teardown),
    };
    gtk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
