/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/choice.h"

#include "annotator/core/answers.h"

#include <glib/gi18n.h>
#include <stdlib.h>

typedef struct Option {
    char *id;
    GtkWidget *button, *role;
} Option;

struct _MelChoice {
    GtkWidget parent_instance;
    MelChoiceKind kind;
    GtkWidget *flow;
    GArray *options;
    char *value;
    gboolean loading;
};

G_DEFINE_FINAL_TYPE(MelChoice, mel_choice, GTK_TYPE_WIDGET)

enum { EDITED, SIGNALS };
static guint signals[SIGNALS];

/* Hardware codes of X and evdev (plus 8): the row of digits, then the row below. */
enum { CODE_1 = 10, CODE_Q = 24, ROW = 10 };

int mel_choice_key(guint keycode)
{
    if (keycode >= CODE_1 && keycode < CODE_1 + ROW) return (int)(keycode - CODE_1);
    if (keycode >= CODE_Q && keycode < CODE_Q + ROW) return (int)(keycode - CODE_Q + ROW);
    return -1;
}

static const char *const roles[] = {"", "lead", "accompanying", "background"};

static Option *option_at(MelChoice *choice, guint i)
{
    return &g_array_index(choice->options, Option, i);
}

static void take_value(MelChoice *choice, char *value)
{
    g_free(choice->value);
    choice->value = g_strdup(value && *value ? value : NULL);
    free(value);
}

/* The buttons as the value says. */
static void show_value(MelChoice *choice)
{
    choice->loading = TRUE;
    for (guint i = 0; i < choice->options->len; i++) {
        Option *option = option_at(choice, i);
        char *role = NULL;
        gboolean on = choice->kind == MEL_CHOICE_ONE
                          ? g_strcmp0(choice->value, option->id) == 0
                          : answer_set_has(choice->value, option->id, &role);
        gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(option->button), on);
        gtk_label_set_text(GTK_LABEL(option->role), role && *role ? _(role) : "");
        gtk_widget_set_visible(option->role, role && *role);
        free(role);
    }
    choice->loading = FALSE;
}

/* What a press makes of the term: its next role, NULL for out. */
static const char *next_role(MelChoice *choice, const char *id)
{
    char *role = NULL;
    if (!answer_set_has(choice->value, id, &role)) return "";
    guint at = 0;
    while (at < G_N_ELEMENTS(roles) && g_strcmp0(roles[at], role) != 0)
        at++;
    free(role);
    bool more = choice->kind == MEL_CHOICE_ROLES && at + 1 < G_N_ELEMENTS(roles);
    return more ? roles[at + 1] : NULL;
}

static void toggled(GtkToggleButton *button, MelChoice *choice)
{
    const char *id = g_object_get_data(G_OBJECT(button), "id");
    if (choice->loading) return;
    if (choice->kind == MEL_CHOICE_ONE)
        take_value(choice, gtk_toggle_button_get_active(button) ? mel_strdup(id) : NULL);
    else
        take_value(choice, answer_set_with(choice->value, id, next_role(choice, id)));
    show_value(choice);
    g_signal_emit(choice, signals[EDITED], 0);
}

static const char *key_label(guint n)
{
    static const char *const labels[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "0",
                                         "q", "w", "e", "r", "t", "y", "u", "i", "o", "p"};
    return n < G_N_ELEMENTS(labels) ? labels[n] : "";
}

static GtkWidget *small_label(const char *text, const char *class)
{
    GtkWidget *label = gtk_label_new(text);
    gtk_widget_add_css_class(label, class);
    return label;
}

void mel_choice_add(MelChoice *choice, const char *id, const char *label)
{
    Option option = {.id = g_strdup(id), .button = gtk_toggle_button_new()};
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 4);
    gtk_box_append(GTK_BOX(box), small_label(key_label(choice->options->len), "hint"));
    gtk_box_append(GTK_BOX(box), gtk_label_new(label));
    option.role = small_label("", "role");
    gtk_widget_set_visible(option.role, FALSE);
    gtk_box_append(GTK_BOX(box), option.role);
    gtk_button_set_child(GTK_BUTTON(option.button), box);
    gtk_widget_add_css_class(option.button, "term");
    gtk_accessible_update_property(GTK_ACCESSIBLE(option.button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   label, -1);
    gtk_accessible_update_state(GTK_ACCESSIBLE(option.button), GTK_ACCESSIBLE_STATE_PRESSED,
                                GTK_ACCESSIBLE_TRISTATE_FALSE, -1);
    g_object_set_data(G_OBJECT(option.button), "id", option.id);
    g_signal_connect(option.button, "toggled", G_CALLBACK(toggled), choice);
    gtk_flow_box_insert(GTK_FLOW_BOX(choice->flow), option.button, -1);
    gtk_widget_set_focusable(gtk_widget_get_parent(option.button), FALSE);
    g_array_append_val(choice->options, option);
}

const char *mel_choice_get_value(MelChoice *choice)
{
    return choice->value;
}

void mel_choice_set_value(MelChoice *choice, const char *value)
{
    g_free(choice->value);
    choice->value = g_strdup(value);
    show_value(choice);
}

gboolean mel_choice_has(MelChoice *choice, const char *id)
{
    for (guint i = 0; i < choice->options->len; i++)
        if (g_strcmp0(option_at(choice, i)->id, id) == 0) return TRUE;
    return FALSE;
}

gboolean mel_choice_press(MelChoice *choice, guint n)
{
    if (n >= choice->options->len) return FALSE;
    GtkToggleButton *button = GTK_TOGGLE_BUTTON(option_at(choice, n)->button);
    gtk_widget_grab_focus(GTK_WIDGET(button));
    gtk_toggle_button_set_active(button, !gtk_toggle_button_get_active(button));
    return TRUE;
}

/* The chosen button takes the focus, or the first one. */
static gboolean grab_focus(GtkWidget *widget)
{
    MelChoice *choice = MEL_CHOICE(widget);
    guint at = 0;
    for (guint i = 0; i < choice->options->len; i++)
        if (gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(option_at(choice, i)->button))) {
            at = i;
            break;
        }
    return choice->options->len && gtk_widget_grab_focus(option_at(choice, at)->button);
}

static void dispose(GObject *object)
{
    MelChoice *choice = MEL_CHOICE(object);
    g_clear_pointer(&choice->flow, gtk_widget_unparent);
    G_OBJECT_CLASS(mel_choice_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MelChoice *choice = MEL_CHOICE(object);
    for (guint i = 0; i < choice->options->len; i++)
        g_free(option_at(choice, i)->id);
    g_array_unref(choice->options);
    g_free(choice->value);
    G_OBJECT_CLASS(mel_choice_parent_class)->finalize(object);
}

static void mel_choice_class_init(MelChoiceClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    widget->grab_focus = grab_focus;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_css_name(widget, "choice");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    signals[EDITED] = g_signal_new("edited", MEL_TYPE_CHOICE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
}

static void mel_choice_init(MelChoice *choice)
{
    choice->options = g_array_new(FALSE, FALSE, sizeof(Option));
    choice->flow = gtk_flow_box_new();
    gtk_flow_box_set_selection_mode(GTK_FLOW_BOX(choice->flow), GTK_SELECTION_NONE);
    gtk_flow_box_set_max_children_per_line(GTK_FLOW_BOX(choice->flow), 12);
    gtk_flow_box_set_min_children_per_line(GTK_FLOW_BOX(choice->flow), 3);
    gtk_flow_box_set_row_spacing(GTK_FLOW_BOX(choice->flow), 3);
    gtk_flow_box_set_column_spacing(GTK_FLOW_BOX(choice->flow), 3);
    gtk_widget_set_parent(choice->flow, GTK_WIDGET(choice));
}

GtkWidget *mel_choice_new(const char *label, MelChoiceKind kind)
{
    MelChoice *choice = g_object_new(MEL_TYPE_CHOICE, NULL);
    choice->kind = kind;
    gtk_accessible_update_property(GTK_ACCESSIBLE(choice), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                   -1);
    return GTK_WIDGET(choice);
}
