/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/reading.h"
#include "curator/curator.h"

typedef struct PackArgs {
    const char *annotator, *batch;
    bool no_media;
} PackArgs;

static const CliOption pack_options[] = {
    CLI_TEXT('a', "annotator", PackArgs, annotator, "NAME",
             "whose packet (in a packet: not given)"),
    CLI_TEXT('b', "batch", PackArgs, batch, "NAME", "only this batch (all that is assigned)"),
    CLI_FLAG(0, "no-media", PackArgs, no_media, "the store alone: the media travel another way"),
    CLI_END,
};

static void report_json(const char *path, const PackReport *r)
{
    json_t *line = json_object();
    mel_json_set_text(line, "event", "packed");
    mel_json_set_text(line, "packet", r->label.id);
    mel_json_set_text(line, "annotator", r->label.annotator_id);
    mel_json_set_text(line, "path", path);
    mel_json_set_i64(line, "clips", r->contents.clips);
    mel_json_set_i64(line, "answers", r->contents.answers);
    mel_json_set_i64(line, "files", r->files);
    mel_json_set_i64(line, "bytes", r->bytes);
    mel_json_set_i64(line, "skipped", r->contents.skipped);
    mel_json_set_i64(line, "waiting", r->contents.waiting);
    cli_json_line(line);
}

static void report_text(const char *path, const PackReport *r)
{
    Str size = {0};
    cli_add_size(&size, r->bytes);
    mel_log_info("packed '%s' for %s: %lld clips, %lld answers, %lld files (%s)", path,
                 r->label.annotator_id, (long long)r->contents.clips,
                 (long long)r->contents.answers, (long long)r->files, mel_str_text(&size));
    mel_str_clear(&size);
    if (r->contents.skipped)
        mel_log_warn("%lld assigned clips are not ready and were left out",
                     (long long)r->contents.skipped);
    if (r->contents.waiting)
        mel_log_warn("%lld clips are asked again in a later packet: their first answers are not "
                     "submitted, or were sent back",
                     (long long)r->contents.waiting);
}

static int run(Cli *cli, const void *options, Err *err)
{
    const PackArgs *args = options;
    const char *path = cli->argv[0];
    PackReport report = {0};
    Db *db = NULL;
    const PackOptions pack = {.annotator = args->annotator,
                              .batch = args->batch,
                              .path = path,
                              .without_media = args->no_media};
    bool ok = cli_open(cli, DB_WRITE, &db, err);
    if (ok && args->annotator)
        ok = mel_pack(db, &pack, &cli->progress, &report, err);
    else if (ok)
        ok = mel_pack_answers(db, path, &report, err);
    mel_db_close(db);
    if (!ok) return RUN_ERROR;
    if (cli->json)
        report_json(path, &report);
    else
        report_text(path, &report);
    return EXIT_DONE;
}

const CliCommand cmd_pack = {
    .name = "pack",
    .summary = "an offline packet for an annotator, or the answers in one on their way back",
    .usage = "pack --annotator NAME [--batch NAME] OUT",
    .details =
        "OUT is a small dataset with what is assigned to that person: media, measures, own "
        "answers,\n"
        "and nobody else's; what is asked again leaves the first answer at home, and waits for a\n"
        "later packet while that is not submitted. OUT.tar makes one file. The answers come back "
        "by\n"
        "'mel merge', from the packet itself or, without the media, from what 'mel pack OUT.tar'\n"
        "makes inside it.\n\n"
        "  mel pack --annotator anna anna.tar\n"
        "  tar xf anna.tar; mel-annotator anna; mel -C anna pack anna-answers.tar\n"
        "  mel merge anna-answers.tar",
    .options = pack_options,
    .size = sizeof(PackArgs),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
