/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: zeroed, aligned, bounded, and sizes that overflow are refused. */
#include "tests/support/test.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool all_zero(const void *block, size_t n)
{
    const char *p = block;
    for (size_t i = 0; i < n; i++)
        if (p[i]) return false;
    return true;
}

static void small_blocks_are_zeroed_and_never_null(void **state)
{
    (void)state;
    char *block = mel_alloc(1000), *none = mel_alloc(0);
    assert_true(all_zero(block, 1000));
    assert_non_null(none);
    block = mel_realloc(block, 2000);
    assert_true(all_zero(block, 1000));
    none = mel_realloc(none, 0);
    assert_non_null(none);
    free(block);
    free(none);
}

static void texts_are_copied(void **state)
{
    (void)state;
    assert_null(mel_strdup(NULL));
    char *a = mel_strdup("abc"), *b = mel_strndup("abc", 2), *c = mel_strndup("abc", 9),
         *d = mel_asprintf("%s-%d", "x", 7);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "ab");
    assert_string_equal(c, "abc");
    assert_string_equal(d, "x-7");
    free(a), free(b), free(c), free(d);
    const char raw[2] = {'x', 'y'}; /* no NUL: at most n bytes are looked at */
    char *e = mel_strndup(raw, 2);
    assert_string_equal(e, "xy");
    free(e);
}

static void sizes_from_data_are_checked(void **state)
{
    (void)state;
    Err err = {0};
    char *block = mel_try_alloc(10, 100, 1000, "frames", &err);
    assert_non_null(block);
    assert_true(all_zero(block, 1000));
    free(block);
    block = mel_try_alloc(0, 100, 0, "nothing", &err);
    assert_non_null(block);
    free(block);
    assert_null(mel_try_alloc(10, 101, 1000, "frames", &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.message, "frames"));
    mel_err_clear(&err);
    assert_null(mel_try_alloc(SIZE_MAX / 2, 3, SIZE_MAX, "frames", &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

static void memory_that_is_not_to_be_had_is_an_error(void **state)
{
    (void)state;
#ifdef MEL_SANITIZED
    skip(); /* the sanitizers abort on such a size */
#else
    Err err = {0};
    volatile size_t huge = (size_t)1 << 60;
    assert_null(mel_try_alloc(huge, 1, SIZE_MAX, "frames", &err));
    assert_int_equal(err.code, ERR_NOMEM);
#endif
}

static void growing_keeps_what_is_there(void **state)
{
    (void)state;
    int *items = NULL;
    size_t capacity = 0, moves = 0, last = 0;
    for (int i = 0; i < 100000; i++) {
        mel_grow(&items, &capacity, (size_t)i + 1, sizeof *items);
        assert_true(capacity > (size_t)i);
        moves += capacity != last;
        last = capacity;
        items[i] = i;
    }
    for (int i = 0; i < 100000; i++)
        assert_int_equal(items[i], i);
    assert_in_range(moves, 1, 20); /* by doubling */
    mel_grow(&items, &capacity, 1, sizeof *items);
    assert_int_equal(capacity, last);
    free(items);
}

/* Runs fn in a child that must end by SIGABRT, within seconds and without a core file. */
static void check_aborts(void (*fn)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        alarm(20);
        if (freopen("/dev/null", "w", stderr)) fn();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void grow_too_far(void)
{
    void *items = NULL;
    size_t capacity = 0;
    mel_grow(&items, &capacity, SIZE_MAX / 2 + 2, 16);
}

static void take_too_much_from_an_arena(void)
{
    Arena arena = {0};
    mel_arena_alloc(&arena, SIZE_MAX - 8);
}

static void impossible_sizes_abort_in_place_of_wrapping_round(void **state)
{
    (void)state;
    check_aborts(grow_too_far);
    check_aborts(take_too_much_from_an_arena);
}

static void an_arena_gives_zeroed_aligned_blocks_of_any_size(void **state)
{
    (void)state;
    Arena arena = {0};
    char *blocks[300];
    for (size_t i = 0; i < 300; i++) {
        size_t n = i % 7 ? i * 3 : i * 400;
        blocks[i] = mel_arena_alloc(&arena, n);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        assert_true(all_zero(blocks[i], n));
        memset(blocks[i], (int)i, n);
    }
    for (size_t i = 0; i < 300; i++) { /* none overlaps another */
        size_t n = i % 7 ? i * 3 : i * 400;
        for (size_t k = 0; k < n; k++)
            assert_int_equal((unsigned char)blocks[i][k], i % 256);
    }
    mel_arena_clear(&arena);
    assert_null(arena.head);
    assert_string_equal(mel_arena_printf(&arena, "%s %d", "a", 1), "a 1");
    assert_string_equal(mel_arena_strndup(&arena, "abc", 2), "ab");
    assert_null(mel_arena_strdup(&arena, NULL));
    mel_arena_clear(&arena);
    mel_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_blocks_are_zeroed_and_never_null),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(sizes_from_data_are_checked),
        cmocka_unit_test(memory_that_is_not_to_be_had_is_an_error),
        cmocka_unit_test(growing_keeps_what_is_there),
        cmocka_unit_test(impossible_sizes_abort_in_place_of_wrapping_round),
        cmocka_unit_test(an_arena_gives_zeroed_aligned_blocks_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
