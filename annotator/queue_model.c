/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/queue_model.h"

#include "annotator/answer_text.h"

#include <string.h>

/* As a person reads it. */
typedef struct Genre {
    char *label, *folded;
} Genre;

typedef struct Row {
    const char *clip, *title, *folded; /* folded: what a filter looks into */
    const char *comment;               /* of who sent it back; "" else */
    const Genre *genre;
    ItemState state;
    gboolean retest;
} Row;

/* ---- an item --------------------------------------------------------------------------------- */

struct _MelQueueItem {
    GObject parent_instance;
    MelQueueModel *model; /* weak */
    guint row;
};

G_DEFINE_FINAL_TYPE(MelQueueItem, mel_queue_item, G_TYPE_OBJECT)

enum { CHANGED, SIGNALS };
static guint signals[SIGNALS];

struct _MelQueueModel {
    GObject parent_instance;
    Arena arena;
    GArray *rows;
    guint in_state[ITEM_CHANGED + 1]; /* rows */
    GArray *shown;                    /* guint: which rows */
    GHashTable *live;                 /* row → MelQueueItem, not owned */
    GHashTable *by_clip;
    GHashTable *labels; /* of terms */
    GHashTable *genres; /* id → Genre */
};

static Row *row_at(MelQueueModel *model, guint i)
{
    return &g_array_index(model->rows, Row, i);
}

static Row *row_of(MelQueueItem *item)
{
    return row_at(item->model, item->row);
}

const char *mel_queue_item_clip(MelQueueItem *item)
{
    return row_of(item)->clip;
}

const char *mel_queue_item_title(MelQueueItem *item)
{
    return row_of(item)->title;
}

const char *mel_queue_item_genre(MelQueueItem *item)
{
    return row_of(item)->genre->label;
}

const char *mel_queue_item_comment(MelQueueItem *item)
{
    return row_of(item)->comment;
}

ItemState mel_queue_item_state(MelQueueItem *item)
{
    return row_of(item)->state;
}

gboolean mel_queue_item_is_retest(MelQueueItem *item)
{
    return row_of(item)->retest;
}

static void item_finalize(GObject *object)
{
    MelQueueItem *item = MEL_QUEUE_ITEM(object);
    if (item->model) {
        g_hash_table_remove(item->model->live, GUINT_TO_POINTER(item->row));
        g_object_remove_weak_pointer(G_OBJECT(item->model), (gpointer *)&item->model);
    }
    G_OBJECT_CLASS(mel_queue_item_parent_class)->finalize(object);
}

static void mel_queue_item_class_init(MelQueueItemClass *class)
{
    G_OBJECT_CLASS(class)->finalize = item_finalize;
    signals[CHANGED] = g_signal_new("changed", MEL_TYPE_QUEUE_ITEM, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 0);
}

static void mel_queue_item_init(MelQueueItem *item)
{
    (void)item;
}

/* ---- genres ---------------------------------------------------------------------------------- */

static void genre_free(gpointer data)
{
    Genre *genre = data;
    g_free(genre->label);
    g_free(genre->folded);
    g_free(genre);
}

/* id: NULL where nothing is said yet. */
static const Genre *genre_of(MelQueueModel *model, const char *id)
{
    const char *key = id ? id : "";
    Genre *genre = g_hash_table_lookup(model->genres, key);
    if (genre) return genre;
    genre = g_new(Genre, 1);
    genre->label = *key ? answer_text(model->labels, ANSWER_GENRE, id) : g_strdup("");
    genre->folded = g_utf8_casefold(genre->label, -1);
    g_hash_table_insert(model->genres, g_strdup(key), genre);
    return genre;
}

/* ---- the model ------------------------------------------------------------------------------- */

static GType get_item_type(GListModel *list)
{
    (void)list;
    return MEL_TYPE_QUEUE_ITEM;
}

static guint get_n_items(GListModel *list)
{
    return MEL_QUEUE_MODEL(list)->shown->len;
}

static gpointer get_item(GListModel *list, guint position)
{
    MelQueueModel *model = MEL_QUEUE_MODEL(list);
    if (position >= model->shown->len) return NULL;
    guint row = g_array_index(model->shown, guint, position);
    MelQueueItem *item = g_hash_table_lookup(model->live, GUINT_TO_POINTER(row));
    if (item) return g_object_ref(item);
    item = g_object_new(MEL_TYPE_QUEUE_ITEM, NULL);
    item->model = model;
    item->row = row;
    g_object_add_weak_pointer(G_OBJECT(model), (gpointer *)&item->model);
    g_hash_table_insert(model->live, GUINT_TO_POINTER(row), item);
    return item;
}

static void list_init(GListModelInterface *interface)
{
    interface->get_item_type = get_item_type;
    interface->get_n_items = get_n_items;
    interface->get_item = get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(MelQueueModel, mel_queue_model, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, list_init))

static void model_finalize(GObject *object)
{
    MelQueueModel *model = MEL_QUEUE_MODEL(object);
    g_array_unref(model->rows);
    g_array_unref(model->shown);
    g_hash_table_unref(model->live);
    g_hash_table_unref(model->by_clip);
    g_hash_table_unref(model->genres);
    g_clear_pointer(&model->labels, g_hash_table_unref);
    mel_arena_clear(&model->arena);
    G_OBJECT_CLASS(mel_queue_model_parent_class)->finalize(object);
}

static void mel_queue_model_class_init(MelQueueModelClass *class)
{
    G_OBJECT_CLASS(class)->finalize = model_finalize;
}

static void mel_queue_model_init(MelQueueModel *model)
{
    model->rows = g_array_new(FALSE, FALSE, sizeof(Row));
    model->shown = g_array_new(FALSE, FALSE, sizeof(guint));
    model->live = g_hash_table_new(NULL, NULL);
    model->by_clip = g_hash_table_new(g_str_hash, g_str_equal);
    model->genres = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, genre_free);
}

MelQueueModel *mel_queue_model_new(void)
{
    return g_object_new(MEL_TYPE_QUEUE_MODEL, NULL);
}

/* ---- loading --------------------------------------------------------------------------------- */

static ItemState state_of(QueueState state)
{
    static const ItemState states[QUEUE_STATES] = {[QUEUE_OPEN] = ITEM_OPEN,
                                                   [QUEUE_DRAFT] = ITEM_DRAFT,
                                                   [QUEUE_RETURNED] = ITEM_CHANGED,
                                                   [QUEUE_SUBMITTED] = ITEM_SUBMITTED};
    return states[state];
}

/* A retest stands beside the first answer's row under its own key. */
static char *key_of(Arena *arena, const char *clip, gboolean retest)
{
    return mel_arena_printf(arena, "%s%s", clip, retest ? RETEST_SUFFIX : "");
}

static bool add_row(void *ctx, const WorkItem *item, Err *err)
{
    (void)err;
    MelQueueModel *model = ctx;
    guint number = model->rows->len;
    gboolean retest = mel_equal(item->purpose, "retest");
    char *text = g_strdup_printf("%s\n%s", item->title, item->clip_id);
    char *folded = g_utf8_casefold(text, -1);
    const Row row = {.clip = mel_arena_strdup(&model->arena, item->clip_id),
                     .title = mel_arena_strdup(&model->arena, item->title),
                     .folded = mel_arena_strdup(&model->arena, folded),
                     .comment = item->comment ? mel_arena_strdup(&model->arena, item->comment)
                                : item->state == QUEUE_RETURNED ? "?"
                                                                : "",
                     .genre = genre_of(model, item->genre),
                     .state = state_of(item->state),
                     .retest = retest};
    g_array_append_val(model->rows, row);
    model->in_state[row.state]++;
    g_hash_table_insert(model->by_clip, key_of(&model->arena, item->clip_id, retest),
                        GUINT_TO_POINTER(number));
    g_free(text);
    g_free(folded);
    return true;
}

bool mel_queue_model_load(MelQueueModel *model, Db *db, const char *annotator_id, Err *err)
{
    guint before = model->shown->len;
    g_array_set_size(model->shown, 0);
    g_list_model_items_changed(G_LIST_MODEL(model), 0, before, 0);
    g_array_set_size(model->rows, 0);
    memset(model->in_state, 0, sizeof model->in_state);
    g_hash_table_remove_all(model->by_clip);
    mel_arena_clear(&model->arena);
    if (!model->labels) model->labels = answer_labels_new(db, err);
    bool ok = model->labels && mel_worklist(db, annotator_id, add_row, model, err);
    mel_queue_model_filter(model, NULL, -1);
    return ok;
}

/* ---- filtering ------------------------------------------------------------------------------- */

static gboolean is_wanted(const Row *row, const char *folded, int state)
{
    if (state >= 0 && (int)row->state != state) return FALSE;
    return !*folded || strstr(row->folded, folded) || strstr(row->genre->folded, folded);
}

void mel_queue_model_filter(MelQueueModel *model, const char *text, int state)
{
    guint before = model->shown->len;
    char *folded = g_utf8_casefold(text ? text : "", -1);
    g_array_set_size(model->shown, 0);
    for (guint i = 0; i < model->rows->len; i++)
        if (is_wanted(row_at(model, i), folded, state)) g_array_append_val(model->shown, i);
    g_free(folded);
    g_list_model_items_changed(G_LIST_MODEL(model), 0, before, model->shown->len);
}

static Row *find_row(MelQueueModel *model, const char *clip_id, gboolean retest, guint *number)
{
    gpointer found;
    char *key = g_strconcat(clip_id, retest ? RETEST_SUFFIX : "", NULL);
    gboolean there = g_hash_table_lookup_extended(model->by_clip, key, NULL, &found);
    g_free(key);
    if (!there) return NULL;
    *number = GPOINTER_TO_UINT(found);
    return row_at(model, *number);
}

void mel_queue_model_note(MelQueueModel *model, const char *clip_id, gboolean retest,
                          ItemState state, const char *genre)
{
    guint number;
    Row *row = find_row(model, clip_id, retest, &number);
    if (!row) return;
    model->in_state[row->state]--;
    model->in_state[state]++;
    row->state = state;
    if (state == ITEM_SUBMITTED) row->comment = "";
    row->genre = genre_of(model, genre);
    MelQueueItem *item = g_hash_table_lookup(model->live, GUINT_TO_POINTER(number));
    if (item) g_signal_emit(item, signals[CHANGED], 0);
}

guint mel_queue_model_find(MelQueueModel *model, const char *clip_id, gboolean retest)
{
    guint number;
    if (!clip_id || !find_row(model, clip_id, retest, &number)) return GTK_INVALID_LIST_POSITION;
    for (guint i = 0; i < model->shown->len; i++)
        if (g_array_index(model->shown, guint, i) == number) return i;
    return GTK_INVALID_LIST_POSITION;
}

guint mel_queue_model_step(MelQueueModel *model, guint from, int by, gboolean open)
{
    gint64 at = from == GTK_INVALID_LIST_POSITION ? (by > 0 ? -1 : (gint64)model->shown->len)
                                                  : (gint64)from;
    for (at += by; at >= 0 && at < (gint64)model->shown->len; at += by) {
        const Row *row = row_at(model, g_array_index(model->shown, guint, at));
        if (!open || row->state == ITEM_OPEN) return (guint)at;
    }
    return GTK_INVALID_LIST_POSITION;
}

QueueCounts mel_queue_model_counts(MelQueueModel *model)
{
    return (QueueCounts){.all = model->rows->len,
                         .shown = model->shown->len,
                         .submitted = model->in_state[ITEM_SUBMITTED],
                         .drafts = model->in_state[ITEM_DRAFT] + model->in_state[ITEM_CHANGED]};
}
