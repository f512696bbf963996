/* SPDX-License-Identifier: Apache-2.0
 *
 * Two numbers in, one out, with broadcasting. */
#include "engine/ops/attrs.h"
#include "engine/ops/simd.h"
#include "engine/ops/strided.h"

static bool binary_infer(Node *node, Err *err)
{
    const Node *x = node->in[0], *y = node->in[1];
    if (!mel_dtype_is_float(x->dtype) || !mel_dtype_is_float(y->dtype))
        return mel_err(err, ERR_USAGE, "it wants floating point");
    if (!shape_broadcast(&x->shape, &y->shape, &node->shape))
        return mel_err(err, ERR_USAGE, "the shapes do not fit each other");
    /* A constant joins what it is joined to; else the larger type stays. */
    node->dtype = x->constant && !y->constant   ? y->dtype
                  : y->constant && !x->constant ? x->dtype
                  : x->dtype == DTYPE_F32       ? x->dtype
                                                : y->dtype;
    return true;
}

Strided op_binary_walk(const Node *node)
{
    Strided walk = {.rank = node->shape.rank, .operands = 3};
    memcpy(walk.dims, node->shape.dims, sizeof walk.dims);
    strided_contiguous(&node->shape, walk.strides[0]);
    strided_broadcast(&node->in[0]->shape, &node->shape, walk.strides[1]);
    strided_broadcast(&node->in[1]->shape, &node->shape, walk.strides[2]);
    strided_fold(&walk);
    return walk;
}

#define COMBINE(operator)                                                                          \
    for (int64_t i = 0; i < n; i++)                                                                \
        out[i] = x[i * sx] operator y[i * sy];

#define COMBINE_ALL                                                                                \
    switch (kind) {                                                                                \
    case BINARY_ADD:                                                                               \
        COMBINE(+) break;                                                                          \
    case BINARY_SUB:                                                                               \
        COMBINE(-) break;                                                                          \
    case BINARY_MUL:                                                                               \
        COMBINE(*) break;                                                                          \
    case BINARY_DIV:                                                                               \
        COMBINE(/) break;                                                                          \
    }

static void combine_f64(Binary kind, const double *x, int64_t sx, const double *y, int64_t sy,
                        double *out, int64_t n){COMBINE_ALL}

/* Steps of 0 and 1 as constants give loops that become vectors. */
/* NOLINTNEXTLINE(readability-function-size): four times the same short switch */
MEL_CLONES static void combine_f32(Binary kind, const float *x, int64_t step_x, const float *y,
                                   int64_t step_y, float *out, int64_t n)
{
    if (step_x && step_y) {
        enum { sx = 1, sy = 1 };
        COMBINE_ALL
    } else if (step_x) {
        enum { sx = 1, sy = 0 };
        COMBINE_ALL
    } else if (step_y) {
        enum { sx = 0, sy = 1 };
        COMBINE_ALL
    } else {
        enum { sx = 0, sy = 0 };
        COMBINE_ALL
    }
}

static void binary_reference(const Call *call)
{
    const BinaryAttrs *attrs = call->node->attrs;
    Strided walk = op_binary_walk(call->node);
    int last = walk.rank - 1;
    for (int64_t i = 0; i < strided_pieces(&walk); i++) {
        StridedPiece piece = strided_piece(&walk, i);
        combine_f64(attrs->kind, (const double *)call->in[0] + piece.offset[1],
                    walk.strides[1][last], (const double *)call->in[1] + piece.offset[2],
                    walk.strides[2][last], (double *)call->out + piece.offset[0], piece.count);
    }
}

/* At most SIMD_CHUNK numbers of one piece. */
static void combine_chunk(const Call *call, const StridedPiece *piece, int64_t at, int64_t step_x,
                          int64_t step_y)
{
    const Node *node = call->node;
    const BinaryAttrs *attrs = node->attrs;
    float x[SIMD_CHUNK], y[SIMD_CHUNK], out[SIMD_CHUNK];
    int64_t left = piece->count - at, count = left < SIMD_CHUNK ? left : SIMD_CHUNK;
    const float *a = simd_load(call->in[0], node->in[0]->dtype, piece->offset[1] + at * step_x,
                               step_x ? count : 1, x);
    const float *b = simd_load(call->in[1], node->in[1]->dtype, piece->offset[2] + at * step_y,
                               step_y ? count : 1, y);
    int64_t to = piece->offset[0] + at;
    combine_f32(attrs->kind, a, step_x, b, step_y, simd_target(call->out, node->dtype, to, out),
                count);
    simd_store(call->out, node->dtype, to, count, out);
}

/* ---- a short row joined to each of many, such as a bias ----------------------------------------
 */

enum { BLOCK_CHUNKS = 16 };

/* Which input is that row, or 0. */
static int short_row(const Strided *walk)
{
    int last = walk->rank - 1;
    int64_t width = walk->dims[last];
    if (walk->rank < 2 || width > SIMD_CHUNK / 2) return 0;
    for (int k = 1; k <= 2; k++)
        if (walk->strides[k][last] == 1 && walk->strides[k][last - 1] == 0 &&
            walk->strides[3 - k][last] == 1 && walk->strides[3 - k][last - 1] == width)
            return k;
    return 0;
}

/* Rows from `row` on of what begins at `piece`, by chunks of whole rows; the short one has been
 * repeated to the length of a chunk. */
static void combine_rows(const Call *call, const StridedPiece *piece, int64_t row, int64_t rows,
                         int64_t width, int short_input)
{
    const Node *node = call->node;
    const BinaryAttrs *attrs = node->attrs;
    float repeated[SIMD_CHUNK], other[SIMD_CHUNK], out[SIMD_CHUNK];
    int64_t together = SIMD_CHUNK / width, full = together * width;
    int long_input = 3 - short_input;
    const float *shortest = simd_load(call->in[short_input - 1], node->in[short_input - 1]->dtype,
                                      piece->offset[short_input], width, other);
    for (int64_t i = 0; i < full; i += width)
        memcpy(repeated + i, shortest, (size_t)width * sizeof *repeated);
    for (int64_t end = row + rows; row < end; row += together) {
        int64_t count = (end - row < together ? end - row : together) * width;
        int64_t to = piece->offset[0] + row * width;
        const float *x = simd_load(call->in[long_input - 1], node->in[long_input - 1]->dtype,
                                   piece->offset[long_input] + row * width, count, other);
        bool first = short_input == 1;
        combine_f32(attrs->kind, first ? repeated : x, 1, first ? x : repeated, 1,
                    simd_target(call->out, node->dtype, to, out), count);
        simd_store(call->out, node->dtype, to, count, out);
    }
}

static void combine_by_rows(const Call *call, const Strided *walk, int short_input)
{
    int64_t width = walk->dims[walk->rank - 1], rows = walk->dims[walk->rank - 2];
    int64_t block = SIMD_CHUNK / width * BLOCK_CHUNKS, blocks = (rows + block - 1) / block;
    Strided outer = *walk;
    outer.rank--;
    outer.dims[outer.rank - 1] = 1;
    int64_t items = strided_pieces(&outer) * blocks;
#pragma omp parallel for schedule(static) if (mel_shape_count(&call->node->shape) > 16384)
    for (int64_t i = 0; i < items; i++) {
        StridedPiece piece = strided_piece(&outer, i / blocks);
        int64_t row = i % blocks * block;
        combine_rows(call, &piece, row, rows - row < block ? rows - row : block, width,
                     short_input);
    }
}

static void binary_cpu(const Call *call)
{
    Strided walk = op_binary_walk(call->node);
    int short_input = short_row(&walk);
    if (short_input) {
        combine_by_rows(call, &walk, short_input);
        return;
    }
    int64_t pieces = strided_pieces(&walk);
    int64_t step_x = walk.strides[1][walk.rank - 1], step_y = walk.strides[2][walk.rank - 1];
#pragma omp parallel for schedule(static) if (mel_shape_count(&call->node->shape) > 16384)
    for (int64_t i = 0; i < pieces; i++) {
        StridedPiece piece = strided_piece(&walk, i);
        for (int64_t at = 0; at < piece.count; at += SIMD_CHUNK)
            combine_chunk(call, &piece, at, step_x, step_y);
    }
}

static void binary_gradient(const Node *node, Node *dy, Node **dx)
{
    const BinaryAttrs *attrs = node->attrs;
    Node *x = node->in[0], *y = node->in[1], *for_x = dy, *for_y = dy;
    switch (attrs->kind) {
    case BINARY_ADD:
        break;
    case BINARY_SUB:
        for_y = mel_op_affine(dy, -1, 0);
        break;
    case BINARY_MUL:
        for_x = mel_op_mul(dy, y);
        for_y = mel_op_mul(dy, x);
        break;
    case BINARY_DIV:
        for_x = mel_op_div(dy, y);
        for_y = mel_op_affine(mel_op_div(mel_op_mul(for_x, x), y), -1, 0);
        break;
    }
    dx[0] = mel_op_sum_to(for_x, x->shape);
    dx[1] = mel_op_sum_to(for_y, y->shape);
}

Node *mel_op_binary(Node *x, Node *y, Binary kind)
{
    const BinaryAttrs attrs = {.kind = kind};
    Node *in[] = {x, y};
    return op_node(op_graph(x), &op_binary, &attrs, in, 2, 2);
}

Node *mel_op_add(Node *x, Node *y)
{
    return mel_op_binary(x, y, BINARY_ADD);
}

Node *mel_op_sub(Node *x, Node *y)
{
    return mel_op_binary(x, y, BINARY_SUB);
}

Node *mel_op_mul(Node *x, Node *y)
{
    return mel_op_binary(x, y, BINARY_MUL);
}

Node *mel_op_div(Node *x, Node *y)
{
    return mel_op_binary(x, y, BINARY_DIV);
}

static void binary_samples(SampleSink *sink)
{
    static const struct {
        const char *name;
        Shape x, y;
    } cases[] = {
        {"equal",     {2, {5, 7}},       {2, {5, 7}}      },
        {"bias",      {3, {3, 4, 9}},    {1, {9}}         },
        {"number",    {2, {4, 6}},       {0, {0}}         },
        {"reverse",   {1, {6}},          {3, {2, 3, 6}}   },
        {"channels",  {4, {2, 3, 5, 4}}, {4, {2, 1, 1, 4}}},
        {"columns",   {3, {2, 5, 4}},    {3, {2, 5, 1}}   },
        {"outer",     {2, {6, 1}},       {2, {1, 5}}      },
        {"large",     {3, {2, 2, 9001}}, {3, {2, 1, 9001}}},
        {"many rows", {3, {2, 900, 20}}, {3, {2, 1, 20}}  },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        for (int kind = 0; kind <= BINARY_DIV; kind++) {
            Node *x = sample_input(sink, 1, 0, cases[i].x);
            Node *y = sample_input(sink, 0.3, 2, cases[i].y);
            sample_check(sink, cases[i].name, mel_op_binary(x, y, (Binary)kind));
        }
}

const OpDef op_binary = {
    .name = "binary",
    .attrs_size = sizeof(BinaryAttrs),
    .infer = binary_infer,
    .reference = binary_reference,
    .gradient = binary_gradient,
    .cpu_run = binary_cpu,
    .samples = binary_samples,
    .in_place = true,
};
