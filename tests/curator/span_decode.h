/* SPDX-License-Identifier: Apache-2.0
 *
 * Decodes a span of a file with libav, from the bytes that are said to be there and no others:
 * a read of anything else fails. For tests of plans; included by one program. */
#ifndef MEL_TESTS_SPAN_DECODE_H
#define MEL_TESTS_SPAN_DECODE_H

#include "curator/cut.h"
#include "tests/support/test.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>

#include <unistd.h>

typedef struct SpanDecode {
    int64_t frames, samples;         /* presented inside the span */
    uint64_t frame_hash, sound_hash; /* of their times and contents */
    int64_t missing_offset;          /* first byte asked for that was not there; -1 = none */
} SpanDecode;

typedef struct PartialFile {
    int fd;
    const CutInput *input; /* range_count 0 = everything is there */
    int64_t position, missing_offset;
} PartialFile;

static int64_t partial_there(const PartialFile *file)
{
    const CutInput *input = file->input;
    if (input->range_count == 0) return input->size - file->position;
    for (int32_t i = 0; i < input->range_count; i++) {
        const ByteRange *range = &input->ranges[i];
        if (file->position >= range->offset && file->position < range->offset + range->length)
            return range->offset + range->length - file->position;
    }
    return 0;
}

static int partial_read(void *opaque, uint8_t *out, int n)
{
    PartialFile *file = opaque;
    if (file->position >= file->input->size) return AVERROR_EOF;
    int64_t there = partial_there(file);
    if (there == 0) {
        if (file->missing_offset < 0) file->missing_offset = file->position;
        return AVERROR(EIO);
    }
    ssize_t got = pread(file->fd, out, there < n ? (size_t)there : (size_t)n, file->position);
    if (got <= 0) return AVERROR_EOF;
    file->position += got;
    return (int)got;
}

static int64_t partial_seek(void *opaque, int64_t offset, int whence)
{
    PartialFile *file = opaque;
    if (whence & AVSEEK_SIZE) return file->input->size;
    if (whence == SEEK_CUR) offset += file->position;
    if (whence == SEEK_END) offset += file->input->size;
    if (offset < 0) return AVERROR(EINVAL);
    return file->position = offset;
}

static void hash_bytes(uint64_t *hash, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++)
        *hash = (*hash ^ p[i]) * 1099511628211ULL;
}

static void note_picture(SpanDecode *result, const AVFrame *frame, int64_t time_us)
{
    result->frames++;
    hash_bytes(&result->frame_hash, &time_us, sizeof time_us);
    for (int y = 0; y < frame->height; y += 8)
        hash_bytes(&result->frame_hash, frame->data[0] + y * (ptrdiff_t)frame->linesize[0],
                   (size_t)frame->width);
}

static void note_sound(SpanDecode *result, const AVFrame *frame, int64_t time_us, int64_t start_us,
                       int64_t end_us)
{
    const float *samples = (const float *)(const void *)frame->data[0];
    for (int i = 0; i < frame->nb_samples; i++) {
        int64_t at_us = time_us + av_rescale(i, 1000000, frame->sample_rate);
        if (at_us < start_us || at_us >= end_us) continue;
        int16_t coarse = (int16_t)lrintf(samples[i] * 8192); /* overlap-add settles in pre-roll */
        result->samples++;
        hash_bytes(&result->sound_hash, &coarse, sizeof coarse);
    }
}

typedef struct SpanReader {
    AVFormatContext *format;
    AVCodecContext *decoders[2]; /* by stream index; two streams at most */
    bool past[2];
    int64_t start_us, end_us;
    SpanDecode result;
} SpanReader;

static void drain_decoder(SpanReader *reader, int index, AVFrame *frame)
{
    AVStream *stream = reader->format->streams[index];
    AVRational us = {1, 1000000};
    while (avcodec_receive_frame(reader->decoders[index], frame) == 0) {
        int64_t time_us = av_rescale_q(frame->best_effort_timestamp, stream->time_base, us);
        if (time_us >= reader->end_us) reader->past[index] = true;
        if (stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            note_sound(&reader->result, frame, time_us, reader->start_us, reader->end_us);
        else if (time_us >= reader->start_us && time_us < reader->end_us)
            note_picture(&reader->result, frame, time_us);
        av_frame_unref(frame);
    }
}

static bool all_past(const SpanReader *reader)
{
    for (unsigned i = 0; i < reader->format->nb_streams; i++)
        if (!reader->past[i]) return false;
    return true;
}

static void read_span(SpanReader *reader)
{
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int64_t from_us = reader->start_us > 1000000 ? reader->start_us - 1000000 : 0;
    av_seek_frame(reader->format, -1, from_us, AVSEEK_FLAG_BACKWARD);
    while (!all_past(reader) && av_read_frame(reader->format, packet) == 0) {
        int index = packet->stream_index;
        if (avcodec_send_packet(reader->decoders[index], packet) == 0)
            drain_decoder(reader, index, frame);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    av_frame_free(&frame);
}

static bool open_decoders(SpanReader *reader)
{
    if (reader->format->nb_streams > 2) return false;
    for (unsigned i = 0; i < reader->format->nb_streams; i++) {
        AVCodecParameters *parameters = reader->format->streams[i]->codecpar;
        const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
        reader->decoders[i] = avcodec_alloc_context3(codec);
        avcodec_parameters_to_context(reader->decoders[i], parameters);
        reader->decoders[i]->pkt_timebase = reader->format->streams[i]->time_base;
        reader->decoders[i]->request_sample_fmt = AV_SAMPLE_FMT_FLTP;
        if (avcodec_open2(reader->decoders[i], codec, NULL) < 0) return false;
    }
    return reader->format->nb_streams > 0;
}

/* Decodes [start_us, end_us). False when the file could not be opened. */
static bool decode_span(int fd, const CutInput *input, int64_t start_us, int64_t end_us,
                        SpanDecode *out)
{
    PartialFile file = {.fd = fd, .input = input, .missing_offset = -1};
    SpanReader reader = {.start_us = start_us, .end_us = end_us};
    reader.result.frame_hash = reader.result.sound_hash = 14695981039346656037ULL;
    av_log_set_level(AV_LOG_QUIET);
    AVIOContext *io =
        avio_alloc_context(av_malloc(32768), 32768, 0, &file, partial_read, NULL, partial_seek);
    reader.format = avformat_alloc_context();
    reader.format->pb = io;
    bool ok = avformat_open_input(&reader.format, NULL, NULL, NULL) == 0;
    if (ok) avformat_find_stream_info(reader.format, NULL);
    ok = ok && open_decoders(&reader);
    if (ok) read_span(&reader);
    for (int i = 0; i < 2; i++)
        avcodec_free_context(&reader.decoders[i]);
    avformat_close_input(&reader.format);
    av_freep(&io->buffer);
    avio_context_free(&io);
    reader.result.missing_offset = file.missing_offset;
    *out = reader.result;
    return ok;
}

#endif
