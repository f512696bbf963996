/* SPDX-License-Identifier: Apache-2.0
 *
 * Matroska and WebM (RFC 9559): SeekHead, Info, Tracks and Cues wherever they stand; clusters are
 * never read, their extents follow from the cue positions. */
#include "curator/container_index.h"

#include <stdlib.h>

enum {
    ID_SEGMENT = 0x18538067,
    ID_SEEK_HEAD = 0x114d9b74,
    ID_SEEK = 0x4dbb,
    ID_SEEK_ID = 0x53ab,
    ID_SEEK_POSITION = 0x53ac,
    ID_INFO = 0x1549a966,
    ID_TIMESTAMP_SCALE = 0x2ad7b1,
    ID_TRACKS = 0x1654ae6b,
    ID_TRACK_ENTRY = 0xae,
    ID_TRACK_NUMBER = 0xd7,
    ID_TRACK_TYPE = 0x83,
    ID_CUES = 0x1c53bb6b,
    ID_CUE_POINT = 0xbb,
    ID_CUE_TIME = 0xb3,
    ID_CUE_TRACK_POSITIONS = 0xb7,
    ID_CUE_TRACK = 0xf7,
    ID_CUE_CLUSTER_POSITION = 0xf1,
    ID_CLUSTER = 0x1f43b675,
};
enum { TRACK_VIDEO = 1, TRACK_SOUND = 2 };
enum { TRACKS_MAX = 64, ELEMENTS_MAX = 64, SEEKS_MAX = 32, HEAD_MAX = 12 };
enum { ELEMENT_BYTES_MAX = 16 << 20, SMALL_ELEMENT_BYTES = 1 << 20 };

typedef struct Element {
    uint32_t id;
    int64_t offset, header, size; /* of the body; size -1 = not said */
} Element;

typedef struct Segment {
    int64_t begin, end;    /* of its body */
    int64_t first_cluster; /* -1 = none */
    int64_t scale_ns;      /* of one tick */
    uint64_t track_numbers[TRACKS_MAX];
    int track_types[TRACKS_MAX];
    size_t track_count;
    ByteRange cues; /* its body; length 0 = not found */
    int64_t seeks[SEEKS_MAX];
    size_t seek_count;
} Segment;

/* ---- EBML ---- */

/* A variable-size integer; returns its length, 0 when it is not one. */
static size_t read_vint(const uint8_t *p, size_t n, size_t longest, bool keep_marker, uint64_t *out)
{
    size_t length = 1;
    uint64_t value;
    if (n == 0 || p[0] == 0) return 0;
    while (!(p[0] >> (8 - length) & 1))
        length++;
    if (length > longest || length > n) return 0;
    value = keep_marker ? p[0] : p[0] & (0xffU >> length);
    bool unknown = (p[0] & (0xffU >> length)) == (0xffU >> length);
    for (size_t i = 1; i < length; i++) {
        value = value << 8 | p[i];
        unknown = unknown && p[i] == 0xff;
    }
    *out = unknown && !keep_marker ? UINT64_MAX : value;
    return length;
}

static size_t read_head(const uint8_t *p, size_t n, uint32_t *id_out, uint64_t *size_out)
{
    uint64_t id, size;
    size_t a = read_vint(p, n, 4, true, &id);
    size_t b = a ? read_vint(p + a, n - a, 8, false, &size) : 0;
    if (!b) return 0;
    *id_out = (uint32_t)id;
    *size_out = size;
    return a + b;
}

/* The next child in memory; false at the end. */
static bool next_child(Span *rest, uint32_t *id_out, Span *body_out, bool *broken_out)
{
    uint64_t size;
    *broken_out = false;
    if (rest->n == 0) return false;
    size_t head = read_head(rest->p, rest->n, id_out, &size);
    if (head == 0 || size > rest->n - head) {
        *broken_out = true;
        return false;
    }
    *body_out = (Span){rest->p + head, (size_t)size};
    rest->p += head + size;
    rest->n -= head + (size_t)size;
    return true;
}

static uint64_t read_uint(Span body)
{
    uint64_t value = 0;
    for (size_t i = 0; i < body.n && i < 8; i++)
        value = value << 8 | body.p[i];
    return value;
}

static bool read_element(IndexReader *reader, int64_t offset, int64_t end, Element *element,
                         bool *found_out, Err *err)
{
    uint8_t head[HEAD_MAX];
    int64_t left = end - offset;
    uint64_t size;
    *found_out = false;
    if (left < 2) return true;
    size_t n = left < HEAD_MAX ? (size_t)left : HEAD_MAX;
    if (!mel_index_read(reader, offset, n, head, err)) return false;
    size_t length = read_head(head, n, &element->id, &size);
    if (length == 0) return mel_index_broken("an element without a head", err);
    element->offset = offset + (int64_t)length;
    element->header = (int64_t)length;
    element->size = -1;
    if (size != UINT64_MAX) {
        if (size > (uint64_t)(end - element->offset) && element->id != ID_SEGMENT &&
            element->id != ID_CLUSTER)
            return mel_index_broken("an element is larger than its parent", err);
        int64_t most = end - element->offset;
        element->size = size > (uint64_t)most ? most : (int64_t)size;
    }
    *found_out = true;
    return true;
}

/* ---- the elements that count ---- */

static bool broken_list(bool broken, Err *err)
{
    return !broken || mel_index_broken("an element is larger than its parent", err);
}

static bool read_seek_head(Segment *segment, Span rest, Err *err)
{
    Span seek, body;
    uint32_t id;
    bool broken, inner;
    while (next_child(&rest, &id, &seek, &broken)) {
        uint64_t position = UINT64_MAX;
        if (id != ID_SEEK) continue;
        while (next_child(&seek, &id, &body, &inner))
            if (id == ID_SEEK_POSITION) position = read_uint(body);
        /* pointers that lead nowhere are common in cut files, and harmless */
        if (position < (uint64_t)(segment->end - segment->begin) && segment->seek_count < SEEKS_MAX)
            segment->seeks[segment->seek_count++] = segment->begin + (int64_t)position;
    }
    return broken_list(broken, err);
}

static bool read_info(Segment *segment, Span rest, Err *err)
{
    Span body;
    uint32_t id;
    bool broken;
    while (next_child(&rest, &id, &body, &broken)) {
        if (id != ID_TIMESTAMP_SCALE) continue;
        uint64_t scale = read_uint(body);
        if (scale == 0 || scale > 1000000000000)
            return mel_index_broken("a tick of no sensible length", err);
        segment->scale_ns = (int64_t)scale;
    }
    return broken_list(broken, err);
}

static bool read_tracks(Segment *segment, Span rest, Err *err)
{
    Span entry, body;
    uint32_t id;
    bool broken, inner;
    while (next_child(&rest, &id, &entry, &broken)) {
        if (id != ID_TRACK_ENTRY) continue;
        if (segment->track_count == TRACKS_MAX) return mel_index_broken("too many tracks", err);
        uint64_t number = 0, type = 0;
        while (next_child(&entry, &id, &body, &inner)) {
            if (id == ID_TRACK_NUMBER) number = read_uint(body);
            if (id == ID_TRACK_TYPE) type = read_uint(body);
        }
        segment->track_numbers[segment->track_count] = number;
        segment->track_types[segment->track_count++] = type < 256 ? (int)type : 0;
    }
    return broken_list(broken, err);
}

static bool read_body(IndexReader *reader, Segment *segment, const Element *element, Err *err)
{
    uint8_t *bytes = NULL;
    if (!mel_index_load(reader, element->offset, element->size, ELEMENT_BYTES_MAX, &bytes, err))
        return false;
    Span body = {bytes, (size_t)element->size};
    bool ok = true;
    if (element->id == ID_SEEK_HEAD) ok = read_seek_head(segment, body, err);
    if (element->id == ID_INFO) ok = read_info(segment, body, err);
    if (element->id == ID_TRACKS && !segment->track_count) ok = read_tracks(segment, body, err);
    free(bytes);
    return ok;
}

static bool take(IndexReader *reader, Segment *segment, const Element *element, Err *err)
{
    int64_t whole = element->header + element->size;
    if (element->id == ID_CUES) {
        if (segment->cues.length == 0) segment->cues = (ByteRange){element->offset, element->size};
        return mel_index_need(reader, element->offset - element->header, whole, err);
    }
    /* tags, chapters, attachments: demuxers read them, large ones are left to be asked for */
    if (!mel_index_need(reader, element->offset - element->header,
                        element->size < SMALL_ELEMENT_BYTES ? whole : element->header, err))
        return false;
    return read_body(reader, segment, element, err);
}

/* Elements from the segment's start to its first cluster. */
static bool walk_segment(IndexReader *reader, Segment *segment, Err *err)
{
    int64_t offset = segment->begin;
    for (int i = 0; i < ELEMENTS_MAX; i++) {
        Element element;
        bool found;
        if (!read_element(reader, offset, segment->end, &element, &found, err)) return false;
        if (!found) return true;
        if (element.id == ID_CLUSTER) {
            segment->first_cluster = offset;
            return true;
        }
        if (element.size < 0) return mel_index_broken("an element without an end", err);
        bool index = element.id == ID_SEEK_HEAD || element.id == ID_INFO ||
                     element.id == ID_TRACKS || element.id == ID_CUES;
        int64_t head = element.header + (element.size < SMALL_ELEMENT_BYTES ? element.size : 0);
        if (index ? !take(reader, segment, &element, err)
                  : !mel_index_need(reader, offset, head, err))
            return false;
        offset = element.offset + element.size;
    }
    return true;
}

/* What the SeekHead points at; a second SeekHead may add to the list while it is walked. */
static bool follow_seeks(IndexReader *reader, Segment *segment, Err *err)
{
    for (size_t i = 0; i < segment->seek_count; i++) {
        Element element;
        bool found;
        if (segment->first_cluster >= 0 && segment->seeks[i] < segment->first_cluster) continue;
        Err problem = {0};
        if (!read_element(reader, segment->seeks[i], segment->end, &element, &found, &problem)) {
            if (mel_equal(problem.reason, "media.container")) continue;
            *err = problem;
            return false;
        }
        if (!found || element.id == ID_CLUSTER || element.size < 0) continue;
        if (element.id == ID_SEEK_HEAD || element.id == ID_CUES || element.id == ID_INFO ||
            element.id == ID_TRACKS) {
            if (!take(reader, segment, &element, err)) return false;
        } else if (element.size < SMALL_ELEMENT_BYTES &&
                   !mel_index_need(reader, segment->seeks[i], element.header + element.size, err)) {
            return false;
        }
    }
    return true;
}

/* ---- cues ---- */

static int type_of(const Segment *segment, uint64_t number)
{
    for (size_t i = 0; i < segment->track_count; i++)
        if (segment->track_numbers[i] == number) return segment->track_types[i];
    return 0;
}

static bool has_type(const Segment *segment, int type)
{
    for (size_t i = 0; i < segment->track_count; i++)
        if (segment->track_types[i] == type) return true;
    return false;
}

/* The bytes of the span; -1 = no cue there. */
typedef struct Extent {
    int64_t first;             /* of all clusters with a cue */
    int64_t begin, begin_time; /* the last one that starts at or before the span */
    int64_t end;               /* the first one behind it */
} Extent;

static void note_cue(Extent *extent, int64_t time, int64_t position, int64_t from, int64_t until)
{
    if (extent->first < 0 || position < extent->first) extent->first = position;
    if (time <= from && time >= extent->begin_time) {
        extent->begin = position;
        extent->begin_time = time;
    }
    if (time >= until && (extent->end < 0 || position < extent->end)) extent->end = position;
}

static bool read_cue(const Segment *segment, Span point, int wanted, int64_t from, int64_t until,
                     Extent *extent, Err *err)
{
    Span rest = point, body;
    uint32_t id;
    uint64_t time = UINT64_MAX;
    bool broken;
    while (next_child(&rest, &id, &body, &broken))
        if (id == ID_CUE_TIME) time = read_uint(body);
    if (broken || time > INT64_MAX) return mel_index_broken("a cue without a time", err);
    while (next_child(&point, &id, &body, &broken)) {
        uint64_t track = 0, position = UINT64_MAX;
        Span field;
        if (id != ID_CUE_TRACK_POSITIONS) continue;
        while (next_child(&body, &id, &field, &broken)) {
            if (id == ID_CUE_TRACK) track = read_uint(field);
            if (id == ID_CUE_CLUSTER_POSITION) position = read_uint(field);
        }
        if (wanted && type_of(segment, track) != wanted) continue;
        if (position >= (uint64_t)(segment->end - segment->begin))
            return mel_index_broken("a cue points out of the file", err);
        note_cue(extent, (int64_t)time, segment->begin + (int64_t)position, from, until);
    }
    return true;
}

static bool read_cues(IndexReader *reader, const Segment *segment, int wanted, Extent *extent,
                      Err *err)
{
    uint8_t *bytes = NULL;
    const ByteRange *cues = &segment->cues;
    int64_t from = mel_index_scale(reader->start_us - PREROLL_US, 1000, segment->scale_ns);
    int64_t until = mel_index_scale(reader->end_us + POSTROLL_US, 1000, segment->scale_ns) + 1;
    *extent = (Extent){.first = -1, .begin = -1, .begin_time = -1, .end = -1};
    if (!mel_index_load(reader, cues->offset, cues->length, ELEMENT_BYTES_MAX, &bytes, err))
        return false;
    Span rest = {bytes, (size_t)cues->length}, point;
    uint32_t id;
    bool ok = true, broken = false;
    while (ok && next_child(&rest, &id, &point, &broken))
        if (id == ID_CUE_POINT) ok = read_cue(segment, point, wanted, from, until, extent, err);
    free(bytes);
    return ok && broken_list(broken, err);
}

static bool plan_by_cues(IndexReader *reader, const Segment *segment, bool *done_out, Err *err)
{
    Extent extent;
    /* seeking goes by the picture's cues; those of other tracks may stand anywhere */
    int wanted = has_type(segment, TRACK_VIDEO) ? TRACK_VIDEO : TRACK_SOUND;
    if (!read_cues(reader, segment, wanted, &extent, err)) return false;
    if (extent.first < 0 && !read_cues(reader, segment, 0, &extent, err)) return false;
    if (extent.first < 0) return true;
    int64_t begin = extent.begin >= 0 ? extent.begin : extent.first;
    int64_t end = extent.end > begin ? extent.end : segment->end;
    if (extent.end < 0 && segment->cues.offset > begin) end = segment->cues.offset;
    *done_out = true;
    return mel_index_need(reader, begin, end - begin, err) &&
           (segment->first_cluster < 0 ||
            mel_index_need_clamped(reader, segment->first_cluster, HEAD_MEDIA_BYTES, err));
}

bool mel_matroska_plan(IndexReader *reader, ContainerKind *kind_out, Err *err)
{
    Segment *segment = mel_alloc(sizeof *segment);
    Element element = {0};
    bool found, done = false;
    bool ok = read_element(reader, 0, reader->size, &element, &found, err); /* the EBML header */
    if (ok && found && element.size < 0) ok = mel_index_broken("an element without an end", err);
    int64_t offset = ok && found ? element.offset + element.size : 0;
    if (ok && found) ok = read_element(reader, offset, reader->size, &element, &found, err);
    if (!ok || !found || element.id != ID_SEGMENT) goto out;
    segment->begin = element.offset;
    segment->end = element.size < 0 ? reader->size : element.offset + element.size;
    segment->scale_ns = 1000000;
    segment->first_cluster = -1;
    ok = mel_index_need(reader, 0, segment->begin, err) && walk_segment(reader, segment, err) &&
         follow_seeks(reader, segment, err);
    if (ok && segment->cues.length) ok = plan_by_cues(reader, segment, &done, err);
    if (ok && done) *kind_out = CONTAINER_MATROSKA;
out:
    free(segment);
    return ok;
}
