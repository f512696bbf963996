/* SPDX-License-Identifier: Apache-2.0
 *
 * Where sound goes. An output asks for frames by a callback and says how many of them have been
 * heard, which is the clock that pictures follow. Three kinds behind one interface: PulseAudio (and
 * PipeWire, which speaks its protocol), silence in real time for machines without a device, and a
 * virtual one for tests, which moves only when it is told to. */
#ifndef MEL_PLAYER_AUDIO_OUT_H
#define MEL_PLAYER_AUDIO_OUT_H

#include "base/base.h"

/* Fills all of samples[frames][channels]. Called in the output's own thread, or in the one that
 * advances a virtual output; never again once the output is closed. */
typedef void AudioPullFn(void *ctx, float *samples, int frames);

typedef enum AudioKind {
    AUDIO_PULSE,  /* ERR_DEVICE when there is no server */
    AUDIO_SILENT, /* asks at the pace of the monotonic clock and throws the sound away */
    AUDIO_VIRTUAL
} AudioKind;

typedef struct AudioSpec {
    AudioKind kind;
    int rate_hz, channels;
    int64_t latency_us; /* wanted between asking and hearing; 0 = 40 ms */
    const char *server; /* of PulseAudio; NULL = the user's own */
    AudioPullFn *pull;
    void *ctx;
} AudioSpec;

typedef struct AudioOut AudioOut;

/* Opens and starts at once; asking may begin before this returns. */
MEL_MUST_CHECK bool mel_audio_out_open(const AudioSpec *spec, AudioOut **out, Err *err);
void mel_audio_out_close(AudioOut *out); /* NULL is fine */

/* How many frames have been heard since opening: never falls, never more than were asked for. Not
 * to be called inside the callback. */
int64_t mel_audio_out_heard(AudioOut *out);

/* Frames that were asked for and not heard yet. */
int64_t mel_audio_out_latency(AudioOut *out);

/* False, with the reason, once the device or its server has gone: open another one then. */
MEL_MUST_CHECK bool mel_audio_out_is_alive(AudioOut *out, Err *err);

/* ---- virtual outputs only ------------------------------------------------------------------- */

/* Asks for `frames` more, in one call of the callback; heard is latency_us behind. */
void mel_audio_out_advance(AudioOut *out, int frames);

/* Everything that was asked for, [*frames_out][channels]; borrowed until the next advance. */
const float *mel_audio_out_pulled(const AudioOut *out, int64_t *frames_out);

#endif
