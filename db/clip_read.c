/* SPDX-License-Identifier: Apache-2.0
 *
 * All that is known of one clip. */
#include "db/db_internal.h"

#include <string.h>

static const char sql_media[] =
    "SELECT clip_id, role, path, sha256, position, size_bytes FROM media"
    " WHERE ?1 IS NULL OR clip_id = ?1 ORDER BY clip_id, role, position";

bool mel_media_each(Db *db, const char *clip_id, MediaRowFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_media, err, db_text(clip_id));
    while (ok && db_next(&rows, err)) {
        MediaRow row = {.clip_id = db_col_text(&rows, 0),
                        .role = db_col_text(&rows, 1),
                        .path = db_col_text(&rows, 2),
                        .sha256 = db_col_text(&rows, 3),
                        .position = (int)db_col_i64(&rows, 4),
                        .size_bytes = db_col_i64(&rows, 5)};
        if (!fn(ctx, &row, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static const char sql_labels[] = "SELECT scheme, value FROM label"
                                 " WHERE clip_id = ?1"
                                 " ORDER BY scheme, value";

bool mel_clip_labels_each(Db *db, const char *clip_id, ClipLabelFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_labels, err, db_text(clip_id));
    while (ok && db_next(&rows, err))
        if (!fn(ctx, db_col_text(&rows, 0), db_col_text(&rows, 1), err)) break;
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

static const char sql_suggestions[] = "SELECT s.field, s.value_json, s.origin, s.created_at"
                                      "  FROM suggestion AS s"
                                      " WHERE s.clip_id = ?1"
                                      "   AND " SUGGESTION_STANDS " ORDER BY s.field, s.origin";

/* The parts of a description: each a list of objects under its name. */
static const struct {
    const char *name, *sql;
} parts[] = {
    {"labels",      "SELECT scheme, value FROM label WHERE clip_id = ?1 ORDER BY scheme, value"   },
    {"media",       "SELECT role, position, path, sha256, size_bytes, made_by_json, created_at FROM media"
              " WHERE clip_id = ?1 ORDER BY role, position"                          },
    {"frames",
     "SELECT position, time_us / 1000000.0 AS time_s, width, height, score, sharpness, brightness,"
     "       black_share, picture_hash FROM frame WHERE clip_id = ?1 ORDER BY position"           },
    {"attempts",
     "SELECT at, took_us / 1000000.0 AS took_s, outcome, reason, message, fetched_bytes,"
     "       tools_json FROM attempt WHERE clip_id = ?1 ORDER BY at, id"                          },
    {"suggestions", sql_suggestions                                                               },
    {"annotations", "SELECT * FROM annotations WHERE clip = ?1 ORDER BY created_at"               },
    {"settlements",
     "SELECT rev, state, method, annotation_id, disputed_json, by_id, created_at FROM settlement"
     " WHERE clip_id = ?1 ORDER BY rev"                                                           },
    {"scores",
     "SELECT name, value, model, model_sha256, parameters_json, bank_id, created_at FROM score"
     " WHERE clip_id = ?1 ORDER BY created_at, id"                                                },
    {"passes",
     "SELECT p.name, p.condition, p.note, r.created_at AS decided_at, x.values_json,"
     "       u.created_at AS undone_at"
     "  FROM pass_exclusion AS x JOIN pass AS p ON p.id = x.pass_id"
     "  JOIN pass_run AS r ON r.id = x.run_id LEFT JOIN pass_undo AS u ON u.pass_id = p.id"
     " WHERE x.clip_id = ?1 ORDER BY p.created_at"                                                },
    {"duplicates",
     "SELECT CASE e.clip_a WHEN ?1 THEN e.clip_b ELSE e.clip_a END AS clip, e.kind, e.score,"
     "       e.offset_us / 1000000.0 AS offset_s, e.evidence, e.method,"
     "       EXISTS (SELECT 1 FROM duplicate_break AS b WHERE b.clip_a = e.clip_a"
     "                AND b.clip_b = e.clip_b AND b.kind = e.kind) AS broken"
     "  FROM duplicate_edge AS e WHERE e.clip_a = ?1 OR e.clip_b = ?1 ORDER BY e.clip_a, e.clip_b"},
    {"splits",      "SELECT p.name AS split, m.side, m.group_key, m.assigned_at, d.why AS dropped"
               "  FROM split_member AS m JOIN split AS p ON p.id = m.split_id"
               "  LEFT JOIN split_drop AS d ON d.split_id = m.split_id AND d.clip_id = m.clip_id"
               " WHERE m.clip_id = ?1 ORDER BY p.name"                              },
};

static json_t *row_object(sqlite3_stmt *statement)
{
    json_t *object = json_object();
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        const char *name = sqlite3_column_name(statement, i);
        switch (sqlite3_column_type(statement, i)) {
        case SQLITE_INTEGER:
            mel_json_set_i64(object, name, sqlite3_column_int64(statement, i));
            break;
        case SQLITE_FLOAT:
            mel_json_set_f64(object, name, sqlite3_column_double(statement, i));
            break;
        case SQLITE_NULL:
            json_object_set_new(object, name, json_null());
            break;
        default:
            mel_json_set_text(object, name, (const char *)sqlite3_column_text(statement, i));
            break;
        }
    }
    return object;
}

static bool add_part(Db *db, json_t *whole, const char *name, const char *sql, const char *clip_id,
                     Err *err)
{
    DbRows rows;
    json_t *list = json_array();
    bool ok = DB_ROWS(db, &rows, sql, err, db_text(clip_id));
    while (ok && db_next(&rows, err))
        json_array_append_new(list, row_object(rows.statement));
    db_rows_end(&rows);
    json_object_set_new(whole, name, list);
    return ok && !mel_err_is_set(err);
}

typedef struct Nearest {
    const char *wanted;
    char id[CLIP_ID_SIZE];
    int distance;
} Nearest;

static bool look_nearer(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Nearest *nearest = ctx;
    const char *id = mel_row_text(row, "id", "");
    int distance = mel_edit_distance(nearest->wanted, id);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        snprintf(nearest->id, sizeof nearest->id, "%s", id);
    }
    return true;
}

static bool no_such_clip(Db *db, const char *clip_id, Err *err)
{
    Err ignored = {0};
    Nearest nearest = {.wanted = clip_id, .distance = 8};
    char prefix[12];
    snprintf(prefix, sizeof prefix, "%s", clip_id);
    const ViewQuery query = {.view = "clips",
                             .columns = "id",
                             .also = "substr(id, 1, 3) = substr(?1, 1, 3)",
                             .args = {prefix},
                             .arg_count = 1,
                             .order = "id",
                             .limit = 20000};
    mel_err(err, ERR_NOT_FOUND, "there is no clip '%s'", clip_id);
    if (mel_query(db, &query, look_nearer, &nearest, &ignored) && nearest.id[0])
        return mel_err_hint(err, "did you mean '%s'?", nearest.id);
    return mel_err_hint(err, "'mel list' shows the clips there are");
}

static bool take_row(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    *(json_t **)ctx = mel_row_json(row);
    return true;
}

json_t *mel_clip_describe(Db *db, const char *clip_id, Err *err)
{
    json_t *whole = NULL;
    const ViewQuery query = {.view = "clips", .also = "id = ?1", .args = {clip_id}, .arg_count = 1};
    if (!mel_query(db, &query, take_row, &whole, err)) return NULL;
    if (!whole) {
        no_such_clip(db, clip_id, err);
        return NULL;
    }
    for (size_t i = 0; i < MEL_COUNT(parts); i++)
        if (!add_part(db, whole, parts[i].name, parts[i].sql, clip_id, err)) {
            json_decref(whole);
            return NULL;
        }
    return whole;
}
