/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/music.h"

#include "tests/world/ambience.h"

#include <ebur128.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COMBS = 6, ALLPASSES = 3, DELAY_MAX = 4096, RECORDING_LIMIT_BYTES = 1 << 30 };

/* How loud each part is in the mix (RMS while it sounds), where it stands, how wide, how wet. */
typedef struct Place {
    double level_db, pan, wide, wet;
} Place;

static const Place places[PART_COUNT] = {
    [PART_LEAD] = {-21,   0.22,  0.15, 0.9 },
      [PART_CHORDS] = {-24,   -0.35, 0.5,  0.7 },
    [PART_BASS] = {-21,   0,     0,    0.1 },
      [PART_PAD] = {-28,   0,     0.9,  1.0 },
    [PART_DRUMS] = {-20,   0,     0.12, 0.35},
      [PART_VOICE] = {-19.5, 0,     0.1,  0.8 },
};

static double from_db(double db)
{
    return pow(10, db / 20);
}

/* ---- parts ---- */

/* A guitar amplifier: drive, then what a 12-inch loudspeaker lets through. */
static void amplify(Bus *bus, double drive, double treble_hz)
{
    Svf rumble = {0}, cone = {0}, cone2 = {0};
    mel_svf_tune(&rumble, 85, 0.7);
    mel_svf_tune(&cone, treble_hz, 0.9);
    mel_svf_tune(&cone2, treble_hz * 1.2, 0.7);
    for (size_t i = 0; i < bus->n; i++) {
        mel_svf_run(&rumble, bus->samples[i]);
        mel_svf_run(&cone, tanh(drive * rumble.high));
        mel_svf_run(&cone2, cone.low);
        bus->samples[i] = (float)cone2.low;
    }
}

static void play_part(const MusicFactors *music, const Score *score, Part part,
                      const Timbre *timbre, Bus *bus)
{
    Instrument instrument = music->parts[part];
    memset(bus->samples, 0, bus->n * sizeof *bus->samples);
    for (size_t i = 0; i < score->count; i++) {
        const Note *note = &score->notes[i];
        if (note->part != part) continue;
        if (part == PART_DRUMS)
            mel_synth_drum(instrument, timbre, note, bus);
        else
            mel_synth_note(instrument, music->voice, timbre, note, bus);
    }
    if (instrument == DISTORTED_GUITAR) amplify(bus, 7 + 9 * music->character.energy, 4300);
    if (instrument == ELECTRIC_GUITAR) amplify(bus, 1.4, 5200);
}

/* RMS over the tenths of a second in which the part is heard at all. */
static double sounding_rms(const Bus *bus)
{
    enum { WINDOW = SYNTH_RATE_HZ / 10 };
    double total = 0;
    size_t sounding = 0;
    for (size_t start = 0; start < bus->n; start += WINDOW) {
        size_t end = start + WINDOW < bus->n ? start + WINDOW : bus->n;
        double power = 0;
        for (size_t i = start; i < end; i++)
            power += (double)bus->samples[i] * bus->samples[i];
        if (power / WINDOW < 1e-5) continue;
        total += power;
        sounding += end - start;
    }
    return sounding ? sqrt(total / (double)sounding) : 0;
}

/* Adds a part to the mix and to what the room hears. Width is a slowly moving short delay with
 * opposite sign on the two sides: it widens, and cancels in mono. */
static void place_part(const Bus *bus, const Place *place, double gain, float *mix, float *room)
{
    double left = gain * cos((place->pan + 1) * M_PI / 4) * M_SQRT2;
    double right = gain * sin((place->pan + 1) * M_PI / 4) * M_SQRT2;
    for (size_t i = 0; i < bus->n; i++) {
        double x = bus->samples[i], turns = 0.43 * (double)i / SYNTH_RATE_HZ;
        size_t delay = (size_t)((0.011 + 0.003 * mel_quick_sine(turns)) * SYNTH_RATE_HZ);
        double side = i >= delay ? place->wide * bus->samples[i - delay] : 0;
        mix[2 * i] += (float)(left * x + gain * side);
        mix[2 * i + 1] += (float)(right * x - gain * side);
        room[i] += (float)(gain * place->wet * x);
    }
}

/* ---- the room: parallel combs, then all-passes (M. Schroeder, JAES 10(3), 1962) ---- */

typedef struct Delay {
    float line[DELAY_MAX];
    int n, at;
    double damped;
} Delay;

typedef struct Room {
    Delay combs[COMBS], allpasses[ALLPASSES];
} Room;

static void room_init(Room *room, int spread, double size)
{
    static const int combs[COMBS] = {1687, 1759, 1951, 2083, 2243, 2381};
    static const int allpasses[ALLPASSES] = {605, 481, 371};
    memset(room, 0, sizeof *room);
    for (int i = 0; i < COMBS; i++)
        room->combs[i].n = (int)(combs[i] * size) + spread;
    for (int i = 0; i < ALLPASSES; i++)
        room->allpasses[i].n = allpasses[i] + spread;
}

static double room_run(Room *room, double x, double feedback, double damping)
{
    double sum = 0;
    for (int i = 0; i < COMBS; i++) {
        Delay *comb = &room->combs[i];
        double y = comb->line[comb->at];
        comb->damped = y * (1 - damping) + comb->damped * damping;
        comb->line[comb->at] = (float)(x + comb->damped * feedback);
        if (++comb->at == comb->n) comb->at = 0;
        sum += y;
    }
    for (int i = 0; i < ALLPASSES; i++) {
        Delay *pass = &room->allpasses[i];
        double delayed = pass->line[pass->at];
        double fed = sum + 0.5 * delayed;
        pass->line[pass->at] = (float)fed;
        if (++pass->at == pass->n) pass->at = 0;
        sum = delayed - 0.5 * fed;
    }
    return sum;
}

static void add_room(const Character *character, const float *heard, size_t n, float *mix)
{
    double feedback = 0.70 + 0.24 * character->reverb;
    double damping = 0.45 - 0.3 * character->brightness;
    double wet = 0.02 + 0.2 * character->reverb * character->reverb;
    for (int side = 0; side < 2; side++) {
        Room *room = mel_alloc(sizeof *room);
        room_init(room, side * 23, 0.8 + 0.6 * character->reverb);
        for (size_t i = 0; i < n; i++)
            mix[2 * i + side] += (float)(wet * room_run(room, heard[i], feedback, damping));
        free(room);
    }
}

/* ---- mastering ---- */

/* Lifts or lowers what is above 1.1 kHz and what is below 200 Hz, and takes out what is below 30.
 */
static void tilt(float *mix, size_t n, const Character *character)
{
    double high_gain = from_db((character->brightness - 0.55) * 28) - 1;
    double low_gain = from_db((character->warmth - 0.5) * 18) - 1;
    double a = 1 - exp(-2 * M_PI * 1100 / SYNTH_RATE_HZ),
           b = 1 - exp(-2 * M_PI * 30 / SYNTH_RATE_HZ),
           c = 1 - exp(-2 * M_PI * 200 / SYNTH_RATE_HZ);
    for (int side = 0; side < 2; side++) {
        double low = 0, rumble = 0, bass = 0;
        for (size_t i = 0; i < n; i++) {
            double x = mix[2 * i + side];
            low += a * (x - low);
            bass += c * (x - bass);
            rumble += b * (x - rumble);
            mix[2 * i + side] =
                (float)(x + high_gain * (x - low) + low_gain * (bass - rumble) - rumble);
        }
    }
}

/* Breathing: at its deepest a third of the loudness is left. */
static void swell(float *mix, size_t n, double rate_hz)
{
    if (rate_hz <= 0) return;
    for (size_t i = 0; i < n; i++) {
        double gain = 0.67 + 0.33 * mel_quick_sine(rate_hz * (double)i / SYNTH_RATE_HZ);
        mix[2 * i] *= (float)gain;
        mix[2 * i + 1] *= (float)gain;
    }
}

static double integrated_lufs(const float *mix, size_t n)
{
    double lufs = -HUGE_VAL;
    ebur128_state *meter = ebur128_init(2, SYNTH_RATE_HZ, EBUR128_MODE_I);
    MEL_ASSERT(meter);
    ebur128_add_frames_float(meter, mix, n);
    ebur128_loudness_global(meter, &lufs);
    ebur128_destroy(&meter);
    return lufs;
}

/* Straight up to 0.6, then bent so that 0.94 is never passed. */
static float limit(double x)
{
    double size = fabs(x);
    if (size <= 0.6) return (float)x;
    return (float)copysign(0.6 + 0.34 * tanh((size - 0.6) / 0.34), x);
}

static void master(const MusicFactors *music, float *mix, size_t n)
{
    const Character *character = &music->character;
    tilt(mix, n, character);
    swell(mix, n, character->swell_hz);
    double music_lufs = integrated_lufs(mix, n);
    if (!isfinite(music_lufs)) return;
    mel_ambience_add(&character->ambience, music_lufs, music->rng, mix, n);
    double target_lufs = -16.8 + 1.6 * character->energy;
    for (int pass = 0; pass < 2; pass++) { /* the second makes up for what the limiter took */
        double lufs = integrated_lufs(mix, n);
        if (!isfinite(lufs)) return;
        double gain = from_db(target_lufs - lufs);
        for (size_t i = 0; i < 2 * n; i++)
            mix[i] = limit(gain * mix[i]);
    }
    size_t fade = n < 480 ? n : 480;
    for (size_t i = 0; i < 2 * fade; i++)
        mix[i] *= (float)(i / 2) / (float)fade;
}

static Timbre draw_timbre(const MusicFactors *music)
{
    Rng rng = music->rng;
    rng.next += UINT64_C(1) << 40; /* far away from what the composer draws */
    return (Timbre){
        .brightness = mel_rng_range(&rng, 0.85, 1.15),
        .decay = mel_rng_range(&rng, 0.75, 1.3),
        .detune = mel_rng_range(&rng, 0.7, 1.4),
        .drum_pitch = mel_rng_range(&rng, 0.86, 1.16),
        .tune = exp2(music->tune_cents / 1200),
    };
}

static void mix_parts(const MusicFactors *music, double seconds, Bus *bus, float *mix, float *room)
{
    Timbre timbre = draw_timbre(music);
    Score score = {0};
    mel_score_compose(music, seconds, &score);
    for (Part part = 0; part < PART_COUNT; part++) {
        if (music->parts[part] == INSTRUMENT_NONE) continue;
        play_part(music, &score, part, &timbre, bus);
        double rms = sounding_rms(bus);
        if (rms <= 0) continue;
        double level_db = places[part].level_db;
        if (part == PART_DRUMS) level_db += 4 * (music->character.energy - 0.5);
        if (music->parts[part] == DISTORTED_GUITAR && part == PART_CHORDS) level_db += 2;
        place_part(bus, &places[part], from_db(level_db) / rms, mix, room);
    }
    mel_score_clear(&score);
}

bool mel_music_render(const MusicFactors *music, double from_s, double seconds, Recording *out,
                      Err *err)
{
    bool ok = false;
    size_t skipped = (size_t)(from_s * SYNTH_RATE_HZ), kept = (size_t)(seconds * SYNTH_RATE_HZ);
    size_t n = skipped + kept;
    Bus bus = {.n = n};
    float *room = NULL, *mix = NULL;
    bus.samples = mel_try_alloc(n, sizeof(float), RECORDING_LIMIT_BYTES, "a part", err);
    room = mel_try_alloc(n, sizeof(float), RECORDING_LIMIT_BYTES, "a room", err);
    mix = mel_try_alloc(2 * n, sizeof(float), RECORDING_LIMIT_BYTES, "a mix", err);
    if (!bus.samples || !room || !mix) goto out;
    mix_parts(music, from_s + seconds, &bus, mix, room);
    add_room(&music->character, room, n, mix);
    master(music, mix, n);
    memmove(mix, mix + 2 * skipped, 2 * kept * sizeof *mix);
    *out = (Recording){.samples = mix, .n = kept};
    mix = NULL;
    ok = true;
out:
    free(bus.samples);
    free(room);
    free(mix);
    return ok;
}

void mel_recording_clear(Recording *recording)
{
    free(recording->samples);
    *recording = (Recording){0};
}
