/* SPDX-License-Identifier: Apache-2.0
 *
 * A list's row: a title, and in smaller letters how things stand. */
#ifndef MEL_ANNOTATOR_TWO_LINES_H
#define MEL_ANNOTATOR_TWO_LINES_H

#include <gtk/gtk.h>

/* For a factory's "setup". */
void mel_two_lines_setup(GtkSignalListItemFactory *factory, GtkListItem *cell, gpointer data);
void mel_two_lines_show(GtkListItem *cell, const char *title, const char *state);

#endif
