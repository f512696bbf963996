/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of an MP4 index (ISO/IEC 14496-12). All numbers come from the file: a table's count is
 * checked against its box before anything is read from it. Internal to curator/container_mp4*.c. */
#ifndef MEL_CURATOR_CONTAINER_MP4_H
#define MEL_CURATOR_CONTAINER_MP4_H

#include "curator/container_index.h"

enum { MP4_TRACKS_MAX = 64, MP4_SIDX_MAX = 64, MP4_EDITS_MAX = 16 };
enum { MP4_TABLE_BYTES_MAX = 16 << 20, MP4_MOOV_BYTES_MAX = 64 << 20 };

/* Demuxers that step back to a key frame step back in the other tracks too, by decoding times,
 * which are earlier than the presentation times that indices give. */
enum { MP4_SLACK_US = 200000 };

#define MP4_TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* Entries of a fixed size behind a checked count. */
typedef struct Mp4Table {
    const uint8_t *p;
    uint32_t count;
    uint8_t version;
    bool present;
} Mp4Table;

typedef struct Mp4Track {
    uint32_t id, handler;
    int64_t timescale;
    Mp4Table elst, stts, ctts, stss, stsc, stco; /* entries in big-endian, as they stand */
    Mp4Table stsz;                               /* sizes; p is NULL when all have sample_size */
    uint32_t sample_size;
    bool co64, odd_sizes;   /* odd_sizes: stz2, which has no plan */
    uint32_t default_flags; /* trex */
} Mp4Track;

typedef struct Mp4Movie {
    uint8_t *moov;
    int64_t timescale;
    bool fragmented;
    Mp4Track tracks[MP4_TRACKS_MAX];
    size_t track_count;
    ByteRange sidx[MP4_SIDX_MAX];
    size_t sidx_count;
    int64_t first_moof; /* -1 = none */
} Mp4Movie;

/* Times on a track's media clock, in its timescale, and what to add to get presentation times. */
typedef struct MediaSpan {
    int64_t begin, end;
    int64_t shift_us;
} MediaSpan;

/* The media times that presentation times [start_us, end_us) come from, by the edit list; returns
 * how many. */
size_t mel_mp4_media_spans(const Mp4Movie *movie, const Mp4Track *track, int64_t start_us,
                           int64_t end_us, MediaSpan out[MP4_EDITS_MAX]);

const Mp4Track *mel_mp4_track(const Mp4Movie *movie, uint32_t id); /* NULL when there is none */

/* The next child box of a container's body. False at the end; *broken_out when a size is wrong. */
bool mel_mp4_next_box(Span *rest, uint32_t *type_out, Span *body_out, bool *broken_out);

/* Adds what demuxers look at: the first fragment's front and each track's first samples, and the
 * file's last bytes. */
MEL_MUST_CHECK bool mel_mp4_need_ends(IndexReader *reader, const Mp4Movie *movie, Err *err);

/* Plans by sample tables / by sidx / by walking the fragments. *done_out: planned. */
MEL_MUST_CHECK bool mel_mp4_plan_samples(IndexReader *reader, const Mp4Movie *movie, bool *done_out,
                                         Err *err);
MEL_MUST_CHECK bool mel_mp4_plan_sidx(IndexReader *reader, const Mp4Movie *movie, bool *done_out,
                                      Err *err);
MEL_MUST_CHECK bool mel_mp4_plan_fragments(IndexReader *reader, const Mp4Movie *movie,
                                           bool *done_out, Err *err);

#endif
