/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/generate_run.h"

#include "curator/curator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Generator {
    GenerateJob *job;
    MusicModel *music;
    PictureModel *picture; /* NULL when nothing is asked of one, or of TANGO++ */
    PictureSum *sum;       /* TANGO++'s; NULL of MeLFusion */
    int *times;
    float *latent, *image_latent, *mel, *samples;
    json_t *models;
} Generator;

/* ---- opening -------------------------------------------------------------------------------- */

static DType type_of(const GenerateJob *job)
{
    return job->bf16 ? DTYPE_BF16 : DTYPE_F32;
}

static bool open_picture(Generator *g, Err *err)
{
    if (!mel_picture_model_open(g->job->model, mel_music_model_synapse(g->music), type_of(g->job),
                                &g->picture, err))
        return false;
    const NoiseSchedule *image = mel_picture_model_schedule(g->picture);
    const NoiseSchedule *music = mel_music_model_schedule(g->music);
    if (image->times != music->times)
        return mel_err(err, ERR_FORMAT, "the image model counts %d times, the music model %d",
                       image->times, music->times);
    int64_t n = mel_shape_count(mel_picture_model_latent(g->picture));
    g->image_latent = mel_alloc((size_t)n * sizeof *g->image_latent);
    mel_json_set_text(g->models, "image_vae", mel_picture_model_vae_sha256(g->picture));
    return true;
}

static bool open_sum(Generator *g, Err *err)
{
    if (!mel_picture_sum_open(g->job->model, &g->sum, err)) return false;
    mel_picture_sum_describe(g->sum, g->models);
    return mel_picture_sum_width(g->sum) == mel_music_model_text_width(g->music) ||
           mel_err(err, ERR_FORMAT, "the picture has %lld numbers, a text's state %lld",
                   (long long)mel_picture_sum_width(g->sum),
                   (long long)mel_music_model_text_width(g->music));
}

static bool generator_open(Generator *g, GenerateJob *job, bool pictures, Err *err)
{
    *g = (Generator){.job = job};
    bool summed = pictures && mel_picture_sum_is_in(job->model);
    if (!mel_music_model_open(job->model, pictures && !summed, job->tokens, type_of(job), &g->music,
                              err))
        return false;
    g->models = mel_music_model_describe(g->music);
    g->times = mel_alloc((size_t)job->steps * sizeof *g->times);
    int64_t n = mel_shape_count(mel_music_model_latent(g->music));
    g->latent = mel_alloc((size_t)n * sizeof *g->latent);
    g->mel = mel_alloc((size_t)MUSIC_FRAMES * MUSIC_BINS * sizeof *g->mel);
    g->samples = mel_alloc((size_t)mel_music_samples(g->music) * sizeof *g->samples);
    return mel_schedule_times(mel_music_model_schedule(g->music), mel_sampler_grid(job->sampler),
                              (int)job->steps, g->times, err) &&
           (!pictures || (summed ? open_sum(g, err) : open_picture(g, err)));
}

static void generator_close(Generator *g)
{
    mel_music_model_close(g->music);
    mel_picture_model_close(g->picture);
    mel_picture_sum_close(g->sum);
    free(g->times);
    free(g->latent);
    free(g->image_latent);
    free(g->mel);
    free(g->samples);
    json_decref(g->models);
}

/* ---- one result ----------------------------------------------------------------------------- */

/* All that decides the file's bytes. */
static json_t *recipe(const Generator *g, const Request *request, const char *image_sha256,
                      int64_t sample)
{
    static const char *const captures[] = {"replay", "invert"};
    const GenerateJob *job = g->job;
    json_t *line = json_object();
    mel_json_set_text(line, "melkit", MEL_VERSION);
    mel_json_set_text(line, "text", request->text);
    mel_json_set_text(line, "image", request->image);
    mel_json_set_text(line, "image_sha256", image_sha256);
    mel_json_set_text(line, "model", job->model);
    json_object_set(line, "models", g->models);
    mel_json_set_i64(line, "seed", request->seed);
    mel_json_set_i64(line, "sample", sample);
    mel_json_set_i64(line, "steps", job->steps);
    mel_json_set_f64(line, "guidance", job->guidance);
    mel_json_set_text(line, "sampler", mel_sampler_name(job->sampler));
    mel_json_set_text(line, "capture", captures[job->capture]);
    mel_json_set_i64(line, "tokens", job->tokens);
    json_object_set_new(line, "guide_by_picture", json_boolean(job->guide_by_picture));
    mel_json_set_text(line, "type", job->bf16 ? "bf16" : "f32");
    return line;
}

static bool write_recipe(const char *path, json_t *take, Err *err)
{
    char *text = json_dumps(take, JSON_INDENT(2));
    char *beside = mel_asprintf("%s.json", path);
    bool ok = mel_write_file(beside, text, strlen(text), err);
    free(text);
    free(beside);
    return ok;
}

static char *sample_path(const GenerateJob *job, const char *out, int64_t place)
{
    const char *extension = mel_path_extension(out);
    if (job->samples == 1) return mel_strdup(out);
    return mel_asprintf("%.*s-%lld.%s", (int)(strlen(out) - strlen(extension) - 1), out,
                        (long long)place + 1, extension);
}

/* What is known of a picture: features of the image model, or TANGO++'s vector; neither of none. */
typedef struct Seen {
    PictureFeatures *features;
    float *added;
} Seen;

/* One sample of a request. */
typedef struct Take {
    int64_t sample;
    float *sound;
    double score, seconds; /* score: NAN when nobody ranks */
} Take;

static bool make_take(Generator *g, const Request *request, const Seen *seen, Take *take, Err *err)
{
    const GenerateJob *job = g->job;
    int64_t began = mel_monotonic_us();
    const MusicSampling how = {.sampler = job->sampler,
                               .times = g->times,
                               .count = (int)job->steps,
                               .guidance = job->guidance,
                               .seed = (uint64_t)request->seed,
                               .sample = (uint64_t)take->sample,
                               .guide_by_picture = job->guide_by_picture,
                               .added = seen->added};
    bool ok = mel_music_sample(g->music, request->text ? request->text : "", seen->features, &how,
                               g->latent, job->progress, err) &&
              mel_music_decode(g->music, g->latent, g->mel, err) &&
              mel_music_vocode(g->music, g->mel, take->sound, err);
    take->seconds = (double)(mel_monotonic_us() - began) / 1e6;
    return ok;
}

static bool write_take(Generator *g, const Request *request, const char *image_sha256,
                       const Take *take, int64_t place, Err *err)
{
    char *path = sample_path(g->job, request->out, place);
    json_t *line = recipe(g, request, image_sha256, take->sample);
    if (isfinite(take->score)) mel_json_set_f64(line, "score", take->score);
    bool ok =
        mel_save_sound(path, take->sound, mel_music_samples(g->music), 1, MUSIC_RATE_HZ, err) &&
        write_recipe(path, line, err);
    json_decref(line);
    if (ok) {
        g->job->made++;
        g->job->done(g->job->ctx, request, path, take->seconds);
    }
    free(path);
    return ok;
}

/* ---- the best of several -------------------------------------------------------------------- */

static int by_score(const void *a, const void *b)
{
    const Take *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->sample < y->sample ? -1 : 1;
}

static bool rank(Generator *g, const Request *request, const float *sounds, Take *takes, Err *err)
{
    int64_t count = g->job->samples;
    double *scores = mel_alloc((size_t)count * sizeof *scores);
    const RankQuestion question = {.text = request->text,
                                   .image = request->image,
                                   .sounds = sounds,
                                   .count = count,
                                   .n = mel_music_samples(g->music),
                                   .rate_hz = MUSIC_RATE_HZ};
    bool ok = cli_rank(g->job->ranker, &question, scores, err);
    for (int64_t i = 0; i < count; i++)
        takes[i].score = scores[i];
    if (ok) qsort(takes, (size_t)count, sizeof *takes, by_score);
    free(scores);
    return ok;
}

static bool make_ranked(Generator *g, const Request *request, const Seen *seen,
                        const char *image_sha256, Err *err)
{
    int64_t count = g->job->samples, n = mel_music_samples(g->music);
    Take *takes = mel_alloc((size_t)count * sizeof *takes);
    float *sounds =
        mel_try_alloc((size_t)count, (size_t)n * sizeof *sounds, SIZE_MAX / 2, "the samples", err);
    bool ok = sounds != NULL;
    for (int64_t i = 0; i < count && ok; i++) {
        takes[i] = (Take){.sample = i, .sound = sounds + i * n};
        ok = make_take(g, request, seen, &takes[i], err);
    }
    ok = ok && rank(g, request, sounds, takes, err);
    for (int64_t i = 0; i < count && ok; i++)
        ok = write_take(g, request, image_sha256, &takes[i], i, err);
    free(sounds);
    free(takes);
    return ok;
}

/* ---- one picture and all that is asked of it ------------------------------------------------ */

typedef struct Lengths {
    int32_t *items;
    size_t count, capacity;
} Lengths;

static void add_length(Lengths *lengths, int32_t length)
{
    for (size_t i = 0; i < lengths->count; i++)
        if (lengths->items[i] == length) return;
    mel_grow(&lengths->items, &lengths->capacity, lengths->count + 1, sizeof *lengths->items);
    lengths->items[lengths->count++] = length;
}

static bool same_image(const Request *a, const Request *b)
{
    return a->image == b->image || mel_equal(a->image, b->image);
}

/* Features pooled to the length of every text that is asked for with this picture. */
static bool take_features(Generator *g, const Request *requests, int64_t count, const char *image,
                          PictureFeatures **out, Err *err)
{
    Lengths lengths = {0};
    int32_t length;
    const Request one = {.image = image};
    bool ok = mel_music_text_length(g->music, "", &length, err);
    if (ok) add_length(&lengths, length);
    for (int64_t i = 0; i < count && ok; i++) {
        if (!same_image(&requests[i], &one) || !requests[i].text) continue;
        ok = mel_music_text_length(g->music, requests[i].text, &length, err);
        if (ok) add_length(&lengths, length);
    }
    ok = ok && mel_picture_features(g->picture, g->image_latent, g->job->capture, g->times,
                                    (int)g->job->steps, lengths.items, (int)lengths.count, out,
                                    g->job->progress, err);
    free(lengths.items);
    return ok;
}

static bool look(Generator *g, const Request *requests, int64_t count, const char *image, Seen *out,
                 Err *err)
{
    LoadedPicture picture;
    if (!mel_load_picture(image, &picture, err)) return false;
    const PictureSize size = {.width = picture.width, .height = picture.height};
    bool ok;
    if (g->sum) {
        out->added = mel_alloc((size_t)mel_picture_sum_width(g->sum) * sizeof *out->added);
        ok = mel_picture_sum(g->sum, picture.rgb, size, out->added, err);
    } else {
        ok = mel_picture_encode(g->picture, picture.rgb, size, g->image_latent, err) &&
             take_features(g, requests, count, image, &out->features, err);
    }
    free(picture.rgb);
    return ok;
}

static bool make_request(Generator *g, const Request *request, const Seen *seen,
                         const char *image_sha256, Err *err)
{
    if (g->job->ranker) return make_ranked(g, request, seen, image_sha256, err);
    for (int64_t i = 0; i < g->job->samples; i++) {
        Take take = {.sample = i, .sound = g->samples, .score = NAN};
        if (!make_take(g, request, seen, &take, err) ||
            !write_take(g, request, image_sha256, &take, i, err))
            return false;
    }
    return true;
}

/* Told and passed over; false only for an interruption. */
static bool pass_over(Generator *g, const Request *request, Err *why, Err *err)
{
    if (why->code == ERR_CANCELLED) {
        *err = *why;
        return false;
    }
    mel_log_warn("'%s': %s", request->out, why->message);
    g->job->failed++;
    return true;
}

/* All requests with the image of requests[first]. */
static bool make_group(Generator *g, const Request *requests, int64_t count, int64_t first,
                       Err *err)
{
    Seen known = {0};
    char sha256[SHA256_HEX_SIZE] = "";
    Err blind = {0};
    const char *image = requests[first].image;
    bool seen = !image || (mel_sha256_file(image, sha256, NULL, &blind) &&
                           look(g, requests, count, image, &known, &blind));
    bool ok = true;
    for (int64_t i = first; i < count && ok; i++) {
        Err why = blind;
        if (!same_image(&requests[i], &requests[first])) continue;
        if (!seen || !make_request(g, &requests[i], &known, image ? sha256 : NULL, &why))
            ok = pass_over(g, &requests[i], &why, err);
    }
    mel_picture_features_free(known.features);
    free(known.added);
    return ok;
}

bool cli_generate(GenerateJob *job, const Request *requests, int64_t count, Err *err)
{
    Generator g;
    bool pictures = false;
    for (int64_t i = 0; i < count; i++)
        pictures = pictures || requests[i].image;
    bool ok = generator_open(&g, job, pictures, err);
    for (int64_t i = 0; i < count && ok; i++) {
        bool begun = false;
        for (int64_t k = 0; k < i && !begun; k++)
            begun = same_image(&requests[k], &requests[i]);
        if (!begun) ok = make_group(&g, requests, count, i, err);
    }
    generator_close(&g);
    return ok;
}
