/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/keys_window.h"

#include <glib/gi18n.h>

typedef struct Row {
    Keymap *keymap;
    KeyCommand command;
    GtkWidget *told;
} Row;

/* A list of keys that is refused stays to be mended; the reason stands below the table. */
static void entered(GtkEditable *entry, Row *row)
{
    Err err = {0};
    bool ok = keymap_change(row->keymap, row->command, gtk_editable_get_text(entry), &err);
    gtk_label_set_text(GTK_LABEL(row->told), ok ? "" : err.message);
    if (ok)
        gtk_widget_remove_css_class(GTK_WIDGET(entry), "error");
    else
        gtk_widget_add_css_class(GTK_WIDGET(entry), "error");
}

static void add_command(GtkGrid *grid, int place, Keymap *keymap, KeyCommand command,
                        GtkWidget *told)
{
    const char *name = _(key_command_label(command));
    GtkWidget *label = gtk_label_new(name), *entry = gtk_entry_new();
    Row *row = g_new(Row, 1);
    *row = (Row){keymap, command, told};
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_editable_set_text(GTK_EDITABLE(entry), keymap_keys(keymap, command));
    gtk_editable_set_width_chars(GTK_EDITABLE(entry), 22);
    gtk_accessible_update_property(GTK_ACCESSIBLE(entry), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
    g_object_set_data_full(G_OBJECT(entry), "row", row, g_free);
    g_signal_connect(entry, "changed", G_CALLBACK(entered), row);
    int half = (COMMANDS + 1) / 2, column = place < half ? 0 : 2;
    gtk_grid_attach(grid, label, column, place % half, 1, 1);
    gtk_grid_attach(grid, entry, column + 1, place % half, 1, 1);
}

static gboolean escape(GtkWidget *window, GVariant *arguments, gpointer data)
{
    (void)arguments, (void)data;
    gtk_window_close(GTK_WINDOW(window));
    return TRUE;
}

void mel_keys_window_present(GtkWindow *parent, Keymap *keymap)
{
    GtkWidget *window = gtk_window_new(), *grid = gtk_grid_new();
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 8);
    GtkWidget *hint = gtk_label_new(_("Several keys are parted by blanks: space F13 shift+Left "
                                      "ctrl+z code:24 (a place on the keyboard)"));
    GtkWidget *told = gtk_label_new("");
    gtk_window_set_title(GTK_WINDOW(window), _("All keys"));
    gtk_window_set_transient_for(GTK_WINDOW(window), parent);
    gtk_window_set_destroy_with_parent(GTK_WINDOW(window), TRUE);
    gtk_grid_set_row_spacing(GTK_GRID(grid), 2);
    gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
    for (int i = 0; i < COMMANDS; i++)
        add_command(GTK_GRID(grid), i, keymap, (KeyCommand)i, told);
    gtk_widget_set_margin_start(box, 12);
    gtk_widget_set_margin_end(box, 12);
    gtk_widget_set_margin_top(box, 12);
    gtk_widget_set_margin_bottom(box, 12);
    gtk_widget_add_css_class(told, "lint-must");
    gtk_widget_add_css_class(hint, "dim-label");
    gtk_box_append(GTK_BOX(box), grid);
    gtk_box_append(GTK_BOX(box), hint);
    gtk_box_append(GTK_BOX(box), told);
    gtk_window_set_child(GTK_WINDOW(window), box);
    GtkEventController *shortcuts = gtk_shortcut_controller_new();
    gtk_shortcut_controller_add_shortcut(
        GTK_SHORTCUT_CONTROLLER(shortcuts),
        gtk_shortcut_new(gtk_keyval_trigger_new(GDK_KEY_Escape, 0),
                         gtk_callback_action_new(escape, NULL, NULL)));
    gtk_widget_add_controller(window, shortcuts);
    gtk_window_present(GTK_WINDOW(window));
}
