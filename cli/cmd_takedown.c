/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

typedef struct TakedownArgs {
    const char *reason, *request;
    bool dry_run;
} TakedownArgs;

static const CliOption takedown_options[] = {
    CLI_TEXT('m', "reason", TakedownArgs, reason, "TEXT", "why (wanted)"),
    CLI_TEXT(0, "request", TakedownArgs, request, "REF", "number of the request"),
    CLI_FLAG(0, "dry-run", TakedownArgs, dry_run, "list the files, remove nothing"),
    CLI_END,
};

typedef struct Doomed {
    char **paths;
    size_t count, capacity;
    const char *source;
} Doomed;

static bool collect(void *ctx, const MediaRow *row, Err *err)
{
    (void)err;
    Doomed *doomed = ctx;
    size_t n = strlen(doomed->source);
    if (strncmp(row->clip_id, doomed->source, n) != 0 || row->clip_id[n] != ':') return true;
    mel_grow(&doomed->paths, &doomed->capacity, doomed->count + 1, sizeof *doomed->paths);
    doomed->paths[doomed->count++] = mel_strdup(row->path);
    return true;
}

/* The tombstone first: it blocks every way back in, also when removing is interrupted. */
static bool take_down(const Cli *cli, Db *db, const TakedownArgs *args, const Doomed *doomed,
                      Err *err)
{
    bool ok =
        args->dry_run || mel_source_takedown(db, doomed->source, args->reason, args->request, err);
    for (size_t i = 0; ok && i < doomed->count; i++) {
        char *path = mel_db_path(db, doomed->paths[i]);
        if (!args->dry_run) ok = mel_remove_tree(path, err);
        if (ok && cli->json) {
            json_t *line = json_object();
            mel_json_set_text(line, "event", args->dry_run ? "would_remove" : "removed");
            mel_json_set_text(line, "path", doomed->paths[i]);
            cli_json_line(line);
        } else if (ok) {
            mel_log_info("%s %s", args->dry_run ? "would remove" : "removed", doomed->paths[i]);
        }
        free(path);
    }
    return ok;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const TakedownArgs *args = options;
    Doomed doomed = {.source = cli->argv[0]};
    Db *db = NULL;
    if (!args->reason) {
        mel_err(err, ERR_USAGE, "a takedown wants a reason (--reason TEXT)");
        return RUN_ERROR;
    }
    bool ok = cli_open(cli, DB_WRITE, &db, err) &&
              mel_media_each(db, NULL, collect, &doomed, err) &&
              take_down(cli, db, args, &doomed, err);
    for (size_t i = 0; i < doomed.count; i++)
        free(doomed.paths[i]);
    free(doomed.paths);
    mel_db_close(db);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_takedown = {
    .name = "takedown",
    .summary = "remove a source for good: its files go, a tombstone stays",
    .usage = "takedown SOURCE --reason TEXT [--request REF] [--dry-run]",
    .details =
        "The source can never be imported, fetched or exported again. Exports made before are\n"
        "listed by 'mel show' of its clips: make them anew.",
    .options = takedown_options,
    .size = sizeof(TakedownArgs),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
