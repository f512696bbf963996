/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <math.h>

static const char sql_insert[] =
    "INSERT INTO source (id, kind, locator, title, channel_id, channel, license, upload_date,"
    "                    duration_us, extractor, metadata_json, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    " ON CONFLICT (id) DO NOTHING";

static const char sql_fill[] =
    "UPDATE source"
    "   SET title = coalesce(title, ?2), channel_id = coalesce(channel_id, ?3),"
    "       channel = coalesce(channel, ?4), license = coalesce(license, ?5),"
    "       upload_date = coalesce(upload_date, ?6), duration_us = coalesce(duration_us, ?7),"
    "       extractor = coalesce(?8, extractor), metadata_json = coalesce(?9, metadata_json)"
    " WHERE id = ?1";

static DbArg known_us(int64_t duration_us)
{
    return duration_us < 0 ? db_text(NULL) : db_i64(duration_us);
}

static bool refuse_if(Db *db, const char *sql, const char *what, const char *id, Err *err)
{
    int64_t taken;
    DbArg args[] = {db_text(id)};
    if (!db_one_i64(db, sql, args, 1, 0, &taken, err)) return false;
    if (!taken) return true;
    return mel_err_reason(err, ERR_DENIED, "source.taken_down",
                          "%s '%s' was taken down and cannot come back", what, id);
}

bool db_refuse_taken_down(Db *db, const char *source_id, Err *err)
{
    static const char sql[] = "SELECT 1 FROM takedown WHERE source_id = ?1";
    return refuse_if(db, sql, "source", source_id, err);
}

bool db_refuse_taken_down_clip(Db *db, const char *clip_id, Err *err)
{
    static const char sql[] =
        "SELECT 1 FROM takedown AS t JOIN clip AS c ON c.source_id = t.source_id"
        " WHERE c.id = ?1";
    return refuse_if(db, sql, "the source of clip", clip_id, err);
}

static bool put_inside(Db *db, const Source *source, bool *added_out, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    if (!db_refuse_taken_down(db, source->id, err)) return false;
    if (!DB_RUN(db, sql_insert, err, db_text(source->id), db_text(source->kind),
                db_text(source->locator), db_text(source->title), db_text(source->channel_id),
                db_text(source->channel), db_text(source->license), db_text(source->upload_date),
                known_us(source->duration_us), db_text(source->extractor),
                db_text(source->metadata_json), db_text(now)))
        return false;
    bool added = db_changed(db) > 0;
    if (!added &&
        !DB_RUN(db, sql_fill, err, db_text(source->id), db_text(source->title),
                db_text(source->channel_id), db_text(source->channel), db_text(source->license),
                db_text(source->upload_date), known_us(source->duration_us),
                db_text(source->extractor), db_text(source->metadata_json)))
        return false;
    *added_out = added;
    return true;
}

bool mel_source_put(Db *db, const Source *source, bool *added_out, Err *err)
{
    bool added = false;
    /* Refused before anything begins, so that a caller's transaction can go on without it. */
    if (!db_refuse_taken_down(db, source->id, err)) return false;
    if (!mel_db_begin(db, err)) return false;
    bool ok = put_inside(db, source, &added, err);
    if (!mel_db_end(db, ok, err)) return false;
    if (added_out) *added_out = added;
    return true;
}

static const char sql_sighting[] =
    "INSERT INTO sighting (id, source_id, at, availability, reason, message)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

static const char sql_availability[] =
    "UPDATE source SET availability = ?2, availability_seen_at = ?3 WHERE id = ?1";

bool mel_source_seen(Db *db, const char *source_id, const char *availability, const char *reason,
                     const char *message, Err *err)
{
    char now[UTC_SIZE], id[ULID_SIZE];
    mel_utc_now(now);
    mel_ulid(id);
    if (!mel_db_begin(db, err)) return false;
    bool ok =
        DB_RUN(db, sql_sighting, err, db_text(id), db_text(source_id), db_text(now),
               db_text(availability), db_text(reason), db_text(message)) &&
        DB_RUN(db, sql_availability, err, db_text(source_id), db_text(availability), db_text(now));
    return mel_db_end(db, ok, err);
}

static const char sql_takedown[] =
    "INSERT INTO takedown (source_id, reason, request_ref, created_at) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (source_id) DO NOTHING";

static const char sql_clips[] = "SELECT id FROM clip WHERE source_id = ?1";

static const char sql_fail_clips[] =
    "UPDATE clip SET state = 'failed', reason = 'source.taken_down',"
    "       failure_class = 'permanent', message = ?2, changed_at = ?3"
    " WHERE source_id = ?1";

static bool forget_clips(Db *db, const char *source_id, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_clips, err, db_text(source_id));
    while (ok && db_next(&rows, err))
        ok = db_forget_products(db, db_col_text(&rows, 0), err);
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

bool mel_source_takedown(Db *db, const char *source_id, const char *reason, const char *request_ref,
                         Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    if (!mel_db_begin(db, err)) return false;
    bool ok = DB_RUN(db, sql_takedown, err, db_text(source_id), db_text(reason),
                     db_text(request_ref), db_text(now)) &&
              forget_clips(db, source_id, err) &&
              DB_RUN(db, sql_fail_clips, err, db_text(source_id), db_text(reason), db_text(now));
    return mel_db_end(db, ok, err);
}
