/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/music_model.h"

#include "engine/device.h"
#include "engine/diffusion/vocoder.h"
#include "engine/text_states.h"

#include <stdlib.h>
#include <string.h>

/* The two halves of guidance run together: without the text, and with it. */
enum { HALVES = 2, UNGUIDED = 0, GUIDED = 1 };

struct MusicModel {
    bool pictures;
    int64_t tokens, n;
    DType float_type;
    TextStates *text;
    Codec *codec;
    Vocoder *vocoder;
    Network *unet, *image_unet;
    NetworkSet set;
    Params params;
    NoiseSchedule schedule;
    Synapse synapse;
    Graph *graph;
    Plan *plan;
    float *states, *mask, *z, *out; /* of both halves */
    int32_t lengths[HALVES];
};

/* ---- opening -------------------------------------------------------------------------------- */

static bool read_synapse(MusicModel *m, const char *folder, Err *err)
{
    SynapseConfig config = {0};
    char *path = mel_path_join(folder, "synapse.json");
    json_t *object = mel_path_exists(path) ? mel_json_load(path, 1 << 16, err) : json_object();
    bool ok = object && mel_synapse_config(object, &config, err) &&
              mel_synapse_plan(&config, &m->image_unet->settings.unet, &m->unet->settings.unet,
                               &m->synapse, err);
    m->synapse.tokens = m->tokens;
    json_decref(object);
    free(path);
    return ok;
}

static bool hashed(const MusicModel *m, Err *err)
{
    return mel_network_hashed(m->unet, err) &&
           (!m->image_unet || mel_network_hashed(m->image_unet, err));
}

static bool open_networks(MusicModel *m, const char *folder, Err *err)
{
    char *schedule = mel_path_join(folder, "scheduler/scheduler_config.json");
    bool ok =
        mel_schedule_read(schedule, &m->schedule, err) &&
        mel_network_open(folder, "unet", MODEL_UNET, NETWORK_HASHED, &m->unet, err) &&
        (!m->pictures ||
         mel_network_open(folder, "image_unet", MODEL_UNET, NETWORK_HASHED, &m->image_unet, err)) &&
        mel_codec_open(folder, "vae", MUSIC_FRAMES, MUSIC_BINS, m->float_type, &m->codec, err) &&
        mel_vocoder_open(folder, MUSIC_FRAMES, m->float_type, &m->vocoder, err) &&
        mel_text_states_open(folder, "text_encoder", "tokenizer", m->tokens, m->float_type,
                             &m->text, err);
    free(schedule);
    if (!ok) return false;
    m->tokens = mel_text_states_tokens(m->text);
    return !m->pictures || read_synapse(m, folder, err);
}

static void site_name(char name[32], int site)
{
    snprintf(name, 32, "site %d", site);
}

/* Pooled states as inputs, and their keys and values by the image UNet's projections. */
static void build_features(MusicModel *m)
{
    for (int i = 0; i < m->synapse.count; i++) {
        char name[32];
        site_name(name, i);
        m->synapse.states[i] = mel_graph_input(m->graph, name, m->float_type,
                                               SHAPE(HALVES, m->tokens, m->synapse.sites[i].width));
    }
    mel_graph_push(m->graph, "image_unet.");
    mel_synapse_project(&m->synapse, m->graph);
    mel_graph_pop(m->graph);
}

static bool make_plan(MusicModel *m, Err *err)
{
    Graph *g = m->graph = mel_graph_new(m->float_type);
    Shape z = *mel_codec_latent_shape(m->codec);
    const UnetInputs in = {
        .x = mel_graph_input(g, "z", m->float_type, SHAPE(HALVES, z.dims[0], z.dims[1], z.dims[2])),
        .timesteps = mel_graph_input(g, "t", DTYPE_F32, SHAPE(HALVES)),
        .text = mel_graph_input(g, "text", m->float_type,
                                SHAPE(HALVES, m->tokens, mel_text_states_width(m->text))),
        .mask = mel_graph_input(g, "mask", DTYPE_F32, SHAPE(HALVES, 1, 1, m->tokens))};
    UnetHook hook = {0};
    if (m->pictures) build_features(m);
    mel_graph_push(g, "unet.");
    if (m->pictures)
        hook = mel_synapse_mix(&m->synapse, g,
                               mel_graph_input(g, "gate", DTYPE_F32, SHAPE(HALVES, 1, 1)));
    Node *y = mel_net_unet(g, &m->unet->settings.unet, &in, m->pictures ? &hook : NULL);
    mel_graph_pop(g);
    mel_graph_output(g, "out", mel_op_cast(y, DTYPE_F32));
    mel_network_set_add(&m->set, "unet.", m->unet);
    if (m->image_unet) mel_network_set_add(&m->set, "image_unet.", m->image_unet);
    m->params = mel_network_set_params(&m->set, NULL);
    return mel_graph_ok(g, err) && mel_plan_new(g, mel_device(), &m->params, &m->plan, err);
}

/* The music UNet alone, strictly. */
static bool check_unet(const MusicModel *m, Err *err)
{
    static const char *const known[] = {"*.alpha", NULL};
    Graph *g = mel_graph_new(m->float_type);
    Shape z = *mel_codec_latent_shape(m->codec);
    const UnetInputs in = {
        .x = mel_graph_input(g, "z", m->float_type, SHAPE(1, z.dims[0], z.dims[1], z.dims[2])),
        .timesteps = mel_graph_input(g, "t", DTYPE_F32, SHAPE(1)),
        .text = mel_graph_input(g, "text", m->float_type,
                                SHAPE(1, m->tokens, mel_text_states_width(m->text)))};
    mel_net_unet(g, &m->unet->settings.unet, &in, NULL);
    bool ok = mel_graph_ok(g, err) && mel_network_check(m->unet, g, known, err);
    mel_graph_free(g);
    return ok;
}

static void make_buffers(MusicModel *m)
{
    m->n = mel_shape_count(mel_codec_latent_shape(m->codec));
    size_t text = (size_t)(m->tokens * mel_text_states_width(m->text));
    m->states = mel_alloc(HALVES * text * sizeof(float));
    m->mask = mel_alloc((size_t)(HALVES * m->tokens) * sizeof(float));
    m->z = mel_alloc((size_t)(HALVES * m->n) * sizeof(float));
    m->out = mel_alloc((size_t)(HALVES * m->n) * sizeof(float));
}

bool mel_music_model_open(const char *folder, bool pictures, int64_t tokens, DType float_type,
                          MusicModel **out, Err *err)
{
    MusicModel *m = mel_alloc(sizeof *m);
    *m = (MusicModel){.pictures = pictures, .tokens = tokens, .float_type = float_type};
    if (open_networks(m, folder, err) && check_unet(m, err) && make_plan(m, err) &&
        hashed(m, err)) {
        make_buffers(m);
        *out = m;
        return true;
    }
    mel_music_model_close(m);
    return mel_err_wrap(err, "the music model in '%s'", folder);
}

void mel_music_model_close(MusicModel *model)
{
    if (!model) return;
    mel_plan_free(model->plan);
    mel_graph_free(model->graph);
    mel_text_states_close(model->text);
    mel_codec_close(model->codec);
    mel_vocoder_close(model->vocoder);
    mel_network_close(model->unet);
    mel_network_close(model->image_unet);
    free(model->states);
    free(model->mask);
    free(model->z);
    free(model->out);
    free(model);
}

const NoiseSchedule *mel_music_model_schedule(const MusicModel *model)
{
    return &model->schedule;
}

const Shape *mel_music_model_latent(const MusicModel *model)
{
    return mel_codec_latent_shape(model->codec);
}

int64_t mel_music_model_text_width(const MusicModel *model)
{
    return mel_text_states_width(model->text);
}

const Synapse *mel_music_model_synapse(const MusicModel *model)
{
    return model->pictures ? &model->synapse : NULL;
}

json_t *mel_music_model_describe(const MusicModel *model)
{
    json_t *parts = json_object();
    mel_json_set_text(parts, "unet", model->unet->sha256);
    mel_json_set_text(parts, "vae", mel_codec_sha256(model->codec));
    mel_json_set_text(parts, "text_encoder", mel_text_states_sha256(model->text));
    mel_json_set_text(parts, "vocoder", mel_vocoder_sha256(model->vocoder));
    if (model->image_unet) mel_json_set_text(parts, "image_unet", model->image_unet->sha256);
    return parts;
}

/* ---- sampling ------------------------------------------------------------------------------- */

bool mel_music_text_length(MusicModel *model, const char *text, int32_t *length, Err *err)
{
    return mel_text_states(model->text, text, model->states, length, err);
}

static bool write_texts(MusicModel *m, const char *text, Err *err)
{
    const char *texts[HALVES] = {[UNGUIDED] = "", [GUIDED] = text};
    int64_t count = m->tokens * mel_text_states_width(m->text);
    for (int h = 0; h < HALVES; h++) {
        if (!mel_text_states(m->text, texts[h], m->states + h * count, &m->lengths[h], err))
            return false;
        for (int64_t i = 0; i < m->tokens; i++)
            m->mask[h * m->tokens + i] = i < m->lengths[h] ? 0 : -10000;
    }
    return true;
}

/* TANGO++'s picture. */
static void add_picture(MusicModel *m, const MusicSampling *how)
{
    int64_t width = mel_text_states_width(m->text), count = m->tokens * width;
    for (int h = 0; h < HALVES && how->added; h++)
        for (int64_t k = 0; k < count && !(h == UNGUIDED && how->guide_by_picture); k++)
            m->states[h * count + k] += how->added[k % width];
}

static bool write_features(MusicModel *m, const PictureFeatures *features, int step,
                           const MusicSampling *how, Err *err)
{
    const float gates[HALVES] = {
        [UNGUIDED] = features && !how->guide_by_picture ? 1 : 0, [GUIDED] = features ? 1 : 0};
    if (!mel_plan_write(m->plan, "gate", gates, err)) return false;
    for (int i = 0; i < m->synapse.count; i++) {
        char name[32];
        int64_t half = m->tokens * m->synapse.sites[i].width;
        site_name(name, i);
        if (!mel_plan_clear(m->plan, name, err)) return false;
        for (int h = 0; h < HALVES && features; h++)
            if (!mel_picture_feature_give(features, step, i, m->lengths[h], m->plan, name, h * half,
                                          err))
                return false;
    }
    return true;
}

/* The guided prediction of both halves, in the guided half of out. */
static bool predict(MusicModel *m, const PictureFeatures *features, int step,
                    const MusicSampling *how, Err *err)
{
    const float t[HALVES] = {(float)how->times[step], (float)how->times[step]};
    memcpy(m->z + m->n, m->z, (size_t)m->n * sizeof *m->z);
    if ((m->pictures && !write_features(m, features, step, how, err)) ||
        !mel_plan_write(m->plan, "z", m->z, err) || !mel_plan_write(m->plan, "t", t, err) ||
        !mel_plan_write(m->plan, "text", m->states, err) ||
        !mel_plan_write(m->plan, "mask", m->mask, err) || !mel_plan_run(m->plan, err) ||
        !mel_plan_read(m->plan, "out", m->out, err))
        return false;
    mel_guide(m->out, m->out + m->n, m->n, how->guidance);
    return true;
}

static void draw(const MusicSampling *how, int64_t step, int64_t n, float *out)
{
    Rng rng = {.seed = how->seed, .stream = how->sample << 16 | (uint64_t)step};
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)mel_rng_normal(&rng);
}

bool mel_music_sample(MusicModel *model, const char *text, const PictureFeatures *features,
                      const MusicSampling *how, float *latent, const Progress *progress, Err *err)
{
    int64_t n = model->n;
    if (!write_texts(model, text, err)) return false;
    add_picture(model, how);
    Sampler *sampler = mel_sampler_new(how->sampler, &model->schedule, how->times, how->count, n);
    float *noise = mel_alloc((size_t)n * sizeof *noise);
    bool ok = true;
    draw(how, 0, n, model->z);
    for (int i = 0; i < how->count && ok; i++) {
        const ProgressTick tick = {.what = "sample", .done = i, .total = how->count};
        mel_progress(progress, &tick);
        ok = !mel_interrupted() || mel_err(err, ERR_CANCELLED, "interrupted");
        ok = ok && predict(model, features, i, how, err);
        if (ok && mel_sampler_wants_noise(sampler, i)) draw(how, i + 1, n, noise);
        if (ok) mel_sampler_step(sampler, i, model->out + n, noise, model->z);
    }
    memcpy(latent, model->z, (size_t)n * sizeof *latent);
    mel_sampler_free(sampler);
    free(noise);
    return ok;
}

/* ---- sound ---------------------------------------------------------------------------------- */

bool mel_music_decode(MusicModel *model, const float *latent, float *log_mel, Err *err)
{
    return mel_codec_decode(model->codec, latent, log_mel, err);
}

int64_t mel_music_samples(const MusicModel *model)
{
    return mel_vocoder_samples(model->vocoder);
}

bool mel_music_vocode(MusicModel *model, const float *log_mel, float *samples, Err *err)
{
    return mel_vocoder_run(model->vocoder, log_mel, samples, err);
}
