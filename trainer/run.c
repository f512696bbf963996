/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/run.h"

#include "trainer/checkpoint.h"
#include "trainer/events.h"
#include "trainer/export.h"
#include "trainer/ranks.h"
#include "trainer/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };
#define METRICS_BYTES_MAX ((size_t)1 << 32)

typedef struct Run {
    const json_t *object;
    const TrainOptions *options;
    TrainConfig config;
    Shards *shards, *validation;
    Target *target;
    TrainStep *step;
    char *checkpoints;
    FILE *metrics;
    Events *events;
    Collective *collective;
    bool writes; /* rank 0: the run's folder is its own */
    bool interrupted;
    TrainTick tick;
} Run;

/* ---- the folder ----------------------------------------------------------------------------- */

static bool write_config(const Run *run, Err *err)
{
    char *path = mel_path_join(run->options->folder, "config.json");
    char *text = json_dumps(run->object, JSON_INDENT(2));
    bool ok = mel_write_file(path, text, strlen(text), err);
    free(text);
    free(path);
    return ok;
}

static bool make_folder(Run *run, Err *err)
{
    char *config = mel_path_join(run->options->folder, "config.json");
    bool there = mel_path_exists(config);
    free(config);
    run->checkpoints = mel_path_join(run->options->folder, "checkpoints");
    if (!run->writes) return true;
    if (there && !run->options->resume) {
        mel_err(err, ERR_EXISTS, "'%s' holds a run already", run->options->folder);
        mel_err_hint(err, "--resume goes on with it; another --run begins a new one");
        return false;
    }
    return mel_make_dirs(run->checkpoints, err);
}

/* Lines of steps behind the one from which the run goes on are taken back. */
static bool open_metrics(Run *run, int64_t step, Err *err)
{
    char *path = mel_path_join(run->options->folder, "metrics.jsonl"), *text = NULL;
    size_t n = 0, kept = 0;
    bool ok = !mel_path_exists(path) || mel_read_file(path, METRICS_BYTES_MAX, &text, &n, err);
    while (ok && kept < n) {
        const char *end = strchr(text + kept, '\n');
        long long number = 0;
        if (!end || sscanf(text + kept, "{\"step\":%lld", &number) != 1 || number > step) break;
        kept = (size_t)(end + 1 - text);
    }
    ok = ok && mel_write_file(path, text ? text : "", kept, err);
    if (ok && !(run->metrics = fopen(path, "ab")))
        ok = mel_err_errno(err, "'%s' cannot be written", path);
    free(text);
    free(path);
    return ok;
}

static bool log_line(Run *run, json_t *line, Err *err)
{
    char *text = mel_json_line(line);
    bool ok = fprintf(run->metrics, "%s\n", text) > 0 && fflush(run->metrics) == 0;
    free(text);
    json_decref(line);
    return ok || mel_err_errno(err, "the run's metrics cannot be written");
}

static void note(Run *run, json_t *line, const char *key, double value)
{
    mel_json_set_f64(line, key, value);
    events_number(run->events, key, run->tick.step, value);
}

/* ---- steps ---------------------------------------------------------------------------------- */

static bool report(Run *run, const StepReport *step, double seconds, Err *err)
{
    if (!run->writes) return true;
    json_t *line = json_object();
    mel_json_set_i64(line, "step", run->tick.step);
    note(run, line, "loss", step->loss);
    note(run, line, "gradient_norm", step->gradient_norm);
    note(run, line, "update_norm", step->update_norm);
    note(run, line, "rate", step->rate);
    for (int i = 0; run->target->def->metrics[i]; i++)
        note(run, line, run->target->def->metrics[i], step->metrics[i]);
    mel_json_set_f64(line, "seconds", seconds);
    if (run->collective) mel_json_set_f64(line, "waited", step->waited);
    return log_line(run, line, err);
}

static bool validate(Run *run, Err *err)
{
    if (!run->validation) return true;
    if (!train_step_measure(run->step, run->validation, run->config.validate_items, "loss",
                            MEASURE_SHARED, &run->tick.validation, err))
        return false;
    if (!run->writes) return true;
    json_t *line = json_object();
    mel_json_set_i64(line, "step", run->tick.step);
    note(run, line, "validation_loss", run->tick.validation);
    return log_line(run, line, err);
}

/* samples/step-00000100/: what the target makes of some items. */
static bool listen(Run *run, Err *err)
{
    if (!run->target->def->sample || !run->writes) return true;
    const Shards *shards = run->validation ? run->validation : run->shards;
    char *folder =
        mel_asprintf("%s/samples/step-%08lld", run->options->folder, (long long)run->tick.step);
    bool ok = mel_make_dirs(folder, err) && train_step_sample(run->step, shards, folder, err);
    free(folder);
    return ok;
}

/* Ranks that have drifted apart must not leave a checkpoint of one of them. */
static bool save(Run *run, Err *err)
{
    if (!ranks_agree_on_variables(run->collective, train_step_variables(run->step), err))
        return mel_err_hint(err, "--resume goes on from the checkpoint before");
    if (!run->writes) return true;
    return events_flush(run->events, err) &&
           checkpoint_write(run->checkpoints, run->tick.step, run->object,
                            train_step_variables(run->step), run->config.keep, err);
}

static bool one_step(Run *run, Err *err)
{
    StepReport step;
    const TrainConfig *c = &run->config;
    int64_t began = mel_monotonic_us();
    run->tick.validation = NAN;
    if (!train_step_run(run->step, run->tick.step, &step, err)) return false;
    double seconds = (double)(mel_monotonic_us() - began) / 1e6;
    run->tick.step++;
    run->tick.loss = step.loss;
    run->interrupted = step.interrupted;
    bool last = run->tick.step == c->steps;
    if (!report(run, &step, seconds, err)) return false;
    if ((last || run->tick.step % c->validate_every == 0) && !validate(run, err)) return false;
    bool heard = c->sample_every && (last || run->tick.step % c->sample_every == 0);
    if (heard && !listen(run, err)) return false;
    if ((last || run->tick.step % c->checkpoint_every == 0) && !save(run, err)) return false;
    if (run->options->tick && run->writes) run->options->tick(run->options->ctx, &run->tick);
    return true;
}

/* One rank alone stops wherever it is; of several all stop behind a step that all have made. */
static bool interrupted(Run *run, Err *err)
{
    if (!run->interrupted && (run->collective || !mel_interrupted())) return false;
    if (run->tick.step % run->config.checkpoint_every != 0 && !save(run, err)) return true;
    mel_err(err, ERR_CANCELLED, "interrupted after step %lld of %lld", (long long)run->tick.step,
            (long long)run->config.steps);
    mel_err_hint(err, "the same command with --resume goes on there");
    return true;
}

static bool run_steps(Run *run, TrainResult *result, Err *err)
{
    run->tick.steps = run->config.steps;
    while (run->tick.step < run->config.steps) {
        if (interrupted(run, err) || !one_step(run, err)) return false;
        if (!isnan(run->tick.validation)) result->validation = run->tick.validation;
    }
    return true;
}

/* ---- a run ---------------------------------------------------------------------------------- */

static bool open_data(Run *run, Err *err)
{
    const TrainConfig *c = &run->config;
    return mel_target_new(run->object, &run->config, &run->target, err) &&
           mel_shards_open(c->data, &run->shards, err) &&
           (!c->validate || mel_shards_open(c->validate, &run->validation, err)) &&
           mel_target_open(run->target, run->shards, err);
}

static void describe(const Run *run, TrainResult *result)
{
    const Shape *shape;
    for (int i = 0; train_step_name(run->step, i, &shape); i++)
        result->parameters += mel_shape_count(shape);
    result->arena_bytes = train_step_arena_bytes(run->step);
}

static bool finish(Run *run, Err *err)
{
    if (!run->writes) return true;
    char *model = mel_path_join(run->options->folder, "model");
    const char *const folders[] = {model, run->config.install ? run->config.model : NULL, NULL};
    bool ok = export_parts(run->target, run->step, folders, err);
    free(model);
    return ok;
}

/* Before anything is written: are these the ranks of one run, with one configuration and data? */
static bool same_run(const Run *run, Err *err)
{
    if (!run->collective) return true;
    char *config = json_dumps(run->object, JSON_SORT_KEYS | JSON_COMPACT);
    char *index = json_dumps(mel_shards_index(run->shards), JSON_SORT_KEYS | JSON_COMPACT);
    bool ok = ranks_agree(run->collective, config, "another configuration", err) &&
              ranks_agree(run->collective, index, "other training shards", err);
    free(config);
    free(index);
    return ok;
}

/* Every rank reads the checkpoint itself; those that do not see the same one are found here. */
static bool begin(Run *run, Err *err)
{
    Variables *variables = train_step_variables(run->step);
    if (run->options->resume &&
        !checkpoint_read(run->checkpoints, run->object, variables, &run->tick.step, err))
        return false;
    char *step = mel_asprintf("%lld", (long long)run->tick.step);
    bool ok = ranks_agree(run->collective, step, "another checkpoint", err) &&
              ranks_agree_on_variables(run->collective, variables, err);
    free(step);
    return ok || mel_err_hint(err, "all ranks must see the same model and the same run's folder");
}

static bool open_folder(Run *run, Err *err)
{
    return !run->writes || (write_config(run, err) && open_metrics(run, run->tick.step, err) &&
                            events_open(run->options->folder, &run->events, err));
}

static bool train(Run *run, TrainResult *result, Err *err)
{
    if (!open_data(run, err) || !same_run(run, err) || !make_folder(run, err) ||
        !train_step_new(run->target, mel_device(), run->collective, &run->step, err))
        return false;
    describe(run, result);
    bool ok = begin(run, err) && open_folder(run, err) && run_steps(run, result, err);
    result->steps = run->tick.step;
    result->loss = run->tick.loss;
    return ok && finish(run, err);
}

bool mel_train(const json_t *config, const TrainOptions *options, TrainResult *result, Err *err)
{
    Run run = {.object = config,
               .options = options,
               .collective = options->collective,
               .writes = mel_collective_rank(options->collective) == 0};
    *result = (TrainResult){.validation = NAN};
    bool ok = train(&run, result, err);
    if (run.metrics) fclose(run.metrics);
    events_close(run.events);
    train_step_free(run.step);
    mel_target_free(run.target);
    mel_shards_close(run.shards);
    mel_shards_close(run.validation);
    free(run.checkpoints);
    return ok;
}
