/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/local_ranks.h"
#include "trainer/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };

typedef struct TrainArgs {
    const char *run;
    OptionList set;
    bool resume;
    int64_t ranks, restarts;
} TrainArgs;

static const CliOption train_options[] = {
    CLI_TEXT(0, "run", TrainArgs, run, "DIR", "the run's folder (runs/<name of CONFIG>)"),
    CLI_LIST('s', "set", TrainArgs, set, "KEY=VALUE",
             "instead of what CONFIG says of a key (may be repeated)"),
    CLI_FLAG(0, "resume", TrainArgs, resume, "go on with the run in that folder"),
    CLI_INT(0, "ranks", TrainArgs, ranks, "N", "train with N processes of this machine"),
    CLI_INT(0, "restarts", TrainArgs, restarts, "K",
            "with --ranks: up to K times, when one fails, from the last checkpoint"),
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

/* ---- processes of this machine -------------------------------------------------------------- */

typedef struct Words {
    const char *at[OPTION_LIST_MAX * 2 + 16];
    int count;
} Words;

static void say(Words *words, const char *word)
{
    words->at[words->count++] = word;
    words->at[words->count] = NULL;
}

/* What each rank is told: the same, but for the ranks. */
static void say_command(Words *words, const Cli *cli, const TrainArgs *args, const char *folder,
                        bool resume)
{
    say(words, "mel");
    if (cli->json) say(words, "--json");
    if (cli->quiet) say(words, "--quiet");
    if (cli->verbose) say(words, "--verbose");
    say(words, "--device");
    say(words, cli->device);
    say(words, "train");
    say(words, "--run");
    say(words, folder);
    for (int i = 0; i < args->set.count; i++) {
        say(words, "--set");
        say(words, args->set.items[i]);
    }
    if (resume) say(words, "--resume");
    say(words, "--");
    say(words, cli->argv[0]);
}

/* A run that is there and was not asked for must not be gone on with by a second start. */
static bool would_take_another(const char *folder, bool resume)
{
    char *config = mel_path_join(folder, "config.json");
    bool there = mel_path_exists(config);
    free(config);
    return there && !resume;
}

static int run_ranks(const Cli *cli, const TrainArgs *args, const char *folder, Err *err)
{
    Words first = {0}, again = {0};
    say_command(&first, cli, args, folder, args->resume);
    say_command(&again, cli, args, folder, true);
    const LocalRanks ranks = {.count = (int)args->ranks,
                              .restarts =
                                  would_take_another(folder, args->resume) ? 0 : args->restarts,
                              .argv = first.at,
                              .again_argv = again.at};
    int code;
    return local_ranks_run(&ranks, &code, err) ? code : RUN_ERROR;
}

/* ---- this process --------------------------------------------------------------------------- */

/* The main thread computes on, for a rank that is no more. */
static void give_up(void *ctx, const Err *why)
{
    (void)ctx;
    mel_log_error(why);
    _exit(EXIT_FAILED);
}

/* Each process of a machine takes a GPU of its own. */
static bool use_device(const Cli *cli, const LaunchPlace *place, Err *err)
{
    char own[32];
    bool any_gpu = mel_equal(cli->device, "cuda") || mel_equal(cli->device, "auto");
    snprintf(own, sizeof own, "%s:%d", cli->device, place->local_rank);
    return mel_device_use(any_gpu ? own : cli->device, err);
}

static int run_here(Cli *cli, const TrainArgs *args, const char *folder, Err *err)
{
    const CollectiveOptions options = {.watch = {.lost = give_up}};
    Collective *ranks = NULL;
    LaunchPlace place;
    TrainResult result;
    json_t *config = read_config(cli->argv[0], &args->set, err);
    if (!config) return RUN_ERROR;
    bool ok = mel_launch_place(mel_launch_environment, NULL, &place, err) &&
              use_device(cli, &place, err) && mel_collective_open(&place, &options, &ranks, err);
    const TrainOptions how = {
        .folder = folder, .resume = args->resume, .tick = show, .ctx = cli, .collective = ranks};
    ok = ok && mel_train(config, &how, &result, err);
    cli_progress_done();
    if (ok && place.rank == 0) report(cli, &result, folder);
    mel_collective_close(ranks, err);
    if (!ok && ranks) mel_err_wrap(err, "rank %d", place.rank);
    json_decref(config);
    return ok ? EXIT_DONE : RUN_ERROR;
}

static bool check(const TrainArgs *args, Err *err)
{
    if (args->ranks < 1 || args->ranks > LAUNCH_RANKS_MAX)
        return mel_err(err, ERR_USAGE, "--ranks is %lld, wanted 1 to %d", (long long)args->ranks,
                       LAUNCH_RANKS_MAX);
    return args->restarts >= 0 || mel_err(err, ERR_USAGE, "--restarts is less than 0");
}

static int run(Cli *cli, const void *options, Err *err)
{
    const TrainArgs *args = options;
    if (!check(args, err)) return RUN_ERROR;
    char *folder = args->run ? mel_strdup(args->run) : default_run(cli->argv[0]);
    bool several = args->ranks > 1 || args->restarts > 0;
    int code = several ? run_ranks(cli, args, folder, err) : run_here(cli, args, folder, err);
    free(folder);
    return code;
}

static const TrainArgs train_defaults = {.ranks = 1};

const CliCommand cmd_train = {
    .name = "train",
    .summary = "train a network on prepared shards",
    .usage = "train CONFIG [--set KEY=VALUE …] [--run DIR] [--resume] [--ranks N]",
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
        "Several processes train as one with as many times the batch: with --ranks on this\n"
        "machine, or started by torchrun, mpirun or srun (RANK, WORLD_SIZE, MASTER_ADDR,\n"
        "MASTER_PORT and their like). All must see the same files; rank 0 writes. A contrastive\n"
        "target (clip, imsm) compares, and a batch norm measures, the batch of its own rank only.\n"
        "When one is gone the others stop within 30 s, and --resume goes on.\n\n"
        "  mel train music.json\n"
        "  mel train music.json --set seed=2 --run runs/music-2\n"
        "  mel train music.json --resume\n"
        "  mel train music.json --ranks 2 --restarts 3\n"
        "  srun --ntasks 8 mel train music.json",
    .options = train_options,
    .defaults = &train_defaults,
    .size = sizeof(TrainArgs),
    .min_args = 1,
    .max_args = 1,
    .computes = true,
    .by_rank = true,
    .run = run,
};
