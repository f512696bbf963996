/* SPDX-License-Identifier: Apache-2.0
 *
 * Reverse mode: the graph of a gradient, from the gradients of the operations. */
#include "engine/graph_internal.h"

#include <stdlib.h>

/* Which nodes lie between a wanted one and the loss. */
static bool *mark_needed(const Graph *graph, Node *const *wrt, int count)
{
    bool *needed = mel_alloc((size_t)graph->count * sizeof *needed);
    for (int i = 0; i < count; i++)
        if (wrt[i]) needed[wrt[i]->index] = true;
    for (int i = 0; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->in_count; k++) {
            const Node *in = graph->nodes[i]->in[k];
            if (in && needed[in->index]) needed[i] = true;
        }
    return needed;
}

static void add_to(Node **sum, Node *term)
{
    if (term) *sum = *sum ? mel_op_add(*sum, term) : term;
}

void mel_graph_gradients(Graph *graph, Node *loss, Node *const *wrt, int count, Node **out)
{
    for (int i = 0; i < count; i++)
        out[i] = NULL;
    if (!loss || mel_err_is_set(&graph->err)) return;
    if (mel_shape_count(&loss->shape) != 1) {
        mel_graph_fail(graph, "a loss is one number");
        return;
    }
    int last = loss->index;
    bool *needed = mark_needed(graph, wrt, count);
    Node **slope = mel_alloc(((size_t)last + 1) * sizeof(Node *)); /* d loss / d node */
    slope[last] = mel_op_broadcast(mel_graph_number(graph, 1), loss->shape);
    for (int i = last; i >= 0; i--) {
        const Node *node = graph->nodes[i];
        if (!slope[i] || !needed[i] || !node->def->gradient) continue;
        Node *dx[OP_INPUTS_MAX] = {0};
        node->def->gradient(node, slope[i], dx);
        for (int k = 0; k < node->in_count; k++)
            if (node->in[k] && needed[node->in[k]->index])
                add_to(&slope[node->in[k]->index], dx[k]);
    }
    for (int i = 0; i < count; i++)
        if (wrt[i] && wrt[i]->index <= last) out[i] = slope[wrt[i]->index];
    free(slope);
    free(needed);
}
