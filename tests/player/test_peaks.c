/* SPDX-License-Identifier: Apache-2.0
 *
 * The pyramid gives the same extremes as looking at every sample. */
#include "annotator/player/peaks.h"
#include "tests/player/made_clip.h"
#include "tests/support/test.h"

enum { RATE = 48000 };

static LoadedClip *noisy_clip(int64_t frames, uint64_t seed)
{
    LoadedClip *clip = made_clip(RATE, frames, 0);
    Rng rng = {.seed = seed};
    for (int64_t i = 0; i < 2 * frames; i++)
        clip->samples[i] = (float)mel_rng_range(&rng, -1, 1);
    return clip;
}

static Peak plain_peak(const LoadedClip *clip, int channel, int64_t first, int64_t end)
{
    Peak peak = {INFINITY, -INFINITY};
    for (int64_t i = first; i < end; i++)
        for (int c = 0; c < 2; c++) {
            if (channel >= 0 && c != channel) continue;
            peak.low = fminf(peak.low, clip->samples[2 * i + c]);
            peak.high = fmaxf(peak.high, clip->samples[2 * i + c]);
        }
    return peak;
}

static void every_stretch_has_its_exact_extremes(void **state)
{
    (void)state;
    static const int lengths[] = {1, 63, 64, 65, 1000, 4096, 48001};
    Rng rng = {.seed = 5};
    for (size_t k = 0; k < MEL_COUNT(lengths); k++) {
        LoadedClip *clip = noisy_clip(lengths[k], k);
        Peaks *peaks = mel_peaks_new(clip);
        for (int round = 0; round < 300; round++) {
            int64_t first = mel_rng_int(&rng, lengths[k]);
            int64_t end = first + 1 + mel_rng_int(&rng, lengths[k] - (int)first);
            int channel = round % 3 - 1;
            Peak got = mel_peaks_over(peaks, channel, first, end);
            Peak want = plain_peak(clip, channel, first, end);
            if (got.low != want.low || got.high != want.high)
                fail_msg("[%lld, %lld) of %d: %g..%g, wanted %g..%g", (long long)first,
                         (long long)end, lengths[k], got.low, got.high, want.low, want.high);
        }
        mel_peaks_free(peaks);
        mel_loaded_clip_unref(clip);
    }
}

static void columns_cover_the_stretch_without_a_hole(void **state)
{
    (void)state;
    LoadedClip *clip = noisy_clip(10000, 9);
    Peaks *peaks = mel_peaks_new(clip);
    Peak columns[777], whole = {0, 0}, one;
    mel_peaks_columns(peaks, -1, 123, 9877, 777, columns);
    for (int i = 0; i < 777; i++) {
        whole.low = fminf(whole.low, columns[i].low);
        whole.high = fmaxf(whole.high, columns[i].high);
    }
    one = plain_peak(clip, -1, 123, 9877);
    assert_true(whole.low == one.low && whole.high == one.high);
    mel_peaks_columns(peaks, 0, 10, 14, 8, columns); /* wider than the samples: each one twice */
    for (int i = 0; i < 8; i++)
        assert_true(columns[i].high == clip->samples[2 * (10 + i / 2)]);
    mel_peaks_free(peaks);
    mel_loaded_clip_unref(clip);
}

static void outside_the_clip_there_is_nothing(void **state)
{
    (void)state;
    LoadedClip *clip = noisy_clip(1000, 9);
    Peaks *peaks = mel_peaks_new(clip);
    Peak none = mel_peaks_over(peaks, 0, 1000, 2000);
    assert_true(none.low == 0 && none.high == 0);
    Peak all = mel_peaks_over(peaks, 0, -50, 5000), want = plain_peak(clip, 0, 0, 1000);
    assert_true(all.low == want.low && all.high == want.high);
    mel_loaded_clip_unref(clip); /* the peaks have a reference of their own */
    all = mel_peaks_over(peaks, 0, 3, 4);
    assert_true(all.low == all.high);
    mel_peaks_free(peaks);
    LoadedClip *mute = made_clip(RATE, 10, 0);
    free(mute->samples);
    mute->samples = NULL;
    assert_null(mel_peaks_new(mute));
    mel_loaded_clip_unref(mute);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stretch_has_its_exact_extremes),
        cmocka_unit_test(columns_cover_the_stretch_without_a_hole),
        cmocka_unit_test(outside_the_clip_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
