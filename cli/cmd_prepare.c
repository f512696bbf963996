/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/models.h"
#include "cli/prepare_run.h"

#include <stdlib.h>

typedef struct PrepareArgs {
    const char *split, *side, *set, *model, *text;
    int64_t picture, tokens, steps;
    bool bf16;
} PrepareArgs;

static const PrepareArgs prepare_defaults = {
    .side = "train", .set = "music", .picture = 512, .tokens = 128, .steps = 50};

static const CliOption prepare_options[] = {
    CLI_TEXT('s', "split", PrepareArgs, split, "NAME", "the split whose triplets are encoded"),
    CLI_TEXT(0, "side", PrepareArgs, side, "SIDE", "train, val or test (train)"),
    CLI_TEXT(0, "for", PrepareArgs, set, "SET", "media, image or music (music), see below"),
    CLI_TEXT('m', "model", PrepareArgs, model, "NAME", "the model that encodes; none for media"),
    CLI_TEXT('t', "text", PrepareArgs, text, "TEMPLATE", CLI_TEMPLATE_HELP),
    CLI_INT(0, "picture", PrepareArgs, picture, "PIXELS",
            "side of the pictures, for media and image (512)"),
    CLI_INT(0, "tokens", PrepareArgs, tokens, "N", "of a text, at most (128)"),
    CLI_INT(0, "steps", PrepareArgs, steps, "N", "of the pictures' inversion (50)"),
    CLI_FLAG(0, "bf16", PrepareArgs, bf16, "compute in bfloat16: faster on CPUs that multiply it"),
    CLI_END,
};

static bool check(const PrepareArgs *args, PrepareJob *job, Err *err)
{
    static const char *const sets[] = {"media", "image", "music"};
    size_t set = 0;
    while (set < MEL_COUNT(sets) && !mel_equal(args->set, sets[set]))
        set++;
    if (set == MEL_COUNT(sets))
        return mel_err(err, ERR_USAGE, "'--for' is media, image or music, not '%s'", args->set);
    job->set = (PrepareSet)set;
    if (!args->split) return mel_err(err, ERR_USAGE, "'--split' names the split to encode");
    if (!args->model && job->set != PREPARE_MEDIA)
        return mel_err(err, ERR_USAGE, "'--model' names the model that encodes");
    if (args->picture < 8 || args->picture > 4096)
        return mel_err(err, ERR_USAGE, "'--picture' is 8 to 4096 pixels");
    if (args->tokens < 1 || args->tokens > 512)
        return mel_err(err, ERR_USAGE, "'--tokens' is 1 to 512");
    if (args->steps < 1 || args->steps > 1000)
        return mel_err(err, ERR_USAGE, "'--steps' is 1 to 1000");
    return true;
}

static void report(const Cli *cli, const PrepareJob *job, const char *folder)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "prepared");
        mel_json_set_text(line, "folder", folder);
        mel_json_set_i64(line, "items", job->written);
        mel_json_set_i64(line, "failed", job->failed);
        cli_json_line(line);
        return;
    }
    mel_log_info("%lld items in '%s'%s", (long long)job->written, folder,
                 job->failed ? "; some triplets were refused, see above" : "");
}

static int run(Cli *cli, const void *options, Err *err)
{
    const PrepareArgs *args = options;
    PrepareJob job = {.side = args->picture,
                      .tokens = args->tokens,
                      .steps = args->steps,
                      .bf16 = args->bf16,
                      .split = args->split,
                      .split_side = args->side,
                      .progress = &cli->progress};
    const Choice choice = {.split = args->split, .side = args->side, .text = args->text};
    Db *db = NULL;
    Selection selection = {0};
    char *model = NULL;
    bool ok = check(args, &job, err) && cli_open(cli, DB_READ, &db, err) &&
              cli_select(db, &choice, &selection, err);
    if (ok && args->model) {
        model = cli_model_find(mel_db_folder(db), args->model, err);
        ok = model != NULL;
        job.model = model;
    }
    ok = ok && cli_prepare(&job, &selection, cli->argv[0], err);
    cli_progress_done();
    if (ok) report(cli, &job, cli->argv[0]);
    free(model);
    cli_selection_clear(&selection);
    mel_db_close(db);
    return !ok ? RUN_ERROR : job.failed ? EXIT_SOME_FAILED : EXIT_DONE;
}

const CliCommand cmd_prepare = {
    .name = "prepare",
    .summary = "encode a split once into what training reads",
    .usage = "prepare --split NAME [--side SIDE] [--for SET] [--model NAME] DIR",
    .details =
        "Writes training shards into DIR: arrays in safetensors files, and an index with their\n"
        "hashes. Training needs nothing else: no dataset, no decoder. A stopped command goes on\n"
        "where it was. Triplets whose files changed since they were verified are refused.\n\n"
        "  media  pixels, samples at 16 kHz and log-mel spectrograms: for the autoencoders, the\n"
        "         towers and the vocoder\n"
        "  image  the pictures' latents: for the image model\n"
        "  music  latents, text states and the pictures' inversions: for the music model\n\n"
        "  mel prepare --split main --for music --model melfusion shards/train",
    .options = prepare_options,
    .defaults = &prepare_defaults,
    .size = sizeof(PrepareArgs),
    .min_args = 1,
    .max_args = 1,
    .computes = true,
    .run = run,
};
