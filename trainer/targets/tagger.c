/* SPDX-License-Identifier: Apache-2.0
 *
 * A Cnn14 (Kong et al., "PANNs", 2020) or a VGGish (Hershey et al., 2017) that names what it hears,
 * for worlds without checkpoints: the judges of FAD, FD, KL and the inception score. A shard's text
 * is its tags with commas between them, as 'mel prepare --text "{genre}, {moods}"' writes it. */
#include "trainer/targets/sounds.h"
#include "trainer/targets/targets.h"

#include "engine/nets.h"
#include "trainer/init.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OF_CNN14, OF_VGGISH };

typedef struct TaggerTarget {
    Target target; /* first */
    int of;
    int64_t classes;
    Network *network;
    Sounds sounds;
    char **tags; /* of the training shards, sorted: tag i is class i */
    size_t tag_count, tag_capacity;
    float *present; /* [B, classes] */
} TaggerTarget;

static const char *const kinds[] = {"cnn14", "vggish", NULL};
static const ConfigField fields[] = {
    CONFIG_CHOICE(FIELD_REQUIRED, "of", TaggerTarget, of, kinds, "which network"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "seconds", TaggerTarget, sounds.seconds, 1, SOUND_SECONDS,
                  "of a sound that are heard at once"),
    CONFIG_FLAG(FIELD_OPTIONAL, "mixup", TaggerTarget, sounds.mixup,
                "sounds and their tags are mixed by twos while it trains"),
};

static void defaults(Target *target)
{
    ((TaggerTarget *)target)->sounds.seconds = SOUND_SECONDS;
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* The next tag of a text that *at goes through; its length, 0 at the end. */
static size_t next_tag(const char **at, const char **tag)
{
    *tag = *at + strspn(*at, ", ");
    size_t n = strcspn(*tag, ",");
    *at = *tag + n;
    while (n && (*tag)[n - 1] == ' ')
        n--;
    return n;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The class of a tag, or -1. */
static int64_t class_of(const TaggerTarget *t, const char *tag, size_t n)
{
    for (size_t i = 0; i < t->tag_count; i++)
        if (strncmp(t->tags[i], tag, n) == 0 && t->tags[i][n] == '\0') return (int64_t)i;
    return -1;
}

static bool gather_tags(TaggerTarget *t, Err *err)
{
    const Shards *shards = t->target.shards;
    for (int64_t i = 0; i < mel_shards_count(shards); i++) {
        const char *at = mel_shards_text(shards, i), *tag;
        for (size_t n; (n = next_tag(&at, &tag));) {
            if (class_of(t, tag, n) >= 0) continue;
            mel_grow(&t->tags, &t->tag_capacity, t->tag_count + 1, sizeof *t->tags);
            t->tags[t->tag_count++] = mel_strndup(tag, n);
            if ((int64_t)t->tag_count > t->classes)
                return mel_err(err, ERR_USAGE,
                               "the shards' texts have more than %lld tags, the network's classes "
                               "('%s' is one more)",
                               (long long)t->classes, t->tags[t->classes]);
        }
    }
    if (!t->tag_count) return mel_err(err, ERR_USAGE, "the shards' texts are empty: no tags");
    qsort(t->tags, t->tag_count, sizeof *t->tags, by_text);
    return true;
}

/* ---- the target ----------------------------------------------------------------------------- */

static bool open_parts(Target *target, Err *err)
{
    TaggerTarget *t = (TaggerTarget *)target;
    bool cnn14 = t->of == OF_CNN14;
    if (!mel_network_open(target->config->model, kinds[t->of], cnn14 ? MODEL_CNN14 : MODEL_VGGISH,
                          NETWORK_CONFIG, &t->network, err))
        return false;
    const ModelSettings *settings = &t->network->settings;
    mel_network_set_add(&target->networks, "tagger.", t->network);
    target->parts[target->part_count++] =
        (TrainedPart){.prefix = "tagger.", .folder = kinds[t->of], .network = t->network};
    t->sounds.front = mel_front_settings(cnn14 ? settings->sound.front : MEL_FRONT_VGGISH);
    t->classes = cnn14 ? settings->sound.cnn14.classes : settings->vggish.classes;
    t->present = mel_alloc((size_t)(target->config->batch * t->classes) * sizeof *t->present);
    return gather_tags(t, err) &&
           sounds_open(&t->sounds, target->shards, target->config->batch, err);
}

static void close_parts(Target *target)
{
    TaggerTarget *t = (TaggerTarget *)target;
    mel_network_close(t->network);
    sounds_close(&t->sounds);
    for (size_t i = 0; i < t->tag_count; i++)
        free(t->tags[i]);
    free(t->tags);
    free(t->present);
}

/* VGGish has no norms: with the usual beginning each of its nine layers passes a sixth of the
 * variance on, and nothing is left to learn from. He et al., "Delving Deep into Rectifiers", 2015:
 * uniform in ±√(6/inputs) keeps it. */
static bool first(const Target *target, const char *name, const Shape *shape, float *out)
{
    const TaggerTarget *t = (const TaggerTarget *)target;
    if (t->of != OF_VGGISH || shape->rank < 2) return false;
    train_init(name, shape, (uint64_t)target->config->seed, out);
    for (int64_t i = 0; i < mel_shape_count(shape); i++)
        out[i] *= sqrtf(6);
    return true;
}

/* [B, T, bins] → [B, classes]; of VGGish the mean over a sound's patches. */
static Node *logits_of(const TaggerTarget *t, Graph *graph, Node *log_mel)
{
    const ModelSettings *settings = &t->network->settings;
    if (t->of == OF_CNN14) return mel_net_cnn14(graph, &settings->sound.cnn14, log_mel).logits;
    Node *patches = mel_front_patches(graph, log_mel, VGGISH_FRAMES);
    Node *embedding = mel_net_vggish(graph, &settings->vggish, patches);
    Node *logits = mel_net_vggish_logits(graph, &settings->vggish, embedding);
    int64_t batch = mel_node_dim(log_mel, 0);
    logits = mel_op_mean_axis(mel_op_reshape(logits, SHAPE(batch, -1, t->classes)), 1);
    return mel_op_reshape(logits, SHAPE(batch, t->classes));
}

/* Binary cross-entropy of each class: max(x, 0) - x·y + ln(1 + e^-|x|), the mean. */
static Node *loss(Target *target, Graph *graph, int batch)
{
    TaggerTarget *t = (TaggerTarget *)target;
    Node *log_mel = sounds_log_mel(&t->sounds, graph, batch);
    Node *y = mel_graph_input(graph, "present", DTYPE_F32, SHAPE(batch, t->classes));
    mel_graph_push(graph, "tagger.");
    Node *x = mel_op_cast(logits_of(t, graph, log_mel), DTYPE_F32);
    mel_graph_pop(graph);
    Node *size = mel_op_unary(x, UNARY_ABS, 0, 0);
    Node *decay = mel_op_unary(mel_op_affine(size, -1, 0), UNARY_EXP, 0, 0);
    Node *rest = mel_op_unary(mel_op_affine(decay, 1, 1), UNARY_LOG, 1, 0);
    Node *far = mel_op_sub(mel_op_unary(x, UNARY_RELU, 0, 0), mel_op_mul(x, y));
    return mel_op_mean(mel_op_add(far, rest));
}

static void add_tags(const TaggerTarget *t, const TrainBatch *batch, int item, float share,
                     float *present)
{
    const char *at = mel_shards_text(batch->shards, batch->items[item]), *tag;
    for (size_t n; (n = next_tag(&at, &tag));) {
        int64_t k = class_of(t, tag, n);
        if (k >= 0) present[k] = fminf(present[k] + share, 1);
    }
}

static bool fill(Target *target, Plan *plan, const TrainBatch *batch, Err *err)
{
    TaggerTarget *t = (TaggerTarget *)target;
    memset(t->present, 0, (size_t)(batch->count * t->classes) * sizeof *t->present);
    if (!sounds_fill(&t->sounds, plan, batch, err)) return false;
    for (int i = 0; i < batch->count; i++) {
        add_tags(t, batch, i, t->sounds.shares[i], t->present + i * t->classes);
        add_tags(t, batch, (i + 1) % batch->count, 1 - t->sounds.shares[i],
                 t->present + i * t->classes);
    }
    return mel_plan_write(plan, "present", t->present, err);
}

/* What the classes are called. */
static bool amend(Target *target, int part, json_t *config, const Measure *measure, Err *err)
{
    const TaggerTarget *t = (const TaggerTarget *)target;
    json_t *labels = json_array();
    (void)part, (void)measure, (void)err;
    for (size_t i = 0; i < t->tag_count; i++)
        json_array_append_new(labels, json_string(t->tags[i]));
    json_object_set_new(config, "labels", labels);
    return true;
}

const TargetDef target_tagger = {
    .name = "tagger",
    .what = "a Cnn14 or VGGish that names what it hears: a judge",
    .size = sizeof(TaggerTarget),
    .fields = fields,
    .field_count = MEL_COUNT(fields),
    .defaults = defaults,
    .open = open_parts,
    .close = close_parts,
    .first = first,
    .loss = loss,
    .fill = fill,
    .amend = amend,
};
