/* SPDX-License-Identifier: Apache-2.0
 *
 * Outputs without a device: one that a test moves by hand, and silence at the clock's pace. */
#include "annotator/player/audio_out_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static int64_t frames_of(const AudioOut *out, int64_t duration_us)
{
    return duration_us * out->spec.rate_hz / 1000000;
}

/* ---- virtual -------------------------------------------------------------------------------- */

typedef struct VirtualOut {
    AudioOut base;
    float *samples;
    size_t capacity;
} VirtualOut;

static bool virtual_open(AudioOut *out, Err *err)
{
    (void)out, (void)err;
    return true;
}

static void virtual_close(AudioOut *out)
{
    free(((VirtualOut *)out)->samples);
}

static int64_t virtual_heard(AudioOut *out)
{
    return atomic_load(&out->pulled) - frames_of(out, out->spec.latency_us);
}

const AudioBackend audio_backend_virtual = {
    .size = sizeof(VirtualOut),
    .open = virtual_open,
    .close = virtual_close,
    .heard = virtual_heard,
};

void mel_audio_out_advance(AudioOut *out, int frames)
{
    MEL_ASSERT(out->backend == &audio_backend_virtual && frames >= 0);
    VirtualOut *virtual = (VirtualOut *)out;
    size_t channels = (size_t)out->spec.channels, done = (size_t)atomic_load(&out->pulled);
    mel_grow(&virtual->samples, &virtual->capacity, (done + (size_t)frames) * channels,
             sizeof *virtual->samples);
    audio_out_pull(out, virtual->samples + done * channels, frames);
}

const float *mel_audio_out_pulled(const AudioOut *out, int64_t *frames_out)
{
    MEL_ASSERT(out->backend == &audio_backend_virtual);
    *frames_out = atomic_load(&out->pulled);
    return ((const VirtualOut *)out)->samples;
}

/* ---- silence -------------------------------------------------------------------------------- */

enum { BLOCK_FRAMES = 512 };
static const int64_t WAKE_US = 5000;

typedef struct SilentOut {
    AudioOut base;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool end, started;
    int64_t start_us;
    float *block;
} SilentOut;

static void pull_until(SilentOut *silent, int64_t wanted)
{
    AudioOut *out = &silent->base;
    for (int64_t rest; (rest = wanted - atomic_load(&out->pulled)) > 0;)
        audio_out_pull(out, silent->block, rest < BLOCK_FRAMES ? (int)rest : BLOCK_FRAMES);
}

static void *run_silent(void *ctx)
{
    SilentOut *silent = ctx;
    AudioOut *out = &silent->base;
    pthread_mutex_lock(&silent->mutex);
    while (!silent->end) {
        pthread_mutex_unlock(&silent->mutex);
        int64_t elapsed_us = mel_monotonic_us() - silent->start_us;
        pull_until(silent, frames_of(out, elapsed_us + out->spec.latency_us));
        pthread_mutex_lock(&silent->mutex);
        int64_t wake_us = mel_monotonic_us() + WAKE_US;
        struct timespec wake = {wake_us / 1000000, wake_us % 1000000 * 1000};
        if (!silent->end) pthread_cond_timedwait(&silent->ended, &silent->mutex, &wake);
    }
    pthread_mutex_unlock(&silent->mutex);
    return NULL;
}

static bool silent_open(AudioOut *out, Err *err)
{
    SilentOut *silent = (SilentOut *)out;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&silent->mutex, NULL);
    pthread_cond_init(&silent->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    silent->block = mel_alloc(sizeof(float) * BLOCK_FRAMES * (size_t)out->spec.channels);
    silent->start_us = mel_monotonic_us();
    silent->started = pthread_create(&silent->thread, NULL, run_silent, silent) == 0;
    return silent->started || mel_err(err, ERR_DEVICE, "no thread for silence");
}

static void silent_close(AudioOut *out)
{
    SilentOut *silent = (SilentOut *)out;
    if (silent->started) {
        pthread_mutex_lock(&silent->mutex);
        silent->end = true;
        pthread_cond_signal(&silent->ended);
        pthread_mutex_unlock(&silent->mutex);
        pthread_join(silent->thread, NULL);
    }
    pthread_cond_destroy(&silent->ended);
    pthread_mutex_destroy(&silent->mutex);
    free(silent->block);
}

static int64_t silent_heard(AudioOut *out)
{
    return frames_of(out, mel_monotonic_us() - ((SilentOut *)out)->start_us);
}

const AudioBackend audio_backend_silent = {
    .size = sizeof(SilentOut),
    .open = silent_open,
    .close = silent_close,
    .heard = silent_heard,
};
