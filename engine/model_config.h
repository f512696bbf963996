/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's config.json, as transformers publishes it or in our own words, as the configuration of
 * our networks. */
#ifndef MEL_ENGINE_MODEL_CONFIG_H
#define MEL_ENGINE_MODEL_CONFIG_H

#include "engine/front/mel.h"
#include "engine/nets.h"

typedef enum ModelKind {
    MODEL_CLIP,        /* "clip": pictures and texts */
    MODEL_CLAP,        /* "clap": sounds and texts */
    MODEL_SOUND_TOWER, /* "melkit_sound_tower": sounds, in the space of some CLIP's texts */
    MODEL_CNN14,       /* "melkit_cnn14": what sounds are judged by */
    MODEL_VGGISH,      /* "melkit_vggish": also */
    MODEL_T5,          /* "t5": its encoder */
    MODEL_CLIP_TEXT,   /* "clip_text_model": one tower */
    MODEL_UNET,        /* diffusers' UNet2DConditionModel */
    MODEL_VAE,         /* AutoencoderKL */
    MODEL_HIFIGAN,     /* SpeechT5HifiGan */
    MODEL_PICTURE_SUM, /* "melkit_picture_projection": TANGO++'s, from CLIP to text states */
} ModelKind;
enum { MODEL_KINDS = MODEL_PICTURE_SUM + 1 };

/* The paper's own audio tower: Cnn14 and MS-CLAP's projection into CLIP's space. */
typedef struct SoundTowerConfig {
    Cnn14Config cnn14;
    MelFront front; /* one of the two of PANNs', or MS-CLAP's */
    int64_t joint;
} SoundTowerConfig;

typedef struct ModelSettings {
    ModelKind kind;
    ClipConfig clip; /* of one tower too */
    ClapConfig clap;
    SoundTowerConfig sound; /* of a Cnn14 too, which has no projection */
    VggishConfig vggish;
    T5Config t5;
    UnetConfig unet;
    VaeConfig vae;
    HifiganConfig hifigan;
    PictureProjectionConfig picture_projection;
    int64_t sample_size; /* of a UNet: side of its latents; 0 where the file does not say */
} ModelSettings;

/* What the file does not say is as in transformers. ERR_FORMAT names the field that is impossible,
 * also another model than these. */
const char *mel_model_kind_name(ModelKind kind); /* as the file says it */
MEL_MUST_CHECK bool mel_model_config_read(const char *path, ModelSettings *out, Err *err);

#endif
