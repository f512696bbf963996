/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers that go from plan to plan on this program's device, beside the way through the host. */
#include "engine/device_array.h"

#include "engine/device.h"
#include "engine/graph.h"
#include "engine/ops.h"
#include "tests/support/test.h"

enum { FROM = 12, INTO = 40, TAKEN = 9, AT = 3, BEGIN = 5, RUNS = 3 };

/* x [FROM] → "sum", which is not x: bf16 has to round it. */
static Graph *first_graph(DType type)
{
    Graph *graph = mel_graph_new(type);
    Node *x = mel_graph_input(graph, "x", type, SHAPE(FROM));
    mel_graph_output(graph, "sum", mel_op_add(x, mel_op_mul(x, x)));
    return graph;
}

static Graph *second_graph(DType type)
{
    Graph *graph = mel_graph_new(type);
    Node *x = mel_graph_input(graph, "x", type, SHAPE(INTO));
    mel_graph_output(graph, "twice", mel_op_add(x, x));
    return graph;
}

static Plan *plan_of(Graph *graph)
{
    Err err = {0};
    Plan *plan;
    CHECK_OK(mel_plan_new(graph, mel_device(), NULL, &plan, &err));
    return plan;
}

static void run_first(Plan *plan, int run)
{
    Err err = {0};
    float x[FROM];
    for (int i = 0; i < FROM; i++)
        x[i] = (float)(i + 1) / (float)(run + 3);
    CHECK_OK(mel_plan_write(plan, "x", x, &err));
    CHECK_OK(mel_plan_run(plan, &err));
}

/* RUNS runs of the first plan, TAKEN numbers of each into the array from number AT on, one run's
 * behind another's; and the same by way of the host. */
static DeviceArray *fill(DType type, float host[RUNS][FROM])
{
    Err err = {0};
    DeviceArray *array;
    Graph *graph = first_graph(type);
    Plan *plan = plan_of(graph);
    CHECK_OK(device_array_new(mel_device(), type, AT + RUNS * TAKEN, &array, &err));
    for (int run = 0; run < RUNS; run++) {
        run_first(plan, run);
        CHECK_OK(device_array_take(array, AT + run * TAKEN, TAKEN, plan, "sum", &err));
    }
    for (int run = 0; run < RUNS; run++) {
        run_first(plan, run);
        CHECK_OK(mel_plan_read(plan, "sum", host[run], &err));
    }
    mel_plan_free(plan);
    mel_graph_free(graph);
    return array;
}

static void numbers_go_from_plan_to_plan_as_they_are_and_the_rest_is_zero(void **state)
{
    (void)state;
    Err err = {0};
    static const DType types[] = {DTYPE_F32, DTYPE_BF16};
    for (size_t t = 0; t < MEL_COUNT(types); t++) {
        float host[RUNS][FROM];
        DeviceArray *array = fill(types[t], host);
        Graph *graph = second_graph(types[t]);
        Plan *plan = plan_of(graph);
        for (int run = 0; run < RUNS; run++) {
            float x[INTO] = {0}, given[INTO], written[INTO];
            CHECK_OK(mel_plan_clear(plan, "x", &err));
            CHECK_OK(device_array_give(array, AT + run * TAKEN, TAKEN, plan, "x", BEGIN, &err));
            CHECK_OK(mel_plan_run(plan, &err));
            CHECK_OK(mel_plan_read(plan, "twice", given, &err));
            for (int i = 0; i < TAKEN; i++)
                x[BEGIN + i] = host[run][i];
            CHECK_OK(mel_plan_write(plan, "x", x, &err));
            CHECK_OK(mel_plan_run(plan, &err));
            CHECK_OK(mel_plan_read(plan, "twice", written, &err));
            assert_memory_equal(given, written, sizeof given);
            for (int i = 0; i < INTO; i++)
                assert_true(given[i] == 2 * x[i]);
        }
        mel_plan_free(plan);
        mel_graph_free(graph);
        device_array_free(array);
    }
}

static void all_that_an_array_has_can_be_given_at_once(void **state)
{
    (void)state;
    Err err = {0};
    float host[RUNS][FROM], given[INTO];
    DeviceArray *array = fill(DTYPE_F32, host);
    Graph *graph = second_graph(DTYPE_F32);
    Plan *plan = plan_of(graph);
    CHECK_OK(mel_plan_clear(plan, "x", &err));
    CHECK_OK(device_array_give(array, AT, RUNS * TAKEN, plan, "x", INTO - RUNS * TAKEN, &err));
    CHECK_OK(mel_plan_run(plan, &err));
    CHECK_OK(mel_plan_read(plan, "twice", given, &err));
    for (int i = 0; i < RUNS * TAKEN; i++)
        assert_true(given[INTO - RUNS * TAKEN + i] == 2 * host[i / TAKEN][i % TAKEN]);
    mel_plan_free(plan);
    mel_graph_free(graph);
    device_array_free(array);
}

static void an_array_beyond_all_memory_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    DeviceArray *array;
    CHECK_FAILS(device_array_new(mel_device(), DTYPE_F32, INT64_MAX, &array, &err), ERR_LIMIT);
    device_array_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_from_plan_to_plan_as_they_are_and_the_rest_is_zero),
        cmocka_unit_test(all_that_an_array_has_can_be_given_at_once),
        cmocka_unit_test(an_array_beyond_all_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
