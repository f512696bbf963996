/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/two_lines.h"
#include "annotator/window_internal.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_BYTES_MAX = 4096 };

/* ---- the list ----------------------------------------------------------------------------------
 */

static const char *state_text(ItemState state)
{
    static const char *const texts[] = {
        [ITEM_OPEN] = "",
        [ITEM_DRAFT] = N_("draft"),
        [ITEM_SUBMITTED] = N_("submitted"),
        [ITEM_CHANGED] = N_("changed since submitted"),
    };
    return *texts[state] ? _(texts[state]) : "";
}

static void show_row(MelQueueItem *item, GtkListItem *cell)
{
    const char *state = state_text(mel_queue_item_state(item));
    const char *genre = mel_queue_item_genre(item);
    const char *comment = mel_queue_item_comment(item);
    if (*comment) state = _("sent back");
    char *line = g_strdup_printf("%s%s%s%s", mel_queue_item_is_retest(item) ? _("again  ") : "",
                                 state, *state && *genre ? ", " : "", genre);
    mel_two_lines_show(cell, mel_queue_item_title(item), line);
    g_free(line);
}

static void bind_row(GtkSignalListItemFactory *factory, GtkListItem *cell, gpointer data)
{
    (void)factory, (void)data;
    MelQueueItem *item = gtk_list_item_get_item(cell);
    g_signal_connect(item, "changed", G_CALLBACK(show_row), cell);
    show_row(item, cell);
}

static void unbind_row(GtkSignalListItemFactory *factory, GtkListItem *cell, gpointer data)
{
    (void)factory, (void)data;
    g_signal_handlers_disconnect_by_func(gtk_list_item_get_item(cell), show_row, cell);
}

static void activated(GtkListView *list, guint position, MelWindow *window)
{
    (void)list;
    window_go(window, position);
}

static void filter(MelWindow *window)
{
    static const int states[] = {-1, ITEM_OPEN, ITEM_DRAFT, ITEM_SUBMITTED};
    guint chosen = gtk_drop_down_get_selected(GTK_DROP_DOWN(window->state_filter));
    const char *text = gtk_editable_get_text(GTK_EDITABLE(window->search));
    mel_queue_model_filter(window->queue, text, states[MIN(chosen, 3)]);
    guint at = mel_queue_model_find(window->queue, session_clip(window->session),
                                    session_is_retest(window->session));
    gtk_single_selection_set_selected(window->selection, at);
}

void window_build_list(MelWindow *window)
{
    Err err = {0};
    GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
    window->queue = mel_queue_model_new();
    if (!mel_queue_model_load(window->queue, window->db, session_annotator(window->session), &err))
        window_tell(window, err.message);
    window->selection = gtk_single_selection_new(G_LIST_MODEL(window->queue));
    gtk_single_selection_set_autoselect(window->selection, FALSE);
    gtk_single_selection_set_can_unselect(window->selection, TRUE);
    g_signal_connect(factory, "setup", G_CALLBACK(mel_two_lines_setup), NULL);
    g_signal_connect(factory, "bind", G_CALLBACK(bind_row), NULL);
    g_signal_connect(factory, "unbind", G_CALLBACK(unbind_row), NULL);
    gtk_list_view_set_factory(GTK_LIST_VIEW(window->list), factory);
    gtk_list_view_set_model(GTK_LIST_VIEW(window->list), GTK_SELECTION_MODEL(window->selection));
    g_object_unref(factory);
    g_signal_connect(window->list, "activate", G_CALLBACK(activated), window);
    g_signal_connect_swapped(window->search, "search-changed", G_CALLBACK(filter), window);
    g_signal_connect_swapped(window->state_filter, "notify::selected", G_CALLBACK(filter), window);
}

/* ---- one item ----------------------------------------------------------------------------------
 */

void window_show_answers(MelWindow *window)
{
    const char *frame = session_get(window->session, ANSWER_FRAME);
    mel_form_show(MEL_FORM(window->form), session_answers(window->session));
    window_lint_soon(window);
    window_show_suggestions(window);
    mel_filmstrip_set_chosen(MEL_FILMSTRIP(window->strip),
                             frame ? (int)strtol(frame, NULL, 10) : -1);
    window_note_state(window);
}

void window_note_state(MelWindow *window)
{
    ItemState state = session_state(window->session);
    if (!session_clip(window->session)) return;
    mel_queue_model_note(window->queue, session_clip(window->session),
                         session_is_retest(window->session), state,
                         session_get(window->session, ANSWER_GENRE));
    QueueCounts counts = mel_queue_model_counts(window->queue);
    char *drafts = g_strdup_printf(ngettext("%u draft", "%u drafts", counts.drafts), counts.drafts);
    /* "3 of 20 submitted, 1 draft" */
    char *text = g_strdup_printf(_("%u of %u submitted, %s"), counts.submitted, counts.all, drafts);
    gtk_label_set_text(GTK_LABEL(window->progress), text);
    gtk_label_set_text(GTK_LABEL(window->subtitle), state_text(state));
    g_free(drafts);
    g_free(text);
}

/* Where the person is, for the next start. Not worth a word when it cannot be written. */
static void remember(MelWindow *window)
{
    Err err = {0};
    if (!window->place) return;
    char *folder = mel_path_dir(window->place);
    char *line = g_strdup_printf("%s\n%d\n", session_clip(window->session),
                                 session_is_retest(window->session));
    if (!mel_make_dirs(folder, &err) || !mel_write_file(window->place, line, strlen(line), &err))
        g_debug("%s", err.message);
    free(folder);
    g_free(line);
}

/* What the stage may load while this item is worked on. */
static void load_ahead(MelWindow *window, guint position)
{
    Err err = {0};
    ClipItem item;
    Arena arena = {0};
    guint next = mel_queue_model_step(window->queue, position, 1, FALSE);
    MelQueueItem *row = g_list_model_get_item(G_LIST_MODEL(window->queue), next);
    if (row && mel_clip_item(window->db, mel_queue_item_clip(row), &arena, &item, &err)) {
        mel_stage_load_ahead(MEL_STAGE(window->stage), &item);
        mel_filmstrip_load_ahead(MEL_FILMSTRIP(window->strip), &item);
    }
    g_clear_object(&row);
    mel_arena_clear(&arena);
}

static guint position_now(MelWindow *window)
{
    return mel_queue_model_find(window->queue, session_clip(window->session),
                                session_is_retest(window->session));
}

static void select_row(MelWindow *window, guint position)
{
    gtk_single_selection_set_selected(window->selection, position);
    if (position != GTK_INVALID_LIST_POSITION)
        gtk_widget_activate_action(window->list, "list.scroll-to-item", "u", position);
}

/* For lint: what must not stand in a text. */
static void keep_names(MelWindow *window, const ClipItem *item)
{
    g_free(window->item_title);
    g_free(window->item_channel);
    window->item_title = g_strdup(item->title);
    window->item_channel = g_strdup(item->channel);
    mel_form_show_lint(MEL_FORM(window->form), "");
}

/* Puts the session's item on screen. */
gboolean window_display(MelWindow *window)
{
    Err err = {0};
    ClipItem item;
    Arena arena = {0};
    bool ok = mel_clip_item(window->db, session_clip(window->session), &arena, &item, &err);
    if (ok) {
        gtk_label_set_text(GTK_LABEL(window->title), item.title ? item.title : item.locator);
        keep_names(window, &item);
        mel_filmstrip_show(MEL_FILMSTRIP(window->strip), &item);
        mel_stage_show(MEL_STAGE(window->stage), &item);
        window_tell(window, window->locked);
        remember(window);
    } else {
        window_tell(window, err.message);
    }
    window_take_suggestions(window);
    window_show_answers(window);
    select_row(window, position_now(window));
    mel_arena_clear(&arena);
    return ok;
}

static void tell_comment(MelWindow *window, MelQueueItem *row)
{
    const char *comment = mel_queue_item_comment(row);
    if (!*comment) return;
    char *text = g_strdup_printf(_("Sent back: %s"), comment);
    window_tell(window, text);
    g_free(text);
}

gboolean window_go(MelWindow *window, guint position)
{
    Err err = {0};
    MelQueueItem *row = g_list_model_get_item(G_LIST_MODEL(window->queue), position);
    if (!row) return FALSE;
    gboolean gone = window_keep(window);
    if (gone && !session_go(window->session, mel_queue_item_clip(row),
                            mel_queue_item_is_retest(row), &err)) {
        window_tell(window, err.message);
        gone = FALSE;
    }
    if (gone) {
        window_display(window);
        load_ahead(window, position);
        tell_comment(window, row);
    }
    g_object_unref(row);
    return gone;
}

void window_step(MelWindow *window, int by, gboolean open)
{
    guint from = position_now(window);
    guint to = mel_queue_model_step(window->queue, from, by, open);
    if (to == GTK_INVALID_LIST_POSITION)
        window_tell(window, by > 0 ? _("That was the last item.") : _("This is the first item."));
    else
        window_go(window, to);
}

/* The item of the last time, else the first open one, else the first. */
void window_go_back_to(MelWindow *window, const char *place_file)
{
    Err err = {0};
    char *text = NULL;
    size_t n;
    guint at = GTK_INVALID_LIST_POSITION;
    if (place_file && mel_path_exists(place_file) &&
        mel_read_file(place_file, PLACE_BYTES_MAX, &text, &n, &err)) {
        char **lines = g_strsplit(text, "\n", 3);
        if (lines[0] && lines[1])
            at = mel_queue_model_find(window->queue, lines[0], lines[1][0] == '1');
        g_strfreev(lines);
    }
    free(text);
    if (at == GTK_INVALID_LIST_POSITION)
        at = mel_queue_model_step(window->queue, GTK_INVALID_LIST_POSITION, 1, TRUE);
    if (at == GTK_INVALID_LIST_POSITION) at = 0;
    if (!window_go(window, at) && !mel_queue_model_counts(window->queue).all) {
        gtk_label_set_text(GTK_LABEL(window->title), _("Nothing to do"));
        window_tell(window, _("There is no item for you here: 'mel assign' gives some, 'mel "
                              "fetch' makes clips ready."));
    }
}
