/* SPDX-License-Identifier: Apache-2.0
 *
 * Which words are put before the dictionary: not numbers, not capitals, not the words of music. */
#include "annotator/lint_internal.h"

#include <string.h>

static bool is_for_dictionary(const LintWord *word)
{
    enum { LETTERS_MIN = 3, PREFIX_LETTERS_MAX = 3 };
    if (word->known || word->has_digit || word->all_capitals || !word->latin) return false;
    return word->letters >= LETTERS_MIN && !(word->glued && word->letters <= PREFIX_LETTERS_MAX);
}

/* "Café" passes with "cafe": dictionaries differ in marks that musicians write. */
static bool is_right(Spelling *spelling, const LintText *text, const LintWord *word)
{
    return mel_spelling_check(spelling, text->bytes + word->start, word->end - word->start) ||
           (strlen(word->folded) != word->end - word->start &&
            mel_spelling_check(spelling, word->folded, strlen(word->folded)));
}

void lint_check_spelling(Lint *lint)
{
    const LintText *text = &lint->text;
    Spelling *spelling = lint->input->spelling;
    if (!spelling || !mel_spelling_ready(spelling)) return;
    for (size_t i = 0; i < text->count; i++) {
        const LintWord *word = &text->words[i];
        if (!is_for_dictionary(word) || is_right(spelling, text, word)) continue;
        lint_add(lint, LINT_SPELLING, "text", word->start, word->end, "'%.*s' is in no word list.",
                 (int)(word->end - word->start), text->bytes + word->start);
    }
}
