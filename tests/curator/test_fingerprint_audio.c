/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/fingerprint.h"
#include "tests/curator/synth.h"
#include "tests/support/test.h"

enum { RATE = 16000, PAIRS = 30, STRANGERS = 300 };
static const double CLIP_S = 10;

/* Landmarks of many clips, ready to be matched. */
typedef struct Shelf {
    Landmark (*marks)[LANDMARKS_MAX];
    AudioItem *items;
    size_t count;
} Shelf;

static Shelf shelf_new(size_t most)
{
    Shelf shelf = {0};
    shelf.marks = mel_alloc(most * sizeof *shelf.marks);
    shelf.items = mel_alloc(most * sizeof *shelf.items);
    return shelf;
}

/* Takes the sound. */
static void shelve(Shelf *shelf, Synth sound)
{
    size_t i = shelf->count++;
    size_t count = mel_audio_landmarks(sound.samples, sound.n, sound.rate_hz, shelf->marks[i]);
    shelf->items[i] = (AudioItem){shelf->marks[i], count};
    free(sound.samples);
}

static void shelf_free(Shelf *shelf)
{
    free(shelf->marks);
    free(shelf->items);
}

static size_t match(const Shelf *shelf, DuplicateEdge **edges)
{
    Err err = {0};
    size_t count;
    CHECK_OK(mel_match_audio(shelf->items, shelf->count, NULL, edges, &count, &err));
    return count;
}

/* How a second clip comes from the piece the first one begins. */
typedef struct Copy {
    double from_s, cutoff_hz, snr_db, gain;
    int bits;
    int rate_hz;
} Copy;

static Synth make_copy(const Piece *piece, const Copy *copy, uint64_t seed)
{
    Synth whole = synth_play(piece, copy->from_s + CLIP_S + 0.1, copy->rate_hz);
    Synth clip = synth_cut(&whole, copy->from_s, CLIP_S);
    free(whole.samples);
    if (copy->bits)
        synth_degrade(&clip, copy->cutoff_hz, copy->snr_db, copy->gain, copy->bits, seed);
    return clip;
}

/* Of PAIRS pieces, how many are found in their copy, at the right offset, and nothing else. */
static void assert_found(const char *what, Copy copy, int wanted)
{
    Shelf shelf = shelf_new(2 * PAIRS);
    double offsets[PAIRS];
    for (uint64_t i = 0; i < PAIRS; i++) {
        Piece piece = synth_piece(100 + i);
        Copy moved = copy; /* the copies fall on the analysis grid in all ways */
        if (copy.from_s > 0) moved.from_s -= 0.001 * (double)(i * 7 % 24);
        offsets[i] = -moved.from_s;
        shelve(&shelf, make_copy(&piece, &(Copy){.rate_hz = RATE}, 0));
        shelve(&shelf, make_copy(&piece, &moved, i));
    }
    DuplicateEdge *edges;
    size_t count = match(&shelf, &edges);
    int found = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(edges[i].a / 2, edges[i].b / 2);
        CHECK_NEAR((double)edges[i].offset_us / 1e6, offsets[edges[i].a / 2], 0.03);
        found++;
    }
    print_message("%-28s %d of %d found\n", what, found, PAIRS);
    assert_true(found >= wanted);
    free(edges);
    shelf_free(&shelf);
}

static void three_seconds_in_common_are_found(void **state)
{
    (void)state;
    assert_found("3 s in common", (Copy){.from_s = 7, .rate_hz = RATE}, PAIRS - 1);
}

static void five_seconds_in_common_are_found(void **state)
{
    (void)state;
    assert_found("5 s in common", (Copy){.from_s = 5, .rate_hz = RATE}, PAIRS);
}

static void a_bad_copy_is_found(void **state)
{
    (void)state;
    assert_found("low-passed, noise at 25 dB", (Copy){0, 5000, 25, 0.25, 10, RATE}, PAIRS);
}

static void a_bad_copy_with_three_seconds_in_common_is_found(void **state)
{
    (void)state;
    assert_found("the same, 3 s in common", (Copy){7, 5000, 25, 0.25, 10, RATE}, PAIRS - 3);
}

static void a_louder_or_softer_copy_is_found(void **state)
{
    (void)state;
    assert_found("40 dB softer", (Copy){0, 7000, 90, 0.01, 24, RATE}, PAIRS);
}

static void a_copy_at_another_rate_is_found(void **state)
{
    (void)state;
    assert_found("at 44.1 kHz", (Copy){.rate_hz = 44100}, PAIRS);
}

static void every_rate_gives_about_the_same_landmarks(void **state)
{
    (void)state;
    static const int rates[] = {8000, 11025, 22050, 32000, 44099, 44100, 48000, 96000};
    Piece piece = synth_piece(5);
    Shelf shelf = shelf_new(MEL_COUNT(rates));
    for (size_t i = 0; i < MEL_COUNT(rates); i++)
        shelve(&shelf, synth_play(&piece, CLIP_S, rates[i]));
    DuplicateEdge *edges;
    assert_int_equal(match(&shelf, &edges), 28);
    for (size_t i = 0; i < 28; i++)
        assert_true(edges[i].score > 0.3);
    free(edges);
    shelf_free(&shelf);
}

/* All pairs of many different pieces. */
static void different_music_does_not_match(void **state)
{
    (void)state;
    Shelf shelf = shelf_new(STRANGERS);
    size_t landmarks = 0;
    for (uint64_t i = 0; i < STRANGERS; i++) {
        Piece piece = synth_piece(10000 + i);
        shelve(&shelf, synth_play(&piece, CLIP_S, 11025));
        landmarks += shelf.items[i].count;
    }
    DuplicateEdge *edges;
    size_t count = match(&shelf, &edges);
    print_message("%zu of %d pairs of different pieces match; %.1f landmarks a second\n", count,
                  STRANGERS * (STRANGERS - 1) / 2, (double)landmarks / STRANGERS / CLIP_S);
    assert_int_equal(count, 0);
    free(edges);
    shelf_free(&shelf);
}

/* The same band, key and tempo, starting on the same beat: only the notes are others. */
static void the_same_band_with_other_notes_does_not_match(void **state)
{
    (void)state;
    size_t count = 0, pairs = 0;
    for (uint64_t band = 0; band < 6; band++) {
        Shelf shelf = shelf_new(20);
        for (uint64_t i = 0; i < 20; i++) {
            Piece piece = synth_piece(500 + band);
            if (band % 2) piece.drums = piece.chords = piece.bass = 0; /* arpeggios alone */
            piece.notes = 9000 + i;
            shelve(&shelf, synth_play(&piece, CLIP_S, RATE));
        }
        DuplicateEdge *edges;
        count += match(&shelf, &edges);
        pairs += 190;
        free(edges);
        shelf_free(&shelf);
    }
    print_message("%zu of %zu pairs of the same band match\n", count, pairs);
    assert_true(count <= pairs / 500);
}

static void drum_loops_of_different_kits_do_not_match(void **state)
{
    (void)state;
    Shelf shelf = shelf_new(80);
    for (uint64_t i = 0; i < 80; i++) {
        Piece piece = synth_piece(700 + i);
        piece.melody = piece.chords = piece.bass = 0;
        piece.drums = 0.4;
        piece.bpm = 100 + 5 * (double)(i % 5); /* many share their tempo */
        shelve(&shelf, synth_play(&piece, CLIP_S, RATE));
    }
    DuplicateEdge *edges;
    assert_int_equal(match(&shelf, &edges), 0);
    free(edges);
    shelf_free(&shelf);
}

static void silence_and_too_short_sound_have_no_landmarks(void **state)
{
    (void)state;
    Landmark marks[LANDMARKS_MAX];
    Synth sound = synth_new(10, RATE);
    assert_int_equal(mel_audio_landmarks(sound.samples, sound.n, RATE, marks), 0);
    assert_int_equal(mel_audio_landmarks(sound.samples, 100, RATE, marks), 0);
    assert_int_equal(mel_audio_landmarks(sound.samples, 0, RATE, marks), 0);
    for (size_t i = 0; i < sound.n; i++)
        sound.samples[i] = i % 2 ? 1e-5f : -1e-5f; /* the last bit of 16 */
    assert_int_equal(mel_audio_landmarks(sound.samples, sound.n, RATE, marks), 0);
    free(sound.samples);
}

static void landmarks_are_the_same_every_time_and_in_order(void **state)
{
    (void)state;
    Landmark a[LANDMARKS_MAX], b[LANDMARKS_MAX];
    Piece piece = synth_piece(1);
    Synth sound = synth_play(&piece, CLIP_S, RATE);
    size_t n = mel_audio_landmarks(sound.samples, sound.n, RATE, a);
    assert_true(n > 100);
    assert_int_equal(mel_audio_landmarks(sound.samples, sound.n, RATE, b), n);
    assert_memory_equal(a, b, n * sizeof *a);
    for (size_t i = 1; i < n; i++)
        assert_true(a[i - 1].position <= a[i].position);
    assert_true(a[n - 1].position * mel_landmark_hop_s() < CLIP_S);
    free(sound.samples);
}

/* A minute has more landmarks than are kept; which are kept depends on the hashes only, so that a
 * cut of it is still found. */
static void a_long_sound_keeps_landmarks_that_its_parts_keep_too(void **state)
{
    (void)state;
    Piece piece = synth_piece(3);
    Synth whole = synth_play(&piece, 60, RATE);
    Shelf shelf = shelf_new(2);
    shelve(&shelf, synth_cut(&whole, 31, 10));
    shelve(&shelf, whole);
    assert_int_equal(shelf.items[1].count, LANDMARKS_MAX);
    DuplicateEdge *edges;
    assert_int_equal(match(&shelf, &edges), 1);
    CHECK_NEAR((double)edges[0].offset_us / 1e6, 31, 0.03);
    free(edges);
    shelf_free(&shelf);
}

static void broken_samples_do_no_harm(void **state)
{
    (void)state;
    Landmark marks[LANDMARKS_MAX];
    Piece piece = synth_piece(2);
    Synth sound = synth_play(&piece, CLIP_S, RATE);
    for (size_t i = 0; i < sound.n; i += 1000)
        sound.samples[i] = i % 2000 ? NAN : INFINITY;
    size_t n = mel_audio_landmarks(sound.samples, sound.n, RATE, marks);
    assert_in_range(n, 1, LANDMARKS_MAX);
    for (size_t i = 0; i < sound.n; i++)
        sound.samples[i] = i % 3 ? 1e30f : -3e38f;
    n = mel_audio_landmarks(sound.samples, sound.n, RATE, marks);
    assert_in_range(n, 0, LANDMARKS_MAX);
    free(sound.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_seconds_in_common_are_found),
        cmocka_unit_test(five_seconds_in_common_are_found),
        cmocka_unit_test(a_bad_copy_is_found),
        cmocka_unit_test(a_bad_copy_with_three_seconds_in_common_is_found),
        cmocka_unit_test(a_louder_or_softer_copy_is_found),
        cmocka_unit_test(a_copy_at_another_rate_is_found),
        cmocka_unit_test(every_rate_gives_about_the_same_landmarks),
        cmocka_unit_test(different_music_does_not_match),
        cmocka_unit_test(the_same_band_with_other_notes_does_not_match),
        cmocka_unit_test(drum_loops_of_different_kits_do_not_match),
        cmocka_unit_test(silence_and_too_short_sound_have_no_landmarks),
        cmocka_unit_test(landmarks_are_the_same_every_time_and_in_order),
        cmocka_unit_test(a_long_sound_keeps_landmarks_that_its_parts_keep_too),
        cmocka_unit_test(broken_samples_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
