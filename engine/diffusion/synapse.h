/* SPDX-License-Identifier: Apache-2.0
 *
 * MeLFusion's visual synapse (Chowdhury et al., CVPR 2024, eq. 5 and 6): keys and values of the
 * image UNet's self-attention are mixed into the cross-attention of the music UNet in the same
 * place,
 *
 *     K = K_music + gate·α·(P(K_image) - K_music),   V likewise,
 *
 * where P pools the picture's places, in rows, to as many tokens as the text has (adaptive average
 * pooling), and the gate is 0 for a sample that shall not see the picture. With α = 0 nothing
 * changes, to the last bit. Keys are linear in the states that they are made of, so the states are
 * pooled, and the image UNet's own projections applied to what is left. */
#ifndef MEL_ENGINE_SYNAPSE_H
#define MEL_ENGINE_SYNAPSE_H

#include "engine/nets.h"

enum { SYNAPSE_SITES_MAX = 32, SYNAPSE_LAYER_SIZE = 64 };

typedef enum SynapsePlace { SYNAPSE_DECODER, SYNAPSE_ENCODER, SYNAPSE_BOTH } SynapsePlace;

/* What α is of the trained number a: itself, or (2σ(a) - 1)/5 as the released code has it. */
typedef enum AlphaForm { ALPHA_PLAIN, ALPHA_SQUASHED } AlphaForm;

typedef struct SynapseConfig {
    SynapsePlace place;
    bool shared; /* one α for all places; else one each */
    AlphaForm form;
} SynapseConfig;

/* From a model's synapse.json or a run's "synapse": {"place": "decoder", "encoder" or "both",
 * "shared": false, "form": "plain" or "squashed"}; NULL is the default of all. ERR_FORMAT names the
 * key. */
MEL_MUST_CHECK bool mel_synapse_config(const json_t *object, SynapseConfig *out, Err *err);
json_t *mel_synapse_config_json(const SynapseConfig *config); /* yours to json_decref() */

/* A transformer block of both UNets. */
typedef struct SynapseSite {
    char layer[SYNAPSE_LAYER_SIZE]; /* "up_blocks.1.attentions.0.transformer_blocks.0" */
    int64_t width;
} SynapseSite;

typedef struct Synapse {
    SynapseConfig config;
    int64_t tokens; /* of the music's texts, at most; set by who knows them */
    int count;
    SynapseSite sites[SYNAPSE_SITES_MAX]; /* in order of execution */
    Node *states[SYNAPSE_SITES_MAX];      /* normalised states of the image UNet: see below */
    Node *k[SYNAPSE_SITES_MAX], *v[SYNAPSE_SITES_MAX]; /* of the image, pooled */
    Graph *graph;                                      /* of the music UNet */
    Node *gate, *shared; /* shared: gate·α where it is one for all */
    int seen;            /* how many sites the UNet being built has passed */
} Synapse;

/* The sites that both UNets have. ERR_FORMAT when they differ in levels, layers or widths. */
MEL_MUST_CHECK bool mel_synapse_plan(const SynapseConfig *config, const UnetConfig *image,
                                     const UnetConfig *music, Synapse *out, Err *err);

/* A hook for the image UNet: keeps the states of each site, [B, places, width], in states. */
UnetHook mel_synapse_capture(Synapse *synapse);

/* Those states, or ones given as inputs, pooled for texts of `length` tokens, the first lengths[b]
 * of which count ([B] of i32) → [B, length, width] into states. */
void mel_synapse_pool(Synapse *synapse, Node *lengths, int64_t length);

/* Keys and values from pooled states, by the image UNet's projections: its parameters are asked for
 * below the prefix that is pushed now. */
void mel_synapse_project(Synapse *synapse, Graph *graph);

/* A hook for the music UNet, after mel_synapse_project. gate [B, 1, 1] of f32, or NULL for 1. The
 * numbers a are parameters of the music UNet: "<layer>.attn2.alpha" [1]; shared: "synapse.alpha"
 * below the prefix pushed now. */
UnetHook mel_synapse_mix(Synapse *synapse, Graph *graph, Node *gate);

bool mel_synapse_is_alpha(const char *parameter); /* whether it is such a number, by its name */

#endif
