/* SPDX-License-Identifier: Apache-2.0
 *
 * Which terms of a field people agree on, and which they take for one another. */
#ifndef MEL_CURATOR_AGREE_TERMS_H
#define MEL_CURATOR_AGREE_TERMS_H

#include "curator/agree_answers.h"

typedef struct AgreeTerm {
    const char *term;
    int64_t answers;            /* on shared clips, that name it */
    double share;               /* of the answers on shared clips */
    AgreementResult alpha, ac1; /* of naming it or not */
    const char *confused_with; /* one answer of a clip: what others of it say most often instead; */
    int64_t confused_pairs;    /* NULL and 0 where nobody does, and for sets */
} AgreeTerm;

/* Calls fn for each term of a field of terms or sets that is named on a shared clip, the commonest
 * first; for no other field. */
void mel_agree_each_term(const AgreeAnswers *answers, int field,
                         void (*fn)(void *ctx, const AgreeTerm *term), void *ctx);

#endif
