/* SPDX-License-Identifier: Apache-2.0
 *
 * An autoencoder of pictures or of log-mel spectrograms: the mean absolute and squared error of the
 * reconstruction, and a little of the latents' divergence from a normal distribution (Rombach et
 * al., 2022; without their adversary). */
#include "trainer/targets/sounds.h"
#include "trainer/targets/targets.h"

#include "engine/nets.h"

#include <math.h>
#include <stdlib.h>

enum { OF_PICTURES, OF_SOUNDS };

typedef struct Autoencoder {
    Target target; /* first */
    int of;
    double divergence; /* weight of the divergence, a mean over latent numbers */
    int64_t crop;      /* frames of a spectrogram that are seen at once; 0: all */
    Network *network;
    int array;
    Shape whole, seen; /* of one item; of what the network sees of it */
    float *item, *batch, *noise;
} Autoencoder;

static const char *const kinds[] = {"pictures", "sounds", NULL};
static const ConfigField fields[] = {
    CONFIG_CHOICE(FIELD_REQUIRED, "of", Autoencoder, of, kinds, "what is encoded"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "divergence", Autoencoder, divergence, 0, 1,
                  "weight of the latents' divergence"),
    CONFIG_INT(FIELD_OPTIONAL, "crop", Autoencoder, crop, 0, 1 << 20,
               "frames seen at once, 0 for all"),
};

static void defaults(Target *target)
{
    ((Autoencoder *)target)->divergence = 1e-4;
}

static bool choose_shape(Autoencoder *a, Err *err)
{
    const VaeConfig *vae = &a->network->settings.vae;
    int64_t step = (int64_t)1 << (vae->levels - 1);
    a->whole = mel_shards_form(a->target.shards, a->array)->shape;
    if (a->of == OF_SOUNDS) a->whole = SHAPE(a->whole.dims[0], a->whole.dims[1], 1);
    a->seen = a->whole;
    if (a->of == OF_SOUNDS && a->crop) a->seen.dims[0] = a->crop;
    char text[SHAPE_TEXT_SIZE];
    if (a->seen.dims[2] != vae->channels || a->seen.dims[0] % step || a->seen.dims[1] % step ||
        a->seen.dims[0] > a->whole.dims[0])
        return mel_err(err, ERR_USAGE,
                       "the autoencoder wants %lld channels and sides that %lld divides, not %s",
                       (long long)vae->channels, (long long)step, mel_shape_text(&a->seen, text));
    return true;
}

static bool open_parts(Target *target, Err *err)
{
    Autoencoder *a = (Autoencoder *)target;
    bool sounds = a->of == OF_SOUNDS;
    const char *folder = sounds ? "vae" : "image_vae";
    a->array = mel_shards_array(target->shards, sounds ? "mel" : "pixels", err);
    if (a->array < 0 || !mel_network_open(target->config->model, folder, MODEL_VAE, NETWORK_CONFIG,
                                          &a->network, err))
        return false;
    mel_network_set_add(&target->networks, "vae.", a->network);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = "vae.", .folder = folder, .network = a->network};
    if (!choose_shape(a, err)) return false;
    size_t count = (size_t)mel_shape_count(&a->seen);
    a->item = mel_alloc((size_t)mel_shape_count(&a->whole) * sizeof *a->item);
    a->batch = mel_alloc(count * (size_t)target->config->batch * sizeof *a->batch);
    return true;
}

static void close_parts(Target *target)
{
    Autoencoder *a = (Autoencoder *)target;
    mel_network_close(a->network);
    free(a->item);
    free(a->batch);
    free(a->noise);
}

/* ½(μ² + σ² - 1 - ln σ²), the mean over latent numbers. */
static Node *divergence_of(VaeMoments m, Node *variance)
{
    Node *sum = mel_op_add(mel_op_unary(m.mean, UNARY_SQUARE, 0, 0), variance);
    return mel_op_mean(mel_op_affine(mel_op_sub(sum, m.log_variance), 0.5, -0.5));
}

static Node *loss(Target *target, Graph *graph, int batch)
{
    Autoencoder *a = (Autoencoder *)target;
    const VaeConfig *vae = &a->network->settings.vae;
    DType type = mel_graph_float_type(graph);
    Shape s = a->seen;
    Node *x = mel_graph_input(graph, "x", type, SHAPE(batch, s.dims[0], s.dims[1], s.dims[2]));
    mel_graph_push(graph, "vae.");
    VaeMoments m = mel_net_vae_encoder(graph, vae, x);
    m.mean = mel_op_cast(m.mean, DTYPE_F32);
    m.log_variance = mel_op_cast(m.log_variance, DTYPE_F32);
    Node *noise = mel_graph_input(graph, "noise", DTYPE_F32, *mel_node_shape(m.mean));
    Node *deviation = mel_op_unary(mel_op_affine(m.log_variance, 0.5, 0), UNARY_EXP, 0, 0);
    Node *latents = mel_op_add(m.mean, mel_op_mul(deviation, noise));
    Node *y = mel_net_vae_decoder(graph, vae, mel_op_cast(latents, type));
    mel_graph_pop(graph);
    if (!mel_graph_is_training(graph)) mel_graph_output(graph, "made", y);
    Node *far = mel_op_cast(mel_op_sub(y, x), DTYPE_F32);
    Node *absolute = mel_op_mean(mel_op_unary(far, UNARY_ABS, 0, 0));
    Node *square = mel_op_mean(mel_op_unary(far, UNARY_SQUARE, 0, 0));
    Node *divergence = divergence_of(m, mel_op_unary(m.log_variance, UNARY_EXP, 0, 0));
    mel_graph_output(graph, "square_error", square);
    mel_graph_output(graph, "latent_square",
                     mel_op_mean(mel_op_unary(latents, UNARY_SQUARE, 0, 0)));
    return mel_op_add(mel_op_add(absolute, square), mel_op_affine(divergence, a->divergence, 0));
}

static void fill_item(Autoencoder *a, const TrainBatch *batch, int i, float *out)
{
    Rng rng = sample_rng(batch, i);
    int64_t row = a->whole.dims[1] * a->whole.dims[2], rows = a->seen.dims[0];
    mel_shards_floats(batch->shards, a->array, batch->items[i], a->item);
    int64_t from = mel_rng_int(&rng, (int)(a->whole.dims[0] - rows + 1));
    for (int64_t k = 0; k < rows * row; k++)
        out[k] = a->of == OF_SOUNDS ? a->item[from * row + k] : a->item[k] / 127.5F - 1;
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    Autoencoder *a = (Autoencoder *)target;
    int64_t count = mel_shape_count(&a->seen);
    int64_t latents = mel_shape_count(mel_plan_shape(plan, "noise")) / batch->count;
    for (int i = 0; i < batch->count; i++)
        fill_item(a, batch, i, a->batch + i * count);
    if (!mel_plan_write(plan, "x", a->batch, err)) return false;
    if (!a->noise) a->noise = mel_alloc((size_t)(latents * batch->count) * sizeof *a->noise);
    for (int i = 0; i < batch->count; i++) {
        Rng rng = sample_rng(batch, i);
        rng.next = 16; /* behind the crop's */
        for (int64_t k = 0; k < latents; k++)
            a->noise[i * latents + k] = (float)mel_rng_normal(&rng);
    }
    return mel_plan_write(plan, "noise", a->noise, err);
}

static bool sample(Target *target, Plan *plan, const TrainBatch *batch, const char *folder,
                   Err *err)
{
    const Autoencoder *a = (Autoencoder *)target;
    const char *model = target->config->model;
    int64_t frames = a->seen.dims[0];
    if (a->of != OF_SOUNDS) return true;
    float *made = mel_alloc((size_t)(batch->count * mel_shape_count(&a->seen)) * sizeof *made);
    bool ok = mel_plan_run(plan, err) && mel_plan_read(plan, "made", made, err) &&
              sounds_save_mels(batch, "made", made, frames, model, folder, err) &&
              sounds_save_mels(batch, "real", a->batch, frames, model, folder, err);
    free(made);
    return ok;
}

/* Diffusion wants latents of size 1. */
static bool amend(Target *target, int part, json_t *config, const Measure *measure, Err *err)
{
    double square;
    (void)target, (void)part;
    if (!measure->mean(measure->ctx, "latent_square", &square, err)) return false;
    if (!(square > 0) || !isfinite(square))
        return mel_err(err, ERR_MATH, "the latents' mean square is %g", square);
    mel_json_set_f64(config, "scaling_factor", 1 / sqrt(square));
    return true;
}

const TargetDef target_autoencoder = {
    .name = "autoencoder",
    .what = "the autoencoder of pictures or sounds",
    .size = sizeof(Autoencoder),
    .fields = fields,
    .field_count = MEL_COUNT(fields),
    .defaults = defaults,
    .open = open_parts,
    .close = close_parts,
    .metrics = {"square_error", "latent_square"},
    .loss = loss,
    .fill = fill,
    .sample = sample,
    .amend = amend,
};
