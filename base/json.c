/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/fs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *mel_json_parse(const char *text, size_t n, const char *what, Err *err)
{
    json_error_t problem;
    /* jansson takes a NUL between values for the end of the text */
    if (n && memchr(text, '\0', n)) {
        mel_err(err, ERR_FORMAT, "%s is not JSON (there is a NUL byte in it)", what);
        return NULL;
    }
    json_t *value = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (!value)
        mel_err(err, ERR_FORMAT, "%s is not JSON (line %d, column %d: %s)", what, problem.line,
                problem.column, problem.text);
    return value;
}

json_t *mel_json_load(const char *path, size_t limit_bytes, Err *err)
{
    char *text = NULL;
    size_t n = 0;
    if (!mel_read_file(path, limit_bytes, &text, &n, err)) return NULL;
    json_t *value = mel_json_parse(text, n, path, err);
    free(text);
    return value;
}

char *mel_json_line(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

char *mel_json_canonical(const json_t *value)
{
    return json_dumps(value,
                      JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

const char *mel_json_text(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : fallback;
}

int64_t mel_json_i64(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double mel_json_f64(const json_t *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

void mel_json_set_text(json_t *object, const char *key, const char *text)
{
    json_t *value = text ? json_string(text) : json_null();
    /* jansson refuses text that is not UTF-8; say so in place of losing the key */
    json_object_set_new(object, key, value ? value : json_string("(not UTF-8)"));
}

void mel_json_set_f64(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

void mel_json_set_i64(json_t *object, const char *key, int64_t value)
{
    json_object_set_new(object, key, json_integer(value));
}
