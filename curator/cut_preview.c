/* SPDX-License-Identifier: Apache-2.0
 *
 * The preview: every picture of the span as its own JPEG in Matroska, so that a scrubbing player
 * jumps anywhere without decoding what lies before. Stamps are milliseconds from the clip's start,
 * Matroska's usual scale. */
#include "curator/cut_internal.h"

#include <errno.h>
#include <libswscale/swscale.h>
#include <stdlib.h>

enum { WIDTH_MAX = 8192, QUALITY_DEFAULT = 80 };

struct Preview {
    const CutRequest *request;
    MediaWriter writer;
    AVFormatContext *muxer;
    AVPacket *packet;
    Scaler scaler;
    JpegWriter jpeg;
    Planes planes;
    bool begun;
    int32_t frames;
    int64_t last_ms;
};

static bool failed(const Preview *preview, Err *err)
{
    if (preview->writer.write_errno) {
        errno = preview->writer.write_errno;
        return mel_err_errno(err, "cannot write the preview");
    }
    return mel_err(err, ERR_MEDIA, "cannot write the preview");
}

bool preview_open(const CutRequest *request, int fd, Preview **out, Err *err)
{
    Preview *preview = *out = mel_alloc(sizeof *preview);
    preview->request = request;
    preview->last_ms = INT64_MIN;
    preview->packet = av_packet_alloc();
    if (!preview->packet ||
        avformat_alloc_output_context2(&preview->muxer, NULL, "matroska", NULL) < 0)
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for the preview");
    return media_writer_open(&preview->writer, fd, err);
}

static int even(double x)
{
    int rounded = (int)(x / 2 + 0.5) * 2;
    return rounded < 2 ? 2 : rounded;
}

/* The size is that of the first picture, in square pixels, never larger than the picture. */
static bool begin(Preview *preview, const AVFrame *frame, AVRational aspect, Err *err)
{
    double ratio = aspect.num > 0 && aspect.den > 0 ? av_q2d(aspect) : 1;
    if (ratio < 0.25 || ratio > 4) ratio = 1;
    int height = preview->request->preview_height;
    if (height > frame->height) height = frame->height / 2 * 2;
    if (height < 2) height = 2;
    double width = (double)frame->width * ratio * height / frame->height;
    if (!planes_alloc(&preview->planes, even(width < WIDTH_MAX ? width : WIDTH_MAX), height, err))
        return false;
    AVFormatContext *muxer = preview->muxer;
    AVStream *stream = avformat_new_stream(muxer, NULL);
    if (!stream) return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for the preview");
    muxer->pb = preview->writer.avio;
    muxer->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
    stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
    stream->codecpar->codec_id = AV_CODEC_ID_MJPEG;
    stream->codecpar->width = preview->planes.width;
    stream->codecpar->height = preview->planes.height;
    stream->codecpar->format = AV_PIX_FMT_YUVJ420P;
    stream->time_base = (AVRational){1, 1000};
    preview->begun = true;
    AVDictionary *options = NULL;
    av_dict_set(&options, "write_crc32", "0", 0); /* the file has a SHA-256 beside it */
    int code = avformat_write_header(muxer, &options);
    av_dict_free(&options);
    return code >= 0 || failed(preview, err);
}

bool preview_add(Preview *preview, const Picture *picture, AVRational aspect, Err *err)
{
    const CutRequest *request = preview->request;
    if (!preview->begun && !begin(preview, picture->frame, aspect, err)) return false;
    int quality = request->preview_quality ? request->preview_quality : QUALITY_DEFAULT;
    /* Area averaging is the better picture, and the faster way too for small steps; reading every
     * pixel of large pictures is not worth it for scrubbing. */
    bool large_step = picture->frame->height > 2 * preview->planes.height;
    int scaling = large_step ? SWS_FAST_BILINEAR : SWS_AREA;
    if (!scaler_run(&preview->scaler, picture->frame, scaling, &preview->planes, err) ||
        !jpeg_encode(&preview->jpeg, &preview->planes, quality, true, err))
        return false;
    int64_t time_us = picture->time_us - request->start_us;
    int64_t time_ms = time_us > 0 ? (time_us + 500) / 1000 : 0;
    if (time_ms < preview->last_ms) time_ms = preview->last_ms;
    preview->last_ms = time_ms;
    AVPacket *packet = preview->packet;
    packet->data = preview->jpeg.bytes;
    packet->size = (int)preview->jpeg.length;
    packet->pts = packet->dts =
        av_rescale_q(time_ms, (AVRational){1, 1000}, preview->muxer->streams[0]->time_base);
    packet->flags = AV_PKT_FLAG_KEY;
    packet->stream_index = 0;
    int code = av_write_frame(preview->muxer, packet);
    av_packet_unref(packet);
    preview->frames++;
    return code >= 0 || failed(preview, err);
}

bool preview_finish(Preview *preview, CutResult *result, Err *err)
{
    if (!preview->begun) return true;
    if (av_write_trailer(preview->muxer) < 0) return failed(preview, err);
    avio_flush(preview->writer.avio);
    if (preview->writer.write_errno) return failed(preview, err);
    result->preview_width = preview->planes.width;
    result->preview_height = preview->planes.height;
    result->preview_frames = preview->frames;
    result->preview_bytes = preview->writer.size;
    return true;
}

void preview_free(Preview *preview)
{
    if (!preview) return;
    avformat_free_context(preview->muxer);
    media_writer_close(&preview->writer);
    av_packet_free(&preview->packet);
    scaler_clear(&preview->scaler);
    jpeg_clear(&preview->jpeg);
    planes_free(&preview->planes);
    free(preview);
}
