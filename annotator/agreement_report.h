/* SPDX-License-Identifier: Apache-2.0
 *
 * All that the agreement window tells, computed at once: the numbers of 'mel agree', from the same
 * functions. Without a display, for any one thread. */
#ifndef MEL_ANNOTATOR_AGREEMENT_REPORT_H
#define MEL_ANNOTATOR_AGREEMENT_REPORT_H

#include "curator/curator.h"
#include "db/db.h"

/* Of all that a person said; `rows` of every field with the rest, then with themselves. */
typedef struct AgreementPerson {
    const char *name;
    AgreePerson *rows;
    size_t count, capacity;
    double mean; /* of the alphas with the rest that are defined; NAN when none is */
    int alphas;
} AgreementPerson;

typedef struct AgreementReport {
    AgreeAnswers answers;
    AgreeRow rows[AGREE_FIELD_COUNT];
    double headline; /* mean of the alphas that are defined; NAN when none is */
    int alphas;
    int64_t shared_clips;
    AgreementPerson *people; /* [answers.people.count] */
} AgreementReport;

/* Reads the dataset in a folder by a connection of its own, read-only. */
MEL_MUST_CHECK bool agreement_report_new(const char *folder, const AgreementBootstrap *bootstrap,
                                         AgreementReport **out, Err *err);
void agreement_report_free(AgreementReport *report); /* NULL is fine */

#endif
