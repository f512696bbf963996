/* SPDX-License-Identifier: Apache-2.0
 *
 * The same parameters under other published names. Graphs ask by the names of diffusers and
 * transformers; files from before them, or of the original latent diffusion code (.ckpt files,
 * TANGO, AudioLDM), use others. */
#ifndef MEL_ENGINE_NAMES_H
#define MEL_ENGINE_NAMES_H

#include "engine/checkpoint/checkpoint.h"

typedef enum NameLayout {
    NAMES_AS_ASKED,
    NAMES_VAE_QUERY,   /* an autoencoder of early diffusers: query, key, value, proj_attn */
    NAMES_LDM_UNET,    /* input_blocks, middle_block, output_blocks */
    NAMES_LDM_VAE,     /* encoder.down, mid.attn_1, decoder.up (counted from below) */
    NAMES_LDM_VOCODER, /* ups */
} NameLayout;

enum { NAME_SIZE = 256 };

/* The layout's name of the parameter that a graph knows as `name`. levels: of an autoencoder in
 * NAMES_LDM_VAE, whose way up is counted from below; else ignored. */
void mel_name_in_layout(NameLayout layout, int levels, const char *name, char out[NAME_SIZE]);

/* The layout and prefix of the network whose parameters a graph asks for ("conv_in.weight" and so
 * on), told by parameters that only one layout has; false when none is there. */
typedef enum NamedNet { NAMED_UNET, NAMED_VAE, NAMED_VOCODER } NamedNet;
bool mel_names_detect(const Checkpoint *checkpoint, NamedNet net, NameLayout *layout,
                      const char **prefix);

#endif
