/* SPDX-License-Identifier: Apache-2.0
 *
 * Tones must be bright in their own row and at their own time. */
#include "annotator/player/melgram.h"
#include "tests/player/made_clip.h"
#include "tests/support/test.h"

static int brightest_row(const Melgram *melgram, int column)
{
    int best = 0;
    for (int row = 1; row < MELGRAM_BANDS; row++)
        if (melgram->levels[row * melgram->columns + column] >
            melgram->levels[best * melgram->columns + column])
            best = row;
    return best;
}

static void a_tone_is_bright_in_its_row_and_dark_elsewhere(void **state)
{
    (void)state;
    static const int rates_hz[] = {8000, 44100, 48000};
    static const double tones_hz[] = {110, 440, 1000, 3000};
    for (size_t r = 0; r < MEL_COUNT(rates_hz); r++)
        for (size_t k = 0; k < MEL_COUNT(tones_hz); k++) {
            LoadedClip *clip = made_clip(rates_hz[r], 2 * rates_hz[r], 0);
            made_sine(clip, tones_hz[k], 0.5);
            Melgram melgram;
            assert_true(mel_melgram(clip, NULL, &melgram));
            assert_int_equal(melgram.columns, 200);
            int want = mel_melgram_row(rates_hz[r], tones_hz[k]);
            int row = brightest_row(&melgram, 100);
            assert_in_range(row, want - 1, want + 1);
            assert_in_range(melgram.levels[row * 200 + 100], 245, 255);
            int far = row > MELGRAM_BANDS / 2 ? 5 : MELGRAM_BANDS - 3;
            assert_in_range(melgram.levels[far * 200 + 100], 0, 60);
            mel_melgram_clear(&melgram);
            mel_loaded_clip_unref(clip);
        }
}

static void high_tones_are_above_low_ones(void **state)
{
    (void)state;
    for (double hz = 60; hz < 15000; hz *= 1.3)
        assert_true(mel_melgram_row(48000, hz * 1.3) <= mel_melgram_row(48000, hz));
    assert_int_equal(mel_melgram_row(48000, 0), MELGRAM_BANDS - 1);
    assert_int_equal(mel_melgram_row(48000, 23000), 0);
}

static void a_burst_stands_at_its_time(void **state)
{
    (void)state;
    LoadedClip *clip = made_clip(48000, 96000, 0);
    made_sine(clip, 2000, 0.5);
    for (int64_t i = 0; i < 96000; i++)
        if (i < 48000 || i >= 48000 + 2400) clip->samples[2 * i] = clip->samples[2 * i + 1] = 0;
    Melgram melgram;
    assert_true(mel_melgram(clip, NULL, &melgram));
    int row = mel_melgram_row(48000, 2000);
    for (int column = 0; column < melgram.columns; column++) {
        int level = melgram.levels[row * melgram.columns + column];
        if (column >= 101 && column <= 104) assert_in_range(level, 220, 255);
        if (column < 97 || column > 108) assert_in_range(level, 0, 5);
    }
    mel_melgram_clear(&melgram);
    mel_loaded_clip_unref(clip);
}

static void sound_in_one_channel_or_out_of_phase_is_seen(void **state)
{
    (void)state;
    LoadedClip *clip = made_clip(48000, 48000, 0);
    made_sine(clip, 1000, 0.5);
    for (int64_t i = 0; i < 48000; i++)
        clip->samples[2 * i + 1] *= -1;
    Melgram melgram;
    assert_true(mel_melgram(clip, NULL, &melgram));
    assert_in_range(brightest_row(&melgram, 50), mel_melgram_row(48000, 1000) - 1,
                    mel_melgram_row(48000, 1000) + 1);
    mel_melgram_clear(&melgram);
    mel_loaded_clip_unref(clip);
}

static void silence_is_dark_and_no_sound_is_no_picture(void **state)
{
    (void)state;
    LoadedClip *clip = made_clip(48000, 48000, 0);
    made_sine(clip, 1000, 0);
    Melgram melgram;
    assert_true(mel_melgram(clip, NULL, &melgram));
    for (int i = 0; i < MELGRAM_BANDS * melgram.columns; i++)
        assert_int_equal(melgram.levels[i], 0);
    mel_melgram_clear(&melgram);
    atomic_bool cancel = true;
    assert_false(mel_melgram(clip, &cancel, &melgram));
    free(clip->samples);
    clip->samples = NULL;
    assert_false(mel_melgram(clip, NULL, &melgram));
    mel_loaded_clip_unref(clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_is_bright_in_its_row_and_dark_elsewhere),
        cmocka_unit_test(high_tones_are_above_low_ones),
        cmocka_unit_test(a_burst_stands_at_its_time),
        cmocka_unit_test(sound_in_one_channel_or_out_of_phase_is_seen),
        cmocka_unit_test(silence_is_dark_and_no_sound_is_no_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
