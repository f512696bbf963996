/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/answer_text.h"
#include "annotator/review_window_internal.h"
#include "annotator/two_lines.h"

#include <glib/gi18n.h>
#include <stdlib.h>

G_DEFINE_FINAL_TYPE(MelReviewWindow, mel_review_window, GTK_TYPE_WINDOW)

enum { GO_TO, SIGNALS };
static guint signals[SIGNALS];

void review_tell(MelReviewWindow *window, const char *sentence)
{
    gtk_label_set_text(GTK_LABEL(window->status), sentence ? sentence : "");
}

/* ---- the list -------------------------------------------------------------------------------- */

typedef struct Row {
    char *clip_id, *title;
    const char *state; /* translated, static */
} Row;

static void row_free(gpointer data)
{
    Row *row = data;
    g_free(row->clip_id);
    g_free(row->title);
    g_free(row);
}

/* Of a clip that the reader is to answer first not even the dispute is told. */
static const char *state_of(const ReviewItem *item)
{
    if (!item->may_read) return _("answer it yourself first");
    if (item->asked) return _("you are asked to review it");
    return item->stage == STAGE_DISPUTED ? _("disputed") : _("waits for a review");
}

static bool add_row(void *ctx, const ReviewItem *item, Err *err)
{
    (void)err;
    GPtrArray *rows = ctx;
    Row *row = g_new(Row, 1);
    *row = (Row){g_strdup(item->clip_id), g_strdup(item->title), state_of(item)};
    g_ptr_array_add(rows, row);
    return true;
}

static void bind_row(GtkSignalListItemFactory *factory, GtkListItem *cell, MelReviewWindow *window)
{
    (void)factory;
    guint position = gtk_list_item_get_position(cell);
    if (position >= window->rows->len) return;
    const Row *row = g_ptr_array_index(window->rows, position);
    mel_two_lines_show(cell, row->title, row->state);
}

/* The list's own texts are the ids; the rows go with them. */
static void fill_names(MelReviewWindow *window)
{
    guint before = g_list_model_get_n_items(G_LIST_MODEL(window->names));
    const char **ids = g_new0(const char *, window->rows->len + 1);
    for (guint i = 0; i < window->rows->len; i++)
        ids[i] = ((const Row *)g_ptr_array_index(window->rows, i))->clip_id;
    gtk_string_list_splice(window->names, 0, before, ids);
    g_free(ids);
}

static guint position_of(const MelReviewWindow *window, const char *clip_id)
{
    for (guint i = 0; clip_id && i < window->rows->len; i++)
        if (g_strcmp0(((const Row *)g_ptr_array_index(window->rows, i))->clip_id, clip_id) == 0)
            return i;
    return GTK_INVALID_LIST_POSITION;
}

/* ---- one clip -------------------------------------------------------------------------------- */

static void forget_clip(MelReviewWindow *window)
{
    mel_review_table_show(MEL_REVIEW_TABLE(window->table), NULL, NULL);
    decision_clear(&window->decision);
    mel_arena_clear(&window->arena);
    window->item = (ClipItem){0};
    g_clear_pointer(&window->clip_id, g_free);
}

void review_show_still(MelReviewWindow *window)
{
    const char *frame = window->decision.settled.values[ANSWER_FRAME];
    long position = frame ? strtol(frame, NULL, 10) : -1;
    const char *path = NULL;
    for (size_t i = 0; i < window->item.still_count; i++)
        if (window->item.stills[i].position == position) path = window->item.stills[i].path;
    stills_show(window->stills, path, GTK_PICTURE(window->still));
}

/* Who said what of a field in which the answers differ and still settle. */
static char *merged_text(const MelReviewWindow *window, AnswerField field)
{
    const Decision *d = &window->decision;
    GString *text = g_string_new(NULL);
    for (size_t p = 0; p < d->person_count; p++) {
        char *value = answer_text(window->labels, field, d->people[p].answers.values[field]);
        g_string_append_printf(text, "%s%s: %s", p ? "; " : "", d->people[p].name, value);
        g_free(value);
    }
    return g_string_free(text, FALSE);
}

static void add_rest(MelReviewWindow *window, int row, AnswerField field, gboolean merged)
{
    char *value = answer_text(window->labels, field, window->decision.settled.values[field]);
    char *said = merged ? merged_text(window, field) : g_strdup("");
    const char *texts[] = {answer_title(field), value, said};
    for (int i = 0; i < 3; i++) {
        GtkWidget *label = gtk_label_new(texts[i]);
        gtk_label_set_xalign(GTK_LABEL(label), 0);
        gtk_label_set_wrap(GTK_LABEL(label), TRUE);
        if (i != 1) gtk_widget_add_css_class(label, "dim-label");
        gtk_grid_attach(GTK_GRID(window->rest_grid), label, i, row, 1, 1);
    }
    g_free(value);
    g_free(said);
}

/* Agreed fields are folded away, unless there is nothing else to look at. */
static void show_rest(MelReviewWindow *window)
{
    const Decision *d = &window->decision;
    int row = 0;
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(window->rest_grid)) != NULL)
        gtk_grid_remove(GTK_GRID(window->rest_grid), child);
    for (size_t i = 0; i < d->merged_count; i++)
        add_rest(window, row++, d->merged[i], TRUE);
    for (size_t i = 0; i < d->agreed_count; i++)
        add_rest(window, row++, d->agreed[i], FALSE);
    for (size_t i = 0; i < d->aside_count; i++)
        add_rest(window, row++, d->asides[i], TRUE);
    char *agreed = g_strdup_printf(
        d->person_count == 1
            ? ngettext("the answer has %zu field", "the answer has %zu fields", d->agreed_count)
            : ngettext("%zu field agrees", "%zu fields agree", d->agreed_count),
        d->agreed_count);
    char *line = d->merged_count
                     ? g_strdup_printf(ngettext("%s, %zu differs and is merged",
                                                "%s, %zu differ and are merged", d->merged_count),
                                       agreed, d->merged_count)
                     : g_strdup(agreed);
    gtk_expander_set_label(GTK_EXPANDER(window->rest), line);
    gtk_expander_set_expanded(GTK_EXPANDER(window->rest), !d->disputed_count);
    gtk_accessible_update_property(GTK_ACCESSIBLE(window->rest), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   line, -1);
    g_free(agreed);
    g_free(line);
}

/* An own answer is nothing to review. */
static void show_authors(MelReviewWindow *window)
{
    GtkStringList *authors = gtk_string_list_new(NULL);
    for (size_t p = 0; p < window->decision.person_count; p++)
        if (g_strcmp0(window->decision.people[p].name, window->reviewer) != 0)
            gtk_string_list_append(authors, window->decision.people[p].name);
    gtk_drop_down_set_model(GTK_DROP_DOWN(window->author), G_LIST_MODEL(authors));
    g_object_unref(authors);
    gtk_editable_set_text(GTK_EDITABLE(window->comment), "");
}

void review_note_open(MelReviewWindow *window)
{
    GtkWidget *widget = GTK_WIDGET(window);
    const Decision *d = &window->decision;
    gboolean any = gtk_drop_down_get_selected_item(GTK_DROP_DOWN(window->author)) != NULL;
    gtk_widget_action_set_enabled(widget, "review.accept", d->person_count && any);
    gtk_widget_action_set_enabled(widget, "review.return", d->person_count && any);
    gtk_widget_action_set_enabled(widget, "review.adjudicate",
                                  d->disputed_count && !decision_open_count(d));
}

static void show_answers(MelReviewWindow *window)
{
    show_authors(window);
    show_rest(window);
    review_show_still(window);
    mel_stage_show(MEL_STAGE(window->stage), &window->item);
    gtk_stack_set_visible_child_name(GTK_STACK(window->pages), "clip");
    mel_review_table_show(MEL_REVIEW_TABLE(window->table), &window->decision, window->labels);
    if (!window->decision.disputed_count) gtk_widget_grab_focus(window->stage);
}

static void show_clip(MelReviewWindow *window, const Row *row)
{
    Err err = {0};
    forget_clip(window);
    window->clip_id = g_strdup(row->clip_id);
    gtk_label_set_text(GTK_LABEL(window->clip_title), row->title);
    mel_player_pause(mel_stage_player(MEL_STAGE(window->stage)));
    bool ok = mel_clip_item(window->db, row->clip_id, &window->arena, &window->item, &err) &&
              decision_load(window->db, row->clip_id, window->reviewer, &window->decision, &err);
    if (ok)
        show_answers(window);
    else
        gtk_stack_set_visible_child_name(GTK_STACK(window->pages),
                                         err.code == ERR_DENIED ? "blind" : "failed");
    if (!ok && err.code != ERR_DENIED) review_tell(window, err.message);
    review_note_open(window);
}

static void show_nothing(MelReviewWindow *window)
{
    forget_clip(window);
    gtk_label_set_text(GTK_LABEL(window->clip_title), "");
    mel_player_pause(mel_stage_player(MEL_STAGE(window->stage)));
    gtk_stack_set_visible_child_name(GTK_STACK(window->pages), "nothing");
    review_note_open(window);
}

static void selected(MelReviewWindow *window)
{
    guint position = gtk_single_selection_get_selected(window->selection);
    if (window->loading) return;
    if (position < window->rows->len)
        show_clip(window, g_ptr_array_index(window->rows, position));
    else
        show_nothing(window);
}

void review_reload(MelReviewWindow *window)
{
    Err err = {0};
    guint before = gtk_single_selection_get_selected(window->selection);
    window->loading = TRUE;
    g_ptr_array_set_size(window->rows, 0);
    if (!mel_review_list(window->db, window->reviewer, add_row, window->rows, &err))
        review_tell(window, err.message);
    fill_names(window);
    guint at = position_of(window, window->clip_id);
    if (at == GTK_INVALID_LIST_POSITION) at = before == GTK_INVALID_LIST_POSITION ? 0 : before;
    if (window->rows->len)
        gtk_single_selection_set_selected(window->selection, MIN(at, window->rows->len - 1));
    window->loading = FALSE;
    selected(window);
}

void review_step(MelReviewWindow *window, int by)
{
    guint at = gtk_single_selection_get_selected(window->selection);
    if (by < 0 ? at == 0 : at + 1 >= window->rows->len)
        review_tell(window, by > 0 ? _("That was the last clip.") : _("This is the first clip."));
    else
        gtk_single_selection_set_selected(window->selection, at + (guint)by);
}

/* ---- the window ------------------------------------------------------------------------------ */

static void decided(MelReviewTable *table, int field, MelReviewWindow *window)
{
    (void)table;
    if (field == ANSWER_FRAME) review_show_still(window);
    review_note_open(window);
}

static void stage_told(MelStage *stage, const char *sentence, MelReviewWindow *window)
{
    (void)stage;
    review_tell(window, sentence);
}

/* Whoever comes back may have answered meanwhile. What is being decided is left alone. */
static void came_back(MelReviewWindow *window)
{
    if (window->stage && gtk_window_is_active(GTK_WINDOW(window)) && !window->decision.person_count)
        review_reload(window);
}

static void go_to(GtkWidget *widget, const char *name, GVariant *parameter)
{
    (void)name, (void)parameter;
    g_signal_emit(widget, signals[GO_TO], 0, MEL_REVIEW_WINDOW(widget)->clip_id);
}

static void dispose(GObject *object)
{
    MelReviewWindow *window = MEL_REVIEW_WINDOW(object);
    if (window->selection) g_signal_handlers_disconnect_by_data(window->selection, window);
    if (window->table) mel_review_table_show(MEL_REVIEW_TABLE(window->table), NULL, NULL);
    if (window->stage) g_signal_handlers_disconnect_by_data(window->stage, window);
    window->table = window->stage = NULL; /* a clip that loads may keep the stage a while */
    gtk_widget_dispose_template(GTK_WIDGET(object), MEL_TYPE_REVIEW_WINDOW);
    g_clear_object(&window->selection);
    G_OBJECT_CLASS(mel_review_window_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MelReviewWindow *window = MEL_REVIEW_WINDOW(object);
    decision_clear(&window->decision);
    mel_arena_clear(&window->arena);
    stills_free(window->stills);
    mel_db_close(window->db);
    g_clear_pointer(&window->labels, g_hash_table_unref);
    g_ptr_array_unref(window->rows);
    g_free(window->clip_id);
    g_free(window->reviewer);
    G_OBJECT_CLASS(mel_review_window_parent_class)->finalize(object);
}

static void mel_review_window_class_init(MelReviewWindowClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    gtk_widget_class_set_template_from_resource(widget, "/org/melkit/Annotator/review_window.ui");
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, list);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, clip_title);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, pages);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, scene);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, still);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, answers);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, rest);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, rest_grid);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, author);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, comment);
    gtk_widget_class_bind_template_child(widget, MelReviewWindow, status);
    gtk_widget_class_install_action(widget, "review.go-to", NULL, go_to);
    review_install_actions(widget);
    signals[GO_TO] = g_signal_new("go-to", MEL_TYPE_REVIEW_WINDOW, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                  NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void mel_review_window_init(MelReviewWindow *window)
{
    gtk_widget_init_template(GTK_WIDGET(window));
    window->rows = g_ptr_array_new_with_free_func(row_free);
    window->stills = stills_new(0, NULL, NULL);
    window->names = gtk_string_list_new(NULL);
    window->selection = gtk_single_selection_new(G_LIST_MODEL(window->names));
}

static void build(MelReviewWindow *window, const char *audio)
{
    GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
    g_signal_connect(factory, "setup", G_CALLBACK(mel_two_lines_setup), NULL);
    g_signal_connect(factory, "bind", G_CALLBACK(bind_row), window);
    gtk_list_view_set_factory(GTK_LIST_VIEW(window->list), factory);
    gtk_list_view_set_model(GTK_LIST_VIEW(window->list), GTK_SELECTION_MODEL(window->selection));
    g_object_unref(factory);
    window->stage = mel_stage_new(audio);
    window->table = mel_review_table_new();
    gtk_widget_set_hexpand(window->stage, TRUE);
    gtk_widget_set_focusable(window->stage, TRUE);
    gtk_box_prepend(GTK_BOX(window->scene), window->stage);
    gtk_box_prepend(GTK_BOX(window->answers), window->table);
    g_signal_connect(window->stage, "told", G_CALLBACK(stage_told), window);
    g_signal_connect(window->table, "decided", G_CALLBACK(decided), window);
    g_signal_connect_swapped(window->selection, "notify::selected", G_CALLBACK(selected), window);
    g_signal_connect(window, "notify::is-active", G_CALLBACK(came_back), NULL);
}

GtkWidget *mel_review_window_new(GtkWindow *parent, const MelReviewSetup *setup, Err *err)
{
    Db *db = NULL;
    GHashTable *labels = NULL;
    if (!mel_db_open(setup->folder, DB_WRITE, &db, err) ||
        (labels = answer_labels_new(db, err)) == NULL) {
        mel_db_close(db);
        return NULL;
    }
    MelReviewWindow *window = g_object_new(MEL_TYPE_REVIEW_WINDOW, "transient-for", parent,
                                           "destroy-with-parent", TRUE, NULL);
    window->db = db;
    window->labels = labels;
    window->reviewer = g_strdup(setup->reviewer);
    window->keymap = setup->keymap;
    build(window, setup->audio);
    review_install_keys(window);
    review_reload(window);
    return GTK_WIDGET(window);
}

const char *mel_review_window_clip(MelReviewWindow *window)
{
    return window->clip_id;
}

const Decision *mel_review_window_decision(MelReviewWindow *window)
{
    return window->decision.person_count ? &window->decision : NULL;
}
