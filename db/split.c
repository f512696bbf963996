/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <stdlib.h>

static const char sql_find[] =
    "SELECT id, name, seed, sides_json, stratify, condition FROM split WHERE name = ?1";

static bool find(Db *db, const char *name, Arena *arena, SplitRow *out, bool *found, Err *err)
{
    DbRows rows;
    *found = false;
    bool ok = DB_ROWS(db, &rows, sql_find, err, db_text(name));
    if (ok && db_next(&rows, err)) {
        *found = true;
        *out = (SplitRow){.id = mel_arena_strdup(arena, db_col_text(&rows, 0)),
                          .name = mel_arena_strdup(arena, db_col_text(&rows, 1)),
                          .seed = mel_arena_strdup(arena, db_col_text(&rows, 2)),
                          .sides_json = mel_arena_strdup(arena, db_col_text(&rows, 3)),
                          .stratify = mel_arena_strdup(arena, db_col_text(&rows, 4)),
                          .condition = mel_arena_strdup(arena, db_col_text(&rows, 5))};
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static const char sql_make[] =
    "INSERT INTO split (id, name, seed, sides_json, stratify, condition, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

static bool make_inside(Db *db, const SplitRow *row, Arena *arena, SplitRow *stored, bool *made,
                        Err *err)
{
    bool found;
    char id[ULID_SIZE], now[UTC_SIZE];
    if (!find(db, row->name, arena, stored, &found, err)) return false;
    *made = !found;
    if (found) return true;
    mel_ulid(id);
    mel_utc_now(now);
    return DB_RUN(db, sql_make, err, db_text(row->id ? row->id : id), db_text(row->name),
                  db_text(row->seed), db_text(row->sides_json), db_text(row->stratify),
                  db_text(row->condition), db_text(now)) &&
           find(db, row->name, arena, stored, &found, err);
}

bool mel_split_make(Db *db, const SplitRow *row, Arena *arena, SplitRow *stored, bool *made_out,
                    Err *err)
{
    SplitRow kept = {0};
    bool made = false;
    if (!mel_name_valid(row->name)) {
        mel_err(err, ERR_USAGE, "'%s' is not a name for a split", row->name);
        return mel_err_hint(err, "use 1 to 64 letters, digits, '_' or '-'");
    }
    if (!mel_db_begin(db, err)) return false;
    bool ok = make_inside(db, row, arena, &kept, &made, err);
    if (!mel_db_end(db, ok, err)) return false;
    *stored = kept;
    *made_out = made;
    return true;
}

static const char sql_names[] = "SELECT group_concat(name, ', ') FROM split";

bool mel_split_find(Db *db, const char *name, Arena *arena, SplitRow *stored, Err *err)
{
    bool found;
    char *names = NULL;
    if (!find(db, name, arena, stored, &found, err)) return false;
    if (found) return true;
    mel_err(err, ERR_NOT_FOUND, "there is no split '%s'", name);
    Err ignored = {0};
    if (db_one_text(db, sql_names, NULL, 0, &names, &ignored) && names)
        mel_err_hint(err, "there are: %s", names);
    else
        mel_err_hint(err, "make one with 'mel split --name %s'", name);
    free(names);
    return false;
}

static const char sql_each[] =
    "SELECT m.clip_id, m.side, m.group_key FROM split_member AS m"
    " WHERE m.split_id = ?1"
    "   AND NOT EXISTS (SELECT 1 FROM split_drop AS d"
    "                    WHERE d.split_id = m.split_id AND d.clip_id = m.clip_id)"
    " ORDER BY m.clip_id";

bool mel_split_each(Db *db, const char *split_id, SplitMemberFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_each, err, db_text(split_id));
    while (ok && db_next(&rows, err)) {
        SplitMember member = {.clip_id = db_col_text(&rows, 0),
                              .side = db_col_text(&rows, 1),
                              .group_key = db_col_text(&rows, 2)};
        if (!fn(ctx, &member, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static const char sql_assign[] =
    "INSERT INTO split_member (split_id, clip_id, side, group_key, assigned_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (split_id, clip_id) DO NOTHING";

bool mel_split_assign(Db *db, const char *split_id, const SplitMember *member, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    return DB_RUN(db, sql_assign, err, db_text(split_id), db_text(member->clip_id),
                  db_text(member->side), db_text(member->group_key), db_text(now));
}

static const char sql_drop[] =
    "INSERT INTO split_drop (split_id, clip_id, why, dropped_at) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (split_id, clip_id) DO NOTHING";

bool mel_split_drop(Db *db, const char *split_id, const char *clip_id, const char *why, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    return DB_RUN(db, sql_drop, err, db_text(split_id), db_text(clip_id), db_text(why),
                  db_text(now));
}

static const char sql_export[] =
    "INSERT INTO export (id, split_id, format, path, item_count, file_count, size_bytes,"
    "                    manifest_sha256, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

bool mel_export_record(Db *db, const ExportRow *row, Err *err)
{
    char id[ULID_SIZE], now[UTC_SIZE];
    mel_ulid(id);
    mel_utc_now(now);
    if (!mel_db_begin(db, err)) return false;
    bool ok = DB_RUN(db, sql_export, err, db_text(id), db_text(row->split_id), db_text(row->format),
                     db_text(row->path), db_i64(row->item_count), db_i64(row->file_count),
                     db_i64(row->size_bytes), db_text(row->manifest_sha256), db_text(now));
    return mel_db_end(db, ok, err);
}
