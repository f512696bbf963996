/* SPDX-License-Identifier: Apache-2.0
 *
 * A CLIP of pictures and captions, for worlds without checkpoints. */
#include "trainer/targets/contrast.h"
#include "trainer/targets/targets.h"

#include "engine/nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ClipTarget {
    Target target; /* first */
    Network *network;
    Tokenizer *tokenizer;
    int array, side; /* of the stored pictures */
    int64_t tokens;
    double crop; /* least share of a picture's side that is seen; 1: all of it */
    uint8_t *part, *square;
    float *pictures, *matches;
    int32_t *ids, *ends;
} ClipTarget;

static const ConfigField fields[] = {
    CONFIG_NUMBER(FIELD_OPTIONAL, "crop", ClipTarget, crop, 0.1, 1,
                  "least share of a picture's side that is seen; below 1, mirrored at random too"),
};

static void defaults(Target *target)
{
    ((ClipTarget *)target)->crop = 1;
}

static bool open_parts(Target *target, Err *err)
{
    ClipTarget *c = (ClipTarget *)target;
    size_t batch = (size_t)target->config->batch;
    c->array = mel_shards_array(target->shards, "pixels", err);
    if (c->array < 0 || !mel_network_open(target->config->model, "clip", MODEL_CLIP, NETWORK_CONFIG,
                                          &c->network, err))
        return false;
    mel_network_set_add(&target->networks, "clip.", c->network);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = "clip.", .folder = "clip", .network = c->network};
    const ClipConfig *config = &c->network->settings.clip;
    c->side = (int)mel_shards_form(target->shards, c->array)->shape.dims[0];
    c->tokens = config->positions;
    c->part = mel_alloc((size_t)c->side * (size_t)c->side * 3);
    c->matches = mel_alloc(batch * batch * sizeof(float));
    c->square = mel_alloc((size_t)(config->picture * config->picture * 3));
    c->pictures =
        mel_alloc(batch * (size_t)(config->picture * config->picture * 3) * sizeof(float));
    c->ids = mel_alloc(batch * (size_t)c->tokens * sizeof *c->ids);
    c->ends = mel_alloc(batch * sizeof *c->ends);
    return mel_tokenizer_open(c->network->folder, &c->tokenizer, err) &&
           (mel_tokenizer_size(c->tokenizer) <= config->vocabulary ||
            mel_err(err, ERR_FORMAT, "the tokenizer has %d pieces, the model %lld",
                    mel_tokenizer_size(c->tokenizer), (long long)config->vocabulary));
}

static void close_parts(Target *target)
{
    ClipTarget *c = (ClipTarget *)target;
    mel_network_close(c->network);
    mel_tokenizer_close(c->tokenizer);
    free(c->part);
    free(c->matches);
    free(c->square);
    free(c->pictures);
    free(c->ids);
    free(c->ends);
}

static Node *loss(Target *target, Graph *graph, int batch)
{
    ClipTarget *c = (ClipTarget *)target;
    const ClipConfig *config = &c->network->settings.clip;
    DType type = mel_graph_float_type(graph);
    Node *pictures =
        mel_graph_input(graph, "pictures", type, SHAPE(batch, config->picture, config->picture, 3));
    Node *ids = mel_graph_input(graph, "ids", DTYPE_I32, SHAPE(batch, c->tokens));
    Node *ends = mel_graph_input(graph, "ends", DTYPE_I32, SHAPE(batch));
    mel_graph_push(graph, "clip.");
    Node *seen = mel_net_clip_vision_embedding(graph, config, pictures);
    Node *states = mel_net_clip_text(graph, config, ids);
    Node *read = mel_net_clip_text_embedding(graph, config, states, ends);
    Node *log_scale = mel_graph_param(graph, "logit_scale", (Shape){0});
    mel_graph_pop(graph);
    return contrastive_loss(graph, seen, read, log_scale);
}

/* A square of the picture, perhaps mirrored, drawn anew each time; all of it in validation. */
static const uint8_t *see(ClipTarget *c, const TrainBatch *batch, int i, PictureSize *size)
{
    const uint8_t *rgb = mel_shards_data(batch->shards, c->array, batch->items[i]);
    Rng rng = sample_rng(batch, i);
    *size = (PictureSize){.width = c->side, .height = c->side};
    if (batch->validation || c->crop >= 1) return rgb;
    int side = (int)lrint(c->side * mel_rng_range(&rng, c->crop, 1));
    int left = mel_rng_int(&rng, c->side - side + 1), top = mel_rng_int(&rng, c->side - side + 1);
    bool mirrored = mel_rng_int(&rng, 2);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int from = left + (mirrored ? side - 1 - x : x);
            memcpy(c->part + (y * side + x) * 3, rgb + ((top + y) * c->side + from) * 3, 3);
        }
    *size = (PictureSize){.width = side, .height = side};
    return c->part;
}

static bool fill_sample(ClipTarget *c, const TrainBatch *batch, int i, Err *err)
{
    int side = (int)c->network->settings.clip.picture;
    int64_t pixels = (int64_t)side * side;
    PictureSize size;
    const uint8_t *rgb = see(c, batch, i, &size);
    if (!mel_resize_square(rgb, size, c->square, side, err)) return false;
    mel_picture_floats(c->square, pixels, &mel_picture_clip, c->pictures + i * pixels * 3);
    int32_t *ids = c->ids + i * c->tokens;
    int count = mel_tokenize(c->tokenizer, mel_shards_text(batch->shards, batch->items[i]), ids,
                             (int)c->tokens);
    for (int64_t k = count; k < c->tokens; k++)
        ids[k] = mel_tokenizer_pad(c->tokenizer);
    c->ends[i] = (int32_t)(i * c->tokens + count - 1);
    return true;
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    ClipTarget *c = (ClipTarget *)target;
    for (int i = 0; i < batch->count; i++)
        if (!fill_sample(c, batch, i, err)) return false;
    return mel_plan_write(plan, "pictures", c->pictures, err) &&
           mel_plan_write(plan, "ids", c->ids, err) && mel_plan_write(plan, "ends", c->ends, err) &&
           contrastive_fill(plan, batch, c->matches, err);
}

const TargetDef target_clip = {
    .name = "clip",
    .what = "towers of pictures and captions, in one space",
    .size = sizeof(ClipTarget),
    .fields = fields,
    .field_count = MEL_COUNT(fields),
    .defaults = defaults,
    .open = open_parts,
    .close = close_parts,
    .loss = loss,
    .fill = fill,
};
