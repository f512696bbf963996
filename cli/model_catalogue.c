/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/model_catalogue.h"

#include <string.h>

extern const char mel_models_json[]; /* schemas/models.json */

json_t *model_catalogue(void)
{
    Err err = {0};
    json_t *catalogue =
        mel_json_parse(mel_models_json, strlen(mel_models_json), "models.json", &err);
    MEL_ASSERT(catalogue); /* the program's own data */
    return catalogue;
}

static const json_t *models(const json_t *catalogue)
{
    return json_object_get(catalogue, "models");
}

size_t model_catalogue_count(const json_t *catalogue)
{
    return json_array_size(models(catalogue));
}

ModelEntry model_catalogue_at(const json_t *catalogue, size_t i)
{
    const json_t *m = json_array_get(models(catalogue), i);
    return (ModelEntry){.name = mel_json_text(m, "name", ""),
                        .what = mel_json_text(m, "what", ""),
                        .license = mel_json_text(m, "license", ""),
                        .mbytes = mel_json_i64(m, "mbytes", 0),
                        .repositories = json_object_get(m, "repositories"),
                        .folders = json_object_get(m, "folders"),
                        .files = json_object_get(m, "files"),
                        .downloads = json_object_get(m, "downloads"),
                        .config = json_object_get(m, "config")};
}

bool model_catalogue_find(const json_t *catalogue, const char *name, ModelEntry *out)
{
    for (size_t i = 0; i < model_catalogue_count(catalogue); i++) {
        *out = model_catalogue_at(catalogue, i);
        if (mel_equal(out->name, name)) return true;
    }
    return false;
}

/* ---- choosing files ------------------------------------------------------------------------- */

static bool in_list(const json_t *list, const char *text, size_t n)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        if (strlen(item) == n && memcmp(item, text, n) == 0) return true;
    }
    return false;
}

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static bool same_folder(const char *a, const char *b)
{
    size_t n = folder_length(a);
    return n == folder_length(b) && memcmp(a, b, n) == 0;
}

/* Configurations and vocabularies. */
static bool is_small_file(const char *name)
{
    static const char *const names[] = {
        "config.json",     "preprocessor_config.json", "tokenizer_config.json", "vocab.json",
        "merges.txt",      "special_tokens_map.json",  "scheduler_config.json", "spiece.model",
        "model_index.json"};
    for (size_t i = 0; i < MEL_COUNT(names); i++)
        if (mel_equal(name, names[i])) return true;
    return false;
}

/* Kinds of weights, the best first; shards go with their index. */
static const struct {
    const char *name, *shards;
} weights[] = {
    {"model.safetensors",                              NULL                      },
    {"diffusion_pytorch_model.safetensors",            NULL                      },
    {"model.safetensors.index.json",                   "model-"                  },
    {"diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model-"},
    {"pytorch_model.bin",                              NULL                      },
    {"diffusion_pytorch_model.bin",                    NULL                      },
    {"pytorch_model.bin.index.json",                   "pytorch_model-"          },
};

static bool is_weights(size_t kind, const char *name)
{
    if (mel_equal(name, weights[kind].name)) return true;
    const char *end = strstr(weights[kind].name, ".bin") ? ".bin" : ".safetensors";
    return weights[kind].shards && mel_starts_with(name, weights[kind].shards) &&
           strstr(name, "-of-") && mel_ends_with(name, end);
}

/* The best kind that the folder of this file holds. */
static size_t best_weights(const HubListing *listing, const char *path)
{
    for (size_t kind = 0; kind < MEL_COUNT(weights); kind++)
        for (size_t i = 0; i < listing->count; i++)
            if (same_folder(listing->files[i].path, path) &&
                mel_equal(mel_path_base(listing->files[i].path), weights[kind].name))
                return kind;
    return MEL_COUNT(weights);
}

static bool is_wanted(const ModelEntry *entry, const HubListing *listing, const char *path)
{
    const char *name = mel_path_base(path);
    if (entry->files) return in_list(entry->files, path, strlen(path));
    size_t folder = folder_length(path);
    if (entry->folders ? !in_list(entry->folders, path, folder) : folder != 0) return false;
    if (is_small_file(name)) return true;
    size_t best = best_weights(listing, path);
    return best < MEL_COUNT(weights) && is_weights(best, name);
}

size_t model_choose_files(const ModelEntry *entry, const HubListing *listing, bool *wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < listing->count; i++) {
        wanted[i] = is_wanted(entry, listing, listing->files[i].path);
        count += wanted[i];
    }
    return count;
}
