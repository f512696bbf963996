/* SPDX-License-Identifier: Apache-2.0
 *
 * Fragmented MP4 without a segment index: a walk from one moof to the next, to the end, as a
 * demuxer without an index walks too when it opens the file (it does not trust an mfra table). */
#include "curator/container_mp4.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_BYTES = 4096, BOXES_MAX = 20000, PARTS_MAX = 40000, MOOF_BYTES_MAX = 4 << 20 };
enum { TAIL_BYTES = 16, HEAD_RUN_BYTES = 64 << 10 };

/* ---- from moof to moof ---- */

/* One track's part of one fragment. */
typedef struct Part {
    size_t track;
    int64_t time, moof;
    bool starts; /* with a sync sample */
} Part;

typedef struct Walk {
    IndexReader *reader;
    const Mp4Movie *movie;
    Part *parts;
    size_t count, capacity;
    uint8_t window[WINDOW_BYTES]; /* the bytes of the file from window_at */
    int64_t window_at;
    size_t window_n;
    bool timeless; /* a fragment does not say its time */
    int64_t end;   /* of the last fragment */
} Walk;

/* A pointer to n bytes of the file, good until the next call; one fetch serves several looks. */
static const uint8_t *look(Walk *walk, int64_t offset, size_t n, Err *err)
{
    IndexReader *reader = walk->reader;
    if (offset >= walk->window_at &&
        offset - walk->window_at + (int64_t)n <= (int64_t)walk->window_n)
        return walk->window + (offset - walk->window_at);
    int64_t left = reader->size - offset;
    size_t wanted = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
    walk->window_n = 0;
    if (wanted < n || !mel_index_read(reader, offset, wanted, walk->window, err)) return NULL;
    walk->window_at = offset;
    walk->window_n = wanted;
    return walk->window;
}

typedef struct Traf {
    uint32_t track_id, flags; /* flags: of the first sample */
    bool has_time, has_track;
    int64_t time;
    int64_t data; /* offset of the first sample; at first, what runs count from */
} Traf;

static void read_tfhd(const Mp4Movie *movie, Span body, Traf *traf)
{
    if (body.n < 8) return;
    uint32_t present = mel_be32(body.p) & 0xffffff;
    traf->track_id = mel_be32(body.p + 4);
    traf->has_track = true;
    const Mp4Track *track = mel_mp4_track(movie, traf->track_id);
    traf->flags = track ? track->default_flags : 0;
    if (present & 1 && body.n >= 16 && mel_be64(body.p + 8) <= INT64_MAX / 2)
        traf->data = (int64_t)mel_be64(body.p + 8);
    size_t at = 8 + (present & 1 ? 8 : 0) + (present & 2 ? 4 : 0) + (present & 8 ? 4 : 0) +
                (present & 0x10 ? 4 : 0);
    if (present & 0x20 && body.n >= at + 4) traf->flags = mel_be32(body.p + at);
}

static void read_tfdt(Span body, Traf *traf)
{
    bool wide = body.n && body.p[0] == 1;
    if (body.n < (wide ? 12U : 8U)) return;
    uint64_t time = wide ? mel_be64(body.p + 4) : mel_be32(body.p + 4);
    traf->has_time = time <= INT64_MAX / 4;
    traf->time = (int64_t)time;
}

static void read_trun(Span body, Traf *traf)
{
    if (body.n < 8) return;
    uint32_t present = mel_be32(body.p) & 0xffffff;
    size_t at = 8 + (present & 1 ? 4 : 0);
    if (present & 1 && body.n >= 12) traf->data += (int32_t)mel_be32(body.p + 8);
    size_t first = at + (present & 0x100 ? 4 : 0) + (present & 0x200 ? 4 : 0);
    if (present & 4 && body.n >= at + 4)
        traf->flags = mel_be32(body.p + at);
    else if (present & 0x400 && body.n >= first + 4)
        traf->flags = mel_be32(body.p + first);
}

static Traf read_traf(const Mp4Movie *movie, Span rest, int64_t moof)
{
    Traf traf = {.data = moof};
    Span body;
    uint32_t type;
    bool broken, had_run = false;
    while (mel_mp4_next_box(&rest, &type, &body, &broken)) {
        if (type == MP4_TYPE('t', 'f', 'h', 'd')) read_tfhd(movie, body, &traf);
        if (type == MP4_TYPE('t', 'f', 'd', 't')) read_tfdt(body, &traf);
        if (type == MP4_TYPE('t', 'r', 'u', 'n') && !had_run) {
            read_trun(body, &traf);
            had_run = true;
        }
    }
    return traf;
}

static bool note_traf(Walk *walk, const Traf *traf, int64_t moof, Err *err)
{
    const Mp4Track *track = mel_mp4_track(walk->movie, traf->track_id);
    if (!traf->has_track || !track) return true;
    if (!traf->has_time) walk->timeless = true;
    if (walk->count == PARTS_MAX) return mel_index_broken("too many fragments", err);
    mel_grow(&walk->parts, &walk->capacity, walk->count + 1, sizeof *walk->parts);
    walk->parts[walk->count++] = (Part){.track = (size_t)(track - walk->movie->tracks),
                                        .time = traf->time,
                                        .moof = moof,
                                        .starts = !(traf->flags >> 16 & 1)};
    return true;
}

static bool read_moof(Walk *walk, int64_t offset, int64_t size, Err *err)
{
    uint8_t *loaded = NULL;
    const uint8_t *bytes;
    if (size <= WINDOW_BYTES) {
        bytes = look(walk, offset, (size_t)size, err);
        if (!bytes) return false;
    } else {
        if (!mel_index_load(walk->reader, offset, size, MOOF_BYTES_MAX, &loaded, err)) return false;
        bytes = loaded;
    }
    Span rest = {bytes, (size_t)size}, moof, body;
    uint32_t type;
    bool broken, ok = true;
    if (mel_mp4_next_box(&rest, &type, &moof, &broken))
        while (ok && mel_mp4_next_box(&moof, &type, &body, &broken))
            if (type == MP4_TYPE('t', 'r', 'a', 'f')) {
                Traf traf = read_traf(walk->movie, body, offset);
                ok = note_traf(walk, &traf, offset, err);
            }
    free(loaded);
    return ok;
}

/* One top-level box; all but the media is needed to get from one to the next. */
static bool step(Walk *walk, int64_t *offset, Err *err)
{
    int64_t left = walk->reader->size - *offset;
    const uint8_t *head = look(walk, *offset, left < 16 ? 8 : 16, err);
    if (!head) return false;
    uint64_t size = mel_be32(head);
    uint32_t type = mel_be32(head + 4);
    if (size == 1 && left >= 16) size = mel_be64(head + 8);
    if (size == 0 || size > (uint64_t)left) size = (uint64_t)left; /* a cut-off last one */
    if (size < 8) return mel_index_broken("a box is smaller than its head", err);
    bool moof = type == MP4_TYPE('m', 'o', 'o', 'f');
    if (moof && !read_moof(walk, *offset, (int64_t)size, err)) return false;
    if (!mel_index_need_clamped(walk->reader, *offset, moof ? (int64_t)size + 16 : 16, err))
        return false;
    *offset += (int64_t)size;
    if (moof || type == MP4_TYPE('m', 'd', 'a', 't')) walk->end = *offset;
    return true;
}

/* The last part of a track at or before `time`; NULL when there is none. */
static const Part *part_before(const Walk *walk, size_t track, int64_t time, bool to_sync)
{
    const Part *best = NULL;
    for (size_t i = 0; i < walk->count; i++) {
        const Part *part = &walk->parts[i];
        if (part->track == track && part->time <= time && (part->starts || !to_sync) &&
            (!best || part->time >= best->time))
            best = part;
    }
    return best;
}

/* Moves the stretch's ends apart for one track and the presentation times given. */
static void widen(const Walk *walk, size_t track, int64_t start_us, int64_t end_us, bool to_sync,
                  ByteRange *ends, int64_t *earliest_us)
{
    MediaSpan spans[MP4_EDITS_MAX];
    const Mp4Track *t = &walk->movie->tracks[track];
    size_t n = mel_mp4_media_spans(walk->movie, t, start_us, end_us, spans);
    for (size_t s = 0; s < n; s++) {
        const Part *first = part_before(walk, track, spans[s].begin, to_sync);
        int64_t end = -1;
        for (size_t i = 0; i < walk->count; i++) {
            const Part *part = &walk->parts[i];
            if (part->track != track) continue;
            if (!first) first = part;
            if (part->time >= spans[s].end && (end < 0 || part->moof < end)) end = part->moof;
        }
        if (!first) continue;
        if (end < 0) end = walk->end;
        if (first->moof < ends->offset) ends->offset = first->moof;
        if (end > ends->length) ends->length = end; /* an end until the walk is over */
        int64_t time_us = mel_index_scale(first->time, 1000000, t->timescale) + spans[s].shift_us;
        if (time_us < *earliest_us) *earliest_us = time_us;
    }
}

static bool finish_walk(const Walk *walk, bool *done_out, Err *err)
{
    IndexReader *reader = walk->reader;
    int64_t start_us = reader->start_us - PREROLL_US, end_us = reader->end_us + POSTROLL_US;
    int64_t earliest_us = start_us, ignored = 0;
    ByteRange ends = {.offset = reader->size};
    if (walk->timeless) return true;
    for (size_t i = 0; i < walk->movie->track_count; i++)
        widen(walk, i, start_us, end_us, true, &ends, &earliest_us);
    for (size_t i = 0; i < walk->movie->track_count; i++)
        widen(walk, i, earliest_us - MP4_SLACK_US, end_us, false, &ends, &ignored);
    if (ends.length <= ends.offset) return true;
    *done_out = true;
    return mel_index_need(reader, ends.offset, ends.length - ends.offset, err);
}

static bool plan_walk(IndexReader *reader, const Mp4Movie *movie, bool *done_out, Err *err)
{
    Walk *walk = mel_alloc(sizeof *walk);
    *walk = (Walk){.reader = reader, .movie = movie};
    int64_t offset = movie->first_moof;
    bool ok = true;
    for (int boxes = 0; ok && reader->size - offset >= 8 && boxes < BOXES_MAX; boxes++)
        ok = step(walk, &offset, err);
    if (ok && reader->size - offset < 8) ok = finish_walk(walk, done_out, err);
    free(walk->parts);
    free(walk);
    return ok;
}

/* A demuxer that opens the file looks at the first packets of every track. */
static bool need_first_runs(IndexReader *reader, const Mp4Movie *movie, const uint8_t *bytes,
                            int64_t n, Err *err)
{
    Span rest = {bytes, (size_t)n}, moof, body;
    uint32_t type;
    bool broken;
    if (!mel_mp4_next_box(&rest, &type, &moof, &broken)) return true;
    while (mel_mp4_next_box(&moof, &type, &body, &broken)) {
        if (type != MP4_TYPE('t', 'r', 'a', 'f')) continue;
        Traf traf = read_traf(movie, body, movie->first_moof);
        if (!mel_index_need_clamped(reader, traf.data, HEAD_RUN_BYTES, err)) return false;
    }
    return true;
}

bool mel_mp4_need_ends(IndexReader *reader, const Mp4Movie *movie, Err *err)
{
    uint8_t head[8], *moof = NULL;
    if (!mel_index_need_clamped(reader, movie->first_moof, HEAD_MEDIA_BYTES, err)) return false;
    if (!mel_index_need_clamped(reader, reader->size - TAIL_BYTES, TAIL_BYTES, err)) return false;
    if (!mel_index_read(reader, movie->first_moof, sizeof head, head, err)) return false;
    int64_t n = mel_be32(head);
    if (n < 8 || n > MOOF_BYTES_MAX || n > reader->size - movie->first_moof) return true;
    if (!mel_index_load(reader, movie->first_moof, n, MOOF_BYTES_MAX, &moof, err)) return false;
    bool ok = need_first_runs(reader, movie, moof, n, err);
    free(moof);
    return ok;
}

bool mel_mp4_plan_fragments(IndexReader *reader, const Mp4Movie *movie, bool *done_out, Err *err)
{
    return mel_mp4_need_ends(reader, movie, err) && plan_walk(reader, movie, done_out, err);
}
