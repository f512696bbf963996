/* SPDX-License-Identifier: Apache-2.0
 *
 * Cnn14, MS-CLAP's projection and VGGish beside tests/parity/make_nets_audio.py. */
#include "tests/engine/net_case.h"

#include <string.h>

static void check_cnn14(DType float_type)
{
    Err err = {0};
    static const char *const known[] = {"*.num_batches_tracked", NULL};
    static const Cnn14Config small = {.mel_bins = 64, .width = 2, .embedding = 20, .classes = 7};
    NetCase c;
    net_open(&c, "cnn14.pth", NULL, "audio.io.safetensors", float_type);
    Cnn14Outputs outputs = mel_net_cnn14(c.graph, &small, net_input(&c, "log_mel"));
    mel_graph_output(c.graph, "embedding", outputs.embedding);
    mel_graph_output(c.graph, "logits", outputs.logits);
    net_plan(&c, mel_device(), known);
    net_write(&c, "log_mel");
    CHECK_OK(mel_plan_run(c.plan, &err));
    net_check(&c, "embedding", float_type);
    net_check(&c, "logits", float_type);
    net_close(&c);
}

static void cnn14_agrees_with_its_reference(void **state)
{
    (void)state;
    check_cnn14(DTYPE_F32);
    check_cnn14(DTYPE_BF16);
}

static void the_projection_of_msclap_agrees_with_its_reference(void **state)
{
    (void)state;
    Err err = {0};
    NetCase c;
    net_open(&c, "msclap.safetensors", "e1.", "audio.io.safetensors", DTYPE_F32);
    Node *projected = mel_net_msclap_projection(c.graph, net_input(&c, "embedding"), 12);
    mel_graph_output(c.graph, "projected", projected);
    net_plan(&c, mel_device(), NULL);
    net_write(&c, "embedding");
    CHECK_OK(mel_plan_run(c.plan, &err));
    net_check(&c, "projected", DTYPE_F32);
    net_close(&c);
}

static void check_vggish(DType float_type, Backend *backend)
{
    Err err = {0};
    static const VggishConfig small = {.width = 2, .hidden = 24, .embedding = 10};
    NetCase c;
    net_open(&c, "vggish.pth", NULL, "audio.io.safetensors", float_type);
    Node *patches = mel_op_reshape(net_input(&c, "patches"), SHAPE(3, 96, 64, 1));
    mel_graph_output(c.graph, "vggish", mel_net_vggish(c.graph, &small, patches));
    net_plan(&c, backend, NULL);
    net_write(&c, "patches");
    CHECK_OK(mel_plan_run(c.plan, &err));
    net_check(&c, "vggish", float_type);
    net_close(&c);
}

static void vggish_agrees_with_its_reference(void **state)
{
    (void)state;
    check_vggish(DTYPE_F32, mel_device());
    check_vggish(DTYPE_BF16, mel_device());
    check_vggish(DTYPE_F32, mel_backend_reference());
}

static int64_t count_params(const Graph *graph)
{
    int64_t count = 0;
    for (int i = 0; i < mel_graph_param_count(graph); i++)
        count += mel_shape_count(mel_graph_param_shape(graph, i));
    return count;
}

static void the_published_sizes_are_those_of_the_published_files(void **state)
{
    (void)state;
    Err err = {0};
    Graph *graph = mel_graph_new(DTYPE_F32);
    VggishConfig vggish = mel_vggish_published();
    mel_net_vggish(graph, &vggish, mel_graph_input(graph, "x", DTYPE_F32, SHAPE(1, 96, 64, 1)));
    CHECK_OK(mel_graph_ok(graph, &err));
    assert_int_equal(count_params(graph), 72141184);
    assert_int_equal(mel_graph_param_count(graph), 18);
    mel_graph_free(graph);
    graph = mel_graph_new(DTYPE_F32);
    Cnn14Config cnn14 = mel_cnn14_published();
    mel_net_cnn14(graph, &cnn14, mel_graph_input(graph, "x", DTYPE_F32, SHAPE(1, 1001, 64)));
    CHECK_OK(mel_graph_ok(graph, &err));
    int64_t running = 0; /* the published count leaves out the running statistics */
    for (int i = 0; i < mel_graph_param_count(graph); i++)
        if (strstr(mel_graph_param_name(graph, i), "running_"))
            running += mel_shape_count(mel_graph_param_shape(graph, i));
    assert_int_equal(count_params(graph) - running, 80753615);
    mel_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cnn14_agrees_with_its_reference),
        cmocka_unit_test(the_projection_of_msclap_agrees_with_its_reference),
        cmocka_unit_test(vggish_agrees_with_its_reference),
        cmocka_unit_test(the_published_sizes_are_those_of_the_published_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
