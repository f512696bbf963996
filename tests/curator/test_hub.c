/* SPDX-License-Identifier: Apache-2.0
 *
 * A model hub on the loopback: its listing, files that come in pieces, and hubs that lie. */
#include "curator/hub.h"
#include "tests/support/http_server.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE = 300000 };
static const int64_t ms = 1000;

typedef struct Bench {
    HttpServer *server;
    HttpClient *client;
    char *folder;
    char content[SIZE];
    char sha256[SHA256_HEX_SIZE];
} Bench;

static int set_up(void **state)
{
    Err err = {0};
    const HttpPolicy policy = {.allow_private = true,
                               .attempts = 1,
                               .backoff_us = 10 * ms,
                               .stall_us = 2000 * ms * TEST_PATIENCE,
                               .chunk_bytes_max = HUB_CHUNK_BYTES};
    Bench *b = mel_alloc(sizeof *b);
    b->server = http_server_start();
    b->folder = test_folder();
    CHECK_OK(mel_http_new(&policy, &b->client, &err));
    for (int i = 0; i < SIZE; i++)
        b->content[i] = (char)(i * 31 % 251);
    mel_sha256_hex(b->content, SIZE, b->sha256);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    Bench *b = *state;
    mel_http_free(b->client);
    http_server_stop(b->server);
    test_folder_remove(b->folder);
    free(b);
    return 0;
}

/* ---- listings ------------------------------------------------------------------------------- */

#define TREE "/api/models/some/model/tree/main?recursive=1"

static bool list(const Bench *b, const char *body, HubListing *out, Err *err)
{
    http_server_add(b->server, &(HttpRoute){.path = TREE, .bytes = body, .size = strlen(body)});
    return mel_hub_list(b->client, http_server_url(b->server, ""), "some/model", NULL, out, err);
}

static void a_listing_gives_paths_sizes_and_hashes(void **state)
{
    const Bench *b = *state;
    Err err = {0};
    HubListing listing;
    const char *body =
        "[{\"type\":\"directory\",\"oid\":\"x\",\"size\":0,\"path\":\"unet\"},"
        "{\"type\":\"file\",\"oid\":\"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0\",\"size\":5,"
        "\"path\":\"config.json\"},"
        "{\"type\":\"file\",\"oid\":\"00\",\"size\":77,\"path\":\"unet/model.safetensors\","
        "\"lfs\":{\"oid\":"
        "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\",\"size\":77}}]";
    CHECK_OK(list(b, body, &listing, &err));
    assert_int_equal(listing.count, 2);
    assert_string_equal(listing.files[0].path, "config.json");
    assert_string_equal(listing.files[0].git_oid, "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
    assert_string_equal(listing.files[0].sha256, "");
    assert_string_equal(listing.files[1].path, "unet/model.safetensors");
    assert_int_equal(listing.files[1].size_bytes, 77);
    assert_string_equal(listing.files[1].git_oid, "");
    assert_int_equal(strlen(listing.files[1].sha256), 64);
    mel_hub_listing_clear(&listing);
}

static void a_listing_that_leads_astray_is_refused(void **state)
{
    const Bench *b = *state;
    static const char *const paths[] = {"../x",   "/etc/passwd", "a/../../x", "a//b",
                                        ".",      "a/.",         "a/",        "",
                                        "a\\\\b", "a\\u0000b",   "a\\nb",     "..\\/x"};
    for (size_t i = 0; i < MEL_COUNT(paths); i++) {
        Err err = {0};
        HubListing listing = {0};
        char *body = mel_asprintf("[{\"type\":\"file\",\"size\":1,\"path\":\"%s\"}]", paths[i]);
        if (list(b, body, &listing, &err)) fail_msg("'%s' was taken", paths[i]);
        assert_true(err.code == ERR_DENIED || err.code == ERR_FORMAT);
        assert_int_equal(listing.count, 0);
        free(body);
    }
}

static void a_listing_that_is_none_is_refused(void **state)
{
    const Bench *b = *state;
    Err err = {0};
    HubListing listing;
    CHECK_FAILS(list(b, "{\"error\":\"no\"}", &listing, &err), ERR_FORMAT);
    CHECK_FAILS(list(b, "[{\"type\":", &listing, &err), ERR_FORMAT);
    http_server_add(b->server, &(HttpRoute){.path = TREE, .status = 404});
    CHECK_FAILS(
        mel_hub_list(b->client, http_server_url(b->server, ""), "some/model", NULL, &listing, &err),
        ERR_NOT_FOUND);
    http_server_add(b->server, &(HttpRoute){.path = TREE, .status = 401});
    CHECK_FAILS(
        mel_hub_list(b->client, http_server_url(b->server, ""), "some/model", NULL, &listing, &err),
        ERR_NOT_FOUND);
    CHECK_FAILS(
        mel_hub_list(b->client, http_server_url(b->server, ""), "../model", NULL, &listing, &err),
        ERR_USAGE);
}

static void the_token_goes_along(void **state)
{
    const Bench *b = *state;
    Err err = {0};
    HubListing listing;
    http_server_add(b->server, &(HttpRoute){.path = TREE, .bytes = "[]", .size = 2});
    CHECK_OK(mel_hub_list(b->client, http_server_url(b->server, ""), "some/model", "hf_secret",
                          &listing, &err));
    char *request = http_server_last_request(b->server);
    assert_non_null(strstr(request, "Authorization: Bearer hf_secret"));
    free(request);
    mel_hub_listing_clear(&listing);
}

/* ---- files ---------------------------------------------------------------------------------- */

static HubFetch fetch_of(const Bench *b, const char *route)
{
    HubFetch fetch = {
        .url = http_server_url(b->server, route),
        .target = test_path(b->folder, "deep/er/model.safetensors"),
        .file = {.path = "model.safetensors", .size_bytes = SIZE}
    };
    memcpy(fetch.file.sha256, b->sha256, sizeof fetch.file.sha256);
    return fetch;
}

static void check_whole(const Bench *b, const HubFetch *fetch)
{
    Err err = {0};
    char *bytes;
    size_t n;
    CHECK_OK(mel_read_file(fetch->target, SIZE + 1, &bytes, &n, &err));
    assert_int_equal(n, SIZE);
    assert_memory_equal(bytes, b->content, SIZE);
    free(bytes);
    assert_false(mel_path_exists(test_path(b->folder, "deep/er/model.safetensors.part")));
    assert_false(mel_path_exists(test_path(b->folder, "deep/er/model.safetensors.part.json")));
}

static void a_file_comes_whole_and_once(void **state)
{
    Bench *b = *state;
    Err err = {0};
    char sha256[SHA256_HEX_SIZE];
    http_server_add(b->server,
                    &(HttpRoute){.path = "/f", .bytes = b->content, .size = SIZE, .etag = "one"});
    HubFetch fetch = fetch_of(b, "/f");
    CHECK_OK(mel_hub_fetch(b->client, &fetch, sha256, &err));
    assert_string_equal(sha256, b->sha256);
    check_whole(b, &fetch);
    int requests = http_server_requests(b->server, "/f");
    CHECK_OK(mel_hub_fetch(b->client, &fetch, sha256, &err)); /* there already */
    assert_int_equal(http_server_requests(b->server, "/f"), requests);
}

static void what_has_come_is_gone_on_with(void **state)
{
    Bench *b = *state;
    Err err = {0};
    char sha256[SHA256_HEX_SIZE];
    http_server_add(b->server, &(HttpRoute){.path = "/f",
                                            .bytes = b->content,
                                            .size = SIZE,
                                            .etag = "one",
                                            .cut_after = 100000,
                                            .cut_count = 2});
    HubFetch fetch = fetch_of(b, "/f");
    CHECK_FAILS(mel_hub_fetch(b->client, &fetch, sha256, &err), ERR_NET);
    assert_true(mel_path_exists(test_path(b->folder, "deep/er/model.safetensors.part")));
    assert_false(mel_path_exists(fetch.target));
    CHECK_OK(mel_hub_fetch(b->client, &fetch, sha256, &err));
    check_whole(b, &fetch);
    assert_in_range(http_server_bytes(b->server, "/f"), SIZE, SIZE + 70000); /* hardly any twice */
}

static void a_file_that_changed_meanwhile_is_begun_anew(void **state)
{
    Bench *b = *state;
    Err err = {0};
    char sha256[SHA256_HEX_SIZE], *other = mel_alloc(SIZE);
    http_server_add(b->server, &(HttpRoute){.path = "/f",
                                            .bytes = other,
                                            .size = SIZE,
                                            .etag = "old",
                                            .cut_after = 100000,
                                            .cut_count = 2});
    HubFetch fetch = fetch_of(b, "/f");
    CHECK_FAILS(mel_hub_fetch(b->client, &fetch, sha256, &err), ERR_NET);
    http_server_add(b->server,
                    &(HttpRoute){.path = "/f", .bytes = b->content, .size = SIZE, .etag = "new"});
    CHECK_OK(mel_hub_fetch(b->client, &fetch, sha256, &err));
    check_whole(b, &fetch);
    free(other);
}

static void a_file_with_another_hash_or_size_is_thrown_away(void **state)
{
    Bench *b = *state;
    Err err = {0};
    char sha256[SHA256_HEX_SIZE];
    http_server_add(b->server,
                    &(HttpRoute){.path = "/f", .bytes = b->content, .size = SIZE, .etag = "one"});
    HubFetch fetch = fetch_of(b, "/f");
    fetch.file.sha256[0] = fetch.file.sha256[0] == '0' ? '1' : '0';
    CHECK_FAILS(mel_hub_fetch(b->client, &fetch, sha256, &err), ERR_NET);
    fetch = fetch_of(b, "/f");
    fetch.file.sha256[0] = '\0';
    memset(fetch.file.git_oid, 'a', 40);
    CHECK_FAILS(mel_hub_fetch(b->client, &fetch, sha256, &err), ERR_NET);
    fetch = fetch_of(b, "/f");
    fetch.file.size_bytes = SIZE + 5;
    CHECK_FAILS(mel_hub_fetch(b->client, &fetch, sha256, &err), ERR_NET);
    assert_false(mel_path_exists(fetch.target));
}

static void git_knows_small_files_by_its_own_hash(void **state)
{
    const Bench *b = *state;
    Err err = {0};
    char sha256[SHA256_HEX_SIZE];
    http_server_add(b->server,
                    &(HttpRoute){.path = "/s", .bytes = "hello\n", .size = 6, .etag = "one"});
    HubFetch fetch = {
        .url = http_server_url(b->server, "/s"),
        .target = test_path(b->folder, "small"),
        .file = {.path = "small",
                 .size_bytes = 6,
                 .git_oid = "ce013625030ba8dba906f756967f9e9ca394464a"}
    };
    CHECK_OK(mel_hub_fetch(b->client, &fetch, sha256, &err));
    assert_true(mel_path_exists(fetch.target));
}

static void a_download_without_a_listing_ends_where_the_file_ends(void **state)
{
    Bench *b = *state;
    Err err = {0};
    char sha256[SHA256_HEX_SIZE];
    http_server_add(b->server,
                    &(HttpRoute){.path = "/f", .bytes = b->content, .size = SIZE, .etag = "one"});
    HubFetch fetch = fetch_of(b, "/f");
    fetch.file = (HubFile){.path = "model.safetensors", .size_bytes = -1};
    CHECK_OK(mel_hub_fetch(b->client, &fetch, sha256, &err));
    assert_string_equal(sha256, b->sha256);
    check_whole(b, &fetch);
}

static void a_server_that_never_ends_is_stopped(void **state)
{
    Bench *b = *state;
    Err err = {0};
    char sha256[SHA256_HEX_SIZE];
    http_server_add(
        b->server,
        &(HttpRoute){
            .path = "/f", .bytes = b->content, .size = SIZE, .etag = "one", .endless = true});
    HubFetch fetch = fetch_of(b, "/f");
    if (mel_hub_fetch(b->client, &fetch, sha256, &err)) check_whole(b, &fetch);
    assert_in_range(http_server_bytes(b->server, "/f"), 0, 20 * SIZE);
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH(a_listing_gives_paths_sizes_and_hashes),
        BENCH(a_listing_that_leads_astray_is_refused),
        BENCH(a_listing_that_is_none_is_refused),
        BENCH(the_token_goes_along),
        BENCH(a_file_comes_whole_and_once),
        BENCH(what_has_come_is_gone_on_with),
        BENCH(a_file_that_changed_meanwhile_is_begun_anew),
        BENCH(a_file_with_another_hash_or_size_is_thrown_away),
        BENCH(git_knows_small_files_by_its_own_hash),
        BENCH(a_download_without_a_listing_ends_where_the_file_ends),
        BENCH(a_server_that_never_ends_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
