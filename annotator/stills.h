/* SPDX-License-Identifier: Apache-2.0
 *
 * Stills of clips, decoded by threads and kept for a while: a still that was loaded ahead is shown
 * at once. Of the main thread. */
#ifndef MEL_ANNOTATOR_STILLS_H
#define MEL_ANNOTATOR_STILLS_H

#include <gtk/gtk.h>

typedef struct Stills Stills;

/* Called for a still that cannot be shown, while its picture is still there and still waits for it;
 * why is NULL when there is simply no such file. */
typedef void StillMissingFn(gpointer data, GtkPicture *picture, const char *why);

/* height: what they are made smaller to; 0 = as large as they are. missing may be NULL. */
Stills *stills_new(int height, StillMissingFn *missing, gpointer data);
void stills_free(Stills *stills); /* nothing is called any more; NULL is fine */

void stills_load_ahead(Stills *stills, const char *path);

/* Empties the picture (path NULL: that is all), and fills it as soon as the still is there. */
void stills_show(Stills *stills, const char *path, GtkPicture *picture);

#endif
