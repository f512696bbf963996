/* SPDX-License-Identifier: Apache-2.0
 *
 * Hostile media: every kind below ends, confined, in a named error or a good result, inside its
 * limits, and the program that asked goes on. The kinds are in hostile_kinds.c.
 * Over 800 lines, since it is one catalogue: each kind stands beside the function that makes it. */
#include "tests/support/cut_run.h"
#include "tests/support/hostile_kinds.h"
#include "tests/support/test.h"

#include "curator/failure.h"
#include "curator/jail_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *folder;
static Jail *jail;
static const JailLimits limits = {
    .memory_bytes = 512 << 20, .cpu_us = 20000000, .wall_us = 30000000, .file_bytes = 64 << 20};

/* ---- the test -----------------------------------------------------------------------------------
 */

static bool is_among(const char *word, const char *list)
{
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == 0)) return true;
    return false;
}

/* Runs a cut of 1 s … 3 s confined; returns "ok" or the reason behind "media.". */
static const char *fate_of(const char *name, HostileBytes bytes, bool picture, CutRun *run)
{
    const char *path = test_path(folder, "hostile.mp4");
    test_write(path, bytes.data, bytes.n);
    cut_run_open(run, path, NULL, 1, 2);
    run->request.want_picture = picture;
    run->request.still_count = 2;
    run->request.preview_height = 96;
    int64_t begin = mel_monotonic_us();
    bool ok = cut_run(run, jail);
    int64_t took_us = mel_monotonic_us() - begin;
    if (took_us > limits.wall_us + 1000000) fail_msg("%s took %lld us", name, (long long)took_us);
    if (kill(mel_jail_zygote_pid(jail), 0) != 0) fail_msg("%s killed the zygote", name);
    if (ok) return "ok";
    if (!mel_starts_with(run->err.reason, "media.") ||
        !mel_equal(mel_failure(run->err.reason)->reason, run->err.reason))
        fail_msg("%s: no reason: %s", name, run->err.message);
    return run->err.reason + strlen("media.");
}

static void meet(const HostileKind *kind, bool picture)
{
    CutRun run;
    HostileBytes bytes = kind->make();
    const char *fate = fate_of(kind->name, bytes, picture, &run);
    if (!is_among(fate, kind->ends))
        fail_msg("%s ended in %s (%s), wanted one of: %s", kind->name, fate, run.err.message,
                 kind->ends);
    cut_run_close(&run);
    free(bytes.data);
}

static void each_hostile_kind_ends_in_its_named_error_or_a_good_result(void **state)
{
    (void)state;
    size_t count;
    const HostileKind *kinds = hostile_kinds(&count);
    assert_true(count >= 25);
    for (size_t i = 0; i < count; i++)
        meet(&kinds[i], true);
}

static void hostile_sound_ends_in_its_named_error_or_a_good_result(void **state)
{
    (void)state;
    size_t count;
    const HostileKind *kinds = hostile_sound_kinds(&count);
    for (size_t i = 0; i < count; i++)
        meet(&kinds[i], false);
}

static void a_probe_of_each_kind_ends_too(void **state)
{
    (void)state;
    size_t count;
    const HostileKind *kinds = hostile_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        HostileBytes bytes = kinds[i].make();
        ProbeResult probe;
        Err err = {0};
        int fd = memfd_create("hostile", MFD_CLOEXEC);
        assert_int_equal(pwrite(fd, bytes.data, bytes.n, 0), bytes.n);
        if (!mel_jail_probe(jail, fd, &probe, &err) && mel_equal(err.reason, "media.crash"))
            fail_msg("%s: %s", kinds[i].name, err.message);
        close(fd);
        free(bytes.data);
    }
}

/* Random changes where parsers look first. */
static void random_changes_to_headers_end_too(void **state)
{
    (void)state;
    enum { ROUNDS = 60 };
    for (uint64_t round = 0; round < ROUNDS; round++) {
        HostileBytes bytes = hostile_good_file(1 + (int)(round % 2));
        Rng rng = {.seed = 99, .stream = round};
        size_t reach = bytes.n < 4000 ? bytes.n : 4000;
        for (int i = 0; i < 8; i++)
            bytes.data[mel_rng_int(&rng, (int)reach)] = (uint8_t)mel_rng_u32(&rng);
        CutRun run;
        const char *fate = fate_of("a changed header", bytes, true, &run);
        if (mel_equal(fate, "crash"))
            fail_msg("round %llu: %s", (unsigned long long)round, run.err.message);
        cut_run_close(&run);
        free(bytes.data);
    }
}

static void the_jail_still_cuts_good_files(void **state)
{
    (void)state;
    CutRun run;
    HostileBytes bytes = hostile_good_file(0);
    assert_string_equal(fate_of("a good file", bytes, true, &run), "ok");
    assert_int_equal(run.result.audio_samples, 88200);
    assert_int_equal(run.result.preview_frames, 50);
    cut_run_close(&run);
    free(bytes.data);
}

static int begin(void **state)
{
    (void)state;
    Err err = {0};
    folder = test_folder();
    hostile_kinds_use_folder(folder);
    CHECK_OK(mel_jail_start(&limits, &jail, &err));
    return 0;
}

static int finish(void **state)
{
    (void)state;
    mel_jail_stop(jail);
    test_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hostile_kind_ends_in_its_named_error_or_a_good_result),
        cmocka_unit_test(hostile_sound_ends_in_its_named_error_or_a_good_result),
        cmocka_unit_test(a_probe_of_each_kind_ends_too),
        cmocka_unit_test(random_changes_to_headers_end_too),
        cmocka_unit_test(the_jail_still_cuts_good_files),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
