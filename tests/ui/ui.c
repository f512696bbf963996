/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ui/ui.h"

#include <X11/Xlib.h>
#include <X11/extensions/XTest.h>
#include <X11/keysym.h>
#include <gdk/x11/gdkx.h>
#include <stdlib.h>
#include <string.h>

static Display *keyboard;

/* ---- the program -------------------------------------------------------------------------------
 */

static void nothing(GApplication *application, gpointer data)
{
    (void)application, (void)data;
}

void ui_reopen(Ui *ui)
{
    Err err = {0};
    GtkWidget *window =
        mel_annotator_open(ui->application, ui->folder, "anna", ui->audio, ui->config, &err);
    if (!window) fail_msg("%s", err.message);
    ui->window = MEL_WINDOW(window);
    gtk_window_present(GTK_WINDOW(window));
    if (session_clip(mel_window_session(ui->window)))
        UI_WAIT(mel_stage_is_ready(mel_window_stage(ui->window)));
    UI_WAIT(gtk_window_is_active(GTK_WINDOW(window)));
    ui_settle(ui);
}

bool ui_start(Ui *ui)
{
    g_signal_connect(ui->application, "activate", G_CALLBACK(nothing), NULL);
    return g_application_register(G_APPLICATION(ui->application), NULL, NULL);
}

int ui_setup(void **state)
{
    Ui *ui = g_new0(Ui, 1);
    ui->audio = "virtual";
    if (!keyboard) keyboard = XOpenDisplay(NULL);
    if (!keyboard) fail_msg("there is no display");
    char *base = ui->base = test_folder();
    ui->folder = g_build_filename(base, "dataset", NULL);
    ui->config = g_build_filename(base, "config", NULL);
    assert_int_equal(test_shell("cp -r '%s' '%s'", g_getenv("UI_DATASET"), ui->folder), 0);
    ui->application = gtk_application_new("org.melkit.Test", G_APPLICATION_NON_UNIQUE);
    if (!ui_start(ui)) fail_msg("the application cannot be registered");
    ui_reopen(ui);
    *state = ui;
    return 0;
}

void ui_close(Ui *ui)
{
    gpointer gone = ui->window;
    g_object_add_weak_pointer(G_OBJECT(ui->window), &gone);
    gtk_window_close(GTK_WINDOW(ui->window));
    UI_WAIT(!gone); /* nothing may keep it alive */
    ui->window = NULL;
}

int ui_teardown(void **state)
{
    Ui *ui = *state;
    if (ui->window) ui_close(ui);
    g_object_unref(ui->application);
    test_folder_remove(ui->base);
    g_free(ui->folder);
    g_free(ui->config);
    g_free(ui);
    return 0;
}

/* ---- keys --------------------------------------------------------------------------------------
 */

static void press(KeySym symbol, gboolean down)
{
    KeyCode code = XKeysymToKeycode(keyboard, symbol);
    if (!code) fail_msg("the keyboard has no key for %lu", symbol);
    XTestFakeKeyEvent(keyboard, code, down, CurrentTime);
}

static KeySym symbol_of(const char *name)
{
    KeySym symbol = XStringToKeysym(name);
    if (symbol == NoSymbol) fail_msg("'%s' is no key", name);
    return symbol;
}

static void stroke(const char *key)
{
    gboolean ctrl = g_str_has_prefix(key, "ctrl+");
    if (ctrl) key += 5;
    gboolean shift = g_str_has_prefix(key, "shift+");
    if (shift) key += 6;
    if (ctrl) press(XK_Control_L, TRUE);
    if (shift) press(XK_Shift_L, TRUE);
    press(symbol_of(key), TRUE);
    press(symbol_of(key), FALSE);
    if (shift) press(XK_Shift_L, FALSE);
    if (ctrl) press(XK_Control_L, FALSE);
    XSync(keyboard, False); /* the server has it, and then the program too, however slow both are */
    XSync(gdk_x11_display_get_xdisplay(gdk_display_get_default()), False);
    gint64 begin = g_get_monotonic_time(), end = begin + 40000, latest = begin + G_USEC_PER_SEC;
    while (g_get_monotonic_time() < end ||
           (g_main_context_pending(NULL) && g_get_monotonic_time() < latest))
        g_main_context_iteration(NULL, FALSE);
}

void ui_keys(const char *keys)
{
    char **all = g_strsplit(keys, " ", -1);
    for (int i = 0; all[i]; i++)
        stroke(all[i]);
    g_strfreev(all);
}

void ui_type(const char *text)
{
    for (const char *c = text; *c; c++) {
        char name[16];
        if (*c == ' ' || *c == '.')
            g_strlcpy(name, *c == ' ' ? "space" : "period", sizeof name);
        else
            g_snprintf(name, sizeof name, "%s%c", g_ascii_isupper(*c) ? "shift+" : "",
                       g_ascii_tolower(*c));
        stroke(name);
    }
}

/* ---- looking ------------------------------------------------------------------------------------
 */

static gboolean drawn(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

static void settle(GtkWidget *window)
{
    for (int i = 0; i < 3; i++) {
        gboolean idle = FALSE;
        gtk_widget_queue_draw(window);
        g_timeout_add_full(G_PRIORITY_LOW, 40, drawn, &idle, NULL);
        UI_WAIT(idle);
    }
}

/* What is on screen, at the screen's own scale; NULL while the window is between two drawings. */
static GskRenderNode *picture_of(GtkWidget *window)
{
    float scale = (float)gtk_widget_get_scale_factor(window);
    GdkPaintable *paintable = gtk_widget_paintable_new(window);
    GtkSnapshot *snapshot = gtk_snapshot_new();
    gtk_snapshot_scale(snapshot, scale, scale);
    gdk_paintable_snapshot(paintable, snapshot, gdk_paintable_get_intrinsic_width(paintable),
                           gdk_paintable_get_intrinsic_height(paintable));
    g_object_unref(paintable);
    return gtk_snapshot_free_to_node(snapshot);
}

void ui_settle(Ui *ui)
{
    settle(GTK_WIDGET(ui->window));
}

void ui_screenshot(Ui *ui, const char *name)
{
    ui_screenshot_of(GTK_WIDGET(ui->window), name);
}

void ui_screenshot_of(GtkWidget *window, const char *name)
{
    const char *folder = g_getenv("UI_SCREENSHOTS");
    if (!folder) return;
    GskRenderNode *node = NULL;
    while (!node) { /* none while something is about to be drawn */
        settle(window);
        node = picture_of(window);
    }
    GdkTexture *texture =
        gsk_renderer_render_texture(gtk_native_get_renderer(GTK_NATIVE(window)), node, NULL);
    char *path = g_strdup_printf("%s/%s.png", folder, name);
    assert_true(gdk_texture_save_to_png(texture, path));
    g_free(path);
    g_object_unref(texture);
    gsk_render_node_unref(node);
}

const char *ui_value(Ui *ui, AnswerField field)
{
    const char *value = session_get(mel_window_session(ui->window), field);
    return value ? value : "";
}

GtkWidget *ui_find(GtkWidget *below, GType type)
{
    if (g_type_is_a(G_OBJECT_TYPE(below), type)) return below;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child;
         child = gtk_widget_get_next_sibling(child)) {
        GtkWidget *found = ui_find(child, type);
        if (found) return found;
    }
    return NULL;
}

GtkWidget *ui_find_class(GtkWidget *below, const char *css_class)
{
    if (gtk_widget_get_visible(below) && gtk_widget_has_css_class(below, css_class)) return below;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child;
         child = gtk_widget_get_next_sibling(child)) {
        GtkWidget *found = ui_find_class(child, css_class);
        if (found) return found;
    }
    return NULL;
}

GtkWidget *ui_window(GType type)
{
    GListModel *all = gtk_window_get_toplevels();
    GtkWidget *found = NULL;
    for (guint i = 0; i < g_list_model_get_n_items(all); i++) {
        GtkWidget *window = g_list_model_get_item(all, i);
        if (g_type_is_a(G_OBJECT_TYPE(window), type)) found = window;
        g_object_unref(window);
    }
    return found;
}

/* ---- accessibility --------------------------------------------------------------------------- */

static gboolean is_control(GtkWidget *widget)
{
    return GTK_IS_BUTTON(widget) || GTK_IS_ENTRY(widget) || GTK_IS_TEXT_VIEW(widget) ||
           GTK_IS_DROP_DOWN(widget) || GTK_IS_SEARCH_ENTRY(widget) || GTK_IS_LIST_VIEW(widget) ||
           GTK_IS_MENU_BUTTON(widget) || GTK_IS_EXPANDER(widget);
}

/* Inside a composite of GTK's own the composite speaks. */
static gboolean is_part(GtkWidget *widget)
{
    GtkWidget *parent = gtk_widget_get_parent(widget);
    return parent && (GTK_IS_MENU_BUTTON(parent) || GTK_IS_DROP_DOWN(parent) ||
                      gtk_widget_get_ancestor(parent, GTK_TYPE_DROP_DOWN) ||
                      gtk_widget_get_ancestor(parent, GTK_TYPE_WINDOW_CONTROLS) ||
                      gtk_widget_get_ancestor(parent, GTK_TYPE_POPOVER));
}

int ui_check_names(GtkWidget *widget)
{
    int checked = 0;
    if (is_control(widget) && !is_part(widget)) {
        GtkAccessible *accessible = GTK_ACCESSIBLE(widget);
        gboolean named =
            gtk_test_accessible_has_property(accessible, GTK_ACCESSIBLE_PROPERTY_LABEL) ||
            gtk_test_accessible_has_relation(accessible, GTK_ACCESSIBLE_RELATION_LABELLED_BY);
        if (!named) fail_msg("a %s has no accessible name", G_OBJECT_TYPE_NAME(widget));
        assert_int_not_equal(gtk_accessible_get_accessible_role(accessible),
                             GTK_ACCESSIBLE_ROLE_WIDGET);
        if (GTK_IS_TOGGLE_BUTTON(widget))
            assert_true(gtk_test_accessible_has_state(accessible, GTK_ACCESSIBLE_STATE_PRESSED));
        checked++;
    }
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        checked += ui_check_names(child);
    return checked;
}
