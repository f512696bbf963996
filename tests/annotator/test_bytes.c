/* SPDX-License-Identifier: Apache-2.0
 *
 * Lint takes any bytes: random ones, random pieces of its own words, and texts cut anywhere. What
 * it finds lies inside the text, on whole characters where the text is UTF-8, and is found again.
 */
#include "tests/support/lint_fixture.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3000, TEXT_MAX = 400 };

static const char *const pieces[] = {
    "no ",      "drums", " slow", "tempo ",   "120",   "-",         "BPM",      ".",
    "...",      "\"",    " by ",  "The ",     "feat.", "possibly ", "é",        "’",
    "“",        "…",     "。",    "\n\n",     "R&B",   "&",         "male ",    "instrumental ",
    "kind of ", "a ",    "e.g",   "hip-hop ", "song ", "\xC3",      "\xE2\x80", "\xF0\x9F\x8E\xB5",
    "\xFF",     "Vexa ", "'s",    "1,000.5",  "I ",    "choir ",    "happy ",   "\t",
    " - ",      "J. ",   "Ω",     "Ж",        "漢字",
};

static void random_text(Rng *rng, bool of_pieces, char text[TEXT_MAX + 16])
{
    size_t n = 0, wanted = (size_t)mel_rng_int(rng, TEXT_MAX);
    while (n < wanted) {
        const char *piece = pieces[mel_rng_int(rng, (int)MEL_COUNT(pieces))];
        char byte[2] = {(char)(1 + mel_rng_int(rng, 255)), '\0'};
        if (!of_pieces) piece = byte;
        memcpy(text + n, piece, strlen(piece));
        n += strlen(piece);
    }
    text[n] = '\0';
}

static bool starts_character(const char *text, size_t at)
{
    return ((unsigned char)text[at] & 0xC0) != 0x80;
}

static void check_places(const LintFindings *findings, const char *text)
{
    size_t length = strlen(text);
    bool valid = mel_utf8_valid(text, length);
    for (size_t i = 0; i < findings->count; i++) {
        const LintFinding *finding = &findings->items[i];
        assert_true(finding->start <= finding->end && finding->end <= length);
        if (valid)
            assert_true(starts_character(text, finding->start) &&
                        starts_character(text, finding->end));
        assert_true(finding->message && *finding->message && finding->field);
    }
}

static const char *const fields[] = {
    "",
    "genre=jazz tempo=slow bpm=92 mood=calm,happy voice=none instrument=piano,drums",
    "genre=pop,rock tempo=fast mood=sad voice=lead-female,rap instrument=choir",
};

static void any_bytes_are_read(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    Rng rng = {.seed = 20240601};
    char text[TEXT_MAX + 16], title[TEXT_MAX + 16];
    for (int round = 0; round < ROUNDS; round++) {
        random_text(&rng, round % 3 != 0, text);
        random_text(&rng, round % 2 != 0, title);
        const LintCase test = {.fields = fields[round % 3],
                               .text = text,
                               .title = title,
                               .channel = text,
                               .artist = round % 5 ? title : text};
        lint_case(fixture, &test, round % 4 != 0, round % 2, &findings);
        check_places(&findings, text);
        char *first = lint_summary(&findings, text, ~0u);
        lint_case(fixture, &test, round % 4 != 0, round % 2, &findings);
        char *second = lint_summary(&findings, text, ~0u);
        assert_string_equal(first, second);
        free(first);
        free(second);
    }
    mel_lint_findings_clear(&findings);
}

static void a_text_cut_at_any_byte_is_read(void **state)
{
    static const char whole[] = "Müsli – “possibly” J. S. Bach’s café, 120.5 BPM… R&B feat. Ωmega. "
                                "No drums! 漢字。 An instrumental 🎵 by Vexa.";
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    for (size_t n = 0; n < sizeof whole; n++)
        for (size_t from = 0; from <= n; from += 7) {
            char *cut = mel_strndup(whole + from, n - from);
            const LintCase test = {.fields = fields[1], .text = cut, .title = whole};
            lint_case(fixture, &test, true, true, &findings);
            check_places(&findings, cut);
            free(cut);
        }
    mel_lint_findings_clear(&findings);
}

static void nothing_at_all_is_read(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    const LintCase test = {0};
    lint_case(fixture, &test, true, true, &findings);
    assert_int_equal(findings.count, 2); /* genre and text */
    mel_lint_findings_clear(&findings);
    mel_lint_findings_clear(&findings);
}

static void a_megabyte_is_read_in_a_moment(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    Str text = {0};
    while (text.length < 1 << 20)
        mel_str_add(&text, "Possibly no drums by Vexa, a slow hip-hop song feat. Moxa. ");
    const LintCase test = {
        .fields = fields[1], .text = mel_str_text(&text), .title = "Vexa and Moxa play slow"};
    int64_t start_us = mel_monotonic_us();
    lint_case(fixture, &test, true, true, &findings);
    print_message("1 MB with %zu findings: %.0f ms\n", findings.count,
                  (double)(mel_monotonic_us() - start_us) / 1e3);
    assert_true(findings.count > 1000);
    mel_lint_findings_clear(&findings);
    mel_str_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bytes_are_read),
        cmocka_unit_test(a_text_cut_at_any_byte_is_read),
        cmocka_unit_test(nothing_at_all_is_read),
        cmocka_unit_test(a_megabyte_is_read_in_a_moment),
    };
    return cmocka_run_group_tests(tests, lint_setup, lint_teardown);
}
