/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropouts: planted ones are found, as they are and behind a codec; music without any has none. */
#include "tests/curator/known_sound.h"

enum { GAPS = 5 };

/* Music over noise below 3 kHz: sounding all the time. */
static Synth dense_music(uint64_t seed)
{
    Synth s = noise(10, 0.05, seed), notes = music(10, seed);
    low_pass(&s, 3000);
    for (size_t i = 0; i < s.n; i++)
        s.samples[i] += notes.samples[i] * 0.3f;
    free(notes.samples);
    return s;
}

static size_t gap_start(size_t gap)
{
    return (size_t)((1.03 + 1.7 * (double)gap) * RATE);
}

static void planted_dropouts_are_found(void **state)
{
    (void)state;
    static const double lengths_s[] = {0.004, 0.02, 0.1};
    for (uint64_t seed = 0; seed < 3; seed++) {
        Synth whole = dense_music(seed);
        for (size_t k = 0; k < 6; k++) {
            bool frozen = k % 2;
            Synth s = synth_cut(&whole, 0, 10);
            for (size_t g = 0; g < GAPS; g++) {
                size_t from = gap_start(g);
                for (size_t i = 0; i < (size_t)(lengths_s[k / 2] * RATE); i++)
                    s.samples[from + i] = frozen ? s.samples[from - 1] : 0;
            }
            quantise(&s);
            CHECK_NEAR(measure_mono(&s).dropouts, GAPS, 1);
            free(s.samples);
        }
        free(whole.samples);
    }
}

/* Its notes end within 4 ms, and rests are true zeros. */
static void clean_music_has_no_dropouts(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        Synth s = music(10, 50 + seed);
        quantise(&s);
        AudioMeasures m = seed % 2 ? measure_mono(&s) : measure_stereo(&s, NULL);
        CHECK_NEAR(m.dropouts, 0, 0);
        free(s.samples);
    }
}

static void waves_of_few_levels_are_not_full_of_frozen_gaps(void **state)
{
    (void)state;
    static const float steps[2][4] = {
        {0.3f, -0.3f, 0.3f,  -0.3f},
        {0.3f, 0.1f,  -0.3f, -0.1f}
    };
    for (size_t k = 0; k < 2; k++) {
        Synth s = synth_new(4, RATE);
        for (size_t i = 0; i < s.n; i++)
            s.samples[i] = steps[k][i / 300 % 4]; /* 6 ms each */
        CHECK_NEAR(measure_mono(&s).dropouts, 0, 0);
        free(s.samples);
    }
}

/* What a codec makes of a gap: some milliseconds of noise, 30 dB below the music, on either side;
 * what lies between is nearly silent. */
static void a_codec_does_not_hide_a_gap(void **state)
{
    (void)state;
    static const double lengths_s[] = {0.03, 0.06, 0.15};
    for (uint64_t seed = 0; seed < 3; seed++) {
        Synth whole = dense_music(seed);
        double smear = 0.03 * synth_rms(&whole);
        uint64_t white = synth_noise_seed(seed);
        for (size_t k = 0; k < 3; k++) {
            Synth s = synth_cut(&whole, 0, 10);
            size_t length = (size_t)(lengths_s[k] * RATE);
            for (size_t g = 0; g < GAPS; g++)
                for (size_t i = 0; i < length; i++) {
                    size_t edge = i < length - i ? i : length - i;
                    double level = 1e-4 + smear * exp(-(double)edge / (0.004 * RATE));
                    s.samples[gap_start(g) + i] = (float)(level * synth_white(&white));
                }
            quantise(&s);
            CHECK_NEAR(measure_mono(&s).dropouts, GAPS, 1);
            free(s.samples);
        }
        free(whole.samples);
    }
}

/* Notes that end within 10 ms, with nothing but zeros up to the next one. */
static void rests_between_short_notes_are_no_dropouts(void **state)
{
    (void)state;
    for (int slow = 0; slow < 2; slow++) {
        Synth s = sine(10, slow ? 110 : 660, 0.4, 0);
        size_t step = RATE / 5, sounding = RATE / 10, fade = RATE / 100;
        for (size_t i = 0; i < s.n; i++) {
            size_t at = i % step;
            float left = at < sounding ? fminf(1, (float)(sounding - at) / (float)fade) : 0;
            s.samples[i] *= left;
        }
        quantise(&s);
        CHECK_NEAR(measure_mono(&s).dropouts, 0, 0);
        free(s.samples);
    }
}

/* A buzz: a pulse of a millisecond, then nothing for nine. */
static void pulses_are_no_dropouts(void **state)
{
    (void)state;
    Synth s = noise(4, 0.3, 1);
    for (size_t i = 0; i < s.n; i++)
        if (i % (RATE / 100) >= RATE / 1000) s.samples[i] = 0;
    CHECK_NEAR(measure_mono(&s).dropouts, 0, 0);
    free(s.samples);
}

/* The flat tops of a clipped bass are held samples, entered without a step. */
static void clipped_bass_is_clipped_and_not_frozen(void **state)
{
    (void)state;
    Synth s = sine(4, 40, 3, 0.3);
    for (size_t i = 0; i < s.n; i++)
        s.samples[i] = fmaxf(-1, fminf(1, s.samples[i]));
    AudioMeasures m = measure_mono(&s);
    CHECK_NEAR(m.dropouts, 0, 0);
    CHECK_NEAR(m.clipped_runs, 320, 2);
    free(s.samples);
}

static void gaps_too_short_or_too_long_are_none(void **state)
{
    (void)state;
    static const double lengths_s[] = {0.0008, 0.25, 1};
    for (size_t k = 0; k < 3; k++) {
        Synth s = dense_music(k);
        for (size_t g = 0; g < GAPS; g++)
            memset(s.samples + gap_start(g), 0, (size_t)(lengths_s[k] * RATE) * sizeof *s.samples);
        CHECK_NEAR(measure_mono(&s).dropouts, 0, 0);
        free(s.samples);
    }
}

/* One silent channel changes nothing; a gap in one of two is none of the clip. */
static void gaps_are_those_of_all_channels(void **state)
{
    (void)state;
    Synth left = dense_music(1), right = dense_music(2), silent = synth_new(10, RATE);
    for (size_t g = 0; g < GAPS; g++)
        for (size_t i = 0; i < RATE / 20; i++)
            left.samples[gap_start(g) + i] = g % 2 ? left.samples[gap_start(g) - 1] : 0;
    CHECK_NEAR(measure_stereo(&left, &silent).dropouts, GAPS, 1);
    CHECK_NEAR(measure_stereo(&left, &right).dropouts, 0, 0);
    free(left.samples);
    free(right.samples);
    free(silent.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_dropouts_are_found),
        cmocka_unit_test(a_codec_does_not_hide_a_gap),
        cmocka_unit_test(clean_music_has_no_dropouts),
        cmocka_unit_test(rests_between_short_notes_are_no_dropouts),
        cmocka_unit_test(pulses_are_no_dropouts),
        cmocka_unit_test(waves_of_few_levels_are_not_full_of_frozen_gaps),
        cmocka_unit_test(clipped_bass_is_clipped_and_not_frozen),
        cmocka_unit_test(gaps_too_short_or_too_long_are_none),
        cmocka_unit_test(gaps_are_those_of_all_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
