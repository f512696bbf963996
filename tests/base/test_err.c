/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors: the first one wins, texts fit, and a cut never splits a character. */
#include "tests/support/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void the_first_error_wins(void **state)
{
    (void)state;
    Err err = {0};
    assert_false(mel_err_is_set(&err));
    assert_false(mel_err(&err, ERR_FORMAT, "first %d", 1));
    assert_false(mel_err(&err, ERR_IO, "second"));
    assert_false(mel_err_reason(&err, ERR_NET, "http.404", "third"));
    errno = ENOSPC;
    assert_false(mel_err_errno(&err, "fourth"));
    assert_true(mel_err_is_set(&err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_string_equal(err.message, "first 1");
    assert_string_equal(err.reason, "");
    assert_string_equal(err.hint, "");
    mel_err_clear(&err);
    assert_false(mel_err_is_set(&err));
    mel_err_reason(&err, ERR_NET, "http.404", "gone");
    assert_string_equal(err.reason, "http.404");
}

static void a_system_error_says_what_the_system_said(void **state)
{
    (void)state;
    Err err = {0};
    errno = ENOENT;
    mel_err_errno(&err, "cannot open '%s'", "x");
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.message, "cannot open 'x': No such file or directory");
    assert_string_equal(err.hint, "");
}

static void a_full_disk_comes_with_advice(void **state)
{
    (void)state;
    const int full[] = {ENOSPC, EDQUOT};
    for (int i = 0; i < 2; i++) {
        Err err = {0};
        errno = full[i];
        mel_err_errno(&err, "cannot write 'x'");
        assert_non_null(strstr(err.hint, "free some space"));
    }
}

static void context_goes_in_front_and_leaves_room_for_the_cause(void **state)
{
    (void)state;
    Err err = {0};
    mel_err(&err, ERR_IO, "the cause");
    mel_err_wrap(&err, "cannot import '%s'", "a.csv");
    assert_string_equal(err.message, "cannot import 'a.csv': the cause");
    char longer[1000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    mel_err_wrap(&err, "%s", longer);
    assert_non_null(strstr(err.message, "xxx: cannot import 'a.csv': the cause"));
    assert_int_equal(err.code, ERR_IO);
}

static void the_first_hint_stays(void **state)
{
    (void)state;
    Err err = {0};
    mel_err(&err, ERR_USAGE, "no");
    assert_false(mel_err_hint(&err, "try %s", "this"));
    assert_false(mel_err_hint(&err, "try that"));
    assert_string_equal(err.hint, "try this");
}

/* Texts of every length around the limit, made of characters of one to four bytes. */
static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "\xC3\xA9", "\xE2\x99\xAB", "\xF0\x9F\x8E\xB5"};
    for (size_t i = 0; i < 4; i++)
        for (size_t lead = 0; lead < 4; lead++) {
            Str text = {0};
            for (size_t k = 0; k < lead; k++)
                mel_str_add_char(&text, '.');
            while (text.length < 900)
                mel_str_add(&text, letters[i]);
            Err err = {0};
            mel_err(&err, ERR_IO, "%s", text.text);
            mel_err_hint(&err, "%s", text.text);
            assert_true(mel_utf8_valid(err.message, strlen(err.message)));
            assert_true(mel_utf8_valid(err.hint, strlen(err.hint)));
            assert_in_range(strlen(err.message), sizeof err.message - 4, sizeof err.message - 1);
            assert_in_range(strlen(err.hint), sizeof err.hint - 4, sizeof err.hint - 1);
            mel_err_wrap(&err, "%s", text.text);
            assert_true(mel_utf8_valid(err.message, strlen(err.message)));
            mel_str_clear(&text);
        }
}

static void a_short_text_keeps_its_last_character(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "\xC3\xA9", "x\xE2\x99\xAB", "\xF0\x9F\x8E\xB5"};
    for (size_t i = 0; i < MEL_COUNT(texts); i++) {
        Err err = {0};
        mel_err(&err, ERR_IO, "%s", texts[i]);
        assert_string_equal(err.message, texts[i]);
    }
}

static void every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = ERR_NONE; i <= ERR_DENIED; i++) {
        assert_non_null(mel_err_code_name((ErrCode)i));
        for (int k = ERR_NONE; k < i; k++)
            assert_string_not_equal(mel_err_code_name((ErrCode)i), mel_err_code_name((ErrCode)k));
    }
}

static void a_broken_assumption_aborts(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) _exit(1);
        MEL_ASSERT(pid == 1);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(a_system_error_says_what_the_system_said),
        cmocka_unit_test(a_full_disk_comes_with_advice),
        cmocka_unit_test(context_goes_in_front_and_leaves_room_for_the_cause),
        cmocka_unit_test(the_first_hint_stays),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_short_text_keeps_its_last_character),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
        cmocka_unit_test(a_broken_assumption_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
