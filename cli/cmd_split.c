/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "curator/curator.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct SplitArgs {
    const char *name, *stratify, *seed, *where;
    double train, val, test;
    int64_t per_source, per_channel;
    bool holdout_eval, dry_run;
} SplitArgs;

static const CliOption split_options[] = {
    CLI_TEXT('n', "name", SplitArgs, name, "NAME", "of the split (wanted)"),
    CLI_REAL(0, "train", SplitArgs, train, "F", "share of the triplets (0.8)"),
    CLI_REAL(0, "val", SplitArgs, val, "F", "(0.1)"),
    CLI_REAL(0, "test", SplitArgs, test, "F", "(0.1)"),
    CLI_TEXT(0, "stratify", SplitArgs, stratify, "COLUMNS", "balance the sides by these (genre)"),
    CLI_TEXT(0, "seed", SplitArgs, seed, "TEXT", "of the keyed hash (the name)"),
    CLI_TEXT('w', "where", SplitArgs, where, "SQL", "only triplets that meet this condition"),
    CLI_INT(0, "per-source", SplitArgs, per_source, "N", "at most so many clips of one source"),
    CLI_INT(0, "per-channel", SplitArgs, per_channel, "N", "at most so many clips of one channel"),
    CLI_FLAG(0, "holdout-eval", SplitArgs, holdout_eval,
             "what its publisher calls eval or test, and its kin, goes to the last side"),
    CLI_FLAG(0, "dry-run", SplitArgs, dry_run, "say what would happen, change nothing"),
    CLI_END,
};

static void report_json(const SplitArgs *args, const SplitRunReport *r)
{
    json_t *line = json_object(), *sides = json_object(), *strata = json_object();
    mel_json_set_text(line, "event", args->dry_run ? "would_split" : "split");
    mel_json_set_text(line, "name", args->name);
    mel_json_set_i64(line, "made", r->made);
    mel_json_set_i64(line, "members", (int64_t)r->members);
    mel_json_set_i64(line, "added", (int64_t)r->added);
    mel_json_set_i64(line, "groups", (int64_t)r->groups);
    mel_json_set_i64(line, "dropped", (int64_t)r->dropped_count);
    for (int i = 0; i < r->sides.count; i++)
        mel_json_set_i64(sides, r->sides.names[i], (int64_t)r->counts[i]);
    for (size_t s = 0; s < r->stratum_count; s++) {
        json_t *row = json_object();
        for (int i = 0; i < r->sides.count; i++)
            mel_json_set_i64(row, r->sides.names[i], (int64_t)r->strata[s].counts[i]);
        json_object_set_new(strata, r->strata[s].name, row);
    }
    json_object_set_new(line, "sides", sides);
    json_object_set_new(line, "strata", strata);
    cli_json_line(line);
}

static void print_strata(const SplitRunReport *r)
{
    const char *names[SPLIT_SIDES_MAX + 1] = {"stratum"};
    for (int i = 0; i < r->sides.count; i++)
        names[i + 1] = r->sides.names[i];
    Table *table = cli_table_new(r->sides.count + 1, names);
    for (size_t s = 0; s <= r->stratum_count; s++) {
        char numbers[SPLIT_SIDES_MAX][24];
        bool total = s == r->stratum_count;
        const char *cells[SPLIT_SIDES_MAX + 1] = {total ? "all" : r->strata[s].name};
        for (int i = 0; i < r->sides.count; i++) {
            snprintf(numbers[i], sizeof numbers[i], "%zu",
                     total ? r->counts[i] : r->strata[s].counts[i]);
            cells[i + 1] = numbers[i];
        }
        cli_table_add(table, cells);
    }
    cli_table_print(table);
}

static void report_text(const SplitArgs *args, const SplitRunReport *r)
{
    print_strata(r);
    mel_log_info("%s '%s': %zu members (%zu new) in %zu groups; no group lies on two sides",
                 args->dry_run ? "dry run of split"
                 : r->made     ? "made split"
                               : "grew split",
                 args->name, r->members, r->added, r->groups);
    for (size_t i = 0; i < r->component_count; i++) {
        const SplitComponent *c = &r->components[i];
        mel_log_info("  group of %zu clips on '%s' (%zu sources, %zu channels, %zu pairs by sound, "
                     "%zu by picture): %s ...",
                     c->clips, c->side, c->sources, c->channels, c->audio_edges, c->picture_edges,
                     c->examples[0]);
    }
    for (size_t i = 0; i < r->dropped_count; i++)
        mel_log_warn("%s was dropped: %s", r->dropped[i].clip_id, r->dropped[i].why);
    if (r->capped) mel_log_info("%zu triplets left out by the limits", r->capped);
    if (r->texts_across) mel_log_warn("%zu pairs of equal texts lie on two sides", r->texts_across);
}

/* Shares given at all are given together; what is left out of three is zero. */
static SplitSides sides_of(const SplitArgs *args)
{
    if (args->train == 0 && args->val == 0 && args->test == 0) return (SplitSides){0};
    SplitSides sides = {0};
    const char *names[] = {"train", "val", "test"};
    const double fractions[] = {args->train, args->val, args->test};
    for (int i = 0; i < 3; i++) {
        if (fractions[i] == 0) continue;
        sides.names[sides.count] = names[i];
        sides.fractions[sides.count++] = fractions[i];
    }
    return sides;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const SplitArgs *args = options;
    SplitRunReport counts = {0};
    Db *db = NULL;
    if (!args->name) {
        mel_err(err, ERR_USAGE, "a split wants a name (--name NAME)");
        return RUN_ERROR;
    }
    const SplitRunOptions run_options = {.name = args->name,
                                         .seed = args->seed,
                                         .sides = sides_of(args),
                                         .stratify = args->stratify,
                                         .where = args->where,
                                         .holdout_eval = args->holdout_eval,
                                         .per_source_max = args->per_source,
                                         .per_channel_max = args->per_channel,
                                         .dry_run = args->dry_run};
    bool ok = cli_open(cli, DB_WRITE, &db, err) && mel_split_run(db, &run_options, &counts, err);
    if (ok && cli->json)
        report_json(args, &counts);
    else if (ok)
        report_text(args, &counts);
    mel_split_report_clear(&counts);
    mel_db_close(db);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_split = {
    .name = "split",
    .summary = "assign the triplets to train, val and test without leaks",
    .usage = "split --name NAME [--train F --val F --test F] [--stratify COLUMNS] [--seed TEXT]",
    .details = "Clips tied by source, channel, near-duplicate sound or near-duplicate picture go "
               "whole to\n"
               "one side. Splitting again under the same name adds what is new and moves nothing.",
    .options = split_options,
    .size = sizeof(SplitArgs),
    .max_args = 0,
    .run = run,
};
