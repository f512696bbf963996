/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <stdlib.h>
#include <string.h>

static const char sql_put[] =
    "INSERT INTO assignment (id, batch, clip_id, annotator_id, purpose, position, not_before,"
    "                        created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    " ON CONFLICT (batch, clip_id, annotator_id, purpose) DO NOTHING";

static const char sql_clip_known[] = "SELECT 1 FROM clip WHERE id = ?1";

static bool put_one(Db *db, const Assignment *item, const char *now, int64_t *added, Err *err)
{
    char id[ULID_SIZE];
    int64_t known;
    DbArg clip[] = {db_text(item->clip_id)};
    if (!db_one_i64(db, sql_clip_known, clip, 1, 0, &known, err)) return false;
    if (!known) return mel_err(err, ERR_NOT_FOUND, "there is no clip '%s'", item->clip_id);
    mel_ulid(id);
    if (!mel_annotator_put(db, item->annotator_id, "person", NULL, err) ||
        !DB_RUN(db, sql_put, err, db_text(id), db_text(item->batch), db_text(item->clip_id),
                db_text(item->annotator_id), db_text(item->purpose), db_i64(item->position),
                db_text(item->not_before), db_text(now)))
        return false;
    *added += db_changed(db);
    return true;
}

/* One time for all of them: a batch sorts as one. */
bool mel_assignments_put(Db *db, const Assignment *items, size_t count, int64_t *added_out,
                         Err *err)
{
    char now[UTC_SIZE];
    int64_t added = 0;
    bool ok = true;
    mel_utc_now(now);
    if (!mel_db_begin(db, err)) return false;
    for (size_t i = 0; ok && i < count; i++)
        ok = put_one(db, &items[i], now, &added, err);
    if (!mel_db_end(db, ok, err)) return false;
    if (added_out) *added_out = added;
    return true;
}

static const char sql_batch_count[] = "SELECT count(*) FROM assignment WHERE batch = ?1";

bool mel_batch_count(Db *db, const char *batch, int64_t *count_out, Err *err)
{
    DbArg args[] = {db_text(batch)};
    return db_one_i64(db, sql_batch_count, args, 1, 0, count_out, err);
}

/* ---- queues ---------------------------------------------------------------------------------- */

static const char *const state_names[] = {"open", "draft", "returned", "submitted"};

const char *mel_queue_state_name(QueueState state)
{
    return state_names[state];
}

QueueState db_queue_state(const char *name)
{
    for (int i = 0; i < QUEUE_STATES; i++)
        if (mel_equal(name, state_names[i])) return (QueueState)i;
    return QUEUE_OPEN;
}

/* Of a packet's retests the first answers stand at home. */
#define RETEST_DUE                                                                                 \
    "EXISTS (SELECT 1 FROM setting WHERE key = 'packet_id')"                                       \
    " OR " FIRST_ANSWER_STANDS("a.clip_id", "?1") " OR " SECOND_ANSWER_GIVEN("a.clip_id", "?1")

static const char sql_queue[] =
    "SELECT a.batch, a.clip_id, a.annotator_id, a.purpose, a.not_before, a.position,"
    "       CASE WHEN a.purpose = 'review'"
    "            THEN CASE WHEN EXISTS (SELECT 1 FROM review AS v"
    "                                     JOIN annotation_head AS o"
    "                                       ON o.annotation_id = v.annotation_id"
    "                                    WHERE o.clip_id = a.clip_id"
    "                                      AND v.reviewer_id = a.annotator_id)"
    "                      THEN 'submitted' ELSE 'open' END"
    "            WHEN h.state = 'submitted' AND r.verdict = 'return' THEN 'returned'"
    "            ELSE h.state END,"
    "       CASE WHEN r.verdict = 'return' THEN r.comment END"
    "  FROM assignment AS a"
    "  LEFT JOIN annotation_head AS h"
    "    ON h.clip_id = a.clip_id"
    "   AND h.annotator_id = CASE WHEN a.purpose = 'retest'"
    "                             THEN a.annotator_id || '" RETEST_SUFFIX "'"
    "                             ELSE a.annotator_id END"
    "  LEFT JOIN review AS r"
    "    ON r.id = (SELECT x.id FROM review AS x WHERE x.annotation_id = h.annotation_id"
    "                ORDER BY x.created_at DESC, x.id DESC LIMIT 1)"
    " WHERE a.annotator_id = ?1"
    "   AND (?2 IS NULL OR a.batch = ?2)"
    "   AND (a.not_before IS NULL OR a.not_before <= ?3)"
    "   AND (a.purpose <> 'retest' OR " RETEST_DUE ")"
    " ORDER BY min(a.created_at) OVER (PARTITION BY a.batch), a.batch, a.position, a.id";

bool mel_queue_each(Db *db, const QueueQuery *query, QueueItemFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    char now[UTC_SIZE];
    mel_utc_now(now);
    bool ok = DB_ROWS(db, &rows, sql_queue, err, db_text(query->annotator_id),
                      db_text(query->batch), db_text(query->now ? query->now : now));
    while (ok && db_next(&rows, err)) {
        const QueueItem item = {
            .assignment = {.batch = db_col_text(&rows, 0),
                           .clip_id = db_col_text(&rows, 1),
                           .annotator_id = db_col_text(&rows, 2),
                           .purpose = db_col_text(&rows, 3),
                           .not_before = db_col_text(&rows, 4),
                           .position = db_col_i64(&rows, 5)},
            .state = db_queue_state(db_col_text(&rows, 6)),
            .comment = db_col_text(&rows, 7)
        };
        if (!fn(ctx, &item, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static bool count_item(void *ctx, const QueueItem *item, Err *err)
{
    (void)err;
    int64_t *counts = ctx;
    counts[item->state]++;
    return true;
}

bool mel_queue_count(Db *db, const QueueQuery *query, int64_t counts[QUEUE_STATES], Err *err)
{
    int64_t found[QUEUE_STATES] = {0};
    if (!mel_queue_each(db, query, count_item, found, err)) return false;
    memcpy(counts, found, sizeof found);
    return true;
}

static const char sql_answered[] =
    "SELECT h.clip_id, a.created_at"
    "  FROM annotation_head AS h"
    "  JOIN annotation AS a ON a.id = h.annotation_id"
    "  JOIN clip AS c ON c.id = h.clip_id"
    " WHERE h.annotator_id = ?1 AND h.state = 'submitted' AND c.state = 'ready'"
    " ORDER BY h.clip_id";

bool mel_answered_each(Db *db, const char *annotator_id, AnsweredFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_answered, err, db_text(annotator_id));
    while (ok && db_next(&rows, err))
        if (!fn(ctx, db_col_text(&rows, 0), db_col_text(&rows, 1), err)) break;
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

/* ---- blindness ------------------------------------------------------------------------------- */

/* Assignments still without a submitted answer; one given once is enough, later drafts of it do
 * not make its author blind again. */
static const char sql_owed[] =
    "SELECT count(*) FROM assignment AS s"
    " WHERE s.clip_id = ?1 AND s.annotator_id = ?2 AND s.purpose <> 'review'"
    "   AND NOT EXISTS (SELECT 1 FROM annotation AS a"
    "                    WHERE a.clip_id = s.clip_id AND a.state = 'submitted'"
    "                      AND a.annotator_id = CASE WHEN s.purpose = 'retest'"
    "                                                THEN s.annotator_id || '" RETEST_SUFFIX "'"
    "                                                ELSE s.annotator_id END)";

bool mel_may_read_answers(Db *db, const char *clip_id, const char *reader_id, bool *may_out,
                          Err *err)
{
    int64_t owed;
    DbArg args[] = {db_text(clip_id), db_text(reader_id)};
    if (!db_one_i64(db, sql_owed, args, 2, 0, &owed, err)) return false;
    *may_out = owed == 0;
    return true;
}
