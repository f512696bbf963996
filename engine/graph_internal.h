/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: a graph's own fields, for the planner. */
#ifndef MEL_ENGINE_GRAPH_INTERNAL_H
#define MEL_ENGINE_GRAPH_INTERNAL_H

#include "engine/op.h"

struct Graph {
    Arena arena;
    DType float_type;
    Node **nodes; /* in order of building */
    int count;
    size_t capacity;
    Node **params;
    int param_count;
    size_t param_capacity;
    Str prefix;
    size_t *marks; /* lengths of the prefix before each push */
    int depth;
    size_t mark_capacity;
    Err err;
};

#endif
