/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions whose weights change, as in training, take another way too when that is faster:
 * forwards, back along the data and back along the weights it gives what the plain sums in double
 * give, and the same numbers at every run. */
#include "engine/big_alloc.h"
#include "engine/engine.h"
#include "engine/ops/winograd.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

/* Of a convolution; its transpose has the same, from the small side. */
typedef struct Case {
    const char *name;
    int64_t batch, height, width, in, out;
    ConvOptions options;
    bool bias;
    bool suits[3]; /* by pass */
} Case;

#define SAME                                                                                       \
    {                                                                                              \
        .pad_before = {1, 1}, .pad_after = { 1, 1 }                                                \
    }
#define WIDE                                                                                       \
    {                                                                                              \
        .pad_before = {3, 2}, .pad_after = { 2, 3 }                                                \
    }
#define HALVING                                                                                    \
    {                                                                                              \
        .stride = {2, 2}, .pad_before = { 1, 1 }                                                   \
    }
#define DILATED                                                                                    \
    {                                                                                              \
        .dilation = {2, 2}, .pad_before = { 2, 2 }                                                 \
    }
#define GROUPED                                                                                    \
    {                                                                                              \
        .groups = 2, .pad_before = { 1, 1 }                                                        \
    }

static const Case cases[] = {
    {"same",           2, 24, 20, 32,  48,  SAME,                  true,  {true, true, true}   },
    {"odd sizes",      2, 23, 21, 37,  45,  SAME,                  true,  {true, true, true}   },
    {"no padding",     1, 34, 33, 32,  48,  {.groups = 1},         false, {true, true, true}   },
    {"one side",       1, 33, 31, 33,  40,  {.pad_after = {1, 1}}, true,  {true, true, true}   },
    {"wide padding",   1, 29, 28, 32,  64,  WIDE,                  true,  {true, true, true}   },
    {"tall",           1, 96, 6,  40,  64,  SAME,                  true,  {true, true, true}   },
    {"panels",         1, 16, 24, 176, 192, SAME,                  true,  {true, true, true}   },
    {"several blocks", 1, 88, 90, 32,  32,  SAME,                  true,  {true, true, true}   },
    {"few channels",   1, 68, 68, 16,  17,  SAME,                  true,  {false, false, true} },
    {"few places",     1, 8,  8,  256, 256, SAME,                  true,  {false, false, true} },
    {"little work",    1, 12, 12, 32,  32,  SAME,                  true,  {false, false, false}},
    {"stride",         1, 64, 64, 32,  32,  HALVING,               true,  {false, false, false}},
    {"dilation",       1, 48, 48, 32,  32,  DILATED,               true,  {false, false, false}},
    {"groups",         1, 48, 48, 64,  64,  GROUPED,               true,  {false, false, false}},
};

static float *normal(int64_t n, uint64_t seed)
{
    float *values = mel_alloc((size_t)n * sizeof *values);
    Rng rng = {.seed = seed};
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)mel_rng_normal(&rng);
    return values;
}

static const char *const inputs[] = {"x", "w", "bias", "seed"};
static const char *const results[] = {"y", "dx", "dw"};

/* y and its slopes along x and w, of a loss that weighs every element of y. */
static Graph *build(const Case *c, bool transposed)
{
    Graph *g = mel_graph_new(DTYPE_F32);
    int64_t groups = c->options.groups ? c->options.groups : 1;
    int64_t from = transposed ? c->out : c->in, to = transposed ? c->in : c->out;
    Node *x = mel_graph_input(g, "x", DTYPE_F32, SHAPE(c->batch, c->height, c->width, from));
    Node *w = mel_graph_input(g, "w", DTYPE_F32, SHAPE(c->out, c->in / groups, 3, 3));
    Node *bias = c->bias ? mel_graph_input(g, "bias", DTYPE_F32, SHAPE(to)) : NULL;
    Node *y = transposed ? mel_op_conv_transpose(x, w, bias, &c->options, NULL)
                         : mel_op_conv(x, w, bias, &c->options);
    Node *seed = mel_graph_input(g, "seed", DTYPE_F32, *mel_node_shape(y));
    Node *wrt[] = {x, w}, *slopes[2];
    mel_graph_gradients(g, mel_op_sum_to(mel_op_mul(y, seed), (Shape){0}), wrt, 2, slopes);
    mel_graph_output(g, "y", y);
    mel_graph_output(g, "dx", slopes[0]);
    mel_graph_output(g, "dw", slopes[1]);
    return g;
}

static void run(Plan *plan)
{
    Err err = {0};
    for (size_t i = 0; i < MEL_COUNT(inputs); i++) {
        const Shape *shape = mel_plan_shape(plan, inputs[i]);
        if (!shape) continue;
        float *values = normal(mel_shape_count(shape), i + 1);
        CHECK_OK(mel_plan_write(plan, inputs[i], values, &err));
        free(values);
    }
    CHECK_OK(mel_plan_run(plan, &err));
}

static Plan *plan_on(Backend *backend, Graph *g)
{
    Err err = {0};
    Plan *plan;
    CHECK_OK(mel_plan_new(g, backend, NULL, &plan, &err));
    run(plan);
    return plan;
}

static double *read(Plan *plan, const char *name, int64_t *count)
{
    Err err = {0};
    *count = mel_shape_count(mel_plan_shape(plan, name));
    double *values = mel_alloc((size_t)*count * sizeof *values);
    CHECK_OK(mel_plan_read_f64(plan, name, values, &err));
    return values;
}

static void compare(const Case *c, Plan *ours, Plan *wanted, const char *name)
{
    int64_t count;
    double *a = read(ours, name, &count), *b = read(wanted, name, &count);
    double difference = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    printf("%-24s %-2s %.1e\n", c->name, name, sqrt(difference / size));
    if (!(sqrt(difference / size) <= 5e-6)) fail_msg("%s, %s is too far off", c->name, name);
    free(a);
    free(b);
}

static void check_repeats(const Case *c, Plan *plan)
{
    int64_t count;
    double *first[MEL_COUNT(results)];
    for (size_t i = 0; i < MEL_COUNT(results); i++)
        first[i] = read(plan, results[i], &count);
    run(plan);
    for (size_t i = 0; i < MEL_COUNT(results); i++) {
        double *again = read(plan, results[i], &count);
        if (memcmp(first[i], again, (size_t)count * sizeof *again) != 0)
            fail_msg("%s, %s differs from run to run", c->name, results[i]);
        free(first[i]);
        free(again);
    }
}

static void check_case(const Case *c, bool transposed)
{
    Graph *g = build(c, transposed);
    Plan *ours = plan_on(mel_backend_cpu(), g), *wanted = plan_on(mel_backend_reference(), g);
    for (size_t i = 0; i < MEL_COUNT(results); i++)
        compare(c, ours, wanted, results[i]);
    check_repeats(c, ours);
    mel_plan_free(ours);
    mel_plan_free(wanted);
    mel_graph_free(g);
}

static void changing_weights_give_the_plain_sums_forwards_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        check_case(&cases[i], false);
}

static void so_do_those_of_a_transpose(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        if (i % 2 == 0) check_case(&cases[i], true);
}

/* ---- beside oneDNN -------------------------------------------------------------------------- */

static double distance(const float *a, const float *b, int64_t count)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(difference / size);
}

static DnnKernel *direct(const DnnConv *conv, WinogradPass pass)
{
    Err err = {0};
    DnnKernel *kernel;
    CHECK_OK(pass == WINOGRAD_FORWARD      ? dnn_conv_new(conv, &kernel, &err)
             : pass == WINOGRAD_TRANSPOSED ? dnn_conv_transpose_new(conv, &kernel, &err)
                                           : dnn_conv_weights_new(conv, &kernel, &err));
    return kernel;
}

/* Weights and pictures that are too large to lie at the 36 points whole; in plain loops they would
 * take a minute. */
static void panels_of_weights_and_blocks_of_tiles_go_together(void **state)
{
    (void)state;
    enum { HEIGHT = 68, WIDTH = 64, IN = 680, OUT = 264, PLACES = HEIGHT * WIDTH };
    for (int pass = 0; pass < 3; pass++) {
        bool back = pass == WINOGRAD_TRANSPOSED, slope = pass == WINOGRAD_SLOPE;
        const DnnConv conv = {
            .batch = 1,
            .in_channels = IN,
            .out_channels = OUT,
            .groups = 1,
            .in_size = {HEIGHT,                WIDTH},
            .out_size = {HEIGHT - !back + back, WIDTH},
            .kernel = {3,                     3    },
            .stride = {1,                     1    },
            .dilation = {1,                     1    },
            .pad_before = {0,                     1    },
            .pad_after = {1,                     1    }
        };
        int64_t count = slope ? IN * OUT * 9 : (HEIGHT + 1) * WIDTH * OUT;
        float *x = normal(PLACES * IN, 1), *w = normal(slope ? PLACES * OUT : IN * OUT * 9, 2);
        float *y = mel_alloc((size_t)count * sizeof *y);
        float *wanted = mel_alloc((size_t)count * sizeof *wanted);
        DnnKernel *kernel = direct(&conv, (WinogradPass)pass);
        Winograd *ours = winograd_new(&conv, (WinogradPass)pass);
        int64_t bytes = dnn_scratch_bytes(kernel), more = winograd_scratch_bytes(ours);
        void *scratch = big_alloc(bytes > more ? bytes : more);
        assert_non_null(scratch);
        dnn_run(kernel, &(DnnArrays){.x = x, .w = w, .out = wanted}, scratch);
        winograd_run(ours, x, w, NULL, y, scratch);
        count = slope ? count : (int64_t)conv.out_size[0] * WIDTH * OUT;
        printf("pass %d %.1e\n", pass, distance(y, wanted, count));
        assert_true(distance(y, wanted, count) < 1e-5);
        dnn_free(kernel);
        winograd_free(ours);
        free(scratch);
        free(x);
        free(w);
        free(y);
        free(wanted);
    }
}

/* ---- the choice ----------------------------------------------------------------------------- */

/* So that the cases above are what they say. */
static void only_what_gains_goes_that_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        const Case *c = &cases[i];
        const int64_t sizes[] = {c->height, c->width};
        for (int pass = 0; pass < 3; pass++) {
            bool back = pass == WINOGRAD_TRANSPOSED;
            DnnConv conv = {.batch = c->batch,
                            .in_channels = back ? c->out : c->in,
                            .out_channels = back ? c->in : c->out,
                            .groups = c->options.groups ? c->options.groups : 1};
            for (int k = 0; k < 2; k++) {
                conv.kernel[k] = 3;
                conv.stride[k] = c->options.stride[k] ? c->options.stride[k] : 1;
                conv.dilation[k] = c->options.dilation[k] ? c->options.dilation[k] : 1;
                conv.out_size[k] =
                    sizes[k] + (back ? 0 : c->options.pad_before[k] + c->options.pad_after[k] - 2);
            }
            if (winograd_suits(&conv, (WinogradPass)pass) != c->suits[pass])
                fail_msg("%s, pass %d", c->name, pass);
            conv.dtype = DTYPE_BF16;
            assert_false(winograd_suits(&conv, (WinogradPass)pass));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changing_weights_give_the_plain_sums_forwards_and_back),
        cmocka_unit_test(so_do_those_of_a_transpose),
        cmocka_unit_test(panels_of_weights_and_blocks_of_tiles_go_together),
        cmocka_unit_test(only_what_gains_goes_that_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
