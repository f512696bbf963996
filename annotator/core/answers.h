/* SPDX-License-Identifier: Apache-2.0
 *
 * What one person says of one clip while it is being said: a text a field, NULL for what is not
 * answered. Everything that edits, undoes and compares sees fields alike; the store's Annotation
 * has them apart. */
#ifndef MEL_ANNOTATOR_ANSWERS_H
#define MEL_ANNOTATOR_ANSWERS_H

#include "db/db.h"

typedef enum AnswerField {
    ANSWER_GENRE,
    ANSWER_GENRES, /* secondary ones */
    ANSWER_MOODS,
    ANSWER_TEMPO,
    ANSWER_BPM,
    ANSWER_VOICES,
    ANSWER_INSTRUMENTS,
    ANSWER_DISSONANCE,
    ANSWER_METRE,
    ANSWER_FEEL,
    ANSWER_TEXT,
    ANSWER_RELEVANCE,
    ANSWER_FRAME,
    ANSWER_FRAME_WHY,
    ANSWER_ASPECTS, /* free words: "cannot tell: metre", "not listed: instrument: saw" */
    ANSWER_COMMENT,
} AnswerField;
enum { ANSWER_FIELDS = ANSWER_COMMENT + 1 };

typedef enum AnswerKind {
    ANSWER_ONE,    /* a term's id */
    ANSWER_SET,    /* terms, one a line, in the order of choosing; "piano/lead" with a role */
    ANSWER_NUMBER, /* written as "%.10g" */
    ANSWER_WORDS,  /* free text */
} AnswerKind;

typedef struct AnswerDef {
    const char *name;       /* as annotations name it: "mood" */
    const char *vocabulary; /* whose terms; NULL for numbers and words */
    AnswerKind kind;
} AnswerDef;

const AnswerDef *answer_def(AnswerField field);

typedef struct Answers {
    char *values[ANSWER_FIELDS];
} Answers;

void answers_clear(Answers *answers); /* {0} is fine */
void answers_copy(Answers *to, const Answers *from);
bool answers_equal(const Answers *a, const Answers *b);

/* value: copied; NULL and "" take the answer away. */
void answers_set(Answers *answers, AnswerField field, const char *value);

void answers_from_annotation(const Annotation *annotation, Answers *out);

/* Fills the fields of what was said, and no other; texts live in the arena. */
void answers_to_annotation(const Answers *answers, Arena *arena, Annotation *out);

/* ---- sets ---- */

/* Whether the set has the term; *role (may be NULL) gets "" or the role, yours to free. */
bool answer_set_has(const char *set, const char *term, char **role);

/* The set with the term (and role, "" for none), or with another role, or without it (role NULL);
 * yours to free, NULL when nothing is left. */
char *answer_set_with(const char *set, const char *term, const char *role);

/* Calls fn for each member. */
void answer_set_each(const char *set, void (*fn)(void *ctx, const char *term, const char *role),
                     void *ctx);

#endif
