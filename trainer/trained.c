/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/trained.h"

#include <stdlib.h>

static const char *const group_names[GROUPS] = {"all weights", "all alphas", "all statistics"};
static const char *const kind_names[KINDS] = {"", "gradient of ", "first moment of ",
                                              "second moment of ", "average of "};

/* A bucket is an eighth of all numbers, but neither less than 16 KiB nor more than 16 MiB: smaller
 * ones would wait more than they send, larger ones begin late. */
enum { BUCKETS = 8, BUCKET_LEAST = 4096, BUCKET_MOST = 4 << 20 };

/* How many gradients are complete at a milestone. */
typedef struct BucketEnd {
    int complete, milestone;
} BucketEnd;

struct Trained {
    Graph *graph;
    Variables *variables;
    bool ranks;
    int count;
    TrainedGroup *groups;
    int *sequence; /* in which gradients are complete, then what has none */
    int complete;  /* how many have one by now */
    BucketEnd *ends;
    int end_count;
    int64_t bucket_size, bucket_filled; /* numbers */
    int flat[KINDS][GROUPS];            /* variables' numbers; -1 for none */
};

const char *trained_kind_name(TrainedKind kind)
{
    return kind_names[kind];
}

const char *trained_name(char text[TRAINED_NAME_SIZE], TrainedKind kind, const char *name)
{
    snprintf(text, TRAINED_NAME_SIZE, "%s%s", kind_names[kind], name);
    return text;
}

const char *trained_group_name(TrainedGroup group)
{
    return group_names[group];
}

Trained *trained_new(Graph *graph, Variables *variables, bool ranks)
{
    Trained *t = mel_alloc(sizeof *t);
    *t = (Trained){.graph = graph,
                   .variables = variables,
                   .ranks = ranks,
                   .count = mel_graph_variable_count(graph)};
    const size_t count = (size_t)t->count;
    int64_t numbers = 0;
    t->groups = mel_alloc(count * sizeof *t->groups + 1);
    t->sequence = mel_alloc(count * sizeof *t->sequence + 1);
    t->ends = mel_alloc((count + 1) * sizeof *t->ends);
    for (int i = 0; i < t->count; i++) {
        t->groups[i] = GROUP_STATISTICS;
        numbers += mel_shape_count(mel_node_shape(trained_param(t, i)));
    }
    t->bucket_size = numbers / BUCKETS;
    if (t->bucket_size < BUCKET_LEAST) t->bucket_size = BUCKET_LEAST;
    if (t->bucket_size > BUCKET_MOST) t->bucket_size = BUCKET_MOST;
    return t;
}

void trained_free(Trained *t)
{
    if (!t) return;
    free(t->groups);
    free(t->sequence);
    free(t->ends);
    free(t);
}

int trained_count(const Trained *t)
{
    return t->count;
}

Node *trained_param(const Trained *t, int i)
{
    return mel_graph_variable_at(t->graph, i);
}

/* ---- gradients ------------------------------------------------------------------------------ */

Node *trained_gradient(const Trained *t, int i)
{
    char name[TRAINED_NAME_SIZE];
    const Node *param = trained_param(t, i);
    trained_name(name, KIND_GRADIENT, mel_node_name(param));
    return mel_graph_variable(t->graph, name, *mel_node_shape(param));
}

static void end_bucket(Trained *t)
{
    if (!t->ranks || !t->bucket_filled) return;
    t->ends[t->end_count++] =
        (BucketEnd){.complete = t->complete, .milestone = mel_graph_milestone(t->graph)};
    t->bucket_filled = 0;
}

void trained_complete(Trained *t, int i)
{
    const Node *param = trained_param(t, i);
    t->groups[i] = mel_synapse_is_alpha(mel_node_name(param)) ? GROUP_ALPHAS : GROUP_WEIGHTS;
    t->sequence[t->complete++] = i;
    t->bucket_filled += mel_shape_count(mel_node_shape(param));
    if (t->bucket_filled >= t->bucket_size) end_bucket(t);
}

void trained_completed(Trained *t)
{
    end_bucket(t);
    for (int i = 0, at = t->complete; i < t->count; i++)
        if (t->groups[i] == GROUP_STATISTICS) t->sequence[at++] = i;
}

/* ---- flat variables ------------------------------------------------------------------------- */

static bool add_flat(Trained *t, TrainedKind kind, TrainedGroup group, Err *err)
{
    char name[TRAINED_NAME_SIZE];
    int count = 0;
    Arena arena = {0};
    FlatMember *members = mel_arena_alloc(&arena, (size_t)t->count * sizeof *members + 1);
    for (int k = 0; k < t->count; k++) {
        const Node *param = trained_param(t, t->sequence[k]);
        if (t->groups[t->sequence[k]] != group) continue;
        trained_name(name, kind, mel_node_name(param));
        members[count++] =
            (FlatMember){.name = mel_arena_strdup(&arena, name), .shape = *mel_node_shape(param)};
    }
    trained_name(name, kind, group_names[group]);
    bool ok = count == 0 || mel_variables_add_flat(t->variables, name, members, count, err);
    t->flat[kind][group] = ok ? mel_variables_find(t->variables, name) : -1;
    mel_arena_clear(&arena);
    return ok;
}

bool trained_add_variables(Trained *t, bool averages, Err *err)
{
    bool ok = true;
    for (TrainedKind kind = 0; kind < KINDS; kind++)
        for (TrainedGroup group = 0; group < GROUPS && ok; group++) {
            t->flat[kind][group] = -1;
            if (kind != KIND_AVERAGE || averages) ok = add_flat(t, kind, group, err);
        }
    return ok;
}

bool trained_write(Trained *t, int i, const float *first, Err *err)
{
    static const TrainedKind kinds[] = {KIND_VALUE, KIND_AVERAGE};
    char name[TRAINED_NAME_SIZE];
    bool ok = true;
    for (size_t k = 0; k < MEL_COUNT(kinds) && ok; k++) {
        trained_name(name, kinds[k], mel_node_name(trained_param(t, i)));
        int which = mel_variables_find(t->variables, name);
        ok = which < 0 || mel_variables_write(t->variables, which, first, err);
    }
    return ok;
}

bool trained_has(const Trained *t, TrainedKind kind, TrainedGroup group)
{
    return t->flat[kind][group] >= 0;
}

VariableSpan trained_flat(const Trained *t, TrainedKind kind, TrainedGroup group)
{
    MEL_ASSERT(trained_has(t, kind, group));
    return mel_variables_whole(t->variables, t->flat[kind][group]);
}

Node *trained_flat_node(const Trained *t, Graph *graph, TrainedKind kind, TrainedGroup group)
{
    const int i = trained_flat(t, kind, group).variable;
    return mel_graph_variable(graph, mel_variables_name(t->variables, i),
                              *mel_variables_shape(t->variables, i));
}

/* ---- buckets -------------------------------------------------------------------------------- */

/* Which number of the weights' flat gradient the first is that is not complete there. */
static int64_t weights_complete(const Trained *t, const BucketEnd *end)
{
    char name[TRAINED_NAME_SIZE];
    for (int k = end->complete; k < t->complete; k++) {
        int i = t->sequence[k];
        if (t->groups[i] != GROUP_WEIGHTS) continue;
        trained_name(name, KIND_GRADIENT, mel_node_name(trained_param(t, i)));
        return mel_variables_begin(t->variables, mel_variables_find(t->variables, name));
    }
    return trained_flat(t, KIND_GRADIENT, GROUP_WEIGHTS).count;
}

/* The weights' by the ends of the buckets; behind them the few alphas at once. */
int trained_buckets(const Trained *t, GradientBucket **out)
{
    GradientBucket *buckets = *out = mel_alloc(((size_t)t->end_count + 1) * sizeof *buckets);
    int64_t begin = 0;
    int count = 0;
    for (int k = 0; k < t->end_count && trained_has(t, KIND_GRADIENT, GROUP_WEIGHTS); k++) {
        VariableSpan span = trained_flat(t, KIND_GRADIENT, GROUP_WEIGHTS);
        span.begin = begin;
        begin = weights_complete(t, &t->ends[k]);
        span.count = begin - span.begin;
        if (span.count)
            buckets[count++] = (GradientBucket){.span = span, .milestone = t->ends[k].milestone};
    }
    if (trained_has(t, KIND_GRADIENT, GROUP_ALPHAS))
        buckets[count++] = (GradientBucket){.span = trained_flat(t, KIND_GRADIENT, GROUP_ALPHAS),
                                            .milestone = t->ends[t->end_count - 1].milestone};
    return count;
}
