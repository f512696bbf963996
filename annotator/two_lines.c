/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/two_lines.h"

void mel_two_lines_setup(GtkSignalListItemFactory *factory, GtkListItem *cell, gpointer data)
{
    (void)factory, (void)data;
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    for (int i = 0; i < 2; i++) {
        GtkWidget *label = gtk_label_new("");
        gtk_label_set_xalign(GTK_LABEL(label), 0);
        gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
        gtk_box_append(GTK_BOX(box), label);
        if (i == 1) gtk_widget_add_css_class(label, "row-state");
    }
    gtk_list_item_set_child(cell, box);
}

void mel_two_lines_show(GtkListItem *cell, const char *title, const char *state)
{
    GtkWidget *box = gtk_list_item_get_child(cell);
    gtk_label_set_text(GTK_LABEL(gtk_widget_get_first_child(box)), title);
    gtk_label_set_text(GTK_LABEL(gtk_widget_get_last_child(box)), state);
    gtk_accessible_update_property(GTK_ACCESSIBLE(box), GTK_ACCESSIBLE_PROPERTY_LABEL, title,
                                   GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, state, -1);
}
