/* SPDX-License-Identifier: Apache-2.0
 *
 * What every test program needs: cmocka, a temporary folder, checks that print the error. */
#ifndef MEL_TESTS_TEST_H
#define MEL_TESTS_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

/* Deadlines that a test sets are so many times as long under a sanitizer. */
#ifdef MEL_SANITIZED
enum { TEST_PATIENCE = 3 };
#else
enum { TEST_PATIENCE = 1 };
#endif

/* The call returned true; prints the message and fails otherwise. Uses the local `Err err`. */
#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        if (!(call)) fail_msg("%s: %s (%s)", #call, err.message, err.hint);                        \
    } while (0)

/* The call returned false with this code; clears err for the next one. */
#define CHECK_FAILS(call, wanted)                                                                  \
    do {                                                                                           \
        if (call) fail_msg("%s: succeeded, wanted %s", #call, mel_err_code_name(wanted));          \
        if (err.code != (wanted))                                                                  \
            fail_msg("%s: %s: %s, wanted %s", #call, mel_err_code_name(err.code), err.message,     \
                     mel_err_code_name(wanted));                                                   \
        mel_err_clear(&err);                                                                       \
    } while (0)

#define CHECK_NEAR(a, b, tolerance)                                                                \
    do {                                                                                           \
        double check_a = (a), check_b = (b);                                                       \
        if (!(fabs(check_a - check_b) <= (tolerance)))                                             \
            fail_msg("%s = %.9g, wanted %.9g within %g", #a, check_a, check_b,                     \
                     (double)(tolerance));                                                         \
    } while (0)

/* A fresh folder below $TMPDIR; yours to free; removed by test_folder_remove. */
char *test_folder(void);
void test_folder_remove(char *folder); /* frees the name too */

/* A path below it, formatted; freed by the arena of the process (tests are short). */
const char *test_path(const char *folder, const char *format, ...) MEL_PRINTF(2, 3);

/* Writes a small file, failing the test when it cannot. */
void test_write(const char *path, const void *bytes, size_t n);

/* Runs a shell command line; returns its exit code. Output goes to the test's own. */
int test_shell(const char *format, ...) MEL_PRINTF(1, 2);

#endif
