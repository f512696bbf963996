/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/interval_bar.h"

#include <glib/gi18n.h>
#include <math.h>

enum { WIDTH = 140, HEIGHT = 14, LINE = 2 };

struct _MelIntervalBar {
    GtkWidget parent_instance;
    double value, low, high;
};

G_DEFINE_FINAL_TYPE(MelIntervalBar, mel_interval_bar, GTK_TYPE_WIDGET)

static void measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                    int *natural, int *minimum_baseline, int *natural_baseline)
{
    (void)widget, (void)for_size;
    *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? WIDTH : HEIGHT;
    *minimum_baseline = *natural_baseline = -1;
}

static void fill(GtkSnapshot *snapshot, GdkRGBA color, float alpha, double from, double to,
                 double height)
{
    color.alpha *= alpha;
    const graphene_rect_t area =
        GRAPHENE_RECT_INIT((float)from, 0, (float)(to - from), (float)height);
    gtk_snapshot_append_color(snapshot, &color, &area);
}

static void snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
    const MelIntervalBar *bar = MEL_INTERVAL_BAR(widget);
    static const double marks[] = {0.667, 0.8};
    GdkRGBA color;
    double width = gtk_widget_get_width(widget) - LINE, height = gtk_widget_get_height(widget);
    gtk_style_context_get_color(gtk_widget_get_style_context(widget), &color);
    fill(snapshot, color, 0.08F, 0, width + LINE, height);
    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
        fill(snapshot, color, 0.25F, marks[i] * width, marks[i] * width + 1, height);
    if (!isnan(bar->low))
        fill(snapshot, color, 0.35F, CLAMP(bar->low, 0, 1) * width,
             CLAMP(bar->high, 0, 1) * width + LINE, height);
    double at = CLAMP(bar->value, 0, 1) * width;
    fill(snapshot, color, 1, at, at + LINE, height);
}

static void mel_interval_bar_class_init(MelIntervalBarClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    widget->measure = measure;
    widget->snapshot = snapshot;
    gtk_widget_class_set_css_name(widget, "intervalbar");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_IMG);
}

static void mel_interval_bar_init(MelIntervalBar *bar)
{
    gtk_widget_set_valign(GTK_WIDGET(bar), GTK_ALIGN_CENTER);
}

GtkWidget *mel_interval_bar_new(double value, double low, double high)
{
    MelIntervalBar *bar = g_object_new(MEL_TYPE_INTERVAL_BAR, NULL);
    bar->value = value;
    bar->low = low;
    bar->high = high;
    char *said = isnan(low) ? g_strdup_printf(_("%.3f, without an interval"), value)
                            : g_strdup_printf(_("%.3f, between %.3f and %.3f"), value, low, high);
    gtk_accessible_update_property(GTK_ACCESSIBLE(bar), GTK_ACCESSIBLE_PROPERTY_LABEL, said, -1);
    gtk_widget_set_tooltip_text(GTK_WIDGET(bar), said);
    g_free(said);
    return GTK_WIDGET(bar);
}
