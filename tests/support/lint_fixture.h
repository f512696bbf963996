/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers for lint in one line, and its findings as one line. */
#ifndef MEL_TESTS_LINT_FIXTURE_H
#define MEL_TESTS_LINT_FIXTURE_H

#include "annotator/annotator.h"
#include "tests/support/test.h"

typedef struct LintFixture {
    LintLexicon *lexicon; /* with the vocabulary of a fresh store */
    Spelling *spelling;   /* en_US, with no word list of whoever runs the test */
} LintFixture;

/* cmocka group set-up and tear-down: *state is a LintFixture. */
int lint_setup(void **state);
int lint_teardown(void **state);

/* fields: "genre=jazz tempo=slow bpm=92 mood=calm,happy voice=none instrument=piano/lead,drums";
 * relevance and frame are answered unless they are set to nothing ("relevance= frame="). */
typedef struct LintCase {
    const char *fields, *text;
    const char *want; /* the findings, see lint_summary */
    const char *title, *channel, *artist;
} LintCase;

#define LINT_SOURCED(fields_, text_, want_, title_, channel_, artist_)                             \
    {                                                                                              \
        .fields = fields_, .text = text_, .want = want_, .title = title_, .channel = channel_,     \
        .artist = artist_                                                                          \
    }
#define LINT_CASE(fields_, text_, want_) LINT_SOURCED(fields_, text_, want_, NULL, NULL, NULL)

/* Lints the case; `spelling` and `submitting` as asked. */
void lint_case(const LintFixture *fixture, const LintCase *test, bool spelling, bool submitting,
               LintFindings *findings);

/* The findings whose kind is in the mask (1 << LINT_…), as "hedge text 'possibly'; …": kind, field,
 * the place's bytes, "-> id" for a suggestion, "!" in front of a must. Yours to free. */
char *lint_summary(const LintFindings *findings, const char *text, unsigned mask);

/* Every case of a table has the summary it wants. */
void lint_check_cases(const LintFixture *fixture, const LintCase *cases, size_t count,
                      unsigned mask, bool spelling);

#endif
