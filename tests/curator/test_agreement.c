/* SPDX-License-Identifier: Apache-2.0
 *
 * Agreement against published and hand-computed numbers, and what is not defined. */
#include "curator/agreement.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#define N NAN

/* Krippendorff's example: four observers, twelve units, by observer. */
static const double krippendorff[4][12] = {
    {1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N},
    {1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3},
    {N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N},
    {1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N},
};

static AgreementTable krippendorff_table(double values[48])
{
    for (int unit = 0; unit < 12; unit++)
        for (int rater = 0; rater < 4; rater++)
            values[unit * 4 + rater] = krippendorff[rater][unit];
    return (AgreementTable){.units = 12, .raters = 4, .values = values};
}

static double alpha(const AgreementTable *table, AgreementDistance distance)
{
    AgreementResult result = mel_agreement_alpha(table, distance, NULL);
    if (!result.defined) fail_msg("alpha is not defined: %s", result.reason);
    assert_null(result.reason);
    return result.value;
}

static AgreementResult of_rater(const AgreementTable *table, AgreementDistance distance, int rater,
                                const bool *among)
{
    AgreementScale *scale = mel_agreement_scale_new(table, distance);
    AgreementResult result = mel_agreement_of_rater(scale, rater, among);
    mel_agreement_scale_free(scale);
    return result;
}

static void not_defined(AgreementResult result, const char *words)
{
    assert_false(result.defined);
    assert_false(result.has_interval);
    assert_true(isnan(result.value));
    assert_non_null(result.reason);
    if (!strstr(result.reason, words)) fail_msg("'%s' has no '%s'", result.reason, words);
}

/* ---- alpha ---------------------------------------------------------------------------------- */

static void alpha_of_krippendorffs_example_is_the_published_one(void **state)
{
    (void)state;
    double values[48];
    AgreementTable table = krippendorff_table(values);
    CHECK_NEAR(alpha(&table, AGREEMENT_NOMINAL), 0.743421, 1e-6);
    CHECK_NEAR(alpha(&table, AGREEMENT_ORDINAL), 0.815388, 1e-6);
    CHECK_NEAR(alpha(&table, AGREEMENT_INTERVAL), 0.849107, 1e-6);
    CHECK_NEAR(alpha(&table, AGREEMENT_RATIO), 0.797403, 1e-6);
    AgreementResult result = mel_agreement_alpha(&table, AGREEMENT_NOMINAL, NULL);
    assert_int_equal(result.units, 11); /* one has a single answer */
    assert_int_equal(result.raters, 4);
}

/* Two coders, eleven items, sets of labels l1 … l4 as bits (stats.stackexchange.com 407453). */
static const uint64_t label_sets[6] = {0x1, 0x3, 0x4, 0x5, 0x8, 0x7};
static const double label_numbers[22] = {1, 0, 1, 1, 0, 0, 2, 2, 2, 3, 4,
                                         4, 6, 4, 1, 0, 1, 5, 0, 0, 0, 0};

static void alpha_of_sets_is_that_of_the_known_example(void **state)
{
    (void)state;
    uint64_t sets[7 * 2] = {0};
    for (int i = 0; i < 6; i++)
        sets[i * 2 + 1] = label_sets[i]; /* two words a set, the first one empty */
    sets[6 * 2 + 1] = 0x2;
    const AgreementTable table = {
        .units = 11, .raters = 2, .values = label_numbers, .sets = sets, .words = 2};
    CHECK_NEAR(alpha(&table, AGREEMENT_MASI), 0.540356, 1e-6);
    CHECK_NEAR(alpha(&table, AGREEMENT_JACCARD), 0.601563, 1e-6);
    CHECK_NEAR(alpha(&table, AGREEMENT_NOMINAL), 0.438503, 1e-6);
}

static void empty_sets_agree_with_each_other_only(void **state)
{
    (void)state;
    const uint64_t sets[] = {0, 1};
    const double values[] = {0, 0, 1, 1, 0, 1};
    const AgreementTable table = {
        .units = 3, .raters = 2, .values = values, .sets = sets, .words = 1};
    /* two of six answers differ; n = 6: 1 - (2 / 6) / (2 * 3 * 3 / 30) */
    CHECK_NEAR(alpha(&table, AGREEMENT_MASI), 1 - 1.0 / 3 / 0.6, 1e-12);
    CHECK_NEAR(alpha(&table, AGREEMENT_JACCARD), 1 - 1.0 / 3 / 0.6, 1e-12);
}

static void alpha_is_one_when_all_agree_and_below_zero_when_none_does(void **state)
{
    (void)state;
    const double same[] = {1, 1, 2, 2, 3, 3}, apart[] = {1, 2, 2, 1, 1, 2};
    AgreementTable table = {.units = 3, .raters = 2, .values = same};
    for (AgreementDistance d = AGREEMENT_NOMINAL; d <= AGREEMENT_RATIO; d++)
        CHECK_NEAR(alpha(&table, d), 1, 1e-12);
    table.values = apart;
    /* observed 1, expected 2 * 3 * 3 / (6 * 5) */
    CHECK_NEAR(alpha(&table, AGREEMENT_NOMINAL), 1 - 1 / 0.6, 1e-12);
}

static void what_is_not_defined_says_why(void **state)
{
    (void)state;
    const AgreementBootstrap draws = {.draws = 100, .seed = 1};
    const double alone[] = {1, N, N, 2, N, N}, one[] = {7, 7, 7, 7, 7, N};
    AgreementTable table = {.units = 3, .raters = 2, .values = alone};
    for (AgreementDistance d = AGREEMENT_NOMINAL; d <= AGREEMENT_RATIO; d++)
        not_defined(mel_agreement_alpha(&table, d, &draws), "two people");
    not_defined(mel_agreement_share(&table, AGREEMENT_EQUAL, 0, &draws), "two people");
    not_defined(mel_agreement_cohen(&table, 0, 1, false), "two people");
    not_defined(mel_agreement_cohen(&table, 0, 1, true), "two people");
    not_defined(mel_agreement_fleiss(&table), "two people");
    not_defined(mel_agreement_ac1(&table, 5), "two people");
    not_defined(of_rater(&table, AGREEMENT_NOMINAL, 0, NULL), "two people");
    table.values = one;
    for (AgreementDistance d = AGREEMENT_NOMINAL; d <= AGREEMENT_RATIO; d++)
        not_defined(mel_agreement_alpha(&table, d, &draws), "one and the same");
    not_defined(mel_agreement_cohen(&table, 0, 1, false), "one and the same");
    not_defined(mel_agreement_cohen(&table, 0, 1, true), "one and the same");
    not_defined(mel_agreement_fleiss(&table), "one and the same");
    not_defined(mel_agreement_ac1(&table, 0), "one and the same");
    not_defined(of_rater(&table, AGREEMENT_NOMINAL, 0, NULL), "one and the same");
    table.units = 0;
    not_defined(mel_agreement_alpha(&table, AGREEMENT_RATIO, &draws), "two people");
}

/* ---- kappas --------------------------------------------------------------------------------- */

/* counts[a][b] units where the first said a and the second b. */
static AgreementTable two_by_two(double *values, const int counts[2][2])
{
    int64_t units = 0;
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++)
            for (int i = 0; i < counts[a][b]; i++, units++) {
                values[units * 2] = a;
                values[units * 2 + 1] = b;
            }
    return (AgreementTable){.units = units, .raters = 2, .values = values};
}

static void cohens_kappa_is_that_by_hand(void **state)
{
    (void)state;
    double values[100];
    /* seen 35 / 50; chance 25 / 50 * 30 / 50 + 25 / 50 * 20 / 50 = 0.5 */
    AgreementTable table = two_by_two(values, (const int[2][2]){
                                                  {20, 5 },
                                                  {10, 15}
    });
    AgreementResult result = mel_agreement_cohen(&table, 0, 1, false);
    assert_true(result.defined);
    assert_int_equal(result.units, 50);
    CHECK_NEAR(result.value, 0.4, 1e-12);
    CHECK_NEAR(mel_agreement_cohen(&table, 1, 0, false).value, 0.4, 1e-12);
    /* of two categories the weights change nothing */
    CHECK_NEAR(mel_agreement_cohen(&table, 0, 1, true).value, 0.4, 1e-12);
}

static void the_weighted_kappa_is_that_by_hand(void **state)
{
    (void)state;
    /* squares 0, 1, 4, 0: mean 5 / 4. All sixteen pairs of {1, 2, 1, 3} and {1, 3, 3, 3}:
     * (0 + 1 + 0 + 4) + 3 * (4 + 1 + 4 + 0) = 32, mean 2 */
    const double values[] = {1, 1, 2, 3, 1, 3, 3, 3, N, 2};
    const AgreementTable table = {.units = 5, .raters = 2, .values = values};
    AgreementResult result = mel_agreement_cohen(&table, 0, 1, true);
    assert_true(result.defined);
    assert_int_equal(result.units, 4);
    CHECK_NEAR(result.value, 1 - 1.25 / 2, 1e-12);
}

static void one_rater_with_a_single_category_is_no_better_than_chance(void **state)
{
    (void)state;
    double values[20];
    AgreementTable table = two_by_two(values, (const int[2][2]){
                                                  {6, 4},
                                                  {0, 0}
    });
    AgreementResult result = mel_agreement_cohen(&table, 0, 1, false);
    assert_true(result.defined);
    CHECK_NEAR(result.value, 0, 1e-12);
}

/* rows[unit][category] answers. */
static AgreementTable from_counts(double *values, int units, int raters, const int (*rows)[5])
{
    for (int u = 0; u < units; u++) {
        double *to = values + (size_t)u * (size_t)raters;
        for (int c = 0; c < 5; c++)
            for (int i = 0; i < rows[u][c]; i++)
                *to++ = c;
    }
    return (AgreementTable){.units = units, .raters = raters, .values = values};
}

/* Fleiss 1971, table 1: six psychiatrists, thirty patients, five diagnoses. */
static const int diagnoses[30][5] = {
    {0, 0, 0, 6, 0},
    {0, 3, 0, 0, 3},
    {0, 1, 4, 0, 1},
    {0, 0, 0, 0, 6},
    {0, 3, 0, 3, 0},
    {2, 0, 4, 0, 0},
    {0, 0, 4, 0, 2},
    {2, 0, 3, 1, 0},
    {2, 0, 0, 4, 0},
    {0, 0, 0, 0, 6},
    {1, 0, 0, 5, 0},
    {1, 1, 0, 4, 0},
    {0, 3, 3, 0, 0},
    {1, 0, 0, 5, 0},
    {0, 2, 0, 3, 1},
    {0, 0, 5, 0, 1},
    {3, 0, 0, 1, 2},
    {5, 1, 0, 0, 0},
    {0, 2, 0, 4, 0},
    {1, 0, 2, 0, 3},
    {0, 0, 0, 0, 6},
    {0, 1, 0, 5, 0},
    {0, 2, 0, 1, 3},
    {2, 0, 0, 4, 0},
    {1, 0, 0, 4, 1},
    {0, 5, 0, 1, 0},
    {4, 0, 0, 0, 2},
    {0, 2, 0, 4, 0},
    {1, 0, 5, 0, 0},
    {0, 0, 0, 0, 6},
};

static void fleiss_kappa_of_his_psychiatrists_is_his(void **state)
{
    (void)state;
    double values[180];
    AgreementTable table = from_counts(values, 30, 6, diagnoses);
    AgreementResult result = mel_agreement_fleiss(&table);
    assert_true(result.defined);
    CHECK_NEAR(result.value, 0.430245, 1e-6);
    CHECK_NEAR(mel_agreement_share(&table, AGREEMENT_EQUAL, 0, NULL).value, 5.0 / 9, 1e-12);
}

static void fleiss_kappa_leaves_single_answers_out_and_wants_equal_numbers(void **state)
{
    (void)state;
    double values[3 * 3] = {1, 1, 2, N, 2, N, 2, 2, 2};
    const AgreementTable table = {.units = 3, .raters = 3, .values = values};
    AgreementResult result = mel_agreement_fleiss(&table);
    assert_true(result.defined); /* pairs (1/3 + 1) / 2; chance (1/3)^2 + (2/3)^2 */
    CHECK_NEAR(result.value, (2.0 / 3 - 5.0 / 9) / (4.0 / 9), 1e-12);
    values[8] = N;
    not_defined(mel_agreement_fleiss(&table), "same number of answers");
}

static void ac1_is_not_pulled_down_by_skewed_answers(void **state)
{
    (void)state;
    double values[250];
    AgreementTable table = two_by_two(values, (const int[2][2]){
                                                  {118, 5},
                                                  {2,   0}
    });
    /* seen 118 / 125; the first category has 243 of 250: chance 2 * 0.972 * 0.028 */
    double seen = 118.0 / 125, common = (123.0 + 120.0) / 250, chance = 2 * common * (1 - common);
    CHECK_NEAR(mel_agreement_ac1(&table, 0).value, (seen - chance) / (1 - chance), 1e-12);
    assert_true(mel_agreement_cohen(&table, 0, 1, false).value < 0);
    /* with three categories in all, chance is halved */
    CHECK_NEAR(mel_agreement_ac1(&table, 3).value, (seen - chance / 2) / (1 - chance / 2), 1e-12);
}

static void ac1_counts_single_answers_for_how_common_a_category_is(void **state)
{
    (void)state;
    const double values[] = {0, 0, 1, 0, 1, N};
    const AgreementTable table = {.units = 3, .raters = 2, .values = values};
    /* shares of category 0: (1 + 1/2 + 0) / 3 = 1/2; chance 1/2; seen 1/2 */
    CHECK_NEAR(mel_agreement_ac1(&table, 0).value, 0, 1e-12);
}

/* ---- shares --------------------------------------------------------------------------------- */

static void beats_agree_within_a_factor_and_apart_by_an_octave(void **state)
{
    (void)state;
    const double values[] = {100, 104, 100, 105, 60, 120, 124, 60, 90, N, 100, 100};
    const AgreementTable table = {.units = 6, .raters = 2, .values = values};
    CHECK_NEAR(mel_agreement_share(&table, AGREEMENT_FACTOR, 0.04, NULL).value, 2.0 / 5, 1e-12);
    CHECK_NEAR(mel_agreement_share(&table, AGREEMENT_OCTAVE, 0.04, NULL).value, 2.0 / 5, 1e-12);
    CHECK_NEAR(mel_agreement_share(&table, AGREEMENT_EQUAL, 0, NULL).value, 1.0 / 5, 1e-12);
    assert_int_equal(mel_agreement_share(&table, AGREEMENT_FACTOR, 0.04, NULL).units, 5);
}

static void a_unit_counts_once_however_many_answered_it(void **state)
{
    (void)state;
    const double values[] = {1.0, 1.4, 1.5, 7.0, 2.0, 9.0, N, N};
    const AgreementTable table = {.units = 2, .raters = 4, .values = values};
    /* three of six pairs within half a second, and none of one */
    CHECK_NEAR(mel_agreement_share(&table, AGREEMENT_WITHIN, 0.5, NULL).value, 0.25, 1e-12);
}

/* ---- one rater ------------------------------------------------------------------------------ */

static void the_odd_one_out_agrees_least_with_the_rest(void **state)
{
    (void)state;
    const double values[] = {1, 1, 2, 2, 2, 1, 1, 1, 1, 2, 2, 1};
    const AgreementTable table = {.units = 4, .raters = 3, .values = values};
    double first = of_rater(&table, AGREEMENT_NOMINAL, 0, NULL).value;
    AgreementResult odd = of_rater(&table, AGREEMENT_NOMINAL, 2, NULL);
    double chance = 2.0 * 7 * 5 / (12 * 11); /* seven answers 1, five answers 2 */
    CHECK_NEAR(first, 1 - 3 * 0.5 / 4 / chance, 1e-12);
    CHECK_NEAR(odd.value, 1 - 3.0 / 4 / chance, 1e-12);
    const bool third[] = {false, false, true, false};
    odd = of_rater(&table, AGREEMENT_NOMINAL, 2, third);
    CHECK_NEAR(odd.value, 1, 1e-12);
    assert_int_equal(odd.units, 1);
    CHECK_NEAR(mel_agreement_share_of_rater(&table, AGREEMENT_EQUAL, 0, 0, NULL).value, 5.0 / 8,
               1e-12);
    CHECK_NEAR(mel_agreement_share_of_rater(&table, AGREEMENT_EQUAL, 0, 2, NULL).value, 1.0 / 4,
               1e-12);
    CHECK_NEAR(mel_agreement_share_of_rater(&table, AGREEMENT_EQUAL, 0, 2, third).value, 1, 1e-12);
    const bool none[4] = {false};
    not_defined(mel_agreement_share_of_rater(&table, AGREEMENT_EQUAL, 0, 2, none), "two people");
}

/* With two raters, either one's agreement is nearly the table's alpha, whatever the distance. */
static void of_two_raters_each_has_the_alpha_of_both(void **state)
{
    (void)state;
    double values[24];
    for (int u = 0; u < 12; u++) {
        values[u * 2] = 1 + u % 5;
        values[u * 2 + 1] = 1 + (u * 3) % 4;
    }
    const AgreementTable table = {.units = 12, .raters = 2, .values = values};
    for (AgreementDistance d = AGREEMENT_NOMINAL; d <= AGREEMENT_RATIO; d++)
        for (int rater = 0; rater < 2; rater++)
            CHECK_NEAR(of_rater(&table, d, rater, NULL).value, alpha(&table, d), 1e-12);
}

/* ---- bootstrap ------------------------------------------------------------------------------ */

/* `raters` people who each see the unit's true category with probability `skill`, else any. */
static AgreementTable simulate(double *values, int units, int raters, double skill, uint64_t seed)
{
    Rng rng = {.seed = seed};
    for (int u = 0; u < units; u++) {
        int truth = mel_rng_int(&rng, 4);
        for (int r = 0; r < raters; r++)
            values[u * raters + r] = mel_rng_uniform(&rng) < skill ? truth : mel_rng_int(&rng, 4);
    }
    return (AgreementTable){.units = units, .raters = raters, .values = values};
}

static void the_same_seed_gives_the_same_interval(void **state)
{
    (void)state;
    double values[120];
    AgreementTable table = simulate(values, 60, 2, 0.8, 5);
    const AgreementBootstrap first = {.draws = 300, .seed = 1}, second = {.draws = 300, .seed = 2};
    AgreementResult a = mel_agreement_alpha(&table, AGREEMENT_ORDINAL, &first);
    AgreementResult b = mel_agreement_alpha(&table, AGREEMENT_ORDINAL, &first);
    AgreementResult c = mel_agreement_alpha(&table, AGREEMENT_ORDINAL, &second);
    assert_true(a.has_interval && a.low < a.value && a.value < a.high);
    assert_true(a.low == b.low && a.high == b.high);
    assert_true(a.low != c.low || a.high != c.high);
}

/* The true alpha of two such people is skill squared; the interval must mostly hold it. */
static void the_interval_covers_the_truth_about_as_often_as_it_says(void **state)
{
    (void)state;
    enum { TRIALS = 200, UNITS = 80 };
    double values[UNITS * 2];
    int covered = 0;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        AgreementTable table = simulate(values, UNITS, 2, 0.8, 100 + trial);
        const AgreementBootstrap bootstrap = {.draws = 300, .seed = trial};
        AgreementResult result = mel_agreement_alpha(&table, AGREEMENT_NOMINAL, &bootstrap);
        covered += result.has_interval && result.low <= 0.64 && 0.64 <= result.high;
    }
    if (covered < TRIALS * 88 / 100 || covered == TRIALS)
        fail_msg("%d of %d intervals hold the truth", covered, TRIALS);
}

static void one_unit_has_no_interval(void **state)
{
    (void)state;
    const AgreementBootstrap bootstrap = {.draws = 100, .seed = 1};
    const double values[] = {1, 2, 3};
    const AgreementTable table = {.units = 1, .raters = 3, .values = values};
    AgreementResult result = mel_agreement_alpha(&table, AGREEMENT_NOMINAL, &bootstrap);
    assert_true(result.defined);
    assert_false(result.has_interval);
}

/* Above the size to which distances are kept, the first-order interval is close to one of the same
 * answers over few values; the value itself is exact. */
static void many_values_are_served_too(void **state)
{
    (void)state;
    enum { UNITS = 400 };
    static double fine[UNITS * 2], coarse[UNITS * 2];
    const AgreementBootstrap bootstrap = {.draws = 200, .seed = 3};
    Rng rng = {.seed = 9};
    for (int u = 0; u < UNITS; u++) {
        double base = mel_rng_range(&rng, 60, 180);
        for (int r = 0; r < 2; r++) {
            coarse[u * 2 + r] = round((base + 12 * mel_rng_normal(&rng)) / 2) * 2;
            fine[u * 2 + r] = coarse[u * 2 + r] + 1e-6 * (u * 2 + r);
        }
    }
    const AgreementTable few = {.units = UNITS, .raters = 2, .values = coarse};
    const AgreementTable many = {.units = UNITS, .raters = 2, .values = fine};
    AgreementResult a = mel_agreement_alpha(&few, AGREEMENT_RATIO, &bootstrap);
    AgreementResult b = mel_agreement_alpha(&many, AGREEMENT_RATIO, &bootstrap);
    CHECK_NEAR(a.value, b.value, 1e-4);
    assert_true(a.has_interval && b.has_interval);
    CHECK_NEAR(a.low, b.low, 0.004);
    CHECK_NEAR(a.high, b.high, 0.004);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_of_krippendorffs_example_is_the_published_one),
        cmocka_unit_test(alpha_of_sets_is_that_of_the_known_example),
        cmocka_unit_test(empty_sets_agree_with_each_other_only),
        cmocka_unit_test(alpha_is_one_when_all_agree_and_below_zero_when_none_does),
        cmocka_unit_test(what_is_not_defined_says_why),
        cmocka_unit_test(cohens_kappa_is_that_by_hand),
        cmocka_unit_test(the_weighted_kappa_is_that_by_hand),
        cmocka_unit_test(one_rater_with_a_single_category_is_no_better_than_chance),
        cmocka_unit_test(fleiss_kappa_of_his_psychiatrists_is_his),
        cmocka_unit_test(fleiss_kappa_leaves_single_answers_out_and_wants_equal_numbers),
        cmocka_unit_test(ac1_is_not_pulled_down_by_skewed_answers),
        cmocka_unit_test(ac1_counts_single_answers_for_how_common_a_category_is),
        cmocka_unit_test(beats_agree_within_a_factor_and_apart_by_an_octave),
        cmocka_unit_test(a_unit_counts_once_however_many_answered_it),
        cmocka_unit_test(the_odd_one_out_agrees_least_with_the_rest),
        cmocka_unit_test(of_two_raters_each_has_the_alpha_of_both),
        cmocka_unit_test(the_same_seed_gives_the_same_interval),
        cmocka_unit_test(the_interval_covers_the_truth_about_as_often_as_it_says),
        cmocka_unit_test(one_unit_has_no_interval),
        cmocka_unit_test(many_values_are_served_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
