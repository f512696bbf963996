/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/network.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static bool read_config(Network *network, ModelKind kind, Err *err)
{
    char *path = mel_path_join(network->folder, "config.json");
    bool ok = mel_path_exists(path) ||
              mel_err(err, ERR_NOT_FOUND, "'%s' is no network's folder: there is no config.json",
                      network->folder);
    ok = ok && mel_model_config_read(path, &network->settings, err);
    free(path);
    if (ok && network->settings.kind != kind)
        return mel_err(err, ERR_USAGE, "'%s' is a %s, wanted a %s", network->folder,
                       mel_model_kind_name(network->settings.kind), mel_model_kind_name(kind));
    return ok;
}

static void detect_names(Network *network)
{
    ModelKind kind = network->settings.kind;
    NamedNet net = kind == MODEL_UNET ? NAMED_UNET : kind == MODEL_VAE ? NAMED_VAE : NAMED_VOCODER;
    network->source = (CheckpointParams){.checkpoint = network->checkpoint};
    if (kind == MODEL_UNET || kind == MODEL_VAE || kind == MODEL_HIFIGAN)
        mel_names_detect(network->checkpoint, net, &network->source.layout,
                         &network->source.prefix);
    if (kind == MODEL_VAE) network->source.levels = network->settings.vae.levels;
}

static bool open_weights(Network *network, NetworkNeed need, Err *err)
{
    bool ok = mel_checkpoint_open(network->folder, &network->checkpoint, err);
    if (!ok && need == NETWORK_CONFIG && err->code == ERR_NOT_FOUND) {
        mel_err_clear(err);
        return true;
    }
    if (!ok) return false;
    detect_names(network);
    return true;
}

/* ---- the hash ------------------------------------------------------------------------------- */

typedef struct Hashing {
    const Checkpoint *checkpoint;
    char sha256[SHA256_HEX_SIZE];
    bool ok;
    Err err;
    pthread_t thread;
    bool threaded;
} Hashing;

static void *hash(void *ctx)
{
    Hashing *hashing = ctx;
    hashing->ok = mel_checkpoint_sha256(hashing->checkpoint, hashing->sha256, &hashing->err);
    return NULL;
}

static void begin_hash(Network *network)
{
    Hashing *hashing = network->hashing = mel_alloc(sizeof *hashing);
    hashing->checkpoint = network->checkpoint;
    hashing->threaded = pthread_create(&hashing->thread, NULL, hash, hashing) == 0;
    if (!hashing->threaded) hash(hashing);
}

bool mel_network_hashed(Network *network, Err *err)
{
    Hashing *hashing = network->hashing;
    if (!hashing) return true;
    if (hashing->threaded) pthread_join(hashing->thread, NULL);
    bool ok = hashing->ok;
    if (ok)
        memcpy(network->sha256, hashing->sha256, sizeof network->sha256);
    else
        *err = hashing->err;
    free(hashing);
    network->hashing = NULL;
    return ok;
}

/* ---- opening -------------------------------------------------------------------------------- */

bool mel_network_open(const char *folder, const char *part, ModelKind kind, NetworkNeed need,
                      Network **out, Err *err)
{
    Network *network = mel_alloc(sizeof *network);
    network->folder = part ? mel_path_join(folder, part) : mel_strdup(folder);
    bool ok = read_config(network, kind, err) && open_weights(network, need, err);
    if (ok && need == NETWORK_HASHED) begin_hash(network);
    if (ok)
        *out = network;
    else
        mel_network_close(network);
    return ok;
}

void mel_network_close(Network *network)
{
    Err nobodys = {0};
    if (!network) return;
    (void)!mel_network_hashed(network, &nobodys);
    mel_checkpoint_close(network->checkpoint);
    free(network->folder);
    free(network);
}

/* ---- sets of networks ----------------------------------------------------------------------- */

void mel_network_set_add(NetworkSet *set, const char *prefix, const Network *network)
{
    MEL_ASSERT(set->count < NETWORK_SET_MAX);
    set->all[set->count].prefix = prefix;
    set->all[set->count++].network = network;
}

/* The network that has the parameter, and the parameter's name in it. */
static const Network *owner(const NetworkSet *set, const char *name, const char **rest)
{
    for (int i = 0; i < set->count; i++) {
        size_t length = strlen(set->all[i].prefix);
        if (strncmp(name, set->all[i].prefix, length) != 0) continue;
        *rest = name + length;
        return set->all[i].network;
    }
    return NULL;
}

static bool find_in_set(void *ctx, const char *name, const Shape *shape, Tensor *out, Err *err)
{
    const char *rest;
    const Network *network = owner(ctx, name, &rest);
    if (!network || !network->checkpoint)
        return mel_err(err, ERR_NOT_FOUND, "there are no weights for '%s'", name);
    CheckpointParams source = network->source;
    Params params = mel_checkpoint_params(&source);
    return params.find(params.ctx, rest, shape, out, err) ||
           mel_err_wrap(err, "'%s'", network->folder);
}

static void done_with_in_set(void *ctx, const char *name)
{
    const char *rest;
    const Network *network = owner(ctx, name, &rest);
    if (!network || !network->checkpoint) return;
    CheckpointParams source = network->source;
    Params params = mel_checkpoint_params(&source);
    params.done_with(params.ctx, rest);
}

Params mel_network_set_params(NetworkSet *set, const Variables *variables)
{
    return (Params){
        .find = find_in_set, .done_with = done_with_in_set, .ctx = set, .variables = variables};
}

bool mel_network_check(const Network *network, const Graph *graph, const char *const *known,
                       Err *err)
{
    CheckpointParams source = network->source;
    return mel_params_check(graph, &source, known, err) ||
           mel_err_wrap(err, "'%s'", network->folder);
}
