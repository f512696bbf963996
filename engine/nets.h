/* SPDX-License-Identifier: Apache-2.0
 *
 * The networks, as builders of graphs. Parameters are asked for by their published names (of the
 * diffusers and transformers layouts), below the prefix that the caller pushed; mel_params_check
 * then tells whether a checkpoint is that network. Nothing here knows a file or a device. */
#ifndef MEL_ENGINE_NETS_H
#define MEL_ENGINE_NETS_H

#include "engine/ops.h"

/* One transformer. */
typedef struct TowerConfig {
    int64_t width;
    int layers, heads;
    int64_t hidden; /* of the feed-forward part */
} TowerConfig;

/* nets/clip.c: CLIP's towers. SD 2.1's text tower is OpenCLIP-H without its last layer. Known
 * besides parameters are "*position_ids" and "logit_scale" (IMSM scales by e to its power). */
typedef struct ClipConfig {
    int64_t vocabulary, positions;
    TowerConfig text, vision;
    int64_t picture, patch; /* sides, in pixels */
    int64_t joint;          /* width of the space that both project into */
    Unary gelu;
} ClipConfig;
ClipConfig mel_clip_b32(void);
ClipConfig mel_clip_l14(void);
ClipConfig mel_clip_h14_text(void); /* the text tower alone */

/* ids [B, L] of i32 → states after the last norm [B, L, text.width]. */
Node *mel_net_clip_text(Graph *graph, const ClipConfig *config, Node *ids);

/* Those states, and for each text b the row b·L + place of its end token, [B] of i32 → [B, joint];
 * not of length 1 yet. */
Node *mel_net_clip_text_embedding(Graph *graph, const ClipConfig *config, Node *states, Node *ends);

/* pictures [B, side, side, 3], normalised (front/resize.h) → [B, joint]; not of length 1 yet. */
Node *mel_net_clip_vision_embedding(Graph *graph, const ClipConfig *config, Node *pictures);

/* nets/t5.c: the encoder of FLAN-T5. ids [B, L] of i32; mask NULL or [B, 1, 1, L] of f32: 0, or
 * -1e9 for padding → states [B, L, width]. Known besides parameters are
 * "encoder.embed_tokens.weight" (shared.weight again), "decoder." and "lm_head.". */
typedef struct T5Config {
    int64_t vocabulary;
    TowerConfig tower;
    int64_t head_width;
} T5Config;
T5Config mel_t5_flan_large(void);
Node *mel_net_t5_encoder(Graph *graph, const T5Config *config, Node *ids, Node *mask);

/* nets/roberta.c: ids and positions [B, L] of i32 (positions: 2, 3, … for tokens, 1 for padding),
 * mask NULL or [B, 1, 1, L] of f32: 0, or -1e9 for padding → the pooled first token [B, width]. */
typedef struct RobertaConfig {
    int64_t vocabulary, positions;
    TowerConfig tower;
    double eps;
} RobertaConfig;
Node *mel_net_roberta_pooled(Graph *graph, const RobertaConfig *config, Node *ids, Node *positions,
                             Node *mask);

/* nets/htsat.c: log-mel in decibels [B, T, mel_bins], best of f32, whatever the graph's type → the
 * mean of the last tokens [B, width·2^(stages-1)]. T is stretched to side²/mel_bins frames. */
enum { HTSAT_STAGES_MAX = 4 };

typedef struct HtsatConfig {
    int64_t mel_bins, side, patch, width, window; /* side of the picture; window in tokens */
    int stages, depths[HTSAT_STAGES_MAX], heads[HTSAT_STAGES_MAX];
} HtsatConfig;
Node *mel_net_htsat(Graph *graph, const HtsatConfig *config, Node *log_mel);

/* nets/clap.c: both into the joint space, [B, joint]; not of length 1 yet. Known buffers are
 * "*relative_position_index", "*.position_ids", "*.token_type_ids", "*num_batches_tracked". */
typedef struct ClapConfig {
    HtsatConfig audio;
    RobertaConfig text;
    int64_t joint;
} ClapConfig;
ClapConfig mel_clap_htsat_unfused(void);
Node *mel_net_clap_audio_embedding(Graph *graph, const ClapConfig *config, Node *log_mel);
Node *mel_net_clap_text_embedding(Graph *graph, const ClapConfig *config, Node *ids,
                                  Node *positions, Node *mask);

/* nets/unet.c: Stable Diffusion's UNet2DCondition, which TANGO and MeLFusion share. x [B, H, W, C],
 * timesteps [B] (f32), text [B, L, text_width], mask (NULL, or [B, 1, 1, L]: 0 for what counts,
 * -10000 for padding) → the predicted noise, or v, [B, H, W, out_channels]. H and W divide by
 * 2^(levels-1). */
enum { UNET_LEVELS_MAX = 6, UNET_LAYERS_MAX = 3 };

typedef struct UnetConfig {
    int64_t in_channels, out_channels, text_width;
    int levels;
    int64_t widths[UNET_LEVELS_MAX];
    int heads[UNET_LEVELS_MAX]; /* 0: blocks of this level have no attention */
    int layers, groups;         /* residual layers of a down block; groups of every norm */
    bool linear_projection;     /* around a transformer: linear, or 1×1 convolutions */
} UnetConfig;
UnetConfig mel_unet_sd15(void);
UnetConfig mel_unet_sd21(void);
UnetConfig mel_unet_tango(void);

typedef struct UnetInputs {
    Node *x, *timesteps, *text, *mask;
} UnetInputs;

/* Called for every attention, in order of execution. It may keep what it sees, and put other keys
 * and values, [B, any L, C], in their place: there a visual synapse is joined. */
typedef struct UnetAttention {
    const char *layer; /* "up_blocks.1.attentions.0.transformer_blocks.0.attn2" */
    bool cross;        /* over the text; else over the picture's own places */
    Node *states;      /* normalised, what queries (and keys, when not cross) are made of */
    int heads;
} UnetAttention;

typedef struct UnetHook {
    void (*attention)(void *ctx, const UnetAttention *where, Node **k, Node **v);
    void *ctx;
} UnetHook;

Node *mel_net_unet(Graph *graph, const UnetConfig *config, const UnetInputs *inputs,
                   const UnetHook *hook); /* hook may be NULL */

/* nets/vae.c: AutoencoderKL of Stable Diffusion (pictures) and AudioLDM (log-mel spectrograms as
 * one-channel pictures [B, time, mel, 1]). */
typedef struct VaeConfig {
    int64_t channels, latent_channels;
    int levels;
    int64_t widths[UNET_LEVELS_MAX];
    int layers, groups;
    double scaling; /* latents that diffusion sees are (mean or sample)·scaling */
} VaeConfig;
VaeConfig mel_vae_sd(void);
VaeConfig mel_vae_audioldm(void);

/* x [B, H, W, channels] → mean and logarithm of the variance (clamped to -30 … 20), both
 * [B, H/f, W/f, latent_channels] with f = 2^(levels-1); not scaled. */
typedef struct VaeMoments {
    Node *mean, *log_variance;
} VaeMoments;
VaeMoments mel_net_vae_encoder(Graph *graph, const VaeConfig *config, Node *x);
Node *mel_net_vae_decoder(Graph *graph, const VaeConfig *config, Node *latents); /* unscaled ones */

/* nets/hifigan.c: the vocoder of AudioLDM: log-mel [B, T, mel_bins] → samples [B, N] in -1 … 1. */
enum { HIFIGAN_STAGES_MAX = 8, HIFIGAN_KERNELS_MAX = 4, HIFIGAN_DILATIONS = 3 };

typedef struct HifiganConfig {
    int64_t mel_bins, width; /* width: before the first upsampling; each halves it */
    int stages, rates[HIFIGAN_STAGES_MAX], kernels[HIFIGAN_STAGES_MAX];
    int resblock_count, resblock_kernels[HIFIGAN_KERNELS_MAX], dilations[HIFIGAN_DILATIONS];
} HifiganConfig;
HifiganConfig mel_hifigan_audioldm(void);
Node *mel_net_hifigan(Graph *graph, const HifiganConfig *config, Node *log_mel);

/* nets/discriminators.c: what HiFi-GAN is trained against (Kong, Kim and Bae, 2020, §2.3): a sound
 * folded at several periods, and at several scales. wave [B, N] → the values behind every layer, in
 * order; the last one of each discriminator is its judgement. */
enum {
    HIFIGAN_PERIODS = 5,
    HIFIGAN_SCALES = 3,
    HIFIGAN_PERIOD_LAYERS = 6,
    HIFIGAN_SCALE_LAYERS = 8
};
enum {
    HIFIGAN_JUDGED = HIFIGAN_PERIODS * HIFIGAN_PERIOD_LAYERS + HIFIGAN_SCALES * HIFIGAN_SCALE_LAYERS
};
typedef struct HifiganJudged {
    Node *values[HIFIGAN_JUDGED];
    bool is_judgement[HIFIGAN_JUDGED];
    int count;
} HifiganJudged;
/* width: of the first layer of a period's; published 32. */
void mel_net_hifigan_discriminators(Graph *graph, int64_t width, Node *wave, HifiganJudged *out);

/* nets/picture_projection.c: the picture's side of TANGO++ (Chowdhury et al., 2024, §4): a CLIP's
 * embedding of a picture [B, picture_width] → what is added to every state of the text
 * [B, text_width]. */
typedef struct PictureProjectionConfig {
    int64_t picture_width, text_width;
} PictureProjectionConfig;
Node *mel_net_picture_projection(Graph *graph, const PictureProjectionConfig *config,
                                 Node *embedding);

/* nets/cnn14.c: PANNs' Cnn14. log_mel [B, T, mel_bins], T ≥ 32 → the feature "2048" (after its
 * ReLU) [B, embedding], and the logits of AudioSet's classes (before the sigmoid) [B, classes],
 * NULL for 0 classes. The published files carry their own front end: known buffers are
 * spectrogram_extractor.*, logmel_extractor.*, *.num_batches_tracked. */
typedef struct Cnn14Config {
    int64_t mel_bins, width, embedding, classes; /* width: of the first block; 6 blocks double it */
} Cnn14Config;
Cnn14Config mel_cnn14_published(void);

typedef struct Cnn14Outputs {
    Node *embedding, *logits;
} Cnn14Outputs;
Cnn14Outputs mel_net_cnn14(Graph *graph, const Cnn14Config *config, Node *log_mel);

/* MS-CLAP 2022's way from that embedding into the joint space, [B, C] → [B, width]. */
Node *mel_net_msclap_projection(Graph *graph, Node *embedding, int64_t width);

/* The paper's own audio tower: Cnn14 ("audio_encoder.base.") and that projection
 * ("audio_encoder.projection."). */
Node *mel_net_sound_tower(Graph *graph, const Cnn14Config *config, int64_t joint, Node *log_mel);

/* nets/vggish.c: log-mel patches [B, 96, 64, 1] → [B, embedding]. */
enum { VGGISH_FRAMES = 96 };
typedef struct VggishConfig {
    int64_t width, hidden, embedding;
    int64_t classes; /* of the head that it is trained with; the published one came without */
} VggishConfig;
VggishConfig mel_vggish_published(void);
Node *mel_net_vggish(Graph *graph, const VggishConfig *config, Node *patches);

/* That head ("classifier."), which nothing but training needs: [B, embedding] → [B, classes]. */
Node *mel_net_vggish_logits(Graph *graph, const VggishConfig *config, Node *embedding);

#endif
