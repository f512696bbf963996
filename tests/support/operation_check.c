/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/operation_check.h"

#include "engine/graph_internal.h"
#include "engine/plan.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

enum { INPUTS_MAX = 8, PROBES = 9 };

typedef struct Given {
    Node *node;
    char name[16];
    float *numbers; /* NULL for ids */
    int32_t *ids;
    int64_t count;
} Given;

typedef struct Sink {
    SampleSink sink; /* first: what operations see of it */
    const OpDef *def;
    const OperationCheck *how;
    DType float_type;
    Graph *graph;
    Given given[INPUTS_MAX];
    int given_count;
    uint64_t stream;
    bool *seen; /* of the table: which operations ran */
    double worst;
} Sink;

static Given *add_given(Sink *sink, int64_t count)
{
    assert_true(sink->given_count < INPUTS_MAX);
    Given *given = &sink->given[sink->given_count];
    snprintf(given->name, sizeof given->name, "x%d", sink->given_count++);
    given->count = count;
    sink->stream++;
    return given;
}

static Graph *give_graph(SampleSink *base)
{
    Sink *sink = (Sink *)base;
    if (!sink->graph) sink->graph = mel_graph_new(sink->float_type);
    return sink->graph;
}

static void fill(float *numbers, int64_t count, uint64_t stream, double scale, double shift)
{
    Rng rng = {.seed = 7, .stream = stream};
    for (int64_t i = 0; i < count; i++) /* exact in bf16, so that every type starts alike */
        numbers[i] =
            mel_bf16_to_f32(mel_f32_to_bf16((float)(scale * mel_rng_normal(&rng) + shift)));
}

static Node *give_input(SampleSink *base, double scale, double shift, Shape shape)
{
    Sink *sink = (Sink *)base;
    Given *given = add_given(sink, mel_shape_count(&shape));
    given->numbers = mel_alloc((size_t)given->count * sizeof(float) + 1);
    given->ids = NULL;
    fill(given->numbers, given->count, sink->stream, scale, shift);
    given->node = mel_graph_input(give_graph(base), given->name, sink->float_type, shape);
    return given->node;
}

static Node *give_ids(SampleSink *base, int limit, Shape shape)
{
    Sink *sink = (Sink *)base;
    Given *given = add_given(sink, mel_shape_count(&shape));
    Rng rng = {.seed = 8, .stream = sink->stream};
    given->ids = mel_alloc((size_t)given->count * sizeof(int32_t) + 1);
    given->numbers = NULL;
    for (int64_t i = 0; i < given->count; i++)
        given->ids[i] = mel_rng_int(&rng, limit);
    given->node = mel_graph_input(give_graph(base), given->name, DTYPE_I32, shape);
    return given->node;
}

/* ---- running -------------------------------------------------------------------------------- */

/* The sample's value and its gradients: outputs "y", "d0", … of a loss that weighs every element.
 */
typedef struct Built {
    Shape shape, seed_shape;
    bool has_gradient[INPUTS_MAX];
} Built;

static Built build(Sink *sink, Node *value)
{
    Built built = {.shape = *mel_node_shape(value)};
    Node *wrt[INPUTS_MAX], *slopes[INPUTS_MAX];
    Node *seed = mel_graph_input(sink->graph, "seed", sink->float_type, built.shape);
    Node *loss = mel_op_sum_to(mel_op_mul(value, seed), (Shape){0});
    for (int i = 0; i < sink->given_count; i++)
        wrt[i] = sink->given[i].numbers ? sink->given[i].node : NULL;
    mel_graph_gradients(sink->graph, loss, wrt, sink->given_count, slopes);
    mel_graph_output(sink->graph, "y", value);
    mel_graph_output(sink->graph, "loss", loss);
    for (int i = 0; i < sink->given_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        built.has_gradient[i] = mel_graph_output(sink->graph, name, slopes[i]) != NULL;
    }
    return built;
}

static void write_inputs(Sink *sink, Plan *plan, const Built *built)
{
    Err err = {0};
    int64_t count = mel_shape_count(&built->shape);
    float *seed = mel_alloc((size_t)count * sizeof *seed + 1);
    fill(seed, count, 1000, 1, 0);
    CHECK_OK(mel_plan_write(plan, "seed", seed, &err));
    free(seed);
    for (int i = 0; i < sink->given_count; i++) {
        const Given *given = &sink->given[i];
        const void *data = given->numbers ? (const void *)given->numbers : given->ids;
        CHECK_OK(mel_plan_write(plan, given->name, data, &err));
    }
}

static Plan *plan_on(Sink *sink, Backend *backend, const char *what)
{
    Err err = {0};
    Plan *plan = NULL;
    if (!mel_plan_new(sink->graph, backend, NULL, &plan, &err))
        fail_msg("%s (%s) on %s: %s", sink->def->name, what, backend->name, err.message);
    return plan;
}

static double *read_all(Plan *plan, const char *name, int64_t *count)
{
    Err err = {0};
    *count = mel_shape_count(mel_plan_shape(plan, name));
    double *values = mel_alloc((size_t)*count * sizeof *values + 1);
    CHECK_OK(mel_plan_read_f64(plan, name, values, &err));
    return values;
}

static double distance(const double *a, const double *b, int64_t count)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return size > 0 ? sqrt(difference / size) : sqrt(difference);
}

static bool has_bf16(const Sink *sink)
{
    for (int i = 0; i < sink->graph->count; i++)
        if (sink->graph->nodes[i]->dtype == DTYPE_BF16) return true;
    return false;
}

static void compare(Sink *sink, Plan *fast, Plan *reference, const char *name, const char *what)
{
    int64_t count;
    double *a = read_all(fast, name, &count), *b = read_all(reference, name, &count);
    double far = distance(a, b, count), wanted = has_bf16(sink) ? 2e-2 : sink->how->tolerance;
    if (!(far <= wanted))
        fail_msg("%s (%s), %s: the fast code is %.2g away from the reference", sink->def->name,
                 what, name, far);
    if (far > sink->worst) sink->worst = far;
    free(a);
    free(b);
}

static double loss_of(Plan *plan)
{
    Err err = {0};
    double loss;
    CHECK_OK(mel_plan_run(plan, &err));
    CHECK_OK(mel_plan_read_f64(plan, "loss", &loss, &err));
    return loss;
}

/* The slope along one element, from both sides. */
static double probe(Sink *sink, Plan *plan, const Built *built, Given *given, int64_t at)
{
    float middle = given->numbers[at], high = middle + 0x1p-10F, low = middle - 0x1p-10F;
    given->numbers[at] = high;
    write_inputs(sink, plan, built);
    double above = loss_of(plan);
    given->numbers[at] = low;
    write_inputs(sink, plan, built);
    double below = loss_of(plan);
    given->numbers[at] = middle;
    return (above - below) / ((double)high - (double)low);
}

static void check_slopes(Sink *sink, Plan *plan, const Built *built, int input, const char *what)
{
    Given *given = &sink->given[input];
    char name[16];
    int64_t count;
    double found[PROBES], wanted[PROBES];
    snprintf(name, sizeof name, "d%d", input);
    double *slopes = read_all(plan, name, &count);
    int64_t probes = count < PROBES ? count : PROBES;
    for (int64_t i = 0; i < probes; i++) {
        int64_t at = i * (count - 1) / (probes > 1 ? probes - 1 : 1);
        wanted[i] = probe(sink, plan, built, given, at);
        found[i] = slopes[at];
    }
    free(slopes);
    if (distance(found, wanted, probes) > 1e-4)
        fail_msg("%s (%s): the gradient of input %d is %.2g away from finite differences",
                 sink->def->name, what, input, distance(found, wanted, probes));
}

static void forget(Sink *sink)
{
    for (int i = 0; i < sink->given_count; i++) {
        free(sink->given[i].numbers);
        free(sink->given[i].ids);
    }
    sink->given_count = 0;
    mel_graph_free(sink->graph);
    sink->graph = NULL;
}

static void note_seen(Sink *sink)
{
    for (int i = 0; i < sink->graph->count; i++)
        for (int k = 0; k < op_count; k++)
            if (sink->graph->nodes[i]->def == op_table[k]) sink->seen[k] = true;
}

static void check(SampleSink *base, const char *what, Node *value)
{
    Sink *sink = (Sink *)base;
    Err err = {0};
    if (!mel_graph_ok(sink->graph, &err))
        fail_msg("%s (%s): %s", sink->def->name, what, err.message);
    Built built = build(sink, value);
    Plan *reference = plan_on(sink, mel_backend_reference(), what);
    Plan *fast = plan_on(sink, sink->how->backend, what);
    write_inputs(sink, reference, &built);
    write_inputs(sink, fast, &built);
    CHECK_OK(mel_plan_run(reference, &err));
    CHECK_OK(mel_plan_run(fast, &err));
    compare(sink, fast, reference, "y", what);
    for (int i = 0; i < sink->given_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        if (built.has_gradient[i]) compare(sink, fast, reference, name, what);
    }
    for (int i = 0; i < sink->given_count && sink->how->slopes; i++) {
        if (!built.has_gradient[i]) continue;
        write_inputs(sink, reference, &built);
        CHECK_OK(mel_plan_run(reference, &err));
        check_slopes(sink, reference, &built, i, what);
    }
    note_seen(sink);
    mel_plan_free(fast);
    mel_plan_free(reference);
    forget(sink);
}

void check_operations(const OperationCheck *how)
{
    bool *seen = mel_alloc((size_t)op_count * sizeof *seen);
    for (int i = 0; i < op_count; i++) {
        Sink sink = {
            .sink = {give_input, give_ids, check, give_graph},
            .def = op_table[i],
            .how = how,
            .float_type = how->float_type,
            .seen = seen
        };
        bool asked = !how->only || mel_equal(how->only, op_table[i]->name);
        if (!op_table[i]->samples || !asked) continue;
        op_table[i]->samples(&sink.sink);
        printf("%-24s %.1e\n", op_table[i]->name, sink.worst);
    }
    for (int i = 0; i < op_count && !how->only; i++)
        if (!seen[i]) fail_msg("no sample runs '%s'", op_table[i]->name);
    free(seen);
}
