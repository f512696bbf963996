/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the artist or the work in the text. Three ways to find them: a known artist's whole
 * name; words and runs of the video's title and channel; and places where a name is about to come
 * ("feat."). Words of music, countries and months are no names, nor is what a dictionary has,
 * unless it is written as a name. */
#include "annotator/lint/lint_internal.h"

#include <string.h>

enum { NAME_LETTERS_MIN = 4, RUN_WORDS_MIN = 3, RUN_NAMES_MIN = 2 };

/* A text that names may come from. */
typedef struct Origin {
    LintText text;
    bool is_title;
} Origin;

static bool is_told(const Lint *lint, const LintWord *word)
{
    for (size_t i = lint->findings->count; i-- > 0;) {
        const LintFinding *finding = &lint->findings->items[i];
        if (finding->kind != LINT_LEAK) return false; /* leaks are added in one go */
        if (finding->start <= word->start && finding->end >= word->end) return true;
    }
    return false;
}

/* format: of one quotation */
static void tell(Lint *lint, size_t first, size_t count, const char *format)
{
    LintMention mention = {.first = first, .count = count};
    lint_add_mention(lint, LINT_LEAK, "text", &mention, format, lint_quote(lint, &mention));
}

static void tell_origin(Lint *lint, size_t first, size_t count, const Origin *origin)
{
    tell(lint, first, count,
         origin->is_title ? _("'%s' is in the title: describe the music without names.")
                          : _("'%s' is in the channel's name: describe the music without names."));
}

static bool same_word(const LintWord *a, const LintWord *b)
{
    return strcmp(a->folded, b->folded) == 0 || strcmp(a->stem, b->folded) == 0;
}

/* How many words from `at` on are those of the origin from `from` on. */
static size_t run_length(const LintText *text, size_t at, const LintText *origin, size_t from)
{
    size_t n = 0;
    while (at + n < text->count && from + n < origin->count &&
           same_word(&text->words[at + n], &origin->words[from + n]))
        n++;
    return n;
}

static bool may_name(const LintWord *word)
{
    return word->letters >= NAME_LETTERS_MIN && !word->known;
}

/* ---- a known artist ---- */

static bool is_artist_at(const LintText *text, size_t at, const LintText *name)
{
    const LintWord *word = &text->words[at];
    if (name->count == 0 || run_length(text, at, name, 0) < name->count) return false;
    if (name->count == 1) return word->letters > 2 && word->capital && !word->known;
    bool some = false;
    for (size_t i = 0; i < name->count; i++)
        some = some || !word[i].known;
    return some || (word->capital && text->has_lower);
}

static void check_artist(Lint *lint, const char *name)
{
    LintText read;
    lint_text_read(&read, name, &lint->scratch);
    for (size_t at = 0; at < lint->text.count; at++)
        if (is_artist_at(&lint->text, at, &read) && !is_told(lint, &lint->text.words[at]))
            tell(lint, at, read.count, _("'%s' is the artist: describe the music without names."));
    lint_text_clear(&read);
}

/* ---- words of the title and the channel ---- */

/* Whether a word that the origin has as well stands for what it names, not for what it means. */
static bool is_used_as_name(const Lint *lint, const LintWord *word, const Origin *origin)
{
    Spelling *spelling = lint->input->spelling;
    if (word->capital && !word->starts && lint->text.has_lower) return true;
    if (!spelling || !mel_spelling_ready(spelling)) return !origin->is_title && word->capital;
    return !mel_spelling_check(spelling, word->folded, strlen(word->folded)) &&
           !mel_spelling_check(spelling, word->stem, strlen(word->stem));
}

static bool is_name_of(const Lint *lint, size_t at, const Origin *origin)
{
    const LintWord *word = &lint->text.words[at];
    if (!may_name(word) || is_told(lint, word)) return false;
    for (size_t i = 0; i < origin->text.count; i++)
        if (same_word(word, &origin->text.words[i])) return is_used_as_name(lint, word, origin);
    return false;
}

static void check_words(Lint *lint, const Origin *origin)
{
    for (size_t at = 0; at < lint->text.count;) {
        size_t n = 0;
        while (at + n < lint->text.count && (n == 0 || !lint->text.words[at + n].parted) &&
               is_name_of(lint, at + n, origin))
            n++;
        if (n) tell_origin(lint, at, n, origin);
        at += n ? n : 1;
    }
}

/* A longer run of the title counts though its words are plain ones. */
static size_t title_run(const LintText *text, size_t at, const LintText *title)
{
    size_t longest = 0;
    for (size_t from = 0; from < title->count; from++) {
        size_t n = run_length(text, at, title, from), names = 0;
        for (size_t i = 0; i < n; i++)
            names += may_name(&text->words[at + i]);
        if (n >= RUN_WORDS_MIN && names >= RUN_NAMES_MIN && n > longest) longest = n;
    }
    return longest;
}

static void check_runs(Lint *lint, const Origin *origin)
{
    for (size_t at = 0; at < lint->text.count;) {
        size_t n = title_run(&lint->text, at, &origin->text);
        if (n) tell_origin(lint, at, n, origin);
        at += n ? n : 1;
    }
}

static void check_origin(Lint *lint, const char *bytes, bool is_title)
{
    Origin origin = {.is_title = is_title};
    if (!bytes) return;
    lint_text_read(&origin.text, bytes, &lint->scratch);
    check_runs(lint, &origin);
    check_words(lint, &origin);
    lint_text_clear(&origin.text);
}

/* ---- places where a name comes ---- */

/* Whether only blanks, an abbreviation's point and opening quotation marks stand before a word. */
static bool opens(const LintText *text, size_t i, bool *quoted_out)
{
    *quoted_out = false;
    for (size_t at = text->words[i - 1].end, n; at < text->words[i].start; at += n) {
        bool valid;
        uint32_t c = lint_character(text->bytes + at, text->words[i].start - at, &n, &valid);
        if (c == '"' || c == '\'' || c == 0x2018 || c == 0x201C || c == 0xAB)
            *quoted_out = true;
        else if (c != ' ' && c != '\n' && c != '.' && c != 0xA0)
            return false;
    }
    return !text->words[i].starts;
}

static bool looks_like_name(const LintText *text, size_t i)
{
    const LintWord *word = &text->words[i];
    if (i + 1 < text->count && word[1].glued && word[1].has_digit) return false; /* "TR-808" */
    return text->has_lower && word->capital && !word->known && !word->has_digit &&
           word->letters > 1;
}

static void check_naming(Lint *lint, const LintMention *mention)
{
    const LintText *text = &lint->text;
    size_t at = mention->first + mention->count, n = 0;
    bool quoted;
    if (at >= text->count || !opens(text, at, &quoted)) return;
    bool by = mel_equal(mention->entry->value, "by");
    /* "by The Beatles" */
    if (!quoted && text->words[at].capital && mel_equal(text->words[at].folded, "the")) n = 1;
    if (at + n < text->count && (looks_like_name(text, at + n) || (quoted && !by))) {
        for (n++;
             at + n < text->count && !text->words[at + n].parted && looks_like_name(text, at + n);)
            n++;
        if (!is_told(lint, &text->words[at + n - 1]))
            tell(lint, at, n, _("'%s' reads like a name: describe the music without names."));
    }
}

void lint_check_leaks(Lint *lint)
{
    const LintInput *input = lint->input;
    for (size_t i = 0; i < input->name_count; i++)
        if (input->names[i]) check_artist(lint, input->names[i]);
    check_origin(lint, input->title, true);
    check_origin(lint, input->channel, false);
    for (size_t i = 0; i < lint->mention_count; i++)
        if (lint->mentions[i].entry->kind == KIND_NAMING) check_naming(lint, &lint->mentions[i]);
}
