/* SPDX-License-Identifier: Apache-2.0
 *
 * HiFi-GAN's discriminators beside tests/parity/make_discriminators.py. */
#include "tests/engine/net_case.h"

#include <math.h>
#include <string.h>

static HifiganJudged judged;

/* Weights that are sines of their place and name, as the script makes them. */
static bool find_sine(void *ctx, const char *name, const Shape *shape, Tensor *out, Err *err)
{
    int64_t count = mel_shape_count(shape), inputs = shape->rank > 1 ? 1 : 8, phase = 0;
    (void)err;
    for (int i = 1; i < shape->rank; i++)
        inputs *= shape->dims[i];
    for (const char *c = name; *c; c++)
        phase += *c;
    float *weights = mel_arena_alloc(ctx, (size_t)count * sizeof *weights);
    for (int64_t k = 0; k < count; k++)
        weights[k] = (float)(sin(0.9 * (double)k + (double)phase) / sqrt((double)inputs));
    *out = (Tensor){.dtype = DTYPE_F32, .shape = *shape, .data = weights};
    return true;
}

static void build(NetCase *c, const char *wave)
{
    Node *x = net_input(c, wave);
    mel_net_hifigan_discriminators(c->graph, 4, x, &judged);
    for (int i = 0, k = 0; i < judged.count; i++) {
        char name[32];
        snprintf(name, sizeof name, "size%d", i);
        mel_graph_output(c->graph, name,
                         mel_op_mean(mel_op_unary(judged.values[i], UNARY_ABS, 0, 0)));
        snprintf(name, sizeof name, "judgement%d", k);
        if (!judged.is_judgement[i]) continue;
        k++;
        mel_graph_output(c->graph, name, judged.values[i]);
    }
}

static void discriminators_agree_with_their_reference(void **state)
{
    (void)state;
    Err err = {0};
    NetCase c = {.graph = mel_graph_new(DTYPE_F32)};
    CHECK_OK(mel_checkpoint_open(MEL_TEST_DATA "/nets/discriminators.io.safetensors", &c.io, &err));
    Arena weights = {0};
    c.params = (Params){.find = find_sine, .ctx = &weights};
    build(&c, "wave");
    CHECK_OK(mel_plan_new(c.graph, mel_device(), &c.params, &c.plan, &err));
    net_write(&c, "wave");
    CHECK_OK(mel_plan_run(c.plan, &err));
    const CheckpointTensor *sizes = net_array(&c, "sizes");
    assert_int_equal(judged.count, HIFIGAN_JUDGED);
    assert_int_equal(mel_shape_count(&sizes->shape), judged.count);
    for (int i = 0; i < judged.count; i++) {
        char name[32];
        float ours;
        snprintf(name, sizeof name, "size%d", i);
        CHECK_OK(mel_plan_read(c.plan, name, &ours, &err));
        CHECK_NEAR(ours, ((const float *)sizes->data)[i], 1e-5);
    }
    for (int k = 0; k < HIFIGAN_PERIODS + HIFIGAN_SCALES; k++) {
        char name[32];
        snprintf(name, sizeof name, "judgement%d", k);
        net_check(&c, name, DTYPE_F32);
    }
    net_close(&c);
    mel_arena_clear(&weights);
}

static void they_are_of_the_published_size(void **state)
{
    (void)state;
    NetCase c = {.graph = mel_graph_new(DTYPE_F32)};
    Err err = {0};
    CHECK_OK(mel_checkpoint_open(MEL_TEST_DATA "/nets/discriminators.io.safetensors", &c.io, &err));
    mel_net_hifigan_discriminators(c.graph, 32, net_input(&c, "wave"), &judged);
    CHECK_OK(mel_graph_ok(c.graph, &err));
    int64_t count = 0;
    for (int i = 0; i < mel_graph_param_count(c.graph); i++)
        count += mel_shape_count(mel_graph_param_shape(c.graph, i));
    assert_int_equal(count, *(const int64_t *)net_array(&c, "published")->data);
    net_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discriminators_agree_with_their_reference),
        cmocka_unit_test(they_are_of_the_published_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
