/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/split_policy.h"

#include <stdlib.h>
#include <string.h>

void mel_split_report_clear(SplitRunReport *report)
{
    free(report->dropped);
    free(report->strata);
    mel_arena_clear(&report->arena);
    *report = (SplitRunReport){0};
}

static int by_stratum(const void *a, const void *b)
{
    return strcmp(((const SplitStratum *)a)->name, ((const SplitStratum *)b)->name);
}

static void fill_strata(SplitRunReport *report, const SplitGraph *graph)
{
    SplitStratum *rows = mel_alloc((graph->count + 1) * sizeof *rows);
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < graph->count; i++) {
        const SplitNode *node = &graph->nodes[i];
        if (node->side < 0) continue;
        rows[count] = (SplitStratum){.name = node->stratum};
        rows[count++].counts[node->side] = 1;
    }
    if (count) qsort(rows, count, sizeof *rows, by_stratum);
    for (size_t i = 0; i < count; i++) {
        if (!kept || strcmp(rows[kept - 1].name, rows[i].name) != 0) {
            rows[kept++] = rows[i];
            continue;
        }
        for (int s = 0; s < SPLIT_SIDES_MAX; s++)
            rows[kept - 1].counts[s] += rows[i].counts[s];
    }
    for (size_t i = 0; i < kept; i++)
        rows[i].name = mel_arena_strdup(&report->arena, rows[i].name);
    report->strata = rows;
    report->stratum_count = kept;
}

/* The largest groups, by the index of their first node; ties by that index. */
static size_t largest_groups(const SplitGraph *graph, const size_t *sizes,
                             size_t largest[SPLIT_COMPONENTS_SHOWN])
{
    size_t count = 0;
    for (size_t i = 0; i < graph->count; i++) {
        if (sizes[i] < 2) continue;
        size_t at = count;
        while (at > 0 && sizes[largest[at - 1]] < sizes[i])
            at--;
        if (at == SPLIT_COMPONENTS_SHOWN) continue;
        if (count < SPLIT_COMPONENTS_SHOWN) count++;
        for (size_t k = count - 1; k > at; k--)
            largest[k] = largest[k - 1];
        largest[at] = i;
    }
    return count;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t count_distinct(const char **texts, size_t count)
{
    size_t distinct = 0;
    if (count) qsort(texts, count, sizeof *texts, by_text);
    for (size_t i = 0; i < count; i++)
        distinct += i == 0 || strcmp(texts[i - 1], texts[i]) != 0;
    return distinct;
}

static bool in_group(const SplitGraph *graph, size_t node, size_t group)
{
    return graph->nodes[node].side >= 0 && graph->nodes[node].group == group;
}

static SplitComponent describe(SplitRunReport *report, const SplitGraph *graph, size_t group)
{
    SplitComponent c = {0};
    const char **sources = mel_alloc(graph->count * sizeof *sources);
    const char **channels = mel_alloc(graph->count * sizeof *channels);
    for (size_t i = 0; i < graph->count; i++) {
        const SplitNode *node = &graph->nodes[i];
        if (!in_group(graph, i, group)) continue;
        if (c.clips < 3) c.examples[c.clips] = mel_arena_strdup(&report->arena, node->id);
        c.side = report->sides.names[node->side];
        sources[c.clips++] = node->source;
        if (node->channel) channels[c.channels++] = node->channel;
    }
    c.sources = count_distinct(sources, c.clips);
    c.channels = count_distinct(channels, c.channels);
    for (size_t i = 0; i < graph->edge_count; i++) {
        const SplitEdge *edge = &graph->edges[i];
        if (!in_group(graph, edge->a, group) || !in_group(graph, edge->b, group)) continue;
        c.audio_edges += edge->kind == EDGE_AUDIO;
        c.picture_edges += edge->kind == EDGE_PICTURE;
    }
    free(sources);
    free(channels);
    return c;
}

static void fill_components(SplitRunReport *report, const SplitGraph *graph)
{
    size_t largest[SPLIT_COMPONENTS_SHOWN] = {0};
    size_t *sizes = mel_alloc((graph->count + 1) * sizeof *sizes);
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].side >= 0) sizes[graph->nodes[i].group]++;
    for (size_t i = 0; i < graph->count; i++)
        report->groups += sizes[i] > 0;
    report->component_count = largest_groups(graph, sizes, largest);
    for (size_t i = 0; i < report->component_count; i++)
        report->components[i] = describe(report, graph, largest[i]);
    free(sizes);
}

void mel_split_report_fill(SplitRunReport *report, const SplitGraph *graph)
{
    for (size_t i = 0; i < graph->count; i++) {
        const SplitNode *node = &graph->nodes[i];
        if (node->side < 0) continue;
        report->counts[node->side]++;
        report->members++;
        report->added += !node->old;
    }
    report->texts_across = mel_graph_texts_across(graph);
    fill_strata(report, graph);
    fill_components(report, graph);
}
