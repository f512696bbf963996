/* SPDX-License-Identifier: Apache-2.0
 *
 * The reading commands' texts, and the arithmetic of the report's plots. */
#include "cli/report_parts.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#define CHECK_TEXT(call, wanted)                                                                   \
    do {                                                                                           \
        Str out = {0};                                                                             \
        call;                                                                                      \
        assert_string_equal(mel_str_text(&out), wanted);                                           \
        mel_str_clear(&out);                                                                       \
    } while (0)

static void control_and_direction_characters_become_blanks(void **state)
{
    (void)state;
    CHECK_TEXT(cli_add_clean(&out, "a\tb\nc\x1b[31md\x7f"), "a b c [31md ");
    CHECK_TEXT(cli_add_clean(&out, "x\xC2\x9By"), "x y");             /* C1: a bare CSI */
    CHECK_TEXT(cli_add_clean(&out, "x\xE2\x80\xAEy"), "x y");         /* right-to-left override */
    CHECK_TEXT(cli_add_clean(&out, "x\xE2\x81\xA6y"), "x y");         /* isolate */
    CHECK_TEXT(cli_add_clean(&out, "\xC3\xA9 \xE6\x97\xA5"), "é 日"); /* other text stays */
    CHECK_TEXT(cli_add_clean(&out, "cut off \xE2"), "cut off \xE2");  /* no reading past the end */
    CHECK_TEXT(cli_add_clean(&out, "cut off \xE2\x80"), "cut off \xE2\x80");
    CHECK_TEXT(cli_add_clean(&out, NULL), "");
}

static void numbers_read_as_people_write_them(void **state)
{
    (void)state;
    CHECK_TEXT(cli_add_number(&out, 16163.4, 4), "16163");
    CHECK_TEXT(cli_add_number(&out, -14.53, 3), "-14.5");
    CHECK_TEXT(cli_add_number(&out, 0.00012, 3), "0.00012");
    CHECK_TEXT(cli_add_number(&out, 0, 3), "0");
    CHECK_TEXT(cli_add_count(&out, 0), "0");
    CHECK_TEXT(cli_add_count(&out, 999), "999");
    CHECK_TEXT(cli_add_count(&out, 1000), "1,000");
    CHECK_TEXT(cli_add_count(&out, -1234567), "-1,234,567");
    CHECK_TEXT(cli_add_size(&out, 512), "512 bytes");
    CHECK_TEXT(cli_add_size(&out, 1536), "1.5 KiB");
    CHECK_TEXT(cli_add_size(&out, INT64_C(3) << 40), "3.0 TiB");
    CHECK_TEXT(cli_add_span(&out, 10), "10.0 s");
    CHECK_TEXT(cli_add_span(&out, 125), "2 min 5 s");
    CHECK_TEXT(cli_add_span(&out, 12000), "3 h 20 min");
    CHECK_TEXT(html_add_number(&out, -16163.4, 3), "−16,163");
    CHECK_TEXT(html_add_number(&out, 0.9214, 3), "0.921");
}

static void wrapping_breaks_at_blanks_and_never_inside_a_word(void **state)
{
    (void)state;
    CHECK_TEXT(cli_add_wrapped(&out, "one two  three", 2, 9), "  one two\n  three\n");
    CHECK_TEXT(cli_add_wrapped(&out, "a extraordinarily b", 0, 6), "a\nextraordinarily\nb\n");
    CHECK_TEXT(cli_add_wrapped(&out, "日本の 秋", 0, 5), "日本の 秋\n");
    CHECK_TEXT(cli_add_wrapped(&out, "", 4, 20), "\n");
}

static void markup_is_escaped_and_bytes_that_are_no_text_are_hidden(void **state)
{
    (void)state;
    CHECK_TEXT(html_add(&out, "<a href=\"x\" b='y'>&</a>"),
               "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
    CHECK_TEXT(html_add(&out, "é\n\x01"), "é  ");
    CHECK_TEXT(html_add(&out, "<\xFF\xFE"), "&lt;??");
    CHECK_TEXT(html_add(&out, NULL), "");
}

static void base64_is_that_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const wanted[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                         "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t n = 0; n <= 6; n++)
        CHECK_TEXT(html_add_base64(&out, "foobar", n), wanted[n]);
    CHECK_TEXT(html_add_base64(&out, "\xFF\xFB\xFF", 3), "//v/");
}

static void ticks_are_round_and_lie_inside(void **state)
{
    (void)state;
    static const struct {
        double low, high;
        int wanted;
        double first, step;
    } cases[] = {
        {0,     39,    4, 0,     10  },
        {-25,   -5,    5, -25,   5   },
        {0.713, 0.991, 5, 0.75,  0.05},
        {7000,  19000, 5, 8000,  2000},
        {0,     1,     5, 0,     0.2 },
        {-1e-3, 1e-3,  4, -1e-3, 5e-4},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        double first, step;
        plot_ticks(cases[i].low, cases[i].high, cases[i].wanted, &first, &step);
        CHECK_NEAR(step, cases[i].step, 1e-12);
        CHECK_NEAR(first, cases[i].first, 1e-9);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t total(const Bins *bins)
{
    size_t sum = bins->outside;
    for (int i = 0; i < bins->count; i++)
        sum += bins->counts[i];
    return sum;
}

static void bins_hold_every_value_once_and_strays_are_counted(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    double *values = mel_alloc(COUNT * sizeof *values);
    Rng rng = {.seed = 3};
    Bins bins;
    for (int i = 0; i < COUNT; i++)
        values[i] = -14 + 4 * mel_rng_normal(&rng);
    values[0] = 1e9; /* one stray value does not flatten the plot */
    qsort(values, COUNT, sizeof *values, compare_doubles);
    plot_bins(values, COUNT, &bins);
    assert_int_equal(total(&bins), COUNT);
    assert_in_range(bins.count, 8, PLOT_BINS_MAX);
    assert_in_range(bins.outside, 1, COUNT / 50);
    assert_true(bins.low > -40 && bins.low + bins.width * bins.count < 10);
    for (int i = 0; i < bins.count; i++) {
        size_t inside = 0;
        double low = bins.low + bins.width * i;
        for (int k = 0; k < COUNT; k++)
            inside += values[k] >= low + 1e-9 && values[k] < low + bins.width - 1e-9;
        assert_in_range(bins.counts[i], inside, inside + 1);
    }
    free(values);
}

static void bins_of_few_or_equal_values_are_sound(void **state)
{
    (void)state;
    static const double equal[] = {0.5, 0.5, 0.5}, zero[] = {0}, edge[] = {0, 1, 1, 1};
    static const double far[] = {-1e300, 1e300};
    Bins bins;
    plot_bins(NULL, 0, &bins);
    assert_int_equal(total(&bins), 0);
    plot_bins(equal, 3, &bins);
    assert_int_equal(total(&bins), 3);
    assert_int_equal(bins.outside, 0);
    plot_bins(zero, 1, &bins);
    assert_int_equal(bins.outside, 0);
    plot_bins(edge, 4, &bins);
    assert_int_equal(total(&bins), 4);
    plot_bins(far, 2, &bins);
    assert_int_equal(total(&bins), 2);
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        count++;
    return count;
}

static void a_column_plot_has_a_bar_a_count_and_an_escaped_label_each(void **state)
{
    (void)state;
    const PlotBar bars[] = {
        {"R&B",   NULL, 1234},
        {"Jazz",  NULL, 0   },
        {"<Pop>", NULL, 617 }
    };
    Str out = {0};
    plot_columns(&out, "Genres", bars, 3, 617, "equal");
    const char *svg = mel_str_text(&out);
    assert_int_equal(occurrences(svg, "class=\"bar\""), 3);
    assert_non_null(strstr(svg, ">1,234</text>"));
    assert_non_null(strstr(svg, "R&amp;B"));
    assert_non_null(strstr(svg, "&lt;Pop&gt;"));
    assert_null(strstr(svg, "<Pop>"));
    assert_int_equal(occurrences(svg, "dashed"), 1);
    assert_non_null(strstr(svg, "height=\"224.0\"")); /* the largest bar fills the room */
    assert_non_null(strstr(svg, "height=\"112.0\"")); /* half of it is half as high */
    assert_null(strstr(svg, "nan"));
    mel_str_clear(&out);
}

static void a_funnel_of_nothing_has_no_broken_numbers(void **state)
{
    (void)state;
    const PlotBar bars[] = {
        {"candidates", "imported", 0},
        {"fetched",    NULL,       0}
    };
    Str out = {0};
    plot_funnel(&out, "Funnel", bars, 2);
    assert_null(strstr(mel_str_text(&out), "nan"));
    assert_null(strstr(mel_str_text(&out), "inf"));
    mel_str_reset(&out);
    const PlotBar some[] = {
        {"candidates", NULL, 4000},
        {"fetched",    NULL, 1000}
    };
    plot_funnel(&out, "Funnel", some, 2);
    assert_non_null(strstr(mel_str_text(&out), "25.0 %"));
    assert_non_null(strstr(mel_str_text(&out), "−3,000"));
    mel_str_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_and_direction_characters_become_blanks),
        cmocka_unit_test(numbers_read_as_people_write_them),
        cmocka_unit_test(wrapping_breaks_at_blanks_and_never_inside_a_word),
        cmocka_unit_test(markup_is_escaped_and_bytes_that_are_no_text_are_hidden),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(ticks_are_round_and_lie_inside),
        cmocka_unit_test(bins_hold_every_value_once_and_strays_are_counted),
        cmocka_unit_test(bins_of_few_or_equal_values_are_sound),
        cmocka_unit_test(a_column_plot_has_a_bar_a_count_and_an_escaped_label_each),
        cmocka_unit_test(a_funnel_of_nothing_has_no_broken_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
