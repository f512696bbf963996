/* SPDX-License-Identifier: Apache-2.0
 *
 * Reverse mode: the graph of a gradient, from the gradients of the operations. With recomputation
 * the way back meets copies of a segment's nodes, made when it arrives there, in place of the nodes
 * themselves: so these die on the way forth. */
#include "engine/graph_internal.h"

#include <stdlib.h>

typedef struct Backward {
    Graph *graph;
    int last;     /* the loss: the nodes up to it are the forward pass */
    bool *needed; /* which nodes lie between a wanted one and the loss */
    Node **slope; /* d loss / d node, so far */
    Node **again; /* of recomputed nodes the copy, else NULL */
    int segment;  /* of graph->segments: the end of the segment before the one at hand, or -1 */
} Backward;

static bool *mark_needed(const Graph *graph, Node *const *wrt, int count)
{
    bool *needed = mel_alloc((size_t)graph->count * sizeof *needed);
    for (int i = 0; i < count; i++)
        if (wrt[i]) needed[wrt[i]->index] = true;
    for (int i = 0; i < graph->count; i++) {
        const Node *node = graph->nodes[i];
        for (int k = 0; k < node->in_count && node->def->gradient; k++)
            if (node->in[k] && needed[node->in[k]->index]) needed[i] = true;
    }
    return needed;
}

/* A slope has the type of what it is of. */
static void add_to(Node **sum, Node *term, DType dtype)
{
    if (!term) return;
    term = mel_op_cast(term, dtype);
    *sum = *sum ? mel_op_add(*sum, term) : term;
}

/* The value of a forward node as the way back shall read it. */
static Node *value_of(const Backward *b, Node *node)
{
    return node && b->again[node->index] ? b->again[node->index] : node;
}

static void copy_segment(Backward *b, int from, int to)
{
    for (int i = from; i < to; i++) {
        const Node *node = b->graph->nodes[i];
        if (!b->needed[i] || op_is_leaf(node) || node->output) continue;
        Node *in[OP_INPUTS_MAX];
        for (int k = 0; k < node->in_count; k++)
            in[k] = value_of(b, node->in[k]);
        b->again[i] = op_node(b->graph, node->def, node->attrs, in, node->in_count, 0);
    }
}

/* Called at every node on the way back: at the end of a segment its inside is copied. The end
 * itself is kept. */
static void enter(Backward *b, int i)
{
    const Graph *graph = b->graph;
    if (!graph->recompute || b->segment < 0 || i != graph->segments[b->segment]) return;
    b->segment--;
    int from = b->segment >= 0 ? graph->segments[b->segment] + 1 : 0;
    copy_segment(b, from, i);
}

/* The node whose gradient is asked for: with inputs as the way back reads them. */
static const Node *seen_from_behind(const Backward *b, const Node *node)
{
    bool same = true;
    if (b->again[node->index]) return b->again[node->index];
    for (int k = 0; k < node->in_count; k++)
        same = same && value_of(b, node->in[k]) == node->in[k];
    if (same) return node;
    Node *stand_in = mel_arena_alloc(&b->graph->arena, sizeof *stand_in);
    *stand_in = *node;
    for (int k = 0; k < node->in_count; k++)
        stand_in->in[k] = value_of(b, node->in[k]);
    return stand_in;
}

static void go_back(Backward *b, int i)
{
    const Node *node = b->graph->nodes[i];
    Node *dx[OP_INPUTS_MAX] = {0};
    if (!b->slope[i] || !b->needed[i] || !node->def->gradient) return;
    node->def->gradient(seen_from_behind(b, node), b->slope[i], dx);
    for (int k = 0; k < node->in_count; k++)
        if (node->in[k] && b->needed[node->in[k]->index])
            add_to(&b->slope[node->in[k]->index], dx[k], node->in[k]->dtype);
}

void mel_graph_each_gradient(Graph *graph, Node *loss, Node *const *wrt, int count,
                             GradientVisit *visit, void *ctx)
{
    if (!loss || mel_err_is_set(&graph->err)) return;
    if (mel_shape_count(&loss->shape) != 1) {
        mel_graph_fail(graph, "a loss is one number");
        return;
    }
    size_t nodes = (size_t)loss->index + 1;
    Backward b = {.graph = graph,
                  .last = loss->index,
                  .needed = mark_needed(graph, wrt, count),
                  .slope = mel_alloc(nodes * sizeof(Node *)),
                  .again = mel_alloc(nodes * sizeof(Node *)),
                  .segment = graph->segment_count - 1};
    while (b.segment >= 0 && graph->segments[b.segment] > b.last)
        b.segment--;
    int *wanted = mel_alloc(nodes * sizeof *wanted); /* 1 + which of wrt a node is, or 0 */
    for (int i = 0; i < count; i++)
        if (wrt[i] && wrt[i]->index <= b.last) wanted[wrt[i]->index] = i + 1;
    Node *one = mel_op_cast(mel_graph_number(graph, 1), loss->dtype);
    b.slope[b.last] = mel_op_broadcast(one, loss->shape);
    for (int i = b.last; i >= 0 && !mel_err_is_set(&graph->err); i--) {
        enter(&b, i);
        if (wanted[i] && b.slope[i]) visit(ctx, wanted[i] - 1, b.slope[i]);
        go_back(&b, i);
    }
    free(wanted);
    free(b.again);
    free(b.slope);
    free(b.needed);
}

static void keep_gradient(void *ctx, int i, Node *gradient)
{
    ((Node **)ctx)[i] = gradient;
}

void mel_graph_gradients(Graph *graph, Node *loss, Node *const *wrt, int count, Node **out)
{
    for (int i = 0; i < count; i++)
        out[i] = NULL;
    mel_graph_each_gradient(graph, loss, wrt, count, keep_gradient, out);
}
