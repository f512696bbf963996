/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the report's files. Everything is appended to one string; every text from outside passes
 * through html_add. */
#ifndef MEL_CLI_REPORT_PARTS_H
#define MEL_CLI_REPORT_PARTS_H

#include "cli/reading.h"
#include "cli/report_html.h"
#include "cli/report_plot.h"

typedef struct Report {
    Str out;
    const Stats *stats;
    const ReportOptions *options;
    int figures, tables; /* numbered so far */
} Report;

/* ---- report_text.c -----------------------------------------------------------------------------
 */

void html_add(Str *out, const char *text); /* escaped for texts and quoted attributes */
void html_add_count(Str *out, int64_t count);
void html_add_number(Str *out, double value, int digits); /* finite; "16,163", "−14.5" */
void html_add_base64(Str *out, const void *bytes, size_t n);
void html_begin_section(Report *report, const char *id, const char *title);
void html_end_section(Report *report);
void html_begin_figure(Report *report, const char *class); /* class NULL = none */
void html_end_figure(Report *report, const char *caption); /* "Figure n. caption"; plain text */
void html_table_caption(Report *report, const char *caption);

/* ---- report_tables.c ---------------------------------------------------------------------------
 */

void report_passes(Report *report);
void report_failures(Report *report);
void report_duplicates(Report *report);
void report_splits(Report *report);
void report_annotators(Report *report);
void report_measures(Report *report);

/* ---- report_gallery.c --------------------------------------------------------------------------
 */

MEL_MUST_CHECK bool report_gallery(Report *report, Db *db, Err *err);

#endif
