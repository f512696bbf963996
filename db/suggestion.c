/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ORIGIN_BYTES_MAX = 120, TERMS_MAX = 64 };
static const double BPM_MAX = 1000;

/* ---- values --------------------------------------------------------------------------------- */

typedef enum ValueKind { ONE_TERM, TERMS, NUMBER } ValueKind;

static const struct {
    const char *name;
    ValueKind kind;
} fields[] = {
    {"genre",      ONE_TERM},
    {"mood",       TERMS   },
    {"tempo",      ONE_TERM},
    {"bpm",        NUMBER  },
    {"voice",      TERMS   },
    {"instrument", TERMS   },
    {"dissonance", ONE_TERM},
    {"metre",      ONE_TERM},
    {"feel",       ONE_TERM},
    {"relevance",  ONE_TERM},
};

const char *mel_suggestion_fields(void)
{
    return "genre, mood, tempo, bpm, voice, instrument, dissonance, metre, feel, relevance";
}

/* "piano" or, of instruments, "Piano/lead" as ids; NULL with an error. */
static json_t *term_of(Db *db, const char *field, const json_t *given, Err *err)
{
    char id[64], role[64] = "";
    const char *text = json_string_value(given);
    if (!text) {
        mel_err(err, ERR_USAGE, "a term of '%s' is a text", field);
        return NULL;
    }
    const char *slash = mel_equal(field, "instrument") ? strrchr(text, '/') : NULL;
    char *term = mel_strndup(text, slash ? (size_t)(slash - text) : strlen(text));
    bool ok = mel_vocabulary_id(db, field, term, id, err) &&
              (!slash || mel_vocabulary_id(db, "role", slash + 1, role, err));
    free(term);
    if (!ok) return NULL;
    return slash ? json_sprintf("%s/%s", id, role) : json_string(id);
}

static json_t *terms_of(Db *db, const char *field, const json_t *given, Err *err)
{
    size_t count = json_array_size(given);
    if (!json_is_array(given) || !count || count > TERMS_MAX) {
        mel_err(err, ERR_USAGE, "the value of '%s' is a list of 1 to %d terms", field, TERMS_MAX);
        return NULL;
    }
    json_t *terms = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *term = term_of(db, field, json_array_get(given, i), err);
        if (!term) {
            json_decref(terms);
            return NULL;
        }
        json_array_append_new(terms, term);
    }
    return terms;
}

static json_t *number_of(const char *field, const json_t *given, Err *err)
{
    double value = json_is_number(given) ? json_number_value(given) : 0;
    if (value > 0 && value < BPM_MAX) return json_real(value);
    mel_err(err, ERR_USAGE, "the value of '%s' is a number above 0 and below %g", field, BPM_MAX);
    return NULL;
}

static json_t *checked(Db *db, const char *field, const json_t *given, Err *err)
{
    size_t i = 0;
    while (i < MEL_COUNT(fields) && !mel_equal(fields[i].name, field))
        i++;
    if (i == MEL_COUNT(fields)) {
        mel_err(err, ERR_USAGE, "nothing can be suggested for a field '%s'", field);
        mel_err_hint(err, "the fields are %s", mel_suggestion_fields());
        return NULL;
    }
    if (json_is_null(given)) return json_null();
    if (fields[i].kind == NUMBER) return number_of(field, given, err);
    return fields[i].kind == TERMS ? terms_of(db, field, given, err)
                                   : term_of(db, field, given, err);
}

/* As it is kept, yours to free; NULL with an error. */
static char *checked_text(Db *db, const Suggestion *s, Err *err)
{
    json_t *given = mel_json_parse(s->value_json, strlen(s->value_json), "the value", err);
    json_t *value = given ? checked(db, s->field, given, err) : NULL;
    char *text = value ? mel_json_canonical(value) : NULL;
    json_decref(given);
    json_decref(value);
    return text;
}

static bool check_origin(const char *origin, Err *err)
{
    size_t n = origin ? strlen(origin) : 0;
    bool ok = n > 0 && n <= ORIGIN_BYTES_MAX && mel_utf8_valid(origin, n);
    for (size_t i = 0; ok && i < n; i++)
        ok = (unsigned char)origin[i] >= ' ';
    return ok ||
           mel_err(err, ERR_USAGE, "an origin is one line of 1 to %d bytes, such as 'model 2'",
                   ORIGIN_BYTES_MAX);
}

static const char sql_clip[] = "SELECT 1 FROM clip WHERE id = ?1";

static bool check_clip(Db *db, const char *clip_id, Err *err)
{
    int64_t there;
    DbArg args[] = {db_text(clip_id)};
    if (!db_one_i64(db, sql_clip, args, 1, 0, &there, err)) return false;
    if (!there) return mel_err(err, ERR_NOT_FOUND, "there is no clip '%s'", clip_id);
    return db_refuse_taken_down_clip(db, clip_id, err);
}

/* ---- putting -------------------------------------------------------------------------------- */

static const char sql_newest[] = "SELECT value_json FROM suggestion"
                                 " WHERE clip_id = ?1"
                                 "   AND field = ?2"
                                 "   AND origin = ?3"
                                 " ORDER BY created_at DESC, id DESC"
                                 " LIMIT 1";

static const char sql_newest_at[] = "SELECT max(created_at) FROM suggestion"
                                    " WHERE clip_id = ?1"
                                    "   AND field = ?2"
                                    "   AND origin = ?3";

static const char sql_insert[] =
    "INSERT INTO suggestion (id, clip_id, field, value_json, origin, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/* Now, or just after `last`: a clock that was set back must not bring an old value back. */
static void moment_after(const char *last, char moment[UTC_SIZE])
{
    int64_t last_us;
    mel_utc_now(moment);
    if (last && strcmp(last, moment) >= 0 && mel_utc_parse(last, &last_us))
        mel_utc_format(last_us + 1, moment);
}

static bool append(Db *db, const Suggestion *s, const char *value, bool *added, Err *err)
{
    char *newest = NULL, *last = NULL, id[ULID_SIZE], now[UTC_SIZE];
    const DbArg key[] = {db_text(s->clip_id), db_text(s->field), db_text(s->origin)};
    bool ok = db_one_text(db, sql_newest, key, 3, &newest, err) &&
              db_one_text(db, sql_newest_at, key, 3, &last, err);
    *added = !mel_equal(newest ? newest : "null", value);
    if (ok && *added) {
        mel_ulid(id);
        moment_after(last, now);
        ok = DB_RUN(db, sql_insert, err, db_text(id), db_text(s->clip_id), db_text(s->field),
                    db_text(value), db_text(s->origin), db_text(now));
    }
    free(newest);
    free(last);
    return ok;
}

bool mel_suggestion_put(Db *db, const Suggestion *suggestion, bool *added_out, Err *err)
{
    bool added = false;
    if (!check_origin(suggestion->origin, err) || !check_clip(db, suggestion->clip_id, err))
        return false;
    char *value = checked_text(db, suggestion, err);
    bool ok = value && mel_db_begin(db, err) &&
              mel_db_end(db, append(db, suggestion, value, &added, err), err);
    free(value);
    if (ok && added_out) *added_out = added;
    return ok;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Uses have ids of "<suggestion>/…" ('0' follows '/'), so that those of one suggestion lie together
 * in the table's key. */
static const char sql_standing[] =
    "SELECT s.id, s.field, s.value_json, s.origin,"
    "       (SELECT u.action FROM suggestion_use AS u"
    "         WHERE u.id > s.id || '/'"
    "           AND u.id < s.id || '0'"
    "           AND u.annotator_id = ?2"
    "           AND u.action <> 'shown'"
    "         ORDER BY u.created_at DESC, u.id DESC"
    "         LIMIT 1),"
    "       EXISTS (SELECT 1 FROM suggestion_use AS u WHERE u.id = s.id || '/shown/' || ?2)"
    "  FROM suggestion AS s"
    " WHERE s.clip_id = ?1"
    "   AND " SUGGESTION_STANDS " ORDER BY s.created_at DESC, s.id DESC";

bool mel_suggestions_each(Db *db, const char *clip_id, const char *annotator_id, SuggestionFn *fn,
                          void *ctx, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_standing, err, db_text(clip_id), db_text(annotator_id));
    while (ok && db_next(&rows, err)) {
        const Suggestion suggestion = {.id = db_col_text(&rows, 0),
                                       .clip_id = clip_id,
                                       .field = db_col_text(&rows, 1),
                                       .value_json = db_col_text(&rows, 2),
                                       .origin = db_col_text(&rows, 3),
                                       .outcome = db_col_text(&rows, 4),
                                       .was_shown = db_col_i64(&rows, 5) != 0};
        if (!fn(ctx, &suggestion, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

/* ---- uses ----------------------------------------------------------------------------------- */

static const char sql_use[] =
    "INSERT INTO suggestion_use (id, suggestion_id, annotator_id, action, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (id) DO NOTHING";

static const char sql_last_use_at[] = "SELECT max(created_at) FROM suggestion_use"
                                      " WHERE id > ?1 || '/'"
                                      "   AND id < ?1 || '0'"
                                      "   AND annotator_id = ?2";

bool mel_suggestion_use(Db *db, const char *suggestion_id, const char *annotator_id,
                        const char *action, Err *err)
{
    char ulid[ULID_SIZE], now[UTC_SIZE], *last = NULL;
    bool shown = mel_equal(action, "shown");
    const DbArg key[] = {db_text(suggestion_id), db_text(annotator_id)};
    if (!mel_db_begin(db, err)) return false;
    bool ok = db_one_text(db, sql_last_use_at, key, 2, &last, err);
    mel_ulid(ulid);
    moment_after(last, now);
    char *id = shown ? mel_asprintf("%s/shown/%s", suggestion_id, annotator_id)
                     : mel_asprintf("%s/%s", suggestion_id, ulid);
    ok = ok && DB_RUN(db, sql_use, err, db_text(id), db_text(suggestion_id), db_text(annotator_id),
                      db_text(action), db_text(now));
    free(id);
    free(last);
    return mel_db_end(db, ok, err);
}

static const char sql_counts[] =
    "SELECT s.field, s.origin,"
    "       count(DISTINCT CASE WHEN s.stands THEN s.id END),"
    "       count(CASE WHEN u.action = 'shown' THEN 1 END),"
    "       count(CASE WHEN u.action = 'accepted' AND u.nth = 1 THEN 1 END),"
    "       count(CASE WHEN u.action = 'edited' AND u.nth = 1 THEN 1 END),"
    "       count(CASE WHEN u.action = 'ignored' AND u.nth = 1 THEN 1 END)"
    "  FROM (SELECT id, field, origin,"
    "               value_json <> 'null'"
    "                 AND row_number() OVER (PARTITION BY clip_id, field, origin"
    "                                        ORDER BY created_at DESC, id DESC) = 1 AS stands"
    "          FROM suggestion) AS s"
    "  LEFT JOIN (SELECT suggestion_id, action,"
    "                    row_number() OVER (PARTITION BY suggestion_id, annotator_id"
    "                                       ORDER BY action = 'shown', created_at DESC,"
    "                                                id DESC) AS nth"
    "               FROM suggestion_use) AS u ON u.suggestion_id = s.id"
    " GROUP BY s.field, s.origin"
    " ORDER BY s.field, s.origin";

bool mel_suggestion_counts(Db *db, SuggestionCountFn *fn, void *ctx, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, sql_counts, NULL, 0, err);
    while (ok && db_next(&rows, err)) {
        const SuggestionCount count = {.field = db_col_text(&rows, 0),
                                       .origin = db_col_text(&rows, 1),
                                       .suggestions = db_col_i64(&rows, 2),
                                       .shown = db_col_i64(&rows, 3),
                                       .accepted = db_col_i64(&rows, 4),
                                       .edited = db_col_i64(&rows, 5),
                                       .ignored = db_col_i64(&rows, 6)};
        if (!fn(ctx, &count, err)) break;
    }
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}
