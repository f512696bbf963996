/* SPDX-License-Identifier: Apache-2.0 */
#include "db/annotation_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const answer_fields[] = {
    "genre", "tempo", "bpm",       "mood", "voice",       "instrument", "dissonance",
    "metre", "feel",  "relevance", "text", "other_genre", "aspect",     "frame"};

bool mel_answer_field_check(const char *field, Err *err)
{
    size_t count = MEL_COUNT(answer_fields);
    for (size_t i = 0; i < count; i++)
        if (mel_equal(field, answer_fields[i])) return true;
    const char *nearest = mel_did_you_mean(field, answer_fields, count);
    mel_err(err, ERR_USAGE, "an answer has no field '%s'", field);
    return mel_err_hint(err, "did you mean '%s'?", nearest ? nearest : "genre");
}

/* ---- saving ---------------------------------------------------------------------------------- */

static bool check_review(const Review *r, Err *err)
{
    static const char *const verdicts[] = {"accept", "return", "dispute"};
    bool known = false;
    for (size_t i = 0; i < MEL_COUNT(verdicts); i++)
        known = known || mel_equal(r->verdict, verdicts[i]);
    if (!known) {
        mel_err(err, ERR_USAGE, "'%s' is not a verdict", r->verdict);
        return mel_err_hint(err, "it is accept, return or dispute");
    }
    for (size_t i = 0; i < r->field_count; i++)
        if (!mel_answer_field_check(r->fields[i], err)) return false;
    if (mel_equal(r->verdict, "dispute") && !r->field_count) {
        mel_err(err, ERR_USAGE, "a dispute names the fields it is about");
        return mel_err_hint(err, "for example --field genre");
    }
    if (!mel_equal(r->author_id, r->reviewer_id)) return true;
    return mel_err(err, ERR_USAGE, "'%s' cannot review an own answer", r->reviewer_id);
}

/* The id of what is reviewed, which must be submitted. */
static bool find_answer(Db *db, const Review *r, Arena *arena, const char **id, Err *err)
{
    Annotation answer;
    bool found, may;
    if (!mel_annotation_load(db, r->clip_id, r->author_id, arena, &answer, &found, err) ||
        !mel_may_read_answers(db, r->clip_id, r->reviewer_id, &may, err))
        return false;
    if (!found)
        return mel_err(err, ERR_NOT_FOUND, "there is no answer of '%s' to clip '%s'", r->author_id,
                       r->clip_id);
    if (!mel_equal(answer.state, "submitted"))
        return mel_err(err, ERR_USAGE, "the answer of '%s' to clip '%s' is not submitted",
                       r->author_id, r->clip_id);
    if (!may) {
        mel_err(err, ERR_DENIED, "'%s' is asked about clip '%s' too and has not answered",
                r->reviewer_id, r->clip_id);
        return mel_err_hint(err, "others' answers are open to whoever has submitted an own one");
    }
    *id = answer.id;
    return true;
}

static char *fields_json(const Review *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->field_count; i++)
        json_array_append_new(list, json_string(r->fields[i]));
    char *text = r->field_count ? mel_json_line(list) : NULL;
    json_decref(list);
    return text;
}

static const char sql_insert[] =
    "INSERT INTO review (id, annotation_id, reviewer_id, verdict, fields_json, comment, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

static const char sql_unassigned[] =
    "SELECT a.clip_id, a.annotator_id FROM annotation AS a"
    "  JOIN annotator AS p ON p.id = a.annotator_id"
    " WHERE a.id = ?1 AND p.kind = 'person'"
    "   AND NOT EXISTS (SELECT 1 FROM assignment AS s"
    "                    WHERE s.clip_id = a.clip_id AND s.purpose <> 'review'"
    "                      AND a.annotator_id IN (s.annotator_id,"
    "                                             s.annotator_id || '" RETEST_SUFFIX "'))";

/* Whoever answered without being asked has no queue that it could come back to. */
bool db_review_give_back(Db *db, const char *annotation_id, Err *err)
{
    DbRows rows;
    char clip_id[CLIP_ID_SIZE] = "", author_id[NAME_MAX_BYTES + 16] = "";
    bool ok = DB_ROWS(db, &rows, sql_unassigned, err, db_text(annotation_id));
    if (ok && db_next(&rows, err)) {
        snprintf(clip_id, sizeof clip_id, "%s", db_col_text(&rows, 0));
        snprintf(author_id, sizeof author_id, "%s", db_col_text(&rows, 1));
    }
    db_rows_end(&rows);
    if (!ok || mel_err_is_set(err)) return false;
    if (!*clip_id) return true;
    const Assignment item = {
        .batch = "returned", .clip_id = clip_id, .annotator_id = author_id, .purpose = "work"};
    return mel_assignments_put(db, &item, 1, NULL, err);
}

static bool save_inside(Db *db, const Review *r, const char *id, Arena *arena, Err *err)
{
    const char *annotation_id = NULL;
    char now[UTC_SIZE];
    mel_utc_now(now);
    if (!find_answer(db, r, arena, &annotation_id, err)) return false;
    char *fields = fields_json(r);
    bool ok =
        mel_annotator_put(db, r->reviewer_id, "person", NULL, err) &&
        DB_RUN(db, sql_insert, err, db_text(id), db_text(annotation_id), db_text(r->reviewer_id),
               db_text(r->verdict), db_text(fields), db_text(r->comment), db_text(now));
    free(fields);
    if (ok && mel_equal(r->verdict, "return")) ok = db_review_give_back(db, annotation_id, err);
    return ok && mel_settle(db, r->clip_id, err);
}

bool mel_review_save(Db *db, const Review *review, char id_out[ULID_SIZE], Err *err)
{
    Arena arena = {0};
    char id[ULID_SIZE];
    mel_ulid(id);
    if (!check_review(review, err) || !mel_db_begin(db, err)) return false;
    bool ok = mel_db_end(db, save_inside(db, review, id, &arena, err), err);
    mel_arena_clear(&arena);
    if (ok && id_out) memcpy(id_out, id, sizeof id);
    return ok;
}

/* ---- what reviews say of a clip ----------------------------------------------------------------
 */

static const char sql_disputes[] =
    "SELECT r.fields_json FROM annotation_head AS h"
    "  JOIN review AS r ON r.id = (SELECT x.id FROM review AS x"
    "                               WHERE x.annotation_id = h.annotation_id"
    "                               ORDER BY x.created_at DESC, x.id DESC LIMIT 1)"
    " WHERE h.clip_id = ?1 AND h.state = 'submitted' AND r.verdict = 'dispute'"
    " ORDER BY r.created_at, r.id";

static void add_fields(json_t *into, const char *text)
{
    Err ignored = {0};
    json_t *list = mel_json_parse(text ? text : "[]", text ? strlen(text) : 2, "fields", &ignored);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *field = json_array_get(list, i);
        bool there = !json_is_string(field);
        for (size_t k = 0; k < json_array_size(into); k++)
            there = there || json_equal(json_array_get(into, k), field);
        if (!there) json_array_append_new(into, json_string(json_string_value(field)));
    }
    json_decref(list);
}

bool db_review_disputes(Db *db, const char *clip_id, json_t *fields, Err *err)
{
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_disputes, err, db_text(clip_id));
    while (ok && db_next(&rows, err))
        add_fields(fields, db_col_text(&rows, 0));
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

/* ---- stages ---------------------------------------------------------------------------------- */

static const char *const stage_names[] = {"open",   "drafted",  "submitted",
                                          "agreed", "disputed", "adjudicated"};

const char *mel_clip_stage_name(ClipStage stage)
{
    return stage_names[stage];
}

static const char sql_stage[] =
    "SELECT t.state, t.method,"
    "       EXISTS (SELECT 1 FROM annotation_head AS n"
    "                WHERE n.clip_id = c.id AND n.state <> 'withdrawn'),"
    "       (SELECT r.verdict FROM review AS r WHERE r.annotation_id = h.annotation_id"
    "         ORDER BY r.created_at DESC, r.id DESC LIMIT 1)"
    "  FROM clip AS c"
    "  LEFT JOIN settlement_head AS h ON h.clip_id = c.id"
    "  LEFT JOIN settlement AS t ON t.id = h.settlement_id"
    " WHERE c.id = ?1";

static ClipStage stage_of(const DbRows *row)
{
    const char *state = db_col_text(row, 0), *method = db_col_text(row, 1);
    if (mel_equal(method, "adjudicated")) return STAGE_ADJUDICATED;
    if (mel_equal(state, "disputed")) return STAGE_DISPUTED;
    if (mel_equal(state, "settled") &&
        (mel_equal(method, "agreed") || mel_equal(db_col_text(row, 3), "accept")))
        return STAGE_AGREED;
    if (mel_equal(state, "settled")) return STAGE_SUBMITTED;
    return db_col_i64(row, 2) ? STAGE_DRAFTED : STAGE_OPEN;
}

bool mel_clip_stage(Db *db, const char *clip_id, ClipStage *out, Err *err)
{
    DbRows rows;
    bool found = false;
    ClipStage stage = STAGE_OPEN;
    bool ok = DB_ROWS(db, &rows, sql_stage, err, db_text(clip_id));
    if (ok && db_next(&rows, err)) {
        stage = stage_of(&rows);
        found = true;
    }
    db_rows_end(&rows);
    if (!ok || mel_err_is_set(err)) return false;
    if (!found) return mel_err(err, ERR_NOT_FOUND, "there is no clip '%s'", clip_id);
    *out = stage;
    return true;
}
