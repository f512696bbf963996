/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetching as a whole, on real files: from disk, over HTTP, through a page that yt-dlp resolves;
 * every failure in its class, nothing lost, and verify clean afterwards. The jail's zygote is
 * forked once, before any thread. */
#include "curator/fetch.h"
#include "curator/publish.h"
#include "curator/verify.h"
#include "tests/support/http_server.h"
#include "tests/support/media_fixture.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Jail *jail;
static char *media; /* a folder with the films of all tests */

static const char *film(const char *name)
{
    return test_path(media, "%s", name);
}

static int make_films(void **state)
{
    (void)state;
    media = test_folder();
    MediaSpec spec = {.muxer = "mp4",
                      .video_encoder = "libx264",
                      .audio_encoder = "aac",
                      .video_options = "preset=ultrafast",
                      .width = 320,
                      .height = 180,
                      .gop = 50,
                      .rate_hz = 48000,
                      .channels = 2,
                      .video_s = 40,
                      .audio_s = 40};
    media_fixture_write(film("back.mp4"), &spec);
    spec.muxer_options = "movflags=+faststart";
    media_fixture_write(film("front.mp4"), &spec);
    spec.audio_encoder = NULL;
    spec.video_s = 15;
    media_fixture_write(film("mute.mp4"), &spec);
    test_write(film("text.mp4"), "this is no film\n", 16);
    return 0;
}

static int remove_films(void **state)
{
    (void)state;
    test_folder_remove(media);
    return 0;
}

static void add_clip(Store *store, const char *id, const char *kind, const char *locator,
                     int start_s)
{
    Err err = {0};
    const Source source = {.id = id, .kind = kind, .locator = locator, .duration_us = -1};
    CHECK_OK(mel_source_put(store->db, &source, NULL, &err));
    CHECK_OK(mel_clip_put(store->db, id, start_s * 1000000LL, (start_s + 10) * 1000000LL, NULL,
                          NULL, NULL, &err));
}

static FetchReport fetch(Store *store, const char *retry_classes, bool allow_private)
{
    Err err = {0};
    FetchReport report;
    const FetchOptions options = {.jobs = 2,
                                  .jail = jail,
                                  .retry_classes = retry_classes,
                                  .allow_private = allow_private,
                                  .preview_height = 120};
    CHECK_OK(mel_fetch(store->folder, &options, NULL, NULL, NULL, &report, &err));
    return report;
}

/* A resolver that only says `message` and fails. */
static const char *resolver_saying(const char *message)
{
    const char *path = test_path(media, "resolver.sh");
    char *script = mel_asprintf("#!/bin/sh\necho 'ERROR: [youtube] x: %s' >&2\nexit 1\n", message);
    test_write(path, script, strlen(script));
    assert_int_equal(chmod(path, 0755), 0);
    free(script);
    return path;
}

static FetchReport fetch_by(Store *store, const char *resolver)
{
    Err err = {0};
    FetchReport report;
    const FetchOptions options = {
        .jobs = 1, .jail = jail, .allow_private = true, .ytdlp_program = resolver};
    CHECK_OK(mel_fetch(store->folder, &options, NULL, NULL, NULL, &report, &err));
    return report;
}

static VerifyReport verify(Store *store)
{
    Err err = {0};
    VerifyReport report;
    const VerifyOptions options = {.decode = true, .jail = jail};
    CHECK_OK(mel_verify(store->db, &options, NULL, NULL, NULL, &report, &err));
    return report;
}

static void local_clips_become_exact_verified_products(void **state)
{
    Store *store = *state;
    add_clip(store, "file-a", "file", film("back.mp4"), 3);
    add_clip(store, "file-a", "file", film("back.mp4"), 17);
    FetchReport report = fetch(store, NULL, false);
    assert_int_equal(report.ready, 2);
    assert_int_equal(store_count(store->db, "clips", "state = 'ready' AND audio_samples = 480000"),
                     2);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM frame"), 8);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM landmark"), 2);
    VerifyReport checked = verify(store);
    assert_int_equal(checked.errors, 0);
    assert_int_equal(checked.notes, 0);
    assert_int_equal(checked.files, 2 * 6);
}

static void a_second_run_finds_nothing_to_do(void **state)
{
    Store *store = *state;
    add_clip(store, "file-a", "file", film("back.mp4"), 3);
    fetch(store, NULL, false);
    assert_int_equal(fetch(store, NULL, false).total, 0);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM attempt"), 1);
}

static void every_failure_has_its_reason_and_the_rest_goes_on(void **state)
{
    Store *store = *state;
    add_clip(store, "file-text", "file", film("text.mp4"), 0);
    add_clip(store, "file-mute", "file", film("mute.mp4"), 1);
    add_clip(store, "file-none", "file", film("none.mp4"), 0);
    add_clip(store, "file-good", "file", film("back.mp4"), 100);
    add_clip(store, "file-good", "file", film("back.mp4"), 5);
    FetchReport report = fetch(store, NULL, false);
    assert_int_equal(report.ready, 1);
    assert_int_equal(report.failed, 4);
    const struct {
        const char *clip, *reason;
    } wanted[] = {
        {"file-text:0",      "media.container"},
        {"file-mute:1000",   "media.no_audio" },
        {"file-none:0",      "local.missing"  },
        {"file-good:100000", "media.past_end" }
    };
    for (size_t i = 0; i < 4; i++) {
        char where[80];
        snprintf(where, sizeof where, "id = '%s'", wanted[i].clip);
        assert_string_equal(store_field(store->db, "clips", where, "reason"), wanted[i].reason);
    }
    assert_int_equal(verify(store).errors, 0);
}

static void a_missing_file_that_comes_back_is_fetched_by_retry(void **state)
{
    Store *store = *state;
    const char *place = test_path(store->folder, "late.mp4");
    add_clip(store, "file-late", "file", place, 4);
    assert_int_equal(fetch(store, NULL, false).failed, 1);
    assert_int_equal(symlink(film("back.mp4"), place), 0);
    assert_int_equal(fetch(store, NULL, false).total, 0);
    assert_int_equal(fetch(store, "permanent", false).total, 0);
    assert_int_equal(fetch(store, "local", false).ready, 1);
    assert_int_equal(store_raw_i64(store, "SELECT attempts FROM clip"), 2);
}

static void over_http_only_a_part_of_the_file_travels(void **state)
{
    Store *store = *state;
    HttpServer *server = http_server_start();
    http_server_add(server,
                    &(HttpRoute){.path = "/back.mp4", .file = film("back.mp4"), .etag = "b"});
    http_server_add(server, &(HttpRoute){.path = "/front.mp4", .file = film("front.mp4")});
    add_clip(store, "url-back", "url", http_server_url(server, "/back.mp4"), 20);
    add_clip(store, "url-front", "url", http_server_url(server, "/front.mp4"), 20);
    add_clip(store, "file-same", "file", film("back.mp4"), 20);
    FetchReport report = fetch(store, NULL, true);
    assert_int_equal(report.ready, 3);
    /* The same span of the same bytes: the same products, whatever way they came. */
    assert_int_equal(store_raw_i64(store, "SELECT count(DISTINCT sha256) FROM media"
                                          " WHERE role = 'audio'"),
                     1);
    assert_true(http_server_bytes(server, "/back.mp4") < 3 * report.fetched_bytes);
    assert_true(access(test_path(store->folder, "media/.mirror/url-back.0"), F_OK) != 0);
    http_server_stop(server);
}

static void private_addresses_are_refused_unless_allowed(void **state)
{
    Store *store = *state;
    HttpServer *server = http_server_start();
    http_server_add(server, &(HttpRoute){.path = "/back.mp4", .file = film("back.mp4")});
    add_clip(store, "url-p", "url", http_server_url(server, "/back.mp4"), 2);
    assert_int_equal(fetch(store, NULL, false).failed, 1);
    assert_string_equal(store_field(store->db, "clips", NULL, "reason"), "http.private");
    assert_int_equal(http_server_requests(server, ""), 0);
    http_server_stop(server);
}

static void a_gone_address_is_permanent_and_seen_as_gone(void **state)
{
    Store *store = *state;
    HttpServer *server = http_server_start();
    http_server_add(server,
                    &(HttpRoute){.path = "/x.mp4", .status = 404, .bytes = "no", .size = 2});
    add_clip(store, "url-x", "url", http_server_url(server, "/x.mp4"), 2);
    assert_int_equal(fetch(store, NULL, true).failed, 1);
    assert_string_equal(store_field(store->db, "clips", NULL, "reason"), "http.404");
    assert_string_equal(store_field(store->db, "clips", NULL, "failure_class"), "permanent");
    assert_string_equal(store_field(store->db, "clips", NULL, "availability"), "gone");
    http_server_stop(server);
}

static void a_page_is_resolved_by_the_real_yt_dlp(void **state)
{
    Store *store = *state;
    static const char page[] = "<!DOCTYPE html><html><head><title>A film</title></head><body>"
                               "<video src=\"/back.mp4\" type=\"video/mp4\"></video></body></html>";
    if (test_shell("command -v yt-dlp >/dev/null") != 0) {
        print_message("yt-dlp is not installed: not tested\n");
        skip();
    }
    HttpServer *server = http_server_start();
    http_server_add(server, &(HttpRoute){.path = "/back.mp4", .file = film("back.mp4")});
    http_server_add(server, &(HttpRoute){.path = "/page.html",
                                         .bytes = page,
                                         .size = sizeof page - 1,
                                         .content_type = "text/html"});
    add_clip(store, "url-page", "url", http_server_url(server, "/page.html"), 12);
    FetchReport report = fetch_by(store, NULL);
    assert_int_equal(report.ready, 1);
    assert_true(mel_starts_with(store_field(store->db, "clips", NULL, "title"), "A film"));
    http_server_stop(server);
}

static void a_rate_limit_pauses_everything_and_fails_nothing(void **state)
{
    Store *store = *state;
    add_clip(store, "yt-aaaaaaaaaaa", "youtube", "aaaaaaaaaaa", 1);
    add_clip(store, "yt-bbbbbbbbbbb", "youtube", "bbbbbbbbbbb", 1);
    add_clip(store, "file-a", "file", film("back.mp4"), 3);
    FetchReport report = fetch_by(
        store, resolver_saying("This content is not available, try again later. The current "
                               "session has been rate-limited by YouTube for up to an hour."));
    assert_true(report.paused);
    assert_int_equal(report.failed, 0);
    assert_int_equal(report.untouched, 2);
    assert_int_equal(report.ready, 1);
    /* The pause outlives the run: the next one asks nobody. */
    report = fetch_by(store, resolver_saying("Private video"));
    assert_true(report.paused);
    assert_int_equal(report.failed, 0);
}

static void a_private_video_is_permanent(void **state)
{
    Store *store = *state;
    add_clip(store, "yt-aaaaaaaaaaa", "youtube", "aaaaaaaaaaa", 1);
    FetchReport report = fetch_by(store, resolver_saying("Private video. Sign in if you have been "
                                                         "granted access to this video"));
    assert_int_equal(report.failed, 1);
    assert_string_equal(store_field(store->db, "clips", NULL, "reason"), "yt.private");
    assert_string_equal(store_field(store->db, "clips", NULL, "availability"), "gone");
}

static void verify_names_what_was_damaged_and_repair_sends_it_back(void **state)
{
    Store *store = *state;
    Err err = {0};
    VerifyReport report;
    add_clip(store, "file-a", "file", film("back.mp4"), 3);
    add_clip(store, "file-a", "file", film("back.mp4"), 17);
    fetch(store, NULL, false);
    char *folder = mel_clip_folder("file-a:3000");
    const char *sound = test_path(store->folder, "%s/audio.flac", folder);
    test_write(sound, "ruined", 6);
    test_write(test_path(store->folder, "media/stray.bin"), "x", 1);
    assert_int_equal(verify(store).errors, 1);
    assert_int_equal(verify(store).notes, 1);
    const VerifyOptions repair = {.repair = true};
    CHECK_OK(mel_verify(store->db, &repair, NULL, NULL, NULL, &report, &err));
    assert_int_equal(fetch(store, "local", false).ready, 1);
    report = verify(store);
    assert_int_equal(report.errors, 0);
    assert_int_equal(report.notes, 0);
    free(folder);
}

static void two_runs_at_once_are_refused(void **state)
{
    Store *store = *state;
    Err err = {0};
    FetchReport report;
    const FetchOptions options = {.jail = jail};
    int status = test_shell("exec 9>'%s/fetch.lock'; flock 9; sleep 2 & sleep 0.2", store->folder);
    assert_int_equal(status, 0);
    CHECK_FAILS(mel_fetch(store->folder, &options, NULL, NULL, NULL, &report, &err), ERR_EXISTS);
}

int main(void)
{
    Err err = {0};
    if (!mel_jail_start(NULL, &jail, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
#define FETCH_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        FETCH_TEST(local_clips_become_exact_verified_products),
        FETCH_TEST(a_second_run_finds_nothing_to_do),
        FETCH_TEST(every_failure_has_its_reason_and_the_rest_goes_on),
        FETCH_TEST(a_missing_file_that_comes_back_is_fetched_by_retry),
        FETCH_TEST(over_http_only_a_part_of_the_file_travels),
        FETCH_TEST(private_addresses_are_refused_unless_allowed),
        FETCH_TEST(a_gone_address_is_permanent_and_seen_as_gone),
        FETCH_TEST(a_page_is_resolved_by_the_real_yt_dlp),
        FETCH_TEST(a_rate_limit_pauses_everything_and_fails_nothing),
        FETCH_TEST(a_private_video_is_permanent),
        FETCH_TEST(verify_names_what_was_damaged_and_repair_sends_it_back),
        FETCH_TEST(two_runs_at_once_are_refused),
    };
    int failed = cmocka_run_group_tests(tests, make_films, remove_films);
    mel_jail_stop(jail);
    return failed;
}
