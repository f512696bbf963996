/* SPDX-License-Identifier: Apache-2.0
 *
 * Stamps to sample positions.
 *
 * Decoders give frames of known sizes without holes, so counting samples is exact where stamps are
 * not: WebM rounds to milliseconds, MPEG-TS to 1/90000 s. A counter needs a beginning, though, and
 * after a seek that is a rounded stamp. Codecs help: frames start at multiples of a step (AAC:
 * 1024 samples, Opus: 2.5 ms, Vorbis: what its two block sizes allow) from the stream's beginning,
 * so a stamp is moved to the nearest such place when that lies within its rounding. */
#include "curator/cut_internal.h"

#include <stdlib.h>

/* Hostile stamps can be anything: positions are kept where sums of a few cannot overflow. */
static const int64_t POSITION_MAX = INT64_MAX / 8;

static int64_t samples_of(const SampleClock *clock, int64_t stamp)
{
    int64_t samples = av_rescale_q(stamp, clock->base, (AVRational){1, clock->rate_hz});
    if (samples > POSITION_MAX) samples = POSITION_MAX;
    if (samples < -POSITION_MAX) samples = -POSITION_MAX;
    return samples - clock->zero;
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Vorbis I, 4.2.2: the identification header's byte 28 holds both block sizes as exponents; a frame
 * has a quarter of the sum of its own and the previous block. */
static int64_t vorbis_step(const AVCodecParameters *par)
{
    /* Extradata is Xiph-laced or length-prefixed; either way the first header follows soon. */
    for (int i = 0; i + 28 < par->extradata_size && i < 16; i++) {
        const uint8_t *header = par->extradata + i;
        if (header[0] != 1 || header[1] != 'v' || header[2] != 'o' || header[3] != 'r') continue;
        int64_t small = 1LL << (header[28] & 15), large = 1LL << (header[28] >> 4);
        return gcd(gcd(small / 2, large / 2), (small + large) / 4);
    }
    return 0;
}

static int64_t step_of(const AVCodecParameters *par, const AVFrame *frame)
{
    switch (par->codec_id) {
    case AV_CODEC_ID_OPUS:
        return frame->sample_rate / 400;
    case AV_CODEC_ID_VORBIS:
        return vorbis_step(par);
    case AV_CODEC_ID_AAC:
    case AV_CODEC_ID_AAC_LATM:
    case AV_CODEC_ID_MP3:
    case AV_CODEC_ID_MP2:
    case AV_CODEC_ID_AC3:
    case AV_CODEC_ID_EAC3:
    case AV_CODEC_ID_FLAC:
        return frame->nb_samples;
    default:
        return 0;
    }
}

/* Where the stream's first frame starts. OpusHead's pre-skip is exact where the first stamp of a
 * WebM file is rounded. */
static int64_t anchor_of(const SampleClock *clock, const Media *media)
{
    AVStream *stream = media->stream[MEDIA_SOUND];
    const AVCodecParameters *par = stream->codecpar;
    const AVIndexEntry *entry = avformat_index_get_entry(stream, 0);
    int64_t first = 0;
    if (stream->start_time != AV_NOPTS_VALUE)
        first = samples_of(clock, stream->start_time);
    else if (entry)
        first = samples_of(clock, entry->timestamp);
    if (par->codec_id == AV_CODEC_ID_OPUS && par->extradata_size >= 12) {
        int64_t pre_skip = par->extradata[10] | par->extradata[11] << 8;
        if (llabs(first + pre_skip) <= clock->snap) return -pre_skip;
    }
    return first;
}

void sample_clock_start(SampleClock *clock, const Media *media, const AVFrame *first)
{
    const AVStream *stream = media->stream[MEDIA_SOUND];
    *clock = (SampleClock){.rate_hz = first->sample_rate, .base = stream->time_base};
    clock->next = INT64_MIN;
    clock->zero = av_rescale(media->zero_us, clock->rate_hz, 1000000);
    if (llabs(clock->zero) > POSITION_MAX) clock->zero = 0;
    int64_t unit = av_rescale_q_rnd(1, clock->base, (AVRational){1, clock->rate_hz}, AV_ROUND_UP);
    clock->snap = unit + 1;
    clock->jitter = 2 * unit + 1 > clock->rate_hz / 1000 ? 2 * unit + 1 : clock->rate_hz / 1000;
    int64_t ticks = (int64_t)clock->rate_hz * clock->base.num;
    if (ticks > 0 && clock->base.den % ticks == 0) return; /* stamps are exact */
    clock->step = step_of(stream->codecpar, first);
    if (clock->step > 0) clock->anchor = anchor_of(clock, media);
}

/* The nearest place where a frame can start, if that is within the rounding. */
static int64_t snapped(const SampleClock *clock, int64_t position)
{
    if (clock->step <= 0) return position;
    int64_t offset = position - clock->anchor;
    int64_t k = (offset + (offset >= 0 ? clock->step / 2 : -(clock->step / 2))) / clock->step;
    int64_t place = clock->anchor + k * clock->step;
    return llabs(place - position) <= clock->snap ? place : position;
}

int64_t sample_clock_place(SampleClock *clock, const AVFrame *frame)
{
    int64_t stamp = frame->best_effort_timestamp, position = clock->next;
    if (stamp != AV_NOPTS_VALUE) {
        int64_t said = samples_of(clock, stamp);
        if (clock->next == INT64_MIN || llabs(said - clock->next) > clock->jitter)
            position = snapped(clock, said);
    }
    if (position == INT64_MIN) return position; /* no stamp and nothing before: nowhere */
    clock->next = position + frame->nb_samples;
    return position;
}
