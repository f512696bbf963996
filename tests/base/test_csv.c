/* SPDX-License-Identifier: Apache-2.0
 *
 * Delimited text: what is written is read back, liberties are taken as published lists take them,
 * and a bad row spoils nothing but itself. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

/* The rows of a text as "field|field\n", bad ones as "!reason\n"; each with its line in front. */
static char *read_all(const char *text, size_t n, char delimiter, bool skip_space)
{
    Str out = {0};
    CsvReader reader;
    CsvStatus status;
    Err err = {0};
    FILE *file = n ? fmemopen((void *)(uintptr_t)text, n, "r") : fopen("/dev/null", "r");
    assert_non_null(file);
    mel_csv_reader_init(&reader, file, delimiter, skip_space);
    while ((status = mel_csv_next(&reader, &err)) != CSV_END) {
        mel_str_addf(&out, "%lld:", (long long)reader.line);
        for (size_t i = 0; status == CSV_ROW && i < reader.count; i++)
            mel_str_addf(&out, "%s%s", i ? "|" : "", mel_csv_field(&reader, i));
        if (status == CSV_BAD) mel_str_addf(&out, "!%s", err.reason);
        mel_str_add_char(&out, '\n');
        assert_true(mel_err_is_set(&err) == (status == CSV_BAD));
        mel_err_clear(&err);
    }
    assert_string_equal(mel_csv_field(&reader, 1000000), "");
    mel_csv_reader_clear(&reader);
    fclose(file);
    return mel_str_take(&out);
}

typedef struct CsvCase {
    const char *text;
    size_t n;
    const char *rows;
} CsvCase;

#define T(literal) literal, sizeof(literal) - 1

static const CsvCase comma_cases[] = {
    {T(""),                        ""                                      },
    {T("\xEF\xBB\xBF"),            ""                                      },
    {T("\n\r\n\r\r\n"),            ""                                      },
    {T("a"),                       "1:a\n"                                 },
    {T("a,b\n"),                   "1:a|b\n"                               },
    {T(",\n"),                     "1:|\n"                                 },
    {T("\"\"\n"),                  "1:\n"                                  },
    {T("\"\",\"\"\n"),             "1:|\n"                                 },
    {T("a,b\r\nc,d\ne,f\rg,h"),    "1:a|b\n2:c|d\n3:e|f\n4:g|h\n"          },
    {T("\n\na\r\n\r\nb\r\rc"),     "3:a\n5:b\n7:c\n"                       },
    {T("\xEF\xBB\xBF\"a\",b"),     "1:a|b\n"                               },
    {T("\xEF\xBBx"),               "1:!csv.not_utf8\n"                     },
    {T("a b, c ,d"),               "1:a b| c |d\n"                         },
    {T("\"a,b\",\"c\"\"d\",e\"f"), "1:a,b|c\"d|e\"f\n"                     },
    {T("\"two\nlines\",x\ny"),     "1:two\nlines|x\n3:y\n"                 },
    {T("\"a\rb\r\nc\",x\ny"),      "1:a\rb\r\nc|x\n4:y\n"                  },
    {T("\"a\" ,b"),                "1:a|b\n"                               },
    {T("\"a\"b,c\nd"),             "1:!csv.text_after_quote\n2:d\n"        },
    {T("\"a\nb\nc"),               "1:!csv.unclosed_quote\n2:b\n3:c\n"     },
    {T("x\n\"a\rb\rc"),            "1:x\n2:!csv.unclosed_quote\n3:b\n4:c\n"},
    {T("a\0b\nc"),                 "1:!csv.nul\n2:c\n"                     },
    {T("\0\nc"),                   "1:!csv.nul\n2:c\n"                     },
    {T("\"a\0\"\nc"),              "1:!csv.nul\n2:c\n"                     },
    {T("\xFF\nc"),                 "1:!csv.not_utf8\n2:c\n"                },
    {T("a,\"\xC0\x80\"\nc"),       "1:!csv.not_utf8\n2:c\n"                },
};

static void rows_are_read_with_their_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(comma_cases); i++) {
        const CsvCase *c = &comma_cases[i];
        char *rows = read_all(c->text, c->n, ',', false);
        if (strcmp(rows, c->rows) != 0)
            fail_msg("case %zu '%s': got\n%swanted\n%s", i, c->text, rows, c->rows);
        free(rows);
    }
}

static void blanks_before_a_field_are_passed_over_when_asked(void **state)
{
    (void)state;
    static const char text[] = "--abc, 30.000, \"/m/1,/m/2\"\n";
    char *with = read_all(text, strlen(text), ',', true);
    char *without = read_all(text, strlen(text), ',', false);
    assert_string_equal(with, "1:--abc|30.000|/m/1,/m/2\n");
    assert_string_equal(without, "1:--abc| 30.000| \"/m/1|/m/2\"\n");
    free(with);
    free(without);
}

static void tabs_delimit_as_well(void **state)
{
    (void)state;
    static const char text[] = "a,b\tc\t\"d\te\"\n";
    char *rows = read_all(text, strlen(text), '\t', false);
    assert_string_equal(rows, "1:a,b|c|d\te\n");
    free(rows);
}

static void check_limit(const char *head, char fill, size_t n, const char *tail, const char *rows)
{
    char *block = mel_alloc(n + 1);
    memset(block, fill, n);
    char *text = mel_asprintf("%s%s%s", head, block, tail);
    char *got = read_all(text, strlen(text), ',', false);
    assert_string_equal(got, rows);
    free(got);
    free(text);
    free(block);
}

static void limits_hold_at_their_edges(void **state)
{
    (void)state;
    check_limit("", ',', CSV_FIELDS_MAX, "\nx", "1:!csv.many_columns\n2:x\n");
    check_limit("", 'x', CSV_ROW_BYTES_MAX + 1, "\nx", "1:!csv.long_row\n2:x\n");
    check_limit("\"", 'x', CSV_ROW_BYTES_MAX + 1, "\"\nx", "1:!csv.long_row\n2:x\n");
    check_limit("\"", '\n', CSV_ROW_BYTES_MAX + 9, "\nx", "1:!csv.long_row\n1048587:x\n");
    char *block = mel_alloc(CSV_ROW_BYTES_MAX + 1);
    memset(block, 'x', CSV_ROW_BYTES_MAX);
    char *got = read_all(block, CSV_ROW_BYTES_MAX, ',', false);
    assert_int_equal(strlen(got), CSV_ROW_BYTES_MAX + 3);
    free(got);
    memset(block, ',', CSV_FIELDS_MAX - 1);
    got = read_all(block, CSV_FIELDS_MAX - 1, ',', false);
    assert_int_equal(strlen(got), CSV_FIELDS_MAX - 1 + 3);
    free(got);
    free(block);
}

static void a_pipe_can_be_read_as_well(void **state)
{
    (void)state;
    FILE *pipe = popen("printf 'a,b\\nc,\"d\\n'", "r");
    assert_non_null(pipe);
    CsvReader reader;
    Err err = {0};
    mel_csv_reader_init(&reader, pipe, ',', false);
    assert_int_equal(mel_csv_next(&reader, &err), CSV_ROW);
    assert_int_equal(mel_csv_next(&reader, &err), CSV_BAD);
    assert_int_equal(mel_csv_next(&reader, &err), CSV_END);
    mel_csv_reader_clear(&reader);
    pclose(pipe);
}

/* A text of characters that CSV cares about, from a counter: never NUL, always UTF-8. */
static char *random_text(Rng *rng)
{
    static const char *const pieces[] = {"a",
                                         "\"",
                                         ",",
                                         "\t",
                                         "\n",
                                         "\r",
                                         " ",
                                         "=",
                                         "'",
                                         "\xC3\xA9",
                                         "\xF0\x9F\x8E\xB5",
                                         "-1",
                                         "\x01",
                                         "\xEF\xBB\xBF"};
    Str text = {0};
    int n = mel_rng_int(rng, 8);
    for (int i = 0; i < n; i++)
        mel_str_add(&text, pieces[mel_rng_int(rng, MEL_COUNT(pieces))]);
    return mel_str_take(&text);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    Rng rng = {.seed = 7};
    for (int round = 0; round < 3000; round++) {
        char delimiter = round % 2 ? ',' : '\t';
        int count = 1 + mel_rng_int(&rng, 5);
        char *fields[5];
        Str text = {0};
        mel_str_add(&text, "first\n"); /* a mark at the start of a file is no text */
        for (int i = 0; i < count; i++) {
            fields[i] = random_text(&rng);
            if (i) mel_str_add_char(&text, delimiter);
            mel_csv_add_field(&text, fields[i], delimiter, false);
        }
        mel_str_add(&text, "\r\n");
        FILE *file = fmemopen(text.text, text.length, "r");
        CsvReader reader;
        Err err = {0};
        mel_csv_reader_init(&reader, file, delimiter, false);
        assert_int_equal(mel_csv_next(&reader, &err), CSV_ROW);
        bool blank = count == 1 && !*fields[0]; /* an empty line is no row */
        assert_int_equal(mel_csv_next(&reader, &err), blank ? CSV_END : CSV_ROW);
        if (!blank) assert_int_equal(reader.count, count);
        for (int i = 0; i < count; i++) {
            if (!blank) assert_string_equal(mel_csv_field(&reader, (size_t)i), fields[i]);
            free(fields[i]);
        }
        assert_int_equal(mel_csv_next(&reader, &err), CSV_END);
        mel_csv_reader_clear(&reader);
        mel_str_clear(&text);
        fclose(file);
    }
}

static void formulas_are_disarmed_and_numbers_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain, *guarded;
    } cases[] = {
        {"=1+1",       "=1+1",               "\"'=1+1\""         },
        {"+a",         "+a",                 "\"'+a\""           },
        {"-0Gj8",      "-0Gj8",              "\"'-0Gj8\""        },
        {"@SUM(A1)",   "@SUM(A1)",           "\"'@SUM(A1)\""     },
        {"\tx",        "\tx",                "\"'\tx\""          },
        {"\rx",        "\"\rx\"",            "\"'\rx\""          },
        {"-1.5",       "-1.5",               "-1.5"              },
        {"+2e3",       "+2e3",               "+2e3"              },
        {"a=b",        "a=b",                "a=b"               },
        {"",           "",                   ""                  },
        {" x",         "\" x\"",             "\" x\""            },
        {"a,b",        "\"a,b\"",            "\"a,b\""           },
        {"say \"no\"", "\"say \"\"no\"\"\"", "\"say \"\"no\"\"\""},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        Str plain = {0}, guarded = {0};
        mel_csv_add_field(&plain, cases[i].text, ',', false);
        mel_csv_add_field(&guarded, cases[i].text, ',', true);
        assert_string_equal(mel_str_text(&plain), cases[i].plain);
        assert_string_equal(mel_str_text(&guarded), cases[i].guarded);
        mel_str_clear(&plain);
        mel_str_clear(&guarded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_with_their_lines),
        cmocka_unit_test(blanks_before_a_field_are_passed_over_when_asked),
        cmocka_unit_test(tabs_delimit_as_well),
        cmocka_unit_test(limits_hold_at_their_edges),
        cmocka_unit_test(a_pipe_can_be_read_as_well),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(formulas_are_disarmed_and_numbers_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
