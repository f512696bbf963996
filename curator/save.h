/* SPDX-License-Identifier: Apache-2.0
 *
 * Sounds and pictures out of memory into files for people. */
#ifndef MEL_CURATOR_SAVE_H
#define MEL_CURATOR_SAVE_H

#include "base/base.h"

/* Interleaved samples in -1 … 1 (beyond is cut) as 16 bits, WAV or FLAC by the path's ending; the
 * file appears whole. ERR_USAGE for another ending; ERR_IO. */
MEL_MUST_CHECK bool mel_save_sound(const char *path, const float *samples, int64_t frames,
                                   int channels, int rate_hz, Err *err);

/* RGB, 3 bytes a pixel, rows without gaps, as JPEG of quality 95; the file appears whole. ERR_IO.
 */
MEL_MUST_CHECK bool mel_save_picture(const char *path, const uint8_t *rgb, int width, int height,
                                     Err *err);

#endif
