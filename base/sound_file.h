/* SPDX-License-Identifier: Apache-2.0
 *
 * Sounds out of memory into files for people. */
#ifndef MEL_BASE_SOUND_FILE_H
#define MEL_BASE_SOUND_FILE_H

#include "base/err.h"

#include <stdint.h>

/* Interleaved samples in -1 … 1 (beyond is cut) as 16 bits, WAV or FLAC by the path's ending; the
 * file appears whole. ERR_USAGE for another ending; ERR_IO. */
MEL_MUST_CHECK bool mel_save_sound(const char *path, const float *samples, int64_t frames,
                                   int channels, int rate_hz, Err *err);

#endif
