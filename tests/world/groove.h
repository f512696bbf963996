/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a genre a genre to the ear, as data: per genre one or more grooves, each a bar of
 * sixteenth steps for chords, bass and drums, and the chord progressions that go with it. */
#ifndef MEL_WORLD_GROOVE_H
#define MEL_WORLD_GROOVE_H

#include "tests/world/factors.h"

enum { GROOVE_LANES = 6, PROGRESSION_MAX = 12 };

/* A bar. Every text has one character a step; all texts of a groove have the same length.
 *
 * chords: X strike, x soft strike, 1-4 one tone of the chord (1 the lowest), - hold, . silence
 * bass:   1 3 5 7 8 tones of the chord (8 the octave), w a step towards the next root, - hold
 * drums:  lanes "K:X...", the letter names the drum (see synth.h), X loud, x medium, o soft;
 *         soft strokes are left out by quiet moods */
typedef struct Groove {
    Genre genre;
    Metre metre;
    Feel feel;
    const char *chords, *bass;
    const char *drums[GROOVE_LANES]; /* NULL-padded */
} Groove;

/* Chord roots as degrees of the mode (0 = the tonic), one chord a bar. */
typedef struct Progression {
    int count;
    int degrees[PROGRESSION_MAX];
} Progression;

int mel_groove_count(Genre genre);
const Groove *mel_groove(Genre genre, int index);
int mel_groove_steps(const Groove *groove); /* in one bar */
int mel_groove_steps_per_beat(const Groove *groove);

/* `pick` chooses among those of the genre; the minor family serves the minor modes. */
const Progression *mel_progression(Genre genre, Mode mode, int pick);

/* Genres whose chords have a seventh / are bare fifths on a distorted guitar. */
bool mel_genre_sevenths(Genre genre);

#endif
