/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights that mean nothing but let values keep their size, for the parameters of a graph: what
 * models are made of where there is no checkpoint. */
#ifndef MEL_TESTS_RANDOM_WEIGHTS_H
#define MEL_TESTS_RANDOM_WEIGHTS_H

#include "engine/engine.h"

/* Start with {.seed = …}. */
typedef struct RandomWeights {
    Arena arena;
    CheckpointTensor *items;
    size_t count, capacity;
    uint64_t seed;
} RandomWeights;

/* Gains and variances 1, shifts and means 0, matrices so that sizes keep. */
void random_weights_fill(RandomWeights *w, const Graph *graph);
void random_weights_number(RandomWeights *w, const char *name, double value);

/* folder/part/config.json and the weights beside it; w is empty afterwards. */
MEL_MUST_CHECK bool random_weights_write(const char *folder, const char *part, const char *config,
                                         const char *weights_name, RandomWeights *w, Err *err);

/* A part of a model by its configuration alone: a UNet, an autoencoder, a HiFi-GAN, a T5 encoder or
 * a CLIP text tower. alpha: of a UNet, what the numbers of a synapse in its decoder are; NULL for
 * none. */
MEL_MUST_CHECK bool random_part_write(const char *folder, const char *part, const char *config,
                                      uint64_t seed, const double *alpha, Err *err);

#endif
