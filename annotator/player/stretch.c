/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/player/stretch.h"

#include <rubberband/rubberband-c.h>

#include <math.h>
#include <stdlib.h>

enum { BLOCK_FRAMES = 4096 };

typedef struct Stretcher {
    const LoadedClip *clip;
    const atomic_bool *cancel;
    RubberBandState band;
    float *channels[PLAYER_CHANNELS]; /* BLOCK_FRAMES each */
    Stretched *into;
    int64_t written;
} Stretcher;

/* Splits up to a block of the clip; returns its length. */
static unsigned split(Stretcher *s, int64_t from)
{
    int64_t rest = s->clip->frames - from;
    unsigned count = rest < BLOCK_FRAMES ? (unsigned)rest : BLOCK_FRAMES;
    const float *samples = s->clip->samples + from * PLAYER_CHANNELS;
    for (unsigned i = 0; i < count; i++)
        for (int c = 0; c < PLAYER_CHANNELS; c++)
            s->channels[c][i] = samples[i * PLAYER_CHANNELS + (unsigned)c];
    return count;
}

/* Takes what is ready; what goes beyond the exact length is dropped, what lacks stays silence. */
static void take(Stretcher *s)
{
    for (int ready; (ready = rubberband_available(s->band)) > 0;) {
        unsigned count = ready < BLOCK_FRAMES ? (unsigned)ready : BLOCK_FRAMES;
        count = rubberband_retrieve(s->band, s->channels, count);
        if (!count) return;
        for (unsigned i = 0; i < count && s->written < s->into->frames; i++, s->written++)
            for (int c = 0; c < PLAYER_CHANNELS; c++)
                s->into->samples[s->written * PLAYER_CHANNELS + c] = s->channels[c][i];
    }
}

typedef void BlockFn(RubberBandState, const float *const *, unsigned, int);

static bool walk(Stretcher *s, BlockFn *block, bool takes, Err *err)
{
    unsigned count;
    for (int64_t from = 0; from < s->clip->frames; from += count) {
        if (s->cancel && atomic_load_explicit(s->cancel, memory_order_relaxed))
            return mel_err(err, ERR_CANCELLED, "slowing the clip down was given up");
        count = split(s, from);
        block(s->band, (const float *const *)s->channels, count, from + count == s->clip->frames);
        if (takes) take(s);
    }
    return true;
}

static bool run(Stretcher *s, Err *err)
{
    RubberBandOptions options = RubberBandOptionProcessOffline | RubberBandOptionEngineFiner |
                                RubberBandOptionThreadingNever | RubberBandOptionChannelsTogether;
    s->band =
        rubberband_new((unsigned)s->clip->rate_hz, PLAYER_CHANNELS, options, 1 / s->into->speed, 1);
    if (!s->band) return mel_err(err, ERR_NOMEM, "no memory to slow a clip down");
    rubberband_set_expected_input_duration(s->band, (unsigned)s->clip->frames);
    rubberband_set_max_process_size(s->band, BLOCK_FRAMES);
    for (int c = 0; c < PLAYER_CHANNELS; c++)
        s->channels[c] = mel_alloc(BLOCK_FRAMES * sizeof(float));
    return walk(s, rubberband_study, false, err) && walk(s, rubberband_process, true, err);
}

bool mel_stretch(const LoadedClip *clip, double speed, const atomic_bool *cancel, Stretched **out,
                 Err *err)
{
    if (!(speed >= 0.25 && speed <= 1))
        return mel_err(err, ERR_USAGE, "a speed of %g is not between 0.25 and 1", speed);
    Stretched *into = mel_alloc(sizeof *into);
    atomic_init(&into->references, 1);
    into->speed = speed;
    into->frames = llround((double)clip->frames / speed);
    into->samples = mel_try_alloc((size_t)into->frames * PLAYER_CHANNELS + 1, sizeof(float),
                                  SIZE_MAX, "a slow sound", err);
    Stretcher s = {.clip = clip, .cancel = cancel, .into = into};
    bool ok = into->samples && (!clip->samples || !clip->frames || run(&s, err));
    if (s.band) rubberband_delete(s.band);
    for (int c = 0; c < PLAYER_CHANNELS; c++)
        free(s.channels[c]);
    if (!ok) {
        mel_stretched_unref(into);
        return false;
    }
    *out = into;
    return true;
}

Stretched *mel_stretched_ref(Stretched *stretched)
{
    atomic_fetch_add(&stretched->references, 1);
    return stretched;
}

void mel_stretched_unref(Stretched *stretched)
{
    if (!stretched || atomic_fetch_sub(&stretched->references, 1) > 1) return;
    free(stretched->samples);
    free(stretched);
}
