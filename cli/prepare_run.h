/* SPDX-License-Identifier: Apache-2.0
 *
 * What training sees of a triplet, as arrays: three sets, since each is made with what the one
 * before trained. */
#ifndef MEL_CLI_PREPARE_RUN_H
#define MEL_CLI_PREPARE_RUN_H

#include "cli/selection.h"
#include "trainer/trainer.h"

typedef enum PrepareSet {
    PREPARE_MEDIA, /* pixels, wave, mel: for autoencoders, the vocoder and towers; no model */
    PREPARE_IMAGE, /* image_latents: for the image model */
    PREPARE_MUSIC, /* latents, text_states, text_length, trajectory, and, where the model has a
                      CLIP, picture_embedding: for the music model */
} PrepareSet;

typedef struct PrepareJob {
    PrepareSet set;
    const char *model;           /* folder; NULL for PREPARE_MEDIA */
    int64_t side, tokens, steps; /* of pictures; of texts; of the inversion */
    bool bf16;
    const char *split, *split_side;
    const Progress *progress;
    int64_t written, failed; /* out */
} PrepareJob;

/* The selection, by id, into shards in `folder`; a killed one goes on. Triplets whose files are not
 * what the store recorded are refused, each with its reason, and left out. */
MEL_MUST_CHECK bool cli_prepare(PrepareJob *job, const Selection *selection, const char *folder,
                                Err *err);

#endif
