/* SPDX-License-Identifier: Apache-2.0
 *
 * What each kind of output provides to audio_out.c. */
#ifndef MEL_PLAYER_AUDIO_OUT_INTERNAL_H
#define MEL_PLAYER_AUDIO_OUT_INTERNAL_H

#include "annotator/player/audio_out.h"

#include <stdatomic.h>

typedef struct AudioBackend {
    size_t size;                           /* of the struct that begins with AudioOut */
    bool (*open)(AudioOut *out, Err *err); /* of a zeroed struct; close is called if it fails */
    void (*close)(AudioOut *out);          /* all but the memory of the struct */
    int64_t (*heard)(AudioOut *out);       /* frames by the device's clock; need not be monotonic */
    bool (*is_alive)(AudioOut *out, Err *err); /* NULL: always */
} AudioBackend;

struct AudioOut {
    const AudioBackend *backend;
    AudioSpec spec;
    _Atomic int64_t pulled; /* frames asked for */
    int64_t heard;          /* as last said */
};

/* Calls the callback and counts. */
void audio_out_pull(AudioOut *out, float *samples, int frames);

extern const AudioBackend audio_backend_pulse, audio_backend_silent, audio_backend_virtual;

#endif
