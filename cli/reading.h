/* SPDX-License-Identifier: Apache-2.0
 *
 * What the reading commands (list, show, explain, stats) share: the columns' meanings and texts
 * that are safe to print. */
#ifndef MEL_CLI_READING_H
#define MEL_CLI_READING_H

#include "cli/cli.h"

/* ---- columns.c ------------------------------------------------------------------------------- */

typedef struct ColumnNote {
    const char *name, *unit, *meaning; /* unit "" for texts and ids */
} ColumnNote;

/* What a column of a public view holds; NULL when nobody has described it. */
const ColumnNote *cli_column_note(const char *view, const char *column);

/* The quality measures, in the order of curator/measures.h; `audio` those of the sound. */
typedef struct MeasureNote {
    ColumnNote note;
    bool audio;
} MeasureNote;
const MeasureNote *cli_measures(size_t *count);

/* ---- text.c ---------------------------------------------------------------------------------- */

/* Appends the text on one line: line ends, tabs and control characters become blanks, so that a
 * title from somewhere can neither break a table nor steer a terminal. */
void cli_add_clean(Str *out, const char *text);

/* The same in place of a whole buffer; yours to free. NULL gives "". */
char *cli_clean(const char *text);

/* A number with up to `digits` significant digits and no exponent where people expect none. */
void cli_add_number(Str *out, double value, int digits);

/* "1,234,567"; "1.2 GiB"; "10.0 s" or "2 min 5 s" or "3 h 20 min". */
void cli_add_count(Str *out, int64_t count);
void cli_add_size(Str *out, int64_t size_bytes);
void cli_add_span(Str *out, double span_s);

/* Breaks a text at blanks into lines of at most `width` characters, each behind `indent` blanks
 * (the first line too), with a line end behind the last. */
void cli_add_wrapped(Str *out, const char *text, int indent, int width);

int cli_text_width(const char *text); /* characters, not bytes */

/* The width that text for people is wrapped to: the terminal's, 60 to 100. */
int cli_wrap_width(void);

#endif
