/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles of queries meet tiles of keys, and the softmax is carried along. Products of bf16 are for
 * whole tiles: what is left over at the ends is widened and multiplied in f32. */
#include "engine/ops/attention_cpu.h"

#include "engine/ops/rows.h"
#include "engine/ops/simd.h"
#include "engine/ops/thread_products.h"

#include <float.h>

enum { QUERY_TILE = 128, KEY_TILE = 512 };

AttentionHead attention_head(const AttentionSizes *s, int64_t item)
{
    int64_t b = item / s->heads, h = item % s->heads;
    return (AttentionHead){.q = b * s->queries * s->q_step + h * s->width,
                           .k = b * s->keys * s->q_step + h * s->width,
                           .v = b * s->keys * s->v_step + h * s->value_width,
                           .out = b * s->queries * s->v_step + h * s->value_width,
                           .bias = b * s->bias_step[0] + h * s->bias_step[1]};
}

void attention_mask_row(const AttentionSizes *s, const Call *call, float *row, int64_t bias_at,
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

bool attention_in_bf16(const Node *node)
{
    for (int i = 0; i < node->in_count; i++)
        if (i != 3 && node->in[i]->dtype != DTYPE_BF16) return false;
    return dnn_likes_bf16();
}

/* ---- working memory ------------------------------------------------------------------------- */

/* One thread's: rows of f32, weights in bf16, oneDNN's scratch. */
typedef struct Work {
    float *scores, *sums, *queries, *keys, *values;
    uint16_t *weights;
    void *scratch;
} Work;

enum { WORK_PARTS = 7 };

static int64_t query_tile(const AttentionSizes *s)
{
    return s->queries < QUERY_TILE ? s->queries : QUERY_TILE;
}

static int64_t key_tile(const AttentionSizes *s)
{
    return s->keys < KEY_TILE ? s->keys : KEY_TILE;
}

/* Bytes of the parts of Work, in the order of its fields; returns their sum. */
static int64_t work_bytes(const AttentionSizes *s, const ThreadProducts *products,
                          int64_t bytes[WORK_PARTS])
{
    const int64_t rows = query_tile(s), keys = key_tile(s), one = sizeof(float);
    const int64_t all[WORK_PARTS] = {rows * keys * one,
                                     rows * s->value_width * one,
                                     rows * s->width * one,
                                     keys * s->width * one,
                                     keys * s->value_width * one,
                                     products ? rows * keys * (int64_t)sizeof(uint16_t) : 0,
                                     products ? thread_products_scratch_bytes(products) : 0};
    memcpy(bytes, all, sizeof all);
    return scratch_parts(all, WORK_PARTS, NULL, NULL);
}

static Work work_of_thread(const AttentionSizes *s, const Call *call)
{
    int64_t bytes[WORK_PARTS], all = work_bytes(s, call->state, bytes);
    void *parts[WORK_PARTS];
    scratch_parts(bytes, WORK_PARTS, (char *)call->scratch + thread_number() * all, parts);
    return (Work){.scores = parts[0],
                  .sums = parts[1],
                  .queries = parts[2],
                  .keys = parts[3],
                  .values = parts[4],
                  .weights = parts[5],
                  .scratch = parts[6]};
}

/* Rows of floats: where they lie, or widened into `buffer`; *step becomes their distance. */
static const float *rows_of(const void *from, DType dtype, int64_t offset, int64_t rows,
                            int64_t width, float *buffer, int64_t *step)
{
    if (dtype == DTYPE_F32) return (const float *)from + offset;
    const uint16_t *bits = (const uint16_t *)from + offset;
    for (int64_t i = 0; i < rows; i++)
        mel_convert(bits + i * *step, dtype, buffer + i * width, DTYPE_F32, width);
    *step = width;
    return buffer;
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* Some queries of a head, with the running softmax of each. */
typedef struct Queries {
    const AttentionSizes *s;
    const Call *call;
    AttentionHead head;
    Work work;
    int64_t first, count;
    float top[QUERY_TILE], sum[QUERY_TILE];
} Queries;

enum { PRODUCT_SCORES, PRODUCT_SUMS, PRODUCT_MORE_SUMS, PRODUCTS };

static bool new_products(const AttentionSizes *s, ThreadProducts **out, Err *err)
{
    const int64_t rows = query_tile(s), keys = key_tile(s);
    const int64_t queries_steps[] = {s->q_step, 1}, keys_turned[] = {1, s->q_step};
    const int64_t weights_steps[] = {keys, 1}, values_steps[] = {s->v_step, 1};
    DnnMatmul all[PRODUCTS] = {
        [PRODUCT_SCORES] = thread_product(rows, keys, s->width, queries_steps, keys_turned),
        [PRODUCT_SUMS] = thread_product(rows, s->value_width, keys, weights_steps, values_steps),
    };
    all[PRODUCT_SCORES].scale = (float)s->scale;
    all[PRODUCT_MORE_SUMS] = all[PRODUCT_SUMS];
    all[PRODUCT_MORE_SUMS].adds = true;
    return thread_products_new(all, PRODUCTS, out, err);
}

/* As attention_in_bf16 has it, and of a whole tile. */
static bool is_whole(const Queries *q, int64_t count)
{
    return q->call->state && q->count == query_tile(q->s) && count == key_tile(q->s);
}

/* work.scores = scale · queries · keysᵀ, [queries, key_tile]. */
static void find_scores(const Queries *q, int64_t key, int64_t count)
{
    const AttentionSizes *s = q->s;
    const Call *call = q->call;
    int64_t q_at = q->head.q + q->first * s->q_step, k_at = q->head.k + key * s->q_step;
    if (is_whole(q, count)) {
        thread_products_run(call->state, PRODUCT_SCORES, attention_bf16_at(call, 0, q_at),
                            attention_bf16_at(call, 1, k_at), q->work.scores, q->work.scratch);
        return;
    }
    int64_t q_step = s->q_step, k_step = q_step;
    const float *queries = rows_of(call->in[0], call->node->in[0]->dtype, q_at, q->count, s->width,
                                   q->work.queries, &q_step);
    const float *keys = rows_of(call->in[1], call->node->in[1]->dtype, k_at, count, s->width,
                                q->work.keys, &k_step);
    dnn_multiply(&(DnnProduct){.m = q->count,
                               .n = count,
                               .k = s->width,
                               .a_step = q_step,
                               .b_step = k_step,
                               .c_step = key_tile(s),
                               .transpose_b = true,
                               .alpha = (float)s->scale},
                 queries, keys, q->work.scores);
}

/* Scores become weights, relative to the largest score so far; what was summed before shrinks. */
static void take_weights(Queries *q, int64_t key, int64_t count)
{
    const AttentionSizes *s = q->s;
    bool whole = is_whole(q, count);
    for (int64_t i = 0; i < q->count; i++) {
        float *row = q->work.scores + i * key_tile(s), before = q->top[i];
        int64_t query = q->first + i;
        attention_mask_row(s, q->call, row, q->head.bias + query * s->bias_step[2], query, key,
                           count);
        float top = row_largest(row, count);
        if (top < before) top = before;
        float shrink = simd_exp(before - top);
        q->top[i] = top;
        float sum = whole ? row_exponentials_bf16(row, q->work.weights + i * count, count, top)
                          : row_exponentials(row, count, top);
        q->sum[i] = q->sum[i] * shrink + sum;
        if (key > 0 && shrink != 1)
            row_scale(q->work.sums + i * s->value_width, s->value_width, shrink);
    }
}

/* work.sums += weights · values. */
static void add_values(const Queries *q, int64_t key, int64_t count)
{
    const AttentionSizes *s = q->s;
    const Call *call = q->call;
    int64_t v_at = q->head.v + key * s->v_step, v_step = s->v_step;
    if (is_whole(q, count)) {
        thread_products_run(call->state, key > 0 ? PRODUCT_MORE_SUMS : PRODUCT_SUMS,
                            q->work.weights, attention_bf16_at(call, 2, v_at), q->work.sums,
                            q->work.scratch);
        return;
    }
    const float *values = rows_of(call->in[2], call->node->in[2]->dtype, v_at, count,
                                  s->value_width, q->work.values, &v_step);
    dnn_multiply(&(DnnProduct){.m = q->count,
                               .n = s->value_width,
                               .k = count,
                               .a_step = key_tile(s),
                               .b_step = v_step,
                               .c_step = s->value_width,
                               .alpha = 1,
                               .beta = key > 0 ? 1 : 0},
                 q->work.scores, values, q->work.sums);
}

static void write_rows(const Queries *q)
{
    const AttentionSizes *s = q->s;
    DType dtype = q->call->node->dtype;
    int64_t out = q->head.out + q->first * s->v_step;
    for (int64_t i = 0; i < q->count; i++) {
        float *row = q->work.sums + i * s->value_width;
        row_scale(row, s->value_width, 1 / q->sum[i]);
        mel_convert(row, DTYPE_F32,
                    (char *)q->call->out + (out + i * s->v_step) * (int64_t)mel_dtype_size(dtype),
                    dtype, s->value_width);
    }
}

static void attend(Queries *q)
{
    const AttentionSizes *s = q->s;
    int64_t end = q->first + q->count, seen = s->causal && end < s->keys ? end : s->keys;
    for (int64_t i = 0; i < q->count; i++) {
        q->top[i] = -FLT_MAX;
        q->sum[i] = 0;
    }
    for (int64_t key = 0; key < seen; key += KEY_TILE) {
        int64_t count = seen - key < KEY_TILE ? seen - key : KEY_TILE;
        find_scores(q, key, count);
        take_weights(q, key, count);
        add_values(q, key, count);
    }
    write_rows(q);
}

void attention_cpu(const Call *call)
{
    AttentionSizes s = op_attention_sizes(call->node);
    int64_t tiles = (s.queries + QUERY_TILE - 1) / QUERY_TILE;
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < s.batch * s.heads * tiles; i++) {
        int64_t first = i % tiles * QUERY_TILE, left = s.queries - first;
        Queries q = {.s = &s,
                     .call = call,
                     .head = attention_head(&s, i / tiles),
                     .work = work_of_thread(&s, call),
                     .first = first,
                     .count = left < QUERY_TILE ? left : QUERY_TILE};
        attend(&q);
    }
}

bool attention_prepare(Prepare *prepare, Err *err)
{
    AttentionSizes s = op_attention_sizes(prepare->node);
    ThreadProducts *products = NULL;
    int64_t bytes[WORK_PARTS];
    if (attention_in_bf16(prepare->node) && !new_products(&s, &products, err)) return false;
    prepare->state = products;
    prepare->free_state = thread_products_free;
    prepare->scratch_bytes = thread_limit() * work_bytes(&s, products, bytes);
    return true;
}
