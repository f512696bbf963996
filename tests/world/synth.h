/* SPDX-License-Identifier: Apache-2.0
 *
 * Sounds: one note of one instrument, or one stroke of one drum, added to a mono buffer.
 *
 * Plucked strings are K. Karplus and A. Strong's algorithm with D. Jaffe and J. Smith's tuning
 * filter (Computer Music Journal 7(2), 1983); electric piano and bell are J. Chowning's frequency
 * modulation (JAES 21(7), 1973); saws are band-limited by the polynomial step of V. Välimäki and
 * A. Huovilainen (IEEE Signal Processing Magazine 24(2), 2007); singers are a glottal saw through
 * formant resonators. */
#ifndef MEL_WORLD_SYNTH_H
#define MEL_WORLD_SYNTH_H

#include "tests/world/score.h"

enum { SYNTH_RATE_HZ = 48000 };

/* What differs between two players of the same instrument; each near 1, drawn per source. */
typedef struct Timbre {
    double brightness, decay, detune, drum_pitch;
    double tune; /* frequency ratio of the whole source's tuning */
} Timbre;

/* A mono bus of n samples. */
typedef struct Bus {
    float *samples;
    size_t n;
} Bus;

void mel_synth_note(Instrument instrument, Voice voice, const Timbre *timbre, const Note *note,
                    Bus *bus);

/* `kit` is DRUMS, DRUM_MACHINE or HAND_PERCUSSION; note->pitch is the drum's letter:
 * K kick, S snare, R rim, C clap, H closed hat, O open hat, D ride, Y crash, B brush, T tom,
 * G low conga, g high conga, V clave, M shaker, A tambourine. */
void mel_synth_drum(Instrument kit, const Timbre *timbre, const Note *note, Bus *bus);

/* ---- shared by the sounds ---- */

/* Topology-preserving state-variable filter (V. Zavalishin, "The Art of VA Filter Design"). */
typedef struct Svf {
    double g, k, a1, a2, a3; /* coefficients */
    double ic1, ic2;         /* state */
    double low, band, high;  /* outputs of the last sample; band has unity gain at its centre */
} Svf;

void mel_svf_tune(Svf *filter, double cutoff_hz, double resonance_q);
void mel_svf_run(Svf *filter, double in);

/* sin(2 pi turns) for turns >= 0 to one part in a thousand: two parabolas. */
static inline double mel_quick_sine(double turns)
{
    double y = turns - (double)(int64_t)turns - 0.5;
    double q = y * (8 - 16 * (y < 0 ? -y : y));
    return -(q + 0.225 * (q * (q < 0 ? -q : q) - q));
}

/* The factor by which something decaying with time constant decay_s shrinks in one sample. */
double mel_shrink(double decay_s);

/* White noise in -1..1 from a state that must not be 0; cheap, for use inside sounds. */
double mel_noise(uint32_t *state);

#endif
