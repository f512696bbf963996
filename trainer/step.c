/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/step.h"

#include "trainer/init.h"
#include "trainer/order.h"
#include "trainer/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_WEIGHTS, GROUP_ALPHAS, GROUPS };
static const char *const hyper_names[GROUPS] = {"hyper", "hyper of alpha"};

struct TrainStep {
    Target *target;
    const TrainConfig *config;
    Backend *backend;
    Variables *variables;
    Params params;
    Graph *graph, *update_graph, *judge_graph; /* judge: forward only, on averages */
    Plan *plan, *update_plan, *judge_plan;
    int trained; /* the graph's first variables */
    bool *moves; /* of them: those on which the loss depends */
    Node *keep, *squares;
    Order *order;
    int64_t *items;
    Collective *collective; /* NULL: one rank */
    RankSums *sums;
    int *gradients, *statistics; /* of variables: those of what moves; what does not move itself */
    int gradient_count, statistic_count;
};

static const char *variable_of(char text[512], const char *kind, const char *name)
{
    snprintf(text, 512, "%s of %s", kind, name);
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

static void add_gradient(void *ctx, int i, Node *gradient)
{
    TrainStep *step = ctx;
    char name[512];
    Graph *graph = step->graph;
    Node *param = mel_graph_variable_at(graph, i);
    variable_of(name, "gradient", mel_node_name(param));
    Node *sum = mel_graph_variable(graph, name, *mel_node_shape(param));
    Node *squares = mel_op_accumulate(sum, gradient, step->keep);
    step->squares = step->squares ? mel_op_add(step->squares, squares) : squares;
    step->moves[i] = true;
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
    step->trained = mel_graph_variable_count(graph);
    Node **wrt = mel_alloc((size_t)step->trained * sizeof(Node *) + 1);
    for (int i = 0; i < step->trained; i++)
        wrt[i] = mel_graph_variable_at(graph, i);
    step->moves = mel_alloc((size_t)step->trained + 1);
    step->keep = mel_graph_input(graph, "keep", DTYPE_F32, (Shape){0});
    mel_graph_output(graph, "loss", loss);
    mel_graph_each_gradient(graph, loss, wrt, step->trained, add_gradient, step);
    mel_graph_output(graph, "squares", step->squares);
    free(wrt);
    return mel_graph_ok(graph, err) &&
           (step->squares || mel_err(err, ERR_USAGE, "nothing in it is trained"));
}

static Node *beside(Graph *graph, const char *kind, const Node *param)
{
    char name[512];
    return mel_graph_variable(graph, variable_of(name, kind, mel_node_name(param)),
                              *mel_node_shape(param));
}

static bool build_update(TrainStep *step, Err *err)
{
    Graph *graph = step->update_graph = mel_graph_new(DTYPE_F32);
    Node *hyper[GROUPS], *sum = NULL;
    for (int k = 0; k < GROUPS; k++)
        hyper[k] = mel_graph_input(graph, hyper_names[k], DTYPE_F32, SHAPE(ADAMW_HYPER_COUNT));
    Node *keep = mel_graph_input(graph, "keep", DTYPE_F32, (Shape){0});
    for (int i = 0; i < step->trained; i++) {
        const Node *param = mel_graph_variable_at(step->graph, i);
        const char *name = mel_node_name(param);
        if (!step->moves[i]) { /* running statistics: what follows them is their copy */
            if (step->config->ema > 0)
                mel_graph_output(
                    graph, name,
                    mel_op_average(beside(graph, "average", param),
                                   mel_graph_variable(graph, name, *mel_node_shape(param)),
                                   mel_graph_number(graph, 0)));
            continue;
        }
        Node *p = mel_graph_variable(graph, name, *mel_node_shape(param));
        Node *change =
            mel_op_adamw(p, beside(graph, "gradient", param), beside(graph, "first moment", param),
                         beside(graph, "second moment", param),
                         hyper[mel_synapse_is_alpha(name) ? GROUP_ALPHAS : GROUP_WEIGHTS]);
        sum = sum ? mel_op_add(sum, change) : change;
        if (step->config->ema > 0)
            mel_graph_output(graph, name, mel_op_average(beside(graph, "average", param), p, keep));
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

static bool add_variable(TrainStep *step, const Node *param, Err *err)
{
    static const char *const zero[] = {"gradient", "first moment", "second moment"};
    const char *name = mel_node_name(param);
    const Shape *shape = mel_node_shape(param);
    char other[512];
    float *first =
        mel_try_alloc((size_t)mel_shape_count(shape) + 1, sizeof *first, SIZE_MAX, name, err);
    bool ok = first && first_value(step, name, shape, first, err) &&
              mel_variables_add(step->variables, name, *shape, first, err);
    for (size_t i = 0; i < MEL_COUNT(zero) && ok; i++)
        ok = mel_variables_add(step->variables, variable_of(other, zero[i], name), *shape, NULL,
                               err);
    if (ok && step->config->ema > 0)
        ok = mel_variables_add(step->variables, variable_of(other, "average", name), *shape, first,
                               err);
    free(first);
    return ok;
}

/* Running statistics, which a batch changes, are averaged as the gradients are added up. */
static bool prepare_ranks(TrainStep *step, Err *err)
{
    char other[512];
    if (!step->collective) return true;
    step->gradients = mel_alloc((size_t)step->trained * sizeof *step->gradients + 1);
    step->statistics = mel_alloc((size_t)step->trained * sizeof *step->statistics + 1);
    for (int i = 0; i < step->trained; i++) {
        const char *name = mel_node_name(mel_graph_variable_at(step->graph, i));
        if (step->moves[i])
            step->gradients[step->gradient_count++] =
                mel_variables_find(step->variables, variable_of(other, "gradient", name));
        else
            step->statistics[step->statistic_count++] = mel_variables_find(step->variables, name);
    }
    return rank_sums_new(step->collective, step->variables, &step->sums, err);
}

/* ---- making --------------------------------------------------------------------------------- */

static bool make(TrainStep *step, Err *err)
{
    Target *target = step->target;
    step->variables = mel_variables_new(step->backend);
    step->params = mel_network_set_params(&target->networks, step->variables);
    if (!build_graph(step, err) || !build_update(step, err)) return false;
    for (int i = 0; i < step->trained; i++)
        if (!add_variable(step, mel_graph_variable_at(step->graph, i), err)) return false;
    if (!prepare_ranks(step, err)) return false;
    step->order = order_new((uint64_t)step->config->seed, mel_shards_count(target->shards));
    step->items = mel_alloc((size_t)step->config->batch * sizeof *step->items);
    return mel_plan_new(step->graph, step->backend, &step->params, &step->plan, err) &&
           mel_plan_new(step->update_graph, step->backend, &step->params, &step->update_plan, err);
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
    mel_plan_free(step->plan);
    mel_plan_free(step->update_plan);
    mel_plan_free(step->judge_plan);
    mel_graph_free(step->graph);
    mel_graph_free(step->update_graph);
    mel_graph_free(step->judge_graph);
    mel_variables_free(step->variables);
    order_free(step->order);
    rank_sums_free(step->sums);
    free(step->gradients);
    free(step->statistics);
    free(step->moves);
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

/* One batch forth and back; its gradients are added to what is kept of those before. */
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
        !mel_plan_write(step->plan, "keep", &keep, err) || !mel_plan_run(step->plan, err) ||
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

/* What the batches of all ranks come to: with one, the step's own. *squares: of the gradient as it
 * was added up. */
static bool add_ranks(TrainStep *step, StepReport *report, double *squares, Err *err)
{
    float own;
    if (!step->collective) {
        report->interrupted = mel_interrupted();
        if (!mel_plan_read(step->plan, "squares", &own, err)) return false;
        *squares = (double)own;
        return true;
    }
    float share = 1 / (float)mel_collective_size(step->collective);
    return rank_sums_run(step->sums, step->gradients, step->gradient_count, 1, squares, err) &&
           rank_sums_run(step->sums, step->statistics, step->statistic_count, share, NULL, err) &&
           share_report(step, report, err);
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
    for (int k = 0; k < GROUPS; k++) {
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
    mel_graph_train(graph, is_trained, step->target, step->config->ema > 0 ? "average of " : "");
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
    if (step->config->ema > 0) name = variable_of(other, "average", name);
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
