/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/generate_run.h"
#include "cli/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES_MAX = 1 << 26 };

typedef struct GenerateArgs {
    const char *image, *text, *out, *batch, *model, *sampler, *capture;
    const char *rank, *bank, *picture_model, *music_model;
    int64_t steps, seed, samples, tokens;
    double guidance;
    bool bf16, guide_by_picture;
} GenerateArgs;

static const GenerateArgs generate_defaults = {.model = "melfusion",
                                               .sampler = "ddim",
                                               .capture = "replay",
                                               .steps = 50,
                                               .samples = 1,
                                               .tokens = 128,
                                               .guidance = 7,
                                               .picture_model = CLI_CLIP,
                                               .music_model = CLI_CLAP};

static const CliOption generate_options[] = {
    CLI_TEXT('i', "image", GenerateArgs, image, "FILE", "the picture, JPEG"),
    CLI_TEXT('t', "text", GenerateArgs, text, "TEXT", "what it shall sound like"),
    CLI_TEXT('o', "out", GenerateArgs, out, "FILE", "the music, .wav or .flac"),
    CLI_TEXT(0, "batch", GenerateArgs, batch, "FILE",
             "many at once: JSON lines with image, text, out and seed"),
    CLI_TEXT('m', "model", GenerateArgs, model, "NAME", "the model (melfusion)"),
    CLI_INT(0, "steps", GenerateArgs, steps, "N", "of the sampler (50)"),
    CLI_REAL('g', "guidance", GenerateArgs, guidance, "G", "by the text; 1 is none (7)"),
    CLI_TEXT(0, "sampler", GenerateArgs, sampler, "NAME", "ddim, ddpm or dpm++ (ddim)"),
    CLI_INT(0, "seed", GenerateArgs, seed, "N", "the same seed gives the same file (0)"),
    CLI_INT('n', "samples", GenerateArgs, samples, "N", "files for each request (1)"),
    CLI_TEXT(0, "rank", GenerateArgs, rank, "BY",
             "the best of the samples first: by clap (sound and text) or imsm (sound and picture)"),
    CLI_TEXT(0, "bank", GenerateArgs, bank, "FILE",
             "imsm: a text a line that it asks about (the batch's texts)"),
    CLI_TEXT(0, "picture-model", GenerateArgs, picture_model, "NAME",
             "imsm: a CLIP (" CLI_CLIP ")"),
    CLI_TEXT(0, "music-model", GenerateArgs, music_model, "NAME",
             "a CLAP or a sound tower (" CLI_CLAP ")"),
    CLI_TEXT(0, "capture", GenerateArgs, capture, "WHEN",
             "the picture's features: replay, or invert, a quarter cheaper (replay)"),
    CLI_INT(0, "tokens", GenerateArgs, tokens, "N", "of a text, at most (128)"),
    CLI_FLAG(0, "guide-by-picture", GenerateArgs, guide_by_picture,
             "guidance pushes towards the picture too"),
    CLI_FLAG(0, "bf16", GenerateArgs, bf16, "compute in bfloat16: faster on CPUs that multiply it"),
    CLI_END,
};

/* ---- requests ------------------------------------------------------------------------------- */

typedef struct Requests {
    Arena arena;
    Request *items;
    size_t count, capacity;
} Requests;

static bool check_out(const char *out, Err *err)
{
    const char *extension = mel_path_extension(out);
    return mel_equal(extension, "wav") || mel_equal(extension, "flac") ||
           mel_err(err, ERR_USAGE, "'%s' ends neither in .wav nor in .flac", out);
}

static bool add_request(Requests *r, Request request, Err *err)
{
    const char *image = request.image, *text = request.text, *out = request.out;
    if (!out) return mel_err(err, ERR_USAGE, "'out' says where the music goes: it is missing");
    if (!image && !text) return mel_err(err, ERR_USAGE, "neither a picture nor a text is given");
    if (!check_out(out, err)) return false;
    mel_grow(&r->items, &r->capacity, r->count + 1, sizeof *r->items);
    r->items[r->count++] = (Request){.image = mel_arena_strdup(&r->arena, image),
                                     .text = mel_arena_strdup(&r->arena, text),
                                     .out = mel_arena_strdup(&r->arena, out),
                                     .seed = request.seed};
    return true;
}

static bool add_line(Requests *r, const char *line, size_t n, int64_t seed, int number, Err *err)
{
    json_t *object = mel_json_parse(line, n, "a request", err);
    bool ok = object && add_request(r,
                                    (Request){.image = mel_json_text(object, "image", NULL),
                                              .text = mel_json_text(object, "text", NULL),
                                              .out = mel_json_text(object, "out", NULL),
                                              .seed = mel_json_i64(object, "seed", seed)},
                                    err);
    json_decref(object);
    return ok || mel_err_wrap(err, "line %d", number);
}

static bool read_batch(Requests *r, const char *path, int64_t seed, Err *err)
{
    char *text;
    size_t n;
    int number = 0;
    bool ok = mel_read_file(path, BATCH_BYTES_MAX, &text, &n, err);
    if (!ok) return false;
    for (char *line = text; ok && *line;) {
        size_t length = strcspn(line, "\n");
        number++;
        if (strspn(line, " \t\r\n") < length) ok = add_line(r, line, length, seed, number, err);
        line += length + (line[length] == '\n');
    }
    free(text);
    if (!ok) return mel_err_wrap(err, "'%s'", path);
    return r->count > 0 || mel_err(err, ERR_USAGE, "'%s' asks for nothing", path);
}

static void requests_clear(Requests *r)
{
    free(r->items);
    mel_arena_clear(&r->arena);
}

/* ---- ranking -------------------------------------------------------------------------------- */

typedef struct Bank {
    char *bytes; /* of the file, cut into lines */
    const char **texts;
    size_t count, capacity;
} Bank;

static void add_text(Bank *bank, const char *text)
{
    for (size_t i = 0; i < bank->count; i++)
        if (mel_equal(bank->texts[i], text)) return;
    mel_grow(&bank->texts, &bank->capacity, bank->count + 1, sizeof *bank->texts);
    bank->texts[bank->count++] = text;
}

static bool read_bank(Bank *bank, const char *path, const Requests *requests, Err *err)
{
    size_t n;
    for (size_t i = 0; !path && i < requests->count; i++)
        if (requests->items[i].text) add_text(bank, requests->items[i].text);
    if (!path) return true;
    if (!mel_read_file(path, BATCH_BYTES_MAX, &bank->bytes, &n, err)) return false;
    for (char *line = bank->bytes; *line;) {
        size_t length = strcspn(line, "\r\n"), gap = strspn(line + length, "\r\n");
        line[length] = '\0';
        if (length) add_text(bank, line);
        line += length + gap;
    }
    return true;
}

static bool open_ranker(const GenerateArgs *args, const Requests *requests, Ranker **out, Err *err)
{
    Bank bank = {0};
    if (!args->rank) return true;
    RankSettings settings = {.by = mel_equal(args->rank, "clap") ? SCORE_CLAP : SCORE_IMSM,
                             .music_model = args->music_model,
                             .picture_model = args->picture_model,
                             .float_type = args->bf16 ? DTYPE_BF16 : DTYPE_F32};
    if (settings.by == SCORE_IMSM && !mel_equal(args->rank, "imsm"))
        return mel_err(err, ERR_USAGE, "'--rank' is clap or imsm, not '%s'", args->rank);
    bool ok = read_bank(&bank, args->bank, requests, err);
    settings.bank = bank.texts;
    settings.bank_count = (int64_t)bank.count;
    ok = ok && cli_ranker_open(&settings, out, err);
    free(bank.bytes);
    free((void *)bank.texts);
    return ok;
}

/* ---- the command ---------------------------------------------------------------------------- */

static void done(void *ctx, const Request *request, const char *path, double seconds)
{
    const Cli *cli = ctx;
    cli_progress_done();
    if (!cli->json) {
        mel_log_info("%s in %.1f s", path, seconds);
        return;
    }
    json_t *line = json_object();
    mel_json_set_text(line, "event", "generated");
    mel_json_set_text(line, "file", path);
    mel_json_set_text(line, "image", request->image);
    mel_json_set_text(line, "text", request->text);
    mel_json_set_f64(line, "seconds", seconds);
    cli_json_line(line);
}

static bool check(const GenerateArgs *args, GenerateJob *job, Err *err)
{
    bool invert = mel_equal(args->capture, "invert");
    if (!mel_sampler_kind(args->sampler, &job->sampler, err)) return false;
    if (!invert && !mel_equal(args->capture, "replay"))
        return mel_err(err, ERR_USAGE, "'--capture' is replay or invert, not '%s'", args->capture);
    if (args->steps < 1 || args->steps > 1000)
        return mel_err(err, ERR_USAGE, "'--steps' is 1 to 1000");
    if (args->samples < 1 || args->samples > 1000)
        return mel_err(err, ERR_USAGE, "'--samples' is 1 to 1000");
    if (args->tokens < 1 || args->tokens > 512)
        return mel_err(err, ERR_USAGE, "'--tokens' is 1 to 512");
    if (!(args->guidance >= 0 && args->guidance <= 1000))
        return mel_err(err, ERR_USAGE, "'--guidance' is 0 to 1000");
    if (args->batch && (args->image || args->text || args->out))
        return mel_err(err, ERR_USAGE, "'--batch' has its own images, texts and outs");
    job->capture = invert ? CAPTURE_INVERT : CAPTURE_REPLAY;
    return true;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const GenerateArgs *args = options;
    Requests requests = {0};
    GenerateJob job = {.steps = args->steps,
                       .samples = args->samples,
                       .tokens = args->tokens,
                       .guidance = args->guidance,
                       .bf16 = args->bf16,
                       .guide_by_picture = args->guide_by_picture,
                       .progress = &cli->progress,
                       .done = done,
                       .ctx = cli};
    char *model = NULL;
    bool ok =
        check(args, &job, err) &&
        (args->batch ? read_batch(&requests, args->batch, args->seed, err)
                     : add_request(&requests,
                                   (Request){args->image, args->text, args->out, args->seed}, err));
    ok = ok && open_ranker(args, &requests, &job.ranker, err);
    if (ok) {
        model = cli_model_find(NULL, args->model, err);
        job.model = model;
        ok = model && cli_generate(&job, requests.items, (int64_t)requests.count, err);
    }
    cli_progress_done();
    free(model);
    cli_ranker_close(job.ranker);
    requests_clear(&requests);
    return !ok ? RUN_ERROR : job.failed ? EXIT_SOME_FAILED : EXIT_DONE;
}

const CliCommand cmd_generate = {
    .name = "generate",
    .summary = "music from a picture and a text",
    .usage = "generate [--image FILE] [--text TEXT] --out FILE",
    .details =
        "Makes 10.24 seconds of music at 16 kHz. The picture is inverted into the image model's\n"
        "noise, and what that model attends to on the way is mixed into the music model. Without\n"
        "a picture the text alone decides, without a text the picture alone. Beside each file a\n"
        "JSON says all that it takes to make it again to the bit. --batch looks at each picture\n"
        "once for all that is asked of it.\n\n"
        "  mel generate --image sea.jpg --text \"a calm piano\" --out sea.wav\n"
        "  mel generate --batch requests.jsonl --steps 200 --samples 4",
    .options = generate_options,
    .defaults = &generate_defaults,
    .size = sizeof(GenerateArgs),
    .min_args = 0,
    .max_args = 0,
    .computes = true,
    .run = run,
};
