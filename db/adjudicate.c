/* SPDX-License-Identifier: Apache-2.0 */
#include "db/annotation_internal.h"

#include <stdlib.h>
#include <string.h>

static const char sql_current[] =
    "SELECT t.state, t.method, t.annotation_id, t.disputed_json, t.rev"
    "  FROM settlement_head AS h JOIN settlement AS t ON t.id = h.settlement_id"
    " WHERE h.clip_id = ?1";

typedef struct Current {
    const char *state, *method, *annotation_id, *disputed_json;
    int64_t rev;
} Current;

static bool load_current(Db *db, const char *clip_id, Arena *arena, Current *out, Err *err)
{
    DbRows rows;
    *out = (Current){.state = "open", .method = "none"};
    bool ok = DB_ROWS(db, &rows, sql_current, err, db_text(clip_id));
    if (ok && db_next(&rows, err))
        *out = (Current){.state = mel_arena_strdup(arena, db_col_text(&rows, 0)),
                         .method = mel_arena_strdup(arena, db_col_text(&rows, 1)),
                         .annotation_id = mel_arena_strdup(arena, db_col_text(&rows, 2)),
                         .disputed_json = mel_arena_strdup(arena, db_col_text(&rows, 3)),
                         .rev = db_col_i64(&rows, 4)};
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static bool read_disputed(const char *text, Arena *arena, Settlement *out, Err *err)
{
    if (!text) return true;
    json_t *list = mel_json_parse(text, strlen(text), "the disputed fields", err);
    if (!list) return false;
    size_t count = json_array_size(list);
    const char **names = mel_arena_alloc(arena, (count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        names[i] = mel_arena_strdup(arena, name ? name : "");
    }
    json_decref(list);
    out->disputed = names;
    out->disputed_count = count;
    return true;
}

bool mel_settlement_load(Db *db, const char *clip_id, Arena *arena, Settlement *out, Err *err)
{
    Current current;
    Settlement found = {0};
    bool any = true;
    if (!load_current(db, clip_id, arena, &current, err)) return false;
    found.state = current.state;
    found.method = current.method;
    if (!read_disputed(current.disputed_json, arena, &found, err)) return false;
    if (!(current.annotation_id
              ? db_annotation_by_id(db, current.annotation_id, arena, &found.draft, err)
              : db_settle_draft(db, clip_id, arena, &found.draft, &any, err)))
        return false;
    if (!any) return mel_err(err, ERR_NOT_FOUND, "nobody has submitted an answer to '%s'", clip_id);
    *out = found;
    return true;
}

/* ---- deciding -------------------------------------------------------------------------------- */

static const AdjudicatedField *find_field(const Adjudication *a, const char *field)
{
    for (size_t i = 0; i < a->field_count; i++)
        if (mel_equal(a->fields[i].field, field)) return &a->fields[i];
    return NULL;
}

static bool check_all_decided(const Adjudication *a, const Settlement *settlement, Err *err)
{
    Str missing = {0};
    for (size_t i = 0; i < a->field_count; i++)
        if (!mel_answer_field_check(a->fields[i].field, err)) return false;
    for (size_t i = 0; i < settlement->disputed_count; i++)
        if (!find_field(a, settlement->disputed[i]))
            mel_str_addf(&missing, "%s%s", missing.length ? ", " : "", settlement->disputed[i]);
    bool ok = !missing.length;
    if (!ok) {
        mel_err(err, ERR_USAGE, "clip '%s' is still disputed in: %s", a->clip_id,
                mel_str_text(&missing));
        mel_err_hint(err, "decide every one: --set FIELD=VALUE or --take FIELD=WHO");
    }
    mel_str_clear(&missing);
    return ok;
}

static bool check_may(Db *db, const Adjudication *a, Err *err)
{
    bool may;
    if (!mel_may_read_answers(db, a->clip_id, a->by, &may, err)) return false;
    return may || mel_err(err, ERR_DENIED, "'%s' is asked about clip '%s' and has not answered",
                          a->by, a->clip_id);
}

static const char sql_answer_count[] =
    "SELECT count(*) FROM annotation_head AS h JOIN annotator AS p ON p.id = h.annotator_id"
    " WHERE h.clip_id = ?1 AND h.state = 'submitted' AND p.kind <> 'system'";

static bool append_fields(Db *db, const Adjudication *a, const char *settlement_id, Err *err)
{
    for (size_t i = 0; i < a->field_count; i++)
        if (!db_settlement_field(db, settlement_id, a->fields[i].field, "adjudicated",
                                 a->fields[i].from_annotation_id, err))
            return false;
    return true;
}

static bool adjudicate_inside(Db *db, const Adjudication *a, Arena *arena, Err *err)
{
    char answer_id[ULID_SIZE], id[ULID_SIZE];
    Current current;
    Settlement settlement;
    int64_t answers;
    DbArg clip[] = {db_text(a->clip_id)};
    if (!db_one_i64(db, sql_answer_count, clip, 1, 0, &answers, err)) return false;
    if (!answers)
        return mel_err(err, ERR_NOT_FOUND, "nobody has submitted an answer to '%s'", a->clip_id);
    if (!load_current(db, a->clip_id, arena, &current, err) ||
        !mel_settlement_load(db, a->clip_id, arena, &settlement, err) || !check_may(db, a, err) ||
        !check_all_decided(a, &settlement, err) || !db_annotation_check(db, a->answer, err) ||
        !mel_annotator_put(db, a->by, "person", NULL, err) ||
        !db_settled_answer(db, a->clip_id, a->answer, answer_id, err))
        return false;
    const SettlementRow row = {.clip_id = a->clip_id,
                               .rev = current.rev + 1,
                               .state = "settled",
                               .method = "adjudicated",
                               .annotation_id = answer_id,
                               .by_id = a->by};
    return db_settlement_append(db, &row, id, err) && append_fields(db, a, id, err);
}

bool mel_adjudicate(Db *db, const Adjudication *adjudication, Err *err)
{
    Arena arena = {0};
    if (!mel_db_begin(db, err)) return false;
    bool ok = mel_db_end(db, adjudicate_inside(db, adjudication, &arena, err), err);
    mel_arena_clear(&arena);
    return ok;
}

static const char sql_disputed[] =
    "SELECT clip_id FROM settlement_head WHERE state = 'disputed' ORDER BY clip_id";

bool mel_disputed_each(Db *db, DisputedFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, sql_disputed, NULL, 0, err);
    while (ok && db_next(&rows, err))
        if (!fn(ctx, db_col_text(&rows, 0), err)) break;
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}
