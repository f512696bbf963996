/* SPDX-License-Identifier: Apache-2.0
 *
 * Sound through PulseAudio's asynchronous interface, which PipeWire serves too. The library runs a
 * thread of its own and calls everything in it with the loop's lock held. */
#include "annotator/player/audio_out_internal.h"

#include <pulse/pulseaudio.h>

static const pa_usec_t CONNECT_US = 5 * 1000 * 1000;

typedef struct PulseOut {
    AudioOut base;
    pa_threaded_mainloop *loop;
    pa_context *context;
    pa_stream *stream;
    bool running;   /* the loop's thread */
    bool timed_out; /* while connecting */
    atomic_bool lost;
} PulseOut;

static bool device_error(const PulseOut *pulse, const char *what, Err *err)
{
    int code = pulse->context ? pa_context_errno(pulse->context) : PA_ERR_INTERNAL;
    mel_err(err, ERR_DEVICE, "%s: %s", what,
            pulse->timed_out ? "the sound server does not answer" : pa_strerror(code));
    return mel_err_hint(err, "is PipeWire or PulseAudio running for this user?");
}

/* ---- calls from the loop's thread ----------------------------------------------------------- */

static void context_changed(pa_context *context, void *ctx)
{
    PulseOut *pulse = ctx;
    if (!PA_CONTEXT_IS_GOOD(pa_context_get_state(context))) atomic_store(&pulse->lost, true);
    pa_threaded_mainloop_signal(pulse->loop, 0);
}

static void stream_changed(pa_stream *stream, void *ctx)
{
    PulseOut *pulse = ctx;
    if (!PA_STREAM_IS_GOOD(pa_stream_get_state(stream))) atomic_store(&pulse->lost, true);
    pa_threaded_mainloop_signal(pulse->loop, 0);
}

static void time_is_up(pa_mainloop_api *api, pa_time_event *event, const struct timeval *when,
                       void *ctx)
{
    (void)api, (void)event, (void)when;
    PulseOut *pulse = ctx;
    pulse->timed_out = true;
    pa_threaded_mainloop_signal(pulse->loop, 0);
}

static void write_more(pa_stream *stream, size_t wanted_bytes, void *ctx)
{
    PulseOut *pulse = ctx;
    size_t frame_bytes = sizeof(float) * (size_t)pulse->base.spec.channels;
    while (wanted_bytes >= frame_bytes) {
        void *block = NULL;
        size_t bytes = wanted_bytes;
        if (pa_stream_begin_write(stream, &block, &bytes) < 0 || !block) return;
        size_t frames = bytes / frame_bytes;
        if (!frames) {
            pa_stream_cancel_write(stream);
            return;
        }
        bytes = frames * frame_bytes;
        audio_out_pull(&pulse->base, block, (int)frames);
        if (pa_stream_write(stream, block, bytes, NULL, 0, PA_SEEK_RELATIVE) < 0) return;
        wanted_bytes -= bytes < wanted_bytes ? bytes : wanted_bytes;
    }
}

/* ---- opening and closing -------------------------------------------------------------------- */

static bool wait_for_context(PulseOut *pulse)
{
    while (!pulse->timed_out && PA_CONTEXT_IS_GOOD(pa_context_get_state(pulse->context))) {
        if (pa_context_get_state(pulse->context) == PA_CONTEXT_READY) return true;
        pa_threaded_mainloop_wait(pulse->loop);
    }
    return false;
}

static bool wait_for_stream(PulseOut *pulse)
{
    while (!pulse->timed_out && PA_STREAM_IS_GOOD(pa_stream_get_state(pulse->stream))) {
        if (pa_stream_get_state(pulse->stream) == PA_STREAM_READY) return true;
        pa_threaded_mainloop_wait(pulse->loop);
    }
    return false;
}

static bool connect_stream(PulseOut *pulse)
{
    const AudioSpec *spec = &pulse->base.spec;
    pa_sample_spec sample = {.format = PA_SAMPLE_FLOAT32NE,
                             .rate = (uint32_t)spec->rate_hz,
                             .channels = (uint8_t)spec->channels};
    /* By its own choice a server may wait for more before it plays than it asks for. */
    uint32_t whole = (uint32_t)pa_usec_to_bytes((pa_usec_t)spec->latency_us, &sample);
    uint32_t quarter = (uint32_t)pa_usec_to_bytes((pa_usec_t)spec->latency_us / 4, &sample);
    pa_buffer_attr buffer = {.maxlength = (uint32_t)-1,
                             .tlength = whole,
                             .prebuf = quarter,
                             .minreq = quarter,
                             .fragsize = (uint32_t)-1};
    /* A sink that wakes up late takes back time that libpulse had already counted. If the clock had
     * to be monotonic it would stand until then; mel_audio_out_heard sees to that better. */
    pa_stream_flags_t flags = PA_STREAM_INTERPOLATE_TIMING | PA_STREAM_AUTO_TIMING_UPDATE |
                              PA_STREAM_ADJUST_LATENCY | PA_STREAM_NOT_MONOTONIC;
    pulse->stream = pa_stream_new(pulse->context, "clip", &sample, NULL);
    if (!pulse->stream) return false;
    pa_stream_set_state_callback(pulse->stream, stream_changed, pulse);
    pa_stream_set_write_callback(pulse->stream, write_more, pulse);
    return pa_stream_connect_playback(pulse->stream, NULL, &buffer, flags, NULL, NULL) >= 0 &&
           wait_for_stream(pulse);
}

/* With the loop's lock held. */
static bool connect_all(PulseOut *pulse, Err *err)
{
    pa_context_set_state_callback(pulse->context, context_changed, pulse);
    pa_time_event *limit =
        pa_context_rttime_new(pulse->context, pa_rtclock_now() + CONNECT_US, time_is_up, pulse);
    bool ok = pa_context_connect(pulse->context, pulse->base.spec.server, PA_CONTEXT_NOFLAGS,
                                 NULL) >= 0 &&
              wait_for_context(pulse);
    if (!ok)
        device_error(pulse, "no sound server can be reached", err);
    else if (!(ok = connect_stream(pulse)))
        device_error(pulse, "the sound server gives no output", err);
    pa_mainloop_api *api = pa_threaded_mainloop_get_api(pulse->loop);
    if (limit) api->time_free(limit);
    return ok;
}

static bool pulse_open(AudioOut *out, Err *err)
{
    PulseOut *pulse = (PulseOut *)out;
    pulse->loop = pa_threaded_mainloop_new();
    if (!pulse->loop) return device_error(pulse, "no loop for sound", err);
    pulse->context = pa_context_new(pa_threaded_mainloop_get_api(pulse->loop), "Melkit");
    if (!pulse->context) return device_error(pulse, "no context for sound", err);
    pulse->running = pa_threaded_mainloop_start(pulse->loop) >= 0;
    if (!pulse->running) return device_error(pulse, "no thread for sound", err);
    pa_threaded_mainloop_lock(pulse->loop);
    bool ok = connect_all(pulse, err);
    pa_threaded_mainloop_unlock(pulse->loop);
    return ok;
}

static void disconnect(PulseOut *pulse)
{
    if (pulse->stream) {
        pa_stream_set_state_callback(pulse->stream, NULL, NULL);
        pa_stream_set_write_callback(pulse->stream, NULL, NULL);
        pa_stream_disconnect(pulse->stream);
        pa_stream_unref(pulse->stream);
    }
    if (pulse->context) {
        pa_context_set_state_callback(pulse->context, NULL, NULL);
        pa_context_disconnect(pulse->context);
        pa_context_unref(pulse->context);
    }
}

static void pulse_close(AudioOut *out)
{
    PulseOut *pulse = (PulseOut *)out;
    if (pulse->running) pa_threaded_mainloop_lock(pulse->loop);
    disconnect(pulse);
    if (pulse->running) {
        pa_threaded_mainloop_unlock(pulse->loop);
        pa_threaded_mainloop_stop(pulse->loop);
    }
    if (pulse->loop) pa_threaded_mainloop_free(pulse->loop);
}

/* ---- the clock ------------------------------------------------------------------------------ */

static int64_t pulse_heard(AudioOut *out)
{
    PulseOut *pulse = (PulseOut *)out;
    pa_usec_t time_us = 0;
    pa_threaded_mainloop_lock(pulse->loop);
    bool known = pa_stream_get_time(pulse->stream, &time_us) >= 0; /* not before the first report */
    pa_threaded_mainloop_unlock(pulse->loop);
    return known ? (int64_t)time_us * out->spec.rate_hz / 1000000 : 0;
}

static bool pulse_is_alive(AudioOut *out, Err *err)
{
    if (!atomic_load(&((PulseOut *)out)->lost)) return true;
    return mel_err(err, ERR_DEVICE, "the sound server has gone");
}

const AudioBackend audio_backend_pulse = {
    .size = sizeof(PulseOut),
    .open = pulse_open,
    .close = pulse_close,
    .heard = pulse_heard,
    .is_alive = pulse_is_alive,
};
