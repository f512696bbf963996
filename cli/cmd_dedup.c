/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "curator/curator.h"

#include <stdlib.h>
#include <string.h>

typedef struct DedupArgs {
    bool no_sound, no_picture, no_text, dry_run, list;
    double score_min;
    int64_t distance;
    const char *separate, *note;
} DedupArgs;

static const DedupArgs dedup_defaults = {.distance = DEDUP_PICTURE_DISTANCE};

static const CliOption dedup_options[] = {
    CLI_FLAG(0, "no-sound", DedupArgs, no_sound, "do not compare sound"),
    CLI_FLAG(0, "no-picture", DedupArgs, no_picture, "do not compare stills"),
    CLI_FLAG(0, "no-text", DedupArgs, no_text, "do not compare texts"),
    CLI_REAL(0, "score", DedupArgs, score_min, "S",
             "sound: share of fingerprints that must agree, 0 to 1 (a default that avoids chance)"),
    CLI_INT(0, "distance", DedupArgs, distance, "BITS",
            "picture: bits of 64 that may differ, 0 to 10 (6)"),
    CLI_FLAG(0, "dry-run", DedupArgs, dry_run, "count, keep nothing"),
    CLI_FLAG('l', "list", DedupArgs, list, "the pairs that are known"),
    CLI_TEXT(0, "separate", DedupArgs, separate, "CLIP,CLIP,KIND",
             "a person looked: these two are not the same (KIND audio, picture or text)"),
    CLI_TEXT('m', "note", DedupArgs, note, "TEXT", "why"),
    CLI_END,
};

static bool list_row(void *ctx, const DuplicateRow *row, Err *err)
{
    (void)err;
    char score[16], offset[24];
    if (!ctx) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "pair");
        mel_json_set_text(line, "a", row->clip_a);
        mel_json_set_text(line, "b", row->clip_b);
        mel_json_set_text(line, "kind", row->kind);
        mel_json_set_f64(line, "score", row->score);
        mel_json_set_f64(line, "offset_s", (double)row->offset_us / 1e6);
        mel_json_set_i64(line, "evidence", row->evidence);
        cli_json_line(line);
        return true;
    }
    snprintf(score, sizeof score, "%.3f", row->score);
    snprintf(offset, sizeof offset, "%+.2f", (double)row->offset_us / 1e6);
    cli_table_add(ctx, (const char *[]){row->clip_a, row->clip_b, row->kind, score, offset});
    return true;
}

static bool list_pairs(const Cli *cli, Db *db, Err *err)
{
    static const char *const names[] = {"a", "b", "kind", "score", "offset_s"};
    Table *table = cli->json ? NULL : cli_table_new(5, names);
    bool ok = mel_duplicate_each(db, list_row, table, err);
    if (table) cli_table_print(table);
    return ok;
}

static bool separate(Db *db, const DedupArgs *args, Err *err)
{
    char *copy = mel_strdup(args->separate), *rest = copy;
    const char *a = strsep(&rest, ","), *b = strsep(&rest, ","), *kind = strsep(&rest, ",");
    bool ok = kind && !rest &&
              (mel_equal(kind, "audio") || mel_equal(kind, "picture") || mel_equal(kind, "text"));
    if (!ok) {
        mel_err(err, ERR_USAGE, "'--separate' wants CLIP,CLIP,KIND, not '%s'", args->separate);
        mel_err_hint(err, "KIND is audio, picture or text; 'mel dedup --list' shows the pairs");
    }
    ok = ok && mel_db_begin(db, err) &&
         mel_db_end(db, mel_duplicate_break(db, a, b, kind, args->note, err), err);
    free(copy);
    return ok;
}

static void add_count(json_t *line, const char *name, const DedupCount *count)
{
    json_t *part = json_object();
    mel_json_set_i64(part, "compared", count->compared);
    mel_json_set_i64(part, "pairs", count->edges);
    mel_json_set_i64(part, "new", count->added);
    json_object_set_new(line, name, part);
}

static void report(const Cli *cli, const DedupReport *r, bool dry_run)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", dry_run ? "would_dedup" : "deduped");
        mel_json_set_i64(line, "clips", r->clips);
        add_count(line, "audio", &r->audio);
        add_count(line, "picture", &r->pictures);
        add_count(line, "text", &r->texts);
        mel_json_set_i64(line, "largest_group", r->largest_group);
        cli_json_line(line);
        return;
    }
    mel_log_info("%lld clips compared: %lld pairs by sound (%lld new), %lld by picture (%lld new), "
                 "%lld by text (%lld new)",
                 (long long)r->clips, (long long)r->audio.edges, (long long)r->audio.added,
                 (long long)r->pictures.edges, (long long)r->pictures.added,
                 (long long)r->texts.edges, (long long)r->texts.added);
    if (r->largest_group > 1)
        mel_log_info("the largest group has %lld clips, '%s' among them",
                     (long long)r->largest_group, r->largest_example);
}

static bool compare(Cli *cli, Db *db, const DedupArgs *args, Err *err)
{
    if (args->distance < 0 || args->distance > 10)
        return mel_err(err, ERR_USAGE, "'--distance' wants 0 to 10");
    const DedupOptions options = {.skip_audio = args->no_sound,
                                  .skip_pictures = args->no_picture,
                                  .skip_texts = args->no_text,
                                  .audio = {.score_min = args->score_min},
                                  .picture_distance_max = args->distance ? (int)args->distance : -1,
                                  .dry_run = args->dry_run};
    DedupReport counts;
    if (!mel_dedup_run(db, &options, &cli->progress, &counts, err)) return false;
    cli_progress_done();
    report(cli, &counts, args->dry_run);
    return true;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const DedupArgs *args = options;
    Db *db = NULL;
    bool ok = cli_open(cli, args->list ? DB_READ : DB_WRITE, &db, err);
    if (ok && args->list)
        ok = list_pairs(cli, db, err);
    else if (ok && args->separate)
        ok = separate(db, args, err);
    else if (ok)
        ok = compare(cli, db, args, err);
    mel_db_close(db);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_dedup = {
    .name = "dedup",
    .summary = "find near-duplicates by sound, picture and text",
    .usage = "dedup [--dry-run] | --list | --separate CLIP,CLIP,KIND",
    .details =
        "Finds the same music at another offset, level or codec, and the same picture scaled or\n"
        "compressed again. Nothing is removed: duplicates stay on one side of every split, and\n"
        "a pass may keep them out: mel filter --name twins --where \"duplicate_of_earlier\"",
    .options = dedup_options,
    .defaults = &dedup_defaults,
    .size = sizeof(DedupArgs),
    .max_args = 0,
    .run = run,
};
