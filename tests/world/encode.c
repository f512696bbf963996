/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/encode.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One stream on its way into the file. */
typedef struct Track {
    AVCodecContext *codec;
    AVStream *stream;
    AVFrame *frame;
    int64_t next; /* frames of picture, samples of sound */
} Track;

typedef struct Encoder {
    const EncodeOptions *options;
    const char *path;
    AVFormatContext *format;
    AVPacket *packet;
    Track picture, sound;
    struct SwsContext *scaler;
    uint8_t **samples; /* the whole sound as the codec wants it */
    int64_t sample_count;
} Encoder;

static const char *const packaging_ids[PACK_COUNT] = {
    "mp4-faststart", "mp4-moov-last", "mp4-fragmented", "webm-cues-last", "webm-cues-first",
};

bool mel_packaging_is_webm(Packaging packaging)
{
    return packaging == PACK_WEBM_TAIL || packaging == PACK_WEBM_FRONT;
}

const char *mel_packaging_id(Packaging packaging)
{
    return packaging_ids[packaging];
}

static bool av_failed(Err *err, int code, const char *path, const char *what)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof text);
    return mel_err(err, ERR_MEDIA, "cannot %s '%s': %s", what, path, text);
}

/* ---- opening ---- */

static bool open_codec(Encoder *e, Track *track, const char *name, AVDictionary **settings,
                       Err *err)
{
    if (e->format->oformat->flags & AVFMT_GLOBALHEADER)
        track->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    track->codec->thread_count = 1;
    int code = avcodec_open2(track->codec, NULL, settings);
    av_dict_free(settings);
    if (code < 0) return av_failed(err, code, name, "open the encoder");
    track->stream = avformat_new_stream(e->format, NULL);
    track->frame = av_frame_alloc();
    if (!track->stream || !track->frame) return mel_err(err, ERR_NOMEM, "no memory for a stream");
    code = avcodec_parameters_from_context(track->stream->codecpar, track->codec);
    if (code < 0) return av_failed(err, code, name, "describe the stream of");
    track->stream->time_base = track->codec->time_base;
    return true;
}

static bool new_codec(Track *track, const char *name, Err *err)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec) {
        mel_err(err, ERR_NOT_FOUND, "libavcodec has no encoder '%s'", name);
        return mel_err_hint(err, "install a build of FFmpeg with it");
    }
    track->codec = avcodec_alloc_context3(codec);
    return track->codec || mel_err(err, ERR_NOMEM, "no memory for the encoder '%s'", name);
}

static void describe_picture(AVCodecContext *codec, const EncodeOptions *options)
{
    codec->width = options->width;
    codec->height = options->height;
    codec->pix_fmt = AV_PIX_FMT_YUV420P;
    codec->time_base = (AVRational){options->fps_den, options->fps_num};
    codec->framerate = (AVRational){options->fps_num, options->fps_den};
    codec->gop_size = options->gop_frames;
    codec->color_range = AVCOL_RANGE_MPEG;
    codec->colorspace = AVCOL_SPC_BT709;
    codec->color_primaries = AVCOL_PRI_BT709;
    codec->color_trc = AVCOL_TRC_BT709;
}

static bool open_picture(Encoder *e, Err *err)
{
    const EncodeOptions *options = e->options;
    bool webm = mel_packaging_is_webm(options->packaging);
    const char *name = webm ? "libvpx-vp9" : "libx264";
    if (!new_codec(&e->picture, name, err)) return false;
    AVCodecContext *codec = e->picture.codec;
    describe_picture(codec, options);
    AVDictionary *settings = NULL;
    if (webm) {
        double fps = (double)options->fps_num / options->fps_den;
        codec->bit_rate = (int64_t)(0.09 * options->width * options->height * fps * options->bits);
        av_dict_set(&settings, "deadline", "realtime", 0);
        av_dict_set(&settings, "cpu-used", "8", 0);
        av_dict_set(&settings, "lag-in-frames", "0", 0);
    } else {
        codec->max_b_frames = options->b_frames ? 2 : 0;
        av_dict_set(&settings, "preset", "superfast", 0);
        av_dict_set_int(&settings, "crf", lround(23 - 6 * log2(options->bits)), 0);
    }
    if (!open_codec(e, &e->picture, name, &settings, err)) return false;
    e->picture.stream->avg_frame_rate = codec->framerate;
    AVFrame *frame = e->picture.frame;
    frame->width = codec->width;
    frame->height = codec->height;
    frame->format = codec->pix_fmt;
    frame->color_range = codec->color_range;
    frame->colorspace = codec->colorspace;
    if (av_frame_get_buffer(frame, 0) < 0) return mel_err(err, ERR_NOMEM, "no memory for a frame");
    e->scaler =
        sws_getContext(codec->width, codec->height, AV_PIX_FMT_BGR0, codec->width, codec->height,
                       AV_PIX_FMT_YUV420P, SWS_FAST_BILINEAR, NULL, NULL, NULL);
    if (!e->scaler) return mel_err(err, ERR_NOMEM, "no memory for the colour conversion");
    const int *bt709 = sws_getCoefficients(SWS_CS_ITU709);
    sws_setColorspaceDetails(e->scaler, bt709, 1, bt709, 0, 0, 1 << 16, 1 << 16);
    return true;
}

/* The whole sound in the codec's rate and sample format. */
static bool convert_sound(Encoder *e, const Recording *sound, Err *err)
{
    AVCodecContext *codec = e->sound.codec;
    SwrContext *resampler = NULL;
    bool ok = false;
    const uint8_t *in[1] = {(const uint8_t *)sound->samples};
    int room = (int)(av_rescale(sound->n, codec->sample_rate, SYNTH_RATE_HZ) + 4096), line = 0;
    int code =
        swr_alloc_set_opts2(&resampler, &codec->ch_layout, codec->sample_fmt, codec->sample_rate,
                            &codec->ch_layout, AV_SAMPLE_FMT_FLT, SYNTH_RATE_HZ, 0, NULL);
    if (code >= 0) code = swr_init(resampler);
    if (code >= 0)
        code =
            av_samples_alloc_array_and_samples(&e->samples, &line, 2, room, codec->sample_fmt, 0);
    if (code >= 0) code = swr_convert(resampler, e->samples, room, in, (int)sound->n);
    if (code >= 0) {
        int bytes = av_get_bytes_per_sample(codec->sample_fmt), planes = 1, step = 2 * bytes;
        if (av_sample_fmt_is_planar(codec->sample_fmt)) planes = 2, step = bytes;
        uint8_t *rest[2] = {NULL, NULL};
        for (int i = 0; i < planes; i++)
            rest[i] = e->samples[i] + (ptrdiff_t)code * step;
        e->sample_count = code;
        code = swr_convert(resampler, rest, room - code, NULL, 0);
    }
    if (code >= 0) {
        e->sample_count += code;
        ok = true;
    } else {
        av_failed(err, code, e->path, "resample the sound of");
    }
    swr_free(&resampler);
    return ok;
}

static bool open_sound(Encoder *e, const Recording *sound, Err *err)
{
    bool webm = mel_packaging_is_webm(e->options->packaging);
    const char *name = webm ? "libopus" : "aac";
    if (!new_codec(&e->sound, name, err)) return false;
    AVCodecContext *codec = e->sound.codec;
    codec->sample_rate = webm ? SYNTH_RATE_HZ : e->options->sound_rate_hz;
    codec->sample_fmt = webm ? AV_SAMPLE_FMT_FLT : AV_SAMPLE_FMT_FLTP;
    codec->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
    codec->bit_rate = webm ? 112000 : 144000;
    codec->time_base = (AVRational){1, codec->sample_rate};
    AVDictionary *settings = NULL;
    if (!webm) av_dict_set(&settings, "aac_coder", "fast", 0);
    if (!open_codec(e, &e->sound, name, &settings, err)) return false;
    return convert_sound(e, sound, err);
}

static bool open_file(Encoder *e, Err *err)
{
    const EncodeOptions *options = e->options;
    AVDictionary *settings = NULL;
    switch (options->packaging) {
    case PACK_MP4_FASTSTART:
        av_dict_set(&settings, "movflags", "+faststart", 0);
        break;
    case PACK_MP4_FRAGMENTED:
        av_dict_set(&settings, "movflags", "+frag_keyframe+delay_moov+dash+global_sidx", 0);
        break;
    case PACK_WEBM_FRONT:
        av_dict_set(&settings, "cues_to_front", "1", 0);
        break;
    default:
        break;
    }
    av_dict_set(&e->format->metadata, "title", options->title, 0);
    av_dict_set(&e->format->metadata, "artist", options->artist, 0);
    e->format->flags |= AVFMT_FLAG_BITEXACT; /* no random segment UID */
    int code = avio_open(&e->format->pb, e->path, AVIO_FLAG_WRITE);
    if (code >= 0) code = avformat_write_header(e->format, &settings);
    av_dict_free(&settings);
    return code >= 0 || av_failed(err, code, e->path, "begin");
}

/* ---- writing ---- */

/* Sends one frame (NULL at the end) and writes the packets that come out. */
static bool encode_frame(Encoder *e, Track *track, AVFrame *frame, Err *err)
{
    int code = avcodec_send_frame(track->codec, frame);
    while (code >= 0) {
        code = avcodec_receive_packet(track->codec, e->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return true;
        if (code < 0) break;
        av_packet_rescale_ts(e->packet, track->codec->time_base, track->stream->time_base);
        e->packet->stream_index = track->stream->index;
        code = av_interleaved_write_frame(e->format, e->packet);
    }
    return av_failed(err, code, e->path, "write to");
}

static bool write_picture(Encoder *e, const PictureSource *picture, double t_s, Err *err)
{
    AVFrame *frame = e->picture.frame;
    ptrdiff_t stride = 0;
    const uint8_t *pixels = picture->frame(picture->ctx, t_s, &stride);
    if (av_frame_make_writable(frame) < 0) return mel_err(err, ERR_NOMEM, "no memory for a frame");
    const uint8_t *const planes[1] = {pixels};
    const int strides[1] = {(int)stride};
    sws_scale(e->scaler, planes, strides, 0, frame->height, frame->data, frame->linesize);
    frame->pts = e->picture.next++;
    return encode_frame(e, &e->picture, frame, err);
}

static bool write_sound_block(Encoder *e, int n, Err *err)
{
    AVCodecContext *codec = e->sound.codec;
    AVFrame *frame = e->sound.frame;
    av_frame_unref(frame);
    frame->nb_samples = n;
    frame->format = codec->sample_fmt;
    frame->sample_rate = codec->sample_rate;
    int code = av_channel_layout_copy(&frame->ch_layout, &codec->ch_layout);
    if (code >= 0) code = av_frame_get_buffer(frame, 0);
    if (code < 0) return av_failed(err, code, e->path, "write the sound of");
    av_samples_copy(frame->data, e->samples, 0, (int)e->sound.next, n, 2, codec->sample_fmt);
    frame->pts = e->sound.next + llround(e->options->sound_delay_s * codec->sample_rate);
    e->sound.next += n;
    return encode_frame(e, &e->sound, frame, err);
}

/* All sound that begins before t_s. */
static bool write_sound_until(Encoder *e, double t_s, Err *err)
{
    AVCodecContext *codec = e->sound.codec;
    double until = (t_s - e->options->sound_delay_s) * codec->sample_rate;
    while (e->sound.next < e->sample_count && (double)e->sound.next < until) {
        int64_t left = e->sample_count - e->sound.next;
        int n = left < codec->frame_size ? (int)left : codec->frame_size;
        if (!write_sound_block(e, n, err)) return false;
    }
    return true;
}

static bool write_all(Encoder *e, const PictureSource *picture, bool has_sound, Err *err)
{
    const EncodeOptions *options = e->options;
    double frame_s = (double)options->fps_den / options->fps_num;
    int64_t frames = llround(options->seconds / frame_s);
    for (int64_t i = 0; i < frames; i++) {
        if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
        if (!write_picture(e, picture, (double)i * frame_s, err)) return false;
        if (has_sound && !write_sound_until(e, (double)(i + 1) * frame_s, err)) return false;
    }
    if (!encode_frame(e, &e->picture, NULL, err)) return false;
    if (has_sound && !write_sound_until(e, HUGE_VAL, err)) return false;
    if (has_sound && !encode_frame(e, &e->sound, NULL, err)) return false;
    int code = av_write_trailer(e->format);
    return code >= 0 || av_failed(err, code, e->path, "finish");
}

static bool close_file(Encoder *e, Err *err)
{
    if (!e->format || !e->format->pb) return true;
    int code = avio_closep(&e->format->pb);
    return code >= 0 || av_failed(err, code, e->path, "close");
}

static void close_track(Track *track)
{
    avcodec_free_context(&track->codec);
    av_frame_free(&track->frame);
}

bool mel_encode(const char *path, const EncodeOptions *options, const PictureSource *picture,
                const Recording *sound, Err *err)
{
    bool ok = false;
    Encoder e = {.options = options, .path = path};
    const char *muxer = mel_packaging_is_webm(options->packaging) ? "webm" : "mp4";
    int code = avformat_alloc_output_context2(&e.format, NULL, muxer, path);
    e.packet = av_packet_alloc();
    if (code < 0 || !e.packet) {
        mel_err(err, ERR_NOMEM, "no memory to write '%s'", path);
        goto out;
    }
    if (!open_picture(&e, err)) goto out;
    if (sound && !open_sound(&e, sound, err)) goto out;
    if (!open_file(&e, err)) goto out;
    ok = write_all(&e, picture, sound != NULL, err);
out:
    ok = close_file(&e, err) && ok;
    if (!ok) unlink(path);
    if (e.samples) av_freep(&e.samples[0]);
    av_freep(&e.samples);
    sws_freeContext(e.scaler);
    close_track(&e.picture);
    close_track(&e.sound);
    av_packet_free(&e.packet);
    avformat_free_context(e.format);
    return ok;
}
