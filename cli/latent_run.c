/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/latent_run.h"

#include "curator/curator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static DType type_of(const LatentJob *job)
{
    return job->bf16 ? DTYPE_BF16 : DTYPE_F32;
}

static bool is_picture(const char *path)
{
    const char *extension = mel_path_extension(path);
    return mel_equal(extension, "jpg") || mel_equal(extension, "jpeg");
}

/* ---- files ---------------------------------------------------------------------------------- */

static CheckpointTensor tensor_of(const char *name, DType dtype, Shape shape, const void *data)
{
    return (CheckpointTensor){.name = name,
                              .dtype = dtype,
                              .shape = shape,
                              .data = data,
                              .bytes = mel_shape_count(&shape) * (int64_t)mel_dtype_size(dtype)};
}

/* The latent in a file, if it has the wanted name and shape; yours to free. */
static float *read_latent(const char *path, const char *name, const Shape *shape, Err *err)
{
    Checkpoint *file;
    float *latent = NULL;
    if (!mel_checkpoint_open(path, &file, err)) return NULL;
    const CheckpointTensor *tensor = mel_checkpoint_find(file, name);
    char text[SHAPE_TEXT_SIZE];
    if (tensor && mel_shape_equal(&tensor->shape, shape)) {
        latent = mel_alloc((size_t)mel_shape_count(shape) * sizeof *latent);
        mel_convert(tensor->data, tensor->dtype, latent, DTYPE_F32, mel_shape_count(shape));
    } else {
        mel_err(err, ERR_FORMAT, "'%s' has no '%s' of %s for this model", path, name,
                mel_shape_text(shape, text));
    }
    mel_checkpoint_close(file);
    return latent;
}

/* ---- encode, decode ------------------------------------------------------------------------- */

static bool encode_picture(const LatentJob *job, const char *in, const char *out, Err *err)
{
    PictureModel *model = NULL;
    LoadedPicture picture = {0};
    float *latent = NULL;
    bool ok = mel_load_picture(in, &picture, err) &&
              mel_picture_model_open(job->model, NULL, type_of(job), &model, err);
    if (ok) {
        Shape shape = *mel_picture_model_latent(model);
        const PictureSize size = {.width = picture.width, .height = picture.height};
        latent = mel_alloc((size_t)mel_shape_count(&shape) * sizeof *latent);
        const CheckpointTensor tensor = tensor_of("image_latent", DTYPE_F32, shape, latent);
        ok = mel_picture_encode(model, picture.rgb, size, latent, err) &&
             mel_safetensors_write(out, &tensor, 1, NULL, err);
    }
    mel_picture_model_close(model);
    free(picture.rgb);
    free(latent);
    return ok;
}

static bool encode_sound(const LatentJob *job, const char *in, const char *out, Err *err)
{
    Codec *codec = NULL;
    MusicFront *front = NULL;
    LoadedSound sound = {0};
    float *wave = mel_alloc(MUSIC_SAMPLES * sizeof *wave), *latent = NULL;
    float *log_mel = mel_alloc((size_t)MUSIC_FRAMES * MUSIC_BINS * sizeof *log_mel);
    bool ok =
        mel_load_sound(in, &sound, err) && mel_music_front_open(&front, err) &&
        mel_codec_open(job->model, "vae", MUSIC_FRAMES, MUSIC_BINS, type_of(job), &codec, err) &&
        mel_music_front(front, sound.samples, sound.frames, sound.channels, sound.rate_hz, wave,
                        log_mel, err);
    if (ok) {
        Shape shape = *mel_codec_latent_shape(codec);
        latent = mel_alloc((size_t)mel_shape_count(&shape) * sizeof *latent);
        const CheckpointTensor tensor = tensor_of("latent", DTYPE_F32, shape, latent);
        ok = mel_codec_encode(codec, log_mel, latent, err) &&
             mel_safetensors_write(out, &tensor, 1, NULL, err);
    }
    mel_codec_close(codec);
    mel_music_front_close(front);
    free(sound.samples);
    free(wave);
    free(log_mel);
    free(latent);
    return ok;
}

bool cli_latent_encode(const LatentJob *job, const char *in, const char *out, Err *err)
{
    return is_picture(in) ? encode_picture(job, in, out, err) : encode_sound(job, in, out, err);
}

static bool decode_picture(const LatentJob *job, const char *in, const char *out, Err *err)
{
    PictureModel *model;
    if (!mel_picture_model_open(job->model, NULL, type_of(job), &model, err)) return false;
    int side = mel_picture_model_side(model);
    uint8_t *rgb = mel_alloc((size_t)side * (size_t)side * 3);
    float *latent = read_latent(in, "image_latent", mel_picture_model_latent(model), err);
    bool ok = latent && mel_picture_decode(model, latent, rgb, err) &&
              mel_save_picture(out, rgb, side, side, err);
    mel_picture_model_close(model);
    free(latent);
    free(rgb);
    return ok;
}

static bool decode_sound(const LatentJob *job, const char *in, const char *out, Err *err)
{
    Codec *codec = NULL;
    Vocoder *vocoder = NULL;
    float *latent = NULL, *samples = NULL;
    float *log_mel = mel_alloc((size_t)MUSIC_FRAMES * MUSIC_BINS * sizeof *log_mel);
    bool ok =
        mel_codec_open(job->model, "vae", MUSIC_FRAMES, MUSIC_BINS, type_of(job), &codec, err) &&
        mel_vocoder_open(job->model, MUSIC_FRAMES, type_of(job), &vocoder, err);
    if (ok) {
        int64_t count = mel_vocoder_samples(vocoder);
        samples = mel_alloc((size_t)count * sizeof *samples);
        latent = read_latent(in, "latent", mel_codec_latent_shape(codec), err);
        ok = latent && mel_codec_decode(codec, latent, log_mel, err) &&
             mel_vocoder_run(vocoder, log_mel, samples, err) &&
             mel_save_sound(out, samples, count, 1, MUSIC_RATE_HZ, err);
    }
    mel_codec_close(codec);
    mel_vocoder_close(vocoder);
    free(latent);
    free(samples);
    free(log_mel);
    return ok;
}

bool cli_latent_decode(const LatentJob *job, const char *in, const char *out, Err *err)
{
    return is_picture(out) ? decode_picture(job, in, out, err) : decode_sound(job, in, out, err);
}

/* ---- invert, reconstruct -------------------------------------------------------------------- */

/* The latents of the inversion at the grid's times, both yours to free. */
static bool invert(const LatentJob *job, PictureModel *model, const float *latent, int **times,
                   float **trajectory, Err *err)
{
    int64_t n = mel_shape_count(mel_picture_model_latent(model));
    *times = mel_alloc((size_t)job->steps * sizeof **times);
    *trajectory = mel_alloc((size_t)(job->steps * n) * sizeof **trajectory);
    return mel_schedule_times(mel_picture_model_schedule(model), GRID_LEADING, (int)job->steps,
                              *times, err) &&
           mel_picture_invert(model, latent, job->convention, *times, (int)job->steps, *trajectory,
                              job->progress, err);
}

bool cli_latent_invert(const LatentJob *job, const char *in, const char *out, Err *err)
{
    PictureModel *model;
    int *times = NULL;
    float *trajectory = NULL;
    if (!mel_picture_model_open(job->model, NULL, type_of(job), &model, err)) return false;
    Shape s = *mel_picture_model_latent(model);
    float *latent = read_latent(in, "image_latent", &s, err);
    bool ok = latent && invert(job, model, latent, &times, &trajectory, err);
    if (ok) {
        const CheckpointTensor tensors[] = {
            tensor_of("trajectory", DTYPE_F32, SHAPE(job->steps, s.dims[0], s.dims[1], s.dims[2]),
                      trajectory),
            tensor_of("times", DTYPE_I32, SHAPE(job->steps), times)};
        ok = mel_safetensors_write(out, tensors, MEL_COUNT(tensors), NULL, err);
    }
    mel_picture_model_close(model);
    free(latent);
    free(times);
    free(trajectory);
    return ok;
}

/* 10·log10(range² / mean squared error) */
static double decibels(double range, double square_sum, int64_t n)
{
    return square_sum > 0 ? 10 * log10(range * range * (double)n / square_sum) : INFINITY;
}

static double latent_psnr(const float *a, const float *b, int64_t n)
{
    double low = INFINITY, high = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        low = fmin(low, a[i]);
        high = fmax(high, a[i]);
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    }
    return decibels(high - low, sum, n);
}

static double picture_psnr(const uint8_t *a, const uint8_t *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)(a[i] - b[i]) * (a[i] - b[i]);
    return decibels(255, sum, n);
}

/* There and back; rgb is the model's own square of the picture. */
static bool there_and_back(const LatentJob *job, PictureModel *model, const uint8_t *rgb,
                           uint8_t *out, Reconstruction *result, Err *err)
{
    int side = mel_picture_model_side(model), *times = NULL;
    int64_t pixels = (int64_t)side * side * 3;
    int64_t n = mel_shape_count(mel_picture_model_latent(model));
    const PictureSize size = {.width = side, .height = side};
    float *latent = mel_alloc((size_t)n * sizeof *latent), *trajectory = NULL;
    float *back = mel_alloc((size_t)n * sizeof *back);
    bool ok = mel_picture_encode(model, rgb, size, latent, err) &&
              mel_picture_decode(model, latent, out, err);
    if (ok) result->autoencoder_db = picture_psnr(rgb, out, pixels);
    ok = ok && invert(job, model, latent, &times, &trajectory, err) &&
         mel_picture_replay(model, trajectory, times, (int)job->steps, back, job->progress, err) &&
         mel_picture_decode(model, back, out, err);
    if (ok) {
        result->latent_db = latent_psnr(latent, back, n);
        result->picture_db = picture_psnr(rgb, out, pixels);
    }
    free(latent);
    free(trajectory);
    free(back);
    free(times);
    return ok;
}

bool cli_latent_reconstruct(const LatentJob *job, const char *in, const char *out,
                            Reconstruction *result, Err *err)
{
    PictureModel *model = NULL;
    LoadedPicture picture = {0};
    uint8_t *square = NULL, *back = NULL;
    bool ok = mel_load_picture(in, &picture, err) &&
              mel_picture_model_open(job->model, NULL, type_of(job), &model, err);
    if (ok) {
        int side = mel_picture_model_side(model);
        const PictureSize size = {.width = picture.width, .height = picture.height};
        square = mel_alloc((size_t)side * (size_t)side * 3);
        back = mel_alloc((size_t)side * (size_t)side * 3);
        ok = mel_resize_square(picture.rgb, size, square, side, err) &&
             there_and_back(job, model, square, back, result, err) &&
             (!out || mel_save_picture(out, back, side, side, err));
    }
    mel_picture_model_close(model);
    free(picture.rgb);
    free(square);
    free(back);
    return ok;
}
