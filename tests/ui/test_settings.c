/* SPDX-License-Identifier: Apache-2.0
 *
 * The window comes back as it was left, and the program runs without a schema too. */
#include "annotator/data_folder.h"
#include "annotator/settings.h"
#include "tests/ui/ui.h"

#include <string.h>
#include <unistd.h>

static void forget(void)
{
    MelSettings *settings = mel_settings_new();
    for (int i = 0; i < MEL_SETTINGS; i++) {
        GVariant *usual = mel_setting_usual((MelSetting)i);
        assert_true(mel_settings_set(settings, (MelSetting)i, usual));
        g_variant_unref(usual);
    }
    mel_settings_free(settings);
}

static int setup(void **state)
{
    forget();
    return ui_setup(state);
}

static int teardown(void **state)
{
    int status = ui_teardown(state);
    forget();
    return status;
}

static gboolean state_of(Ui *ui, const char *action)
{
    GVariant *state = g_action_group_get_action_state(G_ACTION_GROUP(ui->window), action);
    gboolean on = g_variant_get_boolean(state);
    g_variant_unref(state);
    return on;
}

static gboolean is_dark(void)
{
    gboolean dark;
    g_object_get(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", &dark, NULL);
    return dark;
}

static GtkPaned *panes(Ui *ui) /* the outer ones */
{
    return GTK_PANED(ui_find(GTK_WIDGET(ui->window), GTK_TYPE_PANED));
}

/* ---- the window ------------------------------------------------------------------------------ */

static void a_hidden_list_stays_hidden(void **state)
{
    Ui *ui = *state;
    assert_true(state_of(ui, "list"));
    ui_keys("F9");
    assert_false(state_of(ui, "list"));
    ui_close(ui);
    ui_reopen(ui);
    assert_false(state_of(ui, "list"));
    assert_false(gtk_widget_get_visible(gtk_paned_get_start_child(panes(ui))));
    ui_keys("F9");
    assert_true(gtk_widget_get_visible(gtk_paned_get_start_child(panes(ui))));
}

static void dark_stays_dark(void **state)
{
    Ui *ui = *state;
    assert_false(is_dark());
    g_action_group_activate_action(G_ACTION_GROUP(ui->window), "dark", NULL);
    assert_true(is_dark());
    ui_close(ui);
    ui_reopen(ui);
    assert_true(is_dark());
    assert_true(state_of(ui, "dark"));
    g_action_group_activate_action(G_ACTION_GROUP(ui->window), "dark", NULL);
    assert_false(is_dark());
}

static void size_and_panes_come_back(void **state)
{
    int width, height;
    Ui *ui = *state;
    int before = gtk_widget_get_width(GTK_WIDGET(ui->window));
    gtk_window_set_default_size(GTK_WINDOW(ui->window), 1290, 830);
    gtk_paned_set_position(panes(ui), 301);
    UI_WAIT(gtk_widget_get_width(GTK_WIDGET(ui->window)) != before);
    int narrower = gtk_widget_get_width(GTK_WIDGET(ui->window));
    ui_close(ui);
    ui_reopen(ui);
    UI_WAIT(gtk_widget_get_width(GTK_WIDGET(ui->window)) == narrower);
    gtk_window_get_default_size(GTK_WINDOW(ui->window), &width, &height);
    assert_int_equal(width, 1290);
    assert_int_equal(height, 830);
    assert_int_equal(gtk_paned_get_position(panes(ui)), 301);
}

/* ---- the schema ------------------------------------------------------------------------------ */

static void the_schema_and_the_program_know_the_same_settings(void **state)
{
    (void)state;
    GError *error = NULL;
    char *folder = mel_data_folder("annotator/schemas", "none");
    GSettingsSchemaSource *source =
        g_settings_schema_source_new_from_directory(folder, NULL, TRUE, &error);
    if (!source) fail_msg("%s", error->message);
    GSettingsSchema *schema =
        g_settings_schema_source_lookup(source, "org.melkit.Annotator", FALSE);
    assert_non_null(schema);
    char **keys = g_settings_schema_list_keys(schema);
    assert_int_equal(g_strv_length(keys), MEL_SETTINGS);
    GSettings *kept = g_settings_new_full(schema, NULL, NULL);
    for (int i = 0; i < MEL_SETTINGS; i++) {
        GVariant *usual = mel_setting_usual((MelSetting)i);
        GVariant *said = g_settings_get_default_value(kept, mel_setting_key((MelSetting)i));
        if (!g_variant_equal(usual, said)) fail_msg("'%s'", mel_setting_key((MelSetting)i));
        g_variant_unref(usual);
        g_variant_unref(said);
    }
    g_object_unref(kept);
    g_strfreev(keys);
    g_settings_schema_unref(schema);
    g_settings_schema_source_unref(source);
    g_free(folder);
}

static void what_the_schema_forbids_is_refused(void **state)
{
    (void)state;
    MelSettings *settings = mel_settings_new();
    assert_true(mel_settings_are_kept(settings));
    assert_false(mel_settings_set(settings, SETTING_AUDIO, g_variant_new_string("gramophone")));
    assert_false(mel_settings_set(settings, SETTING_WIDTH, g_variant_new_int32(1 << 20)));
    assert_false(mel_settings_set(settings, SETTING_WIDTH, g_variant_new_string("wide")));
    char *audio = mel_settings_text(settings, SETTING_AUDIO);
    assert_string_equal(audio, "pulse");
    g_free(audio);
    mel_settings_free(settings);
}

/* This program twice more, with a file for what is set. */
static void what_is_set_is_there_in_the_next_run(void **state)
{
    (void)state;
    char *folder = test_folder();
    char *run = g_strdup_printf("GSETTINGS_BACKEND=keyfile XDG_CONFIG_HOME='%s' /proc/%d/exe",
                                folder, (int)getpid());
    assert_int_not_equal(test_shell("%s --find", run), 0);
    assert_int_equal(test_shell("%s --leave", run), 0);
    assert_int_equal(test_shell("%s --find", run), 0);
    g_free(run);
    test_folder_remove(folder);
}

static int leave_or_find(gboolean leave)
{
    MelSettings *settings = mel_settings_new();
    gboolean ok = leave ? mel_settings_set(settings, SETTING_STAGE_WIDTH, g_variant_new_int32(543))
                        : mel_settings_number(settings, SETTING_STAGE_WIDTH) == 543;
    mel_settings_free(settings);
    g_settings_sync();
    return !ok;
}

/* This program alone in another place finds no schema. */
static void without_a_schema_the_usual_values_hold(void **state)
{
    (void)state;
    char *folder = test_folder();
    int status = test_shell("mkdir '%s/bin' && cp /proc/%d/exe '%s/bin/alone' && "
                            "XDG_DATA_DIRS='%s' XDG_DATA_HOME='%s' '%s/bin/alone' --alone",
                            folder, (int)getpid(), folder, folder, folder, folder);
    assert_int_equal(status, 0);
    test_folder_remove(folder);
}

static int check_alone(void)
{
    MelSettings *settings = mel_settings_new();
    char *language = mel_settings_text(settings, SETTING_SPELLING_LANGUAGE);
    GSimpleAction *action = g_simple_action_new("bound", NULL);
    mel_settings_set(settings, SETTING_DARK, g_variant_new_boolean(FALSE));
    mel_settings_bind(settings, SETTING_DARK, action, "enabled");
    int wrong = g_action_get_enabled(G_ACTION(action)) || mel_settings_are_kept(settings) ||
                strcmp(language, "en_US") != 0 ||
                mel_settings_number(settings, SETTING_WIDTH) != 1360 ||
                !mel_settings_flag(settings, SETTING_SUGGESTIONS) ||
                mel_settings_set(settings, SETTING_WIDTH, g_variant_new_string("wide")) ||
                !mel_settings_set(settings, SETTING_WIDTH, g_variant_new_int32(1000)) ||
                mel_settings_number(settings, SETTING_WIDTH) != 1000;
    g_object_unref(action);
    g_free(language);
    mel_settings_free(settings);
    return wrong;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hidden_list_stays_hidden, setup, teardown),
        cmocka_unit_test_setup_teardown(dark_stays_dark, setup, teardown),
        cmocka_unit_test_setup_teardown(size_and_panes_come_back, setup, teardown),
        cmocka_unit_test(the_schema_and_the_program_know_the_same_settings),
        cmocka_unit_test(what_the_schema_forbids_is_refused),
        cmocka_unit_test(what_is_set_is_there_in_the_next_run),
        cmocka_unit_test(without_a_schema_the_usual_values_hold),
    };
    if (argc > 1 && strcmp(argv[1], "--alone") == 0) return check_alone();
    if (argc > 1) return leave_or_find(strcmp(argv[1], "--leave") == 0);
    gtk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
