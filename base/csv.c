/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void mel_csv_reader_init(CsvReader *reader, FILE *file, char delimiter, bool skip_initial_space)
{
    *reader = (CsvReader){.file = file,
                          .delimiter = delimiter,
                          .skip_initial_space = skip_initial_space,
                          .next_line = 1};
}

void mel_csv_reader_clear(CsvReader *reader)
{
    mel_str_clear(&reader->buffer);
    free(reader->offsets);
    *reader = (CsvReader){0};
}

static void begin_field(CsvReader *reader)
{
    mel_grow(&reader->offsets, &reader->offsets_capacity, reader->count + 1,
             sizeof *reader->offsets);
    reader->offsets[reader->count++] = reader->buffer.length;
}

static void skip_bom(CsvReader *reader)
{
    static const unsigned char bom[3] = {0xEF, 0xBB, 0xBF};
    int c = 0;
    long n = 0;
    while (n < 3 && (c = getc(reader->file)) == bom[n])
        n++;
    if (n == 3) return;
    if (n == 0 && c != EOF) ungetc(c, reader->file);
    if (n) fseek(reader->file, -(n + (c != EOF)), SEEK_CUR);
}

/* Counts the line that ends with c; the LF of a CR LF belongs to it. A lone CR ends a line as well
 * (old Macintosh files). */
static void end_line(CsvReader *reader, int c)
{
    if (c == '\r' && (c = getc(reader->file)) != '\n' && c != EOF) ungetc(c, reader->file);
    reader->next_line++;
}

static void skip_line(CsvReader *reader)
{
    int c;
    do {
        c = getc(reader->file);
    } while (c != '\n' && c != '\r' && c != EOF);
    if (c != EOF) end_line(reader, c);
}

static bool add_byte(CsvReader *reader, int c, Err *err)
{
    if (c == '\0')
        return mel_err_reason(err, ERR_FORMAT, "csv.nul", "line %lld: a NUL byte",
                              (long long)reader->line);
    if (reader->buffer.length >= CSV_ROW_BYTES_MAX)
        return mel_err_reason(err, ERR_LIMIT, "csv.long_row",
                              "line %lld: the row has more than %d bytes", (long long)reader->line,
                              CSV_ROW_BYTES_MAX);
    mel_str_add_char(&reader->buffer, (char)c);
    return true;
}

/* The inside of a quoted field, up to and with its closing quote. */
static bool read_quoted(CsvReader *reader, Err *err)
{
    bool after_cr = false;
    for (;;) {
        int c = getc(reader->file);
        if (after_cr && c != '\n') reader->next_line++;
        after_cr = c == '\r';
        if (c == EOF)
            return mel_err_reason(err, ERR_FORMAT, "csv.unclosed_quote",
                                  "line %lld: a quote is never closed", (long long)reader->line);
        if (c == '"') {
            int next = getc(reader->file);
            if (next != '"') {
                if (next != EOF) ungetc(next, reader->file);
                return true;
            }
        }
        if (c == '\n') reader->next_line++;
        if (!add_byte(reader, c, err)) return false;
    }
}

static bool next_field(CsvReader *reader, Err *err)
{
    if (reader->count >= CSV_FIELDS_MAX)
        return mel_err_reason(err, ERR_LIMIT, "csv.many_columns", "line %lld: more than %d fields",
                              (long long)reader->line, CSV_FIELDS_MAX);
    mel_str_add_char(&reader->buffer, '\0');
    begin_field(reader);
    return true;
}

/* Reads one row from its first character. Returns false with err set when it is not readable. */
static bool read_row(CsvReader *reader, int c, Err *err)
{
    bool at_start = true, quoted = false;
    begin_field(reader);
    for (; c != EOF && c != '\n' && c != '\r'; c = getc(reader->file)) {
        if (c == reader->delimiter) {
            if (!next_field(reader, err)) return false;
            at_start = true;
            quoted = false;
        } else if (at_start && c == '"') {
            if (!read_quoted(reader, err)) return false;
            at_start = false;
            quoted = true;
        } else if (c == ' ' && (quoted || (at_start && reader->skip_initial_space))) {
            continue;
        } else if (quoted) {
            return mel_err_reason(err, ERR_FORMAT, "csv.text_after_quote",
                                  "line %lld: text behind a closing quote",
                                  (long long)reader->line);
        } else {
            at_start = false;
            if (!add_byte(reader, c, err)) return false;
        }
    }
    if (c == EOF)
        reader->next_line++;
    else
        end_line(reader, c);
    return true;
}

CsvStatus mel_csv_next(CsvReader *reader, Err *err)
{
    if (!reader->not_first) skip_bom(reader);
    reader->not_first = true;
    int c;
    while ((c = getc(reader->file)) == '\n' || c == '\r')
        end_line(reader, c);
    if (c == EOF) return CSV_END;
    mel_str_reset(&reader->buffer);
    reader->count = 0;
    reader->line = reader->next_line;
    ungetc(c, reader->file);
    long start = ftell(reader->file);
    if (!read_row(reader, getc(reader->file), err)) {
        /* Go on behind the first line of the bad row: a stray quote must not eat the rest. */
        if (start >= 0) fseek(reader->file, start, SEEK_SET);
        reader->next_line = reader->line;
        skip_line(reader);
        return CSV_BAD;
    }
    for (size_t i = 0; i < reader->count; i++) {
        const char *field = mel_csv_field(reader, i);
        if (!mel_utf8_valid(field, strlen(field))) {
            mel_err_reason(err, ERR_FORMAT, "csv.not_utf8", "line %lld: field %zu is not UTF-8",
                           (long long)reader->line, i + 1);
            return CSV_BAD;
        }
    }
    return CSV_ROW;
}

const char *mel_csv_field(const CsvReader *reader, size_t i)
{
    if (i >= reader->count || !reader->buffer.text) return "";
    return reader->buffer.text + reader->offsets[i];
}

static bool runs_as_formula(const char *text)
{
    double number;
    return *text && strchr("=+-@\t\r", *text) && !mel_parse_f64(text, &number);
}

void mel_csv_add_field(Str *row, const char *text, char delimiter, bool guard)
{
    bool formula = guard && runs_as_formula(text);
    bool quote = formula || strpbrk(text, "\"\r\n") || strchr(text, delimiter) || *text == ' ';
    if (!quote) {
        mel_str_add(row, text);
        return;
    }
    mel_str_add_char(row, '"');
    if (formula) mel_str_add_char(row, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '"') mel_str_add_char(row, '"');
        mel_str_add_char(row, *p);
    }
    mel_str_add_char(row, '"');
}
