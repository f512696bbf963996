/* SPDX-License-Identifier: Apache-2.0
 *
 * The slopes of attention, a head at a time: scores are computed again, some rows of them at once.
 * Products of bf16 are for whole tiles of rows, as forwards. */
#include "engine/ops/attention_cpu.h"
#include "engine/ops/rows.h"
#include "engine/ops/simd.h"
#include "engine/ops/thread_products.h"

enum { ROWS = 128 };

/* One thread's: all of a head in f32, what goes in and what comes out, and some rows of weights and
 * slopes. */
typedef struct Work {
    float *q, *k, *v, *dy, *dq, *dk, *dv, *weights, *slopes;
    uint16_t *short_weights, *short_slopes; /* in bf16 */
    void *scratch;                          /* oneDNN's */
} Work;

enum { WORK_PARTS = 12 };

static int64_t row_tile(const AttentionSizes *s)
{
    return s->queries < ROWS ? s->queries : ROWS;
}

/* Whether rows are left that products of bf16 do not take. */
static bool needs_f32(const AttentionSizes *s, const ThreadProducts *products)
{
    return !products || s->queries % row_tile(s) != 0;
}

/* Bytes of the parts of Work, in the order of its fields; returns their sum. */
static int64_t work_bytes(const AttentionSizes *s, const ThreadProducts *products,
                          int64_t bytes[WORK_PARTS])
{
    const int64_t q = s->queries * s->width, k = s->keys * s->width;
    const int64_t v = s->keys * s->value_width, dy = s->queries * s->value_width;
    const int64_t rows = row_tile(s) * s->keys, one = sizeof(float);
    const int64_t wide = needs_f32(s, products) ? one : 0, two = products ? sizeof(uint16_t) : 0;
    const int64_t all[WORK_PARTS] = {
        q * wide,   k * wide,   v * wide,   dy * wide,
        q * one,    k * one,    v * one,    rows * one,
        rows * one, rows * two, rows * two, products ? thread_products_scratch_bytes(products) : 0};
    memcpy(bytes, all, sizeof all);
    return scratch_parts(all, WORK_PARTS, NULL, NULL);
}

static Work work_at(const AttentionSizes *s, const ThreadProducts *products, char *at)
{
    int64_t bytes[WORK_PARTS];
    void *parts[WORK_PARTS];
    work_bytes(s, products, bytes);
    scratch_parts(bytes, WORK_PARTS, at, parts);
    return (Work){.q = parts[0],
                  .k = parts[1],
                  .v = parts[2],
                  .dy = parts[3],
                  .dq = parts[4],
                  .dk = parts[5],
                  .dv = parts[6],
                  .weights = parts[7],
                  .slopes = parts[8],
                  .short_weights = parts[9],
                  .short_slopes = parts[10],
                  .scratch = parts[11]};
}

/* One head, on one thread. */
typedef struct HeadSlopes {
    const AttentionSizes *s;
    const Call *call;
    AttentionHead head;
    Work work;
    float *bias; /* slopes of it to add to, or NULL */
} HeadSlopes;

static void gather(const HeadSlopes *h, int input, int64_t offset, int64_t rows, int64_t step,
                   int64_t width, float *to)
{
    DType dtype = h->call->node->in[input]->dtype;
    size_t size = mel_dtype_size(dtype);
    for (int64_t i = 0; i < rows; i++)
        mel_convert((const char *)h->call->in[input] + (size_t)(offset + i * step) * size, dtype,
                    to + i * width, DTYPE_F32, width);
}

static void scatter(const float *from, const Call *call, int64_t offset, int64_t rows, int64_t step,
                    int64_t width)
{
    DType dtype = call->node->dtype;
    size_t size = mel_dtype_size(dtype);
    for (int64_t i = 0; i < rows; i++)
        mel_convert(from + i * width, DTYPE_F32,
                    (char *)call->out + (size_t)(offset + i * step) * size, dtype, width);
}

/* ---- products ------------------------------------------------------------------------------- */

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

enum {
    PRODUCT_WEIGHTS,
    PRODUCT_SLOPES,
    PRODUCT_DQ,
    PRODUCT_DK,
    PRODUCT_MORE_DK,
    PRODUCT_DV,
    PRODUCT_MORE_DV,
    PRODUCTS
};

static bool new_products(const AttentionSizes *s, ThreadProducts **out, Err *err)
{
    const int64_t rows = row_tile(s), keys = s->keys, width = s->width, values = s->value_width;
    const int64_t as_q[] = {s->q_step, 1}, as_v[] = {s->v_step, 1};
    const int64_t q_turned[] = {1, s->q_step}, v_turned[] = {1, s->v_step};
    const int64_t as_row[] = {keys, 1}, row_turned[] = {1, keys};
    DnnMatmul all[PRODUCTS] = {
        [PRODUCT_WEIGHTS] = thread_product(rows, keys, width, as_q, q_turned),
        [PRODUCT_SLOPES] = thread_product(rows, keys, values, as_v, v_turned),
        [PRODUCT_DQ] = thread_product(rows, width, keys, as_row, as_q),
        [PRODUCT_DK] = thread_product(keys, width, rows, row_turned, as_q),
        [PRODUCT_DV] = thread_product(keys, values, rows, row_turned, as_v),
    };
    all[PRODUCT_WEIGHTS].scale = all[PRODUCT_DQ].scale = all[PRODUCT_DK].scale = (float)s->scale;
    all[PRODUCT_MORE_DK] = all[PRODUCT_DK];
    all[PRODUCT_MORE_DV] = all[PRODUCT_DV];
    all[PRODUCT_MORE_DK].adds = all[PRODUCT_MORE_DV].adds = true;
    return thread_products_new(all, PRODUCTS, out, err);
}

static bool in_bf16(const HeadSlopes *h, int64_t rows)
{
    return h->call->state && rows == row_tile(h->s);
}

/* Scores, and how the loss changes with the weights that they become. */
static void find_scores(const HeadSlopes *h, int64_t query, int64_t rows)
{
    const AttentionSizes *s = h->s;
    const Call *call = h->call;
    const Work *w = &h->work;
    if (in_bf16(h, rows)) {
        thread_products_run(call->state, PRODUCT_WEIGHTS,
                            attention_bf16_at(call, 0, h->head.q + query * s->q_step),
                            attention_bf16_at(call, 1, h->head.k), w->weights, w->scratch);
        thread_products_run(call->state, PRODUCT_SLOPES,
                            attention_bf16_at(call, 4, h->head.out + query * s->v_step),
                            attention_bf16_at(call, 2, h->head.v), w->slopes, w->scratch);
        return;
    }
    multiply(rows, s->keys, s->width, w->q + query * s->width, false, w->k, true, w->weights,
             (float)s->scale, 0);
    multiply(rows, s->keys, s->value_width, w->dy + query * s->value_width, false, w->v, true,
             w->slopes, 1, 0);
}

static void add_slopes(const HeadSlopes *h, int64_t query, int64_t rows)
{
    const AttentionSizes *s = h->s;
    const Call *call = h->call;
    const Work *w = &h->work;
    float *dq = w->dq + query * s->width, scale = (float)s->scale, more = query > 0 ? 1 : 0;
    if (in_bf16(h, rows)) {
        const uint16_t *q = attention_bf16_at(call, 0, h->head.q + query * s->q_step);
        const uint16_t *dy = attention_bf16_at(call, 4, h->head.out + query * s->v_step);
        mel_convert(w->weights, DTYPE_F32, w->short_weights, DTYPE_BF16, rows * s->keys);
        mel_convert(w->slopes, DTYPE_F32, w->short_slopes, DTYPE_BF16, rows * s->keys);
        thread_products_run(call->state, PRODUCT_DQ, w->short_slopes,
                            attention_bf16_at(call, 1, h->head.k), dq, w->scratch);
        thread_products_run(call->state, query > 0 ? PRODUCT_MORE_DK : PRODUCT_DK, w->short_slopes,
                            q, w->dk, w->scratch);
        thread_products_run(call->state, query > 0 ? PRODUCT_MORE_DV : PRODUCT_DV, w->short_weights,
                            dy, w->dv, w->scratch);
        return;
    }
    multiply(rows, s->width, s->keys, w->slopes, false, w->k, false, dq, scale, 0);
    multiply(s->keys, s->width, rows, w->slopes, true, w->q + query * s->width, false, w->dk, scale,
             more);
    multiply(s->keys, s->value_width, rows, w->weights, true, w->dy + query * s->value_width, false,
             w->dv, 1, more);
}

/* ---- a head --------------------------------------------------------------------------------- */

MEL_CLONES static void slope_row(const float *weights, float *slopes, int64_t n)
{
    float mean = row_dot(weights, slopes, n);
    for (int64_t j = 0; j < n; j++)
        slopes[j] = weights[j] * (slopes[j] - mean);
}

static void take_rows(const HeadSlopes *h, int64_t query, int64_t rows)
{
    const AttentionSizes *s = h->s;
    find_scores(h, query, rows);
    for (int64_t i = 0; i < rows; i++) {
        float *row = h->work.weights + i * s->keys, *slopes = h->work.slopes + i * s->keys;
        int64_t bias_at = h->head.bias + (query + i) * s->bias_step[2];
        attention_mask_row(s, h->call, row, bias_at, query + i, 0, s->keys);
        float sum = row_exponentials(row, s->keys, row_largest(row, s->keys));
        row_scale(row, s->keys, 1 / sum);
        slope_row(row, slopes, s->keys);
        for (int64_t j = 0; h->bias && j < s->keys; j++)
            h->bias[bias_at + j] += slopes[j];
    }
    add_slopes(h, query, rows);
}

static void take_head(const HeadSlopes *h, const int64_t at[5])
{
    const AttentionSizes *s = h->s;
    const AttentionHead *head = &h->head;
    const Work *w = &h->work;
    if (needs_f32(s, h->call->state)) {
        gather(h, 0, head->q, s->queries, s->q_step, s->width, w->q);
        gather(h, 1, head->k, s->keys, s->q_step, s->width, w->k);
        gather(h, 2, head->v, s->keys, s->v_step, s->value_width, w->v);
        gather(h, 4, head->out, s->queries, s->v_step, s->value_width, w->dy);
    }
    for (int64_t query = 0; query < s->queries; query += ROWS) {
        int64_t left = s->queries - query;
        take_rows(h, query, left < ROWS ? left : ROWS);
    }
    scatter(w->dq, h->call, at[0] + head->q, s->queries, s->q_step, s->width);
    scatter(w->dk, h->call, at[1] + head->k, s->keys, s->q_step, s->width);
    scatter(w->dv, h->call, at[2] + head->v, s->keys, s->v_step, s->value_width);
}

/* With a bias to add up, one head after the other (their products use all threads), so that the
 * sum has one order; else heads side by side. */
void attention_grad_cpu(const Call *call)
{
    const AttentionAttrs *attrs = call->node->attrs;
    AttentionSizes s = op_attention_sizes(call->node);
    int64_t at[5], parts[WORK_PARTS], bytes = work_bytes(&s, call->state, parts);
    op_attention_grad_offsets(call->node, at);
    int64_t bias_count = at[4] - at[3];
    float *bias = attrs->wants_bias ? call->scratch : NULL;
    char *memory = (char *)call->scratch + (bias_count + 15) / 16 * 16 * (int64_t)sizeof(float);
    if (bias) memset(bias, 0, (size_t)bias_count * sizeof *bias);
#pragma omp parallel for schedule(dynamic) if (!attrs->wants_bias)
    for (int64_t item = 0; item < s.batch * s.heads; item++) {
        const HeadSlopes head = {.s = &s,
                                 .call = call,
                                 .head = attention_head(&s, item),
                                 .work = work_at(&s, call->state, memory + thread_number() * bytes),
                                 .bias = bias};
        take_head(&head, at);
    }
    if (bias)
        mel_convert(bias, DTYPE_F32,
                    (char *)call->out + at[3] * (int64_t)mel_dtype_size(call->node->dtype),
                    call->node->dtype, bias_count);
}

bool attention_grad_prepare(Prepare *prepare, Err *err)
{
    const AttentionAttrs *attrs = prepare->node->attrs;
    AttentionSizes s = op_attention_sizes(prepare->node);
    ThreadProducts *products = NULL;
    int64_t at[5], parts[WORK_PARTS];
    bool short_products = attention_in_bf16(prepare->node) && !attrs->wants_bias;
    if (short_products && !new_products(&s, &products, err)) return false;
    op_attention_grad_offsets(prepare->node, at);
    int64_t bias = (at[4] - at[3] + 15) / 16 * 16;
    prepare->state = products;
    prepare->free_state = thread_products_free;
    prepare->scratch_bytes =
        bias * (int64_t)sizeof(float) + thread_limit() * work_bytes(&s, products, parts);
    return true;
}
