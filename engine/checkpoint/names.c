/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/checkpoint/names.h"

#include <stdio.h>
#include <string.h>

/* The published networks have two residual layers to a block, three on the way up. */
enum { LAYERS = 2 };

/* A word of a name and what it becomes. */
typedef struct Word {
    const char *ours, *theirs;
} Word;

static const Word query_words[] = {
    {".to_q.",     ".query."    },
    {".to_k.",     ".key."      },
    {".to_v.",     ".value."    },
    {".to_out.0.", ".proj_attn."},
};

static const Word unet_resnet_words[] = {
    {".norm1.",         ".in_layers.0."    },
    {".conv1.",         ".in_layers.2."    },
    {".time_emb_proj.", ".emb_layers.1."   },
    {".norm2.",         ".out_layers.0."   },
    {".conv2.",         ".out_layers.3."   },
    {".conv_shortcut.", ".skip_connection."},
};

static const Word vae_words[] = {
    {".conv_shortcut.",          ".nin_shortcut."},
    {".downsamplers.0.",         ".downsample."  },
    {".upsamplers.0.",           ".upsample."    },
    {".mid_block.resnets.0.",    ".mid.block_1." },
    {".mid_block.resnets.1.",    ".mid.block_2." },
    {".mid_block.attentions.0.", ".mid.attn_1."  },
    {".conv_norm_out.",          ".norm_out."    },
    {".group_norm.",             ".norm."        },
    {".to_q.",                   ".q."           },
    {".to_k.",                   ".k."           },
    {".to_v.",                   ".v."           },
    {".to_out.0.",               ".proj_out."    },
};

static const Word unet_ends[] = {
    {"time_embedding.linear_1.", "time_embed.0."    },
    {"time_embedding.linear_2.", "time_embed.2."    },
    {"conv_in.",                 "input_blocks.0.0."},
    {"conv_norm_out.",           "out.0."           },
    {"conv_out.",                "out.2."           },
    {"mid_block.resnets.0.",     "middle_block.0."  },
    {"mid_block.attentions.0.",  "middle_block.1."  },
    {"mid_block.resnets.1.",     "middle_block.2."  },
};

/* Replaces the first place of a word. */
static void replace(char name[NAME_SIZE], const char *ours, const char *theirs)
{
    char copy[NAME_SIZE];
    char *at = strstr(name, ours);
    if (!at) return;
    snprintf(copy, sizeof copy, "%.*s%s%s", (int)(at - name), name, theirs, at + strlen(ours));
    memcpy(name, copy, sizeof copy);
}

static void replace_all(char name[NAME_SIZE], const Word *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        replace(name, words[i].ours, words[i].theirs);
}

#define REPLACE(name, words) replace_all(name, words, sizeof(words) / sizeof *(words))

/* "<side>_blocks.<block>.<kind>.<i>.<rest>" in numbers; false for other names. */
typedef struct BlockName {
    int block, i;
    char kind[32];
    const char *rest;
} BlockName;

static bool read_block(const char *name, const char *side, BlockName *out)
{
    int used = 0;
    size_t skip = strlen(side);
    if (!mel_starts_with(name, side)) return false;
    if (sscanf(name + skip, "%d.%31[a-z].%d.%n", &out->block, out->kind, &out->i, &used) != 3)
        return false;
    out->rest = name + skip + used;
    return used > 0;
}

/* input_blocks counts every layer and downsampling from 1 on, output_blocks every layer from 0 on,
 * whose upsampling is its last part. */
static void ldm_unet(const char *name, char out[NAME_SIZE])
{
    BlockName b;
    snprintf(out, NAME_SIZE, "%s", name);
    if (read_block(name, "down_blocks.", &b)) {
        int first = 1 + b.block * (LAYERS + 1);
        if (mel_equal(b.kind, "downsamplers"))
            snprintf(out, NAME_SIZE, "input_blocks.%d.0.op.%s", first + LAYERS,
                     strrchr(b.rest, '.') + 1);
        else
            snprintf(out, NAME_SIZE, "input_blocks.%d.%d.%s", first + b.i,
                     mel_equal(b.kind, "attentions"), b.rest);
    } else if (read_block(name, "up_blocks.", &b)) {
        int first = b.block * (LAYERS + 1);
        if (mel_equal(b.kind, "upsamplers"))
            snprintf(out, NAME_SIZE, "output_blocks.%d.%d.%s", first + LAYERS, b.block > 0 ? 2 : 1,
                     b.rest);
        else
            snprintf(out, NAME_SIZE, "output_blocks.%d.%d.%s", first + b.i,
                     mel_equal(b.kind, "attentions"), b.rest);
    } else {
        for (size_t i = 0; i < MEL_COUNT(unet_ends); i++)
            if (mel_starts_with(name, unet_ends[i].ours)) {
                replace(out, unet_ends[i].ours, unet_ends[i].theirs);
                break;
            }
    }
    if (!strstr(name, "attentions.")) REPLACE(out, unet_resnet_words);
}

/* levels: of the autoencoder, for its way up is counted from below. */
static void ldm_vae(const char *name, int levels, char out[NAME_SIZE])
{
    BlockName b;
    snprintf(out, NAME_SIZE, "%s", name);
    bool down = read_block(name, "encoder.down_blocks.", &b);
    if (down || read_block(name, "decoder.up_blocks.", &b)) {
        const char *side = down ? "encoder.down" : "decoder.up";
        int level = down ? b.block : levels - 1 - b.block;
        if (mel_equal(b.kind, "resnets"))
            snprintf(out, NAME_SIZE, "%s.%d.block.%d.%s", side, level, b.i, b.rest);
        else
            snprintf(out, NAME_SIZE, "%s.%d.%s.%d.%s", side, level, b.kind, b.i, b.rest);
    }
    REPLACE(out, vae_words);
}

void mel_name_in_layout(NameLayout layout, int levels, const char *name, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%s", name);
    switch (layout) {
    case NAMES_AS_ASKED:
        break;
    case NAMES_VAE_QUERY:
        REPLACE(out, query_words);
        break;
    case NAMES_LDM_UNET:
        ldm_unet(name, out);
        break;
    case NAMES_LDM_VAE:
        ldm_vae(name, levels, out);
        break;
    case NAMES_LDM_VOCODER:
        replace(out, "upsampler.", "ups.");
        break;
    }
}

/* Markers: a parameter that only this layout has, below the prefixes under which it is published.
 */
static const struct {
    NamedNet net;
    NameLayout layout;
    const char *prefix, *marker;
} markers[] = {
    {NAMED_UNET,    NAMES_AS_ASKED,    "",                           "conv_in.weight"                             },
    {NAMED_UNET,    NAMES_AS_ASKED,    "unet.",                      "conv_in.weight"                             },
    {NAMED_UNET,    NAMES_LDM_UNET,    "model.diffusion_model.",     "input_blocks.0.0.weight"                    },
    {NAMED_UNET,    NAMES_LDM_UNET,    "",                           "input_blocks.0.0.weight"                    },
    {NAMED_VAE,     NAMES_AS_ASKED,    "",                           "decoder.mid_block.attentions.0.to_q.weight" },
    {NAMED_VAE,     NAMES_VAE_QUERY,   "",                           "decoder.mid_block.attentions.0.query.weight"},
    {NAMED_VAE,     NAMES_LDM_VAE,     "first_stage_model.",         "decoder.mid.attn_1.q.weight"                },
    {NAMED_VAE,     NAMES_LDM_VAE,     "",                           "decoder.mid.attn_1.q.weight"                },
    {NAMED_VOCODER, NAMES_AS_ASKED,    "",                           "upsampler.0.weight"                         },
    {NAMED_VOCODER, NAMES_LDM_VOCODER, "vocoder.",                   "ups.0.weight"                               },
    {NAMED_VOCODER, NAMES_LDM_VOCODER, "first_stage_model.vocoder.", "ups.0.weight"                               },
    {NAMED_VOCODER, NAMES_LDM_VOCODER, "",                           "ups.0.weight"                               },
};

bool mel_names_detect(const Checkpoint *checkpoint, NamedNet net, NameLayout *layout,
                      const char **prefix)
{
    for (size_t i = 0; i < MEL_COUNT(markers); i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "%s%s", markers[i].prefix, markers[i].marker);
        if (markers[i].net != net || !mel_checkpoint_find(checkpoint, name)) continue;
        *layout = markers[i].layout;
        *prefix = markers[i].prefix;
        return true;
    }
    return false;
}
