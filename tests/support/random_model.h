/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole model's folder, for music from a picture and a text, whose weights are random. */
#ifndef MEL_TESTS_RANDOM_MODEL_H
#define MEL_TESTS_RANDOM_MODEL_H

#include "base/base.h"

/* A network's folder in it, and its config.json: of those that random_part_write() knows. */
typedef struct ModelPart {
    const char *name, *config;
} ModelPart;

typedef struct RandomModel {
    const ModelPart *parts;
    size_t count;
    double alpha; /* every α of the synapse in the decoder of the part "unet" */
} RandomModel;

/* The parts, the schedules of TANGO (v) and of Stable Diffusion (noise), and the tokenizers of T5
 * for the music and of CLIP for the pictures. `tokenizers` is tests/data/tokenizers. */
MEL_MUST_CHECK bool random_model_write(const char *folder, const char *tokenizers,
                                       const RandomModel *model, Err *err);

/* The vocabulary tokenizers/which into folder/part. */
MEL_MUST_CHECK bool tokenizer_copy(const char *tokenizers, const char *which, const char *folder,
                                   const char *part, Err *err);

#endif
