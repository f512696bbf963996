/* SPDX-License-Identifier: Apache-2.0
 *
 * The kappas and AC1: agreement on categories, corrected for chance in three ways. */
#include "base/base.h"
#include "curator/agreement_internal.h"

#include <math.h>
#include <stdlib.h>

/* ---- two raters ----------------------------------------------------------------------------- */

/* Units answered by both, by code; first[i] and second[i]. */
typedef struct BothAnswered {
    int *first, *second;
    int64_t count;
} BothAnswered;

static BothAnswered both_answered(const Coded *coded, int a, int b)
{
    BothAnswered both = {0};
    size_t room = ((size_t)coded->unit_count + 1) * sizeof *both.first;
    both.first = mel_alloc(room);
    both.second = mel_alloc(room);
    for (int64_t i = 0; i < coded->unit_count; i++) {
        const int *codes = agreement_codes_of(coded, coded->units[i]);
        if (codes[a] < 0 || codes[b] < 0) continue;
        both.first[both.count] = codes[a];
        both.second[both.count++] = codes[b];
    }
    return both;
}

/* Shares of disagreement, as seen and as the two raters' own frequencies would give. */
static void nominal_disagreement(const Coded *coded, const BothAnswered *both, double *seen,
                                 double *chance)
{
    double *first = mel_alloc(((size_t)coded->count + 1) * sizeof *first);
    double *second = mel_alloc(((size_t)coded->count + 1) * sizeof *second);
    double n = (double)both->count, same = 0, by_chance = 0;
    for (int64_t i = 0; i < both->count; i++) {
        first[both->first[i]]++;
        second[both->second[i]]++;
        same += both->first[i] == both->second[i];
    }
    for (int c = 0; c < coded->count; c++)
        by_chance += first[c] * second[c];
    *seen = 1 - same / n;
    *chance = 1 - by_chance / (n * n);
    free(first);
    free(second);
}

/* The mean square over all pairs of one rater's answers with the other's is the sum of the two
 * variances and the square of the difference of the means. */
static void quadratic_disagreement(const Coded *coded, const BothAnswered *both, double *seen,
                                   double *chance)
{
    double n = (double)both->count, mean_a = 0, mean_b = 0;
    *seen = *chance = 0;
    for (int64_t i = 0; i < both->count; i++) {
        mean_a += coded->values[both->first[i]] / n;
        mean_b += coded->values[both->second[i]] / n;
    }
    for (int64_t i = 0; i < both->count; i++) {
        double x = coded->values[both->first[i]], y = coded->values[both->second[i]];
        *seen += (x - y) * (x - y) / n;
        *chance += ((x - mean_a) * (x - mean_a) + (y - mean_b) * (y - mean_b)) / n;
    }
    *chance += (mean_a - mean_b) * (mean_a - mean_b);
}

AgreementResult mel_agreement_cohen(const AgreementTable *table, int a, int b, bool weighted)
{
    Coded coded = agreement_code(table);
    BothAnswered both = both_answered(&coded, a, b);
    double seen, chance;
    AgreementResult result = agreement_undefined(&coded, AGREEMENT_NOBODY);
    if (both.count) {
        if (weighted)
            quadratic_disagreement(&coded, &both, &seen, &chance);
        else
            nominal_disagreement(&coded, &both, &seen, &chance);
        result = chance > 0 ? agreement_defined(&coded, 1 - seen / chance)
                            : agreement_undefined(&coded, AGREEMENT_ONE_ANSWER);
    }
    result.units = both.count;
    result.raters = both.count ? 2 : 0;
    free(both.first);
    free(both.second);
    agreement_code_clear(&coded);
    return result;
}

/* ---- any number of raters ------------------------------------------------------------------- */

/* counts[code] of one unit. */
static void count_unit(const Coded *coded, int64_t unit, int *counts)
{
    const int *codes = agreement_codes_of(coded, unit);
    for (int c = 0; c < coded->count; c++)
        counts[c] = 0;
    for (int r = 0; r < coded->table->raters; r++)
        if (codes[r] >= 0) counts[codes[r]]++;
}

/* Mean over the units with two answers of the share of their pairs that agree. */
static double pair_agreement(const Coded *coded, int *counts)
{
    double sum = 0;
    for (int64_t i = 0; i < coded->unit_count; i++) {
        double same = 0, m = coded->answers[coded->units[i]];
        count_unit(coded, coded->units[i], counts);
        for (int c = 0; c < coded->count; c++)
            same += (double)counts[c] * (counts[c] - 1);
        sum += same / (m * (m - 1));
    }
    return sum / (double)coded->unit_count;
}

/* shares[code]: how common a value is, each unit counting once; over the units with at least
 * `answers_min` answers. */
static void value_shares(const Coded *coded, int answers_min, int *counts, double *shares)
{
    double units = 0;
    for (int64_t u = 0; u < coded->table->units; u++) {
        if (coded->answers[u] < answers_min) continue;
        count_unit(coded, u, counts);
        for (int c = 0; c < coded->count; c++)
            shares[c] += (double)counts[c] / coded->answers[u];
        units++;
    }
    for (int c = 0; c < coded->count; c++)
        shares[c] /= units;
}

static bool same_number_of_answers(const Coded *coded)
{
    for (int64_t i = 1; i < coded->unit_count; i++)
        if (coded->answers[coded->units[i]] != coded->answers[coded->units[0]]) return false;
    return true;
}

static AgreementResult beyond_chance(const Coded *coded, double seen, double chance)
{
    if (1 - chance < 1e-12) return agreement_undefined(coded, AGREEMENT_ONE_ANSWER);
    return agreement_defined(coded, (seen - chance) / (1 - chance));
}

AgreementResult mel_agreement_fleiss(const AgreementTable *table)
{
    Coded coded = agreement_code(table);
    int *counts = mel_alloc(((size_t)coded.count + 1) * sizeof *counts);
    double *shares = mel_alloc(((size_t)coded.count + 1) * sizeof *shares), chance = 0;
    AgreementResult result = agreement_undefined(&coded, AGREEMENT_NOBODY);
    if (coded.unit_count && !same_number_of_answers(&coded)) {
        result = agreement_undefined(
            &coded, "Fleiss' kappa wants the same number of answers to everything");
    } else if (coded.unit_count) {
        value_shares(&coded, 2, counts, shares);
        for (int c = 0; c < coded.count; c++)
            chance += shares[c] * shares[c];
        result = beyond_chance(&coded, pair_agreement(&coded, counts), chance);
    }
    free(counts);
    free(shares);
    agreement_code_clear(&coded);
    return result;
}

AgreementResult mel_agreement_ac1(const AgreementTable *table, int categories)
{
    Coded coded = agreement_code(table);
    int *counts = mel_alloc(((size_t)coded.count + 1) * sizeof *counts);
    double *shares = mel_alloc(((size_t)coded.count + 1) * sizeof *shares), chance = 0;
    int possible = categories > coded.count ? categories : coded.count;
    AgreementResult result = agreement_undefined(&coded, AGREEMENT_NOBODY);
    if (coded.unit_count && possible < 2) {
        result = agreement_undefined(&coded, AGREEMENT_ONE_ANSWER);
    } else if (coded.unit_count) {
        value_shares(&coded, 1, counts, shares);
        for (int c = 0; c < coded.count; c++)
            chance += shares[c] * (1 - shares[c]) / (possible - 1);
        result = beyond_chance(&coded, pair_agreement(&coded, counts), chance);
    }
    free(counts);
    free(shares);
    agreement_code_clear(&coded);
    return result;
}
