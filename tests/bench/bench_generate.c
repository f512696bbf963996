/* SPDX-License-Identifier: Apache-2.0
 *
 * What a picture costs when music is made, and what keeping its features saves.
 *
 *     bench-generate [--model FOLDER] [--picture FILE] [--steps N] [--rounds N]
 *
 * On a trained model (./do demo leaves one): the shortest times of N rounds of the music alone, of
 * the picture's features taken on the way back or while it is inverted, and how far the music of
 * the one is from that of the other. The forecast counts passes of the networks, each as long as it
 * takes where nothing is taken: the music's for both halves of the guidance, and one of the
 * picture's for each way. */
#include "curator/curator.h"
#include "tests/bench/bench_models.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 40 };
static const char text[] = "A slow piano plays a calm tune over soft strings.";

enum { BLIND = CAPTURE_INVERT + 1, WAYS }; /* no picture; else the way its features are taken */

typedef struct Bench {
    Models models;
    float *image, *trajectory, *latents[WAYS];
    PictureFeatures *features[BLIND];
    int64_t latent_count;
    int64_t rounds;
} Bench;

static void look(Bench *b, const char *path)
{
    Err err = {0};
    LoadedPicture picture;
    if (!mel_load_picture(path, &picture, &err)) give_up(&err);
    const PictureSize size = {.width = picture.width, .height = picture.height};
    size_t n = (size_t)mel_shape_count(mel_picture_model_latent(b->models.picture));
    b->image = mel_alloc(n * sizeof *b->image);
    b->trajectory = mel_alloc(n * (size_t)b->models.steps * sizeof *b->trajectory);
    if (!mel_picture_encode(b->models.picture, picture.rgb, size, b->image, &err)) give_up(&err);
    free(picture.rgb);
}

static void bench_open(Bench *b, const char *model, const char *path, int steps)
{
    models_open(
        &b->models,
        &(ModelsPlan){
            .folder = model, .text = text, .tokens = TOKENS, .steps = steps, .type = DTYPE_F32});
    b->latent_count = mel_shape_count(mel_music_model_latent(b->models.music));
    for (int i = 0; i < WAYS; i++)
        b->latents[i] = mel_alloc((size_t)b->latent_count * sizeof *b->latents[i]);
    look(b, path);
}

static void bench_close(Bench *b)
{
    models_close(&b->models);
    free(b->image);
    free(b->trajectory);
    for (int i = 0; i < WAYS; i++)
        free(b->latents[i]);
    for (int i = 0; i < BLIND; i++)
        mel_picture_features_free(b->features[i]);
}

/* What is timed, by one of the ways. */
typedef void Work(Bench *b, int way);

static void take_features(Bench *b, int way)
{
    Err err = {0};
    mel_picture_features_free(b->features[way]);
    if (!mel_picture_features(b->models.picture, b->image, (Capture)way, b->models.times,
                              b->models.steps, b->models.lengths, 2, &b->features[way], NULL, &err))
        give_up(&err);
}

static void invert_picture(Bench *b, int way)
{
    Err err = {0};
    (void)way;
    if (!mel_picture_invert(b->models.picture, b->image, INVERT_AT, b->models.times,
                            b->models.steps, b->trajectory, NULL, &err))
        give_up(&err);
}

static void make_music(Bench *b, int way)
{
    Err err = {0};
    const MusicSampling how = {.sampler = SAMPLER_DDIM,
                               .times = b->models.times,
                               .count = b->models.steps,
                               .guidance = 3,
                               .seed = 1};
    if (!mel_music_sample(b->models.music, text, way == BLIND ? NULL : b->features[way], &how,
                          b->latents[way], NULL, &err))
        give_up(&err);
}

/* Seconds of the shortest of the rounds, since other programs only add; the first, which also makes
 * plans, does not count. */
static double shortest(Bench *b, Work *work, int way)
{
    double least = INFINITY;
    for (int64_t i = 0; i <= b->rounds; i++) {
        int64_t began = mel_monotonic_us();
        work(b, way);
        if (i) least = fmin(least, (double)(mel_monotonic_us() - began) / 1e6);
    }
    return least;
}

/* |a - b| / |b|, of the music made by two ways. */
static double distance(const Bench *bench, int one, int other)
{
    const float *a = bench->latents[one], *b = bench->latents[other];
    double far = 0, size = 0;
    for (int64_t i = 0; i < bench->latent_count; i++) {
        far += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(far / size);
}

/* A line of what was saved; whether it is near the forecast, or better. */
static bool tell_saved(const char *what, double kept, double all, double forecast)
{
    double saved = 1 - kept / all;
    bool met = saved >= forecast - 0.04;
    printf("%-32s %8.2f s instead of %8.2f s: %4.1f %% saved, forecast %4.1f %%: %s\n", what, kept,
           all, 100 * saved, 100 * forecast, met ? "met" : "missed");
    return met;
}

static bool report(Bench *b)
{
    double alone = shortest(b, make_music, BLIND);
    double replay = shortest(b, take_features, CAPTURE_REPLAY);
    double invert = shortest(b, take_features, CAPTURE_INVERT);
    double mixed = shortest(b, make_music, CAPTURE_REPLAY);
    double pass = shortest(b, invert_picture, BLIND) / b->models.steps,
           step = mixed / b->models.steps;
    make_music(b, CAPTURE_INVERT);
    printf("a step of the music %.1f ms, with a picture %.1f ms; of the picture's network %.1f ms, "
           "with what is taken %.1f ms\n",
           alone / b->models.steps * 1e3, step * 1e3, pass * 1e3, invert / b->models.steps * 1e3);
    bool met = tell_saved("features taken while inverting", mixed + invert, mixed + replay,
                          pass / (step + 2 * pass));
    met = tell_saved("a further text of the picture", mixed, mixed + replay,
                     2 * pass / (step + 2 * pass)) &&
          met;
    printf("latents, the one way beside the other: %.1e apart; with the picture beside without: "
           "%.1e\n",
           distance(b, CAPTURE_INVERT, CAPTURE_REPLAY), distance(b, BLIND, CAPTURE_REPLAY));
    return met;
}

/* The first of the demo's stills; yours to free. NULL: there is none. */
static char *some_picture(void)
{
    glob_t found;
    char *path = NULL;
    if (glob("demo/dataset/media/*/*/still-0.jpg", 0, NULL, &found) == 0)
        path = mel_strdup(found.gl_pathv[0]);
    globfree(&found);
    return path;
}

int main(int argc, char **argv)
{
    const char *model = "demo/model";
    char *picture = some_picture();
    bool met = true;
    int64_t steps = 50;
    Bench b = {.rounds = 3};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (mel_equal(argv[i], "--model")) model = argv[i + 1];
        if (mel_equal(argv[i], "--picture")) {
            free(picture);
            picture = mel_strdup(argv[i + 1]);
        }
        if (mel_equal(argv[i], "--steps") &&
            (!mel_parse_i64(argv[i + 1], &steps) || steps < 1 || steps > STEPS_MAX))
            return 2;
        if (mel_equal(argv[i], "--rounds") && !mel_parse_i64(argv[i + 1], &b.rounds)) return 2;
    }
    char *weights = mel_path_join(model, "unet/diffusion_pytorch_model.safetensors");
    if (!picture || !mel_path_exists(weights)) {
        puts("there is no trained model yet: ./do demo makes one (or --model, --picture)");
    } else {
        bench_open(&b, model, picture, (int)steps);
        met = report(&b);
        bench_close(&b);
    }
    free(weights);
    free(picture);
    return met ? 0 : 1;
}
