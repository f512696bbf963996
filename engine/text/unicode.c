/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tokenizers ask of a character. utf8proc knows most of it; the tables bring its Unicode
 * 15.0 to the versions that the fast tokenizers have: 16 for kinds, 17 for lower case, 10 for
 * marks. */
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

typedef struct Range {
    int32_t first, last;
} Range;

/* Letters and numbers of Unicode 15.1 and 16. */
static const Range late_letters[] = {
    {0x1C89,  0x1C8A },
    {0xA7CB,  0xA7CD },
    {0xA7DA,  0xA7DC },
    {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65},
    {0x10D6F, 0x10D85},
    {0x10EC2, 0x10EC4},
    {0x11380, 0x11389},
    {0x1138B, 0x1138B},
    {0x1138E, 0x1138E},
    {0x11390, 0x113B5},
    {0x113B7, 0x113B7},
    {0x113D1, 0x113D1},
    {0x113D3, 0x113D3},
    {0x11BC0, 0x11BE0},
    {0x13460, 0x143FA},
    {0x16100, 0x1611D},
    {0x16D40, 0x16D6C},
    {0x18CFF, 0x18CFF},
    {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0},
    {0x2EBF0, 0x2EE5D},
};
static const Range late_numbers[] = {
    {0x10D40, 0x10D49},
    {0x116D0, 0x116E3},
    {0x11BF0, 0x11BF9},
    {0x16130, 0x16139},
    {0x16D70, 0x16D79},
    {0x1CCF0, 0x1CCF9},
    {0x1E5F1, 0x1E5FA},
};

/* Capitals of Unicode 16 and 17: every `step`th from first to last goes `up`. */
static const struct {
    int32_t first, last, step, up;
} late_capitals[] = {
    {0x1C89,  0x1C89,  1, 1             },
    {0xA7CB,  0xA7CB,  1, 0x264 - 0xA7CB},
    {0xA7CC,  0xA7DA,  2, 1             },
    {0xA7DC,  0xA7DC,  1, 0x19B - 0xA7DC},
    {0x10D50, 0x10D65, 1, 0x20          },
    {0x16EA0, 0x16EB8, 1, 0x1B          },
};

/* Marks of Unicode 11 and later (and the one letter made with one), which the NFC of the fast
 * tokenizers takes for letters: it neither moves them nor looks past them. */
static const Range late_marks[] = {
    {0x7FD,   0x7FD  },
    {0x898,   0x89F  },
    {0x8CA,   0x8D3  },
    {0x9FE,   0x9FE  },
    {0xC3C,   0xC3C  },
    {0xD3B,   0xD3C  },
    {0xEBA,   0xEBA  },
    {0x1715,  0x1715 },
    {0x1ABF,  0x1ACE },
    {0x1DF6,  0x1DFA },
    {0xA82C,  0xA82C },
    {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC},
    {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50},
    {0x10F82, 0x10F85},
    {0x11070, 0x11070},
    {0x1133B, 0x1133B},
    {0x1145E, 0x1145E},
    {0x11839, 0x1183A},
    {0x11930, 0x11930},
    {0x11938, 0x11938},
    {0x1193D, 0x1193E},
    {0x11943, 0x11943},
    {0x119E0, 0x119E0},
    {0x11A34, 0x11A34},
    {0x11A47, 0x11A47},
    {0x11A99, 0x11A99},
    {0x11D42, 0x11D42},
    {0x11D44, 0x11D45},
    {0x11D97, 0x11D97},
    {0x11F41, 0x11F42},
    {0x16FF0, 0x16FF1},
    {0x1E08F, 0x1E08F},
    {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF},
};

static bool in_ranges(int32_t c, const Range *ranges, size_t count)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else if (c < ranges[middle].first)
            count = middle;
        else
            return true;
    }
    return false;
}

/* ---- one character -------------------------------------------------------------------------- */

int32_t text_char(const char *text, size_t n, size_t at, size_t *next)
{
    utf8proc_int32_t c = (unsigned char)text[at];
    utf8proc_ssize_t used = 1;
    if (c >= 0x80)
        used =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(n - at), &c);
    *next = at + (used > 0 ? (size_t)used : 1);
    return used > 0 ? c : 0xFFFD;
}

void text_add_char(Str *out, int32_t codepoint)
{
    utf8proc_uint8_t bytes[4];
    mel_str_add_bytes(out, bytes, (size_t)utf8proc_encode_char(codepoint, bytes));
}

bool text_is_ascii(const char *text, size_t n)
{
    unsigned char all = 0;
    for (size_t i = 0; i < n; i++)
        all |= (unsigned char)text[i];
    return all < 0x80;
}

/* White_Space, as regular expressions have it. */
static bool is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

static CharKind late_kind(int32_t c)
{
    if (in_ranges(c, late_letters, MEL_COUNT(late_letters))) return CHAR_LETTER;
    return in_ranges(c, late_numbers, MEL_COUNT(late_numbers)) ? CHAR_NUMBER : CHAR_OTHER;
}

CharKind text_kind(int32_t codepoint)
{
    if (is_space(codepoint)) return CHAR_SPACE;
    switch (utf8proc_category(codepoint)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return CHAR_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return CHAR_NUMBER;
    case UTF8PROC_CATEGORY_CN:
        return late_kind(codepoint);
    default:
        return CHAR_OTHER;
    }
}

int text_lower(int32_t codepoint, int32_t lower[2])
{
    if (codepoint == 0x130) { /* the capital I with a dot keeps it */
        lower[0] = 'i';
        lower[1] = 0x307;
        return 2;
    }
    lower[0] = utf8proc_tolower(codepoint);
    if (lower[0] != codepoint) return 1;
    for (size_t i = 0; i < MEL_COUNT(late_capitals); i++)
        if (codepoint >= late_capitals[i].first && codepoint <= late_capitals[i].last &&
            (codepoint - late_capitals[i].first) % late_capitals[i].step == 0)
            lower[0] = codepoint + late_capitals[i].up;
    return 1;
}

/* ---- NFC ------------------------------------------------------------------------------------ */

static int mark_class(int32_t c)
{
    return (int)utf8proc_get_property(c)->combining_class;
}

/* Sorts a stretch of marks by class, those of one class stay as they are. Long stretches cost no
 * more than short ones, mark by mark: texts come from anywhere. */
static void sort_marks(int32_t *marks, size_t n)
{
    size_t starts[256] = {0}, total = 0;
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = mark_class(marks[i - 1]) <= mark_class(marks[i]);
    if (sorted) return;
    int32_t *copy = mel_alloc(n * sizeof *copy);
    memcpy(copy, marks, n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        starts[mark_class(marks[i])]++;
    for (int class = 0; class < 256; class ++) {
        size_t count = starts[class];
        starts[class] = total;
        total += count;
    }
    for (size_t i = 0; i < n; i++)
        marks[starts[mark_class(copy[i])]++] = copy[i];
    free(copy);
}

/* Decomposed code points to composed ones, in place; returns how many there are. */
static size_t compose_stretch(int32_t *points, size_t n)
{
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; mark_class(points[i]) && end < n && mark_class(points[end]);)
            end++;
        sort_marks(points + i, end - i);
    }
    utf8proc_ssize_t composed =
        utf8proc_normalize_utf32(points, (utf8proc_ssize_t)n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    MEL_ASSERT(composed >= 0);
    return (size_t)composed;
}

static size_t decompose(int32_t c, Encoding *out, size_t count)
{
    enum { DECOMPOSED_MAX = 4 };
    int boundary = 0;
    mel_grow(&out->points, &out->point_capacity, count + DECOMPOSED_MAX, sizeof *out->points);
    utf8proc_ssize_t added = utf8proc_decompose_char(c, out->points + count, DECOMPOSED_MAX,
                                                     UTF8PROC_DECOMPOSE, &boundary);
    MEL_ASSERT(added >= 0 && added <= DECOMPOSED_MAX);
    return count + (size_t)added;
}

size_t text_compose(const char *text, size_t n, Encoding *out)
{
    size_t count = 0, from = 0, next;
    for (size_t at = 0; at < n; at = next) {
        int32_t c = text_char(text, n, at, &next);
        if (!in_ranges(c, late_marks, MEL_COUNT(late_marks))) {
            count = decompose(c, out, count);
            continue;
        }
        count = from + compose_stretch(out->points + from, count - from);
        mel_grow(&out->points, &out->point_capacity, count + 1, sizeof *out->points);
        out->points[count++] = c;
        from = count;
    }
    return count > from ? from + compose_stretch(out->points + from, count - from) : count;
}

/* ---- stretches ------------------------------------------------------------------------------ */

size_t text_contraction(const char *text, size_t n, size_t at)
{
    static const char *const all[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    if (text[at] != '\'') return 0;
    for (size_t i = 0; i < MEL_COUNT(all); i++) {
        size_t length = strlen(all[i]);
        if (n - at >= length && memcmp(text + at, all[i], length) == 0) return length;
    }
    return 0;
}

size_t text_kind_end(const char *text, size_t n, size_t at)
{
    size_t next, after;
    CharKind kind = text_kind(text_char(text, n, at, &next));
    while (next < n && text_kind(text_char(text, n, next, &after)) == kind)
        next = after;
    return next;
}
