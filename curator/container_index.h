/* SPDX-License-Identifier: Apache-2.0
 *
 * What the container readers share: checked reads of an index, checked arithmetic, and the plan in
 * the making. Internal to curator/container*.c. */
#ifndef MEL_CURATOR_CONTAINER_INDEX_H
#define MEL_CURATOR_CONTAINER_INDEX_H

#include "curator/container.h"
#include "curator/range_set.h"

/* Decoding starts this much before the span (decoder and filter pre-roll) and packets are read this
 * much behind it (reordering, interleaving of sound and picture). */
enum { PREROLL_US = 1000000, POSTROLL_US = 1000000 };

/* Media at the front that a demuxer looks into when it opens a file. */
enum { HEAD_US = 500000, HEAD_MEDIA_BYTES = 256 << 10 };

typedef struct IndexReader {
    ContainerRead *read;
    void *ctx;
    int64_t size;
    int64_t start_us, end_us; /* of the span, without the rolls */
    RangeSet needed;
    int additions; /* bounded, so that hostile tables cannot keep us busy */
} IndexReader;

/* A stretch of bytes in memory. */
typedef struct Span {
    const uint8_t *p;
    size_t n;
} Span;

/* ERR_FORMAT, reason media.container. Returns false. */
static inline bool mel_index_broken(const char *what, Err *err)
{
    return mel_err_reason(err, ERR_FORMAT, "media.container", "broken media index: %s", what);
}

/* Reads n bytes; outside of the file is a broken index. */
MEL_MUST_CHECK bool mel_index_read(IndexReader *reader, int64_t offset, size_t n, uint8_t *out,
                                   Err *err);

/* The same into a new block, at most limit_bytes; yours to free. */
MEL_MUST_CHECK bool mel_index_load(IndexReader *reader, int64_t offset, int64_t n,
                                   int64_t limit_bytes, uint8_t **out, Err *err);

/* Adds a stretch to the plan; outside of the file is a broken index. */
MEL_MUST_CHECK bool mel_index_need(IndexReader *reader, int64_t offset, int64_t length, Err *err);

/* Adds what of a stretch lies in the file. */
MEL_MUST_CHECK bool mel_index_need_clamped(IndexReader *reader, int64_t offset, int64_t length,
                                           Err *err);

uint16_t mel_be16(const uint8_t *p);
uint32_t mel_be32(const uint8_t *p);
uint64_t mel_be64(const uint8_t *p);

/* value * times / by, rounded down, held within +-2^61. by > 0. */
int64_t mel_index_scale(int64_t value, int64_t times, int64_t by);

/* The formats. *kind_out stays CONTAINER_UNKNOWN when there is no index to plan by. */
MEL_MUST_CHECK bool mel_mp4_plan(IndexReader *reader, ContainerKind *kind_out, Err *err);
MEL_MUST_CHECK bool mel_matroska_plan(IndexReader *reader, ContainerKind *kind_out, Err *err);

#endif
