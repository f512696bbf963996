/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/player/audio_out_internal.h"

#include <stdlib.h>

static const int64_t LATENCY_DEFAULT_US = 40 * 1000;
enum { RATE_MIN_HZ = 8000, RATE_MAX_HZ = 192000 };

static const AudioBackend *const backends[] = {
    [AUDIO_PULSE] = &audio_backend_pulse,
    [AUDIO_SILENT] = &audio_backend_silent,
    [AUDIO_VIRTUAL] = &audio_backend_virtual,
};

bool mel_audio_out_open(const AudioSpec *spec, AudioOut **out, Err *err)
{
    MEL_ASSERT(spec->pull && spec->channels >= 1 && spec->kind < MEL_COUNT(backends));
    if (spec->rate_hz < RATE_MIN_HZ || spec->rate_hz > RATE_MAX_HZ)
        return mel_err(err, ERR_USAGE, "sound at %d Hz cannot be played", spec->rate_hz);
    AudioOut *opened = mel_alloc(backends[spec->kind]->size);
    opened->backend = backends[spec->kind];
    opened->spec = *spec;
    if (!spec->latency_us && spec->kind != AUDIO_VIRTUAL)
        opened->spec.latency_us = LATENCY_DEFAULT_US;
    bool ok = opened->backend->open(opened, err);
    opened->spec.server = NULL; /* borrowed during this call only */
    if (!ok) {
        mel_audio_out_close(opened);
        return false;
    }
    *out = opened;
    return true;
}

void mel_audio_out_close(AudioOut *out)
{
    if (!out) return;
    out->backend->close(out);
    free(out);
}

int64_t mel_audio_out_heard(AudioOut *out)
{
    int64_t heard = out->backend->heard(out), pulled = atomic_load(&out->pulled);
    if (heard > pulled) heard = pulled;
    if (heard > out->heard) out->heard = heard;
    return out->heard;
}

int64_t mel_audio_out_latency(AudioOut *out)
{
    int64_t heard = mel_audio_out_heard(out);
    return atomic_load(&out->pulled) - heard;
}

bool mel_audio_out_is_alive(AudioOut *out, Err *err)
{
    return !out->backend->is_alive || out->backend->is_alive(out, err);
}

void audio_out_pull(AudioOut *out, float *samples, int frames)
{
    out->spec.pull(out->spec.ctx, samples, frames);
    atomic_fetch_add(&out->pulled, frames);
}
