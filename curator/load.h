/* SPDX-License-Identifier: Apache-2.0
 *
 * Sounds and pictures into memory: this dataset's own products (checked when they were published),
 * or a researcher's own results. Not for files from strangers: those go through the jail. */
#ifndef MEL_CURATOR_LOAD_H
#define MEL_CURATOR_LOAD_H

#include "base/base.h"

/* Interleaved, in -1 … 1. samples are yours to free(). */
typedef struct LoadedSound {
    float *samples;
    int64_t frames;
    int channels, rate_hz;
} LoadedSound;

/* FLAC, WAV and what else libsndfile reads; up to ten minutes. ERR_IO, ERR_MEDIA, ERR_LIMIT. */
MEL_MUST_CHECK bool mel_load_sound(const char *path, LoadedSound *out, Err *err);

/* RGB, 3 bytes a pixel, rows without gaps; rgb is yours to free(). */
typedef struct LoadedPicture {
    uint8_t *rgb;
    int width, height;
} LoadedPicture;

/* JPEG; up to 64 million pixels. ERR_IO, ERR_MEDIA, ERR_LIMIT. */
MEL_MUST_CHECK bool mel_load_picture(const char *path, LoadedPicture *out, Err *err);

#endif
