/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/random_weights.h"

#include "engine/nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *add_tensor(RandomWeights *w, const char *name, Shape shape)
{
    int64_t count = mel_shape_count(&shape);
    float *data = mel_arena_alloc(&w->arena, (size_t)count * sizeof *data);
    mel_grow(&w->items, &w->capacity, w->count + 1, sizeof *w->items);
    w->items[w->count++] = (CheckpointTensor){.name = mel_arena_strdup(&w->arena, name),
                                              .dtype = DTYPE_F32,
                                              .shape = shape,
                                              .data = data,
                                              .bytes = count * 4};
    return data;
}

static void fill(RandomWeights *w, const char *name, const Shape *shape)
{
    float *data = add_tensor(w, name, *shape);
    int64_t count = mel_shape_count(shape);
    bool one =
        mel_ends_with(name, "running_var") || (shape->rank == 1 && mel_ends_with(name, ".weight"));
    bool zero = shape->rank == 1 && !one && !mel_ends_with(name, "class_embedding");
    double size = 1 / sqrt((double)count / (double)shape->dims[0]);
    if (strstr(name, "embedding")) size = 0.5;
    Rng rng = {.seed = w->seed, .stream = mel_keyed_hash("weights", name)};
    for (int64_t i = 0; i < count; i++)
        data[i] = one ? 1 : zero ? 0 : (float)(mel_rng_normal(&rng) * size);
}

void random_weights_fill(RandomWeights *w, const Graph *graph)
{
    for (int i = 0; i < mel_graph_param_count(graph); i++)
        fill(w, mel_graph_param_name(graph, i), mel_graph_param_shape(graph, i));
}

void random_weights_number(RandomWeights *w, const char *name, double value)
{
    *add_tensor(w, name, (Shape){.rank = 0}) = (float)value;
}

bool random_weights_write(const char *folder, const char *part, const char *config,
                          const char *weights_name, RandomWeights *w, Err *err)
{
    char *below = mel_path_join(folder, part);
    char *config_path = mel_path_join(below, "config.json");
    char *weights_path = mel_path_join(below, weights_name);
    bool ok = mel_make_dirs(below, err) &&
              mel_write_file(config_path, config, strlen(config), err) &&
              mel_safetensors_write(weights_path, w->items, (int64_t)w->count, NULL, err);
    free(below);
    free(config_path);
    free(weights_path);
    free(w->items);
    mel_arena_clear(&w->arena);
    return ok;
}

/* ---- parts by their configuration ----------------------------------------------------------- */

static void build_unet(Graph *g, const UnetConfig *c)
{
    const UnetInputs in = {
        .x = mel_graph_input(g, "x", DTYPE_F32, SHAPE(1, 64, 64, c->in_channels)),
        .timesteps = mel_graph_input(g, "t", DTYPE_F32, SHAPE(1)),
        .text = mel_graph_input(g, "text", DTYPE_F32, SHAPE(1, 8, c->text_width))};
    mel_net_unet(g, c, &in, NULL);
}

static void build_vae(Graph *g, const VaeConfig *c)
{
    mel_net_vae_encoder(g, c, mel_graph_input(g, "x", DTYPE_F32, SHAPE(1, 64, 64, c->channels)));
    mel_net_vae_decoder(g, c,
                        mel_graph_input(g, "z", DTYPE_F32, SHAPE(1, 8, 8, c->latent_channels)));
}

static bool build(Graph *g, const ModelSettings *s, Err *err)
{
    Node *ids = mel_graph_input(g, "ids", DTYPE_I32, SHAPE(1, 8));
    if (s->kind == MODEL_UNET)
        build_unet(g, &s->unet);
    else if (s->kind == MODEL_VAE)
        build_vae(g, &s->vae);
    else if (s->kind == MODEL_HIFIGAN)
        mel_net_hifigan(g, &s->hifigan,
                        mel_graph_input(g, "x", DTYPE_F32, SHAPE(1, 32, s->hifigan.mel_bins)));
    else if (s->kind == MODEL_T5)
        mel_net_t5_encoder(g, &s->t5, ids, NULL);
    else if (s->kind == MODEL_CLIP_TEXT)
        mel_net_clip_text(g, &s->clip, ids);
    else
        return mel_err(err, ERR_USAGE, "no part of that kind is made");
    return mel_graph_ok(g, err);
}

static bool add_alphas(RandomWeights *w, const UnetConfig *unet, double alpha, Err *err)
{
    Synapse synapse;
    const SynapseConfig config = {.place = SYNAPSE_DECODER};
    if (!mel_synapse_plan(&config, unet, unet, &synapse, err)) return false;
    for (int i = 0; i < synapse.count; i++) {
        char *name = mel_asprintf("%s.attn2.alpha", synapse.sites[i].layer);
        random_weights_number(w, name, alpha);
        free(name);
    }
    return true;
}

bool random_part_write(const char *folder, const char *part, const char *config, uint64_t seed,
                       const double *alpha, Err *err)
{
    ModelSettings settings;
    RandomWeights w = {.seed = seed};
    char *path = mel_asprintf("%s/%s/config.json", folder, part);
    char *below = mel_path_join(folder, part);
    Graph *g = mel_graph_new(DTYPE_F32);
    bool ok = mel_make_dirs(below, err) && mel_write_file(path, config, strlen(config), err) &&
              mel_model_config_read(path, &settings, err) && build(g, &settings, err);
    if (ok) {
        bool diffusers = settings.kind == MODEL_UNET || settings.kind == MODEL_VAE;
        random_weights_fill(&w, g);
        ok = (!alpha || add_alphas(&w, &settings.unet, *alpha, err)) &&
             random_weights_write(
                 folder, part, config,
                 diffusers ? "diffusion_pytorch_model.safetensors" : "model.safetensors", &w, err);
    }
    mel_graph_free(g);
    free(path);
    free(below);
    return ok;
}
