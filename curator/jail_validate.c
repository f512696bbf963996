/* SPDX-License-Identifier: Apache-2.0
 *
 * What a child says is checked field by field against what was asked and against the files that
 * are really there. A child that was taken over can still lie within these bounds: products are
 * decoded again before anything is published (mel_jail_check). */
#include "curator/jail_internal.h"

#include "curator/failure.h"
#include "curator/media.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

static const int64_t TIME_MAX_US = 1000LL * 24 * 3600 * 1000000;

static bool text_is_clean(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
    return length < size && mel_utf8_valid(text, length);
}

static bool reason_is_known(const char *reason)
{
    return !reason[0] ||
           (mel_starts_with(reason, "media.") && mel_equal(mel_failure(reason)->reason, reason));
}

void jail_clean_err(Err *err)
{
    bool clean = err->code > ERR_NONE && err->code <= ERR_DENIED &&
                 text_is_clean(err->reason, sizeof err->reason) &&
                 text_is_clean(err->message, sizeof err->message) &&
                 text_is_clean(err->hint, sizeof err->hint);
    if (clean && reason_is_known(err->reason)) return;
    mel_err_clear(err);
    mel_err_reason(err, ERR_MEDIA, "media.crash", "the confined decoder gave no sensible answer");
}

static bool between(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

/* Infinity is no measure; what could not be said is not a number. */
static void clean_number(double *value)
{
    if (!isfinite(*value)) *value = NAN;
}

static void clean_measures(CutResult *result)
{
#define X(name, unit, meaning) clean_number(&result->audio.name);
    MEL_AUDIO_MEASURES(X)
#undef X
#define X(name, unit, meaning) clean_number(&result->picture.name);
    MEL_PICTURE_MEASURES(X)
#undef X
}

static bool size_is(int fd, int64_t bytes)
{
    struct stat info;
    if (fd < 0) return true;
    return fstat(fd, &info) == 0 && info.st_size == bytes;
}

static bool sound_is_valid(const CutRequest *request, const CutFiles *files,
                           const CutResult *result)
{
    int64_t rate = result->sample_rate_hz;
    return between(rate, MEDIA_RATE_MIN_HZ, MEDIA_RATE_MAX_HZ) && between(result->channels, 1, 2) &&
           (result->bits_per_sample == 16 || result->bits_per_sample == 24) &&
           result->audio_samples == (request->duration_us * rate + 500000) / 1000000 &&
           between(result->missing_samples, 0, result->audio_samples) &&
           size_is(files->audio, result->audio_bytes);
}

static bool still_is_valid(CutStill *still, int fd)
{
    clean_number(&still->score);
    clean_number(&still->sharpness);
    clean_number(&still->brightness);
    clean_number(&still->black_share);
    return between(still->time_us, -TIME_MAX_US, TIME_MAX_US) && between(still->width, 1, 65535) &&
           between(still->height, 1, 65535) && still->size_bytes > 0 &&
           size_is(fd, still->size_bytes);
}

static bool pictures_are_valid(const CutRequest *request, const CutFiles *files, CutResult *result)
{
    int asked = request->still_count + (request->still_at_us >= 0);
    bool preview = request->preview_height && files->preview >= 0;
    bool ok = between(result->width, 1, 65535) && between(result->height, 1, 65535) &&
              between(result->rotation_deg, 0, 359) &&
              between(result->still_count, 0, asked < STILLS_MAX ? asked : STILLS_MAX);
    if (ok && preview)
        ok = between(result->preview_width, 1, 8192) &&
             between(result->preview_height, 1, request->preview_height) &&
             between(result->preview_frames, 1, MEDIA_FRAMES_MAX) &&
             size_is(files->preview, result->preview_bytes);
    for (int i = 0; ok && i < result->still_count; i++)
        ok = still_is_valid(&result->stills[i], files->stills[i]);
    return ok;
}

bool jail_cut_is_valid(const CutRequest *request, const CutFiles *files, CutResult *result)
{
    clean_measures(result);
    result->missing_input = -1;
    result->missing_offset = -1;
    return between(result->got_start_us, -TIME_MAX_US, TIME_MAX_US) &&
           between(result->landmark_count, 0, LANDMARKS_MAX) &&
           between(result->container_duration_us, -1, TIME_MAX_US) &&
           text_is_clean(result->container, sizeof result->container) &&
           text_is_clean(result->audio_codec, sizeof result->audio_codec) &&
           text_is_clean(result->video_codec, sizeof result->video_codec) &&
           (!request->want_audio || sound_is_valid(request, files, result)) &&
           (!request->want_picture || pictures_are_valid(request, files, result));
}

/* Only bytes that exist and are not there yet can be missing; else a caller could be made to fetch
 * the same thing for ever. */
void jail_clean_missing(const CutRequest *request, CutResult *result)
{
    int32_t input = result->missing_input;
    int64_t offset = result->missing_offset;
    memset(result, 0, sizeof *result);
    result->missing_input = -1;
    result->missing_offset = -1;
    if (input != 0 && input != 1) return;
    const CutInput *from = &request->inputs[input];
    if (!from->range_count || !between(offset, 0, from->size - 1)) return;
    for (int i = 0; i < from->range_count; i++)
        if (offset >= from->ranges[i].offset &&
            offset - from->ranges[i].offset < from->ranges[i].length)
            return;
    result->missing_input = input;
    result->missing_offset = offset;
}

bool jail_probe_is_valid(ProbeResult *result)
{
    return between(result->duration_us, -1, TIME_MAX_US) &&
           between(result->start_us, -TIME_MAX_US, TIME_MAX_US) &&
           between(result->has_audio, 0, 1) && between(result->has_video, 0, 1) &&
           between(result->sample_rate_hz, 0, MEDIA_RATE_MAX_HZ) &&
           between(result->channels, 0, MEDIA_CHANNELS_MAX) && between(result->width, 0, 65535) &&
           between(result->height, 0, 65535) &&
           text_is_clean(result->container, sizeof result->container) &&
           text_is_clean(result->audio_codec, sizeof result->audio_codec) &&
           text_is_clean(result->video_codec, sizeof result->video_codec);
}

bool jail_check_is_valid(ProductKind kind, CheckResult *result)
{
    if (isnan(result->rms_dbfs) || result->rms_dbfs > 10) return false;
    if (kind == PRODUCT_AUDIO)
        return between(result->samples, 0, INT64_C(192000) * 120) &&
               between(result->sample_rate_hz, MEDIA_RATE_MIN_HZ, MEDIA_RATE_MAX_HZ) &&
               between(result->channels, 1, 2);
    return between(result->frames, 0, MEDIA_FRAMES_MAX) && between(result->width, 0, 65535) &&
           between(result->height, 0, 65535);
}
