/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings: the growing buffer, UTF-8 byte by byte, numbers and near misses. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static void a_buffer_grows_and_stays_terminated(void **state)
{
    (void)state;
    Str str = {0};
    assert_string_equal(mel_str_text(&str), "");
    mel_str_add(&str, "ab");
    mel_str_add_char(&str, 'c');
    mel_str_add_bytes(&str, "d\0e", 3);
    mel_str_addf(&str, "%03d", 7);
    assert_int_equal(str.length, 9);
    assert_memory_equal(str.text, "abcd\0e007", 10);
    mel_str_reset(&str);
    assert_string_equal(mel_str_text(&str), "");
    assert_true(str.capacity > 0);
    for (int i = 0; i < 10000; i++)
        mel_str_add_char(&str, (char)('a' + i % 26));
    assert_int_equal(str.length, 10000);
    assert_int_equal(strlen(str.text), 10000);
    char *taken = mel_str_take(&str);
    assert_int_equal(strlen(taken), 10000);
    assert_null(str.text);
    free(taken);
    taken = mel_str_take(&str);
    assert_string_equal(taken, "");
    free(taken);
    mel_str_reset(&str);
    mel_str_clear(&str);
}

static void prefixes_suffixes_and_equality(void **state)
{
    (void)state;
    assert_true(mel_starts_with("abc", "ab"));
    assert_true(mel_starts_with("abc", ""));
    assert_false(mel_starts_with("ab", "abc"));
    assert_true(mel_ends_with("abc", "bc"));
    assert_true(mel_ends_with("abc", ""));
    assert_false(mel_ends_with("bc", "abc"));
    assert_true(mel_equal(NULL, NULL));
    assert_false(mel_equal(NULL, ""));
    assert_false(mel_equal("", NULL));
    assert_true(mel_equal("a", "a"));
    char blanks[] = " \t\r\n ", text[] = " a b\n";
    assert_string_equal(mel_trim(blanks), "");
    assert_string_equal(mel_trim(text), "a b");
}

typedef struct Utf8Case {
    const char *bytes;
    size_t n;
    bool valid;
} Utf8Case;

#define U8(literal, ok)                                                                            \
    {                                                                                              \
        literal, sizeof(literal) - 1, ok                                                           \
    }

static const Utf8Case utf8_cases[] = {
    U8("", true),
    U8("plain", true),
    U8("\x01\x7F", true),
    U8("\xC2\x80\xDF\xBF", true),
    U8("\xE0\xA0\x80\xEF\xBF\xBF", true),
    U8("\xED\x9F\xBF\xEE\x80\x80", true),
    U8("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", true),
    U8("a\0b", false), /* NUL */
    U8("\x80", false), /* a continuation alone */
    U8("\xBF", false),
    U8("\xC0\x80", false),         /* overlong NUL */
    U8("\xC1\xBF", false),         /* overlong two bytes */
    U8("\xE0\x9F\xBF", false),     /* overlong three bytes */
    U8("\xF0\x8F\xBF\xBF", false), /* overlong four bytes */
    U8("\xED\xA0\x80", false),     /* surrogates */
    U8("\xED\xBF\xBF", false),
    U8("\xED\xA0\xBD\xED\xB8\x80", false), /* a pair of them */
    U8("\xF4\x90\x80\x80", false),         /* above U+10FFFF */
    U8("\xF5\x80\x80\x80", false),
    U8("\xF8\x88\x80\x80\x80", false), /* five bytes */
    U8("\xFE", false),
    U8("\xFF", false),
    U8("\xC2", false), /* cut short */
    U8("\xE2\x82", false),
    U8("\xF0\x9F\x8E", false),
    U8("\xC2\x41", false), /* a letter where a continuation belongs */
    U8("\xE2\x41\x82", false),
    U8("\xE2\x82\x41", false),
    U8("\xF0\x9F\x41\xB5", false),
    U8("\xF0\x9F\x8E\xC0", false),
    U8("ok\xE2\x99\xABok\xFF", false),
};

static void malformed_utf8_is_told_from_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(utf8_cases); i++) {
        const Utf8Case *c = &utf8_cases[i];
        char *exact = mel_alloc(c->n); /* so that a read past the end is found */
        memcpy(exact, c->bytes, c->n);
        if (mel_utf8_valid(exact, c->n) != c->valid) fail_msg("case %zu", i);
        free(exact);
    }
}

/* Every code point, encoded by the rule of RFC 3629, is valid unless NUL or a surrogate. */
static void every_code_point_is_judged_by_the_rule(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        unsigned char b[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
        for (size_t i = 0; i < n; i++)
            b[i] = (unsigned char)((i ? 0x80 : lead[n]) |
                                   ((c >> 6 * (n - 1 - i)) & (i ? 0x3F : 0xFF)));
        bool wanted = c && (c < 0xD800 || c > 0xDFFF);
        if (mel_utf8_valid((char *)b, n) != wanted) fail_msg("U+%04X", c);
    }
}

static void whole_numbers_are_read_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        {"0",                    true,  0        },
        {" -12 ",                true,  -12      },
        {"+7",                   true,  7        },
        {"9223372036854775807",  true,  INT64_MAX},
        {"-9223372036854775808", true,  INT64_MIN},
        {"9223372036854775808",  false, 0        },
        {"-9223372036854775809", false, 0        },
        {"",                     false, 0        },
        {"  ",                   false, 0        },
        {"1x",                   false, 0        },
        {"1 2",                  false, 0        },
        {"0x10",                 false, 0        },
        {"1.0",                  false, 0        },
        {"--1",                  false, 0        },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        int64_t value = -77;
        if (mel_parse_i64(cases[i].text, &value) != cases[i].ok) fail_msg("'%s'", cases[i].text);
        assert_int_equal(value, cases[i].ok ? cases[i].value : -77);
    }
}

static void decimal_numbers_are_finite_and_decimal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        double value;
    } cases[] = {
        {"0",         true,  0     },
        {"1.5",       true,  1.5   },
        {" -2e3 ",    true,  -2000 },
        {".5",        true,  0.5   },
        {"1e308",     true,  1e308 },
        {"1e-320",    true,  1e-320},
        {"1e-999",    true,  0     },
        {"1e999",     false, 0     },
        {"-1e999",    false, 0     },
        {"nan",       false, 0     },
        {"inf",       false, 0     },
        {"-Infinity", false, 0     },
        {"nan(0x1)",  false, 0     },
        {"0x10",      false, 0     },
        {"0X1p3",     false, 0     },
        {"",          false, 0     },
        {" ",         false, 0     },
        {"1,5",       false, 0     },
        {"1.5s",      false, 0     },
        {"1 2",       false, 0     },
        {"1e",        false, 0     },
        {".",         false, 0     },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        double value = -77;
        if (mel_parse_f64(cases[i].text, &value) != cases[i].ok) fail_msg("'%s'", cases[i].text);
        assert_true(value == (cases[i].ok ? cases[i].value : -77));
    }
}

static void the_decimal_point_is_a_point_in_every_locale(void **state)
{
    (void)state;
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    for (size_t i = 0; i < MEL_COUNT(locales); i++) {
        if (!setlocale(LC_NUMERIC, locales[i])) continue;
        double value = 0;
        bool ok = mel_parse_f64("1.5", &value), comma = mel_parse_f64("1,5", &value);
        setlocale(LC_NUMERIC, "C");
        assert_true(ok && !comma && value == 1.5);
        return;
    }
    skip(); /* no such locale here */
}

static void edits_are_counted(void **state)
{
    (void)state;
    assert_int_equal(mel_edit_distance("", ""), 0);
    assert_int_equal(mel_edit_distance("abc", ""), 3);
    assert_int_equal(mel_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(mel_edit_distance("genre", "gerne"), 1);
    assert_int_equal(mel_edit_distance("ab", "ba"), 1);
    char a[200], b[200];
    memset(a, 'a', sizeof a - 1), memset(b, 'b', sizeof b - 1);
    a[199] = b[199] = '\0';
    assert_in_range(mel_edit_distance(a, b), 1, 199); /* long words: bounded work, no overrun */
}

static void the_nearest_name_is_suggested(void **state)
{
    (void)state;
    static const char *const names[] = {"import", "export", "split", "if"};
    assert_string_equal(mel_did_you_mean("imprt", names, 4), "import");
    assert_string_equal(mel_did_you_mean("exprot", names, 4), "export");
    assert_string_equal(mel_did_you_mean("split", names, 4), "split");
    assert_null(mel_did_you_mean("annotate", names, 4));
    assert_null(mel_did_you_mean("zz", names, 4));
    assert_null(mel_did_you_mean("x", names, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_and_stays_terminated),
        cmocka_unit_test(prefixes_suffixes_and_equality),
        cmocka_unit_test(malformed_utf8_is_told_from_well_formed),
        cmocka_unit_test(every_code_point_is_judged_by_the_rule),
        cmocka_unit_test(whole_numbers_are_read_whole),
        cmocka_unit_test(decimal_numbers_are_finite_and_decimal),
        cmocka_unit_test(the_decimal_point_is_a_point_in_every_locale),
        cmocka_unit_test(edits_are_counted),
        cmocka_unit_test(the_nearest_name_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
