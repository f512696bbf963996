/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/tags.h"

#include "annotator/core/answers.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 8 };

typedef struct Term {
    char *id, *label, *folded;
} Term;

struct _MelTags {
    GtkWidget parent_instance;
    GtkWidget *box, *choice, *chips, *entry, *popover, *list;
    GArray *terms;
    char *(*namer)(const char *word);
    char *value;
};

G_DEFINE_FINAL_TYPE(MelTags, mel_tags, GTK_TYPE_WIDGET)

enum { EDITED, UNLISTED, SIGNALS };
static guint signals[SIGNALS];

static Term *term_at(MelTags *tags, guint i)
{
    return &g_array_index(tags->terms, Term, i);
}

static char *label_of(MelTags *tags, const char *id)
{
    for (guint i = 0; i < tags->terms->len; i++)
        if (g_strcmp0(term_at(tags, i)->id, id) == 0) return g_strdup(term_at(tags, i)->label);
    return tags->namer ? tags->namer(id) : g_strdup(id);
}

/* ---- chips: chosen terms that have no button ------------------------------------------------- */

static void show_value(MelTags *tags);

static void change(MelTags *tags, char *value)
{
    g_free(tags->value);
    tags->value = g_strdup(value);
    free(value);
    show_value(tags);
    g_signal_emit(tags, signals[EDITED], 0);
}

static void chip_clicked(GtkButton *button, MelTags *tags)
{
    const char *id = g_object_get_data(G_OBJECT(button), "id");
    change(tags, answer_set_with(tags->value, id, NULL));
}

static void add_chip(void *ctx, const char *term, const char *role)
{
    MelTags *tags = ctx;
    if (mel_choice_has(MEL_CHOICE(tags->choice), term)) return;
    char *label = label_of(tags, term);
    char *text =
        *role ? g_strdup_printf("%s (%s)  ×", label, _(role)) : g_strdup_printf("%s  ×", label);
    char *name = g_strdup_printf(_("Take away %s"), label);
    GtkWidget *chip = gtk_button_new_with_label(text);
    gtk_widget_add_css_class(chip, "chip");
    g_object_set_data_full(G_OBJECT(chip), "id", g_strdup(term), g_free);
    gtk_accessible_update_property(GTK_ACCESSIBLE(chip), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
    g_signal_connect(chip, "clicked", G_CALLBACK(chip_clicked), tags);
    gtk_box_append(GTK_BOX(tags->chips), chip);
    g_free(label);
    g_free(text);
    g_free(name);
}

static void show_value(MelTags *tags)
{
    GtkWidget *child;
    mel_choice_set_value(MEL_CHOICE(tags->choice), tags->value);
    while ((child = gtk_widget_get_first_child(tags->chips)))
        gtk_box_remove(GTK_BOX(tags->chips), child);
    answer_set_each(tags->value, add_chip, tags);
    gtk_widget_set_visible(tags->chips, gtk_widget_get_first_child(tags->chips) != NULL);
}

/* ---- typing ---------------------------------------------------------------------------------- */

/* Terms whose label has a word that begins so, those that begin so themselves first. */
static gboolean fits(const Term *term, const char *typed, gboolean at_begin)
{
    gboolean begins = g_str_has_prefix(term->folded, typed);
    if (at_begin || begins) return at_begin && begins;
    char *inside = g_strdup_printf(" %s", typed);
    gboolean found = strstr(term->folded, inside) != NULL;
    g_free(inside);
    return found;
}

static void offer(MelTags *tags, const Term *term)
{
    GtkWidget *label = gtk_label_new(term->label);
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    g_object_set_data(G_OBJECT(label), "id", term->id);
    gtk_list_box_append(GTK_LIST_BOX(tags->list), label);
}

static void offer_terms(MelTags *tags, const char *text)
{
    GtkWidget *child;
    guint shown = 0;
    char *typed = g_utf8_casefold(text, -1);
    while ((child = gtk_widget_get_first_child(tags->list)))
        gtk_list_box_remove(GTK_LIST_BOX(tags->list), child);
    for (int begin = 1; begin >= 0 && *typed; begin--)
        for (guint i = 0; i < tags->terms->len && shown < SHOWN_MAX; i++)
            if (fits(term_at(tags, i), typed, begin)) {
                offer(tags, term_at(tags, i));
                shown++;
            }
    if (shown)
        gtk_list_box_select_row(GTK_LIST_BOX(tags->list),
                                gtk_list_box_get_row_at_index(GTK_LIST_BOX(tags->list), 0));
    if (shown)
        gtk_popover_popup(GTK_POPOVER(tags->popover));
    else
        gtk_popover_popdown(GTK_POPOVER(tags->popover));
    g_free(typed);
}

static void typed(GtkEditable *editable, MelTags *tags)
{
    offer_terms(tags, gtk_editable_get_text(editable));
}

static void choose(MelTags *tags, GtkListBoxRow *row)
{
    const char *id = g_object_get_data(G_OBJECT(gtk_list_box_row_get_child(row)), "id");
    char *value = answer_set_with(tags->value, id, "");
    gtk_editable_set_text(GTK_EDITABLE(tags->entry), "");
    change(tags, value);
}

static void entered(GtkEntry *entry, MelTags *tags)
{
    GtkListBoxRow *row = gtk_list_box_get_selected_row(GTK_LIST_BOX(tags->list));
    const char *text = gtk_editable_get_text(GTK_EDITABLE(entry));
    if (row && *text) {
        choose(tags, row);
    } else if (*text) {
        char *word = g_strdup(text);
        gtk_editable_set_text(GTK_EDITABLE(entry), "");
        g_signal_emit(tags, signals[UNLISTED], 0, word);
        g_free(word);
    }
}

static void row_activated(GtkListBox *list, GtkListBoxRow *row, MelTags *tags)
{
    (void)list;
    choose(tags, row);
}

static void move_selection(MelTags *tags, int by)
{
    GtkListBox *list = GTK_LIST_BOX(tags->list);
    GtkListBoxRow *row = gtk_list_box_get_selected_row(list);
    GtkListBoxRow *to =
        gtk_list_box_get_row_at_index(list, row ? gtk_list_box_row_get_index(row) + by : 0);
    if (to) gtk_list_box_select_row(list, to);
}

static gboolean key_pressed(GtkEventControllerKey *keys, guint keyval, guint code,
                            GdkModifierType modifiers, MelTags *tags)
{
    (void)keys, (void)code, (void)modifiers;
    if (keyval != GDK_KEY_Down && keyval != GDK_KEY_Up) return FALSE;
    move_selection(tags, keyval == GDK_KEY_Down ? 1 : -1);
    return TRUE;
}

static void choice_edited(MelChoice *choice, MelTags *tags)
{
    const char *value = mel_choice_get_value(choice);
    change(tags, value ? mel_strdup(value) : NULL);
}

/* ---- the widget ------------------------------------------------------------------------------ */

void mel_tags_set_namer(MelTags *tags, char *(*namer)(const char *word))
{
    tags->namer = namer;
}

void mel_tags_add(MelTags *tags, const char *id, const char *label, gboolean common)
{
    const Term term = {g_strdup(id), g_strdup(label), g_utf8_casefold(label, -1)};
    g_array_append_val(tags->terms, term);
    if (common) mel_choice_add(MEL_CHOICE(tags->choice), id, label);
}

const char *mel_tags_get_value(MelTags *tags)
{
    return tags->value;
}

void mel_tags_set_value(MelTags *tags, const char *value)
{
    g_free(tags->value);
    tags->value = g_strdup(value);
    show_value(tags);
}

MelChoice *mel_tags_choice(MelTags *tags)
{
    return MEL_CHOICE(tags->choice);
}

GtkWidget *mel_tags_entry(MelTags *tags)
{
    return tags->entry;
}

static gboolean grab_focus(GtkWidget *widget)
{
    MelTags *tags = MEL_TAGS(widget);
    return gtk_widget_grab_focus(tags->choice) || gtk_widget_grab_focus(tags->entry);
}

static void dispose(GObject *object)
{
    MelTags *tags = MEL_TAGS(object);
    g_clear_pointer(&tags->popover, gtk_widget_unparent);
    g_clear_object(&tags->entry);
    g_clear_pointer(&tags->box, gtk_widget_unparent);
    G_OBJECT_CLASS(mel_tags_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MelTags *tags = MEL_TAGS(object);
    for (guint i = 0; i < tags->terms->len; i++) {
        g_free(term_at(tags, i)->id);
        g_free(term_at(tags, i)->label);
        g_free(term_at(tags, i)->folded);
    }
    g_array_unref(tags->terms);
    g_free(tags->value);
    G_OBJECT_CLASS(mel_tags_parent_class)->finalize(object);
}

static void mel_tags_class_init(MelTagsClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    widget->grab_focus = grab_focus;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_css_name(widget, "tags");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    signals[EDITED] = g_signal_new("edited", MEL_TYPE_TAGS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
    signals[UNLISTED] = g_signal_new("unlisted", MEL_TYPE_TAGS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                     NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void make_popover(MelTags *tags)
{
    tags->popover = gtk_popover_new();
    gtk_popover_set_autohide(GTK_POPOVER(tags->popover), FALSE);
    gtk_popover_set_has_arrow(GTK_POPOVER(tags->popover), FALSE);
    gtk_popover_set_position(GTK_POPOVER(tags->popover), GTK_POS_BOTTOM);
    gtk_widget_set_can_focus(tags->popover, FALSE);
    tags->list = gtk_list_box_new();
    gtk_popover_set_child(GTK_POPOVER(tags->popover), tags->list);
    gtk_widget_set_parent(tags->popover, tags->entry);
    g_signal_connect(tags->list, "row-activated", G_CALLBACK(row_activated), tags);
}

static void mel_tags_init(MelTags *tags)
{
    tags->terms = g_array_new(FALSE, FALSE, sizeof(Term));
    tags->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3);
    tags->chips = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 3);
    tags->entry = g_object_ref_sink(gtk_entry_new());
    gtk_widget_set_visible(tags->chips, FALSE);
    gtk_widget_set_parent(tags->box, GTK_WIDGET(tags));
    make_popover(tags);
    GtkEventController *keys = gtk_event_controller_key_new();
    gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
    gtk_widget_add_controller(tags->entry, keys);
    g_signal_connect(keys, "key-pressed", G_CALLBACK(key_pressed), tags);
    g_signal_connect(tags->entry, "changed", G_CALLBACK(typed), tags);
    g_signal_connect(tags->entry, "activate", G_CALLBACK(entered), tags);
}

GtkWidget *mel_tags_new(const char *label, MelChoiceKind kind)
{
    MelTags *tags = g_object_new(MEL_TYPE_TAGS, NULL);
    char *more = g_strdup_printf(_("More: %s"), label);
    tags->choice = mel_choice_new(label, kind);
    g_signal_connect(tags->choice, "edited", G_CALLBACK(choice_edited), tags);
    gtk_box_append(GTK_BOX(tags->box), tags->choice);
    gtk_box_append(GTK_BOX(tags->box), tags->chips);
    gtk_entry_set_placeholder_text(GTK_ENTRY(tags->entry), _("type for more"));
    gtk_accessible_update_property(GTK_ACCESSIBLE(tags->entry), GTK_ACCESSIBLE_PROPERTY_LABEL, more,
                                   -1);
    gtk_accessible_update_property(GTK_ACCESSIBLE(tags), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
    g_free(more);
    return GTK_WIDGET(tags);
}
