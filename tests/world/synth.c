/* SPDX-License-Identifier: Apache-2.0
 *
 * What is plucked, struck or pressed: strings, piano, organ, electric piano, bell. */
#include "tests/world/synth_internal.h"

#include <math.h>

enum { PARTIALS = 10, STRING_MAX = 2048 };

void mel_svf_tune(Svf *filter, double cutoff_hz, double resonance_q)
{
    double hz = fmin(fmax(cutoff_hz, 20), 0.45 * SYNTH_RATE_HZ);
    filter->g = tan(M_PI * hz / SYNTH_RATE_HZ);
    filter->k = 1 / resonance_q;
    filter->a1 = 1 / (1 + filter->g * (filter->g + filter->k));
    filter->a2 = filter->g * filter->a1;
    filter->a3 = filter->g * filter->a2;
}

void mel_svf_run(Svf *filter, double in)
{
    double v3 = in - filter->ic2;
    double v1 = filter->a1 * filter->ic1 + filter->a2 * v3;
    double v2 = filter->ic2 + filter->a2 * filter->ic1 + filter->a3 * v3;
    filter->ic1 = 2 * v1 - filter->ic1;
    filter->ic2 = 2 * v2 - filter->ic2;
    filter->low = v2;
    filter->band = filter->k * v1;
    filter->high = in - filter->k * v1 - v2;
}

double mel_shrink(double decay_s)
{
    return exp(-1 / (decay_s * SYNTH_RATE_HZ));
}

double mel_noise(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return (double)(int32_t)x / 2147483648.0;
}

double mel_envelope_at(const Envelope *envelope, double t, double length_s)
{
    double level = 1;
    double held = fmin(t, length_s);
    if (held < envelope->attack_s)
        level = held / envelope->attack_s;
    else
        level = envelope->sustain +
                (1 - envelope->sustain) * exp(-(held - envelope->attack_s) / envelope->decay_s);
    if (t > length_s) level *= exp(-4 * (t - length_s) / envelope->release_s);
    return level;
}

size_t mel_tone_samples(const Tone *tone, double seconds)
{
    double n = seconds * SYNTH_RATE_HZ;
    return n < (double)tone->n ? (size_t)n : tone->n;
}

/* ---- plucked strings ---- */

typedef struct StringPatch {
    double decay_s; /* to -60 dB at 220 Hz */
    double bright;  /* 0..1 of the pluck */
    double pick;    /* where it is plucked, share of the string */
    double buzz;    /* of a flat bridge */
    double ring_s;  /* sounds at least so long */
    double courses; /* 2 = doubled strings */
} StringPatch;

static void excite(float *string, int n, const StringPatch *patch, Tone *tone)
{
    double a =
        fmin(0.96, patch->bright * (0.55 + 0.45 * tone->velocity) * tone->timbre->brightness);
    double low = 0, mean = 0;
    for (int i = 0; i < n; i++) {
        low += a * (mel_noise(&tone->noise) - low);
        string[i] = (float)low;
    }
    int shift = (int)(patch->pick * n) + 1;
    for (int i = n - 1; i >= shift; i--)
        string[i] -= 0.8f * string[i - shift];
    for (int i = 0; i < n; i++)
        mean += string[i] / n;
    double power = 1e-9;
    for (int i = 0; i < n; i++) {
        string[i] -= (float)mean;
        power += (double)string[i] * string[i] / n;
    }
    for (int i = 0; i < n; i++)
        string[i] *= (float)(0.4 / sqrt(power));
}

static void pluck_once(Tone *tone, const StringPatch *patch, double hz, double gain)
{
    float string[STRING_MAX];
    double damp = 0.5 - 0.36 * fmin(1, patch->bright * tone->timbre->brightness);
    double period = SYNTH_RATE_HZ / hz - damp;
    int n = (int)(period - 0.3);
    if (n < 4 || n > STRING_MAX) return;
    double part = period - n, tuning = (1 - part) / (1 + part);
    excite(string, n, patch, tone);
    double decay_s = patch->decay_s * tone->timbre->decay * pow(220 / hz, 0.4);
    double loop = pow(10, -3 / (hz * decay_s));
    double sounding_s = fmax(tone->length_s, patch->ring_s);
    size_t samples = mel_tone_samples(tone, sounding_s + 0.25);
    double before = 0, tuned = 0, body = 0, fade = 1, damped = mel_shrink(1 / 30.0);
    size_t held = (size_t)(sounding_s * SYNTH_RATE_HZ);
    int at = 0;
    for (size_t i = 0; i < samples; i++) {
        double x = string[at], next = string[at + 1 == n ? 0 : at + 1];
        double filtered = loop * ((1 - damp) * x + damp * next);
        tuned = tuning * (filtered - tuned) + before;
        before = filtered;
        string[at] = (float)tuned;
        if (++at == n) at = 0;
        if (i > held) fade *= damped;
        double y = x;
        if (patch->buzz > 0) {
            double folded = fabs(x) - 0.12;
            body += 0.02 * (folded - body);
            y += patch->buzz * (folded - body);
        }
        tone->out[i] += (float)(gain * fade * y * tone->velocity);
    }
}

static void pluck(Tone *tone, const StringPatch *patch)
{
    double spread = 1 + 0.0012 * tone->timbre->detune;
    pluck_once(tone, patch, tone->hz, patch->courses > 1 ? 0.6 : 1);
    if (patch->courses > 1) pluck_once(tone, patch, tone->hz * spread, 0.6);
}

/* ---- piano and organ: sums of sines ---- */

static void play_piano(Tone *tone)
{
    double stretch = 0.0004 * pow(tone->hz / 260, 1.2);
    double samples_max = tone->length_s + 0.35;
    size_t samples = mel_tone_samples(tone, samples_max);
    for (int k = 1; k <= PARTIALS; k++) {
        double hz = k * tone->hz * sqrt(1 + stretch * k * k);
        if (hz > 0.4 * SYNTH_RATE_HZ) break;
        double dull = (1.35 - tone->velocity) / tone->timbre->brightness;
        double gain = 0.8 / pow(k, 0.7) * exp(-0.25 * dull * (k - 1)) * fabs(sin(k * M_PI / 8.3));
        double decay_s = 1.4 * tone->timbre->decay * pow(220 / tone->hz, 0.5) / (1 + 0.3 * k);
        double turn = 2 * M_PI * hz / SYNTH_RATE_HZ;
        double c = cos(turn), s = sin(turn), shrink = mel_shrink(decay_s);
        double release = mel_shrink(0.06);
        size_t held = (size_t)(tone->length_s * SYNTH_RATE_HZ);
        double re = gain * tone->velocity, im = 0;
        c *= shrink;
        s *= shrink;
        for (size_t i = 0; i < samples; i++) {
            double turned = re * c - im * s;
            im = re * s + im * c;
            re = turned;
            if (i > held) re *= release, im *= release;
            tone->out[i] += (float)im;
        }
    }
    double thump = 0;
    size_t knock = mel_tone_samples(tone, 0.02);
    for (size_t i = 0; i < knock; i++) {
        thump += 0.08 * (mel_noise(&tone->noise) - thump);
        tone->out[i] += (float)(thump * tone->velocity * (1 - (double)i / (double)knock));
    }
}

static void play_organ(Tone *tone)
{
    static const double bars[6][2] = {
        {0.5, 0.5 },
        {1,   1   },
        {1.5, 0.35},
        {2,   0.7 },
        {3,   0.4 },
        {4,   0.3 }
    };
    static const Envelope envelope = {0.012, 1, 1, 0.09};
    size_t samples = mel_tone_samples(tone, tone->length_s + 0.15);
    double phase = 0;
    for (size_t i = 0; i < samples; i++) {
        double t = (double)i / SYNTH_RATE_HZ;
        double leslie = mel_quick_sine(6.3 * t), sum = 0;
        phase += tone->hz * (1 + 0.0025 * leslie) / SYNTH_RATE_HZ;
        for (int k = 0; k < 6; k++)
            sum += bars[k][1] * mel_quick_sine(phase * bars[k][0]);
        double level = mel_envelope_at(&envelope, t, tone->length_s) * (1 + 0.12 * leslie);
        tone->out[i] += (float)(0.3 * sum * level * tone->velocity);
    }
}

/* ---- frequency modulation ---- */

typedef struct FmPatch {
    double ratio, index, index_decay_s; /* the slow modulator */
    double tine, tine_index, tine_decay_s;
    double decay_s, release_s;
} FmPatch;

static void play_fm(Tone *tone, const FmPatch *patch)
{
    double decay_s = patch->decay_s * tone->timbre->decay * pow(300 / tone->hz, 0.3);
    double held_s = fmin(fmax(tone->length_s, patch->release_s), 4 * decay_s);
    size_t samples = mel_tone_samples(tone, held_s + patch->release_s);
    double index = patch->index * tone->velocity * tone->timbre->brightness;
    double tine = patch->tine_index * tone->velocity * tone->timbre->brightness;
    if (tone->hz * patch->tine > 0.35 * SYNTH_RATE_HZ) tine = 0;
    double index_shrink = mel_shrink(patch->index_decay_s);
    double tine_shrink = mel_shrink(patch->tine_decay_s);
    double level = 0.7 * tone->velocity, level_shrink = mel_shrink(decay_s);
    double release_shrink = mel_shrink(patch->release_s / 5);
    size_t held = (size_t)(held_s * SYNTH_RATE_HZ), attack = SYNTH_RATE_HZ / 700;
    for (size_t i = 0; i < samples; i++) {
        double turns = tone->hz * (double)i / SYNTH_RATE_HZ;
        double bend = index * mel_quick_sine(turns * patch->ratio);
        bend += tine * mel_quick_sine(turns * patch->tine);
        index *= index_shrink;
        tine *= tine_shrink;
        level *= i > held ? release_shrink : level_shrink;
        double onset = i < attack ? (double)i / (double)attack : 1;
        tone->out[i] += (float)(level * onset * mel_quick_sine(16 + turns + bend / (2 * M_PI)));
    }
}

/* ---- the instruments ---- */

static bool play_strings(Instrument instrument, Tone *tone)
{
    static const StringPatch patches[INSTRUMENT_COUNT] = {
        [ACOUSTIC_GUITAR] = {2.6, 0.62, 0.17, 0,   0.5, 1},
        [ELECTRIC_GUITAR] = {3.2, 0.45, 0.24, 0,   0,   1},
        [DISTORTED_GUITAR] = {4.5, 0.6,  0.12, 0,   0,   1},
        [BASS_GUITAR] = {3.5, 0.22, 0.2,  0,   0,   1},
        [DOUBLE_BASS] = {1.3, 0.14, 0.3,  0,   0,   1},
        [HARP] = {3.0, 0.4,  0.4,  0,   1.6, 1},
        [SITAR] = {5.0, 0.8,  0.09, 0.7, 0.9, 1},
        [BANJO] = {0.6, 0.85, 0.1,  0,   0.3, 1},
        [MANDOLIN] = {1.0, 0.75, 0.12, 0,   0.4, 2},
    };
    if (patches[instrument].decay_s <= 0) return false;
    pluck(tone, &patches[instrument]);
    return true;
}

static bool play_struck(Instrument instrument, Tone *tone)
{
    static const FmPatch electric_piano = {1, 1.3, 0.5, 14, 0.35, 0.06, 1.3, 0.12};
    static const FmPatch bell = {3.503, 1.7, 0.7, 7.1, 0.5, 0.12, 1.5, 1.0};
    switch (instrument) {
    case PIANO:
        play_piano(tone);
        return true;
    case ORGAN:
        play_organ(tone);
        return true;
    case ELECTRIC_PIANO:
        play_fm(tone, &electric_piano);
        return true;
    case BELL:
        play_fm(tone, &bell);
        return true;
    default:
        return false;
    }
}

void mel_synth_note(Instrument instrument, Voice voice, const Timbre *timbre, const Note *note,
                    Bus *bus)
{
    size_t start = (size_t)(note->start_s * SYNTH_RATE_HZ);
    if (start >= bus->n) return;
    Tone tone = {
        .out = bus->samples + start,
        .n = bus->n - start,
        .hz = 440 * exp2((note->pitch - 69) / 12) * timbre->tune,
        .velocity = note->velocity,
        .length_s = fmax(0.04, note->length_s),
        .noise = note->seed | 1,
        .timbre = timbre,
    };
    bool played = play_strings(instrument, &tone) || play_struck(instrument, &tone) ||
                  mel_play_sustained(instrument, voice, &tone);
    MEL_ASSERT(played);
}
