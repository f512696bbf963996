/* SPDX-License-Identifier: Apache-2.0
 *
 * Group, layer and RMS normalisation are one: numbers [B, S, C] in sets of one batch item and
 * C/groups channels, to mean 0 (RMS: as it is) and variance 1. Layers are sets of one row: S is 1.
 * Statistics are taken about a number of the set itself, so that a large mean costs no digits. */
#include "engine/ops/attrs.h"
#include "engine/ops/rows.h"
#include "engine/ops/simd.h"

#include "engine/op.h"

#include <stdlib.h>

/* Sums are taken over this many parts of S, whatever the number of threads: the result is the same
 * on every machine. */
enum { PARTS = 16 };

NormSizes op_norm_sizes(const Node *node)
{
    const NormAttrs *attrs = node->attrs;
    const Shape *x = &node->in[0]->shape;
    int64_t count = mel_shape_count(x);
    NormSizes s = {.channels = x->dims[x->rank - 1], .groups = attrs->groups};
    s.batch = attrs->rows ? count / s.channels : x->dims[0];
    s.space = s.batch ? count / (s.batch * s.channels) : 0;
    s.width = s.channels / s.groups;
    return s;
}

static bool fits(const Node *scale, int64_t channels)
{
    return !scale || (scale->shape.rank == 1 && scale->shape.dims[0] == channels);
}

static bool check_inputs(const Node *node, Err *err)
{
    const NormAttrs *attrs = node->attrs;
    const Shape *x = &node->in[0]->shape;
    if (x->rank < (attrs->rows ? 1 : 2) || mel_shape_count(x) < 1)
        return mel_err(err, ERR_USAGE, "it wants [B, …, C]");
    int64_t channels = x->dims[x->rank - 1];
    if (attrs->groups < 1 || channels % attrs->groups)
        return mel_err(err, ERR_USAGE, "%d groups do not divide the channels", attrs->groups);
    return true;
}

static bool norm_infer(Node *node, Err *err)
{
    if (!check_inputs(node, err)) return false;
    int64_t channels = mel_node_dim(node->in[0], -1);
    if (!fits(node->in[1], channels) || !fits(node->in[2], channels))
        return mel_err(err, ERR_USAGE, "scale or shift do not fit the channels");
    node->shape = node->in[0]->shape;
    node->dtype = node->in[0]->dtype;
    return true;
}

/* ---- the plain formula ---------------------------------------------------------------------- */

typedef struct Moments {
    double mean, inverse; /* 1/√(variance + eps) */
} Moments;

static Moments plain_moments(const NormSizes *s, const NormAttrs *attrs, const double *set)
{
    double sum = 0, squares = 0, count = (double)(s->space * s->width);
    for (int64_t i = 0; i < s->space; i++)
        for (int64_t c = 0; c < s->width; c++)
            sum += set[i * s->channels + c];
    Moments m = {.mean = attrs->centred ? sum / count : 0};
    for (int64_t i = 0; i < s->space; i++)
        for (int64_t c = 0; c < s->width; c++) {
            double x = set[i * s->channels + c] - m.mean;
            squares += x * x;
        }
    m.inverse = 1 / sqrt(squares / count + attrs->eps);
    return m;
}

static void norm_reference(const Call *call)
{
    const NormAttrs *attrs = call->node->attrs;
    const double *scale = call->in[1], *shift = call->in[2];
    NormSizes s = op_norm_sizes(call->node);
    for (int64_t set = 0; set < s.batch * s.groups; set++) {
        int64_t first = set % s.groups * s.width;
        int64_t at = set / s.groups * s.space * s.channels + first;
        const double *x = (const double *)call->in[0] + at;
        double *y = (double *)call->out + at;
        Moments m = plain_moments(&s, attrs, x);
        for (int64_t i = 0; i < s.space; i++)
            for (int64_t c = 0; c < s.width; c++) {
                double z = (x[i * s.channels + c] - m.mean) * m.inverse;
                z = z * (scale ? scale[first + c] : 1) + (shift ? shift[first + c] : 0);
                y[i * s.channels + c] = attrs->silu ? z / (1 + exp(-z)) : z;
            }
    }
}

/* ---- fast: statistics ----------------------------------------------------------------------- */

/* Per channel of one batch item: what to subtract and multiply by. */
typedef struct Channels {
    float *mean, *inverse;
} Channels;

/* Σ(x - first) and Σ(x - first)² of each channel over rows begin … end. */
MEL_CLONES static void add_squares(const float *x, const float *first, float *sums, float *squares,
                                   int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        float d = x[c] - first[c];
        sums[c] += d;
        squares[c] += d * d;
    }
}

/* Some channels, from `channel` on, of one part of the rows; into double sums at [c], [C + c]. */
static void sum_part(const Call *call, const NormSizes *s, int64_t item, int64_t part,
                     int64_t channel, double *sums)
{
    enum { BLOCK = 64 }; /* rows whose sum a float may hold */
    DType dtype = call->node->in[0]->dtype;
    int64_t base = item * s->space * s->channels + channel, left = s->channels - channel;
    int64_t n = left < SIMD_CHUNK ? left : SIMD_CHUNK;
    int64_t begin = part * s->space / PARTS, end = (part + 1) * s->space / PARTS;
    float first_buffer[SIMD_CHUNK], buffer[SIMD_CHUNK];
    const float *first = simd_load(call->in[0], dtype, base, n, first_buffer);
    for (int64_t i = begin; i < end; i += BLOCK) {
        float block_sums[SIMD_CHUNK] = {0}, block_squares[SIMD_CHUNK] = {0};
        for (int64_t k = i; k < end && k < i + BLOCK; k++)
            add_squares(simd_load(call->in[0], dtype, base + k * s->channels, n, buffer), first,
                        block_sums, block_squares, n);
        for (int64_t c = 0; c < n; c++) {
            sums[channel + c] += block_sums[c];
            sums[s->channels + channel + c] += block_squares[c];
        }
    }
}

/* Joins the parts of each channel and the channels of each group (Chan, Golub and LeVeque, 1979).
 */
static void group_moments(const Call *call, const NormSizes *s, int64_t item, int64_t group,
                          const double *sums, Channels *out)
{
    const NormAttrs *attrs = call->node->attrs;
    DType dtype = call->node->in[0]->dtype;
    double mean = 0, spread = 0, seen = 0, count = (double)s->space;
    for (int64_t c = group * s->width; c < (group + 1) * s->width; c++) {
        double sum = 0, squares = 0;
        float buffer[SIMD_CHUNK];
        double first = *simd_load(call->in[0], dtype, item * s->space * s->channels + c, 1, buffer);
        for (int part = 0; part < PARTS; part++) {
            sum += sums[part * 2 * s->channels + c];
            squares += sums[part * 2 * s->channels + s->channels + c];
        }
        double own = first + sum / count, apart = own - mean;
        spread += squares - sum * sum / count + apart * apart * seen * count / (seen + count);
        mean += apart * count / (seen + count);
        seen += count;
    }
    double inverse = 1 / sqrt(spread / seen + attrs->eps);
    for (int64_t c = group * s->width; c < (group + 1) * s->width; c++) {
        out->mean[c] = (float)mean;
        out->inverse[c] = (float)inverse;
    }
}

/* Statistics of one item in all channels; sums has PARTS·2·C doubles. */
static void measure_item(const Call *call, const NormSizes *s, int64_t item, double *sums,
                         Channels *out)
{
    int64_t blocks = (s->channels + SIMD_CHUNK - 1) / SIMD_CHUNK;
    memset(sums, 0, (size_t)(PARTS * 2 * s->channels) * sizeof *sums);
#pragma omp parallel for schedule(static) if (s->space * s->channels > 16384)
    for (int64_t k = 0; k < PARTS * blocks; k++)
        sum_part(call, s, item, k / blocks, k % blocks * SIMD_CHUNK,
                 sums + k / blocks * 2 * s->channels);
    for (int64_t group = 0; group < s->groups; group++)
        group_moments(call, s, item, group, sums, out);
}

/* ---- fast: groups --------------------------------------------------------------------------- */

MEL_CLONES static void normalise(const float *x, const float *mean, const float *factor,
                                 const float *shift, float *y, int64_t n, bool silu)
{
    if (silu) {
        for (int64_t c = 0; c < n; c++) {
            float z = (x[c] - mean[c]) * factor[c] + shift[c];
            y[c] = z * simd_sigmoid(z);
        }
        return;
    }
    for (int64_t c = 0; c < n; c++)
        y[c] = (x[c] - mean[c]) * factor[c] + shift[c];
}

static float at_or(const void *values, const Node *node, int64_t i, float otherwise)
{
    float buffer[SIMD_CHUNK];
    return values ? *simd_load(values, node->dtype, i, 1, buffer) : otherwise;
}

/* factor = inverse·scale, and the shift, for all channels. */
static void affine(const Call *call, const NormSizes *s, const Channels *stats, float *factor,
                   float *shift)
{
    for (int64_t c = 0; c < s->channels; c++) {
        factor[c] = stats->inverse[c] * at_or(call->in[1], call->node->in[1], c, 1);
        shift[c] = at_or(call->in[2], call->node->in[2], c, 0);
    }
}

static void apply_item(const Call *call, const NormSizes *s, int64_t item, const Channels *stats,
                       const float *factor, const float *shift)
{
    const NormAttrs *attrs = call->node->attrs;
    DType in = call->node->in[0]->dtype, out = call->node->dtype;
    int64_t blocks = (s->channels + SIMD_CHUNK - 1) / SIMD_CHUNK;
#pragma omp parallel for schedule(static) if (s->space * s->channels > 16384)
    for (int64_t k = 0; k < s->space * blocks; k++) {
        float from[SIMD_CHUNK], to[SIMD_CHUNK];
        int64_t c = k % blocks * SIMD_CHUNK, left = s->channels - c;
        int64_t n = left < SIMD_CHUNK ? left : SIMD_CHUNK;
        int64_t at = (item * s->space + k / blocks) * s->channels + c;
        normalise(simd_load(call->in[0], in, at, n, from), stats->mean + c, factor + c, shift + c,
                  simd_target(call->out, out, at, to), n, attrs->silu);
        simd_store(call->out, out, at, n, to);
    }
}

/* The scratch of groups: PARTS·2·C doubles, then rows of C floats. */
enum { CHANNEL_ROWS = 6 };

static float *channel_row(const Call *call, const NormSizes *s, int row)
{
    float *rows = (void *)((double *)call->scratch + PARTS * 2 * s->channels);
    return rows + row * s->channels;
}

static Channels channel_stats(const Call *call, const NormSizes *s)
{
    return (Channels){.mean = channel_row(call, s, 0), .inverse = channel_row(call, s, 1)};
}

static void groups_cpu(const Call *call, const NormSizes *s)
{
    Channels stats = channel_stats(call, s);
    float *factor = channel_row(call, s, 2), *shift = channel_row(call, s, 3);
    for (int64_t item = 0; item < s->batch; item++) {
        measure_item(call, s, item, call->scratch, &stats);
        affine(call, s, &stats, factor, shift);
        apply_item(call, s, item, &stats, factor, shift);
    }
}

/* ---- fast: rows ----------------------------------------------------------------------------- */

typedef struct RowMoments {
    float mean, inverse;
} RowMoments;

MEL_CLONES static RowMoments row_moments(const float *x, int64_t n, bool centred, double eps)
{
    float sum = 0, squares = 0;
    if (centred) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++)
            sum += x[i] - x[0];
    }
    float mean = centred ? x[0] + sum / (float)n : 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return (RowMoments){.mean = mean,
                        .inverse = (float)(1 / sqrt((double)squares / (double)n + eps))};
}

MEL_CLONES static void normalise_row(const float *x, RowMoments m, const float *scale,
                                     const float *shift, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - m.mean) * m.inverse * scale[i] + shift[i];
}

/* Rows of C floats at the start of the scratch: scale, shift, then some for each thread. */
enum { ROW_SHARED = 2, ROW_OWN = 3 };

static float *shared_row(const Call *call, const NormSizes *s, int row)
{
    return (float *)call->scratch + row * s->channels;
}

static float *own_row(const Call *call, const NormSizes *s, int row)
{
    return shared_row(call, s, (int)(ROW_SHARED + thread_number() * ROW_OWN + row));
}

static const float *widened(const void *from, DType dtype, int64_t offset, int64_t n, float *buffer)
{
    if (dtype == DTYPE_F32) return (const float *)from + offset;
    mel_convert((const uint16_t *)from + offset, dtype, buffer, DTYPE_F32, n);
    return buffer;
}

static void rows_cpu(const Call *call, const NormSizes *s)
{
    const NormAttrs *attrs = call->node->attrs;
    DType in = call->node->in[0]->dtype, out = call->node->dtype;
    float *scale = shared_row(call, s, 0), *shift = shared_row(call, s, 1);
    int64_t n = s->channels;
    for (int64_t c = 0; c < n; c++) {
        scale[c] = at_or(call->in[1], call->node->in[1], c, 1);
        shift[c] = at_or(call->in[2], call->node->in[2], c, 0);
    }
#pragma omp parallel for schedule(static) if (s->batch * n > 16384)
    for (int64_t r = 0; r < s->batch; r++) {
        const float *x = widened(call->in[0], in, r * n, n, own_row(call, s, 0));
        float *y = out == DTYPE_F32 ? (float *)call->out + r * n : own_row(call, s, 1);
        normalise_row(x, row_moments(x, n, attrs->centred, attrs->eps), scale, shift, y, n);
        if (out != DTYPE_F32) mel_convert(y, DTYPE_F32, (uint16_t *)call->out + r * n, out, n);
    }
}

static bool norm_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    const NormAttrs *attrs = prepare->node->attrs;
    NormSizes s = op_norm_sizes(prepare->node);
    int64_t rows = ROW_SHARED + thread_limit() * ROW_OWN, groups = PARTS * 4 + CHANNEL_ROWS;
    prepare->scratch_bytes = (attrs->rows ? rows : groups) * s.channels * (int64_t)sizeof(float);
    return true;
}

static void norm_cpu(const Call *call)
{
    const NormAttrs *attrs = call->node->attrs;
    NormSizes s = op_norm_sizes(call->node);
    if (attrs->rows)
        rows_cpu(call, &s);
    else
        groups_cpu(call, &s);
}

static void norm_gradient(const Node *node, Node *dy, Node **dx)
{
    NormAttrs attrs = *(const NormAttrs *)node->attrs;
    Node *x = node->in[0], *scale = node->in[1], *shift = node->in[2];
    if (attrs.silu) { /* what went into it, again */
        attrs.silu = false;
        Node *in[] = {x, scale, shift};
        Node *z = op_node(node->graph, &op_norm, &attrs, in, 3, 1);
        Node *before = mel_op_silu(z), *slopes[OP_INPUTS_MAX] = {0};
        if (!before) return;
        op_unary.gradient(before, dy, slopes);
        dy = slopes[0];
    }
    Node *for_x[] = {x, dy, scale}, *for_scale[] = {x, dy};
    dx[0] = op_node(node->graph, &op_norm_grad, &attrs, for_x, 3, 2);
    if (scale) dx[1] = op_node(node->graph, &op_norm_grad_scale, &attrs, for_scale, 2, 2);
    if (shift) dx[2] = mel_op_sum_to(dy, shift->shape);
}

static Node *norm(Node *x, Node *scale, Node *shift, const NormAttrs *attrs)
{
    Node *in[] = {x, scale, shift};
    return op_node(op_graph(x), &op_norm, attrs, in, 3, 1);
}

Node *mel_op_group_norm(Node *x, Node *scale, Node *shift, int groups, double eps)
{
    return norm(x, scale, shift, &(NormAttrs){.groups = groups, .centred = true, .eps = eps});
}

Node *mel_op_group_norm_silu(Node *x, Node *scale, Node *shift, int groups, double eps)
{
    const NormAttrs attrs = {.groups = groups, .centred = true, .silu = true, .eps = eps};
    return norm(x, scale, shift, &attrs);
}

Node *mel_op_layer_norm(Node *x, Node *scale, Node *shift, double eps)
{
    const NormAttrs attrs = {.groups = 1, .rows = true, .centred = true, .eps = eps};
    return norm(x, scale, shift, &attrs);
}

Node *mel_op_rms_norm(Node *x, Node *scale, double eps)
{
    return norm(x, scale, NULL, &(NormAttrs){.groups = 1, .rows = true, .eps = eps});
}

static void norm_samples(SampleSink *sink)
{
    static const struct {
        const char *name;
        Shape shape;
        int groups; /* 0: layer, -1: RMS */
        float mean;
        bool plain, silu;
    } cases[] = {
        {"groups",       {4, {2, 5, 3, 8}},    4,  0,   false, false},
        {"one group",    {3, {2, 7, 6}},       1,  0,   false, false},
        {"all channels", {4, {1, 4, 4, 6}},    6,  0,   true,  false},
        {"with SiLU",    {4, {2, 4, 4, 8}},    2,  0,   false, true },
        {"flat",         {2, {3, 12}},         3,  0,   false, false},
        {"large",        {4, {1, 40, 30, 64}}, 32, 0.5, false, false},
        {"wide",         {3, {2, 3, 2048}},    32, 0,   false, false},
        {"layer",        {3, {2, 5, 24}},      0,  0,   false, false},
        {"plain layer",  {2, {7, 9}},          0,  0,   true,  false},
        {"long layer",   {2, {3, 3000}},       0,  1,   false, false},
        {"many rows",    {2, {40, 1024}},      0,  0,   false, false},
        {"RMS",          {3, {2, 5, 24}},      -1, 0.3, false, false},
        {"plain RMS",    {2, {4, 1500}},       -1, 0,   true,  false},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        int64_t width = cases[i].shape.dims[cases[i].shape.rank - 1];
        bool plain = cases[i].plain;
        int groups = cases[i].groups;
        Node *x = sample_input(sink, 1, cases[i].mean, cases[i].shape);
        Node *scale = plain ? NULL : sample_input(sink, 0.2, 1, SHAPE(width));
        Node *shift = plain || groups < 0 ? NULL : sample_input(sink, 1, 0, SHAPE(width));
        Node *y = groups < 0      ? mel_op_rms_norm(x, scale, 1e-6)
                  : groups == 0   ? mel_op_layer_norm(x, scale, shift, 1e-5)
                  : cases[i].silu ? mel_op_group_norm_silu(x, scale, shift, groups, 1e-5)
                                  : mel_op_group_norm(x, scale, shift, groups, 1e-5);
        sample_check(sink, cases[i].name, y);
    }
}

const OpDef op_norm = {
    .name = "norm",
    .attrs_size = sizeof(NormAttrs),
    .infer = norm_infer,
    .reference = norm_reference,
    .gradient = norm_gradient,
    .cpu_prepare = norm_prepare,
    .cpu_run = norm_cpu,
    .samples = norm_samples,
};

/* ---- the gradient along x: with g = dy·scale and z the normalised x,
 *      inverse·(g - mean g - z·mean(g·z)), for RMS without the first mean ------------------------
 */

static bool grad_infer(Node *node, Err *err)
{
    if (!check_inputs(node, err)) return false;
    if (!mel_shape_equal(&node->in[0]->shape, &node->in[1]->shape))
        return mel_err(err, ERR_USAGE, "the shapes differ");
    node->shape = node->in[0]->shape;
    node->dtype = node->in[0]->dtype;
    return true;
}

static void grad_reference(const Call *call)
{
    const NormAttrs *attrs = call->node->attrs;
    const double *scale = call->in[2];
    NormSizes s = op_norm_sizes(call->node);
    double count = (double)(s.space * s.width);
    for (int64_t set = 0; set < s.batch * s.groups; set++) {
        int64_t first = set % s.groups * s.width;
        int64_t at = set / s.groups * s.space * s.channels + first;
        const double *x = (const double *)call->in[0] + at, *dy = (const double *)call->in[1] + at;
        double *dx = (double *)call->out + at, mean_g = 0, mean_gz = 0;
        Moments m = plain_moments(&s, attrs, x);
        for (int pass = 0; pass < 2; pass++)
            for (int64_t i = 0; i < s.space; i++)
                for (int64_t c = 0; c < s.width; c++) {
                    int64_t k = i * s.channels + c;
                    double g = dy[k] * (scale ? scale[first + c] : 1);
                    double z = (x[k] - m.mean) * m.inverse;
                    if (pass == 0) {
                        mean_g += attrs->centred ? g / count : 0;
                        mean_gz += g * z / count;
                    } else {
                        dx[k] = m.inverse * (g - mean_g - z * mean_gz);
                    }
                }
    }
}

/* Σ dy and Σ dy·z of each channel. */
MEL_CLONES static void add_slopes(const float *x, const float *dy, const float *mean,
                                  const float *inverse, double *sums, double *products, int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        float z = (x[c] - mean[c]) * inverse[c];
        sums[c] += dy[c];
        products[c] += dy[c] * z;
    }
}

/* The same over one part of an item's rows, into sums at [c], [C + c]. */
static void slopes_of_part(const Call *call, const NormSizes *s, int64_t item, int64_t part,
                           const Channels *stats, double *sums)
{
    DType x_type = call->node->in[0]->dtype, dy_type = call->node->in[1]->dtype;
    for (int64_t c = 0; c < s->channels; c += SIMD_CHUNK) {
        float x[SIMD_CHUNK], dy[SIMD_CHUNK];
        int64_t left = s->channels - c, n = left < SIMD_CHUNK ? left : SIMD_CHUNK;
        for (int64_t i = part * s->space / PARTS; i < (part + 1) * s->space / PARTS; i++) {
            int64_t at = (item * s->space + i) * s->channels + c;
            add_slopes(simd_load(call->in[0], x_type, at, n, x),
                       simd_load(call->in[1], dy_type, at, n, dy), stats->mean + c,
                       stats->inverse + c, sums + c, sums + s->channels + c, n);
        }
    }
}

static void item_slopes(const Call *call, const NormSizes *s, int64_t item, const Channels *stats,
                        double *sums)
{
    memset(sums, 0, (size_t)(PARTS * 2 * s->channels) * sizeof *sums);
#pragma omp parallel for schedule(static) if (s->space * s->channels > 16384)
    for (int64_t part = 0; part < PARTS; part++)
        slopes_of_part(call, s, item, part, stats, sums + part * 2 * s->channels);
    for (int64_t part = 1; part < PARTS; part++)
        for (int64_t c = 0; c < 2 * s->channels; c++)
            sums[c] += sums[part * 2 * s->channels + c];
}

MEL_CLONES static void slope_row(const float *x, const float *dy, const float *mean,
                                 const float *inverse, const float *factor, const float *mean_g,
                                 const float *mean_gz, float *dx, int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        float z = (x[c] - mean[c]) * inverse[c];
        dx[c] = dy[c] * factor[c] - inverse[c] * (mean_g[c] + z * mean_gz[c]);
    }
}

/* Each channel's factor, and its group's means of g and of g·z. */
static void group_slopes(const Call *call, const NormSizes *s, const Channels *stats,
                         const double *sums, float *factor, float *mean_g, float *mean_gz)
{
    double count = (double)(s->space * s->width);
    for (int64_t first = 0; first < s->channels; first += s->width) {
        double g = 0, gz = 0;
        for (int64_t c = first; c < first + s->width; c++) {
            double scale = at_or(call->in[2], call->node->in[2], c, 1);
            g += sums[c] * scale / count;
            gz += sums[s->channels + c] * scale / count;
            factor[c] = (float)(stats->inverse[c] * scale);
        }
        for (int64_t c = first; c < first + s->width; c++) {
            mean_g[c] = (float)g;
            mean_gz[c] = (float)gz;
        }
    }
}

static void grad_groups(const Call *call, const NormSizes *s)
{
    DType x_type = call->node->in[0]->dtype, dy_type = call->node->in[1]->dtype;
    DType out = call->node->dtype;
    Channels stats = channel_stats(call, s);
    float *factor = channel_row(call, s, 2), *mean_g = channel_row(call, s, 3);
    float *mean_gz = channel_row(call, s, 4);
    int64_t blocks = (s->channels + SIMD_CHUNK - 1) / SIMD_CHUNK;
    for (int64_t item = 0; item < s->batch; item++) {
        measure_item(call, s, item, call->scratch, &stats);
        item_slopes(call, s, item, &stats, call->scratch);
        group_slopes(call, s, &stats, call->scratch, factor, mean_g, mean_gz);
#pragma omp parallel for schedule(static) if (s->space * s->channels > 16384)
        for (int64_t k = 0; k < s->space * blocks; k++) {
            float x[SIMD_CHUNK], dy[SIMD_CHUNK], dx[SIMD_CHUNK];
            int64_t c = k % blocks * SIMD_CHUNK, left = s->channels - c;
            int64_t n = left < SIMD_CHUNK ? left : SIMD_CHUNK;
            int64_t at = (item * s->space + k / blocks) * s->channels + c;
            slope_row(simd_load(call->in[0], x_type, at, n, x),
                      simd_load(call->in[1], dy_type, at, n, dy), stats.mean + c, stats.inverse + c,
                      factor + c, mean_g + c, mean_gz + c, simd_target(call->out, out, at, dx), n);
            simd_store(call->out, out, at, n, dx);
        }
    }
}

MEL_CLONES static void row_slopes(const float *x, const float *dy, RowMoments m, const float *scale,
                                  bool centred, float *dx, int64_t n)
{
    float sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
    for (int64_t i = 0; i < n; i++) {
        float g = dy[i] * scale[i], z = (x[i] - m.mean) * m.inverse;
        sum += g;
        product += g * z;
    }
    sum = centred ? sum / (float)n : 0;
    product /= (float)n;
    for (int64_t i = 0; i < n; i++) {
        float z = (x[i] - m.mean) * m.inverse;
        dx[i] = m.inverse * (dy[i] * scale[i] - sum - z * product);
    }
}

static void grad_rows(const Call *call, const NormSizes *s)
{
    const NormAttrs *attrs = call->node->attrs;
    DType x_type = call->node->in[0]->dtype, dy_type = call->node->in[1]->dtype;
    DType out = call->node->dtype;
    float *scale = shared_row(call, s, 0);
    int64_t n = s->channels;
    for (int64_t c = 0; c < n; c++)
        scale[c] = at_or(call->in[2], call->node->in[2], c, 1);
#pragma omp parallel for schedule(static) if (s->batch * n > 16384)
    for (int64_t r = 0; r < s->batch; r++) {
        const float *x = widened(call->in[0], x_type, r * n, n, own_row(call, s, 0));
        const float *dy = widened(call->in[1], dy_type, r * n, n, own_row(call, s, 1));
        float *dx = out == DTYPE_F32 ? (float *)call->out + r * n : own_row(call, s, 2);
        row_slopes(x, dy, row_moments(x, n, attrs->centred, attrs->eps), scale, attrs->centred, dx,
                   n);
        if (out != DTYPE_F32) mel_convert(dx, DTYPE_F32, (uint16_t *)call->out + r * n, out, n);
    }
}

static void grad_cpu(const Call *call)
{
    const NormAttrs *attrs = call->node->attrs;
    NormSizes s = op_norm_sizes(call->node);
    if (attrs->rows)
        grad_rows(call, &s);
    else
        grad_groups(call, &s);
}

const OpDef op_norm_grad = {
    .name = "norm gradient",
    .attrs_size = sizeof(NormAttrs),
    .infer = grad_infer,
    .reference = grad_reference,
    .cpu_prepare = norm_prepare,
    .cpu_run = grad_cpu,
};

/* ---- the gradient along the scale: Σ dy·z of each channel -------------------------------------
 */

static bool scale_infer(Node *node, Err *err)
{
    if (!grad_infer(node, err)) return false;
    node->shape = SHAPE(mel_node_dim(node->in[0], -1));
    node->dtype = DTYPE_F32;
    return true;
}

static void scale_reference(const Call *call)
{
    const NormAttrs *attrs = call->node->attrs;
    NormSizes s = op_norm_sizes(call->node);
    double *out = call->out;
    memset(out, 0, (size_t)s.channels * sizeof *out);
    for (int64_t set = 0; set < s.batch * s.groups; set++) {
        int64_t first = set % s.groups * s.width;
        int64_t at = set / s.groups * s.space * s.channels + first;
        const double *x = (const double *)call->in[0] + at, *dy = (const double *)call->in[1] + at;
        Moments m = plain_moments(&s, attrs, x);
        for (int64_t i = 0; i < s.space; i++)
            for (int64_t c = 0; c < s.width; c++)
                out[first + c] +=
                    dy[i * s.channels + c] * (x[i * s.channels + c] - m.mean) * m.inverse;
    }
}

static void scale_of_groups(const Call *call, const NormSizes *s, float *out)
{
    Channels stats = channel_stats(call, s);
    const double *sums = call->scratch;
    memset(out, 0, (size_t)s->channels * sizeof *out);
    for (int64_t item = 0; item < s->batch; item++) {
        measure_item(call, s, item, call->scratch, &stats);
        item_slopes(call, s, item, &stats, call->scratch);
        for (int64_t c = 0; c < s->channels; c++)
            out[c] += (float)sums[s->channels + c];
    }
}

MEL_CLONES static void add_row_products(const float *x, const float *dy, RowMoments m, double *sums,
                                        int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sums[i] += dy[i] * ((x[i] - m.mean) * m.inverse);
}

/* PARTS·C doubles of sums, then two rows of C floats for each part. */
static void scale_of_rows(const Call *call, const NormSizes *s, float *out)
{
    const NormAttrs *attrs = call->node->attrs;
    DType x_type = call->node->in[0]->dtype, dy_type = call->node->in[1]->dtype;
    int64_t n = s->channels;
    double *sums = call->scratch;
    float *rows = (void *)(sums + PARTS * n);
    memset(sums, 0, (size_t)(PARTS * n) * sizeof *sums);
#pragma omp parallel for schedule(static) if (s->batch * n > 16384)
    for (int64_t part = 0; part < PARTS; part++) {
        float *buffers = rows + part * 2 * n;
        for (int64_t r = part * s->batch / PARTS; r < (part + 1) * s->batch / PARTS; r++) {
            const float *x = widened(call->in[0], x_type, r * n, n, buffers);
            const float *dy = widened(call->in[1], dy_type, r * n, n, buffers + n);
            RowMoments m = row_moments(x, n, attrs->centred, attrs->eps);
            add_row_products(x, dy, m, sums + part * n, n);
        }
    }
    for (int64_t c = 0; c < n; c++) {
        double sum = 0;
        for (int64_t part = 0; part < PARTS; part++)
            sum += sums[part * n + c];
        out[c] = (float)sum;
    }
}

static bool scale_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    NormSizes s = op_norm_sizes(prepare->node);
    prepare->scratch_bytes = (PARTS * 4 + CHANNEL_ROWS) * s.channels * (int64_t)sizeof(float);
    return true;
}

static void scale_cpu(const Call *call)
{
    const NormAttrs *attrs = call->node->attrs;
    NormSizes s = op_norm_sizes(call->node);
    if (attrs->rows)
        scale_of_rows(call, &s, call->out);
    else
        scale_of_groups(call, &s, call->out);
}

const OpDef op_norm_grad_scale = {
    .name = "norm gradient along the scale",
    .attrs_size = sizeof(NormAttrs),
    .infer = scale_infer,
    .reference = scale_reference,
    .cpu_prepare = scale_prepare,
    .cpu_run = scale_cpu,
};
