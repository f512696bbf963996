/* SPDX-License-Identifier: Apache-2.0 */
#include "db/annotation_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void mel_annotation_init(Annotation *annotation)
{
    *annotation = (Annotation){.state = "draft",
                               .origin = "script",
                               .rev = -1,
                               .bpm = NAN,
                               .frame_position = -1,
                               .active_us = -1};
}

static const char sql_annotator[] =
    "INSERT INTO annotator (id, kind, display_name, created_at) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (id) DO NOTHING";

static bool is_annotator_name(const char *id)
{
    size_t n = strlen(id);
    if (mel_ends_with(id, RETEST_SUFFIX)) n -= sizeof RETEST_SUFFIX - 1;
    char *name = mel_strndup(id, n);
    bool valid = mel_name_valid(name);
    free(name);
    return valid;
}

bool mel_annotator_put(Db *db, const char *id, const char *kind, const char *display_name, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    if (mel_equal(id, SETTLED_BY) && !mel_equal(kind, "system"))
        return mel_err(err, ERR_USAGE, "the name '%s' is Melkit's own", id);
    if (!is_annotator_name(id)) {
        mel_err(err, ERR_USAGE, "'%s' is not a name for an annotator", id);
        return mel_err_hint(err, "use 1 to 64 letters, digits, '_' or '-'");
    }
    return DB_RUN(db, sql_annotator, err, db_text(id), db_text(kind), db_text(display_name),
                  db_text(now));
}

static const char sql_known_term[] = "SELECT 1 FROM vocabulary_term WHERE field = ?1 AND id = ?2";

static bool check_term(Db *db, const char *field, const char *term, Err *err)
{
    if (!term || mel_equal(field, "aspect")) return true;
    int64_t known;
    DbArg args[] = {db_text(field), db_text(term)};
    if (!db_one_i64(db, sql_known_term, args, 2, 0, &known, err)) return false;
    if (known) return true;
    return mel_err(err, ERR_USAGE, "'%s' is not a term of '%s'", term, field);
}

static bool check_set_member(Db *db, const AnnotationTerm *t, Err *err)
{
    static const char *const fields[] = {"mood", "voice", "instrument", "genre", "aspect"};
    const char *role = t->role && *t->role ? t->role : NULL;
    bool known = false;
    for (size_t i = 0; i < MEL_COUNT(fields); i++)
        known = known || mel_equal(t->field, fields[i]);
    if (!known) return mel_err(err, ERR_USAGE, "'%s' is not a field of several terms", t->field);
    if (role && !mel_equal(t->field, "instrument"))
        return mel_err(err, ERR_USAGE, "a term of '%s' has no role", t->field);
    return check_term(db, t->field, t->term, err) && check_term(db, "role", role, err);
}

bool db_annotation_check(Db *db, const Annotation *a, Err *err)
{
    if (!check_term(db, "genre", a->genre, err) || !check_term(db, "tempo", a->tempo, err) ||
        !check_term(db, "dissonance", a->dissonance, err) ||
        !check_term(db, "metre", a->metre, err) || !check_term(db, "feel", a->feel, err) ||
        !check_term(db, "relevance", a->relevance, err))
        return false;
    for (size_t i = 0; i < a->term_count; i++)
        if (!check_set_member(db, &a->terms[i], err)) return false;
    return true;
}

static const char sql_head_rev[] =
    "SELECT rev FROM annotation_head WHERE clip_id = ?1 AND annotator_id = ?2";

static const char sql_insert[] =
    "INSERT INTO annotation (id, clip_id, annotator_id, rev, state, genre, tempo, bpm, dissonance,"
    "                        metre, feel, text, relevance, frame_position, frame_why, comment,"
    "                        vocabulary_version, origin, active_us, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
    "         ?20)";

static const char sql_term[] =
    "INSERT INTO annotation_term (annotation_id, field, term, role, position)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (annotation_id, field, term) DO NOTHING";

static const char sql_head[] =
    "INSERT INTO annotation_head (clip_id, annotator_id, annotation_id, rev, state)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (clip_id, annotator_id) DO UPDATE"
    " SET annotation_id = excluded.annotation_id, rev = excluded.rev, state = excluded.state";

static const char sql_head_time[] =
    "SELECT a.created_at FROM annotation_head AS h JOIN annotation AS a ON a.id = h.annotation_id"
    " WHERE h.clip_id = ?1 AND h.annotator_id = ?2";

/* Now, but later than what this person said of the clip before, whatever the clocks said: merging
 * packets numbers revisions by their times. */
static bool next_moment(Db *db, const Annotation *a, char moment[UTC_SIZE], Err *err)
{
    char *before;
    int64_t before_us;
    DbArg args[] = {db_text(a->clip_id), db_text(a->annotator_id)};
    if (!db_one_text(db, sql_head_time, args, 2, &before, err)) return false;
    mel_utc_now(moment);
    if (before && strcmp(before, moment) >= 0 && mel_utc_parse(before, &before_us))
        mel_utc_format(before_us + 1, moment);
    free(before);
    return true;
}

static DbArg unless_negative(int64_t value)
{
    return value < 0 ? db_text(NULL) : db_i64(value);
}

bool db_annotation_append(Db *db, const Annotation *a, const char *id, int64_t rev, Err *err)
{
    char now[UTC_SIZE];
    if (!next_moment(db, a, now, err)) return false;
    if (!DB_RUN(db, sql_insert, err, db_text(id), db_text(a->clip_id), db_text(a->annotator_id),
                db_i64(rev), db_text(a->state), db_text(a->genre), db_text(a->tempo),
                db_f64(a->bpm), db_text(a->dissonance), db_text(a->metre), db_text(a->feel),
                db_text(a->text), db_text(a->relevance), unless_negative(a->frame_position),
                db_text(a->frame_why), db_text(a->comment), db_i64(mel_vocabulary_version()),
                db_text(a->origin), unless_negative(a->active_us), db_text(now)))
        return false;
    for (size_t i = 0; i < a->term_count; i++) {
        const AnnotationTerm *t = &a->terms[i];
        if (!DB_RUN(db, sql_term, err, db_text(id), db_text(t->field), db_text(t->term),
                    db_text(t->role ? t->role : ""), db_i64((int64_t)i)))
            return false;
    }
    return DB_RUN(db, sql_head, err, db_text(a->clip_id), db_text(a->annotator_id), db_text(id),
                  db_i64(rev), db_text(a->state));
}

bool db_annotation_head_rev(Db *db, const char *clip_id, const char *annotator_id, int64_t *rev,
                            Err *err)
{
    DbArg args[] = {db_text(clip_id), db_text(annotator_id)};
    return db_one_i64(db, sql_head_rev, args, 2, 0, rev, err);
}

static const char sql_saved[] =
    "SELECT CASE WHEN clip_id = ?2 AND annotator_id = ?3 THEN rev ELSE -1 END"
    "  FROM annotation WHERE id = ?1";

static bool same_terms(const Annotation *a, const Annotation *b)
{
    if (a->term_count != b->term_count) return false;
    for (size_t i = 0; i < a->term_count; i++) {
        const AnnotationTerm *x = &a->terms[i], *y = &b->terms[i];
        if (!mel_equal(x->field, y->field) || !mel_equal(x->term, y->term) ||
            !mel_equal(x->role ? x->role : "", y->role ? y->role : ""))
            return false;
    }
    return true;
}

bool mel_annotation_same(const Annotation *a, const Annotation *b)
{
    bool same_bpm = a->bpm == b->bpm || (isnan(a->bpm) && isnan(b->bpm));
    return same_bpm && mel_equal(a->genre, b->genre) && mel_equal(a->tempo, b->tempo) &&
           mel_equal(a->dissonance, b->dissonance) && mel_equal(a->metre, b->metre) &&
           mel_equal(a->feel, b->feel) && mel_equal(a->relevance, b->relevance) &&
           mel_equal(a->text, b->text) && mel_equal(a->comment, b->comment) &&
           mel_equal(a->frame_why, b->frame_why) && a->frame_position == b->frame_position &&
           same_terms(a, b);
}

/* Inside the transaction. *rev is the revision written, or of the same id saved before. */
static bool save(Db *db, const Annotation *a, const char *id, int64_t *rev, Err *err)
{
    int64_t before, head;
    DbArg key[] = {db_text(id), db_text(a->clip_id), db_text(a->annotator_id)};
    if (!db_one_i64(db, sql_saved, key, 3, 0, &before, err)) return false;
    if (before < 0)
        return mel_err(err, ERR_EXISTS, "annotation '%s' is of another clip or person", id);
    if (before) {
        *rev = before;
        return true;
    }
    if (!db_annotation_head_rev(db, a->clip_id, a->annotator_id, &head, err)) return false;
    if (a->rev >= 0 && a->rev != head) {
        mel_err_reason(err, ERR_EXISTS, "annotation.conflict",
                       "clip '%s' was changed elsewhere: revision %lld is newer than %lld",
                       a->clip_id, (long long)head, (long long)a->rev);
        return mel_err_hint(err, "look at the newer answer and save again");
    }
    *rev = head + 1;
    return db_annotation_check(db, a, err) && db_annotation_append(db, a, id, *rev, err) &&
           mel_settle(db, a->clip_id, err);
}

bool mel_annotation_save(Db *db, const Annotation *annotation, char id_out[ULID_SIZE],
                         int64_t *rev_out, Err *err)
{
    char id[ULID_SIZE];
    int64_t rev = 0, clip;
    DbArg args[] = {db_text(annotation->clip_id)};
    if (annotation->id && (!*annotation->id || strlen(annotation->id) >= sizeof id))
        return mel_err(err, ERR_USAGE, "'%s' is not an id of an annotation", annotation->id);
    if (annotation->id)
        snprintf(id, sizeof id, "%s", annotation->id);
    else
        mel_ulid(id);
    if (!mel_db_begin(db, err)) return false;
    bool ok = db_one_i64(db, "SELECT 1 FROM clip WHERE id = ?1", args, 1, 0, &clip, err);
    if (ok && !clip) ok = mel_err(err, ERR_NOT_FOUND, "there is no clip '%s'", annotation->clip_id);
    ok = ok && save(db, annotation, id, &rev, err);
    if (!mel_db_end(db, ok, err)) return false;
    if (id_out) snprintf(id_out, ULID_SIZE, "%s", id);
    if (rev_out) *rev_out = rev;
    return true;
}

static const char sql_was_submitted[] =
    "SELECT EXISTS (SELECT 1 FROM annotation"
    "                WHERE clip_id = ?1 AND annotator_id = ?2 AND state = 'submitted')";

bool mel_annotation_was_submitted(Db *db, const char *clip_id, const char *annotator_id, bool *out,
                                  Err *err)
{
    int64_t found;
    DbArg args[] = {db_text(clip_id), db_text(annotator_id)};
    if (!db_one_i64(db, sql_was_submitted, args, 2, 0, &found, err)) return false;
    *out = found != 0;
    return true;
}

static const char sql_load[] =
    "SELECT id, clip_id, annotator_id, rev, state, genre, tempo, bpm, dissonance, metre, feel, "
    "text,"
    "       relevance, coalesce(frame_position, -1), frame_why, comment, origin,"
    "       coalesce(active_us, -1), created_at"
    "  FROM annotation WHERE id = ?1";

static const char sql_load_terms[] =
    "SELECT field, term, role FROM annotation_term WHERE annotation_id = ?1 ORDER BY position";

static bool load_terms(Db *db, const char *id, Arena *arena, Annotation *out, Err *err)
{
    DbRows rows;
    AnnotationTerm *terms = NULL;
    size_t count = 0, capacity = 0;
    bool ok = DB_ROWS(db, &rows, sql_load_terms, err, db_text(id));
    while (ok && db_next(&rows, err)) {
        mel_grow(&terms, &capacity, count + 1, sizeof *terms);
        terms[count++] = (AnnotationTerm){.field = mel_arena_strdup(arena, db_col_text(&rows, 0)),
                                          .term = mel_arena_strdup(arena, db_col_text(&rows, 1)),
                                          .role = mel_arena_strdup(arena, db_col_text(&rows, 2))};
    }
    db_rows_end(&rows);
    AnnotationTerm *kept = mel_arena_alloc(arena, (count + 1) * sizeof *kept);
    if (count) memcpy(kept, terms, count * sizeof *kept);
    free(terms);
    out->terms = kept;
    out->term_count = count;
    return ok && !mel_err_is_set(err);
}

bool db_annotation_by_id(Db *db, const char *id, Arena *arena, Annotation *out, Err *err)
{
    DbRows rows;
    bool found = false;
    bool ok = DB_ROWS(db, &rows, sql_load, err, db_text(id));
    if (ok && db_next(&rows, err)) {
#define TEXT(column) mel_arena_strdup(arena, db_col_text(&rows, column))
        *out = (Annotation){.id = TEXT(0),
                            .clip_id = TEXT(1),
                            .annotator_id = TEXT(2),
                            .rev = db_col_i64(&rows, 3),
                            .state = TEXT(4),
                            .genre = TEXT(5),
                            .tempo = TEXT(6),
                            .bpm = db_col_f64(&rows, 7),
                            .dissonance = TEXT(8),
                            .metre = TEXT(9),
                            .feel = TEXT(10),
                            .text = TEXT(11),
                            .relevance = TEXT(12),
                            .frame_position = db_col_i64(&rows, 13),
                            .frame_why = TEXT(14),
                            .comment = TEXT(15),
                            .origin = TEXT(16),
                            .active_us = db_col_i64(&rows, 17),
                            .created_at = TEXT(18)};
#undef TEXT
        found = true;
    }
    db_rows_end(&rows);
    if (!ok || mel_err_is_set(err)) return false;
    if (!found) return mel_err(err, ERR_DB, "annotation '%s' is not in the store", id);
    return load_terms(db, id, arena, out, err);
}

static const char sql_head_id[] =
    "SELECT annotation_id FROM annotation_head WHERE clip_id = ?1 AND annotator_id = ?2";

bool mel_annotation_load(Db *db, const char *clip_id, const char *annotator_id, Arena *arena,
                         Annotation *out, bool *found_out, Err *err)
{
    char *id;
    DbArg args[] = {db_text(clip_id), db_text(annotator_id)};
    if (!db_one_text(db, sql_head_id, args, 2, &id, err)) return false;
    bool ok = true;
    *found_out = id != NULL;
    if (id) ok = db_annotation_by_id(db, id, arena, out, err);
    free(id);
    return ok;
}
