/* SPDX-License-Identifier: Apache-2.0
 *
 * The image model: a latent diffusion model of the pictures, under the null text alone, since a
 * synapse reads it under no other. */
#include "trainer/targets/denoising.h"
#include "trainer/targets/targets.h"

#include "engine/nets.h"

#include <stdlib.h>

typedef struct ImageTarget {
    Target target; /* first */
    Denoising denoising;
    Network *unet;
    int array;
    const CheckpointTensor *null_text; /* [L, width] */
} ImageTarget;

static const ConfigField fields[] = {
    CONFIG_NUMBER(FIELD_OPTIONAL, "snr_gamma", ImageTarget, denoising.snr_gamma, 0, 1000,
                  "of Min-SNR, 0 for none"),
};

static bool open_parts(Target *target, Err *err)
{
    ImageTarget *it = (ImageTarget *)target;
    const char *folder = target->config->model;
    it->array = mel_shards_array(target->shards, "image_latents", err);
    if (it->array < 0) return false;
    it->null_text = mel_shards_constant(target->shards, "image_null_text", err);
    if (!it->null_text ||
        !mel_network_open(folder, "image_unet", MODEL_UNET, NETWORK_CONFIG, &it->unet, err))
        return false;
    mel_network_set_add(&target->networks, "image_unet.", it->unet);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = "image_unet.", .folder = "image_unet", .network = it->unet};
    return denoising_open(&it->denoising, folder, "image_scheduler",
                          mel_shards_form(target->shards, it->array)->shape,
                          (int)target->config->batch, err);
}

static void close_parts(Target *target)
{
    ImageTarget *it = (ImageTarget *)target;
    mel_network_close(it->unet);
    denoising_close(&it->denoising);
}

static Node *loss(Target *target, Graph *graph, int batch)
{
    ImageTarget *it = (ImageTarget *)target;
    (void)batch;
    const UnetInputs in = {.x = denoising_z(&it->denoising, graph),
                           .timesteps = denoising_t(&it->denoising, graph),
                           .text = denoising_text(&it->denoising, graph, it->null_text)};
    mel_graph_push(graph, "image_unet.");
    Node *predicted = mel_net_unet(graph, &it->unet->settings.unet, &in, NULL);
    mel_graph_pop(graph);
    return denoising_loss(&it->denoising, graph, predicted);
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    ImageTarget *it = (ImageTarget *)target;
    int64_t n = mel_shape_count(&it->denoising.shape);
    for (int i = 0; i < batch->count; i++)
        mel_shards_floats(batch->shards, it->array, batch->items[i], it->denoising.latents + i * n);
    return denoising_fill(&it->denoising, plan, batch, err);
}

const TargetDef target_image = {
    .name = "image",
    .what = "the image model: latent diffusion of pictures",
    .size = sizeof(ImageTarget),
    .fields = fields,
    .field_count = MEL_COUNT(fields),
    .open = open_parts,
    .close = close_parts,
    .loss = loss,
    .fill = fill,
};
