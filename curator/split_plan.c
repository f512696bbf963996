/* SPDX-License-Identifier: Apache-2.0
 *
 * The groups of a split: which they are, which have a side already, and the proof. */
#include "curator/split_plan.h"

#include "curator/split_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STRATUM_ITEMS_MIN = 20 /* for the report */ };
static const size_t BYTES_MAX = (size_t)1 << 36;

/* ---- texts to numbers --------------------------------------------------------------------------
 */

typedef struct Names {  /* an open-addressing table, at most half full */
    const char **texts; /* by number */
    uint32_t *slots;    /* number + 1; 0 is free */
    size_t count, mask;
} Names;

static bool names_init(Names *names, size_t most, Err *err)
{
    size_t slots = 16;
    while (slots < 2 * most)
        slots *= 2;
    names->mask = slots - 1;
    names->slots = mel_try_alloc(slots, sizeof *names->slots, BYTES_MAX, "split plan", err);
    names->texts = mel_try_alloc(most + 1, sizeof *names->texts, BYTES_MAX, "split plan", err);
    return names->slots && names->texts;
}

static void names_clear(Names *names)
{
    free(names->slots);
    free(names->texts);
}

/* The text's number; the next one when it is new. */
static uint32_t names_number(Names *names, const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    size_t slot = (hash ^ hash >> 32) & names->mask;
    for (; names->slots[slot]; slot = (slot + 1) & names->mask)
        if (mel_equal(names->texts[names->slots[slot] - 1], text)) return names->slots[slot] - 1;
    names->texts[names->count] = text;
    names->slots[slot] = (uint32_t)++names->count;
    return (uint32_t)names->count - 1;
}

/* ---- items by group ----------------------------------------------------------------------------
 */

typedef struct Member {
    size_t group, item;
} Member;

static int by_group(const void *a, const void *b)
{
    const Member *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* Yours to free. */
static Member *sort_members(const SplitItem *items, size_t count, Err *err)
{
    Member *members = mel_try_alloc(count + 1, sizeof *members, BYTES_MAX, "split plan", err);
    if (!members) return NULL;
    for (size_t i = 0; i < count; i++)
        members[i] = (Member){items[i].group, i};
    qsort(members, count, sizeof *members, by_group);
    return members;
}

typedef struct Plan {
    SplitItem *items;
    size_t count;
    const SplitOptions *options;
    Member *members;
    int *sides; /* of the items, as they will be */
    Names strata;
    uint32_t *stratum_of; /* by item */
    size_t *tally;        /* by stratum, zeros between uses */
    SplitGroup *groups;
    size_t group_count;
} Plan;

/* ---- one group ---------------------------------------------------------------------------------
 */

/* The side of the members that have one, and what becomes of each member. Where old members lie on
 * several sides the highest is kept, so that a group never comes to lie in train when it was seen
 * in validation or test; what lies elsewhere is dropped, for nothing old ever moves. */
static void settle(Plan *plan, SplitGroup *group)
{
    const Member *members = plan->members + group->first;
    for (size_t i = 0; i < group->count; i++) {
        const SplitItem *item = &plan->items[members[i].item];
        if (item->side > group->side) group->side = item->side;
        if (!group->key || strcmp(item->key, group->key) < 0) group->key = item->key;
    }
    for (size_t i = 0; i < group->count; i++) {
        int side = plan->items[members[i].item].side;
        bool dropped = side == SPLIT_DROPPED || (side >= 0 && side != group->side);
        plan->sides[members[i].item] = dropped ? SPLIT_DROPPED : group->side;
        group->size += !dropped;
    }
}

/* The stratum of most members; of two as frequent, the one whose name is smaller. */
static uint32_t majority(Plan *plan, const SplitGroup *group)
{
    const Member *members = plan->members + group->first;
    uint32_t best = plan->stratum_of[members[0].item];
    for (size_t i = 0; i < group->count; i++)
        if (plan->sides[members[i].item] != SPLIT_DROPPED)
            plan->tally[plan->stratum_of[members[i].item]]++;
    for (size_t i = 0; i < group->count; i++) {
        uint32_t other = plan->stratum_of[members[i].item];
        size_t have = plan->tally[best], had = plan->tally[other];
        if (had > have ||
            (had == have && strcmp(plan->strata.texts[other], plan->strata.texts[best]) < 0))
            best = other;
    }
    for (size_t i = 0; i < group->count; i++)
        plan->tally[plan->stratum_of[members[i].item]] = 0;
    return best;
}

static bool make_groups(Plan *plan, Err *err)
{
    size_t n = plan->count + 1;
    plan->tally =
        mel_try_alloc(plan->strata.count + 1, sizeof *plan->tally, BYTES_MAX, "split plan", err);
    plan->groups = mel_try_alloc(n, sizeof *plan->groups, BYTES_MAX, "split plan", err);
    if (!plan->tally || !plan->groups) return false;
    for (size_t i = 0, j; i < plan->count; i = j) {
        for (j = i + 1; j < plan->count && plan->members[j].group == plan->members[i].group;)
            j++;
        SplitGroup *group = &plan->groups[plan->group_count++];
        *group = (SplitGroup){.first = i, .count = j - i, .side = SPLIT_NEW};
        settle(plan, group);
        group->stratum = majority(plan, group);
        if (group->side == SPLIT_NEW) group->hash = mel_keyed_hash(plan->options->seed, group->key);
    }
    return true;
}

/* ---- checks ------------------------------------------------------------------------------------
 */

static bool check_options(const SplitOptions *options, Err *err)
{
    if (options->side_count < 1 || options->side_count > SPLIT_SIDES_MAX)
        return mel_err(err, ERR_USAGE, "a split has 1 to %d sides, not %d", SPLIT_SIDES_MAX,
                       options->side_count);
    if (!options->seed) return mel_err(err, ERR_USAGE, "a split needs a seed");
    double sum = 0;
    for (int side = 0; side < options->side_count; side++) {
        double fraction = options->fractions[side];
        if (!(fraction >= 0 && fraction <= 1))
            return mel_err(err, ERR_USAGE, "fraction %g of side %d is not in 0..1", fraction, side);
        sum += fraction;
    }
    if (fabs(sum - 1) > 1e-9)
        return mel_err(err, ERR_USAGE, "the fractions of a split sum to %.10g, not 1", sum);
    return true;
}

static bool check_items(const SplitItem *items, size_t count, int side_count, Err *err)
{
    Names keys = {0};
    bool ok = names_init(&keys, count, err);
    for (size_t i = 0; ok && i < count; i++) {
        const SplitItem *item = &items[i];
        if (!item->key || !*item->key) {
            ok = mel_err(err, ERR_USAGE, "item %zu of the split has no key", i);
        } else if (item->side < SPLIT_DROPPED || item->side >= side_count) {
            ok = mel_err(err, ERR_USAGE, "'%s' is on side %d of %d", item->key, item->side,
                         side_count);
        } else if (names_number(&keys, item->key) != i) {
            ok = mel_err(err, ERR_USAGE, "'%s' is in the split twice", item->key);
        }
    }
    names_clear(&keys);
    return ok;
}

/* ---- the plan ----------------------------------------------------------------------------------
 */

static bool prepare(Plan *plan, Err *err)
{
    size_t n = plan->count + 1;
    if (!check_options(plan->options, err)) return false;
    if (plan->count >= UINT32_MAX) return mel_err(err, ERR_LIMIT, "too many items to split");
    if (!check_items(plan->items, plan->count, plan->options->side_count, err)) return false;
    if (!names_init(&plan->strata, plan->count, err)) return false;
    plan->stratum_of = mel_try_alloc(n, sizeof *plan->stratum_of, BYTES_MAX, "split plan", err);
    plan->sides = mel_try_alloc(n, sizeof *plan->sides, BYTES_MAX, "split plan", err);
    plan->members = sort_members(plan->items, plan->count, err);
    if (!plan->stratum_of || !plan->sides || !plan->members) return false;
    for (size_t i = 0; i < plan->count; i++) {
        const char *stratum = plan->items[i].stratum;
        plan->stratum_of[i] = names_number(&plan->strata, stratum ? stratum : "");
    }
    return make_groups(plan, err);
}

static void write_sides(Plan *plan)
{
    for (size_t g = 0; g < plan->group_count; g++) {
        const SplitGroup *group = &plan->groups[g];
        for (size_t i = group->first; i < group->first + group->count; i++) {
            size_t item = plan->members[i].item;
            bool dropped = plan->sides[item] == SPLIT_DROPPED;
            plan->items[item].side = dropped ? SPLIT_DROPPED : group->side;
        }
    }
}

static double worst_error(const Plan *plan)
{
    size_t *counts = mel_alloc((plan->strata.count + 1) * SPLIT_SIDES_MAX * sizeof *counts);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].side >= 0)
            counts[(size_t)plan->stratum_of[i] * SPLIT_SIDES_MAX + (size_t)plan->items[i].side]++;
    double worst = 0;
    for (size_t s = 0; s < plan->strata.count; s++) {
        const size_t *of = counts + s * SPLIT_SIDES_MAX;
        size_t total = 0;
        for (int side = 0; side < plan->options->side_count; side++)
            total += of[side];
        for (int side = 0; total >= STRATUM_ITEMS_MIN && side < plan->options->side_count; side++)
            worst = fmax(worst,
                         fabs((double)of[side] / (double)total - plan->options->fractions[side]));
    }
    free(counts);
    return worst;
}

static SplitReport report_of(const Plan *plan)
{
    SplitReport report = {.groups = plan->group_count, .worst_stratum_error = worst_error(plan)};
    for (size_t g = 0; g < plan->group_count; g++)
        if (plan->groups[g].count > report.largest_group)
            report.largest_group = plan->groups[g].count;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->items[i].side == SPLIT_DROPPED)
            report.dropped++;
        else
            report.counts[plan->items[i].side]++;
    }
    return report;
}

bool mel_split_plan(SplitItem *items, size_t count, const SplitOptions *options,
                    SplitReport *report, Err *err)
{
    Plan plan = {.items = items, .count = count, .options = options};
    bool ok = prepare(&plan, err);
    if (ok) {
        mel_split_balance(plan.groups, plan.group_count, plan.strata.texts, plan.strata.count,
                          options);
        write_sides(&plan);
        *report = report_of(&plan);
    }
    names_clear(&plan.strata);
    free(plan.members);
    free(plan.sides);
    free(plan.stratum_of);
    free(plan.tally);
    free(plan.groups);
    return ok;
}

bool mel_split_prove(const SplitItem *items, size_t count, Err *err)
{
    Member *members = sort_members(items, count, err);
    if (!members) return false;
    const SplitItem *first = NULL; /* of the group in hand, with a side */
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        const SplitItem *item = &items[members[i].item];
        if (i && members[i].group != members[i - 1].group) first = NULL;
        if (item->side < 0) continue;
        if (!first) first = item;
        if (item->side == first->side) continue;
        ok = mel_err_reason(err, ERR_DENIED, "split.leak",
                            "the split leaks: '%s' on side %d and '%s' on side %d are one group",
                            first->key, first->side, item->key, item->side);
        mel_err_hint(err, "plan the split again: it drops the training side of such groups");
    }
    free(members);
    return ok;
}
