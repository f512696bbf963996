/* SPDX-License-Identifier: Apache-2.0
 *
 * Between agreement.c and agreement_kappa.c: the table with its values numbered. */
#ifndef MEL_CURATOR_AGREEMENT_INTERNAL_H
#define MEL_CURATOR_AGREEMENT_INTERNAL_H

#include "curator/agreement.h"

#include <stddef.h>

#define N_(text) text /* for gettext */
#define AGREEMENT_NOBODY N_("nothing was answered by two people")
#define AGREEMENT_ONE_ANSWER                                                                       \
    N_("everybody gave one and the same answer, so agreement cannot be told from chance")

typedef struct Coded {
    const AgreementTable *table;
    double *values; /* the different ones, ascending */
    int count;
    int *codes;     /* [units, raters]: which value; -1 = no answer */
    int *answers;   /* of each unit */
    int64_t *units; /* those with two answers or more */
    int64_t unit_count;
    int raters; /* who answered one of those */
} Coded;

Coded agreement_code(const AgreementTable *table);
void agreement_code_clear(Coded *coded);

static inline const int *agreement_codes_of(const Coded *coded, int64_t unit)
{
    return coded->codes + (size_t)unit * (size_t)coded->table->raters;
}

AgreementResult agreement_undefined(const Coded *coded, const char *reason);
AgreementResult agreement_defined(const Coded *coded, double value);

#endif
