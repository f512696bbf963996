/* SPDX-License-Identifier: Apache-2.0
 *
 * Instruments of the text beside the chosen set: named and not chosen, or denied and chosen. A
 * word such as "guitar" may mean any of several terms; one of them is enough. */
#include "annotator/lint/lint_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_instrument(const LintMention *mention, bool negated)
{
    return mention->entry->kind == KIND_INSTRUMENT && mention->negated == negated &&
           !mel_equal(mention->entry->value, "choir"); /* lint_voices.c asks both sets */
}

/* What to choose, where the word says it: the nearest of at most two. */
static const char *suggestion_of(const LintMention *mention, Arena *arena)
{
    const char *value = mention->entry->value, *blank = strchr(value, ' ');
    if (blank && strchr(blank + 1, ' ')) return NULL;
    return mel_arena_strndup(arena, value, strcspn(value, " "));
}

/* Once for each meaning, however often it is named; meanings are told apart by their list. */
static void check_unlisted(Lint *lint, const char *chosen)
{
    const char **told = NULL;
    size_t count = 0, capacity = 0;
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        if (!is_instrument(mention, false) || lint_lists_meet(mention->entry->value, chosen))
            continue;
        bool again = false;
        for (size_t t = 0; t < count && !again; t++)
            again = told[t] == mention->entry->value;
        if (again) continue;
        mel_grow(&told, &capacity, count + 1, sizeof *told);
        told[count++] = mention->entry->value;
        lint_add_mention(lint, LINT_UNLISTED, "instrument", mention,
                         _("The text names '%s', which is not among the chosen instruments."),
                         lint_quote(lint, mention))
            ->suggestion = suggestion_of(mention, &lint->findings->arena);
    }
    free(told);
}

/* "No drums", unless drums are heard elsewhere in the text. */
static void check_denied(Lint *lint, const char *chosen)
{
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        const char *ids = mention->entry->value;
        if (!is_instrument(mention, true) || !lint_lists_meet(ids, chosen)) continue;
        if (lint_mention_of(lint, KIND_INSTRUMENT, ids, false)) continue;
        lint_add_mention(lint, LINT_CONTRADICTION, "instrument", mention,
                         _("The text says that there is no '%s', but it is chosen."),
                         lint_quote(lint, mention));
        return;
    }
}

void lint_check_instruments(Lint *lint)
{
    const char *chosen = lint_chosen(lint, "instrument");
    check_unlisted(lint, chosen);
    check_denied(lint, chosen);
}
