/* SPDX-License-Identifier: Apache-2.0
 *
 * Which words are put before the dictionary: not numbers, not capitals, not the words of music. */
#include "annotator/lint_internal.h"

static bool is_for_dictionary(const LintWord *word)
{
    enum { LETTERS_MIN = 3, PREFIX_LETTERS_MAX = 3 };
    if (word->known || word->has_digit || word->all_capitals || !word->latin) return false;
    return word->letters >= LETTERS_MIN && !(word->glued && word->letters <= PREFIX_LETTERS_MAX);
}

void lint_check_spelling(Lint *lint)
{
    const LintText *text = &lint->text;
    Spelling *spelling = lint->input->spelling;
    if (!spelling || !mel_spelling_ready(spelling)) return;
    for (size_t i = 0; i < text->count; i++) {
        const LintWord *word = &text->words[i];
        size_t n = word->end - word->start;
        if (!is_for_dictionary(word) || mel_spelling_check(spelling, text->bytes + word->start, n))
            continue;
        lint_add(lint, LINT_SPELLING, "text", word->start, word->end, "'%.*s' is in no word list.",
                 (int)n, text->bytes + word->start);
    }
}
