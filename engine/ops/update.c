/* SPDX-License-Identifier: Apache-2.0
 *
 * What an optimiser does to variables, in one pass over them each. These operations write over
 * their inputs (squares only reads); their value is a sum of squares of what they wrote or changed,
 * which is added up in blocks of fixed size: the same for every number of threads. */
#include "engine/op.h"
#include "engine/ops/simd.h"

/* Small blocks, so that threads get equal shares; up to ALONE_MAX numbers waking them gains
 * nothing.
 */
enum { BLOCK = 1024, LANES = 8, ALONE_MAX = 32768 };

static int64_t block_count(const Node *node)
{
    return (mel_shape_count(&node->in[0]->shape) + BLOCK - 1) / BLOCK;
}

static bool update_prepare(Prepare *prepare, Err *err)
{
    (void)err;
    prepare->scratch_bytes = block_count(prepare->node) * (int64_t)sizeof(double);
    return true;
}

static bool update_infer(Node *node, Err *err)
{
    node->shape = (Shape){0};
    node->dtype = DTYPE_F32;
    for (int i = 0; i < node->in_count; i++) {
        const Node *in = node->in[i];
        bool number_list = i > 0 && i == node->in_count - 1 && in->shape.rank <= 1;
        if (in->dtype != DTYPE_F32) return mel_err(err, ERR_USAGE, "it wants f32");
        if (!number_list && !mel_shape_equal(&in->shape, &node->in[0]->shape))
            return mel_err(err, ERR_USAGE, "the shapes differ");
    }
    return true;
}

/* One block of an update: elements begin … end-1, at most BLOCK; returns its sum. */
typedef double UpdateBlock(const Call *call, int64_t begin, int64_t end);

static void run_blocks(const Call *call, UpdateBlock *update)
{
    int64_t count = mel_shape_count(&call->node->in[0]->shape), blocks = block_count(call->node);
    double *sums = call->scratch, total = 0;
#pragma omp parallel for schedule(static) if (count > ALONE_MAX)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t begin = b * BLOCK, end = begin + BLOCK < count ? begin + BLOCK : count;
        sums[b] = update(call, begin, end);
    }
    for (int64_t b = 0; b < blocks; b++)
        total += sums[b];
    *(float *)call->out = (float)total;
}

/* In double, and in so many lanes however wide the vectors are. */
static inline double sum_of_squares(const float *x, int64_t n)
{
    double lanes[LANES] = {0}, total = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            lanes[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < n; i++)
        total += (double)x[i] * (double)x[i];
    for (int k = 0; k < LANES; k++)
        total += lanes[k];
    return total;
}

/* The number and then what was written over, as one value: the views are built after the update, so
 * they show what it left. */
static void check_update(SampleSink *sink, const char *what, Node *number, Node *const *written,
                         int count)
{
    int64_t n = mel_shape_count(mel_node_shape(written[0]));
    Node *all = mel_op_reshape(mel_op_affine(number, 1.0 / (double)n, 0), SHAPE(1));
    for (int i = 0; i < count; i++)
        all = mel_op_concat(all, mel_op_reshape(mel_op_detach(written[i]), SHAPE(-1)), 0);
    sample_check(sink, what, all);
}

/* ---- accumulate ----------------------------------------------------------------------------- */

static void accumulate_reference(const Call *call)
{
    double *sum = (double *)call->in[0], total = 0;
    const double *x = call->in[1], *keep = call->in[2];
    for (int64_t i = 0; i < mel_shape_count(&call->node->in[0]->shape); i++) {
        sum[i] = (*keep != 0 ? *keep * sum[i] : 0) + x[i];
        total += sum[i] * sum[i];
    }
    *(double *)call->out = total;
}

/* keep = 0 forgets what was there, be it no number. */
MEL_CLONES static double accumulate_rows(float *sum, const float *x, float keep, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] = keep != 0 ? keep * sum[i] + x[i] : x[i];
    return sum_of_squares(sum, n);
}

static double accumulate_block(const Call *call, int64_t begin, int64_t end)
{
    const float *keep = call->in[2];
    return accumulate_rows((float *)call->in[0] + begin, (const float *)call->in[1] + begin, *keep,
                           end - begin);
}

static void accumulate_cpu(const Call *call)
{
    run_blocks(call, accumulate_block);
}

Node *mel_op_accumulate(Node *sum, Node *x, Node *keep)
{
    if (mel_node_dtype(x) != DTYPE_F32) x = mel_op_cast(x, DTYPE_F32);
    Node *in[] = {sum, x, keep};
    return op_node(op_graph(sum), &op_accumulate, NULL, in, 3, 3);
}

static void accumulate_samples(SampleSink *sink)
{
    static const float keeps[] = {0, 1, 0.5F};
    for (size_t i = 0; i < MEL_COUNT(keeps); i++) {
        int64_t n = i == 1 ? ALONE_MAX + BLOCK + 5 : 7;
        Node *keep = mel_graph_constant(sample_graph(sink), DTYPE_F32, (Shape){0}, &keeps[i]);
        Node *sum = mel_op_cast(sample_input(sink, 1, 0, SHAPE(n)), DTYPE_F32);
        Node *x = sample_input(sink, 1, 0, SHAPE(n));
        check_update(sink, "keep", mel_op_accumulate(sum, x, keep), &sum, 1);
    }
}

const OpDef op_accumulate = {
    .name = "accumulate",
    .infer = update_infer,
    .reference = accumulate_reference,
    .cpu_prepare = update_prepare,
    .cpu_run = accumulate_cpu,
    .samples = accumulate_samples,
};

/* ---- squares -------------------------------------------------------------------------------- */

static void squares_reference(const Call *call)
{
    const double *x = call->in[0];
    double total = 0;
    for (int64_t i = 0; i < mel_shape_count(&call->node->in[0]->shape); i++)
        total += x[i] * x[i];
    *(double *)call->out = total;
}

MEL_CLONES static double squares_rows(const float *x, int64_t n)
{
    return sum_of_squares(x, n);
}

static double squares_block(const Call *call, int64_t begin, int64_t end)
{
    return squares_rows((const float *)call->in[0] + begin, end - begin);
}

static void squares_cpu(const Call *call)
{
    run_blocks(call, squares_block);
}

Node *mel_op_squares(Node *x)
{
    return op_node(op_graph(x), &op_squares, NULL, &x, 1, 1);
}

static void squares_samples(SampleSink *sink)
{
    static const int64_t counts[] = {7, ALONE_MAX + BLOCK + 5};
    for (size_t i = 0; i < MEL_COUNT(counts); i++) {
        Node *x = mel_op_cast(sample_input(sink, 1, 0, SHAPE(counts[i])), DTYPE_F32);
        sample_check(sink, "sum", mel_op_affine(mel_op_squares(x), 1.0 / (double)counts[i], 0));
    }
}

const OpDef op_squares = {
    .name = "squares",
    .infer = update_infer,
    .reference = squares_reference,
    .cpu_prepare = update_prepare,
    .cpu_run = squares_cpu,
    .samples = squares_samples,
};

/* ---- AdamW ---------------------------------------------------------------------------------- */

/* Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, as PyTorch computes it. */
static void adamw_reference(const Call *call)
{
    double *p = (double *)call->in[0], *m = (double *)call->in[2], *v = (double *)call->in[3];
    const double *g = call->in[1], *hyper = call->in[4];
    double total = 0;
    for (int64_t i = 0; i < mel_shape_count(&call->node->in[0]->shape); i++) {
        double slope = hyper[ADAMW_GRADIENT_SCALE] * g[i];
        m[i] += (1 - hyper[ADAMW_BETA1]) * (slope - m[i]);
        v[i] = hyper[ADAMW_BETA2] * v[i] + (1 - hyper[ADAMW_BETA2]) * slope * slope;
        double size = sqrt(v[i]) / sqrt(hyper[ADAMW_CORRECTION2]) + hyper[ADAMW_EPS];
        double step = hyper[ADAMW_RATE] *
                      (hyper[ADAMW_DECAY] * p[i] + m[i] / hyper[ADAMW_CORRECTION1] / size);
        p[i] -= step;
        total += step * step;
    }
    *(double *)call->out = total;
}

typedef struct AdamwRows {
    float *p, *m, *v;
    const float *g;
} AdamwRows;

MEL_CLONES static double adamw_rows(AdamwRows rows, const float *hyper, int64_t n)
{
    float scale = hyper[ADAMW_GRADIENT_SCALE], beta1 = hyper[ADAMW_BETA1];
    float beta2 = hyper[ADAMW_BETA2], eps = hyper[ADAMW_EPS];
    float shrink = 1 - hyper[ADAMW_RATE] * hyper[ADAMW_DECAY];
    float rate = hyper[ADAMW_RATE] / hyper[ADAMW_CORRECTION1];
    float root = 1 / sqrtf(hyper[ADAMW_CORRECTION2]);
    float steps[BLOCK];
    for (int64_t i = 0; i < n; i++) {
        float slope = scale * rows.g[i];
        float m = rows.m[i] + (1 - beta1) * (slope - rows.m[i]);
        float v = beta2 * rows.v[i] + (1 - beta2) * slope * slope;
        float p = shrink * rows.p[i] - rate * m / (sqrtf(v) * root + eps);
        steps[i] = p - rows.p[i];
        rows.m[i] = m;
        rows.v[i] = v;
        rows.p[i] = p;
    }
    return sum_of_squares(steps, n);
}

static double adamw_block(const Call *call, int64_t begin, int64_t end)
{
    const AdamwRows rows = {.p = (float *)call->in[0] + begin,
                            .g = (const float *)call->in[1] + begin,
                            .m = (float *)call->in[2] + begin,
                            .v = (float *)call->in[3] + begin};
    return adamw_rows(rows, call->in[4], end - begin);
}

static void adamw_cpu(const Call *call)
{
    run_blocks(call, adamw_block);
}

Node *mel_op_adamw(Node *p, Node *g, Node *m, Node *v, Node *hyper)
{
    Node *in[] = {p, g, m, v, hyper};
    if (mel_node_dim(hyper, 0) != ADAMW_HYPER_COUNT)
        return op_graph(p)
                   ? mel_graph_fail(op_graph(p), "AdamW wants %d numbers", ADAMW_HYPER_COUNT)
                   : NULL;
    return op_node(op_graph(p), &op_adamw, NULL, in, 5, 5);
}

static void adamw_samples(SampleSink *sink)
{
    static const float hyper[ADAMW_HYPER_COUNT] = {1e-2F, 0.9F, 0.99F, 1e-8F,
                                                   0.05F, 0.1F, 0.02F, 0.7F};
    Node *numbers =
        mel_graph_constant(sample_graph(sink), DTYPE_F32, SHAPE(ADAMW_HYPER_COUNT), hyper);
    Node *in[4];
    for (int i = 0; i < 4; i++)
        in[i] = mel_op_cast(sample_input(sink, 1, 0, SHAPE(3, 451)), DTYPE_F32);
    Node *v = mel_op_unary(in[3], UNARY_SQUARE, 0, 0);
    Node *number = mel_op_adamw(in[0], in[1], in[2], v, numbers);
    check_update(sink, "step", number, (Node *const[]){in[0], in[2], v}, 3);
}

const OpDef op_adamw = {
    .name = "adamw",
    .infer = update_infer,
    .reference = adamw_reference,
    .cpu_prepare = update_prepare,
    .cpu_run = adamw_cpu,
    .samples = adamw_samples,
};

/* ---- exponential moving average ------------------------------------------------------------- */

static void average_reference(const Call *call)
{
    double *mean = (double *)call->in[0], total = 0;
    const double *x = call->in[1], *keep = call->in[2];
    for (int64_t i = 0; i < mel_shape_count(&call->node->in[0]->shape); i++) {
        double step = (1 - *keep) * (x[i] - mean[i]);
        mean[i] += step;
        total += step * step;
    }
    *(double *)call->out = total;
}

MEL_CLONES static double average_rows(float *mean, const float *x, float keep, int64_t n)
{
    float steps[BLOCK];
    for (int64_t i = 0; i < n; i++) {
        steps[i] = (1 - keep) * (x[i] - mean[i]);
        mean[i] += steps[i];
    }
    return sum_of_squares(steps, n);
}

static double average_block(const Call *call, int64_t begin, int64_t end)
{
    const float *keep = call->in[2];
    return average_rows((float *)call->in[0] + begin, (const float *)call->in[1] + begin, *keep,
                        end - begin);
}

static void average_cpu(const Call *call)
{
    run_blocks(call, average_block);
}

Node *mel_op_average(Node *mean, Node *x, Node *keep)
{
    Node *in[] = {mean, x, keep};
    return op_node(op_graph(mean), &op_average, NULL, in, 3, 3);
}

static void average_samples(SampleSink *sink)
{
    Node *keep = mel_graph_number(sample_graph(sink), 0.75);
    Node *mean = mel_op_cast(sample_input(sink, 1, 0, SHAPE(5, 303)), DTYPE_F32);
    Node *x = mel_op_cast(sample_input(sink, 1, 0, SHAPE(5, 303)), DTYPE_F32);
    check_update(sink, "step", mel_op_average(mean, x, keep), &mean, 1);
}

const OpDef op_average = {
    .name = "average",
    .infer = update_infer,
    .reference = average_reference,
    .cpu_prepare = update_prepare,
    .cpu_run = average_cpu,
    .samples = average_samples,
};
