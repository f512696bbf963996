/* SPDX-License-Identifier: Apache-2.0
 *
 * Every control starts a new course: from this frame of the output on, the clip goes so. A course
 * is a closed formula, so the same few numbers say which samples to hand out, and, some
 * milliseconds later, which of them is heard. */
#include "annotator/player/player.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { COURSES = 64, STEP_HZ_WITHOUT_PICTURES = 25, FADE_FRAMES_MAX = 1024 };
static const double GAIN_RAMP_S = 0.005, FADE_S = 0.004;

/* Frames of the sound that is played: the clip's at speed 1, else the slow one. */
typedef struct Course {
    int64_t out; /* frame of the output where it begins */
    bool playing;
    double speed;
    int64_t at, limit;          /* plays [at, limit), then … */
    int64_t loop_from, loop_to; /* … this again and again; loop_to 0: nothing */
} Course;

struct Player {
    AudioOut *out; /* the controlling thread's only */
    int out_rate_hz;
    pthread_mutex_t mutex; /* of all below */
    LoadedClip *clip;
    Stretched *slow;
    double speed;
    bool repeat;
    int64_t region_from, region_to; /* samples; region_to 0: none */
    float gain, gain_now;
    int64_t pulled; /* frames that the output has asked for */
    Course courses[COURSES];
    size_t course_count; /* ever begun; the newest is at (course_count - 1) % COURSES */
    /* What would have come from the frame fade_at on, had the last jump not been: it goes while the
     * newest course comes, so that no edge is heard. */
    float faded[FADE_FRAMES_MAX * PLAYER_CHANNELS];
    int64_t fade_at, fade_frames; /* fade_frames 0: nothing fades */
};

/* ---- courses -------------------------------------------------------------------------------- */

static const Course *newest(const Player *player)
{
    return &player->courses[(player->course_count - 1) % COURSES];
}

/* Where a course is `frames` after its begin; *rest: how many follow in one piece, 0 = it ended. */
static int64_t course_at(const Course *course, int64_t frames, int64_t *rest)
{
    if (!course->playing || frames < course->limit - course->at) {
        int64_t at = course->playing ? course->at + frames : course->at;
        *rest = course->playing ? course->limit - at : 0;
        return at;
    }
    *rest = 0;
    if (!course->loop_to) return course->limit;
    int64_t over = frames - (course->limit - course->at);
    int64_t at = course->loop_from + over % (course->loop_to - course->loop_from);
    *rest = course->loop_to - at;
    return at;
}

static int64_t clip_frames(const Player *player)
{
    return player->clip ? player->clip->frames : 0;
}

/* The played frame of a sample: the first whose time is not before it. */
static int64_t frame_of(const Player *player, int64_t sample)
{
    if (player->speed == 1) return sample;
    int64_t frame = (int64_t)ceil((double)sample / player->speed - 1e-6);
    return frame < player->slow->frames ? frame : player->slow->frames;
}

static int64_t sample_of(const Player *player, int64_t frame, double speed)
{
    int64_t sample = speed == 1 ? frame : (int64_t)floor((double)frame * speed + 1e-6);
    return sample < clip_frames(player) ? sample : clip_frames(player);
}

/* ---- fading -----------------------------------------------------------------------------------
 */

/* Frames of a course from one of the output's on. */
static void copy_course(const Player *player, const Course *course, int64_t from, float *samples,
                        int64_t frames)
{
    const float *source =
        course->speed == 1 ? player->clip ? player->clip->samples : NULL : player->slow->samples;
    for (int64_t done = 0; done < frames;) {
        int64_t rest, at = course_at(course, from + done - course->out, &rest);
        int64_t count = rest && rest < frames - done ? rest : frames - done;
        size_t bytes = (size_t)count * PLAYER_CHANNELS * sizeof *samples;
        if (rest && source)
            memcpy(samples + done * PLAYER_CHANNELS, source + at * PLAYER_CHANNELS, bytes);
        else
            memset(samples + done * PLAYER_CHANNELS, 0, bytes);
        done += count;
    }
}

/* Mixes what fades into frames of the newest course, by a raised cosine whose two sides are 1
 * together; behind the fade they stay as they are, to the bit. */
static void apply_fade(const Player *player, int64_t from, float *samples, int64_t frames)
{
    for (int64_t i = 0; i < frames; i++) {
        int64_t k = from + i - player->fade_at;
        if (k >= player->fade_frames) return;
        float old =
            (float)(0.5 + 0.5 * cos(M_PI * (double)(k + 1) / (double)(player->fade_frames + 1)));
        for (int c = 0; c < PLAYER_CHANNELS; c++) {
            float *sample = &samples[i * PLAYER_CHANNELS + c];
            *sample += old * (player->faded[k * PLAYER_CHANNELS + c] - *sample);
        }
    }
}

/* Whether a course begins with the very sample that would have come next. */
static bool is_joint(const Player *player, const Course *course)
{
    int64_t old_rest, rest;
    const Course *old = newest(player);
    int64_t old_at = course_at(old, player->pulled - old->out, &old_rest);
    int64_t at = course_at(course, 0, &rest);
    if (!old_rest || !rest) return !old_rest && !rest;
    return at == old_at && course->speed == old->speed;
}

static int64_t fade_length(const Player *player)
{
    double rate_hz = player->clip ? player->clip->rate_hz : PLAYER_RATE_DEFAULT_HZ;
    int64_t frames = llround(FADE_S * rate_hz);
    return frames < FADE_FRAMES_MAX ? frames : FADE_FRAMES_MAX;
}

/* Before another course: keeps what the present one would have given. */
static void begin_fade(Player *player)
{
    int64_t frames = fade_length(player);
    if (player->fade_frames && player->fade_at == player->pulled) return; /* nothing came since */
    float next[FADE_FRAMES_MAX * PLAYER_CHANNELS];
    copy_course(player, newest(player), player->pulled, next, frames);
    apply_fade(player, player->pulled, next, frames);
    memcpy(player->faded, next, (size_t)frames * PLAYER_CHANNELS * sizeof *next);
    player->fade_at = player->pulled;
    player->fade_frames = frames;
}

/* ---- controlling -------------------------------------------------------------------------------
 */

/* Begins where the output asks next. A course that nothing was asked of is replaced. */
static void begin_course(Player *player, bool playing, int64_t sample)
{
    Course course = {.out = player->pulled, .playing = playing, .speed = player->speed};
    course.at = frame_of(player, sample);
    course.limit = frame_of(player, clip_frames(player));
    bool region = player->region_to > 0;
    if (region && (player->repeat || sample < player->region_to)) {
        course.loop_from = frame_of(player, player->region_from);
        course.loop_to = frame_of(player, player->region_to);
        if (sample < player->region_to) course.limit = course.loop_to;
    } else if (player->repeat) {
        course.loop_to = course.limit;
    }
    if (player->course_count && !is_joint(player, &course)) begin_fade(player);
    bool unheard = player->course_count && newest(player)->out == player->pulled;
    if (!unheard) player->course_count++;
    player->courses[(player->course_count - 1) % COURSES] = course;
}

/* Where the next frame to be asked for is. */
static int64_t next_sample(const Player *player)
{
    int64_t rest;
    const Course *course = newest(player);
    int64_t frame = course_at(course, player->pulled - course->out, &rest);
    return sample_of(player, frame, course->speed);
}

static const Course *course_heard(const Player *player, int64_t heard)
{
    size_t kept = player->course_count < COURSES ? player->course_count : COURSES;
    const Course *course = NULL;
    for (size_t back = 1; back <= kept; back++) {
        course = &player->courses[(player->course_count - back) % COURSES];
        if (course->out <= heard) break;
    }
    return course;
}

static int64_t heard_sample(const Player *player, int64_t heard)
{
    int64_t rest;
    const Course *course = newest(player);
    if (course->playing) course = course_heard(player, heard);
    int64_t since = heard > course->out ? heard - course->out : 0;
    return sample_of(player, course_at(course, since, &rest), course->speed);
}

/* Whether frames of the newest course are still to come after `frames` of them. */
static bool goes_on(const Course *course, int64_t frames)
{
    int64_t rest;
    course_at(course, frames, &rest);
    return rest > 0;
}

/* ---- the output's side ---------------------------------------------------------------------- */

static void apply_gain(Player *player, float *samples, int64_t frames)
{
    if (player->gain == 1 && player->gain_now == 1) return;
    double rate_hz = player->clip ? player->clip->rate_hz : PLAYER_RATE_DEFAULT_HZ;
    float step = (float)(1 / (GAIN_RAMP_S * rate_hz)), gain = player->gain_now;
    for (int64_t i = 0; i < frames; i++) {
        float wanted = player->gain - gain;
        gain = fabsf(wanted) <= step ? player->gain : gain + copysignf(step, wanted);
        for (int c = 0; c < PLAYER_CHANNELS; c++)
            samples[i * PLAYER_CHANNELS + c] *= gain;
    }
    player->gain_now = gain;
}

static void pull(void *ctx, float *samples, int frames)
{
    Player *player = ctx;
    pthread_mutex_lock(&player->mutex);
    copy_course(player, newest(player), player->pulled, samples, frames);
    apply_fade(player, player->pulled, samples, frames);
    player->pulled += frames;
    apply_gain(player, samples, frames);
    pthread_mutex_unlock(&player->mutex);
}

/* ---- life ----------------------------------------------------------------------------------- */

Player *mel_player_new(void)
{
    Player *player = mel_alloc(sizeof *player);
    pthread_mutex_init(&player->mutex, NULL);
    player->speed = player->gain = player->gain_now = 1;
    begin_course(player, false, 0);
    return player;
}

void mel_player_free(Player *player)
{
    if (!player) return;
    mel_audio_out_close(player->out);
    mel_loaded_clip_unref(player->clip);
    mel_stretched_unref(player->slow);
    pthread_mutex_destroy(&player->mutex);
    free(player);
}

/* The output must be asked before the lock is taken: it may be waiting for it in `pull`. */
static int64_t lock_and_hear(Player *player)
{
    int64_t heard = player->out ? mel_audio_out_heard(player->out) : 0;
    pthread_mutex_lock(&player->mutex);
    return heard;
}

static void unlock(Player *player)
{
    pthread_mutex_unlock(&player->mutex);
}

/* The next output counts from 0 again, and goes on from `sample`. */
static void close_output(Player *player, bool playing, int64_t sample)
{
    mel_audio_out_close(player->out);
    player->out = NULL;
    player->out_rate_hz = 0;
    player->pulled = 0; /* nobody else is there now */
    memset(player->faded, 0, sizeof player->faded);
    player->fade_at = 0;
    player->fade_frames = playing ? fade_length(player) : 0;
    player->course_count = 0;
    begin_course(player, playing, sample);
}

void mel_player_set_clip(Player *player, LoadedClip *clip)
{
    pthread_mutex_lock(&player->mutex);
    begin_course(player, false, 0); /* the old clip fades */
    LoadedClip *old = player->clip;
    Stretched *slow = player->slow;
    player->clip = clip ? mel_loaded_clip_ref(clip) : NULL;
    player->slow = NULL;
    player->speed = 1;
    player->region_from = player->region_to = 0;
    player->course_count = 0;
    begin_course(player, false, 0);
    unlock(player);
    mel_loaded_clip_unref(old);
    mel_stretched_unref(slow);
    if (clip && player->out && clip->rate_hz != player->out_rate_hz) close_output(player, false, 0);
}

bool mel_player_open_output(Player *player, const AudioSpec *spec, Err *err)
{
    int64_t heard = lock_and_hear(player);
    bool playing = goes_on(newest(player), player->pulled - newest(player)->out);
    int64_t sample = heard_sample(player, heard);
    int rate_hz = player->clip ? player->clip->rate_hz : PLAYER_RATE_DEFAULT_HZ;
    unlock(player);
    close_output(player, playing, sample);
    AudioSpec wanted = *spec;
    wanted.rate_hz = rate_hz;
    wanted.channels = PLAYER_CHANNELS;
    wanted.pull = pull;
    wanted.ctx = player;
    if (!mel_audio_out_open(&wanted, &player->out, err)) {
        close_output(player, playing, sample); /* it may have asked for some */
        return false;
    }
    player->out_rate_hz = rate_hz;
    return true;
}

AudioOut *mel_player_output(Player *player)
{
    return player->out;
}

int mel_player_output_rate_hz(const Player *player)
{
    return player->out_rate_hz;
}

/* ---- controls ------------------------------------------------------------------------------- */

void mel_player_play(Player *player)
{
    pthread_mutex_lock(&player->mutex);
    const Course *course = newest(player);
    if (!course->playing || !goes_on(course, player->pulled - course->out)) {
        int64_t sample = next_sample(player);
        bool outside = sample < player->region_from || sample >= player->region_to;
        if (player->region_to && outside)
            sample = player->region_from;
        else if (sample >= clip_frames(player))
            sample = 0;
        begin_course(player, true, sample);
    }
    unlock(player);
}

void mel_player_pause(Player *player)
{
    int64_t heard = lock_and_hear(player);
    if (newest(player)->playing) begin_course(player, false, heard_sample(player, heard));
    unlock(player);
}

bool mel_player_is_playing(Player *player)
{
    int64_t heard = lock_and_hear(player);
    const Course *course = newest(player);
    bool playing =
        course->playing && goes_on(course, heard > course->out ? heard - course->out : 0);
    unlock(player);
    return playing;
}

/* What was asked for stays; from there on the new settings count. */
static void begin_again(Player *player, int64_t sample)
{
    const Course *course = newest(player);
    bool playing = course->playing && goes_on(course, player->pulled - course->out);
    begin_course(player, playing, sample);
}

void mel_player_set_repeat(Player *player, bool repeat)
{
    pthread_mutex_lock(&player->mutex);
    int64_t sample = next_sample(player);
    player->repeat = repeat;
    begin_again(player, sample);
    unlock(player);
}

static int64_t clamp(int64_t sample, int64_t low, int64_t high)
{
    return sample < low ? low : sample > high ? high : sample;
}

void mel_player_seek(Player *player, int64_t sample)
{
    pthread_mutex_lock(&player->mutex);
    begin_again(player, clamp(sample, 0, clip_frames(player)));
    unlock(player);
}

void mel_player_step(Player *player, int pictures)
{
    int64_t heard = lock_and_hear(player);
    int64_t sample = heard_sample(player, heard), end = clip_frames(player);
    const LoadedClip *clip = player->clip;
    if (clip && clip->picture_count) {
        int64_t last = (int64_t)clip->picture_count - 1;
        int64_t index = mel_loaded_clip_picture_at(clip, sample) + pictures;
        sample = clip->pictures[clamp(index, 0, last)].sample;
    } else if (clip) {
        sample += (int64_t)pictures * clip->rate_hz / STEP_HZ_WITHOUT_PICTURES;
    }
    begin_course(player, false, clamp(sample, 0, end));
    unlock(player);
}

void mel_player_set_region(Player *player, int64_t first, int64_t end)
{
    pthread_mutex_lock(&player->mutex);
    int64_t sample = next_sample(player);
    first = clamp(first, 0, clip_frames(player));
    end = clamp(end, 0, clip_frames(player));
    bool any = first < end;
    player->region_from = any ? first : 0;
    player->region_to = any ? end : 0;
    bool outside = any && (sample < first || sample >= end);
    begin_again(player, outside && newest(player)->playing ? first : sample);
    unlock(player);
}

bool mel_player_region(Player *player, int64_t *first_out, int64_t *end_out)
{
    if (!player->region_to) return false; /* written by this thread only */
    *first_out = player->region_from;
    *end_out = player->region_to;
    return true;
}

/* With the lock held. */
static void change_speed(Player *player, double speed)
{
    int64_t sample = next_sample(player);
    player->speed = speed;
    begin_again(player, sample);
}

bool mel_player_set_speed(Player *player, double speed, Err *err)
{
    bool known = speed == 1 || (player->slow && player->slow->speed == speed);
    if (!known)
        return mel_err(err, ERR_USAGE, "the clip is not prepared for playing at speed %g", speed);
    pthread_mutex_lock(&player->mutex);
    if (speed != player->speed) change_speed(player, speed);
    unlock(player);
    return true;
}

double mel_player_speed(Player *player)
{
    return player->speed;
}

void mel_player_take_slow(Player *player, Stretched *slow)
{
    pthread_mutex_lock(&player->mutex);
    if (player->speed != 1) change_speed(player, 1);
    Stretched *old = player->slow;
    player->slow = slow;
    unlock(player);
    mel_stretched_unref(old);
}

void mel_player_set_gain(Player *player, float gain)
{
    pthread_mutex_lock(&player->mutex);
    player->gain = gain;
    unlock(player);
}

/* ---- what is heard and shown ---------------------------------------------------------------- */

int64_t mel_player_heard_sample(Player *player)
{
    int64_t heard = lock_and_hear(player);
    int64_t sample = heard_sample(player, heard);
    unlock(player);
    return sample;
}

int64_t mel_player_picture_now(Player *player)
{
    int64_t sample = mel_player_heard_sample(player);
    return player->clip ? mel_loaded_clip_picture_at(player->clip, sample) : -1;
}
