/* SPDX-License-Identifier: Apache-2.0
 *
 * Sound and music made up for tests: everything is a function of a seed. */
#ifndef MEL_TESTS_SYNTH_H
#define MEL_TESTS_SYNTH_H

#include "base/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* White noise, -1..1, from a shift register (Marsaglia's xorshift): Philox is slow for so much. */
static inline double synth_white(uint64_t *noise)
{
    *noise ^= *noise << 13;
    *noise ^= *noise >> 7;
    *noise ^= *noise << 17;
    return (double)(int64_t)*noise * 0x1p-63;
}

static inline uint64_t synth_noise_seed(uint64_t seed)
{
    uint32_t block[4];
    mel_philox(seed, 7, 0, block);
    return (uint64_t)block[0] << 32 | block[1] | 1;
}

typedef struct Synth {
    float *samples; /* mono; yours to free */
    size_t n;
    int rate_hz;
} Synth;

static inline Synth synth_new(double seconds, int rate_hz)
{
    Synth s = {.n = (size_t)(seconds * rate_hz), .rate_hz = rate_hz};
    s.samples = mel_alloc(s.n * sizeof *s.samples);
    return s;
}

/* A decaying tone by a rotating phasor; brightness is the fall of each harmonic to the next. */
static inline void synth_note(Synth *s, double start_s, double length_s, double hz, double level,
                              double brightness, double decay_s)
{
    size_t first = (size_t)(start_s * s->rate_hz), end = first + (size_t)(length_s * s->rate_hz);
    size_t last = end < s->n ? end : s->n, ramp = (size_t)(0.004 * s->rate_hz);
    double amplitude = level;
    for (int h = 1; h <= 8 && hz * h < 0.45 * s->rate_hz; h++, amplitude *= brightness) {
        double w = 2 * M_PI * hz * h / s->rate_hz, fall = exp(-h / (decay_s * s->rate_hz * 2));
        double re = 0, im = amplitude, c = cos(w) * fall, q = sin(w) * fall;
        for (size_t i = first; i < last; i++) {
            size_t edge = i - first < end - i ? i - first : end - i;
            s->samples[i] += (float)(edge < ramp ? re * (double)edge / (double)ramp : re);
            double next = re * c + im * q;
            im = im * c - re * q;
            re = next;
        }
    }
}

static inline void synth_kick(Synth *s, double start_s, double level, double hz)
{
    size_t first = (size_t)(start_s * s->rate_hz), length = (size_t)(0.25 * s->rate_hz);
    double phase = 0;
    for (size_t i = 0; i < length && first + i < s->n; i++) {
        double t = (double)i / s->rate_hz;
        phase += 2 * M_PI * (hz + 3 * hz * exp(-t / 0.03)) / s->rate_hz;
        s->samples[first + i] += (float)(level * exp(-t / 0.07) * sin(phase));
    }
}

/* A burst of noise, high-passed by differences; the same seed is the same sample of a kit. */
static inline void synth_noise_hit(Synth *s, double start_s, double level, double decay_s,
                                   bool bright, uint64_t seed)
{
    uint64_t noise = synth_noise_seed(seed);
    size_t first = (size_t)(start_s * s->rate_hz), length = (size_t)(6 * decay_s * s->rate_hz);
    double before = 0, fall = exp(-1 / (decay_s * s->rate_hz));
    for (size_t i = 0; i < length && first + i < s->n; i++) {
        double x = synth_white(&noise);
        s->samples[first + i] += (float)(level * (bright ? x - before : x));
        level *= fall;
        before = x;
    }
}

static inline double synth_hz(int midi)
{
    return 440 * pow(2, (midi - 69) / 12.0);
}

/* What a piece is made of; a different `notes` seed is different music by the same band. */
typedef struct Piece {
    double bpm;
    int key; /* MIDI note of the tonic */
    double brightness, decay_s;
    uint64_t kit, notes;
    double drums, melody, chords, bass; /* levels */
} Piece;

static inline Piece synth_piece(uint64_t seed)
{
    Rng rng = {.seed = seed, .stream = 1};
    return (Piece){
        .bpm = mel_rng_range(&rng, 70, 170),
        .key = 48 + mel_rng_int(&rng, 12),
        .brightness = mel_rng_range(&rng, 0.3, 0.8),
        .decay_s = mel_rng_range(&rng, 0.1, 0.8),
        .kit = seed,
        .notes = seed,
        .drums = mel_rng_int(&rng, 4) ? mel_rng_range(&rng, 0.1, 0.5) : 0,
        .melody = mel_rng_range(&rng, 0.1, 0.3),
        .chords = mel_rng_int(&rng, 3) ? mel_rng_range(&rng, 0.03, 0.12) : 0,
        .bass = mel_rng_int(&rng, 3) ? mel_rng_range(&rng, 0.1, 0.3) : 0,
    };
}

static inline int synth_degree(int key, int degree)
{
    static const int major[7] = {0, 2, 4, 5, 7, 9, 11};
    return key + 12 * (degree / 7) + major[degree % 7];
}

/* Plays the piece from the start; sixteenth by sixteenth. */
static inline Synth synth_play(const Piece *piece, double seconds, int rate_hz)
{
    Synth s = synth_new(seconds, rate_hz);
    Rng rng = {.seed = piece->notes, .stream = 2};
    double step = 60 / piece->bpm / 4;
    int chord = 0, pattern[16];
    for (int i = 0; i < 16; i++)
        pattern[i] = mel_rng_int(&rng, 8);
    for (int i = 0; i * step < seconds; i++) {
        double t = i * step;
        if (i % 16 == 0) {
            chord = mel_rng_int(&rng, 7);
            for (int v = 0; v < 3 && piece->chords > 0; v++)
                synth_note(&s, t, step * 16, synth_hz(synth_degree(piece->key, chord + 2 * v)),
                           piece->chords, piece->brightness, 1.5);
        }
        if (piece->bass > 0 && i % 4 == 0)
            synth_note(&s, t, step * 3.5, synth_hz(synth_degree(piece->key - 24, chord)),
                       piece->bass, 0.5, 0.4);
        if (piece->melody > 0 && mel_rng_int(&rng, 3))
            synth_note(&s, t, step * 2,
                       synth_hz(synth_degree(piece->key + 12, mel_rng_int(&rng, 11))),
                       piece->melody, piece->brightness, piece->decay_s);
        if (piece->drums > 0) {
            if (pattern[i % 16] < 2 || i % 8 == 0)
                synth_kick(&s, t, piece->drums, 45 + (double)(piece->kit % 20));
            if (i % 8 == 4 || pattern[i % 16] == 3)
                synth_noise_hit(&s, t, piece->drums * 0.5, 0.04, false, piece->kit);
            if (pattern[i % 16] > 3)
                synth_noise_hit(&s, t, piece->drums * 0.2, 0.012, true, piece->kit + 1);
        }
    }
    return s;
}

static inline Synth synth_cut(const Synth *s, double from_s, double seconds)
{
    Synth out = synth_new(seconds, s->rate_hz);
    size_t first = (size_t)lrint(from_s * s->rate_hz);
    for (size_t i = 0; i < out.n && first + i < s->n; i++)
        out.samples[i] = s->samples[first + i];
    return out;
}

static inline double synth_rms(const Synth *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += (double)s->samples[i] * s->samples[i];
    return sqrt(sum / (double)s->n);
}

/* What a poor codec leaves: low-passed (one pole, four times), noise below the sound, few bits. */
static inline void synth_degrade(Synth *s, double cutoff_hz, double snr_db, double gain, int bits,
                                 uint64_t seed)
{
    uint64_t white = synth_noise_seed(seed);
    double a = 1 - exp(-2 * M_PI * cutoff_hz / s->rate_hz), y[4] = {0};
    double noise = synth_rms(s) * pow(10, -snr_db / 20), steps = (double)(1 << (bits - 1));
    for (size_t i = 0; i < s->n; i++) {
        double x = s->samples[i];
        for (int k = 0; k < 4; k++)
            x = y[k] += a * (x - y[k]);
        x += noise * sqrt(3) * synth_white(&white);
        s->samples[i] = (float)(gain * (round(x * steps) / steps));
    }
}

#endif
