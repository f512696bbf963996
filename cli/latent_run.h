/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of generation one by one: what goes into each and comes out of it, as safetensors. */
#ifndef MEL_CLI_LATENT_RUN_H
#define MEL_CLI_LATENT_RUN_H

#include "engine/engine.h"

typedef struct LatentJob {
    const char *model; /* folder */
    int64_t steps;
    InvertConvention convention;
    bool bf16;
    const Progress *progress;
} LatentJob;

/* How near what came back is; decibels, against the range of what went in. */
typedef struct Reconstruction {
    double autoencoder_db; /* picture, encoded and decoded */
    double latent_db;      /* latent, inverted and replayed */
    double picture_db;     /* picture, through all of it */
} Reconstruction;

/* A JPEG ("image_latent") or a sound ("latent") into a file of its latent. */
MEL_MUST_CHECK bool cli_latent_encode(const LatentJob *job, const char *in, const char *out,
                                      Err *err);

/* A latent back: into .jpg, or into .wav or .flac. */
MEL_MUST_CHECK bool cli_latent_decode(const LatentJob *job, const char *in, const char *out,
                                      Err *err);

/* A picture's latent into its inversion: "trajectory" [steps, h, w, c] and "times" [steps]. */
MEL_MUST_CHECK bool cli_latent_invert(const LatentJob *job, const char *in, const char *out,
                                      Err *err);

/* A picture, inverted and replayed; out (a .jpg) may be NULL. */
MEL_MUST_CHECK bool cli_latent_reconstruct(const LatentJob *job, const char *in, const char *out,
                                           Reconstruction *result, Err *err);

#endif
