/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON by jansson, with the limits that untrusted input needs: duplicate keys are refused, nesting
 * is bounded (jansson stops at 2,048), sizes are capped by the caller. */
#ifndef MEL_BASE_JSON_H
#define MEL_BASE_JSON_H

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

/* Parses one JSON value; NULL and an error (with line and column) when it is not one. `what`
 * names the text in the message. Yours to json_decref(). */
json_t *mel_json_parse(const char *text, size_t n, const char *what, Err *err);
json_t *mel_json_load(const char *path, size_t limit_bytes, Err *err);

/* One line, keys in insertion order / sorted; yours to free(). Numbers have 15 digits: 0.1 stays
 * 0.1, the last bit of a double may change. */
char *mel_json_line(const json_t *value);
char *mel_json_canonical(const json_t *value);

/* Object members with a type; the fallback when absent, null or of another type. */
const char *mel_json_text(const json_t *object, const char *key, const char *fallback);
int64_t mel_json_i64(const json_t *object, const char *key, int64_t fallback);
double mel_json_f64(const json_t *object, const char *key, double fallback);

/* Sets key to a text, or to null for NULL. */
void mel_json_set_text(json_t *object, const char *key, const char *text);
/* Sets key to a number, or to null for one that is not finite (JSON has no such numbers). */
void mel_json_set_f64(json_t *object, const char *key, double value);
void mel_json_set_i64(json_t *object, const char *key, int64_t value);

#endif
