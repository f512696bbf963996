/* SPDX-License-Identifier: Apache-2.0
 *
 * The music side of MeLFusion: from a text, and a picture's features, to a latent and to sound. */
#ifndef MEL_ENGINE_MUSIC_MODEL_H
#define MEL_ENGINE_MUSIC_MODEL_H

#include "engine/diffusion/picture_model.h"

typedef struct MusicModel MusicModel;

enum { MUSIC_FRAMES = 1024, MUSIC_BINS = 64, MUSIC_RATE_HZ = 16000, MUSIC_SAMPLES = 163840 };

/* From a model's folder: unet/, vae/, text_encoder/ (with its tokenizer, or tokenizer/),
 * scheduler/, and vocoder/ if it has one; for pictures also synapse.json (may be missing: all by
 * default) and image_unet/'s projections. Texts are cut to `tokens`. */
MEL_MUST_CHECK bool mel_music_model_open(const char *folder, bool pictures, int64_t tokens,
                                         DType float_type, MusicModel **out, Err *err);
void mel_music_model_close(MusicModel *model); /* NULL is fine */

const NoiseSchedule *mel_music_model_schedule(const MusicModel *model);
const Shape *mel_music_model_latent(const MusicModel *model);
int64_t mel_music_model_text_width(const MusicModel *model);
const Synapse *mel_music_model_synapse(const MusicModel *model); /* NULL without pictures */
json_t *mel_music_model_describe(const MusicModel *model);       /* hashes by part; yours */

/* How many tokens count of this text, and of none: what features must be pooled to. */
MEL_MUST_CHECK bool mel_music_text_length(MusicModel *model, const char *text, int32_t *length,
                                          Err *err);

typedef struct MusicSampling {
    SamplerKind sampler;
    const int *times; /* falling */
    int count;
    double guidance; /* 1: none */
    uint64_t seed;
    uint64_t sample;       /* which of several by one seed */
    bool guide_by_picture; /* the unguided half does not see the picture */
    const float *added;    /* TANGO++: to every state of the text, [their width]; NULL: nothing */
} MusicSampling;

/* features: at these times, pooled to the text's length and to that of no text; NULL without a
 * picture. latent: as mel_music_model_latent says, scaled as diffusion sees it. */
MEL_MUST_CHECK bool mel_music_sample(MusicModel *model, const char *text,
                                     const PictureFeatures *features, const MusicSampling *how,
                                     float *latent, const Progress *progress, Err *err);

/* latent → log-mel [1024, 64] → mel_music_samples() samples at 16 kHz in -1 … 1. */
MEL_MUST_CHECK bool mel_music_decode(MusicModel *model, const float *latent, float *log_mel,
                                     Err *err);
int64_t mel_music_samples(const MusicModel *model);
MEL_MUST_CHECK bool mel_music_vocode(MusicModel *model, const float *log_mel, float *samples,
                                     Err *err);

/* Sound of any rate → what the autoencoder sees of it, log_mel [1024, 64], the way TANGO was
 * trained: the first channel at 16 kHz, without its mean, peak 0.5, cut or silent to 10.24 s. wave
 * gets those MUSIC_SAMPLES samples. */
typedef struct MusicFront MusicFront;
MEL_MUST_CHECK bool mel_music_front_open(MusicFront **out, Err *err);
void mel_music_front_close(MusicFront *front); /* NULL is fine */
MEL_MUST_CHECK bool mel_music_front(MusicFront *front, const float *samples, int64_t frames,
                                    int channels, int rate_hz, float *wave, float *log_mel,
                                    Err *err);

#endif
