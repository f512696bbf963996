/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/picture_model.h"

#include "engine/device.h"
#include "engine/device_array.h"
#include "engine/text_states.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NULL_TOKENS = 77 };

struct PictureModel {
    Synapse synapse; /* its sites; none without one */
    DType float_type;
    Codec *codec;
    Network *unet;
    NetworkSet set;
    Params params;
    NoiseSchedule schedule;
    Tensor null_text;
    Graph *graph;
    Plan *plan;
    int side;
    int64_t n; /* numbers of a latent */
    float *out;
};

/* ---- opening -------------------------------------------------------------------------------- */

static bool encode_null_text(PictureModel *m, const char *folder, Err *err)
{
    TextStates *text = NULL;
    int32_t length;
    if (!mel_text_states_open(folder, "image_text_encoder", "image_tokenizer", NULL_TOKENS,
                              DTYPE_F32, &text, err))
        return false;
    int64_t tokens = mel_text_states_tokens(text), width = mel_text_states_width(text);
    m->null_text = (Tensor){.dtype = DTYPE_F32, .shape = SHAPE(tokens, width)};
    m->null_text.data = mel_alloc((size_t)(tokens * width) * sizeof(float));
    bool ok = mel_text_states(text, "", m->null_text.data, &length, err) &&
              (width == m->unet->settings.unet.text_width ||
               mel_err(err, ERR_FORMAT, "the image UNet wants a text of width %lld, not %lld",
                       (long long)m->unet->settings.unet.text_width, (long long)width));
    mel_text_states_close(text);
    return ok;
}

static bool open_codec(PictureModel *m, const char *folder, Err *err)
{
    ModelSettings vae;
    char *config = mel_path_join(folder, "image_vae/config.json");
    bool ok = mel_model_config_read(config, &vae, err);
    free(config);
    if (!ok) return false;
    m->side = (int)(m->unet->settings.sample_size << (vae.vae.levels - 1));
    if (m->side < 1)
        return mel_err(err, ERR_FORMAT, "'%s/config.json' has no sample_size", m->unet->folder);
    return mel_codec_open(folder, "image_vae", m->side, m->side, m->float_type, &m->codec, err);
}

/* A site's states are pooled where they are made, to several lengths at once: they are up to a
 * hundred times what is left of them. */
enum { LENGTHS_AT_ONCE = 8 };

static const char *length_name(char name[32], int k)
{
    snprintf(name, 32, "length %d", k);
    return name;
}

static const char *pooled_name(char name[32], int site, int k)
{
    snprintf(name, 32, "site %d, length %d", site, k);
    return name;
}

static void pool_states(PictureModel *m)
{
    char name[32];
    for (int k = 0; k < LENGTHS_AT_ONCE; k++) {
        Node *length = mel_graph_input(m->graph, length_name(name, k), DTYPE_I32, SHAPE(1));
        for (int i = 0; i < m->synapse.count; i++)
            mel_graph_output(m->graph, pooled_name(name, i, k),
                             mel_op_token_pool(m->synapse.states[i], length, m->synapse.tokens));
    }
}

static bool make_plan(PictureModel *m, Err *err)
{
    static const char *const known[] = {NULL};
    Graph *g = m->graph = mel_graph_new(m->float_type);
    Shape z = *mel_codec_latent_shape(m->codec), text = m->null_text.shape;
    const UnetInputs in = {
        .x = mel_graph_input(g, "z", m->float_type, SHAPE(1, z.dims[0], z.dims[1], z.dims[2])),
        .timesteps = mel_graph_input(g, "t", DTYPE_F32, SHAPE(1)),
        .text = mel_op_cast(mel_graph_constant(g, DTYPE_F32, SHAPE(1, text.dims[0], text.dims[1]),
                                               m->null_text.data),
                            m->float_type)};
    UnetHook hook = mel_synapse_capture(&m->synapse);
    Node *y = mel_net_unet(g, &m->unet->settings.unet, &in, m->synapse.count ? &hook : NULL);
    mel_graph_output(g, "out", mel_op_cast(y, DTYPE_F32));
    if (m->synapse.count) pool_states(m);
    mel_network_set_add(&m->set, "", m->unet);
    m->params = mel_network_set_params(&m->set, NULL);
    return mel_graph_ok(g, err) && mel_network_check(m->unet, g, known, err) &&
           mel_plan_new(g, mel_device(), &m->params, &m->plan, err);
}

static bool open_parts(PictureModel *m, const char *folder, Err *err)
{
    char *schedule = mel_path_join(folder, "image_scheduler/scheduler_config.json");
    bool ok = mel_schedule_read(schedule, &m->schedule, err) &&
              mel_network_open(folder, "image_unet", MODEL_UNET, NETWORK_HASHED, &m->unet, err) &&
              open_codec(m, folder, err) && encode_null_text(m, folder, err) && make_plan(m, err) &&
              mel_network_hashed(m->unet, err);
    free(schedule);
    if (!ok) return false;
    m->n = mel_shape_count(mel_codec_latent_shape(m->codec));
    m->out = mel_alloc((size_t)m->n * sizeof(float));
    return true;
}

bool mel_picture_model_open(const char *folder, const Synapse *synapse, DType float_type,
                            PictureModel **out, Err *err)
{
    PictureModel *m = mel_alloc(sizeof *m);
    m->float_type = float_type;
    if (synapse) m->synapse = *synapse;
    if (open_parts(m, folder, err)) {
        *out = m;
        return true;
    }
    mel_picture_model_close(m);
    return mel_err_wrap(err, "the image model in '%s'", folder);
}

void mel_picture_model_close(PictureModel *model)
{
    if (!model) return;
    mel_plan_free(model->plan);
    mel_graph_free(model->graph);
    mel_codec_close(model->codec);
    mel_network_close(model->unet);
    free(model->null_text.data);
    free(model->out);
    free(model);
}

int mel_picture_model_side(const PictureModel *model)
{
    return model->side;
}

const Shape *mel_picture_model_latent(const PictureModel *model)
{
    return mel_codec_latent_shape(model->codec);
}

const NoiseSchedule *mel_picture_model_schedule(const PictureModel *model)
{
    return &model->schedule;
}

const Network *mel_picture_model_unet(const PictureModel *model)
{
    return model->unet;
}

const char *mel_picture_model_vae_sha256(const PictureModel *model)
{
    return mel_codec_sha256(model->codec);
}

const Tensor *mel_picture_model_null_text(const PictureModel *model)
{
    return &model->null_text;
}

/* ---- pictures ------------------------------------------------------------------------------- */

bool mel_picture_encode(PictureModel *model, const uint8_t *rgb, PictureSize size, float *latent,
                        Err *err)
{
    int64_t pixels = (int64_t)model->side * model->side;
    uint8_t *square = mel_alloc((size_t)pixels * 3);
    float *x = mel_alloc((size_t)pixels * 3 * sizeof *x);
    bool ok = mel_resize_square(rgb, size, square, model->side, err);
    if (ok) mel_picture_floats(square, pixels, &mel_picture_signed, x);
    ok = ok && mel_codec_encode(model->codec, x, latent, err);
    free(square);
    free(x);
    return ok;
}

bool mel_picture_decode(PictureModel *model, const float *latent, uint8_t *rgb, Err *err)
{
    int64_t count = (int64_t)model->side * model->side * 3;
    float *x = mel_alloc((size_t)count * sizeof *x);
    bool ok = mel_codec_decode(model->codec, latent, x, err);
    for (int64_t i = 0; i < count && ok; i++) {
        float byte = nearbyintf((x[i] + 1) * 127.5F);
        rgb[i] = (uint8_t)(byte < 0 ? 0 : byte > 255 ? 255 : byte);
    }
    free(x);
    return ok;
}

/* ---- walks ---------------------------------------------------------------------------------- */

struct PictureFeatures {
    PictureModel *model;
    int steps, length_count;
    int32_t *lengths;
    int64_t *places; /* of a site's states for one length, within a step: [length, site] */
    int64_t step_numbers;
    DeviceArray *data;
};

/* The lengths from number `first` on; 0 behind the last, and where nothing is taken. */
static bool write_lengths(PictureModel *m, const PictureFeatures *f, int first, Err *err)
{
    bool ok = true;
    for (int k = 0; k < LENGTHS_AT_ONCE && m->synapse.count && ok; k++) {
        char name[32];
        int32_t length = f && first + k < f->length_count ? f->lengths[first + k] : 0;
        ok = mel_plan_write(m->plan, length_name(name, k), &length, err);
    }
    return ok;
}

static bool take_states(PictureFeatures *f, int step, int first, Err *err)
{
    const PictureModel *m = f->model;
    char name[32];
    int sites = m->synapse.count, left = f->length_count - first;
    for (int k = 0; k < LENGTHS_AT_ONCE && k < left; k++)
        for (int i = 0; i < sites; i++) {
            int64_t numbers = f->lengths[first + k] * m->synapse.sites[i].width;
            int64_t place = step * f->step_numbers + f->places[(first + k) * sites + i];
            if (!device_array_take(f->data, place, numbers, m->plan, pooled_name(name, i, k), err))
                return false;
        }
    return true;
}

/* The prediction for z at time t in m->out, and what the features of step `step` are, if any are
 * wanted: with many lengths, in several passes. */
static bool predict(PictureModel *m, const float *z, int t, PictureFeatures *f, int step, Err *err)
{
    float time = (float)t;
    int first = 0;
    do {
        if (!mel_plan_write(m->plan, "z", z, err) || !mel_plan_write(m->plan, "t", &time, err) ||
            !write_lengths(m, f, first, err) || !mel_plan_run(m->plan, err) ||
            (f && !take_states(f, step, first, err)))
            return false;
        first += LENGTHS_AT_ONCE;
    } while (f && first < f->length_count);
    return mel_plan_read(m->plan, "out", m->out, err);
}

typedef struct Walk {
    const int *times;
    int count;
    const Progress *progress;
    const char *what;
    PictureFeatures *features; /* to be taken; may be NULL */
} Walk;

static bool tick(const Walk *walk, int done, Err *err)
{
    const ProgressTick at = {.what = walk->what, .done = done, .total = walk->count};
    mel_progress(walk->progress, &at);
    return !mel_interrupted() || mel_err(err, ERR_CANCELLED, "interrupted");
}

static bool invert(PictureModel *m, const Walk *walk, InvertConvention convention, float *z,
                   float *trajectory, Err *err)
{
    size_t bytes = (size_t)m->n * sizeof *z;
    for (int i = 0; i < walk->count; i++) {
        int step = walk->count - 1 - i, t = mel_invert_time(walk->times, walk->count, i);
        if (convention == INVERT_AT && trajectory) memcpy(trajectory + step * m->n, z, bytes);
        if (!predict(m, z, t, walk->features, step, err)) return false;
        mel_invert_step(&m->schedule, convention, walk->times, walk->count, i, m->out, m->n, z);
        if (convention == INVERT_BEFORE && trajectory) memcpy(trajectory + step * m->n, z, bytes);
        if (!tick(walk, i + 1, err)) return false;
    }
    return true;
}

static bool replay(PictureModel *m, const Walk *walk, float *z, Err *err)
{
    Sampler *sampler = mel_sampler_new(SAMPLER_DDIM, &m->schedule, walk->times, walk->count, m->n);
    bool ok = true;
    for (int i = 0; i < walk->count && ok; i++) {
        ok = predict(m, z, walk->times[i], walk->features, i, err);
        if (ok) mel_sampler_step(sampler, i, m->out, NULL, z);
        ok = ok && tick(walk, i + 1, err);
    }
    mel_sampler_free(sampler);
    return ok;
}

bool mel_picture_invert(PictureModel *model, const float *latent, InvertConvention convention,
                        const int *times, int count, float *trajectory, const Progress *progress,
                        Err *err)
{
    const Walk walk = {.times = times, .count = count, .progress = progress, .what = "invert"};
    float *z = mel_alloc((size_t)model->n * sizeof *z);
    memcpy(z, latent, (size_t)model->n * sizeof *z);
    bool ok = invert(model, &walk, convention, z, trajectory, err);
    free(z);
    return ok;
}

bool mel_picture_replay(PictureModel *model, const float *trajectory, const int *times, int count,
                        float *latent, const Progress *progress, Err *err)
{
    const Walk walk = {.times = times, .count = count, .progress = progress, .what = "replay"};
    memcpy(latent, trajectory, (size_t)model->n * sizeof *latent);
    return replay(model, &walk, latent, err);
}

/* ---- features ------------------------------------------------------------------------------- */

static PictureFeatures *new_features(PictureModel *m, int steps, const int32_t *lengths, int count,
                                     Err *err)
{
    PictureFeatures *f = mel_alloc(sizeof *f);
    int sites = m->synapse.count;
    *f = (PictureFeatures){.model = m, .steps = steps, .length_count = count};
    f->lengths = mel_alloc((size_t)count * sizeof *f->lengths);
    f->places = mel_alloc((size_t)(count * sites) * sizeof *f->places + 1);
    for (int k = 0; k < count; k++) {
        f->lengths[k] = lengths[k];
        for (int i = 0; i < sites; i++) {
            f->places[k * sites + i] = f->step_numbers;
            f->step_numbers += lengths[k] * m->synapse.sites[i].width;
        }
    }
    if (device_array_new(mel_device(), m->float_type, steps * f->step_numbers, &f->data, err))
        return f;
    mel_picture_features_free(f);
    mel_err_wrap(err, "the picture's features");
    return NULL;
}

bool mel_picture_features(PictureModel *model, const float *latent, Capture capture,
                          const int *times, int count, const int32_t *lengths, int length_count,
                          PictureFeatures **out, const Progress *progress, Err *err)
{
    PictureFeatures *f = new_features(model, count, lengths, length_count, err);
    if (!f) return false;
    bool inverting = capture == CAPTURE_INVERT;
    Walk walk = {.times = times,
                 .count = count,
                 .progress = progress,
                 .what = "invert",
                 .features = inverting ? f : NULL};
    float *z = mel_alloc((size_t)model->n * sizeof *z);
    memcpy(z, latent, (size_t)model->n * sizeof *z);
    bool ok = invert(model, &walk, inverting ? INVERT_AT : INVERT_BEFORE, z, NULL, err);
    if (ok && !inverting) {
        walk.what = "replay";
        walk.features = f;
        ok = replay(model, &walk, z, err);
    }
    free(z);
    if (ok)
        *out = f;
    else
        mel_picture_features_free(f);
    return ok;
}

void mel_picture_features_free(PictureFeatures *features)
{
    if (!features) return;
    free(features->lengths);
    free(features->places);
    device_array_free(features->data);
    free(features);
}

static int64_t place_of(const PictureFeatures *f, int site, int32_t length)
{
    for (int k = 0; k < f->length_count; k++)
        if (f->lengths[k] == length) return f->places[k * f->model->synapse.count + site];
    MEL_ASSERT(!"a length that was not asked for");
    return -1;
}

bool mel_picture_feature_give(const PictureFeatures *features, int step, int site, int32_t length,
                              Plan *plan, const char *input, int64_t begin, Err *err)
{
    int64_t place = step * features->step_numbers + place_of(features, site, length);
    int64_t numbers = length * features->model->synapse.sites[site].width;
    return device_array_give(features->data, place, numbers, plan, input, begin, err);
}
