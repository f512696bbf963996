/* SPDX-License-Identifier: Apache-2.0
 *
 * A text as words. No locale is asked, so that every machine finds the same. */
#include "annotator/lint/lint_internal.h"

#include <stdlib.h>
#include <string.h>

uint32_t lint_character(const char *bytes, size_t left, size_t *length_out, bool *valid_out)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    *valid_out = n <= left && mel_utf8_valid(bytes, n);
    *length_out = *valid_out ? n : 1;
    if (!*valid_out) return 0xFFFD;
    if (n == 1) return p[0];
    uint32_t c = p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3F);
    return c;
}

/* Base letters of U+00C0 to U+017F; upper case stays upper case. */
static const char bases[] = "AAAAAAACEEEEIIIIDNOOOOO OUUUUYTsaaaaaaaceeeeiiiidnooooo ouuuuyty"
                            "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLl"
                            "NnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_latin(uint32_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= 0xC0 && c < 0x180 && c != 0xD7 && c != 0xF7) || (c >= 0x180 && c < 0x250);
}

/* Letters of other scripts are all that is neither punctuation nor symbols, space or pictures. */
static bool is_letter(uint32_t c)
{
    if (is_latin(c)) return true;
    return c >= 0x250 && c != 0xFFFD && !(c >= 0x2000 && c < 0x2C00) &&
           !(c >= 0x3000 && c < 0x3040) && !(c >= 0xFE10 && c < 0xFE70) &&
           !(c >= 0xFF00 && c < 0xFF10) && !(c >= 0xE000 && c < 0xF900) && c < 0x1F000;
}

static bool is_upper(uint32_t c)
{
    if (c >= 0xC0 && c < 0x180) c = (unsigned char)bases[c - 0xC0];
    return (c >= 'A' && c <= 'Z') || (c >= 0x391 && c < 0x3AA) || (c >= 0x400 && c < 0x430);
}

static uint32_t fold(uint32_t c)
{
    if (c >= 0xC0 && c < 0x180) c = (unsigned char)bases[c - 0xC0];
    if (c >= 'A' && c <= 'Z') return c + 0x20;
    if ((c >= 0x391 && c < 0x3AA) || (c >= 0x410 && c < 0x430)) return c + 0x20;
    return c >= 0x400 && c < 0x410 ? c + 0x50 : c;
}

static void add_character(Str *out, uint32_t c)
{
    if (c < 0x80) {
        mel_str_add_char(out, (char)c);
        return;
    }
    int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    mel_str_add_char(out, (char)(lead[n] | c >> 6 * (n - 1)));
    for (int i = n - 2; i >= 0; i--)
        mel_str_add_char(out, (char)(0x80 | (c >> 6 * i & 0x3F)));
}

typedef struct Cursor {
    const char *bytes;
    size_t length, at;
} Cursor;

/* The character `skip` bytes on, 0 at the end. */
static uint32_t peek(const Cursor *cursor, size_t skip, size_t *n)
{
    bool valid;
    *n = 0;
    if (cursor->at + skip >= cursor->length) return 0;
    return lint_character(cursor->bytes + cursor->at + skip, cursor->length - cursor->at - skip, n,
                          &valid);
}

/* Whether a word goes on over this mark: "don't", "120.5", "1,000". */
static bool joins(const Cursor *cursor, uint32_t before, uint32_t mark, size_t n)
{
    size_t unused;
    uint32_t after = peek(cursor, n, &unused);
    if (mark == '\'' || mark == 0x2019) return is_letter(before) && is_letter(after);
    return (mark == '.' || mark == ',') && is_digit(before) && is_digit(after);
}

static void look_at_letter(LintWord *word, uint32_t c)
{
    if (word->letters == 0) word->capital = is_upper(c);
    word->letters++;
    word->has_digit = word->has_digit || is_digit(c);
    word->latin = word->latin && is_latin(c);
    word->all_capitals = word->all_capitals && (is_upper(c) || is_digit(c));
}

static bool has_lower(uint32_t c)
{
    return is_latin(c) && !is_upper(c);
}

static void read_word(LintText *text, Cursor *cursor, LintWord *word, Arena *arena)
{
    Str folded = {0};
    size_t n;
    uint32_t c = peek(cursor, 0, &n), before = 0;
    word->start = cursor->at;
    word->latin = word->all_capitals = true;
    while (is_letter(c) || is_digit(c) || joins(cursor, before, c, n)) {
        if (is_letter(c) || is_digit(c)) look_at_letter(word, c);
        text->has_lower = text->has_lower || has_lower(c);
        add_character(&folded, c == 0x2019 ? '\'' : fold(c));
        before = c;
        cursor->at += n;
        c = peek(cursor, 0, &n);
    }
    word->end = cursor->at;
    word->all_capitals = word->all_capitals && word->letters > 1;
    word->folded = mel_arena_strndup(arena, mel_str_text(&folded), folded.length);
    mel_str_clear(&folded);
}

static const char *stem_of(const LintWord *word, Arena *arena)
{
    size_t n = strlen(word->folded);
    const char *end = word->folded + n;
    if (n > 3 && mel_ends_with(word->folded, "'s"))
        return mel_arena_strndup(arena, word->folded, n - 2);
    if (n < 4 || end[-1] != 's' || end[-2] == 's' || word->has_digit) return word->folded;
    return mel_arena_strndup(arena, word->folded, n - 1);
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0;
}

static bool is_hyphen(uint32_t c)
{
    return c == '-' || c == 0x2010 || c == 0x2011;
}

/* Passes over what is no word and tells how it parts the words beside it. */
static void read_gap(Cursor *cursor, bool *parted, bool *glued)
{
    size_t n, hyphens = 0, blanks = 0;
    uint32_t c;
    *parted = false;
    while ((c = peek(cursor, 0, &n)) != 0 || n) {
        if (is_letter(c) || is_digit(c) || c == '&') break;
        hyphens += is_hyphen(c);
        blanks += is_blank(c);
        if (!is_hyphen(c) && !is_blank(c)) *parted = true;
        cursor->at += n;
    }
    if (hyphens && blanks) *parted = true; /* a dash */
    *glued = hyphens == 1 && !*parted;
}

static LintWord *push_word(LintText *text)
{
    mel_grow(&text->words, &text->capacity, text->count + 1, sizeof *text->words);
    text->words[text->count] = (LintWord){0};
    return &text->words[text->count++];
}

static void read_ampersand(Cursor *cursor, LintWord *word)
{
    *word = (LintWord){
        .folded = "and", .stem = "and", .start = cursor->at, .letters = 1, .latin = true};
    word->end = ++cursor->at;
}

void lint_text_read(LintText *text, const char *bytes, Arena *arena)
{
    Cursor cursor = {.bytes = bytes, .length = strlen(bytes)};
    *text = (LintText){.bytes = bytes, .length = cursor.length};
    for (;;) {
        bool parted, glued;
        read_gap(&cursor, &parted, &glued);
        if (cursor.at >= cursor.length) return;
        LintWord *word = push_word(text), *before = text->count > 1 ? word - 1 : NULL;
        bool ampersand = bytes[cursor.at] == '&';
        if (ampersand)
            read_ampersand(&cursor, word);
        else {
            read_word(text, &cursor, word, arena);
            word->stem = stem_of(word, arena);
        }
        bool touches = before && before->end == word->start; /* "R&B" */
        word->parted = parted;
        word->glued = glued || touches;
        if (before && word->glued) before->glued = true;
    }
}

void lint_text_clear(LintText *text)
{
    free(text->words);
    *text = (LintText){0};
}
