/* SPDX-License-Identifier: Apache-2.0
 *
 * Words: names of pieces and channels, captions, and what an annotator would write. They name
 * genre, tempo, instruments, voice, metre and feel, never the mood nor what follows from it. */
#ifndef MEL_WORLD_WORDS_H
#define MEL_WORLD_WORDS_H

#include "tests/world/factors.h"

/* Different for every index. Both live in the arena. */
const char *mel_words_title(Arena *arena, uint64_t seed, int index);
const char *mel_words_channel(Arena *arena, uint64_t seed, int index);

/* One sentence; yours to free. */
char *mel_words_caption(const MusicFactors *music, Rng *rng);

/* One to three sentences; yours to free. */
char *mel_words_annotation(const MusicFactors *music, Rng *rng);

#endif
