/* SPDX-License-Identifier: Apache-2.0
 *
 * Spelling: a dictionary where there is one, silence where there is none, and which words of a text
 * are put before it. */
#include "tests/support/lint_fixture.h"

#include <stdlib.h>
#include <string.h>

static void need_dictionary(const LintFixture *fixture)
{
    if (!mel_spelling_ready(fixture->spelling)) {
        print_message("no en_US dictionary here: passed over\n");
        skip();
    }
}

static const LintCase cases[] = {
    LINT_CASE("", "A contemtemporary piano.", "spelling text 'contemtemporary'"),
    LINT_CASE("", "A contemporary piano.", ""),
    LINT_CASE("", "Teh drums and teh Guittar.",
              "spelling text 'Teh'; spelling text 'teh'; spelling text 'Guittar'"),
    LINT_CASE("", "EDM, XYZZY, 808s, 90s, A2B and 4x4.", ""),
    LINT_CASE("", "Arpeggiated synths, a bodhran, djembes and qawwali.", ""),
    LINT_CASE("", "A lo-fi, re-recorded, up-tempo hip-hop beat that doesn’t stop.", ""),
    LINT_CASE("", "Overblown reeds, a neoclassical, organlike but overblwon sound.",
              "spelling text 'overblwon'"),
    LINT_CASE("", "The singer's café.", ""),
    LINT_CASE("", "Ein Größen \xCE\xB1\xCE\xB2\xCE\xB3\xCE\xB4.",
              "spelling text 'Ein'; spelling text 'Größen'"),
    LINT_CASE("",
              "A brok\xFF"
              "en line.",
              "spelling text 'brok'"),
};

static void misspelt_words_are_found_and_those_of_music_pass(void **state)
{
    need_dictionary(*state);
    lint_check_cases(*state, cases, MEL_COUNT(cases), 1u << LINT_SPELLING, true);
}

static void a_lower_case_name_is_told_from_a_word_by_the_dictionary(void **state)
{
    static const LintCase names[] = {
        LINT_SOURCED("", "The voice of zanzibarra over rain.", "leak text 'zanzibarra'",
                     "Zanzibarra - Rain", NULL, NULL),
    };
    need_dictionary(*state);
    lint_check_cases(*state, names, MEL_COUNT(names), 1u << LINT_LEAK, true);
}

static void suggestions_come_when_asked(void **state)
{
    const LintFixture *fixture = *state;
    Arena arena = {0};
    size_t count;
    bool found = false;
    need_dictionary(fixture);
    const char *const *words =
        mel_spelling_suggest(fixture->spelling, "guittar", 7, &arena, &count);
    for (size_t i = 0; i < count; i++)
        found = found || mel_equal(words[i], "guitar");
    assert_true(found);
    mel_arena_clear(&arena);
}

static void an_accepted_word_passes_from_then_on(void **state)
{
    (void)state;
    Spelling *spelling = mel_spelling_new("en_US");
    if (mel_spelling_ready(spelling)) {
        assert_false(mel_spelling_check(spelling, "zwingle", 7));
        mel_spelling_accept(spelling, "zwingle", 7);
        assert_true(mel_spelling_check(spelling, "zwingle", 7));
        assert_false(mel_spelling_check(spelling, "zwingl", 6));
    }
    mel_spelling_free(spelling);
}

/* More words than are kept, so that the table is emptied on the way. */
static void answers_stay_the_same_however_many_words_are_asked(void **state)
{
    const LintFixture *fixture = *state;
    char word[32];
    need_dictionary(fixture);
    for (int i = 0; i < 60000; i++) {
        int n = snprintf(word, sizeof word, "q%c%c%c%cq", 'a' + i % 26, 'a' + i / 26 % 26,
                         'a' + i / 676 % 26, 'a' + i / 17576 % 26);
        mel_spelling_check(fixture->spelling, word, (size_t)n);
    }
    assert_true(mel_spelling_check(fixture->spelling, "guitar", 6));
    assert_false(mel_spelling_check(fixture->spelling, "guittar", 7));
}

static void without_a_dictionary_every_word_passes(void **state)
{
    (void)state;
    Spelling *spelling = mel_spelling_new("xx_XX");
    Arena arena = {0};
    size_t count = 7;
    assert_false(mel_spelling_ready(spelling));
    assert_true(mel_spelling_check(spelling, "zwingle", 7));
    assert_null(mel_spelling_suggest(spelling, "zwingle", 7, &arena, &count));
    assert_int_equal(count, 0);
    mel_spelling_free(spelling);
    mel_spelling_free(NULL);
}

static void bytes_that_are_no_word_pass(void **state)
{
    const LintFixture *fixture = *state;
    char long_word[SPELLING_WORD_MAX + 2];
    memset(long_word, 'x', sizeof long_word);
    assert_true(mel_spelling_check(fixture->spelling, "", 0));
    assert_true(mel_spelling_check(fixture->spelling, "\xFF\xFE", 2));
    assert_true(mel_spelling_check(fixture->spelling, "a\0b", 3));
    assert_true(mel_spelling_check(fixture->spelling, long_word, sizeof long_word));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misspelt_words_are_found_and_those_of_music_pass),
        cmocka_unit_test(a_lower_case_name_is_told_from_a_word_by_the_dictionary),
        cmocka_unit_test(suggestions_come_when_asked),
        cmocka_unit_test(an_accepted_word_passes_from_then_on),
        cmocka_unit_test(answers_stay_the_same_however_many_words_are_asked),
        cmocka_unit_test(without_a_dictionary_every_word_passes),
        cmocka_unit_test(bytes_that_are_no_word_pass),
    };
    return cmocka_run_group_tests(tests, lint_setup, lint_teardown);
}
