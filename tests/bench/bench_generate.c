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
#include "engine/engine.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 1000, TOKENS = 40 };
static const char text[] = "A slow piano plays a calm tune over soft strings.";

typedef struct Bench {
    MusicModel *music;
    PictureModel *picture;
    int times[STEPS_MAX], steps;
    int32_t lengths[2]; /* of the text, of none */
    float *image, *latents[2];
    int64_t latent_count;
    int64_t rounds;
} Bench;

static _Noreturn void give_up(const Err *err)
{
    mel_log_error(err);
    exit(1);
}

static void look(Bench *b, const char *path)
{
    Err err = {0};
    LoadedPicture picture;
    if (!mel_load_picture(path, &picture, &err)) give_up(&err);
    const PictureSize size = {.width = picture.width, .height = picture.height};
    b->image =
        mel_alloc((size_t)mel_shape_count(mel_picture_model_latent(b->picture)) * sizeof *b->image);
    if (!mel_picture_encode(b->picture, picture.rgb, size, b->image, &err)) give_up(&err);
    free(picture.rgb);
}

static void bench_open(Bench *b, const char *model, const char *path)
{
    Err err = {0};
    if (!mel_music_model_open(model, true, TOKENS, DTYPE_F32, &b->music, &err) ||
        !mel_picture_model_open(model, mel_music_model_synapse(b->music), DTYPE_F32, &b->picture,
                                &err) ||
        !mel_schedule_times(mel_music_model_schedule(b->music), mel_sampler_grid(SAMPLER_DDIM),
                            b->steps, b->times, &err) ||
        !mel_music_text_length(b->music, text, &b->lengths[0], &err) ||
        !mel_music_text_length(b->music, "", &b->lengths[1], &err))
        give_up(&err);
    b->latent_count = mel_shape_count(mel_music_model_latent(b->music));
    for (int i = 0; i < 2; i++)
        b->latents[i] = mel_alloc((size_t)b->latent_count * sizeof *b->latents[i]);
    look(b, path);
}

static void bench_close(Bench *b)
{
    mel_music_model_close(b->music);
    mel_picture_model_close(b->picture);
    free(b->image);
    free(b->latents[0]);
    free(b->latents[1]);
}

static PictureFeatures *features(Bench *b, Capture capture)
{
    Err err = {0};
    PictureFeatures *found;
    if (!mel_picture_features(b->picture, b->image, capture, b->times, b->steps, b->lengths, 2,
                              &found, NULL, &err))
        give_up(&err);
    return found;
}

static void make_music(Bench *b, const PictureFeatures *found, float *latent)
{
    Err err = {0};
    const MusicSampling how = {
        .sampler = SAMPLER_DDIM, .times = b->times, .count = b->steps, .guidance = 3, .seed = 1};
    if (!mel_music_sample(b->music, text, found, &how, latent, NULL, &err)) give_up(&err);
}

/* The shortest of the rounds, since other programs only add; the first also makes plans. */
static double seconds_of_features(Bench *b, Capture capture)
{
    double least = INFINITY;
    for (int64_t i = 0; i <= b->rounds; i++) {
        int64_t began = mel_monotonic_us();
        mel_picture_features_free(features(b, capture));
        if (i) least = fmin(least, (double)(mel_monotonic_us() - began) / 1e6);
    }
    return least;
}

static double seconds_of_inversion(Bench *b)
{
    Err err = {0};
    double least = INFINITY;
    int64_t n = mel_shape_count(mel_picture_model_latent(b->picture));
    float *trajectory = mel_alloc((size_t)(n * b->steps) * sizeof *trajectory);
    for (int64_t i = 0; i <= b->rounds; i++) {
        int64_t began = mel_monotonic_us();
        if (!mel_picture_invert(b->picture, b->image, INVERT_AT, b->times, b->steps, trajectory,
                                NULL, &err))
            give_up(&err);
        if (i) least = fmin(least, (double)(mel_monotonic_us() - began) / 1e6);
    }
    free(trajectory);
    return least;
}

static double seconds_of_music(Bench *b, const PictureFeatures *found, float *latent)
{
    double least = INFINITY;
    for (int64_t i = 0; i <= b->rounds; i++) {
        int64_t began = mel_monotonic_us();
        make_music(b, found, latent);
        if (i) least = fmin(least, (double)(mel_monotonic_us() - began) / 1e6);
    }
    return least;
}

/* |a - b| / |b|. */
static double distance(const float *a, const float *b, int64_t n)
{
    double far = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
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
    double alone = seconds_of_music(b, NULL, b->latents[0]);
    double replay = seconds_of_features(b, CAPTURE_REPLAY);
    double invert = seconds_of_features(b, CAPTURE_INVERT);
    PictureFeatures *back = features(b, CAPTURE_REPLAY), *forth = features(b, CAPTURE_INVERT);
    make_music(b, NULL, b->latents[1]);
    double mixed = seconds_of_music(b, back, b->latents[0]);
    double picture_far = distance(b->latents[1], b->latents[0], b->latent_count);
    make_music(b, forth, b->latents[1]);
    double pass = seconds_of_inversion(b) / b->steps, step = mixed / b->steps;
    printf("a step of the music %.1f ms, with a picture %.1f ms; of the picture's network %.1f ms, "
           "with what is taken %.1f ms\n",
           alone / b->steps * 1e3, step * 1e3, pass * 1e3, invert / b->steps * 1e3);
    bool met = tell_saved("features taken while inverting", mixed + invert, mixed + replay,
                          pass / (step + 2 * pass));
    met = tell_saved("a further text of the picture", mixed, mixed + replay,
                     2 * pass / (step + 2 * pass)) &&
          met;
    printf("latents, the one way beside the other: %.1e apart; with the picture beside without: "
           "%.1e\n",
           distance(b->latents[1], b->latents[0], b->latent_count), picture_far);
    mel_picture_features_free(back);
    mel_picture_features_free(forth);
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
    b.steps = (int)steps;
    char *weights = mel_path_join(model, "unet/diffusion_pytorch_model.safetensors");
    if (!picture || !mel_path_exists(weights)) {
        puts("there is no trained model yet: ./do demo makes one (or --model, --picture)");
    } else {
        bench_open(&b, model, picture);
        met = report(&b);
        bench_close(&b);
    }
    free(weights);
    free(picture);
    return met ? 0 : 1;
}
