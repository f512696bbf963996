/* SPDX-License-Identifier: Apache-2.0
 *
 * Lowest and highest samples over stretches of a sound, each level over twice as many samples as
 * the one below, so that a waveform of any width is drawn from few numbers. */
#ifndef MEL_PLAYER_PEAKS_H
#define MEL_PLAYER_PEAKS_H

#include "annotator/player/loaded_clip.h"

typedef struct Peak {
    float low, high;
} Peak;

typedef struct Peaks Peaks;

/* Of both channels together; NULL when the clip has no sound. Yours: mel_peaks_free. Keeps nothing
 * of the clip but a reference. */
Peaks *mel_peaks_new(LoadedClip *clip);
void mel_peaks_free(Peaks *peaks); /* NULL is fine */

/* The exact extremes of samples [first, end) of channel 0 or 1, or of both (-1); clamped to the
 * clip, {0, 0} when nothing is left. Reads about 4 * 64 samples and two pairs a level. */
Peak mel_peaks_over(const Peaks *peaks, int channel, int64_t first, int64_t end);

/* One pair for each of `columns` equal parts of [first, end). */
void mel_peaks_columns(const Peaks *peaks, int channel, int64_t first, int64_t end, int columns,
                       Peak *out);

#endif
