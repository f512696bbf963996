/* SPDX-License-Identifier: Apache-2.0
 *
 * Sounds out of memory into files that people listen to. */
#ifndef MEL_CURATOR_SAVE_H
#define MEL_CURATOR_SAVE_H

#include "base/base.h"

/* Interleaved samples in -1 … 1 (beyond is cut) as 16 bits, WAV or FLAC by the path's ending; the
 * file appears whole. ERR_USAGE for another ending; ERR_IO. */
MEL_MUST_CHECK bool mel_save_sound(const char *path, const float *samples, int64_t frames,
                                   int channels, int rate_hz, Err *err);

#endif
