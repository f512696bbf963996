/* SPDX-License-Identifier: Apache-2.0
 *
 * A genre in the text that is not the chosen one. It is said of other things as well ("jazz
 * guitar", "a hip-hop beat"), so a bare genre word counts only before a noun such as "song"; and
 * once the chosen genre is named, the others are colours beside it. */
#include "annotator/lint/lint_internal.h"

static bool is_said_of_whole(const Lint *lint, const LintMention *mention)
{
    if (mention->negated) return false;
    if (mention->entry->kind == KIND_GENRE) return !lint_before_noun(lint, mention, KIND_COLOR, 1);
    return mention->entry->kind == KIND_GENRE_WORD &&
           lint_before_noun(lint, mention, KIND_GENRE_NOUN, 2);
}

void lint_check_genre(Lint *lint)
{
    const char *genre = lint->input->annotation->genre, *chosen = lint_chosen(lint, "genre");
    if (!genre || !*genre || mel_equal(genre, "unmatched")) return;
    if (lint_mention_of(lint, KIND_GENRE, chosen, false) ||
        lint_mention_of(lint, KIND_GENRE_WORD, chosen, false))
        return;
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        if (!is_said_of_whole(lint, mention)) continue;
        lint_add_mention(lint, LINT_CONTRADICTION, "genre", mention,
                         _("The text says '%s', the chosen genre is %s."),
                         lint_quote(lint, mention),
                         lint_lexicon_label(lint->input->lexicon, "genre", genre));
        return;
    }
}
