/* SPDX-License-Identifier: Apache-2.0
 *
 * The sound of a clip is exact: the number of samples, where each comes from, and what is said of
 * those that are not there. Compared with the fixture's own formula for PCM and with a decode of
 * the whole file for codecs. */
#include "tests/support/cut_run.h"
#include "tests/support/media_fixture.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static char *folder;

static int32_t rounded(double x, int bits)
{
    double scale = bits == 16 ? 32768 : 8388608, value = rint(x * scale);
    return (int32_t)fmax(-scale, fmin(scale - 1, value));
}

/* The sample of the whole decode at an index of the container's clock, as the FLAC should have it.
 */
static int32_t whole_at(const WholeSound *whole, int64_t index, int channel, int bits)
{
    int64_t i = index - whole->first;
    if (i < 0 || i >= whole->count) return 0;
    return rounded((double)whole->samples[i * whole->channels + channel], bits);
}

/* How many samples differ from the whole decode, and by how much at most. */
static int64_t count_differences(const CutRun *run, const WholeSound *whole, int32_t *largest)
{
    int64_t count, differing = 0;
    int32_t *samples = cut_run_sound(run, &count);
    int64_t start = llrint((double)run->request.start_us * whole->rate_hz / 1e6);
    *largest = 0;
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < run->result.channels; c++) {
            int32_t got = samples[i * run->result.channels + c];
            int32_t off = abs(got - whole_at(whole, start + i, c, run->result.bits_per_sample));
            differing += off != 0;
            if (off > *largest) *largest = off;
        }
    free(samples);
    return differing;
}

/* The shift of the clip against the whole decode that explains it best, in samples. */
static int best_lag(const CutRun *run, const WholeSound *whole, double *correlation)
{
    enum { REACH = 200, WINDOW = 20000, AT = 30000 };
    int64_t count;
    int32_t *samples = cut_run_sound(run, &count);
    int64_t start = llrint((double)run->request.start_us * whole->rate_hz / 1e6);
    int channels = run->result.channels, best = 0;
    double best_value = -2;
    for (int lag = -REACH; lag <= REACH; lag++) {
        double xy = 0, xx = 0, yy = 0;
        for (int i = 0; i < WINDOW; i += 3) {
            double x = samples[(AT + i) * channels],
                   y = whole_at(whole, start + AT + i + lag, 0, 16);
            xy += x * y;
            xx += x * x;
            yy += y * y;
        }
        double value = xy / sqrt(xx * yy + 1);
        if (value > best_value) {
            best_value = value;
            best = lag;
        }
    }
    free(samples);
    *correlation = best_value;
    return best;
}

static const char *make(const char *name, const MediaSpec *spec)
{
    const char *path = test_path(folder, "%s", name);
    if (!mel_path_exists(path)) media_fixture_write(path, spec);
    return path;
}

static void cut_sound_of(CutRun *run, const char *path, double start_s, double duration_s)
{
    cut_run_open(run, path, NULL, start_s, duration_s);
    run->request.want_picture = 0;
    if (!cut_run(run, NULL)) fail_msg("%s: %s", path, run->err.message);
}

/* ---- exactness ----------------------------------------------------------------------------------
 */

static void ten_seconds_of_pcm_are_the_recorded_samples_at_both_common_rates(void **state)
{
    (void)state;
    static const int rates[] = {48000, 44100};
    for (int r = 0; r < 2; r++) {
        MediaSpec spec = {.muxer = "wav",
                          .audio_encoder = "pcm_s16le",
                          .rate_hz = rates[r],
                          .channels = 2,
                          .audio_s = 12};
        CutRun run;
        int64_t count;
        cut_sound_of(&run, make(rates[r] == 48000 ? "48.wav" : "44.wav", &spec), 1.234567, 10);
        int32_t *samples = cut_run_sound(&run, &count);
        assert_int_equal(count, 10 * rates[r]);
        assert_int_equal(run.result.missing_samples, 0);
        assert_int_equal(run.result.bits_per_sample, 16);
        int64_t start = llrint(1.234567 * rates[r]);
        for (int64_t i = 0; i < count; i++)
            for (int c = 0; c < 2; c++)
                assert_int_equal(samples[2 * i + c],
                                 lrintf(media_fixture_sample(start + i, c, rates[r]) * 32768));
        free(samples);
        cut_run_close(&run);
    }
}

static void deeper_lossless_sources_keep_24_bits(void **state)
{
    (void)state;
    static const char *const encoders[] = {"pcm_s24le", "flac"}, *const muxers[] = {"mov", "flac"};
    for (int e = 0; e < 2; e++) {
        MediaSpec spec = {.muxer = muxers[e],
                          .audio_encoder = encoders[e],
                          .rate_hz = 96000,
                          .channels = 1,
                          .audio_s = 3,
                          .audio_options = "compression_level=1"};
        if (e == 0) spec.audio_options = NULL;
        CutRun run;
        int64_t count;
        cut_sound_of(&run, make(e ? "deep.flac" : "deep.mov", &spec), 0.7, 2);
        assert_int_equal(run.result.bits_per_sample, 24);
        int32_t *samples = cut_run_sound(&run, &count);
        assert_int_equal(count, 192000);
        for (int64_t i = 0; i < count; i++)
            assert_int_equal(samples[i],
                             lrintf(media_fixture_sample(67200 + i, 0, 96000) * 8388608));
        free(samples);
        cut_run_close(&run);
    }
}

static const MediaSpec aac_mp4 = {.muxer = "mp4",
                                  .video_encoder = "libx264",
                                  .audio_encoder = "aac",
                                  .video_options = "preset=ultrafast",
                                  .audio_options = "aac_pns=0",
                                  .width = 160,
                                  .height = 90,
                                  .gop = 60,
                                  .b_frames = 2,
                                  .rate_hz = 48000,
                                  .channels = 2,
                                  .video_s = 14,
                                  .audio_s = 14};

static void aac_is_bit_exact_wherever_the_cut_starts(void **state)
{
    (void)state;
    static const double starts[] = {0, 0.01, 1.0, 2.4, 2.39999, 3.217, 3.999};
    const char *path = make("aac.mp4", &aac_mp4);
    WholeSound whole;
    media_fixture_decode_sound(path, &whole);
    assert_int_equal(whole.first, 0); /* the priming samples are cut off by the edit list */
    for (size_t i = 0; i < MEL_COUNT(starts); i++) {
        CutRun run;
        int32_t largest;
        cut_sound_of(&run, path, starts[i], 10);
        assert_int_equal(run.result.audio_samples, 480000);
        assert_int_equal(run.result.missing_samples, 0);
        assert_int_equal(run.result.got_start_us,
                         llrint(llrint(starts[i] * 48000) / 48000.0 * 1e6));
        assert_int_equal(count_differences(&run, &whole, &largest), 0);
        cut_run_close(&run);
    }
    media_fixture_free_sound(&whole);
}

/* Perceptual noise substitution draws from a generator that runs since the stream's start. */
static void aac_with_noise_substitution_keeps_its_place_if_not_its_noise(void **state)
{
    (void)state;
    MediaSpec spec = aac_mp4;
    spec.audio_options = "aac_pns=1:b=32000";
    const char *path = make("pns.mp4", &spec);
    WholeSound whole;
    CutRun run;
    double correlation;
    media_fixture_decode_sound(path, &whole);
    cut_sound_of(&run, path, 3.217, 10);
    assert_int_equal(best_lag(&run, &whole, &correlation), 0);
    assert_true(correlation > 0.9);
    cut_run_close(&run);
    media_fixture_free_sound(&whole);
}

typedef struct LossyCase {
    const char *name, *muxer, *encoder;
    int rate_hz;
    int32_t tolerance; /* of 16-bit levels */
    bool rounded_ms;
} LossyCase;

/* Lag 0 is meant to the sample, also where stamps are rounded to milliseconds. There the first
 * stamp of the whole decode is rounded too: it may be off by that once, and then by the same
 * everywhere. */
static void other_codecs_and_containers_are_placed_to_the_sample(void **state)
{
    (void)state;
    static const LossyCase cases[] = {
        {"opus.webm",   "webm",     "libopus",    48000, 64,   true },
        {"opus.ogg",    "ogg",      "libopus",    48000, 64,   false},
        {"vorbis.webm", "webm",     "libvorbis",  44100, 2,    true },
        {"vorbis.ogg",  "ogg",      "libvorbis",  44100, 2,    false},
        {"aac.mkv",     "matroska", "aac",        44100, 0,    false},
        {"aac.ts",      "mpegts",   "aac",        44100, 0,    false},
        {"aac48.ts",    "mpegts",   "aac",        48000, 0,    false},
        {"aac.flv",     "flv",      "aac",        44100, 0,    false},
        {"mp3.mp3",     "mp3",      "libmp3lame", 44100, 0,    false},
        {"mp3.mkv",     "matroska", "libmp3lame", 44100, 0,    false},
        {"flac.mkv",    "matroska", "flac",       44100, 0,    false},
        {"pcm.avi",     "avi",      "pcm_s16le",  44100, 0,    false},
        {"ac3.ts",      "mpegts",   "ac3",        48000, 4000, false}, /* decoders dither it at random */
    };
    static const double starts[] = {0.5, 3.217, 7.001};
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        const LossyCase *c = &cases[i];
        MediaSpec spec = {.muxer = c->muxer,
                          .audio_encoder = c->encoder,
                          .rate_hz = c->rate_hz,
                          .channels = 2,
                          .audio_s = 11};
        if (mel_equal(c->encoder, "aac")) spec.audio_options = "aac_pns=0";
        const char *path = make(c->name, &spec);
        WholeSound whole;
        media_fixture_decode_sound(path, &whole);
        for (size_t s = 0; s < MEL_COUNT(starts); s++) {
            CutRun run;
            double correlation = 0;
            int32_t largest;
            cut_sound_of(&run, path, starts[s], 3);
            assert_int_equal(run.result.audio_samples, 3 * c->rate_hz);
            assert_int_equal(run.result.missing_samples, 0);
            int lag = best_lag(&run, &whole, &correlation);
            if (s == 0 && c->rounded_ms && abs(lag) <= c->rate_hz / 1000) {
                whole.first -= lag;
                lag = 0;
            }
            count_differences(&run, &whole, &largest);
            if (lag || largest > c->tolerance)
                fail_msg("%s at %g s: lag %d, correlation %g, largest difference %d", c->name,
                         starts[s], lag, correlation, largest);
            cut_run_close(&run);
        }
        media_fixture_free_sound(&whole);
    }
}

/* ---- holes --------------------------------------------------------------------------------------
 */

static void sound_that_starts_late_is_silence_first_and_counted(void **state)
{
    (void)state;
    MediaSpec spec = aac_mp4;
    spec.audio_at_s = 2.5; /* an empty edit in MP4 */
    CutRun run;
    int64_t count;
    cut_sound_of(&run, make("late.mp4", &spec), 1, 10);
    int32_t *samples = cut_run_sound(&run, &count);
    assert_int_equal(count, 480000);
    int64_t missing = run.result.missing_samples;
    CHECK_NEAR((double)missing, 1.5 * 48000, 1100); /* the priming frame may sound before */
    for (int64_t i = 0; i < 2 * (missing - 1); i++)
        assert_int_equal(samples[i], 0);
    CHECK_NEAR(run.result.audio.gap_s, (double)missing / 48000, 1e-9);
    assert_int_equal(run.result.got_start_us, llrint(1e6 + (double)missing / 0.048));
    free(samples);
    cut_run_close(&run);
}

static void a_gap_is_filled_with_silence_and_what_follows_keeps_its_place(void **state)
{
    (void)state;
    static const char *const muxers[] = {"mov", "matroska"};
    for (int m = 0; m < 2; m++) {
        MediaSpec spec = {.muxer = muxers[m],
                          .audio_encoder = "pcm_s16le",
                          .rate_hz = 48000,
                          .channels = 1,
                          .audio_s = 8,
                          .gap_from_s = 3,
                          .gap_to_s = 3.5};
        CutRun run;
        int64_t count;
        cut_sound_of(&run, make(m ? "gap.mkv" : "gap.mov", &spec), 1, 6);
        int32_t *samples = cut_run_sound(&run, &count);
        assert_int_equal(count, 6 * 48000);
        if (m == 1) { /* MOV has no way to leave out PCM: its samples close ranks */
            CHECK_NEAR((double)run.result.missing_samples, 24000, 1100);
            CHECK_NEAR(run.result.audio.gap_s, 0.5, 0.03);
            for (int64_t i = 2 * 48000 + 2000; i < 2 * 48000 + 22000; i++)
                assert_int_equal(samples[i], 0);
            for (int64_t i = 3 * 48000; i < count; i++)
                assert_int_equal(samples[i],
                                 lrintf(media_fixture_sample(48000 + i, 0, 48000) * 32768));
        }
        free(samples);
        cut_run_close(&run);
    }
}

static void sound_shorter_than_the_clip_ends_in_counted_silence(void **state)
{
    (void)state;
    MediaSpec spec = aac_mp4;
    spec.audio_s = 6;
    CutRun run;
    int64_t count;
    cut_run_open(&run, make("short.mp4", &spec), NULL, 2, 10);
    if (!cut_run(&run, NULL)) fail_msg("%s", run.err.message);
    int32_t *samples = cut_run_sound(&run, &count);
    assert_int_equal(count, 480000);
    CHECK_NEAR((double)run.result.missing_samples, 6 * 48000, 1100);
    for (int64_t i = 2 * (4 * 48000 + 1100); i < 2 * count; i++)
        assert_int_equal(samples[i], 0);
    free(samples);
    cut_run_close(&run);
}

static void a_clip_behind_the_end_is_an_error_with_a_reason(void **state)
{
    (void)state;
    MediaSpec spec = aac_mp4;
    spec.audio_s = 6;
    static const double starts[] = {6.5, 14.5, 4000};
    for (size_t i = 0; i < MEL_COUNT(starts); i++) {
        CutRun run;
        cut_run_open(&run, make("short.mp4", &spec), NULL, starts[i], 10);
        assert_false(cut_run(&run, NULL));
        assert_string_equal(run.err.reason, "media.past_end");
        cut_run_close(&run);
    }
    MediaSpec wav = {.muxer = "wav",
                     .audio_encoder = "pcm_s16le",
                     .rate_hz = 48000,
                     .channels = 2,
                     .audio_s = 12};
    CutRun run;
    cut_run_open(&run, make("48.wav", &wav), NULL, 12, 1);
    run.request.want_picture = 0;
    assert_false(cut_run(&run, NULL));
    assert_string_equal(run.err.reason, "media.past_end");
    cut_run_close(&run);
}

/* ---- channels -----------------------------------------------------------------------------------
 */

static void many_channels_become_stereo_below_full_scale(void **state)
{
    (void)state;
    MediaSpec spec = {.muxer = "wav",
                      .audio_encoder = "pcm_s16le",
                      .rate_hz = 48000,
                      .channels = 6,
                      .audio_s = 3};
    CutRun run;
    int64_t count;
    cut_sound_of(&run, make("six.wav", &spec), 0.5, 2);
    assert_int_equal(run.result.channels, 2);
    int32_t *samples = cut_run_sound(&run, &count);
    /* Left is (L + 0.707 C + 0.707 Ls) over the sum of its weights; LFE is left out. */
    const double w = 0.70710678, sum = 1 + 2 * w;
    for (int64_t i = 0; i < count; i += 37) {
        double s[6];
        for (int c = 0; c < 6; c++)
            s[c] = (double)media_fixture_sample(24000 + i, c, 48000);
        CHECK_NEAR(samples[2 * i], (s[0] + w * s[2] + w * s[4]) / sum * 32768, 2);
        CHECK_NEAR(samples[2 * i + 1], (s[1] + w * s[2] + w * s[5]) / sum * 32768, 2);
    }
    free(samples);
    cut_run_close(&run);
}

static void mono_stays_mono(void **state)
{
    (void)state;
    MediaSpec spec = {
        .muxer = "mp4", .audio_encoder = "aac", .rate_hz = 22050, .channels = 1, .audio_s = 4};
    CutRun run;
    cut_sound_of(&run, make("mono.mp4", &spec), 1, 2);
    assert_int_equal(run.result.channels, 1);
    assert_int_equal(run.result.audio_samples, 44100);
    cut_run_close(&run);
}

/* ---- measures -----------------------------------------------------------------------------------
 */

static void measures_and_landmarks_come_from_the_same_pass(void **state)
{
    (void)state;
    CutRun run;
    cut_sound_of(&run, make("aac.mp4", &aac_mp4), 2, 10);
    assert_true(isfinite(run.result.audio.loudness_lufs));
    assert_true(run.result.audio.loudness_lufs > -30 && run.result.audio.loudness_lufs < -5);
    assert_true(run.result.landmark_count > 0);
    assert_true(run.result.audio.gap_s == 0);
    cut_run_close(&run);
}

static int make_folder(void **state)
{
    (void)state;
    folder = test_folder();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_seconds_of_pcm_are_the_recorded_samples_at_both_common_rates),
        cmocka_unit_test(deeper_lossless_sources_keep_24_bits),
        cmocka_unit_test(aac_is_bit_exact_wherever_the_cut_starts),
        cmocka_unit_test(aac_with_noise_substitution_keeps_its_place_if_not_its_noise),
        cmocka_unit_test(other_codecs_and_containers_are_placed_to_the_sample),
        cmocka_unit_test(sound_that_starts_late_is_silence_first_and_counted),
        cmocka_unit_test(a_gap_is_filled_with_silence_and_what_follows_keeps_its_place),
        cmocka_unit_test(sound_shorter_than_the_clip_ends_in_counted_silence),
        cmocka_unit_test(a_clip_behind_the_end_is_an_error_with_a_reason),
        cmocka_unit_test(many_channels_become_stereo_below_full_scale),
        cmocka_unit_test(mono_stays_mono),
        cmocka_unit_test(measures_and_landmarks_come_from_the_same_pass),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
