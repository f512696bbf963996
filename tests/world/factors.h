/* SPDX-License-Identifier: Apache-2.0
 *
 * The known factors that a source of the little world is made from.
 *
 * Which half of a pair says what (the point of the whole world):
 *
 *   mood  -> the picture: scene kind, palette, speed of motion
 *         -> the music:   mode, energy (dynamics, density), brightness, reverberation, dissonance,
 *                         warmth, swell
 *   genre -> the text:    genre, tempo, metre, feel, instruments, singer
 *         -> the music:   the same
 *
 * The texts (captions, annotation texts) never name the mood, the mode or what follows from them;
 * the pictures know nothing of genre, tempo or instruments. So the mode of a piece can be learnt
 * from its picture only and its tempo from its text only, and whoever has both knows more than
 * whoever has one. The tonic is drawn freely; nothing tells it. */
#ifndef MEL_WORLD_FACTORS_H
#define MEL_WORLD_FACTORS_H

#include "base/base.h"

typedef enum Genre {
    GENRE_NEW_AGE,
    GENRE_CLASSICAL,
    GENRE_LATIN,
    GENRE_R_AND_B,
    GENRE_EASY_LISTENING,
    GENRE_METAL,
    GENRE_JAZZ,
    GENRE_WORLD,
    GENRE_HIP_HOP,
    GENRE_POP,
    GENRE_BLUES,
    GENRE_COUNTRY,
    GENRE_ROCK,
    GENRE_FOLK,
    GENRE_ELECTRONIC,
    GENRE_COUNT,
} Genre;

typedef enum Mood {
    MOOD_CALM,
    MOOD_HAPPY,
    MOOD_SAD,
    MOOD_TENSE,
    MOOD_ENERGETIC,
    MOOD_DREAMY,
    MOOD_DARK,
    MOOD_ROMANTIC,
    MOOD_COUNT,
} Mood;

typedef enum Mode {
    MODE_MAJOR,
    MODE_LYDIAN,
    MODE_MIXOLYDIAN,
    MODE_MINOR,
    MODE_HARMONIC_MINOR,
    MODE_PHRYGIAN,
    MODE_COUNT,
} Mode;

typedef enum Instrument {
    INSTRUMENT_NONE,
    ACOUSTIC_GUITAR,
    ELECTRIC_GUITAR,
    DISTORTED_GUITAR,
    BASS_GUITAR,
    SYNTH_BASS,
    DOUBLE_BASS,
    PIANO,
    ELECTRIC_PIANO,
    ORGAN,
    STRINGS,
    VIOLIN,
    FLUTE,
    TRUMPET,
    SAXOPHONE,
    SYNTH_LEAD,
    SYNTH_PAD,
    BELL,
    DRUMS,
    HAND_PERCUSSION,
    DRUM_MACHINE,
    HARP,
    SITAR,
    BANJO,
    MANDOLIN,
    ACCORDION,
    CHOIR,
    SINGER, /* the formant voice; in vocabularies it is a voice, not an instrument */
    INSTRUMENT_COUNT,
} Instrument;

typedef enum Metre { METRE_3_4, METRE_4_4, METRE_6_8, METRE_ODD, METRE_COUNT } Metre;
typedef enum Feel { FEEL_STRAIGHT, FEEL_SWING, FEEL_SHUFFLE, FEEL_SYNCOPATED, FEEL_COUNT } Feel;
typedef enum Voice { VOICE_NONE, VOICE_LEAD_MALE, VOICE_LEAD_FEMALE, VOICE_COUNT } Voice;
typedef enum Dissonance { DISSONANCE_NONE, DISSONANCE_MILD, DISSONANCE_MARKED } Dissonance;

/* What a part does in the arrangement. A genre leaves some of them out. */
typedef enum Part {
    PART_LEAD,
    PART_CHORDS,
    PART_BASS,
    PART_PAD,
    PART_DRUMS,
    PART_VOICE,
    PART_COUNT
} Part;

/* What one hears of the place in the picture: a band of noise, waves of loudness, and sparks
 * (drops, crackling), under the music. */
typedef struct Ambience {
    double low_hz, high_hz; /* the band */
    double level_db;        /* beside the music's loudness */
    double wave_hz, depth;  /* how fast and how deep it comes and goes; depth 0..1 */
    double sparks_hz;       /* how many a second */
} Ambience;

/* What the mood fixes in the music. */
typedef struct Character {
    Mode mode;
    double energy;     /* 0..1: dynamics, density of melody and drums */
    double brightness; /* 0..1: spectral tilt of the whole mix */
    double reverb;     /* 0..1 */
    Dissonance dissonance;
    double warmth;   /* 0..1: what lies below 200 Hz */
    double swell_hz; /* how fast loudness breathes; 0: it does not */
    Ambience ambience;
} Character;

typedef struct MusicFactors {
    Mood mood; /* the character below follows from it */
    Character character;
    Genre genre; /* everything below is told by the text, the tonic excepted */
    int groove;  /* index into the grooves of the genre, see groove.h */
    Metre metre;
    Feel feel;
    double tempo_bpm; /* beats a minute; the dotted quarter in 6/8 */
    Voice voice;
    Instrument parts[PART_COUNT]; /* INSTRUMENT_NONE = left out */
    int tonic;                    /* 0 = C .. 11 = B */
    double tune_cents;            /* of the whole source, so that no two are in tune by accident */
    Rng rng;                      /* where the composition starts to draw */
} MusicFactors;

typedef struct Color {
    double r, g, b; /* 0..1, sRGB */
} Color;

typedef struct Palette {
    Color sky_top, sky_low; /* what lies behind */
    Color far, near;        /* masses: hills, houses, ground */
    Color light;            /* sun, moon, lamps */
    Color accents[3];       /* things */
} Palette;

/* Two scene kinds belong to each mood; see scene.h. */
typedef struct PictureFactors {
    Mood mood;
    Palette palette;
    double motion; /* speed factor, about 0.6 to 2.5 */
    Rng rng;       /* where the shots start to draw */
} PictureFactors;

/* Draws what the mood says of a picture / the genre says of the text and the mood of the music.
 * Afterwards factors->rng goes on where the drawing ended. */
void mel_draw_picture_factors(Mood mood, Rng rng, PictureFactors *out);
void mel_draw_music_factors(Genre genre, Mood mood, Rng rng, MusicFactors *out);

/* Stable ids of the vocabularies; borrowed for ever. */
const char *mel_genre_id(Genre genre);
const char *mel_genre_phrase(Genre genre); /* "R&B", "world music": as people write it */
const char *mel_mood_id(Mood mood);
const char *mel_mode_id(Mode mode);
const char *mel_instrument_id(Instrument instrument);
const char *mel_metre_id(Metre metre);
const char *mel_feel_id(Feel feel);
const char *mel_voice_id(Voice voice);
const char *mel_dissonance_id(Dissonance dissonance);
const char *mel_tempo_id(double tempo_bpm);
const char *mel_tonic_name(int tonic);

/* A mood whose music belongs nowhere near this one's picture: other mode, other energy. */
Mood mel_mood_opposite(Mood mood);

/* True for the genres whose music reaches high up (cymbals), so that a lost treble shows. */
bool mel_genre_has_cymbals(Genre genre);

#endif
