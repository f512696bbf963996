/* SPDX-License-Identifier: Apache-2.0
 *
 * TANGO++, the paper's baseline: a picture is one vector, CLIP's embedding through a projection,
 * that is added to every state of the text. */
#ifndef MEL_ENGINE_PICTURE_SUM_H
#define MEL_ENGINE_PICTURE_SUM_H

#include "base/base.h"
#include "engine/front/resize.h"
#include "engine/tensor.h"

typedef struct PictureSum PictureSum;

#define PICTURE_SUM_PART "picture_projection"

/* Whether the model is such a one: its folder has picture_projection/ with weights. */
bool mel_picture_sum_is_in(const char *folder);

/* clip/ and picture_projection/ of the model's folder. */
MEL_MUST_CHECK bool mel_picture_sum_open(const char *folder, PictureSum **out, Err *err);
void mel_picture_sum_close(PictureSum *sum);                         /* NULL is fine */
int64_t mel_picture_sum_width(const PictureSum *sum);                /* of a text's state */
void mel_picture_sum_describe(const PictureSum *sum, json_t *parts); /* hashes by part */

/* RGB of any size → out [width]. */
MEL_MUST_CHECK bool mel_picture_sum(PictureSum *sum, const uint8_t *rgb, PictureSize size,
                                    float *out, Err *err);

#endif
