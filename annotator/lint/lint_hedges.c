/* SPDX-License-Identifier: Apache-2.0
 *
 * Words that take back what they say. "A kind of flute" and "could be used in a film" are none. */
#include "annotator/lint/lint_internal.h"

/* "could be used", "could be the soundtrack". */
static bool is_use(const LintText *text, size_t behind)
{
    if (behind < text->count && lint_is(&text->words[behind], KIND_DETERMINER)) behind++;
    return behind < text->count && lint_is(&text->words[behind], KIND_USE);
}

static bool is_hedge(const Lint *lint, const LintMention *mention)
{
    const LintText *text = &lint->text;
    const LintWord *first = &text->words[mention->first];
    if (mel_equal(mention->entry->value, "determiner"))
        return mention->first == 0 || first->parted || !lint_is(first - 1, KIND_DETERMINER);
    if (mel_equal(mention->entry->value, "use"))
        return !is_use(text, mention->first + mention->count);
    return true;
}

void lint_check_hedges(Lint *lint)
{
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        if (mention->entry->kind != KIND_HEDGE || !is_hedge(lint, mention)) continue;
        lint_add_mention(lint, LINT_HEDGE, "text", mention,
                         _("'%s' leaves open what was heard: say what is there, or leave it out."),
                         lint_quote(lint, mention));
    }
}
