/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading real products: they are cut from a film whose pictures carry their numbers, loaded, and
 * compared with it; then spoiled in every way that a disk or a merge can spoil them. */
#include "annotator/player/loaded_clip.h"
#include "curator/measures.h"
#include "tests/player/made_clip.h"
#include "tests/support/cut_run.h"
#include "tests/support/media_fixture.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RATE = 48000, CLIP_S = 10, FIRST_PICTURE = 38 };
static const double CLIP_START_S = 1.51, FILM_RATE = 25;

static char *folder;
static const char *sound_path, *picture_path;
static uint8_t *sound, *picture;
static size_t sound_size, picture_size;
static int32_t *want_sound;

/* The film's pictures stand at n / 25 s: the clip starts 10 ms into picture 37. */
static int make_products(void **state)
{
    (void)state;
    folder = test_folder();
    const MediaSpec film = {.muxer = "mp4",
                            .video_encoder = "libx264",
                            .audio_encoder = "aac",
                            .video_options = "preset=ultrafast",
                            .width = 256,
                            .height = 144,
                            .gop = 50,
                            .rate_hz = RATE,
                            .channels = 2,
                            .video_s = 13,
                            .audio_s = 13};
    const char *film_path = test_path(folder, "film.mp4");
    media_fixture_write(film_path, &film);
    CutRun run;
    cut_run_open(&run, film_path, NULL, CLIP_START_S, CLIP_S);
    run.request.preview_height = 144;
    if (!cut_run(&run, NULL)) fail_msg("%s", run.err.message);
    int64_t count;
    want_sound = cut_run_sound(&run, &count);
    sound = cut_run_bytes(run.files.audio, &sound_size);
    picture = cut_run_bytes(run.files.preview, &picture_size);
    sound_path = test_path(folder, "clip.flac");
    picture_path = test_path(folder, "clip.mkv");
    test_write(sound_path, sound, sound_size);
    test_write(picture_path, picture, picture_size);
    cut_run_close(&run);
    return 0;
}

static int remove_products(void **state)
{
    (void)state;
    test_folder_remove(folder);
    free(want_sound);
    free(sound);
    free(picture);
    return 0;
}

static LoadedClip *load(const char *sound_file, const char *picture_file)
{
    Err err = {0};
    LoadedClip *clip = NULL;
    ClipLoadRequest request = {
        .sound_path = sound_file, .picture_path = picture_file, .duration_us = CLIP_S * 1000000LL};
    CHECK_OK(mel_loaded_clip_new(&request, &clip, &err));
    return clip;
}

/* The film's number on a picture, from its green channel. */
static int number_on(const LoadedClip *clip, int64_t index)
{
    size_t pixels = (size_t)clip->width * (size_t)clip->height;
    uint8_t *grey = mel_alloc(pixels);
    for (size_t i = 0; i < pixels; i++)
        grey[i] = clip->pictures[index].rgb[3 * i + 1];
    int number = media_fixture_number(grey, clip->width, clip->width, clip->height);
    free(grey);
    return number;
}

static void a_clip_is_loaded_whole(void **state)
{
    (void)state;
    LoadedClip *clip = load(sound_path, picture_path);
    assert_int_equal(clip->sound_why.code, ERR_NONE);
    assert_int_equal(clip->picture_why.code, ERR_NONE);
    assert_int_equal(clip->rate_hz, RATE);
    assert_int_equal(clip->frames, CLIP_S * RATE);
    assert_int_equal(clip->width, 256);
    assert_int_equal(clip->height, 144);
    for (int64_t i = 0; i < 2 * clip->frames; i++)
        assert_true(clip->samples[i] == (float)want_sound[i] / 32768);
    mel_loaded_clip_unref(clip);
}

/* At every millisecond: the film's picture at that time, but for half a millisecond at its edges,
 * to which the preview's stamps are rounded. */
static void at_every_moment_the_picture_is_that_of_the_film(void **state)
{
    (void)state;
    LoadedClip *clip = load(sound_path, picture_path);
    assert_int_equal(clip->picture_count, CLIP_S * 25);
    for (int64_t ms = 0; ms < CLIP_S * 1000; ms++) {
        int64_t index = mel_loaded_clip_picture_at(clip, ms * RATE / 1000);
        double film = (CLIP_START_S + (double)ms / 1000) * FILM_RATE;
        int number = number_on(clip, index);
        if (film < FIRST_PICTURE) film = FIRST_PICTURE; /* previews begin with the next picture */
        assert_in_range(number, (int)floor(film - 0.03), (int)floor(film + 0.03));
    }
    mel_loaded_clip_unref(clip);
}

static void pictures_keep_their_place_when_the_sound_starts_later(void **state)
{
    (void)state;
    Err err = {0};
    LoadedClip *clip = NULL, *plain = load(sound_path, picture_path);
    ClipLoadRequest request = {.sound_path = sound_path,
                               .picture_path = picture_path,
                               .start_us = 5000000,
                               .got_start_us = 5250000};
    CHECK_OK(mel_loaded_clip_new(&request, &clip, &err));
    int64_t index = mel_loaded_clip_picture_at(plain, 5 * RATE);
    int wanted = number_on(plain, index);
    assert_int_equal(number_on(clip, mel_loaded_clip_picture_at(clip, 5 * RATE - RATE / 4)),
                     wanted);
    assert_int_equal(number_on(clip, 0),
                     number_on(plain, mel_loaded_clip_picture_at(plain, RATE / 4)));
    for (size_t i = 1; i < clip->picture_count; i++)
        assert_true(clip->pictures[i].sample > clip->pictures[i - 1].sample);
    mel_loaded_clip_unref(clip);
    mel_loaded_clip_unref(plain);
}

/* ---- loudness ------------------------------------------------------------------------------- */

static void the_gain_brings_a_clip_to_18_lufs_within_the_peak_limit(void **state)
{
    (void)state;
    static const double amplitudes[] = {0.9, 0.3, 0.03, 0.02};
    for (size_t k = 0; k < MEL_COUNT(amplitudes); k++) {
        bool burst = k == 3; /* one short loud passage: the peak is the limit */
        LoadedClip *made = made_clip(RATE, 10 * RATE, 0);
        made_sine(made, 997, amplitudes[k]);
        for (int64_t i = 0; burst && i < 400; i++)
            made->samples[i] *= 45;
        const char *path = test_path(folder, "level%zu.flac", k);
        Err err = {0};
        CHECK_OK(mel_save_sound(path, made->samples, made->frames, 2, RATE, &err));
        LoadedClip *clip = load(path, NULL);
        for (int64_t i = 0; i < 2 * clip->frames; i++)
            clip->samples[i] *= clip->gain;
        Loudness after = mel_measure_loudness(clip->samples, (size_t)clip->frames, 2, RATE);
        if (burst)
            CHECK_NEAR(after.true_peak_dbtp, -1, 0.1);
        else
            CHECK_NEAR(after.integrated_lufs, -18, 0.5);
        assert_true(after.true_peak_dbtp <= -1 + 0.01 && after.integrated_lufs <= -17.5);
        mel_loaded_clip_unref(clip);
        mel_loaded_clip_unref(made);
    }
}

static void silence_and_near_silence_are_not_blown_up(void **state)
{
    (void)state;
    assert_true(mel_playing_gain(NAN, NAN) == 1);
    CHECK_NEAR(20 * log10(mel_playing_gain(-60, -50)), 24, 0.01);
}

static void one_channel_is_heard_on_both_sides(void **state)
{
    (void)state;
    Err err = {0};
    float mono[4800];
    for (int i = 0; i < 4800; i++)
        mono[i] = (float)(i % 100) / 256;
    const char *path = test_path(folder, "mono.flac");
    CHECK_OK(mel_save_sound(path, mono, 4800, 1, 44100, &err));
    LoadedClip *clip = load(path, NULL);
    assert_int_equal(clip->rate_hz, 44100);
    assert_int_equal(clip->frames, 4800);
    for (int i = 0; i < 4800; i++)
        assert_true(clip->samples[2 * i] == clip->samples[2 * i + 1] &&
                    fabsf(clip->samples[2 * i] - mono[i]) < 1e-4F);
    mel_loaded_clip_unref(clip);
}

/* ---- what is broken ------------------------------------------------------------------------- */

static void a_missing_product_leaves_the_other_and_a_reason(void **state)
{
    (void)state;
    LoadedClip *clip = load(NULL, picture_path);
    assert_int_equal(clip->sound_why.code, ERR_NOT_FOUND);
    assert_int_equal(clip->picture_why.code, ERR_NONE);
    assert_null(clip->samples);
    assert_int_equal(clip->frames, (int64_t)CLIP_S * PLAYER_RATE_DEFAULT_HZ);
    mel_loaded_clip_unref(clip);
    clip = load(sound_path, test_path(folder, "nowhere.mkv"));
    assert_int_equal(clip->picture_why.code, ERR_NOT_FOUND);
    assert_int_equal(clip->sound_why.code, ERR_NONE);
    assert_int_equal(clip->picture_count, 0);
    assert_int_equal(mel_loaded_clip_picture_at(clip, 0), -1);
    mel_loaded_clip_unref(clip);
    clip = load(NULL, NULL);
    assert_true(mel_err_is_set(&clip->sound_why) && mel_err_is_set(&clip->picture_why));
    mel_loaded_clip_unref(clip);
}

static void files_of_no_or_other_bytes_are_refused_with_a_reason(void **state)
{
    (void)state;
    uint8_t noise[5000];
    Rng rng = {.seed = 1};
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)mel_rng_int(&rng, 256);
    const char *empty = test_path(folder, "empty"), *other = test_path(folder, "noise");
    test_write(empty, "", 0);
    test_write(other, noise, sizeof noise);
    const char *film = test_path(folder, "film.mp4");
    const char *bad_sounds[] = {empty, other, picture_path, folder, film};
    const char *bad_pictures[] = {empty, other, sound_path, folder, film};
    for (size_t k = 0; k < MEL_COUNT(bad_sounds); k++) {
        LoadedClip *clip = load(bad_sounds[k], bad_pictures[k]);
        assert_true(mel_err_is_set(&clip->sound_why) && mel_err_is_set(&clip->picture_why));
        assert_null(clip->samples);
        assert_int_equal(clip->picture_count, 0);
        mel_loaded_clip_unref(clip);
    }
}

static void of_a_file_cut_short_what_is_there_is_loaded(void **state)
{
    (void)state;
    const char *short_sound = test_path(folder, "short.flac");
    const char *short_picture = test_path(folder, "short.mkv");
    test_write(short_sound, sound, sound_size / 2);
    test_write(short_picture, picture, picture_size / 2);
    LoadedClip *clip = load(short_sound, short_picture);
    assert_int_equal(clip->sound_why.code, ERR_MEDIA);
    assert_int_equal(clip->picture_why.code, ERR_MEDIA);
    assert_int_equal(clip->frames, CLIP_S * RATE); /* the rest is silence */
    for (int64_t i = 0; i < 2 * 3 * RATE; i++)
        assert_true(clip->samples[i] == (float)want_sound[i] / 32768);
    assert_true(clip->samples[2 * clip->frames - 1] == 0);
    assert_in_range(clip->picture_count, 100, 150);
    assert_int_equal(number_on(clip, 50), FIRST_PICTURE + 50);
    mel_loaded_clip_unref(clip);
}

static void spoiled_bytes_never_crash_and_give_reasons(void **state)
{
    (void)state;
    Rng rng = {.seed = 11};
    const char *bad_sound = test_path(folder, "bad.flac");
    const char *bad_picture = test_path(folder, "bad.mkv");
    int with_reason = 0;
    for (int round = 0; round < 12; round++) {
        uint8_t *s = mel_alloc(sound_size), *p = mel_alloc(picture_size);
        memcpy(s, sound, sound_size);
        memcpy(p, picture, picture_size);
        for (int i = 0; i < 40; i++) {
            s[mel_rng_int(&rng, (int)sound_size)] ^= (uint8_t)(1 + mel_rng_int(&rng, 255));
            p[mel_rng_int(&rng, (int)picture_size)] ^= (uint8_t)(1 + mel_rng_int(&rng, 255));
        }
        test_write(bad_sound, s, sound_size);
        test_write(bad_picture, p, picture_size);
        LoadedClip *clip = load(bad_sound, bad_picture);
        with_reason += mel_err_is_set(&clip->picture_why);
        assert_in_range(clip->frames, 1, 120 * 192000);
        mel_loaded_clip_unref(clip);
        free(s);
        free(p);
    }
    assert_true(with_reason > 6);
}

static void one_damaged_picture_is_left_out_and_named(void **state)
{
    (void)state;
    uint8_t *p = mel_alloc(picture_size);
    memcpy(p, picture, picture_size);
    static const uint8_t start[] = {0xFF, 0xD8, 0xFF};
    uint8_t *at = p + picture_size / 2;
    while (memcmp(at, start, sizeof start) != 0)
        at++;
    at[1] = 0;
    const char *path = test_path(folder, "one.mkv");
    test_write(path, p, picture_size);
    LoadedClip *clip = load(sound_path, path);
    assert_int_equal(clip->picture_count, CLIP_S * 25 - 1);
    assert_non_null(strstr(clip->picture_why.message, "1 of 250"));
    mel_loaded_clip_unref(clip);
    free(p);
}

static void loading_can_be_given_up(void **state)
{
    (void)state;
    Err err = {0};
    LoadedClip *clip = NULL;
    atomic_bool cancel = true;
    ClipLoadRequest request = {
        .sound_path = sound_path, .picture_path = picture_path, .cancel = &cancel};
    CHECK_FAILS(mel_loaded_clip_new(&request, &clip, &err), ERR_CANCELLED);
    assert_null(clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clip_is_loaded_whole),
        cmocka_unit_test(at_every_moment_the_picture_is_that_of_the_film),
        cmocka_unit_test(pictures_keep_their_place_when_the_sound_starts_later),
        cmocka_unit_test(the_gain_brings_a_clip_to_18_lufs_within_the_peak_limit),
        cmocka_unit_test(silence_and_near_silence_are_not_blown_up),
        cmocka_unit_test(one_channel_is_heard_on_both_sides),
        cmocka_unit_test(a_missing_product_leaves_the_other_and_a_reason),
        cmocka_unit_test(files_of_no_or_other_bytes_are_refused_with_a_reason),
        cmocka_unit_test(of_a_file_cut_short_what_is_there_is_loaded),
        cmocka_unit_test(spoiled_bytes_never_crash_and_give_reasons),
        cmocka_unit_test(one_damaged_picture_is_left_out_and_named),
        cmocka_unit_test(loading_can_be_given_up),
    };
    return cmocka_run_group_tests(tests, make_products, remove_products);
}
