/* SPDX-License-Identifier: Apache-2.0
 *
 * How far people agree, as 'mel agree' tells it: one number first, then every field, then every
 * person. */
#ifndef MEL_ANNOTATOR_AGREEMENT_WINDOW_H
#define MEL_ANNOTATOR_AGREEMENT_WINDOW_H

#include "annotator/agreement_report.h"

#include <gtk/gtk.h>

#define MEL_TYPE_AGREEMENT_WINDOW (mel_agreement_window_get_type())
G_DECLARE_FINAL_TYPE(MelAgreementWindow, mel_agreement_window, MEL, AGREEMENT_WINDOW, GtkWindow)

/* Counts in a thread, and shows what comes of it. */
GtkWidget *mel_agreement_window_new(GtkWindow *parent, const char *folder);

/* For tests: what is shown, or NULL while it is counted. */
const AgreementReport *mel_agreement_window_report(MelAgreementWindow *window);

#endif
