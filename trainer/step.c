/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/step.h"

#include "trainer/init.h"
#include "trainer/order.h"
#include "trainer/ranks.h"
#include "trainer/trained.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const hyper_names[MOVED_GROUPS] = {"hyper", "hyper of alpha"};

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
    Trained *trained;
    Node *keep, *squares;
    Order *order;
    int64_t *items;
    Collective *collective; /* NULL: one rank */
    RankSums *sums;
    GradientSums *gradient_sums;
};

/* ---- the graphs ----------------------------------------------------------------------------- */

static Node *add(Node *sum, Node *more)
{
    return sum ? mel_op_add(sum, more) : more;
}

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

static void add_gradient(void *ctx, int i, Node *gradient)
{
    TrainStep *step = ctx;
    Node *squares = mel_op_accumulate(trained_gradient(step->trained, i), gradient, step->keep);
    step->squares = add(step->squares, squares);
    trained_complete(step->trained, i);
}

static DType float_type(const TrainConfig *config)
{
    return config->precision == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_F32;
}

static bool build_graph(TrainStep *step, Err *err)
{
    Graph *graph = step->graph = mel_graph_new(float_type(step->config));
    mel_graph_train(graph, is_trained, step->target, "");
    mel_graph_recompute(graph, step->config->recompute);
    mel_graph_training(graph, true);
    Node *loss = step->target->def->loss(step->target, graph, (int)step->config->batch);
    step->trained = trained_new(graph, step->variables, step->collective != NULL);
    const int count = trained_count(step->trained);
    Node **wrt = mel_alloc((size_t)count * sizeof(Node *) + 1);
    for (int i = 0; i < count; i++)
        wrt[i] = trained_param(step->trained, i);
    step->keep = mel_graph_input(graph, "keep", DTYPE_F32, (Shape){0});
    mel_graph_output(graph, "loss", loss);
    mel_graph_each_gradient(graph, loss, wrt, count, add_gradient, step);
    mel_graph_output(graph, "squares", step->squares);
    trained_completed(step->trained);
    free(wrt);
    return mel_graph_ok(graph, err) &&
           (step->squares || mel_err(err, ERR_USAGE, "nothing in it is trained"));
}

/* A step of one rank alone adds up its squares while its gradients are made. */
static bool build_norm(TrainStep *step, Err *err)
{
    Graph *graph = step->norm_graph = mel_graph_new(DTYPE_F32);
    Node *sum = NULL;
    for (TrainedGroup group = 0; group < GROUP_STATISTICS; group++)
        if (trained_has(step->trained, KIND_GRADIENT, group))
            sum = add(
                sum, mel_op_squares(trained_flat_node(step->trained, graph, KIND_GRADIENT, group)));
    mel_graph_output(graph, "squares", sum);
    return mel_graph_ok(graph, err);
}

static Node *flat(const TrainStep *step, TrainedKind kind, TrainedGroup group)
{
    return trained_flat_node(step->trained, step->update_graph, kind, group);
}

static Node *adamw(const TrainStep *step, TrainedGroup group, Node *hyper)
{
    return mel_op_adamw(flat(step, KIND_VALUE, group), flat(step, KIND_GRADIENT, group),
                        flat(step, KIND_FIRST, group), flat(step, KIND_SECOND, group), hyper);
}

/* One pass over all that a group has. What follows running statistics is their copy. */
static bool build_update(TrainStep *step, Err *err)
{
    Graph *graph = step->update_graph = mel_graph_new(DTYPE_F32);
    Node *hyper[MOVED_GROUPS], *sum = NULL;
    for (int k = 0; k < MOVED_GROUPS; k++)
        hyper[k] = mel_graph_input(graph, hyper_names[k], DTYPE_F32, SHAPE(ADAMW_HYPER_COUNT));
    Node *keep = mel_graph_input(graph, "keep", DTYPE_F32, (Shape){0});
    for (TrainedGroup group = 0; group < GROUPS; group++) {
        bool moves = group != GROUP_STATISTICS;
        if (!trained_has(step->trained, KIND_VALUE, group)) continue;
        if (moves) sum = add(sum, adamw(step, group, hyper[group]));
        if (step->config->ema > 0)
            mel_graph_output(graph, trained_group_name(group),
                             mel_op_average(flat(step, KIND_AVERAGE, group),
                                            flat(step, KIND_VALUE, group),
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

static bool write_first(TrainStep *step, int i, Err *err)
{
    const Node *param = trained_param(step->trained, i);
    const char *name = mel_node_name(param);
    const Shape *shape = mel_node_shape(param);
    float *first =
        mel_try_alloc((size_t)mel_shape_count(shape) + 1, sizeof *first, SIZE_MAX, name, err);
    bool ok = first && first_value(step, name, shape, first, err) &&
              trained_write(step->trained, i, first, err);
    free(first);
    return ok;
}

static bool add_variables(TrainStep *step, Err *err)
{
    bool ok = trained_add_variables(step->trained, step->config->ema > 0, err);
    for (int i = 0; i < trained_count(step->trained) && ok; i++)
        ok = write_first(step, i, err);
    return ok;
}

/* ---- the ranks ------------------------------------------------------------------------------ */

static bool join_ranks(TrainStep *step, Err *err)
{
    if (!step->collective) return true;
    GradientBucket *buckets;
    const int count = trained_buckets(step->trained, &buckets);
    const GradientSumsPlan how = {.collective = step->collective,
                                  .backend = step->backend,
                                  .variables = step->variables,
                                  .plan = step->plan,
                                  .buckets = buckets,
                                  .bucket_count = count};
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
    trained_free(step->trained);
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
    float share = 1 / (float)mel_collective_size(step->collective);
    return !trained_has(step->trained, KIND_VALUE, GROUP_STATISTICS) ||
           rank_sums_run(step->sums, trained_flat(step->trained, KIND_VALUE, GROUP_STATISTICS),
                         share, err);
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
    for (int k = 0; k < MOVED_GROUPS; k++) {
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
                    trained_kind_name(step->config->ema > 0 ? KIND_AVERAGE : KIND_VALUE));
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
    if (i >= trained_count(step->trained)) return NULL;
    const Node *param = trained_param(step->trained, i);
    *shape = mel_node_shape(param);
    return mel_node_name(param);
}

float *train_step_weights(const TrainStep *step, int i, Err *err)
{
    char other[TRAINED_NAME_SIZE];
    const Node *param = trained_param(step->trained, i);
    const Shape *shape = mel_node_shape(param);
    const char *name = mel_node_name(param);
    if (step->config->ema > 0) name = trained_name(other, KIND_AVERAGE, name);
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
