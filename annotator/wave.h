/* SPDX-License-Identifier: Apache-2.0
 *
 * A clip's sound to look at: waveform above, mel spectrogram below, in one time axis with one
 * playhead and the region of a loop. */
#ifndef MEL_ANNOTATOR_WAVE_H
#define MEL_ANNOTATOR_WAVE_H

#include "annotator/player/melgram.h"
#include "annotator/player/peaks.h"

#include <gtk/gtk.h>

#define MEL_TYPE_WAVE (mel_wave_get_type())
G_DECLARE_FINAL_TYPE(MelWave, mel_wave, MEL, WAVE, GtkWidget)

/* Emits "seek" (gint64 sample) for a click and "region" (gint64 first, gint64 end) for a drag. */
GtkWidget *mel_wave_new(void);

/* Borrows both until the next call; NULL and empty for a clip without sound. */
void mel_wave_set_sound(MelWave *wave, gint64 frames, int rate_hz, const Peaks *peaks,
                        const Melgram *melgram);
void mel_wave_set_playhead(MelWave *wave, gint64 sample);
void mel_wave_set_region(MelWave *wave, gint64 first, gint64 end); /* equal: none */

#endif
