/* SPDX-License-Identifier: Apache-2.0
 *
 * MeLFusion: the music model θ and the synapse's α, or α alone (Chowdhury et al., 2024, algorithm
 * 1). The image model is frozen; its features come from the latents of the inversion that 'mel
 * prepare' stored, at the stored time nearest to the sample's. */
#include "trainer/targets/denoising.h"
#include "trainer/targets/sounds.h"
#include "trainer/targets/targets.h"
#include "trainer/targets/text_batch.h"

#include "engine/nets.h"

#include <math.h>
#include <stdlib.h>

enum { TRAIN_ALL, TRAIN_ALPHA };
enum { WITH_BOTH, WITH_TEXT, WITH_IMAGE };

typedef struct MusicTarget {
    Target target; /* first */
    Denoising denoising;
    int train, modalities;
    double text_dropout, image_dropout, alpha_start;
    const json_t *synapse_object;
    SynapseConfig config;
    Synapse synapse;
    Network *unet, *image_unet;
    int latents, trajectory;
    const CheckpointTensor *image_null_text, *times;
    TextBatch text;
    Shape image; /* [steps, h, w, c] */
    float *image_batch, *image_times, *gates;
} MusicTarget;

static const char *const parts[] = {"all", "alpha", NULL};
static const char *const modalities[] = {"both", "text", "image", NULL};
static const ConfigField fields[] = {
    CONFIG_CHOICE(FIELD_OPTIONAL, "train", MusicTarget, train, parts, "which weights move"),
    CONFIG_CHOICE(FIELD_OPTIONAL, "modalities", MusicTarget, modalities, modalities,
                  "what the music is made from"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "text_dropout", MusicTarget, text_dropout, 0, 1,
                  "share of samples without their text"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "image_dropout", MusicTarget, image_dropout, 0, 1,
                  "share of samples without their picture, so that the model can do without"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "alpha_start", MusicTarget, alpha_start, -1, 1,
                  "where α begins; 0 is the text-only model"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "snr_gamma", MusicTarget, denoising.snr_gamma, 0, 1000,
                  "of Min-SNR, 0 for none"),
    CONFIG_FLAG(FIELD_OPTIONAL, "snr_compatible", MusicTarget, denoising.snr_compatible,
                "Min-SNR's weights as TANGO was trained"),
    CONFIG_OBJECT(FIELD_OPTIONAL, "synapse", MusicTarget, synapse_object,
                  "place, sharing and form of α"),
};

static void defaults(Target *target)
{
    ((MusicTarget *)target)->text_dropout = 0.1;
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool find_arrays(MusicTarget *m, Err *err)
{
    const Shards *s = m->target.shards;
    m->latents = mel_shards_array(s, "latents", err);
    if (m->latents < 0 || !text_batch_open(&m->text, s, m->target.config->batch, err)) return false;
    if (m->modalities == WITH_TEXT) return true;
    m->trajectory = mel_shards_array(s, "trajectory", err);
    if (m->trajectory < 0) return false;
    m->image = mel_shards_form(s, m->trajectory)->shape;
    return (m->image_null_text = mel_shards_constant(s, "image_null_text", err)) &&
           (m->times = mel_shards_constant(s, "trajectory_times", err));
}

static bool open_networks(MusicTarget *m, Err *err)
{
    Target *target = &m->target;
    const char *folder = target->config->model;
    if (!mel_network_open(folder, "unet", MODEL_UNET, NETWORK_CONFIG, &m->unet, err)) return false;
    mel_network_set_add(&target->networks, "unet.", m->unet);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = "unet.", .folder = "unet", .network = m->unet};
    if (m->modalities == WITH_TEXT) return true;
    if (!mel_synapse_config(m->synapse_object, &m->config, err) ||
        !mel_network_open(folder, "image_unet", MODEL_UNET, NETWORK_HASHED, &m->image_unet, err))
        return false;
    mel_network_set_add(&target->networks, "image_unet.", m->image_unet);
    return mel_network_hashed(m->image_unet, err) &&
           mel_shards_made_with(target->shards, "image_unet", m->image_unet->sha256, err) &&
           mel_synapse_plan(&m->config, &m->image_unet->settings.unet, &m->unet->settings.unet,
                            &m->synapse, err);
}

static bool open_parts(Target *target, Err *err)
{
    MusicTarget *m = (MusicTarget *)target;
    size_t batch = (size_t)target->config->batch;
    if (m->train == TRAIN_ALPHA && m->modalities == WITH_TEXT)
        return mel_err(err, ERR_USAGE, "'train' is \"alpha\", but without a picture there is none");
    if (!find_arrays(m, err) || !open_networks(m, err)) return false;
    m->gates = mel_alloc(batch * sizeof(float));
    m->image_times = mel_alloc(batch * sizeof(float));
    if (m->modalities != WITH_TEXT)
        m->image_batch = mel_alloc(batch * sizeof(float) *
                                   (size_t)(mel_shape_count(&m->image) / m->image.dims[0]));
    return denoising_open(&m->denoising, target->config->model, "scheduler",
                          mel_shards_form(target->shards, m->latents)->shape, (int)batch, err);
}

static void close_parts(Target *target)
{
    MusicTarget *m = (MusicTarget *)target;
    mel_network_close(m->unet);
    mel_network_close(m->image_unet);
    denoising_close(&m->denoising);
    text_batch_close(&m->text);
    free(m->gates);
    free(m->image_times);
    free(m->image_batch);
}

static bool is_trained(void *target, const char *name)
{
    const MusicTarget *m = target;
    return m->train == TRAIN_ALL || mel_synapse_is_alpha(name);
}

/* α = 0 leaves a trained music model as it is. One that begins from nothing learns to listen to the
 * picture only where it hears it: there α may begin elsewhere. */
static bool first(const Target *target, const char *name, const Shape *shape, float *out)
{
    (void)shape; /* one number */
    if (!mel_synapse_is_alpha(name)) return false;
    out[0] = (float)((const MusicTarget *)target)->alpha_start;
    return true;
}

/* ---- the graph ------------------------------------------------------------------------------ */

/* The image model's features, pooled and projected: the synapse is ready to be mixed in. */
static void build_image(MusicTarget *m, Graph *graph, int batch)
{
    Shape s = m->image;
    const UnetInputs in = {.x = mel_graph_input(graph, "image", mel_graph_float_type(graph),
                                                SHAPE(batch, s.dims[1], s.dims[2], s.dims[3])),
                           .timesteps = mel_graph_input(graph, "image_t", DTYPE_F32, SHAPE(batch)),
                           .text = denoising_text(&m->denoising, graph, m->image_null_text)};
    UnetHook hook = mel_synapse_capture(&m->synapse);
    mel_graph_push(graph, "image_unet.");
    mel_net_unet(graph, &m->image_unet->settings.unet, &in, &hook);
    Node *lengths = mel_graph_input(graph, "lengths", DTYPE_I32, SHAPE(batch));
    mel_synapse_pool(&m->synapse, lengths, m->text.shape.dims[0]);
    mel_synapse_project(&m->synapse, graph);
    mel_graph_pop(graph);
}

static Node *loss(Target *target, Graph *graph, int batch)
{
    MusicTarget *m = (MusicTarget *)target;
    bool joined = m->modalities != WITH_TEXT;
    UnetHook hook = {0};
    Node *gate = NULL;
    if (joined) build_image(m, graph, batch);
    if (joined && m->image_dropout > 0)
        gate = mel_graph_input(graph, "gate", DTYPE_F32, SHAPE(batch, 1, 1));
    const UnetInputs in = {.x = denoising_z(&m->denoising, graph),
                           .timesteps = denoising_t(&m->denoising, graph),
                           .text = text_batch_states(&m->text, graph, batch),
                           .mask = text_batch_mask(&m->text, graph, batch)};
    mel_graph_push(graph, "unet.");
    if (joined) hook = mel_synapse_mix(&m->synapse, graph, gate);
    Node *predicted = mel_net_unet(graph, &m->unet->settings.unet, &in, joined ? &hook : NULL);
    mel_graph_pop(graph);
    return denoising_loss(&m->denoising, graph, predicted);
}

/* ---- batches -------------------------------------------------------------------------------- */

/* The latent of the inversion at the stored time nearest to the sample's. */
static void fill_image(MusicTarget *m, const TrainBatch *batch, int i)
{
    int64_t steps = m->image.dims[0], count = mel_shape_count(&m->image) / steps, nearest = 0;
    const Tensor *form = mel_shards_form(batch->shards, m->trajectory);
    const int32_t *times = m->times->data;
    const char *all = mel_shards_data(batch->shards, m->trajectory, batch->items[i]);
    double wanted = m->denoising.times[i];
    for (int64_t k = 1; k < steps; k++)
        if (fabs(times[k] - wanted) < fabs(times[nearest] - wanted)) nearest = k;
    m->image_times[i] = (float)times[nearest];
    Rng rng = sample_rng(batch, i);
    rng.next = UINT64_C(1) << 40; /* behind the noise's */
    m->gates[i] = batch->validation || mel_rng_uniform(&rng) >= m->image_dropout;
    mel_convert(all + (size_t)(nearest * count) * mel_dtype_size(form->dtype), form->dtype,
                m->image_batch + i * count, DTYPE_F32, count);
}

/* Text and picture, at the times of m->denoising. */
static bool fill_conditions(void *ctx, Plan *plan, const TrainBatch *batch, Err *err)
{
    MusicTarget *m = ctx;
    double dropout = m->modalities == WITH_IMAGE ? 1 : m->text_dropout;
    if (!text_batch_fill(&m->text, plan, batch, dropout, err)) return false;
    if (m->modalities == WITH_TEXT) return true;
    for (int i = 0; i < batch->count; i++)
        fill_image(m, batch, i);
    return mel_plan_write(plan, "image", m->image_batch, err) &&
           mel_plan_write(plan, "image_t", m->image_times, err) &&
           mel_plan_write(plan, "lengths", m->text.lengths, err) &&
           (m->image_dropout <= 0 || mel_plan_write(plan, "gate", m->gates, err));
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    MusicTarget *m = (MusicTarget *)target;
    int64_t n = mel_shape_count(&m->denoising.shape);
    for (int i = 0; i < batch->count; i++)
        mel_shards_floats(batch->shards, m->latents, batch->items[i], m->denoising.latents + i * n);
    return denoising_fill(&m->denoising, plan, batch, err) && fill_conditions(m, plan, batch, err);
}

/* ---- to listen to --------------------------------------------------------------------------- */

static bool sample(Target *target, Plan *plan, const TrainBatch *batch, const char *folder,
                   Err *err)
{
    MusicTarget *m = (MusicTarget *)target;
    const SampleStep step = {.fill = fill_conditions, .ctx = m};
    return denoising_sample(&m->denoising, plan, batch, &step, err) &&
           sounds_save_latents(batch, "made", m->denoising.z, target->config->model, folder, err) &&
           sounds_save_latents(batch, "real", m->denoising.latents, target->config->model, folder,
                               err);
}

const TargetDef target_music = {
    .name = "music",
    .what = "MeLFusion: the music model and its synapse",
    .size = sizeof(MusicTarget),
    .fields = fields,
    .field_count = MEL_COUNT(fields),
    .defaults = defaults,
    .open = open_parts,
    .close = close_parts,
    .is_trained = is_trained,
    .first = first,
    .loss = loss,
    .fill = fill,
    .sample = sample,
};
