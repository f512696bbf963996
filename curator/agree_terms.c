/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/agree_terms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 1 for an answer that names the term, 0 for one that does not, NAN for none. */
static double names_term(const AgreementTable *table, double value, size_t term)
{
    if (isnan(value)) return NAN;
    if (!table->words) return value == (double)term;
    const uint64_t *set = table->sets + (size_t)value * (size_t)table->words;
    return (double)(set[term / 64] >> term % 64 & 1);
}

static int answers_of(const double *row, int raters)
{
    int answers = 0;
    for (int r = 0; r < raters; r++)
        answers += !isnan(row[r]);
    return answers;
}

/* Which other answer stands most often beside this one, pair by pair. */
static void find_confusion(const AgreeAnswers *all, int field, const AgreementTable *table,
                           size_t term, AgreeTerm *out)
{
    size_t count = all->terms[field].count;
    int64_t *beside = mel_alloc((count + 1) * sizeof *beside);
    for (int64_t u = 0; u < table->units; u++) {
        const double *row = table->values + u * table->raters;
        for (int a = 0; a < table->raters; a++)
            for (int b = 0; row[a] == (double)term && b < table->raters; b++)
                if (!isnan(row[b]) && row[b] != row[a]) beside[(size_t)row[b]]++;
    }
    for (size_t other = 0; other < count; other++) {
        if (beside[other] <= out->confused_pairs) continue;
        out->confused_with = all->terms[field].names[other];
        out->confused_pairs = beside[other];
    }
    free(beside);
}

static AgreeTerm measure(const AgreeAnswers *all, int field, const AgreementTable *table,
                         double *cells, size_t term)
{
    AgreeTerm out = {.term = all->terms[field].names[term]};
    AgreementTable binary = *table;
    int64_t total = 0;
    for (int64_t u = 0; u < table->units; u++) {
        const double *row = table->values + u * table->raters;
        bool shared = answers_of(row, table->raters) >= 2;
        for (int r = 0; r < table->raters; r++) {
            double named = names_term(table, row[r], term);
            cells[u * table->raters + r] = named;
            if (!shared || isnan(named)) continue;
            out.answers += named > 0;
            total++;
        }
    }
    binary.values = cells;
    binary.sets = NULL;
    binary.words = 0;
    out.share = total ? (double)out.answers / (double)total : NAN;
    out.alpha = mel_agreement_alpha(&binary, AGREEMENT_NOMINAL, NULL);
    out.ac1 = mel_agreement_ac1(&binary, 2);
    if (!table->words) find_confusion(all, field, table, term, &out);
    return out;
}

static int commonest_first(const void *a, const void *b)
{
    const AgreeTerm *x = a, *y = b;
    if (x->answers != y->answers) return x->answers < y->answers ? 1 : -1;
    return strcmp(x->term, y->term);
}

void mel_agree_each_term(const AgreeAnswers *answers, int field,
                         void (*fn)(void *ctx, const AgreeTerm *term), void *ctx)
{
    AgreeKind kind = mel_agree_field(field)->kind;
    if (kind != AGREE_TERM && kind != AGREE_SET) return;
    AgreeTable t = mel_agree_table(answers, field, -1);
    size_t count = answers->terms[field].count;
    size_t cells = (size_t)t.table.units * (size_t)t.table.raters;
    AgreeTerm *terms = mel_alloc((count + 1) * sizeof *terms);
    double *work = mel_alloc((cells + 1) * sizeof *work);
    for (size_t i = 0; i < count; i++)
        terms[i] = measure(answers, field, &t.table, work, i);
    qsort(terms, count, sizeof *terms, commonest_first);
    for (size_t i = 0; i < count && terms[i].answers; i++)
        fn(ctx, &terms[i]);
    free(work);
    free(terms);
    mel_agree_table_clear(&t);
}
