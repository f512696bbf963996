/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "curator/curator.h"

typedef struct MergeArgs {
    bool unused;
} MergeArgs;

static const CliOption merge_options[] = {CLI_END};

static void report_json(const char *path, const PacketMerge *m)
{
    json_t *line = json_object();
    mel_json_set_text(line, "event", "merged");
    mel_json_set_text(line, "packet", m->label.id);
    mel_json_set_text(line, "annotator", m->label.annotator_id);
    mel_json_set_text(line, "path", path);
    mel_json_set_i64(line, "added", m->added);
    mel_json_set_i64(line, "known", m->known);
    mel_json_set_i64(line, "refused", m->refused);
    mel_json_set_i64(line, "reviews", m->reviews);
    mel_json_set_i64(line, "uses", m->uses);
    mel_json_set_i64(line, "settled", m->settled);
    cli_json_line(line);
}

static void tell_refused(void *ctx, const char *subject, const char *why)
{
    mel_log_warn("'%s': '%s' was not merged: %s", (const char *)ctx, subject, why);
}

/* A packet that fails is told and the others go in; *err keeps the first failure. */
static bool merge_one(const Cli *cli, Db *db, char *path, int64_t *refused, Err *err)
{
    PacketMerge report = {0};
    if (!mel_merge(db, path, tell_refused, path, &report, err)) return false;
    *refused += report.refused;
    if (cli->json)
        report_json(path, &report);
    else
        mel_log_info("merged '%s' of %s: %lld new revisions, %lld known, %lld reviews, %lld clips "
                     "settled anew",
                     path, report.label.annotator_id, (long long)report.added,
                     (long long)report.known, (long long)report.reviews, (long long)report.settled);
    return true;
}

static int run(Cli *cli, const void *options, Err *err)
{
    (void)options;
    Db *db = NULL;
    int64_t refused = 0;
    int failed = 0;
    if (!cli_open(cli, DB_WRITE, &db, err)) return RUN_ERROR;
    for (int i = 0; i < cli->argc && !mel_interrupted(); i++) {
        Err one = {0};
        if (merge_one(cli, db, cli->argv[i], &refused, &one)) continue;
        failed++;
        if (cli->argc == 1)
            *err = one;
        else
            mel_log_error(&one);
    }
    mel_db_close(db);
    if (failed && cli->argc == 1) return RUN_ERROR;
    if (mel_interrupted()) {
        mel_err(err, ERR_CANCELLED, "interrupted; merging again is harmless");
        return RUN_ERROR;
    }
    if (failed == cli->argc) return EXIT_FAILED;
    return failed || refused ? EXIT_SOME_FAILED : EXIT_DONE;
}

const CliCommand cmd_merge = {
    .name = "merge",
    .summary = "take the answers of packets back",
    .usage = "merge PACKET...",
    .details =
        "A PACKET is the folder or .tar file that 'mel pack' made, with answers in it, or the\n"
        "answers that 'mel pack' made inside it. Merging again, or in another order, changes\n"
        "nothing: what is there is known by its id. Each packet goes in whole or not at all.",
    .options = merge_options,
    .size = sizeof(MergeArgs),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
