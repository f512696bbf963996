/* SPDX-License-Identifier: Apache-2.0
 *
 * The paper's own audio tower: sounds into the space of a frozen CLIP's texts, by symmetric
 * contrast. */
#include "trainer/targets/contrast.h"
#include "trainer/targets/sounds.h"
#include "trainer/targets/targets.h"

#include "engine/nets.h"

#include <stdlib.h>
#include <string.h>

enum { SETS_MAX = 2 };

/* A set of shards' texts, embedded once. */
typedef struct TextRows {
    const Shards *shards;
    float *rows;
} TextRows;

typedef struct ImsmTarget {
    Target target;    /* first */
    const char *base; /* a Cnn14 of the model's folder that the tower begins from, or NULL */
    Network *network, *base_network;
    Towers *clip;
    Sounds sounds;
    int64_t width;
    float *texts, *matches;
    TextRows sets[SETS_MAX];
    int set_count;
} ImsmTarget;

static const ConfigField fields[] = {
    CONFIG_NUMBER(FIELD_OPTIONAL, "seconds", ImsmTarget, sounds.seconds, 1, SOUND_SECONDS,
                  "of a sound that are heard at once"),
    CONFIG_TEXT(FIELD_OPTIONAL, "base", ImsmTarget, base,
                "a trained tagger that a new tower begins from"),
};

static void defaults(Target *target)
{
    ((ImsmTarget *)target)->sounds.seconds = SOUND_SECONDS;
}

static bool check_spaces(const ImsmTarget *t, Err *err)
{
    const TowersInfo *clip = mel_towers_info(t->clip);
    const SoundTowerConfig *sound = &t->network->settings.sound;
    if (!clip->has[TOWER_TEXT])
        return mel_err(err, ERR_USAGE, "the model's 'clip' is a %s and knows no texts", clip->kind);
    return sound->joint == clip->width ||
           mel_err(err, ERR_USAGE,
                   "the sound tower answers in %lld numbers, CLIP's texts have %lld",
                   (long long)sound->joint, (long long)clip->width);
}

/* As MS-CLAP's Cnn14 began from PANNs'. A tower with weights goes on from its own. */
static bool open_base(ImsmTarget *t, Err *err)
{
    if (!t->base || t->network->checkpoint) return true;
    if (!mel_network_open(t->target.config->model, t->base, MODEL_CNN14, NETWORK_WEIGHTS,
                          &t->base_network, err))
        return false;
    mel_network_set_add(&t->target.networks, "sound.audio_encoder.base.", t->base_network);
    return true;
}

static bool open_parts(Target *target, Err *err)
{
    ImsmTarget *t = (ImsmTarget *)target;
    size_t batch = (size_t)target->config->batch;
    char *clip = mel_path_join(target->config->model, "clip");
    bool ok = mel_network_open(target->config->model, "sound", MODEL_SOUND_TOWER, NETWORK_CONFIG,
                               &t->network, err) &&
              open_base(t, err) && mel_towers_open(clip, DTYPE_F32, &t->clip, err) &&
              check_spaces(t, err);
    free(clip);
    if (!ok) return false;
    mel_network_set_add(&target->networks, "sound.", t->network);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = "sound.", .folder = "sound", .network = t->network};
    t->width = mel_towers_info(t->clip)->width;
    t->sounds.front = mel_front_settings(t->network->settings.sound.front);
    t->texts = mel_alloc(batch * (size_t)t->width * sizeof(float));
    t->matches = mel_alloc(batch * batch * sizeof(float));
    return sounds_open(&t->sounds, target->shards, target->config->batch, err);
}

static void close_parts(Target *target)
{
    ImsmTarget *t = (ImsmTarget *)target;
    mel_network_close(t->network);
    mel_network_close(t->base_network);
    mel_towers_close(t->clip);
    for (int i = 0; i < t->set_count; i++)
        free(t->sets[i].rows);
    sounds_close(&t->sounds);
    free(t->texts);
    free(t->matches);
}

static Node *loss(Target *target, Graph *graph, int batch)
{
    ImsmTarget *t = (ImsmTarget *)target;
    const SoundTowerConfig *config = &t->network->settings.sound;
    Node *log_mel = sounds_log_mel(&t->sounds, graph, batch);
    Node *texts = mel_graph_input(graph, "texts", DTYPE_F32, SHAPE(batch, t->width));
    mel_graph_push(graph, "sound.");
    Node *heard = mel_net_sound_tower(graph, &config->cnn14, config->joint, log_mel);
    Node *log_scale = mel_graph_param(graph, "logit_scale", (Shape){0});
    mel_graph_pop(graph);
    return contrastive_loss(graph, heard, texts, log_scale);
}

/* All texts of these shards, the first time that they are asked for. */
static const float *rows_of(ImsmTarget *t, const Shards *shards, Err *err)
{
    for (int i = 0; i < t->set_count; i++)
        if (t->sets[i].shards == shards) return t->sets[i].rows;
    MEL_ASSERT(t->set_count < SETS_MAX);
    int64_t count = mel_shards_count(shards), cut = 0;
    float *rows = mel_try_alloc((size_t)count, (size_t)t->width * sizeof *rows, SIZE_MAX,
                                "the texts' embeddings", err);
    const char **texts = mel_alloc((size_t)count * sizeof *texts);
    for (int64_t i = 0; i < count; i++)
        texts[i] = mel_shards_text(shards, i);
    bool ok = rows && mel_tower_embed_texts(t->clip, texts, (int)count, rows, &cut, err);
    free((void *)texts);
    if (!ok) {
        free(rows);
        return NULL;
    }
    t->sets[t->set_count++] = (TextRows){.shards = shards, .rows = rows};
    return rows;
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    ImsmTarget *t = (ImsmTarget *)target;
    const float *rows = rows_of(t, batch->shards, err);
    if (!rows) return false;
    for (int i = 0; i < batch->count; i++)
        memcpy(t->texts + i * t->width, rows + batch->items[i] * t->width,
               (size_t)t->width * sizeof *rows);
    return sounds_fill(&t->sounds, plan, batch, err) &&
           mel_plan_write(plan, "texts", t->texts, err) &&
           contrastive_fill(plan, batch, t->matches, err);
}

const TargetDef target_imsm = {
    .name = "imsm",
    .what = "the audio tower, in the space of a frozen CLIP's texts",
    .size = sizeof(ImsmTarget),
    .fields = fields,
    .field_count = MEL_COUNT(fields),
    .defaults = defaults,
    .open = open_parts,
    .close = close_parts,
    .loss = loss,
    .fill = fill,
};
