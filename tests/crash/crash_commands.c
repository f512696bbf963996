/* SPDX-License-Identifier: Apache-2.0
 *
 * The program's commands over a little world. Every command is run once undisturbed on a copy of
 * the dataset as it stands, then again and again on further copies, killed one to three times on
 * the way: after each kill the dataset must verify and hold what was acknowledged, and after the
 * command ran through at last, everything must be as in the undisturbed copy. */
#include "tests/crash/crash_world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* "@W" in an argument is the folder of the world, "@D" the dataset. */
typedef struct Stage {
    const char *args[10];
    const char *damage;    /* file of the dataset, spoilt before the command runs */
    bool may_refuse_again; /* once done, doing it again is an error */
    bool tries_again;      /* every run counts as an attempt */
} Stage;

/* clang-format off */
static const Stage stages[] = {
    {.args = {"init", "@D"}, .may_refuse_again = true},
    {.args = {"import", "@W/list.csv"}},
    {.args = {"fetch", "-j", "2"}},
    {.args = {"retry", "--class", "all", "-j", "2"}, .tries_again = true},
    {.args = {"annotate", "--from", "@W/annotations.jsonl"}},
    {.args = {"dedup"}},
    {.args = {"filter", "--name", "soft", "--where", "loudness_lufs < -16.3"}},
    {.args = {"filter", "--name", "loud", "--where", "loudness_lufs > -16"}},
    {.args = {"filter", "--undo", "soft"}, .may_refuse_again = true},
    {.args = {"split", "--name", "s", "--train", ".8", "--val", ".1", "--test", ".1"}},
    {.args = {"export", "--force", "--split", "s", "--format", "webdataset", "@D/exports/s"}},
    {.args = {"verify", "--repair"}, .damage = "audio.flac"},
    {.args = {"retry", "--class", "local"}, .tries_again = true},
    {.args = {"takedown", "@S", "--reason", "asked to"}},
};
/* clang-format on */
enum { STAGE_COUNT = MEL_COUNT(stages) };

typedef struct Trial {
    const CrashOptions *options;
    const char *world; /* folder */
    const Stage *stage;
    char *wanted;      /* the state of the undisturbed copy */
    int64_t took_us;   /* undisturbed */
    int64_t window_us; /* in which kills fall */
    bool had_store;
} Trial;

static void say_command(const Stage *stage, Str *text)
{
    mel_str_add(text, "mel");
    for (int i = 0; stage->args[i]; i++)
        mel_str_addf(text, " %s", stage->args[i]);
}

/* ---- one run
 * ------------------------------------------------------------------------------------------- */

/* after_us 0: to its end, which must be a good one. */
static bool run_stage(const Trial *trial, const char *dataset, int64_t after_us, CrashEnd *end,
                      Err *err)
{
    const Stage *stage = trial->stage;
    if (!world_run(trial->options->bin, trial->world, dataset, stage->args, after_us, end, err))
        return false;
    if (end->killed || end->exit_code == 0 || end->exit_code == 3) return true;
    bool done_before = trial->took_us > 0; /* by a killed run that had come so far */
    if (done_before && stage->may_refuse_again && end->exit_code == 1) return true;
    return mel_err(err, ERR_IO, "the command ended with %d", end->exit_code);
}

/* A killed command leaves a dataset without errors (but those it was to repair); an unfinished init
 * may leave none at all. */
static bool kill_once(Trial *trial, const char *dataset, Rng *rng, CrashEnd *end,
                      CrashReport *report, Err *err)
{
    int64_t after_us = 1 + (int64_t)(mel_rng_uniform(rng) * (double)trial->window_us);
    if (!run_stage(trial, dataset, after_us, end, err)) return false;
    report->points += end->killed;
    if (!end->killed && 10 * trial->window_us > 7 * trial->took_us) /* it is faster by now */
        trial->window_us -= trial->window_us / 20;
    if (!trial->had_store) return true;
    bool whole = trial->stage->damage || world_verify(trial->options->bin, dataset, err);
    return whole && world_check_reports(trial->world, dataset, &report->acknowledged, err);
}

static bool compare(const Trial *trial, const char *dataset, Err *err)
{
    char *found = world_state(dataset, trial->stage->tries_again, err);
    char *difference = found ? crash_difference(trial->wanted, found) : NULL;
    bool ok = found && !difference;
    if (difference) mel_err(err, ERR_DB, "the end is another one: %s", difference);
    free(difference);
    free(found);
    return ok;
}

static bool disturb(Trial *trial, const char *dataset, Rng *rng, CrashReport *report, Err *err)
{
    CrashEnd end = {.killed = true};
    int kills = 1 + mel_rng_int(rng, 3);
    for (int i = 0; i < kills && end.killed; i++)
        if (!kill_once(trial, dataset, rng, &end, report, err)) return false;
    if (end.killed && !run_stage(trial, dataset, 0, &end, err)) return false;
    if (!trial->stage->damage && !world_verify(trial->options->bin, dataset, err)) return false;
    Err ignored = {0};
    if (compare(trial, dataset, &ignored)) return true;
    /* what a killed command left half-done may lie beside; repairing removes it */
    return world_repair(trial->options->bin, dataset, err) && compare(trial, dataset, err);
}

static bool one_trial(Trial *trial, const char *base, Rng *rng, CrashReport *report, Err *err)
{
    char *copy = mel_asprintf("%s/try/set", trial->world);
    bool ok = world_copy(base, copy, err) && disturb(trial, copy, rng, report, err);
    if (ok || !trial->options->keep) {
        char *above = mel_path_dir(copy);
        Err ignored = {0};
        if (!mel_remove_tree(above, &ignored)) mel_log_error(&ignored);
        free(above);
    } else {
        mel_err_hint(err, "the dataset is in '%s'", copy);
    }
    free(copy);
    report->worlds++;
    return ok;
}

/* ---- one command
 * ------------------------------------------------------------------------------------------ */

/* Runs the command on a copy of `base`, which becomes the base of the next command. */
static bool undisturbed(Trial *trial, const char *base, const char *next, Err *err)
{
    CrashEnd end;
    char *store = mel_path_join(base, "mel.db");
    trial->had_store = mel_path_exists(store);
    free(store);
    if (!world_copy(base, next, err)) return false;
    int64_t begin_us = mel_monotonic_us();
    if (!run_stage(trial, next, 0, &end, err)) return false;
    trial->took_us = trial->window_us = mel_monotonic_us() - begin_us;
    if (!world_repair(trial->options->bin, next, err)) return false;
    trial->wanted = world_state(next, trial->stage->tries_again, err);
    return trial->wanted != NULL;
}

static bool run_command(const CrashOptions *options, const char *world, int number, int64_t points,
                        Rng *rng, CrashReport *report, Err *err)
{
    char *base = mel_asprintf("%s/%02d/set", world, number);
    char *next = mel_asprintf("%s/%02d/set", world, number + 1);
    Trial trial = {.options = options, .world = world, .stage = &stages[number]};
    Str command = {0};
    int64_t before = report->points;
    int tries = 0;
    bool ok = !trial.stage->damage || world_damage(base, trial.stage->damage, err);
    ok = ok && undisturbed(&trial, base, next, err);
    while (ok && report->points - before < points && tries++ < 20 * points)
        ok = one_trial(&trial, base, rng, report, err);
    if (ok && report->points == before) ok = mel_err(err, ERR_LIMIT, "it was never hit");
    say_command(trial.stage, &command);
    if (ok)
        printf("%-76.76s %4lld kills, takes %.2f s\n", mel_str_text(&command),
               (long long)(report->points - before), (double)trial.took_us / 1e6);
    else
        mel_err_wrap(err, "%s", mel_str_text(&command));
    fflush(stdout);
    mel_str_clear(&command);
    free(trial.wanted);
    free(base);
    free(next);
    return ok;
}

bool crash_command_layer(const CrashOptions *options, CrashReport *report, Err *err)
{
    Rng rng = {.seed = (uint64_t)options->seed, .stream = 2};
    char *world = crash_folder(err);
    if (!world) return false;
    bool ok = world_make(options->bin, world, err);
    for (int i = 0; ok && i < STAGE_COUNT; i++) {
        int64_t left = options->points - report->points;
        ok = run_command(options, world, i, (left + STAGE_COUNT - i - 1) / (STAGE_COUNT - i), &rng,
                         report, err);
    }
    Err ignored = {0};
    if ((ok || !options->keep) && !mel_remove_tree(world, &ignored)) mel_log_error(&ignored);
    free(world);
    return ok;
}
