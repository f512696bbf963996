/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <stdlib.h>
#include <string.h>

static const char sql_landmarks[] =
    "SELECT l.clip_id, l.version, l.bytes, l.count"
    "  FROM landmark AS l JOIN clip AS c ON c.id = l.clip_id AND c.state = 'ready'"
    " ORDER BY l.clip_id";

bool mel_landmark_each(Db *db, LandmarkRowFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, sql_landmarks, NULL, 0, err);
    while (ok && db_next(&rows, err))
        if (!fn(ctx, db_col_text(&rows, 0), (int)db_col_i64(&rows, 1),
                sqlite3_column_blob(rows.statement, 2),
                (size_t)sqlite3_column_bytes(rows.statement, 2), (size_t)db_col_i64(&rows, 3), err))
            break;
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static const char sql_hashes[] =
    "SELECT f.clip_id, f.position, f.picture_hash"
    "  FROM frame AS f JOIN clip AS c ON c.id = f.clip_id AND c.state = 'ready'"
    " ORDER BY f.clip_id, f.position";

bool mel_picture_hash_each(Db *db, PictureHashFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, sql_hashes, NULL, 0, err);
    while (ok && db_next(&rows, err))
        if (!fn(ctx, db_col_text(&rows, 0), (int)db_col_i64(&rows, 1),
                strtoull(db_col_text(&rows, 2), NULL, 16), err))
            break;
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static const char sql_put[] =
    "INSERT INTO duplicate_edge (clip_a, clip_b, kind, score, offset_us, evidence, method,"
    "                            created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    " ON CONFLICT (clip_a, clip_b, kind) DO UPDATE"
    " SET score = excluded.score, offset_us = excluded.offset_us, evidence = excluded.evidence,"
    "     method = excluded.method";

static bool put_inside(Db *db, const DuplicateRow *row, bool *added, Err *err)
{
    char now[UTC_SIZE];
    int64_t known;
    DbArg key[] = {db_text(row->clip_a), db_text(row->clip_b), db_text(row->kind)};
    mel_utc_now(now);
    if (!db_one_i64(db,
                    "SELECT 1 FROM duplicate_edge WHERE clip_a = ?1 AND clip_b = ?2 AND kind = ?3",
                    key, 3, 0, &known, err))
        return false;
    *added = !known;
    return DB_RUN(db, sql_put, err, db_text(row->clip_a), db_text(row->clip_b), db_text(row->kind),
                  db_f64(row->score), db_i64(row->offset_us), db_i64(row->evidence),
                  db_text(row->method), db_text(now));
}

bool mel_duplicate_put(Db *db, const DuplicateRow *row, bool *added_out, Err *err)
{
    bool added = false;
    if (!mel_db_begin(db, err)) return false;
    bool ok = put_inside(db, row, &added, err);
    if (!mel_db_end(db, ok, err)) return false;
    if (added_out) *added_out = added;
    return true;
}

static const char sql_break[] =
    "INSERT INTO duplicate_break (clip_a, clip_b, kind, note, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (clip_a, clip_b, kind) DO NOTHING";

bool mel_duplicate_break(Db *db, const char *clip_a, const char *clip_b, const char *kind,
                         const char *note, Err *err)
{
    char now[UTC_SIZE];
    bool swap = strcmp(clip_a, clip_b) > 0;
    mel_utc_now(now);
    return DB_RUN(db, sql_break, err, db_text(swap ? clip_b : clip_a),
                  db_text(swap ? clip_a : clip_b), db_text(kind), db_text(note), db_text(now));
}

static const char sql_each[] =
    "SELECT e.clip_a, e.clip_b, e.kind, e.score, e.offset_us, e.evidence, e.method"
    "  FROM duplicate_edge AS e"
    " WHERE NOT EXISTS (SELECT 1 FROM duplicate_break AS b"
    "                    WHERE b.clip_a = e.clip_a AND b.clip_b = e.clip_b AND b.kind = e.kind)"
    " ORDER BY e.clip_a, e.clip_b, e.kind";

bool mel_duplicate_each(Db *db, DuplicateRowFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, sql_each, NULL, 0, err);
    while (ok && db_next(&rows, err)) {
        DuplicateRow row = {.clip_a = db_col_text(&rows, 0),
                            .clip_b = db_col_text(&rows, 1),
                            .kind = db_col_text(&rows, 2),
                            .score = db_col_f64(&rows, 3),
                            .offset_us = db_col_i64(&rows, 4),
                            .evidence = db_col_i64(&rows, 5),
                            .method = db_col_text(&rows, 6)};
        if (!fn(ctx, &row, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}
