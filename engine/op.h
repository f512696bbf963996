/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: what an operation is. One file in ops/ holds a family: its builders (declared
 * in ops.h), shape rules, references, gradients, fast CPU code and the samples that the generic
 * test runs. ops.def lists them: adding an operation is one file and one line. */
#ifndef MEL_ENGINE_OP_H
#define MEL_ENGINE_OP_H

#include "engine/graph.h"
#include "engine/ops.h"

enum { OP_INPUTS_MAX = 8 };

typedef struct OpDef OpDef;

struct Node {
    const OpDef *def;
    Graph *graph;
    int index; /* in the order of building, which is an order of execution */
    DType dtype;
    Shape shape;
    int in_count;
    Node *in[OP_INPUTS_MAX]; /* optional ones may be NULL */
    const void *attrs;       /* def->attrs_size bytes */
    const char *name;        /* of an input, parameter or output */
    const void *data;        /* of a constant, as the graph got it */
    bool constant;           /* depends on parameters and constants only */
    bool output;
};

/* One execution. Pointers are to the values' first elements; in[i] is NULL where the input is
 * absent or was packed by prepare. */
typedef struct Call {
    const Node *node;
    const void *in[OP_INPUTS_MAX];
    void *out;
    void *state;   /* what prepare made */
    void *scratch; /* scratch_bytes of it, aligned to 64 */
} Call;

/* What a backend may do once per plan: make primitives, pack weights. */
typedef struct Prepare {
    const Node *node;
    Tensor weights[OP_INPUTS_MAX]; /* data is set for inputs that are known and fixed now */
    bool packed[OP_INPUTS_MAX];    /* set for those that the state holds from now on */
    void *state;
    void (*free_state)(void *state);
    int64_t scratch_bytes;
} Prepare;

typedef struct SampleSink SampleSink;

struct OpDef {
    const char *name;
    size_t attrs_size;

    /* Checks the inputs and sets node->shape and node->dtype; the message need not name the
     * operation. */
    bool (*infer)(Node *node, Err *err);

    /* The specification, plain and slow: every float type is double, integers are int32_t. */
    void (*reference)(const Call *call);

    /* dx[i] = dy · d out / d in[i], built into the node's graph; left NULL for what has none. */
    void (*gradient)(const Node *node, Node *dy, Node **dx);

    /* The CPU's own: f32 or bf16 as the nodes say. prepare may be NULL. */
    bool (*cpu_prepare)(Prepare *prepare, Err *err);
    void (*cpu_run)(const Call *call);

    /* Builds small graphs of every variant, for the generic test. */
    void (*samples)(SampleSink *sink);

    bool view; /* the output is the first input's memory, from view_offset elements on */
    int64_t (*view_offset)(const Node *node);
    bool in_place; /* the output may be written over the first input when that dies */
};

/* A node of `def`; attrs is copied. NULL once the graph has failed or a needed input is NULL; the
 * first `needed` inputs are. */
Node *op_node(Graph *graph, const OpDef *def, const void *attrs, Node *const *in, int count,
              int needed);

/* Whether it is given, not computed. */
bool op_is_leaf(const Node *node);

/* Graph of a non-NULL node. */
static inline Graph *op_graph(const Node *node)
{
    return node ? node->graph : NULL;
}

/* What collects an operation's samples: the generic test. */
struct SampleSink {
    Node *(*input)(SampleSink *sink, double scale, double shift, Shape shape);
    Node *(*ids)(SampleSink *sink, int limit, Shape shape);
    void (*check)(SampleSink *sink, const char *what, Node *value);
    Graph *(*graph)(SampleSink *sink);
};

/* An input of reproducible normal numbers times scale plus shift. */
static inline Node *sample_input(SampleSink *sink, double scale, double shift, Shape shape)
{
    return sink->input(sink, scale, shift, shape);
}

/* An input of whole numbers from 0 to below limit. */
static inline Node *sample_ids(SampleSink *sink, int limit, Shape shape)
{
    return sink->ids(sink, limit, shape);
}

/* The value that is compared; the next sample starts a new graph. */
static inline void sample_check(SampleSink *sink, const char *what, Node *value)
{
    sink->check(sink, what, value);
}

static inline Graph *sample_graph(SampleSink *sink)
{
    return sink->graph(sink);
}

/* The table, in the order of ops.def. */
extern const OpDef *const op_table[];
extern const int op_count;
extern const OpDef op_input, op_param, op_constant, op_variable; /* leaves: not in the table */

#define OP(name) extern const OpDef op_##name;
#include "engine/ops.def"
#undef OP

#endif
