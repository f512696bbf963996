/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/words.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static const char *const adjectives[] = {
    "Paper",   "Copper",  "Second", "Northern", "Hidden",  "Borrowed", "Wooden", "Seventh",
    "Painted", "Distant", "Corner", "Folded",   "Printed", "Sunday",   "Marble", "Turning",
    "Amber",   "Upper",   "Spare",  "Crossing", "Woven",   "Early",    "Double", "Harbour",
};
static const char *const nouns[] = {
    "Letters",   "Window",    "Station",  "Garden",   "Bridges",  "Compass",
    "Ladder",    "Postcards", "Kitchen",  "Avenue",   "Mirror",   "Engine",
    "Orchard",   "Signals",   "Market",   "Atlas",    "Tide",     "Lantern",
    "Staircase", "Valley",    "Notebook", "Ferry",    "Workshop", "Rooftops",
    "Clockwork", "Junction",  "Theatre",  "Meridian", "Parade",
};
static const char *const suffixes[] = {"",           "",      " (live)", " - instrumental",
                                       " (session)", " pt. 2"};
static const char *const keepers[] = {
    "Mira", "Tomas", "Ines", "Kofi", "Yuki", "Lena", "Arjun", "Sofia", "Emre", "Nadia", "Oskar",
};
static const char *const places[] = {
    "Records", "Music", "Sessions", "Studio", "Tapes", "Sound", "Recordings", "Music Room",
};
enum {
    ADJECTIVES = MEL_COUNT(adjectives),
    NOUNS = MEL_COUNT(nouns),
    SUFFIXES = MEL_COUNT(suffixes),
    KEEPERS = MEL_COUNT(keepers),
    PLACES = MEL_COUNT(places),
};

const char *mel_words_title(Arena *arena, uint64_t seed, int index)
{
    int pairs = ADJECTIVES * NOUNS; /* 37 has no factor in common with it: each pair once a round */
    int pick = (int)(((uint64_t)index * 37 + seed % 1000) % (uint64_t)pairs);
    const char *suffix = suffixes[(index * 5 + (int)(seed % 7)) % SUFFIXES];
    const char *adjective = adjectives[pick % ADJECTIVES], *noun = nouns[pick / ADJECTIVES];
    if (index < pairs) return mel_arena_printf(arena, "%s %s%s", adjective, noun, suffix);
    return mel_arena_printf(arena, "%s %s No. %d%s", adjective, noun, index / pairs + 1, suffix);
}

const char *mel_words_channel(Arena *arena, uint64_t seed, int index)
{
    int pairs = KEEPERS * PLACES;
    int pick = (int)(((uint64_t)index * 19 + seed % 100) % (uint64_t)pairs);
    const char *keeper = keepers[pick % KEEPERS], *place = places[pick / KEEPERS];
    if (index < pairs) return mel_arena_printf(arena, "%s %s", keeper, place);
    return mel_arena_printf(arena, "%s %s %d", keeper, place, index / pairs + 1);
}

/* ---- phrases ---- */

static void add_spaced(Str *text, const char *id)
{
    for (; *id; id++)
        mel_str_add_char(text, *id == '-' ? ' ' : *id);
}

static void add_article(Str *text, const char *word)
{
    bool vowel = strchr("aeiouAEIO", word[0]) != NULL || mel_starts_with(word, "R&B");
    mel_str_add(text, vowel ? "an " : "a ");
}

static void add_instrument(Str *text, Instrument instrument, bool article)
{
    bool many = instrument == STRINGS || instrument == DRUMS || instrument == HAND_PERCUSSION;
    const char *id = mel_instrument_id(instrument);
    if (article && !many) add_article(text, id);
    add_spaced(text, id);
}

static const char *tempo_word(const MusicFactors *music)
{
    const char *id = mel_tempo_id(music->tempo_bpm);
    if (mel_equal(id, "very-slow")) return "very slow";
    if (mel_equal(id, "very-fast")) return "very fast";
    return mel_equal(id, "moderate") ? "moderately paced" : id;
}

/* The parts that accompany, without doubles: "a piano, a double bass and drums". Returns how many.
 */
static int add_accompaniment(Str *text, const MusicFactors *music, bool with_lead)
{
    static const Part order[] = {PART_LEAD, PART_CHORDS, PART_BASS, PART_DRUMS, PART_PAD};
    Instrument list[PART_COUNT];
    int count = 0;
    for (int i = with_lead ? 0 : 1; i < 5; i++) {
        Instrument instrument = music->parts[order[i]];
        bool doubled = instrument == music->parts[PART_LEAD] && order[i] != PART_LEAD;
        if (instrument != INSTRUMENT_NONE && !doubled) list[count++] = instrument;
    }
    for (int i = 0; i < count; i++) {
        if (i) mel_str_add(text, i == count - 1 ? " and " : ", ");
        add_instrument(text, list[i], true);
    }
    return count;
}

static void capitalise(Str *text, size_t from)
{
    if (from < text->length) text->text[from] = (char)toupper((unsigned char)text->text[from]);
}

static const char *singer(const MusicFactors *music)
{
    return music->voice == VOICE_LEAD_MALE ? "a man" : "a woman";
}

static const char *metre_words(Metre metre)
{
    static const char *const words[METRE_COUNT] = {"in three", "in common time", "in six-eight",
                                                   "in an odd metre of seven"};
    return words[metre];
}

/* ---- sentences ---- */

static void add_lead_sentence(Str *text, const MusicFactors *music, int variant)
{
    const char *genre = mel_genre_phrase(music->genre);
    bool sung = music->voice != VOICE_NONE;
    const char *tempo = tempo_word(music);
    size_t from = text->length;
    switch (variant) {
    case 0:
        add_article(text, tempo);
        mel_str_addf(text, "%s %s %s", tempo, genre, sung ? "song" : "piece");
        if (sung)
            mel_str_addf(text, " sung by %s", singer(music));
        else {
            mel_str_add(text, " led by ");
            add_instrument(text, music->parts[PART_LEAD], true);
        }
        break;
    case 1:
        mel_str_addf(text, "%s, %s: ", genre, tempo);
        if (sung)
            mel_str_addf(text, "%s sings the tune", singer(music));
        else {
            mel_str_add(text, "the ");
            add_instrument(text, music->parts[PART_LEAD], false);
            mel_str_add(text, " plays the tune");
        }
        break;
    default:
        if (sung)
            mel_str_addf(text, "%s sings", singer(music));
        else {
            add_instrument(text, music->parts[PART_LEAD], true);
            mel_str_add(text, music->parts[PART_LEAD] == STRINGS ? " carry" : " carries");
        }
        mel_str_add(text, " the melody of ");
        add_article(text, tempo);
        mel_str_addf(text, "%s %s %s", tempo, genre, sung ? "song" : "tune");
        break;
    }
    capitalise(text, from);
}

static void add_band_sentence(Str *text, const MusicFactors *music, int variant)
{
    Str band = {0};
    int count = add_accompaniment(&band, music, music->voice != VOICE_NONE);
    size_t from = text->length;
    if (count == 0)
        mel_str_add(text, "Nothing else plays");
    else if (variant == 0)
        mel_str_addf(text, "It is accompanied by %s", band.text);
    else if (variant == 1)
        mel_str_addf(text, "%s %s underneath", band.text, count > 1 ? "play" : "plays");
    else
        mel_str_addf(text, "Behind it one hears %s", band.text);
    capitalise(text, from);
    mel_str_add(text, ".");
    mel_str_clear(&band);
}

static void add_rhythm_sentence(Str *text, const MusicFactors *music, int variant)
{
    static const char *const feels[FEEL_COUNT] = {"straight", "swung", "shuffled", "syncopated"};
    long bpm = lround(music->tempo_bpm);
    const char *metre = metre_words(music->metre), *feel = feels[music->feel];
    if (variant == 0)
        mel_str_addf(text, "The rhythm is %s, %s, at about %ld beats a minute.", feel, metre, bpm);
    else if (variant == 1)
        mel_str_addf(text, "About %ld BPM %s with a %s feel.", bpm, metre, feel);
    else
        mel_str_addf(text, "It moves %s and keeps a %s beat.", metre, feel);
}

char *mel_words_caption(const MusicFactors *music, Rng *rng)
{
    Str text = {0}, band = {0};
    add_lead_sentence(&text, music, mel_rng_int(rng, 3));
    if (add_accompaniment(&band, music, music->voice != VOICE_NONE))
        mel_str_addf(&text, ", with %s", band.text);
    mel_str_add(&text, ".");
    mel_str_clear(&band);
    return mel_str_take(&text);
}

char *mel_words_annotation(const MusicFactors *music, Rng *rng)
{
    Str text = {0};
    int lead = mel_rng_int(rng, 3), band = mel_rng_int(rng, 3), rhythm = mel_rng_int(rng, 3);
    bool with_band = mel_rng_uniform(rng) < 0.85, with_rhythm = mel_rng_uniform(rng) < 0.7;
    add_lead_sentence(&text, music, lead);
    mel_str_add(&text, ".");
    if (with_band) {
        mel_str_add(&text, " ");
        add_band_sentence(&text, music, band);
    }
    if (with_rhythm) {
        mel_str_add(&text, " ");
        add_rhythm_sentence(&text, music, rhythm);
    }
    return mel_str_take(&text);
}
