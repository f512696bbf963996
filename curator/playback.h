/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of a clip decoded whole into memory, for players: what is heard and shown then waits
 * for no disk and no decoder. The calls may run in any thread. */
#ifndef MEL_CURATOR_PLAYBACK_H
#define MEL_CURATOR_PLAYBACK_H

#include "base/base.h"

#include <stdatomic.h>

typedef struct PlaybackSound {
    float *samples; /* interleaved, [-1, 1] */
    int64_t frames; /* samples per channel */
    int channels;   /* 1 or 2 */
    int rate_hz;
    Err damage; /* set when the file ends early or cannot be decoded further */
} PlaybackSound;

typedef struct PlaybackPicture {
    int64_t time_us; /* from the clip's start */
    uint8_t *rgb;    /* rows of 3 * width bytes without padding, the top one first; full range */
} PlaybackPicture;

typedef struct PlaybackPictures {
    PlaybackPicture *items; /* in order of time, times never fall */
    size_t count;
    int width, height;
    Err damage; /* set when pictures are missing: damaged ones, or all behind some point */
} PlaybackPictures;

/* A FLAC product. What lies before a damage is there, and `damage` says why the rest is not.
 * `cancel` (NULL = never) is asked between blocks. ERR_NOT_FOUND, ERR_IO, ERR_MEDIA when nothing
 * can be decoded, ERR_NOMEM, ERR_CANCELLED. Clear `out` after success. */
MEL_MUST_CHECK bool mel_playback_sound(const char *path, const atomic_bool *cancel,
                                       PlaybackSound *out, Err *err);
void mel_playback_sound_clear(PlaybackSound *sound);

/* A preview product (MJPEG in Matroska, see cut.h), at its own size. Damaged pictures are left out
 * and counted in `damage`. Errors as above; ERR_LIMIT is a damage too: pictures behind the first
 * PLAYBACK_BYTES_MAX bytes are not read. */
enum { PLAYBACK_BYTES_MAX = 640 << 20 };
MEL_MUST_CHECK bool mel_playback_pictures(const char *path, const atomic_bool *cancel,
                                          PlaybackPictures *out, Err *err);
void mel_playback_pictures_clear(PlaybackPictures *pictures);

#endif
