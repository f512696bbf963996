/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/assign_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Something in an order that the seed decides. */
typedef struct Drawn {
    uint64_t key;
    const char *id;
    size_t index;
} Drawn;

static int compare_drawn(const void *a, const void *b)
{
    const Drawn *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return strcmp(x->id, y->id);
}

static void draw(Drawn *drawn, size_t i, const char *seed, const char *what, const char *id)
{
    char *key = mel_asprintf("%s\n%s", seed, what);
    drawn[i] = (Drawn){.key = mel_keyed_hash(key, id), .id = id, .index = i};
    free(key);
}

typedef struct Items {
    AssignPlanItem *items;
    size_t count, capacity;
} Items;

static void add_item(Items *items, int person, const char *clip_id, const char *purpose,
                     const char *not_before)
{
    mel_grow(&items->items, &items->capacity, items->count + 1, sizeof *items->items);
    items->items[items->count++] = (AssignPlanItem){
        .clip_id = clip_id, .purpose = purpose, .not_before = not_before, .person = person};
}

typedef struct Planner {
    const AssignPlanInput *input;
    AssignPlan *plan;
    Items work;    /* in the order of the queues */
    Items special; /* gold and retests */
    size_t *loads; /* by person */
} Planner;

/* ---- work ------------------------------------------------------------------------------------ */

static bool is_gold(const AssignPlanInput *input, const char *clip_id)
{
    for (size_t i = 0; i < input->gold_count; i++)
        if (mel_equal(input->gold[i], clip_id)) return true;
    return false;
}

static Drawn *draw_clips(const AssignPlanInput *input, size_t *count)
{
    Drawn *clips = mel_alloc((input->clip_count + 1) * sizeof *clips);
    *count = 0;
    for (size_t i = 0; i < input->clip_count; i++)
        if (!is_gold(input, input->clips[i]))
            draw(clips, (*count)++, input->seed, "clip", input->clips[i]);
    qsort(clips, *count, sizeof *clips, compare_drawn);
    return clips;
}

/* The next clip goes to those who have least; among equals the seed decides, anew for each clip, so
 * that every pair of people comes to share clips. */
static void give(Planner *planner, const char *clip_id, int raters)
{
    const AssignPlanInput *input = planner->input;
    Drawn *people = mel_alloc((size_t)input->person_count * sizeof *people);
    const char *purpose = input->review ? "review" : raters > 1 ? "overlap" : "work";
    bool *taken = mel_alloc((size_t)input->person_count * sizeof *taken);
    for (int p = 0; p < input->person_count; p++)
        draw(people, (size_t)p, input->seed, clip_id, input->people[p]);
    qsort(people, (size_t)input->person_count, sizeof *people, compare_drawn);
    for (int n = 0; n < raters; n++) {
        size_t best = SIZE_MAX;
        for (int p = 0; p < input->person_count; p++) {
            size_t index = people[p].index;
            if (taken[index]) continue;
            if (best == SIZE_MAX || planner->loads[index] < planner->loads[best]) best = index;
        }
        taken[best] = true;
        planner->loads[best]++;
        add_item(&planner->work, (int)best, clip_id, purpose, NULL);
    }
    free(people);
    free(taken);
}

static void plan_work(Planner *planner)
{
    const AssignPlanInput *input = planner->input;
    size_t count, shared = 0;
    Drawn *clips = draw_clips(input, &count), *order = mel_alloc((count + 1) * sizeof *order);
    if (input->raters > 1) shared = (size_t)llround(input->overlap_share * (double)count);
    /* A second draw, or each queue would begin with all that it shares. */
    for (size_t i = 0; i < count; i++) {
        draw(order, i, input->seed, "order", clips[i].id);
        order[i].index = i;
    }
    qsort(order, count, sizeof *order, compare_drawn);
    for (size_t i = 0; i < count; i++)
        give(planner, order[i].id, order[i].index < shared ? input->raters : 1);
    planner->plan->overlap = shared;
    planner->plan->work = count - shared;
    free(order);
    free(clips);
}

/* ---- gold and retests ------------------------------------------------------------------------ */

static void plan_gold(Planner *planner, int person)
{
    const AssignPlanInput *input = planner->input;
    for (size_t i = 0; i < input->gold_count; i++)
        add_item(&planner->special, person, input->gold[i], "gold", NULL);
}

static void plan_retests(Planner *planner, int person)
{
    const AssignPlanInput *input = planner->input;
    Drawn *mine = mel_alloc((input->answered_count + 1) * sizeof *mine);
    size_t count = 0;
    for (size_t i = 0; i < input->answered_count; i++) {
        if (input->answered[i].person != person) continue;
        draw(mine, count, input->seed, "retest", input->answered[i].clip_id);
        mine[count++].index = i;
    }
    qsort(mine, count, sizeof *mine, compare_drawn);
    size_t wanted = (size_t)llround(input->retest_share * (double)count);
    for (size_t i = 0; i < wanted; i++)
        add_item(&planner->special, person, mine[i].id, "retest",
                 input->answered[mine[i].index].not_before);
    planner->plan->retests += wanted;
    free(mine);
}

/* ---- queues ---------------------------------------------------------------------------------- */

/* Of n special items the s-th stands in the middle of the s-th of n equal parts of the queue. */
static void write_queue(Planner *planner, int person, const AssignPlanItem *specials,
                        size_t special_count, Items *out)
{
    const Items *work = &planner->work;
    size_t length = planner->loads[person] + special_count, s = 0, w = 0;
    for (size_t position = 0; position < length; position++) {
        bool due = s < special_count && (2 * s + 1) * length <= (2 * position + 1) * special_count;
        while (w < work->count && work->items[w].person != person)
            w++;
        const AssignPlanItem *item = due || w == work->count ? &specials[s++] : &work->items[w++];
        add_item(out, person, item->clip_id, item->purpose, item->not_before);
        out->items[out->count - 1].position = (int64_t)position;
    }
}

/* What is special comes in an order of its own for each person. */
static void plan_queue(Planner *planner, int person, Items *out)
{
    const char *name = planner->input->people[person];
    planner->special.count = 0;
    plan_gold(planner, person);
    plan_retests(planner, person);
    size_t count = planner->special.count;
    Drawn *drawn = mel_alloc((count + 1) * sizeof *drawn);
    AssignPlanItem *specials = mel_alloc((count + 1) * sizeof *specials);
    for (size_t i = 0; i < count; i++)
        draw(drawn, i, planner->input->seed, name, planner->special.items[i].clip_id);
    qsort(drawn, count, sizeof *drawn, compare_drawn);
    for (size_t i = 0; i < count; i++)
        specials[i] = planner->special.items[drawn[i].index];
    write_queue(planner, person, specials, count, out);
    free(specials);
    free(drawn);
}

static bool check_input(const AssignPlanInput *input, Err *err)
{
    if (input->person_count < 1) return mel_err(err, ERR_USAGE, "there is nobody to assign to");
    for (int i = 0; i < input->person_count; i++)
        for (int j = 0; j < i; j++)
            if (mel_equal(input->people[i], input->people[j]))
                return mel_err(err, ERR_USAGE, "'%s' is named twice", input->people[i]);
    if (!(input->overlap_share >= 0 && input->overlap_share <= 1))
        return mel_err(err, ERR_USAGE, "the overlap is a share of the clips, from 0 to 1");
    if (!(input->retest_share >= 0 && input->retest_share <= 1))
        return mel_err(err, ERR_USAGE, "the retests are a share of the answers, from 0 to 1");
    if (input->raters >= 1 && input->raters <= input->person_count) return true;
    return mel_err(err, ERR_USAGE, "%d raters are wanted for a clip, of %d people", input->raters,
                   input->person_count);
}

bool mel_assign_plan(const AssignPlanInput *input, AssignPlan *out, Err *err)
{
    if (!check_input(input, err)) return false;
    AssignPlan plan = {.gold = input->gold_count};
    Planner planner = {.input = input, .plan = &plan};
    Items queues = {0};
    planner.loads = mel_alloc((size_t)input->person_count * sizeof *planner.loads);
    plan_work(&planner);
    for (int p = 0; p < input->person_count; p++)
        plan_queue(&planner, p, &queues);
    plan.items = queues.items;
    plan.count = queues.count;
    free(planner.loads);
    free(planner.work.items);
    free(planner.special.items);
    *out = plan;
    return true;
}

void mel_assign_plan_clear(AssignPlan *plan)
{
    free(plan->items);
    *plan = (AssignPlan){0};
}
