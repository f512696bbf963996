/* SPDX-License-Identifier: Apache-2.0
 *
 * Products decoded whole: to the bit and to the stamp what was written, or as much as is left of
 * it. */
#include "curator/playback.h"
#include "tests/support/cut_run.h"
#include "tests/support/media_fixture.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static char *folder;
static const char *sound_path, *picture_path;
static CutRun run;

static int make_products(void **state)
{
    (void)state;
    folder = test_folder();
    const MediaSpec film = {.muxer = "matroska",
                            .video_encoder = "libx264",
                            .audio_encoder = "flac",
                            .video_options = "preset=ultrafast",
                            .width = 256,
                            .height = 144,
                            .gop = 25,
                            .rate_hz = 44100,
                            .channels = 1,
                            .video_s = 4,
                            .audio_s = 4,
                            .variable_rate = true};
    const char *film_path = test_path(folder, "film.mkv");
    media_fixture_write(film_path, &film);
    cut_run_open(&run, film_path, NULL, 1, 2);
    run.request.preview_height = 144;
    if (!cut_run(&run, NULL)) fail_msg("%s", run.err.message);
    size_t n;
    uint8_t *bytes = cut_run_bytes(run.files.audio, &n);
    sound_path = test_path(folder, "clip.flac");
    test_write(sound_path, bytes, n);
    free(bytes);
    bytes = cut_run_bytes(run.files.preview, &n);
    picture_path = test_path(folder, "clip.mkv");
    test_write(picture_path, bytes, n);
    free(bytes);
    return 0;
}

static int remove_products(void **state)
{
    (void)state;
    cut_run_close(&run);
    test_folder_remove(folder);
    return 0;
}

static void sound_comes_back_to_the_bit(void **state)
{
    (void)state;
    Err err = {0};
    PlaybackSound sound;
    int64_t count;
    int32_t *want = cut_run_sound(&run, &count);
    CHECK_OK(mel_playback_sound(sound_path, NULL, &sound, &err));
    assert_int_equal(sound.frames, count);
    assert_int_equal(sound.channels, 1);
    assert_int_equal(sound.rate_hz, 44100);
    assert_false(mel_err_is_set(&sound.damage));
    float scale = run.result.bits_per_sample == 24 ? 0x1p-23F : 0x1p-15F;
    for (int64_t i = 0; i < count; i++)
        assert_true(sound.samples[i] == (float)want[i] * scale);
    mel_playback_sound_clear(&sound);
    free(want);
}

static void pictures_come_back_at_their_stamps(void **state)
{
    (void)state;
    Err err = {0};
    PlaybackPictures pictures;
    PreviewFrame *want;
    size_t count = cut_run_preview(&run, &want);
    CHECK_OK(mel_playback_pictures(picture_path, NULL, &pictures, &err));
    assert_int_equal(pictures.count, count);
    assert_false(mel_err_is_set(&pictures.damage));
    uint8_t *grey = mel_alloc((size_t)pictures.width * (size_t)pictures.height);
    for (size_t n = 0; n < count; n++) {
        assert_int_equal(pictures.items[n].time_us, want[n].time_ms * 1000);
        for (int i = 0; i < pictures.width * pictures.height; i++)
            grey[i] = pictures.items[n].rgb[3 * i + 1];
        assert_int_equal(
            media_fixture_number(grey, pictures.width, pictures.width, pictures.height),
            want[n].number);
    }
    free(grey);
    free(want);
    mel_playback_pictures_clear(&pictures);
}

static void the_rest_of_a_cut_file_is_named_as_damage(void **state)
{
    (void)state;
    Err err = {0};
    PlaybackSound sound;
    PlaybackPictures pictures;
    size_t n;
    const char *path = test_path(folder, "short");
    uint8_t *bytes = cut_run_bytes(run.files.audio, &n);
    test_write(path, bytes, n / 2);
    free(bytes);
    CHECK_OK(mel_playback_sound(path, NULL, &sound, &err));
    assert_int_equal(sound.damage.code, ERR_MEDIA);
    assert_in_range(sound.frames, 1, 2 * 44100 - 1);
    mel_playback_sound_clear(&sound);
    bytes = cut_run_bytes(run.files.preview, &n);
    test_write(path, bytes, n / 2);
    free(bytes);
    CHECK_OK(mel_playback_pictures(path, NULL, &pictures, &err));
    assert_int_equal(pictures.damage.code, ERR_MEDIA);
    assert_in_range(pictures.count, 1, 49);
    mel_playback_pictures_clear(&pictures);
}

static void what_is_no_product_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    PlaybackSound sound;
    PlaybackPictures pictures;
    const char *nowhere = test_path(folder, "nowhere"), *film = test_path(folder, "film.mkv");
    CHECK_FAILS(mel_playback_sound(nowhere, NULL, &sound, &err), ERR_NOT_FOUND);
    CHECK_FAILS(mel_playback_pictures(nowhere, NULL, &pictures, &err), ERR_NOT_FOUND);
    CHECK_FAILS(mel_playback_sound(film, NULL, &sound, &err), ERR_MEDIA);
    CHECK_FAILS(mel_playback_pictures(film, NULL, &pictures, &err), ERR_MEDIA);
}

static void a_caller_can_give_up(void **state)
{
    (void)state;
    Err err = {0};
    PlaybackSound sound;
    PlaybackPictures pictures;
    atomic_bool cancel = true;
    CHECK_FAILS(mel_playback_sound(sound_path, &cancel, &sound, &err), ERR_CANCELLED);
    CHECK_FAILS(mel_playback_pictures(picture_path, &cancel, &pictures, &err), ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_comes_back_to_the_bit),
        cmocka_unit_test(pictures_come_back_at_their_stamps),
        cmocka_unit_test(the_rest_of_a_cut_file_is_named_as_damage),
        cmocka_unit_test(what_is_no_product_is_refused),
        cmocka_unit_test(a_caller_can_give_up),
    };
    return cmocka_run_group_tests(tests, make_products, remove_products);
}
