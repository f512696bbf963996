/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products, and the linear layer, which is one with published weights. */
#include "engine/onednn.h"
#include "engine/op.h"
#include "engine/ops/attrs.h"

static int64_t leading(const Shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank - 2; i++)
        count *= shape->dims[i];
    return count;
}

ProductSizes op_matmul_sizes(const Node *node)
{
    const MatmulAttrs *attrs = node->attrs;
    const Shape *x = &node->in[0]->shape, *y = &node->in[1]->shape;
    int64_t x_rows = x->dims[x->rank - 2], x_columns = x->dims[x->rank - 1];
    int64_t y_rows = y->dims[y->rank - 2], y_columns = y->dims[y->rank - 1];
    bool tx = attrs->transpose_x, ty = attrs->transpose_y, shared = y->rank == 2;
    ProductSizes p = {.batch = leading(x),
                      .m = tx ? x_columns : x_rows,
                      .k = tx ? x_rows : x_columns,
                      .n = ty ? y_rows : y_columns,
                      .x_batch = x_rows * x_columns,
                      .x_row = tx ? 1 : x_columns,
                      .x_column = tx ? x_columns : 1,
                      .y_batch = shared ? 0 : y_rows * y_columns,
                      .y_row = ty ? 1 : y_columns,
                      .y_column = ty ? y_columns : 1};
    if (shared && !tx) { /* the batch is further rows */
        p.m *= p.batch;
        p.batch = 1;
    }
    return p;
}

static bool matmul_infer(Node *node, Err *err)
{
    const MatmulAttrs *attrs = node->attrs;
    const Shape *x = &node->in[0]->shape, *y = &node->in[1]->shape;
    if (x->rank < 2 || y->rank < 2) return mel_err(err, ERR_USAGE, "it wants matrices");
    if (y->rank > 2) {
        Shape a = *x, b = *y;
        a.rank -= 2;
        b.rank -= 2;
        if (!mel_shape_equal(&a, &b)) return mel_err(err, ERR_USAGE, "the leading axes differ");
    }
    int64_t rows = x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
    int64_t inner_x = attrs->transpose_x ? rows : columns;
    int64_t inner_y = y->dims[y->rank - (attrs->transpose_y ? 1 : 2)];
    if (inner_x != inner_y) return mel_err(err, ERR_USAGE, "the inner sizes differ");
    if (node->in[0]->dtype != node->in[1]->dtype && !node->in[1]->constant)
        return mel_err(err, ERR_USAGE, "the types differ");
    node->shape = *x;
    node->shape.dims[x->rank - 2] = attrs->transpose_x ? columns : rows;
    node->shape.dims[x->rank - 1] = y->dims[y->rank - (attrs->transpose_y ? 2 : 1)];
    node->dtype = node->in[0]->dtype;
    return true;
}

/* Of `inputs`: x, y, and a linear layer's bias and what is added, or NULL. */
static void multiply(const ProductSizes *p, const void *const inputs[4], double *out)
{
    const double *x = inputs[0], *y = inputs[1], *bias = inputs[2], *added = inputs[3];
    for (int64_t b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) {
                double sum = bias ? bias[j] : 0;
                for (int64_t k = 0; k < p->k; k++)
                    sum += x[b * p->x_batch + i * p->x_row + k * p->x_column] *
                           y[b * p->y_batch + k * p->y_row + j * p->y_column];
                int64_t at = (b * p->m + i) * p->n + j;
                out[at] = sum + (added ? added[at] : 0);
            }
}

static void matmul_reference(const Call *call)
{
    ProductSizes p = op_matmul_sizes(call->node);
    multiply(&p, call->in, call->out);
}

/* The kernel of a product; `weights`, where known, are packed into it. */
static bool prepare_product(Prepare *prepare, const ProductSizes *p, Err *err)
{
    const Node *node = prepare->node;
    bool known = prepare->weights[1].data && (p->batch == 1 || p->y_batch == 0);
    DnnMatmul matmul = {
        .batch = p->batch,
        .m = p->m,
        .n = p->n,
        .k = p->k,
        .x_strides = {p->x_batch, p->x_row, p->x_column},
        .w_strides = {p->y_batch, p->y_row, p->y_column},
        .w_repeats = p->y_batch == 0,
        .bias = node->in[2] != NULL,
        .added = node->in[3] != NULL,
        .dtype = node->dtype,
        .weights = known ? &prepare->weights[1] : NULL
    };
    DnnKernel *kernel;
    if (!known && node->in[1]->dtype != node->dtype)
        return mel_err(err, ERR_USAGE, "weights of another type than the values");
    if (matmul.w_repeats) matmul.w_strides[0] = p->k * p->n;
    if (!dnn_matmul_new(&matmul, &kernel, err)) return false;
    prepare->packed[1] = known;
    prepare->state = kernel;
    prepare->free_state = dnn_free;
    prepare->scratch_bytes = dnn_scratch_bytes(kernel);
    return true;
}

static bool matmul_prepare(Prepare *prepare, Err *err)
{
    ProductSizes p = op_matmul_sizes(prepare->node);
    return prepare_product(prepare, &p, err);
}

static void product_cpu(const Call *call)
{
    const DnnArrays arrays = {.x = call->in[0],
                              .w = call->in[1],
                              .bias = call->in[2],
                              .added = call->in[3],
                              .out = call->out};
    dnn_run(call->state, &arrays, call->scratch);
}

/* Rows of all of the batch as one matrix. */
static Node *as_rows(Node *x)
{
    return mel_op_reshape(x, SHAPE(-1, mel_node_dim(x, -1)));
}

static void matmul_gradient(const Node *node, Node *dy, Node **dx)
{
    const MatmulAttrs *attrs = node->attrs;
    Node *x = node->in[0], *y = node->in[1];
    bool tx = attrs->transpose_x, ty = attrs->transpose_y;
    if (!tx) {
        dx[0] = mel_op_matmul(dy, y, false, !ty);
    } else {
        Node *all = y; /* y stands first: it needs x's leading axes */
        if (y->shape.rank == 2 && x->shape.rank > 2) {
            Shape shape = x->shape;
            shape.dims[shape.rank - 2] = y->shape.dims[0];
            shape.dims[shape.rank - 1] = y->shape.dims[1];
            all = mel_op_broadcast(y, shape);
        }
        dx[0] = mel_op_matmul(all, dy, ty, true);
    }
    if (y->shape.rank == 2 && !tx) {
        x = as_rows(x);
        dy = as_rows(dy);
    }
    dx[1] = ty ? mel_op_matmul(dy, x, true, tx) : mel_op_matmul(x, dy, !tx, false);
    dx[1] = mel_op_sum_to(dx[1], y->shape);
}

Node *mel_op_matmul(Node *x, Node *y, bool transpose_x, bool transpose_y)
{
    const MatmulAttrs attrs = {.transpose_x = transpose_x, .transpose_y = transpose_y};
    Node *in[] = {x, y};
    return op_node(op_graph(x), &op_matmul, &attrs, in, 2, 2);
}

static void matmul_samples(SampleSink *sink)
{
    for (int t = 0; t < 4; t++) {
        bool tx = t & 1, ty = t & 2;
        Shape x = tx ? SHAPE(7, 5) : SHAPE(5, 7), y = ty ? SHAPE(9, 7) : SHAPE(7, 9);
        Shape xs = tx ? SHAPE(2, 3, 7, 5) : SHAPE(2, 3, 5, 7);
        Shape ys = ty ? SHAPE(2, 3, 9, 7) : SHAPE(2, 3, 7, 9);
        Node *a = sample_input(sink, 1, 0, x), *b = sample_input(sink, 1, 0, y);
        sample_check(sink, "matrices", mel_op_matmul(a, b, tx, ty));
        a = sample_input(sink, 1, 0, xs), b = sample_input(sink, 1, 0, ys);
        sample_check(sink, "batches", mel_op_matmul(a, b, tx, ty));
        a = sample_input(sink, 1, 0, xs), b = sample_input(sink, 1, 0, y);
        sample_check(sink, "one for all", mel_op_matmul(a, b, tx, ty));
    }
}

const OpDef op_matmul = {
    .name = "matmul",
    .attrs_size = sizeof(MatmulAttrs),
    .infer = matmul_infer,
    .reference = matmul_reference,
    .gradient = matmul_gradient,
    .cpu_prepare = matmul_prepare,
    .cpu_run = product_cpu,
    .samples = matmul_samples,
};

/* ---- linear --------------------------------------------------------------------------------- */

ProductSizes op_linear_sizes(const Node *node)
{
    const Shape *w = &node->in[1]->shape;
    int64_t n = w->dims[0], k = w->dims[1], m = mel_shape_count(&node->shape) / (n ? n : 1);
    return (ProductSizes){.batch = 1,
                          .m = m,
                          .n = n,
                          .k = k,
                          .x_batch = m * k,
                          .x_row = k,
                          .x_column = 1,
                          .y_batch = n * k,
                          .y_row = 1,
                          .y_column = k};
}

static bool linear_infer(Node *node, Err *err)
{
    const Shape *x = &node->in[0]->shape, *w = &node->in[1]->shape;
    if (x->rank < 1 || w->rank != 2 || x->dims[x->rank - 1] != w->dims[1])
        return mel_err(err, ERR_USAGE, "the weights do not fit the last axis");
    if (node->in[2] && (node->in[2]->shape.rank != 1 || node->in[2]->shape.dims[0] != w->dims[0]))
        return mel_err(err, ERR_USAGE, "the bias does not fit the weights");
    node->shape = *x;
    node->shape.dims[x->rank - 1] = w->dims[0];
    node->dtype = node->in[0]->dtype;
    const Node *added = node->in[3];
    return !added ||
           (added->dtype == node->dtype && mel_shape_equal(&added->shape, &node->shape)) ||
           mel_err(err, ERR_USAGE, "what is added has another shape or type");
}

static void linear_reference(const Call *call)
{
    ProductSizes p = op_linear_sizes(call->node);
    multiply(&p, call->in, call->out);
}

static bool linear_prepare(Prepare *prepare, Err *err)
{
    ProductSizes p = op_linear_sizes(prepare->node);
    return prepare_product(prepare, &p, err);
}

static void linear_gradient(const Node *node, Node *dy, Node **dx)
{
    Node *rows = as_rows(dy);
    dx[0] = mel_op_matmul(dy, node->in[1], false, false);
    dx[1] = mel_op_matmul(rows, as_rows(node->in[0]), true, false);
    if (node->in[2]) dx[2] = mel_op_sum_to(rows, node->in[2]->shape);
    if (node->in[3]) dx[3] = dy;
}

Node *mel_op_linear(Node *x, Node *weight, Node *bias)
{
    return mel_op_linear_add(x, weight, bias, NULL);
}

Node *mel_op_linear_add(Node *x, Node *weight, Node *bias, Node *added)
{
    if (bias && mel_node_dtype(bias) != DTYPE_F32) bias = mel_op_cast(bias, DTYPE_F32);
    Node *in[] = {x, weight, bias, added};
    return op_node(op_graph(x), &op_linear, NULL, in, 4, 2);
}

static void linear_samples(SampleSink *sink)
{
    Node *x = sample_input(sink, 1, 0, SHAPE(2, 3, 8));
    Node *w = sample_input(sink, 1, 0, SHAPE(5, 8)), *b = sample_input(sink, 1, 0, SHAPE(5));
    sample_check(sink, "bias", mel_op_linear(x, w, b));
    x = sample_input(sink, 1, 0, SHAPE(1, 40)), w = sample_input(sink, 1, 0, SHAPE(33, 40));
    sample_check(sink, "one row", mel_op_linear(x, w, NULL));
    x = sample_input(sink, 1, 0, SHAPE(70, 96));
    float fixed[64 * 96], bias[64];
    for (int i = 0; i < 64 * 96; i++)
        fixed[i] = (float)((i * 7919) % 64 - 32) / 64.0F;
    for (int i = 0; i < 64; i++)
        bias[i] = (float)(i - 32) / 8.0F;
    w = mel_graph_constant(sample_graph(sink), DTYPE_F32, SHAPE(64, 96), fixed);
    b = mel_graph_constant(sample_graph(sink), DTYPE_F32, SHAPE(64), bias);
    sample_check(sink, "packed", mel_op_linear(x, w, b));
    x = sample_input(sink, 1, 0, SHAPE(70, 96));
    w = mel_graph_constant(sample_graph(sink), DTYPE_F32, SHAPE(64, 96), fixed);
    b = mel_graph_constant(sample_graph(sink), DTYPE_F32, SHAPE(64), bias);
    Node *more = sample_input(sink, 1, 0, SHAPE(70, 64));
    sample_check(sink, "packed, added", mel_op_linear_add(x, w, b, more));
    x = sample_input(sink, 1, 0, SHAPE(2, 3, 8)), w = sample_input(sink, 1, 0, SHAPE(5, 8));
    more = sample_input(sink, 1, 0, SHAPE(2, 3, 5));
    sample_check(sink, "added", mel_op_linear_add(x, w, NULL, more));
}

const OpDef op_linear = {
    .name = "linear",
    .infer = linear_infer,
    .reference = linear_reference,
    .gradient = linear_gradient,
    .cpu_prepare = linear_prepare,
    .cpu_run = product_cpu,
    .samples = linear_samples,
};
