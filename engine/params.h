/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a plan finds the parameters of its graph. */
#ifndef MEL_ENGINE_PARAMS_H
#define MEL_ENGINE_PARAMS_H

#include "engine/checkpoint/names.h"
#include "engine/graph.h"
#include "engine/variables.h"

/* Answers with the array of that name, as `shape` where it fits, or an error that names it. The
 * data lives as long as the source. */
typedef struct Params {
    bool (*find)(void *ctx, const char *name, const Shape *shape, Tensor *out, Err *err);
    void (*done_with)(void *ctx, const char *name); /* may be NULL */
    void *ctx;
    const Variables *variables; /* of the graph's variables; NULL where it has none */
} Params;

/* From a checkpoint whose names are `prefix` and the graph's names in `layout`; prefix may be NULL.
 * Shapes may differ by axes of 1 at the end: a 1×1 convolution is a linear layer. */
typedef struct CheckpointParams {
    const Checkpoint *checkpoint;
    const char *prefix;
    NameLayout layout;
    int levels; /* see names.h */
} CheckpointParams;

Params mel_checkpoint_params(CheckpointParams *source);

/* Strictness: names every parameter of the graph that the source lacks or has in another shape, and
 * every tensor of the checkpoint below the prefix that the graph does not ask for, unless it is one
 * of `known`, buffers that are recomputed: starts of names, or "*" and an end of names; NULL at the
 * end; may be NULL. */
MEL_MUST_CHECK bool mel_params_check(const Graph *graph, const CheckpointParams *source,
                                     const char *const *known, Err *err);

#endif
