/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/graph_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const OpDef op_input = {.name = "input"};
const OpDef op_param = {.name = "param"};
const OpDef op_constant = {.name = "constant"};
const OpDef op_variable = {.name = "variable"};

Graph *mel_graph_new(DType float_type)
{
    Graph *graph = mel_alloc(sizeof *graph);
    graph->float_type = float_type;
    return graph;
}

DType mel_graph_float_type(const Graph *graph)
{
    return graph->float_type;
}

void mel_graph_free(Graph *graph)
{
    if (!graph) return;
    free(graph->nodes);
    free(graph->params);
    free(graph->variables);
    free(graph->variable_values);
    free(graph->segments);
    free(graph->milestones);
    free(graph->marks);
    mel_str_clear(&graph->prefix);
    mel_arena_clear(&graph->arena);
    free(graph);
}

Node *mel_graph_fail(Graph *graph, const char *format, ...)
{
    if (mel_err_is_set(&graph->err)) return NULL;
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mel_err(&graph->err, ERR_USAGE, "%s", text);
    return NULL;
}

bool mel_graph_ok(const Graph *graph, Err *err)
{
    if (!mel_err_is_set(&graph->err)) return true;
    *err = graph->err;
    return false;
}

static Node *add_node(Graph *graph, const OpDef *def)
{
    Node *node = mel_arena_alloc(&graph->arena, sizeof *node);
    mel_grow(&graph->nodes, &graph->capacity, (size_t)graph->count + 1, sizeof *graph->nodes);
    node->def = def;
    node->graph = graph;
    node->index = graph->count;
    graph->nodes[graph->count++] = node;
    return node;
}

bool op_is_leaf(const Node *node)
{
    return node->def == &op_input || node->def == &op_param || node->def == &op_constant ||
           node->def == &op_variable;
}

static Node *add_leaf(Graph *graph, const OpDef *def, const char *name, DType dtype, Shape shape)
{
    int64_t count, bytes;
    if (mel_err_is_set(&graph->err)) return NULL;
    if (!mel_shape_bytes(&shape, dtype, &count, &bytes))
        return mel_graph_fail(graph, "%s '%s' has an impossible shape", def->name,
                              name ? name : "");
    Node *node = add_node(graph, def);
    node->name = mel_arena_strdup(&graph->arena, name);
    node->dtype = dtype;
    node->shape = shape;
    node->constant = def == &op_param || def == &op_constant;
    return node;
}

Node *mel_graph_input(Graph *graph, const char *name, DType dtype, Shape shape)
{
    return add_leaf(graph, &op_input, name, dtype, shape);
}

Node *mel_graph_constant(Graph *graph, DType dtype, Shape shape, const void *data)
{
    MEL_ASSERT(dtype == DTYPE_F32 || dtype == DTYPE_I32);
    Node *node = add_leaf(graph, &op_constant, NULL, dtype, shape);
    if (!node) return NULL;
    size_t bytes = (size_t)mel_shape_count(&shape) * mel_dtype_size(dtype);
    void *copy = mel_arena_alloc(&graph->arena, bytes ? bytes : 1);
    memcpy(copy, data, bytes);
    node->data = copy;
    return node;
}

Node *mel_graph_number(Graph *graph, double value)
{
    float number = (float)value;
    return mel_graph_constant(graph, DTYPE_F32, (Shape){0}, &number);
}

void mel_graph_push(Graph *graph, const char *format, ...)
{
    char text[128];
    va_list args;
    mel_grow(&graph->marks, &graph->mark_capacity, (size_t)graph->depth + 1, sizeof *graph->marks);
    graph->marks[graph->depth++] = graph->prefix.length;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mel_str_add(&graph->prefix, text);
}

void mel_graph_pop(Graph *graph)
{
    MEL_ASSERT(graph->depth > 0);
    graph->prefix.length = graph->marks[--graph->depth];
    if (graph->prefix.text) graph->prefix.text[graph->prefix.length] = '\0';
}

static Node *find_param(Graph *graph, const char *name)
{
    for (int i = 0; i < graph->param_count; i++)
        if (mel_equal(graph->params[i]->name, name)) return graph->params[i];
    return NULL;
}

static int find_variable(const Graph *graph, const char *name)
{
    for (int i = 0; i < graph->variable_count; i++)
        if (mel_equal(graph->variables[i]->name, name)) return i;
    return -1;
}

/* Its number among the variables, or -1 after an error. */
static int add_variable(Graph *graph, const char *name, Shape shape)
{
    int found = find_variable(graph, name);
    if (found >= 0) {
        if (mel_shape_equal(&graph->variables[found]->shape, &shape)) return found;
        mel_graph_fail(graph, "variable '%s' is used with two shapes", name);
        return -1;
    }
    Node *node = add_leaf(graph, &op_variable, name, DTYPE_F32, shape);
    if (!node) return -1;
    size_t wanted = (size_t)graph->variable_count + 1;
    mel_grow(&graph->variables, &graph->variable_capacity, wanted, sizeof(Node *));
    mel_grow(&graph->variable_values, &graph->variable_value_capacity, wanted, sizeof(Node *));
    graph->variables[graph->variable_count] = node;
    graph->variable_values[graph->variable_count] = node;
    return graph->variable_count++;
}

Node *mel_graph_variable(Graph *graph, const char *name, Shape shape)
{
    int i = mel_err_is_set(&graph->err) ? -1 : add_variable(graph, name, shape);
    return i < 0 ? NULL : graph->variables[i];
}

/* Norms and biases stay f32; what is multiplied takes the graph's type. */
static Node *trained_param(Graph *graph, const char *name, Shape shape)
{
    char *whole = mel_asprintf("%s%s", graph->trained_kind, name);
    int known = graph->variable_count, i = add_variable(graph, whole, shape);
    free(whole);
    if (i == known && shape.rank >= 2)
        graph->variable_values[i] = mel_op_cast(graph->variables[i], graph->float_type);
    if (i < 0) return NULL;
    Node *value = graph->variable_values[i];
    return graph->detach_params ? mel_op_detach(value) : value;
}

void mel_graph_detach_params(Graph *graph, bool on)
{
    graph->detach_params = on;
}

void mel_graph_train(Graph *graph, bool (*trained)(void *ctx, const char *name), void *ctx,
                     const char *kind)
{
    graph->trained_kind = kind;
    graph->trained = trained;
    graph->trained_ctx = ctx;
}

int mel_graph_variable_count(const Graph *graph)
{
    return graph->variable_count;
}

Node *mel_graph_variable_at(const Graph *graph, int i)
{
    return graph->variables[i];
}

bool mel_node_is_variable(const Node *node)
{
    return node && node->def == &op_variable;
}

const char *mel_node_name(const Node *node)
{
    return node && node->name ? node->name : "";
}

Node *mel_graph_segment(Graph *graph, Node *x)
{
    if (!x || op_is_leaf(x)) return x;
    if (graph->segment_count && graph->segments[graph->segment_count - 1] >= x->index) return x;
    mel_grow(&graph->segments, &graph->segment_capacity, (size_t)graph->segment_count + 1,
             sizeof *graph->segments);
    graph->segments[graph->segment_count++] = x->index;
    return x;
}

int mel_graph_milestone(Graph *graph)
{
    mel_grow(&graph->milestones, &graph->milestone_capacity, (size_t)graph->milestone_count + 1,
             sizeof *graph->milestones);
    graph->milestones[graph->milestone_count] = graph->count;
    return graph->milestone_count++;
}

void mel_graph_training(Graph *graph, bool on)
{
    graph->training = on;
}

bool mel_graph_is_training(const Graph *graph)
{
    return graph->training;
}

void mel_graph_recompute(Graph *graph, bool on)
{
    graph->recompute = on;
}

Node *mel_graph_param(Graph *graph, const char *name, Shape shape)
{
    if (mel_err_is_set(&graph->err)) return NULL;
    char *full = mel_asprintf("%s%s", mel_str_text(&graph->prefix), name);
    if (graph->trained && graph->trained(graph->trained_ctx, full)) {
        Node *value = trained_param(graph, full, shape);
        free(full);
        return value;
    }
    Node *node = find_param(graph, full);
    if (node && !mel_shape_equal(&node->shape, &shape))
        node = mel_graph_fail(graph, "parameter '%s' is used with two shapes", full);
    else if (!node && (node = add_leaf(graph, &op_param, full, DTYPE_F32, shape))) {
        mel_grow(&graph->params, &graph->param_capacity, (size_t)graph->param_count + 1,
                 sizeof *graph->params);
        graph->params[graph->param_count++] = node;
    }
    free(full);
    return node;
}

int mel_graph_param_count(const Graph *graph)
{
    return graph->param_count;
}

const char *mel_graph_param_name(const Graph *graph, int i)
{
    return graph->params[i]->name;
}

const Shape *mel_graph_param_shape(const Graph *graph, int i)
{
    return &graph->params[i]->shape;
}

Node *mel_graph_output(Graph *graph, const char *name, Node *node)
{
    if (!node) return NULL;
    if (op_is_leaf(node) || node->output) node = mel_op_affine(node, 1, 0); /* a value of its own */
    if (!node) return NULL;
    node->output = true;
    node->name = mel_arena_strdup(&graph->arena, name);
    return node;
}

const Shape *mel_node_shape(const Node *node)
{
    static const Shape none;
    return node ? &node->shape : &none;
}

int64_t mel_node_dim(const Node *node, int axis)
{
    if (!node) return 0;
    if (axis < 0) axis += node->shape.rank;
    return axis >= 0 && axis < node->shape.rank ? node->shape.dims[axis] : 0;
}

DType mel_node_dtype(const Node *node)
{
    return node ? node->dtype : DTYPE_F32;
}

static Node *refuse(Graph *graph, const OpDef *def, Node *const *in, int count, const Err *why)
{
    char text[SHAPE_TEXT_SIZE];
    Str shapes = {0};
    for (int i = 0; i < count; i++)
        mel_str_addf(&shapes, "%s%s", i ? ", " : "",
                     in[i] ? mel_shape_text(&in[i]->shape, text) : "none");
    mel_graph_fail(graph, "%s%s of %s: %s", mel_str_text(&graph->prefix), def->name,
                   mel_str_text(&shapes), why->message);
    mel_str_clear(&shapes);
    return NULL;
}

Node *op_node(Graph *graph, const OpDef *def, const void *attrs, Node *const *in, int count,
              int needed)
{
    MEL_ASSERT(count <= OP_INPUTS_MAX);
    if (!graph || mel_err_is_set(&graph->err)) return NULL;
    for (int i = 0; i < needed; i++)
        if (!in[i]) return mel_graph_fail(graph, "%s: input %d is missing", def->name, i);
    Err err = {0};
    Node draft = {.def = def, .graph = graph, .in_count = count, .constant = count > 0};
    for (int i = 0; i < count; i++) {
        draft.in[i] = in[i];
        if (in[i] && !in[i]->constant) draft.constant = false;
    }
    draft.attrs = attrs;
    if (!def->infer(&draft, &err)) return refuse(graph, def, in, count, &err);
    int64_t elements, bytes;
    if (!mel_shape_bytes(&draft.shape, DTYPE_F64, &elements, &bytes)) {
        mel_err(&err, ERR_LIMIT, "the result is too large");
        return refuse(graph, def, in, count, &err);
    }
    void *copy = mel_arena_alloc(&graph->arena, def->attrs_size ? def->attrs_size : 1);
    if (def->attrs_size) memcpy(copy, attrs, def->attrs_size);
    Node *node = add_node(graph, def);
    draft.index = node->index;
    draft.attrs = copy;
    *node = draft;
    return node;
}
