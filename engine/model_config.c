/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/model_config.h"

#include <string.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };

/* One object of the file, and the first thing that is wrong with any. */
typedef struct Reader {
    const json_t *object;
    const char *where; /* "text_config" */
    Err *err;
    bool ok;
} Reader;

static Reader below(const Reader *whole, const char *key)
{
    return (Reader){.object = json_object_get(whole->object, key),
                    .where = key,
                    .err = whole->err,
                    .ok = whole->ok};
}

static void refuse(Reader *r, const char *key, long long least, long long most)
{
    if (r->ok)
        mel_err(r->err, ERR_FORMAT, "'%s' of %s is not a whole number from %lld to %lld", key,
                r->where, least, most);
    r->ok = false;
}

static int64_t whole(Reader *r, const char *key, int64_t fallback, int64_t most)
{
    const json_t *value = json_object_get(r->object, key);
    if (!value || json_is_null(value)) return fallback;
    int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;
    if (n < 1 || n > most) refuse(r, key, 1, most);
    return n < 1 ? 1 : n > most ? most : n;
}

static void wholes(Reader *r, const char *key, int *out, int count)
{
    const json_t *list = json_object_get(r->object, key);
    if (!list) return;
    for (int i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;
        if (n < 1 || n > 1024) refuse(r, key, 1, 1024);
        out[i] = n < 1 || n > 1024 ? 1 : (int)n;
    }
}

static TowerConfig tower(Reader *r, TowerConfig fallback)
{
    TowerConfig t = {.width = whole(r, "hidden_size", fallback.width, 1 << 14),
                     .layers = (int)whole(r, "num_hidden_layers", fallback.layers, 256),
                     .heads = (int)whole(r, "num_attention_heads", fallback.heads, 1024),
                     .hidden = whole(r, "intermediate_size", fallback.hidden, 1 << 16)};
    if (r->ok && t.width % t.heads)
        r->ok = mel_err(r->err, ERR_FORMAT, "%s: a width of %lld for %d heads", r->where,
                        (long long)t.width, t.heads);
    return t;
}

static bool read_clip(Reader *r, ClipConfig *out)
{
    *out = mel_clip_b32();
    Reader text = below(r, "text_config"), vision = below(r, "vision_config");
    const char *act = mel_json_text(text.object, "hidden_act", "quick_gelu");
    out->text = tower(&text, out->text);
    out->vocabulary = whole(&text, "vocab_size", out->vocabulary, 1 << 22);
    out->positions = whole(&text, "max_position_embeddings", out->positions, 1 << 14);
    vision.ok = text.ok;
    out->vision = tower(&vision, out->vision);
    out->picture = whole(&vision, "image_size", out->picture, 4096);
    out->patch = whole(&vision, "patch_size", out->patch, 4096);
    r->ok = vision.ok;
    out->joint = whole(r, "projection_dim", out->joint, 1 << 14);
    out->gelu = mel_equal(act, "gelu") ? UNARY_GELU : UNARY_QUICK_GELU;
    if (r->ok && !mel_equal(act, "gelu") && !mel_equal(act, "quick_gelu"))
        r->ok = mel_err(r->err, ERR_FORMAT, "the activation '%s' is not known", act);
    if (r->ok && out->picture % out->patch)
        r->ok = mel_err(r->err, ERR_FORMAT, "pictures of %lld pixels in patches of %lld",
                        (long long)out->picture, (long long)out->patch);
    return r->ok;
}

static bool read_htsat(Reader *r, HtsatConfig *out)
{
    const json_t *depths = json_object_get(r->object, "depths");
    size_t stages = json_is_array(depths) ? json_array_size(depths) : (size_t)out->stages;
    if (r->ok && (stages < 1 || stages > HTSAT_STAGES_MAX))
        r->ok = mel_err(r->err, ERR_FORMAT, "'depths' of %s are not 1 to %d", r->where,
                        HTSAT_STAGES_MAX);
    if (!r->ok) return false;
    out->stages = (int)stages;
    wholes(r, "depths", out->depths, out->stages);
    wholes(r, "num_attention_heads", out->heads, out->stages);
    out->mel_bins = whole(r, "num_mel_bins", out->mel_bins, 1024);
    out->side = whole(r, "spec_size", out->side, 4096);
    out->patch = whole(r, "patch_size", out->patch, 256);
    out->width = whole(r, "patch_embeds_hidden_size", out->width, 1 << 12);
    out->window = whole(r, "window_size", out->window, 256);
    if (r->ok && json_is_true(json_object_get(r->object, "enable_fusion")))
        r->ok = mel_err(r->err, ERR_FORMAT,
                        "CLAP with feature fusion is not supported: take "
                        "an 'unfused' one");
    return r->ok;
}

static bool read_clap(Reader *r, ClapConfig *out)
{
    *out = mel_clap_htsat_unfused();
    Reader audio = below(r, "audio_config"), text = below(r, "text_config");
    read_htsat(&audio, &out->audio);
    text.ok = audio.ok;
    out->text.tower = tower(&text, out->text.tower);
    out->text.vocabulary = whole(&text, "vocab_size", out->text.vocabulary, 1 << 22);
    out->text.positions = whole(&text, "max_position_embeddings", out->text.positions, 1 << 14);
    out->text.eps = mel_json_f64(text.object, "layer_norm_eps", out->text.eps);
    r->ok = text.ok;
    out->joint = whole(r, "projection_dim", out->joint, 1 << 14);
    return r->ok;
}

/* A sound tower ends in a projection, a judge in classes. */
static bool read_cnn14(Reader *r, bool judge, SoundTowerConfig *out)
{
    static const struct {
        const char *name;
        MelFront front;
    } fronts[] = {
        {"cnn14_16k", MEL_FRONT_CNN14_16K},
        {"cnn14_32k", MEL_FRONT_CNN14_32K},
        {"msclap",    MEL_FRONT_MSCLAP   },
    };
    const char *front = mel_json_text(r->object, "front", "cnn14_32k");
    size_t i = 0;
    while (i < MEL_COUNT(fronts) && !mel_equal(front, fronts[i].name))
        i++;
    if (r->ok && i == MEL_COUNT(fronts))
        r->ok = mel_err(r->err, ERR_FORMAT,
                        "'front' is '%.40s', not cnn14_16k, cnn14_32k or "
                        "msclap",
                        front);
    if (!r->ok) return false;
    *out = (SoundTowerConfig){.cnn14 = mel_cnn14_published(), .front = fronts[i].front};
    out->cnn14.classes = judge ? whole(r, "classes", out->cnn14.classes, 1 << 16) : 0;
    out->cnn14.width = whole(r, "width", out->cnn14.width, 1 << 10);
    out->cnn14.embedding = whole(r, "embedding", out->cnn14.embedding, 1 << 14);
    out->joint = whole(r, "projection_dim", 512, 1 << 14);
    return r->ok;
}

static bool read_vggish(Reader *r, VggishConfig *out)
{
    *out = mel_vggish_published();
    out->width = whole(r, "width", out->width, 1 << 10);
    out->hidden = whole(r, "hidden", out->hidden, 1 << 16);
    out->embedding = whole(r, "embedding", out->embedding, 1 << 14);
    return r->ok;
}

static bool read_model(const json_t *config, ModelSettings *out, Err *err)
{
    static const char *const types[] = {"clip", "clap", "melkit_sound_tower", "melkit_cnn14",
                                        "melkit_vggish"};
    const char *type = mel_json_text(config, "model_type", "");
    Reader r = {.object = config, .where = "the file", .err = err, .ok = true};
    size_t kind = 0;
    while (kind < MEL_COUNT(types) && !mel_equal(type, types[kind]))
        kind++;
    out->kind = (ModelKind)kind;
    switch (kind) {
    case MODEL_CLIP:
        return read_clip(&r, &out->clip);
    case MODEL_CLAP:
        return read_clap(&r, &out->clap);
    case MODEL_SOUND_TOWER:
        return read_cnn14(&r, false, &out->sound);
    case MODEL_CNN14:
        return read_cnn14(&r, true, &out->sound);
    case MODEL_VGGISH:
        return read_vggish(&r, &out->vggish);
    default:
        return mel_err(err, ERR_FORMAT,
                       "the model_type '%.40s' is not clip, clap, melkit_sound_tower, melkit_cnn14 "
                       "or melkit_vggish",
                       type);
    }
}

bool model_config_read(const char *path, ModelSettings *out, Err *err)
{
    *out = (ModelSettings){0};
    json_t *config = mel_json_load(path, CONFIG_BYTES_MAX, err);
    if (!config) return false;
    bool ok = read_model(config, out, err);
    if (!ok) mel_err_wrap(err, "'%s'", path);
    json_decref(config);
    return ok;
}
