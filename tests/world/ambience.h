/* SPDX-License-Identifier: Apache-2.0
 *
 * What one hears of the place: sea, birds, rain, wind, a crowd, shimmer, a city's hum, a fire. Only
 * the picture tells of it. */
#ifndef MEL_WORLD_AMBIENCE_H
#define MEL_WORLD_AMBIENCE_H

#include "tests/world/factors.h"

/* Adds it to n interleaved frames at SYNTH_RATE_HZ, of music as loud as music_lufs. */
void mel_ambience_add(const Ambience *ambience, double music_lufs, Rng rng, float *mix, size_t n);

#endif
