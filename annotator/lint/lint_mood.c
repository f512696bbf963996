/* SPDX-License-Identifier: Apache-2.0
 *
 * Moods that cannot both hold. Only plain opposites: many moods that look far apart are heard
 * together. */
#include "annotator/lint/lint_internal.h"

#include <string.h>

/* Each pair both ways. A word belongs to a side by its nearest id, the first of its list. */
static const struct {
    const char *said, *chosen;
} opposites[] = {
    {"happy joyful",             "sad melancholic lonely"  },
    {"sad melancholic lonely",   "happy joyful"            },
    {"calm peaceful meditative", "angry aggressive"        },
    {"angry aggressive",         "calm peaceful meditative"},
};

static const LintMention *said_of_side(const Lint *lint, const char *side)
{
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        const char *value = mention->entry->value;
        if (mention->entry->kind == KIND_MOOD && !mention->negated &&
            lint_list_has(side, value, strcspn(value, " ")))
            return mention;
    }
    return NULL;
}

void lint_check_mood(Lint *lint)
{
    const char *chosen = lint_chosen(lint, "mood");
    for (size_t i = 0; i < MEL_COUNT(opposites); i++) {
        const char *said = opposites[i].said, *opposite = opposites[i].chosen;
        const LintMention *mention = said_of_side(lint, said);
        if (!mention || lint_lists_meet(chosen, said) || !lint_lists_meet(chosen, opposite) ||
            said_of_side(lint, opposite))
            continue;
        lint_add_mention(lint, LINT_CONTRADICTION, "mood", mention,
                         _("The text says '%s', the chosen mood is its opposite."),
                         lint_quote(lint, mention));
    }
}
