/* SPDX-License-Identifier: Apache-2.0
 *
 * A tempo out of taps, and its octaves. */
#include "annotator/core/tap.h"
#include "tests/support/test.h"

#include <math.h>

/* `count` taps, `apart_us` from each other, from `begin_us` on; the last one's tempo. */
static double taps(TapTempo *tap, int count, int64_t begin_us, int64_t apart_us)
{
    double bpm = NAN;
    for (int i = 0; i < count; i++)
        bpm = tap_tempo(tap, begin_us + i * apart_us);
    return bpm;
}

static void even_taps_give_their_tempo_from_the_third_on(void **state)
{
    (void)state;
    TapTempo tap = {0};
    assert_true(isnan(taps(&tap, 2, 1000, 500000)));
    CHECK_NEAR(tap_tempo(&tap, 1001000), 120, 1e-9);
    CHECK_NEAR(taps(&tap, 40, 1501000, 500000), 120, 1e-9);
}

static void one_late_tap_matters_little(void **state)
{
    (void)state;
    TapTempo tap = {0};
    taps(&tap, 7, 0, 500000);
    CHECK_NEAR(tap_tempo(&tap, 7 * 500000 + 60000), 120, 3);
}

static void a_pause_begins_anew(void **state)
{
    (void)state;
    TapTempo tap = {0};
    taps(&tap, 8, 0, 500000);
    assert_true(isnan(tap_tempo(&tap, 8 * 500000 + TAP_PAUSE_US)));
    CHECK_NEAR(taps(&tap, 3, 20000000, 1000000), 60, 1e-9);
}

static void a_tempo_folds_by_octaves_and_never_out_of_its_bounds(void **state)
{
    (void)state;
    CHECK_NEAR(tap_fold(96, TAP_DOUBLE), 192, 1e-9);
    CHECK_NEAR(tap_fold(96, TAP_HALVE), 48, 1e-9);
    CHECK_NEAR(tap_fold(150, TAP_DOUBLE), 300, 1e-9); /* the bounds themselves are in */
    CHECK_NEAR(tap_fold(60, TAP_HALVE), 30, 1e-9);
    assert_true(isnan(tap_fold(150.1, TAP_DOUBLE)));
    assert_true(isnan(tap_fold(59.9, TAP_HALVE)));
    CHECK_NEAR(tap_fold(400, TAP_HALVE), 200, 1e-9); /* what is out of them may come back */
    assert_true(isnan(tap_fold(400, TAP_DOUBLE)));
    assert_true(isnan(tap_fold(0, TAP_DOUBLE)) && isnan(tap_fold(NAN, TAP_HALVE)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_taps_give_their_tempo_from_the_third_on),
        cmocka_unit_test(one_late_tap_matters_little),
        cmocka_unit_test(a_pause_begins_anew),
        cmocka_unit_test(a_tempo_folds_by_octaves_and_never_out_of_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
