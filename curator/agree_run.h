/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told of agreement: of each field the statistics that fit its type, and of each person the
 * agreement with the rest and with themselves. */
#ifndef MEL_CURATOR_AGREE_RUN_H
#define MEL_CURATOR_AGREE_RUN_H

#include "curator/agree_answers.h"

enum { AGREE_MORE_MAX = 4 };

typedef struct AgreeNumber {
    const char *statistic;
    AgreementResult result;
} AgreeNumber;

typedef struct AgreeRow {
    AgreeNumber main, more[AGREE_MORE_MAX];
    int field, more_count;
    bool is_alpha; /* the main number counts in the headline */
} AgreeRow;

/* The statistics of a field: the main one with its interval, unless there is no bootstrap; with
 * `more` the others too. */
AgreeRow mel_agree_row(const AgreeAnswers *answers, int field, const AgreementBootstrap *bootstrap,
                       bool more);

/* Mean of the alphas that are defined; NAN when none is. */
double mel_agree_headline(const AgreeRow *rows, int count, int *alphas);

/* "people mostly agree on the genre", in the person's language; the reason when there is no number.
 */
void mel_agree_sentence(const AgreeRow *row, Str *out);

/* One person and field. */
typedef struct AgreePerson {
    const char *person;
    int field;
    const char *month; /* "2026-11", of that person's answers; NULL: all of them */
    bool retest;       /* the person's answers against the same person's retests, else the rest's */
    AgreeNumber main, same;
} AgreePerson;

/* Calls fn for each person, field (-1: every one) and month that can be compared: first all
 * together, then month by month where there are several, then retests. */
void mel_agree_each_person(const AgreeAnswers *answers, int field,
                           void (*fn)(void *ctx, const AgreePerson *row), void *ctx);

#endif
