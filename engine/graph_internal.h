/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: a graph's own fields, for the planner. */
#ifndef MEL_ENGINE_GRAPH_INTERNAL_H
#define MEL_ENGINE_GRAPH_INTERNAL_H

#include "engine/op.h"

struct Graph {
    Arena arena;
    Node **nodes; /* in order of building */
    size_t capacity;
    Node **params;
    size_t param_capacity;
    Node **variables;
    Node **variable_values; /* as their users see them: rounded to the float type, or themselves */
    size_t variable_capacity, variable_value_capacity;
    bool (*trained)(void *ctx, const char *name);
    void *trained_ctx;
    const char *trained_kind;
    int *segments; /* ends of segments, as indices of nodes, ascending */
    size_t segment_capacity;
    int *milestones; /* how many nodes there were */
    size_t milestone_capacity;
    Str prefix;
    size_t *marks; /* lengths of the prefix before each push */
    size_t mark_capacity;
    DType float_type;
    int count, param_count, variable_count, segment_count, milestone_count, depth;
    bool recompute, training, detach_params;
    Err err;
};

#endif
