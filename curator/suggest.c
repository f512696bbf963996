/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/suggest_internal.h"

#include <stdlib.h>

enum { ITEMS_PER_TRANSACTION = 1000 };

/* ---- transactions --------------------------------------------------------------------------- */

bool mel_suggest_close(SuggestRun *run, bool ok, Err *err)
{
    if (!run->open) return ok;
    run->open = false;
    run->in_transaction = 0;
    return mel_db_end(run->db, ok, err);
}

bool mel_suggest_step(SuggestRun *run, Err *err)
{
    bool full = run->in_transaction >= ITEMS_PER_TRANSACTION;
    if ((full || mel_interrupted()) && !mel_suggest_close(run, true, err)) return false;
    if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
    if (!run->open && !mel_db_begin(run->db, err)) return false;
    run->open = true;
    run->in_transaction++;
    return true;
}

/* ---- one suggestion ------------------------------------------------------------------------- */

bool mel_suggest_put(SuggestRun *run, const char *clip_id, const char *field, json_t *take_value,
                     const char *origin, Err *err)
{
    bool added, none = json_is_null(take_value);
    char *text = mel_json_line(take_value);
    const Suggestion suggestion = {
        .clip_id = clip_id, .field = field, .value_json = text, .origin = origin};
    bool ok = mel_suggestion_put(run->db, &suggestion, &added, err);
    json_decref(take_value);
    free(text);
    if (!ok) return false;
    run->report.added += added && !none;
    run->report.known += !added && !none;
    run->report.withdrawn += added && none;
    return true;
}

bool mel_suggest_skip(SuggestRun *run, const char *what, int64_t line, Err *err)
{
    const SuggestOptions *options = run->options;
    bool alone = err->code == ERR_USAGE || err->code == ERR_NOT_FOUND || err->code == ERR_FORMAT ||
                 err->code == ERR_DENIED || err->code == ERR_MEDIA || err->code == ERR_LIMIT;
    if (!alone) return false;
    run->report.failed++;
    if (options->on_failure)
        options->on_failure(options->ctx,
                            &(SuggestFailure){.what = what, .line = line, .err = err});
    mel_err_clear(err);
    return true;
}

/* ---- clips ---------------------------------------------------------------------------------- */

typedef struct ClipIds {
    Arena arena;
    const char **items;
    size_t count, capacity;
} ClipIds;

static bool take_id(void *ctx, const ViewRow *row, Err *err)
{
    ClipIds *ids = ctx;
    (void)err;
    mel_grow(&ids->items, &ids->capacity, ids->count + 1, sizeof *ids->items);
    ids->items[ids->count++] = mel_arena_strdup(&ids->arena, mel_row_text(row, "id", ""));
    return true;
}

static void tick(const SuggestRun *run, const char *clip_id)
{
    mel_progress(run->options->progress, &(ProgressTick){.what = run->what,
                                                         .done = run->report.items,
                                                         .total = run->total,
                                                         .failed = run->report.failed,
                                                         .note = clip_id});
}

bool mel_suggest_walk(SuggestRun *run, SuggestClipFn *fn, void *ctx, Err *err)
{
    ClipIds ids = {0};
    const ViewQuery query = {.view = "clips",
                             .columns = "id",
                             .where = run->options->where,
                             .also = "state = 'ready'",
                             .order = "id"};
    bool ok = mel_query(run->db, &query, take_id, &ids, err);
    run->total = (int64_t)ids.count;
    for (size_t i = 0; ok && i < ids.count; i++) {
        ok = fn(run, ids.items[i], ctx, err) || mel_suggest_skip(run, ids.items[i], 0, err);
        run->report.items++;
        tick(run, ids.items[i]);
    }
    free(ids.items);
    mel_arena_clear(&ids.arena);
    return ok;
}
