/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a table by their numbers, and the way back: sums of rows. */
#include "engine/op.h"

#include <string.h>

static int64_t width_of(const Node *node)
{
    return node->shape.dims[node->shape.rank - 1];
}

static bool embedding_infer(Node *node, Err *err)
{
    const Shape *table = &node->in[0]->shape, *ids = &node->in[1]->shape;
    if (table->rank != 2 || node->in[1]->dtype != DTYPE_I32 || ids->rank >= RANK_MAX)
        return mel_err(err, ERR_USAGE, "it wants a table [N, C] and ids of i32");
    node->shape = *ids;
    node->shape.dims[node->shape.rank++] = table->dims[1];
    node->dtype = mel_graph_float_type(node->graph);
    return true;
}

/* Where the row of an id lies, or NULL. */
static const char *row_at(const Call *call, int64_t i, size_t row_bytes)
{
    int64_t id = ((const int32_t *)call->in[1])[i];
    bool inside = id >= 0 && id < call->node->in[0]->shape.dims[0];
    return inside ? (const char *)call->in[0] + (size_t)id * row_bytes : NULL;
}

static void embedding_reference(const Call *call)
{
    size_t row_bytes = (size_t)width_of(call->node) * sizeof(double);
    for (int64_t i = 0; i < mel_shape_count(&call->node->in[1]->shape); i++) {
        const char *row = row_at(call, i, row_bytes);
        char *to = (char *)call->out + (size_t)i * row_bytes;
        if (row)
            memcpy(to, row, row_bytes);
        else
            memset(to, 0, row_bytes);
    }
}

static void embedding_cpu(const Call *call)
{
    const Node *node = call->node;
    DType from = node->in[0]->dtype, to = node->dtype;
    int64_t width = width_of(node), count = mel_shape_count(&node->in[1]->shape);
    size_t bytes = (size_t)width * mel_dtype_size(to);
#pragma omp parallel for schedule(static) if (count * width > 16384)
    for (int64_t i = 0; i < count; i++) {
        const char *row = row_at(call, i, (size_t)width * mel_dtype_size(from));
        char *out = (char *)call->out + (size_t)i * bytes;
        if (row)
            mel_convert(row, from, out, to, width);
        else
            memset(out, 0, bytes);
    }
}

static void embedding_gradient(const Node *node, Node *dy, Node **dx)
{
    Node *in[] = {dy, node->in[1], node->in[0]};
    dx[0] = op_node(node->graph, &op_embedding_grad, NULL, in, 3, 3);
}

Node *mel_op_embedding(Node *table, Node *ids)
{
    Node *in[] = {table, ids};
    return op_node(op_graph(table), &op_embedding, NULL, in, 2, 2);
}

static void embedding_samples(SampleSink *sink)
{
    Node *table = sample_input(sink, 1, 0, SHAPE(6, 5));
    Node *ids = sample_ids(sink, 8, SHAPE(3, 7)); /* some outside */
    sample_check(sink, "rows", mel_op_embedding(table, ids));
    table = sample_input(sink, 1, 0, SHAPE(50, 300)), ids = sample_ids(sink, 50, SHAPE(90));
    sample_check(sink, "many", mel_op_embedding(table, ids));
    table = sample_input(sink, 1, 0, SHAPE(40, 16)), ids = sample_ids(sink, 20, SHAPE(13));
    sample_check(sink, "large table", mel_op_embedding(table, ids));
    table = sample_input(sink, 1, 0, SHAPE(2, 3)), ids = sample_ids(sink, 3, SHAPE(2101));
    sample_check(sink, "small table", mel_op_embedding(table, ids));
}

const OpDef op_embedding = {
    .name = "embedding",
    .infer = embedding_infer,
    .reference = embedding_reference,
    .gradient = embedding_gradient,
    .cpu_run = embedding_cpu,
    .samples = embedding_samples,
};

/* ---- the gradient: each row of the table gets the sum of what its id stood for ----------------
 */

static bool grad_infer(Node *node, Err *err)
{
    (void)err;
    node->shape = node->in[2]->shape;
    node->dtype = DTYPE_F32;
    return true;
}

static void grad_reference(const Call *call)
{
    const Node *node = call->node;
    int64_t width = width_of(node);
    double *out = call->out;
    memset(out, 0, (size_t)mel_shape_count(&node->shape) * sizeof *out);
    for (int64_t i = 0; i < mel_shape_count(&node->in[1]->shape); i++) {
        int64_t id = ((const int32_t *)call->in[1])[i];
        if (id < 0 || id >= node->shape.dims[0]) continue;
        for (int64_t c = 0; c < width; c++)
            out[id * width + c] += ((const double *)call->in[0])[i * width + c];
    }
}

/* Threads share the columns, not the ids: each sum has one order. */
static void grad_cpu(const Call *call)
{
    const Node *node = call->node;
    enum { COLUMNS = 64 };
    DType dtype = node->in[0]->dtype;
    int64_t width = width_of(node), count = mel_shape_count(&node->in[1]->shape);
    float *out = call->out;
    memset(out, 0, (size_t)mel_shape_count(&node->shape) * sizeof *out);
#pragma omp parallel for schedule(static) if (count * width > 16384)
    for (int64_t first = 0; first < width; first += COLUMNS) {
        float row[COLUMNS];
        int64_t n = width - first < COLUMNS ? width - first : COLUMNS;
        for (int64_t i = 0; i < count; i++) {
            int64_t id = ((const int32_t *)call->in[1])[i], at = i * width + first;
            if (id < 0 || id >= node->shape.dims[0]) continue;
            mel_convert((const char *)call->in[0] + (size_t)at * mel_dtype_size(dtype), dtype, row,
                        DTYPE_F32, n);
            for (int64_t c = 0; c < n; c++)
                out[id * width + first + c] += row[c];
        }
    }
}

const OpDef op_embedding_grad = {
    .name = "embedding gradient",
    .infer = grad_infer,
    .reference = grad_reference,
    .cpu_run = grad_cpu,
};
