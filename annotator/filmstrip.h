/* SPDX-License-Identifier: Apache-2.0
 *
 * The candidate stills of a clip: which one is the triplet's picture. */
#ifndef MEL_ANNOTATOR_FILMSTRIP_H
#define MEL_ANNOTATOR_FILMSTRIP_H

#include "db/db.h"

#include <gtk/gtk.h>

#define MEL_TYPE_FILMSTRIP (mel_filmstrip_get_type())
G_DECLARE_FINAL_TYPE(MelFilmstrip, mel_filmstrip, MEL, FILMSTRIP, GtkWidget)

/* Emits "chosen" (int position, -1 for none) when a person chooses, and "looked-at" (gint64
 * time_us) to show that moment; "told" (const char *sentence) for what a person should know. */
GtkWidget *mel_filmstrip_new(void);
void mel_filmstrip_show(MelFilmstrip *strip, const ClipItem *item);
void mel_filmstrip_load_ahead(MelFilmstrip *strip, const ClipItem *item);
void mel_filmstrip_set_chosen(MelFilmstrip *strip, int position); /* -1: none */
gboolean mel_filmstrip_press(MelFilmstrip *strip, guint n);       /* the n-th still, from 0 */

#endif
