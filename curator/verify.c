/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/verify.h"

#include "curator/failure.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct MediaItem {
    char *clip_id, *path;
    char sha256[SHA256_HEX_SIZE];
    ProductKind kind;
    int64_t size_bytes;
    bool damaged;
} MediaItem;

typedef struct Verifier {
    Db *db;
    const VerifyOptions *options;
    VerifyFindingFn *fn;
    void *ctx;
    const Progress *progress;
    VerifyReport report;
    MediaItem *items;
    size_t count, capacity;
    int64_t done;
    pthread_mutex_t lock;
} Verifier;

static void found(Verifier *v, bool is_error, const char *word, const char *subject,
                  const char *message)
{
    pthread_mutex_lock(&v->lock);
    *(is_error ? &v->report.errors : &v->report.notes) += 1;
    if (v->fn) {
        VerifyFinding finding = {
            .is_error = is_error, .word = word, .subject = subject, .message = message};
        v->fn(v->ctx, &finding);
    }
    pthread_mutex_unlock(&v->lock);
}

static bool store_finding(void *ctx, const char *word, const char *subject, const char *message,
                          Err *err)
{
    (void)err;
    found(ctx, true, word, subject, message);
    return true;
}

static bool collect(void *ctx, const MediaRow *row, Err *err)
{
    (void)err;
    Verifier *v = ctx;
    mel_grow(&v->items, &v->capacity, v->count + 1, sizeof *v->items);
    MediaItem *item = &v->items[v->count++];
    *item = (MediaItem){.clip_id = mel_strdup(row->clip_id),
                        .path = mel_strdup(row->path),
                        .size_bytes = row->size_bytes,
                        .kind = mel_equal(row->role, "audio")   ? PRODUCT_AUDIO
                                : mel_equal(row->role, "still") ? PRODUCT_STILL
                                                                : PRODUCT_PREVIEW};
    snprintf(item->sha256, sizeof item->sha256, "%s", row->sha256);
    return true;
}

static bool decode_item(Verifier *v, const MediaItem *item, const char *path)
{
    Err err = {0};
    CheckResult result;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = mel_jail_check(v->options->jail, item->kind, fd, &result, &err);
    close(fd);
    if (!ok) found(v, true, "media.decode", item->path, err.message);
    return ok;
}

/* False when the file is not what the store says. */
static bool check_item(Verifier *v, const MediaItem *item, const char *path)
{
    char hex[SHA256_HEX_SIZE];
    Err err = {0};
    struct stat st;
    int64_t size;
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        found(v, true, "media.missing", item->path, "the file is not there");
        return false;
    }
    if (st.st_size != item->size_bytes) {
        char message[96];
        snprintf(message, sizeof message, "it has %lld bytes, not %lld", (long long)st.st_size,
                 (long long)item->size_bytes);
        found(v, true, "media.size", item->path, message);
        return false;
    }
    if (!mel_sha256_file(path, hex, &size, &err)) {
        found(v, true, "media.missing", item->path, err.message);
        return false;
    }
    if (!mel_equal(hex, item->sha256)) {
        found(v, true, "media.hash", item->path, "its bytes have changed (SHA-256)");
        return false;
    }
    return !v->options->decode || decode_item(v, item, path);
}

static void check_one(void *ctx, int64_t index, int thread)
{
    (void)thread;
    Verifier *v = ctx;
    MediaItem *item = &v->items[index];
    if (mel_interrupted()) return;
    char *path = mel_db_path(v->db, item->path);
    item->damaged = !check_item(v, item, path);
    free(path);
    pthread_mutex_lock(&v->lock);
    v->report.files++;
    v->report.bytes += item->size_bytes;
    v->done++;
    mel_progress(v->progress, &(ProgressTick){.what = "verify",
                                              .done = v->done,
                                              .total = (int64_t)v->count,
                                              .failed = v->report.errors});
    pthread_mutex_unlock(&v->lock);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const MediaItem *)a)->path, ((const MediaItem *)b)->path);
}

static bool remove_stray(Verifier *v, const char *relative, Err *err)
{
    char *path = mel_db_path(v->db, relative);
    bool ok = mel_remove_tree(path, err);
    if (ok) v->report.repaired++;
    free(path);
    return ok;
}

static bool look_for_stray(void *ctx, const char *below, Err *err)
{
    Verifier *v = ctx;
    bool ok = true;
    if (mel_starts_with(below, ".mirror/")) return true;
    char *relative = mel_path_join("media", below);
    MediaItem key = {.path = relative};
    bool staging = mel_starts_with(below, ".staging/");
    bool known = v->count && bsearch(&key, v->items, v->count, sizeof key, compare_paths);
    if (!known) {
        found(v, false, staging ? "staging" : "media.stray", relative,
              staging ? "left by a run that was ended (the next 'mel fetch' removes it)"
                      : "the store does not know this file");
        if (v->options->repair && !staging) ok = remove_stray(v, relative, err);
    }
    free(relative);
    return ok;
}

/* Damaged clips are failed as local and transient, so that 'mel retry' fetches them again. */
static bool repair_clips(Verifier *v, Err *err)
{
    for (size_t i = 0; i < v->count; i++) {
        if (!v->items[i].damaged) continue;
        if (i && v->items[i - 1].damaged && mel_equal(v->items[i - 1].clip_id, v->items[i].clip_id))
            continue;
        if (!mel_clip_failed(v->db, v->items[i].clip_id, "local.damaged", "local",
                             "a product was missing or damaged", 0, 0, "{}", err))
            return false;
        v->report.repaired++;
    }
    return mel_store_rebuild_heads(v->db, err);
}

bool mel_verify(Db *db, const VerifyOptions *options, VerifyFindingFn *fn, void *ctx,
                const Progress *progress, VerifyReport *report, Err *err)
{
    Verifier v = {.db = db,
                  .options = options,
                  .fn = fn,
                  .ctx = ctx,
                  .progress = progress,
                  .lock = PTHREAD_MUTEX_INITIALIZER};
    bool ok = false;
    char *media = mel_db_path(db, "media");
    if (!mel_store_check(db, store_finding, &v, err)) goto out;
    if (!mel_media_each(db, NULL, collect, &v, err)) goto out;
    if (v.count) qsort(v.items, v.count, sizeof *v.items, compare_paths);
    mel_parallel_for(mel_cpu_count(), (int64_t)v.count, check_one, &v);
    if (mel_interrupted()) {
        mel_err(err, ERR_CANCELLED, "interrupted");
        goto out;
    }
    if (mel_path_is_dir(media) && !mel_walk(media, look_for_stray, &v, err)) goto out;
    if (options->repair && !repair_clips(&v, err)) goto out;
    *report = v.report;
    ok = true;
out:
    for (size_t i = 0; i < v.count; i++) {
        free(v.items[i].clip_id);
        free(v.items[i].path);
    }
    free(v.items);
    free(media);
    return ok;
}
