/* SPDX-License-Identifier: Apache-2.0
 *
 * The parallel loop: every item once, threads numbered, also when threads cannot be had. The
 * interrupt flag, which every thread may ask for. */
#include "tests/support/test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Counts {
    _Atomic int *seen;
    _Atomic int calls, bad_thread;
    int threads;
} Counts;

static void count(void *ctx, int64_t item, int thread)
{
    Counts *counts = ctx;
    atomic_fetch_add(&counts->seen[item], 1);
    atomic_fetch_add(&counts->calls, 1);
    if (thread < 0 || thread >= counts->threads) atomic_fetch_add(&counts->bad_thread, 1);
}

static void every_item_is_done_once(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 16};
    static const int64_t sizes[] = {0, 1, 2, 1000, 20000};
    for (size_t t = 0; t < 4; t++)
        for (size_t s = 0; s < 5; s++) {
            Counts counts = {.threads = threads[t],
                             .seen = mel_alloc((size_t)(sizes[s] + 1) * sizeof *counts.seen)};
            mel_parallel_for(threads[t], sizes[s], count, &counts);
            assert_int_equal(counts.calls, sizes[s]);
            assert_int_equal(counts.bad_thread, 0);
            for (int64_t i = 0; i < sizes[s]; i++)
                assert_int_equal(counts.seen[i], 1);
            free(counts.seen);
        }
}

static void wait_for_company(void *ctx, int64_t item, int thread)
{
    (void)item, (void)thread;
    _Atomic int *present = ctx;
    atomic_fetch_add(present, 1);
    int64_t start = mel_monotonic_us();
    while (atomic_load(present) < 4 && mel_monotonic_us() - start < 5000000)
        mel_sleep_us(500);
}

static void threads_work_at_the_same_time(void **state)
{
    (void)state;
    _Atomic int present = 0;
    int64_t start = mel_monotonic_us();
    mel_parallel_for(4, 4, wait_for_company, &present);
    assert_true(mel_monotonic_us() - start < 5000000);
}

static void note_order(void *ctx, int64_t item, int thread)
{
    (void)thread;
    int64_t *last = ctx;
    assert_int_equal(item, *last + 1);
    *last = item;
}

static void one_thread_goes_in_order_on_the_callers_own(void **state)
{
    (void)state;
    int64_t last = -1;
    mel_parallel_for(1, 100, note_order, &last);
    assert_int_equal(last, 99);
}

static void fewer_threads_do_when_the_system_has_no_more(void **state)
{
    (void)state;
#ifdef MEL_SANITIZED
    skip(); /* the sanitizers map more than the limit leaves */
#else
    pid_t pid = fork();
    if (pid == 0) {
        /* Room for a few stacks of 8 MiB only. */
        const struct rlimit memory = {160 << 20, 160 << 20};
        setrlimit(RLIMIT_AS, &memory);
        Counts counts = {.threads = 500, .seen = mel_alloc(10000 * sizeof *counts.seen)};
        mel_parallel_for(500, 10000, count, &counts);
        _exit(counts.calls == 10000 && counts.bad_thread == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
#endif
}

static void there_is_at_least_one_core(void **state)
{
    (void)state;
    assert_in_range(mel_cpu_count(), 1, 100000);
}

static void a_first_signal_sets_the_flag_and_a_second_one_kills(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        mel_interrupt_install();
        if (mel_interrupted()) _exit(1);
        raise(SIGINT);
        if (!mel_interrupted()) _exit(2);
        raise(SIGINT);
        _exit(3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once),
        cmocka_unit_test(threads_work_at_the_same_time),
        cmocka_unit_test(one_thread_goes_in_order_on_the_callers_own),
        cmocka_unit_test(fewer_threads_do_when_the_system_has_no_more),
        cmocka_unit_test(there_is_at_least_one_core),
        cmocka_unit_test(a_first_signal_sets_the_flag_and_a_second_one_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
