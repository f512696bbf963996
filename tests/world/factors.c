/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/factors.h"

#include "tests/world/groove.h"

#include <math.h>

typedef struct GenreRow {
    const char *id, *phrase;
    double tempo_low_bpm, tempo_high_bpm;
    double voice_chance;
    Instrument lead[3], chords[2], bass[2], pad[2], drums[2];
} GenreRow;

/* An instrument that fills its row up is twice as likely: {PIANO, PIANO} is always a piano. */
/* clang-format off */
static const GenreRow genres[GENRE_COUNT] = {
    [GENRE_NEW_AGE] = {"new-age", "new age", 56, 78, 0, {FLUTE, BELL, PIANO}, {HARP, HARP},
        {INSTRUMENT_NONE}, {SYNTH_PAD, CHOIR}, {INSTRUMENT_NONE}},
    [GENRE_CLASSICAL] = {"classical", "classical", 70, 134, 0, {VIOLIN, FLUTE, VIOLIN},
        {PIANO, HARP}, {DOUBLE_BASS, DOUBLE_BASS}, {STRINGS, STRINGS}, {INSTRUMENT_NONE}},
    [GENRE_LATIN] = {"latin", "Latin", 92, 122, 0.3, {TRUMPET, FLUTE, TRUMPET},
        {PIANO, ACOUSTIC_GUITAR}, {BASS_GUITAR, DOUBLE_BASS}, {INSTRUMENT_NONE},
        {HAND_PERCUSSION, HAND_PERCUSSION}},
    [GENRE_R_AND_B] = {"r-and-b", "R&B", 66, 92, 0.7, {SAXOPHONE, SYNTH_LEAD, ELECTRIC_GUITAR},
        {ELECTRIC_PIANO, ELECTRIC_PIANO}, {SYNTH_BASS, BASS_GUITAR}, {SYNTH_PAD, SYNTH_PAD},
        {DRUM_MACHINE, DRUM_MACHINE}},
    [GENRE_EASY_LISTENING] = {"easy-listening", "easy listening", 80, 110, 0.1,
        {VIOLIN, FLUTE, BELL}, {ELECTRIC_PIANO, PIANO}, {BASS_GUITAR, DOUBLE_BASS},
        {STRINGS, STRINGS}, {DRUMS, DRUMS}},
    [GENRE_METAL] = {"metal", "metal", 138, 196, 0.3,
        {DISTORTED_GUITAR, DISTORTED_GUITAR, DISTORTED_GUITAR},
        {DISTORTED_GUITAR, DISTORTED_GUITAR}, {BASS_GUITAR, BASS_GUITAR}, {INSTRUMENT_NONE},
        {DRUMS, DRUMS}},
    [GENRE_JAZZ] = {"jazz", "jazz", 106, 204, 0.1, {SAXOPHONE, TRUMPET, SAXOPHONE},
        {PIANO, ELECTRIC_GUITAR}, {DOUBLE_BASS, DOUBLE_BASS}, {INSTRUMENT_NONE}, {DRUMS, DRUMS}},
    [GENRE_WORLD] = {"world-traditional", "traditional world music", 76, 132, 0.3,
        {SITAR, FLUTE, SITAR}, {HARP, MANDOLIN}, {INSTRUMENT_NONE}, {ACCORDION, CHOIR},
        {HAND_PERCUSSION, HAND_PERCUSSION}},
    [GENRE_HIP_HOP] = {"hip-hop", "hip-hop", 78, 98, 0.15, {BELL, SYNTH_LEAD, FLUTE},
        {ELECTRIC_PIANO, PIANO}, {SYNTH_BASS, SYNTH_BASS}, {STRINGS, SYNTH_PAD},
        {DRUM_MACHINE, DRUM_MACHINE}},
    [GENRE_POP] = {"pop", "pop", 98, 128, 0.8, {SYNTH_LEAD, ELECTRIC_GUITAR, BELL},
        {PIANO, ACOUSTIC_GUITAR}, {BASS_GUITAR, SYNTH_BASS}, {SYNTH_PAD, STRINGS},
        {DRUM_MACHINE, DRUMS}},
    [GENRE_BLUES] = {"blues", "blues", 62, 114, 0.4, {ELECTRIC_GUITAR, ELECTRIC_GUITAR, SAXOPHONE},
        {ORGAN, PIANO}, {BASS_GUITAR, DOUBLE_BASS}, {INSTRUMENT_NONE}, {DRUMS, DRUMS}},
    [GENRE_COUNTRY] = {"country", "country", 96, 138, 0.5, {VIOLIN, BANJO, MANDOLIN},
        {ACOUSTIC_GUITAR, ACOUSTIC_GUITAR}, {BASS_GUITAR, DOUBLE_BASS}, {INSTRUMENT_NONE},
        {DRUMS, DRUMS}},
    [GENRE_ROCK] = {"rock", "rock", 108, 156, 0.5,
        {DISTORTED_GUITAR, ELECTRIC_GUITAR, ELECTRIC_GUITAR}, {DISTORTED_GUITAR, ELECTRIC_GUITAR},
        {BASS_GUITAR, BASS_GUITAR}, {ORGAN, INSTRUMENT_NONE}, {DRUMS, DRUMS}},
    [GENRE_FOLK] = {"folk-acoustic", "acoustic folk", 78, 126, 0.6, {FLUTE, VIOLIN, MANDOLIN},
        {ACOUSTIC_GUITAR, ACOUSTIC_GUITAR}, {DOUBLE_BASS, INSTRUMENT_NONE},
        {ACCORDION, INSTRUMENT_NONE}, {INSTRUMENT_NONE}},
    [GENRE_ELECTRONIC] = {"electronic", "electronic", 116, 140, 0.1,
        {SYNTH_LEAD, SYNTH_LEAD, BELL}, {ELECTRIC_PIANO, ORGAN}, {SYNTH_BASS, SYNTH_BASS},
        {SYNTH_PAD, SYNTH_PAD}, {DRUM_MACHINE, DRUM_MACHINE}},
};
/* clang-format on */

typedef struct Hsv {
    double h, s, v;
} Hsv;

typedef struct MoodRow {
    const char *id;
    Character character;
    Mood opposite;
    double motion;
    Hsv sky_top, sky_low, far, near, light, accents[3];
} MoodRow;

/* clang-format off */
static const MoodRow moods[MOOD_COUNT] = {
    [MOOD_CALM] = {"calm", {MODE_MAJOR, 0.25, 0.35, 0.4, DISSONANCE_NONE, 0.8, 0,
        {150, 1200, -15, 0.12, 0.9, 0}}, MOOD_TENSE, 0.8,
        {0.56, 0.45, 0.80}, {0.53, 0.16, 0.97}, {0.55, 0.38, 0.68}, {0.53, 0.52, 0.48},
        {0.13, 0.25, 1.00}, {{0.50, 0.35, 0.85}, {0.58, 0.30, 0.95}, {0.10, 0.20, 0.97}}},
    [MOOD_HAPPY] = {"happy", {MODE_MAJOR, 0.68, 0.8, 0.15, DISSONANCE_NONE, 0.3, 0,
        {3000, 5500, -17, 2.3, 1, 0}}, MOOD_DARK, 1.4,
        {0.55, 0.62, 0.97}, {0.52, 0.22, 1.00}, {0.30, 0.62, 0.78}, {0.27, 0.72, 0.66},
        {0.14, 0.60, 1.00}, {{0.01, 0.82, 0.97}, {0.13, 0.88, 1.00}, {0.88, 0.65, 0.95}}},
    [MOOD_SAD] = {"sad", {MODE_MINOR, 0.22, 0.2, 0.4, DISSONANCE_NONE, 0.3, 0.4,
        {2500, 11000, -17, 0, 0, 40}}, MOOD_ENERGETIC, 0.8,
        {0.60, 0.24, 0.42}, {0.60, 0.14, 0.60}, {0.60, 0.22, 0.36}, {0.62, 0.28, 0.22},
        {0.12, 0.18, 0.80}, {{0.07, 0.55, 0.56}, {0.09, 0.60, 0.66}, {0.60, 0.18, 0.70}}},
    [MOOD_TENSE] = {"tense", {MODE_HARMONIC_MINOR, 0.75, 0.6, 0.2, DISSONANCE_MARKED, 0.05, 7,
        {50, 400, -9, 0.35, 0.6, 0}}, MOOD_CALM,
        1.7, {0.02, 0.80, 0.32}, {0.05, 0.82, 0.74}, {0.01, 0.70, 0.30}, {0.98, 0.65, 0.14},
        {0.12, 0.35, 1.00}, {{0.00, 0.88, 0.82}, {0.08, 0.85, 0.90}, {0.15, 0.30, 1.00}}},
    [MOOD_ENERGETIC] = {"energetic", {MODE_MIXOLYDIAN, 0.96, 0.95, 0.05, DISSONANCE_NONE, 0.75, 0,
        {500, 3000, -12, 0.3, 0.3, 0}}, MOOD_SAD,
        2.2, {0.75, 0.85, 0.22}, {0.80, 0.80, 0.42}, {0.72, 0.70, 0.18}, {0.70, 0.70, 0.09},
        {0.50, 0.80, 1.00}, {{0.90, 0.92, 1.00}, {0.48, 0.95, 1.00}, {0.16, 0.92, 1.00}}},
    [MOOD_DREAMY] = {"dreamy", {MODE_LYDIAN, 0.3, 0.62, 0.9, DISSONANCE_NONE, 0.5, 0.9,
        {6000, 15000, -18, 0.25, 0.7, 0}}, MOOD_ENERGETIC,
        0.7, {0.68, 0.62, 0.36}, {0.50, 0.55, 0.62}, {0.62, 0.50, 0.38}, {0.64, 0.55, 0.22},
        {0.44, 0.35, 1.00}, {{0.42, 0.60, 0.95}, {0.78, 0.42, 0.95}, {0.92, 0.32, 1.00}}},
    [MOOD_DARK] = {"dark", {MODE_PHRYGIAN, 0.55, 0.05, 0.5, DISSONANCE_MILD, 0.9, 0,
        {35, 140, -9, 0, 0, 0}}, MOOD_HAPPY, 0.9,
        {0.64, 0.58, 0.17}, {0.63, 0.46, 0.36}, {0.64, 0.40, 0.20}, {0.64, 0.40, 0.10},
        {0.14, 0.18, 0.92}, {{0.12, 0.62, 0.80}, {0.10, 0.50, 0.60}, {0.58, 0.40, 0.45}}},
    [MOOD_ROMANTIC] = {"romantic", {MODE_MAJOR, 0.42, 0.45, 0.35, DISSONANCE_NONE, 0.75, 4.5,
        {250, 600, -19, 0.5, 0.3, 14}}, MOOD_TENSE,
        0.95, {0.84, 0.48, 0.46}, {0.04, 0.48, 0.94}, {0.88, 0.46, 0.38}, {0.90, 0.50, 0.20},
        {0.09, 0.52, 1.00}, {{0.96, 0.60, 0.95}, {0.06, 0.65, 1.00}, {0.11, 0.55, 1.00}}},
};
/* clang-format on */

static const char *const mode_ids[MODE_COUNT] = {
    "major", "lydian", "mixolydian", "minor", "harmonic-minor", "phrygian",
};
static const char *const instrument_ids[INSTRUMENT_COUNT] = {
    "none",
    "acoustic-guitar",
    "electric-guitar",
    "distorted-guitar",
    "bass-guitar",
    "synth-bass",
    "double-bass",
    "piano",
    "electric-piano",
    "organ",
    "strings",
    "violin",
    "flute",
    "trumpet",
    "saxophone",
    "synth-lead",
    "synth-pad",
    "bell",
    "drums",
    "hand-percussion",
    "drum-machine",
    "harp",
    "sitar",
    "banjo",
    "mandolin",
    "accordion",
    "choir",
    "voice",
};
static const char *const metre_ids[METRE_COUNT] = {"3-4", "4-4", "6-8", "odd"};
static const char *const feel_ids[FEEL_COUNT] = {"straight", "swing", "shuffle", "syncopated"};
static const char *const voice_ids[VOICE_COUNT] = {"none", "lead-male", "lead-female"};
static const char *const dissonance_ids[] = {"none", "mild", "marked"};
static const char *const tonic_names[12] = {"C",  "C#", "D",  "D#", "E",  "F",
                                            "F#", "G",  "G#", "A",  "A#", "B"};

const char *mel_genre_id(Genre genre)
{
    return genres[genre].id;
}

const char *mel_genre_phrase(Genre genre)
{
    return genres[genre].phrase;
}

const char *mel_mood_id(Mood mood)
{
    return moods[mood].id;
}

const char *mel_mode_id(Mode mode)
{
    return mode_ids[mode];
}

const char *mel_instrument_id(Instrument instrument)
{
    return instrument_ids[instrument];
}

const char *mel_metre_id(Metre metre)
{
    return metre_ids[metre];
}

const char *mel_feel_id(Feel feel)
{
    return feel_ids[feel];
}

const char *mel_voice_id(Voice voice)
{
    return voice_ids[voice];
}

const char *mel_dissonance_id(Dissonance dissonance)
{
    return dissonance_ids[dissonance];
}

const char *mel_tonic_name(int tonic)
{
    return tonic_names[tonic];
}

const char *mel_tempo_id(double tempo_bpm)
{
    if (tempo_bpm < 60) return "very-slow";
    if (tempo_bpm < 84) return "slow";
    if (tempo_bpm < 116) return "moderate";
    return tempo_bpm < 152 ? "fast" : "very-fast";
}

Mood mel_mood_opposite(Mood mood)
{
    return moods[mood].opposite;
}

bool mel_genre_has_cymbals(Genre genre)
{
    Instrument drums = genres[genre].drums[0];
    return drums == DRUMS || drums == DRUM_MACHINE;
}

static Color color_near(Hsv hsv, Rng *rng)
{
    double h = hsv.h + mel_rng_range(rng, -0.025, 0.025);
    double s = fmin(1, fmax(0, hsv.s * mel_rng_range(rng, 0.88, 1.12)));
    double v = fmin(1, fmax(0, hsv.v * mel_rng_range(rng, 0.9, 1.1)));
    h = 6 * (h - floor(h));
    double low = v * (1 - s), part = h - floor(h);
    double fall = v * (1 - s * part), rise = v * (1 - s * (1 - part));
    switch ((int)h) {
    case 0:
        return (Color){v, rise, low};
    case 1:
        return (Color){fall, v, low};
    case 2:
        return (Color){low, v, rise};
    case 3:
        return (Color){low, fall, v};
    case 4:
        return (Color){rise, low, v};
    default:
        return (Color){v, low, fall};
    }
}

void mel_draw_picture_factors(Mood mood, Rng rng, PictureFactors *out)
{
    const MoodRow *row = &moods[mood];
    Palette palette = {
        .sky_top = color_near(row->sky_top, &rng),
        .sky_low = color_near(row->sky_low, &rng),
        .far = color_near(row->far, &rng),
        .near = color_near(row->near, &rng),
        .light = color_near(row->light, &rng),
    };
    for (int i = 0; i < 3; i++)
        palette.accents[i] = color_near(row->accents[i], &rng);
    double motion = row->motion * mel_rng_range(&rng, 0.85, 1.15);
    *out = (PictureFactors){.mood = mood, .palette = palette, .motion = motion, .rng = rng};
}

static Instrument one_of(const Instrument *choices, int n, Rng *rng)
{
    return choices[mel_rng_int(rng, n)];
}

static Voice draw_voice(const GenreRow *row, Rng *rng)
{
    bool sung = mel_rng_uniform(rng) < row->voice_chance;
    int which = mel_rng_int(rng, 2);
    if (!sung) return VOICE_NONE;
    return which ? VOICE_LEAD_FEMALE : VOICE_LEAD_MALE;
}

void mel_draw_music_factors(Genre genre, Mood mood, Rng rng, MusicFactors *out)
{
    const GenreRow *row = &genres[genre];
    MusicFactors music = {.mood = mood, .character = moods[mood].character, .genre = genre};
    music.groove = mel_rng_int(&rng, mel_groove_count(genre));
    const Groove *groove = mel_groove(genre, music.groove);
    music.metre = groove->metre;
    music.feel = groove->feel;
    double bpm = mel_rng_range(&rng, row->tempo_low_bpm, row->tempo_high_bpm);
    if (music.metre == METRE_6_8) bpm *= 0.75; /* the beat is a dotted quarter there */
    music.tempo_bpm = round(bpm * 10) / 10;
    music.voice = draw_voice(row, &rng);
    music.parts[PART_LEAD] = one_of(row->lead, 3, &rng);
    music.parts[PART_CHORDS] = one_of(row->chords, 2, &rng);
    music.parts[PART_BASS] = one_of(row->bass, 2, &rng);
    music.parts[PART_PAD] = one_of(row->pad, 2, &rng);
    music.parts[PART_DRUMS] = one_of(row->drums, 2, &rng);
    music.parts[PART_VOICE] = music.voice == VOICE_NONE ? INSTRUMENT_NONE : SINGER;
    music.tonic = mel_rng_int(&rng, 12);
    music.tune_cents = mel_rng_range(&rng, -14, 14);
    music.rng = rng;
    *out = music;
}
