/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/fetch.h"

#include "curator/failure.h"
#include "curator/fetch_source.h"
#include "curator/publish.h"
#include "curator/versions.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { PAGE_FAULTS_MAX = 48 };
static const int64_t pause_us = (int64_t)3600 * 1000000;

/* What the workers share. Everything below `lock` is guarded by it. */
typedef struct Fetcher {
    const char *dataset;
    const FetchOptions *options;
    const Progress *progress;
    FetchDoneFn *done;
    void *done_ctx;
    RateLimiter *limiter;
    char *tools_json;
    int threads_per_clip;
    ClipWork *work;
    size_t work_count;
    size_t *source_starts; /* index of each source's first clip, and one past the end */
    size_t source_count;
    pthread_mutex_t lock;
    FetchReport report;
    Err fatal; /* what stopped the run: the store, the disk */
} Fetcher;

/* What one worker holds, made when it gets its first source. */
typedef struct FetchWorker {
    Db *db;
    HttpClient *http;
} FetchWorker;

typedef struct FetchRun {
    Fetcher *fetcher;
    FetchWorker *workers;
} FetchRun;

char *mel_fetch_ratelimit_path(const char *dataset)
{
    return mel_path_join(dataset, "ratelimit.json");
}

static bool worker_ready(Fetcher *f, FetchWorker *worker, Err *err)
{
    const HttpPolicy policy = {.allow_private = f->options->allow_private, .limiter = f->limiter};
    if (!worker->db && !mel_db_open(f->dataset, DB_WRITE, &worker->db, err)) return false;
    return worker->http || mel_http_new(&policy, &worker->http, err);
}

static bool stopped(Fetcher *f)
{
    pthread_mutex_lock(&f->lock);
    bool stop = mel_err_is_set(&f->fatal) || f->report.interrupted;
    if (mel_interrupted()) stop = f->report.interrupted = true;
    pthread_mutex_unlock(&f->lock);
    return stop;
}

static bool paused(Fetcher *f)
{
    pthread_mutex_lock(&f->lock);
    bool is = f->report.paused;
    pthread_mutex_unlock(&f->lock);
    return is;
}

static void set_fatal(Fetcher *f, const Err *err)
{
    pthread_mutex_lock(&f->lock);
    if (err->code == ERR_CANCELLED)
        f->report.interrupted = true;
    else if (!mel_err_is_set(&f->fatal))
        f->fatal = *err;
    pthread_mutex_unlock(&f->lock);
}

static void note_done(Fetcher *f, const ClipWork *work, const char *reason, const char *message)
{
    pthread_mutex_lock(&f->lock);
    FetchReport *r = &f->report;
    *(reason ? &r->failed : &r->ready) += 1;
    if (f->done) f->done(f->done_ctx, work->clip_id, reason, message);
    mel_progress(f->progress, &(ProgressTick){.what = "fetch",
                                              .done = r->ready + r->failed,
                                              .total = r->total,
                                              .failed = r->failed,
                                              .note = work->clip_id});
    pthread_mutex_unlock(&f->lock);
}

/* A service asked us to stop: nothing more is asked of it, by anyone, for an hour. */
static void note_pause(Fetcher *f, const char *reason, const char *message)
{
    Err ignored = {0};
    pthread_mutex_lock(&f->lock);
    f->report.paused = true;
    snprintf(f->report.pause_reason, sizeof f->report.pause_reason, "%s", reason);
    pthread_mutex_unlock(&f->lock);
    if (!mel_equal(reason, "pause.waiting") &&
        !mel_ratelimit_pause(f->limiter, "ytdlp", pause_us, message, &ignored))
        mel_log_debug("%s", ignored.message);
}

/* Errors of this machine, not of the clip: the run ends and the clip stays as it was. */
static bool ends_the_run(const Err *err)
{
    return err->code == ERR_CANCELLED || err->code == ERR_DB || err->code == ERR_NOMEM ||
           mel_equal(mel_failure_reason(err), "local.disk_full");
}

/* Records the failure of one clip, or stops or pauses the run. */
static void clip_failed(Fetcher *f, FetchWorker *w, const ClipWork *work, const Err *why,
                        int64_t begin_us, int64_t bytes)
{
    Err err = {0};
    const char *reason = mel_failure_reason(why);
    const FailureKind *kind = mel_failure(reason);
    if (ends_the_run(why)) {
        set_fatal(f, why);
        return;
    }
    if (kind->class == FAIL_PAUSE) {
        note_pause(f, reason, why->message);
        return;
    }
    if (mel_clip_failed(w->db, work->clip_id, reason, mel_failure_class_name(kind->class),
                        why->message, mel_monotonic_us() - begin_us, bytes, f->tools_json, &err))
        note_done(f, work, reason, why->message);
    else
        set_fatal(f, &err);
}

static CutRequest make_request(const Fetcher *f, const ClipWork *work)
{
    const FetchOptions *o = f->options;
    return (CutRequest){.start_us = work->start_us,
                        .duration_us = work->end_us - work->start_us,
                        .still_count = o->still_count ? o->still_count : 4,
                        .still_at_us = -1,
                        .preview_height = o->preview_height < 0   ? 0
                                          : o->preview_height > 0 ? o->preview_height
                                                                  : 240,
                        .threads = f->threads_per_clip,
                        .want_audio = !o->allow_silent,
                        .want_picture = 1};
}

/* Cuts; when bytes turn out to be missing, fetches them and cuts again. */
static bool cut_clip(Fetcher *f, OpenSource *source, CutRequest *request, Staging *staging,
                     CutResult *result, Err *err)
{
    for (int fault = 0;; fault++) {
        mel_source_describe(source, request, &staging->files);
        Err cut_err = {0};
        result->missing_input = -1;
        if (mel_jail_cut(f->options->jail, request, &staging->files, result, &cut_err)) return true;
        bool missing = mel_equal(cut_err.reason, "media.missing_bytes") && source->remotes[0];
        if (!missing || fault == PAGE_FAULTS_MAX) {
            *err = cut_err;
            return false;
        }
        if (!mel_source_page_in(source, result, fault / 4, err)) return false;
        if (!mel_staging_rewind(staging, err)) return false;
    }
}

static bool fetch_clip(Fetcher *f, FetchWorker *w, OpenSource *source, const ClipWork *work,
                       int64_t begin_us, int64_t bytes_before, Err *err)
{
    CutRequest *request = mel_alloc(sizeof *request);
    CutResult *result = mel_alloc(sizeof *result);
    Staging staging = {0};
    *request = make_request(f, work);
    bool ok = mel_source_need(source, work->start_us, work->end_us, err) &&
              mel_staging_open(f->dataset, request->still_count, request->preview_height > 0,
                               &staging, err);
    if (ok) {
        ok = cut_clip(f, source, request, &staging, result, err);
        const PublishInfo info = {.clip_id = work->clip_id,
                                  .tools_json = f->tools_json,
                                  .format_id = source->format_id,
                                  .took_us = mel_monotonic_us() - begin_us,
                                  .fetched_bytes = mel_source_fetched_bytes(source) - bytes_before};
        ok = ok && mel_publish(w->db, f->options->jail, &staging, request, result, &info, err);
        mel_staging_close(&staging);
    }
    free(request);
    free(result);
    return ok;
}

static const char *availability_of(const Err *err)
{
    switch (mel_failure(mel_failure_reason(err))->class) {
    case FAIL_PERMANENT:
        return "gone";
    case FAIL_CONDITIONAL:
        return "conditional";
    default:
        return "unreachable";
    }
}

static void saw_source(Fetcher *f, FetchWorker *w, const ClipWork *work, const Err *why)
{
    Err err = {0};
    const char *reason = why ? mel_failure_reason(why) : NULL;
    if (why && (ends_the_run(why) || mel_failure(reason)->class == FAIL_PAUSE)) return;
    if (!mel_source_seen(w->db, work->source_id, why ? availability_of(why) : "available", reason,
                         why ? why->message : NULL, &err))
        set_fatal(f, &err);
}

/* All clips of one source: opened once, closed once. */
static void fetch_source(Fetcher *f, FetchWorker *w, ClipWork *first, size_t count)
{
    OpenSource source;
    Err err = {0};
    int64_t begin_us = mel_monotonic_us();
    bool remote = !mel_equal(first->kind, "file"), keep = false;
    const SourceAccess access = {.db = w->db,
                                 .dataset = f->dataset,
                                 .http = w->http,
                                 .limiter = f->limiter,
                                 .ytdlp_program = f->options->ytdlp_program,
                                 .limit_bytes = f->options->limit_bytes ? f->options->limit_bytes
                                                                        : (int64_t)2 << 30};
    if (remote && paused(f)) return;
    if (!mel_source_open(&access, first, &source, &err)) {
        saw_source(f, w, first, &err);
        for (size_t i = 0; i < count && !stopped(f) && !(remote && paused(f)); i++)
            clip_failed(f, w, &first[i], &err, begin_us, 0);
        return;
    }
    if (remote) saw_source(f, w, first, NULL);
    for (size_t i = 0; i < count && !stopped(f) && !(remote && paused(f)); i++) {
        int64_t before = mel_source_fetched_bytes(&source);
        begin_us = mel_monotonic_us();
        mel_err_clear(&err);
        if (fetch_clip(f, w, &source, &first[i], begin_us, before, &err)) {
            note_done(f, &first[i], NULL, NULL);
            continue;
        }
        keep = keep || mel_failure(mel_failure_reason(&err))->class != FAIL_PERMANENT;
        clip_failed(f, w, &first[i], &err, begin_us, mel_source_fetched_bytes(&source) - before);
    }
    pthread_mutex_lock(&f->lock);
    f->report.fetched_bytes += mel_source_fetched_bytes(&source);
    pthread_mutex_unlock(&f->lock);
    mel_source_close(&source, keep || stopped(f));
}

static void run_item(void *ctx, int64_t item, int thread)
{
    FetchRun *run = ctx;
    Fetcher *f = run->fetcher;
    FetchWorker *worker = &run->workers[thread];
    Err err = {0};
    if (stopped(f)) return;
    if (!worker_ready(f, worker, &err)) {
        set_fatal(f, &err);
        return;
    }
    size_t first = f->source_starts[item], end = f->source_starts[item + 1];
    fetch_source(f, worker, &f->work[first], end - first);
}

static void group_by_source(Fetcher *f)
{
    f->source_starts = mel_alloc((f->work_count + 1) * sizeof *f->source_starts);
    for (size_t i = 0; i < f->work_count; i++)
        if (i == 0 || !mel_equal(f->work[i].source_id, f->work[i - 1].source_id))
            f->source_starts[f->source_count++] = i;
    f->source_starts[f->source_count] = f->work_count;
}

static bool open_limiter(Fetcher *f, Err *err)
{
    const FetchOptions *o = f->options;
    const RateBucket buckets[] = {
        {"ytdlp", 5,  o->ytdlp_per_hour > 0 ? o->ytdlp_per_hour : 250},
        {"http",  50, o->http_per_hour > 0 ? o->http_per_hour : 7200 },
    };
    char *path = mel_fetch_ratelimit_path(f->dataset);
    bool ok = mel_ratelimit_open(path, buckets, 2, &f->limiter, err);
    free(path);
    return ok;
}

/* The kernel drops the lock with the process, however it ends. */
static int lock_dataset(const char *dataset, Err *err)
{
    char *path = mel_path_join(dataset, "fetch.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        mel_err_errno(err, "cannot open '%s'", path);
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        mel_err(err, ERR_EXISTS, "another 'mel fetch' is at work on '%s'", dataset);
        mel_err_hint(err,
                     "wait for it, or stop it; -j sets how many clips one run fetches at once");
        close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

static bool load_work(Fetcher *f, Err *err)
{
    Db *db = NULL;
    if (!mel_db_open(f->dataset, DB_WRITE, &db, err)) return false;
    bool ok = mel_clip_work(db, f->options->where, f->options->retry_classes, &f->work,
                            &f->work_count, err);
    mel_db_close(db);
    return ok;
}

static void run_workers(Fetcher *f)
{
    int cores = mel_cpu_count();
    int jobs = f->options->jobs > 0 ? f->options->jobs : cores;
    f->threads_per_clip = cores > jobs ? cores / jobs : 1;
    FetchRun run = {.fetcher = f, .workers = mel_alloc((size_t)jobs * sizeof *run.workers)};
    mel_parallel_for(jobs, (int64_t)f->source_count, run_item, &run);
    for (int i = 0; i < jobs; i++) {
        mel_http_free(run.workers[i].http);
        mel_db_close(run.workers[i].db);
    }
    free(run.workers);
}

bool mel_fetch(const char *dataset, const FetchOptions *options, FetchDoneFn *done, void *ctx,
               const Progress *progress, FetchReport *report, Err *err)
{
    Fetcher f = {.dataset = dataset,
                 .options = options,
                 .progress = progress,
                 .done = done,
                 .done_ctx = ctx,
                 .lock = PTHREAD_MUTEX_INITIALIZER};
    bool ok = false;
    int lock = lock_dataset(dataset, err);
    if (lock < 0 || !mel_staging_sweep(dataset, err)) goto out;
    f.tools_json = mel_tool_versions_json();
    if (!load_work(&f, err) || !open_limiter(&f, err)) goto out;
    group_by_source(&f);
    f.report.total = (int64_t)f.work_count;
    run_workers(&f);
    f.report.untouched = f.report.total - f.report.ready - f.report.failed;
    if (mel_err_is_set(&f.fatal)) {
        *err = f.fatal;
        goto out;
    }
    *report = f.report;
    ok = true;
out:
    mel_ratelimit_close(f.limiter);
    mel_clip_work_free(f.work, f.work_count);
    free(f.source_starts);
    free(f.tools_json);
    if (lock >= 0) close(lock);
    return ok;
}
