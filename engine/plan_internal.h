/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: where a plan's inputs and outputs lie. */
#ifndef MEL_ENGINE_PLAN_INTERNAL_H
#define MEL_ENGINE_PLAN_INTERNAL_H

#include "engine/plan.h"

typedef struct PlanValue {
    Backend *backend;
    void *at;         /* on its device */
    DType host, kept; /* the type that the host sees, that the device keeps */
    int64_t count, bytes;
} PlanValue;

/* Of the graph's names; others are programmer errors. */
PlanValue plan_input(const Plan *plan, const char *name);
PlanValue plan_output(const Plan *plan, const char *name);

/* The backend's event of a milestone; NULL where work is done when it is given. */
void *plan_event(const Plan *plan, int milestone);

#endif
