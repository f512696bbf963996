/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "curator/curator.h"

typedef struct VerifyArgs {
    bool decode, repair;
} VerifyArgs;

static const CliOption verify_options[] = {
    CLI_FLAG(0, "decode", VerifyArgs, decode, "decode every product back, not only hash it"),
    CLI_FLAG(
        0, "repair", VerifyArgs, repair,
        "rebuild what follows from the history, remove strays, give damaged clips to 'mel retry'"),
    CLI_END,
};

static void on_finding(void *ctx, const VerifyFinding *f)
{
    const Cli *cli = ctx;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", f->is_error ? "error" : "note");
        mel_json_set_text(line, "word", f->word);
        mel_json_set_text(line, "subject", f->subject);
        mel_json_set_text(line, "message", f->message);
        cli_json_line(line);
    } else if (f->is_error) {
        mel_log_warn("%s: %s (%s)", f->subject, f->message, f->word);
    } else {
        mel_log_info("note: %s: %s (%s)", f->subject, f->message, f->word);
    }
}

static void report(const Cli *cli, const VerifyReport *r, bool repair)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "verified");
        mel_json_set_i64(line, "files", r->files);
        mel_json_set_i64(line, "bytes", r->bytes);
        mel_json_set_i64(line, "errors", r->errors);
        mel_json_set_i64(line, "notes", r->notes);
        mel_json_set_i64(line, "repaired", r->repaired);
        cli_json_line(line);
        return;
    }
    mel_log_info("%lld files (%.1f MB) and the store checked: %lld errors, %lld notes",
                 (long long)r->files, (double)r->bytes / 1e6, (long long)r->errors,
                 (long long)r->notes);
    if (repair)
        mel_log_info("%lld repairs made; 'mel retry --class local' fetches damaged clips again",
                     (long long)r->repaired);
    else if (r->errors)
        mel_log_info("'mel verify --repair' mends what can be mended");
}

static int run(Cli *cli, const void *options, Err *err)
{
    const VerifyArgs *args = options;
    VerifyOptions verify = {.decode = args->decode, .repair = args->repair};
    VerifyReport counts;
    Db *db = NULL;
    int code = RUN_ERROR;
    if (args->decode && !mel_jail_start(NULL, &verify.jail, err)) goto out;
    if (!cli_open(cli, args->repair ? DB_WRITE : DB_READ, &db, err)) goto out;
    if (!mel_verify(db, &verify, on_finding, cli, &cli->progress, &counts, err)) goto out;
    cli_progress_done();
    report(cli, &counts, args->repair);
    code = counts.errors ? EXIT_SOME_FAILED : EXIT_DONE;
out:
    mel_db_close(db);
    mel_jail_stop(verify.jail);
    return code;
}

const CliCommand cmd_verify = {
    .name = "verify",
    .summary = "check every file, hash, reference and invariant",
    .usage = "verify [--decode] [--repair]",
    .options = verify_options,
    .size = sizeof(VerifyArgs),
    .max_args = 0,
    .run = run,
};
