/* SPDX-License-Identifier: Apache-2.0
 *
 * A run: its folder holds config.json (exactly what was asked), metrics.jsonl (a line a step),
 * TensorBoard's events, samples/ to listen to, checkpoints/ and, at the end, model/ with the
 * trained networks. */
#ifndef MEL_TRAINER_RUN_H
#define MEL_TRAINER_RUN_H

#include "base/base.h"
#include "trainer/collective.h"

typedef struct TrainTick {
    int64_t step, steps;     /* done, of how many */
    double loss, validation; /* validation: NAN between */
} TrainTick;

typedef struct TrainOptions {
    const char *folder; /* of the run */
    bool resume;        /* go on in it, from its newest whole checkpoint; else it must be new */
    void (*tick)(void *ctx, const TrainTick *tick); /* after every step; may be NULL */
    void *ctx;
    Collective *collective; /* the ranks that train together; NULL for one alone */
} TrainOptions;

typedef struct TrainResult {
    int64_t steps, parameters;
    double loss, validation; /* of the last step; the last validation, NAN without */
    int64_t arena_bytes;
} TrainResult;

/* Trains by this configuration. SIGINT and SIGTERM (interrupt.h) write a checkpoint and end with
 * ERR_CANCELLED. ERR_USAGE names what is wrong with the configuration; ERR_EXISTS when the folder
 * holds a run and resume is not asked for. Of several ranks each is given the same configuration
 * and sees the same folders; rank 0 alone writes and ticks, and an interrupt of any stops all
 * behind the same step. ERR_NET when a rank is gone, ERR_FORMAT when they do not hold the same. */
MEL_MUST_CHECK bool mel_train(const json_t *config, const TrainOptions *options,
                              TrainResult *result, Err *err);

#endif
