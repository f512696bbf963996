/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/filmstrip.h"

#include "annotator/stills.h"

#include <glib/gi18n.h>

enum { THUMB_WIDTH = 85, THUMB_HEIGHT = 64, NEAR_BITS = 8 }; /* the width, before it is known */

struct _MelFilmstrip {
    GtkWidget parent_instance;
    GtkWidget *scroller, *box;
    GPtrArray *buttons; /* GtkToggleButton, by place; "position" and "time" */
    Stills *stills;
    int chosen;
    gboolean loading;
};

G_DEFINE_FINAL_TYPE(MelFilmstrip, mel_filmstrip, GTK_TYPE_WIDGET)

enum { CHOSEN, LOOKED_AT, TOLD, SIGNALS };
static guint signals[SIGNALS];

static int position_of(gpointer button)
{
    return GPOINTER_TO_INT(g_object_get_data(button, "position"));
}

static void show_chosen(MelFilmstrip *strip)
{
    strip->loading = TRUE;
    for (guint i = 0; i < strip->buttons->len; i++) {
        gpointer button = g_ptr_array_index(strip->buttons, i);
        gtk_toggle_button_set_active(button, position_of(button) == strip->chosen);
    }
    strip->loading = FALSE;
}

static void toggled(GtkToggleButton *button, MelFilmstrip *strip)
{
    if (strip->loading) return;
    strip->chosen = gtk_toggle_button_get_active(button) ? position_of(button) : -1;
    show_chosen(strip);
    g_signal_emit(strip, signals[CHOSEN], 0, strip->chosen);
    gint64 *time_us = g_object_get_data(G_OBJECT(button), "time");
    if (strip->chosen >= 0) g_signal_emit(strip, signals[LOOKED_AT], 0, *time_us);
}

/* The first earlier still that looks the same, or -1. */
static int twin_of(const ClipItem *item, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (__builtin_popcountll(item->stills[i].picture_hash ^ item->stills[k].picture_hash) <=
            NEAR_BITS)
            return (int)k;
    return -1;
}

static gboolean is_sharpest(const ClipItem *item, size_t i)
{
    for (size_t k = 0; k < item->still_count; k++)
        if (item->stills[k].sharpness > item->stills[i].sharpness) return FALSE;
    return TRUE;
}

static char *hint_of(const ClipItem *item, size_t i)
{
    const ClipStill *still = &item->stills[i];
    int twin = twin_of(item, i);
    const char *what = still->black_share > 0.8 ? _("black")
                       : is_sharpest(item, i)   ? _("sharpest")
                                                : "";
    if (twin >= 0) return g_strdup_printf(_("%.1f s, like %d"), still->time_us / 1e6, twin + 1);
    return g_strdup_printf("%.1f s%s%s", still->time_us / 1e6, *what ? ", " : "", what);
}

/* In the place of a picture that cannot be shown. */
static void missing(gpointer data, GtkPicture *picture, const char *why)
{
    MelFilmstrip *strip = data;
    GtkWidget *box = gtk_widget_get_parent(GTK_WIDGET(picture));
    GtkWidget *label = gtk_label_new(_("missing"));
    gtk_widget_set_size_request(label, THUMB_HEIGHT, THUMB_HEIGHT);
    gtk_box_prepend(GTK_BOX(box), label);
    gtk_widget_set_visible(GTK_WIDGET(picture), FALSE);
    if (why) g_signal_emit(strip, signals[TOLD], 0, why);
}

static void show_picture(MelFilmstrip *strip, const char *path, GtkWidget *box)
{
    GtkWidget *picture = gtk_picture_new();
    gtk_widget_set_size_request(picture, THUMB_WIDTH, THUMB_HEIGHT);
    gtk_box_prepend(GTK_BOX(box), picture);
    stills_show(strip->stills, path, GTK_PICTURE(picture));
}

static GtkWidget *button_of(MelFilmstrip *strip, const ClipItem *item, size_t i)
{
    GtkWidget *button = gtk_toggle_button_new();
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 2);
    char *hint = hint_of(item, i), *name = g_strdup_printf("%zu  %s", i + 1, hint);
    char *full = g_strdup_printf(_("Still %zu at %s"), i + 1, hint);
    GtkWidget *label = gtk_label_new(name);
    gint64 *time_us = g_new(gint64, 1);
    *time_us = item->stills[i].time_us;
    gtk_widget_add_css_class(label, "hint");
    gtk_widget_add_css_class(button, "still");
    gtk_box_append(GTK_BOX(box), label);
    show_picture(strip, item->stills[i].path, box);
    gtk_button_set_child(GTK_BUTTON(button), box);
    g_object_set_data(G_OBJECT(button), "position", GINT_TO_POINTER(item->stills[i].position));
    g_object_set_data_full(G_OBJECT(button), "time", time_us, g_free);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, full, -1);
    gtk_accessible_update_state(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_STATE_PRESSED,
                                GTK_ACCESSIBLE_TRISTATE_FALSE, -1);
    g_signal_connect(button, "toggled", G_CALLBACK(toggled), strip);
    g_free(hint);
    g_free(name);
    g_free(full);
    return button;
}

void mel_filmstrip_show(MelFilmstrip *strip, const ClipItem *item)
{
    GtkWidget *child;
    g_ptr_array_set_size(strip->buttons, 0);
    while ((child = gtk_widget_get_first_child(strip->box)))
        gtk_box_remove(GTK_BOX(strip->box), child);
    for (size_t i = 0; i < item->still_count; i++) {
        GtkWidget *button = button_of(strip, item, i);
        gtk_box_append(GTK_BOX(strip->box), button);
        g_ptr_array_add(strip->buttons, button);
    }
    if (!item->still_count)
        gtk_box_append(GTK_BOX(strip->box), gtk_label_new(_("This clip has no stills.")));
}

void mel_filmstrip_load_ahead(MelFilmstrip *strip, const ClipItem *item)
{
    for (size_t i = 0; i < item->still_count; i++)
        stills_load_ahead(strip->stills, item->stills[i].path);
}

void mel_filmstrip_set_chosen(MelFilmstrip *strip, int position)
{
    strip->chosen = position;
    show_chosen(strip);
}

gboolean mel_filmstrip_press(MelFilmstrip *strip, guint n)
{
    if (n >= strip->buttons->len) return FALSE;
    GtkToggleButton *button = g_ptr_array_index(strip->buttons, n);
    gtk_widget_grab_focus(GTK_WIDGET(button));
    gtk_toggle_button_set_active(button, !gtk_toggle_button_get_active(button));
    return TRUE;
}

static gboolean grab_focus(GtkWidget *widget)
{
    MelFilmstrip *strip = MEL_FILMSTRIP(widget);
    GtkWidget *first = strip->buttons->len ? g_ptr_array_index(strip->buttons, 0) : NULL;
    for (guint i = 0; i < strip->buttons->len; i++)
        if (position_of(g_ptr_array_index(strip->buttons, i)) == strip->chosen)
            first = g_ptr_array_index(strip->buttons, i);
    return first && gtk_widget_grab_focus(first);
}

static void dispose(GObject *object)
{
    MelFilmstrip *strip = MEL_FILMSTRIP(object);
    g_clear_pointer(&strip->stills, stills_free);
    g_clear_pointer(&strip->scroller, gtk_widget_unparent);
    g_clear_pointer(&strip->buttons, g_ptr_array_unref);
    G_OBJECT_CLASS(mel_filmstrip_parent_class)->dispose(object);
}

static void mel_filmstrip_class_init(MelFilmstripClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    widget->grab_focus = grab_focus;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_css_name(widget, "filmstrip");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    signals[CHOSEN] = g_signal_new("chosen", MEL_TYPE_FILMSTRIP, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 1, G_TYPE_INT);
    signals[LOOKED_AT] = g_signal_new("looked-at", MEL_TYPE_FILMSTRIP, G_SIGNAL_RUN_LAST, 0, NULL,
                                      NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT64);
    signals[TOLD] = g_signal_new("told", MEL_TYPE_FILMSTRIP, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void mel_filmstrip_init(MelFilmstrip *strip)
{
    strip->chosen = -1;
    strip->buttons = g_ptr_array_new();
    strip->stills = stills_new(THUMB_HEIGHT, missing, strip);
    strip->box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 4);
    strip->scroller = gtk_scrolled_window_new();
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(strip->scroller), GTK_POLICY_AUTOMATIC,
                                   GTK_POLICY_NEVER);
    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(strip->scroller), strip->box);
    gtk_widget_set_parent(strip->scroller, GTK_WIDGET(strip));
    gtk_accessible_update_property(GTK_ACCESSIBLE(strip), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Candidate stills"), -1);
}

GtkWidget *mel_filmstrip_new(void)
{
    return g_object_new(MEL_TYPE_FILMSTRIP, NULL);
}
