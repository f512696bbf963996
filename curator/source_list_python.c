/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of strings as Python prints them: ['a', "b's", 'tab\t']. MusicCaps has its aspects so. */
#include "curator/source_list_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PYTHON_ITEMS_MAX = 4096 };

typedef struct Cursor {
    const char *p;
    Str item;
    Err *problem;
} Cursor;

static bool bad(Cursor *cursor, const char *what)
{
    return mel_err_reason(cursor->problem, ERR_FORMAT, "list.bad_list", "a Python list %s", what);
}

static void skip_blanks(Cursor *cursor)
{
    cursor->p += strspn(cursor->p, " \t\r\n\f");
}

static bool add_code_point(Cursor *cursor, uint32_t c)
{
    if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return bad(cursor, "with a character that is no text");
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3F));
    bytes[0] = (char)(lead[n] | c);
    mel_str_add_bytes(&cursor->item, bytes, n);
    return true;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

/* Exactly (hexadecimal) or at most (octal) `digits` digits from the cursor on. */
static bool read_number(Cursor *cursor, int base, int digits, bool exact)
{
    uint32_t value = 0;
    int n = 0;
    for (; n < digits && digit_value(*cursor->p) < base; n++, cursor->p++)
        value = value * (uint32_t)base + (uint32_t)digit_value(*cursor->p);
    if (exact && n != digits) return bad(cursor, "with a broken escape");
    return add_code_point(cursor, value);
}

/* Behind a backslash. Unknown escapes keep their backslash, as in Python. */
static bool read_escape(Cursor *cursor)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    char c = *cursor->p;
    if (c == '\0') return bad(cursor, "that ends in a string");
    if (c >= '0' && c <= '7') return read_number(cursor, 8, 3, false);
    cursor->p++;
    if (c == '\n') return true; /* a line that goes on */
    if (c == 'x') return read_number(cursor, 16, 2, true);
    if (c == 'u') return read_number(cursor, 16, 4, true);
    if (c == 'U') return read_number(cursor, 16, 8, true);
    if (c == 'N') return bad(cursor, "with a named character");
    const char *known = strchr(from, c);
    if (!known) mel_str_add_char(&cursor->item, '\\');
    mel_str_add_char(&cursor->item, known ? to[known - from] : c);
    return true;
}

static bool read_string(Cursor *cursor)
{
    if (*cursor->p == 'u' && (cursor->p[1] == '\'' || cursor->p[1] == '"')) cursor->p++;
    char quote = *cursor->p;
    if (quote != '\'' && quote != '"') return bad(cursor, "with an item that is no string");
    mel_str_reset(&cursor->item);
    for (cursor->p++; *cursor->p != quote;) {
        char c = *cursor->p;
        if (c == '\0') return bad(cursor, "that ends in a string");
        if (c == '\n' || c == '\r') return bad(cursor, "with a line end in a string");
        cursor->p++;
        if (c != '\\')
            mel_str_add_char(&cursor->item, c);
        else if (!read_escape(cursor))
            return false;
    }
    cursor->p++;
    return true;
}

/* Behind an item: true with *done at the closing bracket. */
static bool read_separator(Cursor *cursor, bool *done)
{
    skip_blanks(cursor);
    if (*cursor->p == ',') {
        cursor->p++;
        skip_blanks(cursor);
    } else if (*cursor->p != ']') {
        return bad(cursor, *cursor->p ? "without a comma between items" : "that never closes");
    }
    *done = *cursor->p == ']';
    return true;
}

static bool read_list(Cursor *cursor, Arena *arena, const char ***items, size_t *count)
{
    size_t capacity = 0;
    skip_blanks(cursor);
    if (*cursor->p++ != '[') return bad(cursor, "that does not start with [");
    skip_blanks(cursor);
    for (bool done = *cursor->p == ']'; !done;) {
        if (*cursor->p == '\0') return bad(cursor, "that never closes");
        if (!read_string(cursor) || !read_separator(cursor, &done)) return false;
        if (*count >= PYTHON_ITEMS_MAX) return bad(cursor, "of more than 4096 items");
        mel_grow(items, &capacity, *count + 1, sizeof **items);
        (*items)[(*count)++] = mel_arena_strdup(arena, mel_str_text(&cursor->item));
    }
    cursor->p++;
    skip_blanks(cursor);
    return *cursor->p == '\0' || bad(cursor, "with text behind it");
}

bool mel_list_python(const char *text, Arena *arena, const char *const **items_out,
                     size_t *count_out, Err *problem)
{
    Cursor cursor = {.p = text, .problem = problem};
    const char **items = NULL;
    size_t count = 0;
    bool ok = read_list(&cursor, arena, &items, &count);
    if (ok) {
        const char **kept = mel_arena_alloc(arena, (count + 1) * sizeof *kept);
        for (size_t i = 0; i < count; i++)
            kept[i] = items[i];
        *items_out = kept;
        *count_out = count;
    }
    mel_str_clear(&cursor.item);
    free(items);
    return ok;
}
