/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <string.h>

void mel_clip_id(const char *source_id, int64_t start_us, char id[CLIP_ID_SIZE])
{
    snprintf(id, CLIP_ID_SIZE, "%s:%lld", source_id, (long long)((start_us + 500) / 1000));
}

static const char sql_insert[] =
    "INSERT INTO clip (id, source_id, start_us, end_us, published_split, created_at, changed_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"
    " ON CONFLICT (id) DO NOTHING";

bool mel_clip_put(Db *db, const char *source_id, int64_t start_us, int64_t end_us,
                  const char *published_split, char id_out[CLIP_ID_SIZE], bool *added_out, Err *err)
{
    enum { START_BYTES_MAX = 20 }; /* ":" and milliseconds */
    char now[UTC_SIZE], id[CLIP_ID_SIZE];
    if (strlen(source_id) + START_BYTES_MAX >= CLIP_ID_SIZE)
        return mel_err(err, ERR_USAGE, "the source id '%s' is too long", source_id);
    mel_utc_now(now);
    mel_clip_id(source_id, start_us, id);
    if (!mel_db_begin(db, err)) return false;
    bool ok = db_refuse_taken_down(db, source_id, err) &&
              DB_RUN(db, sql_insert, err, db_text(id), db_text(source_id), db_i64(start_us),
                     db_i64(end_us), db_text(published_split), db_text(now));
    bool added = ok && db_changed(db) > 0;
    if (!mel_db_end(db, ok, err)) return false;
    if (added_out) *added_out = added;
    if (id_out) snprintf(id_out, CLIP_ID_SIZE, "%s", id);
    return true;
}

static const char sql_label[] = "INSERT INTO label (clip_id, scheme, value) VALUES (?1, ?2, ?3)"
                                " ON CONFLICT (clip_id, scheme, value) DO NOTHING";

bool mel_clip_label(Db *db, const char *clip_id, const char *scheme, const char *value, Err *err)
{
    return DB_RUN(db, sql_label, err, db_text(clip_id), db_text(scheme), db_text(value));
}

static const char sql_import[] =
    "INSERT INTO import_list (id, path, format, at, row_count, added_count, bad_count)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

bool mel_import_record(Db *db, const char *path, const char *format, int64_t row_count,
                       int64_t added_count, int64_t bad_count, Err *err)
{
    char now[UTC_SIZE], id[ULID_SIZE];
    mel_utc_now(now);
    mel_ulid(id);
    return DB_RUN(db, sql_import, err, db_text(id), db_text(path), db_text(format), db_text(now),
                  db_i64(row_count), db_i64(added_count), db_i64(bad_count));
}

static const char sql_bad_row[] =
    "INSERT INTO bad_row (list_path, line, reason, message, text, first_seen_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    " ON CONFLICT (list_path, line, text) DO NOTHING";

bool mel_bad_row_put(Db *db, const char *list_path, int64_t line, const char *reason,
                     const char *message, const char *text, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    return DB_RUN(db, sql_bad_row, err, db_text(list_path), db_i64(line), db_text(reason),
                  db_text(message), db_text(text), db_text(now));
}
