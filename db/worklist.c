/* SPDX-License-Identifier: Apache-2.0 */
#include "db/worklist.h"

#include "db/db_internal.h"

#include <stdlib.h>

static const char sql_has_assignments[] =
    "SELECT EXISTS (SELECT 1 FROM assignment WHERE annotator_id = ?1 AND purpose <> 'review')";

static const char sql_assigned[] =
    "SELECT coalesce(s.title, s.locator), n.genre"
    "  FROM clip AS c"
    "  JOIN source AS s ON s.id = c.source_id"
    "  LEFT JOIN annotation_head AS h ON h.clip_id = c.id AND h.annotator_id = ?2"
    "  LEFT JOIN annotation AS n ON n.id = h.annotation_id"
    " WHERE c.id = ?1"
    "   AND c.state = 'ready'";

static const char sql_all[] =
    "SELECT c.id, coalesce(s.title, s.locator), h.state, n.genre"
    "  FROM clip AS c"
    "  JOIN source AS s ON s.id = c.source_id"
    "  LEFT JOIN annotation_head AS h ON h.clip_id = c.id AND h.annotator_id = ?1"
    "  LEFT JOIN annotation AS n ON n.id = h.annotation_id"
    " WHERE c.state = 'ready'"
    "   AND NOT EXISTS (SELECT 1 FROM pass_exclusion AS x"
    "                    WHERE x.clip_id = c.id"
    "                      AND NOT EXISTS (SELECT 1 FROM pass_undo AS u"
    "                                       WHERE u.pass_id = x.pass_id))"
    " ORDER BY c.id";

typedef struct Walk {
    Db *db;
    WorkItemFn *fn;
    void *ctx;
} Walk;

/* A queue's item with what the list shows of its clip. */
static bool assigned_item(void *ctx, const QueueItem *item, Err *err)
{
    Walk *walk = ctx;
    DbRows rows;
    const Assignment *a = &item->assignment;
    bool retest = mel_equal(a->purpose, "retest"), ok = true;
    if (mel_equal(a->purpose, "review")) return true;
    char *answerer = mel_asprintf("%s%s", a->annotator_id, retest ? RETEST_SUFFIX : "");
    ok = DB_ROWS(walk->db, &rows, sql_assigned, err, db_text(a->clip_id), db_text(answerer));
    if (ok && db_next(&rows, err)) {
        const WorkItem work = {.clip_id = a->clip_id,
                               .title = db_col_text(&rows, 0),
                               .purpose = a->purpose,
                               .genre = db_col_text(&rows, 1),
                               .comment = item->comment,
                               .state = item->state};
        ok = walk->fn(walk->ctx, &work, err);
    }
    db_rows_end(&rows);
    free(answerer);
    return ok && !mel_err_is_set(err);
}

static bool all_ready(Walk *walk, const char *annotator_id, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(walk->db, &rows, sql_all, err, db_text(annotator_id));
    while (ok && db_next(&rows, err)) {
        const WorkItem work = {.clip_id = db_col_text(&rows, 0),
                               .title = db_col_text(&rows, 1),
                               .genre = db_col_text(&rows, 3),
                               .state = db_queue_state(db_col_text(&rows, 2))};
        if (!walk->fn(walk->ctx, &work, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

bool mel_worklist(Db *db, const char *annotator_id, WorkItemFn *fn, void *ctx, Err *err)
{
    int64_t assigned;
    Walk walk = {db, fn, ctx};
    DbArg args[] = {db_text(annotator_id)};
    const QueueQuery queue = {.annotator_id = annotator_id};
    if (!db_one_i64(db, sql_has_assignments, args, 1, 0, &assigned, err)) return false;
    return assigned ? mel_queue_each(db, &queue, assigned_item, &walk, err)
                    : all_ready(&walk, annotator_id, err);
}

/* ---- one item ------------------------------------------------------------------------------- */

static const char sql_item[] =
    "SELECT c.id, c.source_id, s.title, s.channel, s.locator, c.start_us, c.end_us, q.tempo_bpm,"
    "       q.loudness_lufs, coalesce(k.got_start_us, c.start_us)"
    "  FROM clip AS c"
    "  JOIN source AS s ON s.id = c.source_id"
    "  LEFT JOIN quality AS q ON q.clip_id = c.id"
    "  LEFT JOIN cut AS k ON k.clip_id = c.id"
    " WHERE c.id = ?1";

static const char sql_stills[] =
    "SELECT f.position, m.path, f.time_us, f.score, f.sharpness, f.black_share, f.picture_hash"
    "  FROM frame AS f"
    "  JOIN media AS m ON m.clip_id = f.clip_id AND m.role = 'still' AND m.position = f.position"
    " WHERE f.clip_id = ?1"
    " ORDER BY f.position";

static bool read_item(Db *db, const char *clip_id, Arena *arena, ClipItem *out, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_item, err, db_text(clip_id));
    bool found = ok && db_next(&rows, err);
    if (found) {
        *out = (ClipItem){.clip_id = mel_arena_strdup(arena, db_col_text(&rows, 0)),
                          .source_id = mel_arena_strdup(arena, db_col_text(&rows, 1)),
                          .title = mel_arena_strdup(arena, db_col_text(&rows, 2)),
                          .channel = mel_arena_strdup(arena, db_col_text(&rows, 3)),
                          .locator = mel_arena_strdup(arena, db_col_text(&rows, 4)),
                          .start_us = db_col_i64(&rows, 5),
                          .end_us = db_col_i64(&rows, 6),
                          .tempo_bpm = db_col_f64(&rows, 7),
                          .loudness_lufs = db_col_f64(&rows, 8),
                          .got_start_us = db_col_i64(&rows, 9)};
    }
    db_rows_end(&rows);
    if (!ok || mel_err_is_set(err)) return false;
    return found || mel_err(err, ERR_NOT_FOUND, "there is no clip '%s'", clip_id);
}

typedef struct Places {
    Db *db;
    Arena *arena;
    ClipItem *item;
} Places;

static const char *whole_path(const Places *p, const char *relative)
{
    char *path = mel_db_path(p->db, relative);
    const char *kept = mel_arena_strdup(p->arena, path);
    free(path);
    return kept;
}

static bool note_media(void *ctx, const MediaRow *row, Err *err)
{
    Places *p = ctx;
    (void)err;
    if (mel_equal(row->role, "audio")) p->item->audio = whole_path(p, row->path);
    if (mel_equal(row->role, "preview")) p->item->preview = whole_path(p, row->path);
    return true;
}

static bool read_stills(Places *p, Err *err)
{
    DbRows rows;
    ClipStill *stills = NULL;
    size_t count = 0, capacity = 0;
    bool ok = DB_ROWS(p->db, &rows, sql_stills, err, db_text(p->item->clip_id));
    while (ok && db_next(&rows, err)) {
        const char *hash = db_col_text(&rows, 6);
        mel_grow(&stills, &capacity, count + 1, sizeof *stills);
        stills[count++] = (ClipStill){.position = (int)db_col_i64(&rows, 0),
                                      .path = whole_path(p, db_col_text(&rows, 1)),
                                      .time_us = db_col_i64(&rows, 2),
                                      .score = db_col_f64(&rows, 3),
                                      .sharpness = db_col_f64(&rows, 4),
                                      .black_share = db_col_f64(&rows, 5),
                                      .picture_hash = hash ? strtoull(hash, NULL, 16) : 0};
    }
    db_rows_end(&rows);
    ClipStill *kept = mel_arena_alloc(p->arena, count * sizeof *kept + 1);
    for (size_t i = 0; i < count; i++)
        kept[i] = stills[i];
    free(stills);
    p->item->stills = kept;
    p->item->still_count = count;
    return ok && !mel_err_is_set(err);
}

bool mel_clip_item(Db *db, const char *clip_id, Arena *arena, ClipItem *out, Err *err)
{
    ClipItem item;
    Places places = {.db = db, .arena = arena, .item = &item};
    if (!read_item(db, clip_id, arena, &item, err) ||
        !mel_media_each(db, clip_id, note_media, &places, err) || !read_stills(&places, err))
        return false;
    *out = item;
    return true;
}
