/* SPDX-License-Identifier: Apache-2.0
 *
 * From gathered packets to frames. */
#include "curator/media.h"

#include <stdlib.h>
#include <string.h>

/* Pictures that no other refers to need no decoding before the span. The last picture at or before
 * it may still be asked for: it is what stands on the screen when the clip starts. */
static int64_t find_lead_stamp(const MediaDecoder *decoder, int64_t start_us)
{
    enum AVCodecID codec = decoder->context->codec_id;
    int64_t lead = INT64_MIN;
    if (codec != AV_CODEC_ID_H264 && codec != AV_CODEC_ID_HEVC) return lead;
    for (size_t i = 0; i < decoder->packets->count; i++) {
        int64_t stamp = decoder->packets->items[i]->pts;
        if (stamp == AV_NOPTS_VALUE) return INT64_MIN;
        if (stamp > lead && media_time_us(decoder->media, decoder->kind, stamp) < start_us)
            lead = stamp;
    }
    return lead;
}

/* Decoders call lost memory damage of the packet; it is told apart here. On decoder threads too. */
static int get_buffer(AVCodecContext *context, AVFrame *frame, int flags)
{
    MediaDecoder *decoder = context->opaque;
    int code = avcodec_default_get_buffer2(context, frame, flags);
    if (code == AVERROR(ENOMEM)) decoder->starved = true;
    return code;
}

static bool open_context(MediaDecoder *decoder, int threads, Err *err)
{
    const AVStream *stream = decoder->media->stream[decoder->kind];
    const AVCodecParameters *par = stream->codecpar;
    const char *allowed = decoder->media->format->codec_whitelist;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    if (!codec) goto refused;
    AVCodecContext *context = decoder->context = avcodec_alloc_context3(codec);
    if (!context) return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for a decoder");
    int code = avcodec_parameters_to_context(context, par);
    if (code < 0) return media_error(decoder->media, code, "cannot describe a stream", err);
    context->codec_whitelist = av_strdup(allowed);
    context->opaque = decoder;
    context->get_buffer2 = get_buffer;
    context->pkt_timebase = stream->time_base;
    context->thread_count = threads;
    context->max_pixels = MEDIA_PIXELS_MAX;
    context->max_samples = MEDIA_FRAME_SAMPLES_MAX;
    context->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
    code = avcodec_open2(context, codec, NULL);
    if (code >= 0) return true;
    if (code == AVERROR(ENOMEM) || code == AVERROR(EAGAIN)) /* the latter: no room for a thread */
        return media_error(decoder->media, AVERROR(ENOMEM), "cannot decode", err);
refused:
    return mel_err_reason(err, ERR_MEDIA, "media.codec",
                          "sound or picture in '%s' is not decoded here",
                          avcodec_get_name(par->codec_id));
}

bool media_decoder_open(MediaDecoder *decoder, const Media *media, MediaKind kind,
                        const PacketList *packets, int threads, int64_t start_us, Err *err)
{
    memset(decoder, 0, sizeof *decoder);
    decoder->media = media;
    decoder->kind = kind;
    decoder->packets = packets;
    decoder->errors_from_us = start_us;
    if (!open_context(decoder, threads, err)) return false;
    decoder->lead_stamp = kind == MEDIA_PICTURE ? find_lead_stamp(decoder, start_us) : INT64_MIN;
    return true;
}

void media_decoder_close(MediaDecoder *decoder)
{
    avcodec_free_context(&decoder->context);
}

/* Inside decoders a refused allocation often ends as damage of the packet. When not even this much
 * is to be had, that is what it was. */
static bool memory_is_out(void)
{
    enum { SOME = 8 << 20 };
    void *volatile block =
        malloc(SOME); /* volatile: compilers may drop a pair of malloc and free */
    free(block);
    return !block;
}

static void count_error(MediaDecoder *decoder, const AVPacket *packet)
{
    if (decoder->errors_seen++ < 64 && memory_is_out()) decoder->starved = true;
    int64_t stamp = packet ? packet->pts : AV_NOPTS_VALUE;
    if (stamp == AV_NOPTS_VALUE ||
        media_time_us(decoder->media, decoder->kind, stamp) >= decoder->errors_from_us)
        decoder->errors++;
}

static int feed(MediaDecoder *decoder)
{
    AVCodecContext *context = decoder->context;
    if (decoder->next == decoder->packets->count) {
        if (decoder->flushed) return AVERROR_EOF;
        decoder->flushed = true;
        return avcodec_send_packet(context, NULL);
    }
    AVPacket *packet = decoder->packets->items[decoder->next];
    bool lead = packet->pts != AV_NOPTS_VALUE && packet->pts < decoder->lead_stamp;
    context->skip_frame = lead ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
    int code = avcodec_send_packet(context, packet);
    if (code == AVERROR(EAGAIN)) return code;
    decoder->next++;
    if (code < 0 && code != AVERROR(ENOMEM)) {
        count_error(decoder, packet);
        return 0;
    }
    return code;
}

MediaStep media_decoder_next(MediaDecoder *decoder, AVFrame *frame, Err *err)
{
    /* Every turn takes a packet or a frame; the bound is for a decoder that does neither. */
    int64_t turns_max = 16 * (int64_t)decoder->packets->count + 1000;
    for (int64_t turn = 0; turn < turns_max; turn++) {
        int code = avcodec_receive_frame(decoder->context, frame);
        if (decoder->starved)
            code = AVERROR(ENOMEM);
        else if (code >= 0)
            return MEDIA_FRAME;
        if (code == AVERROR_EOF) return MEDIA_END;
        if (code == AVERROR(EAGAIN))
            code = feed(decoder);
        else if (code != AVERROR(ENOMEM)) {
            /* Frame threads report late: the packet is not known, only that it was about here. */
            size_t near = decoder->next ? decoder->next - 1 : 0;
            count_error(decoder,
                        near < decoder->packets->count ? decoder->packets->items[near] : NULL);
            code = 0;
        }
        if (code == AVERROR_EOF) return MEDIA_END;
        if (code == AVERROR(ENOMEM)) {
            media_error(decoder->media, code, "cannot decode", err);
            return MEDIA_FAILED;
        }
    }
    return MEDIA_END;
}
