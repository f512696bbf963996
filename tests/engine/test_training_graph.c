/* SPDX-License-Identifier: Apache-2.0
 *
 * What training asks of graphs: variables that outlive a run, gradients that are told as they are
 * ready, and recomputation, which changes memory and no bit. */
#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/nets.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static const UnetConfig config = {
    .in_channels = 8,
    .out_channels = 8,
    .text_width = 24,
    .levels = 4,
    .widths = {16, 32, 32, 32},
    .heads = {2,  4,  4,  4 },
    .layers = 2,
    .groups = 4,
    .linear_projection = true
};

static bool all(void *ctx, const char *name)
{
    (void)ctx, (void)name;
    return true;
}

/* A UNet's loss and, of every parameter, the gradient into a variable "gradient of <name>". */
typedef struct Training {
    Graph *graph;
    Variables *variables;
    Plan *plan;
    int params;
} Training;

static void keep(void *ctx, int i, Node *gradient)
{
    Training *t = ctx;
    Node *param = mel_graph_variable_at(t->graph, i);
    char *name = mel_asprintf("gradient of %s", mel_node_name(param));
    Node *sum = mel_graph_variable(t->graph, name, *mel_node_shape(param));
    Node *size = mel_op_accumulate(sum, gradient, mel_graph_number(t->graph, 0));
    mel_graph_output(t->graph, name, size);
    free(name);
}

static void fill_variables(Training *t)
{
    Err err = {0};
    t->variables = mel_variables_new(mel_device());
    for (int i = 0; i < mel_graph_variable_count(t->graph); i++) {
        const Node *node = mel_graph_variable_at(t->graph, i);
        int64_t count = mel_shape_count(mel_node_shape(node));
        float *first = mel_alloc((size_t)count * sizeof *first + 1);
        Rng rng = {.seed = 5, .stream = (uint64_t)i};
        for (int64_t k = 0; k < count && i < t->params; k++)
            first[k] = (float)(0.2 * mel_rng_normal(&rng));
        CHECK_OK(mel_variables_add(t->variables, mel_node_name(node), *mel_node_shape(node), first,
                                   &err));
        free(first);
    }
}

static void write_normal(Plan *plan, const char *name, uint64_t seed)
{
    Err err = {0};
    int64_t count = mel_shape_count(mel_plan_shape(plan, name));
    float *values = mel_alloc((size_t)count * sizeof *values + 1);
    Rng rng = {.seed = seed};
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)mel_rng_normal(&rng);
    CHECK_OK(mel_plan_write(plan, name, values, &err));
    free(values);
}

static void run(Training *t)
{
    Err err = {0};
    const float times[] = {3, 700};
    write_normal(t->plan, "x", 1);
    write_normal(t->plan, "text", 2);
    CHECK_OK(mel_plan_write(t->plan, "timesteps", times, &err));
    CHECK_OK(mel_plan_run(t->plan, &err));
}

static Training open_training(DType float_type, bool recompute)
{
    Err err = {0};
    Training t = {.graph = mel_graph_new(float_type)};
    mel_graph_train(t.graph, all, NULL, "");
    mel_graph_recompute(t.graph, recompute);
    const UnetInputs in = {
        .x = mel_graph_input(t.graph, "x", float_type, SHAPE(2, 32, 16, 8)),
        .timesteps = mel_graph_input(t.graph, "timesteps", DTYPE_F32, SHAPE(2)),
        .text = mel_graph_input(t.graph, "text", float_type, SHAPE(2, 5, 24)),
    };
    Node *y = mel_net_unet(t.graph, &config, &in, NULL);
    Node *loss = mel_op_mean(mel_op_mul(y, y));
    t.params = mel_graph_variable_count(t.graph);
    Node **wrt = mel_alloc((size_t)t.params * sizeof(Node *));
    for (int i = 0; i < t.params; i++)
        wrt[i] = mel_graph_variable_at(t.graph, i);
    mel_graph_each_gradient(t.graph, loss, wrt, t.params, keep, &t);
    free(wrt);
    CHECK_OK(mel_graph_ok(t.graph, &err));
    fill_variables(&t);
    const Params params = {.variables = t.variables};
    CHECK_OK(mel_plan_new(t.graph, mel_device(), &params, &t.plan, &err));
    run(&t);
    return t;
}

static void close_training(Training *t)
{
    mel_plan_free(t->plan);
    mel_graph_free(t->graph);
    mel_variables_free(t->variables);
}

static float *read_variable(const Variables *variables, int i, int64_t *count)
{
    Err err = {0};
    *count = mel_shape_count(mel_variables_shape(variables, i));
    float *values = mel_alloc((size_t)*count * sizeof *values + 1);
    CHECK_OK(mel_variables_read(variables, i, values, &err));
    return values;
}

static void recomputation_cuts_memory_and_changes_no_bit(void **state)
{
    (void)state;
    static const DType types[] = {DTYPE_F32, DTYPE_BF16};
    for (size_t k = 0; k < MEL_COUNT(types); k++) {
        Training kept = open_training(types[k], false), again = open_training(types[k], true);
        int count = mel_variables_count(kept.variables);
        assert_int_equal(mel_variables_count(again.variables), count);
        assert_int_equal(count, 2 * kept.params);
        for (int i = kept.params; i < count; i++) {
            int64_t n, m;
            double size = 0;
            float *a = read_variable(kept.variables, i, &n);
            float *b = read_variable(again.variables, i, &m);
            assert_int_equal(n, m);
            assert_memory_equal(a, b, (size_t)n * sizeof *a);
            for (int64_t e = 0; e < n; e++)
                size += (double)a[e] * a[e];
            assert_true(size > 0);
            free(a);
            free(b);
        }
        int64_t all_bytes = mel_plan_memory(kept.plan).arena_bytes;
        int64_t some_bytes = mel_plan_memory(again.plan).arena_bytes;
        print_message("arena %.1f MB, with recomputation %.1f MB (%.1f times less)\n",
                      (double)all_bytes / 1e6, (double)some_bytes / 1e6,
                      (double)all_bytes / (double)some_bytes);
        assert_true(3 * some_bytes <= all_bytes);
        close_training(&kept);
        close_training(&again);
    }
}

static void variables_outlive_runs_and_are_shared_by_plans(void **state)
{
    (void)state;
    Err err = {0};
    float first[3] = {1, 2, 3}, got[3], sum;
    Variables *variables = mel_variables_new(mel_device());
    CHECK_OK(mel_variables_add(variables, "w", SHAPE(3), first, &err));
    assert_false(mel_variables_add(variables, "w", SHAPE(3), first, &err));
    mel_err_clear(&err);
    const Params params = {.variables = variables};
    Graph *adding = mel_graph_new(DTYPE_F32), *reading = mel_graph_new(DTYPE_F32);
    Node *w = mel_graph_variable(adding, "w", SHAPE(3));
    Node *x = mel_graph_input(adding, "x", DTYPE_F32, SHAPE(3));
    mel_graph_output(adding, "size", mel_op_accumulate(w, x, mel_graph_number(adding, 1)));
    mel_graph_output(reading, "sum",
                     mel_op_sum_to(mel_graph_variable(reading, "w", SHAPE(3)), (Shape){0}));
    Plan *adder, *reader;
    CHECK_OK(mel_plan_new(adding, mel_device(), &params, &adder, &err));
    CHECK_OK(mel_plan_new(reading, mel_device(), &params, &reader, &err));
    for (int i = 1; i <= 2; i++) {
        CHECK_OK(mel_plan_write(adder, "x", first, &err));
        CHECK_OK(mel_plan_run(adder, &err));
        CHECK_OK(mel_plan_run(reader, &err));
        CHECK_OK(mel_plan_read(reader, "sum", &sum, &err));
        assert_float_equal(sum, 6.0F * (float)(1 + i), 0);
    }
    CHECK_OK(mel_variables_read(variables, 0, got, &err));
    assert_float_equal(got[2], 9, 0);
    mel_plan_free(adder);
    mel_plan_free(reader);
    mel_graph_free(adding);
    mel_graph_free(reading);
    mel_variables_free(variables);
}

static bool is_w(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "w") == 0 || strcmp(name, "v") == 0;
}

/* Σ(w·x + v·detach(w)·x), with w asked for as fixed in the second term: dw is x, dv is w·x. */
static void what_is_detached_gets_no_gradient(void **state)
{
    (void)state;
    Err err = {0};
    const float w[] = {2, 3}, v[] = {5, 7}, numbers[] = {11, 13};
    float dw[2], dv[2];
    Variables *variables = mel_variables_new(mel_device());
    const Params params = {.variables = variables};
    Graph *graph = mel_graph_new(DTYPE_F32);
    mel_graph_train(graph, is_w, NULL, "");
    Node *x = mel_graph_input(graph, "x", DTYPE_F32, SHAPE(2)), *gradients[2];
    Node *term = mel_op_mul(mel_graph_param(graph, "w", SHAPE(2)), x);
    mel_graph_detach_params(graph, true);
    Node *fixed = mel_graph_param(graph, "w", SHAPE(2));
    mel_graph_detach_params(graph, false);
    Node *other = mel_op_mul(mel_op_mul(mel_graph_param(graph, "v", SHAPE(2)), fixed), x);
    Node *loss = mel_op_sum_to(mel_op_add(term, other), (Shape){0});
    Node *wrt[] = {mel_graph_variable_at(graph, 0), mel_graph_variable_at(graph, 1)};
    mel_graph_gradients(graph, loss, wrt, 2, gradients);
    mel_graph_output(graph, "dw", gradients[0]);
    mel_graph_output(graph, "dv", gradients[1]);
    Plan *plan;
    CHECK_OK(mel_variables_add(variables, "w", SHAPE(2), w, &err));
    CHECK_OK(mel_variables_add(variables, "v", SHAPE(2), v, &err));
    CHECK_OK(mel_plan_new(graph, mel_device(), &params, &plan, &err));
    CHECK_OK(mel_plan_write(plan, "x", numbers, &err));
    CHECK_OK(mel_plan_run(plan, &err));
    CHECK_OK(mel_plan_read(plan, "dw", dw, &err));
    CHECK_OK(mel_plan_read(plan, "dv", dv, &err));
    for (int i = 0; i < 2; i++) {
        assert_float_equal(dw[i], numbers[i], 0);
        assert_float_equal(dv[i], w[i] * numbers[i], 0);
    }
    mel_plan_free(plan);
    mel_graph_free(graph);
    mel_variables_free(variables);
}

static void a_missing_variable_is_named(void **state)
{
    (void)state;
    Err err = {0};
    Variables *variables = mel_variables_new(mel_device());
    CHECK_OK(mel_variables_add(variables, "w", SHAPE(3), NULL, &err));
    const Params params = {.variables = variables};
    Graph *graph = mel_graph_new(DTYPE_F32);
    mel_graph_output(graph, "y", mel_op_silu(mel_graph_variable(graph, "w", SHAPE(4))));
    Plan *plan;
    assert_false(mel_plan_new(graph, mel_device(), &params, &plan, &err));
    assert_non_null(strstr(err.message, "'w' of shape [4]"));
    mel_graph_free(graph);
    mel_variables_free(variables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recomputation_cuts_memory_and_changes_no_bit),
        cmocka_unit_test(variables_outlive_runs_and_are_shared_by_plans),
        cmocka_unit_test(what_is_detached_gets_no_gradient),
        cmocka_unit_test(a_missing_variable_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
