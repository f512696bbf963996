/* SPDX-License-Identifier: Apache-2.0
 *
 * From several people's answers to the one that is exported: the settlement of a clip. */
#include "db/annotation_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Votes {
    Annotation *items; /* earliest first; in the arena of load_votes */
    int count;
} Votes;

typedef struct Verdict {
    const char *state, *method;
    Annotation merged;     /* what the settled answer says */
    const char *single_id; /* the annotation itself, when there is only one */
    json_t *disputed;      /* array of field names */
    json_t *how;           /* field -> "agreed" / "majority" */
} Verdict;

static const char sql_submitted[] =
    "SELECT h.annotation_id, p.kind"
    "  FROM annotation_head AS h"
    "  JOIN annotation AS a ON a.id = h.annotation_id"
    "  JOIN annotator AS p ON p.id = h.annotator_id"
    " WHERE h.clip_id = ?1 AND h.state = 'submitted' AND p.kind <> 'system'"
    "   AND h.annotator_id NOT LIKE ?2"
    "   AND coalesce((SELECT r.verdict FROM review AS r WHERE r.annotation_id = a.id"
    "                  ORDER BY r.created_at DESC, r.id DESC LIMIT 1), '') <> 'return'"
    " ORDER BY a.created_at, a.id";

typedef struct Voter {
    const char *annotation_id;
    bool imported;
} Voter;

/* Where people have answered, what a list said does not count; nor does what was sent back. */
static bool load_votes(Db *db, const char *clip_id, Arena *arena, Votes *votes, Err *err)
{
    Voter *voters = NULL;
    size_t count = 0, capacity = 0;
    bool people = false;
    DbRows rows;
    bool ok = DB_ROWS(db, &rows, sql_submitted, err, db_text(clip_id), db_text("%" RETEST_SUFFIX));
    while (ok && db_next(&rows, err)) {
        mel_grow(&voters, &capacity, count + 1, sizeof *voters);
        Voter *voter = &voters[count++];
        voter->annotation_id = mel_arena_strdup(arena, db_col_text(&rows, 0));
        voter->imported = mel_equal(db_col_text(&rows, 1), "import");
        people = people || !voter->imported;
    }
    db_rows_end(&rows);
    ok = ok && !mel_err_is_set(err);
    votes->items = mel_arena_alloc(arena, (count + 1) * sizeof *votes->items);
    for (size_t i = 0; ok && i < count; i++) {
        if (people && voters[i].imported) continue;
        ok = db_annotation_by_id(db, voters[i].annotation_id, arena, &votes->items[votes->count],
                                 err);
        if (ok) votes->count++;
    }
    free(voters);
    return ok;
}

/* The nominal fields, by offset, so that one loop serves them all. */
static const struct {
    const char *name;
    size_t offset;
} nominal[] = {
    {"genre",      offsetof(Annotation, genre)     },
    {"tempo",      offsetof(Annotation, tempo)     },
    {"dissonance", offsetof(Annotation, dissonance)},
    {"metre",      offsetof(Annotation, metre)     },
    {"feel",       offsetof(Annotation, feel)      },
    {"relevance",  offsetof(Annotation, relevance) },
};
enum { NOMINAL_COUNT = MEL_COUNT(nominal) };

static const char **nominal_field(Annotation *a, int field)
{
    return (const char **)(void *)((char *)a + nominal[field].offset);
}

/* The value that more than half of those who answered gave; NULL answers do not vote. */
static const char *majority(Votes *votes, int field, bool *agreed, bool *disputed)
{
    const char *best = NULL;
    int best_count = 0, answered = 0;
    for (int i = 0; i < votes->count; i++) {
        const char *value = *nominal_field(&votes->items[i], field);
        int same = 0;
        if (!value) continue;
        answered++;
        for (int j = 0; j < votes->count; j++)
            same += mel_equal(value, *nominal_field(&votes->items[j], field));
        if (same > best_count) {
            best = value;
            best_count = same;
        }
    }
    *agreed = best_count == answered;
    *disputed = answered > 0 && 2 * best_count <= answered;
    return *disputed ? NULL : best;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_bpm(const Votes *votes)
{
    double *values = mel_alloc(((size_t)votes->count + 1) * sizeof *values), middle = NAN;
    int count = 0;
    for (int i = 0; i < votes->count; i++)
        if (isfinite(votes->items[i].bpm)) values[count++] = votes->items[i].bpm;
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    if (count)
        middle = count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    free(values);
    return middle;
}

static int term_votes(const Votes *votes, const AnnotationTerm *term)
{
    int count = 0;
    for (int i = 0; i < votes->count; i++)
        for (size_t k = 0; k < votes->items[i].term_count; k++) {
            const AnnotationTerm *t = &votes->items[i].terms[k];
            if (mel_equal(t->field, term->field) && mel_equal(t->term, term->term)) {
                count++;
                break;
            }
        }
    return count;
}

/* A term stays when at least half of the people named it; its role is the first one given. */
static void merge_terms(const Votes *votes, Arena *arena, Annotation *merged)
{
    size_t total = 0, count = 0;
    for (int i = 0; i < votes->count; i++)
        total += votes->items[i].term_count;
    AnnotationTerm *terms = mel_arena_alloc(arena, (total + 1) * sizeof *terms);
    for (int i = 0; i < votes->count; i++)
        for (size_t k = 0; k < votes->items[i].term_count; k++) {
            const AnnotationTerm *t = &votes->items[i].terms[k];
            bool there = false;
            for (size_t j = 0; j < count; j++)
                there = there ||
                        (mel_equal(terms[j].field, t->field) && mel_equal(terms[j].term, t->term));
            if (!there && 2 * term_votes(votes, t) >= votes->count) terms[count++] = *t;
        }
    merged->terms = terms;
    merged->term_count = count;
}

/* Text and frame come whole from one person: the earliest who holds the settled genre. */
static const Annotation *spokesperson(const Votes *votes, const char *genre)
{
    for (int i = 0; i < votes->count; i++) {
        const Annotation *a = &votes->items[i];
        if (mel_equal(a->genre, genre) && a->text && *a->text) return a;
    }
    for (int i = 0; i < votes->count; i++)
        if (votes->items[i].text && *votes->items[i].text) return &votes->items[i];
    return &votes->items[0];
}

static void decide_several(Votes *votes, Arena *arena, Verdict *verdict)
{
    Annotation *merged = &verdict->merged;
    mel_annotation_init(merged);
    for (int f = 0; f < NOMINAL_COUNT; f++) {
        bool agreed, disputed;
        *nominal_field(merged, f) = majority(votes, f, &agreed, &disputed);
        if (disputed) json_array_append_new(verdict->disputed, json_string(nominal[f].name));
        if (!disputed && *nominal_field(merged, f))
            mel_json_set_text(verdict->how, nominal[f].name, agreed ? "agreed" : "majority");
    }
    merged->bpm = median_bpm(votes);
    merge_terms(votes, arena, merged);
    const Annotation *speaker = spokesperson(votes, merged->genre);
    merged->text = speaker->text;
    merged->frame_position = speaker->frame_position;
    merged->frame_why = speaker->frame_why;
    verdict->method = "agreed";
    verdict->state = json_array_size(verdict->disputed) ? "disputed" : "settled";
}

static void decide(Votes *votes, Arena *arena, Verdict *verdict)
{
    *verdict = (Verdict){
        .state = "open", .method = "none", .disputed = json_array(), .how = json_object()};
    if (votes->count == 1) {
        verdict->state = "settled";
        verdict->method = "single";
        verdict->single_id = votes->items[0].id;
    } else if (votes->count > 1) {
        decide_several(votes, arena, verdict);
    }
}

/* What a reviewer disputes is disputed, however many answers there are. */
static bool add_disputes(Db *db, const char *clip_id, Verdict *verdict, Err *err)
{
    if (!db_review_disputes(db, clip_id, verdict->disputed, err)) return false;
    size_t count = json_array_size(verdict->disputed);
    if (count && mel_equal(verdict->state, "settled")) verdict->state = "disputed";
    for (size_t i = 0; i < count; i++)
        json_object_del(verdict->how, json_string_value(json_array_get(verdict->disputed, i)));
    return true;
}

typedef struct SettlementHead {
    char *state, *method, *annotation_id, *disputed;
    int64_t rev;
} SettlementHead;

static const char sql_current[] =
    "SELECT s.state, s.method, s.annotation_id, s.disputed_json, s.rev"
    "  FROM settlement_head AS h JOIN settlement AS s ON s.id = h.settlement_id"
    " WHERE h.clip_id = ?1";

static bool load_head(Db *db, const char *clip_id, Arena *arena, SettlementHead *head, Err *err)
{
    DbRows rows;
    *head = (SettlementHead){0};
    bool ok = DB_ROWS(db, &rows, sql_current, err, db_text(clip_id));
    if (ok && db_next(&rows, err))
        *head = (SettlementHead){.state = mel_arena_strdup(arena, db_col_text(&rows, 0)),
                                 .method = mel_arena_strdup(arena, db_col_text(&rows, 1)),
                                 .annotation_id = mel_arena_strdup(arena, db_col_text(&rows, 2)),
                                 .disputed = mel_arena_strdup(arena, db_col_text(&rows, 3)),
                                 .rev = db_col_i64(&rows, 4)};
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

/* A merged answer is written unless it is there. */
bool db_settled_answer(Db *db, const char *clip_id, const Annotation *answer, char id[ULID_SIZE],
                       Err *err)
{
    Arena arena = {0};
    Annotation last, merged = *answer;
    bool found;
    int64_t rev = 0;
    bool ok = mel_annotation_load(db, clip_id, SETTLED_BY, &arena, &last, &found, err);
    bool same = ok && found && mel_annotation_same(&last, &merged);
    if (same)
        snprintf(id, ULID_SIZE, "%s", last.id);
    else
        mel_ulid(id);
    merged.clip_id = clip_id;
    merged.annotator_id = SETTLED_BY;
    merged.state = "submitted";
    merged.origin = "settled";
    if (ok && !same)
        ok = mel_annotator_put(db, SETTLED_BY, "system", "Melkit, from several answers", err) &&
             db_annotation_head_rev(db, clip_id, SETTLED_BY, &rev, err) &&
             db_annotation_append(db, &merged, id, rev + 1, err);
    mel_arena_clear(&arena);
    return ok;
}

static const char sql_settlement[] =
    "INSERT INTO settlement (id, clip_id, rev, state, method, annotation_id, disputed_json, by_id,"
    "                        created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

static const char sql_settlement_field[] =
    "INSERT INTO settlement_field (settlement_id, field, how, from_annotation_id)"
    " VALUES (?1, ?2, ?3, ?4)";

static const char sql_settlement_head[] =
    "INSERT INTO settlement_head (clip_id, settlement_id, annotation_id, rev, state)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (clip_id) DO UPDATE"
    " SET settlement_id = excluded.settlement_id, annotation_id = excluded.annotation_id,"
    "     rev = excluded.rev, state = excluded.state";

bool db_settlement_append(Db *db, const SettlementRow *row, char id[ULID_SIZE], Err *err)
{
    char now[UTC_SIZE];
    mel_ulid(id);
    mel_utc_now(now);
    return DB_RUN(db, sql_settlement, err, db_text(id), db_text(row->clip_id), db_i64(row->rev),
                  db_text(row->state), db_text(row->method), db_text(row->annotation_id),
                  db_text(row->disputed), db_text(row->by_id), db_text(now)) &&
           DB_RUN(db, sql_settlement_head, err, db_text(row->clip_id), db_text(id),
                  db_text(row->annotation_id), db_i64(row->rev), db_text(row->state));
}

bool db_settlement_field(Db *db, const char *settlement_id, const char *field, const char *how,
                         const char *from_annotation_id, Err *err)
{
    return DB_RUN(db, sql_settlement_field, err, db_text(settlement_id), db_text(field),
                  db_text(how), db_text(from_annotation_id));
}

static bool append_verdict(Db *db, const SettlementRow *row, const Verdict *verdict, Err *err)
{
    char id[ULID_SIZE];
    const char *field;
    const json_t *how;
    if (!mel_annotator_put(db, SETTLED_BY, "system", "Melkit, from several answers", err) ||
        !db_settlement_append(db, row, id, err))
        return false;
    json_object_foreach(verdict->how, field, how)
    {
        if (!db_settlement_field(db, id, field, json_string_value(how), row->annotation_id, err))
            return false;
    }
    return true;
}

static bool apply(Db *db, const char *clip_id, Arena *arena, Verdict *verdict, Err *err)
{
    SettlementHead head;
    char merged_id[ULID_SIZE] = "";
    const char *annotation_id = mel_equal(verdict->state, "settled") ? verdict->single_id : NULL;
    if (!load_head(db, clip_id, arena, &head, err)) return false;
    if (mel_equal(head.method, "adjudicated")) return true;
    if (!head.state && mel_equal(verdict->state, "open")) return true;
    if (mel_equal(verdict->state, "settled") && !annotation_id) {
        if (!db_settled_answer(db, clip_id, &verdict->merged, merged_id, err)) return false;
        annotation_id = merged_id;
    }
    char *disputed = json_array_size(verdict->disputed) ? mel_json_line(verdict->disputed) : NULL;
    bool same = mel_equal(head.state, verdict->state) && mel_equal(head.method, verdict->method) &&
                mel_equal(head.annotation_id, annotation_id) && mel_equal(head.disputed, disputed);
    const SettlementRow row = {.clip_id = clip_id,
                               .rev = head.rev + 1,
                               .state = verdict->state,
                               .method = verdict->method,
                               .annotation_id = annotation_id,
                               .disputed = disputed,
                               .by_id = SETTLED_BY};
    bool ok = same || append_verdict(db, &row, verdict, err);
    free(disputed);
    return ok;
}

bool mel_settle(Db *db, const char *clip_id, Err *err)
{
    Arena arena = {0};
    Votes *votes = mel_alloc(sizeof *votes);
    Verdict verdict = {0};
    if (!mel_db_begin(db, err)) {
        free(votes);
        return false;
    }
    bool ok = load_votes(db, clip_id, &arena, votes, err);
    if (ok) {
        decide(votes, &arena, &verdict);
        ok = add_disputes(db, clip_id, &verdict, err) && apply(db, clip_id, &arena, &verdict, err);
    }
    ok = mel_db_end(db, ok, err);
    json_decref(verdict.disputed);
    json_decref(verdict.how);
    free(votes);
    mel_arena_clear(&arena);
    return ok;
}

bool db_settle_draft(Db *db, const char *clip_id, Arena *arena, Annotation *out, bool *any,
                     Err *err)
{
    Votes votes = {0};
    Verdict verdict = {0};
    if (!load_votes(db, clip_id, arena, &votes, err)) return false;
    *any = votes.count > 0;
    if (!*any) return true;
    decide(&votes, arena, &verdict);
    *out = verdict.single_id ? votes.items[0] : verdict.merged;
    json_decref(verdict.disputed);
    json_decref(verdict.how);
    return true;
}
