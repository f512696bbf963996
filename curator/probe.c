/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/media.h"

#include <stdio.h>
#include <string.h>

static void describe(const Media *media, ProbeResult *result)
{
    const AVStream *sound = media->stream[MEDIA_SOUND], *picture = media->stream[MEDIA_PICTURE];
    memset(result, 0, sizeof *result);
    result->duration_us = media_duration_us(media);
    if (media->format->start_time != AV_NOPTS_VALUE)
        result->start_us = media->format->start_time - media->zero_us;
    media_container_name(media, result->container, sizeof result->container);
    if (sound) {
        result->has_audio = 1;
        result->sample_rate_hz = sound->codecpar->sample_rate;
        result->channels = sound->codecpar->ch_layout.nb_channels;
        snprintf(result->audio_codec, sizeof result->audio_codec, "%s",
                 avcodec_get_name(sound->codecpar->codec_id));
    }
    if (picture) {
        result->has_video = 1;
        result->width = picture->codecpar->width;
        result->height = picture->codecpar->height;
        snprintf(result->video_codec, sizeof result->video_codec, "%s",
                 avcodec_get_name(picture->codecpar->codec_id));
    }
}

bool mel_probe(int fd, ProbeResult *result, Err *err)
{
    Media media = {0};
    bool ok = media_open(&media, fd, NULL, err);
    if (ok) describe(&media, result);
    media_close(&media);
    return ok;
}
