/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening untrusted media: which containers and codecs are let in, and the limits on what a header
 * may claim. */
#include "curator/media.h"

#include <libavutil/avstring.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <string.h>

static const char containers[] = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,wav,w64,aiff,caf,flac,mp3,"
                                 "ogg,aac,mpegts,mpeg,avi,flv,asf";

/* Formats whose data is names of other files. */
static const char playlists[] = "hls,applehttp,concat,dash,sdp,rtsp,rtp,imf,webm_dash_manifest,"
                                "image2,image2pipe,vapoursynth,avisynth";

static const char decoders[] =
    "h264,hevc,vp8,vp9,libdav1d,mpeg1video,mpeg2video,mpeg4,msmpeg4,msmpeg4v2,h263,flv,mjpeg,png,"
    "theora,vc1,wmv1,wmv2,wmv3,prores,dnxhd,ffv1,aac,aac_latm,mp3float,mp3,mp2float,mp2,mp1float,"
    "mp1,opus,libopus,vorbis,flac,alac,ac3,eac3,wmav1,wmav2,wmapro,adpcm_ms,adpcm_ima_wav,"
    "adpcm_ima_qt,pcm_s8,pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"
    "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw";

/* Formats where libav's clock starts anywhere, or (mp3) counts the encoder's delay. */
static const char floating_clocks[] = "mpegts,mpeg,mp3,aac";

/* Formats without an index or exact stamps in the stream: a seek lands where a guess says. */
static const char unseekable[] = "mp3,aac";

static const int64_t DURATION_MAX_US = 31LL * 24 * 3600 * 1000000;
static const int64_t PROBE_BYTES = 5 * 1000 * 1000;
static const int64_t ANALYZE_US = 5 * 1000 * 1000;
enum { PROBE_FORMAT_BYTES = 1 << 20, HEADER_STREAMS_MAX = 1000 };

static int refuse_to_open(AVFormatContext *format, AVIOContext **out, const char *url, int flags,
                          AVDictionary **options)
{
    (void)format, (void)out, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

bool media_error(const Media *media, int code, const char *what, Err *err)
{
    if (media->io.missing_offset >= 0) {
        mel_err_reason(err, ERR_MEDIA, "media.missing_bytes", "%s: byte %lld is not there yet",
                       what, (long long)media->io.missing_offset);
        return false;
    }
    if (media->io.read_errno)
        return mel_err_reason(err, ERR_IO, "media.open", "%s: reading failed: %s", what,
                              strerror(media->io.read_errno));
    if (code == AVERROR(ENOMEM))
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "%s: no memory", what);
    if (media->io.behind_end)
        return mel_err_reason(err, ERR_MEDIA, "media.truncated",
                              "%s: the file ends before its own index does", what);
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof text);
    return mel_err_reason(err, ERR_MEDIA, "media.container", "%s: %s", what, text);
}

static bool is_one_of(const AVInputFormat *format, const char *names)
{
    return av_match_list(format->name, names, ',') != 0;
}

static bool find_container(Media *media, const AVInputFormat **out, Err *err)
{
    const AVInputFormat *found = NULL;
    int code = av_probe_input_buffer2(media->io.avio, &found, "", NULL, 0, PROBE_FORMAT_BYTES);
    if (media->io.missing_offset >= 0) return media_error(media, code, "cannot probe", err);
    if (code < 0 || !found)
        return mel_err_reason(err, ERR_MEDIA, "media.container", "the input is no known container");
    if (is_one_of(found, playlists))
        return mel_err_reason(err, ERR_MEDIA, "media.playlist",
                              "the input is a '%s' playlist, not media", found->name);
    if (!is_one_of(found, containers))
        return mel_err_reason(err, ERR_MEDIA, "media.container",
                              "containers of kind '%s' are not read", found->name);
    *out = found;
    return true;
}

static bool new_context(Media *media, Err *err)
{
    AVFormatContext *format = avformat_alloc_context();
    if (!format) return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory to open media");
    format->pb = media->io.avio;
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    format->io_open = refuse_to_open;
    format->probesize = PROBE_BYTES;
    format->max_analyze_duration = ANALYZE_US;
    format->max_streams = HEADER_STREAMS_MAX;
    /* Looking at the end of a file for its duration is not worth bytes that are not there. */
    format->skip_estimate_duration_from_pts = media->io.ranges != NULL;
    format->protocol_whitelist = av_strdup("none");
    format->codec_whitelist = av_strdup(decoders);
    format->format_whitelist = av_strdup(containers);
    media->format = format;
    if (!format->protocol_whitelist || !format->codec_whitelist || !format->format_whitelist)
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory to open media");
    return true;
}

/* MP4 headers say all that there is to know; asking libav to look again would decode frames. */
static bool header_is_complete(const Media *media)
{
    if (!is_one_of(media->format->iformat, "mov")) return false;
    for (unsigned i = 0; i < media->format->nb_streams; i++) {
        const AVStream *stream = media->format->streams[i];
        const AVCodecParameters *par = stream->codecpar;
        bool sound = par->codec_type == AVMEDIA_TYPE_AUDIO;
        bool picture = par->codec_type == AVMEDIA_TYPE_VIDEO;
        if (!sound && !picture) continue;
        if (par->codec_id == AV_CODEC_ID_NONE) return false;
        if (sound && (par->sample_rate <= 0 || par->ch_layout.nb_channels <= 0)) return false;
        if (picture && (par->width <= 0 || par->height <= 0)) return false;
        bool needs_extra = par->codec_id == AV_CODEC_ID_H264 || par->codec_id == AV_CODEC_ID_HEVC ||
                           par->codec_id == AV_CODEC_ID_AAC;
        if (needs_extra && par->extradata_size <= 0) return false;
    }
    return true;
}

static AVStream *best_stream(const Media *media, enum AVMediaType type, int related)
{
    int index = av_find_best_stream(media->format, type, -1, related, NULL, 0);
    if (index < 0) return NULL;
    AVStream *stream = media->format->streams[index];
    return stream->disposition & AV_DISPOSITION_ATTACHED_PIC ? NULL : stream;
}

static bool check_sound(const AVCodecParameters *par, Err *err)
{
    int channels = par->ch_layout.nb_channels;
    if ((par->sample_rate &&
         (par->sample_rate < MEDIA_RATE_MIN_HZ || par->sample_rate > MEDIA_RATE_MAX_HZ)) ||
        channels < 0 || channels > MEDIA_CHANNELS_MAX)
        return mel_err_reason(err, ERR_LIMIT, "media.container",
                              "the header claims sound of %d Hz in %d channels", par->sample_rate,
                              channels);
    return true;
}

static bool check_picture(const AVCodecParameters *par, Err *err)
{
    if (par->width < 0 || par->height < 0 || par->width > MEDIA_SIDE_MAX ||
        par->height > MEDIA_SIDE_MAX ||
        (int64_t)par->width * par->height > (int64_t)MEDIA_PIXELS_MAX)
        return mel_err_reason(err, ERR_LIMIT, "media.dimensions", "the picture is %d x %d",
                              par->width, par->height);
    return true;
}

/* What a header may claim. */
static bool check_claims(const Media *media, Err *err)
{
    if (media->format->nb_streams > MEDIA_STREAMS_MAX)
        return mel_err_reason(err, ERR_LIMIT, "media.streams",
                              "the file has %u streams, the limit is %d", media->format->nb_streams,
                              MEDIA_STREAMS_MAX);
    const AVStream *sound = media->stream[MEDIA_SOUND], *picture = media->stream[MEDIA_PICTURE];
    if (sound && !check_sound(sound->codecpar, err)) return false;
    if (picture && !check_picture(picture->codecpar, err)) return false;
    int64_t duration_us = media_duration_us(media);
    if (duration_us > DURATION_MAX_US)
        return mel_err_reason(err, ERR_LIMIT, "media.duration",
                              "the file claims to last %lld hours",
                              (long long)(duration_us / 1000000 / 3600));
    return true;
}

/* Asked at once: when reading does not begin at the start, libav takes the first packet that it
 * meets for the start of a fragmented file's streams. */
static int64_t claimed_end(const Media *media, int kind)
{
    const AVStream *stream = media->stream[kind];
    if (!stream || stream->duration <= 0 || !is_one_of(media->format->iformat, "mov,wav"))
        return AV_NOPTS_VALUE;
    int64_t begin = stream->start_time != AV_NOPTS_VALUE ? stream->start_time : 0, end;
    return __builtin_add_overflow(begin, stream->duration, &end) ? AV_NOPTS_VALUE : end;
}

bool media_open(Media *media, int fd, const CutInput *input, Err *err)
{
    const AVInputFormat *container = NULL;
    av_log_set_level(AV_LOG_QUIET);
    if (!media_io_open(&media->io, fd, input, err)) return false;
    if (!find_container(media, &container, err) || !new_context(media, err)) return false;
    int code = avformat_open_input(&media->format, "", container, NULL);
    if (code < 0) return media_error(media, code, "cannot open the container", err);
    if (media->format->nb_streams > MEDIA_STREAMS_MAX) return check_claims(media, err);
    if (!header_is_complete(media)) {
        code = avformat_find_stream_info(media->format, NULL);
        if (code < 0 || media->io.missing_offset >= 0)
            return media_error(media, code, "cannot read the streams", err);
    }
    AVStream *picture = best_stream(media, AVMEDIA_TYPE_VIDEO, -1);
    media->stream[MEDIA_PICTURE] = picture;
    media->stream[MEDIA_SOUND] =
        best_stream(media, AVMEDIA_TYPE_AUDIO, picture ? picture->index : -1);
    media->linear = is_one_of(container, unseekable);
    for (int kind = 0; kind < MEDIA_KINDS; kind++)
        media->end_stamp[kind] = claimed_end(media, kind);
    if (is_one_of(container, floating_clocks) && media->format->start_time != AV_NOPTS_VALUE)
        media->zero_us = media->format->start_time;
    return check_claims(media, err);
}

void media_select(Media *media, bool sound, bool picture)
{
    if (!sound) media->stream[MEDIA_SOUND] = NULL;
    if (!picture) media->stream[MEDIA_PICTURE] = NULL;
    for (unsigned i = 0; i < media->format->nb_streams; i++)
        media->format->streams[i]->discard = AVDISCARD_ALL;
    for (int kind = 0; kind < MEDIA_KINDS; kind++)
        if (media->stream[kind]) media->stream[kind]->discard = AVDISCARD_DEFAULT;
}

void media_close(Media *media)
{
    avformat_close_input(&media->format);
    media_io_close(&media->io);
}

int64_t media_duration_us(const Media *media)
{
    const AVFormatContext *format = media->format;
    bool said = format->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE;
    if (said && format->duration > 0) return format->duration;
    int64_t longest = -1;
    for (int kind = 0; kind < MEDIA_KINDS; kind++) {
        int64_t end_us = media->stream[kind] ? media_stream_end_us(media, kind) : -1;
        if (end_us > longest) longest = end_us;
    }
    return longest;
}

int64_t media_stream_end_us(const Media *media, MediaKind kind)
{
    int64_t end = media->stream[kind] ? media->end_stamp[kind] : AV_NOPTS_VALUE;
    return end == AV_NOPTS_VALUE ? -1 : media_time_us(media, kind, end);
}

int64_t media_time_us(const Media *media, MediaKind kind, int64_t stamp)
{
    int64_t time_us = av_rescale_q(stamp, media->stream[kind]->time_base, AV_TIME_BASE_Q), shifted;
    return __builtin_sub_overflow(time_us, media->zero_us, &shifted) ? time_us : shifted;
}

void media_container_name(const Media *media, char *name, size_t size)
{
    const char *all = media->format->iformat->name;
    snprintf(name, size, "%.*s", (int)strcspn(all, ","), all);
}
