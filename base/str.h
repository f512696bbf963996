/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings: a growing buffer and the few questions that the C library does not answer. */
#ifndef MEL_BASE_STR_H
#define MEL_BASE_STR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing, always NUL-terminated byte string. Start with {0}; text is NULL until first used. */
typedef struct Str {
    char *text;
    size_t length, capacity;
} Str;

void mel_str_add(Str *str, const char *text);
void mel_str_add_bytes(Str *str, const void *bytes, size_t n);
void mel_str_add_char(Str *str, char c);
void mel_str_addf(Str *str, const char *format, ...) MEL_PRINTF(2, 3);
const char *mel_str_text(const Str *str); /* "" when empty; borrowed until the next change */
char *mel_str_take(Str *str);             /* the text, yours to free; the Str is empty again */
void mel_str_reset(Str *str);             /* empty, keeps its memory */
void mel_str_clear(Str *str);             /* empty, frees its memory */

bool mel_starts_with(const char *text, const char *prefix);
bool mel_ends_with(const char *text, const char *suffix);
bool mel_equal(const char *a, const char *b); /* NULL equals NULL only */
char *mel_trim(char *text);                   /* in place; returns the first non-blank */

/* True for well-formed UTF-8 without NUL (surrogates and overlong forms are not). */
bool mel_utf8_valid(const char *text, size_t n);

/* Whole-string numbers: blanks around are allowed, anything else is not. */
bool mel_parse_i64(const char *text, int64_t *out);
bool mel_parse_f64(const char *text, double *out); /* decimal, finite; whatever the locale */

/* Damerau-Levenshtein distance, for "did you mean" (short strings). */
int mel_edit_distance(const char *a, const char *b);

/* The nearest of `count` names within two edits, or NULL. */
const char *mel_did_you_mean(const char *word, const char *const *names, size_t count);

#endif
