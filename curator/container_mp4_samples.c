/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain MP4: from times to samples (stts, ctts, stss), from samples to bytes (stsc, stco, stsz). */
#include "curator/container_mp4.h"

typedef struct SampleRange {
    uint32_t begin, end;
} SampleRange;

/* ---- times to samples ---- */

typedef struct TimeRun {
    uint64_t count;
    int64_t delta;
} TimeRun;

static TimeRun read_run(const Mp4Table *stts, uint32_t i)
{
    const uint8_t *p = stts->p + (size_t)i * 8;
    uint32_t delta = mel_be32(p + 4);
    return (TimeRun){mel_be32(p), delta > INT32_MAX ? 0 : delta};
}

/* How many samples are decoded before `time`. */
static uint32_t samples_before(const Mp4Track *track, int64_t time)
{
    uint64_t sample = 0, all = track->stsz.count;
    int64_t now = 0;
    for (uint32_t i = 0; i < track->stts.count && sample < all && now < time; i++) {
        TimeRun run = read_run(&track->stts, i);
        int64_t whole = (int64_t)run.count * run.delta; /* below 2^63: 32 times 31 bits */
        if (run.delta != 0 && whole > time - now) {
            sample += (uint64_t)((time - now + run.delta - 1) / run.delta);
            break;
        }
        sample += run.count;
        now += whole;
    }
    return (uint32_t)(sample < all ? sample : all);
}

static int64_t time_of(const Mp4Track *track, uint32_t sample)
{
    uint64_t first = 0;
    int64_t now = 0;
    for (uint32_t i = 0; i < track->stts.count && now < INT64_MAX / 4; i++) {
        TimeRun run = read_run(&track->stts, i);
        bool inside = sample - first < run.count;
        int64_t whole = (int64_t)(inside ? sample - first : run.count) * run.delta;
        now += whole < INT64_MAX / 4 ? whole : INT64_MAX / 4;
        if (inside) break;
        first += run.count;
    }
    return now;
}

/* The least and the greatest composition offset; both count 0. */
static void composition(const Mp4Track *track, int64_t *least_out, int64_t *greatest_out)
{
    int64_t least = 0, greatest = 0;
    for (uint32_t i = 0; i < track->ctts.count; i++) {
        int32_t offset = (int32_t)mel_be32(track->ctts.p + (size_t)i * 8 + 4);
        if (offset < least) least = offset;
        if (offset > greatest) greatest = offset;
    }
    *least_out = least;
    *greatest_out = greatest;
}

/* The last sample at or before this one where decoding can begin. */
static uint32_t sync_before(const Mp4Track *track, uint32_t sample)
{
    uint32_t best = 0;
    if (!track->stss.present) return sample;
    for (uint32_t i = 0; i < track->stss.count; i++) {
        uint32_t number = mel_be32(track->stss.p + (size_t)i * 4); /* from 1 */
        if (number > best && number - 1 <= sample) best = number;
    }
    return best ? best - 1 : 0;
}

static SampleRange samples_of(const Mp4Track *track, const MediaSpan *span, bool to_sync)
{
    int64_t least, greatest;
    composition(track, &least, &greatest);
    uint32_t begin = samples_before(track, span->begin - greatest + 1);
    if (begin) begin--; /* the one that is still shown at that moment */
    if (to_sync) begin = sync_before(track, begin);
    return (SampleRange){begin, samples_before(track, span->end - least)};
}

/* ---- samples to bytes ---- */

static int64_t bytes_of(const Mp4Track *track, uint64_t begin, uint64_t end)
{
    int64_t sum = 0;
    if (!track->stsz.p)
        return __builtin_mul_overflow(end - begin, track->sample_size, &sum) ? INT64_MAX : sum;
    for (uint64_t i = begin; i < end; i++)
        sum += mel_be32(track->stsz.p + i * 4);
    return sum;
}

static int64_t chunk_offset(const Mp4Track *track, uint32_t chunk)
{
    if (!track->co64) return mel_be32(track->stco.p + (size_t)chunk * 4);
    uint64_t offset = mel_be64(track->stco.p + (size_t)chunk * 8);
    return offset > INT64_MAX ? -1 : (int64_t)offset;
}

/* Walks the chunks with the number of samples in each (stsc is run-length coded). */
typedef struct ChunkWalk {
    const Mp4Track *track;
    uint32_t chunk, entry; /* the chunk in hand, the stsc entry that it falls under */
    uint64_t first, count; /* its samples */
} ChunkWalk;

static bool next_chunk(ChunkWalk *walk, Err *err)
{
    const Mp4Table *stsc = &walk->track->stsc;
    const uint8_t *next = stsc->p + (size_t)(walk->entry + 1) * 12;
    if (walk->entry + 1 < stsc->count && mel_be32(next) == walk->chunk + 1) walk->entry++;
    const uint8_t *entry = stsc->p + (size_t)walk->entry * 12;
    if (mel_be32(entry) > walk->chunk + 1 ||
        (walk->entry + 1 < stsc->count && mel_be32(entry + 12) <= mel_be32(entry)))
        return mel_index_broken("the chunks are not in order", err);
    walk->count = mel_be32(entry + 4);
    return true;
}

/* Neighbours in the file are added as one. */
typedef struct Pending {
    int64_t offset, length;
} Pending;

static bool add(IndexReader *reader, Pending *pending, int64_t offset, int64_t length, Err *err)
{
    if (pending->offset + pending->length == offset) {
        pending->length += length; /* both lie in the file: no overflow */
        return true;
    }
    if (pending->length && !mel_index_need(reader, pending->offset, pending->length, err))
        return false;
    *pending = (Pending){offset, length};
    return true;
}

static bool check_tables(const Mp4Track *track, Err *err)
{
    if (track->stsc.count && mel_be32(track->stsc.p) == 1) return true;
    return mel_index_broken("samples without chunks", err);
}

/* Adds the bytes of samples [begin, end), at most `budget` of them. */
static bool need_samples(IndexReader *reader, const Mp4Track *track, SampleRange range,
                         int64_t budget, Err *err)
{
    Pending pending = {0};
    ChunkWalk walk = {.track = track};
    if (range.begin >= range.end) return true;
    if (!check_tables(track, err)) return false;
    for (; walk.chunk < track->stco.count && walk.first < range.end && budget > 0; walk.chunk++) {
        if (!next_chunk(&walk, err)) return false;
        uint64_t begin = walk.first > range.begin ? walk.first : range.begin;
        uint64_t end = walk.first + walk.count < range.end ? walk.first + walk.count : range.end;
        if (begin < end) {
            int64_t offset = chunk_offset(track, walk.chunk);
            int64_t lead = bytes_of(track, walk.first, begin);
            int64_t length = bytes_of(track, begin, end);
            if (length > budget) length = budget;
            if (offset < 0 || offset > reader->size || lead > reader->size - offset ||
                length > reader->size - offset - lead)
                return mel_index_broken("a sample lies behind the end of the file", err);
            if (!add(reader, &pending, offset + lead, length, err)) return false;
            budget -= length;
        }
        walk.first += walk.count;
    }
    return mel_index_need(reader, pending.offset, pending.length, err);
}

/* ---- the plan ---- */

static bool usable(const Mp4Track *track)
{
    return track->stsz.count && track->stts.count && track->stco.count && !track->odd_sizes;
}

/* Adds what the span needs; *earliest_us_out: where decoding begins. */
static bool need_span(IndexReader *reader, const Mp4Movie *movie, const Mp4Track *track,
                      int64_t start_us, int64_t end_us, bool to_sync, int64_t *earliest_us,
                      Err *err)
{
    MediaSpan spans[MP4_EDITS_MAX];
    size_t n = mel_mp4_media_spans(movie, track, start_us, end_us, spans);
    for (size_t i = 0; i < n; i++) {
        SampleRange range = samples_of(track, &spans[i], to_sync);
        int64_t decode_us = mel_index_scale(time_of(track, range.begin), 1000000, track->timescale);
        decode_us += spans[i].shift_us;
        if (decode_us < *earliest_us) *earliest_us = decode_us;
        if (!need_samples(reader, track, range, INT64_MAX, err)) return false;
    }
    return true;
}

/* What a demuxer looks at when it opens the file. */
static bool need_head(IndexReader *reader, const Mp4Track *track, Err *err)
{
    int64_t until = mel_index_scale(HEAD_US, track->timescale, 1000000);
    SampleRange range = {0, samples_before(track, until)};
    return need_samples(reader, track, range, HEAD_MEDIA_BYTES, err);
}

bool mel_mp4_plan_samples(IndexReader *reader, const Mp4Movie *movie, bool *done_out, Err *err)
{
    int64_t start_us = reader->start_us - PREROLL_US, end_us = reader->end_us + POSTROLL_US;
    int64_t earliest_us = start_us, ignored = start_us;
    for (size_t i = 0; i < movie->track_count; i++) {
        const Mp4Track *track = &movie->tracks[i];
        if (!usable(track)) continue;
        if (!need_head(reader, track, err)) return false;
        if (!need_span(reader, movie, track, start_us, end_us, true, &earliest_us, err))
            return false;
        *done_out = true;
    }
    for (size_t i = 0; *done_out && i < movie->track_count; i++)
        if (usable(&movie->tracks[i]) &&
            !need_span(reader, movie, &movie->tracks[i], earliest_us - MP4_SLACK_US, end_us, false,
                       &ignored, err))
            return false;
    return true;
}
