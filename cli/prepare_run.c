/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prepare_run.h"

#include "curator/curator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAYS_MAX = 5, CONSTANTS_MAX = 3, ITEMS_PER_FILE = 64 };

/* The networks that a set needs, and one item's arrays. */
typedef struct Maker {
    PrepareJob *job;
    MusicFront *front;
    Codec *sound_codec, *image_codec;
    TextStates *text, *image_text;
    PictureModel *picture;
    Towers *clip; /* NULL where the model has none */
    int32_t *times;
    ShardArray arrays[ARRAYS_MAX];
    void *data[ARRAYS_MAX];
    int count;
    CheckpointTensor constants[CONSTANTS_MAX];
    int constant_count;
    float *wave, *mel, *latent, *trajectory;
    json_t *made_with;
} Maker;

/* ---- what is made --------------------------------------------------------------------------- */

static void *add_array(Maker *m, const char *name, DType dtype, Shape shape)
{
    m->arrays[m->count] = (ShardArray){.name = name, .dtype = dtype, .shape = shape};
    size_t bytes = (size_t)mel_shape_count(&shape) * mel_dtype_size(dtype);
    return m->data[m->count++] = mel_alloc(bytes + 1);
}

/* A copy of data, shared by all items. */
static void add_constant(Maker *m, const char *name, DType dtype, Shape shape, const void *data)
{
    size_t bytes = (size_t)mel_shape_count(&shape) * mel_dtype_size(dtype);
    void *copy = mel_alloc(bytes + 1);
    memcpy(copy, data, bytes);
    m->constants[m->constant_count++] = (CheckpointTensor){
        .name = name, .dtype = dtype, .shape = shape, .data = copy, .bytes = (int64_t)bytes};
}

static void note_model(Maker *m, const char *part, const char *sha256)
{
    json_t *models = json_object_get(m->made_with, "models");
    if (!models) {
        models = json_object();
        json_object_set_new(m->made_with, "models", models);
    }
    mel_json_set_text(models, part, sha256);
}

static DType type_of(const PrepareJob *job)
{
    return job->bf16 ? DTYPE_BF16 : DTYPE_F32;
}

static bool open_media(Maker *m, Err *err)
{
    add_array(m, "pixels", DTYPE_U8, SHAPE(m->job->side, m->job->side, 3));
    add_array(m, "wave", DTYPE_I16, SHAPE(MUSIC_SAMPLES));
    add_array(m, "mel", DTYPE_F16, SHAPE(MUSIC_FRAMES, MUSIC_BINS));
    return mel_music_front_open(&m->front, err);
}

static bool add_null_text(Maker *m, TextStates *text, const char *name, bool whole, Err *err)
{
    int64_t tokens = mel_text_states_tokens(text), width = mel_text_states_width(text);
    float *states = mel_alloc((size_t)(tokens * width) * sizeof *states);
    int32_t length;
    bool ok = mel_text_states(text, "", states, &length, err);
    if (ok) add_constant(m, name, DTYPE_F32, SHAPE(whole ? tokens : length, width), states);
    free(states);
    return ok;
}

static bool open_image(Maker *m, Err *err)
{
    const PrepareJob *job = m->job;
    if (!mel_codec_open(job->model, "image_vae", job->side, job->side, type_of(job),
                        &m->image_codec, err) ||
        !mel_text_states_open(job->model, "image_text_encoder", "image_tokenizer", 77, DTYPE_F32,
                              &m->image_text, err) ||
        !add_null_text(m, m->image_text, "image_null_text", true, err))
        return false;
    note_model(m, "image_vae", mel_codec_sha256(m->image_codec));
    note_model(m, "image_text_encoder", mel_text_states_sha256(m->image_text));
    add_array(m, "image_latents", DTYPE_F32, *mel_codec_latent_shape(m->image_codec));
    return true;
}

/* Evenly over the times of training, falling. */
static bool choose_times(Maker *m, Err *err)
{
    int64_t steps = m->job->steps;
    m->times = mel_alloc((size_t)steps * sizeof *m->times);
    if (!mel_schedule_times(mel_picture_model_schedule(m->picture), GRID_LEADING, (int)steps,
                            m->times, err))
        return false;
    add_constant(m, "trajectory_times", DTYPE_I32, SHAPE(steps), m->times);
    return true;
}

static bool open_picture(Maker *m, Err *err)
{
    const PrepareJob *job = m->job;
    if (!mel_picture_model_open(job->model, NULL, type_of(job), &m->picture, err) ||
        !choose_times(m, err))
        return false;
    const Tensor *null_text = mel_picture_model_null_text(m->picture);
    Shape latent = *mel_picture_model_latent(m->picture);
    add_constant(m, "image_null_text", DTYPE_F32, null_text->shape, null_text->data);
    note_model(m, "image_unet", mel_picture_model_unet(m->picture)->sha256);
    note_model(m, "image_vae", mel_picture_model_vae_sha256(m->picture));
    int64_t n = mel_shape_count(&latent);
    m->latent = mel_alloc((size_t)n * sizeof *m->latent);
    m->trajectory = mel_alloc((size_t)(n * job->steps) * sizeof *m->trajectory);
    add_array(m, "trajectory", DTYPE_F16,
              SHAPE(job->steps, latent.dims[0], latent.dims[1], latent.dims[2]));
    return true;
}

/* What TANGO++ sees of pictures, where the model has a CLIP that is trained. */
static bool open_clip(Maker *m, Err *err)
{
    char *folder = mel_path_join(m->job->model, "clip");
    Err why = {0};
    bool there = mel_path_is_dir(folder);
    bool ok = !there || mel_towers_open(folder, type_of(m->job), &m->clip, &why);
    if (!ok && why.code == ERR_NOT_FOUND)
        ok = true; /* a configuration, and no weights yet */
    else if (!ok)
        *err = why;
    free(folder);
    if (!m->clip) return ok;
    note_model(m, "clip", mel_towers_info(m->clip)->sha256);
    add_array(m, "picture_embedding", DTYPE_F32, SHAPE(mel_towers_info(m->clip)->width));
    return true;
}

static bool open_music(Maker *m, Err *err)
{
    const PrepareJob *job = m->job;
    if (!mel_music_front_open(&m->front, err) ||
        !mel_codec_open(job->model, "vae", MUSIC_FRAMES, MUSIC_BINS, type_of(job), &m->sound_codec,
                        err) ||
        !mel_text_states_open(job->model, "text_encoder", "tokenizer", job->tokens, type_of(job),
                              &m->text, err) ||
        !add_null_text(m, m->text, "null_text", false, err))
        return false;
    note_model(m, "vae", mel_codec_sha256(m->sound_codec));
    note_model(m, "text_encoder", mel_text_states_sha256(m->text));
    add_array(m, "latents", DTYPE_F32, *mel_codec_latent_shape(m->sound_codec));
    add_array(m, "text_states", DTYPE_F16,
              SHAPE(mel_text_states_tokens(m->text), mel_text_states_width(m->text)));
    add_array(m, "text_length", DTYPE_I32, SHAPE(1));
    return open_picture(m, err) && open_clip(m, err);
}

static bool maker_open(Maker *m, PrepareJob *job, Err *err)
{
    static bool (*const open_set[])(Maker * m, Err * err) = {open_media, open_image, open_music};
    static const char *const names[] = {"media", "image", "music"};
    *m = (Maker){.job = job, .made_with = json_object()};
    mel_json_set_text(m->made_with, "set", names[job->set]);
    mel_json_set_text(m->made_with, "split", job->split);
    mel_json_set_text(m->made_with, "side", job->split_side);
    m->wave = mel_alloc(MUSIC_SAMPLES * sizeof *m->wave);
    m->mel = mel_alloc((size_t)MUSIC_FRAMES * MUSIC_BINS * sizeof *m->mel);
    return open_set[job->set](m, err);
}

static void maker_close(Maker *m)
{
    mel_music_front_close(m->front);
    mel_codec_close(m->sound_codec);
    mel_codec_close(m->image_codec);
    mel_text_states_close(m->text);
    mel_text_states_close(m->image_text);
    mel_picture_model_close(m->picture);
    mel_towers_close(m->clip);
    for (int i = 0; i < m->count; i++)
        free(m->data[i]);
    for (int i = 0; i < m->constant_count; i++)
        free((void *)m->constants[i].data);
    free(m->times);
    free(m->wave);
    free(m->mel);
    free(m->latent);
    free(m->trajectory);
    json_decref(m->made_with);
}

/* ---- one triplet ---------------------------------------------------------------------------- */

static bool check_file(const char *path, const char *wanted, Err *err)
{
    char sha256[SHA256_HEX_SIZE];
    if (!mel_sha256_file(path, sha256, NULL, err)) return false;
    if (mel_equal(sha256, wanted)) return true;
    mel_err(err, ERR_FORMAT, "'%s' is not the file that was verified (SHA-256)", path);
    mel_err_hint(err, "'mel verify' tells what else has changed");
    return false;
}

static bool hear(Maker *m, const Triplet *t, Err *err)
{
    LoadedSound sound;
    if (!mel_load_sound(t->sound, &sound, err)) return false;
    bool ok = mel_music_front(m->front, sound.samples, sound.frames, sound.channels, sound.rate_hz,
                              m->wave, m->mel, err);
    free(sound.samples);
    return ok;
}

static bool make_media(Maker *m, const Triplet *t, const LoadedPicture *picture, Err *err)
{
    const PictureSize size = {.width = picture->width, .height = picture->height};
    int16_t *wave = m->data[1];
    if (!hear(m, t, err) ||
        !mel_resize_square(picture->rgb, size, m->data[0], (int)m->job->side, err))
        return false;
    for (int64_t i = 0; i < MUSIC_SAMPLES; i++)
        wave[i] = (int16_t)lrintf(m->wave[i] * 32767);
    mel_convert(m->mel, DTYPE_F32, m->data[2], DTYPE_F16, (int64_t)MUSIC_FRAMES * MUSIC_BINS);
    return true;
}

static bool make_image(Maker *m, const LoadedPicture *picture, Err *err)
{
    int side = (int)m->job->side;
    int64_t pixels = (int64_t)side * side;
    uint8_t *square = mel_alloc((size_t)pixels * 3);
    float *x = mel_alloc((size_t)pixels * 3 * sizeof *x);
    const PictureSize size = {.width = picture->width, .height = picture->height};
    bool ok = mel_resize_square(picture->rgb, size, square, side, err);
    if (ok) mel_picture_floats(square, pixels, &mel_picture_signed, x);
    ok = ok && mel_codec_encode(m->image_codec, x, m->data[0], err);
    free(square);
    free(x);
    return ok;
}

static bool make_music(Maker *m, const Triplet *t, const LoadedPicture *picture, Err *err)
{
    const PictureSize size = {.width = picture->width, .height = picture->height};
    int64_t states = mel_shape_count(&m->arrays[1].shape);
    int64_t trajectory = mel_shape_count(&m->arrays[3].shape);
    float *text = mel_alloc((size_t)states * sizeof *text);
    bool ok = hear(m, t, err) && mel_codec_encode(m->sound_codec, m->mel, m->data[0], err) &&
              mel_text_states(m->text, t->text, text, m->data[2], err) &&
              mel_picture_encode(m->picture, picture->rgb, size, m->latent, err) &&
              mel_picture_invert(m->picture, m->latent, INVERT_BEFORE, m->times, (int)m->job->steps,
                                 m->trajectory, NULL, err) &&
              (!m->clip || mel_tower_embed_picture(m->clip, picture->rgb, size, m->data[4], err));
    if (ok) {
        mel_convert(text, DTYPE_F32, m->data[1], DTYPE_F16, states);
        mel_convert(m->trajectory, DTYPE_F32, m->data[3], DTYPE_F16, trajectory);
    }
    free(text);
    return ok;
}

static bool make(Maker *m, const Triplet *t, Err *err)
{
    LoadedPicture picture;
    if (!check_file(t->sound, t->sound_sha256, err) ||
        !check_file(t->picture, t->picture_sha256, err) ||
        !mel_load_picture(t->picture, &picture, err))
        return false;
    bool ok = m->job->set == PREPARE_MEDIA   ? make_media(m, t, &picture, err)
              : m->job->set == PREPARE_IMAGE ? make_image(m, &picture, err)
                                             : make_music(m, t, &picture, err);
    free(picture.rgb);
    return ok;
}

/* ---- all ------------------------------------------------------------------------------------ */

static bool make_all(Maker *m, const Selection *selection, ShardsWriter *writer, Err *err)
{
    PrepareJob *job = m->job;
    const char *last = mel_shards_last_key(writer);
    char *reached = mel_strdup(last ? last : "");
    bool ok = true;
    for (int64_t i = 0; i < selection->count && ok; i++) {
        Err why = {0};
        const Triplet *t = &selection->items[i];
        const ProgressTick tick = {.what = "prepare",
                                   .done = i,
                                   .total = selection->count,
                                   .failed = job->failed,
                                   .note = t->id};
        mel_progress(job->progress, &tick);
        if (strcmp(t->id, reached) <= 0) continue;
        if (mel_interrupted()) {
            ok = mel_err(err, ERR_CANCELLED, "interrupted before '%s'", t->id);
            mel_err_hint(err, "the same command goes on there");
        } else if (make(m, t, &why)) {
            ok = mel_shards_add(writer, t->id, t->text, (const void *const *)m->data, err);
            job->written += ok;
        } else if (why.code == ERR_CANCELLED) {
            *err = why;
            ok = false;
        } else {
            mel_log_warn("%s: %s", t->id, why.message);
            job->failed++;
        }
    }
    free(reached);
    return ok;
}

bool cli_prepare(PrepareJob *job, const Selection *selection, const char *folder, Err *err)
{
    Maker m;
    ShardsWriter *writer = NULL;
    int64_t done = 0;
    bool ok = maker_open(&m, job, err);
    if (ok) {
        const ShardsPlan plan = {.arrays = m.arrays,
                                 .array_count = m.count,
                                 .items_per_file = ITEMS_PER_FILE,
                                 .constants = m.constants,
                                 .constant_count = m.constant_count,
                                 .made_with = m.made_with};
        ok = mel_shards_begin(folder, &plan, &writer, &done, err);
    }
    job->written = done;
    ok = ok && make_all(&m, selection, writer, err);
    if (ok)
        ok = mel_shards_finish(writer, err);
    else
        mel_shards_abandon(writer);
    maker_close(&m);
    return ok;
}
