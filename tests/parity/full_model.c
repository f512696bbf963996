/* SPDX-License-Identifier: Apache-2.0
 *
 * mel-full-model FOLDER TOKENIZERS: a model of the published architectures and sizes (Stable
 * Diffusion 2.1 base, TANGO, FLAN-T5 large, HiFi-GAN) with random weights, 9.4 GB of them, to show
 * that they run. */
#include "tests/support/random_model.h"

#include <stdio.h>

#define UNET                                                                                       \
    "{\"_class_name\":\"UNet2DConditionModel\",\"cross_attention_dim\":1024,"                      \
    "\"attention_head_dim\":[5,10,20,20],\"block_out_channels\":[320,640,1280,1280],"              \
    "\"use_linear_projection\":true,"

static const ModelPart parts[] = {
    {"image_unet",         UNET "\"in_channels\":4,\"out_channels\":4,\"sample_size\":64}"},
    {"unet",               UNET "\"in_channels\":8,\"out_channels\":8}"                   },
    {"image_vae",          "{\"_class_name\":\"AutoencoderKL\",\"block_out_channels\":[128,256,512,512],"
                  "\"layers_per_block\":2,\"scaling_factor\":0.18215}"   },
    {"vae",                "{\"_class_name\":\"AutoencoderKL\",\"in_channels\":1,\"out_channels\":1,"
            "\"latent_channels\":8,\"block_out_channels\":[128,256,512],\"layers_per_block\":2,"
            "\"scaling_factor\":0.9227914}"                                    },
    {"vocoder",            "{\"model_type\":\"hifigan\",\"model_in_dim\":64}"             },
    {"text_encoder",       "{\"model_type\":\"t5\"}"                                      },
    {"image_text_encoder",
     "{\"model_type\":\"clip_text_model\",\"hidden_size\":1024,\"num_hidden_layers\":23,"
     "\"num_attention_heads\":16,\"intermediate_size\":4096,\"hidden_act\":\"gelu\","
     "\"vocab_size\":49408,\"max_position_embeddings\":77}"                               },
};

int main(int argc, char **argv)
{
    Err err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: mel-full-model FOLDER TOKENIZERS\n");
        return 2;
    }
    const RandomModel model = {.parts = parts, .count = MEL_COUNT(parts), .alpha = 0.1};
    if (random_model_write(argv[1], argv[2], &model, &err)) return 0;
    mel_log_error(&err);
    return 1;
}
