/* SPDX-License-Identifier: Apache-2.0
 *
 * Running programs: output, exit codes, and an end to whatever does not end by itself. */
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SH(script) ((const char *const[]){"sh", "-c", script, NULL})

static double seconds_since(int64_t start_us)
{
    return (double)(mel_monotonic_us() - start_us) / 1e6;
}

static void output_and_exit_code_come_back(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    CHECK_OK(mel_process_run(SH("printf 'a\\0b'; echo oops >&2; exit 3"), NULL, &result, &err));
    assert_int_equal(result.exit_code, 3);
    assert_int_equal(result.signal, 0);
    assert_int_equal(result.out_length, 3);
    assert_memory_equal(result.out, "a\0b", 4);
    assert_string_equal(result.err_tail, "oops\n");
    mel_process_clear(&result);
    CHECK_OK(mel_process_run(SH("kill -TERM $$"), NULL, &result, &err));
    assert_int_equal(result.exit_code, -1);
    assert_int_equal(result.signal, SIGTERM);
    mel_process_clear(&result);
    mel_process_clear(&result);
}

static void arguments_are_not_read_by_a_shell(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    const char *const argv[] = {"printf", "%s|", "$(id)", "; exit 1", "-0Gj8", "", "a b", NULL};
    CHECK_OK(mel_process_run(argv, NULL, &result, &err));
    assert_string_equal(result.out, "$(id)|; exit 1|-0Gj8||a b|");
    mel_process_clear(&result);
}

static void standard_input_is_empty(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    CHECK_OK(mel_process_run(SH("cat; echo end"), NULL, &result, &err));
    assert_string_equal(result.out, "end\n");
    mel_process_clear(&result);
}

static void a_program_that_is_not_there_is_named(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    CHECK_FAILS(
        mel_process_run((const char *const[]){"no-such-program-xyz", NULL}, NULL, &result, &err),
        ERR_NOT_FOUND);
    mel_process_clear(&result);
    CHECK_FAILS(mel_process_run((const char *const[]){"/", NULL}, NULL, &result, &err), ERR_IO);
    mel_process_clear(&result);
}

static void extra_variables_replace_inherited_ones(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    setenv("MEL_TEST_OLD", "inherited", 1);
    setenv("MEL_TEST_OLD_LONGER", "kept", 1);
    static const char *const extra[] = {"MEL_TEST_OLD=given", "MEL_TEST_NEW=x=y", NULL};
    const ProcessOptions options = {.extra_env = extra};
    CHECK_OK(mel_process_run(SH("echo $MEL_TEST_OLD $MEL_TEST_NEW $MEL_TEST_OLD_LONGER;"
                                "env | grep -c ^MEL_TEST_OLD="),
                             &options, &result, &err));
    assert_string_equal(result.out, "given x=y kept\n1\n");
    mel_process_clear(&result);
    unsetenv("MEL_TEST_OLD");
    unsetenv("MEL_TEST_OLD_LONGER");
}

static void check_ended(const char *script, const ProcessOptions *options, const char *words,
                        const char *tail)
{
    Err err = {0};
    ProcessResult result;
    int64_t start = mel_monotonic_us();
    if (mel_process_run(SH(script), options, &result, &err)) fail_msg("'%s' ended", script);
    assert_int_equal(err.code, ERR_LIMIT);
    if (!strstr(err.message, words)) fail_msg("'%s': %s", script, err.message);
    assert_true(seconds_since(start) < 20);
    if (tail) assert_string_equal(result.err_tail, tail);
    assert_int_equal(result.signal, SIGKILL);
    mel_process_clear(&result);
}

static void a_deadline_ends_the_program(void **state)
{
    (void)state;
    const ProcessOptions options = {.deadline_us = 200000}, later = {.deadline_us = 2000000};
    check_ended("echo started >&2; sleep 60", &later, "was not done after 2 s", "started\n");
    check_ended("while :; do echo x >&2; sleep 0.02; done", &options, "was not done", NULL);
    check_ended("trap '' TERM INT HUP; while :; do sleep 0.02; done", &options, "not done", NULL);
    check_ended("exec >&- 2>&-; sleep 60", &options, "not done", NULL);
}

static void silence_ends_the_program(void **state)
{
    (void)state;
    const ProcessOptions options = {.silence_us = 1500000};
    check_ended("echo a >&2; sleep 60", &options, "said nothing for 1.5 s", "a\n");
    Err err = {0};
    ProcessResult result;
    CHECK_OK(mel_process_run(SH("for i in 1 2 3 4 5 6; do echo $i; sleep 0.4; done"), &options,
                             &result, &err));
    assert_string_equal(result.out, "1\n2\n3\n4\n5\n6\n");
    mel_process_clear(&result);
}

static void endless_output_ends_the_program(void **state)
{
    (void)state;
    const ProcessOptions options = {.stdout_limit = 100000, .stderr_keep = 10};
    check_ended("echo 0123456789abc >&2; yes", &options, "printed more than 100000 bytes",
                "456789abc\n");
}

static void output_up_to_the_limit_is_whole(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    const ProcessOptions options = {.stdout_limit = 1000000};
    CHECK_OK(mel_process_run(SH("head -c 1000000 /dev/zero"), &options, &result, &err));
    assert_int_equal(result.out_length, 1000000);
    mel_process_clear(&result);
}

static void only_the_tail_of_a_flood_of_errors_is_kept(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    const ProcessOptions options = {.stderr_keep = 100};
    CHECK_OK(mel_process_run(SH("yes error | head -c 3000000 >&2; printf 'the end' >&2"), &options,
                             &result, &err));
    assert_int_equal(strlen(result.err_tail), 100);
    assert_true(mel_ends_with(result.err_tail, "the end"));
    mel_process_clear(&result);
}

/* A pipe whose writing end every child inherits: it ends when the last of them is gone. */
typedef struct Lifeline {
    int ends[2];
} Lifeline;

static Lifeline lifeline_open(void)
{
    Lifeline line;
    assert_int_equal(pipe(line.ends), 0);
    return line;
}

static void check_all_gone(Lifeline line)
{
    char byte;
    close(line.ends[1]);
    struct pollfd fd = {.fd = line.ends[0], .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 5000), 1);
    assert_int_equal(read(line.ends[0], &byte, 1), 0);
    close(line.ends[0]);
}

static void a_family_of_processes_ends_with_its_head(void **state)
{
    (void)state;
    const ProcessOptions options = {.deadline_us = 300000};
    Lifeline line = lifeline_open();
    check_ended("f() { [ $1 -gt 0 ] || exec sleep 60; f $(($1 - 1)) & f $(($1 - 1)) & wait; }; f 4",
                &options, "was not done", NULL);
    check_all_gone(line);
}

static void what_a_program_leaves_behind_neither_holds_us_nor_lives_on(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    Lifeline line = lifeline_open();
    int64_t start = mel_monotonic_us();
    CHECK_OK(mel_process_run(SH("sleep 60 & echo done"), NULL, &result, &err));
    assert_true(seconds_since(start) < 5);
    assert_string_equal(result.out, "done\n");
    assert_int_equal(result.exit_code, 0);
    mel_process_clear(&result);
    check_all_gone(line);
}

static void a_program_may_close_its_output_and_go_on(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    CHECK_OK(mel_process_run(SH("echo a; exec >&- 2>&-; sleep 3; exit 7"), NULL, &result, &err));
    assert_int_equal(result.exit_code, 7);
    assert_string_equal(result.out, "a\n");
    mel_process_clear(&result);
}

static void an_interrupt_ends_the_program(void **state)
{
    (void)state;
    pid_t pid = fork(); /* the flag cannot be taken back */
    if (pid == 0) {
        Err err = {0};
        ProcessResult result;
        mel_interrupt_raise();
        bool ok = mel_process_run(SH("sleep 60"), NULL, &result, &err);
        bool right = !ok && err.code == ERR_CANCELLED && result.signal == SIGKILL;
        mel_process_clear(&result);
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void no_descriptor_and_no_zombie_is_left(void **state)
{
    (void)state;
    Err err = {0};
    ProcessResult result;
    int before = open("/dev/null", O_RDONLY);
    close(before);
    for (int i = 0; i < 50; i++) {
        CHECK_OK(mel_process_run(SH("echo a"), NULL, &result, &err));
        mel_process_clear(&result);
        bool ran = mel_process_run((const char *const[]){"no-such", NULL}, NULL, &result, &err);
        assert_false(ran);
        mel_err_clear(&err);
    }
    int after = open("/dev/null", O_RDONLY);
    close(after);
    assert_int_equal(after, before);
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void a_parent_without_standard_descriptors_can_run_programs(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        Err err = {0};
        ProcessResult result;
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        bool ok = mel_process_run(SH("echo out; echo err >&2"), NULL, &result, &err);
        bool right = ok && mel_equal(result.out, "out\n") && mel_equal(result.err_tail, "err\n");
        mel_process_clear(&result);
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void run_one(void *ctx, int64_t item, int thread)
{
    (void)thread;
    Err err = {0};
    ProcessResult result;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)item);
    const char *const argv[] = {"echo", number, NULL};
    bool *right = ctx;
    right[item] = mel_process_run(argv, NULL, &result, &err) &&
                  strtoll(result.out, NULL, 10) == item && result.out_length == strlen(number) + 1;
    mel_process_clear(&result);
}

static void threads_may_run_programs_at_once(void **state)
{
    (void)state;
    bool right[60] = {false};
    mel_parallel_for(6, 60, run_one, right);
    for (int i = 0; i < 60; i++)
        assert_true(right[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_exit_code_come_back),
        cmocka_unit_test(arguments_are_not_read_by_a_shell),
        cmocka_unit_test(standard_input_is_empty),
        cmocka_unit_test(a_program_that_is_not_there_is_named),
        cmocka_unit_test(extra_variables_replace_inherited_ones),
        cmocka_unit_test(a_deadline_ends_the_program),
        cmocka_unit_test(silence_ends_the_program),
        cmocka_unit_test(endless_output_ends_the_program),
        cmocka_unit_test(output_up_to_the_limit_is_whole),
        cmocka_unit_test(only_the_tail_of_a_flood_of_errors_is_kept),
        cmocka_unit_test(a_family_of_processes_ends_with_its_head),
        cmocka_unit_test(what_a_program_leaves_behind_neither_holds_us_nor_lives_on),
        cmocka_unit_test(a_program_may_close_its_output_and_go_on),
        cmocka_unit_test(an_interrupt_ends_the_program),
        cmocka_unit_test(no_descriptor_and_no_zombie_is_left),
        cmocka_unit_test(a_parent_without_standard_descriptors_can_run_programs),
        cmocka_unit_test(threads_may_run_programs_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
