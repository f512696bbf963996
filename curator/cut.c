/* SPDX-License-Identifier: Apache-2.0
 *
 * mel_cut: open, gather, then sound and picture side by side. */
#include "curator/cut_internal.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const int64_t START_MAX_US = 31LL * 24 * 3600 * 1000000;
enum { THREADS_MAX = 64, PREVIEW_HEIGHT_MAX = 4320 };

/* A still near the clip's end may be nearest to the picture behind it. */
static const int64_t BEHIND_US = 1000000;

typedef struct Cut {
    const CutRequest *request;
    const CutFiles *files;
    Media inputs[2];
    MediaSpan spans[2];
    Media *media[MEDIA_KINDS]; /* NULL = not wanted */
    MediaSpan *span[MEDIA_KINDS];
    CutResult result;
    bool sound_ok;
    Err sound_err;
} Cut;

static bool check_request(const CutRequest *request, Err *err)
{
    int64_t end_us = request->start_us + request->duration_us;
    if (request->start_us < 0 || request->start_us > START_MAX_US)
        return mel_err(err, ERR_USAGE, "a clip cannot start at %lld us",
                       (long long)request->start_us);
    if (request->duration_us < 1000 || request->duration_us > CUT_DURATION_MAX_US)
        return mel_err(err, ERR_USAGE, "a clip cannot last %lld us",
                       (long long)request->duration_us);
    if (request->still_at_us >= 0 &&
        (request->still_at_us < request->start_us || request->still_at_us > end_us))
        return mel_err(err, ERR_USAGE, "the still asked for lies outside the clip");
    bool bounds = request->still_count >= 0 && request->still_count <= STILLS_MAX &&
                  request->preview_height >= 0 && request->preview_height <= PREVIEW_HEIGHT_MAX &&
                  request->preview_height % 2 == 0 && request->preview_quality >= 0 &&
                  request->preview_quality <= 100 && request->still_quality >= 0 &&
                  request->still_quality <= 100 && request->threads >= 1 &&
                  request->threads <= THREADS_MAX;
    if (!bounds) return mel_err(err, ERR_USAGE, "the request to cut is out of bounds");
    if (!request->want_audio && !request->want_picture)
        return mel_err(err, ERR_USAGE, "a clip of neither sound nor picture was asked for");
    return true;
}

static void clear_result(CutResult *result)
{
    memset(result, 0, sizeof *result);
    result->missing_input = -1;
    result->missing_offset = -1;
    result->container_duration_us = -1;
#define X(name, unit, meaning) result->audio.name = NAN;
    MEL_AUDIO_MEASURES(X)
#undef X
#define X(name, unit, meaning) result->picture.name = NAN;
    MEL_PICTURE_MEASURES(X)
#undef X
}

static bool open_inputs(Cut *cut, Err *err)
{
    const CutRequest *request = cut->request;
    int sound_input = request->separate_audio ? 1 : 0;
    bool uses[2] = {request->want_picture || sound_input == 0,
                    request->want_audio && sound_input == 1};
    for (int i = 0; i < 2; i++)
        if (uses[i] &&
            !media_open(&cut->inputs[i], cut->files->inputs[i], &request->inputs[i], err))
            return false;
    Media *sound = &cut->inputs[sound_input], *picture = &cut->inputs[0];
    if (request->want_audio && !sound->stream[MEDIA_SOUND])
        return mel_err_reason(err, ERR_MEDIA, "media.no_audio", "there is no sound in the file");
    if (request->want_picture && !picture->stream[MEDIA_PICTURE])
        return mel_err_reason(err, ERR_MEDIA, "media.no_picture",
                              "there are no pictures in the file");
    for (int i = 0; i < 2; i++)
        if (uses[i])
            media_select(&cut->inputs[i], request->want_audio && i == sound_input,
                         request->want_picture && i == 0);
    cut->media[MEDIA_SOUND] = request->want_audio ? sound : NULL;
    cut->media[MEDIA_PICTURE] = request->want_picture ? picture : NULL;
    cut->span[MEDIA_SOUND] = &cut->spans[sound_input];
    cut->span[MEDIA_PICTURE] = &cut->spans[0];
    return true;
}

static void describe(Cut *cut)
{
    const Media *sound = cut->media[MEDIA_SOUND], *picture = cut->media[MEDIA_PICTURE];
    const Media *main = picture ? picture : sound;
    CutResult *result = &cut->result;
    media_container_name(main, result->container, sizeof result->container);
    result->container_duration_us = media_duration_us(main);
    if (sound)
        snprintf(result->audio_codec, sizeof result->audio_codec, "%s",
                 avcodec_get_name(sound->stream[MEDIA_SOUND]->codecpar->codec_id));
    if (picture)
        snprintf(result->video_codec, sizeof result->video_codec, "%s",
                 avcodec_get_name(picture->stream[MEDIA_PICTURE]->codecpar->codec_id));
}

static MediaWindow window_of(const CutRequest *request, int attempt)
{
    int64_t end_us = request->start_us + request->duration_us;
    bool near_end = request->still_at_us >= 0 && request->still_at_us > end_us - BEHIND_US;
    return (MediaWindow){.start_us = request->start_us,
                         .end_us = end_us,
                         .behind_us = near_end ? BEHIND_US : 0,
                         .attempt = attempt};
}

static bool gather(Cut *cut, Err *err)
{
    MediaWindow window = window_of(cut->request, 0);
    for (int i = 0; i < 2; i++)
        if (cut->inputs[i].format && !media_gather(&cut->inputs[i], &window, &cut->spans[i], err))
            return false;
    return true;
}

static void *sound_thread(void *argument)
{
    Cut *cut = argument;
    cut->sound_ok = cut_sound(cut->request, cut->media[MEDIA_SOUND], cut->span[MEDIA_SOUND],
                              cut->files->audio, &cut->result, &cut->sound_err);
    return NULL;
}

/* The decoder could not start where the container said it can: all the packets again, from further
 * back. */
static bool pictures_from_further_back(Cut *cut, Err *err)
{
    Media *media = cut->media[MEDIA_PICTURE];
    MediaWindow window = window_of(cut->request, 1);
    media_select(media, false, true);
    return media_gather(media, &window, cut->span[MEDIA_PICTURE], err) &&
           cut_pictures(cut->request, media, cut->span[MEDIA_PICTURE], cut->files, NULL,
                        &cut->result, err);
}

/* Sound and picture write to different fields of the one result. */
static bool decode(Cut *cut, Err *err)
{
    pthread_t thread;
    bool late = false, ok = true, threaded = false;
    bool sound = cut->media[MEDIA_SOUND], picture = cut->media[MEDIA_PICTURE];
    cut->sound_ok = true;
    if (sound && picture && cut->request->threads > 1)
        threaded = pthread_create(&thread, NULL, sound_thread, cut) == 0;
    if (sound && !threaded) sound_thread(cut);
    if (picture && (threaded || cut->sound_ok))
        ok = cut_pictures(cut->request, cut->media[MEDIA_PICTURE], cut->span[MEDIA_PICTURE],
                          cut->files, &late, &cut->result, err);
    if (threaded) pthread_join(thread, NULL);
    if (!cut->sound_ok) {
        *err = cut->sound_err;
        return false;
    }
    return ok && (!late || pictures_from_further_back(cut, err));
}

static void note_missing(const Cut *cut, CutResult *result)
{
    for (int i = 1; i >= 0; i--) {
        if (!cut->inputs[i].io.avio && !cut->inputs[i].format) continue;
        if (cut->inputs[i].io.missing_offset < 0) continue;
        result->missing_input = i;
        result->missing_offset = cut->inputs[i].io.missing_offset;
    }
}

bool mel_cut(const CutRequest *request, const CutFiles *files, CutResult *result, Err *err)
{
    clear_result(result);
    if (!check_request(request, err)) return false;
    Cut *cut = mel_alloc(sizeof *cut);
    cut->request = request;
    cut->files = files;
    clear_result(&cut->result);
    bool ok = open_inputs(cut, err);
    if (ok) describe(cut);
    ok = ok && gather(cut, err) && decode(cut, err);
    if (ok)
        *result = cut->result;
    else
        note_missing(cut, result);
    for (int i = 0; i < 2; i++) {
        media_span_clear(&cut->spans[i]);
        media_close(&cut->inputs[i]);
    }
    free(cut);
    return ok;
}
