/* SPDX-License-Identifier: Apache-2.0
 *
 * Time: texts and microseconds, there and back, and the texts that are no moment. */
#include "tests/support/test.h"

#include <string.h>

static void known_moments_are_written_and_read(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0,                  "1970-01-01T00:00:00.000000Z"},
        {951782399999999,    "2000-02-28T23:59:59.999999Z"},
        {951868800000000,    "2000-03-01T00:00:00.000000Z"},
        {1795230245123456,   "2026-11-21T03:04:05.123456Z"},
        {-1,                 "1969-12-31T23:59:59.999999Z"},
        {-1000000,           "1969-12-31T23:59:59.000000Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        char text[UTC_SIZE];
        int64_t us;
        mel_utc_format(cases[i].us, text);
        assert_string_equal(text, cases[i].text);
        assert_true(mel_utc_parse(text, &us));
        assert_int_equal(us, cases[i].us);
    }
}

static void moments_without_a_year_of_four_digits_are_clamped(void **state)
{
    (void)state;
    char text[UTC_SIZE];
    mel_utc_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
    mel_utc_format(INT64_MIN, text);
    assert_string_equal(text, "1000-01-01T00:00:00.000000Z");
}

static void the_fraction_may_be_short_long_or_missing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:01Z",            1000000},
        {"1970-01-01T00:00:01.5Z",          1500000},
        {"1970-01-01T00:00:01.000001Z",     1000001},
        {"1970-01-01T00:00:01.1234567899Z", 1123456},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        int64_t us;
        assert_true(mel_utc_parse(cases[i].text, &us));
        assert_int_equal(us, cases[i].us);
    }
}

static void other_texts_are_no_moment(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "now",
        "2026-11-21",
        "2026-11-21T03:04:05",
        "2026-11-21 03:04:05Z",
        "2026-11-21T03:04:05.Z",
        "2026-11-21T03:04:05z",
        "2026-11-21T03:04:05Z ",
        " 2026-11-21T03:04:05Z",
        "2026-11-21T03:04:05+01:00",
        "2026-1-21T03:04:05Z",
        "26-11-21T03:04:05Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-06-31T00:00:00Z",
        "2026-06-00T00:00:00Z",
        "2026-06-30T24:00:00Z",
        "2026-06-30T00:60:00Z",
        "2026-06-30T00:00:60Z",
        "2026-11-21T03:04:05.1x",
        "+026-11-21T03:04:05Z",
    };
    for (size_t i = 0; i < MEL_COUNT(texts); i++) {
        int64_t us = 77;
        if (mel_utc_parse(texts[i], &us)) fail_msg("'%s' was read", texts[i]);
        assert_int_equal(us, 77);
    }
}

static void the_text_of_now_is_now(void **state)
{
    (void)state;
    char text[UTC_SIZE];
    int64_t us, before = mel_wall_us();
    mel_utc_now(text);
    assert_true(mel_utc_parse(text, &us));
    assert_true(us >= before && us <= mel_wall_us());
    assert_int_equal(strlen(text), UTC_SIZE - 1);
}

static void sleeping_takes_its_time_on_the_monotonic_clock(void **state)
{
    (void)state;
    int64_t start = mel_monotonic_us();
    mel_sleep_us(0);
    mel_sleep_us(-5);
    assert_true(mel_monotonic_us() - start < 1000000);
    mel_sleep_us(20000);
    assert_true(mel_monotonic_us() - start >= 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_moments_are_written_and_read),
        cmocka_unit_test(moments_without_a_year_of_four_digits_are_clamped),
        cmocka_unit_test(the_fraction_may_be_short_long_or_missing),
        cmocka_unit_test(other_texts_are_no_moment),
        cmocka_unit_test(the_text_of_now_is_now),
        cmocka_unit_test(sleeping_takes_its_time_on_the_monotonic_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
