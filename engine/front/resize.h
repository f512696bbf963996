/* SPDX-License-Identifier: Apache-2.0
 *
 * What networks see of a picture. CLIP's published preprocessing resizes with Pillow, on bytes:
 * resize.c gives its very bytes. Pictures are RGB, 3 bytes a pixel, rows without gaps. */
#ifndef MEL_ENGINE_RESIZE_H
#define MEL_ENGINE_RESIZE_H

#include "base/base.h"

typedef struct PictureSize {
    int width, height; /* pixels, at least 1 */
} PictureSize;

/* Pillow's Image.resize(to, BICUBIC): antialiased, a = -0.5, across first, then down. Pillow does
 * the same up to version 12; version 13 goes down first where a picture loses more than twice as
 * many rows as columns (python-pillow/Pillow#9549), which changes rounding and clipping between the
 * passes. Published models and numbers are older. `out` has to.width·to.height·3 bytes. Errors:
 * ERR_USAGE for a size below 1; ERR_LIMIT, ERR_NOMEM for what lies between the passes. */
MEL_MUST_CHECK bool mel_resize_bicubic(const uint8_t *rgb, PictureSize from, uint8_t *out,
                                       PictureSize to, Err *err);

/* The shortest side to `side`, the other one in proportion (rounded down), then the middle: what
 * transformers' CLIP preprocessing does. `out` has side·side·3 bytes. */
MEL_MUST_CHECK bool mel_resize_square(const uint8_t *rgb, PictureSize from, uint8_t *out, int side,
                                      Err *err);

/* Bytes to numbers: (x/255 - mean) / deviation, by channel. */
typedef struct PictureScale {
    float mean[3], deviation[3];
} PictureScale;
extern const PictureScale mel_picture_clip;   /* CLIP's published statistics */
extern const PictureScale mel_picture_signed; /* to -1 … 1, as Stable Diffusion's autoencoder */

/* [pixels, 3] → [pixels, 3]; the picture stays NHWC. */
void mel_picture_floats(const uint8_t *rgb, int64_t pixels, const PictureScale *scale, float *out);

#endif
