/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds of a cut as a whole: sparse and separate inputs, errors with reasons, the same result
 * with any number of threads, products that check. */
#include "tests/support/cut_run.h"
#include "tests/support/media_fixture.h"
#include "tests/support/test.h"

#include "curator/media.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static const MediaSpec plain = {.muxer = "mp4",
                                .video_encoder = "libx264",
                                .audio_encoder = "aac",
                                .video_options = "preset=ultrafast",
                                .audio_options = "aac_pns=0",
                                .width = 256,
                                .height = 144,
                                .gop = 50,
                                .b_frames = 2,
                                .rate_hz = 48000,
                                .channels = 2,
                                .video_s = 20,
                                .audio_s = 20};

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

static void same_bytes(int a, int b)
{
    size_t n, m;
    uint8_t *x = cut_run_bytes(a, &n), *y = cut_run_bytes(b, &m);
    assert_int_equal(n, m);
    assert_true(memcmp(x, y, n) == 0);
    free(x);
    free(y);
}

static void same_products(const CutRun *a, const CutRun *b)
{
    same_bytes(a->files.audio, b->files.audio);
    same_bytes(a->files.preview, b->files.preview);
    assert_int_equal(a->result.still_count, b->result.still_count);
    for (int i = 0; i < a->result.still_count; i++) {
        same_bytes(a->files.stills[i], b->files.stills[i]);
        assert_true(a->result.stills[i].frame_hash == b->result.stills[i].frame_hash);
    }
    assert_true(memcmp(&a->result.picture, &b->result.picture, sizeof a->result.picture) == 0);
    assert_true(memcmp(&a->result.audio, &b->result.audio, sizeof a->result.audio) == 0);
    assert_int_equal(a->result.landmark_count, b->result.landmark_count);
}

static void want_everything(CutRun *run)
{
    run->request.still_count = 4;
    run->request.preview_height = 72;
}

static void threads_change_nothing_in_result_or_products(void **state)
{
    (void)state;
    CutRun one, many;
    const char *path = make("plain.mp4", &plain);
    cut_run_open(&one, path, NULL, 4.3, 6);
    cut_run_open(&many, path, NULL, 4.3, 6);
    want_everything(&one);
    want_everything(&many);
    one.request.threads = 1;
    many.request.threads = 4;
    must_run(&one);
    must_run(&many);
    same_products(&one, &many);
    cut_run_close(&one);
    cut_run_close(&many);
}

static void a_separate_sound_file_gives_the_same_sound(void **state)
{
    (void)state;
    MediaSpec sound = plain, picture = plain;
    sound.video_encoder = NULL;
    picture.audio_encoder = NULL;
    CutRun both, apart;
    cut_run_open(&both, make("plain.mp4", &plain), NULL, 4.3, 6);
    cut_run_open(&apart, make("picture.mp4", &picture), make("sound.m4a", &sound), 4.3, 6);
    want_everything(&both);
    want_everything(&apart);
    must_run(&both);
    must_run(&apart);
    same_bytes(both.files.audio, apart.files.audio);
    same_bytes(both.files.preview, apart.files.preview);
    assert_string_equal(apart.result.audio_codec, "aac");
    assert_string_equal(apart.result.video_codec, "h264");
    cut_run_close(&both);
    cut_run_close(&apart);
}

/* ---- sparse inputs ------------------------------------------------------------------------------
 */

/* Fetches what a cut asks for, piece by piece, as a caller with a network would. */
static int64_t fetch_until_done(CutRun *run, const char *path, int64_t piece)
{
    int source = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    assert_int_equal(fstat(source, &info), 0);
    CutInput *input = &run->request.inputs[0];
    input->size = info.st_size;
    input->ranges[0] = (ByteRange){0, piece};
    input->range_count = 1;
    int64_t present = piece;
    close(run->files.inputs[0]);
    run->files.inputs[0] = memfd_create("sparse", MFD_CLOEXEC);
    char *bytes = mel_alloc((size_t)piece);
    assert_true(pread(source, bytes, (size_t)piece, 0) > 0);
    assert_true(pwrite(run->files.inputs[0], bytes, (size_t)piece, 0) == piece);
    while (!cut_run(run, NULL)) {
        if (strcmp(run->err.reason, "media.missing_bytes") != 0) fail_msg("%s", run->err.message);
        assert_int_equal(run->result.missing_input, 0);
        int64_t at = run->result.missing_offset;
        assert_true(at >= 0 && at < info.st_size);
        for (int i = 0; i < input->range_count; i++)
            assert_false(at >= input->ranges[i].offset &&
                         at < input->ranges[i].offset + input->ranges[i].length);
        assert_true(input->range_count < INPUT_RANGES_MAX);
        ssize_t n = pread(source, bytes, (size_t)piece, at);
        assert_true(n > 0);
        assert_int_equal(pwrite(run->files.inputs[0], bytes, (size_t)n, at), n);
        input->ranges[input->range_count++] = (ByteRange){at, n};
        present += n;
    }
    assert_int_equal(run->result.missing_input, -1);
    free(bytes);
    close(source);
    return present;
}

static void absent_bytes_are_named_and_what_is_fetched_suffices(void **state)
{
    (void)state;
    MediaSpec webm = plain, front = plain;
    webm.muxer = "webm";
    webm.video_encoder = "libvpx-vp9";
    webm.video_options = "deadline=realtime:cpu-used=8";
    webm.audio_encoder = "libopus";
    webm.audio_options = NULL;
    front.muxer_options = "movflags=+faststart";
    const char *paths[] = {make("plain.mp4", &plain), make("front.mp4", &front),
                           make("plain.webm", &webm)};
    for (int i = 0; i < 3; i++) {
        CutRun whole, sparse;
        cut_run_open(&whole, paths[i], NULL, 9.3, 2);
        cut_run_open(&sparse, paths[i], NULL, 9.3, 2);
        want_everything(&whole);
        want_everything(&sparse);
        must_run(&whole);
        int64_t fetched = fetch_until_done(&sparse, paths[i], 32 * 1024);
        same_products(&whole, &sparse);
        assert_true(fetched < sparse.request.inputs[0].size * 2 / 3);
        cut_run_close(&whole);
        cut_run_close(&sparse);
    }
}

static void ranges_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    CutRun run;
    cut_run_open(&run, make("plain.mp4", &plain), NULL, 1, 2);
    run.request.inputs[0].range_count = INPUT_RANGES_MAX + 1;
    assert_false(cut_run(&run, NULL));
    assert_int_equal(run.err.code, ERR_USAGE);
    run.request.inputs[0].range_count = 1;
    run.request.inputs[0].ranges[0] = (ByteRange){INT64_MAX, INT64_MAX};
    assert_false(cut_run(&run, NULL));
    assert_int_equal(run.err.code, ERR_USAGE);
    cut_run_close(&run);
}

/* ---- errors -------------------------------------------------------------------------------------
 */

static void what_is_wanted_but_not_there_is_named(void **state)
{
    (void)state;
    MediaSpec sound = plain, picture = plain;
    sound.video_encoder = NULL;
    picture.audio_encoder = NULL;
    CutRun run;
    cut_run_open(&run, make("sound.m4a", &sound), NULL, 1, 2);
    assert_false(cut_run(&run, NULL));
    assert_string_equal(run.err.reason, "media.no_picture");
    cut_run_close(&run);
    cut_run_open(&run, make("picture.mp4", &picture), NULL, 1, 2);
    assert_false(cut_run(&run, NULL));
    assert_string_equal(run.err.reason, "media.no_audio");
    cut_run_close(&run);
}

static void requests_out_of_bounds_are_refused(void **state)
{
    (void)state;
    const char *path = make("plain.mp4", &plain);
    CutRun run;
    cut_run_open(&run, path, NULL, 1, 2);
    const CutRequest good = run.request;
    CutRequest bad[8];
    for (int i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].start_us = -1;
    bad[1].duration_us = 0;
    bad[2].duration_us = INT64_MAX;
    bad[3].still_count = STILLS_MAX + 1;
    bad[4].preview_height = 71;
    bad[5].threads = 0;
    bad[6].want_audio = bad[6].want_picture = 0;
    bad[7].still_at_us = 5000000;
    for (int i = 0; i < 8; i++) {
        run.request = bad[i];
        assert_false(cut_run(&run, NULL));
        assert_int_equal(run.err.code, ERR_USAGE);
    }
    cut_run_close(&run);
}

static void a_full_disk_is_said_to_be_one(void **state)
{
    (void)state;
    CutRun run;
    cut_run_open(&run, make("plain.mp4", &plain), NULL, 1, 2);
    run.files.audio = open("/dev/full", O_RDWR | O_CLOEXEC);
    assert_true(run.files.audio >= 0);
    assert_false(mel_cut(&run.request, &run.files, &run.result, &run.err));
    assert_int_equal(run.err.code, ERR_IO);
    assert_non_null(strstr(run.err.message, "No space left"));
    cut_run_close(&run);
}

/* ---- probe and check ----------------------------------------------------------------------------
 */

static void a_probe_says_what_a_file_is(void **state)
{
    (void)state;
    ProbeResult probe;
    Err err = {0};
    int fd = open(make("plain.mp4", &plain), O_RDONLY | O_CLOEXEC);
    CHECK_OK(mel_probe(fd, &probe, &err));
    close(fd);
    CHECK_NEAR((double)probe.duration_us, 20e6, 5e4);
    assert_true(probe.has_audio && probe.has_video);
    assert_int_equal(probe.sample_rate_hz, 48000);
    assert_int_equal(probe.channels, 2);
    assert_int_equal(probe.width, 256);
    assert_string_equal(probe.container, "mov");
    assert_string_equal(probe.video_codec, "h264");
}

/* Changes some bytes of a product at a share of its length, or cuts it there. FLAC frames have a
 * checksum; JPEG has none, so that changed bytes may decode to another picture. */
static bool check_spoilt(ProductKind kind, int product, double share, bool cut, Err *err)
{
    size_t n;
    uint8_t *bytes = cut_run_bytes(product, &n);
    size_t at = (size_t)((double)n * share);
    for (size_t i = 0; i < 16 && !cut; i++)
        bytes[at + i] ^= 0x5a;
    int fd = memfd_create("spoilt", MFD_CLOEXEC);
    size_t kept = cut ? at : n;
    assert_int_equal(pwrite(fd, bytes, kept, 0), kept);
    CheckResult check;
    bool ok = mel_check_product(kind, fd, &check, err);
    close(fd);
    free(bytes);
    return ok;
}

static void spoilt_products_do_not_pass_their_check(void **state)
{
    (void)state;
    CutRun run;
    CheckResult check;
    Err err = {0};
    cut_run_open(&run, make("plain.mp4", &plain), NULL, 1, 2);
    want_everything(&run);
    must_run(&run);
    const int products[] = {run.files.audio, run.files.stills[0], run.files.preview};
    const ProductKind kinds[] = {PRODUCT_AUDIO, PRODUCT_STILL, PRODUCT_PREVIEW};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(mel_check_product(kinds[i], products[i], &check, &err));
        for (int cut = kinds[i] != PRODUCT_AUDIO; cut < 2; cut++) {
            if (check_spoilt(kinds[i], products[i], 0.4, cut, &err))
                fail_msg("product %d %s passed", i, cut ? "cut short" : "with damage");
            assert_string_equal(err.reason, "media.product");
            mel_err_clear(&err);
        }
        assert_false(mel_check_product(kinds[i], products[(i + 1) % 3], &check, &err));
        assert_string_equal(err.reason, "media.product");
        mel_err_clear(&err);
    }
    CHECK_OK(mel_check_product(PRODUCT_AUDIO, run.files.audio, &check, &err));
    assert_int_equal(check.samples, 96000);
    assert_true(check.rms_dbfs > -20 && check.rms_dbfs < -5);
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
        cmocka_unit_test(threads_change_nothing_in_result_or_products),
        cmocka_unit_test(a_separate_sound_file_gives_the_same_sound),
        cmocka_unit_test(absent_bytes_are_named_and_what_is_fetched_suffices),
        cmocka_unit_test(ranges_that_make_no_sense_are_refused),
        cmocka_unit_test(what_is_wanted_but_not_there_is_named),
        cmocka_unit_test(requests_out_of_bounds_are_refused),
        cmocka_unit_test(a_full_disk_is_said_to_be_one),
        cmocka_unit_test(a_probe_says_what_a_file_is),
        cmocka_unit_test(spoilt_products_do_not_pass_their_check),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
