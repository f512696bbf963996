/* SPDX-License-Identifier: Apache-2.0
 *
 * mel-full-model FOLDER TOKENIZERS: a model of the published architectures and sizes (Stable
 * Diffusion 2.1 base, TANGO, FLAN-T5 large, HiFi-GAN) with random weights, 9.4 GB of them, to show
 * that they run. */
#include "tests/support/random_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Part {
    const char *name, *config;
} Part;

#define UNET                                                                                       \
    "{\"_class_name\":\"UNet2DConditionModel\",\"cross_attention_dim\":1024,"                      \
    "\"attention_head_dim\":[5,10,20,20],\"block_out_channels\":[320,640,1280,1280],"              \
    "\"use_linear_projection\":true,"

static const Part parts[] = {
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

static bool write_schedule(const char *folder, const char *part, const char *prediction, Err *err)
{
    char *text = mel_asprintf("{\"beta_schedule\":\"scaled_linear\",\"beta_start\":0.00085,"
                              "\"beta_end\":0.012,\"num_train_timesteps\":1000,"
                              "\"prediction_type\":\"%s\",\"set_alpha_to_one\":false}",
                              prediction);
    char *below = mel_path_join(folder, part);
    char *path = mel_path_join(below, "scheduler_config.json");
    bool ok = mel_make_dirs(below, err) && mel_write_file(path, text, strlen(text), err);
    free(text);
    free(below);
    free(path);
    return ok;
}

static bool copy_file(const char *from, const char *name, const char *folder, Err *err)
{
    char *source = mel_path_join(from, name), *target = mel_path_join(folder, name), *bytes = NULL;
    size_t n;
    bool ok = mel_make_dirs(folder, err) && mel_read_file(source, 64 << 20, &bytes, &n, err) &&
              mel_write_file(target, bytes, n, err);
    free(bytes);
    free(source);
    free(target);
    return ok;
}

static bool copy_tokenizers(const char *folder, const char *tokenizers, Err *err)
{
    char *t5 = mel_path_join(tokenizers, "t5"), *clip = mel_path_join(tokenizers, "clip");
    char *music = mel_path_join(folder, "tokenizer");
    char *image = mel_path_join(folder, "image_tokenizer");
    bool ok = copy_file(t5, "spiece.model", music, err) &&
              copy_file(clip, "vocab.json", image, err) &&
              copy_file(clip, "merges.txt", image, err);
    free(t5);
    free(clip);
    free(music);
    free(image);
    return ok;
}

int main(int argc, char **argv)
{
    Err err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: mel-full-model FOLDER TOKENIZERS\n");
        return 2;
    }
    bool ok = write_schedule(argv[1], "scheduler", "v_prediction", &err) &&
              write_schedule(argv[1], "image_scheduler", "epsilon", &err) &&
              copy_tokenizers(argv[1], argv[2], &err);
    for (size_t i = 0; i < MEL_COUNT(parts) && ok; i++)
        ok = random_part_write(argv[1], parts[i].name, parts[i].config, i + 1,
                               strcmp(parts[i].name, "unet") == 0 ? 0.1 : 0, &err);
    if (!ok) mel_log_error(&err);
    return ok ? 0 : 1;
}
