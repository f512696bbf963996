/* SPDX-License-Identifier: Apache-2.0
 *
 * The picture of a sound's spectrum over time, in levels for a colour table. */
#ifndef MEL_PLAYER_MELGRAM_H
#define MEL_PLAYER_MELGRAM_H

#include "annotator/player/loaded_clip.h"

enum { MELGRAM_BANDS = 80, MELGRAM_COLUMNS_PER_S = 100 };

typedef struct Melgram {
    uint8_t *levels; /* [MELGRAM_BANDS][columns], the highest band first, as a picture has it */
    int columns;     /* column i is centred on sample i * rate / MELGRAM_COLUMNS_PER_S */
} Melgram;

/* Of both channels together: triangular mel bands (O'Shaughnessy's 2595 log10(1 + f / 700)) of 40
 * Hz..min(16 kHz, rate / 2) over Hann windows of about 43 ms; decibels from 80 below the loudest
 * point (0) to it (255). False when the clip has no sound, or `cancel` (NULL = never) says so. For
 * a worker thread. Free with mel_melgram_clear. */
bool mel_melgram(const LoadedClip *clip, const atomic_bool *cancel, Melgram *out);
void mel_melgram_clear(Melgram *melgram);

/* The band, as a row of the picture, whose centre is nearest to a frequency. */
int mel_melgram_row(int rate_hz, double frequency_hz);

#endif
