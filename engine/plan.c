/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan.h"

#include "engine/backend.h"
#include "engine/graph_internal.h"
#include "engine/plan_internal.h"
#include "engine/variables_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* One stretch of memory that one value, or several that follow each other in place, lie in. */
typedef struct Buffer {
    int first, last; /* nodes from which, up to which it is needed */
    int64_t bytes, offset;
    bool in_arena;
    void *memory; /* of its own when not in the arena */
    bool owned;
} Buffer;

/* A node's place. */
typedef struct Place {
    int users;  /* that read it where it lies; packed weights are not read */
    int buffer; /* -1: nobody reads it */
    int64_t offset;
    void *at;
    void *state;
    void (*free_state)(void *state);
    int64_t scratch_bytes;
    Tensor weight; /* of a parameter or constant: where it lies now */
} Place;

struct Plan {
    Graph *graph;
    Backend *backend;
    const Params *params;
    Place *places;
    Buffer *buffers;
    int buffer_count;
    char *arena;
    int64_t arena_bytes, scratch_at, constant_bytes;
    void *recording; /* of a run, from the second on, where the backend records */
    int64_t runs;
    void **events; /* of the graph's milestones, where the device works in its own time */
    PlanPassed *passed;
    void *passed_ctx;
};

static int64_t align_up(int64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static int64_t value_bytes(const Plan *plan, const Node *node)
{
    DType dtype = plan->backend->dtype(node->dtype);
    return mel_shape_count(&node->shape) * (int64_t)mel_dtype_size(dtype);
}

static bool is_fixed_leaf(const Node *node)
{
    return node->def == &op_param || node->def == &op_constant;
}

/* ---- parameters and preparation ------------------------------------------------------------- */

static bool find_weight(const Plan *plan, const Node *node, Tensor *out, Err *err)
{
    if (node->def == &op_constant) {
        *out = (Tensor){.dtype = node->dtype, .shape = node->shape, .data = (void *)node->data};
        return true;
    }
    if (!plan->params)
        return mel_err(err, ERR_USAGE, "there is no source for parameter '%s'", node->name);
    if (!plan->params->find(plan->params->ctx, node->name, &node->shape, out, err)) return false;
    if (mel_shape_equal(&out->shape, &node->shape) && mel_dtype_is_float(out->dtype)) return true;
    char got[SHAPE_TEXT_SIZE], wanted[SHAPE_TEXT_SIZE];
    return mel_err(err, ERR_FORMAT, "'%s' is %s of %s, wanted %s", node->name,
                   mel_shape_text(&out->shape, got), mel_dtype_name(out->dtype),
                   mel_shape_text(&node->shape, wanted));
}

/* The array behind an input that is known and fixed now: a leaf, or a leaf in another shape. */
static Tensor fixed_input(const Plan *plan, const Node *in)
{
    const Node *leaf = in;
    while (leaf && leaf->def == &op_reshape)
        leaf = leaf->in[0];
    if (!leaf || !is_fixed_leaf(leaf)) return (Tensor){0};
    Tensor weight = plan->places[leaf->index].weight;
    weight.shape = in->shape;
    return weight;
}

/* Lets the backend look at a node, and counts it as a user of what it did not pack. */
static bool prepare_node(Plan *plan, const Node *node, Err *err)
{
    Place *place = &plan->places[node->index];
    Prepare prepare = {.node = node};
    for (int i = 0; i < node->in_count; i++)
        prepare.weights[i] = fixed_input(plan, node->in[i]);
    bool ok = node->def->view || plan->backend->prepare(plan->backend, &prepare, err);
    place->state = prepare.state;
    place->free_state = prepare.free_state;
    place->scratch_bytes = prepare.scratch_bytes;
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] && !prepare.packed[i]) plan->places[node->in[i]->index].users++;
    return ok;
}

static bool is_read(const Plan *plan, const Node *node)
{
    return node->output || plan->places[node->index].users > 0;
}

static void tell_done(const Plan *plan, const Node *node)
{
    if (node->def == &op_param && plan->params->done_with)
        plan->params->done_with(plan->params->ctx, node->name);
}

/* ---- lifetimes and places ------------------------------------------------------------------- */

static int add_buffer(Plan *plan, int first, int64_t bytes)
{
    plan->buffers[plan->buffer_count] =
        (Buffer){.first = first, .last = first, .bytes = bytes, .in_arena = true};
    return plan->buffer_count++;
}

static int last_use(const Plan *plan, const int *last, const Node *node)
{
    return node->output ? plan->graph->count : last[node->index];
}

/* The buffer of the first input, when this node may write over it. */
static int buffer_to_take(const Plan *plan, const Node *node)
{
    const Node *in = node->in[0];
    if (!node->def->in_place || !in || in->constant || node->constant) return -1;
    const Place *place = &plan->places[in->index];
    const Buffer *buffer = place->buffer < 0 ? NULL : &plan->buffers[place->buffer];
    if (!buffer || !buffer->in_arena || place->offset || buffer->last > node->index) return -1;
    if (value_bytes(plan, node) != value_bytes(plan, in) || buffer->bytes != value_bytes(plan, in))
        return -1;
    for (int i = 1; i < node->in_count; i++)
        if (node->in[i] && plan->places[node->in[i]->index].buffer == place->buffer) return -1;
    return place->buffer;
}

static void place_node(Plan *plan, const Node *node, const int *last)
{
    Place *place = &plan->places[node->index];
    int take = -1;
    if (node->def->view) {
        const Place *in = &plan->places[node->in[0]->index];
        int64_t offset = node->def->view_offset ? node->def->view_offset(node) : 0;
        take = in->buffer;
        place->offset =
            in->offset + offset * (int64_t)mel_dtype_size(plan->backend->dtype(node->dtype));
    } else {
        take = buffer_to_take(plan, node);
    }
    if (node->def->view && take < 0) return;
    place->buffer = take >= 0 ? take : add_buffer(plan, node->index, value_bytes(plan, node));
    Buffer *buffer = &plan->buffers[place->buffer];
    if (node->def == &op_input) buffer->first = 0; /* it is written before the run */
    int until = last_use(plan, last, node);
    if (until > buffer->last) buffer->last = until;
    if (node->constant || node->def == &op_variable) buffer->in_arena = false;
}

/* A view lives as long as its source is looked at through it: uses are told to the root. */
static int *find_last_uses(const Plan *plan)
{
    const Graph *graph = plan->graph;
    int *last = mel_alloc(((size_t)graph->count + 1) * sizeof *last);
    for (int i = 0; i < graph->count; i++)
        last[i] = i;
    for (int i = graph->count - 1; i >= 0; i--) {
        const Node *node = graph->nodes[i];
        int until = node->def->view ? last_use(plan, last, node) : i;
        for (int k = 0; k < node->in_count; k++)
            if (node->in[k] && last[node->in[k]->index] < until) last[node->in[k]->index] = until;
    }
    return last;
}

static int by_size(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* The lowest gap between the buffers placed so far that live at the same time. */
static void place_buffer(Buffer *const *placed, int count, Buffer *buffer)
{
    int64_t bytes = align_up(buffer->bytes), at = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        for (int i = 0; i < count; i++) {
            const Buffer *other = placed[i];
            bool together = other->first <= buffer->last && buffer->first <= other->last;
            int64_t end = other->offset + align_up(other->bytes);
            if (together && at < end && other->offset < at + bytes) {
                at = end;
                moved = true;
            }
        }
    }
    buffer->offset = at;
}

static void place_in_arena(Plan *plan)
{
    Buffer **order = mel_alloc(((size_t)plan->buffer_count + 1) * sizeof(Buffer *));
    int count = 0;
    for (int i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].in_arena) order[count++] = &plan->buffers[i];
    qsort(order, (size_t)count, sizeof *order, by_size);
    for (int i = 0; i < count; i++) {
        place_buffer(order, i, order[i]);
        int64_t end = order[i]->offset + align_up(order[i]->bytes);
        if (end > plan->scratch_at) plan->scratch_at = end;
    }
    free(order);
}

static void place_all(Plan *plan)
{
    const Graph *graph = plan->graph;
    int64_t scratch = 0;
    int *last = find_last_uses(plan);
    plan->buffers = mel_alloc(((size_t)graph->count + 1) * sizeof *plan->buffers);
    for (int i = 0; i < graph->count; i++) {
        const Node *node = graph->nodes[i];
        plan->places[i].buffer = -1;
        if (!is_read(plan, node) && node->def != &op_input) continue;
        place_node(plan, node, last);
        if (plan->places[i].scratch_bytes > scratch) scratch = plan->places[i].scratch_bytes;
    }
    place_in_arena(plan);
    plan->arena_bytes = plan->scratch_at + align_up(scratch);
    free(last);
}

/* ---- memory --------------------------------------------------------------------------------- */

static bool lies_well(const Plan *plan, const Node *node, const Tensor *weight)
{
    return plan->backend->host_memory && weight->dtype == plan->backend->dtype(node->dtype) &&
           (uintptr_t)weight->data % mel_dtype_size(weight->dtype) == 0;
}

/* Parameters that are used as they are: where they lie when that will do, else as a copy. */
static bool fill_leaf(Plan *plan, const Node *node, Err *err)
{
    Place *place = &plan->places[node->index];
    Buffer *buffer = &plan->buffers[place->buffer];
    DType dtype = plan->backend->dtype(node->dtype);
    if (lies_well(plan, node, &place->weight)) {
        buffer->memory = place->weight.data;
        return true;
    }
    buffer->memory = plan->backend->alloc(plan->backend, buffer->bytes, err);
    if (!buffer->memory) return false;
    buffer->owned = true;
    plan->constant_bytes += buffer->bytes;
    bool ok =
        plan->backend->upload(plan->backend, NULL, buffer->memory, dtype, &place->weight, err);
    tell_done(plan, node);
    return ok;
}

static bool allocate_constants(Plan *plan, Err *err)
{
    for (int i = 0; i < plan->graph->count; i++) {
        const Node *node = plan->graph->nodes[i];
        if (!node->constant || plan->places[i].buffer < 0) continue;
        Buffer *buffer = &plan->buffers[plan->places[i].buffer];
        if (buffer->memory) continue;
        if (is_fixed_leaf(node)) {
            if (!fill_leaf(plan, node, err)) return false;
            continue;
        }
        buffer->memory = plan->backend->alloc(plan->backend, buffer->bytes, err);
        if (!buffer->memory) return false;
        buffer->owned = true;
        plan->constant_bytes += buffer->bytes;
    }
    return true;
}

static bool find_variables(Plan *plan, Err *err)
{
    const Variables *variables = plan->params ? plan->params->variables : NULL;
    for (int i = 0; i < plan->graph->variable_count; i++) {
        const Node *node = plan->graph->variables[i];
        const Place *place = &plan->places[node->index];
        if (place->buffer < 0) continue;
        void *memory = variables_memory(variables, node->name, &node->shape, err);
        if (!memory) return false;
        plan->buffers[place->buffer].memory = memory;
    }
    return true;
}

static DType host_type(const Node *node)
{
    return mel_dtype_is_float(node->dtype) ? DTYPE_F32 : DTYPE_I32;
}

static bool allocate(Plan *plan, Err *err)
{
    plan->arena = plan->backend->alloc(plan->backend, plan->arena_bytes, err);
    if (!plan->arena || !find_variables(plan, err) || !allocate_constants(plan, err)) return false;
    for (int i = 0; i < plan->graph->count; i++) {
        Place *place = &plan->places[i];
        if (place->buffer < 0) continue;
        const Buffer *buffer = &plan->buffers[place->buffer];
        char *base = buffer->in_arena ? plan->arena + buffer->offset : buffer->memory;
        place->at = base + place->offset;
    }
    return true;
}

/* ---- running -------------------------------------------------------------------------------- */

static bool run_node(const Plan *plan, const Node *node, Err *err)
{
    const Place *place = &plan->places[node->index];
    Call call = {.node = node,
                 .out = place->at,
                 .state = place->state,
                 .scratch = plan->arena + plan->scratch_at};
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i]) call.in[i] = plan->places[node->in[i]->index].at;
    return plan->backend->run(plan->backend, NULL, &call, err) ||
           mel_err_wrap(err, "%s", node->def->name);
}

static bool is_run(const Plan *plan, int i, bool constant)
{
    const Node *node = plan->graph->nodes[i];
    return !op_is_leaf(node) && !node->def->view && node->constant == constant &&
           plan->places[i].buffer >= 0;
}

static bool run_constant_nodes(Plan *plan, Err *err)
{
    for (int i = 0; i < plan->graph->count; i++)
        if (is_run(plan, i, true) && !run_node(plan, plan->graph->nodes[i], err)) return false;
    return true;
}

/* Those milestones, from number `next` on, that lie before node i; the next one is returned. */
static bool pass_milestones(Plan *plan, int i, int *next, bool tell, Err *err)
{
    const Graph *graph = plan->graph;
    for (; *next < graph->milestone_count && graph->milestones[*next] <= i; (*next)++) {
        if (plan->events &&
            !plan->backend->event_put(plan->backend, NULL, plan->events[*next], err))
            return false;
        if (tell && plan->passed) plan->passed(plan->passed_ctx, *next);
    }
    return true;
}

static bool run_varying_nodes(Plan *plan, bool tell, Err *err)
{
    int next = 0;
    for (int i = 0; i < plan->graph->count; i++) {
        if (!pass_milestones(plan, i, &next, tell, err)) return false;
        if (is_run(plan, i, false) && !run_node(plan, plan->graph->nodes[i], err)) return false;
    }
    return pass_milestones(plan, plan->graph->count, &next, tell, err);
}

static bool give_varying_nodes(void *plan, Err *err)
{
    return run_varying_nodes(plan, false, err);
}

static bool replay(Plan *plan, Err *err)
{
    Backend *backend = plan->backend;
    if (!plan->recording &&
        !backend->record(backend, NULL, give_varying_nodes, plan, &plan->recording, err))
        return false;
    if (!backend->replay(backend, NULL, plan->recording, err)) return false;
    for (int k = 0; k < plan->graph->milestone_count && plan->passed; k++)
        plan->passed(plan->passed_ctx, k);
    return true;
}

/* The first run is as it comes, so that libraries can make what they make at first use. */
bool mel_plan_run(Plan *plan, Err *err)
{
    bool first = plan->runs++ == 0;
    return first || !plan->backend->record ? run_varying_nodes(plan, true, err) : replay(plan, err);
}

void mel_plan_on_passed(Plan *plan, PlanPassed *passed, void *ctx)
{
    plan->passed = passed;
    plan->passed_ctx = ctx;
}

bool mel_plan_await(Plan *plan, int milestone, Err *err)
{
    MEL_ASSERT(milestone >= 0 && milestone < plan->graph->milestone_count);
    return !plan->events || plan->backend->event_wait(plan->backend, plan->events[milestone], err);
}

void *plan_event(const Plan *plan, int milestone)
{
    MEL_ASSERT(milestone >= 0 && milestone < plan->graph->milestone_count);
    return plan->events ? plan->events[milestone] : NULL;
}

bool mel_plan_wait(Plan *plan, Err *err)
{
    return plan->backend->synchronize(plan->backend, NULL, err);
}

/* ---- making --------------------------------------------------------------------------------- */

/* From the last node to the first, so that what nobody reads is not even prepared. */
static bool prepare_all(Plan *plan, Err *err)
{
    const Graph *graph = plan->graph;
    for (int i = 0; i < graph->count; i++)
        if (is_fixed_leaf(graph->nodes[i]) &&
            !find_weight(plan, graph->nodes[i], &plan->places[i].weight, err))
            return false;
    for (int i = graph->count - 1; i >= 0; i--) {
        const Node *node = graph->nodes[i];
        if (op_is_leaf(node) || !is_read(plan, node)) continue;
        if (!prepare_node(plan, node, err)) return mel_err_wrap(err, "%s", node->def->name);
    }
    for (int i = 0; i < graph->count; i++)
        if (is_fixed_leaf(graph->nodes[i]) && !is_read(plan, graph->nodes[i]))
            tell_done(plan, graph->nodes[i]);
    return true;
}

static bool make_events(Plan *plan, Err *err)
{
    const int count = plan->graph->milestone_count;
    if (!plan->backend->event_new || count == 0) return true;
    plan->events = mel_alloc((size_t)count * sizeof *plan->events);
    for (int k = 0; k < count; k++)
        if (!plan->backend->event_new(plan->backend, &plan->events[k], err)) return false;
    return true;
}

bool mel_plan_new(Graph *graph, Backend *backend, const Params *params, Plan **out, Err *err)
{
    if (!mel_graph_ok(graph, err)) return false;
    Plan *plan = mel_alloc(sizeof *plan);
    plan->graph = graph;
    plan->backend = backend;
    plan->params = params;
    plan->places = mel_alloc(((size_t)graph->count + 1) * sizeof *plan->places);
    bool ok = prepare_all(plan, err);
    if (ok) {
        place_all(plan);
        ok = allocate(plan, err) && make_events(plan, err) && run_constant_nodes(plan, err) &&
             backend->synchronize(backend, NULL, err);
    }
    if (ok)
        *out = plan;
    else
        mel_plan_free(plan);
    return ok;
}

void mel_plan_free(Plan *plan)
{
    if (!plan) return;
    if (plan->recording) plan->backend->forget(plan->backend, plan->recording);
    for (int k = 0; k < plan->graph->milestone_count && plan->events; k++)
        plan->backend->event_free(plan->backend, plan->events[k]);
    free(plan->events);
    for (int i = 0; i < plan->graph->count; i++)
        if (plan->places[i].free_state) plan->places[i].free_state(plan->places[i].state);
    for (int i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].owned) plan->backend->free(plan->backend, plan->buffers[i].memory);
    if (plan->arena) plan->backend->free(plan->backend, plan->arena);
    free(plan->buffers);
    free(plan->places);
    free(plan);
}

/* ---- inputs and outputs --------------------------------------------------------------------- */

static const Node *named(const Plan *plan, const char *name, bool input)
{
    for (int i = 0; i < plan->graph->count; i++) {
        const Node *node = plan->graph->nodes[i];
        bool fits = input ? node->def == &op_input : node->output;
        if (fits && mel_equal(node->name, name)) return node;
    }
    return NULL;
}

const Shape *mel_plan_shape(const Plan *plan, const char *name)
{
    const Node *node = named(plan, name, true);
    if (!node) node = named(plan, name, false);
    return node ? &node->shape : NULL;
}

static PlanValue value_of(const Plan *plan, const char *name, bool input)
{
    const Node *node = named(plan, name, input);
    MEL_ASSERT(node);
    return (PlanValue){.backend = plan->backend,
                       .at = plan->places[node->index].at,
                       .host = host_type(node),
                       .kept = plan->backend->dtype(node->dtype),
                       .count = mel_shape_count(&node->shape),
                       .bytes = value_bytes(plan, node)};
}

PlanValue plan_input(const Plan *plan, const char *name)
{
    return value_of(plan, name, true);
}

PlanValue plan_output(const Plan *plan, const char *name)
{
    return value_of(plan, name, false);
}

bool mel_plan_write(Plan *plan, const char *input, const void *data, Err *err)
{
    const PlanValue to = plan_input(plan, input);
    const Tensor from = {.dtype = to.host, .shape = SHAPE(to.count), .data = (void *)data};
    return plan->backend->upload(plan->backend, NULL, to.at, to.kept, &from, err);
}

bool mel_plan_clear(Plan *plan, const char *input, Err *err)
{
    const PlanValue to = plan_input(plan, input);
    return plan->backend->clear(plan->backend, NULL, to.at, to.bytes, err);
}

static bool read_as(Plan *plan, const PlanValue *from, DType dtype, void *data, Err *err)
{
    const Tensor to = {.dtype = dtype, .shape = SHAPE(from->count), .data = data};
    return plan->backend->download(plan->backend, NULL, &to, from->at, from->kept, err);
}

bool mel_plan_read(Plan *plan, const char *output, void *data, Err *err)
{
    const PlanValue from = plan_output(plan, output);
    return read_as(plan, &from, from.host, data, err);
}

bool mel_plan_read_f64(Plan *plan, const char *output, double *data, Err *err)
{
    const PlanValue from = plan_output(plan, output);
    return read_as(plan, &from, DTYPE_F64, data, err);
}

PlanMemory mel_plan_memory(const Plan *plan)
{
    return (PlanMemory){.arena_bytes = plan->arena_bytes, .constant_bytes = plan->constant_bytes};
}
