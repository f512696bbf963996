/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/octaves.h"

#include "annotator/core/tap.h"

#include <glib/gi18n.h>
#include <math.h>

enum { HALF, TAPPED, TWICE, PLACES };

struct _MelOctaves {
    GtkWidget parent_instance;
    GtkWidget *buttons[PLACES];
    double bpm[PLACES];
};

G_DEFINE_FINAL_TYPE(MelOctaves, mel_octaves, GTK_TYPE_WIDGET)

enum { CHOSEN, SIGNALS };
static guint signals[SIGNALS];

static void clicked(GtkButton *button, MelOctaves *octaves)
{
    for (int i = 0; i < PLACES; i++)
        if (octaves->buttons[i] == GTK_WIDGET(button))
            g_signal_emit(octaves, signals[CHOSEN], 0, octaves->bpm[i]);
}

static void show_button(MelOctaves *octaves, int place)
{
    static const char *const marks[PLACES] = {"½  %.4g", "%.4g", "×2  %.4g"};
    static const char *const names[PLACES] = {N_("Half of what was tapped: %.4g beats a minute"),
                                              N_("As it was tapped: %.4g beats a minute"),
                                              N_("Twice what was tapped: %.4g beats a minute")};
    GtkWidget *button = octaves->buttons[place];
    double bpm = octaves->bpm[place];
    char *mark = g_strdup_printf(marks[place], bpm), *name = g_strdup_printf(_(names[place]), bpm);
    gtk_button_set_label(GTK_BUTTON(button), mark);
    gtk_widget_set_tooltip_text(button, name);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
    gtk_widget_set_visible(button, !isnan(bpm));
    g_free(mark);
    g_free(name);
}

void mel_octaves_show(MelOctaves *octaves, double bpm)
{
    octaves->bpm[HALF] = tap_fold(bpm, TAP_HALVE);
    octaves->bpm[TAPPED] = bpm;
    octaves->bpm[TWICE] = tap_fold(bpm, TAP_DOUBLE);
    for (int i = 0; i < PLACES; i++)
        show_button(octaves, i);
    gtk_widget_set_visible(GTK_WIDGET(octaves), !isnan(bpm));
}

static void dispose(GObject *object)
{
    MelOctaves *octaves = MEL_OCTAVES(object);
    for (int i = 0; i < PLACES; i++)
        g_clear_pointer(&octaves->buttons[i], gtk_widget_unparent);
    G_OBJECT_CLASS(mel_octaves_parent_class)->dispose(object);
}

static void mel_octaves_class_init(MelOctavesClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BOX_LAYOUT);
    gtk_widget_class_set_css_name(widget, "octaves");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    signals[CHOSEN] = g_signal_new("chosen", MEL_TYPE_OCTAVES, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 1, G_TYPE_DOUBLE);
}

static void mel_octaves_init(MelOctaves *octaves)
{
    GtkLayoutManager *layout = gtk_widget_get_layout_manager(GTK_WIDGET(octaves));
    gtk_box_layout_set_spacing(GTK_BOX_LAYOUT(layout), 3);
    gtk_widget_set_halign(GTK_WIDGET(octaves), GTK_ALIGN_END);
    for (int i = 0; i < PLACES; i++) {
        octaves->buttons[i] = gtk_button_new();
        gtk_widget_add_css_class(octaves->buttons[i], "term");
        gtk_widget_set_parent(octaves->buttons[i], GTK_WIDGET(octaves));
        g_signal_connect(octaves->buttons[i], "clicked", G_CALLBACK(clicked), octaves);
    }
    mel_octaves_show(octaves, NAN);
}

GtkWidget *mel_octaves_new(void)
{
    GtkWidget *octaves = g_object_new(MEL_TYPE_OCTAVES, NULL);
    gtk_accessible_update_property(GTK_ACCESSIBLE(octaves), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("The tapped tempo and its octaves"), -1);
    return octaves;
}
