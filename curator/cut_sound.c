/* SPDX-License-Identifier: Apache-2.0
 *
 * The sound of a clip: every decoded frame is put where its time says; what no frame covers is
 * silence, and counted.
 *
 * PCM, FLAC and AAC without perceptual noise substitution come out the same, bit for bit, as from a
 * decode of the whole file: the pre-roll refills the decoder's overlap. With PNS, AAC decoders
 * draw noise from a generator that runs since the stream's start, so bands of noise differ by their
 * noise only; positions are exact all the same. Opus converges within its pre-roll. */
#include "curator/cut_internal.h"

#include <libavutil/intreadwrite.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t SAMPLES_BYTES_MAX = 256U << 20;
static const int64_t CLAIM_SLACK_US = 1000000;

typedef struct Sound {
    const CutRequest *request;
    const Media *media;
    const MediaSpan *span;
    SampleClock clock;
    int64_t start, count;  /* the clip in samples on the container's clock */
    int rate_hz, channels; /* of the clip; 0 until a frame of it was seen */
    int bits;
    float *samples;
    int64_t filled,
        filled_to; /* samples that came from the file; all before filled_to is settled */
    int64_t first; /* the first one that did, -1 = none yet */
    int64_t skip;  /* samples yet to drop, by the container's word */
    int64_t frames;
    SwrContext *swr;
    AVChannelLayout swr_layout;
    int swr_format;
    float *converted;
    size_t converted_capacity;
} Sound;

static bool no_memory(Err *err)
{
    return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for the clip's sound");
}

/* 24 bits for lossless sources of more than 16, else 16. */
static int bits_of(const Media *media, const AVFrame *frame)
{
    const AVCodecParameters *par = media->stream[MEDIA_SOUND]->codecpar;
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get(par->codec_id);
    if (!descriptor || !(descriptor->props & AV_CODEC_PROP_LOSSLESS)) return 16;
    if (av_get_bytes_per_sample(frame->format) <= 2) return 16;
    return par->bits_per_raw_sample > 0 && par->bits_per_raw_sample <= 16 ? 16 : 24;
}

static bool begin_clip(Sound *sound, const AVFrame *frame, Err *err)
{
    int channels = frame->ch_layout.nb_channels;
    sound->rate_hz = frame->sample_rate;
    sound->channels = channels > 2 ? 2 : channels;
    sound->bits = bits_of(sound->media, frame);
    sound->count = av_rescale(sound->request->duration_us, frame->sample_rate, 1000000);
    sound->samples = mel_try_alloc((size_t)sound->count, sizeof(float) * (size_t)sound->channels,
                                   SAMPLES_BYTES_MAX, "the clip's sound", err);
    if (!sound->samples) snprintf(err->reason, sizeof err->reason, "media.memory");
    return sound->samples != NULL;
}

static bool prepare_conversion(Sound *sound, const AVFrame *frame, Err *err)
{
    if (sound->swr && sound->swr_format == frame->format &&
        av_channel_layout_compare(&sound->swr_layout, &frame->ch_layout) == 0)
        return true;
    AVChannelLayout in = {0}, out = {0};
    swr_free(&sound->swr);
    av_channel_layout_uninit(&sound->swr_layout);
    sound->swr_format = frame->format;
    bool ok = av_channel_layout_copy(&sound->swr_layout, &frame->ch_layout) >= 0;
    /* A layout without names is read in the usual order of its count. */
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&in, frame->ch_layout.nb_channels);
    else
        ok = ok && av_channel_layout_copy(&in, &frame->ch_layout) >= 0;
    av_channel_layout_default(&out, sound->channels);
    ok = ok && swr_alloc_set_opts2(&sound->swr, &out, AV_SAMPLE_FMT_FLT, frame->sample_rate, &in,
                                   frame->format, frame->sample_rate, 0, NULL) >= 0;
    /* Mixed channels keep below full scale instead of clipping. */
    if (ok) av_opt_set_double(sound->swr, "rematrix_maxval", 1.0, 0);
    ok = ok && swr_init(sound->swr) >= 0;
    av_channel_layout_uninit(&in);
    av_channel_layout_uninit(&out);
    if (ok) return true;
    return mel_err_reason(err, ERR_MEDIA, "media.codec", "sound in %d channels cannot be mixed",
                          frame->ch_layout.nb_channels);
}

static bool convert(Sound *sound, const AVFrame *frame, Err *err)
{
    if (!prepare_conversion(sound, frame, err)) return false;
    mel_grow(&sound->converted, &sound->converted_capacity,
             (size_t)frame->nb_samples * (size_t)sound->channels, sizeof *sound->converted);
    uint8_t *out[1] = {(uint8_t *)sound->converted};
    int got = swr_convert(sound->swr, out, frame->nb_samples,
                          (const uint8_t **)(uintptr_t)frame->extended_data, frame->nb_samples);
    if (got == frame->nb_samples) return true;
    if (got == AVERROR(ENOMEM)) return no_memory(err);
    return mel_err_reason(err, ERR_MEDIA, "media.damaged", "decoded sound could not be converted");
}

/* Samples [from, to) of the frame lie at clip index `place` + from. */
static bool store(Sound *sound, const AVFrame *frame, int64_t place, int64_t from, int64_t to,
                  Err *err)
{
    if (from < sound->filled_to - place) from = sound->filled_to - place;
    if (to > sound->count - place) to = sound->count - place;
    if (from >= to) return true;
    if (!convert(sound, frame, err)) return false;
    size_t channels = (size_t)sound->channels;
    memcpy(sound->samples + (size_t)(place + from) * channels,
           sound->converted + (size_t)from * channels,
           (size_t)(to - from) * channels * sizeof(float));
    if (sound->first < 0) sound->first = place + from;
    sound->filled += to - from;
    sound->filled_to = place + to;
    return true;
}

/* What the container says to drop at both ends of a frame. */
static void read_skips(Sound *sound, const AVFrame *frame, int64_t *from, int64_t *to)
{
    const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_SKIP_SAMPLES);
    *from = 0;
    *to = frame->nb_samples;
    if (side && side->size >= 8) {
        uint32_t head = AV_RL32(side->data), tail = AV_RL32(side->data + 4);
        if (head) sound->skip = head;
        if (tail <= (uint32_t)frame->nb_samples) *to -= tail;
    }
    *from = sound->skip < *to ? sound->skip : *to;
    sound->skip -= *from;
    if (frame->flags & AV_FRAME_FLAG_DISCARD) *from = *to;
}

static bool frame_is_sane(const AVFrame *frame)
{
    return frame->nb_samples > 0 && frame->nb_samples <= MEDIA_FRAME_SAMPLES_MAX &&
           frame->sample_rate >= MEDIA_RATE_MIN_HZ && frame->sample_rate <= MEDIA_RATE_MAX_HZ &&
           frame->ch_layout.nb_channels >= 1 && frame->ch_layout.nb_channels <= MEDIA_CHANNELS_MAX;
}

static bool add_frame(Sound *sound, const AVFrame *frame, Err *err)
{
    int64_t from, to;
    if (!frame_is_sane(frame))
        return mel_err_reason(err, ERR_LIMIT, "media.container",
                              "the sound is %d Hz in %d channels, out of bounds",
                              frame->sample_rate, frame->ch_layout.nb_channels);
    if (sound->clock.rate_hz != frame->sample_rate) {
        if (sound->rate_hz)
            return mel_err_reason(err, ERR_MEDIA, "media.damaged",
                                  "the sound's rate changes inside the clip, from %d to %d Hz",
                                  sound->rate_hz, frame->sample_rate);
        sample_clock_start(&sound->clock, sound->media, frame);
        sound->start = av_rescale(sound->request->start_us, frame->sample_rate, 1000000);
    }
    sound->frames++;
    int64_t position = sample_clock_place(&sound->clock, frame);
    read_skips(sound, frame, &from, &to);
    if (position == INT64_MIN) return true;
    int64_t place = position - sound->start;
    if (place + to <= 0) return true;
    if (!sound->rate_hz && !begin_clip(sound, frame, err)) return false;
    return store(sound, frame, place, from, to, err);
}

static bool decode_all(Sound *sound, int64_t *errors, Err *err)
{
    bool ok = false;
    MediaDecoder decoder;
    AVFrame *frame = av_frame_alloc();
    const PacketList *packets = &sound->span->packets[MEDIA_SOUND];
    if (!media_decoder_open(&decoder, sound->media, MEDIA_SOUND, packets, 1,
                            sound->request->start_us, err))
        goto out;
    if (!frame) {
        no_memory(err);
        goto out;
    }
    MediaStep step;
    while ((step = media_decoder_next(&decoder, frame, err)) == MEDIA_FRAME) {
        bool added = add_frame(sound, frame, err);
        av_frame_unref(frame);
        if (!added) goto out;
        if (sound->rate_hz && sound->filled_to >= sound->count) break;
    }
    ok = step != MEDIA_FAILED;
    *errors = decoder.errors;
out:
    av_frame_free(&frame);
    media_decoder_close(&decoder);
    return ok;
}

/* Does the file promise more of this stream than it holds? */
static bool is_truncated(const Sound *sound)
{
    const MediaSpan *span = sound->span;
    if (!span->ended[MEDIA_SOUND]) return false;
    int64_t claimed_us = media_stream_end_us(sound->media, MEDIA_SOUND);
    int64_t last_us = span->last_end_us[MEDIA_SOUND];
    if (claimed_us < 0 && sound->media->format->nb_streams == 1)
        claimed_us = media_duration_us(sound->media);
    /* A demuxer that looks behind a whole file for one more fragment finds nothing missing. */
    if (claimed_us >= 0 && last_us != INT64_MIN && last_us + CLAIM_SLACK_US >= claimed_us)
        return false;
    if (span->broken || sound->media->io.behind_end) return true;
    return claimed_us > sound->request->start_us &&
           (last_us == INT64_MIN || claimed_us > last_us + CLAIM_SLACK_US);
}

static bool judge(const Sound *sound, int64_t errors, Err *err)
{
    int64_t missing = sound->count - sound->filled;
    size_t packets = sound->span->packets[MEDIA_SOUND].count;
    bool misses = !sound->filled || missing > sound->rate_hz / 10;
    if (misses && is_truncated(sound))
        return mel_err_reason(err, ERR_MEDIA, "media.truncated",
                              "the sound ends inside the clip, before the index of the file does");
    if (errors > 0 && (!sound->filled || (size_t)errors > packets / 10))
        return mel_err_reason(err, ERR_MEDIA, "media.damaged",
                              "%lld of the clip's sound packets are damaged", (long long)errors);
    if (sound->filled) return true;
    if (sound->span->last_end_us[MEDIA_SOUND] >
        sound->request->start_us + sound->request->duration_us)
        return mel_err_reason(err, ERR_MEDIA, "media.damaged",
                              "there is a hole where the clip's sound was");
    return mel_err_reason(err, ERR_MEDIA, "media.past_end",
                          "the clip lies behind the end of the sound");
}

/* ---- after decoding: three independent jobs on the same samples --------------------------------
 */

typedef struct Finish {
    const Sound *sound;
    CutResult *result;
    int fd;
    bool written;
    Err err;
} Finish;

static void find_landmarks(const Sound *sound, CutResult *result)
{
    size_t n = (size_t)sound->count;
    const float *mono = sound->samples;
    float *mixed = NULL;
    if (sound->channels == 2) {
        mixed = mel_alloc(n * sizeof *mixed);
        for (size_t i = 0; i < n; i++)
            mixed[i] = 0.5F * (sound->samples[2 * i] + sound->samples[2 * i + 1]);
        mono = mixed;
    }
    result->landmark_count =
        (int32_t)mel_audio_landmarks(mono, n, sound->rate_hz, result->landmarks);
    free(mixed);
}

static void finish_job(void *context, int64_t item, int thread)
{
    Finish *finish = context;
    const Sound *sound = finish->sound;
    CutResult *result = finish->result;
    (void)thread;
    if (item == 0)
        mel_measure_audio(sound->samples, (size_t)sound->count, sound->channels, sound->rate_hz,
                          &result->audio);
    else if (item == 1)
        find_landmarks(sound, result);
    else if (finish->fd >= 0)
        finish->written =
            cut_write_flac(finish->fd, sound->samples, sound->count, sound->channels,
                           sound->rate_hz, sound->bits, &result->audio_bytes, &finish->err);
    else
        finish->written = true;
}

static bool finish_sound(const Sound *sound, int fd, CutResult *result, Err *err)
{
    Finish finish = {.sound = sound, .result = result, .fd = fd};
    mel_parallel_for(sound->request->threads > 1 ? 2 : 1, 3, finish_job, &finish);
    if (!finish.written) {
        *err = finish.err;
        return false;
    }
    result->audio_samples = sound->count;
    result->missing_samples = sound->count - sound->filled;
    result->sample_rate_hz = sound->rate_hz;
    result->channels = sound->channels;
    result->bits_per_sample = sound->bits;
    result->audio.gap_s = (double)result->missing_samples / sound->rate_hz;
    result->got_start_us = av_rescale(sound->start + sound->first, 1000000, sound->rate_hz);
    return true;
}

bool cut_sound(const CutRequest *request, const Media *media, const MediaSpan *span, int fd,
               CutResult *result, Err *err)
{
    Sound sound = {.request = request, .media = media, .span = span, .first = -1};
    int64_t errors = 0;
    bool ok = decode_all(&sound, &errors, err) && judge(&sound, errors, err) &&
              finish_sound(&sound, fd, result, err);
    swr_free(&sound.swr);
    av_channel_layout_uninit(&sound.swr_layout);
    free(sound.converted);
    free(sound.samples);
    return ok;
}
