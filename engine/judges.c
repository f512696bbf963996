/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/judges.h"
#include "engine/device.h"

#include "engine/engine.h"
#include "engine/model_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHORTEST_SECONDS = 2 };

struct Judge {
    JudgeInfo info;
    ModelSettings settings;
    Checkpoint *checkpoint;
    CheckpointParams source;
    Params params;
    Graph *graph;
    Plan *plan;
    int64_t length; /* of the sounds that the plan is for */
};

static const MelSettings *front_of(const Judge *judge)
{
    return mel_front_settings(judge->settings.kind == MODEL_VGGISH ? MEL_FRONT_VGGISH
                                                                   : judge->settings.sound.front);
}

/* Outputs "features" and, of Cnn14, "logits". */
static Graph *network(const Judge *judge, int64_t length)
{
    Graph *g = mel_graph_new(DTYPE_F32);
    Node *wave = mel_graph_input(g, "wave", DTYPE_F32, SHAPE(1, length));
    Node *log_mel = mel_front_log_mel(g, wave, front_of(judge));
    if (judge->settings.kind == MODEL_VGGISH) {
        Node *patches = mel_front_patches(g, log_mel, VGGISH_FRAMES);
        mel_graph_output(g, "features", mel_net_vggish(g, &judge->settings.vggish, patches));
        return g;
    }
    Cnn14Outputs outputs = mel_net_cnn14(g, &judge->settings.sound.cnn14, log_mel);
    mel_graph_output(g, "features", outputs.embedding);
    mel_graph_output(g, "logits", outputs.logits);
    return g;
}

/* ---- opening -------------------------------------------------------------------------------- */

typedef struct Weights {
    char *path;
    int count;
} Weights;

static bool note_weights(void *ctx, const char *relative, Err *err)
{
    (void)err;
    static const char *const ends[] = {".safetensors", ".pth", ".bin"};
    Weights *weights = ctx;
    for (size_t i = 0; i < MEL_COUNT(ends); i++) {
        if (!mel_ends_with(relative, ends[i])) continue;
        free(weights->path);
        weights->path = mel_strdup(relative);
        weights->count++;
    }
    return true;
}

/* The one file of weights in the folder. */
static bool open_weights(Judge *judge, const char *folder, Err *err)
{
    Weights weights = {0};
    bool ok = mel_walk(folder, note_weights, &weights, err);
    if (ok && weights.count != 1)
        ok = mel_err(err, weights.count ? ERR_FORMAT : ERR_NOT_FOUND,
                     "it has %d files of weights, not one", weights.count);
    char *path = ok ? mel_path_join(folder, weights.path) : NULL;
    ok = ok && mel_checkpoint_open(path, &judge->checkpoint, err);
    free(path);
    free(weights.path);
    judge->source = (CheckpointParams){.checkpoint = judge->checkpoint};
    judge->params = mel_checkpoint_params(&judge->source);
    return ok;
}

static bool check_weights(const Judge *judge, Err *err)
{
    static const char *const of_cnn14[] = {"spectrogram_extractor.", "logmel_extractor.",
                                           "*num_batches_tracked", NULL};
    static const char *const of_vggish[] = {"classifier.", NULL}; /* it was trained with that */
    bool vggish = judge->settings.kind == MODEL_VGGISH;
    Graph *g = network(judge, judge->info.rate_hz * SHORTEST_SECONDS);
    bool ok = mel_graph_ok(g, err) &&
              mel_params_check(g, &judge->source, vggish ? of_vggish : of_cnn14, err);
    mel_graph_free(g);
    return ok;
}

static void describe(Judge *judge)
{
    bool vggish = judge->settings.kind == MODEL_VGGISH;
    judge->info.kind = vggish ? "vggish" : "cnn14";
    judge->info.rate_hz = front_of(judge)->rate_hz;
    judge->info.width =
        vggish ? judge->settings.vggish.embedding : judge->settings.sound.cnn14.embedding;
    judge->info.classes = vggish ? 0 : judge->settings.sound.cnn14.classes;
}

static bool open_parts(Judge *judge, const char *folder, Err *err)
{
    char *config = mel_path_join(folder, "config.json");
    bool ok = mel_model_config_read(config, &judge->settings, err);
    free(config);
    if (ok && judge->settings.kind != MODEL_CNN14 && judge->settings.kind != MODEL_VGGISH)
        ok = mel_err(err, ERR_USAGE, "it judges no sounds: wanted a Cnn14 or a VGGish");
    if (!ok) return false;
    describe(judge);
    return open_weights(judge, folder, err) && check_weights(judge, err) &&
           mel_checkpoint_sha256(judge->checkpoint, judge->info.sha256, err);
}

bool mel_judge_open(const char *folder, Judge **out, Err *err)
{
    Judge *judge = mel_alloc(sizeof *judge);
    bool ok = open_parts(judge, folder, err);
    if (ok) {
        *out = judge;
        return true;
    }
    mel_judge_close(judge);
    return mel_err_wrap(err, "the model '%s'", folder);
}

void mel_judge_close(Judge *judge)
{
    if (!judge) return;
    mel_plan_free(judge->plan);
    mel_graph_free(judge->graph);
    mel_checkpoint_close(judge->checkpoint);
    free(judge);
}

const JudgeInfo *mel_judge_info(const Judge *judge)
{
    return &judge->info;
}

/* ---- sounds --------------------------------------------------------------------------------- */

static void first_channel(const float *samples, int64_t frames, int channels, float *mono)
{
    double sum = 0;
    for (int64_t i = 0; i < frames; i++)
        sum += samples[i * channels];
    float mean = frames ? (float)(sum / (double)frames) : 0;
    for (int64_t i = 0; i < frames; i++)
        mono[i] = samples[i * channels] - mean;
}

static void mean_of_channels(const float *samples, int64_t frames, int channels, float *mono)
{
    for (int64_t i = 0; i < frames; i++) {
        double sum = 0;
        for (int c = 0; c < channels; c++) {
            double x = rint((double)samples[i * channels + c] * 32768);
            sum += x < -32768 ? -32768 : x > 32767 ? 32767 : x;
        }
        mono[i] = (float)(sum / channels / 32768);
    }
}

/* To the judge's rate; takes the sound, gives another or the same. */
static bool change_rate(const Judge *judge, float *mono, int64_t frames, int rate_hz, float **out,
                        int64_t *n, Err *err)
{
    int wanted = judge->info.rate_hz, step = rate_hz / wanted;
    bool decimates = step >= 1 && step <= 3 && rate_hz == step * wanted;
    if (decimates) {
        *n = mel_decimate(mono, frames, step, mono);
        *out = mono;
        return true;
    }
    bool ok = mel_resample(mono, frames, rate_hz, wanted, out, n, err);
    free(mono);
    return ok;
}

bool mel_judge_prepare(const Judge *judge, const float *samples, int64_t frames, int channels,
                       int rate_hz, float **out, int64_t *n, Err *err)
{
    bool vggish = judge->settings.kind == MODEL_VGGISH;
    float *mono = mel_try_alloc((size_t)frames + 1, sizeof *mono, SIZE_MAX / 2, "a sound", err);
    if (!mono) return false;
    (vggish ? mean_of_channels : first_channel)(samples, frames, channels, mono);
    if (!change_rate(judge, mono, frames, rate_hz, out, n, err)) return false;
    int64_t shortest = (int64_t)judge->info.rate_hz * SHORTEST_SECONDS;
    if (vggish || *n >= shortest) return true;
    *out = mel_realloc(*out, (size_t)shortest * sizeof **out);
    memset(*out + *n, 0, (size_t)(shortest - *n) * sizeof **out);
    *n = shortest;
    return true;
}

int64_t mel_judge_rows(const Judge *judge, int64_t n)
{
    if (judge->settings.kind != MODEL_VGGISH) return 1;
    return mel_front_frames(front_of(judge), n) / VGGISH_FRAMES;
}

static bool plan_for(Judge *judge, int64_t length, Err *err)
{
    if (judge->plan && judge->length == length) return true;
    mel_plan_free(judge->plan);
    judge->plan = NULL;
    mel_graph_free(judge->graph);
    judge->graph = network(judge, length);
    judge->length = length;
    return mel_plan_new(judge->graph, mel_device(), &judge->params, &judge->plan, err);
}

bool mel_judge_sound(Judge *judge, const float *sound, int64_t n, float *features, float *logits,
                     Err *err)
{
    if (mel_judge_rows(judge, n) == 0) return true;
    return plan_for(judge, n, err) && mel_plan_write(judge->plan, "wave", sound, err) &&
           mel_plan_run(judge->plan, err) &&
           mel_plan_read(judge->plan, "features", features, err) &&
           (!logits || mel_plan_read(judge->plan, "logits", logits, err));
}
