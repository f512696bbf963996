/* SPDX-License-Identifier: Apache-2.0
 *
 * How long does a clip of 10.24 s take, from a picture and a text to its samples?
 *
 *     bench-clip [--model FOLDER] [--steps N] [--rounds N] [--type f32|bf16] [--device cpu|cuda]
 *
 * On a trained model (./do demo leaves one); mel-full-model writes one of the published sizes. The
 * picture is painted here; its features are taken while it is inverted. Shortest times of the
 * rounds, behind a first one that warms up. */
#include "tests/bench/bench_models.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TOKENS = 64, SIDE = 512 };
static const char text[] = "A slow piano plays a calm tune over soft strings and a distant choir.";

/* What 200 steps may take on a GPU of the H100's class. */
enum { WANTED_STEPS = 200, WANTED_S = 4, WARM_S = 10 };

typedef struct Bench {
    Models models;
    uint8_t *rgb;
    float *image, *latent, *log_mel, *samples;
} Bench;

typedef struct Seconds {
    double encode, invert, sample, decode, all;
} Seconds;

static double since(int64_t began)
{
    return (double)(mel_monotonic_us() - began) / 1e6;
}

static void paint(uint8_t *rgb)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            uint8_t *pixel = rgb + ((size_t)y * SIDE + (size_t)x) * 3;
            pixel[0] = (uint8_t)(x / 2);
            pixel[1] = (uint8_t)(y / 2);
            pixel[2] = (uint8_t)((x ^ y) & 255);
        }
}

static void bench_open(Bench *b, const char *model, DType type, int steps)
{
    models_open(&b->models,
                &(ModelsPlan){
                    .folder = model, .text = text, .tokens = TOKENS, .steps = steps, .type = type});
    const Shape *image = mel_picture_model_latent(b->models.picture);
    const Shape *latent = mel_music_model_latent(b->models.music);
    b->rgb = mel_alloc((size_t)SIDE * SIDE * 3);
    b->image = mel_alloc((size_t)mel_shape_count(image) * sizeof(float));
    b->latent = mel_alloc((size_t)mel_shape_count(latent) * sizeof(float));
    b->log_mel = mel_alloc((size_t)MUSIC_FRAMES * MUSIC_BINS * sizeof(float));
    b->samples = mel_alloc((size_t)mel_music_samples(b->models.music) * sizeof(float));
    paint(b->rgb);
}

static void bench_close(Bench *b)
{
    models_close(&b->models);
    free(b->rgb);
    free(b->image);
    free(b->latent);
    free(b->log_mel);
    free(b->samples);
}

static Seconds make_clip(Bench *b)
{
    Err err = {0};
    Seconds s;
    PictureFeatures *features;
    const PictureSize size = {.width = SIDE, .height = SIDE};
    const MusicSampling how = {.sampler = SAMPLER_DDIM,
                               .times = b->models.times,
                               .count = b->models.steps,
                               .guidance = 3,
                               .seed = 1};
    const int64_t began = mel_monotonic_us();
    if (!mel_picture_encode(b->models.picture, b->rgb, size, b->image, &err)) give_up(&err);
    s.encode = since(began);
    if (!mel_picture_features(b->models.picture, b->image, CAPTURE_INVERT, b->models.times,
                              b->models.steps, b->models.lengths, 2, &features, NULL, &err))
        give_up(&err);
    s.invert = since(began) - s.encode;
    if (!mel_music_sample(b->models.music, text, features, &how, b->latent, NULL, &err))
        give_up(&err);
    s.sample = since(began) - s.encode - s.invert;
    if (!mel_music_decode(b->models.music, b->latent, b->log_mel, &err) ||
        !mel_music_vocode(b->models.music, b->log_mel, b->samples, &err))
        give_up(&err);
    s.all = since(began);
    s.decode = s.all - s.encode - s.invert - s.sample;
    mel_picture_features_free(features);
    return s;
}

/* Ends with whether what was said of a GPU is so; of the CPU nothing is. */
static bool report(Bench *b, int64_t rounds, double ready, double first)
{
    Seconds best = {.all = INFINITY};
    for (int64_t i = 0; i < rounds; i++) {
        Seconds s = make_clip(b);
        if (s.all < best.all) best = s;
    }
    printf("a clip of 10.24 s in %d steps: %.2f s (picture %.2f, inversion with its features %.2f, "
           "music %.2f, sound %.2f)\n",
           b->models.steps, best.all, best.encode, best.invert, best.sample, best.decode);
    printf("ready in %.1f s, the first clip in %.2f s", ready, first);
    if (mel_device_memory_used())
        printf(", %.0f MB of the GPU's memory", (double)mel_device_memory_used() / 1048576);
    printf("\n");
    if (mel_equal(mel_device_name(), "cpu") || b->models.steps != WANTED_STEPS) return true;
    bool fast = best.all < WANTED_S, warm = ready + first - best.all <= WARM_S;
    printf("wanted under %d s: %s; no warm-up longer than %d s: %s\n", WANTED_S,
           fast ? "met" : "MISSED", WARM_S, warm ? "met" : "MISSED");
    return fast && warm;
}

int main(int argc, char **argv)
{
    Err err = {0};
    int64_t steps = WANTED_STEPS, rounds = 3;
    DType type = DTYPE_BF16;
    const char *device = "cpu", *model = "demo/model";
    Bench b = {0};
#ifdef MEL_CUDA
    mel_device_offer(mel_backend_cuda);
#endif
    for (int i = 1; i + 1 < argc; i += 2) {
        if (mel_equal(argv[i], "--model")) model = argv[i + 1];
        if (mel_equal(argv[i], "--type"))
            type = mel_equal(argv[i + 1], "f32") ? DTYPE_F32 : DTYPE_BF16;
        if (mel_equal(argv[i], "--device")) device = argv[i + 1];
        if (mel_equal(argv[i], "--rounds") && !mel_parse_i64(argv[i + 1], &rounds)) return 2;
        if (mel_equal(argv[i], "--steps") && !mel_parse_i64(argv[i + 1], &steps)) return 2;
    }
    if (rounds < 1 || steps < 1 || steps > STEPS_MAX) return 2;
    if (!mel_path_exists(model)) {
        puts("there is no trained model yet: ./do demo makes one (or --model)");
        return 0;
    }
    if (!mel_device_use(device, &err)) give_up(&err);
    int64_t began = mel_monotonic_us();
    bench_open(&b, model, type, (int)steps);
    double ready = since(began), first = make_clip(&b).all;
    bool met = report(&b, rounds, ready, first);
    bench_close(&b);
    return met ? 0 : 1;
}
