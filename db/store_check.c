/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <string.h>

typedef struct Invariant {
    const char *word, *message;
    const char *sql; /* selects the subjects that break it */
} Invariant;

static const Invariant invariants[] = {
    {"store.head",    "the current answer is not the newest revision",
     "SELECT a.clip_id || ' by ' || a.annotator_id FROM annotation AS a"
     "  LEFT JOIN annotation_head AS h"
     "    ON h.clip_id = a.clip_id AND h.annotator_id = a.annotator_id"
     " GROUP BY a.clip_id, a.annotator_id"
     " HAVING max(a.rev) IS NOT max(h.rev)"                                                    },
    {"store.head",    "the current answer points at another revision",
     "SELECT h.clip_id || ' by ' || h.annotator_id FROM annotation_head AS h"
     "  LEFT JOIN annotation AS a ON a.id = h.annotation_id"
     " WHERE a.rev IS NOT h.rev OR a.state IS NOT h.state OR a.clip_id IS NOT h.clip_id"
     "    OR a.annotator_id IS NOT h.annotator_id"                                             },
    {"store.head",    "the current settlement is not the newest",
     "SELECT s.clip_id FROM settlement AS s"
     "  LEFT JOIN settlement_head AS h ON h.clip_id = s.clip_id"
     " GROUP BY s.clip_id HAVING max(s.rev) IS NOT max(h.rev)"                                 },
    {"store.head",    "the current settlement points at another one",
     "SELECT h.clip_id FROM settlement_head AS h"
     "  LEFT JOIN settlement AS s ON s.id = h.settlement_id"
     " WHERE s.rev IS NOT h.rev OR s.state IS NOT h.state OR s.clip_id IS NOT h.clip_id"
     "    OR s.annotation_id IS NOT h.annotation_id"                                           },
    {"store.head",    "the current score is not the newest",
     "SELECT n.clip_id || ' ' || n.name"
     "  FROM (SELECT clip_id, name, max(created_at) AS at FROM score GROUP BY clip_id, name) AS n"
     "  LEFT JOIN score_head AS h ON h.clip_id = n.clip_id AND h.name = n.name"
     "  LEFT JOIN score AS s ON s.id = h.score_id"
     " WHERE s.created_at IS NOT n.at"                                                         },
    {"store.head",    "the current score points at another one",
     "SELECT h.clip_id || ' ' || h.name FROM score_head AS h"
     "  LEFT JOIN score AS s ON s.id = h.score_id"
     " WHERE s.value IS NOT h.value OR s.clip_id IS NOT h.clip_id OR s.name IS NOT h.name"     },
    {"store.product", "a ready clip has no sound or no record of its cut",
     "SELECT c.id FROM clip AS c"
     " WHERE c.state = 'ready'"
     "   AND (NOT EXISTS (SELECT 1 FROM media AS m WHERE m.clip_id = c.id AND m.role = 'audio')"
     "     OR NOT EXISTS (SELECT 1 FROM cut AS k WHERE k.clip_id = c.id)"
     "     OR NOT EXISTS (SELECT 1 FROM quality AS q WHERE q.clip_id = c.id))"                 },
    {"store.product", "a frame has no picture or a picture no frame",
     "SELECT f.clip_id FROM frame AS f"
     " WHERE NOT EXISTS (SELECT 1 FROM media AS m WHERE m.clip_id = f.clip_id"
     "                    AND m.role = 'still' AND m.position = f.position)"
     " UNION SELECT m.clip_id FROM media AS m"
     " WHERE m.role = 'still' AND NOT EXISTS (SELECT 1 FROM frame AS f"
     "                    WHERE f.clip_id = m.clip_id AND f.position = m.position)"            },
    {"store.product", "a failed clip has no reason",
     "SELECT id FROM clip WHERE state = 'failed' AND (reason IS NULL OR failure_class IS NULL)"},
    {"store.product", "the attempts of a clip do not add up",
     "SELECT c.id FROM clip AS c"
     " WHERE c.attempts <> (SELECT count(*) FROM attempt AS a WHERE a.clip_id = c.id)"         },
};

static bool check_pages(Db *db, FindingFn *finding, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, "PRAGMA integrity_check(50)", NULL, 0, err);
    while (ok && db_next(&rows, err)) {
        const char *line = db_col_text(&rows, 0);
        if (!mel_equal(line, "ok")) ok = finding(ctx, "store.page", "mel.db", line, err);
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static bool check_references(Db *db, FindingFn *finding, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, "PRAGMA foreign_key_check", NULL, 0, err);
    while (ok && db_next(&rows, err)) {
        char message[160];
        snprintf(message, sizeof message, "a row refers to a missing one in '%s'",
                 db_col_text(&rows, 2));
        ok = finding(ctx, "store.reference", db_col_text(&rows, 0), message, err);
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

bool mel_store_check(Db *db, FindingFn *finding, void *ctx, Err *err)
{
    if (!check_pages(db, finding, ctx, err) || !check_references(db, finding, ctx, err))
        return false;
    for (size_t i = 0; i < MEL_COUNT(invariants); i++) {
        const Invariant *rule = &invariants[i];
        DbRows rows;
        bool ok = db_rows(db, &rows, rule->sql, NULL, 0, err);
        while (ok && db_next(&rows, err))
            ok = finding(ctx, rule->word, db_col_text(&rows, 0), rule->message, err);
        db_rows_end(&rows);
        if (!ok || mel_err_is_set(err)) return false;
    }
    return true;
}

static const char sql_rebuild[] =
    "DELETE FROM annotation_head;"
    "INSERT INTO annotation_head (clip_id, annotator_id, annotation_id, rev, state)"
    " SELECT clip_id, annotator_id, id, rev, state FROM annotation AS a"
    "  WHERE rev = (SELECT max(rev) FROM annotation AS b"
    "                WHERE b.clip_id = a.clip_id AND b.annotator_id = a.annotator_id);"
    "DELETE FROM settlement_head;"
    "INSERT INTO settlement_head (clip_id, settlement_id, annotation_id, rev, state)"
    " SELECT clip_id, id, annotation_id, rev, state FROM settlement AS s"
    "  WHERE rev = (SELECT max(rev) FROM settlement AS t WHERE t.clip_id = s.clip_id);"
    "DELETE FROM score_head;"
    "INSERT INTO score_head (clip_id, name, score_id, value)"
    " SELECT clip_id, name, id, value FROM score AS s"
    "  WHERE id = (SELECT id FROM score AS t WHERE t.clip_id = s.clip_id AND t.name = s.name"
    "               ORDER BY created_at DESC, id DESC LIMIT 1);";

bool mel_store_rebuild_heads(Db *db, Err *err)
{
    if (!mel_db_begin(db, err)) return false;
    return mel_db_end(db, db_script(db, sql_rebuild, err), err);
}
