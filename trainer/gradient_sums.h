/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of one run added up over all ranks bucket by bucket, each as soon as the run is
 * past it: most of it while the run still computes the others (S. Li et al., "PyTorch Distributed",
 * 2020). On GPUs the devices do it themselves where they can (peers.h); else a thread of the host
 * does, over its connections. */
#ifndef MEL_TRAINER_GRADIENT_SUMS_H
#define MEL_TRAINER_GRADIENT_SUMS_H

#include "engine/engine.h"
#include "trainer/collective.h"

typedef struct GradientSums GradientSums;

typedef struct GradientBucket {
    VariableSpan span;
    int milestone; /* of the plan's graph, behind which it is complete */
} GradientBucket;

typedef struct GradientSumsPlan {
    Collective *collective;
    Backend *backend; /* of the two below, which must outlive the sums */
    Variables *variables;
    Plan *plan;                    /* what is told of its milestones is told to the sums */
    const GradientBucket *buckets; /* by milestone; copied */
    int bucket_count;
} GradientSumsPlan;

/* Every rank calls it with the same buckets. */
MEL_MUST_CHECK bool gradient_sums_new(const GradientSumsPlan *plan, GradientSums **out, Err *err);
void gradient_sums_free(GradientSums *sums); /* NULL is fine */

/* The next run of the plan is one whose gradients are to be added up. */
void gradient_sums_begin(GradientSums *sums);

/* Behind that run: waits until they are. From begin to here the collective is the sums' own. `ran`:
 * whether the run went well; else what was not begun is left, and true returned. */
MEL_MUST_CHECK bool gradient_sums_finish(GradientSums *sums, bool ran, Err *err);

/* Seconds in the last finish: what was left to do when the run had ended, and ranks that came late.
 */
double gradient_sums_waited(const GradientSums *sums);

#endif
