/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <stdlib.h>
#include <string.h>

static const char sql_active[] =
    "SELECT p.id, p.condition FROM pass AS p"
    " WHERE p.name = ?1 AND NOT EXISTS (SELECT 1 FROM pass_undo AS u WHERE u.pass_id = p.id)";

static const char sql_insert[] =
    "INSERT INTO pass (id, name, generation, condition, note, created_at)"
    " VALUES (?1, ?2, (SELECT coalesce(max(generation), 0) + 1 FROM pass WHERE name = ?2), ?3, ?4,"
    "         ?5)";

/* The pass in force under this name, made when absent. */
static bool find_or_make(Db *db, const char *name, const char *where, const char *note,
                         char id[ULID_SIZE], Err *err)
{
    DbRows rows;
    char now[UTC_SIZE];
    bool found = false, same = false;
    bool ok = DB_ROWS(db, &rows, sql_active, err, db_text(name));
    if (ok && db_next(&rows, err)) {
        found = true;
        snprintf(id, ULID_SIZE, "%s", db_col_text(&rows, 0));
        same = mel_equal(db_col_text(&rows, 1), where);
    }
    db_rows_end(&rows);
    if (!ok || mel_err_is_set(err)) return false;
    if (found && same) return true;
    if (found) {
        mel_err(err, ERR_EXISTS, "a pass '%s' with another condition is in force", name);
        return mel_err_hint(err, "undo it first ('mel filter --undo %s'), or choose another name",
                            name);
    }
    mel_ulid(id);
    mel_utc_now(now);
    return DB_RUN(db, sql_insert, err, db_text(id), db_text(name), db_text(where), db_text(note),
                  db_text(now));
}

typedef struct Match {
    char id[CLIP_ID_SIZE];
    char *values;
} Match;

typedef struct Matches {
    const char *pass; /* the name of the pass that matches */
    Match *items;
    size_t count, capacity;
    int64_t elsewhere;
} Matches;

/* The clip's numbers as they were when it was decided: what `mel explain` shows later. */
static char *numbers_of(const ViewRow *row)
{
    json_t *values = json_object();
    for (int i = 0; i < row->count; i++) {
        if (row->cells[i].type == CELL_F64)
            mel_json_set_f64(values, row->names[i], row->cells[i].f64);
        if (row->cells[i].type == CELL_TEXT && mel_equal(row->names[i], "genre"))
            mel_json_set_text(values, row->names[i], row->cells[i].text);
    }
    char *text = mel_json_line(values);
    json_decref(values);
    return text;
}

/* `names` is a comma-separated list, or NULL. */
static bool names_another(const char *names, const char *pass)
{
    size_t n = strlen(pass);
    for (const char *p = names; p && *p;) {
        size_t length = strcspn(p, ",");
        if (length != n || strncmp(p, pass, n) != 0) return true;
        p += length + (p[length] == ',');
    }
    return false;
}

static bool take_match(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Matches *matches = ctx;
    mel_grow(&matches->items, &matches->capacity, matches->count + 1, sizeof *matches->items);
    Match *match = &matches->items[matches->count++];
    snprintf(match->id, sizeof match->id, "%s", mel_row_text(row, "id", ""));
    match->values = numbers_of(row);
    matches->elsewhere += names_another(mel_row_text(row, "excluded_by", NULL), matches->pass);
    return true;
}

static const char sql_exclude[] =
    "INSERT INTO pass_exclusion (clip_id, pass_id, run_id, values_json) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (clip_id, pass_id) DO NOTHING";

static const char sql_run[] =
    "INSERT INTO pass_run (id, pass_id, examined_count, excluded_count, version, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

static bool record(Db *db, const char *pass_id, const Matches *matches, PassOutcome *outcome,
                   Err *err)
{
    char run_id[ULID_SIZE], now[UTC_SIZE];
    mel_ulid(run_id);
    mel_utc_now(now);
    if (!DB_RUN(db, sql_run, err, db_text(run_id), db_text(pass_id), db_i64(outcome->examined),
                db_i64((int64_t)matches->count), db_text(MEL_VERSION), db_text(now)))
        return false;
    for (size_t i = 0; i < matches->count; i++) {
        if (!DB_RUN(db, sql_exclude, err, db_text(matches->items[i].id), db_text(pass_id),
                    db_text(run_id), db_text(matches->items[i].values)))
            return false;
        if (db_changed(db)) outcome->newly_excluded++;
    }
    return true;
}

static bool run_inside(Db *db, const char *name, const char *where, const char *note, bool dry_run,
                       Matches *matches, PassOutcome *out, Err *err)
{
    char pass_id[ULID_SIZE];
    const ViewQuery all = {.view = "clips", .columns = "count(*)", .also = "state = 'ready'"};
    const ViewQuery query = {
        .view = "clips", .where = where, .also = "state = 'ready'", .order = "id"};
    const ViewQuery included = {
        .view = "clips", .columns = "count(*)", .also = "state = 'ready' AND included"};
    if (!mel_query_i64(db, &all, &out->examined, err)) return false;
    if (!find_or_make(db, name, where, note, pass_id, err)) return false;
    if (!mel_query(db, &query, take_match, matches, err)) return false;
    out->matched = (int64_t)matches->count;
    out->also_elsewhere = matches->elsewhere;
    if (!record(db, pass_id, matches, out, err)) return false;
    if (!mel_query_i64(db, &included, &out->included_after, err)) return false;
    return !dry_run;
}

/* A dry run is the real one, rolled back: what it counts is what would happen. */
bool mel_pass_run(Db *db, const char *name, const char *where, const char *note, bool dry_run,
                  PassOutcome *out, Err *err)
{
    Matches matches = {.pass = name};
    PassOutcome outcome = {0};
    if (!mel_name_valid(name)) {
        mel_err(err, ERR_USAGE, "'%s' is not a name for a pass", name);
        return mel_err_hint(err, "use 1 to 64 letters, digits, '_' or '-'");
    }
    if (!mel_query_check(db, "clips", where, err)) return false;
    if (!mel_db_begin(db, err)) return false;
    bool ok = run_inside(db, name, where, note, dry_run, &matches, &outcome, err);
    ok = mel_db_end(db, ok, err);
    if (dry_run && !mel_err_is_set(err)) ok = true;
    for (size_t i = 0; i < matches.count; i++)
        free(matches.items[i].values);
    free(matches.items);
    if (ok) *out = outcome;
    return ok;
}

static const char sql_undo[] = "INSERT INTO pass_undo (pass_id, note, created_at)"
                               " VALUES (?1, ?2, ?3)";

static bool undo_inside(Db *db, const char *name, const char *note, int64_t *freed, Err *err)
{
    char now[UTC_SIZE];
    char *id;
    DbArg key[] = {db_text(name)};
    mel_utc_now(now);
    if (!db_one_text(db, sql_active, key, 1, &id, err)) return false;
    if (!id) return mel_err(err, ERR_NOT_FOUND, "no pass '%s' is in force", name);
    DbArg pass[] = {db_text(id)};
    bool ok = db_one_i64(db, "SELECT count(*) FROM pass_exclusion WHERE pass_id = ?1", pass, 1, 0,
                         freed, err) &&
              DB_RUN(db, sql_undo, err, db_text(id), db_text(note), db_text(now));
    free(id);
    return ok;
}

bool mel_pass_undo(Db *db, const char *name, const char *note, int64_t *freed_out, Err *err)
{
    int64_t freed = 0;
    if (!mel_db_begin(db, err)) return false;
    bool ok = undo_inside(db, name, note, &freed, err);
    if (!mel_db_end(db, ok, err)) return false;
    if (freed_out) *freed_out = freed;
    return true;
}

static const char sql_each[] =
    "SELECT p.name, p.condition, p.note, p.created_at, u.created_at,"
    "       (SELECT count(*) FROM pass_exclusion AS x WHERE x.pass_id = p.id)"
    "  FROM pass AS p LEFT JOIN pass_undo AS u ON u.pass_id = p.id"
    " ORDER BY p.created_at, p.id";

bool mel_pass_each(Db *db, PassRowFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, sql_each, NULL, 0, err);
    while (ok && db_next(&rows, err)) {
        PassRow row = {.name = db_col_text(&rows, 0),
                       .condition = db_col_text(&rows, 1),
                       .note = db_col_text(&rows, 2),
                       .created_at = db_col_text(&rows, 3),
                       .undone_at = db_col_text(&rows, 4),
                       .excluded = db_col_i64(&rows, 5)};
        if (!fn(ctx, &row, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}
