/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole answers: those with the faults of published examples are flagged, careful ones are left in
 * peace. Captions are in the manner of MusicCaps, written for this test. Goals: every fault found,
 * fewer than 5 of 100 careful answers with any finding at all. */
#include "tests/support/lint_fixture.h"

#include <stdlib.h>
#include <string.h>

/* The faults of annotation.md's showcase, in sentences of our own. `want`: must be among the
 * findings. */
static const LintCase faulty[] = {
    LINT_CASE("genre=new-age mood=calm voice=rap instrument=drum-machine",
              "A mix of alternative hip-hop and pop with a heavy beat. Rap-style vocals run over a "
              "drum machine in a calm mood.",
              "contradiction genre 'hip-hop'"),
    LINT_CASE("genre=classical mood=calm instrument=synth-pad voice=none",
              "An ambient/chillout piece with wide synthesizers that swell and fade. The mood is "
              "calm and there is no beat.",
              "contradiction genre 'chillout'"),
    LINT_CASE(
        "genre=country mood=energetic instrument=synth-lead,drum-machine",
        "A track of the electronic dance genre with a pumping kick. A bright synth lead plays "
        "an energetic melody.",
        "contradiction genre 'electronic dance'"),
    LINT_CASE("genre=metal mood=aggressive instrument=distorted-guitar,drums,bass-guitar "
              "voice=scream",
              "Distorted guitars play fast riffs. The drums hammer with double kick. The bass "
              "follows the guitars. Screaming vocals complete the aggressive mood.",
              "!sentences text"),
    LINT_CASE("genre=jazz mood=calm instrument=piano",
              "A contemtemporary jazz piece in which a calm piano improvises over slow chords.",
              "spelling text 'contemtemporary'"),
    LINT_CASE("genre=latin mood=happy instrument=brass,hand-percussion",
              "A happy Latin piece with congas and possibly horns, of the kind that is danced to.",
              "hedge text 'possibly'"),
    LINT_CASE("genre=jazz mood=calm instrument=piano",
              "A contemporary jazz composition from the 80s.", "content text"),
};

static bool needs_dictionary(const LintCase *test)
{
    return mel_starts_with(test->want, "spelling");
}

static void every_fault_of_the_showcase_is_found(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    for (size_t i = 0; i < MEL_COUNT(faulty); i++) {
        if (needs_dictionary(&faulty[i]) && !mel_spelling_ready(fixture->spelling)) continue;
        lint_case(fixture, &faulty[i], true, true, &findings);
        char *got = lint_summary(&findings, faulty[i].text, ~0u);
        if (!strstr(got, faulty[i].want))
            fail_msg("\"%s\" gives %s, wanted %s", faulty[i].text, got, faulty[i].want);
        free(got);
    }
    mel_lint_findings_clear(&findings);
}

#define CLEAN(fields, text) LINT_CASE(fields, text, "")
#define CLEAN_OF(fields, text, title, channel) LINT_SOURCED(fields, text, "", title, channel, NULL)

static const LintCase careful[] = {
#include "tests/annotator/captions.def"
};

static void careful_answers_are_left_in_peace(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    size_t alarms = 0, count = MEL_COUNT(careful);
    assert_true(count >= 60);
    for (size_t i = 0; i < count; i++) {
        lint_case(fixture, &careful[i], true, true, &findings);
        if (findings.count == 0) continue;
        char *got = lint_summary(&findings, careful[i].text, ~0u);
        print_message("\"%s\"\n  %s\n", careful[i].text, got);
        free(got);
        alarms++;
    }
    mel_lint_findings_clear(&findings);
    print_message("%zu of %zu careful answers with a finding\n", alarms, count);
    assert_true(alarms * 100 < count * 5);
}

/* Titles have plain words too; the text's own words must not be taken for names because of them. */
static void titles_and_channels_raise_no_alarm(void **state)
{
    static const struct {
        const char *title, *channel;
    } origins[] = {
        {"The Rolling Harvesters - Summer in the City (Live at Glastonwick 1999)", "Harvesters TV"      },
        {"Best relaxing piano music for sleep, soft rain and warm strings",        "Calm Music Channel" },
        {"Beginner guitar lesson: how to play a slow blues shuffle",               "Home Guitar Teacher"},
        {"Symphony No. 40 in G minor, first movement, full orchestra",             "Classical Masters"  },
        {"Drake Hollowell - Nightfall [Official Audio]",                           "Nightfall Records"  },
        {"Kids singing a happy song on the street, voices and drums",              "Family Vlog"        },
        {"Heavy metal riffs in drop D with distorted guitars",                     "Riff Factory"       },
    };
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    size_t alarms = 0, count = MEL_COUNT(careful);
    for (size_t i = 0; i < count; i++) {
        LintCase test = careful[i];
        test.title = origins[i % MEL_COUNT(origins)].title;
        test.channel = origins[i % MEL_COUNT(origins)].channel;
        lint_case(fixture, &test, true, true, &findings);
        char *got = lint_summary(&findings, test.text, 1u << LINT_LEAK);
        if (*got) print_message("\"%s\" beside \"%s\"\n  %s\n", test.text, test.title, got);
        alarms += *got != '\0';
        free(got);
    }
    mel_lint_findings_clear(&findings);
    assert_true(alarms * 100 < count * 5);
}

/* The same captions beside another answer's fields: if those passed too, the peace above would be
 * worth nothing. */
static void the_same_texts_beside_other_fields_are_not(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    size_t flagged = 0, count = MEL_COUNT(careful);
    for (size_t i = 0; i < count; i++) {
        LintCase swapped = careful[i];
        swapped.fields = careful[(i + 1) % count].fields;
        lint_case(fixture, &swapped, true, true, &findings);
        flagged += findings.count > 0;
    }
    mel_lint_findings_clear(&findings);
    print_message("%zu of %zu with the fields of another\n", flagged, count);
    assert_true(flagged * 100 > count * 90);
}

static double time_all_us(const LintFixture *fixture, bool spelling)
{
    enum { ROUNDS = 20 };
    LintFindings findings = {0};
    int64_t start_us = mel_monotonic_us();
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < MEL_COUNT(careful); i++)
            lint_case(fixture, &careful[i], spelling, true, &findings);
    double spent_us = (double)(mel_monotonic_us() - start_us);
    mel_lint_findings_clear(&findings);
    return spent_us / (double)(ROUNDS * MEL_COUNT(careful));
}

static void the_time_of_one_answer_is_told(void **state)
{
    const LintFixture *fixture = *state;
    print_message("one answer: %.0f us, %.0f us with spelling\n", time_all_us(fixture, false),
                  time_all_us(fixture, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_of_the_showcase_is_found),
        cmocka_unit_test(careful_answers_are_left_in_peace),
        cmocka_unit_test(titles_and_channels_raise_no_alarm),
        cmocka_unit_test(the_same_texts_beside_other_fields_are_not),
        cmocka_unit_test(the_time_of_one_answer_is_told),
    };
    return cmocka_run_group_tests(tests, lint_setup, lint_teardown);
}
