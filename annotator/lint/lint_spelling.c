/* SPDX-License-Identifier: Apache-2.0
 *
 * Which words are put before the dictionary: not numbers, not capitals, not the words of music. */
#include "annotator/lint/lint_internal.h"

#include <string.h>

static bool is_for_dictionary(const LintWord *word)
{
    enum { LETTERS_MIN = 3, PREFIX_LETTERS_MAX = 3 };
    if (word->known || word->has_digit || word->all_capitals || !word->latin) return false;
    return word->letters >= LETTERS_MIN && !(word->glued && word->letters <= PREFIX_LETTERS_MAX);
}

/* "Café" passes with "cafe", as dictionaries differ in marks that musicians write; "overblown" and
 * "organlike" pass with their parts. */
static bool is_right(const Lint *lint, const LintWord *word)
{
    enum { PART_MIN = 4 };
    Spelling *spelling = lint->input->spelling;
    const char *folded = word->folded;
    size_t n = word->end - word->start, length = strlen(folded);
    if (mel_spelling_check(spelling, lint->text.bytes + word->start, n)) return true;
    if (length != n && mel_spelling_check(spelling, folded, length)) return true;
    size_t prefix = lint_lexicon_prefix(lint->input->lexicon, folded, PART_MIN);
    if (prefix && mel_spelling_check(spelling, folded + prefix, length - prefix)) return true;
    return length >= 2 * PART_MIN && mel_ends_with(folded, "like") &&
           mel_spelling_check(spelling, folded, length - PART_MIN);
}

void lint_check_spelling(Lint *lint)
{
    const LintText *text = &lint->text;
    Spelling *spelling = lint->input->spelling;
    if (!spelling || !mel_spelling_ready(spelling)) return;
    for (size_t i = 0; i < text->count; i++) {
        const LintWord *word = &text->words[i];
        if (!is_for_dictionary(word) || is_right(lint, word)) continue;
        lint_add(lint, LINT_SPELLING, "text", word->start, word->end,
                 _("'%.*s' is in no word list."), (int)(word->end - word->start),
                 text->bytes + word->start);
    }
}
