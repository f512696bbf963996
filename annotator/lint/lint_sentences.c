/* SPDX-License-Identifier: Apache-2.0
 *
 * Where sentences end. Each gap between two words is judged by its marks and by the words beside
 * it; the end of the text ends the last one. */
#include "annotator/lint/lint_internal.h"

#include <string.h>

/* The marks of a gap. */
typedef struct Gap {
    size_t points;  /* full stops */
    bool strong;    /* ! or ? */
    bool ellipsis;  /* the character, or several full stops */
    bool wide;      /* a full stop of Chinese or Japanese writing */
    bool blank;     /* blanks behind the marks */
    bool closed;    /* a quotation mark or bracket closes behind the marks */
    bool paragraph; /* an empty line, or a new line with a bullet */
} Gap;

static bool ends_sentence(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x3002 || c == 0xFF01 ||
           c == 0xFF1F || c == 0xFF0E;
}

static bool closes(uint32_t c)
{
    return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x2019 || c == 0x201D || c == 0xBB;
}

static void read_mark(Gap *gap, uint32_t c)
{
    gap->points += c == '.';
    gap->strong = gap->strong || c == '!' || c == '?';
    gap->ellipsis = gap->ellipsis || c == 0x2026;
    gap->wide = gap->wide || c > 0x3000;
}

static Gap read_gap(const char *bytes, size_t length)
{
    Gap gap = {0};
    size_t lines = 0, n;
    bool marked = false, valid;
    for (size_t at = 0; at < length; at += n) {
        uint32_t c = lint_character(bytes + at, length - at, &n, &valid);
        if (ends_sentence(c)) {
            read_mark(&gap, c);
            marked = true;
        }
        if (marked && !gap.blank && closes(c)) gap.closed = true;
        if (marked && (c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0)) gap.blank = true;
        if (c == '\n') lines++;
        if (lines > 1 || (lines && (c == '-' || c == '*' || c == 0x2022))) gap.paragraph = true;
    }
    gap.ellipsis = gap.ellipsis || gap.points > 1;
    return gap;
}

/* "J. S. Bach", but not "in the key of A. The …" */
static bool is_initial(const LintText *text, size_t i)
{
    static const char before_keys[] = "in of key from to and is";
    const LintWord *word = &text->words[i];
    if (word->letters != 1 || !word->capital) return false;
    if (word->folded[0] > 'g' || word[1].letters == 1) return true;
    const char *before = i ? text->words[i - 1].folded : "";
    return !lint_list_has(before_keys, before, strlen(before));
}

/* "e.g." and "U.S.": single letters with full stops between. */
static bool is_dotted(const LintText *text, size_t i)
{
    const LintWord *word = &text->words[i];
    return i && word->letters == 1 && word[-1].letters == 1 && word->start == word[-1].end + 1 &&
           text->bytes[word[-1].end] == '.';
}

static bool point_ends(const LintLexicon *lexicon, const LintText *text, size_t i)
{
    const LintWord *word = &text->words[i], *next = word + 1;
    const char *rule = lint_lexicon_abbreviation(lexicon, word);
    if (is_dotted(text, i)) {
        bool latin_words = (mel_equal(word->folded, "g") && mel_equal(word[-1].folded, "e")) ||
                           (mel_equal(word->folded, "e") && mel_equal(word[-1].folded, "i"));
        return !latin_words && next->capital;
    }
    if (mel_equal(rule, "always")) return false;
    if (mel_equal(rule, "number")) return !next->has_digit;
    if (mel_equal(rule, "inside")) return next->capital;
    if (is_initial(text, i)) return !next->capital;
    return !(word->starts && word->has_digit && word->letters <= 2); /* "1. Drums" */
}

/* "loud.The": the blank was forgotten. */
static bool blank_is_missing(const LintWord *word)
{
    const LintWord *next = word + 1;
    return word->letters > 2 && !word->all_capitals && next->capital && !next->all_capitals &&
           next->letters > 1;
}

static bool gap_ends(const LintLexicon *lexicon, const LintText *text, size_t i)
{
    const LintWord *word = &text->words[i], *next = word + 1;
    Gap gap = read_gap(text->bytes + word->end, next->start - word->end);
    if (gap.paragraph || gap.wide) return true;
    if (!gap.points && !gap.strong && !gap.ellipsis) return false;
    bool lower = !next->capital && !next->has_digit;
    if (gap.closed && lower) return false;
    if (!gap.blank) return !gap.ellipsis && blank_is_missing(word);
    if (gap.strong) return true;
    if (gap.ellipsis) return next->capital;
    return point_ends(lexicon, text, i);
}

void lint_sentences_split(const LintLexicon *lexicon, LintText *text)
{
    text->sentences = text->count > 0;
    for (size_t i = 0; i < text->count; i++) {
        LintWord *word = &text->words[i];
        word->starts = i == 0 || gap_ends(lexicon, text, i - 1);
        if (!word->starts || i == 0) continue;
        text->sentences++;
        if (text->sentences == LINT_SENTENCES_MAX + 1) text->surplus_start = word->start;
    }
}

void lint_check_sentences(Lint *lint)
{
    const LintText *text = &lint->text;
    if (text->sentences <= LINT_SENTENCES_MAX) return;
    lint_add(lint, LINT_SENTENCES, "text", text->surplus_start, text->words[text->count - 1].end,
             mel_text_count("The text has %zu sentence; %d is the limit.",
                            "The text has %zu sentences; %d is the limit.", text->sentences),
             text->sentences, LINT_SENTENCES_MAX)
        ->severity = LINT_MUST;
}

size_t mel_lint_sentence_count(const LintLexicon *lexicon, const char *text)
{
    Arena arena = {0};
    LintText read;
    lint_text_read(&read, text, &arena);
    lint_lexicon_mark(lexicon, &read);
    lint_sentences_split(lexicon, &read);
    size_t count = read.sentences;
    lint_text_clear(&read);
    mel_arena_clear(&arena);
    return count;
}
