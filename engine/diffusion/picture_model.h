/* SPDX-License-Identifier: Apache-2.0
 *
 * The image side of MeLFusion: a latent diffusion model that is only looked at. A picture's latent
 * is inverted under the null text, and at every time of a sampler the normalised states of the
 * synapse's places are taken. */
#ifndef MEL_ENGINE_PICTURE_MODEL_H
#define MEL_ENGINE_PICTURE_MODEL_H

#include "base/base.h"
#include "engine/diffusion/codec.h"
#include "engine/diffusion/sampler.h"
#include "engine/diffusion/synapse.h"
#include "engine/front/resize.h"
#include "engine/network.h"
#include "engine/plan.h"

typedef struct PictureModel PictureModel;

/* From a model's folder: image_unet/, image_vae/, image_text_encoder/ (with its tokenizer, or
 * image_tokenizer/), image_scheduler/. Pictures are squares of the UNet's sample_size times the
 * autoencoder's factor. synapse (may be NULL: none) says where states are taken. */
MEL_MUST_CHECK bool mel_picture_model_open(const char *folder, const Synapse *synapse,
                                           DType float_type, PictureModel **out, Err *err);
void mel_picture_model_close(PictureModel *model); /* NULL is fine */

int mel_picture_model_side(const PictureModel *model); /* pixels */
const Shape *mel_picture_model_latent(const PictureModel *model);
const NoiseSchedule *mel_picture_model_schedule(const PictureModel *model);
const Network *mel_picture_model_unet(const PictureModel *model);
const char *mel_picture_model_vae_sha256(const PictureModel *model);
/* The null text's states, [tokens, width]. */
const Tensor *mel_picture_model_null_text(const PictureModel *model);

/* RGB of any size; the middle square is taken. */
MEL_MUST_CHECK bool mel_picture_encode(PictureModel *model, const uint8_t *rgb, PictureSize size,
                                       float *latent, Err *err);
/* side·side·3 bytes */
MEL_MUST_CHECK bool mel_picture_decode(PictureModel *model, const float *latent, uint8_t *rgb,
                                       Err *err);

/* The latents at times[i], falling: trajectory [count, latent]. */
MEL_MUST_CHECK bool mel_picture_invert(PictureModel *model, const float *latent,
                                       InvertConvention convention, const int *times, int count,
                                       float *trajectory, const Progress *progress, Err *err);

/* Back from trajectory[0] by DDIM, to the latent that it was. */
MEL_MUST_CHECK bool mel_picture_replay(PictureModel *model, const float *trajectory,
                                       const int *times, int count, float *latent,
                                       const Progress *progress, Err *err);

/* Where states are taken: while inverting (AT: a network's pass fewer each step), or on the way
 * back (the paper's letter). */
typedef enum Capture { CAPTURE_REPLAY, CAPTURE_INVERT } Capture;

/* States of every place at every time, pooled to several numbers of tokens; on the device. */
typedef struct PictureFeatures PictureFeatures;
MEL_MUST_CHECK bool mel_picture_features(PictureModel *model, const float *latent, Capture capture,
                                         const int *times, int count, const int32_t *lengths,
                                         int length_count, PictureFeatures **out,
                                         const Progress *progress, Err *err);
void mel_picture_features_free(PictureFeatures *features); /* NULL is fine */

/* A site's states, [length, width of the site], into an input of a plan on the same device and of
 * the same float type, from its number `begin` on. length is one of those given. */
MEL_MUST_CHECK bool mel_picture_feature_give(const PictureFeatures *features, int step, int site,
                                             int32_t length, Plan *plan, const char *input,
                                             int64_t begin, Err *err);

#endif
