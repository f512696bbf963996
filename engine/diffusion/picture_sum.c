/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/picture_sum.h"
#include "engine/device.h"

#include "engine/network.h"
#include "engine/plan.h"
#include "engine/towers.h"

#include <stdlib.h>

struct PictureSum {
    Towers *clip;
    Network *network;
    NetworkSet set;
    Params params;
    Graph *graph;
    Plan *plan;
};

bool mel_picture_sum_is_in(const char *folder)
{
    char *path = mel_path_join(folder, PICTURE_SUM_PART "/model.safetensors");
    bool there = mel_path_exists(path);
    free(path);
    return there;
}

static bool make_plan(PictureSum *sum, Err *err)
{
    Graph *g = sum->graph = mel_graph_new(DTYPE_F32);
    int64_t width = mel_towers_info(sum->clip)->width;
    Node *x = mel_graph_input(g, "embedding", DTYPE_F32, SHAPE(1, width));
    mel_graph_output(g, "sum",
                     mel_net_picture_projection(g, &sum->network->settings.picture_projection, x));
    mel_network_set_add(&sum->set, "", sum->network);
    sum->params = mel_network_set_params(&sum->set, NULL);
    return mel_graph_ok(g, err) && mel_network_check(sum->network, g, NULL, err) &&
           mel_plan_new(g, mel_device(), &sum->params, &sum->plan, err);
}

bool mel_picture_sum_open(const char *folder, PictureSum **out, Err *err)
{
    PictureSum *sum = mel_alloc(sizeof *sum);
    char *clip = mel_path_join(folder, "clip");
    bool ok = mel_towers_open(clip, DTYPE_F32, &sum->clip, err) &&
              (mel_towers_info(sum->clip)->has[TOWER_PICTURE] ||
               mel_err(err, ERR_FORMAT, "'%s' sees no pictures", clip)) &&
              mel_network_open(folder, PICTURE_SUM_PART, MODEL_PICTURE_SUM, NETWORK_HASHED,
                               &sum->network, err) &&
              make_plan(sum, err) && mel_network_hashed(sum->network, err);
    free(clip);
    if (ok)
        *out = sum;
    else
        mel_picture_sum_close(sum);
    return ok || mel_err_wrap(err, "the pictures of '%s'", folder);
}

void mel_picture_sum_close(PictureSum *sum)
{
    if (!sum) return;
    mel_plan_free(sum->plan);
    mel_graph_free(sum->graph);
    mel_network_close(sum->network);
    mel_towers_close(sum->clip);
    free(sum);
}

int64_t mel_picture_sum_width(const PictureSum *sum)
{
    return sum->network->settings.picture_projection.text_width;
}

void mel_picture_sum_describe(const PictureSum *sum, json_t *parts)
{
    mel_json_set_text(parts, "clip", mel_towers_info(sum->clip)->sha256);
    mel_json_set_text(parts, PICTURE_SUM_PART, sum->network->sha256);
}

bool mel_picture_sum(PictureSum *sum, const uint8_t *rgb, PictureSize size, float *out, Err *err)
{
    float *embedding = mel_alloc((size_t)mel_towers_info(sum->clip)->width * sizeof *embedding);
    bool ok = mel_tower_embed_picture(sum->clip, rgb, size, embedding, err) &&
              mel_plan_write(sum->plan, "embedding", embedding, err) &&
              mel_plan_run(sum->plan, err) && mel_plan_read(sum->plan, "sum", out, err);
    free(embedding);
    return ok;
}
