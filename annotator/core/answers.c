/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/core/answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const AnswerDef defs[ANSWER_FIELDS] = {
    [ANSWER_GENRE] = {"genre",      "genre",      ANSWER_ONE   },
    [ANSWER_GENRES] = {"genre",      "genre",      ANSWER_SET   },
    [ANSWER_MOODS] = {"mood",       "mood",       ANSWER_SET   },
    [ANSWER_TEMPO] = {"tempo",      "tempo",      ANSWER_ONE   },
    [ANSWER_BPM] = {"bpm",        NULL,         ANSWER_NUMBER},
    [ANSWER_VOICES] = {"voice",      "voice",      ANSWER_SET   },
    [ANSWER_INSTRUMENTS] = {"instrument", "instrument", ANSWER_SET   },
    [ANSWER_DISSONANCE] = {"dissonance", "dissonance", ANSWER_ONE   },
    [ANSWER_METRE] = {"metre",      "metre",      ANSWER_ONE   },
    [ANSWER_FEEL] = {"feel",       "feel",       ANSWER_ONE   },
    [ANSWER_TEXT] = {"text",       NULL,         ANSWER_WORDS },
    [ANSWER_RELEVANCE] = {"relevance",  "relevance",  ANSWER_ONE   },
    [ANSWER_FRAME] = {"frame",      NULL,         ANSWER_NUMBER},
    [ANSWER_FRAME_WHY] = {"frame_why",  NULL,         ANSWER_WORDS },
    [ANSWER_ASPECTS] = {"aspect",     NULL,         ANSWER_SET   },
    [ANSWER_COMMENT] = {"comment",    NULL,         ANSWER_WORDS },
};

const AnswerDef *answer_def(AnswerField field)
{
    return &defs[field];
}

void answers_clear(Answers *answers)
{
    for (int i = 0; i < ANSWER_FIELDS; i++)
        free(answers->values[i]);
    *answers = (Answers){0};
}

void answers_copy(Answers *to, const Answers *from)
{
    for (int i = 0; i < ANSWER_FIELDS; i++)
        to->values[i] = from->values[i] ? mel_strdup(from->values[i]) : NULL;
}

bool answers_equal(const Answers *a, const Answers *b)
{
    for (int i = 0; i < ANSWER_FIELDS; i++)
        if (!mel_equal(a->values[i], b->values[i])) return false;
    return true;
}

void answers_set(Answers *answers, AnswerField field, const char *value)
{
    char *kept = value && *value ? mel_strdup(value) : NULL;
    free(answers->values[field]);
    answers->values[field] = kept;
}

/* ---- sets ----------------------------------------------------------------------------------- */

/* One line of a set: its term and role, not terminated. */
typedef struct Member {
    const char *term, *role;
    size_t term_length, role_length;
} Member;

static const char *next_member(const char *at, Member *out)
{
    size_t line = strcspn(at, "\n"), term = strcspn(at, "/\n");
    *out = (Member){.term = at, .term_length = term, .role = ""};
    if (term < line) {
        out->role = at + term + 1;
        out->role_length = line - term - 1;
    }
    return at + line + (at[line] == '\n');
}

static bool is_term(const Member *member, const char *term)
{
    return member->term_length == strlen(term) &&
           memcmp(member->term, term, member->term_length) == 0;
}

bool answer_set_has(const char *set, const char *term, char **role)
{
    Member member;
    for (const char *at = set ? set : ""; *at;) {
        at = next_member(at, &member);
        if (!is_term(&member, term)) continue;
        if (role) *role = mel_strndup(member.role, member.role_length);
        return true;
    }
    return false;
}

static void add_member(Str *out, const char *term, size_t n, const char *role, size_t role_n)
{
    if (*mel_str_text(out)) mel_str_add_char(out, '\n');
    mel_str_add_bytes(out, term, n);
    if (!role_n) return;
    mel_str_add_char(out, '/');
    mel_str_add_bytes(out, role, role_n);
}

char *answer_set_with(const char *set, const char *term, const char *role)
{
    Str out = {0};
    Member member;
    bool found = false;
    for (const char *at = set ? set : ""; *at;) {
        at = next_member(at, &member);
        bool this_one = is_term(&member, term);
        found = found || this_one;
        if (!this_one)
            add_member(&out, member.term, member.term_length, member.role, member.role_length);
        else if (role)
            add_member(&out, term, strlen(term), role, strlen(role));
    }
    if (!found && role) add_member(&out, term, strlen(term), role, strlen(role));
    if (*mel_str_text(&out)) return mel_str_take(&out);
    mel_str_clear(&out);
    return NULL;
}

void answer_set_each(const char *set, void (*fn)(void *ctx, const char *term, const char *role),
                     void *ctx)
{
    Member member;
    for (const char *at = set ? set : ""; *at;) {
        at = next_member(at, &member);
        char *term = mel_strndup(member.term, member.term_length);
        char *role = mel_strndup(member.role, member.role_length);
        fn(ctx, term, role);
        free(term);
        free(role);
    }
}

/* ---- the store's form ----------------------------------------------------------------------- */

static void set_number(Answers *out, AnswerField field, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.10g", value);
    answers_set(out, field, text);
}

/* The field of a set by the store's name. Free words may hold any '/'. */
static void add_term(Answers *out, const AnnotationTerm *term)
{
    for (int i = 0; i < ANSWER_FIELDS; i++) {
        if (defs[i].kind != ANSWER_SET || !mel_equal(defs[i].name, term->field)) continue;
        char *set = answer_set_with(out->values[i], term->term, term->role ? term->role : "");
        free(out->values[i]);
        out->values[i] = set;
    }
}

void answers_from_annotation(const Annotation *a, Answers *out)
{
    *out = (Answers){0};
    answers_set(out, ANSWER_GENRE, a->genre);
    answers_set(out, ANSWER_TEMPO, a->tempo);
    answers_set(out, ANSWER_DISSONANCE, a->dissonance);
    answers_set(out, ANSWER_METRE, a->metre);
    answers_set(out, ANSWER_FEEL, a->feel);
    answers_set(out, ANSWER_TEXT, a->text);
    answers_set(out, ANSWER_RELEVANCE, a->relevance);
    answers_set(out, ANSWER_FRAME_WHY, a->frame_why);
    answers_set(out, ANSWER_COMMENT, a->comment);
    if (!isnan(a->bpm)) set_number(out, ANSWER_BPM, a->bpm);
    if (a->frame_position >= 0) set_number(out, ANSWER_FRAME, (double)a->frame_position);
    for (size_t i = 0; i < a->term_count; i++)
        add_term(out, &a->terms[i]);
}

typedef struct Terms {
    Arena *arena;
    AnnotationTerm *items;
    size_t count, capacity;
    const char *field;
} Terms;

static void take_term(void *ctx, const char *term, const char *role)
{
    Terms *t = ctx;
    mel_grow(&t->items, &t->capacity, t->count + 1, sizeof *t->items);
    t->items[t->count++] = (AnnotationTerm){.field = t->field,
                                            .term = mel_arena_strdup(t->arena, term),
                                            .role = mel_arena_strdup(t->arena, role)};
}

static const char *kept(const Answers *answers, AnswerField field, Arena *arena)
{
    return mel_arena_strdup(arena, answers->values[field]);
}

void answers_to_annotation(const Answers *answers, Arena *arena, Annotation *out)
{
    Terms terms = {.arena = arena};
    const char *bpm = answers->values[ANSWER_BPM], *frame = answers->values[ANSWER_FRAME];
    out->genre = kept(answers, ANSWER_GENRE, arena);
    out->tempo = kept(answers, ANSWER_TEMPO, arena);
    out->dissonance = kept(answers, ANSWER_DISSONANCE, arena);
    out->metre = kept(answers, ANSWER_METRE, arena);
    out->feel = kept(answers, ANSWER_FEEL, arena);
    out->text = kept(answers, ANSWER_TEXT, arena);
    out->relevance = kept(answers, ANSWER_RELEVANCE, arena);
    out->frame_why = kept(answers, ANSWER_FRAME_WHY, arena);
    out->comment = kept(answers, ANSWER_COMMENT, arena);
    out->bpm = bpm ? strtod(bpm, NULL) : NAN;
    out->frame_position = frame ? strtoll(frame, NULL, 10) : -1;
    for (int i = 0; i < ANSWER_FIELDS; i++) {
        terms.field = defs[i].name;
        if (defs[i].kind == ANSWER_SET) answer_set_each(answers->values[i], take_term, &terms);
    }
    AnnotationTerm *all = mel_arena_alloc(arena, terms.count * sizeof *all + 1);
    if (terms.count) memcpy(all, terms.items, terms.count * sizeof *all);
    free(terms.items);
    out->terms = all;
    out->term_count = terms.count;
}
