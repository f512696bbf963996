/* SPDX-License-Identifier: Apache-2.0
 *
 * A computation as a graph of operations (ops.h), built once for given shapes. A node is the value
 * that an operation gives. Building never fails half-way: the first error stays in the graph, every
 * further builder returns NULL, and planning reports it; so a network reads like its formula. */
#ifndef MEL_ENGINE_GRAPH_H
#define MEL_ENGINE_GRAPH_H

#include "engine/tensor.h"

typedef struct Graph Graph;
typedef struct Node Node;

/* float_type is that of the activations: DTYPE_F32, or DTYPE_BF16. */
Graph *mel_graph_new(DType float_type);
DType mel_graph_float_type(const Graph *graph);
void mel_graph_free(Graph *graph); /* its nodes too; NULL is fine */

/* What is given at each run. dtype: DTYPE_I32, mel_graph_float_type, or DTYPE_F32 for what must not
 * be rounded. */
Node *mel_graph_input(Graph *graph, const char *name, DType dtype, Shape shape);

/* A trained number array, found by its name when the graph is planned. With a prefix pushed, names
 * continue it: push "up_blocks.0." … pop. */
Node *mel_graph_param(Graph *graph, const char *name, Shape shape);
void mel_graph_push(Graph *graph, const char *format, ...) MEL_PRINTF(2, 3);
void mel_graph_pop(Graph *graph);

/* An f32 array that outlives a run and is changed by it (variables.h). Asked for by its whole name.
 */
Node *mel_graph_variable(Graph *graph, const char *name, Shape shape);

/* From now on, parameters for whose whole names `trained` answers true are variables, called
 * `kind`, which must live on, and then their names. In a graph of bf16 their matrices are rounded
 * where they are used. NULL for none. */
void mel_graph_train(Graph *graph, bool (*trained)(void *ctx, const char *name), void *ctx,
                     const char *kind);

/* From now on such variables are asked for as if they were fixed: what is built of them has a
 * gradient, they get none of it. */
void mel_graph_detach_params(Graph *graph, bool on);

/* Whether layers that behave otherwise in training do so: batch norms take their batch's statistics
 * and let the running ones, where they are variables, follow. */
void mel_graph_training(Graph *graph, bool on);
bool mel_graph_is_training(const Graph *graph);

/* The variables in the order in which the graph asked for them. */
int mel_graph_variable_count(const Graph *graph);
Node *mel_graph_variable_at(const Graph *graph, int i);
const char *mel_node_name(const Node *node); /* of a variable; never NULL */
bool mel_node_is_variable(const Node *node);

/* A fixed array; the data (f32, or i32 for DTYPE_I32) is copied. */
Node *mel_graph_constant(Graph *graph, DType dtype, Shape shape, const void *data);
Node *mel_graph_number(Graph *graph, double value); /* shape [] */

/* Marks a value as one that is read after a run. Returns it. */
Node *mel_graph_output(Graph *graph, const char *name, Node *node);

/* Ends a segment of the graph at x, which it returns. Where recomputation is switched on before the
 * gradients are built, of each segment only such ends are kept until they are needed; what lies
 * between is computed again (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016).
 */
Node *mel_graph_segment(Graph *graph, Node *x);
void mel_graph_recompute(Graph *graph, bool on);

/* Marks how far the building has come: a run that is past it has computed all that was built
 * before (plan.h: mel_plan_on_passed). Returns its number, from 0. */
int mel_graph_milestone(Graph *graph);

/* d loss / d wrt[i] into out[i], for a loss of one element: further nodes, built by the operations'
 * own gradients. NULL where the loss does not depend on wrt[i]. */
void mel_graph_gradients(Graph *graph, Node *loss, Node *const *wrt, int count, Node **out);

/* The same, each gradient told as soon as it is complete, so that what is built from it there lets
 * it die early. */
typedef void GradientVisit(void *ctx, int i, Node *gradient);
void mel_graph_each_gradient(Graph *graph, Node *loss, Node *const *wrt, int count,
                             GradientVisit *visit, void *ctx);

/* Zeroes for NULL, as after an error. */
const Shape *mel_node_shape(const Node *node);
int64_t mel_node_dim(const Node *node, int axis); /* from the end when negative */
DType mel_node_dtype(const Node *node);

/* The first error; what a builder of a network says when its own arguments are wrong. */
bool mel_graph_ok(const Graph *graph, Err *err);
Node *mel_graph_fail(Graph *graph, const char *format, ...) MEL_PRINTF(2, 3);

/* The parameters in the order in which the graph asked for them. */
int mel_graph_param_count(const Graph *graph);
const char *mel_graph_param_name(const Graph *graph, int i);
const Shape *mel_graph_param_shape(const Graph *graph, int i);

#endif
