/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "curator/curator.h"

#include <stdio.h>

typedef struct ImportArgs {
    const char *format;
    double clip_s, every_s;
} ImportArgs;

static const ImportArgs import_defaults = {.format = "auto", .clip_s = 10};

static const CliOption import_options[] = {
    CLI_TEXT('f', "format", ImportArgs, format, "NAME",
             "auto, musiccaps, audioset, vggsound, csv, tsv, jsonl, media"),
    CLI_REAL(0, "clip", ImportArgs, clip_s, "S",
             "length of clips whose list gives a start only (10)"),
    CLI_REAL(0, "every", ImportArgs, every_s, "S",
             "of media files: a clip every S seconds (else one, from the middle)"),
    CLI_END,
};

static void on_bad(void *ctx, const char *path, const ListBadRow *bad)
{
    const Cli *cli = ctx;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "bad_row");
        mel_json_set_text(line, "path", path);
        mel_json_set_i64(line, "line", bad->line);
        mel_json_set_text(line, "reason", bad->reason);
        mel_json_set_text(line, "message", bad->message);
        cli_json_line(line);
    } else if (bad->line) {
        mel_log_warn("%s:%lld: %s (%s)", path, (long long)bad->line, bad->message, bad->reason);
    } else {
        mel_log_warn("%s: %s (%s)", bad->text, bad->message, bad->reason);
    }
}

static void report(const Cli *cli, const char *path, const ImportReport *r)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "imported");
        mel_json_set_text(line, "path", path);
        mel_json_set_text(line, "format", mel_list_format_name(r->format));
        mel_json_set_i64(line, "rows", r->rows);
        mel_json_set_i64(line, "sources_added", r->sources_added);
        mel_json_set_i64(line, "clips_added", r->clips_added);
        mel_json_set_i64(line, "clips_known", r->clips_known);
        mel_json_set_i64(line, "annotations", r->annotations);
        mel_json_set_i64(line, "bad", r->bad);
        cli_json_line(line);
        return;
    }
    mel_log_info("%s (%s): %lld clips added, %lld known, from %lld new sources; %lld captions; "
                 "%lld bad rows",
                 path, mel_list_format_name(r->format), (long long)r->clips_added,
                 (long long)r->clips_known, (long long)r->sources_added, (long long)r->annotations,
                 (long long)r->bad);
}

static int run(Cli *cli, const void *options, Err *err)
{
    const ImportArgs *args = options;
    ImportOptions import = {.clip_s = args->clip_s, .every_s = args->every_s};
    Db *db = NULL;
    int code = RUN_ERROR;
    int64_t bad = 0;
    if (!mel_list_format_parse(args->format, &import.format)) {
        mel_err(err, ERR_USAGE, "'%s' is not a list format", args->format);
        mel_err_hint(err, "%s", import_options[0].help);
        return RUN_ERROR;
    }
    if (!mel_jail_start(NULL, &import.jail, err)) goto out;
    if (!cli_open(cli, DB_WRITE, &db, err)) goto out;
    for (int i = 0; i < cli->argc; i++) {
        ImportReport counts;
        if (!mel_import(db, cli->argv[i], &import, on_bad, cli, &cli->progress, &counts, err))
            goto out;
        cli_progress_done();
        report(cli, cli->argv[i], &counts);
        bad += counts.bad;
    }
    code = bad ? EXIT_SOME_FAILED : EXIT_DONE;
out:
    mel_db_close(db);
    mel_jail_stop(import.jail);
    return code;
}

const CliCommand cmd_import = {
    .name = "import",
    .summary = "take in candidates: published lists, plain lists, media files",
    .usage = "import [--format NAME] FILE...",
    .details =
        "MusicCaps, AudioSet and VGGSound lists are read exactly as published. Plain lists have a\n"
        "header: url or path or ytid, start_s, and any of end_s, caption, title, channel, "
        "license,\n"
        "split; other columns become labels. A folder takes all media below it. Bad rows are "
        "told,\n"
        "kept aside and counted (exit code 3); the rest goes in. Importing twice changes nothing.",
    .options = import_options,
    .defaults = &import_defaults,
    .size = sizeof(ImportArgs),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
