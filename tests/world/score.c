/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/score.h"

#include "tests/world/groove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOTIF_NOTES = 32, PHRASE_BARS = 8, TONES = 4, STEPS_MAX = 16 };

/* A bar of melody before it meets a chord. */
typedef struct Motif {
    int count;
    struct {
        int step, length, degree; /* degree of the scale relative to the middle of the register */
    } notes[MOTIF_NOTES];
} Motif;

typedef struct Composer {
    const MusicFactors *music;
    const Groove *groove;
    const Progression *progression;
    Rng rng;
    Score *score;
    int steps, steps_per_beat;
    double step_s;
    Motif motifs[4]; /* a, a', b, ending */
    int bar;
    double bar_start_s;
    int root; /* degree of the bar's chord */
    int next_root;
} Composer;

static const int scales[MODE_COUNT][7] = {
    [MODE_MAJOR] = {0, 2, 4, 5, 7, 9, 11},
      [MODE_LYDIAN] = {0, 2, 4, 6, 7, 9, 11},
    [MODE_MIXOLYDIAN] = {0, 2, 4, 5, 7, 9, 10},
      [MODE_MINOR] = {0, 2, 3, 5, 7, 8, 10},
    [MODE_HARMONIC_MINOR] = {0, 2, 3, 5, 7, 8, 11},
      [MODE_PHRYGIAN] = {0, 1, 3, 5, 7, 8, 10},
};

/* Middle of the register that an instrument sounds best in, as a MIDI number. */
static int register_of(Instrument instrument, Voice voice)
{
    switch (instrument) {
    case FLUTE:
        return 79;
    case BELL:
        return 82;
    case VIOLIN:
    case SYNTH_LEAD:
    case MANDOLIN:
        return 73;
    case TRUMPET:
        return 69;
    case ELECTRIC_GUITAR:
    case DISTORTED_GUITAR:
    case BANJO:
        return 65;
    case SAXOPHONE:
    case SITAR:
        return 62;
    case SINGER:
        return voice == VOICE_LEAD_MALE ? 55 : 67;
    case PIANO:
        return 70;
    default:
        return 66;
    }
}

static int floor_div(int a, int b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Semitones above the tonic of a degree that may leave the octave. */
static int degree_semitones(const Composer *c, int degree)
{
    int octave = floor_div(degree, 7);
    return 12 * octave + scales[c->music->character.mode][degree - 7 * octave];
}

static void add_note(Composer *c, Part part, int step, double length_steps, double pitch,
                     double velocity)
{
    static const double swing[4] = {0, 1 / 3.0, 2 / 3.0, 5 / 6.0};
    static const double shuffle[4] = {0, 0.31, 0.62, 0.81};
    double position = step;
    if (c->steps_per_beat == 4 && c->music->feel == FEEL_SWING)
        position = step - step % 4 + 4 * swing[step % 4];
    if (c->steps_per_beat == 4 && c->music->feel == FEEL_SHUFFLE)
        position = step - step % 4 + 4 * shuffle[step % 4];
    double human_s = mel_rng_normal(&c->rng) * 0.004;
    double start_s = c->bar_start_s + position * c->step_s + human_s;
    double arc = 0.94 + 0.08 * sin((c->bar % PHRASE_BARS) * M_PI / PHRASE_BARS);
    double loudness = velocity * arc * mel_rng_range(&c->rng, 0.9, 1.1);
    Score *score = c->score;
    mel_grow(&score->notes, &score->capacity, score->count + 1, sizeof *score->notes);
    score->notes[score->count++] = (Note){
        .start_s = fmax(0, start_s),
        .length_s = length_steps * c->step_s,
        .pitch = pitch,
        .velocity = fmin(1, fmax(0.05, loudness)),
        .part = part,
        .seed = mel_rng_u32(&c->rng),
    };
}

/* ---- chords ---- */

/* The chord of the bar in close position around `centre`, lowest first. */
static void voice_chord(Composer *c, int centre, int tones[TONES])
{
    const Character *character = &c->music->character;
    bool sevenths = mel_genre_sevenths(c->music->genre) || c->music->mood == MOOD_ROMANTIC ||
                    c->music->mood == MOOD_DREAMY;
    for (int i = 0; i < TONES; i++)
        tones[i] = degree_semitones(c, c->root + 2 * i);
    if (!sevenths) tones[3] = tones[0] + 12;
    if (c->music->genre == GENRE_BLUES) tones[3] = tones[0] + 10;
    if (character->dissonance == DISSONANCE_MARKED && c->bar % 2) tones[3] = tones[0] + 1;
    if (character->dissonance == DISSONANCE_MILD && c->bar % 4 == 2) tones[3] = tones[0] + 2;
    for (int i = 0; i < TONES; i++) {
        int pitch = 60 + c->music->tonic + tones[i];
        tones[i] = pitch - 12 * floor_div(pitch - (centre - 6), 12);
    }
    for (int i = 1; i < TONES; i++)
        for (int j = i; j > 0 && tones[j - 1] > tones[j]; j--) {
            int swap = tones[j];
            tones[j] = tones[j - 1];
            tones[j - 1] = swap;
        }
    if (!sevenths) tones[3] = tones[0] + 12;
}

static int held_steps(const char *pattern, int step)
{
    int length = 1;
    while (pattern[step + length] == '-')
        length++;
    return length;
}

static void strike_power_chord(Composer *c, int step, int length, bool loud, double velocity)
{
    int root = 40 + c->music->tonic + degree_semitones(c, c->root);
    root -= 12 * floor_div(root - 40, 12);
    double sounding = loud ? length : 0.7;
    add_note(c, PART_CHORDS, step, sounding, root, velocity);
    add_note(c, PART_CHORDS, step, sounding, root + 7, velocity * 0.9);
    if (loud) add_note(c, PART_CHORDS, step, sounding, root + 12, velocity * 0.6);
    if (loud && c->music->character.dissonance == DISSONANCE_MARKED && c->bar % 2)
        add_note(c, PART_CHORDS, step, sounding, root + 13, velocity * 0.4);
}

static void write_chords(Composer *c)
{
    Instrument instrument = c->music->parts[PART_CHORDS];
    if (instrument == INSTRUMENT_NONE) return;
    int tones[TONES];
    voice_chord(c, instrument == HARP || instrument == MANDOLIN ? 66 : 60, tones);
    double strength = 0.5 + 0.4 * c->music->character.energy;
    const char *pattern = c->groove->chords;
    for (int step = 0; step < c->steps; step++) {
        char what = pattern[step];
        int length = held_steps(pattern, step);
        bool strike = what == 'X' || what == 'x';
        if (what == 'x' && c->music->character.energy < 0.28 && c->bar % 2) continue;
        double velocity = strength * (what == 'x' ? 0.7 : 1);
        if (strike && instrument == DISTORTED_GUITAR) {
            strike_power_chord(c, step, length, what == 'X', velocity);
        } else if (strike) {
            for (int i = 0; i < TONES; i++)
                add_note(c, PART_CHORDS, step, length, tones[i], velocity);
        } else if (what >= '1' && what <= '4') {
            add_note(c, PART_CHORDS, step, length + 1, tones[what - '1'], velocity);
        }
    }
}

static void write_pad(Composer *c)
{
    if (c->music->parts[PART_PAD] == INSTRUMENT_NONE) return;
    int tones[TONES];
    voice_chord(c, 60, tones);
    int first = c->music->genre == GENRE_WORLD ? 2 : 0; /* a drone: fewer voices */
    for (int i = first; i < TONES; i++)
        add_note(c, PART_PAD, 0, c->steps, tones[i], 0.6);
}

static void write_bass(Composer *c)
{
    if (c->music->parts[PART_BASS] == INSTRUMENT_NONE) return;
    const char *pattern = c->groove->bass;
    int low = 28 + c->music->tonic + degree_semitones(c, c->root);
    low -= 12 * floor_div(low - 28, 12);
    int next = low + degree_semitones(c, c->next_root) - degree_semitones(c, c->root);
    double strength = 0.55 + 0.35 * c->music->character.energy;
    for (int step = 0; step < c->steps; step++) {
        int pitch = -1;
        switch (pattern[step]) {
        case '1':
            pitch = low;
            break;
        case '3':
            pitch = low + degree_semitones(c, c->root + 2) - degree_semitones(c, c->root);
            break;
        case '5':
            pitch = low + 7;
            break;
        case '7':
            pitch = low + 10;
            break;
        case '8':
            pitch = low + 12;
            break;
        case 'w':
            pitch = next + (next > low ? -1 : 1);
            break;
        default:
            break;
        }
        if (pitch < 0) continue;
        double length = held_steps(pattern, step) - 0.15;
        add_note(c, PART_BASS, step, length, pitch, strength * (step == 0 ? 1 : 0.88));
    }
}

/* ---- melody ---- */

static double onset_chance(const Composer *c, int step, bool sung)
{
    double energy = c->music->character.energy;
    bool syncopated = c->music->feel == FEEL_SYNCOPATED || c->music->feel == FEEL_SWING;
    if (step % c->steps_per_beat == 0) return (syncopated ? 0.45 : 0.6) + 0.3 * energy;
    if (step % 2 == 0) return (syncopated ? 0.4 : 0.22) + 0.35 * energy;
    if (sung || c->step_s < 0.11) return 0;
    return 0.4 * fmax(0, energy - 0.6);
}

static void draw_motif(Composer *c, int steps, bool sung, Motif *motif)
{
    static const int walk[8] = {-2, -1, -1, 1, 1, 2, 0, 3};
    int degree = mel_rng_int(&c->rng, 5) - 1;
    *motif = (Motif){0};
    for (int step = 0; step < steps; step++) {
        bool onset = mel_rng_uniform(&c->rng) < onset_chance(c, step, sung);
        int move = walk[mel_rng_int(&c->rng, 8)];
        if (!onset || motif->count == MOTIF_NOTES) continue;
        degree += degree > 4 ? -abs(move) : degree < -4 ? abs(move) : move;
        motif->notes[motif->count].step = step;
        motif->notes[motif->count].degree = degree;
        if (motif->count) {
            int before = motif->notes[motif->count - 1].step;
            motif->notes[motif->count - 1].length = step - before;
        }
        motif->count++;
    }
    if (motif->count)
        motif->notes[motif->count - 1].length = steps - motif->notes[motif->count - 1].step;
}

static void draw_motifs(Composer *c)
{
    bool sung = c->music->voice != VOICE_NONE;
    for (int i = 0; i < 4; i++)
        draw_motif(c, i == 3 ? c->steps / 2 : c->steps, sung, &c->motifs[i]);
    Motif *varied = &c->motifs[1]; /* a' starts as a does and goes elsewhere */
    Motif second = *varied;
    *varied = c->motifs[0];
    for (int i = varied->count / 2; i < varied->count && i < second.count; i++)
        varied->notes[i].degree = second.notes[i].degree;
}

/* The tone of the bar's chord nearest to a degree. */
static int snap_degree(const Composer *c, int degree)
{
    for (int distance = 0; distance < 4; distance++)
        for (int sign = -1; sign <= 1; sign += 2) {
            int candidate = degree + sign * distance;
            int above = candidate - c->root - 7 * floor_div(candidate - c->root, 7);
            if (above == 0 || above == 2 || above == 4) return candidate;
        }
    return degree;
}

static void write_motif(Composer *c, Part part, const Motif *motif, double strength)
{
    Instrument instrument = c->music->parts[part];
    int centre = register_of(instrument, c->music->voice);
    int tonic = 60 + c->music->tonic;
    tonic -= 12 * floor_div(tonic - (centre - 6), 12);
    bool detached = c->music->character.energy > 0.6 && instrument != SINGER;
    for (int i = 0; i < motif->count; i++) {
        int step = motif->notes[i].step, degree = motif->notes[i].degree;
        if (step % (2 * c->steps_per_beat) == 0 || i == motif->count - 1)
            degree = snap_degree(c, degree);
        int pitch = tonic + degree_semitones(c, degree);
        double accent = step % c->steps_per_beat ? 0.85 : 1;
        bool bent = mel_rng_uniform(&c->rng) < 0.16;
        if (c->music->character.dissonance == DISSONANCE_MARKED && bent) pitch++;
        double length = motif->notes[i].length * (detached ? 0.75 : 0.96);
        add_note(c, part, step, fmin(length, c->steps), pitch, strength * accent);
    }
}

/* a a' b end | a a' b' rest: the singer, if there is one, leaves the answers to the lead. */
static void write_melody(Composer *c)
{
    static const int plan[PHRASE_BARS] = {0, 1, 2, 3, 0, 1, 2, 3};
    int place = c->bar % PHRASE_BARS;
    const Motif *motif = &c->motifs[plan[place]];
    double strength = 0.55 + 0.4 * c->music->character.energy;
    bool sung = c->music->parts[PART_VOICE] != INSTRUMENT_NONE;
    bool answer = place % 4 == 3;
    if (sung && !answer) write_motif(c, PART_VOICE, motif, strength);
    if (c->music->parts[PART_LEAD] == INSTRUMENT_NONE) return;
    if (!sung || answer) write_motif(c, PART_LEAD, motif, strength);
}

/* ---- drums ---- */

static void write_fill(Composer *c)
{
    static const char rolls[3][5] = {"SSTT", "STST", "TTSS"};
    const char *roll = rolls[mel_rng_int(&c->rng, 3)];
    bool hands = c->music->parts[PART_DRUMS] == HAND_PERCUSSION;
    for (int i = 0; i < 4; i++) {
        char drum = hands ? (i % 2 ? 'g' : 'G') : roll[i];
        add_note(c, PART_DRUMS, c->steps - 4 + i, 1, drum, 0.55 + 0.1 * i);
    }
}

static void write_drums(Composer *c)
{
    if (c->music->parts[PART_DRUMS] == INSTRUMENT_NONE) return;
    double energy = c->music->character.energy;
    bool fill = c->bar % PHRASE_BARS == PHRASE_BARS - 1 && energy > 0.3;
    int last = fill ? c->steps - 4 : c->steps;
    for (int lane = 0; lane < GROOVE_LANES && c->groove->drums[lane]; lane++) {
        char drum = c->groove->drums[lane][0];
        const char *hits = c->groove->drums[lane] + 2;
        for (int step = 0; step < last; step++) {
            double velocity = hits[step] == 'X' ? 1 : hits[step] == 'x' ? 0.75 : 0.45;
            bool weak = hits[step] == 'o' ? energy < 0.5 : hits[step] == 'x' && energy < 0.24;
            if (hits[step] == '.' || (weak && step % 4)) continue;
            add_note(c, PART_DRUMS, step, 1, drum, velocity * (0.55 + 0.4 * energy));
        }
    }
    if (fill) write_fill(c);
    bool crash = c->bar % PHRASE_BARS == 0 && energy > 0.6;
    if (crash && mel_genre_has_cymbals(c->music->genre)) add_note(c, PART_DRUMS, 0, 4, 'Y', 0.8);
}

double mel_bar_s(const MusicFactors *music)
{
    const Groove *groove = mel_groove(music->genre, music->groove);
    return 60 / music->tempo_bpm * mel_groove_steps(groove) / mel_groove_steps_per_beat(groove);
}

void mel_score_compose(const MusicFactors *music, double seconds, Score *out)
{
    const Groove *groove = mel_groove(music->genre, music->groove);
    Score score = {0};
    Composer c = {.music = music, .groove = groove, .rng = music->rng, .score = &score};
    c.steps = mel_groove_steps(groove);
    c.steps_per_beat = mel_groove_steps_per_beat(groove);
    c.step_s = mel_bar_s(music) / c.steps;
    int pick = mel_rng_int(&c.rng, 2);
    c.progression = mel_progression(music->genre, music->character.mode, pick);
    draw_motifs(&c);
    int first_bar = mel_rng_int(&c.rng, PHRASE_BARS); /* videos begin anywhere in a piece */
    for (int i = 0; i * mel_bar_s(music) < seconds; i++) {
        c.bar = first_bar + i;
        c.bar_start_s = i * mel_bar_s(music);
        c.root = c.progression->degrees[c.bar % c.progression->count];
        c.next_root = c.progression->degrees[(c.bar + 1) % c.progression->count];
        write_chords(&c);
        write_pad(&c);
        write_bass(&c);
        write_melody(&c);
        write_drums(&c);
    }
    size_t kept = 0;
    for (size_t i = 0; i < score.count; i++)
        if (score.notes[i].start_s < seconds) score.notes[kept++] = score.notes[i];
    score.count = kept;
    *out = score;
}

void mel_score_clear(Score *score)
{
    free(score->notes);
    *score = (Score){0};
}
