/* SPDX-License-Identifier: Apache-2.0
 *
 * The vocoder of last resort, and what the autoencoder sees of a sound. */
#include "engine/engine.h"
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>

static const double two_pi = 6.283185307179586;

/* Three notes, one after the other, with their octaves. */
static float *make_notes(int rate_hz, int64_t n)
{
    static const double notes[] = {220, 330, 494};
    float *x = mel_alloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++) {
        double t = (double)i / rate_hz, f = notes[(int64_t)(t / 3.5) % 3];
        double fade = 1 - 0.8 * fmod(t, 0.5) / 0.5;
        x[i] = (float)(fade * (0.3 * sin(two_pi * f * t) + 0.15 * sin(2 * two_pi * f * t)));
    }
    return x;
}

/* The mean distance of two spectrograms where the first is loud, in nepers. */
static double distance(const float *a, const float *b)
{
    double sum = 0;
    int64_t loud = 0;
    for (int64_t i = 0; i < (int64_t)MUSIC_FRAMES * MUSIC_BINS; i++) {
        if (a[i] < -2) continue;
        sum += fabs(a[i] - b[i]);
        loud++;
    }
    assert_true(loud > 1000);
    return sum / (double)loud;
}

static void griffin_and_lim_give_back_what_was_heard(void **state)
{
    (void)state;
    Err err = {0};
    MusicFront *front;
    float *notes = make_notes(MUSIC_RATE_HZ, MUSIC_SAMPLES);
    float *wave = mel_alloc(MUSIC_SAMPLES * sizeof *wave);
    float *back = mel_alloc(MUSIC_SAMPLES * sizeof *back);
    size_t cells = (size_t)MUSIC_FRAMES * MUSIC_BINS;
    float *heard = mel_alloc(cells * sizeof *heard), *again = mel_alloc(cells * sizeof *again);
    CHECK_OK(mel_music_front_open(&front, &err));
    CHECK_OK(mel_music_front(front, notes, MUSIC_SAMPLES, 1, MUSIC_RATE_HZ, wave, heard, &err));
    mel_griffin_lim(heard, MUSIC_FRAMES, 32, back);
    CHECK_OK(mel_music_front(front, back, MUSIC_SAMPLES, 1, MUSIC_RATE_HZ, wave, again, &err));
    double far = distance(heard, again);
    print_message("loud cells are %.3f nepers away\n", far);
    assert_true(far < 0.35);
    mel_music_front_close(front);
    free(notes);
    free(wave);
    free(back);
    free(heard);
    free(again);
}

static void the_front_takes_one_channel_without_its_mean_at_half_of_full_scale(void **state)
{
    (void)state;
    Err err = {0};
    enum { RATE = 48000, N = 5 * RATE };
    MusicFront *front;
    float *stereo = mel_alloc((size_t)N * 2 * sizeof *stereo), *notes = make_notes(RATE, N);
    float *wave = mel_alloc(MUSIC_SAMPLES * sizeof *wave), peak = 0;
    float *mel = mel_alloc((size_t)MUSIC_FRAMES * MUSIC_BINS * sizeof *mel);
    for (int64_t i = 0; i < N; i++) {
        stereo[2 * i] = notes[i] * 0.2F + 0.1F;
        stereo[2 * i + 1] = i % 2 ? 1 : -1;
    }
    CHECK_OK(mel_music_front_open(&front, &err));
    CHECK_OK(mel_music_front(front, stereo, N, 2, RATE, wave, mel, &err));
    double mean = 0;
    for (int64_t i = 0; i < MUSIC_SAMPLES; i++) {
        peak = fmaxf(peak, fabsf(wave[i]));
        if (i < 5 * MUSIC_RATE_HZ) mean += wave[i] / (5.0 * MUSIC_RATE_HZ);
    }
    assert_float_equal(peak, 0.5F, 1e-4F);
    assert_true(fabs(mean) < 1e-3);
    for (int64_t i = 5 * MUSIC_RATE_HZ + 100; i < MUSIC_SAMPLES; i++)
        assert_float_equal(wave[i], 0, 0);
    mel_music_front_close(front);
    free(stereo);
    free(notes);
    free(wave);
    free(mel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(griffin_and_lim_give_back_what_was_heard),
        cmocka_unit_test(the_front_takes_one_channel_without_its_mean_at_half_of_full_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
