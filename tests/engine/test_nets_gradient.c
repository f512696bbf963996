/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a loss through a whole UNet, with respect to parameters from its first layer to
 * its last, beside finite differences in double. */
#include "tests/engine/net_case.h"

#include <string.h>

static const UnetConfig config = {
    .in_channels = 8,
    .out_channels = 8,
    .text_width = 24,
    .levels = 4,
    .widths = {8, 16, 16, 16},
    .heads = {2, 4,  4,  4 },
    .layers = 2,
    .groups = 4,
    .linear_projection = true
};

static const char *const watched[] = {
    "conv_in.weight",
    "time_embedding.linear_1.weight",
    "down_blocks.0.resnets.0.norm1.weight",
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight",
    "down_blocks.2.downsamplers.0.conv.weight",
    "mid_block.attentions.0.norm.bias",
    "up_blocks.1.resnets.2.conv_shortcut.weight",
    "up_blocks.2.attentions.1.transformer_blocks.0.ff.net.0.proj.weight",
    "up_blocks.3.attentions.2.transformer_blocks.0.attn2.to_k.weight",
    "conv_out.bias",
};
enum { WATCHED = MEL_COUNT(watched) };

static const char *const inputs[] = {"x", "timesteps", "text", "mask"};

/* A source of parameters that moves one of them by `step` times a direction. */
typedef struct Moved {
    const Params *from;
    const char *name;
    const double *direction;
    double step;
    double *values; /* of the moved one */
} Moved;

static bool find_moved(void *ctx, const char *name, const Shape *shape, Tensor *out, Err *err)
{
    Moved *moved = ctx;
    if (!moved->from->find(moved->from->ctx, name, shape, out, err)) return false;
    if (!mel_equal(name, moved->name)) return true;
    int64_t count = mel_shape_count(shape);
    mel_convert(out->data, out->dtype, moved->values, DTYPE_F64, count);
    for (int64_t i = 0; i < count; i++)
        moved->values[i] += moved->step * moved->direction[i];
    *out = (Tensor){.dtype = DTYPE_F64, .shape = *shape, .data = moved->values};
    return true;
}

/* The mean square of what the UNet says. */
static Node *build_loss(NetCase *c)
{
    const UnetInputs in = {.x = net_input(c, "x"),
                           .timesteps = net_input(c, "timesteps"),
                           .text = net_input(c, "text"),
                           .mask = net_input(c, "mask")};
    Node *y = mel_net_unet(c->graph, &config, &in, NULL);
    return mel_op_mean(mel_op_mul(y, y));
}

static void open_loss(NetCase *c, Node **loss)
{
    net_open(c, "unet_tango.safetensors", NULL, "unet_tango.io.safetensors", DTYPE_F32);
    *loss = build_loss(c);
}

static void run(NetCase *c)
{
    Err err = {0};
    for (int i = 0; i < 4; i++)
        net_write(c, inputs[i]);
    CHECK_OK(mel_plan_run(c->plan, &err));
}

static double loss_at(const char *name, const double *direction, int64_t count, double step)
{
    Err err = {0};
    NetCase c;
    Node *loss;
    double value;
    open_loss(&c, &loss);
    mel_graph_output(c.graph, "loss", loss);
    Moved moved = {.from = &c.params, .name = name, .direction = direction, .step = step};
    moved.values = mel_alloc((size_t)count * sizeof *moved.values);
    const Params params = {.find = find_moved, .ctx = &moved};
    CHECK_OK(mel_plan_new(c.graph, mel_backend_reference(), &params, &c.plan, &err));
    run(&c);
    CHECK_OK(mel_plan_read_f64(c.plan, "loss", &value, &err));
    net_close(&c);
    free(moved.values);
    return value;
}

static Node *watched_param(const NetCase *c, const char *name)
{
    for (int i = 0; i < mel_graph_param_count(c->graph); i++)
        if (mel_equal(mel_graph_param_name(c->graph, i), name))
            return mel_graph_param(c->graph, name, *mel_graph_param_shape(c->graph, i));
    fail_msg("the UNet has no '%s'", name);
    return NULL;
}

/* A run with the gradients as outputs under their parameters' names. */
static void run_gradients(NetCase *c, Backend *backend)
{
    Err err = {0};
    Node *loss, *wrt[WATCHED], *slopes[WATCHED];
    open_loss(c, &loss);
    for (int i = 0; i < WATCHED; i++)
        wrt[i] = watched_param(c, watched[i]);
    mel_graph_gradients(c->graph, loss, wrt, WATCHED, slopes);
    for (int i = 0; i < WATCHED; i++) {
        assert_true(slopes[i] != NULL);
        assert_true(mel_shape_equal(mel_node_shape(slopes[i]), mel_node_shape(wrt[i])));
        mel_graph_output(c->graph, watched[i], slopes[i]);
    }
    CHECK_OK(mel_plan_new(c->graph, backend, &c->params, &c->plan, &err));
    run(c);
}

/* Yours to free. */
static double *read_gradient(const NetCase *c, const char *name, int64_t *count)
{
    Err err = {0};
    *count = mel_shape_count(mel_plan_shape(c->plan, name));
    double *values = mel_alloc((size_t)*count * sizeof *values);
    CHECK_OK(mel_plan_read_f64(c->plan, name, values, &err));
    return values;
}

static void the_gradient_through_a_unet_is_that_of_finite_differences(void **state)
{
    (void)state;
    const double step = 1e-4;
    NetCase c;
    run_gradients(&c, mel_backend_reference());
    for (int i = 0; i < WATCHED; i++) {
        int64_t count;
        double slope = 0, size = 0;
        double *gradient = read_gradient(&c, watched[i], &count);
        double *direction = mel_alloc((size_t)count * sizeof *direction);
        for (int64_t k = 0; k < count; k++) {
            direction[k] = gradient[k] + 0.1 * sin((double)(7 * k + i)) * fabs(gradient[0]);
            size += direction[k] * direction[k];
        }
        assert_true(size > 0);
        for (int64_t k = 0; k < count; k++) {
            direction[k] /= sqrt(size);
            slope += gradient[k] * direction[k];
        }
        double wanted = (loss_at(watched[i], direction, count, step) -
                         loss_at(watched[i], direction, count, -step)) /
                        (2 * step);
        printf("%-68s %.9g %.1e\n", watched[i], slope, fabs(slope - wanted) / fabs(wanted));
        CHECK_NEAR(slope, wanted, 1e-5 * fabs(wanted) + 1e-11);
        free(direction);
        free(gradient);
    }
    net_close(&c);
}

static double distance(const double *a, const double *b, int64_t count)
{
    double difference = 0, size = 0;
    for (int64_t k = 0; k < count; k++) {
        difference += (a[k] - b[k]) * (a[k] - b[k]);
        size += b[k] * b[k];
    }
    return sqrt(difference / size);
}

static void the_fast_gradient_is_that_of_the_reference(void **state)
{
    (void)state;
    NetCase fast, reference;
    run_gradients(&fast, mel_device());
    run_gradients(&reference, mel_backend_reference());
    for (int i = 0; i < WATCHED; i++) {
        int64_t count;
        double *a = read_gradient(&fast, watched[i], &count);
        double *b = read_gradient(&reference, watched[i], &count);
        double far = distance(a, b, count);
        printf("%-68s %.1e\n", watched[i], far);
        if (!(far <= 1e-4)) fail_msg("'%s' is %.2g away", watched[i], far);
        free(a);
        free(b);
    }
    net_close(&fast);
    net_close(&reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_through_a_unet_is_that_of_finite_differences),
        cmocka_unit_test(the_fast_gradient_is_that_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
