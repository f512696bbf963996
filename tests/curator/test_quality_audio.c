/* SPDX-License-Identifier: Apache-2.0
 *
 * Sound whose measures are known beforehand. */
#include "tests/curator/known_sound.h"

static double decibels(double ratio)
{
    return 20 * log10(ratio);
}

/* ---- levels ------------------------------------------------------------------------------------
 */

/* EBU Tech 3341, cases 1 and 2; one channel alone is 3 dB less. */
static void loudness_of_a_sine_is_what_the_standard_says(void **state)
{
    (void)state;
    static const double levels[] = {-23, -33};
    for (size_t i = 0; i < 2; i++) {
        Synth s = sine(20, 1000, pow(10, levels[i] / 20), 0);
        CHECK_NEAR(measure_stereo(&s, NULL).loudness_lufs, levels[i], 0.1);
        CHECK_NEAR(measure_mono(&s).loudness_lufs, levels[i] - 3.01, 0.1);
        free(s.samples);
    }
}

/* EBU Tech 3342, case 1. */
static void loudness_range_of_two_levels_is_their_distance(void **state)
{
    (void)state;
    Synth s = sine(40, 1000, 0.1, 0);
    for (size_t i = s.n / 2; i < s.n; i++)
        s.samples[i] *= 0.31622777f;
    CHECK_NEAR(measure_stereo(&s, NULL).loudness_range_lu, 10, 1);
    free(s.samples);
}

/* EBU Tech 3341, case 16: a quarter of the rate, sampled beside its tops. */
static void true_peak_lies_between_the_samples(void **state)
{
    (void)state;
    Synth s = sine(2, RATE / 4.0, 0.5, M_PI / 4);
    AudioMeasures m = measure_stereo(&s, NULL);
    assert_true(m.true_peak_dbtp >= -6.4 && m.true_peak_dbtp <= -5.8);
    CHECK_NEAR(m.crest_db, 0, 0.01); /* of the samples themselves */
    free(s.samples);
}

static void crest_is_three_decibels_for_a_sine(void **state)
{
    (void)state;
    Synth s = sine(2, 441, 0.3, 0);
    CHECK_NEAR(measure_mono(&s).crest_db, 3.01, 0.02);
    free(s.samples);
}

static void silence_is_said_and_the_rest_is_not_measured(void **state)
{
    (void)state;
    Synth s = synth_new(10, RATE);
    AudioMeasures m = measure_stereo(&s, NULL);
    CHECK_NEAR(m.silence_share, 1, 0);
    CHECK_NEAR(m.silence_longest_s, 10, 1e-9);
    CHECK_NEAR(m.clipped_runs, 0, 0);
    CHECK_NEAR(m.dropouts, 0, 0);
    CHECK_NEAR(m.dc_offset, 0, 0);
    CHECK_NEAR(m.onset_rate_hz, 0, 0);
    assert_true(isnan(m.loudness_lufs) && isnan(m.loudness_range_lu) && isnan(m.true_peak_dbtp));
    assert_true(isnan(m.bandwidth_hz) && isnan(m.stereo_correlation) && isnan(m.side_level_db));
    assert_true(isnan(m.crest_db) && isnan(m.tempo_bpm) && isnan(m.gap_s));
    free(s.samples);
}

static void silent_stretches_are_added_and_the_longest_named(void **state)
{
    (void)state;
    Synth s = noise(10, 0.2, 1);
    for (size_t i = 0; i < s.n; i++) {
        double t = (double)i / RATE;
        if ((t >= 1 && t < 2) || (t >= 4 && t < 7)) s.samples[i] *= 0.002f; /* -72 dBFS */
        if (t >= 8 && t < 9) s.samples[i] *= 0.02f;                         /* -52 dBFS: soft */
    }
    AudioMeasures m = measure_mono(&s);
    CHECK_NEAR(m.silence_share, 0.4, 0.006);
    CHECK_NEAR(m.silence_longest_s, 3, 0.06);
    Synth loud = noise(10, 0.2, 2); /* one channel sounds all the time */
    CHECK_NEAR(measure_stereo(&s, &loud).silence_share, 0, 0);
    free(loud.samples);
    free(s.samples);
}

static void dc_is_the_largest_mean_with_its_sign(void **state)
{
    (void)state;
    Synth left = noise(3, 0.3, 1), right = noise(3, 0.3, 2);
    for (size_t i = 0; i < left.n; i++) {
        left.samples[i] += 0.02f;
        right.samples[i] -= 0.1f;
    }
    CHECK_NEAR(measure_stereo(&left, &right).dc_offset, -0.1, 0.002);
    CHECK_NEAR(measure_mono(&left).dc_offset, 0.02, 0.002);
    free(left.samples);
    free(right.samples);
}

static void stereo_is_told_from_mono(void **state)
{
    (void)state;
    Synth a = noise(5, 0.2, 1), b = noise(5, 0.2, 2), c = synth_cut(&a, 0, 5);
    AudioMeasures same = measure_stereo(&a, NULL), apart = measure_stereo(&a, &b);
    CHECK_NEAR(same.stereo_correlation, 1, 1e-9);
    CHECK_NEAR(same.side_level_db, -120, 1e-9);
    CHECK_NEAR(apart.stereo_correlation, 0, 0.02);
    CHECK_NEAR(apart.side_level_db, 0, 0.2);
    for (size_t i = 0; i < c.n; i++)
        c.samples[i] = -a.samples[i];
    CHECK_NEAR(measure_stereo(&a, &c).stereo_correlation, -1, 1e-9);
    CHECK_NEAR(measure_stereo(&a, &c).side_level_db, 120, 1e-9);
    for (size_t i = 0; i < c.n; i++) /* mono with 0.1 % of something else: side is -66 dB */
        c.samples[i] = a.samples[i] + 0.001f * b.samples[i];
    CHECK_NEAR(measure_stereo(&a, &c).side_level_db, decibels(0.0005), 0.3);
    assert_true(isnan(measure_mono(&a).stereo_correlation));
    assert_true(isnan(measure_mono(&a).side_level_db));
    free(a.samples);
    free(b.samples);
    free(c.samples);
}

/* ---- clipping ----------------------------------------------------------------------------------
 */

static void planted_clipping_is_counted(void **state)
{
    (void)state;
    Synth s = noise(5, 0.3, 3);
    size_t inside = 0;
    for (size_t k = 0; k < 40; k++)
        for (size_t i = 0; i < 3 + k % 5; i++, inside++)
            s.samples[1000 + 5000 * k + i] = k % 2 ? 0.8f : -0.8f; /* clipped, then turned down */
    for (size_t k = 0; k < 10; k++)                                /* two at the peak are no run */
        s.samples[3000 + 5000 * k] = s.samples[3001 + 5000 * k] = 0.8f;
    AudioMeasures m = measure_mono(&s);
    CHECK_NEAR(m.clipped_runs, 40, 0);
    CHECK_NEAR(m.clipped_share, (double)inside / (double)s.n, 1e-12);
    free(s.samples);
}

/* A sine cut at half its amplitude is flat for a third of each half-wave on either side. */
static void a_cut_sine_is_clipped_at_every_half_wave(void **state)
{
    (void)state;
    Synth s = sine(1, 100, 2, 0.1);
    for (size_t i = 0; i < s.n; i++)
        s.samples[i] = fmaxf(-1, fminf(1, s.samples[i]));
    quantise(&s);
    AudioMeasures m = measure_mono(&s);
    CHECK_NEAR(m.clipped_runs, 200, 1);
    CHECK_NEAR(m.clipped_share, 2.0 / 3, 0.01);
    free(s.samples);
}

static void clean_sound_is_not_clipped(void **state)
{
    (void)state;
    static const double low_hz[] = {20, 30, 55, 110};
    for (size_t i = 0; i < 4; i++) { /* slow waves have flat tops when rounded */
        Synth s = sine(3, low_hz[i], 0.999, 0);
        quantise(&s);
        CHECK_NEAR(measure_mono(&s).clipped_runs, 0, 0);
        free(s.samples);
    }
    for (uint64_t seed = 0; seed < 4; seed++) {
        Synth s = music(10, seed);
        quantise(&s);
        CHECK_NEAR(measure_mono(&s).clipped_runs, 0, 0);
        free(s.samples);
    }
}

/* ---- bandwidth ---------------------------------------------------------------------------------
 */

static void bandwidth_of_low_passed_noise_is_its_cutoff(void **state)
{
    (void)state;
    static const double cutoffs[] = {4000, 8000, 11025, 16000, 19000};
    for (size_t i = 0; i < MEL_COUNT(cutoffs); i++) {
        Synth s = noise(4, 0.3, i), hiss = noise(4, 0.0003, 100 + i);
        low_pass(&s, cutoffs[i]);
        CHECK_NEAR(measure_mono(&s).bandwidth_hz, cutoffs[i], 0.05 * cutoffs[i]);
        quantise(&s); /* above the cutoff there is rounding noise */
        CHECK_NEAR(measure_mono(&s).bandwidth_hz, cutoffs[i], 0.05 * cutoffs[i]);
        for (size_t k = 0; k < s.n; k++) /* and now hiss at -75 dBFS */
            s.samples[k] += hiss.samples[k];
        CHECK_NEAR(measure_stereo(&s, NULL).bandwidth_hz, cutoffs[i], 0.05 * cutoffs[i]);
        free(s.samples);
        free(hiss.samples);
    }
}

static void sound_up_to_the_top_has_the_full_bandwidth(void **state)
{
    (void)state;
    Synth white = noise(4, 0.3, 1), pink = noise(4, 0.3, 2);
    double slow = 0, slower = 0;
    for (size_t i = 0; i < pink.n; i++) { /* falls by about 6 dB an octave in the middle */
        slow += 0.05 * (pink.samples[i] - slow);
        slower += 0.005 * (pink.samples[i] - slower);
        pink.samples[i] = (float)(0.05 * pink.samples[i] + slow + 3 * slower);
    }
    CHECK_NEAR(measure_mono(&white).bandwidth_hz, 24000, 500);
    CHECK_NEAR(measure_mono(&pink).bandwidth_hz, 24000, 500);
    free(white.samples);
    free(pink.samples);
}

static void add(Synth *to, Synth other) /* takes the other */
{
    for (size_t i = 0; i < to->n; i++)
        to->samples[i] += other.samples[i];
    free(other.samples);
}

static void a_lone_tone_above_the_edge_does_not_hide_it(void **state)
{
    (void)state;
    static const double levels[] = {0.0003, 0.001, 0.01};
    for (size_t k = 0; k < 3; k++) {
        Synth s = noise(4, 0.3, 5);
        low_pass(&s, 11000);
        add(&s, sine(4, 19000, levels[k], 0)); /* the pilot of FM stereo */
        CHECK_NEAR(measure_mono(&s).bandwidth_hz, 11000, 550);
        add(&s, sine(4, 15625, levels[k] / 2, 0)); /* and the whine of a screen */
        quantise(&s);
        CHECK_NEAR(measure_mono(&s).bandwidth_hz, 11000, 550);
        add(&s, noise(4, 0.0003, 7)); /* in hiss */
        CHECK_NEAR(measure_mono(&s).bandwidth_hz, 11000, 550);
        free(s.samples);
    }
}

static void tones_that_are_the_sound_itself_count(void **state)
{
    (void)state;
    Synth one = sine(4, 5000, 0.3, 0), row = sine(4, 700, 0.5, 0);
    CHECK_NEAR(measure_mono(&one).bandwidth_hz, 5000, 500);
    for (int h = 2; h <= 10; h++)
        add(&row, sine(4, 700 * h, 0.5 * pow(0.5, h), 0));
    quantise(&row);
    CHECK_NEAR(measure_mono(&row).bandwidth_hz, 7000, 400);
    free(one.samples);
    free(row.samples);
}

/* ---- rhythm ------------------------------------------------------------------------------------
 */

static void assert_tempo(const Synth *s, double bpm, const char *what)
{
    double got = measure_mono(s).tempo_bpm, fold = got;
    while (fold < bpm / 1.5)
        fold *= 2;
    while (fold > bpm * 1.5)
        fold /= 2;
    if (!(fabs(fold / bpm - 1) <= 0.04)) fail_msg("%s at %g BPM: %g", what, bpm, got);
    assert_true(got >= 60 && got <= 200);
}

static void tempo_of_clicks_and_drums_is_found_up_to_the_octave(void **state)
{
    (void)state;
    static const double tempi[] = {70, 90, 101.3, 120, 133, 150, 174};
    for (size_t k = 0; k < MEL_COUNT(tempi); k++) {
        Synth clicks = synth_new(10, RATE), drums = synth_new(10, RATE);
        double beat = 60 / tempi[k];
        for (int i = 0; i * beat < 10; i++)
            synth_noise_hit(&clicks, i * beat, 0.5, 0.005, true, 1);
        for (int i = 0; i * beat / 2 < 10; i++) {
            if (i % 4 == 0 || i % 16 == 10) synth_kick(&drums, i * beat / 2, 0.6, 50);
            if (i % 4 == 2) synth_noise_hit(&drums, i * beat / 2, 0.3, 0.05, false, 2);
            synth_noise_hit(&drums, i * beat / 2, 0.1, 0.01, true, 3);
        }
        assert_tempo(&clicks, tempi[k], "clicks");
        assert_tempo(&drums, tempi[k], "drums");
        CHECK_NEAR(measure_mono(&clicks).onset_rate_hz, tempi[k] / 60, 0.15);
        CHECK_NEAR(measure_mono(&drums).onset_rate_hz, tempi[k] / 30, 0.4);
        free(clicks.samples);
        free(drums.samples);
    }
}

static void steady_sound_has_few_onsets_and_no_tempo(void **state)
{
    (void)state;
    Synth steady[4] = {sine(10, 440, 0.5, 0), noise(10, 0.3, 1), noise(10, 0.3, 2),
                       sine(10, 220, 0.1, 0)};
    low_pass(&steady[2], 1000);
    add(&steady[3], sine(10, 277, 0.1, 0)); /* a chord: its partials beat */
    add(&steady[3], sine(10, 334, 0.1, 0));
    for (size_t i = 0; i < 4; i++) {
        AudioMeasures m = measure_mono(&steady[i]);
        assert_true(m.onset_rate_hz <= 0.3);
        assert_true(isnan(m.tempo_bpm));
        free(steady[i].samples);
    }
}

static void soft_hits_between_loud_ones_are_onsets(void **state)
{
    (void)state;
    Synth s = synth_new(10, RATE);
    for (int i = 0; i < 40; i++)
        synth_noise_hit(&s, 0.1 + 0.25 * i, i % 4 ? 0.06 : 0.5, 0.02, false, 5);
    CHECK_NEAR(measure_mono(&s).onset_rate_hz, 4, 0.15);
    free(s.samples);
}

/* ---- edges -------------------------------------------------------------------------------------
 */

static void no_sound_measures_nothing(void **state)
{
    (void)state;
    AudioMeasures m;
    mel_measure_audio(NULL, 0, 2, RATE, &m);
#define X(name, unit, meaning) assert_true(isnan(m.name));
    MEL_AUDIO_MEASURES(X)
#undef X
}

static void every_rate_channel_count_and_length_is_measured(void **state)
{
    (void)state;
    static const int rates[] = {8000, 11025, 22050, 44100, 48000, 96000, 192000};
    static const size_t lengths[] = {1, 2, 100, 1000, 30000};
    Synth s = noise(6, 0.2, 9); /* read as 8 channels of 36,000 */
    for (size_t r = 0; r < MEL_COUNT(rates); r++)
        for (int channels = 1; channels <= 8; channels++)
            for (size_t k = 0; k < MEL_COUNT(lengths); k++) {
                AudioMeasures m;
                mel_measure_audio(s.samples, lengths[k], channels, rates[r], &m);
                CHECK_NEAR(m.silence_share, 0, lengths[k] < 3 ? 1 : 0);
                assert_true(isfinite(m.dc_offset) && isfinite(m.crest_db));
                assert_true(isnan(m.bandwidth_hz) || m.bandwidth_hz <= rates[r] / 2.0);
                assert_true(isnan(m.stereo_correlation) || channels > 1);
            }
    free(s.samples);
}

static void broken_samples_count_as_zeros(void **state)
{
    (void)state;
    Synth s = noise(3, 0.2, 1), zeros = synth_cut(&s, 0, 3);
    for (size_t i = 500; i < s.n; i += 700) {
        s.samples[i] = i % 3 ? NAN : INFINITY;
        zeros.samples[i] = 0;
    }
    AudioMeasures a = measure_mono(&s), b = measure_mono(&zeros);
#define X(name, unit, meaning)                                                                     \
    if (!isnan(a.name) || !isnan(b.name)) CHECK_NEAR(a.name, b.name, 0);
    MEL_AUDIO_MEASURES(X)
#undef X
    free(s.samples);
    free(zeros.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loudness_of_a_sine_is_what_the_standard_says),
        cmocka_unit_test(loudness_range_of_two_levels_is_their_distance),
        cmocka_unit_test(true_peak_lies_between_the_samples),
        cmocka_unit_test(crest_is_three_decibels_for_a_sine),
        cmocka_unit_test(silence_is_said_and_the_rest_is_not_measured),
        cmocka_unit_test(silent_stretches_are_added_and_the_longest_named),
        cmocka_unit_test(dc_is_the_largest_mean_with_its_sign),
        cmocka_unit_test(stereo_is_told_from_mono),
        cmocka_unit_test(planted_clipping_is_counted),
        cmocka_unit_test(a_cut_sine_is_clipped_at_every_half_wave),
        cmocka_unit_test(clean_sound_is_not_clipped),
        cmocka_unit_test(bandwidth_of_low_passed_noise_is_its_cutoff),
        cmocka_unit_test(sound_up_to_the_top_has_the_full_bandwidth),
        cmocka_unit_test(a_lone_tone_above_the_edge_does_not_hide_it),
        cmocka_unit_test(tones_that_are_the_sound_itself_count),
        cmocka_unit_test(tempo_of_clicks_and_drums_is_found_up_to_the_octave),
        cmocka_unit_test(steady_sound_has_few_onsets_and_no_tempo),
        cmocka_unit_test(soft_hits_between_loud_ones_are_onsets),
        cmocka_unit_test(no_sound_measures_nothing),
        cmocka_unit_test(every_rate_channel_count_and_length_is_measured),
        cmocka_unit_test(broken_samples_count_as_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
