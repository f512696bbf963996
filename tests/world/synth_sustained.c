/* SPDX-License-Identifier: Apache-2.0
 *
 * What is bowed, blown, sung or synthesised: saws through a filter, flute, singers. */
#include "tests/world/synth_internal.h"

#include <math.h>

enum { SAWS_MAX = 3, CONTROL_STEP = 32 };
#define CONTROL_S ((double)CONTROL_STEP / SYNTH_RATE_HZ)

/* Saw in -1..1 at phase 0..1, its step rounded off by a polynomial two samples wide. */
static double saw_at(double phase, double step)
{
    double value = 2 * phase - 1;
    if (phase < step) {
        double x = phase / step;
        value -= 2 * x - x * x - 1;
    } else if (phase > 1 - step) {
        double x = (phase - 1) / step;
        value -= x * x + 2 * x + 1;
    }
    return value;
}

static double advance(double *phase, double step)
{
    *phase += step;
    if (*phase >= 1) *phase -= 1;
    return *phase;
}

/* ---- saws through a filter ---- */

typedef struct SawPatch {
    int saws;
    double detune_cents;
    double square; /* 0 = saw, 1 = square */
    double sub;    /* sine an octave below */
    double cutoff_hz, cutoff_track, cutoff_swell_hz, resonance_q;
    Envelope envelope;
    double vibrato_hz, vibrato_cents, vibrato_delay_s;
    double scoop_cents, breath;
    double formants[2][2]; /* {Hz, gain} */
} SawPatch;

static double saws_sum(const SawPatch *patch, double phases[SAWS_MAX], const double steps[SAWS_MAX],
                       double bend)
{
    double sum = 0;
    for (int k = 0; k < patch->saws; k++) {
        double step = steps[k] * bend;
        double phase = advance(&phases[k], step);
        double value = saw_at(phase, step);
        if (patch->square > 0) {
            double half = phase + 0.5;
            value -= patch->square * saw_at(half >= 1 ? half - 1 : half, step);
        }
        sum += value;
    }
    return sum / patch->saws;
}

static void play_saws(Tone *tone, const SawPatch *patch)
{
    size_t samples = mel_tone_samples(tone, tone->length_s + 1.2 * patch->envelope.release_s);
    double phases[SAWS_MAX], steps[SAWS_MAX], sub = 0, bend = 1, level = 0, level_step = 0;
    for (int k = 0; k < patch->saws; k++) {
        double cents = (k - 0.5 * (patch->saws - 1)) * patch->detune_cents * tone->timbre->detune;
        phases[k] = 0.5 + 0.5 * mel_noise(&tone->noise);
        steps[k] = tone->hz * exp2(cents / 1200) / SYNTH_RATE_HZ;
    }
    Svf filter = {0}, formants[2] = {0};
    for (int k = 0; k < 2; k++)
        mel_svf_tune(&formants[k], patch->formants[k][0], 3);
    for (size_t i = 0; i < samples; i++) {
        if (i % CONTROL_STEP == 0) {
            double t = (double)i / SYNTH_RATE_HZ;
            double next = mel_envelope_at(&patch->envelope, t + CONTROL_S, tone->length_s);
            level_step = (next - level) / CONTROL_STEP;
            double swell = next * tone->velocity * patch->cutoff_swell_hz;
            double cutoff = patch->cutoff_hz + patch->cutoff_track * tone->hz + swell;
            mel_svf_tune(&filter, cutoff * tone->timbre->brightness, patch->resonance_q);
            double depth = patch->vibrato_cents * fmin(1, t / (patch->vibrato_delay_s + 0.01));
            double cents = depth * sin(2 * M_PI * patch->vibrato_hz * t);
            bend = exp2((cents - patch->scoop_cents * exp(-t / 0.035)) / 1200);
        }
        level += level_step;
        double x = saws_sum(patch, phases, steps, bend);
        if (patch->breath > 0) x += patch->breath * mel_noise(&tone->noise);
        if (patch->sub > 0)
            x += patch->sub * mel_quick_sine(advance(&sub, 0.5 * tone->hz * bend / SYNTH_RATE_HZ));
        mel_svf_run(&filter, x);
        double y = filter.low;
        for (int k = 0; k < 2; k++)
            if (patch->formants[k][1] > 0) {
                mel_svf_run(&formants[k], filter.low);
                y += patch->formants[k][1] * formants[k].band;
            }
        tone->out[i] += (float)(0.35 * y * level * tone->velocity);
    }
}

static void play_flute(Tone *tone)
{
    static const Envelope envelope = {0.06, 0.4, 0.85, 0.12};
    size_t samples = mel_tone_samples(tone, tone->length_s + 0.15);
    Svf breath = {0};
    mel_svf_tune(&breath, 2.2 * tone->hz, 1.2);
    double phase = 0, chiff = 0.62, settle = mel_shrink(0.035);
    for (size_t i = 0; i < samples; i++) {
        double t = (double)i / SYNTH_RATE_HZ;
        double wave = fmin(1, t * 2.5) * mel_quick_sine(4.9 * t);
        phase += tone->hz * (1 + 0.0035 * wave) / SYNTH_RATE_HZ;
        double sum = mel_quick_sine(phase) + 0.1 * mel_quick_sine(3 * phase) +
                     0.28 * tone->timbre->brightness * mel_quick_sine(2 * phase);
        mel_svf_run(&breath, mel_noise(&tone->noise));
        chiff = 0.12 + (chiff - 0.12) * settle;
        double level = mel_envelope_at(&envelope, t, tone->length_s) * (1 + 0.12 * wave);
        tone->out[i] += (float)(0.45 * level * (sum + chiff * breath.band) * tone->velocity);
    }
}

/* ---- singers ---- */

/* First three formants of a man's a, e, i, o, u (G. Peterson and H. Barney, JASA 24(2), 1952). */
static const double vowels_hz[5][3] = {
    {730, 1090, 2440},
    {530, 1840, 2480},
    {270, 2290, 3010},
    {570, 840,  2410},
    {300, 870,  2240},
};

typedef struct SingerPatch {
    int saws;
    double detune_cents, throat; /* formants times this: 1.16 for women */
    Envelope envelope;
    double vibrato_cents, breath;
    bool fixed_vowel;
} SingerPatch;

static void sing(Tone *tone, const SingerPatch *patch)
{
    static const double gains[3] = {1, 0.6, 0.35}, sharpness[3] = {7, 10, 14};
    size_t samples = mel_tone_samples(tone, tone->length_s + patch->envelope.release_s);
    uint32_t syllable = tone->noise >> 8;
    const double *from = vowels_hz[patch->fixed_vowel ? 0 : syllable % 5];
    const double *to = vowels_hz[patch->fixed_vowel ? 3 : syllable / 5 % 5];
    Svf formants[3] = {0};
    double phases[SAWS_MAX] = {0.1, 0.43, 0.77}, glottis = 0, bend = 1, level = 0, level_step = 0;
    double consonant = 0.35, fade = mel_shrink(0.02);
    for (size_t i = 0; i < samples; i++) {
        double t = (double)i / SYNTH_RATE_HZ;
        if (i % CONTROL_STEP == 0) {
            double glide = fmin(1, t / 0.14);
            for (int k = 0; k < 3; k++) {
                double hz = patch->throat * (from[k] + (to[k] - from[k]) * glide);
                mel_svf_tune(&formants[k], fmax(hz, k ? 0 : tone->hz), sharpness[k]);
            }
            double cents = patch->vibrato_cents * fmin(1, t / 0.35) * sin(2 * M_PI * 5.4 * t);
            bend = exp2((cents - 70 * exp(-t / 0.04)) / 1200);
            double next = mel_envelope_at(&patch->envelope, t + CONTROL_S, tone->length_s);
            level_step = (next - level) / CONTROL_STEP;
        }
        level += level_step;
        double source = 0;
        for (int k = 0; k < patch->saws; k++) {
            double cents = (k - 0.5 * (patch->saws - 1)) * patch->detune_cents;
            double step = tone->hz * bend * (1 + cents * 0.00058) / SYNTH_RATE_HZ;
            source += saw_at(advance(&phases[k], step), step) / patch->saws;
        }
        glottis += 0.25 * (source - glottis);
        double x = glottis + (patch->breath + consonant) * mel_noise(&tone->noise);
        consonant *= fade;
        double y = 0.12 * glottis;
        for (int k = 0; k < 3; k++) {
            mel_svf_run(&formants[k], x);
            y += gains[k] * formants[k].band;
        }
        tone->out[i] += (float)(0.6 * y * level * tone->velocity);
    }
}

/* ---- the instruments ---- */

/* clang-format off */
static const SawPatch saw_patches[INSTRUMENT_COUNT] = {
    [SYNTH_BASS] = {.saws = 1, .sub = 0.9, .cutoff_hz = 120, .cutoff_track = 1.5,
        .cutoff_swell_hz = 900, .resonance_q = 1.1, .envelope = {0.004, 0.18, 0.55, 0.06}},
    [STRINGS] = {.saws = 3, .detune_cents = 7, .cutoff_hz = 900, .cutoff_track = 2.5,
        .cutoff_swell_hz = 1500, .resonance_q = 0.7, .envelope = {0.13, 1, 0.9, 0.3},
        .vibrato_hz = 5.4, .vibrato_cents = 9, .vibrato_delay_s = 0.3, .breath = 0.01,
        .formants = {{1150, 0.5}, {2700, 0.4}}},
    [VIOLIN] = {.saws = 1, .cutoff_hz = 1400, .cutoff_track = 2.5, .cutoff_swell_hz = 2600,
        .resonance_q = 0.8, .envelope = {0.07, 0.8, 0.85, 0.12}, .vibrato_hz = 5.7,
        .vibrato_cents = 17, .vibrato_delay_s = 0.25, .scoop_cents = 25, .breath = 0.02,
        .formants = {{480, 0.5}, {2900, 0.8}}},
    [TRUMPET] = {.saws = 1, .cutoff_hz = 300, .cutoff_track = 1.6, .cutoff_swell_hz = 4200,
        .resonance_q = 0.9, .envelope = {0.035, 0.5, 0.75, 0.07}, .vibrato_hz = 5.2,
        .vibrato_cents = 8, .vibrato_delay_s = 0.4, .scoop_cents = 45, .breath = 0.01,
        .formants = {{1250, 0.7}, {2500, 0.3}}},
    [SAXOPHONE] = {.saws = 1, .square = 0.35, .cutoff_hz = 500, .cutoff_track = 1.4,
        .cutoff_swell_hz = 2600, .resonance_q = 0.9, .envelope = {0.04, 0.6, 0.8, 0.09},
        .vibrato_hz = 5, .vibrato_cents = 14, .vibrato_delay_s = 0.35, .scoop_cents = 70,
        .breath = 0.05, .formants = {{700, 0.9}, {1450, 0.6}}},
    [SYNTH_LEAD] = {.saws = 2, .detune_cents = 9, .square = 0.5, .cutoff_hz = 700,
        .cutoff_track = 1.5, .cutoff_swell_hz = 4200, .resonance_q = 1.6,
        .envelope = {0.008, 0.25, 0.7, 0.12}, .vibrato_hz = 5.5, .vibrato_cents = 10,
        .vibrato_delay_s = 0.3},
    [SYNTH_PAD] = {.saws = 3, .detune_cents = 12, .cutoff_hz = 500, .cutoff_track = 1.2,
        .cutoff_swell_hz = 1100, .resonance_q = 0.9, .envelope = {0.45, 2, 0.85, 0.7},
        .vibrato_hz = 0.7, .vibrato_cents = 4, .vibrato_delay_s = 0.1},
    [ACCORDION] = {.saws = 2, .detune_cents = 8, .square = 0.7, .cutoff_hz = 900,
        .cutoff_track = 2.2, .cutoff_swell_hz = 1500, .resonance_q = 0.8,
        .envelope = {0.05, 1, 0.95, 0.1}, .vibrato_hz = 5.8, .vibrato_cents = 2,
        .vibrato_delay_s = 0.2, .breath = 0.01, .formants = {{600, 0.4}, {1800, 0.5}}},
};

static const SingerPatch singer_man = {.saws = 1, .throat = 1,
    .envelope = {0.05, 0.6, 0.85, 0.1}, .vibrato_cents = 32, .breath = 0.02};
static const SingerPatch singer_woman = {.saws = 1, .throat = 1.16,
    .envelope = {0.05, 0.6, 0.85, 0.1}, .vibrato_cents = 36, .breath = 0.03};
static const SingerPatch singer_choir = {.saws = 3, .detune_cents = 16, .throat = 1.08,
    .envelope = {0.3, 2, 0.9, 0.5}, .vibrato_cents = 14, .breath = 0.03, .fixed_vowel = true};
/* clang-format on */

bool mel_play_sustained(Instrument instrument, Voice voice, Tone *tone)
{
    if (saw_patches[instrument].saws)
        play_saws(tone, &saw_patches[instrument]);
    else if (instrument == FLUTE)
        play_flute(tone);
    else if (instrument == CHOIR)
        sing(tone, &singer_choir);
    else if (instrument == SINGER)
        sing(tone, voice == VOICE_LEAD_MALE ? &singer_man : &singer_woman);
    else
        return false;
    return true;
}
