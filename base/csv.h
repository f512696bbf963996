/* SPDX-License-Identifier: Apache-2.0
 *
 * Delimited text: RFC 4180 with the liberties that published lists take (any line end, comma and
 * space before a quoted field, a BOM), and hard limits. */
#ifndef MEL_BASE_CSV_H
#define MEL_BASE_CSV_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>

typedef struct CsvReader {
    FILE *file; /* borrowed */
    char delimiter;
    bool skip_initial_space; /* AudioSet's ", " */
    int64_t line;            /* first line of the row just read, from 1 */
    int64_t next_line;
    Str buffer; /* the row's fields, NUL-separated */
    size_t *offsets;
    size_t offsets_capacity;
    size_t count;
    bool not_first;
} CsvReader;

enum { CSV_ROW_BYTES_MAX = 1 << 20, CSV_FIELDS_MAX = 4096 };

void mel_csv_reader_init(CsvReader *reader, FILE *file, char delimiter, bool skip_initial_space);
void mel_csv_reader_clear(CsvReader *reader);

typedef enum CsvStatus {
    CSV_ROW, /* count fields, see mel_csv_field */
    CSV_BAD, /* this row is not readable (err says why); reading goes on behind its line */
    CSV_END,
} CsvStatus;

/* The next row; empty lines are passed over. A quote that never closes spoils its own line only.
 * Reasons of CSV_BAD: csv.unclosed_quote, csv.text_after_quote, csv.nul, csv.long_row,
 * csv.many_columns, csv.not_utf8; what was read of the row is in `buffer`, fields NUL-separated. */
CsvStatus mel_csv_next(CsvReader *reader, Err *err);

/* Field i of the row, "" past the end. Borrowed until the next row. */
const char *mel_csv_field(const CsvReader *reader, size_t i);

/* One field, quoted when it must be. With `guard`, text that a spreadsheet would run as a formula
 * (starting with = + - @ tab or CR) gets an apostrophe in front; numbers stay as they are. */
void mel_csv_add_field(Str *row, const char *text, char delimiter, bool guard);

#endif
