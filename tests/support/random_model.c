/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/random_model.h"

#include "tests/support/random_weights.h"

#include <stdlib.h>
#include <string.h>

static bool copy_file(const char *from, const char *name, const char *to, Err *err)
{
    char *source = mel_path_join(from, name), *target = mel_path_join(to, name), *bytes = NULL;
    size_t n;
    bool ok = !mel_path_exists(source) ||
              (mel_read_file(source, 64 << 20, &bytes, &n, err) && mel_make_dirs(to, err) &&
               mel_write_file(target, bytes, n, err));
    free(bytes);
    free(source);
    free(target);
    return ok;
}

bool tokenizer_copy(const char *tokenizers, const char *which, const char *folder, const char *part,
                    Err *err)
{
    static const char *const names[] = {"vocab.json", "merges.txt", "spiece.model"};
    char *from = mel_path_join(tokenizers, which), *to = mel_path_join(folder, part);
    bool ok = true;
    for (size_t i = 0; i < MEL_COUNT(names) && ok; i++)
        ok = copy_file(from, names[i], to, err);
    free(from);
    free(to);
    return ok;
}

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

bool random_model_write(const char *folder, const char *tokenizers, const RandomModel *model,
                        Err *err)
{
    bool ok = write_schedule(folder, "scheduler", "v_prediction", err) &&
              write_schedule(folder, "image_scheduler", "epsilon", err) &&
              tokenizer_copy(tokenizers, "t5", folder, "tokenizer", err) &&
              tokenizer_copy(tokenizers, "clip", folder, "image_tokenizer", err);
    for (size_t i = 0; i < model->count && ok; i++) {
        const ModelPart *part = &model->parts[i];
        bool mixes = strcmp(part->name, "unet") == 0;
        ok = random_part_write(folder, part->name, part->config, i + 1,
                               mixes ? &model->alpha : NULL, err);
    }
    return ok;
}
