/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/split_graph.h"

#include "curator/split_plan.h"

#include <stdlib.h>
#include <string.h>

void mel_graph_clear(SplitGraph *graph)
{
    free(graph->nodes);
    free(graph->edges);
    mel_arena_clear(&graph->arena);
    *graph = (SplitGraph){0};
}

SplitNode *mel_graph_add(SplitGraph *graph, const ViewRow *row)
{
    const char *channel = mel_row_text(row, "channel", NULL);
    mel_grow(&graph->nodes, &graph->capacity, graph->count + 1, sizeof *graph->nodes);
    SplitNode *node = &graph->nodes[graph->count++];
    *node = (SplitNode){
        .id = mel_arena_strdup(&graph->arena, mel_row_text(row, "id", "")),
        .source = mel_arena_strdup(&graph->arena, mel_row_text(row, "source", "")),
        .channel = channel && *channel ? mel_arena_strdup(&graph->arena, channel) : NULL,
        .published = mel_arena_strdup(&graph->arena, mel_row_text(row, "published_split", NULL)),
        .stratum = "",
        .side = SPLIT_NEW,
    };
    return node;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const SplitNode *)a)->id, ((const SplitNode *)b)->id);
}

void mel_graph_sort(SplitGraph *graph)
{
    if (graph->count) qsort(graph->nodes, graph->count, sizeof *graph->nodes, by_id);
}

SplitNode *mel_graph_find(const SplitGraph *graph, const char *id)
{
    const SplitNode key = {.id = id};
    if (!graph->count) return NULL;
    return bsearch(&key, graph->nodes, graph->count, sizeof key, by_id);
}

const char *mel_edge_kind_name(EdgeKind kind)
{
    static const char *const names[EDGE_KINDS] = {"audio", "picture", "text"};
    return names[kind];
}

static bool take_edge(void *ctx, const DuplicateRow *row, Err *err)
{
    (void)err;
    SplitGraph *graph = ctx;
    const SplitNode *a = mel_graph_find(graph, row->clip_a);
    const SplitNode *b = mel_graph_find(graph, row->clip_b);
    if (!a || !b) return true;
    EdgeKind kind = EDGE_AUDIO;
    while (kind < EDGE_KINDS && !mel_equal(row->kind, mel_edge_kind_name(kind)))
        kind++;
    if (kind == EDGE_KINDS) return true;
    mel_grow(&graph->edges, &graph->edge_capacity, graph->edge_count + 1, sizeof *graph->edges);
    graph->edges[graph->edge_count++] = (SplitEdge){.a = (size_t)(a - graph->nodes),
                                                    .b = (size_t)(b - graph->nodes),
                                                    .kind = kind,
                                                    .score = row->score};
    return true;
}

bool mel_graph_load_edges(SplitGraph *graph, Db *db, Err *err)
{
    graph->edge_count = 0;
    return mel_duplicate_each(db, take_edge, graph, err);
}

/* ---- sources and channels: neighbours in an order by them ------------------------------------ */

static int by_source(const void *a, const void *b)
{
    const SplitNode *x = *(SplitNode *const *)a, *y = *(SplitNode *const *)b;
    int order = strcmp(x->source, y->source);
    return order ? order : strcmp(x->id, y->id);
}

static int by_channel(const void *a, const void *b)
{
    const SplitNode *x = *(SplitNode *const *)a, *y = *(SplitNode *const *)b;
    int order = strcmp(x->channel ? x->channel : "", y->channel ? y->channel : "");
    return order ? order : strcmp(x->id, y->id);
}

static SplitNode **sorted_nodes(const SplitGraph *graph, int (*compare)(const void *, const void *))
{
    SplitNode **order = mel_alloc((graph->count + 1) * sizeof *order);
    for (size_t i = 0; i < graph->count; i++)
        order[i] = &graph->nodes[i];
    if (graph->count) qsort(order, graph->count, sizeof *order, compare);
    return order;
}

static bool same_channel(const SplitNode *a, const SplitNode *b)
{
    return a->channel && b->channel && mel_equal(a->channel, b->channel);
}

void mel_graph_group(SplitGraph *graph)
{
    Groups groups;
    mel_groups_init(&groups, graph->count);
    SplitNode **order = sorted_nodes(graph, by_source);
    for (size_t i = 1; i < graph->count; i++)
        if (mel_equal(order[i - 1]->source, order[i]->source))
            mel_groups_join(&groups, (size_t)(order[i - 1] - graph->nodes),
                            (size_t)(order[i] - graph->nodes));
    free(order);
    order = sorted_nodes(graph, by_channel);
    for (size_t i = 1; i < graph->count; i++)
        if (same_channel(order[i - 1], order[i]))
            mel_groups_join(&groups, (size_t)(order[i - 1] - graph->nodes),
                            (size_t)(order[i] - graph->nodes));
    free(order);
    for (size_t i = 0; i < graph->edge_count; i++)
        if (graph->edges[i].kind != EDGE_TEXT)
            mel_groups_join(&groups, graph->edges[i].a, graph->edges[i].b);
    for (size_t i = 0; i < graph->count; i++)
        graph->nodes[i].group = mel_groups_find(&groups, i);
    mel_groups_clear(&groups);
}

/* ---- the proof ------------------------------------------------------------------------------- */

static bool counts(const SplitNode *node)
{
    return node->side >= 0;
}

static bool leak(const SplitNode *a, const SplitNode *b, const char *const *sides, const char *tie,
                 Err *err)
{
    mel_err_reason(err, ERR_DENIED, "split.leak",
                   "the split leaks: '%s' (%s) and '%s' (%s) have the same %s", a->id,
                   sides[a->side], b->id, sides[b->side], tie);
    return mel_err_hint(err, "run 'mel split' with the same name again: it drops the %s side",
                        sides[0]);
}

static bool prove_ties(const SplitGraph *graph, int (*compare)(const void *, const void *),
                       bool (*tied)(const SplitNode *, const SplitNode *), const char *const *sides,
                       const char *tie, Err *err)
{
    SplitNode **order = sorted_nodes(graph, compare);
    const SplitNode *last = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < graph->count; i++) {
        if (!counts(order[i])) continue;
        if (last && tied(last, order[i]) && last->side != order[i]->side)
            ok = leak(last, order[i], sides, tie, err);
        last = order[i];
    }
    free(order);
    return ok;
}

static bool same_source(const SplitNode *a, const SplitNode *b)
{
    return mel_equal(a->source, b->source);
}

static bool prove_edges(const SplitGraph *graph, const char *const *sides, Err *err)
{
    static const char *const ties[] = {"sound", "picture"};
    for (size_t i = 0; i < graph->edge_count; i++) {
        const SplitEdge *edge = &graph->edges[i];
        const SplitNode *a = &graph->nodes[edge->a], *b = &graph->nodes[edge->b];
        if (edge->kind == EDGE_TEXT || !counts(a) || !counts(b) || a->side == b->side) continue;
        return leak(a, b, sides, ties[edge->kind], err);
    }
    return true;
}

static bool prove_groups(const SplitGraph *graph, Err *err)
{
    SplitItem *items = mel_alloc((graph->count + 1) * sizeof *items);
    size_t count = 0;
    for (size_t i = 0; i < graph->count; i++) {
        const SplitNode *node = &graph->nodes[i];
        if (!counts(node)) continue;
        items[count++] = (SplitItem){
            .key = node->id, .stratum = node->stratum, .group = node->group, .side = node->side};
    }
    bool ok = mel_split_prove(items, count, err);
    free(items);
    return ok;
}

bool mel_graph_prove(const SplitGraph *graph, const char *const *sides, Err *err)
{
    return prove_ties(graph, by_source, same_source, sides, "source", err) &&
           prove_ties(graph, by_channel, same_channel, sides, "channel", err) &&
           prove_edges(graph, sides, err) && prove_groups(graph, err);
}

size_t mel_graph_texts_across(const SplitGraph *graph)
{
    size_t across = 0;
    for (size_t i = 0; i < graph->edge_count; i++) {
        const SplitNode *a = &graph->nodes[graph->edges[i].a];
        const SplitNode *b = &graph->nodes[graph->edges[i].b];
        across += graph->edges[i].kind == EDGE_TEXT && counts(a) && counts(b) && a->side != b->side;
    }
    return across;
}
