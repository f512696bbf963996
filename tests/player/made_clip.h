/* SPDX-License-Identifier: Apache-2.0
 *
 * Clips made in memory for the tests of the player: every sample differs from every other, and
 * picture n begins at a known sample. */
#ifndef MEL_TESTS_MADE_CLIP_H
#define MEL_TESTS_MADE_CLIP_H

#include "annotator/player/loaded_clip.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

/* Never 0 and exact as a float for 8 million samples. */
static inline float made_sample(int64_t i, int channel)
{
    return (float)(2 * i + channel + 1) * 0x1p-24F;
}

/* frame_rate_hz 0: no pictures. */
static inline LoadedClip *made_clip(int rate_hz, int64_t frames, double frame_rate_hz)
{
    LoadedClip *clip = mel_alloc(sizeof *clip);
    atomic_init(&clip->references, 1);
    clip->rate_hz = rate_hz;
    clip->frames = frames;
    clip->gain = 1;
    clip->samples = mel_alloc((size_t)frames * PLAYER_CHANNELS * sizeof(float));
    for (int64_t i = 0; i < frames; i++)
        for (int c = 0; c < PLAYER_CHANNELS; c++)
            clip->samples[i * PLAYER_CHANNELS + c] = made_sample(i, c);
    size_t capacity = 0;
    clip->width = clip->height = 2;
    for (size_t n = 0; frame_rate_hz > 0; n++) {
        int64_t sample = (int64_t)ceil((double)n * rate_hz / frame_rate_hz);
        if (sample >= frames) break;
        mel_grow(&clip->pictures, &capacity, n + 1, sizeof *clip->pictures);
        clip->pictures[n] = (ClipPicture){sample, mel_alloc(12)};
        clip->picture_count = n + 1;
    }
    return clip;
}

/* A sine in both channels, of an amplitude. */
static inline void made_sine(LoadedClip *clip, double hz, double amplitude)
{
    for (int64_t i = 0; i < clip->frames; i++)
        for (int c = 0; c < PLAYER_CHANNELS; c++)
            clip->samples[i * PLAYER_CHANNELS + c] =
                (float)(amplitude * sin(2 * M_PI * hz * (double)i / clip->rate_hz));
}

#endif
