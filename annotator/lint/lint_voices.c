/* SPDX-License-Identifier: Apache-2.0
 *
 * Who sings, in the text and in the chosen voices. */
#include "annotator/lint/lint_internal.h"

#include <string.h>

/* The chosen voices without "none". */
static const char *chosen_voices(Lint *lint, bool *none_out)
{
    const char *chosen = lint_chosen(lint, "voice");
    *none_out = lint_list_has(chosen, "none", 4);
    return *none_out && mel_equal(chosen, "none") ? "" : chosen;
}

/* A voice that is meant so: "the cello sings" is none. */
static const LintMention *said_voice(const Lint *lint)
{
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        bool played = i > 0 && mention[-1].entry->kind == KIND_INSTRUMENT &&
                      mention[-1].first + mention[-1].count == mention->first &&
                      !lint->text.words[mention->first].parted &&
                      mel_equal(mention->entry->value, "any");
        if (mention->entry->kind == KIND_VOICE && !mention->negated && !played) return mention;
    }
    return NULL;
}

/* A text that speaks of an instrumental and of a voice tells of two parts of the clip. */
static const LintMention *said_instrumental(const Lint *lint)
{
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        bool says = mention->entry->kind == KIND_INSTRUMENTAL && !mention->negated &&
                    !lint_before_noun(lint, mention, KIND_SECTION, 1);
        bool denies = mention->entry->kind == KIND_VOICE && mention->negated &&
                      mel_equal(mention->entry->value, "any");
        if (says || denies) return mention;
    }
    return NULL;
}

static void check_silence(Lint *lint, const char *voices, bool none)
{
    const LintMention *voice = said_voice(lint);
    const LintMention *silent = said_instrumental(lint);
    if (voice && none && !*voices) {
        if (!lint_lists_meet(voice->entry->value, lint_chosen(lint, "instrument")))
            lint_add_mention(lint, LINT_CONTRADICTION, "voice", voice,
                             _("The text names a voice ('%s'), but 'no voice' is chosen."),
                             lint_quote(lint, voice));
    } else if (silent && !voice && *voices)
        lint_add_mention(lint, LINT_CONTRADICTION, "voice", silent,
                         _("The text says '%s', but a voice is chosen."), lint_quote(lint, silent));
}

/* The text knows one sex and the voices only the other. Every other voice may be of either. */
static void check_sex(Lint *lint, const char *voices, const char *said, const char *other)
{
    const LintMention *mention = lint_mention_of(lint, KIND_VOICE, said, false);
    if (!mention || lint_mention_of(lint, KIND_VOICE, other, false) || !mel_equal(voices, other))
        return;
    lint_add_mention(lint, LINT_CONTRADICTION, "voice", mention,
                     _("The text says '%s', the chosen voice is '%s'."), lint_quote(lint, mention),
                     lint_lexicon_label(lint->input->lexicon, "voice", other));
}

/* Ways of using the voice that are terms of their own. */
static void check_unlisted(Lint *lint, const char *voices)
{
    const char *instruments = lint_chosen(lint, "instrument");
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        const char *ids = mention->entry->value;
        if (mention->entry->kind != KIND_VOICE || mention->negated || mel_equal(ids, "any") ||
            mel_starts_with(ids, "lead-") || lint_lists_meet(ids, voices) ||
            lint_lists_meet(ids, instruments))
            continue;
        lint_add_mention(lint, LINT_UNLISTED, "voice", mention,
                         _("The text names '%s', which is not among the chosen voices."),
                         lint_quote(lint, mention))
            ->suggestion = mel_arena_strndup(&lint->findings->arena, ids, strcspn(ids, " "));
        return;
    }
}

void lint_check_voices(Lint *lint)
{
    bool none;
    const char *voices = chosen_voices(lint, &none);
    if (!none && !*voices) return; /* not answered yet */
    check_silence(lint, voices, none);
    if (!*voices) return;
    check_sex(lint, voices, "lead-male", "lead-female");
    check_sex(lint, voices, "lead-female", "lead-male");
    check_unlisted(lint, voices);
}
