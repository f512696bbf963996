/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Lines: one object a line, keys named as the columns of plain lists. */
#include "curator/source_list_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum LineStatus { LINE_READ, LINE_LONG, LINE_END } LineStatus;

/* One line without its end (LF, CR LF or CR). Of a line that is too long the start is kept. */
static LineStatus read_line(FILE *file, Str *line)
{
    int c;
    size_t length = 0;
    mel_str_reset(line);
    while ((c = getc(file)) != EOF && c != '\n' && c != '\r')
        if (length++ < CSV_ROW_BYTES_MAX) mel_str_add_char(line, (char)c);
    if (c == EOF && length == 0) return LINE_END;
    if (c == '\r' && (c = getc(file)) != '\n' && c != EOF) ungetc(c, file);
    return length > CSV_ROW_BYTES_MAX ? LINE_LONG : LINE_READ;
}

/* A number, truth value or text as text; NULL for anything else. Lives as long as the row. */
static const char *scalar_text(ListRun *run, const json_t *value)
{
    if (json_is_string(value)) return json_string_value(value);
    if (!json_is_number(value) && !json_is_boolean(value)) return NULL;
    char *text = mel_json_line(value);
    const char *copy = mel_arena_strdup(&run->arena, text);
    free(text);
    return copy;
}

/* What can be a label each: numbers and short texts. */
static bool all_scalars(const json_t *array)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        bool text = json_is_string(item) && json_string_length(item) <= LIST_LABEL_BYTES_MAX;
        if (!text && !json_is_number(item)) return false;
    }
    return true;
}

/* ["genre", "Jazz"] or {"scheme": "genre", "value": "Jazz"} */
static bool is_pair(const json_t *item)
{
    if (json_is_array(item))
        return json_array_size(item) == 2 && json_is_string(json_array_get(item, 0)) &&
               json_is_string(json_array_get(item, 1));
    return json_is_string(json_object_get(item, "scheme")) &&
           json_is_string(json_object_get(item, "value"));
}

static bool all_pairs(const json_t *array)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        if (!is_pair(item)) return false;
    }
    return json_array_size(array) > 0;
}

static bool add_pairs(ListRun *run, const json_t *array, Err *problem)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        bool plain = json_is_array(item);
        const json_t *scheme = plain ? json_array_get(item, 0) : json_object_get(item, "scheme");
        const json_t *value = plain ? json_array_get(item, 1) : json_object_get(item, "value");
        if (!mel_list_row_other(run, json_string_value(scheme), json_string_value(value), problem))
            return false;
    }
    return true;
}

static bool add_scalars(ListRun *run, const char *scheme, const json_t *array, Err *problem)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        if (!mel_list_row_other(run, scheme, scalar_text(run, item), problem)) return false;
    }
    return true;
}

static bool keep(ListRun *run, const char *key, json_t *value, Err *problem)
{
    return mel_list_row_extra(run, key, json_incref(value), problem);
}

/* Several captions: the first is the caption, all are kept. */
static bool add_captions(ListRun *run, PlainRow *plain, json_t *array, Err *problem)
{
    if (json_array_size(array) == 0) return true;
    const char *first = json_string_value(json_array_get(array, 0));
    if (!first)
        return mel_err_reason(problem, ERR_FORMAT, "list.bad_caption", "a caption is no text");
    return mel_list_plain_set(run, plain, "captions", first, problem) &&
           (json_array_size(array) == 1 || keep(run, "captions", array, problem));
}

/* {"genre": ["Jazz"], "mood": "calm"} */
static bool add_label_object(ListRun *run, json_t *object, Err *problem)
{
    const char *scheme;
    json_t *value;
    json_object_foreach(object, scheme, value)
    {
        const char *text = scalar_text(run, value);
        bool ok = true;
        if (text)
            ok = mel_list_row_other(run, scheme, text, problem);
        else if (json_is_array(value) && all_scalars(value))
            ok = add_scalars(run, scheme, value, problem);
        else if (!json_is_null(value))
            ok = keep(run, scheme, value, problem);
        if (!ok) return false;
    }
    return true;
}

static bool add_member(ListRun *run, PlainRow *plain, const char *key, json_t *value, Err *problem)
{
    if (json_is_null(value)) return true;
    const char *text = scalar_text(run, value);
    if (text) {
        char *trimmed = mel_trim(mel_arena_strdup(&run->arena, text));
        return mel_list_plain_set(run, plain, key, trimmed, problem);
    }
    if (json_is_array(value) && strcasecmp(key, "captions") == 0)
        return add_captions(run, plain, value, problem);
    if (json_is_array(value) && all_pairs(value)) return add_pairs(run, value, problem);
    if (json_is_array(value) && all_scalars(value)) return add_scalars(run, key, value, problem);
    if (json_is_object(value) && strcasecmp(key, "labels") == 0)
        return add_label_object(run, value, problem);
    return keep(run, key, value, problem);
}

static bool read_object(ListRun *run, json_t *object, Err *problem)
{
    PlainRow plain = {0};
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!add_member(run, &plain, key, value, problem)) return false;
    }
    return mel_list_plain_end(run, &plain, problem);
}

static bool read_row(ListRun *run, const Str *line, LineStatus status, Err *problem)
{
    if (status == LINE_LONG)
        return mel_err_reason(problem, ERR_LIMIT, "list.long_row",
                              "the line has more than %d bytes", CSV_ROW_BYTES_MAX);
    if (memchr(line->text, '\0', line->length))
        return mel_err_reason(problem, ERR_FORMAT, "list.nul", "a NUL byte");
    if (!mel_utf8_valid(line->text, line->length))
        return mel_err_reason(problem, ERR_FORMAT, "list.not_utf8", "the line is not UTF-8");
    Err json = {0};
    json_t *object = mel_json_parse(line->text, line->length, "the line", &json);
    bool ok = false;
    if (!object)
        mel_err_reason(problem, ERR_FORMAT, "list.bad_json", "%s", json.message);
    else if (!json_is_object(object))
        mel_err_reason(problem, ERR_FORMAT, "list.bad_json", "the line is no JSON object");
    else
        ok = read_object(run, object, problem);
    json_decref(object);
    return ok;
}

static size_t bom_length(const Str *line)
{
    return mel_starts_with(mel_str_text(line), "\xEF\xBB\xBF") ? 3 : 0;
}

bool mel_list_read_jsonl(ListRun *run, FILE *file, Err *err)
{
    Str line = {0};
    Err problem = {0};
    LineStatus status;
    bool ok = true;
    for (int64_t number = 1; ok && (status = read_line(file, &line)) != LINE_END; number++) {
        const char *text = mel_str_text(&line);
        size_t skip = number == 1 ? bom_length(&line) : 0;
        if (line.length == skip + strspn(text + skip, " \t")) continue;
        Str rest = {.text = line.text + skip, .length = line.length - skip};
        mel_list_row_begin(run, number);
        ok = mel_list_row_finish(run, read_row(run, &rest, status, &problem), &problem, rest.text,
                                 rest.length, err);
    }
    mel_str_clear(&line);
    return ok;
}
