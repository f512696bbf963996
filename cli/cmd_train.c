/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "trainer/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };

typedef struct TrainArgs {
    const char *run;
    OptionList set;
    bool resume;
} TrainArgs;

static const CliOption train_options[] = {
    CLI_TEXT(0, "run", TrainArgs, run, "DIR", "the run's folder (runs/<name of CONFIG>)"),
    CLI_LIST('s', "set", TrainArgs, set, "KEY=VALUE",
             "instead of what CONFIG says of a key (may be repeated)"),
    CLI_FLAG(0, "resume", TrainArgs, resume, "go on with the run in that folder"),
    CLI_END,
};

static void show(void *ctx, const TrainTick *tick)
{
    Cli *cli = ctx;
    char note[64];
    snprintf(note, sizeof note, "loss %.4f", tick->loss);
    const ProgressTick progress = {
        .what = "train", .done = tick->step, .total = tick->steps, .note = note};
    mel_progress(&cli->progress, &progress);
    if (isnan(tick->validation)) return;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "validated");
        mel_json_set_i64(line, "step", tick->step);
        mel_json_set_f64(line, "loss", tick->loss);
        mel_json_set_f64(line, "validation_loss", tick->validation);
        cli_json_line(line);
    } else {
        cli_progress_done();
        mel_log_info("step %lld: loss %.4f, validation %.4f", (long long)tick->step, tick->loss,
                     tick->validation);
    }
}

static void report(const Cli *cli, const TrainResult *result, const char *folder)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "trained");
        mel_json_set_text(line, "folder", folder);
        mel_json_set_i64(line, "steps", result->steps);
        mel_json_set_i64(line, "parameters", result->parameters);
        mel_json_set_i64(line, "arena_bytes", result->arena_bytes);
        mel_json_set_f64(line, "loss", result->loss);
        mel_json_set_f64(line, "validation_loss", result->validation);
        cli_json_line(line);
        return;
    }
    mel_log_info("%lld steps, loss %.4f; the model is in '%s/model'", (long long)result->steps,
                 result->loss, folder);
}

/* "seed=2": a JSON value, or a text as it stands. */
static bool change(json_t *config, const char *change, Err *err)
{
    const char *sign = strchr(change, '=');
    if (!sign || sign == change)
        return mel_err(err, ERR_USAGE, "'--set' wants KEY=VALUE, not '%s'", change);
    char *key = mel_strndup(change, (size_t)(sign - change));
    json_t *value = json_loads(sign + 1, JSON_DECODE_ANY, NULL);
    json_object_set_new(config, key, value ? value : json_string(sign + 1));
    free(key);
    return true;
}

static json_t *read_config(const char *path, const OptionList *changes, Err *err)
{
    json_t *config = mel_json_load(path, CONFIG_BYTES_MAX, err);
    bool ok = config && (json_is_object(config) ||
                         mel_err(err, ERR_FORMAT, "'%s' holds no JSON object", path));
    for (int i = 0; ok && i < changes->count; i++)
        ok = change(config, changes->items[i], err);
    if (ok) return config;
    json_decref(config);
    return NULL;
}

static char *default_run(const char *config)
{
    const char *base = mel_path_base(config), *extension = mel_path_extension(base);
    size_t n = strlen(base) - (*extension ? strlen(extension) + 1 : 0);
    return mel_asprintf("runs/%.*s", (int)n, base);
}

static int run(Cli *cli, const void *options, Err *err)
{
    const TrainArgs *args = options;
    TrainResult result;
    const char *path = cli->argv[0];
    json_t *config = read_config(path, &args->set, err);
    if (!config) return RUN_ERROR;
    char *folder = args->run ? mel_strdup(args->run) : default_run(path);
    const TrainOptions how = {.folder = folder, .resume = args->resume, .tick = show, .ctx = cli};
    bool ok = mel_train(config, &how, &result, err);
    cli_progress_done();
    if (ok) report(cli, &result, folder);
    free(folder);
    json_decref(config);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_train = {
    .name = "train",
    .summary = "train a network on prepared shards",
    .usage = "train CONFIG [--set KEY=VALUE …] [--run DIR] [--resume]",
    .details =
        "CONFIG is a JSON object: \"target\" (autoencoder, image, music, …), \"data\" and\n"
        "\"validate\" (folders made by 'mel prepare'), \"model\" (the folder whose networks are\n"
        "trained: with weights they go on, with a config.json alone they begin from nothing),\n"
        "\"steps\", \"batch\", \"learning_rate\" and so on; a key that is not known is refused "
        "with\n"
        "the nearest one. Paths are relative to the working folder.\n\n"
        "The run's folder gets config.json, metrics.jsonl (a line a step), TensorBoard's events,\n"
        "checkpoints/ and, at the end, model/. Ctrl-C and SIGTERM write a checkpoint first. A run\n"
        "that goes on is the same to the bit as one that was never stopped.\n\n"
        "  mel train music.json\n"
        "  mel train music.json --set seed=2 --run runs/music-2\n"
        "  mel train music.json --resume",
    .options = train_options,
    .size = sizeof(TrainArgs),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
