/* SPDX-License-Identifier: Apache-2.0
 *
 * A tapped tempo beside the same an octave below and above: whoever taps every other beat, or every
 * half of one, takes the right one with a click. Hidden until something was tapped. */
#ifndef MEL_ANNOTATOR_OCTAVES_H
#define MEL_ANNOTATOR_OCTAVES_H

#include <gtk/gtk.h>

#define MEL_TYPE_OCTAVES (mel_octaves_get_type())
G_DECLARE_FINAL_TYPE(MelOctaves, mel_octaves, MEL, OCTAVES, GtkWidget)

/* Emits "chosen" (double bpm). */
GtkWidget *mel_octaves_new(void);

/* bpm: as it was tapped; NAN hides it. An octave that is no tempo is not offered. */
void mel_octaves_show(MelOctaves *octaves, double bpm);

#endif
