/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "curator/curator.h"

typedef struct ExportArgs {
    const char *split, *side, *where, *format, *title, *purpose, *maintainer, *license;
    bool force, link, skip_missing;
    int64_t shard_items;
    double shard_mb;
} ExportArgs;

static const ExportArgs export_defaults = {.format = "webdataset"};

static const CliOption export_options[] = {
    CLI_TEXT('s', "split", ExportArgs, split, "NAME", "the split to write (wanted)"),
    CLI_TEXT(0, "side", ExportArgs, side, "NAME", "only this side"),
    CLI_TEXT('f', "format", ExportArgs, format, "NAME",
             "webdataset, parquet, jsonl, csv, musiccaps, melfusion"),
    CLI_TEXT('w', "where", ExportArgs, where, "SQL", "only members that meet this condition"),
    CLI_FLAG(0, "link", ExportArgs, link, "hard links to the dataset's files, no copies"),
    CLI_FLAG(0, "skip-missing", ExportArgs, skip_missing,
             "leave out members that are not complete any more (else they are an error)"),
    CLI_FLAG(0, "force", ExportArgs, force, "replace an earlier export in that folder"),
    CLI_INT(0, "shard-items", ExportArgs, shard_items, "N",
            "clips in one tar or Parquet file (10000)"),
    CLI_REAL(0, "shard-mb", ExportArgs, shard_mb, "MB", "its size (256)"),
    CLI_TEXT(0, "title", ExportArgs, title, "TEXT", "for the datasheet"),
    CLI_TEXT(0, "purpose", ExportArgs, purpose, "TEXT", "why the dataset was made"),
    CLI_TEXT(0, "maintainer", ExportArgs, maintainer, "TEXT", "whom to write to"),
    CLI_TEXT(0, "license", ExportArgs, license, "TEXT", "of the annotations"),
    CLI_END,
};

static void report_json(const ExportArgs *args, const char *folder, const ExportReport *r)
{
    json_t *line = json_object(), *sides = json_object();
    for (int i = 0; i < r->side_count; i++)
        mel_json_set_i64(sides, r->sides[i], r->counts[i]);
    mel_json_set_text(line, "event", "exported");
    mel_json_set_text(line, "split", args->split);
    mel_json_set_text(line, "format", args->format);
    mel_json_set_text(line, "folder", folder);
    mel_json_set_i64(line, "items", r->items);
    mel_json_set_i64(line, "files", r->files);
    mel_json_set_i64(line, "bytes", r->size_bytes);
    json_object_set_new(line, "sides", sides);
    mel_json_set_i64(line, "excluded", r->excluded);
    mel_json_set_i64(line, "missing", r->missing);
    mel_json_set_i64(line, "taken_down", r->taken_down);
    mel_json_set_text(line, "manifest_sha256", r->manifest_sha256);
    cli_json_line(line);
}

static void report_text(const char *folder, const ExportReport *r)
{
    mel_log_info("%s: %lld triplets in %lld files, %.1f MB; SHA256SUMS is %.12s...", folder,
                 (long long)r->items, (long long)r->files, (double)r->size_bytes / 1e6,
                 r->manifest_sha256);
    if (r->excluded) mel_log_info("%lld members are kept out by passes", (long long)r->excluded);
    if (r->missing) mel_log_warn("%lld members are not complete", (long long)r->missing);
    if (r->taken_down) mel_log_info("%lld members were taken down", (long long)r->taken_down);
}

static int run(Cli *cli, const void *options, Err *err)
{
    const ExportArgs *args = options;
    ExportReport counts = {0};
    Db *db = NULL;
    ExportOptions export = {.split = args->split,
                            .side = args->side,
                            .where = args->where,
                            .folder = cli->argv[0],
                            .overwrite = args->force,
                            .link = args->link,
                            .skip_missing = args->skip_missing,
                            .shard_items = args->shard_items,
                            .shard_bytes = (int64_t)(args->shard_mb * 1e6),
                            .title = args->title,
                            .purpose = args->purpose,
                            .maintainer = args->maintainer,
                            .license = args->license};
    if (!args->split) {
        mel_err(err, ERR_USAGE, "an export wants a split (--split NAME)");
        mel_err_hint(err, "mel split --name NAME makes one");
        return RUN_ERROR;
    }
    if (!mel_export_format_parse(args->format, &export.format)) {
        mel_err(err, ERR_USAGE, "'%s' is not an export format", args->format);
        mel_err_hint(err, "%s", export_options[2].help);
        return RUN_ERROR;
    }
    bool ok =
        cli_open(cli, DB_WRITE, &db, err) && mel_export(db, &export, &cli->progress, &counts, err);
    cli_progress_done();
    if (ok && cli->json)
        report_json(args, cli->argv[0], &counts);
    else if (ok)
        report_text(cli->argv[0], &counts);
    mel_export_report_clear(&counts);
    mel_db_close(db);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_export = {
    .name = "export",
    .summary = "write a split for trainers, byte for byte the same every time",
    .usage = "export --split NAME [--format NAME] FOLDER",
    .details =
        "Refused: a split that leaks, members that are not complete, files that changed. Every\n"
        "folder has a datasheet (README.md) with the attrition table, Croissant metadata and\n"
        "SHA256SUMS.",
    .options = export_options,
    .defaults = &export_defaults,
    .size = sizeof(ExportArgs),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
