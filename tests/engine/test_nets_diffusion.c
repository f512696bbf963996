/* SPDX-License-Identifier: Apache-2.0
 *
 * UNets, autoencoders and the vocoder beside tests/parity/make_nets_diffusion.py. */
#include "tests/engine/net_case.h"

#include <string.h>

/* ---- UNet ----------------------------------------------------------------------------------- */

static UnetConfig small_unet(int64_t channels, const int heads[4], int64_t text_width, bool linear)
{
    UnetConfig c = mel_unet_sd21();
    const int64_t widths[] = {8, 16, 16, 16};
    c.in_channels = c.out_channels = channels;
    c.text_width = text_width;
    c.linear_projection = linear;
    c.groups = 4;
    memcpy(c.widths, widths, sizeof widths);
    memcpy(c.heads, heads, 4 * sizeof *heads);
    return c;
}

static Node *build_unet(NetCase *c, const UnetConfig *config, bool masked, const UnetHook *hook)
{
    const UnetInputs inputs = {.x = net_input(c, "x"),
                               .timesteps =
                                   mel_graph_input(c->graph, "timesteps", DTYPE_F32, SHAPE(2)),
                               .text = net_input(c, "text"),
                               .mask = masked ? net_input(c, "mask") : NULL};
    return mel_graph_output(c->graph, "y", mel_net_unet(c->graph, config, &inputs, hook));
}

static void run_unet(NetCase *c, Backend *backend, bool masked)
{
    Err err = {0};
    static const char *const inputs[] = {"x", "timesteps", "text", "mask"};
    net_plan(c, backend, NULL);
    for (int i = 0; i < 3 + masked; i++)
        net_write(c, inputs[i]);
    CHECK_OK(mel_plan_run(c->plan, &err));
}

static void check_unet(const char *weights, const char *io, const UnetConfig *config, bool masked,
                       DType float_type, Backend *backend)
{
    NetCase c;
    net_open(&c, weights, NULL, io, float_type);
    build_unet(&c, config, masked, NULL);
    run_unet(&c, backend, masked);
    net_check(&c, "y", float_type);
    net_close(&c);
}

static const int heads_sd15[] = {4, 4, 4, 4}, heads_sd21[] = {1, 2, 4, 4};
static const int heads_tango[] = {2, 4, 4, 4};

static void the_unet_of_stable_diffusion_15_agrees_with_diffusers(void **state)
{
    (void)state;
    UnetConfig config = small_unet(4, heads_sd15, 12, false);
    check_unet("unet_sd15.safetensors", "unet_sd15.io.safetensors", &config, false, DTYPE_F32,
               mel_device());
    check_unet("unet_sd15.safetensors", "unet_sd15.io.safetensors", &config, false, DTYPE_BF16,
               mel_device());
}

static void the_unet_of_stable_diffusion_21_agrees_with_diffusers(void **state)
{
    (void)state;
    UnetConfig config = small_unet(4, heads_sd21, 24, true);
    check_unet("unet_sd21.bin", "unet_sd21.io.safetensors", &config, false, DTYPE_F32,
               mel_device());
    check_unet("unet_sd21.bin", "unet_sd21.io.safetensors", &config, false, DTYPE_BF16,
               mel_device());
    check_unet("unet_sd21.bin", "unet_sd21.io.safetensors", &config, false, DTYPE_F32,
               mel_backend_reference());
}

static void the_unet_of_tango_agrees_with_diffusers(void **state)
{
    (void)state;
    UnetConfig config = small_unet(8, heads_tango, 24, true);
    check_unet("unet_tango.safetensors", "unet_tango.io.safetensors", &config, true, DTYPE_F32,
               mel_device());
    check_unet("unet_tango.safetensors", "unet_tango.io.safetensors", &config, true, DTYPE_BF16,
               mel_device());
}

/* ---- what a synapse needs ------------------------------------------------------------------- */

typedef struct Seen {
    char layers[40][96];
    int self, cross, decoder_cross;
    bool replace;
} Seen;

static void see(void *ctx, const UnetAttention *where, Node **k, Node **v)
{
    Seen *seen = ctx;
    snprintf(seen->layers[seen->self + seen->cross], sizeof seen->layers[0], "%s", where->layer);
    seen->self += !where->cross;
    seen->cross += where->cross;
    if (!where->cross || !mel_starts_with(where->layer, "up_blocks.")) return;
    seen->decoder_cross++;
    if (!seen->replace) return;
    *k = mel_op_affine(*k, 1, 0); /* another node of the same numbers */
    *v = mel_op_affine(*v, 2, 0);
}

static void every_attention_is_reachable_by_its_published_name(void **state)
{
    (void)state;
    UnetConfig config = small_unet(4, heads_sd21, 24, true);
    NetCase c;
    Seen seen = {0};
    net_open(&c, "unet_sd21.bin", NULL, "unet_sd21.io.safetensors", DTYPE_F32);
    build_unet(&c, &config, false, &(UnetHook){.attention = see, .ctx = &seen});
    assert_int_equal(seen.self, 16);
    assert_int_equal(seen.cross, 16);
    assert_int_equal(seen.decoder_cross, 9);
    assert_string_equal(seen.layers[0], "down_blocks.0.attentions.0.transformer_blocks.0.attn1");
    assert_string_equal(seen.layers[13], "mid_block.attentions.0.transformer_blocks.0.attn2");
    assert_string_equal(seen.layers[31], "up_blocks.3.attentions.2.transformer_blocks.0.attn2");
    run_unet(&c, mel_device(), false);
    net_check(&c, "y", DTYPE_F32); /* looking changes nothing */
    net_close(&c);
}

static void a_hook_can_put_other_values_in_place(void **state)
{
    (void)state;
    UnetConfig config = small_unet(4, heads_sd21, 24, true);
    NetCase c;
    Seen seen = {.replace = true};
    net_open(&c, "unet_sd21.bin", NULL, "unet_sd21.io.safetensors", DTYPE_F32);
    build_unet(&c, &config, false, &(UnetHook){.attention = see, .ctx = &seen});
    run_unet(&c, mel_device(), false);
    assert_true(net_distance(&c, "y") > 1e-3);
    net_close(&c);
}

static VaeConfig small_vae(int64_t channels, int64_t latent_channels, int levels)
{
    return (VaeConfig){
        .channels = channels,
        .latent_channels = latent_channels,
        .levels = levels,
        .widths = {8, 16, 16, 16},
        .layers = 2,
        .groups = 4,
        .scaling = 1
    };
}

/* ---- strictness ----------------------------------------------------------------------------- */

static void check_refused(const UnetConfig *config, const char *prefix, const char *words)
{
    Err err = {0};
    NetCase c;
    net_open(&c, "unet_sd21.bin", prefix, "unet_sd21.io.safetensors", DTYPE_F32);
    build_unet(&c, config, false, NULL);
    if (mel_params_check(c.graph, &c.source, NULL, &err)) fail_msg("accepted: %s", words);
    assert_int_equal(err.code, ERR_FORMAT);
    if (!strstr(err.message, words)) fail_msg("'%s' does not say '%s'", err.message, words);
    net_close(&c);
}

static void a_checkpoint_of_another_network_is_refused_by_name(void **state)
{
    (void)state;
    UnetConfig config = small_unet(4, heads_sd21, 24, true);
    config.layers = 1;
    check_refused(&config, NULL, "[32] and not [24] is 'up_blocks.2.resnets.1.norm1.weight'");
    config.layers = 3;
    check_refused(&config, NULL, "there is no 'down_blocks.0.resnets.2.norm1.weight'");
    config = small_unet(4, heads_sd21, 24, true);
    check_refused(&config, "unet.", "there is no");
}

static void what_no_network_asks_for_is_named(void **state)
{
    (void)state;
    Err err = {0};
    VaeConfig config = small_vae(1, 8, 3);
    static const char *const known[] = {"encoder.", "*quant_conv.weight", "*quant_conv.bias", NULL};
    NetCase c;
    net_open(&c, "vae_audioldm.safetensors", NULL, "vae_audioldm.io.safetensors", DTYPE_F32);
    mel_net_vae_decoder(c.graph, &config, net_input(&c, "z"));
    if (mel_params_check(c.graph, &c.source, NULL, &err)) fail();
    assert_non_null(strstr(err.message, "nobody asks for 'encoder.conv_in.bias'"));
    mel_err_clear(&err);
    CHECK_OK(mel_params_check(c.graph, &c.source, known, &err));
    net_close(&c);
}

static void impossible_sizes_are_refused_when_the_graph_is_built(void **state)
{
    (void)state;
    Err err = {0};
    Graph *graph = mel_graph_new(DTYPE_F32);
    UnetConfig config = mel_unet_tango();
    const UnetInputs inputs = {.x = mel_graph_input(graph, "x", DTYPE_F32, SHAPE(1, 255, 16, 8)),
                               .timesteps = mel_graph_input(graph, "t", DTYPE_F32, SHAPE(1)),
                               .text =
                                   mel_graph_input(graph, "text", DTYPE_F32, SHAPE(1, 4, 1024))};
    assert_null(mel_net_unet(graph, &config, &inputs, NULL));
    CHECK_FAILS(mel_graph_ok(graph, &err), ERR_USAGE);
    mel_graph_free(graph);
    graph = mel_graph_new(DTYPE_F32);
    config.layers = UNET_LAYERS_MAX + 1;
    assert_null(mel_net_unet(graph, &config, &(UnetInputs){0}, NULL));
    assert_false(mel_graph_ok(graph, &err));
    assert_non_null(strstr(err.message, "3 layers"));
    mel_graph_free(graph);
}

/* ---- autoencoders --------------------------------------------------------------------------- */

static void check_vae(const char *weights, const char *io, const VaeConfig *config,
                      DType float_type)
{
    Err err = {0};
    NetCase c;
    net_open(&c, weights, NULL, io, float_type);
    VaeMoments moments = mel_net_vae_encoder(c.graph, config, net_input(&c, "x"));
    mel_graph_output(c.graph, "mean", moments.mean);
    mel_graph_output(c.graph, "log_variance", moments.log_variance);
    mel_graph_output(c.graph, "y", mel_net_vae_decoder(c.graph, config, net_input(&c, "z")));
    net_plan(&c, mel_device(), NULL);
    net_write(&c, "x");
    net_write(&c, "z");
    CHECK_OK(mel_plan_run(c.plan, &err));
    net_check(&c, "mean", float_type);
    net_check(&c, "log_variance", float_type);
    net_check(&c, "y", float_type);
    net_close(&c);
}

static void autoencoders_agree_with_diffusers(void **state)
{
    (void)state;
    VaeConfig sd = small_vae(3, 4, 4), audio = small_vae(1, 8, 3);
    check_vae("vae_sd.safetensors", "vae_sd.io.safetensors", &sd, DTYPE_F32);
    check_vae("vae_sd.safetensors", "vae_sd.io.safetensors", &sd, DTYPE_BF16);
    check_vae("vae_audioldm.safetensors", "vae_audioldm.io.safetensors", &audio, DTYPE_F32);
}

static void check_vocoder(DType float_type)
{
    Err err = {0};
    static const char *const known[] = {"mean", "scale", NULL};
    HifiganConfig config = mel_hifigan_audioldm();
    NetCase c;
    config.mel_bins = 10;
    config.width = 32;
    net_open(&c, "hifigan.safetensors", NULL, "hifigan.io.safetensors", float_type);
    mel_graph_output(c.graph, "samples", mel_net_hifigan(c.graph, &config, net_input(&c, "mel")));
    net_plan(&c, mel_device(), known);
    net_write(&c, "mel");
    CHECK_OK(mel_plan_run(c.plan, &err));
    net_check(&c, "samples", float_type);
    net_close(&c);
}

static void the_vocoder_agrees_with_transformers(void **state)
{
    (void)state;
    check_vocoder(DTYPE_F32);
    check_vocoder(DTYPE_BF16);
}

/* ---- published sizes ------------------------------------------------------------------------ */

static void check_size(Graph *graph, int64_t count, int tensors)
{
    Err err = {0};
    int64_t sum = 0;
    CHECK_OK(mel_graph_ok(graph, &err));
    for (int i = 0; i < mel_graph_param_count(graph); i++)
        sum += mel_shape_count(mel_graph_param_shape(graph, i));
    assert_int_equal(sum, count);
    if (tensors) assert_int_equal(mel_graph_param_count(graph), tensors);
    mel_graph_free(graph);
}

static void check_unet_size(const UnetConfig *config, int64_t h, int64_t w, int64_t count)
{
    Graph *graph = mel_graph_new(DTYPE_F32);
    const UnetInputs inputs = {
        .x = mel_graph_input(graph, "x", DTYPE_F32, SHAPE(1, h, w, config->in_channels)),
        .timesteps = mel_graph_input(graph, "t", DTYPE_F32, SHAPE(1)),
        .text = mel_graph_input(graph, "text", DTYPE_F32, SHAPE(1, 77, config->text_width))};
    assert_true(mel_net_unet(graph, config, &inputs, NULL) != NULL);
    check_size(graph, count, 686);
}

static void the_published_sizes_are_those_of_the_published_files(void **state)
{
    (void)state;
    UnetConfig sd15 = mel_unet_sd15(), sd21 = mel_unet_sd21(), tango = mel_unet_tango();
    check_unet_size(&sd15, 64, 64, 859520964);
    check_unet_size(&sd21, 64, 64, 865910724);
    check_unet_size(&tango, 256, 16, 865933768);
    VaeConfig sd = mel_vae_sd(), audio = mel_vae_audioldm();
    Graph *graph = mel_graph_new(DTYPE_F32);
    mel_net_vae_encoder(graph, &sd, mel_graph_input(graph, "x", DTYPE_F32, SHAPE(1, 64, 64, 3)));
    mel_net_vae_decoder(graph, &sd, mel_graph_input(graph, "z", DTYPE_F32, SHAPE(1, 8, 8, 4)));
    check_size(graph, 83653863, 248);
    graph = mel_graph_new(DTYPE_F32);
    mel_net_vae_encoder(graph, &audio, mel_graph_input(graph, "x", DTYPE_F32, SHAPE(1, 64, 64, 1)));
    mel_net_vae_decoder(graph, &audio, mel_graph_input(graph, "z", DTYPE_F32, SHAPE(1, 8, 8, 8)));
    check_size(graph, 55376873, 0);
    graph = mel_graph_new(DTYPE_F32);
    HifiganConfig hifigan = mel_hifigan_audioldm();
    Node *samples = mel_net_hifigan(graph, &hifigan,
                                    mel_graph_input(graph, "mel", DTYPE_F32, SHAPE(1, 1024, 64)));
    assert_int_equal(mel_node_dim(samples, 1), 163872); /* not 163,840 */
    check_size(graph, 55264897, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_unet_of_stable_diffusion_15_agrees_with_diffusers),
        cmocka_unit_test(the_unet_of_stable_diffusion_21_agrees_with_diffusers),
        cmocka_unit_test(the_unet_of_tango_agrees_with_diffusers),
        cmocka_unit_test(every_attention_is_reachable_by_its_published_name),
        cmocka_unit_test(a_hook_can_put_other_values_in_place),
        cmocka_unit_test(a_checkpoint_of_another_network_is_refused_by_name),
        cmocka_unit_test(what_no_network_asks_for_is_named),
        cmocka_unit_test(impossible_sizes_are_refused_when_the_graph_is_built),
        cmocka_unit_test(autoencoders_agree_with_diffusers),
        cmocka_unit_test(the_vocoder_agrees_with_transformers),
        cmocka_unit_test(the_published_sizes_are_those_of_the_published_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
