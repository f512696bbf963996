/* SPDX-License-Identifier: Apache-2.0
 *
 * The row in hand: checked piece by piece, then handed on whole or reported. */
#include "curator/source_list_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void mel_list_row_begin(ListRun *run, int64_t line)
{
    mel_arena_clear(&run->arena);
    json_decref(run->extra);
    run->extra = NULL;
    run->row = (ListRow){.line = line, .start_us = -1, .end_us = -1};
}

/* C0 but tab, LF and CR; DEL; C1 (in UTF-8, C2 80 to C2 9F): a terminal may obey them. */
static bool is_control(const unsigned char *p)
{
    if (*p < 0x20) return *p && *p != '\t' && *p != '\n' && *p != '\r';
    return *p == 0x7F || (*p == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F);
}

bool mel_list_text_clean(const char *text, Err *problem)
{
    if (!mel_utf8_valid(text, strlen(text)))
        return mel_err_reason(problem, ERR_FORMAT, "list.not_utf8", "a text is not UTF-8");
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (is_control(p))
            return mel_err_reason(problem, ERR_FORMAT, "list.control",
                                  "a text has a control character");
    return true;
}

void mel_list_excerpt(const char *raw, size_t n, char separator, char out[LIST_EXCERPT_BYTES + 1])
{
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        size_t length = 1;
        while (length < 4 && i + length < n && !mel_utf8_valid(raw + i, length))
            length++;
        bool whole = mel_utf8_valid(raw + i, length);
        if (!whole) length = 1;
        if (used + length > LIST_EXCERPT_BYTES) break;
        unsigned char pair[2] = {(unsigned char)raw[i], length > 1 ? (unsigned char)raw[i + 1] : 0};
        if (raw[i] == '\0')
            out[used++] = separator;
        else if (raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r')
            out[used++] = ' ';
        else if (!whole || is_control(pair))
            out[used++] = '?';
        else
            for (size_t k = 0; k < length; k++)
                out[used++] = raw[i + k];
        i += length;
    }
    out[used] = '\0';
}

bool mel_list_row_locator(ListRun *run, LocatorHint hint, const char *text, Err *problem)
{
    char id[65], *locator = NULL;
    if (!mel_source_identify_in(run->folder, hint, text, &run->row.kind, id, &locator, problem))
        return false;
    run->row.source_id = mel_arena_strdup(&run->arena, id);
    run->row.locator = mel_arena_strdup(&run->arena, locator);
    free(locator);
    return true;
}

bool mel_list_row_text(ListRun *run, const char **slot, const char *text, Err *problem)
{
    if (!mel_list_text_clean(text, problem)) return false;
    if (*text) *slot = mel_arena_strdup(&run->arena, text);
    return true;
}

bool mel_list_row_label(ListRun *run, const char *scheme, const char *value, Err *problem)
{
    if (!mel_list_text_clean(value, problem)) return false;
    char *copy = mel_trim(mel_arena_strdup(&run->arena, value));
    if (!*copy) return true;
    mel_grow(&run->labels, &run->label_capacity, run->row.label_count + 1, sizeof *run->labels);
    run->labels[run->row.label_count++] =
        (ListLabel){.scheme = mel_arena_strdup(&run->arena, scheme), .value = copy};
    return true;
}

bool mel_list_row_extra(ListRun *run, const char *key, json_t *value, Err *problem)
{
    if (!run->extra) run->extra = json_object();
    const char *free_key = key; /* a second value of one name is kept beside the first */
    for (int n = 2; json_object_get(run->extra, free_key); n++)
        free_key = mel_arena_printf(&run->arena, "%s_%d", key, n);
    if (json_object_set_new(run->extra, free_key, value) == 0) return true;
    return mel_err_reason(problem, ERR_FORMAT, "list.not_utf8", "a column name is not UTF-8");
}

/* "Tempo (BPM)" becomes "tempo_bpm". Empty when nothing of the name can be used. */
static const char *scheme_of(ListRun *run, const char *column)
{
    char *scheme = mel_arena_strdup(&run->arena, column), *out = scheme;
    for (const unsigned char *p = (const unsigned char *)column; *p; p++) {
        if (*p < 0x80 && isalnum(*p))
            *out++ = (char)tolower(*p);
        else if (out > scheme && out[-1] != '_')
            *out++ = '_';
    }
    if (out > scheme && out[-1] == '_') out--;
    *out = '\0';
    return scheme;
}

bool mel_list_row_other(ListRun *run, const char *column, const char *value, Err *problem)
{
    if (!*value) return true;
    if (!mel_list_text_clean(value, problem) || !mel_list_text_clean(column, problem)) return false;
    const char *scheme = scheme_of(run, column);
    if (mel_name_valid(scheme) && strlen(value) <= LIST_LABEL_BYTES_MAX && !strchr(value, '\n'))
        return mel_list_row_label(run, scheme, value, problem);
    return mel_list_row_extra(run, *column ? column : "unnamed", json_string(value), problem);
}

/* [h:]mm:ss[.fraction] */
static bool parse_clock(const char *text, double *seconds_out)
{
    double total = 0;
    for (int part = 0; part < 3; part++) {
        size_t n = strspn(text, "0123456789");
        bool two_digits = n == 2 && *text <= '5';
        if (part == 0 ? n == 0 || n > 6 : !two_digits) return false;
        char *end;
        bool last = text[n] != ':';
        if (last && (part == 0 || (text[n] && text[n] != '.'))) return false;
        double value = last ? strtod(text, &end) : (double)strtol(text, &end, 10);
        total = total * 60 + value;
        if (last) {
            *seconds_out = total;
            return *end == '\0';
        }
        text += n + 1;
    }
    return false;
}

bool mel_list_time(const char *text, double unit_s, bool clock, int64_t *us_out, Err *problem)
{
    double value, seconds;
    if (mel_parse_f64(text, &value))
        seconds = value * unit_s;
    else if (!clock || !parse_clock(text, &seconds)) {
        char shown[LIST_EXCERPT_BYTES + 1];
        mel_list_excerpt(text, strnlen(text, 40), ' ', shown);
        return mel_err_reason(problem, ERR_FORMAT, "list.bad_time", "'%s' is not a time", shown);
    }
    if (seconds < 0 || seconds > LIST_TIME_MAX_S)
        return mel_err_reason(problem, ERR_FORMAT, "list.bad_time",
                              "a time of %g s is not between 0 and a week", seconds);
    *us_out = llround(seconds * 1e6);
    return true;
}

bool mel_list_row_span(ListRun *run, int64_t start_us, int64_t end_us, Err *problem)
{
    double default_s = run->reader->default_duration_s;
    if (start_us < 0) return true;
    if (end_us < 0) end_us = start_us + llround((default_s > 0 ? default_s : 10) * 1e6);
    int64_t length_us = end_us - start_us;
    if (length_us <= 0 || length_us > (int64_t)LIST_SPAN_MAX_S * 1000000)
        return mel_err_reason(problem, ERR_FORMAT, "list.bad_span",
                              "a span from %.3f s to %.3f s is not between 0 and %d s long",
                              (double)start_us / 1e6, (double)end_us / 1e6, LIST_SPAN_MAX_S);
    run->row.start_us = start_us;
    run->row.end_us = end_us;
    return true;
}

static bool report(ListRun *run, const Err *problem, const char *raw, size_t n, Err *err)
{
    char separator = run->format == LIST_TSV ? ' ' : run->format == LIST_JSONL ? '?' : ',';
    char text[LIST_EXCERPT_BYTES + 1], message[LIST_EXCERPT_BYTES + 1];
    mel_list_excerpt(raw, n, separator, text);
    mel_list_excerpt(problem->message, strlen(problem->message), ' ', message);
    const ListBadRow bad = {.line = run->row.line,
                            .reason = problem->reason[0] ? problem->reason : "list.bad_row",
                            .message = message,
                            .text = text};
    run->bad++;
    return !run->reader->bad || run->reader->bad(run->reader->ctx, &bad, err);
}

static bool deliver(ListRun *run, Err *err)
{
    char *extra = run->extra && json_object_size(run->extra) ? mel_json_line(run->extra) : NULL;
    run->row.labels = run->labels;
    run->row.extra_json = extra;
    run->rows++;
    bool ok = run->reader->row(run->reader->ctx, &run->row, err);
    run->row.extra_json = NULL;
    free(extra);
    return ok;
}

bool mel_list_row_finish(ListRun *run, bool good, Err *problem, const char *raw, size_t raw_length,
                         Err *err)
{
    bool ok = good ? deliver(run, err) : report(run, problem, raw, raw_length, err);
    mel_err_clear(problem);
    return ok || mel_err(err, ERR_CANCELLED, "the reading of '%s' was stopped", run->path);
}

bool mel_list_csv_finish(ListRun *run, const CsvReader *csv, bool good, Err *problem, Err *err)
{
    return mel_list_row_finish(run, good, problem, mel_str_text(&csv->buffer), csv->buffer.length,
                               err);
}

bool mel_list_csv_bad(ListRun *run, const CsvReader *csv, Err *problem, Err *err)
{
    Err listed = {0}; /* "csv.nul" is called "list.nul" here */
    const char *dot = strchr(problem->reason, '.');
    char reason[sizeof listed.reason];
    snprintf(reason, sizeof reason, "list%.30s", dot ? dot : ".bad_row");
    mel_err_reason(&listed, problem->code, reason, "%s", problem->message);
    mel_err_clear(problem);
    mel_list_row_begin(run, csv->line);
    return mel_list_csv_finish(run, csv, false, &listed, err);
}
