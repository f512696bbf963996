/* SPDX-License-Identifier: Apache-2.0
 *
 * A network's folder in the hub's layout: config.json and weights; and several of them as one
 * source of parameters. */
#ifndef MEL_ENGINE_NETWORK_H
#define MEL_ENGINE_NETWORK_H

#include "engine/model_config.h"
#include "engine/params.h"

typedef struct Network {
    ModelSettings settings;
    char *folder;
    Checkpoint *checkpoint; /* NULL where the folder has a configuration only */
    CheckpointParams source;
    char sha256[SHA256_HEX_SIZE]; /* of the weights: behind mel_network_hashed */
    struct Hashing *hashing;      /* the network's own */
} Network;

/* Weights; weights whose hash is asked for later (mel_network_hashed) and begun in a thread, since
 * gigabytes take seconds; or that a folder without weights will do, for training from nothing. */
typedef enum NetworkNeed { NETWORK_WEIGHTS, NETWORK_HASHED, NETWORK_CONFIG } NetworkNeed;

/* Opens `folder`, or folder/part when part is not NULL. Layouts of names other than diffusers' are
 * told apart (names.h). ERR_NOT_FOUND when a file lacks; ERR_USAGE when it is another kind. */
MEL_MUST_CHECK bool mel_network_open(const char *folder, const char *part, ModelKind kind,
                                     NetworkNeed need, Network **out, Err *err);
void mel_network_close(Network *network); /* NULL is fine */

/* Waits until the hash is there, of a network opened with NETWORK_HASHED. ERR_IO: the weights
 * cannot be read, or have changed. */
MEL_MUST_CHECK bool mel_network_hashed(Network *network, Err *err);

/* Networks by the prefix of their parameters in one graph: "unet." … */
enum { NETWORK_SET_MAX = 8 };

typedef struct NetworkSet {
    int count;
    struct {
        const char *prefix;
        const Network *network;
    } all[NETWORK_SET_MAX];
} NetworkSet;

void mel_network_set_add(NetworkSet *set, const char *prefix, const Network *network);

/* The set must outlive it. Parameters of a network without weights are not found. */
Params mel_network_set_params(NetworkSet *set, const Variables *variables);

/* Strictness for the parameters below one prefix, as mel_params_check. */
MEL_MUST_CHECK bool mel_network_check(const Network *network, const Graph *graph,
                                      const char *const *known, Err *err);

#endif
