/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/agreement.h"

#include "base/base.h"
#include "curator/agreement_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MATRIX_VALUES_MAX = 512 /* 2 MiB of distances */, BOOTSTRAP_STREAM = 0xA9EE };

/* ---- distances ------------------------------------------------------------------------------ */

static double set_distance(const uint64_t *a, const uint64_t *b, int words, bool masi)
{
    int shared = 0, all = 0;
    uint64_t only_a = 0, only_b = 0;
    for (int i = 0; i < words; i++) {
        shared += __builtin_popcountll(a[i] & b[i]);
        all += __builtin_popcountll(a[i] | b[i]);
        only_a |= a[i] & ~b[i];
        only_b |= b[i] & ~a[i];
    }
    if (!only_a && !only_b) return 0;
    double jaccard = (double)shared / all;
    if (!masi) return 1 - jaccard;
    if (!only_a || !only_b) return 1 - jaccard * 2 / 3;
    return 1 - jaccard / 3;
}

/* What one alpha needs, over one table. */
struct AgreementScale {
    Coded coded;
    AgreementDistance distance;
    double *counts;   /* of each value, among the answers that have a partner; of the last sample */
    double *points;   /* interval: the values; ordinal: mid-ranks of the last sample */
    double *observed; /* of each unit of coded.units, where it does not depend on the sample */
    double *matrix;   /* [values, values] distances, when there are few enough */
    double *pull;     /* else the mean distance of each value from the whole table's answers, */
    double *shares;   /* how common each value is there */
    double mean;      /* and the mean distance of all of them */
    double chance;    /* disagreement expected of the whole table */
};

typedef struct AgreementScale Scale;

/* Krippendorff's squared difference of two values by their codes. */
static double squared(const Scale *s, int a, int b)
{
    const AgreementTable *t = s->coded.table;
    double x = s->coded.values[a], y = s->coded.values[b];
    if (a == b) return 0;
    switch (s->distance) {
    case AGREEMENT_NOMINAL:
        return 1;
    case AGREEMENT_ORDINAL:
    case AGREEMENT_INTERVAL:
        return (s->points[a] - s->points[b]) * (s->points[a] - s->points[b]);
    case AGREEMENT_RATIO:
        return (x - y) / (x + y) * ((x - y) / (x + y));
    case AGREEMENT_JACCARD:
    case AGREEMENT_MASI:
        break;
    }
    return set_distance(t->sets + (size_t)x * (size_t)t->words,
                        t->sets + (size_t)y * (size_t)t->words, t->words,
                        s->distance == AGREEMENT_MASI);
}

/* Sum over the unit's pairs, each answer counting once: 2 / (m - 1) a pair. */
static double unit_observed(const Scale *s, int64_t unit)
{
    const int *codes = agreement_codes_of(&s->coded, unit);
    double sum = 0;
    for (int i = 0; i < s->coded.table->raters; i++)
        for (int j = i + 1; codes[i] >= 0 && j < s->coded.table->raters; j++)
            if (codes[j] >= 0) sum += squared(s, codes[i], codes[j]);
    return 2 * sum / (s->coded.answers[unit] - 1);
}

/* ---- one sample ----------------------------------------------------------------------------- */

/* Counts the values of a sample: weights[i] times the unit coded.units[i]; NULL: each once. */
static double count_values(Scale *s, const int *weights)
{
    double n = 0;
    memset(s->counts, 0, ((size_t)s->coded.count + 1) * sizeof *s->counts);
    for (int64_t i = 0; i < s->coded.unit_count; i++) {
        const int *codes = agreement_codes_of(&s->coded, s->coded.units[i]);
        double weight = weights ? weights[i] : 1;
        for (int r = 0; r < s->coded.table->raters; r++)
            if (codes[r] >= 0) s->counts[codes[r]] += weight;
        n += weight * s->coded.answers[s->coded.units[i]];
    }
    return n;
}

/* Krippendorff's ordinal difference, the answers between two ranks with half of those at the ends,
 * is the difference of their mid-ranks. */
static void place_midranks(Scale *s)
{
    double below = 0;
    for (int c = 0; c < s->coded.count; c++) {
        s->points[c] = below + s->counts[c] / 2;
        below += s->counts[c];
    }
}

static double expected_by_variance(const Scale *s, double n)
{
    double mean = 0, sum = 0;
    for (int c = 0; c < s->coded.count; c++)
        mean += s->counts[c] / n * s->points[c];
    for (int c = 0; c < s->coded.count; c++)
        sum += s->counts[c] * (s->points[c] - mean) * (s->points[c] - mean);
    return 2 * n * sum;
}

static double expected_by_pairs(const Scale *s, double n)
{
    double sum = 0;
    int count = s->coded.count;
    if (s->shares && s->pull) { /* first order around the whole table's shares */
        for (int c = 0; c < count; c++)
            sum += (s->counts[c] / n - s->shares[c]) * s->pull[c];
        return (s->mean + 2 * sum) * n * n;
    }
    for (int c = 0; c < count; c++) {
        const double *row = s->matrix + (size_t)c * (size_t)count;
        double of_row = 0;
        for (int k = 0; s->counts[c] > 0 && k < count; k++)
            of_row += s->counts[k] * row[k];
        sum += s->counts[c] * of_row;
    }
    return sum;
}

/* Sum over all ordered pairs of the sample's answers. */
static double expected(const Scale *s, double n)
{
    double same = 0;
    switch (s->distance) {
    case AGREEMENT_NOMINAL:
        for (int c = 0; c < s->coded.count; c++)
            same += s->counts[c] * s->counts[c];
        return n * n - same;
    case AGREEMENT_ORDINAL:
    case AGREEMENT_INTERVAL:
        return expected_by_variance(s, n);
    default:
        return expected_by_pairs(s, n);
    }
}

/* Mean disagreement that chance would give; 0 when there is but one value. */
static double sample_expected(Scale *s, const int *weights, double *n_out)
{
    double n = count_values(s, weights);
    *n_out = n;
    if (s->distance == AGREEMENT_ORDINAL) place_midranks(s);
    int used = 0;
    for (int c = 0; c < s->coded.count; c++)
        used += s->counts[c] > 0;
    return used > 1 ? expected(s, n) / (n * (n - 1)) : 0;
}

static double sample_alpha(void *ctx, const int *weights)
{
    Scale *s = ctx;
    double n, chance = sample_expected(s, weights, &n), observed = 0;
    if (!(chance > 0)) return NAN;
    for (int64_t i = 0; i < s->coded.unit_count; i++) {
        double weight = weights ? weights[i] : 1;
        if (weight > 0)
            observed +=
                weight * (s->distance == AGREEMENT_ORDINAL ? unit_observed(s, s->coded.units[i])
                                                           : s->observed[i]);
    }
    return 1 - observed / n / chance;
}

/* ---- a scale -------------------------------------------------------------------------------- */

/* Every distance once; what there is no room to keep is summed up. */
static void measure_pairs(Scale *s)
{
    size_t count = (size_t)s->coded.count;
    double n = fmax(count_values(s, NULL), 1);
    if (count <= MATRIX_VALUES_MAX) {
        s->matrix = mel_alloc((count * count + 1) * sizeof *s->matrix);
        for (size_t c = 0; c < count; c++)
            for (size_t k = 0; k < count; k++)
                s->matrix[c * count + k] = squared(s, (int)c, (int)k);
        return;
    }
    s->pull = mel_alloc(count * sizeof *s->pull);
    s->shares = mel_alloc(count * sizeof *s->shares);
    for (size_t c = 0; c < count; c++)
        s->shares[c] = s->counts[c] / n;
    for (size_t c = 0; c < count; c++)
        for (size_t k = 0; s->counts[c] > 0 && k < c; k++) {
            if (!(s->counts[k] > 0)) continue;
            double apart = squared(s, (int)c, (int)k);
            s->pull[c] += s->shares[k] * apart;
            s->pull[k] += s->shares[c] * apart;
        }
    for (size_t c = 0; c < count; c++)
        s->mean += s->shares[c] * s->pull[c];
}

AgreementScale *mel_agreement_scale_new(const AgreementTable *table, AgreementDistance distance)
{
    Scale *s = mel_alloc(sizeof *s);
    double n;
    *s = (Scale){.coded = agreement_code(table), .distance = distance};
    size_t count = (size_t)s->coded.count + 1;
    MEL_ASSERT(distance < AGREEMENT_JACCARD || table->words > 0 || s->coded.count == 0);
    s->counts = mel_alloc(count * sizeof *s->counts);
    s->points = mel_alloc(count * sizeof *s->points);
    memcpy(s->points, s->coded.values, (count - 1) * sizeof *s->points);
    s->observed = mel_alloc(((size_t)s->coded.unit_count + 1) * sizeof *s->observed);
    for (int64_t i = 0; distance != AGREEMENT_ORDINAL && i < s->coded.unit_count; i++)
        s->observed[i] = unit_observed(s, s->coded.units[i]);
    if (distance >= AGREEMENT_RATIO) measure_pairs(s);
    s->chance = sample_expected(s, NULL, &n);
    return s;
}

void mel_agreement_scale_free(AgreementScale *s)
{
    if (!s) return;
    agreement_code_clear(&s->coded);
    free(s->counts);
    free(s->points);
    free(s->observed);
    free(s->matrix);
    free(s->pull);
    free(s->shares);
    free(s);
}

/* ---- bootstrap ------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double share)
{
    double at = share * (n - 1);
    int low = (int)at;
    return low + 1 < n ? sorted[low] + (at - low) * (sorted[low + 1] - sorted[low]) : sorted[low];
}

/* Draws in which the statistic is not defined are left out; when they are the half, so is the
 * interval. statistic(ctx, weights): NAN when not defined. */
static void add_interval(AgreementResult *result, const AgreementBootstrap *bootstrap,
                         double (*statistic)(void *ctx, const int *weights), void *ctx)
{
    int64_t units = result->units;
    if (!bootstrap || bootstrap->draws < 1 || !result->defined || units < 2) return;
    double *values = mel_alloc((size_t)bootstrap->draws * sizeof *values);
    int *weights = mel_alloc((size_t)units * sizeof *weights), n = 0;
    Rng rng = {.seed = bootstrap->seed, .stream = BOOTSTRAP_STREAM};
    for (int draw = 0; draw < bootstrap->draws; draw++) {
        memset(weights, 0, (size_t)units * sizeof *weights);
        for (int64_t i = 0; i < units; i++)
            weights[mel_rng_int(&rng, (int)units)]++;
        double value = statistic(ctx, weights);
        if (isfinite(value)) values[n++] = value;
    }
    if (2 * n > bootstrap->draws) {
        qsort(values, (size_t)n, sizeof *values, by_value);
        result->has_interval = true;
        result->low = quantile(values, n, 0.025);
        result->high = quantile(values, n, 0.975);
    }
    free(values);
    free(weights);
}

/* ---- alpha ---------------------------------------------------------------------------------- */

AgreementResult mel_agreement_alpha(const AgreementTable *table, AgreementDistance distance,
                                    const AgreementBootstrap *bootstrap)
{
    Scale *s = mel_agreement_scale_new(table, distance);
    AgreementResult result = agreement_undefined(&s->coded, AGREEMENT_NOBODY);
    if (s->coded.unit_count) {
        double alpha = sample_alpha(s, NULL);
        result = isnan(alpha) ? agreement_undefined(&s->coded, AGREEMENT_ONE_ANSWER)
                              : agreement_defined(&s->coded, alpha);
        add_interval(&result, bootstrap, sample_alpha, s);
    }
    mel_agreement_scale_free(s);
    return result;
}

/* Mean disagreement of one rater with the others who answered the unit; NAN when there is none. */
static double from_the_others(const Scale *s, int64_t unit, int rater)
{
    const int *codes = agreement_codes_of(&s->coded, unit);
    double sum = 0;
    if (codes[rater] < 0) return NAN;
    for (int r = 0; r < s->coded.table->raters; r++)
        if (r != rater && codes[r] >= 0) sum += squared(s, codes[rater], codes[r]);
    return sum / (s->coded.answers[unit] - 1);
}

/* What a rater's numbers, summed over units, come to. */
static AgreementResult of_one_rater(double value, int64_t units, bool told_from_chance)
{
    const char *reason = units ? AGREEMENT_ONE_ANSWER : AGREEMENT_NOBODY;
    bool defined = units && told_from_chance;
    return (AgreementResult){.defined = defined,
                             .value = defined ? value : NAN,
                             .reason = defined ? NULL : reason,
                             .units = units};
}

AgreementResult mel_agreement_of_rater(const AgreementScale *scale, int rater, const bool *among)
{
    double sum = 0;
    int64_t units = 0;
    for (int64_t i = 0; i < scale->coded.unit_count; i++) {
        int64_t unit = scale->coded.units[i];
        double apart = !among || among[unit] ? from_the_others(scale, unit, rater) : NAN;
        if (isnan(apart)) continue;
        sum += apart;
        units++;
    }
    return of_one_rater(1 - sum / (double)units / scale->chance, units, scale->chance > 0);
}

/* ---- shares --------------------------------------------------------------------------------- */

static bool within_factor(double ratio, double tolerance)
{
    return fmax(ratio, 1 / ratio) <= 1 + tolerance + 1e-9;
}

static bool meets(AgreementRule rule, double tolerance, double x, double y)
{
    switch (rule) {
    case AGREEMENT_EQUAL:
        return x == y;
    case AGREEMENT_WITHIN:
        return fabs(x - y) <= tolerance + 1e-9;
    case AGREEMENT_FACTOR:
        return within_factor(x / y, tolerance);
    case AGREEMENT_OCTAVE:
        return within_factor(x / y / 2, tolerance) || within_factor(y / x / 2, tolerance);
    }
    return false;
}

typedef struct Shares {
    double *of_units;
    int64_t count;
} Shares;

static double mean_share(void *ctx, const int *weights)
{
    const Shares *shares = ctx;
    double sum = 0, n = 0;
    for (int64_t i = 0; i < shares->count; i++) {
        double weight = weights ? weights[i] : 1;
        sum += weight * shares->of_units[i];
        n += weight;
    }
    return sum / n;
}

/* Of all pairs, or of those with one rater (-1: all); NAN when there is none. */
static double unit_share(const AgreementTable *table, int64_t unit, AgreementRule rule,
                         double tolerance, int rater)
{
    const double *values = table->values + unit * table->raters;
    int met = 0, pairs = 0;
    for (int i = 0; i < table->raters; i++)
        for (int j = i + 1; !isnan(values[i]) && j < table->raters; j++) {
            if (isnan(values[j]) || (rater >= 0 && rater != i && rater != j)) continue;
            met += meets(rule, tolerance, values[i], values[j]);
            pairs++;
        }
    return pairs ? (double)met / pairs : NAN;
}

AgreementResult mel_agreement_share(const AgreementTable *table, AgreementRule rule,
                                    double tolerance, const AgreementBootstrap *bootstrap)
{
    Coded coded = agreement_code(table);
    Shares shares = {.count = coded.unit_count};
    AgreementResult result = agreement_undefined(&coded, AGREEMENT_NOBODY);
    shares.of_units = mel_alloc(((size_t)shares.count + 1) * sizeof *shares.of_units);
    for (int64_t i = 0; i < shares.count; i++)
        shares.of_units[i] = unit_share(table, coded.units[i], rule, tolerance, -1);
    if (shares.count) result = agreement_defined(&coded, mean_share(&shares, NULL));
    add_interval(&result, bootstrap, mean_share, &shares);
    free(shares.of_units);
    agreement_code_clear(&coded);
    return result;
}

AgreementResult mel_agreement_share_of_rater(const AgreementTable *table, AgreementRule rule,
                                             double tolerance, int rater, const bool *among)
{
    double sum = 0;
    int64_t units = 0;
    for (int64_t unit = 0; unit < table->units; unit++) {
        bool asked = !among || among[unit];
        double share = asked ? unit_share(table, unit, rule, tolerance, rater) : NAN;
        if (isnan(share)) continue;
        sum += share;
        units++;
    }
    return of_one_rater(sum / (double)units, units, true);
}
