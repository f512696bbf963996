/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the original code, as its published files have them. */
#include "engine/checkpoint/names.h"
#include "engine/nets.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

typedef struct Pair {
    NameLayout layout;
    const char *ours, *theirs;
} Pair;

static void names_become_those_of_the_published_files(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {NAMES_AS_ASKED,    "conv_in.weight",                                                    "conv_in.weight"                     },
        {NAMES_VAE_QUERY,   "encoder.mid_block.attentions.0.to_q.weight",
         "encoder.mid_block.attentions.0.query.weight"                                                                                },
        {NAMES_VAE_QUERY,   "decoder.mid_block.attentions.0.to_out.0.bias",
         "decoder.mid_block.attentions.0.proj_attn.bias"                                                                              },
        {NAMES_LDM_UNET,    "conv_in.weight",                                                    "input_blocks.0.0.weight"            },
        {NAMES_LDM_UNET,    "time_embedding.linear_2.bias",                                      "time_embed.2.bias"                  },
        {NAMES_LDM_UNET,    "down_blocks.0.resnets.0.norm1.weight",
         "input_blocks.1.0.in_layers.0.weight"                                                                                        },
        {NAMES_LDM_UNET,    "down_blocks.0.attentions.1.proj_in.weight",
         "input_blocks.2.1.proj_in.weight"                                                                                            },
        {NAMES_LDM_UNET,    "down_blocks.0.downsamplers.0.conv.bias",                            "input_blocks.3.0.op.bias"           },
        {NAMES_LDM_UNET,    "down_blocks.1.resnets.0.conv_shortcut.weight",
         "input_blocks.4.0.skip_connection.weight"                                                                                    },
        {NAMES_LDM_UNET,    "down_blocks.3.resnets.1.time_emb_proj.weight",
         "input_blocks.11.0.emb_layers.1.weight"                                                                                      },
        {NAMES_LDM_UNET,    "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight",
         "middle_block.1.transformer_blocks.0.attn1.to_out.0.weight"                                                                  },
        {NAMES_LDM_UNET,    "mid_block.resnets.1.conv2.weight",                                  "middle_block.2.out_layers.3.weight" },
        {NAMES_LDM_UNET,    "up_blocks.0.resnets.2.norm2.bias",                                  "output_blocks.2.0.out_layers.0.bias"},
        {NAMES_LDM_UNET,    "up_blocks.0.upsamplers.0.conv.weight",                              "output_blocks.2.1.conv.weight"      },
        {NAMES_LDM_UNET,    "up_blocks.1.upsamplers.0.conv.weight",                              "output_blocks.5.2.conv.weight"      },
        {NAMES_LDM_UNET,    "up_blocks.3.attentions.2.norm.weight",                              "output_blocks.11.1.norm.weight"     },
        {NAMES_LDM_UNET,    "up_blocks.1.attentions.0.transformer_blocks.0.norm1.weight",
         "output_blocks.3.1.transformer_blocks.0.norm1.weight"                                                                        },
        {NAMES_LDM_UNET,    "conv_norm_out.weight",                                              "out.0.weight"                       },
        {NAMES_LDM_UNET,    "conv_out.bias",                                                     "out.2.bias"                         },
        {NAMES_LDM_VAE,     "encoder.conv_in.weight",                                            "encoder.conv_in.weight"             },
        {NAMES_LDM_VAE,     "encoder.down_blocks.0.resnets.0.norm1.weight",
         "encoder.down.0.block.0.norm1.weight"                                                                                        },
        {NAMES_LDM_VAE,     "encoder.down_blocks.1.resnets.0.conv_shortcut.weight",
         "encoder.down.1.block.0.nin_shortcut.weight"                                                                                 },
        {NAMES_LDM_VAE,     "encoder.down_blocks.0.downsamplers.0.conv.weight",
         "encoder.down.0.downsample.conv.weight"                                                                                      },
        {NAMES_LDM_VAE,     "encoder.mid_block.attentions.0.to_q.weight",
         "encoder.mid.attn_1.q.weight"                                                                                                },
        {NAMES_LDM_VAE,     "encoder.mid_block.attentions.0.group_norm.bias",
         "encoder.mid.attn_1.norm.bias"                                                                                               },
        {NAMES_LDM_VAE,     "encoder.mid_block.resnets.1.conv1.weight",
         "encoder.mid.block_2.conv1.weight"                                                                                           },
        {NAMES_LDM_VAE,     "encoder.conv_norm_out.weight",                                      "encoder.norm_out.weight"            },
        {NAMES_LDM_VAE,     "decoder.up_blocks.0.upsamplers.0.conv.weight",
         "decoder.up.2.upsample.conv.weight"                                                                                          },
        {NAMES_LDM_VAE,     "decoder.up_blocks.1.resnets.0.conv_shortcut.weight",
         "decoder.up.1.block.0.nin_shortcut.weight"                                                                                   },
        {NAMES_LDM_VAE,     "decoder.up_blocks.2.resnets.2.conv2.bias",
         "decoder.up.0.block.2.conv2.bias"                                                                                            },
        {NAMES_LDM_VAE,     "decoder.mid_block.attentions.0.to_out.0.weight",
         "decoder.mid.attn_1.proj_out.weight"                                                                                         },
        {NAMES_LDM_VAE,     "post_quant_conv.weight",                                            "post_quant_conv.weight"             },
        {NAMES_LDM_VOCODER, "upsampler.0.weight",                                                "ups.0.weight"                       },
        {NAMES_LDM_VOCODER, "resblocks.14.convs1.0.weight",                                      "resblocks.14.convs1.0.weight"       },
    };
    for (size_t i = 0; i < MEL_COUNT(pairs); i++) {
        char got[NAME_SIZE];
        mel_name_in_layout(pairs[i].layout, 3, pairs[i].ours, got);
        assert_string_equal(got, pairs[i].theirs);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* No two parameters of a network may become one name, and none may keep a word of ours. */
static void no_two_parameters_share_a_name(void **state)
{
    (void)state;
    Graph *graph = mel_graph_new(DTYPE_F32);
    UnetConfig config = mel_unet_sd15();
    const UnetInputs inputs = {.x = mel_graph_input(graph, "x", DTYPE_F32, SHAPE(1, 64, 64, 4)),
                               .timesteps = mel_graph_input(graph, "t", DTYPE_F32, SHAPE(1)),
                               .text =
                                   mel_graph_input(graph, "text", DTYPE_F32, SHAPE(1, 77, 768))};
    mel_net_unet(graph, &config, &inputs, NULL);
    int count = mel_graph_param_count(graph);
    assert_int_equal(count, 686);
    char **names = mel_alloc((size_t)count * sizeof *names);
    for (int i = 0; i < count; i++) {
        char name[NAME_SIZE];
        mel_name_in_layout(NAMES_LDM_UNET, 0, mel_graph_param_name(graph, i), name);
        if (strstr(name, "down_blocks") || strstr(name, "up_blocks") || strstr(name, "resnets") ||
            strstr(name, "mid_block"))
            fail_msg("'%s' is left of '%s'", name, mel_graph_param_name(graph, i));
        names[i] = mel_strdup(name);
    }
    qsort(names, (size_t)count, sizeof *names, by_text);
    for (int i = 1; i < count; i++)
        assert_string_not_equal(names[i - 1], names[i]);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    mel_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_those_of_the_published_files),
        cmocka_unit_test(no_two_parameters_share_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
