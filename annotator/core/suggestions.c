/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/core/suggestions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double NUMBERS_SAME = 0.04; /* as agreement counts beats a minute as equal */

typedef enum Outcome { OUTCOME_NONE, OUTCOME_ACCEPTED, OUTCOME_EDITED, OUTCOME_IGNORED } Outcome;

static const char *const outcome_names[] = {NULL, "accepted", "edited", "ignored"};

typedef struct Item {
    FieldSuggestion seen;
    char *id;
    bool shown, shown_kept;
    Outcome outcome, outcome_kept;
} Item;

struct Suggestions {
    Db *db;
    char *annotator;
    Arena arena; /* the item's texts */
    Item *items; /* the newest first */
    size_t count, capacity;
};

Suggestions *suggestions_new(Db *db, const char *annotator)
{
    Suggestions *s = mel_alloc(sizeof *s);
    s->db = db;
    s->annotator = mel_strdup(annotator);
    return s;
}

static void forget_items(Suggestions *s)
{
    mel_arena_clear(&s->arena);
    s->count = 0;
}

void suggestions_free(Suggestions *suggestions)
{
    if (!suggestions) return;
    forget_items(suggestions);
    free(suggestions->items);
    free(suggestions->annotator);
    free(suggestions);
}

bool suggestion_is_control(const char *clip_id, const char *annotator, int percent)
{
    char *item = mel_asprintf("%s\n%s", clip_id, annotator);
    uint64_t drawn = mel_keyed_hash("suggestion control 1", item) % 10000;
    free(item);
    return (int64_t)drawn < (int64_t)percent * 100;
}

/* ---- loading -------------------------------------------------------------------------------- */

static bool field_named(const char *name, AnswerField *out)
{
    for (int i = 0; i < ANSWER_FIELDS; i++) {
        if (!mel_equal(answer_def((AnswerField)i)->name, name)) continue;
        *out = (AnswerField)i;
        return true;
    }
    return false;
}

/* A JSON value as Answers has it, yours to free. */
static char *answer_of(const json_t *value)
{
    if (json_is_number(value)) return mel_asprintf("%.10g", json_number_value(value));
    if (json_is_string(value)) return mel_strdup(json_string_value(value));
    Str set = {0};
    for (size_t i = 0; i < json_array_size(value); i++)
        mel_str_addf(&set, "%s%s", i ? "\n" : "", json_string_value(json_array_get(value, i)));
    return mel_str_take(&set);
}

static Outcome outcome_named(const char *name)
{
    for (int i = OUTCOME_ACCEPTED; name && i <= OUTCOME_IGNORED; i++)
        if (mel_equal(outcome_names[i], name)) return (Outcome)i;
    return OUTCOME_NONE;
}

/* One of a field or form that this program does not know is passed over. */
static bool take(void *ctx, const Suggestion *suggestion, Err *err)
{
    Suggestions *s = ctx;
    AnswerField field;
    Err unreadable = {0};
    (void)err;
    json_t *value = mel_json_parse(suggestion->value_json, strlen(suggestion->value_json),
                                   "a suggestion", &unreadable);
    char *answer = value ? answer_of(value) : NULL;
    json_decref(value);
    if (answer && *answer && field_named(suggestion->field, &field)) {
        mel_grow(&s->items, &s->capacity, s->count + 1, sizeof *s->items);
        Item item = {
            .seen = {.field = field,
                     .value = mel_arena_strdup(&s->arena, answer),
                     .origin = mel_arena_strdup(&s->arena, suggestion->origin)},
            .id = mel_arena_strdup(&s->arena, suggestion->id),
            .shown = suggestion->was_shown,
            .shown_kept = suggestion->was_shown,
            .outcome = outcome_named(suggestion->outcome)
        };
        item.outcome_kept = item.outcome;
        s->items[s->count++] = item;
    }
    free(answer);
    return true;
}

bool suggestions_go(Suggestions *suggestions, const char *clip_id, bool retest,
                    const SuggestionPolicy *policy, Err *err)
{
    bool kept = suggestions_keep(suggestions, err);
    forget_items(suggestions);
    if (!kept) return false;
    if (!policy->on || retest ||
        suggestion_is_control(clip_id, suggestions->annotator, policy->control_percent))
        return true;
    bool ok = mel_suggestions_each(suggestions->db, clip_id, suggestions->annotator, take,
                                   suggestions, err);
    if (!ok) forget_items(suggestions);
    return ok;
}

/* ---- visible -------------------------------------------------------------------------------- */

typedef struct Lack {
    const char *answer;
    bool lacks;
} Lack;

static void look_for(void *ctx, const char *term, const char *role)
{
    Lack *lack = ctx;
    (void)role;
    lack->lacks = lack->lacks || !answer_set_has(lack->answer, term, NULL);
}

/* Whether the answer says what the suggestion says. */
static bool is_said(const FieldSuggestion *s, const char *answer)
{
    if (!answer) return false;
    AnswerKind kind = answer_def(s->field)->kind;
    if (kind == ANSWER_NUMBER)
        return fabs(strtod(answer, NULL) / strtod(s->value, NULL) - 1) <= NUMBERS_SAME;
    if (kind != ANSWER_SET) return mel_equal(answer, s->value);
    Lack lack = {.answer = answer};
    answer_set_each(s->value, look_for, &lack);
    return !lack.lacks;
}

static bool is_measured(const FieldSuggestion *s)
{
    return s->field == ANSWER_BPM ||
           (s->field == ANSWER_TEMPO && mel_starts_with(s->origin, "measured/"));
}

static bool is_visible(const FieldSuggestion *s, const char *answer, bool in_hand)
{
    if (is_measured(s)) return !is_said(s, answer);
    if (in_hand && answer_def(s->field)->kind == ANSWER_SET) return false;
    return answer && !is_said(s, answer);
}

const FieldSuggestion *suggestions_visible(const Suggestions *suggestions, const Answers *answers,
                                           AnswerField field, bool in_hand)
{
    for (size_t i = 0; i < suggestions->count; i++) {
        const FieldSuggestion *s = &suggestions->items[i].seen;
        if (s->field == field && is_visible(s, answers->values[field], in_hand)) return s;
    }
    return NULL;
}

/* ---- uses ----------------------------------------------------------------------------------- */

static Item *item_of(Suggestions *s, const FieldSuggestion *seen)
{
    for (size_t i = 0; i < s->count; i++)
        if (&s->items[i].seen == seen) return &s->items[i];
    return NULL;
}

void suggestions_note_shown(Suggestions *suggestions, const FieldSuggestion *shown)
{
    Item *item = item_of(suggestions, shown);
    MEL_ASSERT(item);
    item->shown = true;
}

typedef struct Union {
    char *set;
} Union;

static void add_missing(void *ctx, const char *term, const char *role)
{
    Union *whole = ctx;
    if (answer_set_has(whole->set, term, NULL)) return; /* with the person's own role */
    char *more = answer_set_with(whole->set, term, role);
    free(whole->set);
    whole->set = more;
}

char *suggestions_accept(Suggestions *suggestions, const FieldSuggestion *accepted,
                         const Answers *answers)
{
    Item *item = item_of(suggestions, accepted);
    MEL_ASSERT(item);
    item->shown = true;
    item->outcome = OUTCOME_ACCEPTED;
    if (answer_def(accepted->field)->kind != ANSWER_SET) return mel_strdup(accepted->value);
    Union whole = {mel_strdup(answers->values[accepted->field])};
    answer_set_each(accepted->value, add_missing, &whole);
    return whole.set;
}

static Outcome outcome_of(const Item *item, const char *answer)
{
    if (is_said(&item->seen, answer)) return OUTCOME_ACCEPTED;
    bool was_accepted = item->outcome == OUTCOME_ACCEPTED || item->outcome == OUTCOME_EDITED;
    return was_accepted ? OUTCOME_EDITED : OUTCOME_IGNORED;
}

void suggestions_note_submitted(Suggestions *suggestions, const Answers *answers)
{
    for (size_t i = 0; i < suggestions->count; i++) {
        Item *item = &suggestions->items[i];
        if (item->shown) item->outcome = outcome_of(item, answers->values[item->seen.field]);
    }
}

/* ---- keeping -------------------------------------------------------------------------------- */

static bool is_unkept(const Item *item)
{
    return item->shown != item->shown_kept || item->outcome != item->outcome_kept;
}

bool suggestions_unkept(const Suggestions *suggestions)
{
    for (size_t i = 0; i < suggestions->count; i++)
        if (is_unkept(&suggestions->items[i])) return true;
    return false;
}

static bool keep(Suggestions *s, const Item *item, Err *err)
{
    if (item->shown != item->shown_kept &&
        !mel_suggestion_use(s->db, item->id, s->annotator, "shown", err))
        return false;
    return item->outcome == item->outcome_kept ||
           mel_suggestion_use(s->db, item->id, s->annotator, outcome_names[item->outcome], err);
}

bool suggestions_keep(Suggestions *suggestions, Err *err)
{
    bool ok = true;
    if (!suggestions_unkept(suggestions)) return true;
    if (!mel_db_begin(suggestions->db, err)) return false;
    for (size_t i = 0; ok && i < suggestions->count; i++)
        ok = keep(suggestions, &suggestions->items[i], err);
    if (!mel_db_end(suggestions->db, ok, err)) return false;
    for (size_t i = 0; i < suggestions->count; i++) {
        suggestions->items[i].shown_kept = suggestions->items[i].shown;
        suggestions->items[i].outcome_kept = suggestions->items[i].outcome;
    }
    return true;
}
