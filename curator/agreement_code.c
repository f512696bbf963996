/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers the different values of a table, once for all statistics. */
#include "base/base.h"
#include "curator/agreement_internal.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The different values, ascending, into coded->values. */
static void collect(Coded *coded, size_t cells)
{
    const double *given = coded->table->values;
    size_t n = 0;
    coded->values = mel_alloc((cells + 1) * sizeof *coded->values);
    for (size_t i = 0; i < cells; i++)
        if (!isnan(given[i])) coded->values[n++] = given[i];
    qsort(coded->values, n, sizeof *coded->values, by_value);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || coded->values[i] != coded->values[coded->count - 1])
            coded->values[coded->count++] = coded->values[i];
}

static int code_of(const Coded *coded, double value)
{
    const double *at = isnan(value) ? NULL
                                    : bsearch(&value, coded->values, (size_t)coded->count,
                                              sizeof *coded->values, by_value);
    return at ? (int)(at - coded->values) : -1;
}

static void note_raters(Coded *coded)
{
    for (int r = 0; r < coded->table->raters; r++)
        for (int64_t i = 0; i < coded->unit_count; i++)
            if (agreement_codes_of(coded, coded->units[i])[r] >= 0) {
                coded->raters++;
                break;
            }
}

Coded agreement_code(const AgreementTable *table)
{
    Coded coded = {.table = table};
    size_t raters = (size_t)table->raters, units = (size_t)table->units;
    collect(&coded, units * raters);
    coded.codes = mel_alloc((units * raters + 1) * sizeof *coded.codes);
    coded.answers = mel_alloc((units + 1) * sizeof *coded.answers);
    coded.units = mel_alloc((units + 1) * sizeof *coded.units);
    for (size_t u = 0; u < units; u++) {
        for (size_t i = u * raters; i < (u + 1) * raters; i++) {
            coded.codes[i] = code_of(&coded, table->values[i]);
            coded.answers[u] += coded.codes[i] >= 0;
        }
        if (coded.answers[u] >= 2) coded.units[coded.unit_count++] = (int64_t)u;
    }
    note_raters(&coded);
    return coded;
}

void agreement_code_clear(Coded *coded)
{
    free(coded->values);
    free(coded->codes);
    free(coded->answers);
    free(coded->units);
    *coded = (Coded){0};
}

AgreementResult agreement_undefined(const Coded *coded, const char *reason)
{
    return (AgreementResult){
        .value = NAN, .reason = reason, .units = coded->unit_count, .raters = coded->raters};
}

AgreementResult agreement_defined(const Coded *coded, double value)
{
    return (AgreementResult){
        .defined = true, .value = value, .units = coded->unit_count, .raters = coded->raters};
}
