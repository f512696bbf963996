/* SPDX-License-Identifier: Apache-2.0
 *
 * Gathering the packets of a span: one seek, one walk forwards. Compressed packets are small, so
 * sound and picture can then be decoded side by side. When the seek landed too late for a
 * decoder's needs, it is done again from further back. */
#include "curator/media.h"

#include <stdlib.h>
#include <string.h>

/* How far before the span reading starts, attempt by attempt; the last one is the file's start. */
static const int64_t look_back_us[] = {500000, 5000000, 30000000};
enum { LOOK_BACKS = MEL_COUNT(look_back_us) };

/* Sound is decoded from so long before the span: Opus asks for 80 ms, AAC for 3 frames, SBR and
 * the MP3 bit reservoir for some more. Less than this is worth another seek. */
static const int64_t SOUND_PRE_ROLL_US = 500000, SOUND_PRE_ROLL_LEAST_US = 200000;

/* AVI has no presentation stamps: decoding stamps come this much before them at most. */
static const int64_t REORDER_US = 1000000;

/* One stream may lie so far behind the other in the file. */
static const int64_t INTERLEAVE_US = 10 * 1000000;

static void list_clear(PacketList *list)
{
    for (size_t i = 0; i < list->count; i++)
        av_packet_free(&list->items[i]);
    list->count = 0;
}

void media_span_clear(MediaSpan *span)
{
    for (int kind = 0; kind < MEDIA_KINDS; kind++) {
        list_clear(&span->packets[kind]);
        free(span->packets[kind].items);
    }
    memset(span, 0, sizeof *span);
}

static bool list_push(MediaSpan *span, PacketList *list, AVPacket *packet, Err *err)
{
    if (list->count >= MEDIA_PACKETS_MAX ||
        span->bytes + packet->size > (int64_t)MEDIA_PACKET_BYTES_MAX)
        return mel_err_reason(err, ERR_LIMIT, "media.memory",
                              "the span holds more than %d packets or %d bytes", MEDIA_PACKETS_MAX,
                              MEDIA_PACKET_BYTES_MAX);
    AVPacket *kept = av_packet_alloc();
    if (!kept) return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for a packet");
    av_packet_move_ref(kept, packet);
    mel_grow(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = kept;
    span->bytes += kept->size;
    return true;
}

/* Everything before a key picture at or before the start is of no use. */
static void forget_before_key(MediaSpan *span, PacketList *list)
{
    for (size_t i = 0; i < list->count; i++)
        span->bytes -= list->items[i]->size;
    list_clear(list);
}

typedef struct Gathering {
    Media *media;
    const MediaWindow *window;
    MediaSpan *span;
    bool done[MEDIA_KINDS];
    int64_t seen;
} Gathering;

static int64_t time_of(const Gathering *g, MediaKind kind, int64_t stamp, int64_t otherwise)
{
    if (stamp == AV_NOPTS_VALUE) stamp = otherwise;
    return stamp == AV_NOPTS_VALUE ? INT64_MIN : media_time_us(g->media, kind, stamp);
}

static bool take_sound(Gathering *g, AVPacket *packet, Err *err)
{
    int64_t begin_us = time_of(g, MEDIA_SOUND, packet->pts, packet->dts);
    if (begin_us >= g->window->end_us) {
        g->done[MEDIA_SOUND] = true;
        return true;
    }
    if (begin_us != INT64_MIN && begin_us < g->window->start_us - SOUND_PRE_ROLL_US) return true;
    return list_push(g->span, &g->span->packets[MEDIA_SOUND], packet, err);
}

static bool take_picture(Gathering *g, AVPacket *packet, Err *err)
{
    PacketList *list = &g->span->packets[MEDIA_PICTURE];
    int64_t show_us = time_of(g, MEDIA_PICTURE, packet->pts, packet->dts);
    int64_t decode_us = time_of(g, MEDIA_PICTURE, packet->dts, packet->pts);
    if (decode_us >= g->window->end_us + g->window->behind_us) {
        g->done[MEDIA_PICTURE] = true;
        return true;
    }
    bool key = packet->flags & AV_PKT_FLAG_KEY;
    int64_t doubt_us = packet->pts == AV_NOPTS_VALUE ? REORDER_US : 0;
    bool forget = key && show_us <= g->window->start_us - doubt_us && g->window->attempt == 0;
    if (forget) forget_before_key(g->span, list);
    if (!key && list->count == 0 && g->media->moved) return true;
    return list_push(g->span, list, packet, err);
}

static bool take(Gathering *g, AVPacket *packet, Err *err)
{
    for (int kind = 0; kind < MEDIA_KINDS; kind++) {
        const AVStream *stream = g->media->stream[kind];
        if (!stream || packet->stream_index != stream->index) continue;
        int64_t now_us = time_of(g, kind, packet->dts, packet->pts);
        int64_t shown_us = time_of(g, kind, packet->pts, packet->dts);
        int64_t length_us = av_rescale_q(packet->duration, stream->time_base, AV_TIME_BASE_Q);
        int64_t end_us;
        if (shown_us != INT64_MIN && !__builtin_add_overflow(shown_us, length_us, &end_us) &&
            end_us > g->span->last_end_us[kind])
            g->span->last_end_us[kind] = end_us;
        if (now_us != INT64_MIN && now_us > g->window->end_us + INTERLEAVE_US)
            g->done[MEDIA_SOUND] = g->done[MEDIA_PICTURE] = true;
        if (g->done[kind]) return true;
        return kind == MEDIA_SOUND ? take_sound(g, packet, err) : take_picture(g, packet, err);
    }
    return true;
}

/* Reads on until both kinds are through, or the file is. */
static bool walk(Gathering *g, Err *err)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet) return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for a packet");
    bool ok = true;
    int code = 0;
    while (ok && !(g->done[MEDIA_SOUND] && g->done[MEDIA_PICTURE])) {
        code = av_read_frame(g->media->format, packet);
        if (code < 0) break;
        ok = take(g, packet, err);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    if (!ok) return false;
    if (g->media->io.missing_offset >= 0 || g->media->io.read_errno || code == AVERROR(ENOMEM))
        return media_error(g->media, code, "cannot read the clip", err);
    g->span->broken = code < 0 && code != AVERROR_EOF;
    for (int kind = 0; kind < MEDIA_KINDS; kind++)
        g->span->ended[kind] = code < 0 && !g->done[kind];
    return true;
}

static int64_t stream_begin_us(const Media *media, MediaKind kind)
{
    AVStream *stream = media->stream[kind];
    const AVIndexEntry *first = avformat_index_get_entry(stream, 0);
    if (stream->start_time != AV_NOPTS_VALUE) return media_time_us(media, kind, stream->start_time);
    return first ? media_time_us(media, kind, first->timestamp) : 0;
}

/* True when reading from further back could give a decoder what it lacks at the start. */
static bool came_late(const Media *media, const MediaWindow *window, const MediaSpan *span,
                      MediaKind kind)
{
    if (!media->stream[kind]) return false;
    const PacketList *list = &span->packets[kind];
    int64_t needed_us = window->start_us - (kind == MEDIA_SOUND ? SOUND_PRE_ROLL_LEAST_US : 0);
    if (needed_us <= stream_begin_us(media, kind) + 50000) return false;
    if (list->count == 0) return true;
    const AVPacket *first = list->items[0];
    int64_t stamp = first->pts != AV_NOPTS_VALUE ? first->pts : first->dts;
    if (kind == MEDIA_PICTURE && first->pts == AV_NOPTS_VALUE) needed_us -= REORDER_US;
    return stamp != AV_NOPTS_VALUE && media_time_us(media, kind, stamp) > needed_us;
}

static bool seek(Media *media, int64_t time_us, Err *err)
{
    MediaKind kind = media->stream[MEDIA_PICTURE] ? MEDIA_PICTURE : MEDIA_SOUND;
    AVStream *stream = media->stream[kind];
    MEL_ASSERT(stream);
    int64_t libav_us;
    if (__builtin_add_overflow(time_us, media->zero_us, &libav_us)) libav_us = time_us;
    int64_t stamp = av_rescale_q(libav_us, AV_TIME_BASE_Q, stream->time_base);
    int code = av_seek_frame(media->format, stream->index, stamp, AVSEEK_FLAG_BACKWARD);
    if (media->io.missing_offset >= 0 || code == AVERROR(ENOMEM))
        return media_error(media, code, "cannot seek", err);
    if (code < 0) code = av_seek_frame(media->format, stream->index, stamp, 0);
    if (code < 0 && media->moved) return media_error(media, code, "cannot seek", err);
    media->moved = code >= 0; /* a file that cannot seek is read from where it stands: its start */
    return true;
}

static bool gather_once(Media *media, const MediaWindow *window, int64_t from_us, MediaSpan *span,
                        Err *err)
{
    Gathering g = {.media = media, .window = window, .span = span};
    media_span_clear(span);
    for (int kind = 0; kind < MEDIA_KINDS; kind++) {
        g.done[kind] = !media->stream[kind];
        span->last_end_us[kind] = INT64_MIN;
    }
    bool at_start = media->linear || (from_us <= 0 && !media->moved);
    if (!at_start && !seek(media, from_us, err)) return false;
    return walk(&g, err);
}

bool media_gather(Media *media, const MediaWindow *window, MediaSpan *span, Err *err)
{
    for (int attempt = window->attempt ? 1 : 0; attempt < LOOK_BACKS; attempt++) {
        int64_t from_us = window->start_us - look_back_us[attempt];
        if (!gather_once(media, window, from_us, span, err)) return false;
        if (media->linear || !media->moved) return true;
        if (!came_late(media, window, span, MEDIA_SOUND) &&
            !came_late(media, window, span, MEDIA_PICTURE))
            return true;
    }
    return true;
}
