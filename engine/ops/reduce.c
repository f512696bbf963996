/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over axes, and their transpose: repeating along axes. */
#include "engine/ops/attrs.h"
#include "engine/ops/simd.h"
#include "engine/ops/strided.h"

static bool repeats_to(const Shape *small, const Shape *large)
{
    Shape joined;
    return shape_broadcast(small, large, &joined) && mel_shape_equal(&joined, large);
}

static bool sum_infer(Node *node, Err *err)
{
    const ShapeAttrs *attrs = node->attrs;
    node->shape = attrs->shape;
    node->dtype = node->in[0]->dtype;
    if (!mel_dtype_is_float(node->dtype)) return mel_err(err, ERR_USAGE, "it wants floating point");
    return repeats_to(&attrs->shape, &node->in[0]->shape) ||
           mel_err(err, ERR_USAGE, "the input is not a repetition of the result's shape");
}

static void add_axis(Strided *walk, int64_t dim, int64_t out_stride, int64_t in_stride)
{
    walk->dims[walk->rank] = dim;
    walk->strides[0][walk->rank] = out_stride;
    walk->strides[1][walk->rank++] = in_stride;
}

SumWalks op_sum_walks(const Node *node)
{
    SumWalks walks = {.kept = {.operands = 2}, .summed = {.operands = 2}};
    const Shape *in = &node->in[0]->shape;
    int64_t to[RANK_MAX], from[RANK_MAX];
    int lead = in->rank - node->shape.rank;
    strided_broadcast(&node->shape, in, to);
    strided_contiguous(in, from);
    for (int i = 0; i < in->rank; i++) {
        bool summed = i < lead || (node->shape.dims[i - lead] == 1 && in->dims[i] != 1);
        add_axis(summed ? &walks.summed : &walks.kept, in->dims[i], to[i], from[i]);
    }
    strided_fold(&walks.kept);
    strided_fold(&walks.summed);
    return walks;
}

static void sum_reference(const Call *call)
{
    SumWalks walks = op_sum_walks(call->node);
    const double *in = call->in[0];
    double *out = call->out;
    int64_t kept_step = walks.kept.strides[1][walks.kept.rank - 1];
    int64_t step = walks.summed.strides[1][walks.summed.rank - 1];
    for (int64_t k = 0; k < strided_pieces(&walks.kept); k++) {
        StridedPiece results = strided_piece(&walks.kept, k);
        for (int64_t j = 0; j < results.count; j++) {
            double sum = 0;
            for (int64_t s = 0; s < strided_pieces(&walks.summed); s++) {
                StridedPiece piece = strided_piece(&walks.summed, s);
                for (int64_t i = 0; i < piece.count; i++)
                    sum += in[results.offset[1] + j * kept_step + piece.offset[1] + i * step];
            }
            out[results.offset[0] + j] = sum;
        }
    }
}

MEL_CLONES static void add_row(double *sums, const float *row, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sums[i] += row[i];
}

MEL_CLONES static double sum_row(const float *row, int64_t n)
{
    double lanes[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            lanes[k] += row[i + k];
    double sum = 0;
    for (; i < n; i++)
        sum += row[i];
    for (int k = 0; k < 8; k++)
        sum += lanes[k];
    return sum;
}

/* Results side by side in memory: whole rows are added. */
static void sum_columns(const Call *call, const SumWalks *walks, StridedPiece results)
{
    const Node *node = call->node;
    DType in_type = node->in[0]->dtype;
    int64_t step = walks->summed.strides[1][walks->summed.rank - 1];
    for (int64_t at = 0; at < results.count; at += SIMD_CHUNK) {
        double sums[SIMD_CHUNK] = {0};
        float buffer[SIMD_CHUNK];
        int64_t left = results.count - at, count = left < SIMD_CHUNK ? left : SIMD_CHUNK;
        for (int64_t s = 0; s < strided_pieces(&walks->summed); s++) {
            StridedPiece piece = strided_piece(&walks->summed, s);
            for (int64_t i = 0; i < piece.count; i++) {
                int64_t from = results.offset[1] + at + piece.offset[1] + i * step;
                add_row(sums, simd_load(call->in[0], in_type, from, count, buffer), count);
            }
        }
        float *to = simd_target(call->out, node->dtype, results.offset[0] + at, buffer);
        for (int64_t i = 0; i < count; i++)
            to[i] = (float)sums[i];
        simd_store(call->out, node->dtype, results.offset[0] + at, count, buffer);
    }
}

/* One result, whose numbers lie side by side. */
static void sum_one(const Call *call, const SumWalks *walks, int64_t to, int64_t from)
{
    const Node *node = call->node;
    float buffer[SIMD_CHUNK];
    double sum = 0;
    int64_t step = walks->summed.strides[1][walks->summed.rank - 1];
    for (int64_t s = 0; s < strided_pieces(&walks->summed); s++) {
        StridedPiece piece = strided_piece(&walks->summed, s);
        int64_t stretch = step == 1 ? SIMD_CHUNK : 1;
        for (int64_t i = 0; i < piece.count; i += stretch) {
            int64_t count = piece.count - i < stretch ? piece.count - i : stretch;
            int64_t at = from + piece.offset[1] + i * step;
            sum += sum_row(simd_load(call->in[0], node->in[0]->dtype, at, count, buffer), count);
        }
    }
    *simd_target(call->out, node->dtype, to, buffer) = (float)sum;
    simd_store(call->out, node->dtype, to, 1, buffer);
}

/* ---- the sum of many rows, such as a bias' gradient ------------------------------------------ */

enum { ROW_BLOCKS = 16, ROW_WIDTH_MAX = 4 * SIMD_CHUNK };

/* Contiguous rows that are added: how many, or 0. */
static int64_t plain_rows(const SumWalks *walks)
{
    const Strided *kept = &walks->kept, *summed = &walks->summed;
    int64_t width = kept->dims[0];
    bool plain = kept->rank == 1 && summed->rank == 1 && kept->strides[1][0] == 1 &&
                 summed->strides[1][0] == width && width <= ROW_WIDTH_MAX;
    return plain ? summed->dims[0] : 0;
}

/* Adds rows begin … end - 1. Narrow ones are first added as if several were one wide one. */
static void add_rows(const Call *call, int64_t begin, int64_t end, int64_t width, double *sums)
{
    DType type = call->node->in[0]->dtype;
    double wide[SIMD_CHUNK];
    float buffer[SIMD_CHUNK];
    int64_t together = width < SIMD_CHUNK / 2 ? SIMD_CHUNK / width : 1, row = begin;
    memset(wide, 0, sizeof wide);
    for (; together > 1 && row + together <= end; row += together)
        add_row(wide, simd_load(call->in[0], type, row * width, together * width, buffer),
                together * width);
    for (int64_t i = 0; together > 1 && i < together * width; i++)
        sums[i % width] += wide[i];
    for (; row < end; row++)
        for (int64_t at = 0; at < width; at += SIMD_CHUNK) {
            int64_t count = width - at < SIMD_CHUNK ? width - at : SIMD_CHUNK;
            add_row(sums + at, simd_load(call->in[0], type, row * width + at, count, buffer),
                    count);
        }
}

/* In a fixed number of blocks, so that the sum does not depend on the number of threads. */
static void sum_rows(const Call *call, int64_t rows, int64_t width)
{
    double partial[ROW_BLOCKS][ROW_WIDTH_MAX];
    bool large = rows * width > 16384;
#pragma omp parallel for schedule(static) if (large)
    for (int64_t b = 0; b < ROW_BLOCKS; b++) {
        memset(partial[b], 0, (size_t)width * sizeof partial[b][0]);
        add_rows(call, b * rows / ROW_BLOCKS, (b + 1) * rows / ROW_BLOCKS, width, partial[b]);
    }
    for (int64_t at = 0; at < width; at += SIMD_CHUNK) {
        float buffer[SIMD_CHUNK];
        int64_t count = width - at < SIMD_CHUNK ? width - at : SIMD_CHUNK;
        float *to = simd_target(call->out, call->node->dtype, at, buffer);
        for (int64_t i = 0; i < count; i++) {
            double sum = 0;
            for (int b = 0; b < ROW_BLOCKS; b++)
                sum += partial[b][at + i];
            to[i] = (float)sum;
        }
        simd_store(call->out, call->node->dtype, at, count, buffer);
    }
}

static void sum_cpu(const Call *call)
{
    SumWalks walks = op_sum_walks(call->node);
    int64_t rows = plain_rows(&walks);
    if (rows > 1) {
        sum_rows(call, rows, walks.kept.dims[0]);
        return;
    }
    int64_t pieces = strided_pieces(&walks.kept);
    int64_t kept_step = walks.kept.strides[1][walks.kept.rank - 1];
    bool large = mel_shape_count(&call->node->in[0]->shape) > 16384;
    if (kept_step == 1) {
#pragma omp parallel for schedule(static) if (large)
        for (int64_t k = 0; k < pieces; k++)
            sum_columns(call, &walks, strided_piece(&walks.kept, k));
        return;
    }
#pragma omp parallel for schedule(static) if (large)
    for (int64_t k = 0; k < pieces; k++) {
        StridedPiece results = strided_piece(&walks.kept, k);
        for (int64_t j = 0; j < results.count; j++)
            sum_one(call, &walks, results.offset[0] + j, results.offset[1] + j * kept_step);
    }
}

static void sum_gradient(const Node *node, Node *dy, Node **dx)
{
    dx[0] = mel_op_broadcast(dy, node->in[0]->shape);
}

Node *mel_op_sum_to(Node *x, Shape shape)
{
    if (x && mel_shape_equal(&x->shape, &shape)) return x;
    const ShapeAttrs attrs = {.shape = shape};
    return op_node(op_graph(x), &op_sum_to, &attrs, &x, 1, 1);
}

Node *mel_op_mean_axis(Node *x, int axis)
{
    if (!x) return NULL;
    if (axis < 0) axis += x->shape.rank;
    if (axis < 0 || axis >= x->shape.rank)
        return mel_graph_fail(x->graph, "there is no axis %d", axis);
    Shape shape = x->shape;
    shape.dims[axis] = 1;
    return mel_op_affine(mel_op_sum_to(x, shape), 1.0 / (double)x->shape.dims[axis], 0);
}

Node *mel_op_mean(Node *x)
{
    int64_t count = mel_shape_count(mel_node_shape(x));
    return mel_op_affine(mel_op_sum_to(x, (Shape){0}), 1.0 / (double)(count ? count : 1), 0);
}

static void sum_samples(SampleSink *sink)
{
    Shape from = SHAPE(3, 4, 5, 6);
    const Shape to[] = {SHAPE(6),          SHAPE(3, 1, 1, 6), SHAPE(3, 4, 5, 1),
                        SHAPE(1, 4, 1, 6), SHAPE(4, 5, 1),    (Shape){0}};
    for (size_t i = 0; i < MEL_COUNT(to); i++)
        sample_check(sink, "shape", mel_op_sum_to(sample_input(sink, 1, 0, from), to[i]));
    sample_check(sink, "long rows",
                 mel_op_sum_to(sample_input(sink, 1, 0, SHAPE(2, 9000)), SHAPE(2, 1)));
    sample_check(sink, "long columns",
                 mel_op_sum_to(sample_input(sink, 1, 0, SHAPE(9, 3000)), SHAPE(3000)));
    sample_check(sink, "many narrow rows",
                 mel_op_sum_to(sample_input(sink, 1, 0, SHAPE(700, 7)), SHAPE(7)));
    sample_check(sink, "mean", mel_op_mean_axis(sample_input(sink, 1, 0, from), -2));
}

const OpDef op_sum_to = {
    .name = "sum",
    .attrs_size = sizeof(ShapeAttrs),
    .infer = sum_infer,
    .reference = sum_reference,
    .gradient = sum_gradient,
    .cpu_run = sum_cpu,
    .samples = sum_samples,
};

static bool broadcast_infer(Node *node, Err *err)
{
    const ShapeAttrs *attrs = node->attrs;
    node->shape = attrs->shape;
    node->dtype = node->in[0]->dtype;
    return repeats_to(&node->in[0]->shape, &attrs->shape) ||
           mel_err(err, ERR_USAGE, "the shapes do not fit each other");
}

static void repeat(const Call *call, size_t size)
{
    const Node *node = call->node;
    Strided walk = {.rank = node->shape.rank, .operands = 2};
    memcpy(walk.dims, node->shape.dims, sizeof walk.dims);
    strided_contiguous(&node->shape, walk.strides[0]);
    strided_broadcast(&node->in[0]->shape, &node->shape, walk.strides[1]);
    strided_copy(&walk, call->out, call->in[0], size);
}

static void broadcast_reference(const Call *call)
{
    repeat(call, sizeof(double));
}

static void broadcast_cpu(const Call *call)
{
    repeat(call, mel_dtype_size(call->node->dtype));
}

static void broadcast_gradient(const Node *node, Node *dy, Node **dx)
{
    dx[0] = mel_op_sum_to(dy, node->in[0]->shape);
}

Node *mel_op_broadcast(Node *x, Shape shape)
{
    if (x && mel_shape_equal(&x->shape, &shape)) return x;
    const ShapeAttrs attrs = {.shape = shape};
    return op_node(op_graph(x), &op_broadcast, &attrs, &x, 1, 1);
}

static void broadcast_samples(SampleSink *sink)
{
    sample_check(sink, "rows",
                 mel_op_broadcast(sample_input(sink, 1, 0, SHAPE(5)), SHAPE(2, 3, 5)));
    sample_check(sink, "columns",
                 mel_op_broadcast(sample_input(sink, 1, 0, SHAPE(2, 3, 1)), SHAPE(2, 3, 5)));
    sample_check(sink, "number",
                 mel_op_broadcast(sample_input(sink, 1, 0, (Shape){0}), SHAPE(3, 3000)));
}

const OpDef op_broadcast = {
    .name = "broadcast",
    .attrs_size = sizeof(ShapeAttrs),
    .infer = broadcast_infer,
    .reference = broadcast_reference,
    .gradient = broadcast_gradient,
    .cpu_run = broadcast_cpu,
    .samples = broadcast_samples,
};
