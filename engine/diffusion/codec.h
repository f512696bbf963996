/* SPDX-License-Identifier: Apache-2.0
 *
 * An autoencoder made ready for one size: pictures or spectrograms to latents and back. */
#ifndef MEL_ENGINE_CODEC_H
#define MEL_ENGINE_CODEC_H

#include "engine/tensor.h"

typedef struct Codec Codec;

/* folder/part for pictures or spectrograms of height × width. Either way is planned when it is
 * first gone. */
MEL_MUST_CHECK bool mel_codec_open(const char *folder, const char *part, int64_t height,
                                   int64_t width, DType float_type, Codec **out, Err *err);
void mel_codec_close(Codec *codec);                      /* NULL is fine */
const Shape *mel_codec_shape(const Codec *codec);        /* [height, width, channels] */
const Shape *mel_codec_latent_shape(const Codec *codec); /* [h, w, c] */
const char *mel_codec_sha256(const Codec *codec);

/* The posterior's mean, scaled as diffusion sees it. */
MEL_MUST_CHECK bool mel_codec_encode(Codec *codec, const float *x, float *latent, Err *err);
MEL_MUST_CHECK bool mel_codec_decode(Codec *codec, const float *latent, float *x, Err *err);

#endif
