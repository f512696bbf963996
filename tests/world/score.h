/* SPDX-License-Identifier: Apache-2.0
 *
 * Composition: from musical factors to notes. A longer score of the same factors begins with the
 * shorter one (bars are drawn one after the other), so that a second upload can start later. */
#ifndef MEL_WORLD_SCORE_H
#define MEL_WORLD_SCORE_H

#include "tests/world/factors.h"

typedef struct Note {
    double start_s, length_s;
    double pitch;    /* MIDI number, fractional allowed; of drums the letter of the lane */
    double velocity; /* 0..1 */
    Part part;
    uint32_t seed; /* of the noise inside the sound */
} Note;

typedef struct Score {
    Note *notes; /* in no particular order */
    size_t count, capacity;
} Score;

/* Notes that begin in [0, seconds). */
void mel_score_compose(const MusicFactors *music, double seconds, Score *out);
void mel_score_clear(Score *score);

/* Seconds of one bar. */
double mel_bar_s(const MusicFactors *music);

#endif
