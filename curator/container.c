/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/container.h"

#include "curator/container_index.h"

#include <stdlib.h>
#include <string.h>

/* Gaps up to JOIN_BYTES are fetched along: libavformat reads over gaps of 32 KiB in place of
 * seeking, and a request costs more than that. */
enum { JOIN_BYTES = 64 << 10, ADDITIONS_MAX = 1 << 17, SCATTER_MAX = 16384 };
static const int64_t scale_limit = (int64_t)1 << 61;

static bool inside(const IndexReader *reader, int64_t offset, int64_t length)
{
    return offset >= 0 && length >= 0 && offset <= reader->size && length <= reader->size - offset;
}

bool mel_index_read(IndexReader *reader, int64_t offset, size_t n, uint8_t *out, Err *err)
{
    if (n > INT64_MAX || !inside(reader, offset, (int64_t)n))
        return mel_index_broken("it points out of the file", err);
    return reader->read(reader->ctx, offset, n, out, err);
}

bool mel_index_load(IndexReader *reader, int64_t offset, int64_t n, int64_t limit_bytes,
                    uint8_t **out, Err *err)
{
    if (!inside(reader, offset, n)) return mel_index_broken("it points out of the file", err);
    if (n > limit_bytes) return mel_index_broken("a table is larger than any real one", err);
    uint8_t *bytes = mel_try_alloc((size_t)n + 1, 1, (size_t)limit_bytes + 1, "media index", err);
    if (!bytes) return false;
    if (!reader->read(reader->ctx, offset, (size_t)n, bytes, err)) {
        free(bytes);
        return false;
    }
    *out = bytes;
    return true;
}

bool mel_index_need(IndexReader *reader, int64_t offset, int64_t length, Err *err)
{
    if (!inside(reader, offset, length)) return mel_index_broken("media lies out of the file", err);
    if (++reader->additions > ADDITIONS_MAX || reader->needed.count > SCATTER_MAX)
        return mel_index_broken("media is scattered all over the file", err);
    mel_range_set_add(&reader->needed, offset, length);
    return true;
}

bool mel_index_need_clamped(IndexReader *reader, int64_t offset, int64_t length, Err *err)
{
    if (offset < 0 || offset >= reader->size || length <= 0) return true;
    if (length > reader->size - offset) length = reader->size - offset;
    return mel_index_need(reader, offset, length, err);
}

uint16_t mel_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t mel_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t mel_be64(const uint8_t *p)
{
    return (uint64_t)mel_be32(p) << 32 | mel_be32(p + 4);
}

int64_t mel_index_scale(int64_t value, int64_t times, int64_t by)
{
    __int128 product = (__int128)value * times;
    __int128 result = product / by - (product % by < 0);
    if (result > scale_limit) return scale_limit;
    return result < -scale_limit ? -scale_limit : (int64_t)result;
}

/* ---- the plan ---- */

/* Joins over gaps of at most `gap` bytes; returns how many ranges that leaves, writing those that
 * fit. */
static size_t join(const RangeSet *set, int64_t gap, ByteRange *out, size_t capacity)
{
    size_t n = 0;
    ByteRange now = {0};
    for (size_t i = 0; i < set->count; i++) {
        const ByteRange *next = &set->ranges[i];
        if (i && next->offset - (now.offset + now.length) <= gap) {
            now.length = next->offset + next->length - now.offset;
            continue;
        }
        if (i && n < capacity) out[n] = now;
        if (i) n++;
        now = *next;
    }
    if (set->count && n < capacity) out[n] = now;
    return set->count ? n + 1 : 0;
}

static void write_plan(const IndexReader *reader, ContainerKind kind, ContainerPlan *plan)
{
    int64_t gap = JOIN_BYTES;
    plan->kind = kind;
    plan->range_count = join(&reader->needed, gap, plan->ranges, INPUT_RANGES_MAX);
    while (plan->range_count > INPUT_RANGES_MAX) {
        gap *= 2;
        plan->range_count = join(&reader->needed, gap, plan->ranges, INPUT_RANGES_MAX);
    }
}

static bool looks_like_mp4(const uint8_t head[16])
{
    static const char types[][5] = {"ftyp", "moov", "mdat", "free", "skip", "wide",
                                    "pnot", "styp", "sidx", "moof", "uuid"};
    for (size_t i = 0; i < MEL_COUNT(types); i++)
        if (memcmp(head + 4, types[i], 4) == 0) return true;
    return false;
}

bool mel_container_plan(ContainerRead *read, void *ctx, int64_t size_bytes, int64_t start_us,
                        int64_t end_us, ContainerPlan *plan, Err *err)
{
    uint8_t head[16];
    ContainerKind kind = CONTAINER_UNKNOWN;
    IndexReader reader = {.read = read, .ctx = ctx, .size = size_bytes};
    if (start_us < 0 || end_us <= start_us || end_us > scale_limit)
        return mel_err(err, ERR_USAGE, "a span must start at 0 or later and end behind its start");
    reader.start_us = start_us;
    reader.end_us = end_us;
    bool ok = true;
    if (size_bytes >= (int64_t)sizeof head) {
        ok = mel_index_read(&reader, 0, sizeof head, head, err);
        if (ok && mel_be32(head) == 0x1a45dfa3)
            ok = mel_matroska_plan(&reader, &kind, err);
        else if (ok && looks_like_mp4(head))
            ok = mel_mp4_plan(&reader, &kind, err);
    }
    if (ok && kind == CONTAINER_UNKNOWN) mel_range_set_clear(&reader.needed);
    if (ok) write_plan(&reader, kind, plan);
    mel_range_set_clear(&reader.needed);
    return ok;
}

const char *mel_container_kind_name(ContainerKind kind)
{
    static const char *const names[] = {
        [CONTAINER_UNKNOWN] = "unknown",
        [CONTAINER_MP4_SIDX] = "mp4 with sidx",
        [CONTAINER_MP4_FRAGMENTED] = "fragmented mp4",
        [CONTAINER_MP4_PLAIN] = "mp4",
        [CONTAINER_MATROSKA] = "matroska",
    };
    return names[kind];
}
