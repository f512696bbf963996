/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph made ready for a device: what is constant is computed once, weights are packed, every
 * other value has its place in one arena, and running allocates nothing. */
#ifndef MEL_ENGINE_PLAN_H
#define MEL_ENGINE_PLAN_H

#include "engine/params.h"

typedef struct Plan Plan;
typedef struct Backend Backend;

Backend *mel_backend_reference(void); /* plain code in double: the specification */
Backend *mel_backend_cpu(void);       /* oneDNN and our own kernels */

/* The graph and the parameters' source must outlive the plan. params may be NULL for a graph
 * without parameters. Errors: the graph's own, what params lacks, no memory. */
MEL_MUST_CHECK bool mel_plan_new(Graph *graph, Backend *backend, const Params *params, Plan **out,
                                 Err *err);
void mel_plan_free(Plan *plan); /* NULL is fine */

/* Fills an input from, or reads an output into, `data`: float for every float type, int32_t for
 * DTYPE_I32; as many as the node's shape says. An input may be overwritten by a run: write all of
 * them before each. The names are those of the graph; others are programmer errors. */
MEL_MUST_CHECK bool mel_plan_write(Plan *plan, const char *input, const void *data, Err *err);
MEL_MUST_CHECK bool mel_plan_clear(Plan *plan, const char *input, Err *err); /* all zeroes */
MEL_MUST_CHECK bool mel_plan_read(Plan *plan, const char *output, void *data, Err *err);
MEL_MUST_CHECK bool mel_plan_read_f64(Plan *plan, const char *output, double *data, Err *err);
/* Of an input or output; NULL when there is none of that name. */
const Shape *mel_plan_shape(const Plan *plan, const char *name);

/* The device may still be at work when it returns; reading an output waits for it. */
MEL_MUST_CHECK bool mel_plan_run(Plan *plan, Err *err);
MEL_MUST_CHECK bool mel_plan_wait(Plan *plan, Err *err); /* until everything given to it is done */

/* Has `passed` called in each run, in its thread, as soon as the device has been given all that the
 * graph has before a milestone; in their order. NULL for nobody. */
typedef void PlanPassed(void *ctx, int milestone);
void mel_plan_on_passed(Plan *plan, PlanPassed *passed, void *ctx);

/* Waits until the device has done what it was given before that milestone in the run that passed
 * it last. From any thread. */
MEL_MUST_CHECK bool mel_plan_await(Plan *plan, int milestone, Err *err);

typedef struct PlanMemory {
    int64_t arena_bytes;    /* values and scratch of a run */
    int64_t constant_bytes; /* packed weights not counted: they are the operations' own */
} PlanMemory;
PlanMemory mel_plan_memory(const Plan *plan);

#endif
