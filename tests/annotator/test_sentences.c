/* SPDX-License-Identifier: Apache-2.0
 *
 * Where sentences end and where they do not. */
#include "tests/support/lint_fixture.h"

static const struct {
    const char *text;
    size_t sentences;
} cases[] = {
    {"",                                           0},
    {" \n.!? ",                                    0},
    {"No stop at the end",                         1},
    {"One. Two. Three.",                           3},
    {"One! Two? Three…",                         3},
    {"Wait... what follows is slow.",              1},
    {"It fades... Then drums enter.",              2},
    {"It fades… Then drums enter.",              2},
    {"Really?! Yes.",                              2},
    {"Bright sounds, e.g. bells and chimes.",      1},
    {"Bright sounds, e.g. Hammond and Rhodes.",    1},
    {"A lead instrument, i.e. the flute, sings.",  1},
    {"Piano feat. Spanish guitar.",                1},
    {"Piano ft. guitar vs. drums.",                1},
    {"Bells, gongs etc. are heard.",               1},
    {"Bells, gongs etc. The drums follow.",        2},
    {"At 120.5 BPM. The drums enter.",             2},
    {"The tempo is approx. 120 BPM.",              1},
    {"About 1,000.5 things",                       1},
    {"It is an R&B song. It grooves.",             2},
    {"A song of the U.S. Army band.",              2},
    {"A song of the U.S. army band.",              1},
    {"In the manner of J. S. Bach it moves on.",   1},
    {"It is in the key of A. The drums follow.",   2},
    {"Symphony No. 5 in C minor.",                 1},
    {"There is no vibrato, no. The drums follow.", 2},
    {"Op. 9 no. 2 on a piano.",                    1},
    {"1. Drums play. 2. Bass plays.",              2},
    {"The voice shouts \"Hey!\" and claps.",       1},
    {"The voice shouts \"Hey!\" Then it claps.",   2},
    {"The voice says “go.” and stops.",        1},
    {"A loud beat.The guitar enters.",             2},
    {"the drums are fast. the guitar is slow.",    2},
    {"A line\nthat is wrapped.",                   1},
    {"A first part\n\nA second part",              2},
    {"Drums\n- Bass\n- Piano",                     3},
    {"(A quiet piano.) A loud drum.",              2},
    {"ピアノ。ドラム。",                   2},
    {"Ends at 4 a.m. with a flute.",               1},
    {"Metre is 4/4. Feel is straight.",            2},
    {"Mr. Nobody hums.",                           1},
};

static void the_counter_knows_what_a_sentence_is(void **state)
{
    const LintFixture *fixture = *state;
    size_t wrong = 0;
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        size_t got = mel_lint_sentence_count(fixture->lexicon, cases[i].text);
        if (got == cases[i].sentences) continue;
        print_error("\"%s\" has %zu sentences, wanted %zu\n", cases[i].text, got,
                    cases[i].sentences);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void the_fourth_sentence_is_marked_to_the_end(void **state)
{
    static const LintCase three_and_four[] = {
        LINT_CASE("", "A piano plays. A drum plays. A flute plays.", ""),
        LINT_CASE("", "A piano plays. A drum plays. A flute plays. A harp plays. So it ends.",
                  "!sentences text 'A harp plays. So it ends'"),
    };
    lint_check_cases(*state, three_and_four, MEL_COUNT(three_and_four), 1u << LINT_SENTENCES,
                     false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_knows_what_a_sentence_is),
        cmocka_unit_test(the_fourth_sentence_is_marked_to_the_end),
    };
    return cmocka_run_group_tests(tests, lint_setup, lint_teardown);
}
