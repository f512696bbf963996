/* SPDX-License-Identifier: Apache-2.0
 *
 * The jail holds: what an attacker would do from inside kills the child and nothing else, limits
 * end in their own errors, and no process outlives its parent. */
#include "tests/support/cut_run.h"
#include "tests/support/media_fixture.h"
#include "tests/support/test.h"

#include "curator/jail_internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;
static Jail *jail;

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
                                .video_s = 10,
                                .audio_s = 10};

static const char *plain_file; /* made before any thread */

static void want_everything(CutRun *run)
{
    run->request.still_count = 4;
    run->request.preview_height = 72;
}

static void the_layers_of_the_wall_are_named(void **state)
{
    (void)state;
    const char *layers = mel_jail_layers(jail);
    assert_true(mel_starts_with(layers, "rlimits"));
    assert_non_null(strstr(layers, "seccomp"));
}

static void a_confined_cut_gives_what_a_free_one_does(void **state)
{
    (void)state;
    CutRun free_run, jailed;
    cut_run_open(&free_run, plain_file, NULL, 2.3, 5);
    cut_run_open(&jailed, plain_file, NULL, 2.3, 5);
    want_everything(&free_run);
    want_everything(&jailed);
    jailed.request.threads = 4;
    if (!cut_run(&free_run, NULL)) fail_msg("%s", free_run.err.message);
    if (!cut_run(&jailed, jail)) fail_msg("%s (%s)", jailed.err.message, jailed.err.reason);
    assert_int_equal(jailed.result.audio_samples, 240000);
    const int a[] = {free_run.files.audio, free_run.files.preview, free_run.files.stills[3]};
    const int b[] = {jailed.files.audio, jailed.files.preview, jailed.files.stills[3]};
    for (int i = 0; i < 3; i++) {
        size_t n, m;
        uint8_t *x = cut_run_bytes(a[i], &n), *y = cut_run_bytes(b[i], &m);
        assert_int_equal(n, m);
        assert_true(n > 0 && memcmp(x, y, n) == 0);
        free(x);
        free(y);
    }
    CheckResult check;
    Err err = {0};
    CHECK_OK(mel_jail_check(jail, PRODUCT_AUDIO, jailed.files.audio, &check, &err));
    assert_int_equal(check.samples, 240000);
    CHECK_OK(mel_jail_check(jail, PRODUCT_PREVIEW, jailed.files.preview, &check, &err));
    assert_int_equal(check.frames, 125);
    assert_false(mel_jail_check(jail, PRODUCT_STILL, jailed.files.audio, &check, &err));
    assert_string_equal(err.reason, "media.product");
    cut_run_close(&free_run);
    cut_run_close(&jailed);
}

static void a_confined_probe_answers(void **state)
{
    (void)state;
    CutRun run;
    ProbeResult probe;
    Err err = {0};
    cut_run_open(&run, plain_file, NULL, 0, 1);
    CHECK_OK(mel_jail_probe(jail, run.files.inputs[0], &probe, &err));
    assert_int_equal(probe.width, 256);
    assert_string_equal(probe.audio_codec, "aac");
    assert_false(mel_jail_probe(jail, run.files.audio, &probe, &err)); /* -1: no descriptor */
    cut_run_close(&run);
}

static void absent_bytes_are_reported_through_the_wall(void **state)
{
    (void)state;
    CutRun run;
    cut_run_open(&run, plain_file, NULL, 2, 2);
    run.request.inputs[0].size = lseek(run.files.inputs[0], 0, SEEK_END);
    run.request.inputs[0].range_count = 1;
    run.request.inputs[0].ranges[0] = (ByteRange){0, 1000};
    assert_false(cut_run(&run, jail));
    assert_string_equal(run.err.reason, "media.missing_bytes");
    assert_int_equal(run.result.missing_input, 0);
    assert_true(run.result.missing_offset >= 1000);
    cut_run_close(&run);
}

/* ---- walls --------------------------------------------------------------------------------------
 */

static void what_must_not_be_done_kills_the_child(void **state)
{
    (void)state;
    static const JailProvocation crimes[] = {
        PROVOKE_OPEN,   PROVOKE_SOCKET,      PROVOKE_EXECVE,           PROVOKE_FORK,
        PROVOKE_PTRACE, PROVOKE_KILL_PARENT, PROVOKE_EXECUTABLE_MEMORY};
    for (size_t i = 0; i < MEL_COUNT(crimes); i++) {
        bool ok;
        JailEnd end;
        Err err = {0};
        assert_false(mel_jail_provoke(jail, crimes[i], -1, &ok, &end, &err));
        assert_false(ok);
        if (!WIFSIGNALED(end.wait_status) || WTERMSIG(end.wait_status) != SIGSYS)
            fail_msg("crime %zu: status 0x%x", i, end.wait_status);
        assert_string_equal(err.reason, "media.crash");
        assert_int_equal(kill(mel_jail_zygote_pid(jail), 0), 0);
    }
}

static void a_crash_is_one_clips_error(void **state)
{
    (void)state;
    bool ok;
    JailEnd end;
    Err err = {0};
    assert_false(mel_jail_provoke(jail, PROVOKE_SEGFAULT, -1, &ok, &end, &err));
    assert_string_equal(err.reason, "media.crash");
    mel_err_clear(&err);
    CHECK_OK(mel_jail_provoke(jail, PROVOKE_NOTHING, -1, &ok, &end, &err));
    assert_true(ok);
}

static void an_abort_for_want_of_memory_is_told_from_others(void **state)
{
    (void)state;
    bool ok;
    JailEnd end;
    Err err = {0};
    assert_false(mel_jail_provoke(jail, PROVOKE_ABORT, -1, &ok, &end, &err));
    assert_string_equal(err.reason, "media.crash");
#ifndef MEL_SANITIZED
    mel_err_clear(&err);
    assert_false(mel_jail_provoke(jail, PROVOKE_ABORT_WITHOUT_MEMORY, -1, &ok, &end, &err));
    assert_string_equal(err.reason, "media.memory");
#endif
}

static void decoders_may_have_threads(void **state)
{
    (void)state;
    bool ok;
    JailEnd end;
    Err err = {0};
    CHECK_OK(mel_jail_provoke(jail, PROVOKE_THREAD, -1, &ok, &end, &err));
    assert_true(ok);
}

static void a_lying_child_is_not_believed(void **state)
{
    (void)state;
    JailReply reply;
    CutRun run;
    bool ok;
    JailEnd end;
    Err err = {0};
    CHECK_OK(mel_jail_provoke(jail, PROVOKE_LIE, -1, &ok, &end, &err));
    assert_false(ok);
    memset(&reply, 0xa5, sizeof reply);
    jail_clean_err(&reply.err);
    assert_string_equal(reply.err.reason, "media.crash");
    /* A true result, spoilt field by field. */
    cut_run_open(&run, plain_file, NULL, 2, 2);
    want_everything(&run);
    if (!cut_run(&run, jail)) fail_msg("%s", run.err.message);
    const CutResult good = run.result;
    CutResult bad[10];
    for (int i = 0; i < 10; i++)
        bad[i] = good;
    bad[0].audio_samples++;
    bad[1].missing_samples = -1;
    bad[2].still_count = STILLS_MAX + 1;
    bad[3].landmark_count = LANDMARKS_MAX + 1;
    bad[4].stills[0].size_bytes++;
    bad[5].preview_bytes--;
    memset(bad[6].container, 'x', sizeof bad[6].container);
    bad[7].video_codec[0] = '\n';
    bad[8].width = 0;
    bad[9].sample_rate_hz = INT32_MAX;
    CutResult again = good;
    assert_true(jail_cut_is_valid(&run.request, &run.files, &again));
    for (int i = 0; i < 10; i++)
        assert_false(jail_cut_is_valid(&run.request, &run.files, &bad[i]));
    again.audio.loudness_lufs = INFINITY;
    assert_true(jail_cut_is_valid(&run.request, &run.files, &again));
    assert_true(isnan(again.audio.loudness_lufs));
    cut_run_close(&run);
}

static void missing_bytes_that_are_there_are_not_asked_for(void **state)
{
    (void)state;
    CutRequest request = {0};
    CutResult result = {.missing_input = 0, .missing_offset = 50};
    request.inputs[0] = (CutInput){.size = 100, .range_count = 1, .ranges = {{40, 20}}};
    jail_clean_missing(&request, &result);
    assert_int_equal(result.missing_input, -1);
    result = (CutResult){.missing_input = 0, .missing_offset = 60};
    jail_clean_missing(&request, &result);
    assert_int_equal(result.missing_input, 0);
    assert_int_equal(result.missing_offset, 60);
    result = (CutResult){.missing_input = 7, .missing_offset = 60};
    jail_clean_missing(&request, &result);
    assert_int_equal(result.missing_input, -1);
}

/* ---- limits -------------------------------------------------------------------------------------
 */

static Jail *strict_jail(const JailLimits *limits)
{
    Jail *strict = NULL;
    Err err = {0};
    CHECK_OK(mel_jail_start(limits, &strict, &err));
    return strict;
}

static void time_is_limited_on_the_wall_and_on_the_processor(void **state)
{
    (void)state;
    const JailLimits limits = {.cpu_us = 1000000, .wall_us = 300000};
    const JailLimits patient = {.cpu_us = 1000000, .wall_us = 20000000};
    static const JailProvocation idle[] = {PROVOKE_SLEEP, PROVOKE_SPIN};
    for (int i = 0; i < 2; i++) {
        Jail *strict = strict_jail(i ? &patient : &limits);
        bool ok;
        JailEnd end;
        Err err = {0};
        int64_t begin = mel_monotonic_us();
        assert_false(mel_jail_provoke(strict, idle[i], -1, &ok, &end, &err));
        assert_string_equal(err.reason, "media.time");
        assert_int_equal(end.out_of_time, i == 0);
        assert_true(mel_monotonic_us() - begin < 15000000);
        mel_jail_stop(strict);
    }
}

static void file_size_is_limited(void **state)
{
    (void)state;
    const JailLimits limits = {.file_bytes = 1 << 20};
    Jail *strict = strict_jail(&limits);
    bool ok;
    JailEnd end;
    Err err = {0};
    int fd = memfd_create("grow", MFD_CLOEXEC);
    assert_false(mel_jail_provoke(strict, PROVOKE_GROW_FILE, fd, &ok, &end, &err));
    assert_string_equal(err.reason, "media.filesize");
    assert_true(lseek(fd, 0, SEEK_END) <= 1 << 20);
    close(fd);
    mel_jail_stop(strict);
}

static void memory_is_limited(void **state)
{
    (void)state;
#ifdef MEL_SANITIZED
    skip(); /* the address space of sanitized programs cannot be limited */
#else
    bool ok;
    JailEnd end;
    Err err = {0};
    CHECK_OK(mel_jail_provoke(jail, PROVOKE_EAT_MEMORY, -1, &ok, &end, &err));
    assert_true(ok);
    MediaSpec large = plain;
    large.width = 1920;
    large.height = 1080;
    large.video_s = large.audio_s = 3;
    const char *path = test_path(folder, "large.mp4");
    media_fixture_write(path, &large);
    static const int64_t sizes[] = {4 << 20, 16 << 20, 24 << 20, 48 << 20};
    for (size_t i = 0; i < 2 * MEL_COUNT(sizes); i++) {
        const JailLimits limits = {.memory_bytes = sizes[i / 2]};
        Jail *strict = strict_jail(&limits);
        CutRun run;
        cut_run_open(&run, path, NULL, 0.5, 2);
        want_everything(&run);
        run.request.threads = 1 + (int32_t)i % 2;
        assert_false(cut_run(&run, strict));
        if (!mel_equal(run.err.reason, "media.memory"))
            fail_msg("%lld bytes: %s", (long long)sizes[i / 2], run.err.message);
        cut_run_close(&run);
        mel_jail_stop(strict);
    }
#endif
}

/* ---- processes ----------------------------------------------------------------------------------
 */

typedef struct Caller {
    pthread_t thread;
    bool crash, ok;
} Caller;

static void *call(void *argument)
{
    Caller *caller = argument;
    if (caller->crash) {
        bool ok;
        JailEnd end;
        Err err = {0};
        caller->ok = !mel_jail_provoke(jail, PROVOKE_OPEN, -1, &ok, &end, &err);
        return NULL;
    }
    CutRun run;
    cut_run_open(&run, plain_file, NULL, 3, 2);
    run.request.threads = 1;
    want_everything(&run);
    caller->ok = cut_run(&run, jail) && run.result.audio_samples == 96000;
    cut_run_close(&run);
    return NULL;
}

static void many_threads_share_one_jail_and_do_not_disturb_each_other(void **state)
{
    (void)state;
    Caller callers[12];
    for (int i = 0; i < 12; i++) {
        callers[i] = (Caller){.crash = i % 3 == 2};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < 12; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_true(callers[i].ok);
    }
}

static bool is_gone(pid_t pid)
{
    for (int i = 0; i < 300; i++) {
        if (kill(pid, 0) != 0) return true;
        char path[64], text[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *file = fopen(path, "r");
        bool zombie = file && fgets(text, sizeof text, file) && strstr(text, ") Z ");
        if (file) fclose(file);
        if (zombie) return true; /* dead, and nobody's to reap here */
        mel_sleep_us(10000);
    }
    return false;
}

/* A whole program with a jail and a child at work in it, killed without warning. */
static _Noreturn void doomed_program(int report)
{
    Jail *own = NULL;
    Err err = {0};
    if (!mel_jail_start(NULL, &own, &err)) _exit(1);
    pid_t zygote = mel_jail_zygote_pid(own);
    mel_write_fd(report, &zygote, sizeof zygote);
    bool ok;
    JailEnd end;
    if (mel_jail_provoke(own, PROVOKE_SLEEP, -1, &ok, &end, &err)) _exit(2);
    _exit(3);
}

static pid_t only_child_of(pid_t parent)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    for (int i = 0; i < 300; i++) {
        int child = 0;
        FILE *file = fopen(path, "r");
        bool found = file && fscanf(file, "%d", &child) == 1;
        if (file) fclose(file);
        if (found) return child;
        mel_sleep_us(10000);
    }
    return 0;
}

static void zygote_and_children_end_when_their_program_is_killed(void **state)
{
    (void)state;
    int report[2];
    pid_t zygote = 0;
    assert_int_equal(pipe(report), 0);
    pid_t program = fork();
    assert_true(program >= 0);
    if (program == 0) doomed_program(report[1]);
    assert_int_equal(mel_read_fd(report[0], &zygote, sizeof zygote), sizeof zygote);
    pid_t child = only_child_of(zygote);
    assert_true(zygote > 0 && child > 0);
    assert_int_equal(kill(program, SIGKILL), 0);
    waitpid(program, NULL, 0);
    assert_true(is_gone(zygote));
    assert_true(is_gone(child));
    close(report[0]);
    close(report[1]);
}

static void a_dead_zygote_is_an_error_that_says_so(void **state)
{
    (void)state;
    Jail *own = strict_jail(NULL);
    bool ok;
    JailEnd end;
    Err err = {0};
    assert_int_equal(kill(mel_jail_zygote_pid(own), SIGKILL), 0);
    assert_false(mel_jail_provoke(own, PROVOKE_NOTHING, -1, &ok, &end, &err));
    assert_string_equal(err.reason, "media.sandbox");
    mel_jail_stop(own);
    mel_jail_stop(NULL);
}

static void a_required_sandbox_is_there_or_the_start_fails(void **state)
{
    (void)state;
    const JailLimits limits = {.require_sandbox = true};
    Jail *strict = NULL;
    Err err = {0};
    bool complete = strstr(mel_jail_layers(jail), "seccomp landlock") != NULL;
    bool ok = mel_jail_start(&limits, &strict, &err);
    assert_int_equal(ok, complete);
    if (!ok) assert_string_equal(err.reason, "media.sandbox");
    if (ok) mel_jail_stop(strict);
}

static int begin(void **state)
{
    (void)state;
    Err err = {0};
    CHECK_OK(mel_jail_start(NULL, &jail, &err));
    folder = test_folder();
    plain_file = test_path(folder, "plain.mp4");
    media_fixture_write(plain_file, &plain);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    pid_t zygote = mel_jail_zygote_pid(jail);
    mel_jail_stop(jail);
    assert_true(is_gone(zygote));
    test_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layers_of_the_wall_are_named),
        cmocka_unit_test(a_confined_cut_gives_what_a_free_one_does),
        cmocka_unit_test(a_confined_probe_answers),
        cmocka_unit_test(absent_bytes_are_reported_through_the_wall),
        cmocka_unit_test(what_must_not_be_done_kills_the_child),
        cmocka_unit_test(a_crash_is_one_clips_error),
        cmocka_unit_test(an_abort_for_want_of_memory_is_told_from_others),
        cmocka_unit_test(decoders_may_have_threads),
        cmocka_unit_test(a_lying_child_is_not_believed),
        cmocka_unit_test(missing_bytes_that_are_there_are_not_asked_for),
        cmocka_unit_test(time_is_limited_on_the_wall_and_on_the_processor),
        cmocka_unit_test(file_size_is_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(many_threads_share_one_jail_and_do_not_disturb_each_other),
        cmocka_unit_test(zygote_and_children_end_when_their_program_is_killed),
        cmocka_unit_test(a_dead_zygote_is_an_error_that_says_so),
        cmocka_unit_test(a_required_sandbox_is_there_or_the_start_fails),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
