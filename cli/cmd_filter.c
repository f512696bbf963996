/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>

typedef struct FilterArgs {
    const char *name, *where, *note, *undo;
    bool dry_run, list;
} FilterArgs;

static const CliOption filter_options[] = {
    CLI_TEXT('n', "name", FilterArgs, name, "NAME", "of the pass"),
    CLI_TEXT('w', "where", FilterArgs, where, "SQL", "the clips to keep out"),
    CLI_TEXT('m', "note", FilterArgs, note, "TEXT", "why"),
    CLI_FLAG(0, "dry-run", FilterArgs, dry_run, "say what would happen, change nothing"),
    CLI_TEXT(0, "undo", FilterArgs, undo, "NAME", "let the clips of that pass in again"),
    CLI_FLAG('l', "list", FilterArgs, list, "the passes there are"),
    CLI_END,
};

static bool list_row(void *ctx, const PassRow *row, Err *err)
{
    (void)err;
    char excluded[24];
    snprintf(excluded, sizeof excluded, "%lld", (long long)row->excluded);
    if (ctx) {
        cli_table_add(ctx, (const char *[]){row->name, row->undone_at ? "undone" : "in force",
                                            excluded, row->condition, row->note});
        return true;
    }
    json_t *line = json_object();
    mel_json_set_text(line, "event", "pass");
    mel_json_set_text(line, "name", row->name);
    mel_json_set_text(line, "condition", row->condition);
    mel_json_set_text(line, "note", row->note);
    mel_json_set_text(line, "created_at", row->created_at);
    mel_json_set_text(line, "undone_at", row->undone_at);
    mel_json_set_i64(line, "excluded", row->excluded);
    cli_json_line(line);
    return true;
}

static bool list_passes(const Cli *cli, Db *db, Err *err)
{
    static const char *const names[] = {"pass", "state", "clips", "condition", "note"};
    Table *table = cli->json ? NULL : cli_table_new(5, names);
    bool ok = mel_pass_each(db, list_row, table, err);
    if (table) cli_table_print(table);
    return ok;
}

static bool undo(const Cli *cli, Db *db, const FilterArgs *args, Err *err)
{
    int64_t freed;
    if (!mel_pass_undo(db, args->undo, args->note, &freed, err)) return false;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "undone");
        mel_json_set_text(line, "name", args->undo);
        mel_json_set_i64(line, "freed", freed);
        cli_json_line(line);
    } else {
        mel_log_info("pass '%s' undone: it kept out %lld clips", args->undo, (long long)freed);
    }
    return true;
}

static bool filter(const Cli *cli, Db *db, const FilterArgs *args, Err *err)
{
    PassOutcome o;
    if (!args->name || !args->where)
        return mel_err(err, ERR_USAGE, "a pass wants a name and a condition") ||
               mel_err_hint(err, "mel filter --name quiet --where \"loudness_lufs < -40\"");
    if (!mel_pass_run(db, args->name, args->where, args->note, args->dry_run, &o, err))
        return false;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", args->dry_run ? "would_filter" : "filtered");
        mel_json_set_text(line, "name", args->name);
        mel_json_set_i64(line, "examined", o.examined);
        mel_json_set_i64(line, "matched", o.matched);
        mel_json_set_i64(line, "newly_excluded", o.newly_excluded);
        mel_json_set_i64(line, "also_elsewhere", o.also_elsewhere);
        mel_json_set_i64(line, "included_after", o.included_after);
        cli_json_line(line);
        return true;
    }
    mel_log_info("%s '%s': %lld of %lld ready clips match, %lld of them new, %lld also kept out by "
                 "another pass; %lld clips %s in",
                 args->dry_run ? "dry run of pass" : "pass", args->name, (long long)o.matched,
                 (long long)o.examined, (long long)o.newly_excluded, (long long)o.also_elsewhere,
                 (long long)o.included_after, args->dry_run ? "would stay" : "stay");
    return true;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const FilterArgs *args = options;
    Db *db = NULL;
    bool ok = cli_open(cli, args->list ? DB_READ : DB_WRITE, &db, err);
    if (ok && args->list)
        ok = list_passes(cli, db, err);
    else if (ok && args->undo)
        ok = undo(cli, db, args, err);
    else if (ok)
        ok = filter(cli, db, args, err);
    mel_db_close(db);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_filter = {
    .name = "filter",
    .summary = "keep clips out by a named pass that can be undone",
    .usage = "filter --name NAME --where CONDITION [--dry-run] | --undo NAME | --list",
    .details =
        "CONDITION is SQL over the columns of 'mel list --columns-help'; the clips that meet it "
        "are\n"
        "kept out of splits and exports, nothing is deleted. Running a pass again examines the\n"
        "clips that came since.\n\n"
        "  mel filter --name silent --where \"silence_share > 0.5\" --dry-run\n"
        "  mel filter --name purity --where \"imsm < 0.6\" --note \"IMSM below the knee\"\n"
        "  mel filter --undo purity",
    .options = filter_options,
    .size = sizeof(FilterArgs),
    .max_args = 0,
    .run = run,
};
