/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether enough is said, and whether the fields that must be answered are. */
#include "annotator/lint/lint_internal.h"

static size_t content_words(const LintText *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->count; i++)
        count += !lint_is(&text->words[i], KIND_STOP);
    return count;
}

/* Any of what a listener asks first; a voice is an instrument here. */
static bool says_something(const Lint *lint)
{
    for (size_t i = 0; i < lint->mention_count; i++) {
        LintWordKind kind = lint->mentions[i].entry->kind;
        if (kind == KIND_GENRE || kind == KIND_GENRE_WORD || kind == KIND_INSTRUMENT ||
            kind == KIND_MOOD || kind == KIND_VOICE)
            return true;
    }
    return false;
}

void lint_check_content(Lint *lint)
{
    const LintText *text = &lint->text;
    size_t wanted = lint->input->content_words_min, count = content_words(text);
    if (wanted == 0) wanted = LINT_CONTENT_WORDS_MIN;
    if (text->count == 0) return; /* that is lint_check_required's */
    if (count < wanted)
        lint_add(lint, LINT_CONTENT, "text", 0, 0,
                 mel_text_count("The text says little: %zu word besides the small ones; %zu are "
                                "wanted.",
                                "The text says little: %zu words besides the small ones; %zu are "
                                "wanted.",
                                count),
                 count, wanted);
    if (!says_something(lint))
        lint_add(lint, LINT_CONTENT, "text", 0, 0,
                 _("The text names no instrument, no mood and no genre."));
}

static void require(Lint *lint, bool answered, const char *field, const char *message)
{
    if (answered) return;
    LintFinding *finding = lint_add(lint, LINT_REQUIRED, field, 0, 0, "%s", message);
    if (lint->input->submitting) finding->severity = LINT_MUST;
}

void lint_check_required(Lint *lint)
{
    const Annotation *a = lint->input->annotation;
    require(lint, a->genre && *a->genre, "genre", _("No genre is chosen."));
    require(lint, a->relevance && *a->relevance, "relevance",
            _("Nothing is said of how picture and music go together."));
    require(lint, a->frame_position >= 0, "frame", _("No frame is chosen."));
    require(lint, lint->text.count > 0, "text", _("The text is empty."));
}
