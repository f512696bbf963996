/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/review_table.h"

#include "annotator/answer_text.h"

#include <glib/gi18n.h>

enum { WORDS_WIDTH = 28, KEYS = 9 };

struct _MelReviewTable {
    GtkWidget parent_instance;
    GtkWidget *grid;
    Decision *decision;
    GHashTable *labels;
    GPtrArray *buttons; /* GtkToggleButton [row * people + person]: "row", "person" */
    GPtrArray *entries; /* [row], NULL where a field has no words of one's own */
    gboolean syncing;
};

G_DEFINE_FINAL_TYPE(MelReviewTable, mel_review_table, GTK_TYPE_WIDGET)

enum { DECIDED, SIGNALS };
static guint signals[SIGNALS];

static guint number_of(gpointer widget, const char *key)
{
    return GPOINTER_TO_UINT(g_object_get_data(widget, key));
}

static GtkWidget *button_at(MelReviewTable *table, guint row, guint person)
{
    return g_ptr_array_index(table->buttons, row * table->decision->person_count + person);
}

/* ---- deciding -------------------------------------------------------------------------------- */

static void sync_row(MelReviewTable *table, guint row)
{
    const Decision *d = table->decision;
    GtkWidget *entry = g_ptr_array_index(table->entries, row);
    int taken = d->taken[d->disputed[row]];
    table->syncing = TRUE;
    for (guint p = 0; p < d->person_count; p++)
        gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(button_at(table, row, p)), taken == (int)p);
    if (entry && taken != DECISION_OWN) gtk_editable_set_text(GTK_EDITABLE(entry), "");
    table->syncing = FALSE;
}

static void decided(MelReviewTable *table, guint row)
{
    sync_row(table, row);
    g_signal_emit(table, signals[DECIDED], 0, (int)table->decision->disputed[row]);
}

static void take(MelReviewTable *table, guint row, guint person)
{
    decision_take(table->decision, table->decision->disputed[row], person);
    decided(table, row);
}

static void toggled(GtkToggleButton *button, MelReviewTable *table)
{
    if (!table->syncing) take(table, number_of(button, "row"), number_of(button, "person"));
}

static void said(GtkEditable *entry, MelReviewTable *table)
{
    guint row = number_of(entry, "row");
    if (table->syncing) return;
    decision_say(table->decision, table->decision->disputed[row], gtk_editable_get_text(entry));
    decided(table, row);
}

/* ---- the rows -------------------------------------------------------------------------------- */

static void name_it(GtkWidget *widget, const char *name)
{
    gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static GtkWidget *text_label(const char *text, const char *class)
{
    GtkWidget *label = gtk_label_new(text);
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_label_set_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(label), WORDS_WIDTH);
    if (class) gtk_widget_add_css_class(label, class);
    return label;
}

static GtkWidget *answer_button(MelReviewTable *table, guint row, guint person)
{
    const DecisionPerson *who = &table->decision->people[person];
    AnswerField field = table->decision->disputed[row];
    char *text = answer_text(table->labels, field, who->answers.values[field]);
    char *name = g_strdup_printf(_("%s: %s says %s"), answer_title(field), who->name, text);
    char *key = person < KEYS ? g_strdup_printf("%u", person + 1) : g_strdup("");
    GtkWidget *button = gtk_toggle_button_new();
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    GtkWidget *words = text_label(text, NULL);
    gtk_widget_set_hexpand(words, TRUE);
    gtk_box_append(GTK_BOX(box), words);
    gtk_box_append(GTK_BOX(box), text_label(key, "hint"));
    gtk_button_set_child(GTK_BUTTON(button), box);
    gtk_widget_add_css_class(button, "term");
    name_it(button, name);
    gtk_accessible_update_state(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_STATE_PRESSED,
                                GTK_ACCESSIBLE_TRISTATE_FALSE, -1);
    g_object_set_data(G_OBJECT(button), "row", GUINT_TO_POINTER(row));
    g_object_set_data(G_OBJECT(button), "person", GUINT_TO_POINTER(person));
    g_signal_connect(button, "toggled", G_CALLBACK(toggled), table);
    g_free(text);
    g_free(name);
    g_free(key);
    return button;
}

static GtkWidget *own_words(MelReviewTable *table, guint row)
{
    AnswerField field = table->decision->disputed[row];
    if (answer_def(field)->kind != ANSWER_WORDS) return NULL;
    GtkWidget *entry = gtk_entry_new();
    char *name = g_strdup_printf(_("%s: in your own words"), answer_title(field));
    gtk_entry_set_placeholder_text(GTK_ENTRY(entry), _("in your own words"));
    gtk_widget_set_hexpand(entry, TRUE);
    name_it(entry, name);
    g_object_set_data(G_OBJECT(entry), "row", GUINT_TO_POINTER(row));
    g_signal_connect(entry, "changed", G_CALLBACK(said), table);
    g_free(name);
    return entry;
}

static void add_row(MelReviewTable *table, guint row)
{
    const Decision *d = table->decision;
    GtkGrid *grid = GTK_GRID(table->grid);
    GtkWidget *title = text_label(answer_title(d->disputed[row]), "field-name");
    gtk_grid_attach(grid, title, 0, (int)row + 1, 1, 1);
    for (guint p = 0; p < d->person_count; p++) {
        GtkWidget *button = answer_button(table, row, p);
        g_ptr_array_add(table->buttons, button);
        gtk_grid_attach(grid, button, (int)p + 1, (int)row + 1, 1, 1);
    }
    GtkWidget *entry = own_words(table, row);
    g_ptr_array_add(table->entries, entry);
    if (entry) gtk_grid_attach(grid, entry, (int)d->person_count + 1, (int)row + 1, 1, 1);
}

static void empty(MelReviewTable *table)
{
    GtkWidget *child;
    g_ptr_array_set_size(table->buttons, 0);
    g_ptr_array_set_size(table->entries, 0);
    while ((child = gtk_widget_get_first_child(table->grid)) != NULL)
        gtk_grid_remove(GTK_GRID(table->grid), child);
}

void mel_review_table_show(MelReviewTable *table, Decision *decision, GHashTable *labels)
{
    empty(table);
    table->decision = decision;
    table->labels = labels;
    if (!decision || !decision->disputed_count) return;
    for (guint p = 0; p < decision->person_count; p++)
        gtk_grid_attach(GTK_GRID(table->grid), text_label(decision->people[p].name, "dim-label"),
                        (int)p + 1, 0, 1, 1);
    for (guint row = 0; row < decision->disputed_count; row++) {
        add_row(table, row);
        sync_row(table, row);
    }
    gtk_widget_grab_focus(button_at(table, 0, 0));
}

/* ---- keys ------------------------------------------------------------------------------------ */

static GtkWidget *focus_in(MelReviewTable *table)
{
    GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(table));
    GtkWidget *focus = root ? gtk_root_get_focus(root) : NULL;
    return focus && gtk_widget_is_ancestor(focus, table->grid) ? focus : NULL;
}

static gboolean is_open(const MelReviewTable *table, guint row)
{
    return table->decision->taken[table->decision->disputed[row]] == DECISION_OPEN;
}

/* The first open row from there on, round the end; the number of rows when none is. */
static guint open_row(const MelReviewTable *table, guint from)
{
    guint rows = (guint)table->decision->disputed_count;
    for (guint i = 0; i < rows; i++)
        if (is_open(table, (from + i) % rows)) return (from + i) % rows;
    return rows;
}

gboolean mel_review_table_press(MelReviewTable *table, guint n)
{
    const Decision *d = table->decision;
    if (!d || !d->disputed_count || n >= d->person_count) return FALSE;
    GtkWidget *focus = focus_in(table);
    guint row = focus ? number_of(focus, "row") : open_row(table, 0);
    if (row >= d->disputed_count) return FALSE;
    take(table, row, n);
    guint next = open_row(table, row);
    gtk_widget_grab_focus(button_at(table, next < d->disputed_count ? next : row, n));
    return TRUE;
}

gboolean mel_review_table_move(MelReviewTable *table, int rows, int columns)
{
    GtkWidget *focus = focus_in(table);
    const Decision *d = table->decision;
    if (!focus || !GTK_IS_TOGGLE_BUTTON(focus)) return FALSE;
    int row = (int)number_of(focus, "row") + rows,
        person = (int)number_of(focus, "person") + columns;
    row = CLAMP(row, 0, (int)d->disputed_count - 1);
    person = CLAMP(person, 0, (int)d->person_count - 1);
    return gtk_widget_grab_focus(button_at(table, (guint)row, (guint)person));
}

/* ---- the widget ------------------------------------------------------------------------------ */

static void dispose(GObject *object)
{
    MelReviewTable *table = MEL_REVIEW_TABLE(object);
    g_clear_pointer(&table->grid, gtk_widget_unparent);
    G_OBJECT_CLASS(mel_review_table_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MelReviewTable *table = MEL_REVIEW_TABLE(object);
    g_ptr_array_unref(table->buttons);
    g_ptr_array_unref(table->entries);
    G_OBJECT_CLASS(mel_review_table_parent_class)->finalize(object);
}

static void mel_review_table_class_init(MelReviewTableClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_css_name(widget, "reviewtable");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    signals[DECIDED] = g_signal_new("decided", MEL_TYPE_REVIEW_TABLE, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT);
}

static void mel_review_table_init(MelReviewTable *table)
{
    table->buttons = g_ptr_array_new();
    table->entries = g_ptr_array_new();
    table->grid = gtk_grid_new();
    gtk_grid_set_row_spacing(GTK_GRID(table->grid), 4);
    gtk_grid_set_column_spacing(GTK_GRID(table->grid), 8);
    gtk_widget_set_parent(table->grid, GTK_WIDGET(table));
    name_it(GTK_WIDGET(table), _("Disputed fields"));
}

GtkWidget *mel_review_table_new(void)
{
    return g_object_new(MEL_TYPE_REVIEW_TABLE, NULL);
}
