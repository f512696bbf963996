/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/towers.h"
#include "engine/device.h"

#include "engine/engine.h"
#include "engine/model_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURE_BATCH = 8, SOUND_BATCH = 4, TEXT_BATCH = 8 };
enum { SOUND_SECONDS = 10 };

/* Texts run in the shortest of these that holds them; each is planned when first needed. */
enum { TEXT_LENGTHS = 2, CLAP_SHORT = 77, CLAP_LONG = 512 };

static const int batch_of[TOWER_SIDES] = {PICTURE_BATCH, SOUND_BATCH, TEXT_BATCH};

/* One network made ready for a batch. */
typedef struct Tower {
    Graph *graph;
    Plan *plan;
} Tower;

struct Towers {
    TowersInfo info;
    ModelSettings settings;
    Checkpoint *checkpoint;
    CheckpointParams source;
    Params params;
    Tokenizer *tokenizer;
    int64_t text_lengths[TEXT_LENGTHS]; /* ascending; 0: none */
    Tower picture, sound, texts[TEXT_LENGTHS];
};

/* ---- the networks --------------------------------------------------------------------------- */

static Node *picture_net(const Towers *t, Graph *g, int64_t batch)
{
    int64_t side = t->settings.clip.picture;
    Node *pictures =
        mel_graph_input(g, "pictures", t->info.float_type, SHAPE(batch, side, side, 3));
    return mel_net_clip_vision_embedding(g, &t->settings.clip, pictures);
}

static const MelSettings *sound_front(const Towers *t)
{
    return mel_front_settings(t->settings.kind == MODEL_CLAP ? MEL_FRONT_CLAP
                                                             : t->settings.sound.front);
}

static Node *sound_net(const Towers *t, Graph *g, int64_t batch)
{
    Node *wave = mel_graph_input(g, "wave", DTYPE_F32, SHAPE(batch, t->info.sound_samples));
    Node *log_mel = mel_front_log_mel(g, wave, sound_front(t));
    return t->settings.kind == MODEL_CLAP
               ? mel_net_clap_audio_embedding(g, &t->settings.clap, log_mel)
               : mel_net_sound_tower(g, &t->settings.sound.cnn14, t->settings.sound.joint,
                                     mel_op_cast(log_mel, t->info.float_type));
}

static Node *text_net(const Towers *t, Graph *g, int64_t batch, int64_t length)
{
    Node *ids = mel_graph_input(g, "ids", DTYPE_I32, SHAPE(batch, length));
    if (t->settings.kind == MODEL_CLIP) {
        Node *states = mel_net_clip_text(g, &t->settings.clip, ids);
        Node *ends = mel_graph_input(g, "ends", DTYPE_I32, SHAPE(batch));
        return mel_net_clip_text_embedding(g, &t->settings.clip, states, ends);
    }
    Node *positions = mel_graph_input(g, "positions", DTYPE_I32, SHAPE(batch, length));
    Node *mask = mel_graph_input(g, "mask", DTYPE_F32, SHAPE(batch, 1, 1, length));
    return mel_net_clap_text_embedding(g, &t->settings.clap, ids, positions, mask);
}

/* ---- opening -------------------------------------------------------------------------------- */

static const char *const known_buffers[] = {"*position_ids",
                                            "*token_type_ids",
                                            "*relative_position_index",
                                            "*num_batches_tracked",
                                            "logit_scale",
                                            "audio_encoder.base.spectrogram_extractor.",
                                            "audio_encoder.base.logmel_extractor.",
                                            "audio_encoder.base.fc_audioset.",
                                            NULL};

/* All sides in one graph, which is only asked for its parameters. */
static bool check_weights(const Towers *t, Err *err)
{
    Graph *g = mel_graph_new(t->info.float_type);
    if (t->info.has[TOWER_PICTURE]) picture_net(t, g, 1);
    if (t->info.has[TOWER_SOUND]) sound_net(t, g, 1);
    if (t->info.has[TOWER_TEXT]) text_net(t, g, 1, t->text_lengths[0]);
    bool ok = mel_graph_ok(g, err) && mel_params_check(g, &t->source, known_buffers, err);
    mel_graph_free(g);
    return ok;
}

static bool read_scale(Towers *t, Err *err)
{
    const char *name = t->settings.kind == MODEL_CLAP ? "logit_scale_a" : "logit_scale";
    const CheckpointTensor *tensor = mel_checkpoint_find(t->checkpoint, name);
    float log_scale = NAN;
    if (tensor && mel_shape_count(&tensor->shape) == 1)
        mel_convert(tensor->data, tensor->dtype, &log_scale, DTYPE_F32, 1);
    t->info.scale = exp((double)log_scale);
    return isfinite(t->info.scale) ||
           mel_err(err, ERR_FORMAT, "there is no number '%s': how sharp its answers are", name);
}

static void describe_clip(Towers *t)
{
    const ClipConfig *clip = &t->settings.clip;
    t->info.kind = "clip";
    t->info.has[TOWER_PICTURE] = t->info.has[TOWER_TEXT] = true;
    t->info.width = clip->joint;
    t->info.picture_side = (int)clip->picture;
    t->text_lengths[0] = clip->positions;
}

static void describe_clap(Towers *t)
{
    int64_t most = t->settings.clap.text.positions - 2; /* positions count from 2 */
    t->info.kind = "clap";
    t->info.has[TOWER_SOUND] = t->info.has[TOWER_TEXT] = true;
    t->info.width = t->settings.clap.joint;
    most = most < CLAP_LONG ? most : CLAP_LONG;
    t->text_lengths[0] = most < CLAP_SHORT ? most : CLAP_SHORT;
    if (most > t->text_lengths[0]) t->text_lengths[1] = most;
}

static void describe(Towers *t)
{
    if (t->settings.kind == MODEL_CLIP)
        describe_clip(t);
    else if (t->settings.kind == MODEL_CLAP)
        describe_clap(t);
    else {
        t->info.kind = "sound tower";
        t->info.has[TOWER_SOUND] = true;
        t->info.width = t->settings.sound.joint;
    }
    if (t->info.has[TOWER_SOUND]) {
        t->info.sound_rate_hz = sound_front(t)->rate_hz;
        t->info.sound_samples = (int64_t)t->info.sound_rate_hz * SOUND_SECONDS;
    }
}

static bool open_tokenizer(Towers *t, const char *folder, Err *err)
{
    if (!t->info.has[TOWER_TEXT]) return true;
    int64_t wanted = t->settings.kind == MODEL_CLIP ? t->settings.clip.vocabulary
                                                    : t->settings.clap.text.vocabulary;
    if (!mel_tokenizer_open(folder, &t->tokenizer, err)) return false;
    return mel_tokenizer_size(t->tokenizer) <= wanted ||
           mel_err(err, ERR_FORMAT, "the tokenizer has %d pieces, the model %lld",
                   mel_tokenizer_size(t->tokenizer), (long long)wanted);
}

static bool open_parts(Towers *t, const char *folder, Err *err)
{
    char *config = mel_path_join(folder, "config.json");
    bool ok = true;
    if (!mel_path_exists(config)) {
        ok = mel_err(err, ERR_NOT_FOUND, "'%s' is no model's folder: there is no config.json",
                     folder);
        mel_err_hint(err, "'mel model list' shows which models there are, 'mel model pull' gets "
                          "them");
    }
    ok = ok && mel_model_config_read(config, &t->settings, err);
    free(config);
    if (ok && t->settings.kind > MODEL_SOUND_TOWER)
        ok = mel_err(err, ERR_USAGE, "'%s' has no towers: it is a %s", folder,
                     mel_model_kind_name(t->settings.kind));
    if (!ok) return false;
    describe(t);
    ok = mel_checkpoint_open(folder, &t->checkpoint, err);
    t->source = (CheckpointParams){.checkpoint = t->checkpoint};
    t->params = mel_checkpoint_params(&t->source);
    ok = ok && check_weights(t, err) && read_scale(t, err) && open_tokenizer(t, folder, err) &&
         mel_checkpoint_sha256(t->checkpoint, t->info.sha256, err);
    return ok || mel_err_wrap(err, "the model '%s'", folder);
}

bool mel_towers_open(const char *folder, DType float_type, Towers **out, Err *err)
{
    Towers *t = mel_alloc(sizeof *t);
    t->info.float_type = float_type;
    bool ok = open_parts(t, folder, err);
    if (ok)
        *out = t;
    else
        mel_towers_close(t);
    return ok;
}

static void tower_free(Tower *tower)
{
    mel_plan_free(tower->plan);
    mel_graph_free(tower->graph);
}

void mel_towers_close(Towers *towers)
{
    if (!towers) return;
    tower_free(&towers->picture);
    tower_free(&towers->sound);
    for (int i = 0; i < TEXT_LENGTHS; i++)
        tower_free(&towers->texts[i]);
    mel_tokenizer_close(towers->tokenizer);
    mel_checkpoint_close(towers->checkpoint);
    free(towers);
}

const TowersInfo *mel_towers_info(const Towers *towers)
{
    return &towers->info;
}

/* ---- inputs --------------------------------------------------------------------------------- */

int64_t mel_tower_input_count(const Towers *towers, TowerSide side)
{
    int64_t picture = towers->info.picture_side;
    return side == TOWER_PICTURE ? picture * picture * 3 : towers->info.sound_samples;
}

bool mel_tower_prepare_picture(const Towers *towers, const uint8_t *rgb, PictureSize size,
                               float *out, Err *err)
{
    int side = towers->info.picture_side;
    int64_t pixels = (int64_t)side * side;
    uint8_t *square = mel_alloc((size_t)pixels * 3);
    bool ok = mel_resize_square(rgb, size, square, side, err);
    if (ok) mel_picture_floats(square, pixels, &mel_picture_clip, out);
    free(square);
    return ok;
}

/* As often whole as it fits, then silence. */
static void fit(const float *sound, int64_t n, float *out, int64_t wanted)
{
    int64_t at = 0;
    if (n >= wanted) {
        memcpy(out, sound, (size_t)wanted * sizeof *out);
        return;
    }
    for (; n > 0 && at + n <= wanted; at += n)
        memcpy(out + at, sound, (size_t)n * sizeof *out);
    memset(out + at, 0, (size_t)(wanted - at) * sizeof *out);
}

bool mel_tower_prepare_sound(const Towers *towers, const float *samples, int64_t frames,
                             int channels, int rate_hz, float *out, Err *err)
{
    float *mono = mel_try_alloc((size_t)frames + 1, sizeof *mono, SIZE_MAX / 2, "the sound", err);
    float *resampled = NULL;
    int64_t n = frames;
    if (!mono) return false;
    for (int64_t i = 0; i < frames; i++) {
        for (int c = 0; c < channels; c++)
            mono[i] += samples[i * channels + c];
        mono[i] /= (float)channels;
    }
    bool same = rate_hz == towers->info.sound_rate_hz;
    bool ok = same ||
              mel_resample(mono, frames, rate_hz, towers->info.sound_rate_hz, &resampled, &n, err);
    if (ok) fit(same ? mono : resampled, n, out, towers->info.sound_samples);
    free(mono);
    free(resampled);
    return ok;
}

/* ---- embeddings ----------------------------------------------------------------------------- */

static bool make_plan(Towers *t, Tower *tower, Node *output, Err *err)
{
    mel_graph_output(tower->graph, "embedding", output);
    return mel_plan_new(tower->graph, mel_device(), &t->params, &tower->plan, err);
}

static bool ready(Towers *t, TowerSide side, Err *err)
{
    Tower *tower = side == TOWER_PICTURE ? &t->picture : &t->sound;
    if (tower->plan) return true;
    mel_graph_free(tower->graph);
    tower->graph = mel_graph_new(t->info.float_type);
    Node *output = side == TOWER_PICTURE ? picture_net(t, tower->graph, PICTURE_BATCH)
                                         : sound_net(t, tower->graph, SOUND_BATCH);
    return make_plan(t, tower, output, err);
}

static bool text_ready(Towers *t, int which, Err *err)
{
    Tower *tower = &t->texts[which];
    if (tower->plan) return true;
    mel_graph_free(tower->graph);
    tower->graph = mel_graph_new(t->info.float_type);
    return make_plan(t, tower, text_net(t, tower->graph, TEXT_BATCH, t->text_lengths[which]), err);
}

/* To length 1; ERR_FORMAT for what has none. */
static bool normalise(float *rows, int count, int64_t width, Err *err)
{
    for (int i = 0; i < count; i++) {
        float *row = rows + i * width;
        double squares = 0;
        for (int64_t c = 0; c < width; c++)
            squares += (double)row[c] * row[c];
        if (!(squares > 0) || !isfinite(squares))
            return mel_err(err, ERR_FORMAT, "the model answers with no direction at all");
        for (int64_t c = 0; c < width; c++)
            row[c] = (float)(row[c] / sqrt(squares));
    }
    return true;
}

/* Runs what was written and keeps the first `count` rows. */
static bool finish(const Towers *t, Tower *tower, int batch, int count, float *out, Err *err)
{
    int64_t width = t->info.width;
    float *rows = mel_alloc((size_t)(batch * width) * sizeof *rows);
    bool ok = mel_plan_run(tower->plan, err) && mel_plan_read(tower->plan, "embedding", rows, err);
    if (ok) memcpy(out, rows, (size_t)(count * width) * sizeof *out);
    free(rows);
    return ok && normalise(out, count, width, err);
}

bool mel_tower_embed(Towers *towers, TowerSide side, const float *inputs, int count, float *out,
                     Err *err)
{
    MEL_ASSERT(side != TOWER_TEXT && towers->info.has[side]);
    int batch = batch_of[side];
    int64_t size = mel_tower_input_count(towers, side);
    Tower *tower = side == TOWER_PICTURE ? &towers->picture : &towers->sound;
    if (!ready(towers, side, err)) return false;
    float *padded = mel_alloc((size_t)(batch * size) * sizeof *padded);
    bool ok = true;
    for (int at = 0; at < count && ok; at += batch) {
        int n = count - at < batch ? count - at : batch;
        memcpy(padded, inputs + at * size, (size_t)(n * size) * sizeof *padded);
        ok =
            mel_plan_write(tower->plan, side == TOWER_PICTURE ? "pictures" : "wave", padded, err) &&
            finish(towers, tower, batch, n, out + at * towers->info.width, err);
    }
    free(padded);
    return ok;
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* A batch of texts as the network wants them. */
typedef struct TextInput {
    int32_t *ids, *positions, ends[TEXT_BATCH];
    float *mask;
} TextInput;

static void text_input_clear(TextInput *in)
{
    free(in->ids);
    free(in->positions);
    free(in->mask);
}

/* Where CLIP reads a text: at the first of its highest ids, which is the end's. */
static int end_of(const int32_t *ids, int count)
{
    int end = 0;
    for (int i = 1; i < count; i++)
        if (ids[i] > ids[end]) end = i;
    return end;
}

/* Every row padded to `length`; CLAP's positions count tokens from 2, padding has 1. */
static TextInput text_input(int32_t *const *ids, const int *counts, int n, int64_t length,
                            int32_t pad)
{
    static const float masked = -1e9F;
    size_t places = (size_t)(TEXT_BATCH * length);
    TextInput in = {.ids = mel_alloc(places * sizeof *in.ids),
                    .positions = mel_alloc(places * sizeof *in.positions),
                    .mask = mel_alloc(places * sizeof *in.mask)};
    for (int row = 0; row < TEXT_BATCH; row++) {
        int used = row < n ? counts[row] : 1;
        in.ends[row] = (int32_t)(row * length + (row < n ? end_of(ids[row], used) : 0));
        for (int64_t i = 0; i < length; i++) {
            int64_t at = row * length + i;
            in.ids[at] = row < n && i < used ? ids[row][i] : pad;
            in.positions[at] = i < used ? (int32_t)i + 2 : 1;
            in.mask[at] = i < used ? 0 : masked;
        }
    }
    return in;
}

static bool run_texts(Towers *t, const TextInput *in, int which, int count, float *out, Err *err)
{
    Tower *tower = &t->texts[which];
    if (!text_ready(t, which, err)) return false;
    bool clip = t->settings.kind == MODEL_CLIP;
    return mel_plan_write(tower->plan, "ids", in->ids, err) &&
           (clip ? mel_plan_write(tower->plan, "ends", in->ends, err)
                 : mel_plan_write(tower->plan, "positions", in->positions, err) &&
                       mel_plan_write(tower->plan, "mask", in->mask, err)) &&
           finish(t, tower, TEXT_BATCH, count, out, err);
}

static bool embed_batch(Towers *t, const char *const *texts, int n, float *out, int64_t *cut,
                        Err *err)
{
    int64_t most = t->text_lengths[1] ? t->text_lengths[1] : t->text_lengths[0], longest = 1;
    int32_t *ids[TEXT_BATCH];
    int counts[TEXT_BATCH];
    for (int i = 0; i < n; i++) {
        ids[i] = mel_alloc((size_t)(most + 1) * sizeof **ids);
        counts[i] = mel_tokenize(t->tokenizer, texts[i], ids[i], (int)most + 1);
        if (counts[i] > most) {
            counts[i] = mel_tokenize(t->tokenizer, texts[i], ids[i], (int)most);
            if (cut) ++*cut;
        }
        longest = counts[i] > longest ? counts[i] : longest;
    }
    int which = longest > t->text_lengths[0];
    TextInput in =
        text_input(ids, counts, n, t->text_lengths[which], mel_tokenizer_pad(t->tokenizer));
    bool ok = run_texts(t, &in, which, n, out, err);
    text_input_clear(&in);
    for (int i = 0; i < n; i++)
        free(ids[i]);
    return ok;
}

bool mel_tower_embed_picture(Towers *towers, const uint8_t *rgb, PictureSize size, float *out,
                             Err *err)
{
    int64_t count = mel_tower_input_count(towers, TOWER_PICTURE);
    float *seen = mel_alloc((size_t)count * sizeof *seen);
    bool ok = mel_tower_prepare_picture(towers, rgb, size, seen, err) &&
              mel_tower_embed(towers, TOWER_PICTURE, seen, 1, out, err);
    free(seen);
    return ok;
}

bool mel_tower_embed_texts(Towers *towers, const char *const *texts, int count, float *out,
                           int64_t *cut, Err *err)
{
    MEL_ASSERT(towers->info.has[TOWER_TEXT]);
    bool ok = true;
    for (int at = 0; at < count && ok; at += TEXT_BATCH) {
        int n = count - at < TEXT_BATCH ? count - at : TEXT_BATCH;
        ok = embed_batch(towers, texts + at, n, out + at * towers->info.width, cut, err);
    }
    return ok;
}
