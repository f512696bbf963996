/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention without its score matrix: tiles of queries meet tiles of keys, and the softmax is
 * carried along (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et
 * al., "FlashAttention", 2022). The gradient computes the scores again, some rows at a time. */
#include "engine/onednn.h"
#include "engine/ops/attrs.h"
#include "engine/ops/rows.h"
#include "engine/ops/simd.h"
#include "engine/ops/strided.h"

#include <float.h>
#include <omp.h>
#include <stdlib.h>

enum { QUERY_TILE = 64, KEY_TILE = 512 };

AttentionSizes op_attention_sizes(const Node *node)
{
    const AttentionAttrs *attrs = node->attrs;
    const Shape *q = &node->in[0]->shape, *k = &node->in[1]->shape, *v = &node->in[2]->shape;
    AttentionSizes s = {.batch = q->dims[0],
                        .heads = attrs->heads,
                        .queries = q->dims[1],
                        .keys = k->dims[1],
                        .width = q->dims[2] / attrs->heads,
                        .value_width = v->dims[2] / attrs->heads,
                        .q_step = q->dims[2],
                        .v_step = v->dims[2],
                        .causal = attrs->causal};
    s.scale = attrs->scale > 0 ? attrs->scale : 1 / sqrt((double)s.width);
    if (node->in[3]) {
        const Shape whole = SHAPE(s.batch, s.heads, s.queries, s.keys);
        int64_t strides[RANK_MAX];
        strided_broadcast(&node->in[3]->shape, &whole, strides);
        for (int i = 0; i < 3; i++)
            s.bias_step[i] = strides[i];
    }
    return s;
}

static bool check_inputs(const Node *node, Err *err)
{
    const AttentionAttrs *attrs = node->attrs;
    const Shape *q = &node->in[0]->shape, *k = &node->in[1]->shape, *v = &node->in[2]->shape;
    if (q->rank != 3 || k->rank != 3 || v->rank != 3)
        return mel_err(err, ERR_USAGE, "it wants [B, L, C]");
    if (attrs->heads < 1 || q->dims[2] % attrs->heads || v->dims[2] % attrs->heads)
        return mel_err(err, ERR_USAGE, "%d heads do not divide the width", attrs->heads);
    if (q->dims[2] != k->dims[2] || k->dims[1] != v->dims[1] || q->dims[0] != k->dims[0] ||
        k->dims[0] != v->dims[0] || k->dims[1] < 1)
        return mel_err(err, ERR_USAGE, "queries, keys and values do not fit each other");
    if (!node->in[3]) return true;
    Shape joined, whole = SHAPE(q->dims[0], attrs->heads, q->dims[1], k->dims[1]);
    const Shape *bias = &node->in[3]->shape;
    return (bias->rank == 4 && bias->dims[3] == k->dims[1] &&
            shape_broadcast(bias, &whole, &joined) && mel_shape_equal(&joined, &whole)) ||
           mel_err(err, ERR_USAGE, "the bias does not fit [B, heads, queries, keys]");
}

/* ---- the plain formula ---------------------------------------------------------------------- */

/* Weights of one query; returns how many keys it sees. */
static int64_t plain_weights(const AttentionSizes *s, const double *q, const double *k,
                             const double *bias, int64_t query, double *weights)
{
    int64_t seen = s->causal && query + 1 < s->keys ? query + 1 : s->keys;
    double top = -DBL_MAX, sum = 0;
    for (int64_t j = 0; j < seen; j++) {
        double dot = 0;
        for (int64_t d = 0; d < s->width; d++)
            dot += q[d] * k[j * s->q_step + d];
        weights[j] = dot * s->scale + (bias ? bias[j] : 0);
        top = fmax(top, weights[j]);
    }
    for (int64_t j = 0; j < seen; j++)
        sum += weights[j] = exp(weights[j] - top);
    for (int64_t j = 0; j < seen; j++)
        weights[j] /= sum;
    return seen;
}

/* Where one head of one batch item begins. */
typedef struct Head {
    int64_t q, k, v, out, bias;
} Head;

static Head head_of(const AttentionSizes *s, int64_t item)
{
    int64_t b = item / s->heads, h = item % s->heads;
    return (Head){.q = b * s->queries * s->q_step + h * s->width,
                  .k = b * s->keys * s->q_step + h * s->width,
                  .v = b * s->keys * s->v_step + h * s->value_width,
                  .out = b * s->queries * s->v_step + h * s->value_width,
                  .bias = b * s->bias_step[0] + h * s->bias_step[1]};
}

static const double *plain_bias(const AttentionSizes *s, const double *bias, const Head *head,
                                int64_t query)
{
    return bias ? bias + head->bias + query * s->bias_step[2] : NULL;
}

static void attention_reference(const Call *call)
{
    AttentionSizes s = op_attention_sizes(call->node);
    const double *v = call->in[2];
    double *weights = mel_alloc((size_t)s.keys * sizeof *weights);
    for (int64_t item = 0; item < s.batch * s.heads; item++) {
        Head head = head_of(&s, item);
        for (int64_t i = 0; i < s.queries; i++) {
            double *out = (double *)call->out + head.out + i * s.v_step;
            int64_t seen = plain_weights(&s, (const double *)call->in[0] + head.q + i * s.q_step,
                                         (const double *)call->in[1] + head.k,
                                         plain_bias(&s, call->in[3], &head, i), i, weights);
            for (int64_t d = 0; d < s.value_width; d++) {
                out[d] = 0;
                for (int64_t j = 0; j < seen; j++)
                    out[d] += weights[j] * v[head.v + j * s.v_step + d];
            }
        }
    }
    free(weights);
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* One thread's working memory, in floats. */
typedef struct Work {
    float *scores, *sums, *queries, *keys, *values;
} Work;

static int64_t work_floats(const AttentionSizes *s)
{
    return QUERY_TILE * KEY_TILE + QUERY_TILE * (s->value_width + s->width) +
           KEY_TILE * (s->width + s->value_width) + 64;
}

static Work work_of(const AttentionSizes *s, void *scratch, int thread)
{
    float *at = (float *)scratch + thread * ((work_floats(s) + 15) / 16 * 16);
    Work work = {.scores = at};
    work.sums = work.scores + QUERY_TILE * KEY_TILE;
    work.queries = work.sums + QUERY_TILE * s->value_width;
    work.keys = work.queries + QUERY_TILE * s->width;
    work.values = work.keys + KEY_TILE * s->width;
    return work;
}

/* Rows of floats: where they lie, or widened into `buffer`; *step becomes their distance. */
static const float *rows_of(const void *from, DType dtype, int64_t offset, int64_t rows,
                            int64_t width, float *buffer, int64_t *step)
{
    if (dtype == DTYPE_F32) return (const float *)from + offset;
    const uint16_t *bits = (const uint16_t *)from + offset;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++)
            buffer[i * width + j] = mel_bf16_to_f32(bits[i * *step + j]);
    *step = width;
    return buffer;
}

/* Adds the bias and hides what a causal query may not see. */
static void bias_row(const AttentionSizes *s, const Call *call, float *row, int64_t bias_at,
                     int64_t query, int64_t first, int64_t count)
{
    const Node *bias = call->node->in[3];
    float buffer[SIMD_CHUNK];
    for (int64_t at = 0; bias && at < count; at += SIMD_CHUNK) {
        int64_t n = count - at < SIMD_CHUNK ? count - at : SIMD_CHUNK;
        const float *add = simd_load(call->in[3], bias->dtype, bias_at + first + at, n, buffer);
        for (int64_t j = 0; j < n; j++)
            row[at + j] += add[j];
    }
    for (int64_t j = count - 1; s->causal && j >= 0 && first + j > query; j--)
        row[j] = -FLT_MAX;
}

/* The running softmax of a tile of queries. */
typedef struct Running {
    float top[QUERY_TILE], sum[QUERY_TILE];
} Running;

static void take_keys(const AttentionSizes *s, const Call *call, const Head *head, const Work *work,
                      const float *q, int64_t q_step, int64_t query, int64_t rows, int64_t key,
                      int64_t count, Running *running)
{
    const Node *node = call->node;
    int64_t k_step = s->q_step, v_step = s->v_step;
    const float *k = rows_of(call->in[1], node->in[1]->dtype, head->k + key * s->q_step, count,
                             s->width, work->keys, &k_step);
    const float *v = rows_of(call->in[2], node->in[2]->dtype, head->v + key * s->v_step, count,
                             s->value_width, work->values, &v_step);
    dnn_multiply(&(DnnProduct){.m = rows,
                               .n = count,
                               .k = s->width,
                               .a_step = q_step,
                               .b_step = k_step,
                               .c_step = KEY_TILE,
                               .transpose_b = true,
                               .alpha = (float)s->scale},
                 q, k, work->scores);
    for (int64_t i = 0; i < rows; i++) {
        float *row = work->scores + i * KEY_TILE, before = running->top[i];
        bias_row(s, call, row, head->bias + (query + i) * s->bias_step[2], query + i, key, count);
        float top = row_largest(row, count);
        if (top < before) top = before;
        float shrink = simd_exp(before - top);
        running->top[i] = top;
        running->sum[i] = running->sum[i] * shrink + row_exponentials(row, count, top);
        if (key > 0) row_scale(work->sums + i * s->value_width, s->value_width, shrink);
    }
    dnn_multiply(&(DnnProduct){.m = rows,
                               .n = s->value_width,
                               .k = count,
                               .a_step = KEY_TILE,
                               .b_step = v_step,
                               .c_step = s->value_width,
                               .alpha = 1,
                               .beta = key > 0 ? 1 : 0},
                 work->scores, v, work->sums);
}

static void write_rows(const AttentionSizes *s, const Call *call, const Work *work, int64_t out,
                       int64_t rows, const Running *running)
{
    DType dtype = call->node->dtype;
    for (int64_t i = 0; i < rows; i++) {
        float *row = work->sums + i * s->value_width;
        row_scale(row, s->value_width, 1 / running->sum[i]);
        mel_convert(row, DTYPE_F32,
                    (char *)call->out + (out + i * s->v_step) * (int64_t)mel_dtype_size(dtype),
                    dtype, s->value_width);
    }
}

static void attend(const AttentionSizes *s, const Call *call, int64_t item, int64_t query,
                   const Work *work)
{
    Head head = head_of(s, item);
    Running running;
    int64_t rows = s->queries - query < QUERY_TILE ? s->queries - query : QUERY_TILE;
    int64_t seen = s->causal && query + rows < s->keys ? query + rows : s->keys;
    int64_t q_step = s->q_step;
    const float *q = rows_of(call->in[0], call->node->in[0]->dtype, head.q + query * s->q_step,
                             rows, s->width, work->queries, &q_step);
    for (int64_t i = 0; i < rows; i++) {
        running.top[i] = -FLT_MAX;
        running.sum[i] = 0;
    }
    for (int64_t key = 0; key < seen; key += KEY_TILE)
        take_keys(s, call, &head, work, q, q_step, query, rows, key,
                  seen - key < KEY_TILE ? seen - key : KEY_TILE, &running);
    write_rows(s, call, work, head.out + query * s->v_step, rows, &running);
}

static void attention_cpu(const Call *call)
{
    AttentionSizes s = op_attention_sizes(call->node);
    int64_t tiles = (s.queries + QUERY_TILE - 1) / QUERY_TILE;
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < s.batch * s.heads * tiles; i++) {
        Work work = work_of(&s, call->scratch, omp_get_thread_num());
        attend(&s, call, i / tiles, i % tiles * QUERY_TILE, &work);
    }
}

static bool attention_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    AttentionSizes s = op_attention_sizes(prepare->node);
    prepare->scratch_bytes =
        omp_get_max_threads() * ((work_floats(&s) + 15) / 16 * 16) * (int64_t)sizeof(float);
    return true;
}

static bool attention_infer(Node *node, Err *err)
{
    if (!check_inputs(node, err)) return false;
    node->shape = node->in[0]->shape;
    node->shape.dims[2] = node->in[2]->shape.dims[2];
    node->dtype = node->in[0]->dtype;
    return true;
}

/* ---- the gradient --------------------------------------------------------------------------- */

void op_attention_grad_offsets(const Node *node, int64_t at[5])
{
    const AttentionAttrs *attrs = node->attrs;
    at[0] = 0;
    for (int i = 0; i < 4; i++) {
        bool there = i < 3 || attrs->wants_bias;
        at[i + 1] = at[i] + (there ? mel_shape_count(&node->in[i]->shape) : 0);
    }
}

static bool grad_infer(Node *node, Err *err)
{
    int64_t at[5];
    if (!check_inputs(node, err)) return false;
    op_attention_grad_offsets(node, at);
    node->shape = SHAPE(at[4]);
    node->dtype = node->in[0]->dtype;
    return true;
}

static void plain_slopes(const AttentionSizes *s, const Call *call, const Head *head, int64_t i,
                         double *weights, double *slopes, const int64_t at[5], bool wants_bias)
{
    const double *q = (const double *)call->in[0] + head->q + i * s->q_step;
    const double *k = (const double *)call->in[1] + head->k;
    const double *v = (const double *)call->in[2] + head->v;
    const double *dy = (const double *)call->in[4] + head->out + i * s->v_step;
    double *out = call->out, mean = 0;
    int64_t seen = plain_weights(s, q, k, plain_bias(s, call->in[3], head, i), i, weights);
    for (int64_t j = 0; j < seen; j++) {
        slopes[j] = 0;
        for (int64_t d = 0; d < s->value_width; d++) {
            slopes[j] += dy[d] * v[j * s->v_step + d];
            out[at[2] + head->v + j * s->v_step + d] += weights[j] * dy[d];
        }
        mean += weights[j] * slopes[j];
    }
    for (int64_t j = 0; j < seen; j++) {
        double slope = weights[j] * (slopes[j] - mean);
        if (wants_bias) out[at[3] + head->bias + i * s->bias_step[2] + j] += slope;
        for (int64_t d = 0; d < s->width; d++) {
            out[head->q + i * s->q_step + d] += slope * s->scale * k[j * s->q_step + d];
            out[at[1] + head->k + j * s->q_step + d] += slope * s->scale * q[d];
        }
    }
}

static void grad_reference(const Call *call)
{
    const AttentionAttrs *attrs = call->node->attrs;
    AttentionSizes s = op_attention_sizes(call->node);
    int64_t at[5];
    op_attention_grad_offsets(call->node, at);
    memset(call->out, 0, (size_t)at[4] * sizeof(double));
    double *weights = mel_alloc((size_t)s.keys * sizeof *weights);
    double *slopes = mel_alloc((size_t)s.keys * sizeof *slopes);
    for (int64_t item = 0; item < s.batch * s.heads; item++) {
        Head head = head_of(&s, item);
        for (int64_t i = 0; i < s.queries; i++)
            plain_slopes(&s, call, &head, i, weights, slopes, at, attrs->wants_bias);
    }
    free(weights);
    free(slopes);
}

/* All of a head in f32: what goes in, what comes out, and some rows of weights and slopes. */
typedef struct GradWork {
    float *q, *k, *v, *dy, *dq, *dk, *dv, *weights, *slopes;
} GradWork;

enum { GRAD_PARTS = 9 };

/* In the order of GradWork's fields; returns the sum. */
static int64_t grad_floats(const AttentionSizes *s, int64_t counts[GRAD_PARTS])
{
    const int64_t q = s->queries * s->width, k = s->keys * s->width;
    const int64_t v = s->keys * s->value_width, dy = s->queries * s->value_width;
    const int64_t rows = QUERY_TILE * s->keys;
    const int64_t all[GRAD_PARTS] = {q, k, v, dy, q, k, v, rows, rows};
    int64_t sum = 0;
    for (int i = 0; i < GRAD_PARTS; i++)
        sum += counts[i] = (all[i] + 15) / 16 * 16;
    return sum;
}

static GradWork grad_work(const AttentionSizes *s, float *at)
{
    GradWork w = {0};
    float **parts[GRAD_PARTS] = {&w.q,  &w.k,  &w.v,       &w.dy,    &w.dq,
                                 &w.dk, &w.dv, &w.weights, &w.slopes};
    int64_t counts[GRAD_PARTS];
    grad_floats(s, counts);
    for (int i = 0; i < GRAD_PARTS; i++) {
        *parts[i] = at;
        at += counts[i];
    }
    return w;
}

static void gather(const void *from, DType dtype, int64_t offset, int64_t rows, int64_t step,
                   int64_t width, float *to)
{
    size_t size = mel_dtype_size(dtype);
    for (int64_t i = 0; i < rows; i++)
        mel_convert((const char *)from + (size_t)(offset + i * step) * size, dtype, to + i * width,
                    DTYPE_F32, width);
}

static void scatter(const float *from, void *to, DType dtype, int64_t offset, int64_t rows,
                    int64_t step, int64_t width)
{
    size_t size = mel_dtype_size(dtype);
    for (int64_t i = 0; i < rows; i++)
        mel_convert(from + i * width, DTYPE_F32, (char *)to + (size_t)(offset + i * step) * size,
                    dtype, width);
}

static void multiply(int64_t m, int64_t n, int64_t k, const float *a, bool ta, const float *b,
                     bool tb, float *c, float alpha, float beta)
{
    dnn_multiply(&(DnnProduct){.m = m,
                               .n = n,
                               .k = k,
                               .a_step = ta ? m : k,
                               .b_step = tb ? k : n,
                               .c_step = n,
                               .transpose_a = ta,
                               .transpose_b = tb,
                               .alpha = alpha,
                               .beta = beta},
                 a, b, c);
}

MEL_CLONES static void slope_row(const float *weights, float *slopes, int64_t n)
{
    float mean = row_dot(weights, slopes, n);
    for (int64_t j = 0; j < n; j++)
        slopes[j] = weights[j] * (slopes[j] - mean);
}

static void grad_rows(const AttentionSizes *s, const Call *call, const GradWork *w,
                      const Head *head, int64_t query, int64_t rows, float *bias_slopes)
{
    const float *q = w->q + query * s->width, *dy = w->dy + query * s->value_width;
    float scale = (float)s->scale, more = query > 0 ? 1 : 0;
    multiply(rows, s->keys, s->width, q, false, w->k, true, w->weights, scale, 0);
    multiply(rows, s->keys, s->value_width, dy, false, w->v, true, w->slopes, 1, 0);
    for (int64_t i = 0; i < rows; i++) {
        float *row = w->weights + i * s->keys, *slopes = w->slopes + i * s->keys;
        int64_t bias_at = head->bias + (query + i) * s->bias_step[2];
        bias_row(s, call, row, bias_at, query + i, 0, s->keys);
        float sum = row_exponentials(row, s->keys, row_largest(row, s->keys));
        row_scale(row, s->keys, 1 / sum);
        slope_row(row, slopes, s->keys);
        for (int64_t j = 0; bias_slopes && j < s->keys; j++)
            bias_slopes[bias_at + j] += slopes[j];
    }
    multiply(rows, s->width, s->keys, w->slopes, false, w->k, false, w->dq + query * s->width,
             scale, 0);
    multiply(s->keys, s->width, rows, w->slopes, true, q, false, w->dk, scale, more);
    multiply(s->keys, s->value_width, rows, w->weights, true, dy, false, w->dv, 1, more);
}

static void grad_head(const AttentionSizes *s, const Call *call, int64_t item, float *memory,
                      const int64_t at[5], float *bias_slopes)
{
    GradWork w = grad_work(s, memory);
    Head head = head_of(s, item);
    DType dtype = call->node->dtype;
    gather(call->in[0], call->node->in[0]->dtype, head.q, s->queries, s->q_step, s->width, w.q);
    gather(call->in[1], call->node->in[1]->dtype, head.k, s->keys, s->q_step, s->width, w.k);
    gather(call->in[2], call->node->in[2]->dtype, head.v, s->keys, s->v_step, s->value_width, w.v);
    gather(call->in[4], call->node->in[4]->dtype, head.out, s->queries, s->v_step, s->value_width,
           w.dy);
    for (int64_t query = 0; query < s->queries; query += QUERY_TILE) {
        int64_t left = s->queries - query;
        grad_rows(s, call, &w, &head, query, left < QUERY_TILE ? left : QUERY_TILE, bias_slopes);
    }
    scatter(w.dq, call->out, dtype, at[0] + head.q, s->queries, s->q_step, s->width);
    scatter(w.dk, call->out, dtype, at[1] + head.k, s->keys, s->q_step, s->width);
    scatter(w.dv, call->out, dtype, at[2] + head.v, s->keys, s->v_step, s->value_width);
}

/* With a bias to add up, one head after the other (their products use all threads), so that the
 * sum has one order; else heads side by side. */
static void grad_cpu(const Call *call)
{
    const AttentionAttrs *attrs = call->node->attrs;
    AttentionSizes s = op_attention_sizes(call->node);
    int64_t at[5], counts[GRAD_PARTS], floats = grad_floats(&s, counts);
    op_attention_grad_offsets(call->node, at);
    int64_t bias_count = at[4] - at[3];
    float *bias = attrs->wants_bias ? call->scratch : NULL;
    float *memory = (float *)call->scratch + (bias_count + 15) / 16 * 16;
    if (bias) memset(bias, 0, (size_t)bias_count * sizeof *bias);
#pragma omp parallel for schedule(dynamic) if (!attrs->wants_bias)
    for (int64_t item = 0; item < s.batch * s.heads; item++)
        grad_head(&s, call, item, memory + omp_get_thread_num() * floats, at, bias);
    if (bias)
        mel_convert(bias, DTYPE_F32,
                    (char *)call->out + at[3] * (int64_t)mel_dtype_size(call->node->dtype),
                    call->node->dtype, bias_count);
}

static bool grad_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    AttentionSizes s = op_attention_sizes(prepare->node);
    int64_t at[5], counts[GRAD_PARTS], floats = grad_floats(&s, counts);
    op_attention_grad_offsets(prepare->node, at);
    int64_t bias = (at[4] - at[3] + 15) / 16 * 16;
    prepare->scratch_bytes = (bias + omp_get_max_threads() * floats) * (int64_t)sizeof(float);
    return true;
}

static void attention_gradient(const Node *node, Node *dy, Node **dx)
{
    AttentionAttrs attrs = *(const AttentionAttrs *)node->attrs;
    int64_t at[5];
    attrs.wants_bias = node->in[3] && !node->in[3]->constant;
    Node *in[] = {node->in[0], node->in[1], node->in[2], node->in[3], dy};
    Node *all = op_node(node->graph, &op_attention_grad, &attrs, in, 5, 3);
    if (!all) return;
    op_attention_grad_offsets(all, at);
    for (int i = 0; i < 4; i++)
        if (node->in[i] && at[i + 1] > at[i])
            dx[i] = mel_op_reshape(mel_op_slice(all, 0, at[i], at[i + 1]), node->in[i]->shape);
}

Node *mel_op_attention(Node *q, Node *k, Node *v, Node *bias, const AttentionOptions *options)
{
    const AttentionAttrs attrs = {
        .heads = options->heads, .scale = options->scale, .causal = options->causal};
    Node *in[] = {q, k, v, bias};
    return op_node(op_graph(q), &op_attention, &attrs, in, 4, 3);
}

static void attention_samples(SampleSink *sink)
{
    static const struct {
        const char *name;
        int64_t batch, queries, keys, width, value_width;
        AttentionOptions options;
        int64_t bias[3]; /* 0: none */
    } cases[] = {
        {"self",          2, 9,   9,   12,  12,  {.heads = 3},                 {0}      },
        {"cross",         1, 70,  13,  8,   6,   {.heads = 2, .scale = 1},     {0}      },
        {"causal",        1, 67,  67,  8,   8,   {.heads = 2, .causal = true}, {0}      },
        {"padding",       2, 5,   7,   8,   8,   {.heads = 2},                 {2, 1, 1}},
        {"relative",      2, 6,   6,   8,   8,   {.heads = 4, .scale = 1},     {1, 4, 6}},
        {"all",           2, 3,   5,   8,   8,   {.heads = 2},                 {2, 2, 3}},
        {"two key tiles", 1, 5,   530, 4,   4,   {.heads = 1},                 {0}      },
        {"causal tiles",  1, 530, 530, 4,   4,   {.heads = 1, .causal = true}, {1, 1, 1}},
        {"even",          1, 20,  70,  80,  80,  {.heads = 2},                 {0}      },
        {"causal, even",  1, 70,  70,  64,  64,  {.heads = 1, .causal = true}, {0}      },
        {"uneven",        2, 9,   9,   32,  48,  {.heads = 2},                 {1, 1, 9}},
        {"wide",          1, 5,   40,  264, 136, {.heads = 1},                 {0}      },
        {"odd and wide",  1, 3,   35,  150, 141, {.heads = 1, .causal = true}, {0}      },
        {"wider",         1, 3,   35,  200, 200, {.heads = 1},                 {1, 1, 1}},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        int64_t b = cases[i].batch, l = cases[i].keys;
        Node *q = sample_input(sink, 1, 0, SHAPE(b, cases[i].queries, cases[i].width));
        Node *k = sample_input(sink, 1, 0, SHAPE(b, l, cases[i].width));
        Node *v = sample_input(sink, 1, 0, SHAPE(b, l, cases[i].value_width));
        const int64_t *s = cases[i].bias;
        Node *bias = s[0] ? sample_input(sink, 1, 0, SHAPE(s[0], s[1], s[2], l)) : NULL;
        sample_check(sink, cases[i].name, mel_op_attention(q, k, v, bias, &cases[i].options));
    }
}

const OpDef op_attention = {
    .name = "attention",
    .attrs_size = sizeof(AttentionAttrs),
    .infer = attention_infer,
    .reference = attention_reference,
    .gradient = attention_gradient,
    .cpu_prepare = attention_prepare,
    .cpu_run = attention_cpu,
    .samples = attention_samples,
};

const OpDef op_attention_grad = {
    .name = "attention gradient",
    .attrs_size = sizeof(AttentionAttrs),
    .infer = grad_infer,
    .reference = grad_reference,
    .cpu_prepare = grad_prepare,
    .cpu_run = grad_cpu,
};
