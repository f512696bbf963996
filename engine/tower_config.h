/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's config.json, as transformers publishes it, as the configuration of our networks. */
#ifndef MEL_ENGINE_TOWER_CONFIG_H
#define MEL_ENGINE_TOWER_CONFIG_H

#include "engine/front/mel.h"
#include "engine/nets.h"

typedef enum TowerKind {
    TOWERS_CLIP,  /* "clip": pictures and texts */
    TOWERS_CLAP,  /* "clap": sounds and texts */
    TOWERS_SOUND, /* "melkit_sound_tower": sounds, in the space of some CLIP's texts */
} TowerKind;

/* The paper's own audio tower: Cnn14 and MS-CLAP's projection into CLIP's space. */
typedef struct SoundTowerConfig {
    Cnn14Config cnn14;
    MelFront front; /* one of the two of PANNs', or MS-CLAP's */
    int64_t joint;
} SoundTowerConfig;

typedef struct TowerSettings {
    TowerKind kind;
    ClipConfig clip;
    ClapConfig clap;
    SoundTowerConfig sound;
} TowerSettings;

/* What the file does not say is as in transformers. ERR_FORMAT names the field that is impossible,
 * also another model than these. */
MEL_MUST_CHECK bool tower_config_read(const char *path, TowerSettings *out, Err *err);

#endif
