/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/synth.h"

#include <math.h>

enum { PARTIALS = 10, STRING_MAX = 2048, SAWS_MAX = 3, CONTROL_STEP = 32 };
#define CONTROL_S ((double)CONTROL_STEP / SYNTH_RATE_HZ)

/* One note on its way into a bus. */
typedef struct Tone {
    float *out;
    size_t n; /* samples left in the bus */
    double hz, velocity, length_s;
    uint32_t noise;
    const Timbre *timbre;
} Tone;

typedef struct Envelope {
    double attack_s, decay_s, sustain, release_s;
} Envelope;

/* ---- small parts -------------------------------------------------------------------------------
 */

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

static double envelope_at(const Envelope *envelope, double t, double length_s)
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

static size_t tone_samples(const Tone *tone, double seconds)
{
    double n = seconds * SYNTH_RATE_HZ;
    return n < (double)tone->n ? (size_t)n : tone->n;
}

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

/* ---- plucked strings ---------------------------------------------------------------------------
 */

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
    size_t samples = tone_samples(tone, sounding_s + 0.25);
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

/* ---- piano and organ: sums of sines -------------------------------------------------------------
 */

static void play_piano(Tone *tone)
{
    double stretch = 0.0004 * pow(tone->hz / 260, 1.2);
    double samples_max = tone->length_s + 0.35;
    size_t samples = tone_samples(tone, samples_max);
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
    size_t knock = tone_samples(tone, 0.02);
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
    size_t samples = tone_samples(tone, tone->length_s + 0.15);
    double phase = 0;
    for (size_t i = 0; i < samples; i++) {
        double t = (double)i / SYNTH_RATE_HZ;
        double leslie = mel_quick_sine(6.3 * t), sum = 0;
        phase += tone->hz * (1 + 0.0025 * leslie) / SYNTH_RATE_HZ;
        for (int k = 0; k < 6; k++)
            sum += bars[k][1] * mel_quick_sine(phase * bars[k][0]);
        double level = envelope_at(&envelope, t, tone->length_s) * (1 + 0.12 * leslie);
        tone->out[i] += (float)(0.3 * sum * level * tone->velocity);
    }
}

/* ---- frequency modulation
 * ------------------------------------------------------------------------ */

typedef struct FmPatch {
    double ratio, index, index_decay_s; /* the slow modulator */
    double tine, tine_index, tine_decay_s;
    double decay_s, release_s;
} FmPatch;

static void play_fm(Tone *tone, const FmPatch *patch)
{
    double decay_s = patch->decay_s * tone->timbre->decay * pow(300 / tone->hz, 0.3);
    double held_s = fmin(fmax(tone->length_s, patch->release_s), 4 * decay_s);
    size_t samples = tone_samples(tone, held_s + patch->release_s);
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

/* ---- saws through a filter: bowed, blown and synthetic
 * ------------------------------------------- */

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
    size_t samples = tone_samples(tone, tone->length_s + 1.2 * patch->envelope.release_s);
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
            double next = envelope_at(&patch->envelope, t + CONTROL_S, tone->length_s);
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
    size_t samples = tone_samples(tone, tone->length_s + 0.15);
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
        double level = envelope_at(&envelope, t, tone->length_s) * (1 + 0.12 * wave);
        tone->out[i] += (float)(0.45 * level * (sum + chiff * breath.band) * tone->velocity);
    }
}

/* ---- singers
 * --------------------------------------------------------------------------------------- */

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
    size_t samples = tone_samples(tone, tone->length_s + patch->envelope.release_s);
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
            double next = envelope_at(&patch->envelope, t + CONTROL_S, tone->length_s);
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

/* ---- the instruments
 * ------------------------------------------------------------------------------- */

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

static bool play_filtered_saws(Instrument instrument, Tone *tone)
{
    static const SawPatch patches[INSTRUMENT_COUNT] = {
        [SYNTH_BASS] = {1,
                        0,  0,
                        0.9, 120,
                        1.5, 900,
                        1.1, {0.004, 0.18, 0.55, 0.06},
                        5,   0,
                        1,    0,
                        0,    {{1, 0}, {1, 0}}          },
        [STRINGS] = {3,
                        7,  0,
                        0,   900,
                        2.5, 1500,
                        0.7, {0.13, 1, 0.9, 0.3},
                        5.4, 9,
                        0.3,  0,
                        0.01, {{1150, 0.5}, {2700, 0.4}}},
        [VIOLIN] = {1,
                        0,  0,
                        0,   1400,
                        2.5, 2600,
                        0.8, {0.07, 0.8, 0.85, 0.12},
                        5.7, 17,
                        0.25, 25,
                        0.02, {{480, 0.5}, {2900, 0.8}} },
        [TRUMPET] = {1,
                        0,  0,
                        0,   300,
                        1.6, 4200,
                        0.9, {0.035, 0.5, 0.75, 0.07},
                        5.2, 8,
                        0.4,  45,
                        0.01, {{1250, 0.7}, {2500, 0.3}}},
        [SAXOPHONE] = {1,
                        0,  0.35,
                        0,   500,
                        1.4, 2600,
                        0.9, {0.04, 0.6, 0.8, 0.09},
                        5,   14,
                        0.35, 70,
                        0.05, {{700, 0.9}, {1450, 0.6}} },
        [SYNTH_LEAD] = {2,
                        9,  0.5,
                        0,   700,
                        1.5, 4200,
                        1.6, {0.008, 0.25, 0.7, 0.12},
                        5.5, 10,
                        0.3,  0,
                        0,    {{1, 0}, {1, 0}}          },
        [SYNTH_PAD] = {3,
                        12, 0,
                        0,   500,
                        1.2, 1100,
                        0.9, {0.45, 2, 0.85, 0.7},
                        0.7, 4,
                        0.1,  0,
                        0,    {{1, 0}, {1, 0}}          },
        [ACCORDION] = {2,
                        8,  0.7,
                        0,   900,
                        2.2, 1500,
                        0.8, {0.05, 1, 0.95, 0.1},
                        5.8, 2,
                        0.2,  0,
                        0.01, {{600, 0.4}, {1800, 0.5}} },
    };
    if (patches[instrument].saws == 0) return false;
    play_saws(tone, &patches[instrument]);
    return true;
}

static void play_other(Instrument instrument, Voice voice, Tone *tone)
{
    static const FmPatch electric_piano = {1, 1.3, 0.5, 14, 0.35, 0.06, 1.3, 0.12};
    static const FmPatch bell = {3.503, 1.7, 0.7, 7.1, 0.5, 0.12, 1.5, 1.0};
    static const SingerPatch man = {
        1, 0, 1, {0.05, 0.6, 0.85, 0.1},
           32, 0.02, false
    };
    static const SingerPatch woman = {
        1, 0, 1.16, {0.05, 0.6, 0.85, 0.1},
           36, 0.03, false
    };
    static const SingerPatch choir = {
        3, 16, 1.08, {0.3, 2, 0.9, 0.5},
           14, 0.03, true
    };
    switch (instrument) {
    case PIANO:
        play_piano(tone);
        break;
    case ORGAN:
        play_organ(tone);
        break;
    case ELECTRIC_PIANO:
        play_fm(tone, &electric_piano);
        break;
    case BELL:
        play_fm(tone, &bell);
        break;
    case FLUTE:
        play_flute(tone);
        break;
    case CHOIR:
        sing(tone, &choir);
        break;
    case SINGER:
        sing(tone, voice == VOICE_LEAD_MALE ? &man : &woman);
        break;
    default:
        MEL_ASSERT(!"no such instrument");
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
    if (play_strings(instrument, &tone)) return;
    if (play_filtered_saws(instrument, &tone)) return;
    play_other(instrument, voice, &tone);
}
