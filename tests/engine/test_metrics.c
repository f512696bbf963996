/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics beside what tests/parity/make_metrics.py computed from the same features. */
#include "engine/engine.h"
#include "engine/mt19937.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

typedef struct Expected {
    json_t *cases;
    float *numbers;
} Expected;

static Expected load(void)
{
    Err err = {0};
    size_t bytes;
    Expected e;
    e.cases = mel_json_load(MEL_TEST_DATA "/metrics/expected.json", 1 << 20, &err);
    assert_non_null(e.cases);
    CHECK_OK(mel_read_file(MEL_TEST_DATA "/metrics/features.f32", 1 << 20, (char **)&e.numbers,
                           &bytes, &err));
    return e;
}

static const float *rows(const Expected *e, const json_t *one, const char *key, int64_t *count,
                         int64_t *width)
{
    const json_t *array = json_object_get(one, key);
    *count = mel_json_i64(array, "rows", 0);
    *width = mel_json_i64(array, "width", 0);
    return e->numbers + mel_json_i64(array, "at", 0);
}

/* Within 1e-4 of the value, or of 1 for small ones. */
static void check_value(const json_t *one, const char *key, double got)
{
    double wanted = mel_json_f64(one, key, NAN);
    CHECK_NEAR(got, wanted, 1e-4 * fmax(1, fabs(wanted)));
}

static void check_case(const Expected *e, const json_t *one)
{
    Err err = {0};
    int64_t n, m, width;
    double value, deviation;
    const char *kind = mel_json_text(one, "kind", "");
    const float *a = rows(e, one, "a", &n, &width);
    if (mel_equal(kind, "inception")) {
        CHECK_OK(mel_metric_inception(a, n, width, 10, 2020, &value, &deviation, &err));
        check_value(one, "deviation", deviation);
    } else if (mel_equal(kind, "frechet")) {
        const float *b = rows(e, one, "b", &m, &width);
        CHECK_OK(mel_metric_frechet(a, n, b, m, width, &value, &err));
    } else {
        MetricKl kl = mel_equal(kind, "softmax") ? METRIC_KL_SOFTMAX : METRIC_KL_SIGMOID;
        const float *b = rows(e, one, "b", &m, &width);
        CHECK_OK(mel_metric_kl(a, b, n, width, kl, &value, &err));
    }
    check_value(one, "value", value);
}

static void metrics_are_those_of_the_published_evaluation(void **state)
{
    (void)state;
    Expected e = load();
    size_t i, checked = 0;
    json_t *one;
    json_array_foreach(e.cases, i, one)
    {
        if (mel_equal(mel_json_text(one, "kind", ""), "permutation")) continue;
        check_case(&e, one);
        checked++;
    }
    assert_int_equal(checked, 10);
    json_decref(e.cases);
    free(e.numbers);
}

static void rows_are_shuffled_as_numpy_does(void **state)
{
    (void)state;
    Expected e = load();
    json_t *last = json_array_get(e.cases, json_array_size(e.cases) - 1);
    int64_t order[1000];
    Mt19937 mt;
    size_t i;
    json_t *value;
    mt19937_seed(&mt, 2020);
    mt19937_permutation(&mt, mel_json_i64(last, "n", 0), order);
    json_array_foreach(json_object_get(last, "value"), i, value)
        assert_int_equal(order[i], json_integer_value(value));
    json_decref(e.cases);
    free(e.numbers);
}

static void a_cloud_is_at_no_distance_from_itself(void **state)
{
    (void)state;
    Err err = {0};
    float cloud[50 * 8];
    double value;
    Rng rng = {.seed = 5};
    for (int i = 0; i < 50 * 8; i++)
        cloud[i] = (float)mel_rng_normal(&rng);
    CHECK_OK(mel_metric_frechet(cloud, 50, cloud, 50, 8, &value, &err));
    CHECK_NEAR(value, 0, 1e-9);
    CHECK_OK(mel_metric_frechet(cloud, 5, cloud, 5, 8, &value, &err)); /* singular */
    CHECK_NEAR(value, 0, 1e-9);
}

static void too_few_and_broken_features_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    float rows_of_3[3 * 2] = {1, 2, 3, 4, 5, NAN};
    double value, deviation;
    CHECK_FAILS(mel_metric_frechet(rows_of_3, 1, rows_of_3, 2, 2, &value, &err), ERR_USAGE);
    CHECK_FAILS(mel_metric_frechet(rows_of_3, 3, rows_of_3, 2, 2, &value, &err), ERR_USAGE);
    CHECK_FAILS(mel_metric_kl(rows_of_3, rows_of_3, 0, 2, METRIC_KL_SOFTMAX, &value, &err),
                ERR_USAGE);
    CHECK_FAILS(mel_metric_inception(rows_of_3, 2, 2, 3, 1, &value, &deviation, &err), ERR_USAGE);
    CHECK_FAILS(mel_metric_inception(rows_of_3, 2, 2, 0, 1, &value, &deviation, &err), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_those_of_the_published_evaluation),
        cmocka_unit_test(rows_are_shuffled_as_numpy_does),
        cmocka_unit_test(a_cloud_is_at_no_distance_from_itself),
        cmocka_unit_test(too_few_and_broken_features_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
