/* SPDX-License-Identifier: Apache-2.0
 *
 * From musical factors to a finished stereo recording at 48 kHz: composed, played, mixed,
 * reverberated, brought to about -16 LUFS and limited. */
#ifndef MEL_WORLD_MUSIC_H
#define MEL_WORLD_MUSIC_H

#include "tests/world/synth.h"

typedef struct Recording {
    float *samples; /* interleaved left, right; yours (mel_recording_clear) */
    size_t n;       /* per channel */
} Recording;

/* `seconds` of the piece from second `from_s` on. Fails only out of memory. */
MEL_MUST_CHECK bool mel_music_render(const MusicFactors *music, double from_s, double seconds,
                                     Recording *out, Err *err);
void mel_recording_clear(Recording *recording);

#endif
