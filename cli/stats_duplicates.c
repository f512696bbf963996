/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups of near-duplicates: the connected components of the edges by sound and picture, which is
 * what a split keeps together. Equal texts tie nothing; they are counted. */
#include "cli/stats_collect.h"

#include <stdlib.h>
#include <string.h>

typedef struct Edge {
    char *a, *b;
    bool audio; /* else picture */
} Edge;

typedef struct Edges {
    Edge *items;
    size_t count, capacity;
    int64_t text_pairs;
} Edges;

static bool take_edge(void *ctx, const DuplicateRow *row, Err *err)
{
    (void)err;
    Edges *edges = ctx;
    if (mel_equal(row->kind, "text")) {
        edges->text_pairs++;
        return true;
    }
    mel_grow(&edges->items, &edges->capacity, edges->count + 1, sizeof *edges->items);
    edges->items[edges->count++] =
        (Edge){mel_strdup(row->clip_a), mel_strdup(row->clip_b), mel_equal(row->kind, "audio")};
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The distinct clips of the edges, sorted; borrowed from them. */
static char **clips_of(const Edges *edges, size_t *count_out)
{
    char **clips = mel_alloc((2 * edges->count + 1) * sizeof *clips);
    size_t kept = 0;
    for (size_t i = 0; i < edges->count; i++) {
        clips[2 * i] = edges->items[i].a;
        clips[2 * i + 1] = edges->items[i].b;
    }
    if (edges->count) qsort(clips, 2 * edges->count, sizeof *clips, compare_texts);
    for (size_t i = 0; i < 2 * edges->count; i++)
        if (kept == 0 || strcmp(clips[kept - 1], clips[i]) != 0) clips[kept++] = clips[i];
    *count_out = kept;
    return clips;
}

static size_t index_of(char *const *clips, size_t count, const char *clip)
{
    char *const *found = bsearch(&clip, clips, count, sizeof *clips, compare_texts);
    MEL_ASSERT(found);
    return (size_t)(found - clips);
}

static int compare_groups(const void *a, const void *b)
{
    const DuplicateGroup *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return strcmp(x->sample[0], y->sample[0]);
}

static void make_groups(Stats *stats, const Edges *edges, char *const *clips, size_t count)
{
    Groups groups;
    mel_groups_init(&groups, count);
    for (size_t i = 0; i < edges->count; i++)
        mel_groups_join(&groups, index_of(clips, count, edges->items[i].a),
                        index_of(clips, count, edges->items[i].b));
    size_t *slots = mel_alloc((count + 1) * sizeof *slots);
    stats->groups = mel_alloc((count + 1) * sizeof *stats->groups);
    for (size_t i = 0; i < count; i++) {
        size_t root = mel_groups_find(&groups, i);
        if (root == i) slots[i] = stats->group_count++; /* a root comes before its members */
        DuplicateGroup *group = &stats->groups[slots[root]];
        if (group->size < 4) group->sample[group->size] = mel_strdup(clips[i]);
        group->size++;
    }
    for (size_t i = 0; i < edges->count; i++) {
        size_t root = mel_groups_find(&groups, index_of(clips, count, edges->items[i].a));
        stats->groups[slots[root]].audio_edges += edges->items[i].audio;
        stats->groups[slots[root]].picture_edges += !edges->items[i].audio;
    }
    if (stats->group_count)
        qsort(stats->groups, stats->group_count, sizeof *stats->groups, compare_groups);
    stats->grouped_clips = (int64_t)count;
    stats->text_pairs = edges->text_pairs;
    free(slots);
    mel_groups_clear(&groups);
}

bool cli_stats_duplicates(Db *db, Stats *stats, Err *err)
{
    Edges edges = {0};
    bool ok = mel_duplicate_each(db, take_edge, &edges, err);
    if (ok) {
        size_t count;
        char **clips = clips_of(&edges, &count);
        make_groups(stats, &edges, clips, count);
        free(clips);
    }
    for (size_t i = 0; i < edges.count; i++) {
        free(edges.items[i].a);
        free(edges.items[i].b);
    }
    free(edges.items);
    return ok;
}
