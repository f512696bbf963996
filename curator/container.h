/* SPDX-License-Identifier: Apache-2.0
 *
 * Which bytes of a media file a span needs, found by reading its index only: `sidx` for DASH MP4,
 * `moov` sample tables for plain MP4 (in front or behind), `moof` walking for fragmented MP4
 * without sidx, Cues for WebM/Matroska. Every length and count is checked against the file. */
#ifndef MEL_CURATOR_CONTAINER_H
#define MEL_CURATOR_CONTAINER_H

#include "curator/cut.h"

/* Random access that may have to fetch. Fewer bytes than asked is an error. */
typedef bool ContainerRead(void *ctx, int64_t offset, size_t n, uint8_t *out, Err *err);

typedef enum ContainerKind {
    CONTAINER_UNKNOWN, /* no plan: the caller falls back on page faults */
    CONTAINER_MP4_SIDX,
    CONTAINER_MP4_FRAGMENTED,
    CONTAINER_MP4_PLAIN,
    CONTAINER_MATROSKA,
} ContainerKind;

typedef struct ContainerPlan {
    ContainerKind kind;
    size_t range_count;
    ByteRange ranges[INPUT_RANGES_MAX]; /* sorted, disjoint; header, index and media */
} ContainerPlan;

/* A plan for presentation times [start_us, end_us), with enough before (decoder pre-roll, the key
 * frame) and behind (reordering). ERR_FORMAT with reason media.container for a broken index. */
MEL_MUST_CHECK bool mel_container_plan(ContainerRead *read, void *ctx, int64_t size_bytes,
                                       int64_t start_us, int64_t end_us, ContainerPlan *plan,
                                       Err *err);

const char *mel_container_kind_name(ContainerKind kind);

#endif
