/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/step.h"

#include "trainer/gradient_sums.h"
#include "trainer/init.h"
#include "trainer/order.h"
#include "trainer/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is trained, by what moves it: AdamW with the rates of weights or of alphas; or, for running
 * statistics, on which the loss does not depend, the batches themselves. */
typedef enum Group { GROUP_WEIGHTS, GROUP_ALPHAS, GROUP_STATISTICS, GROUPS } Group;
static const char *const group_names[GROUPS] = {"all weights", "all alphas", "all statistics"};

/* What there is of each: an average only where one is wanted. Statistics have gradients and moments
 * too, which stay 0: so checkpoints are of one form. */
typedef enum Kind { KIND_VALUE, KIND_GRADIENT, KIND_FIRST, KIND_SECOND, KIND_AVERAGE, KINDS } Kind;
static const char *const kind_names[KINDS] = {"", "gradient of ", "first moment of ",
                                              "second moment of ", "average of "};

enum { HYPER_GROUPS = GROUP_STATISTICS };
static const char *const hyper_names[HYPER_GROUPS] = {"hyper", "hyper of alpha"};

/* Gradients are added up over the ranks by pieces of an eighth of all, and of 4 to 16 Mi numbers
 * where there are as many. */
enum { BUCKETS = 8, BUCKET_LEAST = 4096, BUCKET_MOST = 4 << 20 };

/* How many gradients are complete at a milestone of the graph. */
typedef struct BucketEnd {
    int complete, milestone;
} BucketEnd;

struct TrainStep {
    Target *target;
    const TrainConfig *config;
    Backend *backend;
    Variables *variables;
    Params params;
    Graph *graph, *norm_graph, *update_graph;
    Plan *plan, *norm_plan, *update_plan; /* norm: of what the ranks' gradients come to */
    Graph *judge_graph;                   /* forward only, on averages */
    Plan *judge_plan;
    int trained;   /* the graph's first variables */
    Group *groups; /* of them */
    int *sequence; /* in which their gradients are complete, then those without any */
    int complete;  /* how many have one */
    BucketEnd *ends;
    int end_count;
    int64_t bucket_size, bucket_filled; /* numbers */
    int flat[KINDS][GROUPS]; /* variables' numbers; -1 where there are none of that group */
    Node *keep, *squares;
    Order *order;
    int64_t *items;
    Collective *collective; /* NULL: one rank */
    RankSums *sums;
    GradientSums *gradient_sums;
};

static const char *variable_of(char text[512], Kind kind, const char *name)
{
    snprintf(text, 512, "%s%s", kind_names[kind], name);
    return text;
}

/* ---- the graphs ----------------------------------------------------------------------------- */

/* The part that a parameter belongs to, or NULL. */
static const TrainedPart *part_of(const Target *target, const char *name)
{
    for (int i = 0; i < target->part_count; i++)
        if (strncmp(name, target->parts[i].prefix, strlen(target->parts[i].prefix)) == 0)
            return &target->parts[i];
    return NULL;
}

static bool is_trained(void *ctx, const char *name)
{
    Target *target = ctx;
    return part_of(target, name) &&
           (!target->def->is_trained || target->def->is_trained(target, name));
}

static void end_bucket(TrainStep *step)
{
    if (!step->bucket_filled) return;
    step->ends[step->end_count++] =
        (BucketEnd){.complete = step->complete, .milestone = mel_graph_milestone(step->graph)};
    step->bucket_filled = 0;
}

static void add_gradient(void *ctx, int i, Node *gradient)
{
    TrainStep *step = ctx;
    char name[512];
    Graph *graph = step->graph;
    Node *param = mel_graph_variable_at(graph, i);
    variable_of(name, KIND_GRADIENT, mel_node_name(param));
    Node *sum = mel_graph_variable(graph, name, *mel_node_shape(param));
    Node *squares = mel_op_accumulate(sum, gradient, step->keep);
    step->squares = step->squares ? mel_op_add(step->squares, squares) : squares;
    bool alpha = mel_synapse_is_alpha(mel_node_name(param));
    step->groups[i] = alpha ? GROUP_ALPHAS : GROUP_WEIGHTS;
    step->sequence[step->complete++] = i;
    step->bucket_filled += mel_shape_count(mel_node_shape(param));
    if (step->bucket_filled >= step->bucket_size) end_bucket(step);
}

static DType float_type(const TrainConfig *config)
{
    return config->precision == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_F32;
}

/* Before their gradients are built. */
static Node **list_trained(TrainStep *step)
{
    const size_t count = (size_t)(step->trained = mel_graph_variable_count(step->graph));
    Node **wrt = mel_alloc(count * sizeof(Node *) + 1);
    int64_t numbers = 0;
    step->groups = mel_alloc(count * sizeof *step->groups + 1);
    step->sequence = mel_alloc(count * sizeof *step->sequence + 1);
    step->ends = mel_alloc((count + 1) * sizeof *step->ends);
    for (int i = 0; i < step->trained; i++) {
        wrt[i] = mel_graph_variable_at(step->graph, i);
        step->groups[i] = GROUP_STATISTICS;
        numbers += mel_shape_count(mel_node_shape(wrt[i]));
    }
    int64_t size = numbers / BUCKETS;
    step->bucket_size = size < BUCKET_LEAST  ? BUCKET_LEAST
                        : size > BUCKET_MOST ? BUCKET_MOST
                                             : size;
    return wrt;
}

static void end_sequence(TrainStep *step)
{
    end_bucket(step);
    for (int i = 0, at = step->complete; i < step->trained; i++)
        if (step->groups[i] == GROUP_STATISTICS) step->sequence[at++] = i;
}

static bool build_graph(TrainStep *step, Err *err)
{
    Graph *graph = step->graph = mel_graph_new(float_type(step->config));
    mel_graph_train(graph, is_trained, step->target, "");
    mel_graph_recompute(graph, step->config->recompute);
    mel_graph_training(graph, true);
    Node *loss = step->target->def->loss(step->target, graph, (int)step->config->batch);
    Node **wrt = list_trained(step);
    step->keep = mel_graph_input(graph, "keep", DTYPE_F32, (Shape){0});
    mel_graph_output(graph, "loss", loss);
    mel_graph_each_gradient(graph, loss, wrt, step->trained, add_gradient, step);
    mel_graph_output(graph, "squares", step->squares);
    end_sequence(step);
    free(wrt);
    return mel_graph_ok(graph, err) &&
           (step->squares || mel_err(err, ERR_USAGE, "nothing in it is trained"));
}

static Node *flat_node(const TrainStep *step, Graph *graph, Kind kind, Group group)
{
    int i = step->flat[kind][group];
    return mel_graph_variable(graph, mel_variables_name(step->variables, i),
                              *mel_variables_shape(step->variables, i));
}

static Node *add(Node *sum, Node *more)
{
    return sum ? mel_op_add(sum, more) : more;
}

/* A step of one rank alone adds up its squares while its gradients are made. */
static bool build_norm(TrainStep *step, Err *err)
{
    Graph *graph = step->norm_graph = mel_graph_new(DTYPE_F32);
    Node *sum = NULL;
    for (int group = 0; group < HYPER_GROUPS; group++)
        if (step->flat[KIND_GRADIENT][group] >= 0)
            sum = add(sum, mel_op_squares(flat_node(step, graph, KIND_GRADIENT, (Group)group)));
    mel_graph_output(graph, "squares", sum);
    return mel_graph_ok(graph, err);
}

static Node *adamw(const TrainStep *step, Group group, Node *hyper)
{
    Graph *graph = step->update_graph;
    return mel_op_adamw(flat_node(step, graph, KIND_VALUE, group),
                        flat_node(step, graph, KIND_GRADIENT, group),
                        flat_node(step, graph, KIND_FIRST, group),
                        flat_node(step, graph, KIND_SECOND, group), hyper);
}

/* One pass over all that a group has. What follows running statistics is their copy. */
static bool build_update(TrainStep *step, Err *err)
{
    Graph *graph = step->update_graph = mel_graph_new(DTYPE_F32);
    Node *hyper[HYPER_GROUPS], *sum = NULL;
    for (int k = 0; k < HYPER_GROUPS; k++)
        hyper[k] = mel_graph_input(graph, hyper_names[k], DTYPE_F32, SHAPE(ADAMW_HYPER_COUNT));
    Node *keep = mel_graph_input(graph, "keep", DTYPE_F32, (Shape){0});
    for (Group group = 0; group < GROUPS; group++) {
        bool moves = group != GROUP_STATISTICS;
        if (step->flat[KIND_VALUE][group] < 0) continue;
        if (moves) sum = add(sum, adamw(step, group, hyper[group]));
        if (step->config->ema > 0)
            mel_graph_output(graph, group_names[group],
                             mel_op_average(flat_node(step, graph, KIND_AVERAGE, group),
                                            flat_node(step, graph, KIND_VALUE, group),
                                            moves ? keep : mel_graph_number(graph, 0)));
    }
    mel_graph_output(graph, "squares", sum);
    return mel_graph_ok(graph, err);
}

/* ---- the variables -------------------------------------------------------------------------- */

/* The weights' beginning: from the model's folder; made where it has none. Of what is missing in a
 * folder with weights only a synapse's numbers are made. */
static bool first_value(TrainStep *step, const char *name, const Shape *shape, float *out, Err *err)
{
    Tensor found;
    int64_t count = mel_shape_count(shape);
    if (!step->params.find(step->params.ctx, name, shape, &found, err)) {
        const Network *network = part_of(step->target, name)->network;
        bool none = !network || !network->checkpoint;
        if (err->code != ERR_NOT_FOUND || !(none || mel_synapse_is_alpha(name))) return false;
        mel_err_clear(err);
        const TargetDef *def = step->target->def;
        if (!def->first || !def->first(step->target, name, shape, out))
            train_init(name, shape, (uint64_t)step->config->seed, out);
        return true;
    }
    if (!mel_shape_equal(&found.shape, shape)) {
        char got[SHAPE_TEXT_SIZE], wanted[SHAPE_TEXT_SIZE];
        return mel_err(err, ERR_FORMAT, "'%s' is %s in the model's folder, wanted %s", name,
                       mel_shape_text(&found.shape, got), mel_shape_text(shape, wanted));
    }
    mel_convert(found.data, found.dtype, out, DTYPE_F32, count);
    return true;
}

/* What belongs to a group, in the order in which gradients are complete. */
static bool add_flat(TrainStep *step, Kind kind, Group group, Err *err)
{
    char name[512];
    int count = 0;
    Arena arena = {0};
    FlatMember *members = mel_arena_alloc(&arena, (size_t)step->trained * sizeof *members + 1);
    for (int k = 0; k < step->trained; k++) {
        const Node *param = mel_graph_variable_at(step->graph, step->sequence[k]);
        if (step->groups[step->sequence[k]] != group) continue;
        variable_of(name, kind, mel_node_name(param));
        members[count++] =
            (FlatMember){.name = mel_arena_strdup(&arena, name), .shape = *mel_node_shape(param)};
    }
    variable_of(name, kind, group_names[group]);
    bool ok = count == 0 || mel_variables_add_flat(step->variables, name, members, count, err);
    step->flat[kind][group] = ok ? mel_variables_find(step->variables, name) : -1;
    mel_arena_clear(&arena);
    return ok;
}

/* What a parameter and its average begin with. */
static bool write_first(TrainStep *step, const Node *param, Err *err)
{
    static const Kind kinds[] = {KIND_VALUE, KIND_AVERAGE};
    const char *name = mel_node_name(param);
    const Shape *shape = mel_node_shape(param);
    char other[512];
    float *first =
        mel_try_alloc((size_t)mel_shape_count(shape) + 1, sizeof *first, SIZE_MAX, name, err);
    bool ok = first && first_value(step, name, shape, first, err);
    for (size_t k = 0; k < MEL_COUNT(kinds) && ok; k++) {
        int i = mel_variables_find(step->variables, variable_of(other, kinds[k], name));
        ok = i < 0 || mel_variables_write(step->variables, i, first, err);
    }
    free(first);
    return ok;
}

static bool add_variables(TrainStep *step, Err *err)
{
    bool ok = true;
    for (Kind kind = 0; kind < KINDS; kind++)
        for (Group group = 0; group < GROUPS && ok; group++)
            if (kind != KIND_AVERAGE || step->config->ema > 0)
                ok = add_flat(step, kind, group, err);
    for (int i = 0; i < step->trained && ok; i++)
        ok = write_first(step, mel_graph_variable_at(step->graph, i), err);
    return ok;
}

/* ---- the ranks ------------------------------------------------------------------------------ */

/* Which number of the weights' flat gradient the first is that is not complete yet. */
static int64_t weights_complete(const TrainStep *step, const BucketEnd *end)
{
    char name[512];
    for (int k = end->complete; k < step->complete; k++) {
        int i = step->sequence[k];
        if (step->groups[i] != GROUP_WEIGHTS) continue;
        variable_of(name, KIND_GRADIENT, mel_node_name(mel_graph_variable_at(step->graph, i)));
        return mel_variables_begin(step->variables, mel_variables_find(step->variables, name));
    }
    return mel_shape_count(
        mel_variables_shape(step->variables, step->flat[KIND_GRADIENT][GROUP_WEIGHTS]));
}

/* The weights' by the ends of the buckets; behind them the few alphas at once. */
static int list_buckets(const TrainStep *step, GradientBucket *out)
{
    const int weights = step->flat[KIND_GRADIENT][GROUP_WEIGHTS];
    const int alphas = step->flat[KIND_GRADIENT][GROUP_ALPHAS];
    const BucketEnd *last = &step->ends[step->end_count - 1];
    int64_t begin = 0;
    int count = 0;
    for (const BucketEnd *end = step->ends; end <= last && weights >= 0; end++) {
        VariableSpan span = {.variable = weights, .begin = begin};
        begin = weights_complete(step, end);
        span.count = begin - span.begin;
        if (span.count) out[count++] = (GradientBucket){.span = span, .milestone = end->milestone};
    }
    if (alphas >= 0)
        out[count++] = (GradientBucket){.span = mel_variables_whole(step->variables, alphas),
                                        .milestone = last->milestone};
    return count;
}

static bool join_ranks(TrainStep *step, Err *err)
{
    if (!step->collective) return true;
    GradientBucket *buckets = mel_alloc(((size_t)step->end_count + 1) * sizeof *buckets);
    const GradientSumsPlan how = {.collective = step->collective,
                                  .backend = step->backend,
                                  .variables = step->variables,
                                  .plan = step->plan,
                                  .buckets = buckets,
                                  .bucket_count = list_buckets(step, buckets)};
    step->sums = rank_sums_new(step->collective, step->variables);
    bool ok = gradient_sums_new(&how, &step->gradient_sums, err) && build_norm(step, err) &&
              mel_plan_new(step->norm_graph, step->backend, &step->params, &step->norm_plan, err);
    free(buckets);
    return ok;
}

/* ---- making --------------------------------------------------------------------------------- */

static bool make(TrainStep *step, Err *err)
{
    Target *target = step->target;
    step->variables = mel_variables_new(step->backend);
    step->params = mel_network_set_params(&target->networks, step->variables);
    if (!build_graph(step, err) || !add_variables(step, err) || !build_update(step, err))
        return false;
    step->order = order_new((uint64_t)step->config->seed, mel_shards_count(target->shards));
    step->items = mel_alloc((size_t)step->config->batch * sizeof *step->items);
    return mel_plan_new(step->graph, step->backend, &step->params, &step->plan, err) &&
           mel_plan_new(step->update_graph, step->backend, &step->params, &step->update_plan,
                        err) &&
           join_ranks(step, err);
}

bool train_step_new(Target *target, Backend *backend, Collective *collective, TrainStep **out,
                    Err *err)
{
    TrainStep *step = mel_alloc(sizeof *step);
    step->target = target;
    step->config = target->config;
    step->backend = backend;
    step->collective = collective;
    if (make(step, err)) {
        *out = step;
        return true;
    }
    train_step_free(step);
    return false;
}

void train_step_free(TrainStep *step)
{
    if (!step) return;
    gradient_sums_free(step->gradient_sums);
    mel_plan_free(step->plan);
    mel_plan_free(step->norm_plan);
    mel_plan_free(step->update_plan);
    mel_plan_free(step->judge_plan);
    mel_graph_free(step->graph);
    mel_graph_free(step->norm_graph);
    mel_graph_free(step->update_graph);
    mel_graph_free(step->judge_graph);
    mel_variables_free(step->variables);
    order_free(step->order);
    rank_sums_free(step->sums);
    free(step->groups);
    free(step->sequence);
    free(step->ends);
    free(step->items);
    free(step);
}

/* ---- running -------------------------------------------------------------------------------- */

/* Of this rank's share of a batch of all. */
static int64_t first_sample(const TrainStep *step, int64_t batch)
{
    int rank = mel_collective_rank(step->collective), size = mel_collective_size(step->collective);
    return (batch * size + rank) * step->config->batch;
}

/* Forth and back. What the last part of a step leaves is the ranks' to add up. */
static bool run_plan(TrainStep *step, int part, Err *err)
{
    if (!step->collective || part < step->config->accumulate - 1)
        return mel_plan_run(step->plan, err);
    gradient_sums_begin(step->gradient_sums);
    bool ran = mel_plan_run(step->plan, err);
    return gradient_sums_finish(step->gradient_sums, ran, err) && ran;
}

/* One batch; its gradients are added to what is kept of those before. */
static bool run_batch(TrainStep *step, int64_t number, int part, StepReport *report, Err *err)
{
    const TrainConfig *c = step->config;
    const char *const *metrics = step->target->def->metrics;
    float keep = part > 0 ? 1 : 0, value;
    TrainBatch batch = {.items = step->items,
                        .count = (int)c->batch,
                        .shards = step->target->shards,
                        .seed = (uint64_t)c->seed,
                        .first_sample = first_sample(step, number * c->accumulate + part)};
    for (int i = 0; i < batch.count; i++)
        step->items[i] = order_item(step->order, batch.first_sample + i);
    if (!step->target->def->fill(step->target, step->plan, &batch, err) ||
        !mel_plan_write(step->plan, "keep", &keep, err) || !run_plan(step, part, err) ||
        !mel_plan_read(step->plan, "loss", &value, err))
        return false;
    report->loss += (double)value / (double)c->accumulate;
    for (int i = 0; metrics[i]; i++) {
        if (!mel_plan_read(step->plan, metrics[i], &value, err)) return false;
        report->metrics[i] += (double)value / (double)c->accumulate;
    }
    return true;
}

/* Loss, metrics and the wish to stop, as means over the ranks. */
static bool share_report(TrainStep *step, StepReport *report, Err *err)
{
    enum { LOSS, INTERRUPTED, METRICS };
    float shared[METRICS + METRICS_MAX] = {
        [LOSS] = (float)report->loss, [INTERRUPTED] = mel_interrupted() ? 1 : 0};
    const double size = mel_collective_size(step->collective);
    for (int i = 0; i < METRICS_MAX; i++)
        shared[METRICS + i] = (float)report->metrics[i];
    if (!collective_sum(step->collective, shared, MEL_COUNT(shared), err)) return false;
    report->loss = (double)shared[LOSS] / size;
    report->interrupted = shared[INTERRUPTED] > 0;
    for (int i = 0; i < METRICS_MAX; i++)
        report->metrics[i] = (double)shared[METRICS + i] / size;
    return true;
}

/* Running statistics, which a batch changes, become the ranks' mean. */
static bool share_statistics(TrainStep *step, Err *err)
{
    int i = step->flat[KIND_VALUE][GROUP_STATISTICS];
    float share = 1 / (float)mel_collective_size(step->collective);
    return i < 0 || rank_sums_run(step->sums, mel_variables_whole(step->variables, i), share, err);
}

/* What the batches of all ranks come to: with one, the step's own. *squares: of the gradient as it
 * was added up. */
static bool add_ranks(TrainStep *step, StepReport *report, double *squares, Err *err)
{
    float sum;
    const bool alone = !step->collective;
    if (alone) report->interrupted = mel_interrupted();
    bool ok = alone || (share_statistics(step, err) && share_report(step, report, err) &&
                        mel_plan_run(step->norm_plan, err));
    if (!ok || !mel_plan_read(alone ? step->plan : step->norm_plan, "squares", &sum, err))
        return false;
    *squares = (double)sum;
    return true;
}

/* How many batches the gradient is the sum of. */
static double batches_of(const TrainStep *step)
{
    return (double)step->config->accumulate * mel_collective_size(step->collective);
}

static bool write_hyper(TrainStep *step, int64_t number, const StepReport *report, Err *err)
{
    const TrainConfig *c = step->config;
    double scale = 1.0 / batches_of(step);
    if (c->clip > 0 && report->gradient_norm > c->clip) scale *= c->clip / report->gradient_norm;
    float keep = (float)c->ema;
    for (int k = 0; k < HYPER_GROUPS; k++) {
        bool alphas = k == GROUP_ALPHAS;
        double full = alphas ? c->alpha_learning_rate : c->learning_rate;
        const float hyper[ADAMW_HYPER_COUNT] = {
            [ADAMW_RATE] = (float)(full * report->rate),
            [ADAMW_BETA1] = (float)c->beta1,
            [ADAMW_BETA2] = (float)c->beta2,
            [ADAMW_EPS] = (float)c->eps,
            [ADAMW_DECAY] = alphas ? 0 : (float)c->weight_decay,
            [ADAMW_CORRECTION1] = (float)(1 - pow(c->beta1, (double)(number + 1))),
            [ADAMW_CORRECTION2] = (float)(1 - pow(c->beta2, (double)(number + 1))),
            [ADAMW_GRADIENT_SCALE] = (float)scale};
        if (!mel_plan_write(step->update_plan, hyper_names[k], hyper, err)) return false;
    }
    return mel_plan_write(step->update_plan, "keep", &keep, err);
}

bool train_step_run(TrainStep *step, int64_t number, StepReport *report, Err *err)
{
    float changes;
    double squares;
    *report = (StepReport){.rate = train_rate(step->config, number)};
    for (int part = 0; part < step->config->accumulate; part++)
        if (!run_batch(step, number, part, report, err)) return false;
    if (step->collective) report->waited = gradient_sums_waited(step->gradient_sums);
    if (!add_ranks(step, report, &squares, err)) return false;
    report->gradient_norm = sqrt(squares) / batches_of(step);
    if (!isfinite(report->loss) || !isfinite(report->gradient_norm)) {
        mel_err(err, ERR_MATH, "at step %lld the loss is %g and the gradient's norm %g",
                (long long)number + 1, report->loss, report->gradient_norm);
        mel_err_hint(err, "no weight was changed: go on from the last checkpoint with a smaller "
                          "learning_rate, more warmup, or precision f32");
        return false;
    }
    if (!write_hyper(step, number, report, err) || !mel_plan_run(step->update_plan, err) ||
        !mel_plan_read(step->update_plan, "squares", &changes, err))
        return false;
    report->update_norm = sqrt((double)changes);
    return true;
}

/* ---- validation ----------------------------------------------------------------------------- */

static bool make_judge(TrainStep *step, Err *err)
{
    if (step->judge_plan) return true;
    Graph *graph = step->judge_graph = mel_graph_new(float_type(step->config));
    mel_graph_train(graph, is_trained, step->target,
                    kind_names[step->config->ema > 0 ? KIND_AVERAGE : KIND_VALUE]);
    Node *loss = step->target->def->loss(step->target, graph, (int)step->config->batch);
    mel_graph_output(graph, "loss", loss);
    return mel_graph_ok(graph, err) &&
           mel_plan_new(graph, step->backend, &step->params, &step->judge_plan, err);
}

static TrainBatch judged_batch(TrainStep *step, const Shards *shards, int64_t number)
{
    int64_t size = step->config->batch;
    for (int64_t i = 0; i < size; i++)
        step->items[i] = (number * size + i) % mel_shards_count(shards);
    return (TrainBatch){.items = step->items,
                        .count = (int)size,
                        .shards = shards,
                        .seed = (uint64_t)step->config->seed,
                        .first_sample = number * size,
                        .validation = true};
}

bool train_step_measure(TrainStep *step, const Shards *shards, int64_t items, const char *output,
                        MeasureShare share, double *mean, Err *err)
{
    Collective *all = share == MEASURE_SHARED ? step->collective : NULL;
    int64_t size = step->config->batch, count = mel_shards_count(shards);
    int64_t batches = (items < count ? items : count) / size;
    double sum = 0;
    if (batches < 1) batches = 1;
    if (!make_judge(step, err)) return false;
    for (int64_t b = mel_collective_rank(all); b < batches; b += mel_collective_size(all)) {
        float value;
        const TrainBatch batch = judged_batch(step, shards, b);
        if (!step->target->def->fill(step->target, step->judge_plan, &batch, err) ||
            !mel_plan_run(step->judge_plan, err) ||
            !mel_plan_read(step->judge_plan, output, &value, err))
            return false;
        sum += (double)value / (double)batches;
    }
    float shared = (float)sum;
    if (all && !collective_sum(all, &shared, 1, err)) return false;
    *mean = all ? (double)shared : sum;
    return true;
}

bool train_step_sample(TrainStep *step, const Shards *shards, const char *folder, Err *err)
{
    const TargetDef *def = step->target->def;
    if (!make_judge(step, err)) return false;
    const TrainBatch batch = judged_batch(step, shards, 0);
    return def->fill(step->target, step->judge_plan, &batch, err) &&
           def->sample(step->target, step->judge_plan, &batch, folder, err);
}

/* ---- what has been learnt ------------------------------------------------------------------- */

Variables *train_step_variables(TrainStep *step)
{
    return step->variables;
}

const char *train_step_name(const TrainStep *step, int i, const Shape **shape)
{
    if (i >= step->trained) return NULL;
    const Node *param = mel_graph_variable_at(step->graph, i);
    *shape = mel_node_shape(param);
    return mel_node_name(param);
}

float *train_step_weights(const TrainStep *step, int i, Err *err)
{
    char other[512];
    const Node *param = mel_graph_variable_at(step->graph, i);
    const Shape *shape = mel_node_shape(param);
    const char *name = mel_node_name(param);
    if (step->config->ema > 0) name = variable_of(other, KIND_AVERAGE, name);
    float *values =
        mel_try_alloc((size_t)mel_shape_count(shape) + 1, sizeof *values, SIZE_MAX, name, err);
    if (values &&
        mel_variables_read(step->variables, mel_variables_find(step->variables, name), values, err))
        return values;
    free(values);
    return NULL;
}

int64_t train_step_arena_bytes(const TrainStep *step)
{
    return mel_plan_memory(step->plan).arena_bytes;
}
