/* SPDX-License-Identifier: Apache-2.0
 *
 * The boxes of an MP4 file from the top, its moov, and its edit lists. */
#include "curator/container_mp4.h"

#include <stdlib.h>
#include <string.h>

enum { TOP_BOXES_MAX = 512, SMALL_BOX_BYTES = 1 << 20 };

/* ---- boxes in memory ---- */

bool mel_mp4_next_box(Span *rest, uint32_t *type_out, Span *body_out, bool *broken_out)
{
    *broken_out = false;
    if (rest->n < 8) return false; /* a few stray bytes are common and harmless */
    uint64_t size = mel_be32(rest->p), header = 8;
    if (size == 1 && rest->n >= 16) {
        size = mel_be64(rest->p + 8);
        header = 16;
    } else if (size == 0) {
        size = rest->n;
    }
    if (size < header || size > rest->n) {
        *broken_out = true;
        return false;
    }
    *type_out = mel_be32(rest->p + 4);
    *body_out = (Span){rest->p + header, (size_t)(size - header)};
    rest->p += size;
    rest->n -= (size_t)size;
    return true;
}

/* Calls fn for each child; false from it, or a wrong size, is a broken index. */
typedef bool ChildFn(Mp4Movie *movie, Mp4Track *track, uint32_t type, Span body, Err *err);

static bool each_child(Span body, ChildFn *fn, Mp4Movie *movie, Mp4Track *track, Err *err)
{
    Span child;
    uint32_t type;
    bool broken;
    while (mel_mp4_next_box(&body, &type, &child, &broken))
        if (!fn(movie, track, type, child, err)) return false;
    return !broken || mel_index_broken("a box is larger than its parent", err);
}

/* A full box whose entries stand behind a 32-bit count at `at`. */
static bool read_table(Span body, size_t at, size_t entry_bytes, Mp4Table *table, Err *err)
{
    if (body.n < at + 4) return mel_index_broken("a table is cut off", err);
    uint32_t count = mel_be32(body.p + at);
    if (count > (body.n - at - 4) / entry_bytes)
        return mel_index_broken("a table counts more than it holds", err);
    if (!table->present)
        *table =
            (Mp4Table){.p = body.p + at + 4, .count = count, .version = body.p[0], .present = true};
    return true;
}

static bool read_sizes(Span body, Mp4Track *track, Err *err)
{
    if (body.n < 12) return mel_index_broken("a table is cut off", err);
    if (track->stsz.present) return true;
    track->sample_size = mel_be32(body.p + 4);
    if (track->sample_size == 0) return read_table(body, 8, 4, &track->stsz, err);
    track->stsz = (Mp4Table){.count = mel_be32(body.p + 8), .present = true};
    return true;
}

static bool in_stbl(Mp4Movie *movie, Mp4Track *track, uint32_t type, Span body, Err *err)
{
    (void)movie;
    switch (type) {
    case MP4_TYPE('s', 't', 't', 's'):
        return read_table(body, 4, 8, &track->stts, err);
    case MP4_TYPE('c', 't', 't', 's'):
        return read_table(body, 4, 8, &track->ctts, err);
    case MP4_TYPE('s', 't', 's', 's'):
        return read_table(body, 4, 4, &track->stss, err);
    case MP4_TYPE('s', 't', 's', 'c'):
        return read_table(body, 4, 12, &track->stsc, err);
    case MP4_TYPE('s', 't', 'c', 'o'):
        return read_table(body, 4, 4, &track->stco, err);
    case MP4_TYPE('c', 'o', '6', '4'):
        track->co64 = track->co64 || !track->stco.present;
        return read_table(body, 4, 8, &track->stco, err);
    case MP4_TYPE('s', 't', 's', 'z'):
        return read_sizes(body, track, err);
    case MP4_TYPE('s', 't', 'z', '2'):
        track->odd_sizes = true;
        return true;
    default:
        return true;
    }
}

/* mdhd and mvhd: creation and modification times stand before the timescale. */
static bool read_timescale(Span body, int64_t *out, Err *err)
{
    size_t at = body.n && body.p[0] == 1 ? 20 : 12;
    if (body.n < at + 4) return mel_index_broken("a header is cut off", err);
    *out = mel_be32(body.p + at);
    return *out > 0 || mel_index_broken("a timescale is zero", err);
}

static bool in_mdia(Mp4Movie *movie, Mp4Track *track, uint32_t type, Span body, Err *err)
{
    if (type == MP4_TYPE('m', 'd', 'h', 'd')) return read_timescale(body, &track->timescale, err);
    if (type == MP4_TYPE('h', 'd', 'l', 'r') && body.n >= 12) track->handler = mel_be32(body.p + 8);
    if (type == MP4_TYPE('m', 'i', 'n', 'f') || type == MP4_TYPE('s', 't', 'b', 'l'))
        return each_child(body, type == MP4_TYPE('m', 'i', 'n', 'f') ? in_mdia : in_stbl, movie,
                          track, err);
    return true;
}

static bool in_trak(Mp4Movie *movie, Mp4Track *track, uint32_t type, Span body, Err *err)
{
    if (type == MP4_TYPE('t', 'k', 'h', 'd')) {
        size_t at = body.n && body.p[0] == 1 ? 20 : 12;
        if (body.n < at + 4) return mel_index_broken("a header is cut off", err);
        track->id = mel_be32(body.p + at);
    }
    if (type == MP4_TYPE('m', 'd', 'i', 'a')) return each_child(body, in_mdia, movie, track, err);
    if (type == MP4_TYPE('e', 'd', 't', 's')) return each_child(body, in_trak, movie, track, err);
    if (type == MP4_TYPE('e', 'l', 's', 't'))
        return read_table(body, 4, body.n && body.p[0] == 1 ? 20 : 12, &track->elst, err);
    return true;
}

static bool in_moov(Mp4Movie *movie, Mp4Track *unused, uint32_t type, Span body, Err *err)
{
    if (type == MP4_TYPE('m', 'v', 'h', 'd')) return read_timescale(body, &movie->timescale, err);
    if (type == MP4_TYPE('m', 'v', 'e', 'x')) {
        movie->fragmented = true;
        return each_child(body, in_moov, movie, unused, err);
    }
    if (type != MP4_TYPE('t', 'r', 'a', 'k')) return true;
    if (movie->track_count == MP4_TRACKS_MAX) return mel_index_broken("too many tracks", err);
    return each_child(body, in_trak, movie, &movie->tracks[movie->track_count++], err);
}

/* A second look, as mvex may stand before the tracks that it speaks of. */
static bool read_trex(Mp4Movie *movie, Mp4Track *unused, uint32_t type, Span body, Err *err)
{
    if (type == MP4_TYPE('m', 'v', 'e', 'x'))
        return each_child(body, read_trex, movie, unused, err);
    if (type != MP4_TYPE('t', 'r', 'e', 'x') || body.n < 24) return true;
    for (size_t i = 0; i < movie->track_count; i++)
        if (movie->tracks[i].id == mel_be32(body.p + 4))
            movie->tracks[i].default_flags = mel_be32(body.p + 20);
    return true;
}

/* Tracks without a clock have nothing that could be planned. */
static void drop_tracks_without_clock(Mp4Movie *movie)
{
    size_t kept = 0;
    for (size_t i = 0; i < movie->track_count; i++)
        if (movie->tracks[i].timescale > 0) movie->tracks[kept++] = movie->tracks[i];
    movie->track_count = kept;
}

static bool read_moov(Mp4Movie *movie, Span body, Err *err)
{
    if (!each_child(body, in_moov, movie, NULL, err)) return false;
    if (!each_child(body, read_trex, movie, NULL, err)) return false;
    drop_tracks_without_clock(movie);
    if (movie->timescale <= 0) return mel_index_broken("there is no movie header", err);
    return true;
}

const Mp4Track *mel_mp4_track(const Mp4Movie *movie, uint32_t id)
{
    for (size_t i = 0; i < movie->track_count; i++)
        if (movie->tracks[i].id == id) return &movie->tracks[i];
    return NULL;
}

/* ---- edit lists ---- */

typedef struct Edit {
    int64_t duration, media_time; /* in the movie's / the track's timescale; -1 = nothing shown */
} Edit;

static Edit read_edit(const Mp4Table *table, uint32_t i)
{
    const uint8_t *p = table->p + (size_t)i * (table->version == 1 ? 20 : 12);
    if (table->version != 1) return (Edit){mel_be32(p), (int32_t)mel_be32(p + 4)};
    uint64_t duration = mel_be64(p);
    return (Edit){duration > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)duration,
                  (int64_t)mel_be64(p + 8)};
}

/* Media of presentation [start, end) inside an edit that presents `media_time` at `at_us`. */
static MediaSpan map_edit(const Mp4Track *track, int64_t media_time, int64_t at_us,
                          int64_t start_us, int64_t end_us)
{
    int64_t media_us = mel_index_scale(media_time, 1000000, track->timescale);
    int64_t begin = mel_index_scale(start_us - at_us + media_us, track->timescale, 1000000);
    int64_t end = mel_index_scale(end_us - at_us + media_us, track->timescale, 1000000);
    return (MediaSpan){begin > 0 ? begin : 0, end > 0 ? end + 1 : 0, at_us - media_us};
}

size_t mel_mp4_media_spans(const Mp4Movie *movie, const Mp4Track *track, int64_t start_us,
                           int64_t end_us, MediaSpan out[MP4_EDITS_MAX])
{
    size_t n = 0;
    int64_t at_us = 0;
    for (uint32_t i = 0; i < track->elst.count && n < MP4_EDITS_MAX; i++) {
        Edit edit = read_edit(&track->elst, i);
        int64_t length_us = mel_index_scale(edit.duration, 1000000, movie->timescale);
        bool last = i + 1 == track->elst.count;
        int64_t until_us = last ? INT64_MAX / 4 : at_us + length_us;
        if (edit.media_time >= 0 && at_us < end_us && until_us > start_us) {
            /* what lies before the edit's first moment is decoded too: pre-roll */
            int64_t from_us = start_us > at_us - PREROLL_US ? start_us : at_us - PREROLL_US;
            out[n++] = map_edit(track, edit.media_time, at_us, from_us,
                                end_us < until_us ? end_us : until_us);
        }
        at_us += length_us;
        if (at_us > INT64_MAX / 8) break;
    }
    if (track->elst.count == 0) out[n++] = map_edit(track, 0, 0, start_us, end_us);
    return n;
}

/* ---- the file from the top ---- */

typedef struct TopBox {
    uint32_t type;
    int64_t offset, header, size;
} TopBox;

static bool read_top_box(IndexReader *reader, int64_t offset, TopBox *box, Err *err)
{
    uint8_t head[16] = {0};
    int64_t left = reader->size - offset;
    if (!mel_index_read(reader, offset, left < 16 ? (size_t)left : 16, head, err)) return false;
    uint64_t size = mel_be32(head);
    *box = (TopBox){.type = mel_be32(head + 4), .offset = offset, .header = 8};
    if (size == 1 && left >= 16) {
        size = mel_be64(head + 8);
        box->header = 16;
    } else if (size == 0) {
        size = (uint64_t)left;
    }
    if (size < (uint64_t)box->header)
        return mel_index_broken("a box is smaller than its head", err);
    if (size > (uint64_t)left) {
        /* media that was cut off is the decoder's to judge */
        if (box->type != MP4_TYPE('m', 'd', 'a', 't'))
            return mel_index_broken("a box is larger than the file", err);
        size = (uint64_t)left;
    }
    box->size = (int64_t)size;
    return true;
}

static bool take_moov(IndexReader *reader, Mp4Movie *movie, const TopBox *box, Err *err)
{
    if (movie->moov) return true; /* demuxers use the first one */
    int64_t n = box->size - box->header;
    if (!mel_index_load(reader, box->offset + box->header, n, MP4_MOOV_BYTES_MAX, &movie->moov,
                        err))
        return false;
    if (!mel_index_need(reader, box->offset, box->size, err)) return false;
    return read_moov(movie, (Span){movie->moov, (size_t)n}, err);
}

static bool take_top_box(IndexReader *reader, Mp4Movie *movie, const TopBox *box, Err *err)
{
    switch (box->type) {
    case MP4_TYPE('m', 'o', 'o', 'v'):
        return take_moov(reader, movie, box, err);
    case MP4_TYPE('s', 'i', 'd', 'x'):
        if (movie->sidx_count == MP4_SIDX_MAX) return mel_index_broken("too many indices", err);
        movie->sidx[movie->sidx_count++] = (ByteRange){box->offset, box->size};
        return mel_index_need(reader, box->offset, box->size, err);
    case MP4_TYPE('m', 'd', 'a', 't'):
    case MP4_TYPE('f', 'r', 'e', 'e'):
    case MP4_TYPE('s', 'k', 'i', 'p'):
    case MP4_TYPE('w', 'i', 'd', 'e'):
        return mel_index_need_clamped(reader, box->offset, 16, err);
    case MP4_TYPE('m', 'o', 'o', 'f'):
        movie->first_moof = box->offset;
        return true;
    default: /* small boxes that demuxers read: ftyp, meta, udta, uuid, … */
        return mel_index_need(reader, box->offset, box->size < SMALL_BOX_BYTES ? box->size : 16,
                              err);
    }
}

static bool walk_top(IndexReader *reader, Mp4Movie *movie, Err *err)
{
    int64_t offset = 0;
    for (int i = 0; i < TOP_BOXES_MAX && reader->size - offset >= 8; i++) {
        TopBox box;
        if (!read_top_box(reader, offset, &box, err)) return false;
        if (!take_top_box(reader, movie, &box, err)) return false;
        if (movie->first_moof >= 0) return true;
        offset += box.size;
    }
    return true;
}

static bool plan_movie(IndexReader *reader, const Mp4Movie *movie, ContainerKind *kind_out,
                       Err *err)
{
    bool done = false;
    if (movie->fragmented && movie->first_moof >= 0) {
        if (!mel_mp4_plan_sidx(reader, movie, &done, err)) return false;
        if (done) {
            *kind_out = CONTAINER_MP4_SIDX;
            return true;
        }
        if (!mel_mp4_plan_fragments(reader, movie, &done, err)) return false;
        if (done) *kind_out = CONTAINER_MP4_FRAGMENTED;
        return true;
    }
    if (!mel_mp4_plan_samples(reader, movie, &done, err)) return false;
    if (done) *kind_out = CONTAINER_MP4_PLAIN;
    return true;
}

bool mel_mp4_plan(IndexReader *reader, ContainerKind *kind_out, Err *err)
{
    Mp4Movie *movie = mel_alloc(sizeof *movie);
    movie->first_moof = -1;
    bool ok = walk_top(reader, movie, err);
    if (ok && movie->moov && movie->track_count) ok = plan_movie(reader, movie, kind_out, err);
    free(movie->moov);
    free(movie);
    return ok;
}
