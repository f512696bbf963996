/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kind of finding fires, and does not fire on its near miss. A table a topic: fields, text,
 * findings of that topic, and what is known of the source. */
#include "tests/support/lint_fixture.h"

#include <stdlib.h>
#include <string.h>

#define CHECK_CASES(cases, mask) lint_check_cases(*state, cases, MEL_COUNT(cases), mask, false)

static const LintCase hedges[] = {
    LINT_CASE("", "A drum and possibly horns.", "hedge text 'possibly'"),
    LINT_CASE("", "It typically falls at the end.", "hedge text 'typically'"),
    LINT_CASE("", "Maybe a cello. It seems sad.", "hedge text 'Maybe'; hedge text 'seems'"),
    LINT_CASE("", "It could be the soundtrack of a film.", ""),
    LINT_CASE("", "It could be a horn.", "hedge text 'could be'"),
    LINT_CASE("", "The lead might be a synth.", "hedge text 'might be'"),
    LINT_CASE("", "This could be used in a film.", ""),
    LINT_CASE("", "This song may be playing in a café.", ""),
    LINT_CASE("", "The drums sound kind of muffled.", "hedge text 'kind of'"),
    LINT_CASE("", "A kind of flute leads this sort of song.", ""),
    LINT_CASE("", "Some kind of bell rings.", "hedge text 'Some kind of'"),
    LINT_CASE("", "I think it is a harp.", "hedge text 'I think'"),
    LINT_CASE("", "I’m not sure of the harp.", "hedge text 'I’m not sure'"),
    LINT_CASE("", "A drum or something.", "hedge text 'or something'"),
    LINT_CASE("", "An unlikely, impossible, kind voice.", ""),
    LINT_CASE("", "Recorded in May, be it live or not.", ""),
};

static void hedges_are_found_and_uses_are_not(void **state)
{
    CHECK_CASES(hedges, 1u << LINT_HEDGE);
}

static const LintCase leaks[] = {
    LINT_SOURCED("", "A guitar solo as Slowhand plays it.", "leak text 'Slowhand'",
                 "Slowhand - Quiet Rain", NULL, NULL),
    LINT_SOURCED("", "The piano brings the sound of rain.", "", "Slowhand - Quiet Rain", NULL,
                 NULL),
    LINT_SOURCED("", "The drums of Zanzibarra Kru are loud.", "leak text 'Zanzibarra'", NULL,
                 "ZANZIBARRA KRU", NULL),
    LINT_SOURCED("", "An acoustic guitar lesson with a live feel.", "",
                 "Acoustic Guitar Lesson (Live)", "Guitar Lessons", NULL),
    LINT_SOURCED("", "Spanish guitar over Cuban drums.", "", "Spanish Guitar & Cuban Drums", NULL,
                 NULL),
    LINT_SOURCED("", "It speaks of walking home through the snow alone.",
                 "leak text 'walking home through the snow'",
                 "Walking Home Through The Snow - Live", NULL, NULL),
    LINT_SOURCED("", "A walk through snow.", "", "Walking Home Through The Snow - Live", NULL,
                 NULL),
    LINT_SOURCED("", "The voice of dana vex is low.", "leak text 'dana vex'", NULL, NULL,
                 "Dana Vex"),
    LINT_SOURCED("", "Vex sings low.", "leak text 'Vex'", NULL, NULL, "Vex"),
    LINT_SOURCED("", "They vex the ear.", "", NULL, NULL, "Vex"),
    LINT_SOURCED("", "Beyonda’s voice leads.", "leak text 'Beyonda’s'", NULL, "Beyondá", NULL),
    LINT_CASE("", "A song by Dana Vex with drums.", "leak text 'Dana Vex'"),
    LINT_CASE("", "A song by The Vexers.", "leak text 'The Vexers'"),
    LINT_CASE("", "Led by Spanish guitar, followed by drums.", ""),
    LINT_CASE("", "Carried by TR-808 drums.", ""),
    LINT_CASE("", "A beat feat. Vexa on top.", "leak text 'Vexa'"),
    LINT_CASE("", "A beat featuring congas and Latin percussion.", ""),
    LINT_CASE("", "This is a cover of \"yellow sky\".", "leak text 'yellow'"),
    LINT_CASE("", "This is a cover of a well-known song.", ""),
    LINT_CASE("", "Played in the style of Bartolo.", "leak text 'Bartolo'"),
    LINT_CASE("", "A SONG BY LOUD DRUMS.", ""),
};

static void names_are_found_and_plain_words_are_not(void **state)
{
    CHECK_CASES(leaks, 1u << LINT_LEAK);
}

static const LintCase genres[] = {
    LINT_CASE("genre=new-age", "An alternative hip-hop song.", "contradiction genre 'hip-hop'"),
    LINT_CASE("genre=hip-hop", "An alternative hip-hop song.", ""),
    LINT_CASE("genre=hip-hop", "A rap song over a beat.", ""),
    LINT_CASE("genre=pop", "A song over a hip-hop beat, reggaeton-inspired.", ""),
    LINT_CASE("genre=pop", "A reggaeton and hip-hop mix.", ""),
    LINT_CASE("genre=rock", "A reggaeton and hip-hop mix.", "contradiction genre 'reggaeton'"),
    LINT_CASE("genre=electronic", "An EDM track.", ""),
    LINT_CASE("genre=pop", "Electronic dance genre.", ""),
    LINT_CASE("genre=jazz", "Electronic dance genre.", "contradiction genre 'Electronic dance'"),
    LINT_CASE("genre=classical", "An orchestral piece.", ""),
    LINT_CASE("genre=metal", "An orchestral piece.", "contradiction genre 'orchestral'"),
    LINT_CASE("genre=blues", "A jazz guitar over drums.", ""),
    LINT_CASE("genre=blues", "A jazz song.", "contradiction genre 'jazz'"),
    LINT_CASE("genre=blues", "A jazz song with blues licks.", ""),
    LINT_CASE("genre=blues,jazz", "A jazz song.", ""),
    LINT_CASE("genre=pop", "Metal strings ring in the country.", ""),
    LINT_CASE("genre=r-and-b", "An R & B tune, as R&B as hip hop.", ""),
    LINT_CASE("genre=pop", "Not a hip-hop song.", ""),
    LINT_CASE("genre=unmatched", "A hip-hop song.", ""),
    LINT_CASE("", "A hip-hop song.", ""),
};

static void another_genre_is_found_and_a_colour_is_not(void **state)
{
    CHECK_CASES(genres, 1u << LINT_CONTRADICTION);
}

static const LintCase tempos[] = {
    LINT_CASE("tempo=slow", "A fast tempo.", "contradiction tempo 'fast tempo'"),
    LINT_CASE("tempo=slow", "A fast guitar solo.", ""),
    LINT_CASE("tempo=slow", "An up-tempo groove.", "contradiction tempo 'up-tempo'"),
    LINT_CASE("tempo=moderate", "An uptempo groove.", ""),
    LINT_CASE("tempo=fast", "The tempo is slow.", "contradiction tempo 'slow'"),
    LINT_CASE("tempo=fast", "A slow attack on the strings.", ""),
    LINT_CASE("tempo=fast", "Not a slow song.", ""),
    LINT_CASE("tempo=fast", "A slow song that turns into a fast song.", ""),
    LINT_CASE("tempo=very-slow", "A slow ballad.", ""),
    LINT_CASE("tempo=variable", "A slow song.", ""),
    LINT_CASE("tempo=fast", "The beat is at 140 BPM.", ""),
    LINT_CASE("tempo=fast", "The beat is at 70 bpm.", ""),
    LINT_CASE("tempo=moderate", "The beat is at 140bpm.", "contradiction tempo '140bpm'"),
    LINT_CASE("bpm=92", "92.5 BPM, and 184 BPM in double time, or 46 beats per minute.", ""),
    LINT_CASE("bpm=92", "A beat of 120 BPM.", "contradiction bpm '120'"),
    LINT_CASE("bpm=92", "A beat of 85-95 BPM with 12 bars and 120 singers.", ""),
    LINT_CASE("bpm=92", "BPM of 120.", "contradiction bpm '120'"),
    LINT_CASE("bpm=92", "The 1980s in 4/4.", ""),
    LINT_CASE("bpm=100 tempo=very-fast", "Drums.", ""),
    LINT_CASE("bpm=100 tempo=slow", "Drums.", "contradiction bpm"),
};

static void another_tempo_is_found_and_half_of_it_is_not(void **state)
{
    CHECK_CASES(tempos, 1u << LINT_CONTRADICTION);
}

static const LintCase voices[] = {
    LINT_CASE("voice=none instrument=drums", "Male vocals over drums.",
              "contradiction voice 'Male vocals'"),
    LINT_CASE("voice=none", "There are no vocals.", ""),
    LINT_CASE("voice=none instrument=synth-pad", "An instrumental with voice-like synths.", ""),
    LINT_CASE("voice=none instrument=bell", "Singing bowls and birds singing.", ""),
    LINT_CASE("voice=lead-male", "This is an instrumental piece.",
              "contradiction voice 'instrumental'"),
    LINT_CASE("voice=lead-male", "An instrumental break.", ""),
    LINT_CASE("voice=lead-male", "An instrumental intro, then a male voice.", ""),
    LINT_CASE("voice=lead-male", "A song without any singing.", "contradiction voice 'singing'"),
    LINT_CASE("voice=lead-male", "A female vocalist.", "contradiction voice 'female vocalist'"),
    LINT_CASE("voice=lead-male,lead-female", "A female vocalist.", ""),
    LINT_CASE("voice=duet", "A female vocalist.", ""),
    LINT_CASE("voice=lead-male,backing", "A male lead and female backing vocals.", ""),
    LINT_CASE("voice=lead-female", "A male singer.", "contradiction voice 'male singer'"),
    LINT_CASE("voice=lead-male", "A male voice and a choir.", "unlisted voice 'choir' -> choir"),
    LINT_CASE("voice=lead-male instrument=choir", "A male voice and a choir.", ""),
    LINT_CASE("voice=none instrument=choir", "A choir.", ""),
    LINT_CASE("voice=lead-male", "He raps.", "unlisted voice 'raps' -> rap"),
    LINT_CASE("voice=lead-male", "He does not rap, so no rapping.", ""),
    LINT_CASE("", "A male singer.", ""),
};

static void another_voice_is_found(void **state)
{
    CHECK_CASES(voices, 1u << LINT_CONTRADICTION | 1u << LINT_UNLISTED);
}

static const LintCase instruments[] = {
    LINT_CASE("instrument=piano", "A piano and a cello.", "unlisted instrument 'cello' -> cello"),
    LINT_CASE("instrument=strings", "A cello.", ""),
    LINT_CASE("instrument=electric-guitar", "Guitars.", ""),
    LINT_CASE("instrument=piano", "Guitars.", "unlisted instrument 'Guitars'"),
    LINT_CASE("instrument=acoustic-guitar", "A distorted guitar, the distorted guitar.",
              "unlisted instrument 'distorted guitar' -> distorted-guitar"),
    LINT_CASE("instrument=acoustic-guitar", "Steel strings of the guitar, a guitar-like sound.",
              ""),
    LINT_CASE("instrument=drums", "No drums.", "contradiction instrument 'drums'"),
    LINT_CASE("instrument=drums", "There are no bass or drums.",
              "contradiction instrument 'drums'"),
    LINT_CASE("instrument=drums", "Without bass, but drums.", ""),
    LINT_CASE("instrument=drums", "No drums at first, then drums.", ""),
    LINT_CASE("instrument=piano", "No drums.", ""),
    LINT_CASE("instrument=drums", "Nothing but drums.", ""),
    LINT_CASE("instrument=electric-guitar,drums", "No acoustic guitar.", ""),
    LINT_CASE("instrument=drum-machine,synth-bass", "A kick and an 808 bass: drum & bass.", ""),
    LINT_CASE("instrument=flute", "Taped on a tape recorder.", ""),
    LINT_CASE("", "A harp.", "unlisted instrument 'harp' -> harp"),
};

static void named_and_denied_instruments_are_found(void **state)
{
    CHECK_CASES(instruments, 1u << LINT_CONTRADICTION | 1u << LINT_UNLISTED);
}

static const LintCase moods[] = {
    LINT_CASE("mood=sad", "A happy song.", "contradiction mood 'happy'"),
    LINT_CASE("mood=happy", "A mournful song.", "contradiction mood 'mournful'"),
    LINT_CASE("mood=calm", "A furious song.", "contradiction mood 'furious'"),
    LINT_CASE("mood=happy", "A nostalgic, tender song.", ""),
    LINT_CASE("mood=sad,happy", "A happy song.", ""),
    LINT_CASE("mood=sad", "A happy yet sad song.", ""),
    LINT_CASE("mood=sad", "Not a happy song.", ""),
    LINT_CASE("", "A happy song.", ""),
};

static void opposite_moods_are_found_and_mixed_ones_are_not(void **state)
{
    CHECK_CASES(moods, 1u << LINT_CONTRADICTION);
}

static const LintCase contents[] = {
    LINT_CASE("", "A jazz composition from the 80s.", "content text"),
    LINT_CASE("", "Bright bells over warm strings with a steady pulse.", ""),
    LINT_CASE("", "The recording was made outdoors on a windy afternoon somewhere.",
              "content text"),
    LINT_CASE("", "It is what it is.", "content text; content text"),
    LINT_CASE("", "", ""),
};

static void thin_texts_are_found(void **state)
{
    CHECK_CASES(contents, 1u << LINT_CONTENT);
}

static void missing_fields_are_a_must_on_submission_only(void **state)
{
    const LintFixture *fixture = *state;
    const LintCase empty = {.fields = "relevance= frame=", .text = " \n"};
    const LintCase full = {.fields = "genre=jazz", .text = "A piano."};
    const unsigned mask = 1u << LINT_REQUIRED;
    LintFindings findings = {0};
    lint_case(fixture, &empty, false, true, &findings);
    char *musts = lint_summary(&findings, empty.text, mask);
    assert_string_equal(musts,
                        "!required frame; !required genre; !required relevance; !required text");
    lint_case(fixture, &empty, false, false, &findings);
    char *advice = lint_summary(&findings, empty.text, mask);
    assert_string_equal(advice,
                        "required frame; required genre; required relevance; required text");
    lint_case(fixture, &full, false, true, &findings);
    char *none = lint_summary(&findings, full.text, mask);
    assert_string_equal(none, "");
    free(musts);
    free(advice);
    free(none);
    mel_lint_findings_clear(&findings);
}

static void musts_come_first_and_places_in_order(void **state)
{
    const LintFixture *fixture = *state;
    const LintCase test = {.fields = "genre=jazz",
                           .text = "Maybe a piano. Perhaps drums. Bass. Possibly a harp."};
    LintFindings findings = {0};
    lint_case(fixture, &test, false, true, &findings);
    char *got = lint_summary(&findings, test.text, 1u << LINT_SENTENCES | 1u << LINT_HEDGE);
    assert_string_equal(got, "!sentences text 'Possibly a harp'; hedge text 'Maybe'; "
                             "hedge text 'Perhaps'; hedge text 'Possibly'");
    for (size_t i = 0; i < findings.count; i++) {
        size_t n = strlen(findings.items[i].message);
        assert_true(n > 10 && findings.items[i].message[n - 1] == '.');
    }
    free(got);
    mel_lint_findings_clear(&findings);
}

static void a_term_that_the_table_does_not_know_is_found_by_its_label(void **state)
{
    (void)state;
    static const LintTerm terms[] = {
        {"instrument", "hydraulophone", "water hydraulophone"}
    };
    LintFixture fixture = {.lexicon = mel_lint_lexicon_new(terms, MEL_COUNT(terms))};
    static const LintCase cases[] = {
        LINT_CASE("", "A water hydraulophone.",
                  "unlisted instrument 'water hydraulophone' -> hydraulophone"),
        LINT_CASE("instrument=hydraulophone", "Water hydraulophones.", ""),
    };
    lint_check_cases(&fixture, cases, MEL_COUNT(cases), 1u << LINT_UNLISTED, false);
    mel_lint_lexicon_free(fixture.lexicon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hedges_are_found_and_uses_are_not),
        cmocka_unit_test(names_are_found_and_plain_words_are_not),
        cmocka_unit_test(another_genre_is_found_and_a_colour_is_not),
        cmocka_unit_test(another_tempo_is_found_and_half_of_it_is_not),
        cmocka_unit_test(another_voice_is_found),
        cmocka_unit_test(named_and_denied_instruments_are_found),
        cmocka_unit_test(opposite_moods_are_found_and_mixed_ones_are_not),
        cmocka_unit_test(thin_texts_are_found),
        cmocka_unit_test(missing_fields_are_a_must_on_submission_only),
        cmocka_unit_test(musts_come_first_and_places_in_order),
        cmocka_unit_test(a_term_that_the_table_does_not_know_is_found_by_its_label),
    };
    return cmocka_run_group_tests(tests, lint_setup, lint_teardown);
}
