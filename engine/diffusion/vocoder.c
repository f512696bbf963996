/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/vocoder.h"
#include "engine/device.h"

#include "engine/front/mel.h"
#include "engine/network.h"
#include "engine/plan.h"

#include <stdlib.h>

enum { ITERATIONS = 32 }; /* librosa's; 64 come 4 % nearer for twice the time */

struct Vocoder {
    int64_t frames, samples;
    Network *network; /* NULL: Griffin and Lim */
    NetworkSet set;
    Params params;
    Graph *graph;
    Plan *plan;
};

static bool make_plan(Vocoder *v, DType float_type, Err *err)
{
    static const char *const known[] = {"mean", "scale", NULL};
    const HifiganConfig *config = &v->network->settings.hifigan;
    Graph *g = v->graph = mel_graph_new(float_type);
    Node *x = mel_graph_input(g, "mel", float_type, SHAPE(1, v->frames, config->mel_bins));
    Node *y = mel_net_hifigan(g, config, x);
    mel_graph_output(g, "samples", y);
    v->samples = mel_node_dim(y, 1);
    mel_network_set_add(&v->set, "", v->network);
    v->params = mel_network_set_params(&v->set, NULL);
    return mel_graph_ok(g, err) && mel_network_check(v->network, g, known, err) &&
           mel_plan_new(g, mel_device(), &v->params, &v->plan, err);
}

bool mel_vocoder_open(const char *folder, int64_t frames, DType float_type, Vocoder **out, Err *err)
{
    Vocoder *v = mel_alloc(sizeof *v);
    char *below = mel_path_join(folder, "vocoder");
    bool there = mel_path_is_dir(below);
    *v = (Vocoder){.frames = frames,
                   .samples = frames * mel_front_settings(MEL_FRONT_AUDIOLDM)->hop};
    free(below);
    bool ok = !there || (mel_network_open(folder, "vocoder", MODEL_HIFIGAN, NETWORK_HASHED,
                                          &v->network, err) &&
                         make_plan(v, float_type, err) && mel_network_hashed(v->network, err));
    if (ok)
        *out = v;
    else
        mel_vocoder_close(v);
    return ok;
}

void mel_vocoder_close(Vocoder *vocoder)
{
    if (!vocoder) return;
    mel_plan_free(vocoder->plan);
    mel_graph_free(vocoder->graph);
    mel_network_close(vocoder->network);
    free(vocoder);
}

const char *mel_vocoder_name(const Vocoder *vocoder)
{
    return vocoder->network ? "hifigan" : "griffin-lim";
}

const char *mel_vocoder_sha256(const Vocoder *vocoder)
{
    return vocoder->network ? vocoder->network->sha256 : "";
}

int64_t mel_vocoder_samples(const Vocoder *vocoder)
{
    return vocoder->samples;
}

bool mel_vocoder_run(Vocoder *vocoder, const float *log_mel, float *samples, Err *err)
{
    if (!vocoder->network) {
        mel_griffin_lim(log_mel, vocoder->frames, ITERATIONS, samples);
        return true;
    }
    return mel_plan_write(vocoder->plan, "mel", log_mel, err) && mel_plan_run(vocoder->plan, err) &&
           mel_plan_read(vocoder->plan, "samples", samples, err);
}
