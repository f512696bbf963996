/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fetch_run.h"

#include "curator/curator.h"

#include <stdio.h>
#include <stdlib.h>

const FetchArgs fetch_defaults = {.stills = 4, .preview = 240};

static void on_done(void *ctx, const char *clip_id, const char *reason, const char *message)
{
    const Cli *cli = ctx;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", reason ? "failed" : "ready");
        mel_json_set_text(line, "clip", clip_id);
        mel_json_set_text(line, "reason", reason);
        mel_json_set_text(line, "class",
                          reason ? mel_failure_class_name(mel_failure(reason)->class) : NULL);
        mel_json_set_text(line, "message", message);
        cli_json_line(line);
    } else if (reason) {
        mel_log_warn("%s: %s (%s)", clip_id, message, reason);
    }
}

static void report(const Cli *cli, const FetchReport *r)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "done");
        mel_json_set_i64(line, "total", r->total);
        mel_json_set_i64(line, "ready", r->ready);
        mel_json_set_i64(line, "failed", r->failed);
        mel_json_set_i64(line, "untouched", r->untouched);
        mel_json_set_i64(line, "fetched_bytes", r->fetched_bytes);
        mel_json_set_text(line, "paused", r->paused ? r->pause_reason : NULL);
        cli_json_line(line);
        return;
    }
    mel_log_info("%lld clips ready, %lld failed, %lld left; %.1f MB fetched", (long long)r->ready,
                 (long long)r->failed, (long long)r->untouched, (double)r->fetched_bytes / 1e6);
    if (r->paused)
        mel_log_info("paused: %s. %s", mel_failure(r->pause_reason)->meaning,
                     mel_failure(r->pause_reason)->advice);
    if (r->interrupted) mel_log_info("interrupted; 'mel fetch' goes on where this stopped");
    if (r->failed)
        mel_log_info("'mel stats' counts the reasons, 'mel retry --class transient' tries again");
}

static bool make_options(const FetchArgs *args, const char *retry_classes, FetchOptions *out,
                         Err *err)
{
    if (args->stills < 1 || args->stills > STILLS_MAX)
        return mel_err(err, ERR_USAGE, "'--stills' wants 1 to %d", STILLS_MAX);
    if (args->preview < 0 || args->preview > 2160 || args->preview % 2)
        return mel_err(err, ERR_USAGE, "'--preview' wants an even number up to 2160");
    if (args->jobs < 0 || args->jobs > 256)
        return mel_err(err, ERR_USAGE, "'--jobs' wants 1 to 256");
    *out = (FetchOptions){.where = args->where,
                          .retry_classes = retry_classes,
                          .jobs = (int)args->jobs,
                          .allow_private = args->allow_private,
                          .allow_silent = args->allow_silent,
                          .still_count = (int)args->stills,
                          .preview_height = args->preview ? (int)args->preview : -1,
                          .ytdlp_per_hour = args->per_hour,
                          .ytdlp_program = args->ytdlp};
    return true;
}

int fetch_run(Cli *cli, const FetchArgs *args, const char *retry_classes, Err *err)
{
    FetchOptions options;
    FetchReport counts;
    const JailLimits limits = {.require_sandbox = args->require_sandbox};
    int code = RUN_ERROR;
    char *dataset = NULL;
    if (!make_options(args, retry_classes, &options, err)) return RUN_ERROR;
    if (!mel_jail_start(&limits, &options.jail, err)) goto out;
    dataset = mel_db_find(cli->folder, err);
    if (!dataset) goto out;
    if (!mel_fetch(dataset, &options, on_done, cli, &cli->progress, &counts, err)) goto out;
    cli_progress_done();
    report(cli, &counts);
    code = counts.interrupted               ? EXIT_INTERRUPTED
           : counts.failed || counts.paused ? EXIT_SOME_FAILED
                                            : EXIT_DONE;
out:
    free(dataset);
    mel_jail_stop(options.jail);
    return code;
}
