/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/core/decision.h"

#include <stdlib.h>

/* Reviews and settlements tell the two kinds of genre apart by name. */
static const char *field_name(AnswerField field)
{
    return field == ANSWER_GENRES ? "other_genre" : answer_def(field)->name;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_disputed(const Settlement *settlement, AnswerField field)
{
    for (size_t i = 0; i < settlement->disputed_count; i++)
        if (mel_equal(settlement->disputed[i], field_name(field))) return true;
    return false;
}

/* What is said of the picture's choice, and to oneself, is nobody else's to agree on. */
static bool is_compared(AnswerField field)
{
    return field != ANSWER_FRAME_WHY && field != ANSWER_COMMENT;
}

static bool all_say_the_same(const Decision *d, AnswerField field)
{
    for (size_t p = 1; p < d->person_count; p++)
        if (!mel_equal(d->people[p].answers.values[field], d->people[0].answers.values[field]))
            return false;
    return true;
}

static bool somebody_says(const Decision *d, AnswerField field)
{
    for (size_t p = 0; p < d->person_count; p++)
        if (d->people[p].answers.values[field]) return true;
    return false;
}

static void sort_fields(Decision *d, const Settlement *settlement)
{
    for (int i = 0; i < ANSWER_FIELDS; i++) {
        AnswerField field = (AnswerField)i;
        d->taken[i] = DECISION_OPEN;
        if (is_disputed(settlement, field))
            d->disputed[d->disputed_count++] = field;
        else if (!somebody_says(d, field))
            continue;
        else if (!is_compared(field))
            d->asides[d->aside_count++] = field;
        else if (all_say_the_same(d, field))
            d->agreed[d->agreed_count++] = field;
        else
            d->merged[d->merged_count++] = field;
    }
}

static void take_people(Decision *d, const Annotation *answers, size_t count)
{
    d->people = mel_arena_alloc(&d->arena, (count + 1) * sizeof *d->people);
    d->person_count = count;
    for (size_t p = 0; p < count; p++) {
        d->people[p].name = answers[p].annotator_id;
        d->people[p].annotation_id = answers[p].id;
        answers_from_annotation(&answers[p], &d->people[p].answers);
    }
}

bool decision_load(Db *db, const char *clip_id, const char *reader_id, Decision *out, Err *err)
{
    Decision d = {0};
    Annotation *answers;
    Settlement settlement;
    size_t count;
    if (!mel_clip_answers(db, clip_id, reader_id, &d.arena, &answers, &count, err) ||
        !mel_settlement_load(db, clip_id, &d.arena, &settlement, err)) {
        mel_arena_clear(&d.arena);
        return false;
    }
    d.clip_id = mel_arena_strdup(&d.arena, clip_id);
    take_people(&d, answers, count);
    answers_from_annotation(&settlement.draft, &d.settled);
    sort_fields(&d, &settlement);
    *out = d;
    return true;
}

void decision_clear(Decision *d)
{
    for (size_t p = 0; p < d->person_count; p++)
        answers_clear(&d->people[p].answers);
    answers_clear(&d->settled);
    mel_arena_clear(&d->arena);
    *d = (Decision){0};
}

/* ---- deciding ------------------------------------------------------------------------------- */

void decision_take(Decision *d, AnswerField field, size_t person)
{
    const Answers *theirs = &d->people[person].answers;
    answers_set(&d->settled, field, theirs->values[field]);
    if (field == ANSWER_FRAME)
        answers_set(&d->settled, ANSWER_FRAME_WHY, theirs->values[ANSWER_FRAME_WHY]);
    d->taken[field] = (int)person;
}

void decision_say(Decision *d, AnswerField field, const char *words)
{
    MEL_ASSERT(answer_def(field)->kind == ANSWER_WORDS);
    answers_set(&d->settled, field, words);
    d->taken[field] = words && *words ? DECISION_OWN : DECISION_OPEN;
}

size_t decision_open_count(const Decision *d)
{
    size_t open = 0;
    for (size_t i = 0; i < d->disputed_count; i++)
        open += d->taken[d->disputed[i]] == DECISION_OPEN;
    return open;
}

bool decision_store(const Decision *d, Db *db, const char *by, Err *err)
{
    Arena arena = {0};
    Annotation answer;
    AdjudicatedField fields[ANSWER_FIELDS];
    size_t count = 0;
    for (size_t i = 0; i < d->disputed_count; i++) {
        int taken = d->taken[d->disputed[i]];
        if (taken == DECISION_OPEN) continue; /* the store says which are missing */
        fields[count++] = (AdjudicatedField){
            .field = field_name(d->disputed[i]),
            .from_annotation_id = taken >= 0 ? d->people[taken].annotation_id : NULL};
    }
    mel_annotation_init(&answer);
    answers_to_annotation(&d->settled, &arena, &answer);
    const Adjudication adjudication = {
        .clip_id = d->clip_id, .by = by, .answer = &answer, .fields = fields, .field_count = count};
    bool ok = mel_adjudicate(db, &adjudication, err);
    mel_arena_clear(&arena);
    return ok;
}
