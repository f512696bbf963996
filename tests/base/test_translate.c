/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "tests/support/test.h"

static const char *dutch(const char *english)
{
    if (mel_equal(english, "cannot read '%s'")) return "kan '%s' niet lezen";
    if (mel_equal(english, "try again")) return "probeer het nog eens";
    if (mel_equal(english, "in '%s'")) return "met '%s'";
    return english;
}

static const char *dutch_count(const char *one, const char *many, unsigned long n)
{
    (void)one, (void)many;
    return n == 1 ? "een woord" : "woorden";
}

static int speak_dutch(void **state)
{
    (void)state;
    mel_translate_by(&(Translator){dutch, dutch_count});
    return 0;
}

static int speak_english(void **state)
{
    (void)state;
    mel_translate_by(&(Translator){0});
    return 0;
}

static void english_stands_where_nobody_translates(void **state)
{
    (void)state;
    Err err = {0};
    assert_string_equal(mel_text("try again"), "try again");
    assert_string_equal(mel_text_count("a word", "words", 1), "a word");
    assert_string_equal(mel_text_count("a word", "words", 0), "words");
    mel_err(&err, ERR_IO, "cannot read '%s'", "x");
    assert_string_equal(err.message, "cannot read 'x'");
}

static void errors_hints_and_what_stands_around_them_are_translated(void **state)
{
    (void)state;
    Err err = {0};
    mel_err(&err, ERR_IO, "cannot read '%s'", "x");
    mel_err_hint(&err, "try again");
    assert_string_equal(err.message, "kan 'x' niet lezen");
    assert_string_equal(err.hint, "probeer het nog eens");
    mel_err_wrap(&err, "in '%s'", "y");
    assert_string_equal(err.message, "met 'y': kan 'x' niet lezen");
    assert_string_equal(mel_text_count("a word", "words", 1), "een woord");
    assert_string_equal(mel_text_count("a word", "words", 2), "woorden");
}

static void what_has_no_translation_and_nothing_at_all_stay(void **state)
{
    (void)state;
    Err err = {0};
    assert_string_equal(mel_text(""), "");
    mel_err(&err, ERR_IO, "%s: %d", "cannot read '%s'", 3);
    assert_string_equal(err.message, "cannot read '%s': 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(english_stands_where_nobody_translates),
        cmocka_unit_test_setup_teardown(errors_hints_and_what_stands_around_them_are_translated,
                                        speak_dutch, speak_english),
        cmocka_unit_test_setup_teardown(what_has_no_translation_and_nothing_at_all_stay,
                                        speak_dutch, speak_english),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
