/* SPDX-License-Identifier: Apache-2.0
 *
 * The window comes back as it was left: its size, its panes, its colours. */
#include "annotator/settings.h"
#include "annotator/window_internal.h"

/* The state of an action is that of what it switches, whoever switches it. */
static void follow(GObject *object, GParamSpec *property, MelWindow *window, const char *name)
{
    gboolean on;
    g_object_get(object, property->name, &on, NULL);
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(window), name);
    g_simple_action_set_state(G_SIMPLE_ACTION(action), g_variant_new_boolean(on));
}

static void list_switched(GObject *side, GParamSpec *property, gpointer window)
{
    follow(side, property, window, "list");
}

static void dark_switched(GObject *settings, GParamSpec *property, gpointer window)
{
    follow(settings, property, window, "dark");
}

void window_bind_settings(MelWindow *window)
{
    MelSettings *settings = mel_settings_new();
    GtkSettings *look = gtk_widget_get_settings(GTK_WIDGET(window));
    g_signal_connect_object(window->side, "notify::visible", G_CALLBACK(list_switched), window, 0);
    g_signal_connect_object(look, "notify::gtk-application-prefer-dark-theme",
                            G_CALLBACK(dark_switched), window, 0);
    mel_settings_bind(settings, SETTING_WIDTH, window, "default-width");
    mel_settings_bind(settings, SETTING_HEIGHT, window, "default-height");
    mel_settings_bind(settings, SETTING_MAXIMIZED, window, "maximized");
    mel_settings_bind(settings, SETTING_LIST_SHOWN, window->side, "visible");
    mel_settings_bind(settings, SETTING_LIST_WIDTH, window->outer, "position");
    mel_settings_bind(settings, SETTING_STAGE_WIDTH, window->inner, "position");
    mel_settings_bind(settings, SETTING_DARK, look, "gtk-application-prefer-dark-theme");
    g_object_notify(G_OBJECT(look), "gtk-application-prefer-dark-theme"); /* of a second window */
    mel_settings_free(settings);
}
