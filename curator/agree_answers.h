/* SPDX-License-Identifier: Apache-2.0
 *
 * People's answers in memory, and as one table a field: what 'mel agree' and the annotator count.
 */
#ifndef MEL_CURATOR_AGREE_ANSWERS_H
#define MEL_CURATOR_AGREE_ANSWERS_H

#include "curator/agreement.h"
#include "db/db.h"

enum { AGREE_FIELD_COUNT = 12, AGREE_SET_WORDS = 4 };

typedef enum AgreeKind {
    AGREE_TERM, /* one of a vocabulary */
    AGREE_RANK, /* one of some that have an order; other terms count as no answer */
    AGREE_SET,
    AGREE_BPM,
    AGREE_FRAME,
} AgreeKind;

typedef struct AgreeField {
    const char *name, *about; /* "genre", "the genre" */
    AgreeKind kind;
    size_t offset;            /* terms and ranks: of the text in Annotation */
    const char *set;          /* sets: the field of the terms */
    const char *const *ranks; /* in order, NULL at the end */
} AgreeField;

/* field: 0 … AGREE_FIELD_COUNT - 1 */
const AgreeField *mel_agree_field(int field);

/* The number of a field; ERR_USAGE names the nearest one. */
MEL_MUST_CHECK bool mel_agree_field_find(const char *name, int *out, Err *err);

typedef struct AgreeAnswer {
    int64_t clip;
    int person;
    bool retest;
    char month[8];                    /* "2026-11" */
    double values[AGREE_FIELD_COUNT]; /* a code, a rank, a number; NAN = none; of a set 0 */
    uint64_t sets[AGREE_FIELD_COUNT][AGREE_SET_WORDS];
    double frame_s; /* when the chosen frame is; NAN = not known */
} AgreeAnswer;

/* Words by number; there are some dozens. */
typedef struct AgreeWords {
    const char **names;
    size_t count, capacity;
} AgreeWords;

typedef struct AgreeAnswers {
    Arena arena;
    AgreeAnswer *items; /* by clip */
    size_t count, capacity;
    int64_t clip_count;
    const char *last_clip;
    AgreeWords people, terms[AGREE_FIELD_COUNT];
    int categories[AGREE_FIELD_COUNT]; /* AGREE_TERM: that the vocabulary has now */
} AgreeAnswers;

/* Reads them; `where`: a condition over the view clips, or NULL. Clear what comes of it. */
MEL_MUST_CHECK bool mel_agree_gather(Db *db, const char *where, AgreeAnswers *out, Err *err);
void mel_agree_answers_clear(AgreeAnswers *answers); /* {0} is fine */

/* How many clips two people or more answered. */
int64_t mel_agree_shared_clips(const AgreeAnswers *answers);

/* A field's answers, a row a clip. */
typedef struct AgreeTable {
    AgreementTable table, times; /* times: of the frame, in seconds */
    bool timed;                  /* some time is known */
    double *values, *seconds;
    uint64_t *sets;
} AgreeTable;

/* person -1: a column a person, without retests. Else two columns: that person's answers and
 * retests. Clear it. */
AgreeTable mel_agree_table(const AgreeAnswers *answers, int field, int person);
void mel_agree_table_clear(AgreeTable *table);

#endif
