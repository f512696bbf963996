/* SPDX-License-Identifier: Apache-2.0
 *
 * Plots as inline SVG. Colours come from the page's style by class, so that they follow its light
 * and dark forms; sizes are in the drawing's own units. Labels are escaped here. */
#ifndef MEL_CLI_REPORT_PLOT_H
#define MEL_CLI_REPORT_PLOT_H

#include "base/base.h"

typedef struct PlotBar {
    const char *label, *note; /* note may be NULL */
    double value;             /* >= 0 */
} PlotBar;

/* Upright bars with their counts above and slanted labels below. `even` > 0 draws a dashed line at
 * that height, named `even_label`. */
void plot_columns(Str *out, const char *title, const PlotBar *bars, size_t count, double even,
                  const char *even_label);

/* Lying bars, each a part of the first: name and note left, count and share of the first behind
 * the bar, and what was lost since the bar before. */
void plot_funnel(Str *out, const char *title, const PlotBar *bars, size_t count);

/* A histogram of `values` (ascending, finite): the middle 90 % in the strong colour, the median as
 * a line. The axis spans the middle 99 % so that one stray value does not flatten it; returns how
 * many values lie outside. */
size_t plot_histogram(Str *out, const char *title, const double *values, size_t count,
                      const char *unit);

/* Round steps for an axis: `step` is 1, 2 or 5 times a power of ten, about `wanted` of them fit
 * between low and high. *first is the first multiple at or above low. high > low. */
void plot_ticks(double low, double high, int wanted, double *first, double *step);

/* The bins of such a histogram. */
enum { PLOT_BINS_MAX = 48 };
typedef struct Bins {
    double low, width;
    int count;
    size_t counts[PLOT_BINS_MAX];
    size_t outside;
} Bins;
void plot_bins(const double *values, size_t count, Bins *bins);

#endif
