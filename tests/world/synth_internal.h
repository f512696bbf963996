/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the sounds: what a note is on its way into a bus, and who plays it. */
#ifndef MEL_WORLD_SYNTH_INTERNAL_H
#define MEL_WORLD_SYNTH_INTERNAL_H

#include "tests/world/synth.h"

typedef struct Tone {
    float *out;
    size_t n; /* samples left in the bus */
    double hz, velocity, length_s;
    uint32_t noise; /* state of mel_noise */
    const Timbre *timbre;
} Tone;

typedef struct Envelope {
    double attack_s, decay_s, sustain, release_s;
} Envelope;

/* The level at time t of a note that is held for length_s. */
double mel_envelope_at(const Envelope *envelope, double t, double length_s);

/* How many samples `seconds` of the tone are, at most to the end of the bus. */
size_t mel_tone_samples(const Tone *tone, double seconds);

/* Bowed, blown, sung and synthetic sounds. False for an instrument that is none of these. */
bool mel_play_sustained(Instrument instrument, Voice voice, Tone *tone);

#endif
