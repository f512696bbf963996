/* SPDX-License-Identifier: Apache-2.0
 *
 * A quiet line beside a field: what is suggested, by whom, and a small button that accepts it. */
#ifndef MEL_ANNOTATOR_SUGGESTION_LINE_H
#define MEL_ANNOTATOR_SUGGESTION_LINE_H

#include <gtk/gtk.h>

#define MEL_TYPE_SUGGESTION_LINE (mel_suggestion_line_get_type())
G_DECLARE_FINAL_TYPE(MelSuggestionLine, mel_suggestion_line, MEL, SUGGESTION_LINE, GtkWidget)

/* Hidden at first. title: of the field. Emits "accepted". */
GtkWidget *mel_suggestion_line_new(const char *title);

/* text NULL: hides it. keys: that accept too, for the button's hint. */
void mel_suggestion_line_show(MelSuggestionLine *line, const char *text, const char *keys);

#endif
