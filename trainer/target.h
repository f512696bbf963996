/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be trained: each target is a loss over some networks and what its batches are made of.
 * The run knows nothing of either. */
#ifndef MEL_TRAINER_TARGET_H
#define MEL_TRAINER_TARGET_H

#include "engine/engine.h"
#include "trainer/config.h"
#include "trainer/shards.h"

/* Some items as one batch. What is random in a sample is drawn from sample_rng(batch, i) alone. */
typedef struct TrainBatch {
    const int64_t *items;
    int count;
    const Shards *shards;
    uint64_t seed;
    int64_t first_sample; /* the number of the first one since the beginning of the run */
    bool validation;      /* the same noise each time, nothing dropped */
} TrainBatch;

static inline Rng sample_rng(const TrainBatch *batch, int i)
{
    uint64_t number = (uint64_t)(batch->first_sample + i);
    return (Rng){.seed = batch->seed, .stream = number * 2 + (batch->validation ? 1 : 0) + 1000};
}

/* What the target trains: its parameters' prefix in the graph, and the network with its folder in
 * the model's. Both NULL for what is of no use after training. */
typedef struct TrainedPart {
    const char *prefix, *folder;
    const Network *network;
} TrainedPart;
enum { TRAINED_PARTS_MAX = 4, METRICS_MAX = 4 };

/* What every target's state begins with. */
typedef struct Target {
    const struct TargetDef *def;
    const TrainConfig *config;
    const Shards *shards; /* of training; validation's have the same arrays */
    NetworkSet networks;
    TrainedPart parts[TRAINED_PARTS_MAX];
    int part_count;
} Target;

typedef struct Measure {
    bool (*mean)(void *ctx, const char *output, double *mean, Err *err);
    void *ctx;
} Measure;

typedef struct TargetDef {
    const char *name, *what;
    size_t size;               /* of its state */
    const ConfigField *fields; /* its further keys: offsets into the state */
    size_t field_count;
    void (*defaults)(Target *target); /* before the keys are read; may be NULL */

    /* Opens networks below config->model, lists parts, checks the shards' arrays. */
    bool (*open)(Target *target, Err *err);
    void (*close)(Target *target);

    /* Of the parameters below the prefix of a part; NULL: all. */
    bool (*is_trained)(void *target, const char *name);

    /* The beginning of a parameter that no file has; false: the usual one. May be NULL. */
    bool (*first)(const Target *target, const char *name, const Shape *shape, float *out);

    /* Outputs, besides "loss", that are logged at every step; NULL behind the last. */
    const char *metrics[METRICS_MAX + 1];

    /* The loss (a number, f32) of a batch; inputs are declared here, and written by fill. */
    Node *(*loss)(Target *target, Graph *graph, int batch);
    bool (*fill)(Target *target, Plan *plan, const TrainBatch *batch, Err *err);

    /* Makes something to listen to of the batch, by a plan of the loss's graph that does not train,
     * and puts it into the folder. NULL: there is nothing to hear. */
    bool (*sample)(Target *target, Plan *plan, const TrainBatch *batch, const char *folder,
                   Err *err);

    /* Changes a part's config.json by what was learnt; measure gives the mean of an output over
     * training items. May be NULL. */
    bool (*amend)(Target *target, int part, json_t *config, const Measure *measure, Err *err);
} TargetDef;

/* NULL when there is none of that name. */
const TargetDef *mel_target_find(const char *name);
const char *mel_target_names(void); /* "autoencoder, clip, …" */

/* The target that the object names, with its configuration read; the object and the config must
 * outlive it. */
MEL_MUST_CHECK bool mel_target_new(const json_t *object, TrainConfig *config, Target **out,
                                   Err *err);
MEL_MUST_CHECK bool mel_target_open(Target *target, const Shards *shards, Err *err);
void mel_target_free(Target *target); /* NULL is fine */

#endif
