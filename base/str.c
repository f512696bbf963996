/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mel_str_add_bytes(Str *str, const void *bytes, size_t n)
{
    mel_grow(&str->text, &str->capacity, str->length + n + 1, 1);
    if (n) memcpy(str->text + str->length, bytes, n);
    str->length += n;
    str->text[str->length] = '\0';
}

void mel_str_add(Str *str, const char *text)
{
    mel_str_add_bytes(str, text, strlen(text));
}

void mel_str_add_char(Str *str, char c)
{
    mel_str_add_bytes(str, &c, 1);
}

void mel_str_addf(Str *str, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    MEL_ASSERT(length >= 0);
    mel_grow(&str->text, &str->capacity, str->length + (size_t)length + 1, 1);
    vsnprintf(str->text + str->length, (size_t)length + 1, format, args);
    str->length += (size_t)length;
    va_end(args);
}

const char *mel_str_text(const Str *str)
{
    return str->text ? str->text : "";
}

char *mel_str_take(Str *str)
{
    char *text = str->text ? str->text : mel_strdup("");
    *str = (Str){0};
    return text;
}

void mel_str_reset(Str *str)
{
    str->length = 0;
    if (str->text) str->text[0] = '\0';
}

void mel_str_clear(Str *str)
{
    free(str->text);
    *str = (Str){0};
}

bool mel_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool mel_ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

bool mel_equal(const char *a, const char *b)
{
    if (!a || !b) return a == b;
    return strcmp(a, b) == 0;
}

char *mel_trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t n = strlen(text);
    while (n && isspace((unsigned char)text[n - 1]))
        text[--n] = '\0';
    return text;
}

/* Length of the well-formed sequence at p (RFC 3629), or 0. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) return p[0] ? 1 : 0;
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || left < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
    if (p[0] == 0xED && p[1] > 0x9F) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
    return n;
}

bool mel_utf8_valid(const char *text, size_t n)
{
    size_t at = 0;
    while (at < n) {
        size_t step = utf8_sequence((const unsigned char *)text + at, n - at);
        if (!step) return false;
        at += step;
    }
    return true;
}

static bool only_blanks(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return *text == '\0';
}

bool mel_parse_i64(const char *text, int64_t *out)
{
    if (only_blanks(text)) return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || !only_blanks(end)) return false;
    *out = value;
    return true;
}

static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    MEL_ASSERT(c_locale);
}

bool mel_parse_f64(const char *text, double *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (only_blanks(text) || strpbrk(text, "xX")) return false; /* strtod reads 0x1p3 as well */
    pthread_once(&once, make_c_locale);
    char *end;
    double value = strtod_l(text, &end, c_locale); /* the decimal point is a point everywhere */
    if (!isfinite(value) || !only_blanks(end)) return false;
    *out = value;
    return true;
}

enum { EDIT_MAX = 48 };

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

int mel_edit_distance(const char *a, const char *b)
{
    int n = (int)strnlen(a, EDIT_MAX), m = (int)strnlen(b, EDIT_MAX);
    int cost[EDIT_MAX + 1][EDIT_MAX + 1];
    for (int i = 0; i <= n; i++)
        cost[i][0] = i;
    for (int j = 0; j <= m; j++)
        cost[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            int change = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = min3(cost[i - 1][j] + 1, cost[i][j - 1] + 1, change);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && cost[i - 2][j - 2] + 1 < cost[i][j]) cost[i][j] = cost[i - 2][j - 2] + 1;
        }
    return cost[n][m];
}

const char *mel_did_you_mean(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    int best_distance = 3;
    for (size_t i = 0; i < count; i++) {
        int distance = mel_edit_distance(word, names[i]);
        if (distance < best_distance && distance < (int)strlen(names[i])) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}
