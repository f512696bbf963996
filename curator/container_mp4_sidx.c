/* SPDX-License-Identifier: Apache-2.0
 *
 * Fragmented MP4 with segment indices (sidx) in front, as DASH wants them. */
#include "curator/container_mp4.h"

#include <stdlib.h>

/* An index that ends this near to the file's end covers it: a table may stand behind the media. */
enum { TRAILER_BYTES = 4096, TRAILER_SHARE = 50 };

typedef struct Sidx {
    uint32_t track_id, count;
    int64_t timescale, first_time, first_offset;
    const uint8_t *entries; /* 12 bytes each */
} Sidx;

static bool read_sidx(Span body, int64_t box_end, Sidx *sidx, Err *err)
{
    if (body.n < 4) return mel_index_broken("a segment index is cut off", err);
    bool wide = body.p[0] != 0;
    size_t at = wide ? 32 : 24;
    if (body.n < at) return mel_index_broken("a segment index is cut off", err);
    uint64_t time = wide ? mel_be64(body.p + 12) : mel_be32(body.p + 12);
    uint64_t offset = wide ? mel_be64(body.p + 20) : mel_be32(body.p + 16);
    *sidx = (Sidx){.track_id = mel_be32(body.p + 4),
                   .timescale = mel_be32(body.p + 8),
                   .entries = body.p + at,
                   .count = mel_be16(body.p + at - 2)};
    if (sidx->count > (body.n - at) / 12)
        return mel_index_broken("a segment index counts more than it holds", err);
    if (sidx->timescale == 0) return mel_index_broken("a timescale is zero", err);
    if (time > INT64_MAX / 4 || offset > INT64_MAX / 4)
        return mel_index_broken("a segment index starts nowhere", err);
    sidx->first_time = (int64_t)time;
    sidx->first_offset = box_end + (int64_t)offset;
    return true;
}

/* The media times of the span on the clock of the sidx. */
static size_t spans_of(const Mp4Movie *movie, const Sidx *sidx, int64_t start_us, int64_t end_us,
                       MediaSpan out[MP4_EDITS_MAX])
{
    const Mp4Track *track = mel_mp4_track(movie, sidx->track_id);
    Mp4Track like = track ? *track : (Mp4Track){0};
    size_t n;
    if (track && track->timescale == sidx->timescale)
        return mel_mp4_media_spans(movie, track, start_us, end_us, out);
    if (!track) like.timescale = sidx->timescale;
    n = mel_mp4_media_spans(movie, &like, start_us, end_us, out);
    for (size_t i = 0; i < n && track; i++) {
        out[i].begin = mel_index_scale(out[i].begin, sidx->timescale, track->timescale);
        out[i].end = mel_index_scale(out[i].end, sidx->timescale, track->timescale);
    }
    return n;
}

/* The segments that overlap media times [begin, end), from one that decoding can start with. */
typedef struct Segments {
    int64_t offset, end_offset;     /* of the bytes; -1 = none */
    int64_t start_time;             /* of the first one */
    int64_t last_time, last_offset; /* where the index ends */
} Segments;

static bool find_segments(const Sidx *sidx, int64_t begin, int64_t end, bool to_sync, Segments *out,
                          Err *err)
{
    int64_t time = sidx->first_time, offset = sidx->first_offset;
    *out = (Segments){.offset = -1, .end_offset = -1};
    for (uint32_t i = 0; i < sidx->count; i++) {
        const uint8_t *entry = sidx->entries + (size_t)i * 12;
        uint32_t reference = mel_be32(entry), access = mel_be32(entry + 8);
        if (reference >> 31)
            return mel_index_broken("a segment index of segment indices, which has no reader", err);
        int64_t size = reference & 0x7fffffff, duration = mel_be32(entry + 4);
        bool starts = !to_sync || access >> 28 != 0 || i == 0; /* starts_with_SAP, SAP_type */
        if ((time <= begin && starts) || out->offset < 0) {
            out->offset = offset;
            out->start_time = time;
        }
        if (time < end) out->end_offset = offset + size;
        time += duration;
        offset += size;
    }
    out->last_time = time;
    out->last_offset = offset;
    return true;
}

/* An index without SAP marks says nothing of key frames: every segment may be one's start. */
static void mark_all_starts(Sidx *sidx, uint8_t *entries)
{
    for (uint32_t i = 0; i < sidx->count; i++)
        if (mel_be32(entries + (size_t)i * 12 + 8) >> 28) return;
    for (uint32_t i = 0; i < sidx->count; i++)
        entries[(size_t)i * 12 + 8] |= 0x80;
}

/* Adds what one index says for the span. *covers_out: the index reaches over the span, or to the
 * end of the file (as against an index of the first segments only). */
static bool need_by_sidx(IndexReader *reader, const Mp4Movie *movie, const Sidx *sidx,
                         int64_t start_us, int64_t end_us, bool to_sync, int64_t *earliest_us,
                         bool *covers_out, Err *err)
{
    MediaSpan spans[MP4_EDITS_MAX];
    Segments found;
    size_t n = spans_of(movie, sidx, start_us, end_us, spans);
    *covers_out = true;
    for (size_t i = 0; i < n; i++) {
        if (!find_segments(sidx, spans[i].begin, spans[i].end, to_sync, &found, err)) return false;
        if (found.last_time < spans[i].end && found.last_offset < reader->size - TRAILER_BYTES &&
            found.last_offset < reader->size - reader->size / TRAILER_SHARE)
            *covers_out = false;
        if (found.offset < 0 || found.end_offset <= found.offset) continue;
        if (!mel_index_need(reader, found.offset, found.end_offset - found.offset, err))
            return false;
        int64_t first_us = mel_index_scale(found.start_time, 1000000, sidx->timescale);
        if (first_us + spans[i].shift_us < *earliest_us)
            *earliest_us = first_us + spans[i].shift_us;
    }
    return true;
}

/* Plans by every index; with two tracks in a file each may have its own. */
static bool need_by_all(IndexReader *reader, const Mp4Movie *movie, const Sidx *indices,
                        bool *done_out, Err *err)
{
    int64_t start_us = reader->start_us - PREROLL_US, end_us = reader->end_us + POSTROLL_US;
    int64_t earliest_us = start_us;
    bool covers = true;
    for (size_t i = 0; i < movie->sidx_count && covers; i++)
        if (!need_by_sidx(reader, movie, &indices[i], start_us, end_us, true, &earliest_us, &covers,
                          err))
            return false;
    start_us = earliest_us - MP4_SLACK_US;
    for (size_t i = 0; i < movie->sidx_count && covers && movie->sidx_count > 1; i++)
        if (!need_by_sidx(reader, movie, &indices[i], start_us, end_us, false, &earliest_us,
                          &covers, err))
            return false;
    *done_out = covers;
    return true;
}

bool mel_mp4_plan_sidx(IndexReader *reader, const Mp4Movie *movie, bool *done_out, Err *err)
{
    Sidx indices[MP4_SIDX_MAX];
    uint8_t *boxes[MP4_SIDX_MAX] = {0};
    bool ok = movie->sidx_count > 0;
    if (!ok) return true;
    for (size_t i = 0; ok && i < movie->sidx_count; i++) {
        const ByteRange *box = &movie->sidx[i];
        Span rest, body;
        uint32_t type;
        bool broken;
        ok = mel_index_load(reader, box->offset, box->length, MP4_TABLE_BYTES_MAX, &boxes[i], err);
        if (!ok) break;
        rest = (Span){boxes[i], (size_t)box->length};
        ok = mel_mp4_next_box(&rest, &type, &body, &broken)
                 ? read_sidx(body, box->offset + box->length, &indices[i], err)
                 : mel_index_broken("a segment index is cut off", err);
        if (ok) mark_all_starts(&indices[i], boxes[i] + (indices[i].entries - boxes[i]));
    }
    if (ok)
        ok = mel_mp4_need_ends(reader, movie, err) &&
             need_by_all(reader, movie, indices, done_out, err);
    for (size_t i = 0; i < movie->sidx_count; i++)
        free(boxes[i]);
    return ok;
}
