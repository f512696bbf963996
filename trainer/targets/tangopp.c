/* SPDX-License-Identifier: Apache-2.0
 *
 * TANGO++, the baseline of Chowdhury et al., 2024, §4: CLIP's embedding of the picture, brought by
 * a projection to the text states' space, where contrast aligns it with the text, is added to every
 * state; the diffusion model is conditioned on the sum. The paper does not say what of a text is
 * aligned: here it is the mean of its states. */
#include "trainer/targets/contrast.h"
#include "trainer/targets/denoising.h"
#include "trainer/targets/sounds.h"
#include "trainer/targets/targets.h"
#include "trainer/targets/text_batch.h"

#include "engine/nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct TangoTarget {
    Target target; /* first */
    Denoising denoising;
    double text_dropout, image_dropout, contrast_weight, temperature;
    Network *unet, *projection;
    int latents, embedding;
    int64_t width; /* of a picture's embedding */
    TextBatch text;
    float *embeddings, *gates, *means, *matches;
} TangoTarget;

static const ConfigField fields[] = {
    CONFIG_NUMBER(FIELD_OPTIONAL, "text_dropout", TangoTarget, text_dropout, 0, 1,
                  "share of samples without their text"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "image_dropout", TangoTarget, image_dropout, 0, 1,
                  "share of samples without their picture"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "contrast_weight", TangoTarget, contrast_weight, 0, 1e3,
                  "weight of the contrast of pictures and texts"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "temperature", TangoTarget, temperature, 0.01, 1, "of contrast"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "snr_gamma", TangoTarget, denoising.snr_gamma, 0, 1000,
                  "of Min-SNR, 0 for none"),
    CONFIG_FLAG(FIELD_OPTIONAL, "snr_compatible", TangoTarget, denoising.snr_compatible,
                "Min-SNR's weights as TANGO was trained"),
};

static void defaults(Target *target)
{
    TangoTarget *t = (TangoTarget *)target;
    t->text_dropout = t->contrast_weight = 0.1;
    t->temperature = 0.07;
}

static bool add_part(TangoTarget *t, const char *prefix, const char *folder, ModelKind kind,
                     Network **network, Err *err)
{
    Target *target = &t->target;
    if (!mel_network_open(target->config->model, folder, kind, NETWORK_CONFIG, network, err))
        return false;
    mel_network_set_add(&target->networks, prefix, *network);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = prefix, .folder = folder, .network = *network};
    return true;
}

static bool check_widths(const TangoTarget *t, Err *err)
{
    const PictureProjectionConfig *c = &t->projection->settings.picture_projection;
    return (c->picture_width == t->width && c->text_width == t->text.shape.dims[1]) ||
           mel_err(
               err, ERR_USAGE,
               "the model's picture_projection brings %lld numbers to %lld: pictures have %lld, "
               "texts %lld",
               (long long)c->picture_width, (long long)c->text_width, (long long)t->width,
               (long long)t->text.shape.dims[1]);
}

static bool open_parts(Target *target, Err *err)
{
    TangoTarget *t = (TangoTarget *)target;
    size_t batch = (size_t)target->config->batch;
    t->latents = mel_shards_array(target->shards, "latents", err);
    t->embedding = t->latents < 0 ? -1 : mel_shards_array(target->shards, "picture_embedding", err);
    if (t->embedding < 0 || !text_batch_open(&t->text, target->shards, (int64_t)batch, err))
        return false;
    t->width = mel_shape_count(&mel_shards_form(target->shards, t->embedding)->shape);
    if (!add_part(t, "unet.", "unet", MODEL_UNET, &t->unet, err) ||
        !add_part(t, "picture_projection.", PICTURE_SUM_PART, MODEL_PICTURE_SUM, &t->projection,
                  err) ||
        !check_widths(t, err))
        return false;
    t->embeddings = mel_alloc(batch * (size_t)t->width * sizeof(float));
    t->means = mel_alloc(batch * (size_t)t->text.shape.dims[1] * sizeof(float));
    t->gates = mel_alloc(batch * sizeof(float));
    t->matches = mel_alloc(batch * batch * sizeof(float));
    return denoising_open(&t->denoising, target->config->model, "scheduler",
                          mel_shards_form(target->shards, t->latents)->shape, (int)batch, err);
}

static void close_parts(Target *target)
{
    TangoTarget *t = (TangoTarget *)target;
    mel_network_close(t->unet);
    mel_network_close(t->projection);
    denoising_close(&t->denoising);
    text_batch_close(&t->text);
    free(t->embeddings);
    free(t->means);
    free(t->gates);
    free(t->matches);
}

/* What a picture is in the texts' space [B, width], and how far pairs are from being found. */
static Node *project(TangoTarget *t, Graph *graph, int batch, Node **contrast)
{
    int64_t width = t->text.shape.dims[1];
    Node *embedding =
        mel_graph_input(graph, "embedding", mel_graph_float_type(graph), SHAPE(batch, t->width));
    mel_graph_push(graph, "picture_projection.");
    Node *picture =
        mel_net_picture_projection(graph, &t->projection->settings.picture_projection, embedding);
    mel_graph_pop(graph);
    Node *means = mel_graph_input(graph, "means", DTYPE_F32, SHAPE(batch, width));
    *contrast =
        contrastive_loss(graph, picture, means, mel_graph_number(graph, -log(t->temperature)));
    return picture;
}

static Node *loss(Target *target, Graph *graph, int batch)
{
    TangoTarget *t = (TangoTarget *)target;
    Node *contrast, *picture = project(t, graph, batch, &contrast);
    Node *gate = mel_graph_input(graph, "gate", mel_graph_float_type(graph), SHAPE(batch, 1, 1));
    picture = mel_op_mul(mel_op_reshape(picture, SHAPE(batch, 1, t->text.shape.dims[1])), gate);
    const UnetInputs in = {.x = denoising_z(&t->denoising, graph),
                           .timesteps = denoising_t(&t->denoising, graph),
                           .text = mel_op_add(text_batch_states(&t->text, graph, batch), picture),
                           .mask = text_batch_mask(&t->text, graph, batch)};
    mel_graph_push(graph, "unet.");
    Node *predicted = mel_net_unet(graph, &t->unet->settings.unet, &in, NULL);
    mel_graph_pop(graph);
    Node *denoising = denoising_loss(&t->denoising, graph, predicted);
    mel_graph_output(graph, "denoising", denoising);
    mel_graph_output(graph, "contrast", contrast);
    return mel_op_add(denoising, mel_op_affine(contrast, t->contrast_weight, 0));
}

/* The mean of the text's own states, also where guidance drops them. */
static void fill_mean(TangoTarget *t, const TrainBatch *batch, int i, float *states)
{
    int64_t width = t->text.shape.dims[1];
    float length, *mean = t->means + i * width;
    mel_shards_floats(batch->shards, t->text.states, batch->items[i], states);
    mel_shards_floats(batch->shards, t->text.length, batch->items[i], &length);
    memset(mean, 0, (size_t)width * sizeof *mean);
    for (int64_t k = 0; k < (int64_t)length * width; k++)
        mean[k % width] += states[k] / length;
}

static bool fill_conditions(void *ctx, Plan *plan, const TrainBatch *batch, Err *err)
{
    TangoTarget *t = ctx;
    float *states = t->text.text; /* written over by text_batch_fill */
    for (int i = 0; i < batch->count; i++) {
        Rng rng = sample_rng(batch, i);
        rng.next = UINT64_C(1) << 40; /* behind the noise's */
        t->gates[i] = batch->validation || mel_rng_uniform(&rng) >= t->image_dropout;
        mel_shards_floats(batch->shards, t->embedding, batch->items[i],
                          t->embeddings + i * t->width);
        fill_mean(t, batch, i, states);
    }
    return text_batch_fill(&t->text, plan, batch, t->text_dropout, err) &&
           contrastive_fill(plan, batch, t->matches, err) &&
           mel_plan_write(plan, "embedding", t->embeddings, err) &&
           mel_plan_write(plan, "means", t->means, err) &&
           mel_plan_write(plan, "gate", t->gates, err);
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    TangoTarget *t = (TangoTarget *)target;
    int64_t n = mel_shape_count(&t->denoising.shape);
    for (int i = 0; i < batch->count; i++)
        mel_shards_floats(batch->shards, t->latents, batch->items[i], t->denoising.latents + i * n);
    return denoising_fill(&t->denoising, plan, batch, err) && fill_conditions(t, plan, batch, err);
}

static bool sample(Target *target, Plan *plan, const TrainBatch *batch, const char *folder,
                   Err *err)
{
    TangoTarget *t = (TangoTarget *)target;
    const SampleStep step = {.fill = fill_conditions, .ctx = t};
    return denoising_sample(&t->denoising, plan, batch, &step, err) &&
           sounds_save_latents(batch, "made", t->denoising.z, target->config->model, folder, err) &&
           sounds_save_latents(batch, "real", t->denoising.latents, target->config->model, folder,
                               err);
}

const TargetDef target_tangopp = {
    .name = "tango++",
    .what = "the paper's baseline: picture and text as one sum",
    .size = sizeof(TangoTarget),
    .fields = fields,
    .field_count = MEL_COUNT(fields),
    .defaults = defaults,
    .open = open_parts,
    .close = close_parts,
    .metrics = {"denoising", "contrast"},
    .loss = loss,
    .fill = fill,
    .sample = sample,
};
