/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

extern const char mel_vocabulary_json[];

static json_t *load_shipped(void)
{
    Err err = {0};
    json_t *all = mel_json_parse(mel_vocabulary_json, strlen(mel_vocabulary_json),
                                 "the built-in vocabulary", &err);
    MEL_ASSERT(all);
    return all;
}

int mel_vocabulary_version(void)
{
    json_t *all = load_shipped();
    int version = (int)mel_json_i64(all, "version", 0);
    json_decref(all);
    return version;
}

static const char sql_put_term[] =
    "INSERT INTO vocabulary_term (field, id, label, position, since_version)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (field, id) DO UPDATE"
    " SET label = excluded.label, position = excluded.position, retired_version = NULL";

static const char sql_retire_all[] =
    "UPDATE vocabulary_term SET retired_version = ?1 WHERE retired_version IS NULL";

static const char sql_put_setting[] = "INSERT INTO setting (key, value) VALUES (?1, ?2)"
                                      " ON CONFLICT (key) DO UPDATE SET value = excluded.value";

static bool install_fields(Db *db, const json_t *all, int version, Err *err)
{
    const char *field;
    json_t *terms;
    json_object_foreach(json_object_get(all, "fields"), field, terms)
    {
        for (size_t i = 0; i < json_array_size(terms); i++) {
            const json_t *term = json_array_get(terms, i);
            const char *id = json_string_value(json_array_get(term, 0));
            const char *label = json_string_value(json_array_get(term, 1));
            if (!DB_RUN(db, sql_put_term, err, db_text(field), db_text(id), db_text(label),
                        db_i64((int64_t)i), db_i64(version)))
                return false;
        }
    }
    return true;
}

static bool installed_version(Db *db, int64_t *version, Err *err)
{
    return db_one_i64(db, "SELECT value FROM setting WHERE key = 'vocabulary_version'", NULL, 0, 0,
                      version, err);
}

/* Called while the writer lock is held by the opener, hence its own transaction. */
bool mel_vocabulary_install(Db *db, Err *err)
{
    int version = mel_vocabulary_version();
    int64_t installed;
    if (!installed_version(db, &installed, err)) return false;
    if (installed >= version) return true;
    char text[16];
    snprintf(text, sizeof text, "%d", version);
    json_t *all = load_shipped();
    bool ok = db_script(db, "BEGIN IMMEDIATE", err) &&
              DB_RUN(db, sql_retire_all, err, db_i64(version)) &&
              install_fields(db, all, version, err) &&
              DB_RUN(db, sql_put_setting, err, db_text("vocabulary_version"), db_text(text)) &&
              db_script(db, "COMMIT", err);
    if (!ok && !sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    json_decref(all);
    return ok;
}

static const char sql_terms[] = "SELECT id, label FROM vocabulary_term"
                                " WHERE field = ?1 AND retired_version IS NULL"
                                " ORDER BY position";

bool mel_vocabulary_each(Db *db, const char *field,
                         void (*fn)(void *ctx, const char *id, const char *label), void *ctx,
                         Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_terms, err, db_text(field));
    while (ok && db_next(&rows, err))
        fn(ctx, db_col_text(&rows, 0), db_col_text(&rows, 1));
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

typedef struct TermSearch {
    const char *given;
    char found[64], nearest[64];
    int distance;
} TermSearch;

static void look_at_term(void *ctx, const char *id, const char *label)
{
    TermSearch *search = ctx;
    if (strcasecmp(search->given, id) == 0 || strcasecmp(search->given, label) == 0)
        snprintf(search->found, sizeof search->found, "%s", id);
    int distance = mel_edit_distance(search->given, id);
    if (distance < search->distance) {
        search->distance = distance;
        snprintf(search->nearest, sizeof search->nearest, "%s", id);
    }
}

bool mel_vocabulary_id(Db *db, const char *field, const char *given, char id[64], Err *err)
{
    TermSearch search = {.given = given, .distance = 4};
    if (!mel_vocabulary_each(db, field, look_at_term, &search, err)) return false;
    if (search.found[0]) {
        memcpy(id, search.found, sizeof search.found);
        return true;
    }
    mel_err(err, ERR_USAGE, "'%s' is not a term of '%s'", given, field);
    if (search.nearest[0]) return mel_err_hint(err, "did you mean '%s'?", search.nearest);
    return mel_err_hint(err, "'mel annotate --terms %s' lists them", field);
}
