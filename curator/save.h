/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures out of memory into files for people. */
#ifndef MEL_CURATOR_SAVE_H
#define MEL_CURATOR_SAVE_H

#include "base/base.h"

/* RGB, 3 bytes a pixel, rows without gaps, as JPEG of quality 95; the file appears whole. ERR_IO.
 */
MEL_MUST_CHECK bool mel_save_picture(const char *path, const uint8_t *rgb, int width, int height,
                                     Err *err);

#endif
