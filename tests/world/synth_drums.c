/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/synth.h"

#include <math.h>

/* A stroke is a falling sine (the skin) and filtered noise (wires, cymbals, beads). */
typedef struct Stroke {
    double skin_gain, skin_start_hz, skin_end_hz, skin_drop_s, skin_decay_s;
    double noise_gain, noise_hz, noise_q, noise_attack_s, noise_decay_s;
    bool noise_band;   /* band-pass instead of high-pass */
    double metal_gain; /* inharmonic squares, of cymbals */
    int bursts;        /* repeated noise onsets 11 ms apart, of claps */
} Stroke;

static const Stroke acoustic_kick = {1.0, 130, 52, 0.03, 0.13, 0.25, 2500, 0.7, 0, 0.008, 0, 0, 0};
static const Stroke machine_kick = {1.1, 170, 46, 0.045, 0.28, 0.12, 4000, 0.7, 0, 0.004, 0, 0, 0};

static const Stroke *stroke_of(char drum, Instrument kit)
{
    static const Stroke snare = {0.5, 230, 185, 0.03, 0.09, 0.55, 1900, 0.7, 0, 0.13, 0, 0, 0};
    static const Stroke machine_snare = {0.5, 260, 200, 0.02, 0.07, 0.6, 2600,
                                         0.8, 0,   0.1, 0,    0,    0};
    static const Stroke rim = {0.5, 1750, 1650, 0.01, 0.018, 0.25, 3000, 1.5, 0, 0.012, 1, 0, 0};
    static const Stroke clap = {0, 1, 1, 1, 1, 0.9, 1500, 1.2, 0, 0.09, 1, 0, 3};
    static const Stroke closed_hat = {0, 1, 1, 1, 1, 0.35, 7500, 0.8, 0, 0.028, 0, 0.1, 0};
    static const Stroke open_hat = {0, 1, 1, 1, 1, 0.35, 7000, 0.8, 0, 0.22, 0, 0.14, 0};
    static const Stroke ride = {0, 1, 1, 1, 1, 0.14, 6000, 0.8, 0, 0.3, 0, 0.22, 0};
    static const Stroke crash = {0, 1, 1, 1, 1, 0.5, 4200, 0.7, 0, 0.9, 0, 0.16, 0};
    static const Stroke brush = {0, 1, 1, 1, 1, 0.3, 3800, 0.6, 0.03, 0.09, 1, 0, 0};
    static const Stroke tom = {0.9, 150, 92, 0.06, 0.2, 0.15, 1800, 0.7, 0, 0.03, 0, 0, 0};
    static const Stroke low_conga = {0.9, 215, 188, 0.02, 0.17, 0.2, 1500, 0.9, 0, 0.015, 1, 0, 0};
    static const Stroke high_conga = {0.8, 335, 300, 0.015, 0.11, 0.3, 2400, 0.9, 0, 0.02, 1, 0, 0};
    static const Stroke clave = {0.7, 2480, 2480, 0.01, 0.035, 0.05, 5000, 1, 0, 0.005, 1, 0, 0};
    static const Stroke shaker = {0, 1, 1, 1, 1, 0.4, 6200, 0.9, 0.012, 0.035, 0, 0, 0};
    static const Stroke tambourine = {0, 1, 1, 1, 1, 0.3, 8000, 1.2, 0.002, 0.1, 0, 0.16, 0};
    switch (drum) {
    case 'K':
        return kit == DRUM_MACHINE ? &machine_kick : &acoustic_kick;
    case 'S':
        return kit == DRUM_MACHINE ? &machine_snare : &snare;
    case 'R':
        return &rim;
    case 'C':
        return &clap;
    case 'H':
        return &closed_hat;
    case 'O':
        return &open_hat;
    case 'D':
        return &ride;
    case 'Y':
        return &crash;
    case 'B':
        return &brush;
    case 'T':
        return &tom;
    case 'G':
        return &low_conga;
    case 'g':
        return &high_conga;
    case 'V':
        return &clave;
    case 'M':
        return &shaker;
    case 'A':
        return &tambourine;
    default:
        MEL_ASSERT(!"no such drum");
        return NULL;
    }
}

/* Six squares at frequencies that have no ratio to each other; phases wrap by themselves. */
typedef struct Cymbal {
    uint32_t phases[6], steps[6];
} Cymbal;

static void cymbal_init(Cymbal *cymbal, double pitch)
{
    static const double partials_hz[6] = {2630, 3470, 4210, 5390, 6800, 8170};
    for (int i = 0; i < 6; i++) {
        cymbal->phases[i] = 0;
        cymbal->steps[i] = (uint32_t)(partials_hz[i] * pitch / SYNTH_RATE_HZ * 4294967296.0);
    }
}

static double cymbal_run(Cymbal *cymbal)
{
    int sum = 0;
    for (int i = 0; i < 6; i++) {
        sum += cymbal->phases[i] >> 31 ? -1 : 1;
        cymbal->phases[i] += cymbal->steps[i];
    }
    return sum / 6.0;
}

static void add_skin(const Stroke *stroke, const Timbre *timbre, double velocity, float *out,
                     size_t n)
{
    double span_hz = (stroke->skin_start_hz - stroke->skin_end_hz) * timbre->drum_pitch;
    double end_hz = stroke->skin_end_hz * timbre->drum_pitch, phase = 0;
    double level = stroke->skin_gain * velocity;
    double drop = mel_shrink(stroke->skin_drop_s);
    double decay = mel_shrink(stroke->skin_decay_s * timbre->decay);
    for (size_t i = 0; i < n; i++) {
        double onset = i < 24 ? (double)i / 24 : 1;
        phase += (end_hz + span_hz) / SYNTH_RATE_HZ;
        out[i] += (float)(level * onset * mel_quick_sine(phase));
        span_hz *= drop;
        level *= decay;
    }
}

static void add_noise(const Stroke *stroke, const Timbre *timbre, const Note *note, float *out,
                      size_t n)
{
    uint32_t state = note->seed | 1;
    Svf filter = {0};
    Cymbal cymbal;
    cymbal_init(&cymbal, timbre->drum_pitch);
    double hardness = 0.8 + 0.3 * note->velocity;
    double noise_hz = stroke->noise_hz * hardness * (0.8 + 0.2 * timbre->brightness);
    mel_svf_tune(&filter, noise_hz, stroke->noise_q);
    size_t attack = (size_t)(stroke->noise_attack_s * SYNTH_RATE_HZ);
    size_t apart = 11 * SYNTH_RATE_HZ / 1000, last_burst = apart * (size_t)stroke->bursts;
    double level = 1, shrink = mel_shrink(stroke->noise_decay_s);
    for (size_t i = 0; i < n; i++) {
        double onset = i < attack ? (double)i / (double)attack : 1;
        if (i >= attack) level *= shrink;
        if (i < last_burst) level = i % apart == 0 ? 1 : level * 0.995;
        double noise = mel_noise(&state) * stroke->noise_gain;
        if (stroke->metal_gain > 0) noise += stroke->metal_gain * cymbal_run(&cymbal);
        mel_svf_run(&filter, noise);
        double y = stroke->noise_band ? filter.band : filter.high;
        out[i] += (float)(onset * level * y * note->velocity);
    }
}

/* Samples from `start` on, at most to the end of the bus. */
static size_t sounding(const Bus *bus, size_t start, double seconds)
{
    size_t n = (size_t)(seconds * SYNTH_RATE_HZ), left = bus->n - start;
    return n < left ? n : left;
}

void mel_synth_drum(Instrument kit, const Timbre *timbre, const Note *note, Bus *bus)
{
    const Stroke *stroke = stroke_of((char)note->pitch, kit);
    size_t start = (size_t)(note->start_s * SYNTH_RATE_HZ);
    if (start >= bus->n) return;
    float *out = bus->samples + start;
    if (stroke->skin_gain > 0) {
        size_t n = sounding(bus, start, 6 * stroke->skin_decay_s * timbre->decay);
        add_skin(stroke, timbre, note->velocity, out, n);
    }
    double noise_s = stroke->noise_attack_s + 6 * stroke->noise_decay_s + 0.03;
    add_noise(stroke, timbre, note, out, sounding(bus, start, noise_s));
}
