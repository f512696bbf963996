/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world.h"

#include "tests/world/truth.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Maker {
    const WorldPlan *plan;
    const char *out;
    const Progress *progress;
    pthread_mutex_t mutex; /* guards what follows */
    int64_t done, bytes;
    Err err; /* the first that failed */
} Maker;

/* ---- one source ---- */

/* The film of a source, or what a fault made of it. */
typedef struct Projector {
    Film *film;
    Fault fault;
    uint8_t *black;
    int width;
} Projector;

static const uint8_t *project(void *ctx, double t_s, ptrdiff_t *stride_out)
{
    Projector *projector = ctx;
    if (projector->fault == FAULT_BLACK_PICTURE) {
        *stride_out = 4 * (ptrdiff_t)projector->width;
        return projector->black;
    }
    return mel_film_frame(projector->film, projector->fault == FAULT_STATIC_PICTURE ? 1 : t_s,
                          stride_out);
}

static void damage_sound(const SourcePlan *source, Recording *sound)
{
    Rng rng = source->rng;
    rng.next = 9000; /* behind all words */
    switch (source->fault) {
    case FAULT_SILENT:
        mel_fault_silence(sound);
        break;
    case FAULT_REUPLOAD:
        mel_fault_gain(sound, -6);
        break;
    case FAULT_CLIPPED:
        mel_fault_clip(sound);
        break;
    case FAULT_LOW_BANDWIDTH:
        mel_fault_lowpass(sound);
        break;
    case FAULT_FAKE_STEREO:
        mel_fault_mono(sound);
        break;
    case FAULT_DROPOUTS:
        mel_fault_dropouts(sound, &rng);
        break;
    default:
        break;
    }
}

static bool write_text_file(const char *path, Err *err)
{
    static const char text[] = "This video is no longer available.\n"
                               "The page that was saved in its place is all there is.\n";
    return mel_write_file(path, text, sizeof text - 1, err);
}

static bool file_size(const char *path, int64_t *size_out, Err *err)
{
    struct stat info;
    if (stat(path, &info) != 0) return mel_err_errno(err, "cannot look at '%s'", path);
    *size_out = info.st_size;
    return true;
}

static bool cut_file(const char *path, double kept_share, Err *err)
{
    int64_t size = 0;
    if (!file_size(path, &size, err)) return false;
    if (truncate(path, (off_t)((double)size * kept_share)) != 0)
        return mel_err_errno(err, "cannot truncate '%s'", path);
    return true;
}

static bool make_video(const SourcePlan *source, const char *path, Err *err)
{
    const EncodeOptions *encode = &source->encode;
    bool ok = false, sounding = source->fault != FAULT_NO_SOUND;
    Recording sound = {0};
    Projector projector = {.fault = source->fault, .width = encode->width};
    double seconds = encode->seconds - encode->sound_delay_s;
    if (sounding) {
        if (!mel_music_render(&source->music, source->music_from_s, seconds, &sound, err)) goto out;
        damage_sound(source, &sound);
    }
    projector.film = mel_film_new(&source->picture, encode->seconds, encode->width, encode->height);
    projector.black = mel_alloc((size_t)encode->width * (size_t)encode->height * 4);
    PictureSource picture = {project, &projector};
    if (!mel_encode(path, encode, &picture, sounding ? &sound : NULL, err)) goto out;
    ok = source->kept_share >= 1 || cut_file(path, source->kept_share, err);
out:
    mel_recording_clear(&sound);
    mel_film_free(projector.film);
    free(projector.black);
    return ok;
}

static bool make_source(const SourcePlan *source, const char *out, int64_t *bytes_out, Err *err)
{
    char *path = mel_path_join(out, source->path);
    bool ok = source->fault == FAULT_NOT_MEDIA ? write_text_file(path, err)
                                               : make_video(source, path, err);
    ok = ok && file_size(path, bytes_out, err);
    free(path);
    return ok;
}

/* ---- the world ---- */

static void make_item(void *ctx, int64_t item, int thread)
{
    Maker *maker = ctx;
    (void)thread;
    pthread_mutex_lock(&maker->mutex);
    bool stop = mel_err_is_set(&maker->err);
    pthread_mutex_unlock(&maker->mutex);
    if (stop) return;
    int64_t bytes = 0;
    Err err = {0};
    bool ok = make_source(&maker->plan->sources[item], maker->out, &bytes, &err);
    pthread_mutex_lock(&maker->mutex);
    if (!ok && !mel_err_is_set(&maker->err)) maker->err = err;
    maker->done++;
    maker->bytes += bytes;
    ProgressTick tick = {"world", maker->done, maker->plan->options.sources, !ok, NULL};
    mel_progress(maker->progress, &tick);
    pthread_mutex_unlock(&maker->mutex);
}

static bool check_empty(const char *out, Err *err)
{
    DIR *folder = opendir(out);
    if (!folder) return true; /* made, or complained about, by mel_make_dirs */
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(folder));)
        empty = mel_equal(entry->d_name, ".") || mel_equal(entry->d_name, "..");
    closedir(folder);
    if (empty) return true;
    mel_err(err, ERR_EXISTS, "the folder '%s' is not empty", out);
    return mel_err_hint(err, "name a new one, or remove it first");
}

static bool write_texts(const WorldPlan *plan, const char *out, Err *err)
{
    char *list = mel_path_join(out, "list.csv");
    char *annotations = mel_path_join(out, "annotations.jsonl");
    char *truth = mel_path_join(out, "truth.json");
    bool ok = mel_write_list(plan, list, err) && mel_write_annotations(plan, annotations, err) &&
              mel_write_truth(plan, truth, err);
    free(list);
    free(annotations);
    free(truth);
    return ok;
}

bool mel_world_make(const WorldOptions *options, const char *out, int jobs,
                    const Progress *progress, WorldSummary *summary_out, Err *err)
{
    WorldPlan plan = {0};
    bool ok = false;
    char *media = mel_path_join(out, "media");
    Maker maker = {.plan = &plan, .out = out, .progress = progress};
    pthread_mutex_init(&maker.mutex, NULL);
    if (!mel_plan_draw(options, &plan, err) || !check_empty(out, err)) goto out;
    if (!mel_make_dirs(media, err)) goto out;
    mel_parallel_for(jobs, options->sources, make_item, &maker);
    if (mel_err_is_set(&maker.err)) {
        *err = maker.err;
        goto out;
    }
    if (!write_texts(&plan, out, err)) goto out;
    WorldSummary summary = {.sources = options->sources, .bytes = maker.bytes};
    for (int i = 0; i < options->sources; i++) {
        summary.faulty += plan.sources[i].fault != FAULT_NONE;
        summary.clips += plan.sources[i].clip_count;
    }
    *summary_out = summary;
    ok = true;
out:
    mel_plan_clear(&plan);
    pthread_mutex_destroy(&maker.mutex);
    free(media);
    return ok;
}
