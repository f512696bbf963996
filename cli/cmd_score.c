/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/models.h"
#include "cli/score_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ScoreArgs {
    const char *where, *bank, *text, *picture_model, *music_model;
    bool bf16, compat, dry_run;
} ScoreArgs;

static const ScoreArgs score_defaults = {
    .where = "included", .picture_model = CLI_CLIP, .music_model = CLI_CLAP};

static const CliOption score_options[] = {
    CLI_TEXT('w', "where", ScoreArgs, where, "SQL", "the triplets to score (included)"),
    CLI_TEXT(0, "bank", ScoreArgs, bank, "SQL",
             "imsm: the triplets whose texts are the bank (those that are scored)"),
    CLI_TEXT('t', "text", ScoreArgs, text, "TEMPLATE", CLI_TEMPLATE_HELP),
    CLI_TEXT(0, "picture-model", ScoreArgs, picture_model, "NAME", "a CLIP (" CLI_CLIP ")"),
    CLI_TEXT(0, "music-model", ScoreArgs, music_model, "NAME",
             "a CLAP, or a sound tower that was trained into that CLIP's space "
             "(" CLI_CLAP ")"),
    CLI_FLAG(0, "bf16", ScoreArgs, bf16, "compute in bfloat16: faster on CPUs that multiply it"),
    CLI_FLAG(0, "compat", ScoreArgs, compat,
             "imsm: as the authors' released script has it, with a further softmax"),
    CLI_FLAG(0, "dry-run", ScoreArgs, dry_run, "compute and say, record nothing"),
    CLI_END,
};

static const char *const kind_names[] = {"clip", "clap", "imsm"};

/* ---- what is recorded ----------------------------------------------------------------------- */

/* How the numbers came about, the same for all of a run. */
typedef struct Origin {
    const char *name; /* of the score */
    Str model;
    char sha256[SHA256_HEX_SIZE], bank_sha256[SHA256_HEX_SIZE], bank_id[32];
    char *parameters;
} Origin;

static void add_model(Origin *o, json_t *parameters, Sha256 *hash, const Towers *towers,
                      const char *name)
{
    if (!towers) return;
    const TowersInfo *info = mel_towers_info(towers);
    json_t *part = json_object();
    mel_json_set_text(part, "model", name);
    mel_json_set_text(part, "sha256", info->sha256);
    mel_json_set_f64(part, "scale", info->scale);
    json_object_set_new(parameters, info->kind, part);
    mel_str_addf(&o->model, "%s%s", o->model.length ? " + " : "", name);
    mel_sha256_add(hash, info->sha256, strlen(info->sha256));
}

static void describe_bank(Origin *o, const Selection *texts)
{
    Sha256 *hash = mel_sha256_new();
    for (int64_t i = 0; i < texts->count; i++)
        mel_sha256_add(hash, texts->items[i].text, strlen(texts->items[i].text) + 1);
    mel_sha256_finish(hash, o->bank_sha256);
    snprintf(o->bank_id, sizeof o->bank_id, "bank-%.16s", o->bank_sha256);
}

static Origin describe(const ScoreJob *job, const ScoreArgs *args, const Selection *texts)
{
    Origin o = {.name = kind_names[job->kind]};
    json_t *parameters = json_object();
    Sha256 *hash = mel_sha256_new();
    add_model(&o, parameters, hash, job->picture, job->picture_name);
    add_model(&o, parameters, hash, job->music, job->music_name);
    mel_sha256_finish(hash, o.sha256);
    mel_json_set_text(parameters, "type", args->bf16 ? "bf16" : "f32");
    if (job->kind == SCORE_IMSM) {
        describe_bank(&o, texts);
        mel_json_set_text(parameters, "form", args->compat ? "released script" : "paper");
        mel_json_set_i64(parameters, "texts", texts->count);
    }
    o.parameters = mel_json_canonical(parameters);
    json_decref(parameters);
    return o;
}

static void origin_clear(Origin *o)
{
    mel_str_clear(&o->model);
    free(o->parameters);
}

/* ---- recording ------------------------------------------------------------------------------ */

/* Marks what the store already has from the same models, parameters and bank. */
typedef struct Known {
    const Selection *selection;
    const double *values;
    const Origin *origin;
    bool *same;
    int64_t at, count;
} Known;

static bool note_known(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Known *k = ctx;
    const char *clip = mel_row_text(row, "clip", "");
    while (k->at < k->selection->count && strcmp(k->selection->items[k->at].id, clip) < 0)
        k->at++;
    if (k->at == k->selection->count || strcmp(k->selection->items[k->at].id, clip) != 0)
        return true;
    double difference = fabs(mel_row_f64(row, "value", NAN) - k->values[k->at]);
    const char *bank = *k->origin->bank_id ? k->origin->bank_id : NULL;
    k->same[k->at] = difference <= 1e-9 &&
                     mel_equal(mel_row_text(row, "parameters_json", ""), k->origin->parameters) &&
                     mel_equal(mel_row_text(row, "bank", NULL), bank);
    k->count += k->same[k->at];
    return true;
}

static bool put_scores(Db *db, const Selection *selection, const double *values, const bool *same,
                       const Origin *o, int64_t *recorded, Err *err)
{
    bool ok = true;
    for (int64_t i = 0; i < selection->count && ok; i++) {
        if (same[i] || !isfinite(values[i])) continue;
        ok = mel_score_put(db,
                           &(Score){.clip_id = selection->items[i].id,
                                    .name = o->name,
                                    .value = values[i],
                                    .model = o->model.text,
                                    .model_sha256 = o->sha256,
                                    .parameters_json = o->parameters,
                                    .bank_id = *o->bank_id ? o->bank_id : NULL},
                           err);
        *recorded += ok;
    }
    return ok;
}

static bool record(Db *db, const Selection *selection, int64_t texts, const char *condition,
                   const double *values, const Origin *o, int64_t *recorded, Err *err)
{
    Known known = {.selection = selection, .values = values, .origin = o};
    known.same = mel_alloc((size_t)selection->count * sizeof *known.same);
    const ViewQuery query = {.view = "scores",
                             .columns = "clip, value, parameters_json, bank",
                             .also = "name = ?1 AND is_current",
                             .args = {o->name},
                             .arg_count = 1,
                             .order = "clip"};
    bool ok = mel_query(db, &query, note_known, &known, err) && mel_db_begin(db, err);
    if (ok) {
        ok = !*o->bank_id ||
             mel_score_bank_put(db, o->bank_id, texts, o->bank_sha256, condition, err);
        ok = mel_db_end(db, ok && put_scores(db, selection, values, known.same, o, recorded, err),
                        err);
    }
    free(known.same);
    return ok;
}

/* ---- reporting ------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int64_t n, double share)
{
    return n ? sorted[(int64_t)((double)(n - 1) * share + 0.5)] : NAN;
}

static void report(const Cli *cli, const ScoreJob *job, const Origin *o, const double *values,
                   int64_t count, int64_t recorded, bool dry_run)
{
    double *sorted = mel_alloc(((size_t)count + 1) * sizeof *sorted), sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(values[i])) sum += sorted[n++] = values[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    double mean = n ? sum / (double)n : NAN;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", dry_run ? "would_score" : "scored");
        mel_json_set_text(line, "name", o->name);
        mel_json_set_text(line, "model", o->model.text);
        mel_json_set_text(line, "bank", *o->bank_id ? o->bank_id : NULL);
        mel_json_set_i64(line, "triplets", n);
        mel_json_set_i64(line, "failed", count - n);
        mel_json_set_i64(line, "embeddings_computed", job->computed);
        mel_json_set_i64(line, "texts_cut", job->cut);
        mel_json_set_i64(line, "recorded", recorded);
        mel_json_set_f64(line, "mean", mean);
        mel_json_set_f64(line, "lowest", quantile(sorted, n, 0));
        mel_json_set_f64(line, "lower_quartile", quantile(sorted, n, 0.25));
        mel_json_set_f64(line, "median", quantile(sorted, n, 0.5));
        mel_json_set_f64(line, "upper_quartile", quantile(sorted, n, 0.75));
        mel_json_set_f64(line, "highest", quantile(sorted, n, 1));
        cli_json_line(line);
    } else {
        mel_log_info("%s of %lld triplets: mean %.3f, from %.3f by %.3f, %.3f, %.3f (quartiles) to "
                     "%.3f; %lld %s",
                     o->name, (long long)n, mean, quantile(sorted, n, 0), quantile(sorted, n, 0.25),
                     quantile(sorted, n, 0.5), quantile(sorted, n, 0.75), quantile(sorted, n, 1),
                     (long long)recorded, dry_run ? "would be recorded" : "new ones recorded");
        if (job->cut)
            mel_log_info("%lld texts are longer than the model reads: their ends did not count",
                         (long long)job->cut);
        if (count > n) mel_log_info("%lld triplets cannot be read", (long long)(count - n));
    }
    free(sorted);
}

/* ---- the command ---------------------------------------------------------------------------- */

static int score(Cli *cli, Db *db, const ScoreArgs *args, ScoreJob *job, Err *err)
{
    Selection selection = {0}, bank = {0};
    double *values = NULL;
    int64_t recorded = 0;
    int code = RUN_ERROR;
    bool purity = job->kind == SCORE_IMSM;
    const Choice chosen = {.where = args->where, .text = args->text};
    const Choice bank_choice = {.where = args->bank, .text = args->text};
    if (!cli_select(db, &chosen, &selection, err)) goto out;
    if (purity && args->bank && !cli_select(db, &bank_choice, &bank, err)) goto out;
    const Selection *texts = bank.count ? &bank : &selection;
    const char *condition = bank.count ? args->bank : args->where;
    if (!cli_score_open(job, mel_db_folder(db), args->bf16 ? DTYPE_BF16 : DTYPE_F32, err)) goto out;
    if (!mel_embeddings_open(mel_db_folder(db), &job->cache, err)) goto out;
    values = mel_alloc((size_t)selection.count * sizeof *values);
    if (!cli_score(job, &selection, bank.count ? &bank : NULL, values, err)) goto out;
    cli_progress_done();
    Origin origin = describe(job, args, texts);
    bool ok = args->dry_run ||
              record(db, &selection, texts->count, condition, values, &origin, &recorded, err);
    if (ok) report(cli, job, &origin, values, selection.count, recorded, args->dry_run);
    origin_clear(&origin);
    if (ok) code = job->failed ? EXIT_SOME_FAILED : EXIT_DONE;
out:
    free(values);
    cli_selection_clear(&selection);
    cli_selection_clear(&bank);
    return code;
}

static bool parse_kind(const char *name, ScoreKind *out, Err *err)
{
    for (size_t i = 0; i < MEL_COUNT(kind_names); i++) {
        if (!mel_equal(name, kind_names[i])) continue;
        *out = (ScoreKind)i;
        return true;
    }
    return mel_err(err, ERR_USAGE, "there is no score '%s': clip, clap, imsm", name);
}

static int run(Cli *cli, const void *options, Err *err)
{
    const ScoreArgs *args = options;
    ScoreJob job = {.picture_name = args->picture_model,
                    .music_name = args->music_model,
                    .progress = &cli->progress,
                    .compat = args->compat};
    Db *db = NULL;
    int code = RUN_ERROR;
    if (!parse_kind(cli->argv[0], &job.kind, err)) return RUN_ERROR;
    if (cli_open(cli, args->dry_run ? DB_READ : DB_WRITE, &db, err))
        code = score(cli, db, args, &job, err);
    mel_embeddings_close(job.cache);
    cli_score_close(&job);
    mel_db_close(db);
    return code;
}

const CliCommand cmd_score = {
    .name = "score",
    .summary = "how well pictures, music and texts fit together, by networks",
    .usage = "score clip|clap|imsm [--where CONDITION]",
    .details =
        "clip is the cosine of picture and text, clap that of music and text. imsm is the purity\n"
        "of MeLFusion: the probability that the picture and the music mean the same one of a bank\n"
        "of texts; it depends on the bank, which is recorded with it. Embeddings are kept in the\n"
        "dataset's cache/: what was computed once is not computed again.\n\n"
        "  mel model pull openai/clip-vit-base-patch32 laion/clap-htsat-unfused\n"
        "  mel score imsm\n"
        "  mel filter --name purity --where \"imsm < 0.6\" --dry-run",
    .options = score_options,
    .defaults = &score_defaults,
    .size = sizeof(ScoreArgs),
    .min_args = 1,
    .max_args = 1,
    .computes = true,
    .run = run,
};
