/* SPDX-License-Identifier: Apache-2.0
 *
 * Stills. Which pictures are best is known only at the end, when none is decoded any more, so a
 * pool keeps the best one of each of up to BINS_MAX stretches of time, by reference: a kept picture
 * costs its decoder buffer and no copy. The pool holds at most POOL_BYTES_MAX (of 1080p: 32
 * pictures; of 360p: BINS_MAX) but never fewer than the stills that are wanted. */
#include "curator/cut_internal.h"

#include <errno.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static const int64_t POOL_BYTES_MAX = 100 * 1000 * 1000;
static const int64_t CUT_CLEAR_US = 300000;
enum { BINS_MAX = 64, QUALITY_DEFAULT = 92 };

typedef struct Slot {
    AVFrame *frame;
    size_t index; /* among the span's pictures */
    int64_t time_us;
    double quality;
} Slot;

struct StillPool {
    int64_t start_us, duration_us, asked_us; /* asked_us: -1 = no time was asked for */
    int32_t wanted;
    FrameFacts *facts; /* of every picture */
    uint64_t *hashes;
    size_t count, facts_capacity, hashes_capacity;
    Slot slots[BINS_MAX];
    int slot_count;
    int64_t cut_us; /* of the last cut, INT64_MIN = none */
    Slot asked;
    uint64_t asked_hash;
};

StillPool *still_pool_new(const CutRequest *request)
{
    StillPool *pool = mel_alloc(sizeof *pool);
    pool->start_us = request->start_us;
    pool->duration_us = request->duration_us;
    pool->wanted = request->still_count;
    pool->asked_us = request->still_at_us;
    pool->cut_us = INT64_MIN;
    return pool;
}

void still_pool_free(StillPool *pool)
{
    if (!pool) return;
    for (int i = 0; i < BINS_MAX; i++)
        av_frame_free(&pool->slots[i].frame);
    av_frame_free(&pool->asked.frame);
    free(pool->facts);
    free(pool->hashes);
    free(pool);
}

bool still_pool_is_wanted(const StillPool *pool)
{
    return pool->wanted > 0 || pool->asked_us >= 0;
}

/* Mean |difference| to a cut as a weight, as mel_still_score has it. */
static double clear_of_cut(int64_t distance_us)
{
    return distance_us >= CUT_CLEAR_US ? 1 : 0.1 + 0.9 * (double)distance_us / (double)CUT_CLEAR_US;
}

/* Orders the pictures of one short stretch: what mel_still_score weighs, without the ranks that are
 * known only at the end. */
static double quality_of(const StillPool *pool, const FrameFacts *facts)
{
    double light = fmin(1, fmax(0, (0.98 - facts->black_share) / 0.28));
    double change = isfinite(facts->change) && !facts->is_cut ? facts->change : 0;
    double quality = (1 + facts->sharpness) * light * 12 / (12 + change);
    if (pool->cut_us != INT64_MIN) quality *= clear_of_cut(facts->time_us - pool->cut_us);
    return quality;
}

static int count_slots(const StillPool *pool, const AVFrame *frame)
{
    int64_t bytes = av_image_get_buffer_size(frame->format, frame->width, frame->height, 64);
    int64_t fit = bytes > 0 ? POOL_BYTES_MAX / bytes : 1;
    if (fit < pool->wanted + 1) fit = pool->wanted + 1;
    return fit > BINS_MAX ? BINS_MAX : (int)fit;
}

static void keep(Slot *slot, const Picture *picture, size_t index, double quality)
{
    av_frame_free(&slot->frame);
    slot->frame = av_frame_clone(picture->frame); /* NULL when out of memory: one still fewer */
    slot->index = index;
    slot->time_us = picture->time_us;
    slot->quality = quality;
}

/* A cut makes the pictures just before it worth less. */
static void note_cut(StillPool *pool, int64_t time_us)
{
    pool->cut_us = time_us;
    for (int i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].frame)
            pool->slots[i].quality *=
                clear_of_cut(time_us - (pool->slots[i].time_us - pool->start_us));
}

void still_pool_add(StillPool *pool, const Picture *picture, const FrameFacts *facts, uint64_t hash,
                    bool is_bad)
{
    size_t index = pool->count++;
    mel_grow(&pool->facts, &pool->facts_capacity, pool->count, sizeof *pool->facts);
    mel_grow(&pool->hashes, &pool->hashes_capacity, pool->count, sizeof *pool->hashes);
    pool->facts[index] = *facts;
    pool->hashes[index] = hash;
    if (pool->wanted == 0) return;
    if (!pool->slot_count) pool->slot_count = count_slots(pool, picture->frame);
    if (facts->is_cut) note_cut(pool, facts->time_us);
    if (is_bad) return;
    int64_t bin = facts->time_us * pool->slot_count / pool->duration_us;
    bin = bin < 0 ? 0 : bin >= pool->slot_count ? pool->slot_count - 1 : bin;
    double quality = quality_of(pool, facts);
    Slot *slot = &pool->slots[bin];
    if (!slot->frame || quality > slot->quality) keep(slot, picture, index, quality);
}

void still_pool_offer(StillPool *pool, const Picture *picture)
{
    if (pool->asked_us < 0) return;
    int64_t distance = llabs(picture->time_us - pool->asked_us);
    if (pool->asked.frame && distance >= llabs(pool->asked.time_us - pool->asked_us)) return;
    keep(&pool->asked, picture, SIZE_MAX, 0);
}

/* ---- at the end --------------------------------------------------------------------------------
 */

typedef struct StillJob {
    Slot *slot;
    int fd, quality;
    CutStill *still;
    bool ok;
    Err err;
} StillJob;

static bool write_still(const JpegWriter *jpeg, int fd, Err *err)
{
    for (unsigned long done = 0; done < jpeg->length;) {
        ssize_t n = pwrite(fd, jpeg->bytes + done, jpeg->length - done, (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return mel_err_errno(err, "cannot write a still");
        done += (unsigned long)n;
    }
    return true;
}

static void still_job(void *context, int64_t item, int thread)
{
    StillJob *job = &((StillJob *)context)[item];
    const AVFrame *frame = job->slot->frame;
    Scaler scaler = {0};
    JpegWriter jpeg = {0};
    Planes planes = {0};
    (void)thread;
    job->still->width = frame->width;
    job->still->height = frame->height;
    job->still->time_us = job->slot->time_us;
    job->still->frame_hash = frame_hash(frame);
    job->ok = planes_alloc(&planes, frame->width, frame->height, &job->err) &&
              scaler_run(&scaler, frame, SWS_BICUBIC | SWS_ACCURATE_RND, &planes, &job->err) &&
              jpeg_encode(&jpeg, &planes, job->quality, false, &job->err);
    if (job->ok) job->still->size_bytes = (int64_t)jpeg.length;
    if (job->ok && job->fd >= 0) job->ok = write_still(&jpeg, job->fd, &job->err);
    planes_free(&planes);
    scaler_clear(&scaler);
    jpeg_clear(&jpeg);
}

/* The slot that holds a picture, else the one nearest to it in time. */
static Slot *slot_of(StillPool *pool, size_t index)
{
    Slot *nearest = NULL;
    int64_t time_us = pool->facts[index].time_us + pool->start_us;
    for (int i = 0; i < pool->slot_count; i++) {
        Slot *slot = &pool->slots[i];
        if (!slot->frame) continue;
        if (slot->index == index) return slot;
        if (!nearest || llabs(slot->time_us - time_us) < llabs(nearest->time_us - time_us))
            nearest = slot;
    }
    return nearest;
}

/* Chooses among the pictures that the pool still holds; the others' facts keep their place as
 * neighbours and cuts, but count as black. */
static size_t choose(const StillPool *pool, size_t k, size_t *chosen)
{
    FrameFacts *facts = mel_alloc(pool->count * sizeof *facts);
    for (size_t i = 0; i < pool->count; i++) {
        facts[i] = pool->facts[i];
        facts[i].black_share = 1;
    }
    for (int i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].frame)
            facts[pool->slots[i].index].black_share = pool->facts[pool->slots[i].index].black_share;
    size_t count = mel_choose_stills(facts, pool->hashes, pool->count, k, chosen);
    free(facts);
    return count;
}

static void describe(const StillPool *pool, size_t index, CutStill *still)
{
    const FrameFacts *facts = &pool->facts[index];
    still->picture_hash = pool->hashes[index];
    still->sharpness = facts->sharpness;
    still->brightness = facts->brightness;
    still->black_share = facts->black_share;
    still->score = mel_still_score(pool->facts, pool->count, index);
}

/* The facts of the picture asked for: its own, or of the span's picture nearest to it. */
static size_t nearest_fact(const StillPool *pool, int64_t time_us)
{
    size_t best = 0;
    for (size_t i = 1; i < pool->count; i++)
        if (llabs(pool->facts[i].time_us + pool->start_us - time_us) <
            llabs(pool->facts[best].time_us + pool->start_us - time_us))
            best = i;
    return best;
}

static size_t line_up(StillPool *pool, const CutRequest *request, const int *fds, CutResult *result,
                      StillJob *jobs)
{
    size_t chosen[STILLS_MAX + 1], n = 0;
    int quality = request->still_quality ? request->still_quality : QUALITY_DEFAULT;
    if (pool->asked.frame && pool->count) {
        jobs[n++].slot = &pool->asked;
        describe(pool, nearest_fact(pool, pool->asked.time_us), &result->stills[0]);
    }
    size_t room = (size_t)pool->wanted + n;
    if (room > STILLS_MAX) room = STILLS_MAX;
    size_t k = pool->wanted > 0 ? choose(pool, (size_t)pool->wanted + n, chosen) : 0;
    for (size_t i = 0; i < k && n < room; i++) {
        Slot *slot = slot_of(pool, chosen[i]);
        bool taken = !slot;
        for (size_t j = 0; j < n && !taken; j++)
            taken = jobs[j].slot->time_us == slot->time_us;
        if (taken) continue;
        describe(pool, slot->index, &result->stills[n]);
        jobs[n++].slot = slot;
    }
    for (size_t i = 0; i < n; i++) {
        jobs[i].fd = fds[i];
        jobs[i].quality = quality;
        jobs[i].still = &result->stills[i];
    }
    return n;
}

bool still_pool_write(StillPool *pool, const CutRequest *request, const int *fds, CutResult *result,
                      Err *err)
{
    StillJob jobs[STILLS_MAX + 1] = {0};
    size_t n = line_up(pool, request, fds, result, jobs);
    if (n) mel_parallel_for(request->threads, (int64_t)n, still_job, jobs);
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].ok) continue;
        *err = jobs[i].err;
        return false;
    }
    result->still_count = (int32_t)n;
    return true;
}
