/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/http_policy.h"

#include "tests/support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool public_address(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return mel_http_address_public((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return mel_http_address_public((const struct sockaddr *)&v6);
}

static void private_addresses_are_known_in_every_dress(void **state)
{
    (void)state;
    static const char *const closed[] = {"127.0.0.1",
                                         "127.255.255.255",
                                         "0.0.0.0",
                                         "10.1.2.3",
                                         "100.64.0.1",
                                         "169.254.169.254",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.168.1.1",
                                         "192.0.2.1",
                                         "198.18.0.1",
                                         "198.51.100.7",
                                         "203.0.113.9",
                                         "224.0.0.1",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "fe80::1",
                                         "fc00::1",
                                         "fd12::1",
                                         "ff02::1",
                                         "::ffff:10.0.0.1",
                                         "::ffff:127.0.0.1",
                                         "64:ff9b::a00:1",
                                         "2002:7f00:1::",
                                         "2001:db8::1",
                                         "2001::1",
                                         "::127.0.0.1",
                                         "3fff::1",
                                         "fec0::1"};
    static const char *const open[] = {
        "1.1.1.1",        "8.8.8.8",          "172.15.0.1",      "172.32.0.1",   "192.167.0.1",
        "100.63.0.1",     "11.0.0.1",         "223.255.255.255", "2606:4700::1", "2a00:1450::5",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::",  "2001:200::1"};
    for (size_t i = 0; i < MEL_COUNT(closed); i++)
        if (public_address(closed[i])) fail_msg("%s is not public", closed[i]);
    for (size_t i = 0; i < MEL_COUNT(open); i++)
        if (!public_address(open[i])) fail_msg("%s is public", open[i]);
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_false(mel_http_address_public(&other));
}

static void retry_after_is_read_in_both_forms(void **state)
{
    (void)state;
    const int64_t second = 1000000;
    assert_int_equal(mel_http_retry_after_us("120", 0), 120 * second);
    assert_int_equal(mel_http_retry_after_us(" 0 ", 0), 0);
    assert_int_equal(mel_http_retry_after_us("Thu, 01 Jan 1970 00:02:00 GMT", 100 * second),
                     20 * second);
    assert_int_equal(mel_http_retry_after_us("Thu, 01 Jan 1970 00:02:00 GMT", 500 * second), 0);
    assert_true(mel_http_retry_after_us("9223372036854775807", 0) > 0);
    static const char *const bad[] = {"", "-5", "soon", "1.5.3"};
    for (size_t i = 0; i < MEL_COUNT(bad); i++)
        assert_int_equal(mel_http_retry_after_us(bad[i], 0), -1);
    assert_int_equal(mel_http_retry_after_us(NULL, 0), -1);
}

static void waits_grow_shake_and_stop_growing(void **state)
{
    (void)state;
    HttpPolicy policy = mel_http_policy_filled(NULL);
    assert_int_equal(policy.attempts, 5);
    assert_int_equal(policy.wait_max_us, 600 * (int64_t)1000000);
    Rng rng = {.seed = 1};
    int64_t before = 0, smallest = INT64_MAX, largest = 0;
    for (int attempt = 1; attempt < 9; attempt++) {
        int64_t wait = mel_http_backoff_us(&policy, attempt, -1, &rng);
        assert_true(wait >= (int64_t)500000 << (attempt - 1));
        assert_true(wait <= (int64_t)1000000 << (attempt - 1));
        assert_true(wait >= before);
        before = wait / 2;
    }
    for (int i = 0; i < 200; i++) {
        int64_t wait = mel_http_backoff_us(&policy, 1, -1, &rng);
        if (wait < smallest) smallest = wait;
        if (wait > largest) largest = wait;
    }
    assert_true(largest - smallest > 300000);
    assert_int_equal(mel_http_backoff_us(&policy, 60, -1, &rng), policy.wait_max_us);
    assert_int_equal(mel_http_backoff_us(&policy, 1, INT64_MAX, &rng), policy.wait_max_us);
    assert_int_equal(mel_http_backoff_us(&policy, 1, 7000000, &rng), 7000000);
}

static void content_ranges_are_checked_digit_by_digit(void **state)
{
    (void)state;
    ContentRange range;
    assert_true(mel_http_parse_content_range(" bytes 5-9/10\r\n", &range));
    assert_true(range.first == 5 && range.last == 9 && range.total == 10);
    assert_true(mel_http_parse_content_range("bytes */77", &range));
    assert_true(range.first == -1 && range.total == 77);
    assert_true(mel_http_parse_content_range("bytes 0-0/*", &range));
    assert_true(range.last == 0 && range.total == -1);
    static const char *const bad[] = {"",
                                      "bytes",
                                      "items 0-1/2",
                                      "bytes 2-1/5",
                                      "bytes 0-5/5",
                                      "bytes -5/9",
                                      "bytes 0-/9",
                                      "bytes 0-1/9x",
                                      "bytes 0-1",
                                      "bytes 0-9223372036854775807/*",
                                      "bytes 99999999999999999999-1/2"};
    for (size_t i = 0; i < MEL_COUNT(bad); i++)
        if (mel_http_parse_content_range(bad[i], &range)) fail_msg("'%s' was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_addresses_are_known_in_every_dress),
        cmocka_unit_test(retry_after_is_read_in_both_forms),
        cmocka_unit_test(waits_grow_shake_and_stop_growing),
        cmocka_unit_test(content_ranges_are_checked_digit_by_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
