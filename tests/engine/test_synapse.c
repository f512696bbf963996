/* SPDX-License-Identifier: Apache-2.0
 *
 * The visual synapse between two small UNets of random weights. */
#include "engine/engine.h"
#include "engine/nets.h"
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, TOKENS = 5 };

static const UnetConfig image_unet = {
    .in_channels = 4,
    .out_channels = 4,
    .text_width = 12,
    .levels = 3,
    .widths = {8, 16, 16},
    .heads = {2, 4,  4 },
    .layers = 2,
    .groups = 4,
    .linear_projection = true
};

static UnetConfig music_unet(void)
{
    UnetConfig config = image_unet;
    config.in_channels = config.out_channels = 6;
    config.text_width = 10;
    return config;
}

/* Random weights by name; every α is `alpha`. */
typedef struct Weights {
    float alpha;
    float *arrays[2000];
    int count;
} Weights;

static bool find_weight(void *ctx, const char *name, const Shape *shape, Tensor *out, Err *err)
{
    Weights *weights = ctx;
    (void)err;
    int64_t count = mel_shape_count(shape);
    float *values = mel_alloc((size_t)count * sizeof *values + 1);
    Rng rng = {.seed = 11};
    for (const char *c = name; *c; c++)
        rng.stream = rng.stream * 31 + (unsigned char)*c;
    for (int64_t i = 0; i < count; i++)
        values[i] =
            mel_synapse_is_alpha(name) ? weights->alpha : (float)(0.3 * mel_rng_normal(&rng));
    assert_true((size_t)weights->count < MEL_COUNT(weights->arrays));
    weights->arrays[weights->count++] = values;
    *out = (Tensor){.dtype = DTYPE_F32, .shape = *shape, .data = values};
    return true;
}

typedef struct World {
    SynapseConfig config;
    bool without; /* the music UNet alone */
    DType float_type;
    Backend *backend;
    float alpha, gates[BATCH];
    int32_t lengths[BATCH];
} World;

static World world_of(float alpha)
{
    return (World){
        .float_type = DTYPE_F32,
        .backend = mel_device(),
        .alpha = alpha,
        .gates = {1,      1},
        .lengths = {TOKENS, 2}
    };
}

static Node *build_music(const World *w, Graph *g, Synapse *synapse)
{
    UnetConfig music = music_unet();
    const UnetInputs in = {
        .x = mel_graph_input(g, "z", w->float_type, SHAPE(BATCH, 16, 4, 6)),
        .timesteps = mel_graph_input(g, "t", DTYPE_F32, SHAPE(BATCH)),
        .text = mel_graph_input(g, "text", w->float_type, SHAPE(BATCH, TOKENS, 10)),
        .mask = mel_graph_input(g, "mask", DTYPE_F32, SHAPE(BATCH, 1, 1, TOKENS)),
    };
    mel_graph_push(g, "unet.");
    UnetHook hook = {0};
    if (!w->without)
        hook =
            mel_synapse_mix(synapse, g, mel_graph_input(g, "gate", DTYPE_F32, SHAPE(BATCH, 1, 1)));
    Node *y = mel_net_unet(g, &music, &in, w->without ? NULL : &hook);
    mel_graph_pop(g);
    return y;
}

static void build_image(const World *w, Graph *g, Synapse *synapse)
{
    const UnetInputs in = {
        .x = mel_graph_input(g, "image", w->float_type, SHAPE(BATCH, 8, 8, 4)),
        .timesteps = mel_graph_input(g, "t image", DTYPE_F32, SHAPE(BATCH)),
        .text = mel_graph_input(g, "null text", w->float_type, SHAPE(BATCH, 3, 12)),
    };
    UnetHook hook = mel_synapse_capture(synapse);
    mel_graph_push(g, "image_unet.");
    mel_graph_output(g, "image out", mel_net_unet(g, &image_unet, &in, &hook));
    mel_synapse_pool(synapse, mel_graph_input(g, "lengths", DTYPE_I32, SHAPE(BATCH)), TOKENS);
    mel_synapse_project(synapse, g);
    mel_graph_pop(g);
}

static void write_all(const World *w, Plan *plan)
{
    Err err = {0};
    static const char *const names[] = {"z", "text", "image", "null text"};
    const float times[BATCH] = {20, 700};
    float mask[BATCH][TOKENS] = {0};
    for (int b = 0; b < BATCH; b++)
        for (int i = w->lengths[b]; i < TOKENS; i++)
            mask[b][i] = -10000;
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        const Shape *shape = mel_plan_shape(plan, names[i]);
        if (!shape) continue;
        int64_t count = mel_shape_count(shape);
        float *values = mel_alloc((size_t)count * sizeof *values);
        Rng rng = {.seed = 3, .stream = i};
        for (int64_t k = 0; k < count; k++)
            values[k] = (float)mel_rng_normal(&rng);
        CHECK_OK(mel_plan_write(plan, names[i], values, &err));
        free(values);
    }
    CHECK_OK(mel_plan_write(plan, "t", times, &err));
    CHECK_OK(mel_plan_write(plan, "mask", mask, &err));
    if (w->without) return;
    CHECK_OK(mel_plan_write(plan, "t image", times, &err));
    CHECK_OK(mel_plan_write(plan, "gate", w->gates, &err));
    CHECK_OK(mel_plan_write(plan, "lengths", w->lengths, &err));
}

/* The music UNet's answer, yours to free, and d mean(answer²)/dα summed over all α. */
static float *answer(const World *w, int64_t *count, double *loss, double *slope)
{
    Err err = {0};
    Synapse synapse = {0};
    UnetConfig music = music_unet();
    Weights weights = {.alpha = w->alpha};
    Graph *g = mel_graph_new(w->float_type);
    CHECK_OK(mel_synapse_plan(&w->config, &image_unet, &music, &synapse, &err));
    if (!w->without) build_image(w, g, &synapse);
    Node *y = build_music(w, g, &synapse), *alphas[SYNAPSE_SITES_MAX], *slopes[SYNAPSE_SITES_MAX];
    Node *square = mel_op_mean(mel_op_cast(mel_op_mul(y, y), DTYPE_F32)), *sum = NULL;
    int alpha_count = 0;
    for (int i = 0; i < mel_graph_param_count(g); i++)
        if (mel_synapse_is_alpha(mel_graph_param_name(g, i)))
            alphas[alpha_count++] = mel_graph_param(g, mel_graph_param_name(g, i), SHAPE(1));
    if (!w->without) assert_int_equal(alpha_count, w->config.shared ? 1 : synapse.count);
    mel_graph_gradients(g, square, alphas, alpha_count, slopes);
    for (int i = 0; i < alpha_count; i++)
        sum = sum ? mel_op_add(sum, slopes[i]) : slopes[i];
    mel_graph_output(g, "loss", square);
    mel_graph_output(g, "y", y);
    mel_graph_output(g, "slope", sum);
    const Params params = {.find = find_weight, .ctx = &weights};
    Plan *plan;
    CHECK_OK(mel_plan_new(g, w->backend, &params, &plan, &err));
    write_all(w, plan);
    CHECK_OK(mel_plan_run(plan, &err));
    *count = mel_shape_count(mel_node_shape(y));
    float *values = mel_alloc((size_t)*count * sizeof *values);
    CHECK_OK(mel_plan_read(plan, "y", values, &err));
    if (loss) CHECK_OK(mel_plan_read_f64(plan, "loss", loss, &err));
    if (slope) CHECK_OK(mel_plan_read_f64(plan, "slope", slope, &err));
    mel_plan_free(plan);
    mel_graph_free(g);
    for (int i = 0; i < weights.count; i++)
        free(weights.arrays[i]);
    return values;
}

static bool same_answer(const World *a, const World *b)
{
    int64_t n, m;
    float *x = answer(a, &n, NULL, NULL), *y = answer(b, &m, NULL, NULL);
    bool same = n == m && memcmp(x, y, (size_t)n * sizeof *x) == 0;
    free(x);
    free(y);
    return same;
}

static void without_alpha_nothing_changes_to_the_last_bit(void **state)
{
    (void)state;
    static const DType types[] = {DTYPE_F32, DTYPE_BF16};
    for (size_t k = 0; k < MEL_COUNT(types); k++)
        for (int place = SYNAPSE_DECODER; place <= SYNAPSE_BOTH; place++)
            for (int form = ALPHA_PLAIN; form <= ALPHA_SQUASHED; form++) {
                World alone = world_of(0), joined = world_of(0);
                alone.float_type = joined.float_type = types[k];
                alone.without = true;
                joined.config.place = (SynapsePlace)place;
                joined.config.form = (AlphaForm)form;
                assert_true(same_answer(&alone, &joined));
            }
}

static void a_closed_gate_hides_the_picture_from_its_sample_alone(void **state)
{
    (void)state;
    World alone = world_of(0), half = world_of(0.5F);
    alone.without = true;
    half.gates[0] = 0;
    int64_t n;
    float *x = answer(&alone, &n, NULL, NULL), *y = answer(&half, &n, NULL, NULL);
    assert_memory_equal(x, y, (size_t)n / BATCH * sizeof *x);
    assert_memory_not_equal(x + n / BATCH, y + n / BATCH, (size_t)n / BATCH * sizeof *x);
    free(x);
    free(y);
}

static void padding_of_the_text_does_not_reach_the_picture(void **state)
{
    (void)state;
    World two = world_of(0.5F), five = world_of(0.5F);
    two.lengths[0] = two.lengths[1] = 2;
    five.lengths[0] = five.lengths[1] = TOKENS;
    assert_false(same_answer(&two, &five));
}

static void the_slope_of_alpha_is_that_of_finite_differences(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++)
        for (int form = ALPHA_PLAIN; form <= ALPHA_SQUASHED; form++) {
            const float step = 0x1p-8F;
            int64_t n;
            double above, below, slope;
            World w = world_of(0.25F);
            w.backend = mel_backend_reference();
            w.config =
                (SynapseConfig){.place = SYNAPSE_BOTH, .shared = shared, .form = (AlphaForm)form};
            free(answer(&w, &n, NULL, &slope));
            w.alpha = 0.25F + step;
            free(answer(&w, &n, &above, NULL));
            w.alpha = 0.25F - step;
            free(answer(&w, &n, &below, NULL));
            double wanted = (above - below) / (2.0 * step);
            if (!(fabs(slope - wanted) <= 1e-3 * fabs(wanted) + 1e-9))
                fail_msg("shared %d, form %d: %g, by differences %g", shared, form, slope, wanted);
        }
}

static void the_fast_code_mixes_as_the_reference(void **state)
{
    (void)state;
    World fast = world_of(0.5F), slow = world_of(0.5F);
    slow.backend = mel_backend_reference();
    int64_t n;
    double far = 0, size = 0;
    float *x = answer(&fast, &n, NULL, NULL), *y = answer(&slow, &n, NULL, NULL);
    for (int64_t i = 0; i < n; i++) {
        far += (x[i] - y[i]) * (x[i] - y[i]);
        size += y[i] * y[i];
    }
    assert_true(sqrt(far / size) < 1e-5);
    free(x);
    free(y);
}

static void sites_are_those_of_the_paper_and_unequal_networks_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    Synapse s;
    UnetConfig sd = mel_unet_sd21(), tango = mel_unet_tango(), other = music_unet();
    const SynapseConfig decoder = {0}, both = {.place = SYNAPSE_BOTH};
    CHECK_OK(mel_synapse_plan(&decoder, &sd, &tango, &s, &err));
    assert_int_equal(s.count, 9);
    assert_string_equal(s.sites[0].layer, "up_blocks.1.attentions.0.transformer_blocks.0");
    assert_int_equal(s.sites[8].width, 320);
    CHECK_OK(mel_synapse_plan(&both, &sd, &tango, &s, &err));
    assert_int_equal(s.count, 15);
    assert_false(mel_synapse_plan(&decoder, &sd, &other, &s, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_alpha_nothing_changes_to_the_last_bit),
        cmocka_unit_test(a_closed_gate_hides_the_picture_from_its_sample_alone),
        cmocka_unit_test(padding_of_the_text_does_not_reach_the_picture),
        cmocka_unit_test(the_slope_of_alpha_is_that_of_finite_differences),
        cmocka_unit_test(the_fast_code_mixes_as_the_reference),
        cmocka_unit_test(sites_are_those_of_the_paper_and_unequal_networks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
