/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/models.h"
#include "cli/table_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRAINING_BYTES_MAX = 1 << 20 };

typedef struct EvaluateArgs {
    const char *samples, *reference, *split, *side, *text;
    Judging judges;
    bool imsm;
    const char *model, *train, *runs, *sampler, *paper; /* of a table */
    int64_t table, limit, seed, steps, tokens;
    double guidance;
    bool bf16, guide_by_picture;
} EvaluateArgs;

static const EvaluateArgs evaluate_defaults = {
    .side = "test",
    .judges = {"vggish", "cnn14-16k", CLI_CLIP, CLI_CLAP, 0},
    .model = "melfusion",
    .runs = "runs/paper",
    .sampler = "ddim",
    .paper = "melbench",
    .steps = 400,
    .tokens = 128,
    .guidance = 7
};

static const CliOption evaluate_options[] = {
    CLI_TEXT(0, "samples", EvaluateArgs, samples, "DIR", "the generated sounds, WAV or FLAC"),
    CLI_TEXT(0, "reference", EvaluateArgs, reference, "DIR", "the real sounds"),
    CLI_TEXT('s', "split", EvaluateArgs, split, "NAME", "or the real sounds of this split"),
    CLI_TEXT(0, "side", EvaluateArgs, side, "SIDE", "train, val or test (test)"),
    CLI_TEXT('t', "text", EvaluateArgs, text, "TEMPLATE", CLI_TEMPLATE_HELP),
    CLI_FLAG(0, "imsm", EvaluateArgs, imsm,
             "also the purity of the split's pictures and texts with the generated sounds"),
    CLI_TEXT(0, "vggish", EvaluateArgs, judges.vggish, "NAME",
             "judges FAD (vggish); none leaves it out"),
    CLI_TEXT(0, "cnn14", EvaluateArgs, judges.cnn14, "NAME",
             "judges FD, KL and IS (cnn14-16k); none leaves them out"),
    CLI_TEXT(0, "picture-model", EvaluateArgs, judges.picture, "NAME",
             "imsm: a CLIP (" CLI_CLIP ")"),
    CLI_TEXT(0, "music-model", EvaluateArgs, judges.music, "NAME",
             "imsm: a CLAP or a sound tower (" CLI_CLAP ")"),
    CLI_REAL(0, "peak", EvaluateArgs, judges.peak, "P",
             "every sound, real or not, is scaled to it before FAD, FD, KL and IS (as it is)"),
    CLI_INT(0, "table", EvaluateArgs, table, "N", "make this table of the paper again, 1 to 7"),
    CLI_TEXT('m', "model", EvaluateArgs, model, "NAME", "table: the model (melfusion)"),
    CLI_TEXT(0, "train", EvaluateArgs, train, "CONFIG",
             "table: MeLFusion's training, which rows change as they need"),
    CLI_TEXT(0, "runs", EvaluateArgs, runs, "DIR", "table: keeps all that is made (runs/paper)"),
    CLI_INT(0, "limit", EvaluateArgs, limit, "N", "table: clips that music is made for (all)"),
    CLI_INT(0, "seed", EvaluateArgs, seed, "N", "table: of the first clip's music (0)"),
    CLI_INT(0, "steps", EvaluateArgs, steps, "N", "table: of the sampler (400)"),
    CLI_REAL('g', "guidance", EvaluateArgs, guidance, "G", "table: by the text (7)"),
    CLI_TEXT(0, "sampler", EvaluateArgs, sampler, "NAME", "table: ddim, ddpm or dpm++ (ddim)"),
    CLI_INT(0, "tokens", EvaluateArgs, tokens, "N", "table: of a text, at most (128)"),
    CLI_FLAG(0, "guide-by-picture", EvaluateArgs, guide_by_picture,
             "table: guidance pushes towards the picture too"),
    CLI_FLAG(0, "bf16", EvaluateArgs, bf16, "table: compute in bfloat16"),
    CLI_TEXT(0, "paper", EvaluateArgs, paper, "SET",
             "table: the paper's figures on melbench or musiccaps (melbench)"),
    CLI_END,
};

static void add_number(Table *table, const char *name, const char *what, double value)
{
    char text[32] = "not computed";
    if (isfinite(value)) snprintf(text, sizeof text, "%.4f", value);
    cli_table_add(table, (const char *[]){name, text, what});
}

static void report(const Cli *cli, const Evaluation *e)
{
    static const char *const names[] = {"metric", "value", "what"};
    if (cli->json) {
        json_t *line = cli_evaluation_json(e);
        mel_json_set_text(line, "event", "evaluated");
        cli_json_line(line);
        return;
    }
    Table *table = cli_table_new(3, names);
    add_number(table, "FAD", "Frechet distance of VGGish's patches; lower is better", e->fad);
    add_number(table, "FD", "Frechet distance of Cnn14's features; lower is better", e->fd);
    add_number(table, "KL", "mean KL(reference, sample) of the classes; lower is better", e->kl);
    add_number(table, "KL sigmoid", "the same sum over sigmoids", e->kl_sigmoid);
    add_number(table, "IS", "inception score; higher is better", e->inception);
    add_number(table, "IMSM", "purity with the split's pictures and texts; higher is better",
               e->imsm);
    cli_table_print(table);
    mel_log_info("%lld samples, %lld references, %lld of one name", (long long)e->samples,
                 (long long)e->references, (long long)e->pairs);
}

/* ---- one set of sounds ----------------------------------------------------------------------- */

static bool check_args(const EvaluateArgs *args, Err *err)
{
    if (!args->samples) return mel_err(err, ERR_USAGE, "'--samples' names the generated sounds");
    if (!args->reference == !args->split)
        return mel_err(err, ERR_USAGE, "the real sounds: either '--reference' or '--split'");
    if (args->imsm && !args->split)
        return mel_err(err, ERR_USAGE, "'--imsm' wants the pictures and texts of a '--split'");
    return true;
}

static bool check_peak(double peak, Err *err)
{
    if (peak >= 0 && peak <= 1) return true;
    return mel_err(err, ERR_USAGE, "'--peak' is more than 0 and at most 1, not %g", peak);
}

static bool find_references(const Cli *cli, const EvaluateArgs *args, Selection *selection,
                            SoundSet *out, Err *err)
{
    if (args->reference) return cli_sounds_in(args->reference, out, err);
    const Choice choice = {.split = args->split, .side = args->side, .text = args->text};
    Db *db = NULL;
    bool ok = cli_open(cli, DB_READ, &db, err) && cli_select(db, &choice, selection, err);
    if (ok) cli_sounds_of(selection, out);
    mel_db_close(db);
    return ok;
}

static int evaluate(Cli *cli, const EvaluateArgs *args, const char *dataset, Err *err)
{
    Selection selection = {0};
    SoundSet samples = {0}, references = {0};
    Judges judges = {0};
    Evaluation evaluation = {0};
    bool ok = check_args(args, err) && cli_sounds_in(args->samples, &samples, err) &&
              find_references(cli, args, &selection, &references, err) &&
              cli_judges_open(&args->judges, dataset, &cli->progress, &judges, err) &&
              cli_judge_samples(&judges, &samples, &references, args->imsm ? &selection : NULL,
                                &evaluation, err);
    cli_progress_done();
    if (ok) report(cli, &evaluation);
    cli_judges_close(&judges);
    cli_sounds_clear(&samples);
    cli_sounds_clear(&references);
    cli_selection_clear(&selection);
    if (!ok) return RUN_ERROR;
    return evaluation.failed ? EXIT_SOME_FAILED : EXIT_DONE;
}

/* ---- a table of the paper ------------------------------------------------------------------- */

typedef struct TableView {
    Cli *cli;
    PaperSet paper;
    Table *table;
} TableView;

static void cell(char out[16], double value)
{
    snprintf(out, 16, isfinite(value) ? "%.2f" : "-", value);
}

static void show_row(void *ctx, const PaperRow *row, const Evaluation *e, const char *why)
{
    const TableView *view = ctx;
    const PaperFigures *paper = &row->figures[view->paper];
    const double numbers[] = {e ? e->fad : NAN, e ? e->kl : NAN, e ? e->fd : NAN, e ? e->imsm : NAN,
                              paper->fad,       paper->kl,       paper->fd,       paper->imsm};
    char texts[MEL_COUNT(numbers)][16];
    const char *cells[MEL_COUNT(numbers) + 2] = {row->name};
    cli_progress_done();
    if (view->cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "row");
        mel_json_set_i64(line, "table", row->table);
        mel_json_set_text(line, "row", row->name);
        mel_json_set_text(line, "left_out", why);
        json_object_set_new(line, "ours", e ? cli_evaluation_json(e) : json_null());
        json_t *theirs = json_object();
        mel_json_set_f64(theirs, "fad", paper->fad);
        mel_json_set_f64(theirs, "kl", paper->kl);
        mel_json_set_f64(theirs, "fd", paper->fd);
        mel_json_set_f64(theirs, "imsm", paper->imsm);
        json_object_set_new(line, "paper", theirs);
        cli_json_line(line);
        return;
    }
    for (size_t i = 0; i < MEL_COUNT(numbers); i++) {
        cell(texts[i], numbers[i]);
        cells[i + 1] = texts[i];
    }
    cells[MEL_COUNT(numbers) + 1] = why;
    cli_table_add(view->table, cells);
    mel_log_info("%s: %s", row->name, why ? why : "done");
}

static void show_training(void *ctx, const TrainTick *tick)
{
    const TableView *view = ctx;
    char note[64];
    snprintf(note, sizeof note, "loss %.4f", tick->loss);
    mel_progress(
        &view->cli->progress,
        &(ProgressTick){.what = "train", .done = tick->step, .total = tick->steps, .note = note});
}

static void made(void *ctx, const Request *request, const char *path, double seconds)
{
    (void)ctx, (void)request;
    mel_log_debug("%s in %.1f s", path, seconds);
}

static bool check_table(const EvaluateArgs *args, TableJob *job, PaperSet *paper, Err *err)
{
    if (args->table < 1 || args->table > PAPER_TABLES)
        return mel_err(err, ERR_USAGE, "'--table' is 1 to %d", PAPER_TABLES);
    if (!args->split || args->samples || args->reference)
        return mel_err(err, ERR_USAGE,
                       "a table makes its own sounds: '--split' names the real ones");
    if (args->steps < 1 || args->steps > 1000)
        return mel_err(err, ERR_USAGE, "'--steps' is 1 to 1000");
    if (args->tokens < 1 || args->tokens > 512)
        return mel_err(err, ERR_USAGE, "'--tokens' is 1 to 512");
    if (args->limit < 0) return mel_err(err, ERR_USAGE, "'--limit' is a number of clips");
    *paper = mel_equal(args->paper, "musiccaps") ? PAPER_MUSICCAPS : PAPER_MELBENCH;
    if (*paper == PAPER_MELBENCH && !mel_equal(args->paper, "melbench"))
        return mel_err(err, ERR_USAGE, "'--paper' is melbench or musiccaps, not '%s'", args->paper);
    if (args->table == 5) *paper = PAPER_MUSICCAPS; /* the only one it is given for */
    return mel_sampler_kind(args->sampler, &job->generate.sampler, err);
}

static bool open_table(const EvaluateArgs *args, const char *dataset, TableJob *job, json_t **train,
                       char **model, Err *err)
{
    *model = cli_model_find(dataset, args->model, err);
    job->model = *model;
    if (*model && args->train) *train = mel_json_load(args->train, TRAINING_BYTES_MAX, err);
    job->training = *train;
    return *model && (!args->train || *train);
}

static int evaluate_table(Cli *cli, const EvaluateArgs *args, const char *dataset, Err *err)
{
    static const char *const columns[] = {"",           "FAD", "KL", "FD",   "IMSM",
                                          "paper: FAD", "KL",  "FD", "IMSM", ""};
    TableView view = {.cli = cli};
    Judges judges = {0};
    TableJob job = {
        .table = (int)args->table,
        .runs = args->runs,
        .choice = {.split = args->split,                       .side = args->side, .text = args->text},
        .limit = args->limit,
        .seed = args->seed,
        .generate = { .steps = args->steps,
                   .samples = 1,
                   .tokens = args->tokens,
                   .guidance = args->guidance,
                   .bf16 = args->bf16,
                   .guide_by_picture = args->guide_by_picture,
                   .progress = &cli->progress,
                   .done = made},
        .judges = &judges,
        .done = show_row,
        .trained = show_training,
        .ctx = &view
    };
    json_t *training = NULL;
    char *model = NULL;
    Db *db = NULL;
    bool ok = check_table(args, &job, &view.paper, err) && cli_open(cli, DB_READ, &db, err) &&
              open_table(args, dataset, &job, &training, &model, err) &&
              cli_judges_open(&args->judges, dataset, &cli->progress, &judges, err);
    if (ok) {
        view.table = cli->json ? NULL : cli_table_new(MEL_COUNT(columns), columns);
        ok = cli_table(&job, db, err);
        cli_progress_done();
        if (view.table) cli_table_print(view.table);
    }
    cli_judges_close(&judges);
    mel_db_close(db);
    json_decref(training);
    free(model);
    return ok ? EXIT_DONE : RUN_ERROR;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const EvaluateArgs *args = options;
    Err ignored = {0};
    if (!check_peak(args->judges.peak, err)) return RUN_ERROR;
    char *dataset = mel_db_find(cli->folder, &ignored);
    int code =
        args->table ? evaluate_table(cli, args, dataset, err) : evaluate(cli, args, dataset, err);
    free(dataset);
    return code;
}

const CliCommand cmd_evaluate = {
    .name = "evaluate",
    .summary = "generated sounds beside real ones: FAD, FD, KL, IS, IMSM",
    .usage = "evaluate --samples DIR (--reference DIR | --split NAME [--imsm])\n"
             "       mel evaluate --table N --split NAME [--train CONFIG]",
    .details = "The formulas, and the ways of loading a sound, are those of audioldm_eval, which "
               "made the\n"
               "tables of TANGO and MeLFusion. Sounds of one name are pairs (KL); a split's clip\n"
               "yt-abc:30000 is named yt-abc_30000. TANGO and MeLFusion are taught music of peak "
               "0.5: unless\nthe real sounds have it, FAD and FD tell levels apart, too, and "
               "--peak 0.5 leaves them out.\n\n"
               "--table makes a table of the paper again, from any split: it makes the music of "
               "every row,\njudges it, and shows it beside the paper's. With --train rows that "
               "differ in training are\ntrained; without it they are left out. Everything stays "
               "below --runs, and the same command\ngoes on from there.\n\n"
               "  mel model pull vggish cnn14-16k\n"
               "  mel evaluate --samples out --split base --side test --imsm\n"
               "  mel evaluate --table 4 --split base --train music.json --limit 100",
    .options = evaluate_options,
    .defaults = &evaluate_defaults,
    .size = sizeof(EvaluateArgs),
    .max_args = 0,
    .computes = true,
    .run = run,
};
