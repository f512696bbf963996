/* SPDX-License-Identifier: Apache-2.0
 *
 * A clip as the player has it: the whole sound and every picture in memory, on one clock. The clock
 * counts samples of the clip's sound from its first one; ten seconds are about 4 MB of sound and 80
 * MB of pictures. Nothing in it changes after loading, so threads share it by reference. */
#ifndef MEL_PLAYER_LOADED_CLIP_H
#define MEL_PLAYER_LOADED_CLIP_H

#include "base/base.h"

#include <stdatomic.h>

enum { PLAYER_CHANNELS = 2, PLAYER_RATE_DEFAULT_HZ = 48000 };

/* What to load; paths are borrowed during the call, NULL = the clip has no such product. */
typedef struct ClipLoadRequest {
    const char *sound_path;   /* FLAC */
    const char *picture_path; /* the preview: MJPEG in Matroska */
    /* On the source's timeline: pictures count from the start that was asked for, samples from the
     * one that was got. Equal when not known. */
    int64_t start_us, got_start_us;
    int64_t duration_us;       /* of the clip, for when the sound cannot say; 0 = not known */
    const atomic_bool *cancel; /* NULL = never */
} ClipLoadRequest;

typedef struct ClipPicture {
    int64_t sample; /* shown from here on; pictures have rising samples */
    uint8_t *rgb;   /* rows of 3 * width bytes, opaque */
} ClipPicture;

typedef struct LoadedClip {
    atomic_int references;
    float *samples; /* [frames][2]; NULL when there is no sound */
    int64_t frames; /* length of the clip; behind a sound that ends early there is silence */
    int rate_hz;    /* of the clock; PLAYER_RATE_DEFAULT_HZ without sound */
    ClipPicture *pictures;
    size_t picture_count;
    int width, height;
    double loudness_lufs, true_peak_dbtp; /* NAN for silence or no sound */
    float gain;                 /* brings the sound to the playing level; 1 when unknown */
    Err sound_why, picture_why; /* set when it is missing, or not whole */
} LoadedClip;

/* Loads what is there. A product that is missing or broken leaves its reason in sound_why or
 * picture_why. For a worker thread: takes about a second for ten of a clip. Fails with
 * ERR_CANCELLED only. *out has one reference, yours. */
MEL_MUST_CHECK bool mel_loaded_clip_new(const ClipLoadRequest *request, LoadedClip **out, Err *err);

LoadedClip *mel_loaded_clip_ref(LoadedClip *clip); /* returns it */
void mel_loaded_clip_unref(LoadedClip *clip);      /* NULL is fine */

/* The picture on the screen at a sample: the last one that begins at or before it, else the first;
 * -1 when there is none. */
int64_t mel_loaded_clip_picture_at(const LoadedClip *clip, int64_t sample);

/* The factor that brings a loudness to -18 LUFS without lifting the true peak above -1 dBTP; 1 for
 * NAN. Never above 24 dB: noise is not blown up. */
float mel_playing_gain(double loudness_lufs, double true_peak_dbtp);

#endif
