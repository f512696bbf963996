/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions whose weights are known take another way when that is faster: it gives what the
 * plain sum in double gives. */
#include "engine/engine.h"
#include "engine/ops/winograd.h"
#include "tests/support/test.h"

#include <stdlib.h>

typedef struct Case {
    const char *name;
    int64_t batch, height, width, in, out;
    ConvOptions options;
    bool bias, suits;
} Case;

static float *normal(int64_t n, uint64_t seed, double size)
{
    float *values = mel_alloc((size_t)n * sizeof *values);
    Rng rng = {.seed = seed};
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)(mel_rng_normal(&rng) * size);
    return values;
}

static Graph *build(const Case *c, const float *weights, const float *bias)
{
    Graph *g = mel_graph_new(DTYPE_F32);
    Node *x = mel_graph_input(g, "x", DTYPE_F32, SHAPE(c->batch, c->height, c->width, c->in));
    Node *w = mel_graph_constant(g, DTYPE_F32, SHAPE(c->out, c->in, 3, 3), weights);
    Node *b = c->bias ? mel_graph_constant(g, DTYPE_F32, SHAPE(c->out), bias) : NULL;
    mel_graph_output(g, "y", mel_op_conv(x, w, b, &c->options));
    return g;
}

static double *run(Backend *backend, Graph *g, const float *x, int64_t *count)
{
    Err err = {0};
    Plan *plan;
    CHECK_OK(mel_plan_new(g, backend, NULL, &plan, &err));
    *count = mel_shape_count(mel_plan_shape(plan, "y"));
    double *y = mel_alloc((size_t)*count * sizeof *y);
    CHECK_OK(mel_plan_write(plan, "x", x, &err));
    CHECK_OK(mel_plan_run(plan, &err));
    CHECK_OK(mel_plan_read_f64(plan, "y", y, &err));
    mel_plan_free(plan);
    return y;
}

static void check_graph(const char *name, Graph *g, const float *x)
{
    int64_t count;
    double *ours = run(mel_backend_cpu(), g, x, &count);
    double *wanted = run(mel_backend_reference(), g, x, &count);
    double difference = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        difference += (ours[i] - wanted[i]) * (ours[i] - wanted[i]);
        size += wanted[i] * wanted[i];
    }
    printf("%-24s %.1e\n", name, sqrt(difference / size));
    if (!(sqrt(difference / size) <= 5e-6)) fail_msg("%s is too far off", name);
    mel_graph_free(g);
    free(ours);
    free(wanted);
}

static void check_case(const Case *c)
{
    int64_t n = c->batch * c->height * c->width * c->in;
    float *x = normal(n, 1, 1), *w = normal(c->out * c->in * 9, 2, 1), *b = normal(c->out, 3, 9);
    check_graph(c->name, build(c, w, b), x);
    free(x);
    free(w);
    free(b);
}

#define SAME                                                                                       \
    {                                                                                              \
        .pad_before = {1, 1}, .pad_after = { 1, 1 }                                                \
    }

static const Case cases[] = {
    {"same",           1, 32,  32, 32,  32, SAME,                                        true,  true },
    {"no bias",        1, 32,  36, 40,  33, SAME,                                        false, true },
    {"odd sizes",      2, 29,  31, 37,  45, SAME,                                        true,  true },
    {"no padding",     1, 34,  34, 32,  48, {.groups = 1},                               true,  true },
    {"one side",       1, 33,  33, 32,  32, {.pad_after = {1, 1}},                       true,  true },
    {"wide padding",   1, 30,  30, 32,  32, {.pad_before = {2, 2}, .pad_after = {2, 2}}, true,  true },
    {"tall",           1, 128, 8,  64,  64, SAME,                                        true,  true },
    {"several blocks", 1, 96,  96, 128, 96, SAME,                                        true,  true },
    {"few channels",   1, 32,  32, 16,  32, SAME,                                        true,  false},
    {"few tiles",      1, 16,  16, 64,  64, SAME,                                        true,  false},
    {"stride",         1, 64,  64, 32,  32, {.stride = {2, 2}, .pad_before = {1, 1}},    true,  false},
    {"dilation",       1, 48,  48, 32,  32, {.dilation = {2, 2}, .pad_before = {2, 2}},  true,  false},
};

static void known_weights_give_the_plain_sum(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        check_case(&cases[i]);
}

/* A row with a wide kernel. */
static void check_row(int64_t kernel, int dilation, int pad_before, int pad_after)
{
    enum { LENGTH = 300, IN = 24, OUT = 40 };
    float *x = normal(LENGTH * IN, 1, 1), *w = normal(OUT * IN * kernel, 2, 1),
          *b = normal(OUT, 3, 9);
    Graph *g = mel_graph_new(DTYPE_F32);
    const ConvOptions options = {
        .dilation = {1, dilation  },
          .pad_before = {0, pad_before},
          .pad_after = {0, pad_after }
    };
    Node *in = mel_graph_input(g, "x", DTYPE_F32, SHAPE(1, 1, LENGTH, IN));
    Node *weights = mel_graph_constant(g, DTYPE_F32, SHAPE(OUT, IN, 1, kernel), w);
    Node *bias = mel_graph_constant(g, DTYPE_F32, SHAPE(OUT), b);
    mel_graph_output(g, "y", mel_op_conv(in, weights, bias, &options));
    check_graph("row", g, x);
    free(x);
    free(w);
    free(b);
}

static void a_row_with_a_wide_kernel_is_the_plain_sum(void **state)
{
    (void)state;
    for (int dilation = 1; dilation <= 5; dilation += 2) {
        check_row(11, dilation, 5 * dilation, 5 * dilation);
        check_row(11, dilation, 0, 0);
        check_row(8, dilation, 7 * dilation, 0);
        check_row(15, dilation, 0, 14 * dilation);
        check_row(50, dilation, 20, 30);
        check_row(7, dilation, 3 * dilation, 3 * dilation);
    }
}

/* So that the cases above are what they say. */
static void only_what_gains_goes_that_way(void **state)
{
    (void)state;
    const Tensor weights = {.dtype = DTYPE_F32, .data = (void *)cases};
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        const Case *c = &cases[i];
        DnnConv conv = {.batch = c->batch,
                        .in_channels = c->in,
                        .out_channels = c->out,
                        .groups = 1,
                        .weights = &weights};
        const int64_t sizes[] = {c->height, c->width};
        for (int k = 0; k < 2; k++) {
            conv.kernel[k] = 3;
            conv.stride[k] = c->options.stride[k] ? c->options.stride[k] : 1;
            conv.dilation[k] = c->options.dilation[k] ? c->options.dilation[k] : 1;
            conv.out_size[k] = sizes[k] + c->options.pad_before[k] + c->options.pad_after[k] - 2;
        }
        if (winograd_suits(&conv, WINOGRAD_FORWARD) != c->suits) fail_msg("%s", c->name);
        conv.dtype = DTYPE_BF16;
        assert_false(winograd_suits(&conv, WINOGRAD_FORWARD));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_weights_give_the_plain_sum),
        cmocka_unit_test(a_row_with_a_wide_kernel_is_the_plain_sum),
        cmocka_unit_test(only_what_gains_goes_that_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
