/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of `mel stats --html`: one file with everything in it (style, plots, pictures), no
 * scripts, nothing loaded from anywhere. cli/report.html is its shell and style. */
#ifndef MEL_CLI_REPORT_HTML_H
#define MEL_CLI_REPORT_HTML_H

#include "cli/stats_collect.h"

typedef struct ReportOptions {
    const char *path;
    const char *title; /* NULL: the dataset folder's name */
    bool with_audio;   /* the gallery's FLAC files too: some 25 MB */
} ReportOptions;

MEL_MUST_CHECK bool cli_report_write(Db *db, const Stats *stats, const ReportOptions *options,
                                     Err *err);

#endif
