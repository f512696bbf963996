/* SPDX-License-Identifier: Apache-2.0
 *
 * The paper's own audio tower: sounds into the space of a frozen CLIP's texts, by symmetric
 * contrast. */
#include "trainer/targets/contrast.h"
#include "trainer/targets/targets.h"

#include "engine/nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STORED_RATE_HZ = 16000, SECONDS = 10, SETS_MAX = 2 };

/* A set of shards' texts, embedded once. */
typedef struct TextRows {
    const Shards *shards;
    float *rows;
} TextRows;

typedef struct ImsmTarget {
    Target target; /* first */
    Network *network;
    Towers *clip;
    int array;
    int64_t stored, samples, width;
    float *whole, *sounds, *texts;
    TextRows sets[SETS_MAX];
    int set_count;
} ImsmTarget;

static const MelSettings *front_of(const ImsmTarget *t)
{
    return mel_front_settings(t->network->settings.sound.front);
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

static bool open_parts(Target *target, Err *err)
{
    ImsmTarget *t = (ImsmTarget *)target;
    size_t batch = (size_t)target->config->batch;
    char *clip = mel_path_join(target->config->model, "clip");
    t->array = mel_shards_array(target->shards, "wave", err);
    bool ok = t->array >= 0 &&
              mel_network_open(target->config->model, "sound", MODEL_SOUND_TOWER, NETWORK_CONFIG,
                               &t->network, err) &&
              mel_towers_open(clip, DTYPE_F32, &t->clip, err) && check_spaces(t, err);
    free(clip);
    if (!ok) return false;
    mel_network_set_add(&target->networks, "sound.", t->network);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = "sound.", .folder = "sound", .network = t->network};
    t->stored = mel_shape_count(&mel_shards_form(target->shards, t->array)->shape);
    t->samples = (int64_t)front_of(t)->rate_hz * SECONDS;
    t->width = mel_towers_info(t->clip)->width;
    t->whole = mel_alloc((size_t)t->stored * sizeof(float));
    t->sounds = mel_alloc(batch * (size_t)t->samples * sizeof(float));
    t->texts = mel_alloc(batch * (size_t)t->width * sizeof(float));
    return true;
}

static void close_parts(Target *target)
{
    ImsmTarget *t = (ImsmTarget *)target;
    mel_network_close(t->network);
    mel_towers_close(t->clip);
    for (int i = 0; i < t->set_count; i++)
        free(t->sets[i].rows);
    free(t->whole);
    free(t->sounds);
    free(t->texts);
}

static Node *loss(Target *target, Graph *graph, int batch)
{
    ImsmTarget *t = (ImsmTarget *)target;
    const SoundTowerConfig *config = &t->network->settings.sound;
    Node *wave = mel_graph_input(graph, "wave", DTYPE_F32, SHAPE(batch, t->samples));
    Node *texts = mel_graph_input(graph, "texts", DTYPE_F32, SHAPE(batch, t->width));
    Node *log_mel =
        mel_op_cast(mel_front_log_mel(graph, wave, front_of(t)), mel_graph_float_type(graph));
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

static bool fill_sound(ImsmTarget *t, const TrainBatch *batch, int i, Err *err)
{
    float *to = t->sounds + i * t->samples, *resampled = NULL;
    int64_t n = (int64_t)STORED_RATE_HZ * SECONDS;
    int rate = front_of(t)->rate_hz;
    mel_shards_floats(batch->shards, t->array, batch->items[i], t->whole);
    for (int64_t k = 0; k < n; k++)
        t->whole[k] /= 32767;
    if (rate != STORED_RATE_HZ &&
        !mel_resample(t->whole, n, STORED_RATE_HZ, rate, &resampled, &n, err))
        return false;
    memset(to, 0, (size_t)t->samples * sizeof *to);
    memcpy(to, resampled ? resampled : t->whole,
           (size_t)(n < t->samples ? n : t->samples) * sizeof *to);
    free(resampled);
    return true;
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    ImsmTarget *t = (ImsmTarget *)target;
    const float *rows = rows_of(t, batch->shards, err);
    if (!rows) return false;
    for (int i = 0; i < batch->count; i++) {
        if (!fill_sound(t, batch, i, err)) return false;
        memcpy(t->texts + i * t->width, rows + batch->items[i] * t->width,
               (size_t)t->width * sizeof *rows);
    }
    return mel_plan_write(plan, "wave", t->sounds, err) &&
           mel_plan_write(plan, "texts", t->texts, err);
}

const TargetDef target_imsm = {
    .name = "imsm",
    .what = "the audio tower, in the space of a frozen CLIP's texts",
    .size = sizeof(ImsmTarget),
    .open = open_parts,
    .close = close_parts,
    .loss = loss,
    .fill = fill,
};
