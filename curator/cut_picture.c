/* SPDX-License-Identifier: Apache-2.0
 *
 * The pictures of a clip: a walk over decoded frames on one thread; measuring, keeping and
 * encoding on another, so that decoder and encoder overlap. */
#include "curator/cut_internal.h"

#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum { QUEUE_MAX = 8 };
static const int64_t QUEUE_BYTES_MAX = 48 * 1000 * 1000;
static const int64_t CLAIM_SLACK_US = 1000000;

/* What to do with a picture. */
typedef enum Duty {
    DUTY_ALL,
    DUTY_OFFER /* outside the span, but may be the still asked for */
} Duty;

typedef struct Job {
    Picture picture;
    Duty duty;
} Job;

typedef struct Walk {
    const CutRequest *request;
    const Media *media;
    const MediaSpan *span;
    CutResult *result;
    PictureMeter *meter;
    SmallLuma small;
    StillPool *pool;
    Preview *preview; /* NULL = not wanted */
    int64_t frames, bad;
    Picture standing; /* the last one before the span */
    bool went_on;     /* a picture behind the span was seen */
    /* The queue to the worker. */
    pthread_t worker;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Job queue[QUEUE_MAX];
    int head, queued, queue_limit;
    bool threaded, closed, failed;
    Err err; /* the worker's, valid when failed */
} Walk;

static bool is_damaged(const AVFrame *frame)
{
    return frame->decode_error_flags || frame->flags & AV_FRAME_FLAG_CORRUPT;
}

/* Everything that is made of one picture. */
static bool use_picture(Walk *walk, const Job *job, Err *err)
{
    const Picture *picture = &job->picture;
    AVFrame *frame = picture->frame;
    still_pool_offer(walk->pool, picture);
    if (job->duty == DUTY_OFFER) return true;
    if (!small_luma_take(&walk->small, frame, err)) return false;
    const SmallLuma *small = &walk->small;
    int64_t clip_us = picture->time_us - walk->request->start_us;
    FrameFacts facts =
        mel_picture_meter_add(walk->meter, small->pixels, small->width, small->height, small->width,
                              clip_us > 0 ? clip_us : 0);
    uint64_t hash = mel_picture_hash(small->pixels, small->width, small->height, small->width);
    still_pool_add(walk->pool, picture, &facts, hash, is_damaged(frame));
    AVStream *stream = walk->media->stream[MEDIA_PICTURE];
    AVRational aspect = av_guess_sample_aspect_ratio(walk->media->format, stream, frame);
    return !walk->preview || preview_add(walk->preview, picture, aspect, err);
}

/* ---- the worker --------------------------------------------------------------------------------
 */

static void *work(void *argument)
{
    Walk *walk = argument;
    for (;;) {
        pthread_mutex_lock(&walk->lock);
        while (!walk->queued && !walk->closed)
            pthread_cond_wait(&walk->changed, &walk->lock);
        if (!walk->queued) {
            pthread_mutex_unlock(&walk->lock);
            return NULL;
        }
        Job job = walk->queue[walk->head];
        bool failed = walk->failed;
        pthread_mutex_unlock(&walk->lock);
        Err err = {0};
        bool ok = failed || use_picture(walk, &job, &err);
        av_frame_free(&job.picture.frame);
        pthread_mutex_lock(&walk->lock);
        if (!ok) {
            walk->failed = true;
            walk->err = err;
        }
        walk->head = (walk->head + 1) % QUEUE_MAX;
        walk->queued--;
        pthread_cond_broadcast(&walk->changed);
        pthread_mutex_unlock(&walk->lock);
    }
}

static int limit_queue(const AVFrame *frame)
{
    int64_t bytes = av_image_get_buffer_size(frame->format, frame->width, frame->height, 64);
    int64_t fit = bytes > 0 ? QUEUE_BYTES_MAX / bytes : 1;
    return fit < 1 ? 1 : fit > QUEUE_MAX ? QUEUE_MAX : (int)fit;
}

/* Hands a reference of the frame over. False when the worker has failed, err is then set. */
static bool hand_over(Walk *walk, const Picture *picture, Duty duty, Err *err)
{
    Job job = {.picture = *picture, .duty = duty};
    if (!walk->threaded) return use_picture(walk, &job, err);
    job.picture.frame = av_frame_clone(picture->frame);
    if (!job.picture.frame)
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for a picture");
    pthread_mutex_lock(&walk->lock);
    if (!walk->queue_limit) walk->queue_limit = limit_queue(picture->frame);
    while (walk->queued >= walk->queue_limit && !walk->failed)
        pthread_cond_wait(&walk->changed, &walk->lock);
    bool ok = !walk->failed;
    if (ok)
        walk->queue[(walk->head + walk->queued++) % QUEUE_MAX] = job;
    else
        *err = walk->err;
    pthread_cond_broadcast(&walk->changed);
    pthread_mutex_unlock(&walk->lock);
    if (!ok) av_frame_free(&job.picture.frame);
    return ok;
}

static void start_worker(Walk *walk)
{
    pthread_mutex_init(&walk->lock, NULL);
    pthread_cond_init(&walk->changed, NULL);
    if (walk->request->threads > 1)
        walk->threaded = pthread_create(&walk->worker, NULL, work, walk) == 0;
}

static bool stop_worker(Walk *walk, Err *err)
{
    if (walk->threaded) {
        pthread_mutex_lock(&walk->lock);
        walk->closed = true;
        pthread_cond_broadcast(&walk->changed);
        pthread_mutex_unlock(&walk->lock);
        pthread_join(walk->worker, NULL);
    }
    pthread_mutex_destroy(&walk->lock);
    pthread_cond_destroy(&walk->changed);
    if (walk->failed && !mel_err_is_set(err)) *err = walk->err;
    return !walk->failed;
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

static int32_t rotation_of(const AVStream *stream)
{
    size_t size = 0;
    const uint8_t *matrix = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (!matrix || size < 9 * sizeof(int32_t)) return 0;
    double counterclockwise = av_display_rotation_get((const int32_t *)(const void *)matrix);
    if (!isfinite(counterclockwise)) return 0;
    int degrees = (int)lrint(-counterclockwise) % 360;
    return degrees < 0 ? degrees + 360 : degrees;
}

/* The decoder had a key picture at or before the start, and yet none comes out that early. */
static bool came_late(const Walk *walk, int64_t time_us)
{
    const PacketList *packets = &walk->span->packets[MEDIA_PICTURE];
    if (walk->standing.frame || time_us <= walk->request->start_us || !walk->media->moved)
        return false;
    const AVPacket *first = packets->items[0];
    return first->pts != AV_NOPTS_VALUE &&
           media_time_us(walk->media, MEDIA_PICTURE, first->pts) <= walk->request->start_us;
}

static void describe_first(Walk *walk, const Picture *picture)
{
    CutResult *result = walk->result;
    result->width = picture->frame->width;
    result->height = picture->frame->height;
    result->rotation_deg = rotation_of(walk->media->stream[MEDIA_PICTURE]);
    if (!walk->request->want_audio) result->got_start_us = picture->time_us;
}

static bool begin_span(Walk *walk, const Picture *picture, Err *err)
{
    describe_first(walk, picture);
    return !walk->standing.frame || walk->request->still_at_us < 0 ||
           hand_over(walk, &walk->standing, DUTY_OFFER, err);
}

typedef enum Verdict { GO_ON, ENOUGH, TOO_LATE, BROKEN } Verdict;

static Verdict meet(Walk *walk, AVFrame *frame, bool may_be_late, Err *err)
{
    const CutRequest *request = walk->request;
    if (frame->best_effort_timestamp == AV_NOPTS_VALUE) return GO_ON;
    Picture picture = {.frame = frame};
    picture.time_us = media_time_us(walk->media, MEDIA_PICTURE, frame->best_effort_timestamp);
    if (picture.time_us < request->start_us) {
        av_frame_free(&walk->standing.frame);
        walk->standing.frame = av_frame_clone(frame);
        walk->standing.time_us = picture.time_us;
        return GO_ON;
    }
    if (!walk->frames && may_be_late && came_late(walk, picture.time_us)) return TOO_LATE;
    if (picture.time_us >= request->start_us + request->duration_us) {
        walk->went_on = true;
        bool offer = walk->frames && request->still_at_us >= 0;
        return !offer || hand_over(walk, &picture, DUTY_OFFER, err) ? ENOUGH : BROKEN;
    }
    if (!walk->frames && !begin_span(walk, &picture, err)) return BROKEN;
    walk->bad += is_damaged(frame);
    if (++walk->frames > MEDIA_FRAMES_MAX) {
        mel_err_reason(err, ERR_LIMIT, "media.damaged", "the clip has more than %d pictures",
                       MEDIA_FRAMES_MAX);
        return BROKEN;
    }
    return hand_over(walk, &picture, DUTY_ALL, err) ? GO_ON : BROKEN;
}

static Verdict decode_all(Walk *walk, bool may_be_late, int64_t *errors, Err *err)
{
    MediaDecoder decoder;
    Verdict verdict = BROKEN;
    AVFrame *frame = av_frame_alloc();
    const PacketList *packets = &walk->span->packets[MEDIA_PICTURE];
    if (!media_decoder_open(&decoder, walk->media, MEDIA_PICTURE, packets, walk->request->threads,
                            walk->request->start_us, err))
        goto out;
    if (!frame) {
        mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for a picture");
        goto out;
    }
    verdict = GO_ON;
    while (verdict == GO_ON) {
        MediaStep step = media_decoder_next(&decoder, frame, err);
        if (step == MEDIA_FRAME)
            verdict = meet(walk, frame, may_be_late, err);
        else
            verdict = step == MEDIA_END ? ENOUGH : BROKEN;
        av_frame_unref(frame);
    }
    *errors = decoder.errors;
    if (!walk->frames && decoder.errors && !decoder.context->width &&
        walk->media->stream[MEDIA_PICTURE]->codecpar->width) {
        /* libav forgets the size when it refuses the one in the pictures themselves. */
        mel_err_reason(err, ERR_LIMIT, "media.dimensions",
                       "the pictures are larger than the header says");
        verdict = BROKEN;
    }
out:
    av_frame_free(&frame);
    media_decoder_close(&decoder);
    return verdict;
}

/* One picture may stand longer than the whole clip: it is then the clip's only one. */
static bool use_standing(Walk *walk, Err *err)
{
    Picture *standing = &walk->standing;
    if (walk->frames || !standing->frame) return true;
    AVStream *stream = walk->media->stream[MEDIA_PICTURE];
    int64_t length_us =
        av_rescale_q(standing->frame->pkt_duration, stream->time_base, AV_TIME_BASE_Q);
    bool stands = walk->went_on || !walk->span->ended[MEDIA_PICTURE] ||
                  length_us > walk->request->start_us - standing->time_us;
    if (!stands) return true;
    describe_first(walk, standing);
    walk->frames = 1;
    return hand_over(walk, standing, DUTY_ALL, err);
}

static bool is_truncated(const Walk *walk)
{
    const MediaSpan *span = walk->span;
    int64_t last_us = span->last_end_us[MEDIA_PICTURE];
    int64_t claimed_us = media_stream_end_us(walk->media, MEDIA_PICTURE);
    int64_t end_us = walk->request->start_us + walk->request->duration_us;
    if (!span->ended[MEDIA_PICTURE] || last_us >= end_us) return false;
    if (claimed_us >= 0 && last_us != INT64_MIN && last_us + CLAIM_SLACK_US >= claimed_us)
        return false;
    if (span->broken || walk->media->io.behind_end) return true;
    return claimed_us > walk->request->start_us &&
           (last_us == INT64_MIN || claimed_us > last_us + CLAIM_SLACK_US);
}

static bool judge(const Walk *walk, int64_t errors, Err *err)
{
    if (is_truncated(walk))
        return mel_err_reason(
            err, ERR_MEDIA, "media.truncated",
            "the pictures end inside the clip, before the index of the file does");
    if (errors + walk->bad > walk->frames / 4)
        return mel_err_reason(err, ERR_MEDIA, "media.damaged",
                              "%lld of the clip's pictures are damaged",
                              (long long)errors + walk->bad);
    if (walk->frames) return true;
    if (!walk->span->ended[MEDIA_PICTURE])
        return mel_err_reason(err, ERR_MEDIA, "media.damaged",
                              "no picture of the clip could be decoded");
    return mel_err_reason(err, ERR_MEDIA, "media.past_end",
                          "the clip lies behind the end of the pictures");
}

static bool finish(Walk *walk, const CutFiles *files, Err *err)
{
    mel_picture_meter_finish(walk->meter, &walk->result->picture);
    if (walk->preview && !preview_finish(walk->preview, walk->result, err)) return false;
    return !still_pool_is_wanted(walk->pool) ||
           still_pool_write(walk->pool, walk->request, files->stills, walk->result, err);
}

bool cut_pictures(const CutRequest *request, const Media *media, const MediaSpan *span,
                  const CutFiles *files, bool *late, CutResult *result, Err *err)
{
    Walk walk = {.request = request, .media = media, .span = span, .result = result};
    int64_t errors = 0;
    bool ok = false;
    walk.meter = mel_picture_meter_new(request->duration_us);
    walk.pool = still_pool_new(request);
    if (request->preview_height && files->preview >= 0 &&
        !preview_open(request, files->preview, &walk.preview, err))
        goto out;
    start_worker(&walk);
    Verdict verdict = decode_all(&walk, late != NULL, &errors, err);
    ok = verdict == ENOUGH && use_standing(&walk, err);
    ok = stop_worker(&walk, err) && ok;
    if (late) *late = verdict == TOO_LATE;
    if (verdict == TOO_LATE)
        ok = true;
    else
        ok = ok && judge(&walk, errors, err) && finish(&walk, files, err);
out:
    av_frame_free(&walk.standing.frame);
    preview_free(walk.preview);
    still_pool_free(walk.pool);
    mel_picture_meter_free(walk.meter);
    small_luma_clear(&walk.small);
    return ok;
}
