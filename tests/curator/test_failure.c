/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/failure.h"

#include "tests/support/test.h"

#include <errno.h>
#include <string.h>

static void every_row_is_whole_and_named_once(void **state)
{
    (void)state;
    size_t count;
    const FailureKind *table = mel_failure_table(&count);
    assert_true(count > 80);
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(table[i].meaning);
        assert_true(n > 5 && table[i].meaning[n - 1] == '.');
        n = strlen(table[i].advice);
        assert_true(n > 5 && table[i].advice[n - 1] == '.');
        assert_true(strlen(table[i].reason) < sizeof((Err *)0)->reason);
        assert_ptr_equal(mel_failure(table[i].reason), &table[i]);
    }
}

/* clang-format off */
static const char *const promised[] = {
    "media.open", "media.container", "media.codec", "media.no_audio", "media.no_picture",
    "media.truncated", "media.damaged", "media.past_end", "media.dimensions", "media.duration",
    "media.streams", "media.playlist", "media.missing_bytes", "media.time", "media.memory",
    "media.crash", "media.filesize", "media.sandbox", "media.product", "list.bad_id",
    "list.bad_url", "list.bad_time", "list.bad_span", "list.bad_row", "list.too_long",
    "list.not_utf8", "list.missing_file", "http.redirects", "http.scheme", "http.private",
    "http.timeout", "http.stalled", "http.slow", "http.dns", "http.connect", "http.tls",
    "http.short", "http.long", "http.range", "http.changed", "http.too_large", "http.rate_limited",
    "yt.private", "yt.removed", "yt.terminated", "yt.unavailable", "yt.copyright", "yt.age",
    "yt.members", "yt.geo", "yt.premium", "yt.upcoming", "yt.live", "yt.rate_limited",
    "yt.bot_check", "yt.login", "yt.format", "yt.js_runtime", "yt.outdated", "yt.unsupported",
    "yt.missing", "yt.timeout", "yt.network", "yt.unknown", "pause.waiting", "local.missing",
    "local.disk_full", "local.io", "local.memory", "local.denied", "interrupted", "unknown",
};
/* clang-format on */

static void the_promised_reasons_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(promised); i++)
        assert_string_equal(mel_failure(promised[i])->reason, promised[i]);
}

static void any_http_status_falls_into_its_family(void **state)
{
    (void)state;
    assert_int_equal(mel_failure("http.404")->class, FAIL_PERMANENT);
    assert_int_equal(mel_failure("http.410")->class, FAIL_PERMANENT);
    assert_int_equal(mel_failure("http.451")->class, FAIL_PERMANENT);
    assert_int_equal(mel_failure("http.401")->class, FAIL_CONDITIONAL);
    assert_int_equal(mel_failure("http.403")->class, FAIL_CONDITIONAL);
    assert_int_equal(mel_failure("http.408")->class, FAIL_TRANSIENT);
    assert_int_equal(mel_failure("http.429")->class, FAIL_PAUSE);
    assert_string_equal(mel_failure("http.418")->reason, "http.4xx");
    assert_int_equal(mel_failure("http.418")->class, FAIL_PERMANENT);
    assert_string_equal(mel_failure("http.599")->reason, "http.5xx");
    assert_int_equal(mel_failure("http.503")->class, FAIL_TRANSIENT);
    assert_string_equal(mel_failure("http.302")->reason, "http.status");
    assert_string_equal(mel_failure("http.5000")->reason, "unknown");
    assert_string_equal(mel_failure("http.x04")->reason, "unknown");
}

static void unknown_words_are_transient(void **state)
{
    (void)state;
    assert_string_equal(mel_failure(NULL)->reason, "unknown");
    assert_string_equal(mel_failure("")->reason, "unknown");
    assert_string_equal(mel_failure("yt.nonsense")->reason, "unknown");
    assert_int_equal(mel_failure("yt.nonsense")->class, FAIL_TRANSIENT);
}

static void class_names_go_both_ways(void **state)
{
    (void)state;
    for (int i = FAIL_PERMANENT; i <= FAIL_LOCAL; i++) {
        FailureClass back;
        assert_true(mel_failure_class_parse(mel_failure_class_name((FailureClass)i), &back));
        assert_int_equal(back, i);
    }
    FailureClass untouched = FAIL_PAUSE;
    assert_false(mel_failure_class_parse("sometimes", &untouched));
    assert_int_equal(untouched, FAIL_PAUSE);
}

static const char *reason_of_errno(int number)
{
    static Err err;
    err = (Err){0};
    errno = number;
    mel_err_errno(&err, "cannot write '%s'", "x");
    return mel_failure_reason(&err);
}

static void an_error_without_a_reason_gets_one_from_its_cause(void **state)
{
    (void)state;
    assert_string_equal(reason_of_errno(ENOSPC), "local.disk_full");
    assert_string_equal(reason_of_errno(EDQUOT), "local.disk_full");
    assert_string_equal(reason_of_errno(EACCES), "local.denied");
    assert_string_equal(reason_of_errno(EROFS), "local.denied");
    assert_string_equal(reason_of_errno(ENOENT), "local.missing");
    assert_string_equal(reason_of_errno(EIO), "local.io");
    Err err = {0};
    mel_err_reason(&err, ERR_NET, "http.404", "gone");
    assert_string_equal(mel_failure_reason(&err), "http.404");
    for (int code = ERR_USAGE; code <= ERR_DENIED; code++) {
        Err plain = {.code = (ErrCode)code};
        const char *reason = mel_failure_reason(&plain);
        assert_string_equal(mel_failure(reason)->reason, reason);
    }
    Err cancelled = {.code = ERR_CANCELLED};
    assert_string_equal(mel_failure_reason(&cancelled), "interrupted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole_and_named_once),
        cmocka_unit_test(the_promised_reasons_are_there),
        cmocka_unit_test(any_http_status_falls_into_its_family),
        cmocka_unit_test(unknown_words_are_transient),
        cmocka_unit_test(class_names_go_both_ways),
        cmocka_unit_test(an_error_without_a_reason_gets_one_from_its_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
