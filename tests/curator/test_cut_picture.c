/* SPDX-License-Identifier: Apache-2.0
 *
 * The pictures of a clip: each at its presentation time, the same as in a decode of the whole file,
 * whatever the order of coding, the clock's start or the container. */
#include "tests/support/cut_run.h"
#include "tests/support/media_fixture.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

static char *folder;

static const MediaSpec plain = {.muxer = "mp4",
                                .video_encoder = "libx264",
                                .audio_encoder = "aac",
                                .video_options = "preset=ultrafast:bf=2:b_strategy=0",
                                .width = 256,
                                .height = 144,
                                .gop = 50,
                                .b_frames = 2,
                                .rate_hz = 48000,
                                .channels = 1,
                                .video_s = 8,
                                .audio_s = 8};

static const char *make(const char *name, const MediaSpec *spec)
{
    const char *path = test_path(folder, "%s", name);
    if (!mel_path_exists(path)) media_fixture_write(path, spec);
    return path;
}

static void must_run(CutRun *run)
{
    if (!cut_run(run, NULL)) fail_msg("%s (%s)", run->err.message, run->err.reason);
}

static const WholeFrame *frame_at(const WholeFrame *frames, size_t n, int64_t time_us)
{
    for (size_t i = 0; i < n; i++)
        if (frames[i].time_us == time_us) return &frames[i];
    return NULL;
}

static const WholeFrame *nearest(const WholeFrame *frames, size_t n, int64_t time_us)
{
    const WholeFrame *best = frames;
    for (size_t i = 1; i < n; i++)
        if (llabs(frames[i].time_us - time_us) < llabs(best->time_us - time_us)) best = &frames[i];
    return best;
}

typedef struct Case {
    const char *name, *muxer, *encoder, *options;
    double at_s;
    bool variable;
    const char *pixel_format;
} Case;

static const Case cases[] = {
    {"b.mp4",       "mp4",      "libx264",    "preset=ultrafast:bf=3:b_strategy=0",          0,   false, NULL         },
    {"pyramid.mkv", "matroska", "libx264",    "preset=veryfast:bf=4:b-pyramid=normal",       0,   false, NULL         },
    {"late.mp4",    "mp4",      "libx264",    "preset=ultrafast:bf=2",                       1.2, false, NULL         },
    {"vfr.mkv",     "matroska", "libx264",    "preset=ultrafast:bf=2",                       0,   true,  NULL         },
    {"vfr.mp4",     "mp4",      "libx264",    "preset=ultrafast:bf=2",                       0,   true,  NULL         },
    {"b.ts",        "mpegts",   "libx264",    "preset=ultrafast:bf=2",                       0,   false, NULL         },
    {"open.mkv",    "matroska", "libx264",    "preset=veryfast:bf=2:x264-params=open-gop=1", 0,   false,
     NULL                                                                                                             },
    {"refresh.mkv", "matroska", "libx264",    "preset=ultrafast:intra-refresh=1",            0,   false, NULL         },
    {"nine.webm",   "webm",     "libvpx-vp9", "deadline=realtime:cpu-used=8",                0,   false, NULL         },
    {"four.avi",    "avi",      "mpeg4",      NULL,                                          0,   false, NULL         },
    {"two.mpg",     "mpeg",     "mpeg2video", "bf=2",                                        0,   false, NULL         },
    {"ten.mkv",     "matroska", "libx264",    "preset=ultrafast",                            0,   false, "yuv420p10le"},
    {"444.mp4",     "mp4",      "libx264",    "preset=ultrafast",                            0,   false, "yuv444p"    },
};

static MediaSpec spec_of(const Case *c)
{
    MediaSpec spec = plain;
    spec.muxer = c->muxer;
    spec.video_encoder = c->encoder;
    spec.video_options = c->options;
    spec.video_at_s = spec.audio_at_s = c->at_s;
    spec.variable_rate = c->variable;
    spec.pixel_format = c->pixel_format;
    if (mel_equal(c->muxer, "webm")) spec.audio_encoder = "libopus";
    if (mel_equal(c->muxer, "avi")) spec.audio_encoder = "pcm_s16le";
    if (mel_equal(c->muxer, "mpeg")) spec.audio_encoder = "mp2";
    return spec;
}

static void check_preview(const CutRun *run, const char *name, const WholeFrame *frames, size_t n)
{
    PreviewFrame *shown;
    size_t count = cut_run_preview(run, &shown), at = 0;
    int64_t start_us = run->request.start_us, end_us = start_us + run->request.duration_us;
    assert_int_equal(count, run->result.preview_frames);
    for (size_t i = 0; i < n; i++) {
        if (frames[i].time_us < start_us || frames[i].time_us >= end_us) continue;
        if (at == count)
            fail_msg("%s: the preview lacks the picture at %lld", name,
                     (long long)frames[i].time_us);
        int64_t wanted_ms = (frames[i].time_us - start_us + 500) / 1000;
        if (llabs(shown[at].time_ms - wanted_ms) > 0)
            fail_msg("%s: picture %zu of the preview at %lld ms, wanted %lld", name, at,
                     (long long)shown[at].time_ms, (long long)wanted_ms);
        if (frames[i].number >= 0) assert_int_equal(shown[at].number, frames[i].number);
        at++;
    }
    assert_int_equal(at, count);
    free(shown);
}

static void every_picture_of_the_span_and_no_other_is_shown_at_its_time(void **state)
{
    (void)state;
    static const double starts[] = {0, 2.02, 3.217};
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        MediaSpec spec = spec_of(&cases[i]);
        const char *path = make(cases[i].name, &spec);
        WholeFrame *frames;
        size_t n = media_fixture_decode_frames(path, &frames);
        assert_true(n >= 190);
        for (size_t s = 0; s < MEL_COUNT(starts); s++) {
            CutRun run;
            cut_run_open(&run, path, NULL, starts[s], 4);
            run.request.preview_height = 144;
            run.request.preview_quality = 90;
            run.request.want_audio = 0;
            if (!cut_run(&run, NULL))
                fail_msg("%s at %g: %s", cases[i].name, starts[s], run.err.message);
            check_preview(&run, cases[i].name, frames, n);
            assert_int_equal(run.result.picture.frame_count, run.result.preview_frames);
            cut_run_close(&run);
        }
        free(frames);
    }
}

static void the_still_asked_for_is_the_nearest_picture_of_the_whole_decode(void **state)
{
    (void)state;
    static const double asked[] = {3.217, 3.5, 4.011, 5.98, 6.217};
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        MediaSpec spec = spec_of(&cases[i]);
        const char *path = make(cases[i].name, &spec);
        WholeFrame *frames;
        size_t n = media_fixture_decode_frames(path, &frames);
        for (size_t a = 0; a < MEL_COUNT(asked); a++) {
            CutRun run;
            cut_run_open(&run, path, NULL, 3.217, 3);
            run.request.still_at_us = llrint(asked[a] * 1e6);
            must_run(&run);
            const WholeFrame *wanted = nearest(frames, n, run.request.still_at_us);
            assert_int_equal(run.result.still_count, 1);
            if (run.result.stills[0].time_us != wanted->time_us ||
                run.result.stills[0].frame_hash != wanted->hash)
                fail_msg("%s: the still at %g s is of %lld, wanted %lld; hashes are %s",
                         cases[i].name, asked[a], (long long)run.result.stills[0].time_us,
                         (long long)wanted->time_us,
                         run.result.stills[0].frame_hash == wanted->hash ? "equal" : "different");
            cut_run_close(&run);
        }
        free(frames);
    }
}

static void chosen_stills_are_pictures_of_the_span_and_apart(void **state)
{
    (void)state;
    const char *path = make("plain.mp4", &plain);
    WholeFrame *frames;
    size_t n = media_fixture_decode_frames(path, &frames);
    CutRun run;
    cut_run_open(&run, path, NULL, 1.5, 6);
    run.request.still_count = 4;
    run.request.still_at_us = 2000000;
    must_run(&run);
    assert_int_equal(run.result.still_count, 5);
    assert_int_equal(run.result.stills[0].time_us, 2000000);
    for (int i = 0; i < 5; i++) {
        const CutStill *still = &run.result.stills[i];
        const WholeFrame *whole = frame_at(frames, n, still->time_us);
        assert_non_null(whole);
        assert_true(still->frame_hash == whole->hash);
        assert_true(still->time_us >= 1500000 && still->time_us < 7500000);
        assert_int_equal(still->width, 256);
        assert_int_equal(still->height, 144);
        assert_true(still->score >= 0 && still->score <= 1);
        for (int j = 0; j < i; j++)
            assert_true(llabs(still->time_us - run.result.stills[j].time_us) >= 40000);
        size_t bytes_n;
        uint8_t *bytes = cut_run_bytes(run.files.stills[i], &bytes_n);
        assert_int_equal(bytes_n, still->size_bytes);
        free(bytes);
        CheckResult check;
        Err err = {0};
        CHECK_OK(mel_check_product(PRODUCT_STILL, run.files.stills[i], &check, &err));
        assert_int_equal(check.width, 256);
    }
    cut_run_close(&run);
    free(frames);
}

static void stills_keep_away_from_black(void **state)
{
    (void)state;
    MediaSpec spec = plain;
    spec.black_until_s = 5;
    CutRun run;
    cut_run_open(&run, make("black.mp4", &spec), NULL, 1, 6);
    run.request.still_count = 3;
    must_run(&run);
    assert_true(run.result.still_count >= 1);
    for (int i = 0; i < run.result.still_count; i++)
        assert_true(run.result.stills[i].time_us >= 5000000);
    CHECK_NEAR(run.result.picture.black_share, 4.0 / 6, 0.02);
    cut_run_close(&run);
}

/* The colours of the fixture: Y 60..190 limited range, Cb 100, Cr 140. */
static void stills_have_the_colours_of_the_video(void **state)
{
    (void)state;
    static const char *const matrices[] = {"preset=ultrafast:crf=1:colorspace=smpte170m",
                                           "preset=ultrafast:crf=1:colorspace=bt709"};
    for (int m = 0; m < 2; m++) {
        MediaSpec spec = plain;
        spec.video_options = matrices[m];
        CutRun run;
        cut_run_open(&run, make(m ? "709.mp4" : "601.mp4", &spec), NULL, 1, 2);
        run.request.still_at_us = 2000000;
        run.request.still_quality = 100;
        must_run(&run);
        size_t n;
        uint8_t *bytes = cut_run_bytes(run.files.stills[0], &n), rgb[256 * 144 * 3];
        tjhandle jpeg = tjInitDecompress();
        assert_int_equal(
            tjDecompress2(jpeg, bytes, n, rgb, 256, 256 * 3, 144, TJPF_RGB, TJFLAG_ACCURATEDCT), 0);
        tjDestroy(jpeg);
        free(bytes);
        /* A place inside bar 0 or 1 of picture 50 (binary 110010): bit 1 is white. */
        const uint8_t *pixel = rgb + ((16 * 256) + 12) * 3;
        double y = (220 - 16) / 219.0, cb = (100 - 128) / 224.0, cr = (140 - 128) / 224.0;
        double kr = m ? 0.2126 : 0.299, kb = m ? 0.0722 : 0.114, kg = 1 - kr - kb;
        double r = y + 2 * (1 - kr) * cr, b = y + 2 * (1 - kb) * cb;
        double g = (y - kr * r - kb * b) / kg;
        CHECK_NEAR(pixel[0], fmin(255 * r, 255), 5);
        CHECK_NEAR(pixel[1], fmin(255 * g, 255), 5);
        CHECK_NEAR(pixel[2], fmin(255 * b, 255), 5);
        cut_run_close(&run);
    }
}

static void the_preview_is_scaled_down_but_never_up(void **state)
{
    (void)state;
    const char *path = make("plain.mp4", &plain);
    static const int asked[] = {72, 144, 720}, heights[] = {72, 144, 144},
                     widths[] = {128, 256, 256};
    for (int i = 0; i < 3; i++) {
        CutRun run;
        cut_run_open(&run, path, NULL, 1, 2);
        run.request.preview_height = asked[i];
        must_run(&run);
        assert_int_equal(run.result.preview_height, heights[i]);
        assert_int_equal(run.result.preview_width, widths[i]);
        assert_int_equal(run.result.preview_frames, 50);
        CheckResult check;
        Err err = {0};
        CHECK_OK(mel_check_product(PRODUCT_PREVIEW, run.files.preview, &check, &err));
        assert_int_equal(check.frames, 50);
        assert_int_equal(check.height, heights[i]);
        cut_run_close(&run);
    }
}

static void rotation_is_reported_and_not_applied(void **state)
{
    (void)state;
    MediaSpec spec = plain;
    spec.rotation_deg = 90;
    CutRun run;
    cut_run_open(&run, make("rotated.mp4", &spec), NULL, 1, 2);
    must_run(&run);
    assert_int_equal(run.result.rotation_deg, 90);
    assert_int_equal(run.result.width, 256);
    cut_run_close(&run);
}

/* One picture a second, and a clip between two of them. */
static void a_picture_that_stands_through_the_clip_is_its_picture(void **state)
{
    (void)state;
    MediaSpec spec = plain;
    spec.muxer = "matroska";
    spec.variable_rate = false;
    spec.audio_encoder = "pcm_s16le"; /* no priming that would shift the clock */
    spec.video_encoder = "mjpeg";
    spec.video_options = NULL;
    spec.pixel_format = "yuvj420p";
    spec.frame_rate = 1;
    spec.b_frames = 0;
    CutRun run;
    cut_run_open(&run, make("slow.mkv", &spec), NULL, 3.2, 0.5);
    run.request.still_count = 2;
    run.request.preview_height = 144;
    must_run(&run);
    assert_int_equal(run.result.still_count, 1);
    assert_int_equal(run.result.stills[0].time_us, 3000000);
    assert_int_equal(run.result.preview_frames, 1);
    assert_int_equal(run.result.picture.frame_count, 1);
    cut_run_close(&run);
}

static void pictures_that_end_before_the_clip_are_an_error(void **state)
{
    (void)state;
    MediaSpec spec = plain;
    spec.video_s = 3;
    CutRun run;
    cut_run_open(&run, make("brief.mp4", &spec), NULL, 4, 2);
    assert_false(cut_run(&run, NULL));
    assert_string_equal(run.err.reason, "media.past_end");
    run.request.want_picture = 0;
    must_run(&run);
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
        cmocka_unit_test(every_picture_of_the_span_and_no_other_is_shown_at_its_time),
        cmocka_unit_test(the_still_asked_for_is_the_nearest_picture_of_the_whole_decode),
        cmocka_unit_test(chosen_stills_are_pictures_of_the_span_and_apart),
        cmocka_unit_test(stills_keep_away_from_black),
        cmocka_unit_test(stills_have_the_colours_of_the_video),
        cmocka_unit_test(the_preview_is_scaled_down_but_never_up),
        cmocka_unit_test(rotation_is_reported_and_not_applied),
        cmocka_unit_test(a_picture_that_stands_through_the_clip_is_its_picture),
        cmocka_unit_test(pictures_that_end_before_the_clip_are_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
