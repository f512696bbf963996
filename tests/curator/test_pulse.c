/* SPDX-License-Identifier: Apache-2.0
 *
 * The pulse that is suggested as a tempo: found where there is one, and nothing elsewhere. */
#include "curator/suggest.h"
#include "tests/curator/known_sound.h"

static Pulse pulse_of(Synth take)
{
    Pulse pulse = mel_measure_pulse(take.samples, take.n, 1, take.rate_hz);
    free(take.samples);
    return pulse;
}

static bool is_clear(const Pulse *pulse)
{
    return pulse->clarity >= SUGGEST_CLARITY_MIN;
}

/* Beats from 0.1 s on, each late by up to `loose_s`. */
static Synth clicks(double bpm, double loose_s, uint64_t seed)
{
    Synth s = synth_new(10, RATE);
    uint64_t white = synth_noise_seed(seed);
    for (int i = 0; 0.1 + i * 60 / bpm < 10; i++) {
        double late = loose_s * fabs(synth_white(&white));
        synth_noise_hit(&s, 0.1 + i * 60 / bpm + late, 0.5, 0.005, true, 1);
    }
    return s;
}

static void clicks_from_60_to_200_are_found_within_4_percent(void **state)
{
    (void)state;
    for (double bpm = 60; bpm <= 200; bpm += 5) {
        Pulse pulse = pulse_of(clicks(bpm, 0, 1));
        double ratio = pulse.bpm / bpm;
        bool outside = bpm < 70 || bpm > 160; /* where an octave off is allowed */
        if (outside && ratio < 0.75) ratio *= 2;
        if (outside && ratio > 1.5) ratio /= 2;
        if (!is_clear(&pulse) || !(fabs(ratio - 1) <= 0.04))
            fail_msg("%g BPM: found %g, clarity %g", bpm, pulse.bpm, pulse.clarity);
    }
}

static void hands_that_are_not_exact_still_have_a_pulse(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        Pulse pulse = pulse_of(clicks(90 + 12 * i, 0.03, (uint64_t)i));
        assert_true(is_clear(&pulse));
        CHECK_NEAR(pulse.bpm, 90 + 12 * i, 4);
    }
}

static void noise_and_a_drone_have_none(void **state)
{
    (void)state;
    Synth drone = sine(10, 110, 0.3, 0), fifth = sine(10, 165.3, 0.2, 0); /* which beat */
    for (size_t i = 0; i < drone.n; i++)
        drone.samples[i] += fifth.samples[i];
    free(fifth.samples);
    Pulse of_drone = pulse_of(drone), of_silence = pulse_of(synth_new(10, RATE));
    assert_true(isnan(of_drone.bpm) && isnan(of_silence.bpm));
    for (uint64_t seed = 1; seed <= 5; seed++) {
        Pulse of_noise = pulse_of(noise(10, 0.3, seed));
        assert_true(isnan(of_noise.bpm) && !is_clear(&of_noise));
    }
}

static void hits_at_random_times_have_no_clear_pulse(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        Synth s = synth_new(10, RATE);
        uint64_t white = synth_noise_seed(seed);
        for (double t = 0; t < 9.9; t += 0.15 + 0.9 * fabs(synth_white(&white)))
            synth_noise_hit(&s, t, 0.5, 0.005, true, 1);
        Pulse pulse = pulse_of(s);
        if (is_clear(&pulse)) fail_msg("seed %d: %g BPM", (int)seed, pulse.bpm);
    }
}

static void two_seconds_are_too_short(void **state)
{
    (void)state;
    Synth s = clicks(120, 0, 1);
    s.n = 2 * RATE;
    assert_true(isnan(pulse_of(s).bpm));
    Pulse none = mel_measure_pulse(NULL, 0, 2, RATE);
    assert_true(isnan(none.bpm));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clicks_from_60_to_200_are_found_within_4_percent),
        cmocka_unit_test(hands_that_are_not_exact_still_have_a_pulse),
        cmocka_unit_test(noise_and_a_drone_have_none),
        cmocka_unit_test(hits_at_random_times_have_no_clear_pulse),
        cmocka_unit_test(two_seconds_are_too_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
