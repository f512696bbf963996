/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks out of files that name their parameters as the original code does. */
#include "tests/engine/net_case.h"

#include <string.h>

static const UnetConfig unet = {
    .in_channels = 4,
    .out_channels = 4,
    .text_width = 6,
    .levels = 3,
    .widths = {4, 8, 8},
    .heads = {2, 2, 2},
    .layers = 2,
    .groups = 2
};
static const VaeConfig picture_vae = {
    .channels = 3,
    .latent_channels = 4,
    .levels = 3,
    .widths = {4, 8, 8},
    .layers = 2,
    .groups = 4,
    .scaling = 1
};
static const VaeConfig sound_vae = {
    .channels = 1,
    .latent_channels = 8,
    .levels = 3,
    .widths = {4, 4, 8},
    .layers = 2,
    .groups = 4,
    .scaling = 1
};
static const HifiganConfig vocoder = {
    .mel_bins = 6,
    .width = 8,
    .stages = 3,
    .rates = {5,  4,  2 },
    .kernels = {16, 16, 8 },
    .resblock_count = 3,
    .resblock_kernels = {3,  7,  11},
    .dilations = {1,  3,  5 }
};

static void open_net(NetCase *c, const char *weights, const char *io, NamedNet net,
                     NameLayout layout, const char *prefix)
{
    net_open(c, weights, NULL, io, DTYPE_F32);
    assert_true(mel_names_detect(c->weights, net, &c->source.layout, &c->source.prefix));
    assert_int_equal(c->source.layout, layout);
    assert_string_equal(c->source.prefix, prefix);
}

static void run(NetCase *c, const char *const *known, const char *const *inputs, int count)
{
    Err err = {0};
    net_plan(c, mel_device(), known);
    for (int i = 0; i < count; i++)
        net_write(c, inputs[i]);
    CHECK_OK(mel_plan_run(c->plan, &err));
}

static void build_vae(NetCase *c, const VaeConfig *config)
{
    c->source.levels = config->levels;
    VaeMoments moments = mel_net_vae_encoder(c->graph, config, net_input(c, "x"));
    mel_graph_output(c->graph, "mean", moments.mean);
    mel_graph_output(c->graph, "log_variance", moments.log_variance);
    mel_graph_output(c->graph, "y", mel_net_vae_decoder(c->graph, config, net_input(c, "z")));
}

static void check_vae(NetCase *c, const VaeConfig *config, const char *const *known)
{
    static const char *const inputs[] = {"x", "z"};
    build_vae(c, config);
    run(c, known, inputs, 2);
    net_check(c, "mean", DTYPE_F32);
    net_check(c, "log_variance", DTYPE_F32);
    net_check(c, "y", DTYPE_F32);
    net_close(c);
}

static void a_unet_is_read_from_a_ckpt_of_everything(void **state)
{
    (void)state;
    static const char *const inputs[] = {"unet.x", "timesteps", "text"};
    NetCase c;
    open_net(&c, "sd.ckpt", "sd.io.safetensors", NAMED_UNET, NAMES_LDM_UNET,
             "model.diffusion_model.");
    const UnetInputs in = {.x = net_input(&c, "unet.x"),
                           .timesteps = net_input(&c, "timesteps"),
                           .text = net_input(&c, "text")};
    mel_graph_output(c.graph, "unet.y", mel_net_unet(c.graph, &unet, &in, NULL));
    run(&c, NULL, inputs, 3);
    net_check(&c, "unet.y", DTYPE_F32);
    /* In this file a wrong kind of GELU is 1.2e-4 away, wrong constants of norms are further. */
    assert_true(net_distance(&c, "unet.y") < 1e-5);
    net_close(&c);
}

static void an_autoencoder_is_read_from_a_ckpt_of_everything(void **state)
{
    (void)state;
    NetCase c;
    open_net(&c, "sd.ckpt", "sd.io.safetensors", NAMED_VAE, NAMES_LDM_VAE, "first_stage_model.");
    check_vae(&c, &picture_vae, NULL);
}

static const char *const not_of_the_vae[] = {"vocoder.", NULL};

static void an_autoencoder_is_read_from_the_file_it_shares_with_its_vocoder(void **state)
{
    (void)state;
    NetCase c;
    open_net(&c, "tango_vae.bin", "tango_vae.io.safetensors", NAMED_VAE, NAMES_LDM_VAE, "");
    check_vae(&c, &sound_vae, not_of_the_vae);
}

static void a_vocoder_is_read_from_the_file_it_shares_with_its_autoencoder(void **state)
{
    (void)state;
    static const char *const inputs[] = {"mel"};
    NetCase c;
    open_net(&c, "tango_vae.bin", "tango_vae.io.safetensors", NAMED_VOCODER, NAMES_LDM_VOCODER,
             "vocoder.");
    mel_graph_output(c.graph, "samples", mel_net_hifigan(c.graph, &vocoder, net_input(&c, "mel")));
    run(&c, NULL, inputs, 1);
    net_check(&c, "samples", DTYPE_F32);
    net_close(&c);
}

static void what_is_missing_and_what_is_left_over_is_named(void **state)
{
    (void)state;
    Err err = {0};
    VaeConfig config = sound_vae;
    NetCase c;
    open_net(&c, "tango_vae.bin", "tango_vae.io.safetensors", NAMED_VAE, NAMES_LDM_VAE, "");
    config.layers = 1; /* what is asked for is all there */
    build_vae(&c, &config);
    if (mel_params_check(c.graph, &c.source, not_of_the_vae, &err)) fail();
    if (!strstr(err.message, "nobody asks for 'decoder.up.0.block.2.")) fail_msg("%s", err.message);
    mel_err_clear(&err);
    c.source.layout = NAMES_AS_ASKED;
    if (mel_params_check(c.graph, &c.source, not_of_the_vae, &err)) fail();
    if (!strstr(err.message, "there is no 'encoder.down_blocks.0.resnets.0.norm1.weight'"))
        fail_msg("%s", err.message);
    net_close(&c);
}

static void nothing_is_found_where_there_is_no_such_network(void **state)
{
    (void)state;
    NetCase c;
    NameLayout layout;
    const char *prefix;
    net_open(&c, "tango_vae.bin", NULL, "tango_vae.io.safetensors", DTYPE_F32);
    assert_false(mel_names_detect(c.weights, NAMED_UNET, &layout, &prefix));
    net_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unet_is_read_from_a_ckpt_of_everything),
        cmocka_unit_test(an_autoencoder_is_read_from_a_ckpt_of_everything),
        cmocka_unit_test(an_autoencoder_is_read_from_the_file_it_shares_with_its_vocoder),
        cmocka_unit_test(a_vocoder_is_read_from_the_file_it_shares_with_its_autoencoder),
        cmocka_unit_test(what_is_missing_and_what_is_left_over_is_named),
        cmocka_unit_test(nothing_is_found_where_there_is_no_such_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
