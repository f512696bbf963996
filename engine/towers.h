/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures, sounds and texts as points of a common space: a pair of towers (CLIP: pictures and
 * texts; CLAP: sounds and texts; the paper's sound tower, trained into the space of a CLIP's texts)
 * from a folder in the hub's layout: config.json, the weights, the tokenizer's files. Preparing an
 * input needs no network and may run in any thread; embedding runs in one. */
#ifndef MEL_ENGINE_TOWERS_H
#define MEL_ENGINE_TOWERS_H

#include "engine/front/resize.h"
#include "engine/tensor.h"

typedef struct Towers Towers;

typedef enum TowerSide { TOWER_PICTURE, TOWER_SOUND, TOWER_TEXT } TowerSide;
enum { TOWER_SIDES = TOWER_TEXT + 1 };

typedef struct TowersInfo {
    const char *kind;             /* "clip", "clap", "sound tower" */
    bool has[TOWER_SIDES];        /* which of the sides it has */
    int64_t width;                /* of every embedding */
    double scale;                 /* logits per cosine: e^logit_scale; of CLAP that of sounds */
    int picture_side;             /* pixels */
    int sound_rate_hz;            /* mono */
    int64_t sound_samples;        /* ten seconds of them */
    char sha256[SHA256_HEX_SIZE]; /* of the weights */
    DType float_type;             /* of the activations */
} TowersInfo;

/* Reads and checks everything, strictly: a missing, extra or misshapen tensor is named. float_type:
 * of the activations, DTYPE_F32 or DTYPE_BF16. ERR_NOT_FOUND when the folder lacks a file. */
MEL_MUST_CHECK bool mel_towers_open(const char *folder, DType float_type, Towers **out, Err *err);
void mel_towers_close(Towers *towers); /* NULL is fine */
const TowersInfo *mel_towers_info(const Towers *towers);

/* How many floats a prepared picture or sound has. */
int64_t mel_tower_input_count(const Towers *towers, TowerSide side);

/* RGB of any size → what the tower sees: the middle square, CLIP's statistics. */
MEL_MUST_CHECK bool mel_tower_prepare_picture(const Towers *towers, const uint8_t *rgb,
                                              PictureSize size, float *out, Err *err);

/* Interleaved samples in -1 … 1 → mono at the tower's rate, ten seconds: shorter sounds are
 * repeated whole as often as they fit and then silence (CLAP's "repeatpad"), of longer ones the
 * beginning is taken. */
MEL_MUST_CHECK bool mel_tower_prepare_sound(const Towers *towers, const float *samples,
                                            int64_t frames, int channels, int rate_hz, float *out,
                                            Err *err);

/* `count` prepared inputs after each other → embeddings [count, width] of length 1. */
MEL_MUST_CHECK bool mel_tower_embed(Towers *towers, TowerSide side, const float *inputs, int count,
                                    float *out, Err *err);

/* One picture prepared and embedded: RGB of any size → out [width]. */
MEL_MUST_CHECK bool mel_tower_embed_picture(Towers *towers, const uint8_t *rgb, PictureSize size,
                                            float *out, Err *err);

/* Texts → embeddings [count, width] of length 1. CLIP sees 77 tokens, CLAP 512: *cut (may be NULL)
 * is raised by one for each text that is longer. */
MEL_MUST_CHECK bool mel_tower_embed_texts(Towers *towers, const char *const *texts, int count,
                                          float *out, int64_t *cut, Err *err);

#endif
