/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/http.h"

#include "curator/failure.h"
#include "tests/support/http_server.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 300000 };
static const int64_t ms = 1000 * TEST_PATIENCE; /* of our deadlines; the server has true ones */

static uint8_t content[SIZE];

typedef struct Bench {
    HttpServer *server;
    HttpClient *client;
    Str got;
    HttpResponse response;
    Err err;
    int64_t took_us;
} Bench;

static HttpPolicy quick_policy(void)
{
    return (HttpPolicy){.allow_private = true,
                        .attempts = 3,
                        .backoff_us = 10 * ms,
                        .wait_max_us = 60 * ms,
                        .connect_us = 500 * ms,
                        .stall_us = 150 * ms,
                        .request_us = 1500 * ms,
                        .speed_min_bytes_s = 1000};
}

static int set_up(void **state)
{
    Bench *bench = mel_alloc(sizeof *bench);
    HttpPolicy policy = quick_policy();
    Err err = {0};
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 2654435761U >> 13);
    bench->server = http_server_start();
    CHECK_OK(mel_http_new(&policy, &bench->client, &err));
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    Bench *bench = *state;
    mel_http_free(bench->client);
    http_server_stop(bench->server);
    mel_str_clear(&bench->got);
    free(bench);
    return 0;
}

static bool keep(void *ctx, const void *bytes, size_t n, Err *err)
{
    (void)err;
    mel_str_add_bytes(ctx, bytes, n);
    return true;
}

/* Adds the route as "/x", asks for a range of it (length 0: all), checks that what came lies where
 * it belongs. */
static bool ask(Bench *bench, HttpRoute route, const HttpRequest *like)
{
    if (!route.bytes && !route.raw) route.bytes = content, route.size = SIZE;
    if (!route.path) route.path = "/x";
    http_server_add(bench->server, &route);
    HttpRequest request = like ? *like : (HttpRequest){0};
    if (!request.url) request.url = http_server_url(bench->server, route.path);
    int64_t begin_us = mel_monotonic_us();
    mel_err_clear(&bench->err);
    bool ok =
        mel_http_get(bench->client, &request, keep, &bench->got, &bench->response, &bench->err);
    bench->took_us = mel_monotonic_us() - begin_us;
    assert_true(bench->took_us < 8000 * ms);
    if (route.bytes == content && bench->got.length && request.offset < SIZE) {
        assert_true(request.offset + (int64_t)bench->got.length <= SIZE || route.endless);
        size_t n = bench->got.length < SIZE - (size_t)request.offset
                       ? bench->got.length
                       : SIZE - (size_t)request.offset;
        assert_memory_equal(bench->got.text, content + request.offset, n);
    }
    return ok;
}

static void expect_ok(Bench *bench, HttpRoute route, const HttpRequest *like, size_t wanted)
{
    if (!ask(bench, route, like)) fail_msg("%s: %s", bench->err.reason, bench->err.message);
    assert_int_equal(bench->got.length, wanted);
}

static void expect_reason(Bench *bench, HttpRoute route, const HttpRequest *like,
                          const char *reason, int requests)
{
    if (ask(bench, route, like)) fail_msg("succeeded, wanted %s", reason);
    if (!mel_equal(bench->err.reason, reason))
        fail_msg("%s: %s, wanted %s", bench->err.reason, bench->err.message, reason);
    assert_string_not_equal(mel_failure(reason)->reason, "unknown");
    assert_int_equal(http_server_requests(bench->server, route.path ? route.path : "/x"), requests);
}

static const HttpRequest middle = {.offset = 1000, .length = 50000};
static const HttpRequest all = {.offset = 0, .length = 0};

/* ---- what works ---- */

static void a_range_comes_as_asked(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){.etag = "a"}, &middle, 50000);
    assert_int_equal(bench->response.status, 206);
    assert_int_equal(bench->response.total_size, SIZE);
    assert_int_equal(bench->response.range_start, 1000);
    assert_true(bench->response.ranges_honoured);
    assert_int_equal(bench->response.attempts, 1);
    assert_string_equal(bench->response.etag, "\"a\"");
    assert_string_equal(bench->response.content_type, "video/mp4");
    assert_int_equal(http_server_bytes(bench->server, "/x"), 50000);
}

static void a_range_over_the_end_is_clamped(void **state)
{
    HttpRequest tail = {.offset = SIZE - 100, .length = 50000};
    expect_ok(*state, (HttpRoute){0}, &tail, 100);
}

static void the_whole_resource_comes_without_a_range_header(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){0}, &all, SIZE);
    assert_int_equal(bench->response.status, 200);
    char *head = http_server_last_request(bench->server);
    assert_null(strcasestr(head, "\nRange:"));
    free(head);
}

static void nothing_but_our_own_headers_is_sent(void **state)
{
    Bench *bench = *state;
    static const char *const headers[] = {"Referer: http://page/",    "Cookie: a=b",
                                          "Range: bytes=0-1",         "Accept-Encoding: gzip",
                                          "X-Break: a\r\nHost: evil", NULL};
    HttpRequest request = {.offset = 5, .length = 10, .headers = headers, .if_range = "\"a\""};
    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    expect_ok(bench, (HttpRoute){.etag = "a", .extra_headers = "Set-Cookie: id=1\r\n"}, &request,
              10);
    unsetenv("http_proxy");
    char *head = http_server_last_request(bench->server);
    assert_null(strcasestr(head, "\nCookie:"));
    assert_null(strcasestr(head, "Accept-Encoding"));
    assert_null(strcasestr(head, "evil"));
    assert_non_null(strcasestr(head, "\r\nUser-Agent: melkit/"));
    assert_non_null(strcasestr(head, "\r\nRange: bytes=5-14\r\n"));
    assert_non_null(strcasestr(head, "\r\nReferer: http://page/\r\n"));
    free(head);
}

static void chunked_bodies_are_read(void **state)
{
    expect_ok(*state, (HttpRoute){.chunked = true}, &middle, 50000);
}

static void a_page_that_calls_itself_a_video_arrives_as_it_is(void **state)
{
    Bench *bench = *state;
    static const char page[] = "<!DOCTYPE html><title>Sign in</title>";
    expect_ok(bench,
              (HttpRoute){.path = "/clip.mp4",
                          .bytes = page,
                          .size = sizeof page - 1,
                          .content_type = "text/html"},
              &all, sizeof page - 1);
    assert_string_equal(bench->response.content_type, "text/html");
    assert_memory_equal(bench->got.text, page, sizeof page - 1);
}

static void a_server_without_ranges_is_cut_and_left(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){.no_ranges = true}, &middle, 50000);
    assert_false(bench->response.ranges_honoured);
    assert_int_equal(bench->response.total_size, SIZE);
}

static void an_endless_answer_to_a_range_is_left_at_its_end(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){.no_ranges = true, .endless = true}, &middle, 50000);
    assert_false(bench->response.ranges_honoured);
}

/* ---- what is tried again ---- */

static void a_dropped_connection_goes_on_at_the_next_byte(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){.etag = "a", .cut_after = 20001, .cut_count = 2}, &middle, 50000);
    assert_int_equal(bench->response.attempts, 3);
    char *head = http_server_last_request(bench->server);
    assert_non_null(strcasestr(head, "Range: bytes=41002-50999\r\n"));
    assert_non_null(strcasestr(head, "If-Range: \"a\"\r\n"));
    free(head);
}

static void a_dropped_whole_download_goes_on_by_a_range(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){.etag = "a", .cut_after = 123457, .cut_count = 1}, &all, SIZE);
    assert_int_equal(bench->response.attempts, 2);
    assert_int_equal(bench->response.total_size, SIZE);
}

static void a_dropped_download_without_ranges_skips_what_it_has(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){.no_ranges = true, .cut_after = 123457, .cut_count = 1}, &all,
              SIZE);
    assert_int_equal(bench->response.attempts, 2);
}

static void a_dropped_chunked_download_goes_on(void **state)
{
    expect_ok(*state, (HttpRoute){.chunked = true, .cut_after = 70000, .cut_count = 1}, &all, SIZE);
}

static void an_overloaded_server_gets_a_second_chance(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){.status = 503, .status_count = 1}, &middle, 50000);
    assert_int_equal(bench->response.attempts, 2);
}

static void retry_after_in_seconds_is_obeyed_up_to_the_cap(void **state)
{
    Bench *bench = *state;
    expect_ok(bench,
              (HttpRoute){.status = 429, .status_count = 1, .extra_headers = "Retry-After: 1\r\n"},
              &middle, 50000);
    assert_true(bench->took_us >= 60 * ms && bench->took_us < 900 * ms);
}

static void an_absurd_retry_after_is_capped(void **state)
{
    Bench *bench = *state;
    expect_ok(bench,
              (HttpRoute){.status = 503,
                          .status_count = 1,
                          .extra_headers = "Retry-After: 99999999999\r\n"},
              &middle, 50000);
    assert_true(bench->took_us >= 60 * ms && bench->took_us < 900 * ms);
}

static void retry_after_as_a_date_is_obeyed(void **state)
{
    Bench *bench = *state;
    expect_ok(bench,
              (HttpRoute){.status = 429,
                          .status_count = 1,
                          .extra_headers = "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n"},
              &middle, 50000);
    assert_true(bench->took_us >= 60 * ms && bench->took_us < 900 * ms);
}

static void a_stall_is_tried_again(void **state)
{
    Bench *bench = *state;
    expect_ok(bench, (HttpRoute){.etag = "a", .stall_after = 7, .stall_ms = 5000, .stall_count = 1},
              &middle, 50000);
    assert_int_equal(bench->response.attempts, 2);
    assert_true(bench->took_us < 1000 * ms);
}

/* ---- what fails, and how ---- */

typedef struct Failing {
    const char *what;
    HttpRoute route;
    const HttpRequest *request;
    const char *reason;
    int requests;
} Failing;

static const HttpRequest capped = {.limit_bytes = 100000};
static const HttpRequest changed = {.offset = 10, .length = 10, .if_range = "\"old\""};
static const HttpRequest dated = {
    .offset = 10, .length = 10, .if_range = "Mon, 01 Jan 2001 00:00:00 GMT"};
static const HttpRequest behind = {.offset = SIZE, .length = 10};

/* clang-format off */
static const Failing failing[] = {
    {"400", {.status = 400}, &middle, "http.400", 1},
    {"401", {.status = 401}, &middle, "http.401", 1},
    {"403", {.status = 403}, &middle, "http.403", 1},
    {"404", {.status = 404}, &middle, "http.404", 1},
    {"410", {.status = 410}, &all, "http.410", 1},
    {"418", {.status = 418}, &middle, "http.418", 1},
    {"451", {.status = 451}, &middle, "http.451", 1},
    {"501", {.status = 501}, &middle, "http.501", 1},
    {"204", {.status = 204}, &middle, "http.204", 1},
    {"302 without a place", {.status = 302}, &middle, "http.302", 1},
    {"408", {.status = 408}, &middle, "http.408", 3},
    {"429 for ever", {.status = 429}, &middle, "http.rate_limited", 3},
    {"500 for ever", {.status = 500}, &middle, "http.500", 3},
    {"502 for ever", {.status = 502}, &all, "http.502", 3},
    {"504 for ever", {.status = 504}, &all, "http.504", 3},
    {"404 without an end", {.status = 404, .endless = true}, &middle, "http.404", 1},
    {"a short body", {.length_lie = 1000}, &all, "http.short", 3},
    {"a short range", {.cut_after = 1}, &middle, "http.short", 3},
    {"a chunked short range", {.chunked = true, .cut_after = 9}, &middle, "http.short", 3},
    {"a long chunked range", {.chunked = true, .send_more = 10}, &middle, "http.long", 1},
    {"a long range without length", {.no_length = true, .send_more = 1}, &middle, "http.long", 1},
    {"a length beside the range", {.length_lie = 10, .send_more = 10}, &middle, "http.range", 1},
    {"another range", {.range_lie = 1}, &middle, "http.range", 1},
    {"a range before", {.range_lie = -1000}, &middle, "http.range", 1},
    {"a range without its place", {.no_content_range = true}, &middle, "http.range", 1},
    {"a broken Content-Range",
     {.no_content_range = true, .extra_headers = "Content-Range: bytes 1000-99x/3\r\n"}, &middle,
     "http.range", 1},
    {"a part of what was asked whole", {.status = 206}, &all, "http.range", 1},
    {"another ETag than before", {.etag = "new"}, &changed, "http.changed", 1},
    {"another date than before",
     {.no_ranges = true, .extra_headers = "Last-Modified: Tue, 02 Jan 2001 00:00:00 GMT\r\n"},
     &dated, "http.changed", 1},
    {"an ETag that changes on the way",
     {.etag = "a", .etag_later = "b", .cut_after = 5000, .cut_count = 1}, &middle, "http.changed",
     2},
    {"a size that changes on the way", {.total_lie = 7, .cut_after = 5000, .cut_count = 1}, &middle,
     "http.changed", 2},
    {"a range behind the end", {.etag = "a"}, &behind, "http.416", 1},
    {"an empty range", {.bytes = content, .size = 0}, &middle, "http.empty", 1},
    {"an empty answer", {.no_ranges = true, .bytes = content, .size = 0}, &middle, "http.empty", 1},
    {"no end and no length", {.endless = true}, &capped, "http.too_large", 1},
    {"an endless chunked body", {.endless = true, .chunked = true}, &capped, "http.too_large", 1},
    {"a length over the limit", {0}, &capped, "http.too_large", 1},
    {"gzip that nobody asked for", {.extra_headers = "Content-Encoding: gzip\r\n"}, &middle,
     "http.encoding", 1},
    {"a header line of 1 MB", {.header_bytes = 1 << 20}, &middle, "http.headers", 1},
    {"a header line of 80 KB", {.header_bytes = 80000}, &middle, "http.headers", 1},
    {"a stall before the first byte", {.stall_after = 0, .stall_ms = 9000}, &middle, "http.stalled",
     3},
    {"a stall in the middle", {.no_ranges = true, .stall_after = 5000, .stall_ms = 9000}, &middle,
     "http.stalled", 3},
    {"one byte every 10 ms", {.drip_ms = 10}, &middle, "http.slow", 3},
    {"HTTP/0.9", {.raw = "hello"}, &middle, "http.protocol", 1},
    {"nothing at all", {.raw = ""}, &middle, "http.short", 3},
    {"redirect to a file", {.status = 302, .location = "file:///etc/passwd"}, &middle,
     "http.scheme", 1},
    {"redirect to ftp", {.status = 301, .location = "ftp://127.0.0.1/x"}, &all, "http.scheme", 1},
    {"redirect to itself", {.status = 302, .location = "/x"}, &middle, "http.redirects", 6},
    {"redirect with a password", {.status = 302, .location = "http://user:secret@127.0.0.1/x"},
     &middle, "http.url", 1},
    {"redirect to a broken address", {.status = 302, .location = "http://["}, &middle, "http.url",
     1},
};
/* clang-format on */

static void every_way_to_fail_has_its_name_and_ends_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(failing); i++) {
        const Failing *f = &failing[i];
        void *bench;
        set_up(&bench);
        HttpRoute route = f->route;
        if (route.raw) route.raw_size = strlen(route.raw);
        print_message("  %-36s %s\n", f->what, f->reason);
        expect_reason(bench, route, f->request, f->reason, f->requests);
        tear_down(&bench);
    }
}

static void a_wall_of_time_ends_a_transfer_that_is_fast_enough(void **state)
{
    Bench *bench = *state;
    HttpPolicy policy = quick_policy();
    policy.speed_min_bytes_s = 1;
    policy.request_us = 300 * ms;
    policy.attempts = 2;
    mel_http_free(bench->client);
    Err err = {0};
    CHECK_OK(mel_http_new(&policy, &bench->client, &err));
    expect_reason(bench, (HttpRoute){.drip_ms = 5, .no_ranges = true}, &all, "http.timeout", 2);
}

static void five_redirects_are_followed_and_six_are_not(void **state)
{
    Bench *bench = *state;
    static const char *const paths[] = {"/0", "/1", "/2", "/3", "/4", "/5"};
    for (int i = 0; i < 6; i++)
        http_server_add(
            bench->server,
            &(HttpRoute){.path = paths[i], .status = 302, .location = i < 5 ? paths[i + 1] : "/x"});
    HttpRequest from_1 = middle, from_0 = middle;
    from_1.url = http_server_url(bench->server, "/1");
    expect_ok(bench, (HttpRoute){0}, &from_1, 50000);
    assert_non_null(strstr(bench->response.final_url, "/x"));
    from_0.url = http_server_url(bench->server, "/0");
    assert_false(
        mel_http_get(bench->client, &from_0, keep, &bench->got, &bench->response, &bench->err));
    assert_string_equal(bench->err.reason, "http.redirects");
}

static void a_private_address_is_refused_before_a_byte_is_sent(void **state)
{
    Bench *bench = *state;
    HttpPolicy policy = quick_policy();
    policy.allow_private = false;
    mel_http_free(bench->client);
    Err err = {0};
    CHECK_OK(mel_http_new(&policy, &bench->client, &err));
    expect_reason(bench, (HttpRoute){0}, &middle, "http.private", 0);
    assert_int_equal(bench->err.code, ERR_DENIED);
    static const char *const hosts[] = {
        "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f.1"};
    for (size_t i = 0; i < MEL_COUNT(hosts); i++) {
        char *url = mel_asprintf("http://%s:%d/x", hosts[i], http_server_port(bench->server));
        HttpRequest request = {.url = url, .length = 10};
        mel_err_clear(&bench->err);
        assert_false(mel_http_get(bench->client, &request, keep, &bench->got, &bench->response,
                                  &bench->err));
        assert_string_equal(bench->err.reason, "http.private");
        free(url);
    }
    assert_int_equal(http_server_requests(bench->server, ""), 0);
}

static void bad_requests_never_reach_the_network(void **state)
{
    Bench *bench = *state;
    static const struct {
        const char *url, *reason;
    } bad[] = {
        {"file:///etc/passwd",        "http.scheme"},
        {"ftp://host/x",              "http.scheme"},
        {"//host/x",                  "http.scheme"},
        {"",                          "http.scheme"},
        {"http://a b/",               "http.url"   },
        {"http://a/\r\nX: y",         "http.url"   },
        {"http://user:pw@127.0.0.1/", "http.url"   },
        {"http://",                   "http.url"   },
    };
    for (size_t i = 0; i < MEL_COUNT(bad); i++) {
        HttpRequest request = {.url = bad[i].url, .length = 10};
        mel_err_clear(&bench->err);
        assert_false(mel_http_get(bench->client, &request, keep, &bench->got, &bench->response,
                                  &bench->err));
        assert_string_equal(bench->err.reason, bad[i].reason);
        assert_null(strstr(bench->err.message, "pw"));
    }
    const HttpRequest too_long = {.url = "http://h/", .length = HTTP_CHUNK_BYTES_MAX + 1};
    const HttpRequest no_length = {.url = "http://h/", .offset = 5};
    const HttpRequest before = {.url = "http://h/", .offset = -1, .length = 5};
    const HttpRequest over = {.url = "http://h/", .offset = INT64_MAX, .length = 5};
    const HttpRequest *wrong[] = {&too_long, &no_length, &before, &over};
    Err err = {0};
    for (size_t i = 0; i < MEL_COUNT(wrong); i++)
        CHECK_FAILS(
            mel_http_get(bench->client, wrong[i], keep, &bench->got, &bench->response, &err),
            ERR_USAGE);
}

static void no_server_and_no_name_have_their_own_words(void **state)
{
    Bench *bench = *state;
    HttpRequest closed = {.url = "http://127.0.0.1:1/x", .length = 10};
    assert_false(
        mel_http_get(bench->client, &closed, keep, &bench->got, &bench->response, &bench->err));
    assert_string_equal(bench->err.reason, "http.connect");
    mel_err_clear(&bench->err);
    HttpRequest nameless = {.url = "http://no-such-host.invalid/x", .length = 10};
    assert_false(
        mel_http_get(bench->client, &nameless, keep, &bench->got, &bench->response, &bench->err));
    if (!mel_equal(bench->err.reason, "http.timeout"))
        assert_string_equal(bench->err.reason, "http.dns");
}

static void a_server_that_speaks_no_tls_is_said_so(void **state)
{
    Bench *bench = *state;
    http_server_add(bench->server, &(HttpRoute){.path = "/x", .bytes = content, .size = SIZE});
    char *url = mel_asprintf("https://127.0.0.1:%d/x", http_server_port(bench->server));
    HttpRequest request = {.url = url, .length = 10};
    assert_false(
        mel_http_get(bench->client, &request, keep, &bench->got, &bench->response, &bench->err));
    if (!mel_equal(bench->err.reason, "http.stalled"))
        assert_string_equal(bench->err.reason, "http.tls");
    free(url);
}

static bool refuse(void *ctx, const void *bytes, size_t n, Err *err)
{
    (void)bytes, (void)n;
    if (*(bool *)ctx) mel_err_reason(err, ERR_IO, "local.disk_full", "the disk is full");
    return false;
}

static void a_sink_that_refuses_ends_it_with_its_own_error(void **state)
{
    Bench *bench = *state;
    http_server_add(bench->server, &(HttpRoute){.path = "/x", .bytes = content, .size = SIZE});
    HttpRequest request = {.url = http_server_url(bench->server, "/x"), .length = 10};
    bool says_why = true;
    assert_false(
        mel_http_get(bench->client, &request, refuse, &says_why, &bench->response, &bench->err));
    assert_string_equal(bench->err.reason, "local.disk_full");
    mel_err_clear(&bench->err);
    says_why = false;
    assert_false(
        mel_http_get(bench->client, &request, refuse, &says_why, &bench->response, &bench->err));
    assert_int_equal(bench->err.code, ERR_CANCELLED);
    assert_int_equal(http_server_requests(bench->server, "/x"), 2);
}

static bool raise_once(void *ctx, const void *bytes, size_t n, Err *err)
{
    (void)ctx, (void)bytes, (void)n, (void)err;
    mel_interrupt_raise();
    return true;
}

/* In a child, as the flag stays set. */
static void an_interruption_ends_a_transfer_at_once(void **state)
{
    Bench *bench = *state;
    int status;
    http_server_add(
        bench->server,
        &(HttpRoute){
            .path = "/x", .bytes = content, .size = SIZE, .stall_after = 5000, .stall_ms = 9000});
    HttpRequest request = {.url = http_server_url(bench->server, "/x"), .length = 10000};
    pid_t pid = fork();
    if (pid == 0) {
        HttpPolicy policy = {.allow_private = true};
        HttpClient *client;
        Err err = {0};
        if (!mel_http_new(&policy, &client, &err)) _exit(2);
        int64_t begin_us = mel_monotonic_us();
        if (mel_http_get(client, &request, raise_once, NULL, &bench->response, &err)) _exit(3);
        if (err.code != ERR_CANCELLED || !mel_equal(err.reason, "interrupted")) _exit(4);
        _exit(mel_monotonic_us() - begin_us < 1000 * ms ? 0 : 5);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_429_pauses_the_bucket_for_everybody(void **state)
{
    Bench *bench = *state;
    char *folder = test_folder();
    RateBucket bucket = {.name = "http", .capacity = 100, .refill_per_hour = 1};
    HttpPolicy policy = quick_policy();
    Err err = {0};
    CHECK_OK(mel_ratelimit_open(test_path(folder, "rates"), &bucket, 1, &policy.limiter, &err));
    policy.attempts = 2;
    policy.wait_max_us = 300 * ms;
    mel_http_free(bench->client);
    CHECK_OK(mel_http_new(&policy, &bench->client, &err));
    expect_ok(bench,
              (HttpRoute){.status = 429, .status_count = 1, .extra_headers = "Retry-After: 1\r\n"},
              &middle, 50000);
    assert_true(bench->took_us >= 295 * ms);
    RateState seen;
    CHECK_OK(mel_ratelimit_state(policy.limiter, "http", &seen, &err));
    CHECK_NEAR(seen.tokens, 98, 0.01);
    mel_ratelimit_close(policy.limiter);
    test_folder_remove(folder);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_range_comes_as_asked),
        WITH_SERVER(a_range_over_the_end_is_clamped),
        WITH_SERVER(the_whole_resource_comes_without_a_range_header),
        WITH_SERVER(nothing_but_our_own_headers_is_sent),
        WITH_SERVER(chunked_bodies_are_read),
        WITH_SERVER(a_page_that_calls_itself_a_video_arrives_as_it_is),
        WITH_SERVER(a_server_without_ranges_is_cut_and_left),
        WITH_SERVER(an_endless_answer_to_a_range_is_left_at_its_end),
        WITH_SERVER(a_dropped_connection_goes_on_at_the_next_byte),
        WITH_SERVER(a_dropped_whole_download_goes_on_by_a_range),
        WITH_SERVER(a_dropped_download_without_ranges_skips_what_it_has),
        WITH_SERVER(a_dropped_chunked_download_goes_on),
        WITH_SERVER(an_overloaded_server_gets_a_second_chance),
        WITH_SERVER(retry_after_in_seconds_is_obeyed_up_to_the_cap),
        WITH_SERVER(an_absurd_retry_after_is_capped),
        WITH_SERVER(retry_after_as_a_date_is_obeyed),
        WITH_SERVER(a_stall_is_tried_again),
        cmocka_unit_test(every_way_to_fail_has_its_name_and_ends_in_time),
        WITH_SERVER(a_wall_of_time_ends_a_transfer_that_is_fast_enough),
        WITH_SERVER(five_redirects_are_followed_and_six_are_not),
        WITH_SERVER(a_private_address_is_refused_before_a_byte_is_sent),
        WITH_SERVER(bad_requests_never_reach_the_network),
        WITH_SERVER(no_server_and_no_name_have_their_own_words),
        WITH_SERVER(a_server_that_speaks_no_tls_is_said_so),
        WITH_SERVER(a_sink_that_refuses_ends_it_with_its_own_error),
        WITH_SERVER(an_interruption_ends_a_transfer_at_once),
        WITH_SERVER(a_429_pauses_the_bucket_for_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
