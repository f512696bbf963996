/* SPDX-License-Identifier: Apache-2.0
 *
 * What fetching reads and writes: the clips that wait, and what became of each. */
#include "db/db_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct WorkList {
    ClipWork *items;
    size_t count, capacity;
} WorkList;

static const char sql_work_source[] =
    "SELECT c.source_id, s.kind, s.locator, c.start_us, c.end_us, c.attempts"
    "  FROM clip AS c JOIN source AS s ON s.id = c.source_id"
    " WHERE c.id = ?1"
    "   AND NOT EXISTS (SELECT 1 FROM takedown AS t WHERE t.source_id = c.source_id)";

static bool complete_work(Db *db, ClipWork *work, bool *wanted, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_work_source, err, db_text(work->clip_id));
    *wanted = false;
    if (ok && db_next(&rows, err)) {
        work->source_id = mel_strdup(db_col_text(&rows, 0));
        work->kind = mel_strdup(db_col_text(&rows, 1));
        work->locator = mel_strdup(db_col_text(&rows, 2));
        work->start_us = db_col_i64(&rows, 3);
        work->end_us = db_col_i64(&rows, 4);
        work->attempts = db_col_i64(&rows, 5);
        *wanted = true;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static bool class_wanted(const char *classes, const char *class)
{
    if (!classes) return false;
    if (mel_equal(classes, "all")) return true;
    size_t n = strlen(class);
    if (n == 0) return false;
    for (const char *p = classes; (p = strstr(p, class)) != NULL; p += n)
        if ((p == classes || p[-1] == ',') && (p[n] == '\0' || p[n] == ',')) return true;
    return false;
}

typedef struct WorkFilter {
    WorkList *list;
    const char *retry_classes;
} WorkFilter;

static bool take_id(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    WorkFilter *filter = ctx;
    const char *class = mel_row_text(row, "failure_class", "");
    bool is_new = mel_equal(mel_row_text(row, "state", ""), "new");
    if (!is_new && !class_wanted(filter->retry_classes, class)) return true;
    if (is_new && filter->retry_classes && !mel_equal(filter->retry_classes, "all")) return true;
    WorkList *list = filter->list;
    mel_grow(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (ClipWork){.clip_id = mel_strdup(mel_row_text(row, "id", ""))};
    return true;
}

static int compare_work(const void *a, const void *b)
{
    const ClipWork *x = a, *y = b;
    int order = strcmp(x->source_id, y->source_id);
    if (order) return order;
    return (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

bool mel_clip_work(Db *db, const char *where, const char *retry_classes, ClipWork **out,
                   size_t *count_out, Err *err)
{
    WorkList list = {0};
    WorkFilter filter = {.list = &list, .retry_classes = retry_classes};
    const ViewQuery query = {.view = "clips",
                             .columns = "id, state, failure_class",
                             .where = where,
                             .also = "state IN ('new', 'failed')"};
    bool ok = mel_query(db, &query, take_id, &filter, err);
    size_t kept = 0;
    for (size_t i = 0; ok && i < list.count; i++) {
        bool wanted;
        ok = complete_work(db, &list.items[i], &wanted, err);
        if (ok && wanted) {
            ClipWork swap = list.items[kept];
            list.items[kept++] = list.items[i];
            list.items[i] = swap;
        }
    }
    if (!ok) {
        mel_clip_work_free(list.items, list.count);
        return false;
    }
    for (size_t i = kept; i < list.count; i++)
        free(list.items[i].clip_id);
    if (kept) qsort(list.items, kept, sizeof *list.items, compare_work);
    *out = list.items;
    *count_out = kept;
    return true;
}

void mel_clip_work_free(ClipWork *work, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(work[i].clip_id);
        free(work[i].source_id);
        free(work[i].kind);
        free(work[i].locator);
    }
    free(work);
}

static const char sql_attempt[] =
    "INSERT INTO attempt (id, clip_id, at, took_us, outcome, reason, message, fetched_bytes,"
    "                     tools_json)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/* A tombstone that came while the clip was being fetched stays its reason. */
static const char sql_failed[] =
    "UPDATE clip SET state = 'failed',"
    "       reason = CASE reason WHEN 'source.taken_down' THEN reason ELSE ?2 END,"
    "       failure_class = CASE reason WHEN 'source.taken_down' THEN failure_class ELSE ?3 END,"
    "       message = CASE reason WHEN 'source.taken_down' THEN message ELSE ?4 END,"
    "       attempts = attempts + 1, changed_at = ?5"
    " WHERE id = ?1";

static const char sql_ready[] =
    "UPDATE clip SET state = 'ready', reason = NULL, failure_class = NULL, message = NULL,"
    "       attempts = attempts + 1, changed_at = ?2"
    " WHERE id = ?1";

static bool append_attempt(Db *db, const char *clip_id, const char *now, int64_t took_us,
                           const char *reason, const char *message, int64_t fetched_bytes,
                           const char *tools_json, Err *err)
{
    char id[ULID_SIZE];
    mel_ulid(id);
    return DB_RUN(db, sql_attempt, err, db_text(id), db_text(clip_id), db_text(now),
                  db_i64(took_us), db_text(reason ? "failed" : "ready"), db_text(reason),
                  db_text(message), db_i64(fetched_bytes), db_text(tools_json));
}

bool mel_clip_failed(Db *db, const char *clip_id, const char *reason, const char *failure_class,
                     const char *message, int64_t took_us, int64_t fetched_bytes,
                     const char *tools_json, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    if (!mel_db_begin(db, err)) return false;
    bool ok = db_forget_products(db, clip_id, err) &&
              append_attempt(db, clip_id, now, took_us, reason, message, fetched_bytes, tools_json,
                             err) &&
              DB_RUN(db, sql_failed, err, db_text(clip_id), db_text(reason), db_text(failure_class),
                     db_text(message), db_text(now));
    return mel_db_end(db, ok, err);
}

bool db_forget_products(Db *db, const char *clip_id, Err *err)
{
    return DB_RUN(db, "DELETE FROM media WHERE clip_id = ?1", err, db_text(clip_id)) &&
           DB_RUN(db, "DELETE FROM cut WHERE clip_id = ?1", err, db_text(clip_id)) &&
           DB_RUN(db, "DELETE FROM quality WHERE clip_id = ?1", err, db_text(clip_id)) &&
           DB_RUN(db, "DELETE FROM frame WHERE clip_id = ?1", err, db_text(clip_id)) &&
           DB_RUN(db, "DELETE FROM landmark WHERE clip_id = ?1", err, db_text(clip_id));
}

static const char sql_media[] = "INSERT INTO media (clip_id, role, position, path, sha256, "
                                "size_bytes, made_by_json, created_at)"
                                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

static bool put_media(Db *db, const ClipProducts *p, const char *now, Err *err)
{
    for (size_t i = 0; i < p->media_count; i++) {
        const ClipMedia *m = &p->media[i];
        if (!DB_RUN(db, sql_media, err, db_text(p->clip_id), db_text(m->role), db_i64(m->position),
                    db_text(m->path), db_text(m->sha256), db_i64(m->size_bytes),
                    db_text(p->tools_json), db_text(now)))
            return false;
    }
    return true;
}

static const char sql_frame[] =
    "INSERT INTO frame (clip_id, position, time_us, width, height, score, sharpness, brightness,"
    "                   black_share, picture_hash, frame_hash)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

static bool put_frames(Db *db, const ClipProducts *p, Err *err)
{
    for (size_t i = 0; i < p->frame_count; i++) {
        const ClipFrame *f = &p->frames[i];
        char picture[17], frame[17];
        snprintf(picture, sizeof picture, "%016llx", (unsigned long long)f->picture_hash);
        snprintf(frame, sizeof frame, "%016llx", (unsigned long long)f->frame_hash);
        if (!DB_RUN(db, sql_frame, err, db_text(p->clip_id), db_i64((int64_t)i), db_i64(f->time_us),
                    db_i64(f->width), db_i64(f->height), db_f64(f->score), db_f64(f->sharpness),
                    db_f64(f->brightness), db_f64(f->black_share), db_text(picture),
                    db_text(frame)))
            return false;
    }
    return true;
}

static const char sql_cut[] =
    "INSERT INTO cut (clip_id, got_start_us, sample_rate_hz, channels, bits_per_sample,"
    "                 audio_samples, missing_samples, width, height, rotation_deg, preview_width,"
    "                 preview_height, preview_frames, container, audio_codec, video_codec,"
    "                 format_id)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

static bool put_cut(Db *db, const ClipProducts *p, Err *err)
{
    return DB_RUN(db, sql_cut, err, db_text(p->clip_id), db_i64(p->got_start_us),
                  db_i64(p->sample_rate_hz), db_i64(p->channels), db_i64(p->bits_per_sample),
                  db_i64(p->audio_samples), db_i64(p->missing_samples), db_i64(p->width),
                  db_i64(p->height), db_i64(p->rotation_deg), db_i64(p->preview_width),
                  db_i64(p->preview_height), db_i64(p->preview_frames), db_text(p->container),
                  db_text(p->audio_codec), db_text(p->video_codec), db_text(p->format_id));
}

/* The measures' names come from curator/measures.h, so the statement is made from them; a name
 * that is not a column fails the transaction. */
static bool put_measures(Db *db, const ClipProducts *p, Err *err)
{
    Str sql = {0}, holes = {0};
    DbArg *args = mel_alloc((p->measure_count + 1) * sizeof *args);
    mel_str_add(&sql, "INSERT INTO quality (clip_id");
    args[0] = db_text(p->clip_id);
    for (size_t i = 0; i < p->measure_count; i++) {
        MEL_ASSERT(mel_name_valid(p->measures[i].name));
        mel_str_addf(&sql, ", %s", p->measures[i].name);
        mel_str_addf(&holes, ", ?%zu", i + 2);
        args[i + 1] = db_f64(p->measures[i].value);
    }
    mel_str_addf(&sql, ") VALUES (?1%s)", mel_str_text(&holes));
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(db->handle, mel_str_text(&sql), -1, &statement, NULL) == SQLITE_OK;
    for (size_t i = 0; ok && i <= p->measure_count; i++) {
        if (args[i].type == ARG_TEXT)
            sqlite3_bind_text(statement, (int)i + 1, args[i].bytes, -1, SQLITE_STATIC);
        else if (args[i].type == ARG_F64)
            sqlite3_bind_double(statement, (int)i + 1, args[i].f64);
    }
    ok = ok && sqlite3_step(statement) == SQLITE_DONE;
    if (!ok) db_fail(db, err, "recording measures");
    sqlite3_finalize(statement);
    mel_str_clear(&sql);
    mel_str_clear(&holes);
    free(args);
    return ok;
}

static const char sql_landmark[] =
    "INSERT INTO landmark (clip_id, version, count, bytes) VALUES (?1, ?2, ?3, ?4)";

bool mel_clip_ready(Db *db, const ClipProducts *p, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    if (!mel_db_begin(db, err)) return false;
    bool ok = db_refuse_taken_down_clip(db, p->clip_id, err) &&
              db_forget_products(db, p->clip_id, err) && put_media(db, p, now, err) &&
              put_frames(db, p, err) && put_cut(db, p, err) && put_measures(db, p, err);
    if (ok && p->landmark_count)
        ok = DB_RUN(db, sql_landmark, err, db_text(p->clip_id), db_i64(p->landmark_version),
                    db_i64((int64_t)p->landmark_count), db_blob(p->landmarks, p->landmark_bytes));
    ok = ok && append_attempt(db, p->clip_id, now, p->took_us, NULL, NULL, p->fetched_bytes,
                              p->tools_json, err);
    ok = ok && DB_RUN(db, sql_ready, err, db_text(p->clip_id), db_text(now));
    return mel_db_end(db, ok, err);
}
