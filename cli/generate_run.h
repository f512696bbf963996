/* SPDX-License-Identifier: Apache-2.0
 *
 * Music from pictures and texts: what is asked, picture by picture, so that one picture's features
 * serve all that is asked of it. */
#ifndef MEL_CLI_GENERATE_RUN_H
#define MEL_CLI_GENERATE_RUN_H

#include "cli/rank.h"

typedef struct Request {
    const char *image, *text, *out; /* image or text may be NULL */
    int64_t seed;
} Request;

typedef struct GenerateJob {
    const char *model; /* folder */
    int64_t steps, samples, tokens;
    double guidance;
    SamplerKind sampler;
    Capture capture;
    bool bf16, guide_by_picture;
    Ranker *ranker; /* orders a request's samples, the best first; NULL: as they come */
    const Progress *progress;
    int64_t made, failed; /* out */
    void (*done)(void *ctx, const Request *request, const char *path, double seconds);
    void *ctx;
} GenerateJob;

/* Each request makes `samples` files: out, or out with -1, -2, … before its ending; beside each a
 * JSON that is enough to make it again. A request that cannot be met is told and passed over. */
MEL_MUST_CHECK bool cli_generate(GenerateJob *job, const Request *requests, int64_t count,
                                 Err *err);

#endif
