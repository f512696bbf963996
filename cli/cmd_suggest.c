/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "curator/curator.h"

#include <stdio.h>
#include <string.h>

typedef struct SuggestArgs {
    const char *where;
} SuggestArgs;

static const CliOption suggest_options[] = {
    CLI_TEXT('w', "where", SuggestArgs, where, "SQL",
             "tempo, labels: only ready clips that meet this condition"),
    CLI_END,
};

/* ---- making --------------------------------------------------------------------------------- */

static void on_failure(void *ctx, const SuggestFailure *failure)
{
    const Cli *cli = ctx;
    const Err *err = failure->err;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", failure->line ? "bad_line" : "failed");
        mel_json_set_text(line, failure->line ? "path" : "clip", failure->what);
        if (failure->line) mel_json_set_i64(line, "line", failure->line);
        mel_json_set_text(line, "message", err->message);
        cli_json_line(line);
        return;
    }
    const char *hint = err->hint[0] ? "; " : "";
    if (failure->line)
        mel_log_warn("%s:%lld: %s%s%s", failure->what, (long long)failure->line, err->message, hint,
                     err->hint);
    else
        mel_log_warn("%s: %s%s%s", failure->what, err->message, hint, err->hint);
}

static void report(const Cli *cli, const char *maker, const SuggestReport *r)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "suggested");
        mel_json_set_text(line, "by", maker);
        mel_json_set_i64(line, "items", r->items);
        mel_json_set_i64(line, "added", r->added);
        mel_json_set_i64(line, "known", r->known);
        mel_json_set_i64(line, "withdrawn", r->withdrawn);
        mel_json_set_i64(line, "failed", r->failed);
        cli_json_line(line);
        return;
    }
    mel_log_info("%lld %s: %lld suggestions added, %lld known, %lld withdrawn; %lld failed",
                 (long long)r->items, mel_equal(maker, "import") ? "lines" : "clips",
                 (long long)r->added, (long long)r->known, (long long)r->withdrawn,
                 (long long)r->failed);
}

static int make(Cli *cli, const SuggestArgs *args, const char *maker, Err *err)
{
    Db *db = NULL;
    SuggestReport counts;
    const SuggestOptions options = {
        .where = args->where, .on_failure = on_failure, .ctx = cli, .progress = &cli->progress};
    bool ok = cli_open(cli, DB_WRITE, &db, err);
    if (ok && mel_equal(maker, "tempo"))
        ok = mel_suggest_tempo(db, &options, &counts, err);
    else if (ok && mel_equal(maker, "labels"))
        ok = mel_suggest_labels(db, &options, &counts, err);
    else if (ok)
        ok = mel_suggest_import(db, cli->argv[1], &options, &counts, err);
    mel_db_close(db);
    if (!ok) return RUN_ERROR;
    cli_progress_done();
    report(cli, maker, &counts);
    return counts.failed ? EXIT_SOME_FAILED : EXIT_DONE;
}

/* ---- what was done with them ---------------------------------------------------------------- */

static bool count_row(void *ctx, const SuggestionCount *c, Err *err)
{
    char cells[5][24];
    const int64_t numbers[] = {c->suggestions, c->shown, c->accepted, c->edited, c->ignored};
    (void)err;
    if (!ctx) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "used");
        mel_json_set_text(line, "field", c->field);
        mel_json_set_text(line, "origin", c->origin);
        mel_json_set_i64(line, "suggestions", c->suggestions);
        mel_json_set_i64(line, "shown", c->shown);
        mel_json_set_i64(line, "accepted", c->accepted);
        mel_json_set_i64(line, "edited", c->edited);
        mel_json_set_i64(line, "ignored", c->ignored);
        cli_json_line(line);
        return true;
    }
    for (int i = 0; i < 5; i++)
        snprintf(cells[i], sizeof cells[i], "%lld", (long long)numbers[i]);
    cli_table_add(ctx, (const char *[]){c->field, c->origin, cells[0], cells[1], cells[2], cells[3],
                                        cells[4]});
    return true;
}

static int report_uses(const Cli *cli, Err *err)
{
    static const char *const names[] = {"field",    "origin", "suggestions", "shown",
                                        "accepted", "edited", "ignored"};
    Db *db = NULL;
    if (!cli_open(cli, DB_READ, &db, err)) return RUN_ERROR;
    Table *table = cli->json ? NULL : cli_table_new(7, names);
    bool ok = mel_suggestion_counts(db, count_row, table, err);
    if (table) cli_table_print(table);
    mel_db_close(db);
    return ok ? EXIT_DONE : RUN_ERROR;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int run(Cli *cli, const void *options, Err *err)
{
    static const char *const verbs[] = {"tempo", "labels", "import", "report"};
    const SuggestArgs *args = options;
    const char *verb = cli->argv[0];
    bool is_import = mel_equal(verb, "import"), is_report = mel_equal(verb, "report"),
         known = false;
    for (size_t i = 0; i < MEL_COUNT(verbs); i++)
        known = known || mel_equal(verb, verbs[i]);
    if (!known) {
        const char *nearest = mel_did_you_mean(verb, verbs, MEL_COUNT(verbs));
        mel_err(err, ERR_USAGE, "'mel suggest' wants tempo, labels, import or report, not '%s'",
                verb);
        if (nearest) mel_err_hint(err, "did you mean 'mel suggest %s'?", nearest);
        return RUN_ERROR;
    }
    if (cli->argc != (is_import ? 2 : 1)) {
        mel_err(err, ERR_USAGE, "'mel suggest %s' wants %s", verb,
                is_import ? "one file" : "no more arguments");
        return RUN_ERROR;
    }
    if (args->where && (is_import || is_report)) {
        mel_err(err, ERR_USAGE, "'--where' is for 'mel suggest tempo' and 'mel suggest labels'");
        return RUN_ERROR;
    }
    return is_report ? report_uses(cli, err) : make(cli, args, verb, err);
}

const CliCommand cmd_suggest = {
    .name = "suggest",
    .summary = "suggest values to annotators: tempo, labels, any model; how they were used",
    .usage = "suggest tempo|labels [--where SQL] | import FILE.jsonl | report",
    .details =
        "tempo measures the beats a minute of each clip, where there is a clear pulse; labels\n"
        "translates what came with AudioSet, MusicCaps and VGGSound lists into our terms; import\n"
        "takes lines of any model:\n"
        "  {\"clip\": \"<id>\", \"field\": \"genre\", \"value\": \"jazz\", \"origin\": \"model "
        "2\"}\n"
        "  {\"clip\": \"<id>\", \"field\": \"mood\", \"value\": [\"calm\", \"sad\"], \"origin\": "
        "\"model 2\"}\n"
        "A newer value of the same origin takes the older one's place; null takes it away. A\n"
        "suggestion is never an answer: no view, export or agreement sees it. The annotator shows\n"
        "a measured tempo at once, all else only after one's own answer, and nothing for a share\n"
        "of clips that serve as control. report says, per field and origin, to how many it was\n"
        "shown and whether they accepted, edited or ignored it.",
    .options = suggest_options,
    .size = sizeof(SuggestArgs),
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
