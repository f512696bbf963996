/* SPDX-License-Identifier: Apache-2.0
 *
 * A number between 0 and 1 with its interval, drawn small: the interval as a bar, the number as a
 * line in it, and marks at 0.667 and 0.800, between which people say "tentative" (Krippendorff,
 * Content Analysis, 2nd edition 2004). What is below 0 is drawn at 0. */
#ifndef MEL_ANNOTATOR_INTERVAL_BAR_H
#define MEL_ANNOTATOR_INTERVAL_BAR_H

#include <gtk/gtk.h>

#define MEL_TYPE_INTERVAL_BAR (mel_interval_bar_get_type())
G_DECLARE_FINAL_TYPE(MelIntervalBar, mel_interval_bar, MEL, INTERVAL_BAR, GtkWidget)

/* NAN for low and high: no interval. */
GtkWidget *mel_interval_bar_new(double value, double low, double high);

#endif
