/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/split.h"

#include "curator/split_policy.h"

#include <stdlib.h>
#include <string.h>

typedef struct Member {
    const char *id;
    int side;
} Member;

typedef struct SplitRun {
    Db *db;
    const SplitRunOptions *options;
    SplitRunReport *report;
    Arena arena;
    SplitRow row; /* as stored */
    SplitPolicy policy;
    SplitGraph graph;
    Member *members; /* old ones */
    size_t member_count, member_capacity;
    double worst_stratum_error;
} SplitRun;

static void run_clear(SplitRun *run)
{
    free(run->members);
    mel_graph_clear(&run->graph);
    mel_arena_clear(&run->arena);
}

/* ---- which split ----------------------------------------------------------------------------- */

static bool open_split(SplitRun *run, Err *err)
{
    SplitRow row;
    SplitPolicy asked;
    if (!mel_policy_from_options(run->options, &run->arena, &asked, err) ||
        !mel_policy_to_row(&asked, run->options->name, &run->arena, &row, err) ||
        !mel_split_make(run->db, &row, &run->arena, &run->row, &run->report->made, err) ||
        !mel_policy_from_row(&run->row, &run->arena, &run->policy, err))
        return false;
    if (run->policy.holdout_eval && run->policy.sides.count < 2)
        return mel_err(err, ERR_USAGE, "a split with one side can hold nothing out");
    return run->report->made || mel_policy_agrees(run->options, &run->policy, err);
}

/* ---- who takes part -------------------------------------------------------------------------- */

typedef struct ColumnSearch {
    const char *wanted;
    const char *names[128]; /* for a suggestion */
    size_t count;
    bool found;
} ColumnSearch;

static bool look_at_column(void *ctx, const char *name)
{
    ColumnSearch *search = ctx;
    search->found = search->found || mel_equal(name, search->wanted);
    if (search->count < MEL_COUNT(search->names)) search->names[search->count++] = name;
    return true;
}

/* The columns become part of a query, so each must be one of the view's own. */
static bool check_columns(SplitRun *run, Err *err)
{
    char *rest = mel_arena_strdup(&run->arena, run->policy.columns);
    for (char *part; (part = strsep(&rest, ",")) != NULL;) {
        ColumnSearch search = {.wanted = mel_trim(part)};
        if (!mel_query_columns(run->db, "triplets", look_at_column, &search, err)) return false;
        if (search.found) continue;
        mel_err(err, ERR_USAGE, "'%s' is not a column of 'triplets' to stratify by", search.wanted);
        return mel_err_hint(err, "for example genre, or genre,tempo");
    }
    return true;
}

static const char *stratum_of(SplitRun *run, const ViewRow *row)
{
    Str text = {0};
    for (int i = 4; i < row->count; i++) {
        const Cell *cell = &row->cells[i];
        if (i > 4) mel_str_add(&text, " / ");
        if (cell->type == CELL_TEXT) mel_str_add(&text, cell->text);
        if (cell->type == CELL_I64) mel_str_addf(&text, "%lld", (long long)cell->i64);
        if (cell->type == CELL_F64) mel_str_addf(&text, "%.9g", cell->f64);
    }
    const char *kept = mel_arena_strdup(&run->graph.arena, mel_str_text(&text));
    mel_str_clear(&text);
    return kept;
}

static bool take_candidate(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    SplitRun *run = ctx;
    mel_graph_add(&run->graph, row)->stratum = stratum_of(run, row);
    run->report->candidates++;
    return true;
}

static bool load_candidates(SplitRun *run, Err *err)
{
    const char *where = run->policy.condition;
    const char *columns = mel_arena_printf(&run->arena, "id, source, channel, published_split, %s",
                                           run->policy.columns);
    const ViewQuery query = {.view = "triplets",
                             .columns = columns,
                             .where = *where ? where : NULL,
                             .also = "included",
                             .order = "id"};
    if (!check_columns(run, err) || !mel_query(run->db, &query, take_candidate, run, err))
        return false;
    mel_graph_sort(&run->graph);
    return true;
}

static bool take_member(void *ctx, const SplitMember *member, Err *err)
{
    SplitRun *run = ctx;
    const SplitSides *sides = &run->policy.sides;
    int side = 0;
    while (side < sides->count && !mel_equal(member->side, sides->names[side]))
        side++;
    if (side == sides->count)
        return mel_err(err, ERR_DB, "clip '%s' lies on side '%s', which split '%s' does not have",
                       member->clip_id, member->side, run->options->name);
    mel_grow(&run->members, &run->member_capacity, run->member_count + 1, sizeof *run->members);
    run->members[run->member_count++] =
        (Member){.id = mel_arena_strdup(&run->arena, member->clip_id), .side = side};
    return true;
}

static bool take_lost_member(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    SplitRun *run = ctx;
    /* The node array is sorted up to `candidates`; what is added here lies behind. */
    const SplitGraph sorted = {.nodes = run->graph.nodes, .count = run->report->candidates};
    if (!mel_graph_find(&sorted, mel_row_text(row, "id", ""))) mel_graph_add(&run->graph, row);
    return true;
}

/* Members stay, and hold their groups together, even when they are no candidates any more: kept out
 * by a later pass, for example. */
static bool load_members(SplitRun *run, Err *err)
{
    const ViewQuery query = {.view = "clips",
                             .columns = "id, source, channel, published_split",
                             .also = "id IN (SELECT id FROM splits WHERE split = ?1)",
                             .args = {run->options->name},
                             .arg_count = 1,
                             .order = "id"};
    if (!mel_split_each(run->db, run->row.id, take_member, run, err)) return false;
    if (run->member_count && !mel_query(run->db, &query, take_lost_member, run, err)) return false;
    mel_graph_sort(&run->graph);
    for (size_t i = 0; i < run->member_count; i++) {
        SplitNode *node = mel_graph_find(&run->graph, run->members[i].id);
        MEL_ASSERT(node);
        node->side = run->members[i].side;
        node->old = true;
    }
    return true;
}

/* ---- limits per source and channel ----------------------------------------------------------- */

typedef struct Ranked {
    const char *of; /* source or channel */
    size_t node;
    bool old;
    uint64_t hash;
} Ranked;

/* Members first, then by hash: growth changes no earlier choice. */
static int by_rank(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    int order = strcmp(x->of, y->of);
    if (order) return order;
    if (x->old != y->old) return x->old ? -1 : 1;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

static void limit(SplitRun *run, bool by_channel, int64_t most)
{
    SplitGraph *graph = &run->graph;
    Ranked *ranked = mel_alloc((graph->count + 1) * sizeof *ranked);
    bool *left_out = mel_alloc(graph->count + 1);
    size_t count = 0, kept = 0;
    int64_t taken = 0;
    for (size_t i = 0; i < graph->count; i++) {
        const SplitNode *node = &graph->nodes[i];
        const char *of = by_channel ? node->channel : node->source;
        if (of)
            ranked[count++] = (Ranked){.of = of,
                                       .node = i,
                                       .old = node->old,
                                       .hash = mel_keyed_hash(run->policy.seed, node->id)};
    }
    if (count) qsort(ranked, count, sizeof *ranked, by_rank);
    for (size_t i = 0; i < count; i++) {
        if (!i || !mel_equal(ranked[i - 1].of, ranked[i].of)) taken = 0;
        if (taken++ >= most && !ranked[i].old) left_out[ranked[i].node] = true;
    }
    for (size_t i = 0; i < graph->count; i++)
        if (!left_out[i]) graph->nodes[kept++] = graph->nodes[i];
    run->report->capped += graph->count - kept;
    graph->count = kept;
    free(left_out);
    free(ranked);
}

/* ---- the plan -------------------------------------------------------------------------------- */

static bool published_for_evaluation(const SplitNode *node)
{
    return mel_equal(node->published, "eval") || mel_equal(node->published, "test");
}

/* New clips that were published for evaluation enter the plan as if they lay on a side already:
 * that of their group unless it is the first side, else the last one. What is tied to them follows.
 */
static void hold_out(SplitRun *run)
{
    SplitGraph *graph = &run->graph;
    int *side_of_group = mel_alloc((graph->count + 1) * sizeof *side_of_group);
    for (size_t i = 0; i < graph->count; i++) {
        const SplitNode *node = &graph->nodes[i];
        int *side = &side_of_group[node->group];
        if (node->old && node->side > *side) *side = node->side; /* the one that the plan keeps */
    }
    for (size_t i = 0; i < graph->count; i++) {
        SplitNode *node = &graph->nodes[i];
        if (!published_for_evaluation(node)) continue;
        int side = side_of_group[node->group];
        if (!node->old) node->side = side ? side : run->policy.sides.count - 1;
    }
    free(side_of_group);
}

static bool plan(SplitRun *run, Err *err)
{
    SplitGraph *graph = &run->graph;
    SplitReport planned;
    SplitOptions options = {.side_count = run->policy.sides.count, .seed = run->policy.seed};
    memcpy(options.fractions, run->policy.sides.fractions, sizeof options.fractions);
    SplitItem *items = mel_alloc((graph->count + 1) * sizeof *items);
    for (size_t i = 0; i < graph->count; i++)
        items[i] = (SplitItem){.key = graph->nodes[i].id,
                               .stratum = graph->nodes[i].stratum,
                               .group = graph->nodes[i].group,
                               .side = graph->nodes[i].side};
    bool ok = mel_split_plan(items, graph->count, &options, &planned, err);
    for (size_t i = 0; ok && i < graph->count; i++) {
        SplitNode *node = &graph->nodes[i];
        MEL_ASSERT(!node->old || items[i].side == node->side || items[i].side == SPLIT_DROPPED);
        node->side = items[i].side;
    }
    if (ok) run->worst_stratum_error = planned.worst_stratum_error;
    free(items);
    return ok;
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static void note_drop(SplitRun *run, const char *clip_id, const char *why)
{
    SplitRunReport *report = run->report;
    report->dropped =
        mel_realloc(report->dropped, (report->dropped_count + 1) * sizeof *report->dropped);
    report->dropped[report->dropped_count++] =
        (SplitDropped){.clip_id = mel_arena_strdup(&report->arena, clip_id),
                       .why = mel_arena_strdup(&report->arena, why)};
}

static bool drop(SplitRun *run, const SplitNode *node, const SplitNode *reason, Err *err)
{
    const char *why = reason ? mel_arena_printf(&run->arena, "tied to '%s' on side %s", reason->id,
                                                run->policy.sides.names[reason->side])
                             : "tied to clips of several sides";
    note_drop(run, node->id, why);
    return mel_split_drop(run->db, run->row.id, node->id, why, err);
}

static bool store(SplitRun *run, Err *err)
{
    SplitGraph *graph = &run->graph;
    size_t *stays = mel_alloc((graph->count + 1) * sizeof *stays); /* by group: 1 + a node */
    bool ok = true;
    for (size_t i = graph->count; i-- > 0;)
        if (graph->nodes[i].side >= 0) stays[graph->nodes[i].group] = i + 1;
    for (size_t i = 0; ok && i < graph->count; i++) {
        const SplitNode *node = &graph->nodes[i];
        const SplitMember member = {.clip_id = node->id,
                                    .side = node->side >= 0 ? run->policy.sides.names[node->side]
                                                            : NULL,
                                    .group_key = graph->nodes[node->group].id};
        size_t stay = stays[node->group];
        if (node->old && node->side == SPLIT_DROPPED)
            ok = drop(run, node, stay ? &graph->nodes[stay - 1] : NULL, err);
        else if (!node->old && node->side >= 0)
            ok = mel_split_assign(run->db, run->row.id, &member, err);
    }
    free(stays);
    return ok;
}

/* What the store holds now is what counts: clips that were dropped once stay so. */
static bool read_back(SplitRun *run, Err *err)
{
    SplitGraph *graph = &run->graph;
    run->member_count = 0;
    if (!mel_split_each(run->db, run->row.id, take_member, run, err)) return false;
    bool *there = mel_alloc(graph->count + 1);
    bool same = true;
    for (size_t i = 0; i < run->member_count; i++) {
        const SplitNode *node = mel_graph_find(graph, run->members[i].id);
        MEL_ASSERT(node);
        there[node - graph->nodes] = true;
        same = same && node->side == run->members[i].side;
    }
    for (size_t i = 0; i < graph->count; i++) {
        SplitNode *node = &graph->nodes[i];
        if (node->side < 0 || there[i]) continue;
        run->report->dropped_before++;
        node->side = SPLIT_DROPPED;
    }
    free(there);
    return same || mel_err(err, ERR_DB, "split '%s' was not stored as planned", run->row.name);
}

static bool hold_out_kept(const SplitRun *run, Err *err)
{
    for (size_t i = 0; run->policy.holdout_eval && i < run->graph.count; i++) {
        const SplitNode *node = &run->graph.nodes[i];
        if (node->side != 0 || !published_for_evaluation(node)) continue;
        return mel_err_reason(err, ERR_DENIED, "split.holdout",
                              "'%s' was published for evaluation and must not be on side %s",
                              node->id, run->policy.sides.names[0]);
    }
    return true;
}

static void fill_report(SplitRun *run)
{
    SplitRunReport *report = run->report;
    report->sides = run->policy.sides;
    for (int i = 0; i < report->sides.count; i++)
        report->sides.names[i] = mel_arena_strdup(&report->arena, report->sides.names[i]);
    report->worst_stratum_error = run->worst_stratum_error;
    for (size_t i = 0; run->policy.holdout_eval && i < run->graph.count; i++)
        report->held_out +=
            run->graph.nodes[i].side > 0 && published_for_evaluation(&run->graph.nodes[i]);
    mel_split_report_fill(report, &run->graph);
}

static bool work(SplitRun *run, Err *err)
{
    SplitGraph *graph = &run->graph;
    if (!open_split(run, err) || !load_candidates(run, err) || !load_members(run, err))
        return false;
    if (run->policy.per_source_max) limit(run, false, run->policy.per_source_max);
    if (run->policy.per_channel_max) limit(run, true, run->policy.per_channel_max);
    if (!graph->count) {
        mel_err(err, ERR_NOT_FOUND, "no triplet to split%s%s",
                *run->policy.condition ? " meets the condition " : "", run->policy.condition);
        return mel_err_hint(err, "a triplet is a ready clip with a settled text and a frame, kept "
                                 "out by no pass: see 'mel stats'");
    }
    if (!mel_graph_load_edges(graph, run->db, err)) return false;
    mel_graph_group(graph);
    if (run->policy.holdout_eval) hold_out(run);
    if (!plan(run, err) || !store(run, err) || !read_back(run, err)) return false;
    return mel_graph_prove(graph, run->policy.sides.names, err) && hold_out_kept(run, err);
}

bool mel_split_run(Db *db, const SplitRunOptions *options, SplitRunReport *report, Err *err)
{
    SplitRunReport made = {0};
    SplitRun run = {.db = db, .options = options, .report = &made};
    if (!mel_db_begin(db, err)) return false;
    bool ok = work(&run, err);
    if (ok) fill_report(&run);
    if (ok && options->dry_run)
        (void)!mel_db_end(db, false, err); /* undone on purpose */
    else
        ok = mel_db_end(db, ok, err);
    run_clear(&run);
    if (ok)
        *report = made;
    else
        mel_split_report_clear(&made);
    return ok;
}
