/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/model_config.h"

#include "engine/diffusion/config.h"

#include <string.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };

static Unary clip_gelu(ConfigReader *r)
{
    const char *act = mel_json_text(r->object, "hidden_act", "quick_gelu");
    if (!mel_equal(act, "gelu") && !mel_equal(act, "quick_gelu"))
        config_refuse(r, "hidden_act", "only gelu and quick_gelu are known");
    return mel_equal(act, "gelu") ? UNARY_GELU : UNARY_QUICK_GELU;
}

static bool read_clip(ConfigReader *r, ClipConfig *out)
{
    *out = mel_clip_b32();
    ConfigReader text = config_below(r, "text_config"), vision = config_below(r, "vision_config");
    out->text = config_tower(&text, out->text);
    out->vocabulary = config_whole(&text, "vocab_size", out->vocabulary, 1 << 22);
    out->positions = config_whole(&text, "max_position_embeddings", out->positions, 1 << 14);
    vision.ok = text.ok;
    out->vision = config_tower(&vision, out->vision);
    out->picture = config_whole(&vision, "image_size", out->picture, 4096);
    out->patch = config_whole(&vision, "patch_size", out->patch, 4096);
    r->ok = vision.ok;
    out->joint = config_whole(r, "projection_dim", out->joint, 1 << 14);
    out->gelu = clip_gelu(&text);
    r->ok = r->ok && text.ok;
    if (r->ok && out->picture % out->patch)
        r->ok = mel_err(r->err, ERR_FORMAT, "pictures of %lld pixels in patches of %lld",
                        (long long)out->picture, (long long)out->patch);
    return r->ok;
}

static bool read_htsat(ConfigReader *r, HtsatConfig *out)
{
    const json_t *depths = json_object_get(r->object, "depths");
    size_t stages = json_is_array(depths) ? json_array_size(depths) : (size_t)out->stages;
    if (r->ok && (stages < 1 || stages > HTSAT_STAGES_MAX))
        r->ok = mel_err(r->err, ERR_FORMAT, "'depths' of %s are not 1 to %d", r->where,
                        HTSAT_STAGES_MAX);
    if (!r->ok) return false;
    out->stages = (int)stages;
    config_wholes(r, "depths", out->depths, out->stages);
    config_wholes(r, "num_attention_heads", out->heads, out->stages);
    out->mel_bins = config_whole(r, "num_mel_bins", out->mel_bins, 1024);
    out->side = config_whole(r, "spec_size", out->side, 4096);
    out->patch = config_whole(r, "patch_size", out->patch, 256);
    out->width = config_whole(r, "patch_embeds_hidden_size", out->width, 1 << 12);
    out->window = config_whole(r, "window_size", out->window, 256);
    if (r->ok && json_is_true(json_object_get(r->object, "enable_fusion")))
        r->ok = mel_err(r->err, ERR_FORMAT,
                        "CLAP with feature fusion is not supported: take "
                        "an 'unfused' one");
    return r->ok;
}

static bool read_clap(ConfigReader *r, ClapConfig *out)
{
    *out = mel_clap_htsat_unfused();
    ConfigReader audio = config_below(r, "audio_config"), text = config_below(r, "text_config");
    read_htsat(&audio, &out->audio);
    text.ok = audio.ok;
    out->text.tower = config_tower(&text, out->text.tower);
    out->text.vocabulary = config_whole(&text, "vocab_size", out->text.vocabulary, 1 << 22);
    out->text.positions =
        config_whole(&text, "max_position_embeddings", out->text.positions, 1 << 14);
    out->text.eps = mel_json_f64(text.object, "layer_norm_eps", out->text.eps);
    r->ok = text.ok;
    out->joint = config_whole(r, "projection_dim", out->joint, 1 << 14);
    return r->ok;
}

/* A sound tower ends in a projection, a judge in classes. */
static bool read_cnn14(ConfigReader *r, bool judge, SoundTowerConfig *out)
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
    out->cnn14.classes = judge ? config_whole(r, "classes", out->cnn14.classes, 1 << 16) : 0;
    out->cnn14.width = config_whole(r, "width", out->cnn14.width, 1 << 10);
    out->cnn14.embedding = config_whole(r, "embedding", out->cnn14.embedding, 1 << 14);
    out->joint = config_whole(r, "projection_dim", 512, 1 << 14);
    return r->ok;
}

static bool read_vggish(ConfigReader *r, VggishConfig *out)
{
    *out = mel_vggish_published();
    out->width = config_whole(r, "width", out->width, 1 << 10);
    out->hidden = config_whole(r, "hidden", out->hidden, 1 << 16);
    out->embedding = config_whole(r, "embedding", out->embedding, 1 << 14);
    out->classes = config_whole(r, "classes", 1, 1 << 16);
    return r->ok;
}

static bool read_t5(ConfigReader *r, T5Config *out)
{
    *out = mel_t5_flan_large();
    out->vocabulary = config_whole(r, "vocab_size", out->vocabulary, 1 << 22);
    out->tower.width = config_whole(r, "d_model", out->tower.width, 1 << 14);
    out->tower.layers = (int)config_whole(r, "num_layers", out->tower.layers, 256);
    out->tower.heads = (int)config_whole(r, "num_heads", out->tower.heads, 1024);
    out->tower.hidden = config_whole(r, "d_ff", out->tower.hidden, 1 << 16);
    out->head_width = config_whole(r, "d_kv", out->head_width, 1 << 10);
    if (!mel_equal(mel_json_text(r->object, "feed_forward_proj", "gated-gelu"), "gated-gelu"))
        config_refuse(r, "feed_forward_proj", "only 'gated-gelu', as FLAN-T5 has it");
    return r->ok;
}

static bool read_clip_text(ConfigReader *r, ClipConfig *out)
{
    *out = mel_clip_l14();
    out->text = config_tower(r, out->text);
    out->vocabulary = config_whole(r, "vocab_size", out->vocabulary, 1 << 22);
    out->positions = config_whole(r, "max_position_embeddings", out->positions, 1 << 14);
    out->gelu = clip_gelu(r);
    return r->ok;
}

static bool read_picture_projection(ConfigReader *r, PictureProjectionConfig *out)
{
    out->picture_width = config_whole(r, "projection_dim", 512, 1 << 14);
    out->text_width = config_whole(r, "cross_attention_dim", 1024, 1 << 14);
    return r->ok;
}

/* transformers say "model_type", diffusers "_class_name". */
static const char *const kind_names[MODEL_KINDS] = {"clip",
                                                    "clap",
                                                    "melkit_sound_tower",
                                                    "melkit_cnn14",
                                                    "melkit_vggish",
                                                    "t5",
                                                    "clip_text_model",
                                                    "UNet2DConditionModel",
                                                    "AutoencoderKL",
                                                    "SpeechT5HifiGan",
                                                    "melkit_picture_projection"};

const char *mel_model_kind_name(ModelKind kind)
{
    return kind_names[kind];
}

static const char *type_of(const json_t *config)
{
    const char *type = mel_json_text(config, "model_type", "");
    if (mel_equal(type, "hifigan")) return "SpeechT5HifiGan";
    return mel_json_text(config, "_class_name", type);
}

static bool read_model(const json_t *config, ModelSettings *out, Err *err)
{
    const char *type = type_of(config);
    ConfigReader r = {.object = config, .where = "the file", .err = err, .ok = true};
    size_t kind = 0;
    while (kind < MODEL_KINDS && !mel_equal(type, kind_names[kind]))
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
    case MODEL_T5:
        return read_t5(&r, &out->t5);
    case MODEL_CLIP_TEXT:
        return read_clip_text(&r, &out->clip);
    case MODEL_UNET:
        if (json_is_integer(json_object_get(config, "sample_size")))
            out->sample_size = config_whole(&r, "sample_size", 0, 4096);
        return config_unet(&r, &out->unet);
    case MODEL_VAE:
        return config_vae(&r, &out->vae);
    case MODEL_HIFIGAN:
        return config_hifigan(&r, &out->hifigan);
    case MODEL_PICTURE_SUM:
        return read_picture_projection(&r, &out->picture_projection);
    default:
        return mel_err(err, ERR_FORMAT,
                       "the model_type '%.40s' is not known: clip, clap, t5, "
                       "clip_text_model, UNet2DConditionModel, AutoencoderKL, SpeechT5HifiGan, "
                       "melkit_sound_tower, melkit_cnn14, melkit_vggish and "
                       "melkit_picture_projection are",
                       type);
    }
}

bool mel_model_config_read(const char *path, ModelSettings *out, Err *err)
{
    *out = (ModelSettings){0};
    json_t *config = mel_json_load(path, CONFIG_BYTES_MAX, err);
    if (!config) return false;
    bool ok = read_model(config, out, err);
    if (!ok) mel_err_wrap(err, "'%s'", path);
    json_decref(config);
    return ok;
}
