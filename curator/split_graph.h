/* SPDX-License-Identifier: Apache-2.0
 *
 * What ties clips together so that they must not be parted by a split: the same source, the same
 * channel, a near-duplicate edge of sound or picture. Equal texts are known here, but tie nothing.
 * Between split.c and the exports. */
#ifndef MEL_CURATOR_SPLIT_GRAPH_H
#define MEL_CURATOR_SPLIT_GRAPH_H

#include "db/db.h"

#include "curator/fingerprint.h"

typedef struct SplitNode {
    const char *id, *source; /* texts live in the graph's arena */
    const char *channel;     /* NULL = not known: ties nothing */
    const char *published;   /* the publisher's split; NULL = none */
    const char *stratum;
    int side;     /* index of the side, SPLIT_NEW or SPLIT_DROPPED */
    bool old;     /* a member already */
    size_t group; /* set by mel_graph_group: the smallest node of the component */
} SplitNode;

typedef enum EdgeKind { EDGE_AUDIO, EDGE_PICTURE, EDGE_TEXT, EDGE_KINDS } EdgeKind;

typedef struct SplitEdge {
    size_t a, b; /* nodes */
    EdgeKind kind;
    double score;
} SplitEdge;

/* Start with {0}. */
typedef struct SplitGraph {
    Arena arena;
    SplitNode *nodes;
    size_t count, capacity;
    SplitEdge *edges;
    size_t edge_count, edge_capacity;
} SplitGraph;

void mel_graph_clear(SplitGraph *graph);

/* A new node for the row of `clips` or `triplets` (id, source, channel, published_split). */
SplitNode *mel_graph_add(SplitGraph *graph, const ViewRow *row);

/* Call when all nodes are there: sorts them by id, so that mel_graph_find works. */
void mel_graph_sort(SplitGraph *graph);
SplitNode *mel_graph_find(const SplitGraph *graph, const char *id); /* NULL when absent */

/* Takes the store's edges (those that count) between two nodes of the graph. */
MEL_MUST_CHECK bool mel_graph_load_edges(SplitGraph *graph, Db *db, Err *err);

/* Finds the components. */
void mel_graph_group(SplitGraph *graph);

/* True when no source, no channel and no edge has ends on two sides, shown directly, without
 * groups; then by mel_split_prove over the groups. Nodes that are new or dropped count for nothing.
 * ERR_DENIED with reason "split.leak" names the two clips, their sides and what ties them. */
MEL_MUST_CHECK bool mel_graph_prove(const SplitGraph *graph, const char *const *sides, Err *err);

/* Pairs of equal texts on two sides: to be reported, nothing more. */
size_t mel_graph_texts_across(const SplitGraph *graph);

const char *mel_edge_kind_name(EdgeKind kind); /* as the store writes it */

#endif
