/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/person.h"
#include "curator/curator.h"

#include <stdio.h>
#include <string.h>

typedef struct AssignArgs {
    const char *where, *to, *batch, *gold_where, *queue;
    OptionList gold;
    double overlap, gold_share, retest;
    int64_t raters, after, seed;
    bool review, dry_run;
} AssignArgs;

static const AssignArgs assign_defaults = {.batch = "main", .raters = 2, .after = 7};

static const CliOption assign_options[] = {
    CLI_TEXT('w', "where", AssignArgs, where, "SQL", "assign the clips that meet this condition"),
    CLI_TEXT('t', "to", AssignArgs, to, "NAMES", "the people, with commas (wanted)"),
    CLI_TEXT('b', "batch", AssignArgs, batch, "NAME", "of the batch (main)"),
    CLI_REAL(0, "overlap", AssignArgs, overlap, "SHARE",
             "of the clips that several people get, 0 to 1 (0)"),
    CLI_INT(0, "raters", AssignArgs, raters, "N", "how many people those go to (2)"),
    CLI_LIST(0, "gold", AssignArgs, gold, "CLIP", "a clip that everybody gets (may be repeated)"),
    CLI_TEXT(0, "gold-where", AssignArgs, gold_where, "SQL",
             "everybody gets the clips that meet this condition"),
    CLI_REAL(0, "gold-share", AssignArgs, gold_share, "SHARE",
             "at most so many of those, as a share of the clips"),
    CLI_REAL(0, "retest", AssignArgs, retest, "SHARE",
             "of each person's own earlier answers, asked again (0)"),
    CLI_INT(0, "after", AssignArgs, after, "DAYS", "so long after the first answer (7)"),
    CLI_FLAG(0, "review", AssignArgs, review, "to be reviewed, instead of answered"),
    CLI_INT(0, "seed", AssignArgs, seed, "N", "of the draw (0)"),
    CLI_FLAG(0, "dry-run", AssignArgs, dry_run, "say what would happen, change nothing"),
    CLI_TEXT(0, "queue", AssignArgs, queue, "NAME", "show this person's queue instead"),
    CLI_END,
};

enum { PEOPLE_MAX = 256 };

/* ---- a batch --------------------------------------------------------------------------------- */

static void report_json(const AssignArgs *args, const AssignReport *r)
{
    json_t *line = json_object(), *people = json_array();
    mel_json_set_text(line, "event", args->dry_run ? "would_assign" : "assigned");
    mel_json_set_text(line, "batch", args->batch);
    mel_json_set_i64(line, "there", r->there);
    mel_json_set_i64(line, "added", r->added);
    mel_json_set_i64(line, "clips", r->clips);
    mel_json_set_i64(line, "overlap_clips", r->overlap_clips);
    mel_json_set_i64(line, "gold_clips", r->gold_clips);
    for (int i = 0; i < r->person_count; i++) {
        json_t *person = json_object();
        mel_json_set_text(person, "annotator", r->people[i].id);
        mel_json_set_i64(person, "work", r->people[i].work);
        mel_json_set_i64(person, "overlap", r->people[i].overlap);
        mel_json_set_i64(person, "gold", r->people[i].gold);
        mel_json_set_i64(person, "retest", r->people[i].retest);
        mel_json_set_i64(person, "review", r->people[i].review);
        json_array_append_new(people, person);
    }
    json_object_set_new(line, "people", people);
    cli_json_line(line);
}

static void report_text(const AssignArgs *args, const AssignReport *r)
{
    static const char *const names[] = {"annotator", "work", "overlap", "gold", "retest", "review"};
    if (r->there) {
        mel_log_info("batch '%s' is there already, with %lld items: nothing was added", args->batch,
                     (long long)r->there);
        return;
    }
    Table *table = cli_table_new(6, names);
    for (int i = 0; i < r->person_count; i++) {
        const AssignPerson *p = &r->people[i];
        const int64_t counts[] = {p->work, p->overlap, p->gold, p->retest, p->review};
        char numbers[5][24];
        const char *cells[6] = {p->id};
        for (int k = 0; k < 5; k++) {
            snprintf(numbers[k], sizeof numbers[k], "%lld", (long long)counts[k]);
            cells[k + 1] = numbers[k];
        }
        cli_table_add(table, cells);
    }
    cli_table_print(table);
    mel_log_info("%s batch '%s': %lld items for %d people, %lld clips (%lld of them shared) and "
                 "%lld gold ones",
                 args->dry_run ? "dry run of" : "made", args->batch, (long long)r->added,
                 r->person_count, (long long)r->clips, (long long)r->overlap_clips,
                 (long long)r->gold_clips);
}

static bool assign(const Cli *cli, Db *db, const AssignArgs *args, Arena *arena, Err *err)
{
    const char *people[PEOPLE_MAX];
    AssignReport report = {0};
    if (!args->to) {
        mel_err(err, ERR_USAGE, "nobody to assign to");
        return mel_err_hint(err, "mel assign --where CONDITION --to anna,ben");
    }
    int count = cli_words(args->to, arena, people, PEOPLE_MAX, err);
    if (count < 0) return false;
    const AssignOptions options = {.batch = args->batch,
                                   .where = args->where,
                                   .people = people,
                                   .person_count = count,
                                   .overlap_share = args->overlap,
                                   .raters = args->overlap > 0 ? (int)args->raters : 1,
                                   .review = args->review,
                                   .gold = args->gold.items,
                                   .gold_count = (size_t)args->gold.count,
                                   .gold_where = args->gold_where,
                                   .gold_share = args->gold_share,
                                   .retest_share = args->retest,
                                   .after_days = args->after,
                                   .seed = args->seed,
                                   .dry_run = args->dry_run};
    if (!mel_assign(db, &options, &report, err)) return false;
    if (cli->json)
        report_json(args, &report);
    else
        report_text(args, &report);
    mel_assign_report_clear(&report);
    return true;
}

/* ---- a queue --------------------------------------------------------------------------------- */

static bool print_item(void *ctx, const QueueItem *item, Err *err)
{
    (void)err;
    const Assignment *a = &item->assignment;
    const char *state = mel_queue_state_name(item->state);
    if (ctx) {
        cli_table_add(ctx,
                      (const char *[]){a->batch, a->clip_id, a->purpose, state, item->comment});
        return true;
    }
    json_t *line = json_object();
    mel_json_set_text(line, "batch", a->batch);
    mel_json_set_text(line, "clip", a->clip_id);
    mel_json_set_text(line, "purpose", a->purpose);
    mel_json_set_i64(line, "position", a->position);
    mel_json_set_text(line, "state", state);
    mel_json_set_text(line, "comment", item->comment);
    cli_json_line(line);
    return true;
}

static bool show_queue(const Cli *cli, Db *db, const char *person, Err *err)
{
    static const char *const names[] = {"batch", "clip", "purpose", "state", "comment"};
    const QueueQuery query = {.annotator_id = person};
    int64_t counts[QUEUE_STATES];
    Table *table = cli->json ? NULL : cli_table_new(5, names);
    bool ok = mel_queue_each(db, &query, print_item, table, err);
    if (table) cli_table_print(table);
    if (!ok || !mel_queue_count(db, &query, counts, err)) return false;
    mel_log_info("%s: %lld open, %lld begun, %lld returned, %lld submitted", person,
                 (long long)counts[QUEUE_OPEN], (long long)counts[QUEUE_DRAFT],
                 (long long)counts[QUEUE_RETURNED], (long long)counts[QUEUE_SUBMITTED]);
    return true;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const AssignArgs *args = options;
    Arena arena = {0};
    Db *db = NULL;
    bool ok = cli_open(cli, args->queue ? DB_READ : DB_WRITE, &db, err);
    if (ok && args->queue)
        ok = show_queue(cli, db, args->queue, err);
    else if (ok)
        ok = assign(cli, db, args, &arena, err);
    mel_db_close(db);
    mel_arena_clear(&arena);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_assign = {
    .name = "assign",
    .summary = "give clips to people: queues with overlap, gold clips and retests",
    .usage = "assign --where SQL --to NAMES [--batch NAME] [--overlap SHARE] [--gold CLIP...]",
    .details =
        "Ready clips that no pass keeps out are shared out evenly, by the seed. A share of them "
        "may\n"
        "go to several people (--overlap, --raters), gold clips go to everybody, and a share of\n"
        "each person's own earlier answers may be asked again (--retest). A batch that is there\n"
        "stays as it is: growth is another batch.\n\n"
        "  mel assign --where \"annotation_count = 0\" --to anna,ben,carl --overlap 0.15",
    .options = assign_options,
    .defaults = &assign_defaults,
    .size = sizeof(AssignArgs),
    .run = run,
};
