/* SPDX-License-Identifier: Apache-2.0
 *
 * HiFi-GAN (Kong, Kim and Bae, 2020): the generator by the distance of log-mel spectrograms, of the
 * discriminators' features, and by their judgement; the discriminators by theirs. Both move in the
 * same step, each by its own loss: sounds made in a step are judged by the discriminators before
 * it. */
#include "trainer/targets/sounds.h"
#include "trainer/targets/targets.h"

#include "engine/nets.h"

#include <stdlib.h>

typedef struct VocoderTarget {
    Target target; /* first */
    Network *network;
    Sounds sounds;
    int64_t frames, judges_width;
    double mel_weight, feature_weight, judge_weight;
} VocoderTarget;

static const ConfigField fields[] = {
    CONFIG_INT(FIELD_OPTIONAL, "frames", VocoderTarget, frames, 16, 1000,
               "of a spectrogram that are voiced at once, each 10 ms"),
    CONFIG_INT(FIELD_OPTIONAL, "discriminator_width", VocoderTarget, judges_width, 4, 256,
               "of a discriminator's first layer, a multiple of 4"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "mel_weight", VocoderTarget, mel_weight, 0, 1e4,
                  "weight of the spectrograms' distance"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "feature_weight", VocoderTarget, feature_weight, 0, 1e4,
                  "weight of the features' distance"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "adversarial_weight", VocoderTarget, judge_weight, 0, 1e4,
                  "weight of the discriminators' judgement"),
};

static void defaults(Target *target)
{
    VocoderTarget *t = (VocoderTarget *)target;
    t->frames = 52; /* 8,320 samples: the paper's 8,192 in whole frames */
    t->judges_width = 32;
    t->mel_weight = 45;
    t->feature_weight = 2;
    t->judge_weight = 1;
}

static bool open_parts(Target *target, Err *err)
{
    VocoderTarget *t = (VocoderTarget *)target;
    if (!mel_network_open(target->config->model, "vocoder", MODEL_HIFIGAN, NETWORK_CONFIG,
                          &t->network, err))
        return false;
    mel_network_set_add(&target->networks, "vocoder.", t->network);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = "vocoder.", .folder = "vocoder", .network = t->network};
    target->parts[target->part_count++] = (TrainedPart){.prefix = "discriminators."};
    t->sounds.front = mel_front_settings(MEL_FRONT_AUDIOLDM);
    t->sounds.seconds = (double)(t->frames * t->sounds.front->hop) / t->sounds.front->rate_hz;
    t->sounds.peak = 0.5; /* as the autoencoder's spectrograms were made */
    if (t->network->settings.hifigan.mel_bins != t->sounds.front->bins)
        return mel_err(err, ERR_USAGE, "the vocoder reads %lld bins, spectrograms have %d",
                       (long long)t->network->settings.hifigan.mel_bins, t->sounds.front->bins);
    if (t->judges_width % 4)
        return mel_err(err, ERR_USAGE, "'discriminator_width' is %lld, no multiple of 4",
                       (long long)t->judges_width);
    return sounds_open(&t->sounds, target->shards, target->config->batch, err);
}

static void close_parts(Target *target)
{
    VocoderTarget *t = (VocoderTarget *)target;
    mel_network_close(t->network);
    sounds_close(&t->sounds);
}

static void discriminate(const VocoderTarget *t, Graph *graph, Node *wave, HifiganJudged *out)
{
    mel_graph_push(graph, "discriminators.");
    mel_net_hifigan_discriminators(graph, t->judges_width,
                                   mel_op_cast(wave, mel_graph_float_type(graph)), out);
    mel_graph_pop(graph);
}

static Node *plus(Node *sum, Node *term)
{
    return sum ? mel_op_add(sum, term) : term;
}

/* The mean of (x - wanted)². */
static Node *far_from(Node *x, double wanted)
{
    x = mel_op_affine(mel_op_cast(x, DTYPE_F32), 1, -wanted);
    return mel_op_mean(mel_op_unary(x, UNARY_SQUARE, 0, 0));
}

static Node *distance(Node *x, Node *y)
{
    Node *far = mel_op_cast(mel_op_sub(x, y), DTYPE_F32);
    return mel_op_mean(mel_op_unary(far, UNARY_ABS, 0, 0));
}

/* Of a batch whose first half is real. */
static Node *half(Node *x, int which)
{
    int64_t batch = mel_node_dim(x, 0) / 2;
    return mel_op_slice(x, 0, which * batch, (which + 1) * batch);
}

/* Real sounds are to be judged 1, made ones 0. */
static Node *discriminators_loss(const HifiganJudged *both)
{
    Node *sum = NULL;
    for (int i = 0; i < both->count; i++)
        if (both->is_judgement[i])
            sum = plus(sum, mel_op_add(far_from(half(both->values[i], 0), 1),
                                       far_from(half(both->values[i], 1), 0)));
    return sum;
}

static void generator_losses(const HifiganJudged *both, const HifiganJudged *made, Node **features,
                             Node **judgement)
{
    *features = *judgement = NULL;
    for (int i = 0; i < made->count; i++) {
        Node *real = mel_op_detach(half(both->values[i], 0));
        *features = plus(*features, distance(made->values[i], real));
        if (made->is_judgement[i]) *judgement = plus(*judgement, far_from(made->values[i], 1));
    }
}

static Node *generate(const VocoderTarget *t, Graph *graph, Node *log_mel)
{
    mel_graph_push(graph, "vocoder.");
    Node *y = mel_net_hifigan(graph, &t->network->settings.hifigan,
                              mel_op_cast(log_mel, mel_graph_float_type(graph)));
    mel_graph_pop(graph);
    return mel_op_cast(mel_op_slice(y, 1, 0, t->sounds.samples), DTYPE_F32);
}

static Node *loss(Target *target, Graph *graph, int batch)
{
    VocoderTarget *t = (VocoderTarget *)target;
    HifiganJudged both, made;
    Node *features, *judgement, *real = sounds_wave(&t->sounds, graph, batch);
    Node *real_mel = mel_front_log_mel(graph, real, t->sounds.front);
    Node *fake = generate(t, graph, real_mel);
    Node *mel = distance(mel_front_log_mel(graph, fake, t->sounds.front), real_mel);
    discriminate(t, graph, mel_op_concat(real, mel_op_detach(fake), 0), &both);
    mel_graph_detach_params(graph, true);
    discriminate(t, graph, fake, &made);
    mel_graph_detach_params(graph, false);
    generator_losses(&both, &made, &features, &judgement);
    Node *discriminators = discriminators_loss(&both);
    if (!mel_graph_is_training(graph)) mel_graph_output(graph, "made", fake);
    mel_graph_output(graph, "mel", mel);
    mel_graph_output(graph, "features", features);
    mel_graph_output(graph, "judgement", judgement);
    mel_graph_output(graph, "discriminators", discriminators);
    Node *generator = mel_op_add(mel_op_affine(mel, t->mel_weight, 0),
                                 mel_op_affine(features, t->feature_weight, 0));
    generator = mel_op_add(generator, mel_op_affine(judgement, t->judge_weight, 0));
    return mel_op_add(generator, discriminators);
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    return sounds_fill(&((VocoderTarget *)target)->sounds, plan, batch, err);
}

static bool sample(Target *target, Plan *plan, const TrainBatch *batch, const char *folder,
                   Err *err)
{
    const Sounds *s = &((VocoderTarget *)target)->sounds;
    float *made = mel_alloc((size_t)(batch->count * s->samples) * sizeof *made);
    bool ok = mel_plan_run(plan, err) && mel_plan_read(plan, "made", made, err) &&
              sounds_save(batch, "made", made, s->samples, s->samples, folder, err) &&
              sounds_save(batch, "real", s->batch, s->samples, s->samples, folder, err);
    free(made);
    return ok;
}

const TargetDef target_vocoder = {
    .name = "vocoder",
    .what = "HiFi-GAN: from a spectrogram to sound",
    .size = sizeof(VocoderTarget),
    .fields = fields,
    .field_count = MEL_COUNT(fields),
    .defaults = defaults,
    .open = open_parts,
    .close = close_parts,
    .metrics = {"mel", "features", "judgement", "discriminators"},
    .loss = loss,
    .fill = fill,
    .sample = sample,
};
