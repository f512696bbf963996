/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/latent_run.h"
#include "cli/models.h"

#include <stdlib.h>

typedef struct LatentArgs {
    const char *model, *convention;
    int64_t steps;
    bool bf16;
} LatentArgs;

static const LatentArgs latent_defaults = {
    .model = "melfusion", .convention = "before", .steps = 50};

static const CliOption latent_options[] = {
    CLI_TEXT('m', "model", LatentArgs, model, "NAME", "the model (melfusion)"),
    CLI_INT(0, "steps", LatentArgs, steps, "N", "of the inversion (50)"),
    CLI_TEXT(0, "convention", LatentArgs, convention, "WHICH",
             "of the inversion: before, the exact reverse of a step, or at (before)"),
    CLI_FLAG(0, "bf16", LatentArgs, bf16, "compute in bfloat16: faster on CPUs that multiply it"),
    CLI_END,
};

static void say_file(const Cli *cli, const char *event, const char *file)
{
    if (!cli->json) return;
    json_t *line = json_object();
    mel_json_set_text(line, "event", event);
    mel_json_set_text(line, "file", file);
    cli_json_line(line);
}

static void say_reconstruction(const Cli *cli, const Reconstruction *r)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "reconstructed");
        mel_json_set_f64(line, "autoencoder_db", r->autoencoder_db);
        mel_json_set_f64(line, "latent_db", r->latent_db);
        mel_json_set_f64(line, "picture_db", r->picture_db);
        cli_json_line(line);
        return;
    }
    mel_log_info("inverted and replayed: the latent by %.1f dB; the picture by %.1f dB, by the "
                 "autoencoder alone %.1f dB (PSNR)",
                 r->latent_db, r->picture_db, r->autoencoder_db);
}

static bool go(const Cli *cli, const LatentJob *job, Err *err)
{
    const char *action = cli->argv[0], *in = cli->argv[1];
    const char *out = cli->argc > 2 ? cli->argv[2] : NULL;
    Reconstruction result;
    if (mel_equal(action, "reconstruct")) {
        bool ok = cli_latent_reconstruct(job, in, out, &result, err);
        cli_progress_done();
        if (ok) say_reconstruction(cli, &result);
        return ok;
    }
    if (!out) return mel_err(err, ERR_USAGE, "%s wants a file to write", action);
    bool ok = mel_equal(action, "encode")   ? cli_latent_encode(job, in, out, err)
              : mel_equal(action, "decode") ? cli_latent_decode(job, in, out, err)
              : mel_equal(action, "invert")
                  ? cli_latent_invert(job, in, out, err)
                  : mel_err(err, ERR_USAGE, "there is no '%s': encode, decode, invert, reconstruct",
                            action);
    cli_progress_done();
    if (ok) say_file(cli, action, out);
    return ok;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const LatentArgs *args = options;
    LatentJob job = {.steps = args->steps, .bf16 = args->bf16, .progress = &cli->progress};
    bool at = mel_equal(args->convention, "at");
    job.convention = at ? INVERT_AT : INVERT_BEFORE;
    if (!at && !mel_equal(args->convention, "before"))
        return mel_err(err, ERR_USAGE, "'--convention' is before or at") ? EXIT_DONE : RUN_ERROR;
    if (args->steps < 1 || args->steps > 1000)
        return mel_err(err, ERR_USAGE, "'--steps' is 1 to 1000") ? EXIT_DONE : RUN_ERROR;
    char *model = cli_model_find(NULL, args->model, err);
    job.model = model;
    bool ok = model && go(cli, &job, err);
    free(model);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_latent = {
    .name = "latent",
    .summary = "the stages of generation one by one",
    .usage = "latent encode|decode|invert|reconstruct IN [OUT]",
    .details = "encode       a picture or a sound into the latent that diffusion sees\n"
               "decode       a latent back: .jpg, or .wav and .flac\n"
               "invert       a picture's latent into its noise, with all latents on the way\n"
               "reconstruct  a picture through all of it, and how near it comes back (PSNR)\n\n"
               "  mel latent reconstruct sea.jpg --model melfusion",
    .options = latent_options,
    .defaults = &latent_defaults,
    .size = sizeof(LatentArgs),
    .min_args = 2,
    .max_args = 3,
    .computes = true,
    .run = run,
};
