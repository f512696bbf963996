/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/ytdlp.h"

#include "curator/failure.h"
#include "tests/support/http_server.h"
#include "tests/support/test.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- messages ---- */

typedef struct Said {
    const char *text, *reason;
} Said;

#define YT "ERROR: [youtube] dQw4w9WgXcQ: "
#define REPORT                                                                                     \
    "; please report this issue on  https://github.com/yt-dlp/yt-dlp/issues?q= , filling out the " \
    "appropriate issue template. Confirm you are on the latest version using  yt-dlp -U"

/* As yt-dlp prints them: its own words and those of YouTube that it passes on. */
/* clang-format off */
static const Said said[] = {
    {YT "Private video. Sign in if you've been granted access to this video", "yt.private"},
    {YT "This video is private", "yt.private"},
    {YT "Video unavailable. This video is private", "yt.private"},
    {YT "Video unavailable. This video has been removed by the uploader", "yt.removed"},
    {YT "This video has been removed for violating YouTube's Terms of Service", "yt.removed"},
    {YT "This video has been removed for violating YouTube's policy on hate speech.", "yt.removed"},
    {YT "Video unavailable. This video is no longer available because the YouTube account "
     "associated with this video has been terminated.", "yt.terminated"},
    {YT "Video unavailable. This video is no longer available because the uploader has closed "
     "their YouTube account.", "yt.terminated"},
    {YT "Video unavailable. This video is no longer available due to a copyright claim by X",
     "yt.copyright"},
    {YT "Video unavailable. This video contains content from UMG, who has blocked it on copyright "
     "grounds", "yt.copyright"},
    {YT "Video unavailable. This video contains content from SME, who has blocked it in your "
     "country on copyright grounds", "yt.geo"},
    {YT "Video unavailable. The uploader has not made this video available in your country",
     "yt.geo"},
    {"ERROR: [vimeo] 1: This video is not available from your location due to geo restriction. "
     "You might want to use a VPN or a proxy server (with --proxy) to workaround.", "yt.geo"},
    {YT "Video unavailable", "yt.unavailable"},
    {YT "Video unavailable. This video is not available", "yt.unavailable"},
    {YT "This video isn\xe2\x80\x99t available anymore", "yt.unavailable"},
    {YT "This live stream recording is not available.", "yt.unavailable"},
    {YT "Sign in to confirm your age. This video may be inappropriate for some users.", "yt.age"},
    {YT "This video is age-restricted and only available on YouTube", "yt.age"},
    {YT "Join this channel to get access to members-only content like this video, and other "
     "exclusive perks.", "yt.members"},
    {YT "This video is available to this channel's members on level: Fan (or any higher level).",
     "yt.members"},
    {YT "This video requires payment to watch.", "yt.premium"},
    {YT "Video unavailable. This video is only available to Music Premium members", "yt.premium"},
    {YT "Premieres in 3 hours", "yt.upcoming"},
    {YT "This live event will begin in a few moments.", "yt.upcoming"},
    {YT "This live event has ended.", "yt.live"},
    {"ERROR: [twitch:stream] x: The channel is not currently live", "yt.live"},
    {YT "We're processing this video. Check back later.", "yt.live"},
    {YT "Sign in to confirm you\xe2\x80\x99re not a bot. Use --cookies-from-browser or --cookies "
     "for the authentication.", "yt.bot_check"},
    {YT "Sign in to confirm you're not a bot. This helps protect our community. Learn more",
     "yt.bot_check"},
    {YT "Video unavailable. This content isn't available, try again later. Your account has been "
     "rate-limited by YouTube for up to an hour.", "yt.rate_limited"},
    {YT "This content isn\xe2\x80\x99t available, try again later. The current session has been "
     "rate-limited by YouTube for up to an hour. It is recommended to use `-t sleep`",
     "yt.rate_limited"},
    {YT "Video unavailable. This content isn't available, try again later.", "yt.rate_limited"},
    {YT "Unable to download API page: HTTP Error 429: Too Many Requests (caused by <HTTPError "
     "429: 'Too Many Requests'>)" REPORT, "yt.rate_limited"},
    {YT "Please sign in", "yt.login"},
    {"ERROR: [vimeo] 1: The web client only works when logged-in. Use --cookies", "yt.login"},
    {"ERROR: [facebook] 1: This video is only available for registered users. Use --cookies",
     "yt.login"},
    {YT "Requested format is not available. Use --list-formats for a list of available formats",
     "yt.format"},
    {YT "No video formats found!" REPORT, "yt.format"},
    {"WARNING: [youtube] No supported JavaScript runtime could be found. Only deno is enabled by "
     "default\n" YT "No supported JavaScript runtime could be found.", "yt.js_runtime"},
    {"WARNING: [youtube] nsig extraction failed: Some formats may be missing\n" YT "Unable to "
     "extract uploader id" REPORT, "yt.outdated"},
    {YT "Failed to extract any player response" REPORT, "yt.outdated"},
    {"ERROR: [youtube] x: Signature extraction failed: Traceback (most recent call last):",
     "yt.outdated"},
    {"ERROR: Unsupported URL: http://127.0.0.1/none", "yt.unsupported"},
    {"ERROR: [generic] 'abc def' is not a valid URL. Set --default-search \"ytsearch\"",
     "yt.unsupported"},
    {"ERROR: [youtube:truncated_id] dQw4w9WgXc: Incomplete YouTube ID dQw4w9WgXc. URL "
     "https://www.youtube.com/watch?v=dQw4w9WgXc looks truncated.", "list.bad_id"},
    {"ERROR: [generic] None: Unable to download webpage: HTTP Error 404: Not Found (caused by "
     "<HTTPError 404: 'Not Found'>)" REPORT, "http.404"},
    {"ERROR: [generic] None: Unable to download webpage: HTTP Error 403: Forbidden", "http.403"},
    {"ERROR: [generic] None: Unable to download webpage: HTTP Error 503: Busy", "http.5xx"},
    {YT "Unable to download API page: <urlopen error [Errno -3] Temporary failure in name "
     "resolution> (caused by URLError(gaierror(-3, 'Temporary failure in name resolution')))",
     "yt.network"},
    {YT "Unable to download webpage: The read operation timed out (caused by TimeoutError)",
     "yt.network"},
    {YT "Unable to download webpage: <urlopen error [Errno 111] Connection refused>", "yt.network"},
    {"ERROR: [generic] x: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
     "yt.network"},
    {"ERROR: [drm] x: The requested site is known to use DRM protection. It will NOT be supported.",
     "yt.drm"},
    {"Usage: yt-dlp [OPTIONS] URL [URL...]\n\nyt-dlp: error: no such option: --frobnicate",
     "yt.options"},
    {"ERROR: unable to write data: [Errno 28] No space left on device", "local.disk_full"},
    {"ERROR: [site] x: something that nobody has seen before", "yt.unknown"},
    {"", "yt.unknown"},
};
/* clang-format on */

static void real_messages_get_their_reasons(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(said); i++) {
        const char *reason = mel_ytdlp_classify(said[i].text, 1);
        if (!mel_equal(reason, said[i].reason))
            fail_msg("%s for '%s', wanted %s", reason, said[i].text, said[i].reason);
        assert_string_equal(mel_failure(reason)->reason, reason);
    }
    assert_true(MEL_COUNT(said) > 50);
    assert_string_equal(mel_ytdlp_classify("", 2), "yt.options");
    assert_string_equal(mel_ytdlp_classify(NULL, 1), "yt.unknown");
}

static void warnings_on_the_way_do_not_decide(void **state)
{
    (void)state;
    assert_string_equal(mel_ytdlp_classify("WARNING: HTTP Error 429: Too Many Requests. Retrying\n"
                                           "ERROR: [youtube] x: Private video. Sign in\n",
                                           1),
                        "yt.private");
}

static void stop_signs_pause_everything(void **state)
{
    (void)state;
    static const char *const stops[] = {"yt.bot_check", "yt.rate_limited"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(mel_failure(stops[i])->class, FAIL_PAUSE);
}

/* ---- answers ---- */

static bool parse(const char *json, Extraction *out, Err *err)
{
    return mel_ytdlp_parse(json, strlen(json), out, err);
}

static void two_formats_become_picture_and_sound(void **state)
{
    (void)state;
    Err err = {0};
    Extraction x;
    CHECK_OK(
        parse("{\"id\":\"abc\",\"title\":\"T\",\"duration\":212.091,\"channel_id\":\"UC1\","
              "\"channel\":\"C\",\"uploader\":\"U\",\"upload_date\":\"20200102\","
              "\"license\":\"Creative Commons\",\"categories\":[\"Music\"],\"tags\":[\"a\","
              "\"b\"],\"availability\":\"public\",\"age_limit\":18,\"live_status\":\"not_live\","
              "\"webpage_url\":\"https://y/w\",\"extractor\":\"youtube\","
              "\"_version\":{\"version\":\"2026.01.01\"},\"requested_formats\":["
              "{\"url\":\"https://a/sound\",\"protocol\":\"https\",\"vcodec\":\"none\","
              "\"acodec\":\"opus\",\"format_id\":\"251\",\"ext\":\"webm\",\"filesize\":77,"
              "\"available_at\":1700000000,\"http_headers\":{\"User-Agent\":\"UA\","
              "\"X-Bad\":\"a\\r\\nb\",\"Bad Name\":\"x\"}},"
              "{\"url\":\"http://a/picture\",\"protocol\":\"http\",\"vcodec\":\"avc1.4d\","
              "\"acodec\":\"none\",\"format_id\":\"136\"}]}",
              &x, &err));
    assert_int_equal(x.address_count, 2);
    assert_string_equal(x.addresses[0].url, "http://a/picture");
    assert_string_equal(x.addresses[1].url, "https://a/sound");
    assert_string_equal(x.addresses[1].headers[0], "User-Agent: UA");
    assert_null(x.addresses[1].headers[1]);
    assert_int_equal(x.addresses[1].filesize, 77);
    assert_int_equal(x.addresses[0].filesize, -1);
    assert_true(x.addresses[1].available_at_wall_us == 1700000000 * (int64_t)1000000);
    assert_int_equal(x.duration_us, 212091000);
    assert_int_equal(x.age_limit, 18);
    assert_string_equal(x.tags_json, "[\"a\",\"b\"]");
    assert_string_equal(x.tool_version, "2026.01.01");
    mel_extraction_clear(&x);
}

static void one_format_is_one_address(void **state)
{
    (void)state;
    Err err = {0};
    Extraction x;
    CHECK_OK(
        parse("{\"_type\":\"playlist\",\"entries\":[{\"id\":\"c\",\"url\":\"http://a/c.mp4\"}]}",
              &x, &err));
    assert_int_equal(x.address_count, 1);
    assert_int_equal(x.duration_us, -1);
    assert_null(x.channel);
    mel_extraction_clear(&x);
    mel_extraction_clear(&x); /* twice is fine */
}

/* clang-format off */
static const Said unusable[] = {
    {"", "yt.output"},
    {"null", "yt.output"},
    {"[]", "yt.output"},
    {"{\"id\":", "yt.output"},
    {"{\"id\":\"a\",\"id\":\"b\",\"url\":\"http://a/\"}", "yt.output"},
    {"{\"url\":\"http://a/\"}", "yt.output"},
    {"{\"id\":\"a\",\"url\":\"http://a/ b\"}", "yt.output"},
    {"{\"id\":\"a\"}", "yt.format"},
    {"{\"id\":\"a\",\"url\":\"file:///etc/passwd\"}", "yt.format"},
    {"{\"id\":\"a\",\"url\":\"http://a/m.m3u8\",\"protocol\":\"m3u8_native\"}", "yt.format"},
    {"{\"id\":\"a\",\"url\":\"http://a/\",\"fragments\":[]}", "yt.format"},
    {"{\"id\":\"a\",\"url\":\"http://a/\",\"has_drm\":true}", "yt.drm"},
    {"{\"id\":\"a\",\"requested_formats\":[{},{},{}]}", "yt.format"},
    {"{\"id\":\"a\",\"requested_formats\":[{\"vcodec\":\"none\"},{\"vcodec\":\"none\"}]}",
     "yt.format"},
    {"{\"id\":\"a\",\"url\":\"http://a/\",\"is_live\":true}", "yt.live"},
    {"{\"id\":\"a\",\"url\":\"http://a/\",\"live_status\":\"is_upcoming\"}", "yt.upcoming"},
    {"{\"_type\":\"playlist\",\"entries\":[{},{}]}", "yt.playlist"},
    {"{\"_type\":\"playlist\"}", "yt.playlist"},
};
/* clang-format on */

static void answers_that_cannot_be_used_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(unusable); i++) {
        Err err = {0};
        Extraction x;
        if (parse(unusable[i].text, &x, &err)) fail_msg("'%s' was taken", unusable[i].text);
        if (!mel_equal(err.reason, unusable[i].reason))
            fail_msg("%s for '%s', wanted %s", err.reason, unusable[i].text, unusable[i].reason);
    }
}

/* ---- a program that misbehaves ---- */

typedef struct Fake {
    const char *what, *script, *reason;
} Fake;

/* clang-format off */
static const Fake fakes[] = {
    {"sleeps", "sleep 60", "yt.timeout"},
    {"sleeps behind closed pipes", "exec >&- 2>&-; sleep 60", "yt.timeout"},
    {"floods stderr",
     "yes 'WARNING: again' | head -c 30000000 >&2; echo 'ERROR: [x] y: Private video' >&2; exit 1",
     "yt.private"},
    {"floods stderr for ever", "yes >&2", "yt.timeout"},
    {"floods stdout", "exec head -c 100000000 /dev/zero", "yt.output"},
    {"forks and leaves its children",
     "(sleep 60; echo late) & echo 'ERROR: [x] y: Video unavailable' >&2; exit 1",
     "yt.unavailable"},
    {"prints garbage", "echo '{\"id\": \"a\", '", "yt.output"},
    {"prints nothing", "exit 0", "yt.output"},
    {"prints bytes that are no text", "printf '\\377\\376\\000{'", "yt.output"},
    {"crashes", "kill -SEGV $$", "yt.unknown"},
    {"does not know its options", "echo 'yt-dlp: error: no such option: -J' >&2; exit 2",
     "yt.options"},
    {"meets a bot check",
     "echo 'ERROR: [youtube] a: Sign in to confirm you are not a bot' >&2; exit 1", "yt.bot_check"},
};
/* clang-format on */

static const char *write_fake(const char *folder, const char *script)
{
    const char *path = test_path(folder, "fake");
    char *text = mel_asprintf("#!/bin/sh\n%s\n", script);
    test_write(path, text, strlen(text));
    assert_int_equal(chmod(path, 0755), 0);
    free(text);
    return path;
}

static void a_program_that_misbehaves_ends_in_time_and_by_name(void **state)
{
    (void)state;
    char *folder = test_folder();
    for (size_t i = 0; i < MEL_COUNT(fakes); i++) {
        Err err = {0};
        Extraction x;
        YtdlpOptions options = {.program = write_fake(folder, fakes[i].script),
                                .deadline_us = 1000000 * TEST_PATIENCE};
        int64_t begin_us = mel_monotonic_us();
        if (mel_ytdlp_extract("https://example.org/v", &options, &x, &err))
            fail_msg("%s: succeeded", fakes[i].what);
        int64_t took_us = mel_monotonic_us() - begin_us;
        print_message("  %-32s %-14s %.2f s\n", fakes[i].what, err.reason, (double)took_us / 1e6);
        if (!mel_equal(err.reason, fakes[i].reason))
            fail_msg("%s: %s: %s, wanted %s", fakes[i].what, err.reason, err.message,
                     fakes[i].reason);
        assert_true(took_us < 5000000 * TEST_PATIENCE);
    }
    test_folder_remove(folder);
}

static void the_error_line_is_in_the_message_without_its_plea(void **state)
{
    (void)state;
    char *folder = test_folder();
    Err err = {0};
    Extraction x;
    YtdlpOptions options = {
        .program = write_fake(folder, "echo 'WARNING: x' >&2; echo 'ERROR: [youtube] a: Private "
                                      "video; please report this issue on https://x' >&2; exit 1")};
    assert_false(mel_ytdlp_extract("https://example.org/v", &options, &x, &err));
    assert_true(mel_ends_with(err.message, ": [youtube] a: Private video"));
    assert_true(err.hint[0]);
    test_folder_remove(folder);
}

static void the_program_gets_plain_arguments(void **state)
{
    (void)state;
    char *folder = test_folder();
    Err err = {0};
    Extraction x;
    YtdlpOptions options = {
        .program = write_fake(folder, "for a; do last=$a; echo \"$a\"; done >\"$0.args\"; "
                                      "echo '{\"id\":\"a\",\"url\":\"http://a/b\"}'")};
    CHECK_OK(mel_ytdlp_extract("-QW4w9WgXcQ", &options, &x, &err));
    mel_extraction_clear(&x);
    char *args;
    CHECK_OK(mel_read_file(test_path(folder, "fake.args"), 10000, &args, NULL, &err));
    assert_true(mel_starts_with(args, "--ignore-config\n--no-playlist\n"));
    assert_true(mel_ends_with(args, "\n-J\n--\nhttps://www.youtube.com/watch?v=-QW4w9WgXcQ\n"));
    free(args);
    const char *nasty = "https://h/$(touch${IFS}x);'`id`\"&";
    CHECK_OK(mel_ytdlp_extract(nasty, &options, &x, &err));
    mel_extraction_clear(&x);
    CHECK_OK(mel_read_file(test_path(folder, "fake.args"), 10000, &args, NULL, &err));
    assert_true(mel_ends_with(mel_trim(args), nasty));
    free(args);
    test_folder_remove(folder);
}

static void only_addresses_are_handed_on(void **state)
{
    (void)state;
    static const Said bad[] = {
        {"ytsearch:cats", "http.scheme"},
        {"/etc/passwd",   "http.scheme"},
        {"--exec=x",      "http.scheme"},
        {"",              "http.scheme"},
        {"http://a\nb/",  "http.url"   },
        {"file:///x",     "http.scheme"}
    };
    for (size_t i = 0; i < MEL_COUNT(bad); i++) {
        Err err = {0};
        Extraction x;
        YtdlpOptions options = {.program = "/bin/true"};
        assert_false(mel_ytdlp_extract(bad[i].text, &options, &x, &err));
        assert_string_equal(err.reason, bad[i].reason);
    }
}

static void a_missing_program_is_said_with_a_remedy(void **state)
{
    (void)state;
    Err err = {0};
    Extraction x;
    YtdlpOptions options = {.program = "no-such-yt-dlp"};
    assert_false(mel_ytdlp_extract("https://example.org/v", &options, &x, &err));
    assert_string_equal(err.reason, "yt.missing");
    assert_non_null(strstr(err.hint, "install"));
    mel_err_clear(&err);
    assert_null(mel_ytdlp_version(&options, &err));
    assert_string_equal(err.reason, "yt.missing");
    mel_err_clear(&err);
    options.program = "/bin/true";
    assert_null(mel_ytdlp_version(&options, &err));
    assert_string_equal(err.reason, "yt.output");
}

/* ---- the real program ---- */

static void extract_page(HttpServer *server, const char *path, const char *title)
{
    Err err = {0};
    Extraction x;
    CHECK_OK(mel_ytdlp_extract(http_server_url(server, path), NULL, &x, &err));
    assert_int_equal(x.address_count, 1);
    assert_string_equal(x.addresses[0].url, http_server_url(server, "/clip.mp4"));
    assert_non_null(strstr(x.title, title));
    assert_non_null(x.tool_version);
    assert_true(x.addresses[0].headers[0] != NULL);
    mel_extraction_clear(&x);
}

static void the_real_program_resolves_pages_on_the_loopback(void **state)
{
    (void)state;
    Err err = {0};
    char *version = mel_ytdlp_version(NULL, &err);
    if (!version && mel_equal(err.reason, "yt.missing")) {
        print_message("  skipped: yt-dlp is not installed\n");
        skip();
    }
    CHECK_OK(version != NULL);
    print_message("  yt-dlp %s\n", version);
    free(version);
    static const char clip[4096] = "\0\0\0\x14"
                                   "ftypisom\0\0\0\0isom";
    static const char page[] =
        "<html><head><title>A page</title></head><body>"
        "<video><source src=\"/clip.mp4\" type=\"video/mp4\"></video></body>";
    static const char two[] = "<html><head><title>Two</title></head><body><video><source "
                              "src=\"/clip.mp4\" type=\"video/mp4\"></video><video><source "
                              "src=\"/other.mp4\" type=\"video/mp4\"></video></body>";
    HttpServer *server = http_server_start();
    http_server_add(server, &(HttpRoute){.path = "/clip.mp4", .bytes = clip, .size = sizeof clip});
    http_server_add(server, &(HttpRoute){.path = "/page.html",
                                         .bytes = page,
                                         .size = sizeof page - 1,
                                         .content_type = "text/html"});
    http_server_add(server, &(HttpRoute){.path = "/two.html",
                                         .bytes = two,
                                         .size = sizeof two - 1,
                                         .content_type = "text/html"});
    char *og = mel_asprintf("<html><head><meta property=\"og:title\" content=\"Card\"><meta "
                            "property=\"og:video\" content=\"%s\"></head><body></body></html>",
                            http_server_url(server, "/clip.mp4"));
    http_server_add(server, &(HttpRoute){.path = "/og.html",
                                         .bytes = og,
                                         .size = strlen(og),
                                         .content_type = "text/html"});
    extract_page(server, "/clip.mp4", "clip");
    extract_page(server, "/page.html", "A page");
    extract_page(server, "/og.html", "Card");
    Extraction x;
    assert_false(mel_ytdlp_extract(http_server_url(server, "/two.html"), NULL, &x, &err));
    assert_string_equal(err.reason, "yt.playlist");
    mel_err_clear(&err);
    assert_false(mel_ytdlp_extract(http_server_url(server, "/none.html"), NULL, &x, &err));
    assert_string_equal(err.reason, "http.404");
    http_server_stop(server);
    free(og);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_messages_get_their_reasons),
        cmocka_unit_test(warnings_on_the_way_do_not_decide),
        cmocka_unit_test(stop_signs_pause_everything),
        cmocka_unit_test(two_formats_become_picture_and_sound),
        cmocka_unit_test(one_format_is_one_address),
        cmocka_unit_test(answers_that_cannot_be_used_are_named),
        cmocka_unit_test(a_program_that_misbehaves_ends_in_time_and_by_name),
        cmocka_unit_test(the_error_line_is_in_the_message_without_its_plea),
        cmocka_unit_test(the_program_gets_plain_arguments),
        cmocka_unit_test(only_addresses_are_handed_on),
        cmocka_unit_test(a_missing_program_is_said_with_a_remedy),
        cmocka_unit_test(the_real_program_resolves_pages_on_the_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
