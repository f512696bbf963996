/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/player/loaded_clip.h"

#include "curator/curator.h"

#include <math.h>
#include <stdlib.h>

static const int64_t DURATION_MAX_US = 120 * 1000000LL; /* as long as a cut may be */
static const double TARGET_LUFS = -18, PEAK_MAX_DBTP = -1, GAIN_MAX_DB = 24;

float mel_playing_gain(double loudness_lufs, double true_peak_dbtp)
{
    if (!isfinite(loudness_lufs)) return 1;
    double gain_db = TARGET_LUFS - loudness_lufs;
    if (isfinite(true_peak_dbtp)) gain_db = fmin(gain_db, PEAK_MAX_DBTP - true_peak_dbtp);
    return (float)pow(10, fmin(gain_db, GAIN_MAX_DB) / 20);
}

/* ---- sound ---------------------------------------------------------------------------------- */

static bool take_samples(PlaybackSound *sound, LoadedClip *clip)
{
    clip->rate_hz = sound->rate_hz;
    clip->frames = sound->frames;
    if (sound->channels == PLAYER_CHANNELS) {
        clip->samples = sound->samples;
        sound->samples = NULL;
        return true;
    }
    clip->samples = mel_try_alloc((size_t)sound->frames * PLAYER_CHANNELS, sizeof(float), SIZE_MAX,
                                  "sound", &clip->sound_why);
    for (int64_t i = 0; clip->samples && i < sound->frames; i++)
        clip->samples[2 * i] = clip->samples[2 * i + 1] = sound->samples[i];
    return clip->samples != NULL;
}

static void load_sound(const ClipLoadRequest *request, LoadedClip *clip)
{
    PlaybackSound sound;
    if (!request->sound_path) {
        mel_err(&clip->sound_why, ERR_NOT_FOUND, "the clip has no sound");
        return;
    }
    if (!mel_playback_sound(request->sound_path, request->cancel, &sound, &clip->sound_why)) return;
    if (mel_err_is_set(&sound.damage)) clip->sound_why = sound.damage;
    if (take_samples(&sound, clip)) {
        Loudness loudness = mel_measure_loudness(clip->samples, (size_t)clip->frames,
                                                 PLAYER_CHANNELS, clip->rate_hz);
        clip->loudness_lufs = loudness.integrated_lufs;
        clip->true_peak_dbtp = loudness.true_peak_dbtp;
        clip->gain = mel_playing_gain(clip->loudness_lufs, clip->true_peak_dbtp);
    }
    mel_playback_sound_clear(&sound);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* The first sample at or behind a time. */
static int64_t sample_at(int64_t time_us, int rate_hz)
{
    return time_us <= 0 ? 0 : (time_us * rate_hz + 999999) / 1000000;
}

/* Of pictures that begin at the same sample the last one stays: it is the one to be seen. What is
 * left in `picture` is freed with the others. */
static void take_picture(LoadedClip *clip, int64_t sample, PlaybackPicture *picture)
{
    size_t count = clip->picture_count;
    bool replaces = count && clip->pictures[count - 1].sample >= sample;
    ClipPicture *into = &clip->pictures[replaces ? count - 1 : count];
    uint8_t *replaced = replaces ? into->rgb : NULL;
    *into = (ClipPicture){replaces ? into->sample : sample, picture->rgb};
    picture->rgb = replaced;
    clip->picture_count = replaces ? count : count + 1;
}

static void load_pictures(const ClipLoadRequest *request, LoadedClip *clip)
{
    PlaybackPictures pictures;
    if (!request->picture_path) {
        mel_err(&clip->picture_why, ERR_NOT_FOUND, "the clip has no preview");
        return;
    }
    if (!mel_playback_pictures(request->picture_path, request->cancel, &pictures,
                               &clip->picture_why))
        return;
    if (mel_err_is_set(&pictures.damage)) clip->picture_why = pictures.damage;
    int64_t offset_us = request->start_us - request->got_start_us;
    clip->pictures = mel_alloc(pictures.count * sizeof *clip->pictures);
    clip->width = pictures.width;
    clip->height = pictures.height;
    for (size_t i = 0; i < pictures.count; i++) {
        int64_t time_us = pictures.items[i].time_us;
        if (time_us >= 0 && time_us <= DURATION_MAX_US)
            take_picture(clip, sample_at(time_us + offset_us, clip->rate_hz), &pictures.items[i]);
        else
            mel_err(&clip->picture_why, ERR_MEDIA, "'%s' is damaged: a picture stands at %.0f s",
                    request->picture_path, (double)time_us / 1e6);
    }
    mel_playback_pictures_clear(&pictures);
}

/* ---- both ----------------------------------------------------------------------------------- */

/* The last picture stands as long as pictures do on average. */
static int64_t end_of_pictures(const LoadedClip *clip)
{
    if (!clip->picture_count) return 0;
    int64_t last = clip->pictures[clip->picture_count - 1].sample;
    int64_t steps = (int64_t)clip->picture_count - 1;
    return last + (steps ? (last - clip->pictures[0].sample) / steps : clip->rate_hz / 25);
}

/* Up to so many frames, with silence. */
static bool extend(LoadedClip *clip, int64_t frames)
{
    if (frames <= 0 || frames <= clip->frames) return true;
    size_t bytes = (size_t)frames * PLAYER_CHANNELS * sizeof(float);
    float *samples = clip->samples ? realloc(clip->samples, bytes) : NULL;
    if (clip->samples && !samples) return false;
    for (int64_t i = clip->frames * PLAYER_CHANNELS; samples && i < frames * PLAYER_CHANNELS; i++)
        samples[i] = 0;
    clip->samples = samples;
    clip->frames = frames;
    return true;
}

/* A whole sound says how long the clip is. */
static void set_length(const ClipLoadRequest *request, LoadedClip *clip)
{
    if (clip->samples && !mel_err_is_set(&clip->sound_why)) return;
    int64_t duration_us =
        request->duration_us < DURATION_MAX_US ? request->duration_us : DURATION_MAX_US;
    int64_t frames = duration_us ? sample_at(duration_us, clip->rate_hz) : end_of_pictures(clip);
    if (!extend(clip, frames)) mel_err(&clip->sound_why, ERR_NOMEM, "no memory for the sound");
}

bool mel_loaded_clip_new(const ClipLoadRequest *request, LoadedClip **out, Err *err)
{
    LoadedClip *clip = mel_alloc(sizeof *clip);
    atomic_init(&clip->references, 1);
    clip->rate_hz = PLAYER_RATE_DEFAULT_HZ;
    clip->loudness_lufs = clip->true_peak_dbtp = NAN;
    clip->gain = 1;
    load_sound(request, clip);
    load_pictures(request, clip);
    if (clip->sound_why.code == ERR_CANCELLED || clip->picture_why.code == ERR_CANCELLED) {
        mel_loaded_clip_unref(clip);
        return mel_err(err, ERR_CANCELLED, "loading the clip was given up");
    }
    set_length(request, clip);
    *out = clip;
    return true;
}

LoadedClip *mel_loaded_clip_ref(LoadedClip *clip)
{
    atomic_fetch_add(&clip->references, 1);
    return clip;
}

void mel_loaded_clip_unref(LoadedClip *clip)
{
    if (!clip || atomic_fetch_sub(&clip->references, 1) > 1) return;
    for (size_t i = 0; i < clip->picture_count; i++)
        free(clip->pictures[i].rgb);
    free(clip->pictures);
    free(clip->samples);
    free(clip);
}

int64_t mel_loaded_clip_picture_at(const LoadedClip *clip, int64_t sample)
{
    size_t low = 0, high = clip->picture_count;
    if (!high) return -1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (clip->pictures[middle].sample <= sample)
            low = middle;
        else
            high = middle;
    }
    return (int64_t)low;
}
