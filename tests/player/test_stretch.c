/* SPDX-License-Identifier: Apache-2.0
 *
 * Slow sound: the length is exact, the pitch stays, and what happened at sample n happens at n /
 * speed. */
#include "annotator/player/stretch.h"
#include "tests/player/made_clip.h"
#include "tests/support/test.h"

#include <kiss_fft.h>

enum { RATE = 48000, FFT = 1 << 16 };

/* The frequency of the strongest line of the left channel, by a parabola through three. */
static double strongest_hz(const float *samples, int64_t from)
{
    kiss_fft_cpx *in = mel_alloc(FFT * sizeof *in), *out = mel_alloc(FFT * sizeof *out);
    for (int i = 0; i < FFT; i++)
        in[i].r = samples[2 * (from + i)] * (float)(0.5 - 0.5 * cos(2 * M_PI * i / FFT));
    kiss_fft_cfg fft = kiss_fft_alloc(FFT, 0, NULL, NULL);
    kiss_fft(fft, in, out);
    int best = 1;
    double power[FFT / 2] = {0};
    for (int k = 1; k < FFT / 2; k++) {
        power[k] = hypot(out[k].r, out[k].i);
        if (power[k] > power[best]) best = k;
    }
    double a = power[best - 1], b = power[best], c = power[best + 1];
    kiss_fft_free(fft);
    free(in);
    free(out);
    return (best + (a - c) / (2 * (a - 2 * b + c))) * RATE / FFT;
}

static void half_speed_keeps_the_pitch_and_doubles_the_length(void **state)
{
    (void)state;
    static const double tones_hz[] = {110, 440, 1234.5, 6000};
    Err err = {0};
    for (size_t k = 0; k < MEL_COUNT(tones_hz); k++) {
        LoadedClip *clip = made_clip(RATE, 3 * RATE, 0);
        made_sine(clip, tones_hz[k], 0.5);
        Stretched *slow;
        CHECK_OK(mel_stretch(clip, 0.5, NULL, &slow, &err));
        assert_int_equal(slow->frames, 6 * RATE);
        CHECK_NEAR(strongest_hz(slow->samples, RATE), tones_hz[k], tones_hz[k] * 0.002);
        double squares = 0;
        for (int64_t i = RATE; i < 5 * RATE; i++)
            squares += slow->samples[2 * i] * slow->samples[2 * i];
        CHECK_NEAR(sqrt(squares / (4 * RATE)), 0.5 / sqrt(2), 0.04);
        mel_stretched_unref(slow);
        mel_loaded_clip_unref(clip);
    }
}

/* Short decaying bursts; in the slow sound the energy around each must lie where it belongs. */
static void what_happens_at_a_sample_happens_at_twice_the_sample(void **state)
{
    (void)state;
    enum { COUNT = 9 };
    Err err = {0};
    LoadedClip *clip = made_clip(RATE, 10 * RATE, 0);
    for (int64_t i = 0; i < 2 * clip->frames; i++)
        clip->samples[i] = 0;
    for (int64_t n = 1; n <= COUNT; n++)
        for (int64_t i = 0; i < 2000; i++)
            for (int64_t c = 0; c < 2; c++)
                clip->samples[2 * (n * RATE + i) + c] =
                    (float)(0.7 * sin(0.2 * (double)i) * exp(-(double)i / 300));
    Stretched *slow;
    CHECK_OK(mel_stretch(clip, 0.5, NULL, &slow, &err));
    for (int64_t n = 1; n <= COUNT; n++) {
        double sum = 0, moment = 0;
        for (int64_t i = 2 * n * RATE - RATE / 2; i < 2 * n * RATE + RATE / 2; i++) {
            double power = slow->samples[2 * i] * slow->samples[2 * i];
            sum += power;
            moment += power * (double)(i - 2 * n * RATE);
        }
        assert_true(sum > 1);
        CHECK_NEAR(moment / sum / RATE, 0.005, 0.012); /* seconds; the burst's own middle is late */
    }
    mel_stretched_unref(slow);
    mel_loaded_clip_unref(clip);
}

static void every_speed_gives_its_exact_length(void **state)
{
    (void)state;
    static const double speeds[] = {0.25, 0.3, 0.5, 0.75, 0.99, 1};
    static const int64_t lengths[] = {0, 1, 37, 10000, 48001};
    Err err = {0};
    for (size_t k = 0; k < MEL_COUNT(speeds); k++)
        for (size_t n = 0; n < MEL_COUNT(lengths); n++) {
            LoadedClip *clip = made_clip(RATE, lengths[n], 0);
            Stretched *slow;
            CHECK_OK(mel_stretch(clip, speeds[k], NULL, &slow, &err));
            assert_int_equal(slow->frames, llround((double)lengths[n] / speeds[k]));
            mel_stretched_unref(slow);
            mel_loaded_clip_unref(clip);
        }
}

static void no_sound_gives_silence_and_odd_speeds_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    Stretched *slow;
    atomic_bool cancel = true;
    LoadedClip *clip = made_clip(RATE, 1000, 0);
    CHECK_FAILS(mel_stretch(clip, 0.1, NULL, &slow, &err), ERR_USAGE);
    CHECK_FAILS(mel_stretch(clip, NAN, NULL, &slow, &err), ERR_USAGE);
    CHECK_FAILS(mel_stretch(clip, 0.5, &cancel, &slow, &err), ERR_CANCELLED);
    free(clip->samples);
    clip->samples = NULL;
    CHECK_OK(mel_stretch(clip, 0.5, NULL, &slow, &err));
    assert_int_equal(slow->frames, 2000);
    assert_true(slow->samples[3999] == 0);
    mel_stretched_unref(slow);
    mel_loaded_clip_unref(clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_speed_keeps_the_pitch_and_doubles_the_length),
        cmocka_unit_test(what_happens_at_a_sample_happens_at_twice_the_sample),
        cmocka_unit_test(every_speed_gives_its_exact_length),
        cmocka_unit_test(no_sound_gives_silence_and_odd_speeds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
