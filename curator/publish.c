/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/publish.h"

#include "curator/dedup.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PRODUCTS_MAX = STILLS_MAX + 2 };

static const char staging_root[] = "media/.staging";

/* A product: its place in the folder and the store. */
typedef struct Product {
    ProductKind kind;
    const char *role;
    int position;
    char name[24];
    int fd;
} Product;

static void still_name(int position, char name[24])
{
    snprintf(name, 24, "still-%d.jpg", position);
}

char *mel_clip_folder(const char *clip_id)
{
    char hex[SHA256_HEX_SIZE];
    mel_sha256_hex(clip_id, strlen(clip_id), hex);
    char *folder = mel_asprintf("media/%.2s/%s", hex, clip_id);
    char *colon = strrchr(folder, ':');
    if (colon) *colon = '_';
    return folder;
}

static bool open_product(const Staging *staging, const char *name, int *fd, Err *err)
{
    char *path = mel_path_join(staging->folder, name);
    *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool ok = *fd >= 0 || mel_err_errno(err, "cannot write '%s'", path);
    free(path);
    return ok;
}

bool mel_staging_open(const char *dataset, int still_count, bool preview, Staging *staging,
                      Err *err)
{
    char id[ULID_SIZE];
    mel_ulid(id);
    *staging = (Staging){
        .still_count = still_count,
        .folder = mel_asprintf("%s/%s/%s", dataset, staging_root, id),
        .files = {.inputs = {-1, -1}, .audio = -1, .preview = -1}
    };
    for (int i = 0; i < STILLS_MAX; i++)
        staging->files.stills[i] = -1;
    bool ok = mel_make_dirs(staging->folder, err) &&
              open_product(staging, "audio.flac", &staging->files.audio, err);
    if (ok && preview) ok = open_product(staging, "preview.mkv", &staging->files.preview, err);
    for (int i = 0; ok && i < still_count; i++) {
        char name[24];
        still_name(i, name);
        ok = open_product(staging, name, &staging->files.stills[i], err);
    }
    if (!ok) mel_staging_close(staging);
    return ok;
}

/* Calls fn-like work for every descriptor; -1 ones are passed over. */
static int staging_fds(Staging *staging, int *fds[PRODUCTS_MAX])
{
    int count = 0;
    fds[count++] = &staging->files.audio;
    fds[count++] = &staging->files.preview;
    for (int i = 0; i < STILLS_MAX; i++)
        fds[count++] = &staging->files.stills[i];
    return count;
}

bool mel_staging_rewind(Staging *staging, Err *err)
{
    int *fds[PRODUCTS_MAX];
    int count = staging_fds(staging, fds);
    for (int i = 0; i < count; i++) {
        if (*fds[i] < 0) continue;
        if (ftruncate(*fds[i], 0) != 0 || lseek(*fds[i], 0, SEEK_SET) < 0)
            return mel_err_errno(err, "cannot empty a file in '%s'", staging->folder);
    }
    return true;
}

void mel_staging_close(Staging *staging)
{
    int *fds[PRODUCTS_MAX];
    int count = staging_fds(staging, fds);
    Err ignored = {0};
    for (int i = 0; i < count; i++) {
        if (*fds[i] >= 0) close(*fds[i]);
        *fds[i] = -1;
    }
    if (staging->folder && !mel_remove_tree(staging->folder, &ignored))
        mel_log_debug("%s", ignored.message);
    free(staging->folder);
    staging->folder = NULL;
}

bool mel_staging_sweep(const char *dataset, Err *err)
{
    char *root = mel_path_join(dataset, staging_root);
    bool ok = mel_remove_tree(root, err);
    free(root);
    return ok;
}

static int list_products(const Staging *staging, const CutResult *result,
                         Product products[PRODUCTS_MAX])
{
    int count = 0;
    if (result->audio_samples > 0)
        products[count++] = (Product){.kind = PRODUCT_AUDIO,
                                      .role = "audio",
                                      .name = "audio.flac",
                                      .fd = staging->files.audio};
    if (result->preview_frames > 0 && staging->files.preview >= 0)
        products[count++] = (Product){.kind = PRODUCT_PREVIEW,
                                      .role = "preview",
                                      .name = "preview.mkv",
                                      .fd = staging->files.preview};
    for (int i = 0; i < result->still_count; i++) {
        Product *p = &products[count++];
        *p = (Product){
            .kind = PRODUCT_STILL, .role = "still", .position = i, .fd = staging->files.stills[i]};
        still_name(i, p->name);
    }
    return count;
}

static bool wrong(Err *err, const char *what, int64_t got, int64_t wanted)
{
    return mel_err_reason(err, ERR_MEDIA, "media.product",
                          "decoded back, %s is %lld where %lld was wanted", what, (long long)got,
                          (long long)wanted);
}

/* The product, decoded back, is what the cut said that it wrote. */
static bool check_product(Jail *jail, const Product *p, const CutRequest *request,
                          const CutResult *r, Err *err)
{
    CheckResult c;
    if (lseek(p->fd, 0, SEEK_SET) < 0) return mel_err_errno(err, "cannot rewind '%s'", p->name);
    if (!mel_jail_check(jail, p->kind, p->fd, &c, err)) return mel_err_wrap(err, "%s", p->name);
    switch (p->kind) {
    case PRODUCT_AUDIO: {
        int64_t wanted = llround((double)request->duration_us * r->sample_rate_hz / 1e6);
        if (c.samples != wanted) return wrong(err, "the sample count", c.samples, wanted);
        if (c.sample_rate_hz != r->sample_rate_hz)
            return wrong(err, "the sample rate", c.sample_rate_hz, r->sample_rate_hz);
        return c.channels == r->channels || wrong(err, "channels", c.channels, r->channels);
    }
    case PRODUCT_STILL:
        if (c.width != r->stills[p->position].width)
            return wrong(err, "a still's width", c.width, r->stills[p->position].width);
        return c.height == r->stills[p->position].height ||
               wrong(err, "a still's height", c.height, r->stills[p->position].height);
    case PRODUCT_PREVIEW:
        return c.frames == r->preview_frames ||
               wrong(err, "the preview's frame count", c.frames, r->preview_frames);
    }
    return false;
}

/* Flushes the files, removes those that stayed empty, and swaps the folder into its place. */
static bool place_folder(const Staging *staging, const Product *products, int count,
                         const char *final, Err *err)
{
    char *parent = mel_path_dir(final), *old = mel_asprintf("%s.old", staging->folder);
    bool ok = mel_make_dirs(parent, err);
    for (int i = 0; ok && i < count; i++)
        ok =
            fsync(products[i].fd) == 0 || mel_err_errno(err, "cannot flush '%s'", products[i].name);
    for (int i = 0; ok && i < STILLS_MAX + 2; i++) {
        char name[24];
        struct stat st;
        if (i < STILLS_MAX)
            still_name(i, name);
        else
            snprintf(name, sizeof name, "%s", i == STILLS_MAX ? "preview.mkv" : "audio.flac");
        char *path = mel_path_join(staging->folder, name);
        if (stat(path, &st) == 0 && st.st_size == 0) unlink(path);
        free(path);
    }
    ok = ok && mel_fsync_dir(staging->folder, err);
    if (ok && mel_path_exists(final))
        ok = rename(final, old) == 0 || mel_err_errno(err, "cannot move '%s' away", final);
    ok = ok &&
         (rename(staging->folder, final) == 0 || mel_err_errno(err, "cannot name '%s'", final));
    ok = ok && mel_fsync_dir(parent, err) && mel_remove_tree(old, err);
    free(parent);
    free(old);
    return ok;
}

typedef struct Recording {
    ClipMedia media[PRODUCTS_MAX];
    char hashes[PRODUCTS_MAX][SHA256_HEX_SIZE];
    char *paths[PRODUCTS_MAX];
    ClipFrame frames[STILLS_MAX];
    ClipMeasure measures[64];
    size_t measure_count;
    uint8_t landmarks[LANDMARKS_MAX * LANDMARK_BYTES];
} Recording;

static bool hash_products(const char *dataset, const char *folder, const Product *products,
                          int count, Recording *rec, Err *err)
{
    for (int i = 0; i < count; i++) {
        rec->paths[i] = mel_path_join(folder, products[i].name);
        char *whole = mel_path_join(dataset, rec->paths[i]);
        int64_t size = 0;
        bool ok = mel_sha256_file(whole, rec->hashes[i], &size, err);
        free(whole);
        if (!ok) return false;
        rec->media[i] = (ClipMedia){.role = products[i].role,
                                    .position = products[i].position,
                                    .path = rec->paths[i],
                                    .sha256 = rec->hashes[i],
                                    .size_bytes = size};
    }
    return true;
}

static void collect_measures(const CutResult *r, Recording *rec)
{
    size_t n = 0;
#define X(name, unit, meaning) rec->measures[n++] = (ClipMeasure){#name, r->audio.name};
    MEL_AUDIO_MEASURES(X)
#undef X
#define X(name, unit, meaning) rec->measures[n++] = (ClipMeasure){#name, r->picture.name};
    MEL_PICTURE_MEASURES(X)
#undef X
    MEL_ASSERT(n <= MEL_COUNT(rec->measures));
    rec->measure_count = n;
}

static void collect_frames(const CutResult *r, Recording *rec)
{
    for (int i = 0; i < r->still_count; i++) {
        const CutStill *s = &r->stills[i];
        rec->frames[i] = (ClipFrame){.time_us = s->time_us,
                                     .width = s->width,
                                     .height = s->height,
                                     .score = s->score,
                                     .sharpness = s->sharpness,
                                     .brightness = s->brightness,
                                     .black_share = s->black_share,
                                     .picture_hash = s->picture_hash,
                                     .frame_hash = s->frame_hash};
    }
}

static bool record(Db *db, const CutResult *r, const PublishInfo *info, Recording *rec, int count,
                   Err *err)
{
    collect_measures(r, rec);
    collect_frames(r, rec);
    mel_landmarks_pack(r->landmarks, (size_t)r->landmark_count, rec->landmarks);
    const ClipProducts products = {.clip_id = info->clip_id,
                                   .took_us = info->took_us,
                                   .fetched_bytes = info->fetched_bytes,
                                   .tools_json = info->tools_json,
                                   .format_id = info->format_id,
                                   .got_start_us = r->got_start_us,
                                   .audio_samples = r->audio_samples,
                                   .missing_samples = r->missing_samples,
                                   .sample_rate_hz = r->sample_rate_hz,
                                   .channels = r->channels,
                                   .bits_per_sample = r->bits_per_sample,
                                   .width = r->width,
                                   .height = r->height,
                                   .rotation_deg = r->rotation_deg,
                                   .preview_width = r->preview_width,
                                   .preview_height = r->preview_height,
                                   .preview_frames = r->preview_frames,
                                   .container = r->container,
                                   .audio_codec = r->audio_codec,
                                   .video_codec = r->video_codec,
                                   .media = rec->media,
                                   .media_count = (size_t)count,
                                   .frames = rec->frames,
                                   .frame_count = (size_t)r->still_count,
                                   .measures = rec->measures,
                                   .measure_count = rec->measure_count,
                                   .landmarks = rec->landmarks,
                                   .landmark_bytes = (size_t)r->landmark_count * LANDMARK_BYTES,
                                   .landmark_count = (size_t)r->landmark_count,
                                   .landmark_version = LANDMARK_VERSION};
    return mel_clip_ready(db, &products, err);
}

bool mel_publish(Db *db, Jail *jail, Staging *staging, const CutRequest *request,
                 const CutResult *result, const PublishInfo *info, Err *err)
{
    Product products[PRODUCTS_MAX];
    Recording *rec = mel_alloc(sizeof *rec);
    char *folder = mel_clip_folder(info->clip_id), *final = mel_db_path(db, folder);
    int count = list_products(staging, result, products);
    bool ok = true;
    for (int i = 0; ok && i < count; i++)
        ok = check_product(jail, &products[i], request, result, err);
    ok = ok && place_folder(staging, products, count, final, err) &&
         hash_products(mel_db_folder(db), folder, products, count, rec, err) &&
         record(db, result, info, rec, count, err);
    for (int i = 0; i < count; i++)
        free(rec->paths[i]);
    free(rec);
    free(folder);
    free(final);
    return ok;
}
