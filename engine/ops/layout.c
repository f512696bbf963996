/* SPDX-License-Identifier: Apache-2.0
 *
 * The same numbers elsewhere: other types, shapes, orders, parts and borders. */
#include "engine/ops/attrs.h"
#include "engine/ops/strided.h"

#include <string.h>

static size_t kept_size(const Node *node, bool reference)
{
    bool is_double = reference && mel_dtype_is_float(node->dtype);
    return is_double ? sizeof(double) : mel_dtype_size(node->dtype);
}

/* ---- cast ----------------------------------------------------------------------------------- */

static bool cast_infer(Node *node, Err *err)
{
    const CastAttrs *attrs = node->attrs;
    node->shape = node->in[0]->shape;
    node->dtype = attrs->dtype;
    return (mel_dtype_is_float(attrs->dtype) && mel_dtype_is_float(node->in[0]->dtype)) ||
           mel_err(err, ERR_USAGE, "it wants floating point");
}

static void cast_reference(const Call *call)
{
    memcpy(call->out, call->in[0], (size_t)mel_shape_count(&call->node->shape) * sizeof(double));
}

static void cast_cpu(const Call *call)
{
    const Node *node = call->node;
    enum { CHUNK = 8192 };
    int64_t n = mel_shape_count(&node->shape);
    size_t from = mel_dtype_size(node->in[0]->dtype), to = mel_dtype_size(node->dtype);
#pragma omp parallel for schedule(static) if (n > 2 * CHUNK)
    for (int64_t at = 0; at < n; at += CHUNK)
        mel_convert((const char *)call->in[0] + (size_t)at * from, node->in[0]->dtype,
                    (char *)call->out + (size_t)at * to, node->dtype,
                    n - at < CHUNK ? n - at : CHUNK);
}

static void cast_gradient(const Node *node, Node *dy, Node **dx)
{
    dx[0] = mel_op_cast(dy, node->in[0]->dtype);
}

Node *mel_op_cast(Node *x, DType dtype)
{
    if (x && x->dtype == dtype) return x;
    const CastAttrs attrs = {.dtype = dtype};
    return op_node(op_graph(x), &op_cast, &attrs, &x, 1, 1);
}

static void cast_samples(SampleSink *sink)
{
    Node *x = sample_input(sink, 1, 0, SHAPE(3, 9000));
    DType own = mel_node_dtype(x), other = own == DTYPE_BF16 ? DTYPE_F32 : DTYPE_BF16;
    sample_check(sink, "there and back", mel_op_cast(mel_op_cast(x, other), own));
}

const OpDef op_cast = {
    .name = "cast",
    .attrs_size = sizeof(CastAttrs),
    .infer = cast_infer,
    .reference = cast_reference,
    .gradient = cast_gradient,
    .cpu_run = cast_cpu,
    .samples = cast_samples,
};

/* ---- reshape -------------------------------------------------------------------------------- */

static bool reshape_infer(Node *node, Err *err)
{
    const ReshapeAttrs *attrs = node->attrs;
    int64_t total = mel_shape_count(&node->in[0]->shape), known = 1;
    int unknown = -1;
    node->shape = attrs->shape;
    node->dtype = node->in[0]->dtype;
    for (int i = 0; i < node->shape.rank; i++) {
        if (node->shape.dims[i] >= 0)
            known *= node->shape.dims[i];
        else if (unknown >= 0)
            return mel_err(err, ERR_USAGE, "two dimensions are left open");
        else
            unknown = i;
    }
    if (unknown >= 0 && known > 0) node->shape.dims[unknown] = total / known;
    return mel_shape_count(&node->shape) == total ||
           mel_err(err, ERR_USAGE, "the counts of elements differ");
}

static void reshape_gradient(const Node *node, Node *dy, Node **dx)
{
    dx[0] = mel_op_reshape(dy, node->in[0]->shape);
}

Node *mel_op_reshape(Node *x, Shape shape)
{
    if (x && mel_shape_equal(&x->shape, &shape)) return x;
    const ReshapeAttrs attrs = {.shape = shape};
    return op_node(op_graph(x), &op_reshape, &attrs, &x, 1, 1);
}

static void reshape_samples(SampleSink *sink)
{
    Node *x = mel_op_affine(sample_input(sink, 1, 0, SHAPE(3, 4, 5)), 2, 1);
    sample_check(sink, "flat", mel_op_affine(mel_op_reshape(x, SHAPE(3, -1)), 1, 1));
}

const OpDef op_reshape = {
    .name = "reshape",
    .attrs_size = sizeof(ReshapeAttrs),
    .infer = reshape_infer,
    .gradient = reshape_gradient,
    .samples = reshape_samples,
    .view = true,
};

/* ---- detach --------------------------------------------------------------------------------- */

static bool detach_infer(Node *node, Err *err)
{
    (void)err;
    node->shape = node->in[0]->shape;
    node->dtype = node->in[0]->dtype;
    return true;
}

Node *mel_op_detach(Node *x)
{
    return op_node(op_graph(x), &op_detach, NULL, &x, 1, 1);
}

static void detach_samples(SampleSink *sink)
{
    Node *x = mel_op_affine(sample_input(sink, 1, 0, SHAPE(3, 4, 5)), 2, 1);
    sample_check(sink, "all", mel_op_affine(mel_op_detach(x), 1, 1));
}

/* It has no gradient, which is its purpose. */
const OpDef op_detach = {
    .name = "detach",
    .infer = detach_infer,
    .samples = detach_samples,
    .view = true,
};

/* ---- transpose ------------------------------------------------------------------------------ */

static bool transpose_infer(Node *node, Err *err)
{
    const TransposeAttrs *attrs = node->attrs;
    const Shape *in = &node->in[0]->shape;
    bool seen[RANK_MAX] = {0};
    node->shape.rank = in->rank;
    node->dtype = node->in[0]->dtype;
    for (int i = 0; i < in->rank; i++) {
        int axis = attrs->axes[i];
        if (axis < 0 || axis >= in->rank || seen[axis])
            return mel_err(err, ERR_USAGE, "the axes are no permutation");
        seen[axis] = true;
        node->shape.dims[i] = in->dims[axis];
    }
    return true;
}

Strided op_transpose_walk(const Node *node)
{
    const TransposeAttrs *attrs = node->attrs;
    int64_t from[RANK_MAX];
    Strided walk = {.rank = node->shape.rank, .operands = 2};
    memcpy(walk.dims, node->shape.dims, sizeof walk.dims);
    strided_contiguous(&node->shape, walk.strides[0]);
    strided_contiguous(&node->in[0]->shape, from);
    for (int i = 0; i < walk.rank; i++)
        walk.strides[1][i] = from[attrs->axes[i]];
    return walk;
}

static void transpose(const Call *call, bool reference)
{
    const Strided walk = op_transpose_walk(call->node);
    strided_copy(&walk, call->out, call->in[0], kept_size(call->node, reference));
}

static void transpose_reference(const Call *call)
{
    transpose(call, true);
}

static void transpose_cpu(const Call *call)
{
    transpose(call, false);
}

static void transpose_gradient(const Node *node, Node *dy, Node **dx)
{
    const TransposeAttrs *attrs = node->attrs;
    int back[RANK_MAX] = {0};
    for (int i = 0; i < node->shape.rank; i++)
        back[attrs->axes[i]] = i;
    dx[0] = mel_op_transpose(dy, back);
}

Node *mel_op_transpose(Node *x, const int *axes)
{
    if (!x) return NULL;
    TransposeAttrs attrs = {{0}};
    for (int i = 0; i < x->shape.rank; i++)
        attrs.axes[i] = axes[i]; /* NOLINT(clang-analyzer-core.uninitialized.Assign): one each */
    return op_node(op_graph(x), &op_transpose, &attrs, &x, 1, 1);
}

static void transpose_samples(SampleSink *sink)
{
    static const int flip[] = {1, 0}, heads[] = {0, 2, 1, 3}, all[] = {3, 1, 0, 2};
    static const int flips[] = {0, 2, 1};
    sample_check(sink, "flip", mel_op_transpose(sample_input(sink, 1, 0, SHAPE(37, 53)), flip));
    sample_check(sink, "flips",
                 mel_op_transpose(sample_input(sink, 1, 0, SHAPE(2, 70, 67)), flips));
    sample_check(sink, "heads",
                 mel_op_transpose(sample_input(sink, 1, 0, SHAPE(2, 3, 4, 5)), heads));
    sample_check(sink, "all", mel_op_transpose(sample_input(sink, 1, 0, SHAPE(2, 3, 4, 5)), all));
}

const OpDef op_transpose = {
    .name = "transpose",
    .attrs_size = sizeof(TransposeAttrs),
    .infer = transpose_infer,
    .reference = transpose_reference,
    .gradient = transpose_gradient,
    .cpu_run = transpose_cpu,
    .samples = transpose_samples,
};

/* ---- slice ---------------------------------------------------------------------------------- */

static bool slice_infer(Node *node, Err *err)
{
    const SliceAttrs *attrs = node->attrs;
    const Shape *in = &node->in[0]->shape;
    if (attrs->axis < 0 || attrs->axis >= in->rank) return mel_err(err, ERR_USAGE, "no such axis");
    if (attrs->begin < 0 || attrs->begin > attrs->end || attrs->end > in->dims[attrs->axis])
        return mel_err(err, ERR_USAGE, "the slice %lld to %lld lies outside",
                       (long long)attrs->begin, (long long)attrs->end);
    node->shape = *in;
    node->shape.dims[attrs->axis] = attrs->end - attrs->begin;
    node->dtype = node->in[0]->dtype;
    return true;
}

static void slice(const Call *call, bool reference)
{
    const Node *node = call->node;
    const SliceAttrs *attrs = node->attrs;
    size_t size = kept_size(node, reference);
    Strided walk = {.rank = node->shape.rank, .operands = 2};
    memcpy(walk.dims, node->shape.dims, sizeof walk.dims);
    strided_contiguous(&node->shape, walk.strides[0]);
    strided_contiguous(&node->in[0]->shape, walk.strides[1]);
    int64_t skip = attrs->begin * walk.strides[1][attrs->axis];
    strided_copy(&walk, call->out, (const char *)call->in[0] + skip * (int64_t)size, size);
}

static void slice_reference(const Call *call)
{
    slice(call, true);
}

static void slice_cpu(const Call *call)
{
    slice(call, false);
}

static void slice_gradient(const Node *node, Node *dy, Node **dx)
{
    const SliceAttrs *attrs = node->attrs;
    int64_t whole = node->in[0]->shape.dims[attrs->axis];
    dx[0] = mel_op_pad(dy, attrs->axis, attrs->begin, whole - attrs->end);
}

Node *mel_op_slice(Node *x, int axis, int64_t begin, int64_t end)
{
    if (!x) return NULL;
    if (axis < 0) axis += x->shape.rank;
    const SliceAttrs attrs = {.axis = axis, .begin = begin, .end = end};
    return op_node(op_graph(x), &op_slice, &attrs, &x, 1, 1);
}

static void slice_samples(SampleSink *sink)
{
    for (int axis = 0; axis < 3; axis++)
        sample_check(sink, "axis",
                     mel_op_slice(sample_input(sink, 1, 0, SHAPE(5, 6, 7)), axis, 1, 4));
}

const OpDef op_slice = {
    .name = "slice",
    .attrs_size = sizeof(SliceAttrs),
    .infer = slice_infer,
    .reference = slice_reference,
    .gradient = slice_gradient,
    .cpu_run = slice_cpu,
    .samples = slice_samples,
};

/* ---- concat --------------------------------------------------------------------------------- */

static bool concat_infer(Node *node, Err *err)
{
    const ConcatAttrs *attrs = node->attrs;
    const Node *x = node->in[0], *y = node->in[1];
    if (x->shape.rank != y->shape.rank || attrs->axis < 0 || attrs->axis >= x->shape.rank)
        return mel_err(err, ERR_USAGE, "no such axis");
    Shape fitted = y->shape;
    fitted.dims[attrs->axis] = x->shape.dims[attrs->axis];
    if (!mel_shape_equal(&fitted, &x->shape) || x->dtype != y->dtype)
        return mel_err(err, ERR_USAGE, "the other axes or the types differ");
    node->shape = x->shape;
    node->shape.dims[attrs->axis] += y->shape.dims[attrs->axis];
    node->dtype = x->dtype;
    return true;
}

/* Copies `part` into `whole` from `at` on along the axis. */
static void put_part(const Shape *whole, void *to, const Shape *part, const void *from, int axis,
                     int64_t at, size_t size)
{
    Strided walk = {.rank = part->rank, .operands = 2};
    memcpy(walk.dims, part->dims, sizeof walk.dims);
    strided_contiguous(whole, walk.strides[0]);
    strided_contiguous(part, walk.strides[1]);
    int64_t skip = at * walk.strides[0][axis];
    if (mel_shape_count(part) > 0)
        strided_copy(&walk, (char *)to + skip * (int64_t)size, from, size);
}

static void concat(const Call *call, bool reference)
{
    const Node *node = call->node, *x = node->in[0], *y = node->in[1];
    const ConcatAttrs *attrs = node->attrs;
    size_t size = kept_size(node, reference);
    put_part(&node->shape, call->out, &x->shape, call->in[0], attrs->axis, 0, size);
    put_part(&node->shape, call->out, &y->shape, call->in[1], attrs->axis,
             x->shape.dims[attrs->axis], size);
}

static void concat_reference(const Call *call)
{
    concat(call, true);
}

static void concat_cpu(const Call *call)
{
    concat(call, false);
}

static void concat_gradient(const Node *node, Node *dy, Node **dx)
{
    const ConcatAttrs *attrs = node->attrs;
    int64_t middle = node->in[0]->shape.dims[attrs->axis];
    dx[0] = mel_op_slice(dy, attrs->axis, 0, middle);
    dx[1] = mel_op_slice(dy, attrs->axis, middle, node->shape.dims[attrs->axis]);
}

Node *mel_op_concat(Node *x, Node *y, int axis)
{
    if (!x) return NULL;
    const ConcatAttrs attrs = {.axis = axis < 0 ? axis + x->shape.rank : axis};
    Node *in[] = {x, y};
    return op_node(op_graph(x), &op_concat, &attrs, in, 2, 2);
}

static void concat_samples(SampleSink *sink)
{
    sample_check(sink, "channels",
                 mel_op_concat(sample_input(sink, 1, 0, SHAPE(2, 3, 4)),
                               sample_input(sink, 1, 0, SHAPE(2, 3, 5)), -1));
    sample_check(sink, "tokens",
                 mel_op_concat(sample_input(sink, 1, 0, SHAPE(2, 1, 4)),
                               sample_input(sink, 1, 0, SHAPE(2, 6, 4)), 1));
}

const OpDef op_concat = {
    .name = "concat",
    .attrs_size = sizeof(ConcatAttrs),
    .infer = concat_infer,
    .reference = concat_reference,
    .gradient = concat_gradient,
    .cpu_run = concat_cpu,
    .samples = concat_samples,
};

/* ---- pad ------------------------------------------------------------------------------------ */

static bool pad_infer(Node *node, Err *err)
{
    const PadAttrs *attrs = node->attrs;
    node->shape = node->in[0]->shape;
    node->dtype = node->in[0]->dtype;
    if (attrs->axis < 0 || attrs->axis >= node->shape.rank || attrs->before < 0 || attrs->after < 0)
        return mel_err(err, ERR_USAGE, "no such axis, or a negative border");
    node->shape.dims[attrs->axis] += attrs->before + attrs->after;
    return true;
}

static void pad(const Call *call, bool reference)
{
    const Node *node = call->node;
    const PadAttrs *attrs = node->attrs;
    size_t size = kept_size(node, reference);
    memset(call->out, 0, (size_t)mel_shape_count(&node->shape) * size);
    put_part(&node->shape, call->out, &node->in[0]->shape, call->in[0], attrs->axis, attrs->before,
             size);
}

static void pad_reference(const Call *call)
{
    pad(call, true);
}

static void pad_cpu(const Call *call)
{
    pad(call, false);
}

static void pad_gradient(const Node *node, Node *dy, Node **dx)
{
    const PadAttrs *attrs = node->attrs;
    int64_t count = node->in[0]->shape.dims[attrs->axis];
    dx[0] = mel_op_slice(dy, attrs->axis, attrs->before, attrs->before + count);
}

Node *mel_op_pad(Node *x, int axis, int64_t before, int64_t after)
{
    if (!x || (before == 0 && after == 0)) return x;
    const PadAttrs attrs = {
        .axis = axis < 0 ? axis + x->shape.rank : axis, .before = before, .after = after};
    return op_node(op_graph(x), &op_pad, &attrs, &x, 1, 1);
}

static void pad_samples(SampleSink *sink)
{
    for (int axis = 0; axis < 3; axis++)
        sample_check(sink, "axis",
                     mel_op_pad(sample_input(sink, 1, 0, SHAPE(3, 4, 5)), axis, 2, 1));
}

const OpDef op_pad = {
    .name = "pad",
    .attrs_size = sizeof(PadAttrs),
    .infer = pad_infer,
    .reference = pad_reference,
    .gradient = pad_gradient,
    .cpu_run = pad_cpu,
    .samples = pad_samples,
};
