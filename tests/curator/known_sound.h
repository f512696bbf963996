/* SPDX-License-Identifier: Apache-2.0
 *
 * Sound for the tests of the measures, and how it is measured. */
#ifndef MEL_TESTS_KNOWN_SOUND_H
#define MEL_TESTS_KNOWN_SOUND_H

#include "curator/measures.h"
#include "tests/curator/synth.h"
#include "tests/support/test.h"

enum { RATE = 48000 };

/* Two channels out of one or two; right may be NULL. Takes neither. */
static inline AudioMeasures measure_stereo(const Synth *left, const Synth *right)
{
    float *both = mel_alloc(2 * left->n * sizeof *both);
    for (size_t i = 0; i < left->n; i++) {
        both[2 * i] = left->samples[i];
        both[2 * i + 1] = right ? right->samples[i] : left->samples[i];
    }
    AudioMeasures m;
    mel_measure_audio(both, left->n, 2, left->rate_hz, &m);
    free(both);
    return m;
}

static inline AudioMeasures measure_mono(const Synth *sound)
{
    AudioMeasures m;
    mel_measure_audio(sound->samples, sound->n, 1, sound->rate_hz, &m);
    return m;
}

static inline Synth sine(double seconds, double hz, double amplitude, double phase)
{
    Synth s = synth_new(seconds, RATE);
    for (size_t i = 0; i < s.n; i++)
        s.samples[i] = (float)(amplitude * sin(2 * M_PI * hz * (double)i / RATE + phase));
    return s;
}

static inline Synth noise(double seconds, double level, uint64_t seed)
{
    Synth s = synth_new(seconds, RATE);
    uint64_t white = synth_noise_seed(seed);
    for (size_t i = 0; i < s.n; i++)
        s.samples[i] = (float)(level * synth_white(&white));
    return s;
}

/* Windowed sinc, 801 taps: 90 dB down within 340 Hz. */
static inline void low_pass(Synth *s, double cutoff_hz)
{
    enum { HALF = 400 };
    float taps[2 * HALF + 1];
    for (int i = -HALF; i <= HALF; i++) {
        double x = 2 * cutoff_hz / s->rate_hz, t = M_PI * x * i, w = M_PI * i / (HALF + 1);
        double window = 0.42 + 0.5 * cos(w) + 0.08 * cos(2 * w);
        taps[i + HALF] = (float)(window * x * (i ? sin(t) / t : 1));
    }
    float *in = mel_alloc((s->n + 2 * HALF) * sizeof *in);
    memcpy(in + HALF, s->samples, s->n * sizeof *in);
    memset(s->samples, 0, s->n * sizeof *in);
    for (int k = 0; k <= 2 * HALF; k++) /* taps outside: the inner loop has no sum to wait for */
        for (size_t i = 0; i < s->n; i++)
            s->samples[i] += taps[k] * in[i + (size_t)k];
    free(in);
}

static inline void quantise(Synth *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->samples[i] = (float)(fmax(-32768, fmin(32767, rint(s->samples[i] * 32768))) / 32768);
}

static inline Synth music(double seconds, uint64_t seed)
{
    Piece piece = synth_piece(seed);
    Synth s = synth_play(&piece, seconds, RATE);
    float peak = 0;
    for (size_t i = 0; i < s.n; i++)
        peak = fmaxf(peak, fabsf(s.samples[i]));
    for (size_t i = 0; i < s.n; i++)
        s.samples[i] *= 0.7f / peak;
    return s;
}

#endif
