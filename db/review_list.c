/* SPDX-License-Identifier: Apache-2.0 */
#include "db/review_list.h"

#include "db/annotation_internal.h"
#include "db/assignment.h"

#include <stdlib.h>
#include <string.h>

/* ---- what waits ------------------------------------------------------------------------------ */

static const char sql_waiting[] =
    "WITH asked (clip_id) AS"
    " (SELECT DISTINCT s.clip_id FROM assignment AS s"
    "   WHERE s.annotator_id = ?1 AND s.purpose = 'review'"
    "     AND NOT EXISTS (SELECT 1 FROM annotation_head AS n"
    "                       JOIN review AS r ON r.annotation_id = n.annotation_id"
    "                      WHERE n.clip_id = s.clip_id AND r.reviewer_id = ?1))"
    " SELECT c.id, coalesce(s.title, s.locator), t.state, t.method,"
    "        c.id IN (SELECT clip_id FROM asked)"
    "   FROM settlement_head AS h"
    "   JOIN settlement AS t ON t.id = h.settlement_id"
    "   JOIN clip AS c ON c.id = h.clip_id"
    "   JOIN source AS s ON s.id = c.source_id"
    "   LEFT JOIN annotation AS a ON a.id = h.annotation_id"
    "   LEFT JOIN annotator AS p ON p.id = a.annotator_id"
    "  WHERE t.state IN ('settled', 'disputed')"
    "    AND t.method <> 'adjudicated'"
    "    AND (t.state = 'disputed'"
    "         OR c.id IN (SELECT clip_id FROM asked)"
    "         OR (t.method = 'single' AND p.kind IN ('person', 'script') AND p.id <> ?1"
    "             AND NOT EXISTS (SELECT 1 FROM review AS r"
    "                              WHERE r.annotation_id = h.annotation_id)))"
    "  ORDER BY c.id NOT IN (SELECT clip_id FROM asked), t.state <> 'disputed', c.id";

static ClipStage stage_of(const char *state, const char *method)
{
    if (mel_equal(state, "disputed")) return STAGE_DISPUTED;
    return mel_equal(method, "agreed") ? STAGE_AGREED : STAGE_SUBMITTED;
}

bool mel_review_list(Db *db, const char *reader_id, ReviewItemFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_waiting, err, db_text(reader_id));
    while (ok && db_next(&rows, err)) {
        ReviewItem item = {.clip_id = db_col_text(&rows, 0),
                           .title = db_col_text(&rows, 1),
                           .stage = stage_of(db_col_text(&rows, 2), db_col_text(&rows, 3)),
                           .asked = db_col_i64(&rows, 4) != 0};
        ok = mel_may_read_answers(db, item.clip_id, reader_id, &item.may_read, err);
        if (!ok || !fn(ctx, &item, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

/* ---- what was said --------------------------------------------------------------------------- */

static const char sql_answers[] =
    "SELECT h.annotation_id, p.kind = 'import'"
    "  FROM annotation_head AS h"
    "  JOIN annotation AS a ON a.id = h.annotation_id"
    "  JOIN annotator AS p ON p.id = h.annotator_id"
    " WHERE h.clip_id = ?1 AND h.state = 'submitted' AND p.kind <> 'system'"
    "   AND h.annotator_id NOT LIKE '%" RETEST_SUFFIX "'"
    "   AND coalesce((SELECT r.verdict FROM review AS r WHERE r.annotation_id = a.id"
    "                  ORDER BY r.created_at DESC, r.id DESC LIMIT 1), '') <> 'return'"
    " ORDER BY p.kind = 'import', a.created_at, a.id";

/* Those of lists come last, and only where they are all there is. */
static bool load_answers(Db *db, const char *clip_id, Arena *arena, Annotation **items,
                         size_t *count, Err *err)
{
    DbRows rows;
    size_t capacity = 0;
    bool people = false;
    bool ok = DB_ROWS(db, &rows, sql_answers, err, db_text(clip_id));
    while (ok && db_next(&rows, err)) {
        bool imported = db_col_i64(&rows, 1) != 0;
        people = people || !imported;
        if (people && imported) break;
        mel_grow(items, &capacity, *count + 1, sizeof **items);
        ok = db_annotation_by_id(db, db_col_text(&rows, 0), arena, &(*items)[*count], err);
        if (ok) ++*count;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

bool mel_clip_answers(Db *db, const char *clip_id, const char *reader_id, Arena *arena,
                      Annotation **out, size_t *count_out, Err *err)
{
    bool may;
    Annotation *items = NULL;
    size_t count = 0;
    if (!mel_may_read_answers(db, clip_id, reader_id, &may, err)) return false;
    if (!may)
        return mel_err(err, ERR_DENIED, "'%s' is asked about clip '%s' and has not answered",
                       reader_id, clip_id);
    bool ok = load_answers(db, clip_id, arena, &items, &count, err);
    if (ok) {
        *out = mel_arena_alloc(arena, (count + 1) * sizeof **out);
        if (count) memcpy(*out, items, count * sizeof **out);
        *count_out = count;
    }
    free(items);
    return ok;
}
