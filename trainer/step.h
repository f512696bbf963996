/* SPDX-License-Identifier: Apache-2.0
 *
 * One step of training: batches forth and back, their gradients added up, clipped, and AdamW. The
 * graph's trained parameters are variables; beside each, "gradient of …", "first moment of …",
 * "second moment of …" and, where there is an average, "average of …". Those of one kind lie behind
 * each other, in flat variables of the same order, so that AdamW is one pass over all. */
#ifndef MEL_TRAINER_STEP_H
#define MEL_TRAINER_STEP_H

#include "trainer/collective.h"
#include "trainer/target.h"

typedef struct TrainStep TrainStep;

/* Weights begin as the model's folder has them, or as train_init makes them where it has none. With
 * several ranks (`collective` not NULL) each takes its own batches, and all make the same step:
 * that of one rank with the batches of all. */
MEL_MUST_CHECK bool train_step_new(Target *target, Backend *backend, Collective *collective,
                                   TrainStep **out, Err *err);
void train_step_free(TrainStep *step); /* NULL is fine */

typedef struct StepReport {
    double loss, gradient_norm, update_norm, rate;
    double metrics[METRICS_MAX]; /* the target's, by their numbers */
    double waited;    /* seconds for the sums over the ranks, behind the step's own run */
    bool interrupted; /* some rank was, before the step's end; the same at all */
} StepReport;

/* Step `number`, from 0. ERR_MATH when the loss or the gradient is no number: then no weight has
 * changed. */
MEL_MUST_CHECK bool train_step_run(TrainStep *step, int64_t number, StepReport *report, Err *err);

/* The mean of an output of the target's ("loss" is one) over the first `items` of these shards, by
 * the averaged weights where there are some, with the same noise each time. Shared out: every rank
 * calls and takes its share; else this one takes all. */
typedef enum MeasureShare { MEASURE_ALONE, MEASURE_SHARED } MeasureShare;
MEL_MUST_CHECK bool train_step_measure(TrainStep *step, const Shards *shards, int64_t items,
                                       const char *output, MeasureShare share, double *mean,
                                       Err *err);

/* The target's sounds of the first items of these shards, by the averaged weights where there are
 * some, into a folder. */
MEL_MUST_CHECK bool train_step_sample(TrainStep *step, const Shards *shards, const char *folder,
                                      Err *err);

Variables *train_step_variables(TrainStep *step);

/* The i-th trained parameter's name, or NULL behind the last, and its weights as they are used
 * after training: averaged or plain. Yours to free. */
const char *train_step_name(const TrainStep *step, int i, const Shape **shape);
float *train_step_weights(const TrainStep *step, int i, Err *err);

/* Of the arena: values and scratch of one batch, bytes. */
int64_t train_step_arena_bytes(const TrainStep *step);

#endif
