/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/media_fixture.h"

#include "tests/support/test.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 16, BIT_WIDTH = 8, BAR_TOP = 8, BAR_HEIGHT = 16 };

float media_fixture_sample(int64_t i, int channel, int rate_hz)
{
    double t = (double)i / rate_hz;
    uint32_t noise = (uint32_t)i * 2654435761U + (uint32_t)channel * 977U;
    noise ^= noise >> 15;
    noise *= 2246822519U;
    noise ^= noise >> 13;
    double tone = sin(2 * 3.14159265358979 * t * (220 + 15 * t) + channel);
    return (float)(0.4 * tone + 0.2 * ((double)noise / 4294967296.0 - 0.5));
}

int media_fixture_number(const uint8_t *luma, int stride, int width, int height)
{
    int number = 0;
    if (width < BITS * BIT_WIDTH || height < BAR_TOP + BAR_HEIGHT) return -1;
    for (int bit = 0; bit < BITS; bit++) {
        int x = bit * BIT_WIDTH + BIT_WIDTH / 2,
            level = luma[(BAR_TOP + BAR_HEIGHT / 2) * stride + x];
        if (level > 90 && level < 150) return -1;
        if (level >= 150) number |= 1 << bit;
    }
    return number;
}

/* ---- encoding -----------------------------------------------------------------------------------
 */

typedef struct Track {
    const MediaSpec *spec;
    AVCodecContext *encoder;
    AVStream *stream;
    AVFrame *frame;
    int64_t next, count; /* frames of pictures, or samples */
    bool flushed;
} Track;

static AVCodecContext *new_encoder(const char *name, AVFormatContext *muxer)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec) fail_msg("there is no encoder '%s' here", name);
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    assert_non_null(encoder);
    if (muxer->oformat->flags & AVFMT_GLOBALHEADER) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    encoder->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    encoder->thread_count = 1;
    return encoder;
}

static void open_encoder(Track *track, const char *options, AVFormatContext *muxer)
{
    AVDictionary *dictionary = NULL;
    if (options) assert_true(av_dict_parse_string(&dictionary, options, "=", ":", 0) >= 0);
    assert_true(avcodec_open2(track->encoder, NULL, &dictionary) >= 0);
    av_dict_free(&dictionary);
    track->stream = avformat_new_stream(muxer, NULL);
    assert_non_null(track->stream);
    track->stream->time_base = track->encoder->time_base;
    assert_true(avcodec_parameters_from_context(track->stream->codecpar, track->encoder) >= 0);
    track->frame = av_frame_alloc();
}

static int frame_rate(const MediaSpec *spec)
{
    return spec->frame_rate ? spec->frame_rate : 25;
}

static void add_video(Track *track, const MediaSpec *spec, AVFormatContext *muxer)
{
    AVCodecContext *encoder = new_encoder(spec->video_encoder, muxer);
    track->spec = spec;
    track->encoder = encoder;
    encoder->width = spec->width;
    encoder->height = spec->height;
    encoder->pix_fmt = av_get_pix_fmt(spec->pixel_format ? spec->pixel_format : "yuv420p");
    int rate = frame_rate(spec);
    encoder->time_base = spec->variable_rate ? (AVRational){1, 10 * rate} : (AVRational){1, rate};
    encoder->framerate = (AVRational){rate, 1};
    if (spec->gop) encoder->gop_size = spec->gop;
    encoder->max_b_frames = spec->b_frames;
    open_encoder(track, spec->video_options, muxer);
    track->count = (int64_t)(spec->video_s * rate + 0.5);
    if (spec->rotation_deg) {
        uint8_t *matrix = av_stream_new_side_data(track->stream, AV_PKT_DATA_DISPLAYMATRIX, 36);
        av_display_rotation_set((int32_t *)(void *)matrix, spec->rotation_deg);
    }
    track->frame->format = encoder->pix_fmt;
    track->frame->width = encoder->width;
    track->frame->height = encoder->height;
    assert_true(av_frame_get_buffer(track->frame, 0) >= 0);
}

static void add_audio(Track *track, const MediaSpec *spec, AVFormatContext *muxer)
{
    AVCodecContext *encoder = new_encoder(spec->audio_encoder, muxer);
    track->spec = spec;
    track->encoder = encoder;
    encoder->sample_rate = spec->rate_hz;
    encoder->sample_fmt = encoder->codec->sample_fmts[0];
    if (mel_equal(spec->audio_encoder, "flac") && spec->audio_options)
        encoder->sample_fmt = AV_SAMPLE_FMT_S32;
    if (encoder->sample_fmt == AV_SAMPLE_FMT_S32) encoder->bits_per_raw_sample = 24;
    av_channel_layout_default(&encoder->ch_layout, spec->channels);
    encoder->time_base = (AVRational){1, spec->rate_hz};
    encoder->bit_rate = 64000 * spec->channels;
    open_encoder(track, spec->audio_options, muxer);
    track->count = (int64_t)(spec->audio_s * spec->rate_hz + 0.5);
}

static void draw(uint8_t *plane, int stride, int width, int height, int64_t n, bool black)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            plane[y * stride + x] =
                black ? 16 : (uint8_t)(60 + ((x * 3 + y * 5 + (int)n * 4) ^ (x * y / 64)) % 130);
    if (black || width < BITS * BIT_WIDTH) return;
    for (int y = BAR_TOP; y < BAR_TOP + BAR_HEIGHT && y < height; y++)
        for (int x = 0; x < BITS * BIT_WIDTH; x++)
            plane[y * stride + x] = n >> (x / BIT_WIDTH) & 1 ? 220 : 30;
}

/* 8-bit rows become rows of deeper little-endian samples. */
static void widen(uint8_t *plane, int stride, int width, int height, int depth)
{
    for (int y = 0; y < height; y++) {
        uint8_t *row = plane + (ptrdiff_t)y * stride;
        for (int x = width - 1; x >= 0; x--) {
            int value = row[x] << (depth - 8);
            row[2 * x] = (uint8_t)(value & 0xff);
            row[2 * x + 1] = (uint8_t)(value >> 8);
        }
    }
}

static int64_t picture_stamp(const MediaSpec *spec, int64_t n, AVRational base)
{
    double at = (double)n;
    if (spec->variable_rate) at += (double)(n % 3) * 0.2;
    return llrint((at / frame_rate(spec) + spec->video_at_s) / av_q2d(base));
}

static bool next_picture(Track *track)
{
    const MediaSpec *spec = track->spec;
    AVFrame *frame = track->frame;
    if (track->next >= track->count) return false;
    assert_true(av_frame_make_writable(frame) >= 0);
    bool black = (double)track->next / frame_rate(spec) < spec->black_until_s;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    int planes = av_pix_fmt_count_planes(frame->format), depth = format->comp[0].depth;
    if (planes == 1) { /* packed, for PNG: a pattern is enough */
        for (int y = 0; y < frame->height; y++)
            memset(frame->data[0] + (ptrdiff_t)y * frame->linesize[0],
                   (int)(y + track->next) & 0xff, (size_t)frame->linesize[0]);
    } else {
        draw(frame->data[0], frame->linesize[0], frame->width, frame->height, track->next, black);
        for (int plane = 1; plane < planes; plane++)
            memset(frame->data[plane], black ? 128 : 100 + 40 * (plane - 1),
                   (size_t)frame->linesize[plane] *
                       (size_t)AV_CEIL_RSHIFT(frame->height, format->log2_chroma_h));
        for (int plane = 0; depth > 8 && plane < planes; plane++)
            widen(frame->data[plane], frame->linesize[plane],
                  plane ? AV_CEIL_RSHIFT(frame->width, format->log2_chroma_w) : frame->width,
                  plane ? AV_CEIL_RSHIFT(frame->height, format->log2_chroma_h) : frame->height,
                  depth);
    }
    frame->pict_type = AV_PICTURE_TYPE_NONE;
    frame->pts = picture_stamp(spec, track->next++, track->encoder->time_base);
    return true;
}

static void put_sample(AVFrame *frame, int channels, int64_t at, int channel, float value)
{
    bool planar = av_sample_fmt_is_planar(frame->format);
    uint8_t *plane = frame->extended_data[planar ? channel : 0];
    int64_t i = planar ? at : at * channels + channel;
    switch (av_get_packed_sample_fmt(frame->format)) {
    case AV_SAMPLE_FMT_S16:
        ((int16_t *)(void *)plane)[i] = (int16_t)lrintf(value * 32768);
        break;
    case AV_SAMPLE_FMT_S32:
        ((int32_t *)(void *)plane)[i] = (int32_t)lrintf(value * 8388608) * 256;
        break;
    default:
        ((float *)(void *)plane)[i] = value;
    }
}

static bool next_sound(Track *track)
{
    const MediaSpec *spec = track->spec;
    AVFrame *frame = track->frame;
    int64_t n = track->encoder->frame_size ? track->encoder->frame_size : 1024;
    if (track->next >= track->count) return false;
    if (n > track->count - track->next) n = track->count - track->next;
    av_frame_unref(frame);
    frame->format = track->encoder->sample_fmt;
    frame->sample_rate = spec->rate_hz;
    frame->nb_samples = (int)n;
    assert_true(av_channel_layout_copy(&frame->ch_layout, &track->encoder->ch_layout) >= 0);
    assert_true(av_frame_get_buffer(frame, 0) >= 0);
    for (int64_t i = 0; i < n; i++)
        for (int channel = 0; channel < spec->channels; channel++)
            put_sample(frame, spec->channels, i, channel,
                       media_fixture_sample(track->next + i, channel, spec->rate_hz));
    frame->pts = track->next + llrint(spec->audio_at_s * spec->rate_hz);
    track->next += n;
    return true;
}

static void write_packets(Track *track, AVFormatContext *muxer, AVPacket *packet)
{
    const MediaSpec *spec = track->spec;
    bool sound = track->encoder->codec_type == AVMEDIA_TYPE_AUDIO;
    while (avcodec_receive_packet(track->encoder, packet) >= 0) {
        double at = (double)packet->pts * av_q2d(track->encoder->time_base);
        if (sound && at >= spec->gap_from_s && at < spec->gap_to_s) {
            av_packet_unref(packet);
            continue;
        }
        packet->stream_index = track->stream->index;
        if (!sound && !packet->duration && !spec->variable_rate) packet->duration = 1;
        av_packet_rescale_ts(packet, track->encoder->time_base, track->stream->time_base);
        assert_true(av_interleaved_write_frame(muxer, packet) >= 0);
    }
}

static void step(Track *track, AVFormatContext *muxer, AVPacket *packet)
{
    bool sound = track->encoder->codec_type == AVMEDIA_TYPE_AUDIO;
    bool more = sound ? next_sound(track) : next_picture(track);
    assert_true(avcodec_send_frame(track->encoder, more ? track->frame : NULL) >= 0);
    track->flushed = !more;
    write_packets(track, muxer, packet);
}

static double time_of(const Track *track)
{
    const MediaSpec *spec = track->spec;
    if (track->flushed) return INFINITY;
    bool sound = track->encoder->codec_type == AVMEDIA_TYPE_AUDIO;
    return sound ? (double)track->next / spec->rate_hz : (double)track->next / frame_rate(spec);
}

void media_fixture_write(const char *path, const MediaSpec *spec)
{
    AVFormatContext *muxer = NULL;
    AVDictionary *options = NULL;
    Track tracks[2] = {0};
    int count = 0;
    av_log_set_level(AV_LOG_QUIET);
    assert_true(avformat_alloc_output_context2(&muxer, NULL, spec->muxer, path) >= 0);
    if (spec->video_encoder) add_video(&tracks[count++], spec, muxer);
    if (spec->audio_encoder) add_audio(&tracks[count++], spec, muxer);
    assert_true(avio_open(&muxer->pb, path, AVIO_FLAG_WRITE) >= 0);
    if (spec->muxer_options)
        assert_true(av_dict_parse_string(&options, spec->muxer_options, "=", ":", 0) >= 0);
    assert_true(avformat_write_header(muxer, &options) >= 0);
    AVPacket *packet = av_packet_alloc();
    for (;;) {
        Track *next = &tracks[0];
        if (count == 2 && time_of(&tracks[1]) < time_of(next)) next = &tracks[1];
        if (next->flushed) break;
        step(next, muxer, packet);
    }
    assert_true(av_write_trailer(muxer) >= 0);
    for (int i = 0; i < count; i++) {
        avcodec_free_context(&tracks[i].encoder);
        av_frame_free(&tracks[i].frame);
    }
    av_packet_free(&packet);
    av_dict_free(&options);
    avio_closep(&muxer->pb);
    avformat_free_context(muxer);
}

/* ---- decoding whole files
 * ------------------------------------------------------------------------ */

typedef struct Reader {
    AVFormatContext *format;
    AVCodecContext *decoder;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame;
    bool flushed;
    int64_t zero_us;
} Reader;

static void reader_open(Reader *reader, const char *path, enum AVMediaType type)
{
    *reader = (Reader){.packet = av_packet_alloc(), .frame = av_frame_alloc()};
    av_log_set_level(AV_LOG_QUIET);
    assert_true(avformat_open_input(&reader->format, path, NULL, NULL) >= 0);
    assert_true(avformat_find_stream_info(reader->format, NULL) >= 0);
    int index = av_find_best_stream(reader->format, type, -1, -1, NULL, 0);
    assert_true(index >= 0);
    reader->stream = reader->format->streams[index];
    const AVCodec *codec = avcodec_find_decoder(reader->stream->codecpar->codec_id);
    reader->decoder = avcodec_alloc_context3(codec);
    assert_true(avcodec_parameters_to_context(reader->decoder, reader->stream->codecpar) >= 0);
    reader->decoder->pkt_timebase = reader->stream->time_base;
    assert_true(avcodec_open2(reader->decoder, codec, NULL) >= 0);
    const char *name = reader->format->iformat->name;
    bool floats = mel_equal(name, "mpegts") || mel_equal(name, "mpeg") || mel_equal(name, "mp3");
    if (floats) reader->zero_us = reader->format->start_time;
}

static bool reader_next(Reader *reader)
{
    for (;;) {
        int code = avcodec_receive_frame(reader->decoder, reader->frame);
        if (code >= 0) return true;
        if (code != AVERROR(EAGAIN) || reader->flushed) return false;
        if (av_read_frame(reader->format, reader->packet) < 0) {
            reader->flushed = true;
            avcodec_send_packet(reader->decoder, NULL);
            continue;
        }
        if (reader->packet->stream_index == reader->stream->index)
            avcodec_send_packet(reader->decoder, reader->packet);
        av_packet_unref(reader->packet);
    }
}

static void reader_close(Reader *reader)
{
    av_frame_free(&reader->frame);
    av_packet_free(&reader->packet);
    avcodec_free_context(&reader->decoder);
    avformat_close_input(&reader->format);
}

static float get_sample(const AVFrame *frame, int at, int channel)
{
    bool planar = av_sample_fmt_is_planar(frame->format);
    const uint8_t *plane = frame->extended_data[planar ? channel : 0];
    int i = planar ? at : at * frame->ch_layout.nb_channels + channel;
    switch (av_get_packed_sample_fmt(frame->format)) {
    case AV_SAMPLE_FMT_S16:
        return (float)((const int16_t *)(const void *)plane)[i] / 32768;
    case AV_SAMPLE_FMT_S32:
        return (float)((double)((const int32_t *)(const void *)plane)[i] / 2147483648.0);
    default:
        return ((const float *)(const void *)plane)[i];
    }
}

void media_fixture_decode_sound(const char *path, WholeSound *out)
{
    Reader reader;
    size_t capacity = 0;
    *out = (WholeSound){0};
    reader_open(&reader, path, AVMEDIA_TYPE_AUDIO);
    while (reader_next(&reader)) {
        const AVFrame *frame = reader.frame;
        if (!out->count) {
            out->rate_hz = frame->sample_rate;
            out->channels = frame->ch_layout.nb_channels;
            out->first = av_rescale_q(frame->pts, reader.stream->time_base,
                                      (AVRational){1, frame->sample_rate}) -
                         av_rescale(reader.zero_us, frame->sample_rate, 1000000);
        }
        mel_grow(&out->samples, &capacity,
                 (size_t)(out->count + frame->nb_samples) * (size_t)out->channels,
                 sizeof *out->samples);
        for (int i = 0; i < frame->nb_samples; i++)
            for (int channel = 0; channel < out->channels; channel++)
                out->samples[(out->count + i) * out->channels + channel] =
                    get_sample(frame, i, channel);
        out->count += frame->nb_samples;
    }
    reader_close(&reader);
}

void media_fixture_free_sound(WholeSound *sound)
{
    free(sound->samples);
    *sound = (WholeSound){0};
}

static uint64_t hash_frame(const AVFrame *frame)
{
    uint64_t hash = 0xcbf29ce484222325U;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    for (int plane = 0; plane < av_pix_fmt_count_planes(frame->format); plane++) {
        int bytes = av_image_get_linesize(frame->format, frame->width, plane);
        int height = plane ? AV_CEIL_RSHIFT(frame->height, format->log2_chroma_h) : frame->height;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < bytes; x++)
                hash = (hash ^ frame->data[plane][y * frame->linesize[plane] + x]) * 0x100000001b3U;
    }
    return hash;
}

size_t media_fixture_decode_frames(const char *path, WholeFrame **out)
{
    Reader reader;
    size_t count = 0, capacity = 0;
    *out = NULL;
    reader_open(&reader, path, AVMEDIA_TYPE_VIDEO);
    while (reader_next(&reader)) {
        const AVFrame *frame = reader.frame;
        if (frame->best_effort_timestamp == AV_NOPTS_VALUE) continue;
        mel_grow(out, &capacity, count + 1, sizeof **out);
        (*out)[count++] =
            (WholeFrame){.time_us = av_rescale_q(frame->best_effort_timestamp,
                                                 reader.stream->time_base, AV_TIME_BASE_Q) -
                                    reader.zero_us,
                         .hash = hash_frame(frame),
                         .number = av_pix_fmt_desc_get(frame->format)->comp[0].depth > 8
                                       ? -1
                                       : media_fixture_number(frame->data[0], frame->linesize[0],
                                                              frame->width, frame->height)};
    }
    reader_close(&reader);
    return count;
}
