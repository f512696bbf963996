/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/config.h"

#include <string.h>

enum { CHANNELS_MAX = 1 << 14 };

/* block_out_channels: how many levels, and their widths, which the groups must divide. */
static int levels(ConfigReader *r, int64_t widths[UNET_LEVELS_MAX], int fallback, int *groups)
{
    int list[UNET_LEVELS_MAX];
    int count = config_count(r, "block_out_channels", fallback, UNET_LEVELS_MAX);
    for (int i = 0; i < UNET_LEVELS_MAX; i++)
        list[i] = (int)widths[i];
    config_wholes(r, "block_out_channels", list, count);
    *groups = (int)config_whole(r, "norm_num_groups", *groups, 1024);
    for (int i = 0; i < count; i++) {
        widths[i] = list[i];
        if (list[i] % *groups)
            config_refuse(r, "block_out_channels", "norm_num_groups does not divide one of them");
    }
    return count;
}

static void expect_text(ConfigReader *r, const char *key, const char *wanted)
{
    if (!mel_equal(mel_json_text(r->object, key, wanted), wanted))
        config_refuse(r, key, "only the published networks' value is supported");
}

/* attention_head_dim is the number of heads: one for all levels, or one each. */
static void heads(ConfigReader *r, UnetConfig *c)
{
    const char *key = "attention_head_dim";
    const json_t *given = json_object_get(r->object, "num_attention_heads");
    if (given && !json_is_null(given)) key = "num_attention_heads";
    if (json_is_array(json_object_get(r->object, key))) {
        if (config_count(r, key, c->levels, UNET_LEVELS_MAX) != c->levels)
            config_refuse(r, key, "not as many as block_out_channels");
        config_wholes(r, key, c->heads, c->levels);
    } else {
        int all = (int)config_whole(r, key, 8, 1024);
        for (int i = 0; i < c->levels; i++)
            c->heads[i] = all;
    }
    for (int i = 0; i < c->levels; i++)
        if (c->widths[i] % c->heads[i])
            config_refuse(r, key, "block_out_channels has a width that it does not divide");
}

/* Which levels have attention; the last one has it in the middle only. */
static void blocks(ConfigReader *r, UnetConfig *c)
{
    const json_t *types = json_object_get(r->object, "down_block_types");
    if (!types) return;
    if (json_array_size(types) != (size_t)c->levels)
        config_refuse(r, "down_block_types", "not as many as block_out_channels");
    for (int i = 0; i < c->levels; i++) {
        const char *type = json_string_value(json_array_get(types, (size_t)i));
        bool plain = mel_equal(type, "DownBlock2D"), last = i == c->levels - 1;
        if ((!plain && !mel_equal(type, "CrossAttnDownBlock2D")) || (last && !plain))
            config_refuse(r, "down_block_types",
                          "CrossAttnDownBlock2D or DownBlock2D, the last one DownBlock2D");
        if (plain && !last) c->heads[i] = 0;
    }
}

bool config_unet(ConfigReader *r, UnetConfig *out)
{
    *out = mel_unet_sd15();
    out->in_channels = config_whole(r, "in_channels", 4, CHANNELS_MAX);
    out->out_channels = config_whole(r, "out_channels", 4, CHANNELS_MAX);
    out->text_width = config_whole(r, "cross_attention_dim", 1280, CHANNELS_MAX);
    out->levels = levels(r, out->widths, out->levels, &out->groups);
    out->layers = (int)config_whole(r, "layers_per_block", 2, UNET_LAYERS_MAX - 1);
    heads(r, out);
    blocks(r, out);
    out->linear_projection = json_is_true(json_object_get(r->object, "use_linear_projection"));
    expect_text(r, "act_fn", "silu");
    expect_text(r, "mid_block_type", "UNetMidBlock2DCrossAttn");
    const json_t *only = json_object_get(r->object, "only_cross_attention");
    if (json_is_true(only)) config_refuse(r, "only_cross_attention", "it is not supported");
    return r->ok;
}

bool config_vae(ConfigReader *r, VaeConfig *out)
{
    *out = mel_vae_sd();
    out->channels = config_whole(r, "in_channels", 3, CHANNELS_MAX);
    if (config_whole(r, "out_channels", out->channels, CHANNELS_MAX) != out->channels)
        config_refuse(r, "out_channels", "it differs from in_channels");
    out->latent_channels = config_whole(r, "latent_channels", 4, CHANNELS_MAX);
    out->levels = levels(r, out->widths, out->levels, &out->groups);
    out->layers = (int)config_whole(r, "layers_per_block", out->layers, UNET_LAYERS_MAX - 1);
    out->scaling = mel_json_f64(r->object, "scaling_factor", 0.18215);
    if (!(out->scaling > 0)) config_refuse(r, "scaling_factor", "it is not above 0");
    expect_text(r, "act_fn", "silu");
    return r->ok;
}

static void dilations(ConfigReader *r, HifiganConfig *c)
{
    const json_t *lists = json_object_get(r->object, "resblock_dilation_sizes");
    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);
        bool same = json_array_size(list) == HIFIGAN_DILATIONS;
        for (size_t k = 0; k < json_array_size(list) && same; k++) {
            int d = (int)json_integer_value(json_array_get(list, k));
            if (i == 0) c->dilations[k] = d;
            same = d > 0 && d < 1024 && c->dilations[k] == d;
        }
        if (!same)
            config_refuse(r, "resblock_dilation_sizes", "three for each kernel, the same for all");
    }
}

bool config_hifigan(ConfigReader *r, HifiganConfig *out)
{
    *out = mel_hifigan_audioldm();
    out->mel_bins = config_whole(r, "model_in_dim", out->mel_bins, 4096);
    out->width = config_whole(r, "upsample_initial_channel", out->width, CHANNELS_MAX);
    out->stages = config_count(r, "upsample_rates", out->stages, HIFIGAN_STAGES_MAX);
    config_wholes(r, "upsample_rates", out->rates, out->stages);
    config_wholes(r, "upsample_kernel_sizes", out->kernels, out->stages);
    out->resblock_count =
        config_count(r, "resblock_kernel_sizes", out->resblock_count, HIFIGAN_KERNELS_MAX);
    config_wholes(r, "resblock_kernel_sizes", out->resblock_kernels, out->resblock_count);
    dilations(r, out);
    if (out->width % ((int64_t)1 << out->stages))
        config_refuse(r, "upsample_initial_channel", "it cannot be halved once a stage");
    for (int i = 0; i < out->stages; i++)
        if (out->kernels[i] < out->rates[i])
            config_refuse(r, "upsample_kernel_sizes", "a kernel is shorter than its rate");
    if (json_is_true(json_object_get(r->object, "normalize_before")))
        config_refuse(r, "normalize_before", "it is not supported");
    return r->ok;
}
