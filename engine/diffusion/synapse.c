/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/synapse.h"

#include <stdio.h>
#include <string.h>

static const char *const places[] = {"decoder", "encoder", "both"};
static const char *const forms[] = {"plain", "squashed"};

static bool read_choice(const json_t *value, const char *key, const char *const *names, int count,
                        int *out, Err *err)
{
    for (int i = 0; i < count; i++) {
        if (!json_is_string(value) || !mel_equal(json_string_value(value), names[i])) continue;
        *out = i;
        return true;
    }
    return mel_err(err, ERR_FORMAT, "'%s' of the synapse is not one of its words", key);
}

bool mel_synapse_config(const json_t *object, SynapseConfig *out, Err *err)
{
    const char *key;
    json_t *value;
    int place = SYNAPSE_DECODER, form = ALPHA_PLAIN;
    bool ok = true;
    *out = (SynapseConfig){0};
    json_object_foreach((json_t *)object, key, value)
    {
        if (mel_equal(key, "place"))
            ok = read_choice(value, key, places, MEL_COUNT(places), &place, err);
        else if (mel_equal(key, "form"))
            ok = read_choice(value, key, forms, MEL_COUNT(forms), &form, err);
        else if (mel_equal(key, "shared") && json_is_boolean(value))
            out->shared = json_is_true(value);
        else
            ok = mel_err(err, ERR_FORMAT, "'%.40s' of the synapse is not known, or no truth value",
                         key);
        if (!ok) return false;
    }
    out->place = (SynapsePlace)place;
    out->form = (AlphaForm)form;
    return true;
}

json_t *mel_synapse_config_json(const SynapseConfig *config)
{
    return json_pack("{s:s, s:b, s:s}", "place", places[config->place], "shared",
                     (int)config->shared, "form", forms[config->form]);
}

static void add_site(Synapse *synapse, const char *block, int number, int64_t width)
{
    MEL_ASSERT(synapse->count < SYNAPSE_SITES_MAX);
    SynapseSite *site = &synapse->sites[synapse->count++];
    snprintf(site->layer, sizeof site->layer, "%s.attentions.%d.transformer_blocks.0", block,
             number);
    site->width = width;
}

/* As the UNet runs: down blocks, all but the last with attention; up blocks, all but the first. */
static void list_sites(Synapse *synapse, const UnetConfig *unet)
{
    char block[32];
    SynapsePlace place = synapse->config.place;
    for (int level = 0; level < unet->levels - 1 && place != SYNAPSE_DECODER; level++) {
        snprintf(block, sizeof block, "down_blocks.%d", level);
        for (int i = 0; i < unet->layers && unet->heads[level]; i++)
            add_site(synapse, block, i, unet->widths[level]);
    }
    for (int number = 1; number < unet->levels && place != SYNAPSE_ENCODER; number++) {
        int level = unet->levels - 1 - number;
        snprintf(block, sizeof block, "up_blocks.%d", number);
        for (int i = 0; i <= unet->layers && unet->heads[level]; i++)
            add_site(synapse, block, i, unet->widths[level]);
    }
}

bool mel_synapse_plan(const SynapseConfig *config, const UnetConfig *image, const UnetConfig *music,
                      Synapse *out, Err *err)
{
    *out = (Synapse){.config = *config};
    bool alike = image->levels == music->levels && image->layers == music->layers;
    for (int i = 0; alike && i < music->levels; i++)
        alike = image->widths[i] == music->widths[i] && !image->heads[i] == !music->heads[i];
    if (!alike)
        return mel_err(err, ERR_FORMAT,
                       "the image UNet and the music UNet differ in levels, layers or widths: a "
                       "synapse joins equal ones");
    list_sites(out, music);
    return out->count > 0 ||
           mel_err(err, ERR_FORMAT, "the music UNet has no attention there for a synapse");
}

/* The site of a layer, "<layer>.attn1" or "<layer>.attn2", or -1. They come in order. */
static int pass_site(Synapse *synapse, const char *layer)
{
    const char *expected = synapse->sites[synapse->seen].layer;
    size_t length = strlen(expected);
    if (synapse->seen == synapse->count || strncmp(layer, expected, length) != 0 ||
        layer[length] != '.')
        return -1;
    return synapse->seen++;
}

static void capture(void *ctx, const UnetAttention *where, Node **k, Node **v)
{
    Synapse *synapse = ctx;
    (void)k, (void)v;
    int site = where->cross ? -1 : pass_site(synapse, where->layer);
    if (site >= 0) synapse->states[site] = where->states;
}

UnetHook mel_synapse_capture(Synapse *synapse)
{
    synapse->seen = 0;
    return (UnetHook){.attention = capture, .ctx = synapse};
}

void mel_synapse_pool(Synapse *synapse, Node *lengths, int64_t length)
{
    for (int i = 0; i < synapse->count; i++)
        synapse->states[i] = mel_op_token_pool(synapse->states[i], lengths, length);
}

static Node *project(Graph *graph, Node *states, const char *part, int64_t width)
{
    Node *weight = mel_graph_param(graph, part, SHAPE(width, width));
    return mel_op_linear(states, weight, NULL);
}

void mel_synapse_project(Synapse *synapse, Graph *graph)
{
    for (int i = 0; i < synapse->count; i++) {
        const SynapseSite *site = &synapse->sites[i];
        mel_graph_push(graph, "%s.attn1.", site->layer);
        synapse->k[i] = project(graph, synapse->states[i], "to_k.weight", site->width);
        synapse->v[i] = project(graph, synapse->states[i], "to_v.weight", site->width);
        mel_graph_pop(graph);
    }
}

/* gate·α, [1] or [B, 1, 1] */
static Node *strength(const Synapse *synapse, const char *name)
{
    Node *a = mel_graph_param(synapse->graph, name, SHAPE(1));
    if (synapse->config.form == ALPHA_SQUASHED)
        a = mel_op_affine(mel_op_unary(a, UNARY_SIGMOID, 0, 0), 0.4, -0.2);
    return synapse->gate ? mel_op_mul(synapse->gate, a) : a;
}

static Node *mixed(Node *music, Node *image, Node *strength)
{
    DType dtype = mel_node_dtype(music);
    Node *step = mel_op_mul(mel_op_sub(image, music), strength);
    return mel_op_cast(mel_op_add(music, step), dtype);
}

static void mix(void *ctx, const UnetAttention *where, Node **k, Node **v)
{
    Synapse *synapse = ctx;
    int site = where->cross ? pass_site(synapse, where->layer) : -1;
    if (site < 0) return;
    Node *s = synapse->config.shared ? synapse->shared : strength(synapse, "alpha");
    *k = mixed(*k, synapse->k[site], s);
    *v = mixed(*v, synapse->v[site], s);
}

UnetHook mel_synapse_mix(Synapse *synapse, Graph *graph, Node *gate)
{
    synapse->seen = 0;
    synapse->graph = graph;
    synapse->gate = gate;
    if (synapse->config.shared) synapse->shared = strength(synapse, "synapse.alpha");
    return (UnetHook){.attention = mix, .ctx = synapse};
}

bool mel_synapse_is_alpha(const char *parameter)
{
    return mel_ends_with(parameter, ".alpha");
}
