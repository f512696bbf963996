/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/suggestion_line.h"

#include <glib/gi18n.h>
#include <string.h>

struct _MelSuggestionLine {
    GtkWidget parent_instance;
    GtkWidget *label, *button;
    char *title;
};

G_DEFINE_FINAL_TYPE(MelSuggestionLine, mel_suggestion_line, GTK_TYPE_WIDGET)

enum { ACCEPTED, SIGNALS };
static guint signals[SIGNALS];

static void clicked(GtkButton *button, MelSuggestionLine *line)
{
    (void)button;
    g_signal_emit(line, signals[ACCEPTED], 0);
}

void mel_suggestion_line_show(MelSuggestionLine *line, const char *text, const char *keys)
{
    gtk_widget_set_visible(GTK_WIDGET(line), text != NULL);
    if (!text || g_strcmp0(gtk_label_get_text(GTK_LABEL(line->label)), text) == 0) return;
    char *name = g_strdup_printf(_("Accept for %s, %s"), line->title, text);
    char *hint = g_strdup_printf(_("Accept (%s)"), keys);
    char *sign = g_strdup_printf("✓ %.*s", (int)strcspn(keys, " "), keys);
    gtk_label_set_text(GTK_LABEL(line->label), text);
    gtk_button_set_label(GTK_BUTTON(line->button), sign);
    gtk_widget_set_tooltip_text(line->label, text);
    gtk_widget_set_tooltip_text(line->button, hint);
    gtk_accessible_update_property(GTK_ACCESSIBLE(line->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   name, -1);
    gtk_accessible_update_property(GTK_ACCESSIBLE(line), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
    g_free(name);
    g_free(hint);
    g_free(sign);
}

/* ---- the widget ------------------------------------------------------------------------------ */

static void dispose(GObject *object)
{
    MelSuggestionLine *line = MEL_SUGGESTION_LINE(object);
    g_clear_pointer(&line->label, gtk_widget_unparent);
    g_clear_pointer(&line->button, gtk_widget_unparent);
    G_OBJECT_CLASS(mel_suggestion_line_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    g_free(MEL_SUGGESTION_LINE(object)->title);
    G_OBJECT_CLASS(mel_suggestion_line_parent_class)->finalize(object);
}

static void mel_suggestion_line_class_init(MelSuggestionLineClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BOX_LAYOUT);
    gtk_widget_class_set_css_name(widget, "suggestion");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    signals[ACCEPTED] = g_signal_new("accepted", MEL_TYPE_SUGGESTION_LINE, G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void mel_suggestion_line_init(MelSuggestionLine *line)
{
    line->label = gtk_label_new("");
    line->button = gtk_button_new();
    gtk_label_set_ellipsize(GTK_LABEL(line->label), PANGO_ELLIPSIZE_END);
    gtk_widget_add_css_class(line->button, "flat");
    gtk_widget_set_focus_on_click(line->button, FALSE);
    gtk_widget_set_parent(line->label, GTK_WIDGET(line));
    gtk_widget_set_parent(line->button, GTK_WIDGET(line));
    gtk_widget_set_visible(GTK_WIDGET(line), FALSE);
    g_signal_connect(line->button, "clicked", G_CALLBACK(clicked), line);
}

GtkWidget *mel_suggestion_line_new(const char *title)
{
    MelSuggestionLine *line = g_object_new(MEL_TYPE_SUGGESTION_LINE, NULL);
    line->title = g_strdup(title);
    gtk_accessible_update_property(GTK_ACCESSIBLE(line->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   title, -1);
    return GTK_WIDGET(line);
}
