/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/agree_answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SET_TERMS_MAX = AGREE_SET_WORDS * 64 };

static const char *const tempo_ranks[] = {"very-slow", "slow",      "moderate",
                                          "fast",      "very-fast", NULL};
static const char *const dissonance_ranks[] = {"none", "mild", "marked", NULL};

#define N_(text) text /* for gettext: agree_run.c makes sentences of it */
#define TEXT(kind, name, about, ranks)                                                             \
    {                                                                                              \
#name, about, kind, offsetof(Annotation, name), NULL, ranks                                \
    }
#define TERM(name, about) TEXT(AGREE_TERM, name, about, NULL)
#define RANK(name, about) TEXT(AGREE_RANK, name, about, name##_ranks)
#define SET(name, about, set)                                                                      \
    {                                                                                              \
        name, about, AGREE_SET, 0, set, NULL                                                       \
    }
#define OTHER(kind, name, about)                                                                   \
    {                                                                                              \
        name, about, kind, 0, NULL, NULL                                                           \
    }

static const AgreeField fields[AGREE_FIELD_COUNT] = {
    TERM(genre, N_("the genre")),
    SET("other_genre", N_("further genres"), "genre"),
    SET("mood", N_("the moods"), "mood"),
    SET("voice", N_("the voices"), "voice"),
    SET("instrument", N_("the instruments"), "instrument"),
    RANK(tempo, N_("the tempo")),
    OTHER(AGREE_BPM, "bpm", N_("the beats per minute")),
    RANK(dissonance, N_("dissonance")),
    TERM(metre, N_("the metre")),
    TERM(feel, N_("the feel")),
    TERM(relevance, N_("how picture and music belong together")),
    OTHER(AGREE_FRAME, "frame", N_("the frame")),
};

const AgreeField *mel_agree_field(int field)
{
    return &fields[field];
}

bool mel_agree_field_find(const char *name, int *out, Err *err)
{
    const char *names[AGREE_FIELD_COUNT];
    for (int f = 0; f < AGREE_FIELD_COUNT; f++) {
        names[f] = fields[f].name;
        if (!mel_equal(name, names[f])) continue;
        *out = f;
        return true;
    }
    const char *nearest = mel_did_you_mean(name, names, AGREE_FIELD_COUNT);
    mel_err(err, ERR_USAGE, "there is no field '%s' to agree on", name);
    if (nearest) return mel_err_hint(err, "did you mean '%s'?", nearest);
    return mel_err_hint(err, "there are genre, other_genre, mood, voice, instrument, tempo, bpm, "
                             "dissonance, metre, feel, relevance, frame");
}

/* ---- gathering ------------------------------------------------------------------------------ */

static int number_of(AgreeAnswers *all, AgreeWords *terms, const char *name)
{
    for (size_t i = 0; i < terms->count; i++)
        if (mel_equal(terms->names[i], name)) return (int)i;
    mel_grow(&terms->names, &terms->capacity, terms->count + 1, sizeof *terms->names);
    terms->names[terms->count] = mel_arena_strdup(&all->arena, name);
    return (int)terms->count++;
}

static double rank_of(const char *const *ranks, const char *term)
{
    for (int i = 0; ranks[i]; i++)
        if (mel_equal(ranks[i], term)) return i;
    return NAN;
}

static bool read_set(AgreeAnswers *all, int field, const Annotation *a, AgreeAnswer *out, Err *err)
{
    bool any = false;
    for (size_t i = 0; i < a->term_count; i++) {
        if (!mel_equal(a->terms[i].field, fields[field].set)) continue;
        int bit = number_of(all, &all->terms[field], a->terms[i].term);
        if (bit >= SET_TERMS_MAX)
            return mel_err(err, ERR_LIMIT, "more than %d terms of '%s' were used", SET_TERMS_MAX,
                           fields[field].name);
        out->sets[field][bit / 64] |= (uint64_t)1 << bit % 64;
        any = true;
    }
    /* Who gives a genre and no further one says that there is none; elsewhere silence is none. */
    bool said = any || (mel_equal(fields[field].set, "genre") && a->genre);
    out->values[field] = said ? 0 : NAN;
    return true;
}

static bool read_field(AgreeAnswers *all, int field, const Annotation *a, AgreeAnswer *out,
                       Err *err)
{
    const char *term = *(const char *const *)(const void *)((const char *)a + fields[field].offset);
    double *value = &out->values[field];
    switch (fields[field].kind) {
    case AGREE_TERM:
        *value = term ? number_of(all, &all->terms[field], term) : NAN;
        return true;
    case AGREE_RANK:
        *value = rank_of(fields[field].ranks, term);
        return true;
    case AGREE_SET:
        return read_set(all, field, a, out, err);
    case AGREE_BPM:
        *value = a->bpm;
        return true;
    case AGREE_FRAME:
        *value = a->frame_position >= 0 ? (double)a->frame_position : NAN;
        return true;
    }
    return true;
}

static bool add_answer(void *ctx, const PersonAnswer *given, Err *err)
{
    AgreeAnswers *all = ctx;
    const Annotation *a = given->answer;
    if (!mel_equal(all->last_clip, a->clip_id)) {
        all->last_clip = mel_arena_strdup(&all->arena, a->clip_id);
        all->clip_count++;
    }
    AgreeAnswer answer = {.clip = all->clip_count - 1,
                          .person = number_of(all, &all->people, given->person),
                          .retest = given->retest,
                          .frame_s = given->frame_us >= 0 ? (double)given->frame_us / 1e6 : NAN};
    snprintf(answer.month, sizeof answer.month, "%.7s", a->created_at);
    for (int f = 0; f < AGREE_FIELD_COUNT; f++)
        if (!read_field(all, f, a, &answer, err)) return false;
    mel_grow(&all->items, &all->capacity, all->count + 1, sizeof *all->items);
    all->items[all->count++] = answer;
    return true;
}

static void count_term(void *ctx, const char *id, const char *label)
{
    (void)id, (void)label;
    ++*(int *)ctx;
}

bool mel_agree_gather(Db *db, const char *where, AgreeAnswers *out, Err *err)
{
    AgreeAnswers all = {0};
    bool ok = mel_answers_each(db, where, add_answer, &all, err);
    for (int f = 0; ok && f < AGREE_FIELD_COUNT; f++)
        if (fields[f].kind == AGREE_TERM)
            ok = mel_vocabulary_each(db, fields[f].name, count_term, &all.categories[f], err);
    if (ok)
        *out = all;
    else
        mel_agree_answers_clear(&all);
    return ok;
}

void mel_agree_answers_clear(AgreeAnswers *answers)
{
    for (int f = 0; f < AGREE_FIELD_COUNT; f++)
        free(answers->terms[f].names);
    free(answers->people.names);
    free(answers->items);
    mel_arena_clear(&answers->arena);
    *answers = (AgreeAnswers){0};
}

int64_t mel_agree_shared_clips(const AgreeAnswers *answers)
{
    int64_t shared = 0, clip = -1;
    int people = 0;
    for (size_t i = 0; i < answers->count; i++) {
        const AgreeAnswer *a = &answers->items[i];
        if (a->clip != clip) people = 0;
        clip = a->clip;
        people += !a->retest;
        shared += !a->retest && people == 2;
    }
    return shared;
}

/* ---- tables --------------------------------------------------------------------------------- */

typedef struct PlacedSet {
    uint64_t bits[AGREE_SET_WORDS];
    size_t answer;
} PlacedSet;

static int compare_sets(const void *a, const void *b)
{
    return memcmp(a, b, sizeof((const PlacedSet *)a)->bits);
}

/* numbers[answer] is the row of the answer's set in the table's sets; equal sets share one. */
static double *number_sets(const AgreeAnswers *all, int field, AgreementTable *table,
                           uint64_t **sets_out)
{
    size_t words = (all->terms[field].count + 63) / 64, used = 0;
    PlacedSet *placed = mel_alloc((all->count + 1) * sizeof *placed);
    double *numbers = mel_alloc((all->count + 1) * sizeof *numbers);
    if (words == 0) words = 1;
    uint64_t *sets = mel_alloc((all->count + 1) * words * sizeof *sets);
    for (size_t i = 0; i < all->count; i++) {
        memcpy(placed[i].bits, all->items[i].sets[field], sizeof placed[i].bits);
        placed[i].answer = i;
    }
    qsort(placed, all->count, sizeof *placed, compare_sets);
    for (size_t i = 0; i < all->count; i++) {
        if (i == 0 || compare_sets(&placed[i], &placed[i - 1]) != 0)
            memcpy(sets + used++ * words, placed[i].bits, words * sizeof *sets);
        numbers[placed[i].answer] = (double)(used - 1);
    }
    free(placed);
    table->sets = *sets_out = sets;
    table->words = (int)words;
    return numbers;
}

static double *blank_cells(size_t count)
{
    double *cells = mel_alloc((count + 1) * sizeof *cells);
    for (size_t i = 0; i < count; i++)
        cells[i] = NAN;
    return cells;
}

AgreeTable mel_agree_table(const AgreeAnswers *all, int field, int person)
{
    AgreeTable t = {0};
    bool is_set = fields[field].kind == AGREE_SET;
    double *numbers = is_set ? number_sets(all, field, &t.table, &t.sets) : NULL;
    int raters = person < 0 ? (int)all->people.count : 2;
    size_t cells = (size_t)all->clip_count * (size_t)raters;
    t.values = blank_cells(cells);
    t.seconds = blank_cells(cells);
    for (size_t i = 0; i < all->count; i++) {
        const AgreeAnswer *a = &all->items[i];
        if (person < 0 ? a->retest : a->person != person) continue;
        size_t cell =
            (size_t)a->clip * (size_t)raters + (size_t)(person < 0 ? a->person : a->retest);
        t.values[cell] = is_set && !isnan(a->values[field]) ? numbers[i] : a->values[field];
        t.seconds[cell] = isnan(a->values[field]) ? NAN : a->frame_s;
        t.timed = t.timed || !isnan(t.seconds[cell]);
    }
    free(numbers);
    t.table.units = all->clip_count;
    t.table.raters = raters;
    t.table.values = t.values;
    t.times = t.table;
    t.times.values = t.seconds;
    return t;
}

void mel_agree_table_clear(AgreeTable *t)
{
    free(t->values);
    free(t->seconds);
    free(t->sets);
}
