/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/assign.h"

#include "curator/assign_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct IdList {
    const char **items;
    size_t count, capacity;
} IdList;

typedef struct AssignRun {
    Db *db;
    const AssignOptions *options;
    Arena arena;
    char seed[32];
    IdList clips, gold;
    AssignAnswered *answered;
    size_t answered_count, answered_capacity;
    int person; /* whose answers are being listed */
} AssignRun;

static void add_id(AssignRun *run, IdList *list, const char *id)
{
    mel_grow(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = mel_arena_strdup(&run->arena, id);
}

static bool holds(const IdList *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (mel_equal(list->items[i], id)) return true;
    return false;
}

/* ---- which clips ------------------------------------------------------------------------------
 */

static bool take_clip(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    AssignRun *run = ctx;
    add_id(run, &run->clips, mel_row_text(row, "id", ""));
    return true;
}

static bool take_gold(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    AssignRun *run = ctx;
    const char *id = mel_row_text(row, "id", "");
    if (!holds(&run->gold, id)) add_id(run, &run->gold, id);
    return true;
}

static bool each_clip(AssignRun *run, const char *where, ViewRowFn *fn, Err *err)
{
    const ViewQuery query = {.view = "clips",
                             .columns = "id",
                             .where = where,
                             .also = "state = 'ready' AND included",
                             .order = "id"};
    return mel_query(run->db, &query, fn, run, err);
}

typedef struct Drawn {
    uint64_t key;
    const char *id;
} Drawn;

static int compare_drawn(const void *a, const void *b)
{
    const Drawn *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* Keeps so many of the gold clips behind `named`; the seed chooses. */
static void thin_gold(AssignRun *run, size_t named)
{
    size_t count = run->gold.count - named;
    size_t wanted = (size_t)llround(run->options->gold_share * (double)run->clips.count);
    if (run->options->gold_share <= 0 || wanted >= count) return;
    Drawn *drawn = mel_alloc((count + 1) * sizeof *drawn);
    for (size_t i = 0; i < count; i++) {
        const char *id = run->gold.items[named + i];
        drawn[i] = (Drawn){.key = mel_keyed_hash(run->seed, id), .id = id};
    }
    qsort(drawn, count, sizeof *drawn, compare_drawn);
    for (size_t i = 0; i < wanted; i++)
        run->gold.items[named + i] = drawn[i].id;
    run->gold.count = named + wanted;
    free(drawn);
}

static bool load_gold(AssignRun *run, Err *err)
{
    const AssignOptions *o = run->options;
    for (size_t i = 0; i < o->gold_count; i++)
        if (!holds(&run->gold, o->gold[i])) add_id(run, &run->gold, o->gold[i]);
    size_t named = run->gold.count;
    if (o->gold_where && !each_clip(run, o->gold_where, take_gold, err)) return false;
    thin_gold(run, named);
    return true;
}

/* ---- what is asked again -----------------------------------------------------------------------
 */

static const int64_t day_us = INT64_C(86400) * 1000000;

static bool take_answered(void *ctx, const char *clip_id, const char *submitted_at, Err *err)
{
    (void)err;
    AssignRun *run = ctx;
    int64_t at_us;
    char due[UTC_SIZE] = "";
    if (mel_utc_parse(submitted_at, &at_us))
        mel_utc_format(at_us + run->options->after_days * day_us, due);
    mel_grow(&run->answered, &run->answered_capacity, run->answered_count + 1,
             sizeof *run->answered);
    run->answered[run->answered_count++] =
        (AssignAnswered){.person = run->person,
                         .clip_id = mel_arena_strdup(&run->arena, clip_id),
                         .not_before = *due ? mel_arena_strdup(&run->arena, due) : NULL};
    return true;
}

static bool load_answered(AssignRun *run, Err *err)
{
    const AssignOptions *o = run->options;
    for (run->person = 0; o->retest_share > 0 && run->person < o->person_count; run->person++)
        if (!mel_answered_each(run->db, o->people[run->person], take_answered, run, err))
            return false;
    return true;
}

/* ---- the batch ---------------------------------------------------------------------------------
 */

static bool check_options(const AssignOptions *o, Err *err)
{
    if (!mel_name_valid(o->batch)) {
        mel_err(err, ERR_USAGE, "'%s' is not a name for a batch", o->batch);
        return mel_err_hint(err, "use 1 to 64 letters, digits, '_' or '-'");
    }
    if (!(o->gold_share >= 0 && o->gold_share <= 1))
        return mel_err(err, ERR_USAGE, "gold is a share of the clips, from 0 to 1");
    if (o->after_days < 0 || o->after_days > 36500)
        return mel_err(err, ERR_USAGE, "a retest comes 0 to 36500 days after the answer");
    return true;
}

static bool plan_batch(AssignRun *run, AssignPlan *plan, Err *err)
{
    const AssignOptions *o = run->options;
    if ((o->where && !each_clip(run, o->where, take_clip, err)) || !load_gold(run, err) ||
        !load_answered(run, err))
        return false;
    const AssignPlanInput input = {.seed = run->seed,
                                   .people = o->people,
                                   .person_count = o->person_count,
                                   .clips = run->clips.items,
                                   .clip_count = run->clips.count,
                                   .gold = run->gold.items,
                                   .gold_count = run->gold.count,
                                   .overlap_share = o->overlap_share,
                                   .raters = o->raters,
                                   .review = o->review,
                                   .answered = run->answered,
                                   .answered_count = run->answered_count,
                                   .retest_share = o->retest_share};
    if (!mel_assign_plan(&input, plan, err)) return false;
    if (plan->count) return true;
    mel_err(err, ERR_NOT_FOUND, "there is nothing to assign");
    return mel_err_hint(err, "'mel list --where CONDITION' shows which clips a condition chooses");
}

static bool store_batch(AssignRun *run, const AssignPlan *plan, int64_t *added, Err *err)
{
    const AssignOptions *o = run->options;
    Assignment *items = mel_alloc((plan->count + 1) * sizeof *items);
    for (size_t i = 0; i < plan->count; i++) {
        const AssignPlanItem *item = &plan->items[i];
        items[i] = (Assignment){.batch = o->batch,
                                .clip_id = item->clip_id,
                                .annotator_id = o->people[item->person],
                                .purpose = item->purpose,
                                .not_before = item->not_before,
                                .position = item->position};
    }
    bool ok = mel_assignments_put(run->db, items, plan->count, added, err);
    free(items);
    return ok;
}

static void count_people(const AssignOptions *o, const AssignPlan *plan, AssignReport *report)
{
    report->person_count = o->person_count;
    report->people =
        mel_arena_alloc(&report->arena, (size_t)o->person_count * sizeof *report->people);
    for (int p = 0; p < o->person_count; p++)
        report->people[p].id = mel_arena_strdup(&report->arena, o->people[p]);
    for (size_t i = 0; i < plan->count; i++) {
        AssignPerson *person = &report->people[plan->items[i].person];
        const char *purpose = plan->items[i].purpose;
        person->work += mel_equal(purpose, "work");
        person->overlap += mel_equal(purpose, "overlap");
        person->gold += mel_equal(purpose, "gold");
        person->retest += mel_equal(purpose, "retest");
        person->review += mel_equal(purpose, "review");
    }
}

/* Inside the transaction; false without an error ends a dry run. */
static bool assign_inside(AssignRun *run, AssignReport *report, Err *err)
{
    AssignPlan plan = {0};
    if (!mel_batch_count(run->db, run->options->batch, &report->there, err)) return false;
    if (report->there) return true;
    bool ok = plan_batch(run, &plan, err) && store_batch(run, &plan, &report->added, err);
    if (ok) {
        report->clips = (int64_t)(plan.work + plan.overlap);
        report->overlap_clips = (int64_t)plan.overlap;
        report->gold_clips = (int64_t)plan.gold;
        count_people(run->options, &plan, report);
    }
    mel_assign_plan_clear(&plan);
    return ok && !run->options->dry_run;
}

bool mel_assign(Db *db, const AssignOptions *options, AssignReport *report, Err *err)
{
    AssignRun run = {.db = db, .options = options};
    AssignReport made = {0};
    if (!check_options(options, err) || !mel_db_begin(db, err)) return false;
    snprintf(run.seed, sizeof run.seed, "%lld", (long long)options->seed);
    bool ok = mel_db_end(db, assign_inside(&run, &made, err), err);
    if (options->dry_run && !mel_err_is_set(err)) ok = true;
    free(run.clips.items);
    free(run.gold.items);
    free(run.answered);
    mel_arena_clear(&run.arena);
    if (ok)
        *report = made;
    else
        mel_assign_report_clear(&made);
    return ok;
}

void mel_assign_report_clear(AssignReport *report)
{
    mel_arena_clear(&report->arena);
    *report = (AssignReport){0};
}
