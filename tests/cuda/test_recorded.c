/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run keeps for the next one: the first run is plain, the second is recorded, the third is
 * that recording played back; each is given other numbers. */
#include "engine/device.h"
#include "engine/graph.h"
#include "engine/ops.h"
#include "engine/plan.h"
#include "tests/support/test.h"

enum { ROWS = 6, IN = 16, OUT = 8, TAPS = 9, RUNS = 3 };

/* Layers and a convolution in bf16 with weights and biases in f32; one bias is an input. */
static Graph *layers(void)
{
    static float weights[OUT * IN * TAPS], bias[OUT];
    for (int i = 0; i < OUT * IN * TAPS; i++)
        weights[i] = (float)(i * 7919 % 64 - 32) / 64.0F;
    for (int i = 0; i < OUT; i++)
        bias[i] = (float)(i - 3);
    Graph *graph = mel_graph_new(DTYPE_BF16);
    Node *x = mel_graph_input(graph, "x", DTYPE_BF16, SHAPE(1, ROWS, ROWS, IN));
    Node *b = mel_graph_constant(graph, DTYPE_F32, SHAPE(OUT), bias);
    Node *w = mel_graph_constant(graph, DTYPE_F32, SHAPE(OUT, IN), weights);
    Node *kernel = mel_graph_constant(graph, DTYPE_F32, SHAPE(OUT, IN, 3, 3), weights);
    mel_graph_output(graph, "linear", mel_op_linear(x, w, b));
    Node *moving = mel_graph_input(graph, "bias", DTYPE_F32, SHAPE(OUT));
    mel_graph_output(graph, "moving", mel_op_linear(x, w, moving));
    mel_graph_output(graph, "conv", mel_op_conv(x, kernel, b, NULL));
    return graph;
}

static Plan *plan_of(Graph *graph, Backend *backend)
{
    Err err = {0};
    Plan *plan = NULL;
    CHECK_OK(mel_plan_new(graph, backend, NULL, &plan, &err));
    return plan;
}

static void give(Plan *plan, int run)
{
    Err err = {0};
    float x[ROWS * ROWS * IN], bias[OUT];
    for (int i = 0; i < ROWS * ROWS * IN; i++)
        x[i] = (float)((i + run) * 31 % 17 - 8) / 8.0F;
    for (int i = 0; i < OUT; i++)
        bias[i] = (float)(i * run);
    CHECK_OK(mel_plan_write(plan, "x", x, &err));
    CHECK_OK(mel_plan_write(plan, "bias", bias, &err));
    CHECK_OK(mel_plan_run(plan, &err));
}

static void compare(Plan *plan, Plan *reference, const char *output)
{
    Err err = {0};
    float got[ROWS * ROWS * OUT], wanted[ROWS * ROWS * OUT];
    const int64_t count = mel_shape_count(mel_plan_shape(plan, output));
    CHECK_OK(mel_plan_read(plan, output, got, &err));
    CHECK_OK(mel_plan_read(reference, output, wanted, &err));
    for (int64_t i = 0; i < count; i++)
        CHECK_NEAR(got[i], wanted[i], 0.02 * (fabs(wanted[i]) + 1));
}

static void every_run_uses_the_same_weights_and_biases(void **state)
{
    (void)state;
    Err err = {0};
    Backend *backend = mel_backend_cuda(0, &err);
    if (!backend) fail_msg("%s", err.message);
    Graph *graph = layers();
    Plan *plan = plan_of(graph, backend), *reference = plan_of(graph, mel_backend_reference());
    for (int run = 0; run < RUNS; run++) {
        give(plan, run);
        give(reference, run);
        compare(plan, reference, "linear");
        compare(plan, reference, "moving");
        compare(plan, reference, "conv");
    }
    mel_plan_free(plan);
    mel_plan_free(reference);
    mel_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_run_uses_the_same_weights_and_biases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
