/* SPDX-License-Identifier: Apache-2.0
 *
 * What CLIP, T5 and CLAP meet in use: torch files as published, ten seconds of sound, padding, and
 * inputs that do not fit. Beside tests/parity/make_nets_text_audio.py. */
#include "tests/engine/net_case.h"

#include <string.h>

static const ClapConfig clap = {
    .audio = {.mel_bins = 64,
              .side = 256,
              .patch = 4,
              .width = 4,
              .window = 8,
              .stages = 4,
              .depths = {2, 2, 6, 2},
              .heads = {1, 2, 4, 8}},
    .text = {.vocabulary = 60,
              .positions = 20,
              .tower = {.width = 16, .layers = 2, .heads = 4, .hidden = 32},
              .eps = 1e-12},
    .joint = 12
};
static const T5Config t5 = {
    .vocabulary = 50,
    .tower = {.width = 16, .layers = 3, .heads = 4, .hidden = 24},
    .head_width = 6
};
static const ClipConfig clip = {
    .vocabulary = 40,
    .positions = 9,
    .text = {.width = 16, .layers = 2, .heads = 4, .hidden = 32},
    .vision = {.width = 24, .layers = 2, .heads = 4, .hidden = 48},
    .picture = 32,
    .patch = 8,
    .joint = 20,
    .gelu = UNARY_QUICK_GELU
};

static const char *const not_clap_audio[] = {"text_", "logit_scale_", "*relative_position_index",
                                             "*num_batches_tracked", NULL};
static const char *const not_clap_text[] = {"audio_", "logit_scale_", "*position_ids",
                                            "*token_type_ids", NULL};
static const char *const not_clip_text[] = {"vision_model.", "visual_projection.", "*position_ids",
                                            "logit_scale", NULL};
static const char *const not_t5[] = {"encoder.embed_tokens.weight", NULL};

static void write_values(NetCase *c, const char *name, const void *values)
{
    Err err = {0};
    CHECK_OK(mel_plan_write(c->plan, name, values, &err));
}

static void run(NetCase *c)
{
    Err err = {0};
    CHECK_OK(mel_plan_run(c->plan, &err));
}

/* ---- sound ---------------------------------------------------------------------------------- */

static void check_clap_audio(const char *sound, const char *wanted, DType float_type)
{
    NetCase c;
    net_open(&c, "clap_windows.bin", NULL, "clap_windows.io.safetensors", float_type);
    assert_string_equal(mel_checkpoint_format(c.weights), "torch zip");
    Node *log_mel = mel_graph_input(c.graph, sound, DTYPE_F32, net_array(&c, sound)->shape);
    Node *audio = mel_net_clap_audio_embedding(c.graph, &clap, log_mel);
    assert_int_equal(mel_node_dtype(audio), float_type);
    mel_graph_output(c.graph, wanted, audio);
    net_plan(&c, mel_device(), not_clap_audio);
    net_write(&c, sound);
    run(&c);
    net_check(&c, wanted, float_type);
    net_close(&c);
}

static void ten_seconds_pass_the_published_windows_in_the_type_of_the_graph(void **state)
{
    (void)state;
    check_clap_audio("log_mel", "audio", DTYPE_F32);
    check_clap_audio("log_mel", "audio", DTYPE_BF16);
}

/* Of few frames many new ones lie near the ends, where the interpolation has nothing beyond. */
static void a_short_sound_is_stretched_up_to_its_ends(void **state)
{
    (void)state;
    check_clap_audio("short", "short_audio", DTYPE_F32);
}

/* ---- padding -------------------------------------------------------------------------------- */

enum { LONGEST = 64 };

/* The fixture's ids [2, L], continued by `padding` up to [2, length]; the mask that hides every
 * `padding`, and RoBERTa's positions. */
typedef struct Padded {
    int32_t ids[2 * LONGEST], positions[2 * LONGEST];
    float mask[2 * LONGEST];
} Padded;

static Padded pad(const NetCase *c, int64_t length, int32_t padding)
{
    Padded p;
    const CheckpointTensor *tensor = net_array(c, "ids");
    const int32_t *ids = tensor->data;
    int64_t theirs = tensor->shape.dims[1];
    assert_true(length >= theirs && length <= LONGEST);
    for (int64_t row = 0; row < 2; row++) {
        int32_t seen = 0;
        for (int64_t i = 0; i < length; i++) {
            int64_t at = row * length + i;
            p.ids[at] = i < theirs ? ids[row * theirs + i] : padding;
            bool hidden = p.ids[at] == padding;
            p.mask[at] = hidden ? -1e9f : 0;
            p.positions[at] = hidden ? 1 : 1 + ++seen;
        }
    }
    return p;
}

static void check_clap_text(int64_t length)
{
    NetCase c;
    net_open(&c, "clap_windows.bin", NULL, "clap_windows.io.safetensors", DTYPE_F32);
    Node *ids = mel_graph_input(c.graph, "ids", DTYPE_I32, SHAPE(2, length));
    Node *positions = mel_graph_input(c.graph, "positions", DTYPE_I32, SHAPE(2, length));
    Node *mask = mel_graph_input(c.graph, "mask", DTYPE_F32, SHAPE(2, 1, 1, length));
    mel_graph_output(c.graph, "text",
                     mel_net_clap_text_embedding(c.graph, &clap, ids, positions, mask));
    net_plan(&c, mel_device(), not_clap_text);
    Padded p = pad(&c, length, 1);
    write_values(&c, "ids", p.ids);
    write_values(&c, "positions", p.positions);
    write_values(&c, "mask", p.mask);
    run(&c);
    net_check(&c, "text", DTYPE_F32);
    net_close(&c);
}

static void more_padding_does_not_change_what_clap_makes_of_a_text(void **state)
{
    (void)state;
    check_clap_text(7);
    check_clap_text(18);
}

/* The first tokens' states are the fixture's; with a mask, or without any. */
static void check_tango(int64_t length, bool masked)
{
    NetCase c;
    net_open(&c, "tango_t5.bin", "text_encoder.", "tango_t5.io.safetensors", DTYPE_F32);
    Node *ids = mel_graph_input(c.graph, "ids", DTYPE_I32, SHAPE(2, length)), *mask = NULL;
    if (masked) mask = mel_graph_input(c.graph, "mask", DTYPE_F32, SHAPE(2, 1, 1, length));
    Node *states = mel_net_t5_encoder(c.graph, &t5, ids, mask);
    mel_graph_output(c.graph, "states", mel_op_slice(states, 1, 0, 30));
    net_plan(&c, mel_device(), not_t5);
    Padded p = pad(&c, length, 0);
    write_values(&c, "ids", p.ids);
    if (masked) write_values(&c, "mask", p.mask);
    run(&c);
    net_check(&c, "states", DTYPE_F32);
    net_close(&c);
}

static void t5_is_read_out_of_tangos_file_and_padding_changes_nothing(void **state)
{
    (void)state;
    check_tango(30, false);
    check_tango(30, true);
    check_tango(57, true);
}

/* CLIP has no mask: a token sees those before it, so what follows the end cannot matter. */
static void clip_does_not_look_beyond_the_end_token(void **state)
{
    (void)state;
    enum { SHORT = 5, JOINT = 20 };
    static const int32_t end = SHORT - 1;
    double ours[JOINT];
    NetCase c;
    Err err = {0};
    net_open(&c, "clip.safetensors", NULL, "clip.io.safetensors", DTYPE_F32);
    Node *ids = mel_graph_input(c.graph, "ids", DTYPE_I32, SHAPE(1, SHORT));
    Node *ends = mel_graph_input(c.graph, "ends", DTYPE_I32, SHAPE(1));
    Node *states = mel_net_clip_text(c.graph, &clip, ids);
    mel_graph_output(c.graph, "text", mel_net_clip_text_embedding(c.graph, &clip, states, ends));
    net_plan(&c, mel_device(), not_clip_text);
    write_values(&c, "ids", net_array(&c, "ids")->data); /* the first of its two texts, cut */
    write_values(&c, "ends", &end);
    run(&c);
    CHECK_OK(mel_plan_read_f64(c.plan, "text", ours, &err));
    const float *whole = net_array(&c, "text")->data;
    for (int i = 0; i < JOINT; i++)
        CHECK_NEAR(ours[i], (double)whole[i], 1e-5);
    net_close(&c);
}

/* ---- what does not fit ---------------------------------------------------------------------- */

static void check_refused(Graph *graph, const Node *result, const char *why)
{
    Err err = {0};
    assert_null(result);
    if (mel_graph_ok(graph, &err)) fail_msg("nothing was refused, wanted: %s", why);
    if (!strstr(err.message, why)) fail_msg("%s; wanted: %s", err.message, why);
    mel_err_clear(&err);
    mel_graph_free(graph);
}

static void inputs_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    Graph *g = mel_graph_new(DTYPE_F32);
    Node *x = mel_graph_input(g, "ids", DTYPE_I32, SHAPE(1, 10));
    check_refused(g, mel_net_clip_text(g, &clip, x), "at most 9 tokens");
    g = mel_graph_new(DTYPE_F32);
    x = mel_graph_input(g, "pictures", DTYPE_F32, SHAPE(1, 32, 40, 3));
    check_refused(g, mel_net_clip_vision_embedding(g, &clip, x), "pictures of 32x32");
    g = mel_graph_new(DTYPE_F32);
    x = mel_graph_input(g, "log_mel", DTYPE_F32, SHAPE(1, 1001, 48));
    check_refused(g, mel_net_htsat(g, &clap.audio, x), "64 mel bins");
    HtsatConfig odd = clap.audio;
    odd.side = 192;
    g = mel_graph_new(DTYPE_F32);
    x = mel_graph_input(g, "log_mel", DTYPE_F32, SHAPE(1, 1001, 64));
    check_refused(g, mel_net_htsat(g, &odd, x), "not whole windows");
}

/* ---- published sizes ------------------------------------------------------------------------ */

/* Running statistics are buffers: transformers does not count them. */
static void check_size(Graph *graph, int tensors, int64_t numbers)
{
    Err err = {0};
    int64_t sum = 0;
    int count = 0;
    CHECK_OK(mel_graph_ok(graph, &err));
    for (int i = 0; i < mel_graph_param_count(graph); i++) {
        if (strstr(mel_graph_param_name(graph, i), "running_")) continue;
        sum += mel_shape_count(mel_graph_param_shape(graph, i));
        count++;
    }
    assert_int_equal(count, tensors);
    assert_int_equal(sum, numbers);
    mel_graph_free(graph);
}

static void check_clip_towers(const ClipConfig *config, int64_t text_numbers, int vision_tensors,
                              int64_t vision_numbers)
{
    Graph *g = mel_graph_new(DTYPE_F32);
    Node *states = mel_net_clip_text(g, config, mel_graph_input(g, "ids", DTYPE_I32, SHAPE(1, 77)));
    mel_net_clip_text_embedding(g, config, states, mel_graph_input(g, "e", DTYPE_I32, SHAPE(1)));
    check_size(g, 197, text_numbers);
    g = mel_graph_new(DTYPE_F32);
    Node *pictures = mel_graph_input(g, "pictures", DTYPE_F32, SHAPE(1, 224, 224, 3));
    mel_net_clip_vision_embedding(g, config, pictures);
    check_size(g, vision_tensors, vision_numbers);
}

static void each_tower_has_as_many_tensors_and_numbers_as_published(void **state)
{
    (void)state;
    ClipConfig b32 = mel_clip_b32(), l14 = mel_clip_l14();
    check_clip_towers(&b32, 63428096, 200, 87849216);
    check_clip_towers(&l14, 123650304, 392, 303966208);
    ClapConfig published = mel_clap_htsat_unfused();
    Graph *g = mel_graph_new(DTYPE_F32);
    Node *log_mel = mel_graph_input(g, "log_mel", DTYPE_F32, SHAPE(1, 1001, 64));
    mel_net_clap_audio_embedding(g, &published, log_mel);
    check_size(g, 225, 28190872);
    g = mel_graph_new(DTYPE_F32);
    Node *ids = mel_graph_input(g, "ids", DTYPE_I32, SHAPE(1, 20));
    Node *positions = mel_graph_input(g, "positions", DTYPE_I32, SHAPE(1, 20));
    mel_net_clap_text_embedding(g, &published, ids, positions, NULL);
    check_size(g, 203, 125302016);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_seconds_pass_the_published_windows_in_the_type_of_the_graph),
        cmocka_unit_test(a_short_sound_is_stretched_up_to_its_ends),
        cmocka_unit_test(more_padding_does_not_change_what_clap_makes_of_a_text),
        cmocka_unit_test(t5_is_read_out_of_tangos_file_and_padding_changes_nothing),
        cmocka_unit_test(clip_does_not_look_beyond_the_end_token),
        cmocka_unit_test(inputs_that_do_not_fit_are_refused),
        cmocka_unit_test(each_tower_has_as_many_tensors_and_numbers_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
