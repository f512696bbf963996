/* SPDX-License-Identifier: Apache-2.0
 *
 * A sound played slowly at its own pitch. */
#ifndef MEL_PLAYER_STRETCH_H
#define MEL_PLAYER_STRETCH_H

#include "annotator/player/loaded_clip.h"

typedef struct Stretched {
    atomic_int references;
    float *samples; /* [frames][2] */
    int64_t frames; /* exactly round(length of the original / speed) */
    double speed;   /* sample n here is sample n * speed of the original */
} Stretched;

/* All of a clip at speed 0.25..1, by Rubber Band's offline engine. For a worker thread: takes about
 * three seconds for ten of a clip. `cancel` (NULL = never) is asked between blocks. A clip without
 * sound gives silence. ERR_USAGE, ERR_NOMEM, ERR_CANCELLED. *out has one reference, yours. */
MEL_MUST_CHECK bool mel_stretch(const LoadedClip *clip, double speed, const atomic_bool *cancel,
                                Stretched **out, Err *err);
Stretched *mel_stretched_ref(Stretched *stretched); /* returns it */
void mel_stretched_unref(Stretched *stretched);     /* NULL is fine */

#endif
