/* SPDX-License-Identifier: Apache-2.0 */
/* TODO(issue 4): --table 1…7, our row beside the paper's. */
#include "cli/cli.h"
#include "cli/evaluate_run.h"
#include "cli/models.h"
#include "cli/score_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct EvaluateArgs {
    const char *samples, *reference, *split, *side, *text, *vggish, *cnn14, *picture_model,
        *music_model;
    bool imsm;
} EvaluateArgs;

static const EvaluateArgs evaluate_defaults = {.side = "test",
                                               .vggish = "vggish",
                                               .cnn14 = "cnn14-16k",
                                               .picture_model = CLI_CLIP,
                                               .music_model = CLI_CLAP};

static const CliOption evaluate_options[] = {
    CLI_TEXT(0, "samples", EvaluateArgs, samples, "DIR", "the generated sounds, WAV or FLAC"),
    CLI_TEXT(0, "reference", EvaluateArgs, reference, "DIR", "the real sounds"),
    CLI_TEXT('s', "split", EvaluateArgs, split, "NAME", "or the real sounds of this split"),
    CLI_TEXT(0, "side", EvaluateArgs, side, "SIDE", "train, val or test (test)"),
    CLI_TEXT('t', "text", EvaluateArgs, text, "TEMPLATE", CLI_TEMPLATE_HELP),
    CLI_FLAG(0, "imsm", EvaluateArgs, imsm,
             "also the purity of the split's pictures and texts with the generated sounds"),
    CLI_TEXT(0, "vggish", EvaluateArgs, vggish, "NAME", "judges FAD (vggish); none leaves it out"),
    CLI_TEXT(0, "cnn14", EvaluateArgs, cnn14, "NAME",
             "judges FD, KL and IS (cnn14-16k); none leaves them out"),
    CLI_TEXT(0, "picture-model", EvaluateArgs, picture_model, "NAME",
             "imsm: a CLIP (" CLI_CLIP ")"),
    CLI_TEXT(0, "music-model", EvaluateArgs, music_model, "NAME",
             "imsm: a CLAP or a sound tower (" CLI_CLAP ")"),
    CLI_END,
};

static void add_number(Table *table, const char *name, const char *what, double value)
{
    char text[32] = "not computed";
    if (isfinite(value)) snprintf(text, sizeof text, "%.4f", value);
    cli_table_add(table, (const char *[]){name, text, what});
}

static void report(const Cli *cli, const Evaluation *e, double imsm)
{
    static const char *const names[] = {"metric", "value", "what"};
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "evaluated");
        mel_json_set_i64(line, "samples", e->samples);
        mel_json_set_i64(line, "references", e->references);
        mel_json_set_i64(line, "pairs", e->pairs);
        mel_json_set_i64(line, "failed", e->failed);
        mel_json_set_f64(line, "fad", e->fad);
        mel_json_set_f64(line, "fd", e->fd);
        mel_json_set_f64(line, "kl", e->kl);
        mel_json_set_f64(line, "kl_sigmoid", e->kl_sigmoid);
        mel_json_set_f64(line, "inception", e->inception);
        mel_json_set_f64(line, "inception_deviation", e->inception_deviation);
        mel_json_set_f64(line, "imsm", imsm);
        cli_json_line(line);
        return;
    }
    Table *table = cli_table_new(3, names);
    add_number(table, "FAD", "Frechet distance of VGGish's patches; lower is better", e->fad);
    add_number(table, "FD", "Frechet distance of Cnn14's features; lower is better", e->fd);
    add_number(table, "KL", "mean KL(reference, sample) of the classes; lower is better", e->kl);
    add_number(table, "KL sigmoid", "the same sum over sigmoids", e->kl_sigmoid);
    add_number(table, "IS", "inception score; higher is better", e->inception);
    add_number(table, "IMSM", "purity with the split's pictures and texts; higher is better", imsm);
    cli_table_print(table);
    mel_log_info("%lld samples, %lld references, %lld of one name", (long long)e->samples,
                 (long long)e->references, (long long)e->pairs);
}

static bool open_judge(const char *dataset, const char *name, const char *kind, Judge **out,
                       Err *err)
{
    if (mel_equal(name, "none")) return true;
    char *folder = cli_model_find(dataset, name, err);
    bool ok = folder && mel_judge_open(folder, out, err);
    free(folder);
    if (ok && !mel_equal(mel_judge_info(*out)->kind, kind))
        ok = mel_err(err, ERR_USAGE, "the model '%s' is a %s, wanted a %s", name,
                     mel_judge_info(*out)->kind, kind);
    return ok;
}

/* ---- purity with the generated sounds ------------------------------------------------------- */

/* The split's triplets that have a sample, with that sample as their sound. */
static bool replace_sounds(Selection *selection, const SoundSet *samples, Err *err)
{
    int64_t kept = 0;
    bool ok = true;
    for (int64_t i = 0; i < selection->count && ok; i++) {
        char sha256[SHA256_HEX_SIZE], *name = cli_sound_name(selection->items[i].id);
        const NamedSound *sound = cli_sound_find(samples, name);
        free(name);
        if (!sound) continue;
        Triplet t = selection->items[i];
        ok = mel_sha256_file(sound->path, sha256, NULL, err);
        t.sound = sound->path;
        t.sound_sha256 = mel_arena_strdup(&selection->arena, sha256);
        selection->items[kept++] = t;
    }
    selection->count = kept;
    if (ok && kept == 0)
        ok = mel_err(err, ERR_NOT_FOUND,
                     "no sample is named after a clip of the split "
                     "(<source>_<start in ms>.wav)");
    return ok;
}

static bool purity(const Cli *cli, const char *dataset, const EvaluateArgs *args,
                   Selection *selection, const SoundSet *samples, double *out, Err *err)
{
    ScoreJob job = {.kind = SCORE_IMSM,
                    .picture_name = args->picture_model,
                    .music_name = args->music_model,
                    .progress = &cli->progress};
    double *values = NULL, sum = 0;
    int64_t n = 0;
    bool ok = replace_sounds(selection, samples, err) &&
              cli_score_open(&job, dataset, DTYPE_F32, err) &&
              mel_embeddings_open(dataset, &job.cache, err);
    if (ok) {
        values = mel_alloc((size_t)selection->count * sizeof *values);
        ok = cli_score(&job, selection, NULL, values, err);
    }
    for (int64_t i = 0; i < selection->count && ok; i++) {
        if (!isfinite(values[i])) continue;
        sum += values[i];
        n++;
    }
    if (ok && n) *out = sum / (double)n;
    free(values);
    mel_embeddings_close(job.cache);
    cli_score_close(&job);
    return ok;
}

/* ---- the command ---------------------------------------------------------------------------- */

static bool check_args(const EvaluateArgs *args, Err *err)
{
    if (!args->samples) return mel_err(err, ERR_USAGE, "'--samples' names the generated sounds");
    if (!args->reference == !args->split)
        return mel_err(err, ERR_USAGE, "the real sounds: either '--reference' or '--split'");
    if (args->imsm && !args->split)
        return mel_err(err, ERR_USAGE, "'--imsm' wants the pictures and texts of a '--split'");
    return true;
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

static int run(Cli *cli, const void *options, Err *err)
{
    const EvaluateArgs *args = options;
    Err ignored = {0};
    Selection selection = {0};
    SoundSet samples = {0}, references = {0};
    Judge *vggish = NULL, *cnn14 = NULL;
    Evaluation evaluation;
    double imsm = NAN;
    char *dataset = mel_db_find(cli->folder, &ignored);
    bool ok = check_args(args, err) && cli_sounds_in(args->samples, &samples, err) &&
              find_references(cli, args, &selection, &references, err) &&
              open_judge(dataset, args->vggish, "vggish", &vggish, err) &&
              open_judge(dataset, args->cnn14, "cnn14", &cnn14, err) &&
              cli_evaluate(vggish, cnn14, &samples, &references, &cli->progress, &evaluation, err);
    if (ok && args->imsm) ok = purity(cli, dataset, args, &selection, &samples, &imsm, err);
    cli_progress_done();
    if (ok) report(cli, &evaluation, imsm);
    mel_judge_close(vggish);
    mel_judge_close(cnn14);
    cli_sounds_clear(&samples);
    cli_sounds_clear(&references);
    cli_selection_clear(&selection);
    free(dataset);
    if (!ok) return RUN_ERROR;
    return evaluation.failed ? EXIT_SOME_FAILED : EXIT_DONE;
}

const CliCommand cmd_evaluate = {
    .name = "evaluate",
    .summary = "generated sounds beside real ones: FAD, FD, KL, IS, IMSM",
    .usage = "evaluate --samples DIR (--reference DIR | --split NAME [--imsm])",
    .details = "The formulas, and the ways of loading a sound, are those of audioldm_eval, which "
               "made the\n"
               "tables of TANGO and MeLFusion. Sounds of one name are pairs (KL); a split's clip\n"
               "yt-abc:30000 is named yt-abc_30000.\n\n"
               "  mel model pull vggish cnn14-16k\n"
               "  mel evaluate --samples out --split base --side test --imsm",
    .options = evaluate_options,
    .defaults = &evaluate_defaults,
    .size = sizeof(EvaluateArgs),
    .max_args = 0,
    .run = run,
};
