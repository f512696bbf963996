/* SPDX-License-Identifier: Apache-2.0
 *
 * From what people write to what a source is called. */
#include "curator/source_list.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_youtube(const char *locator, const char *video)
{
    Err err = {0};
    SourceKind kind = SOURCE_FILE;
    char id[65] = "", *found = NULL;
    if (!mel_source_identify(locator, &kind, id, &found, &err))
        fail_msg("'%s': %s", locator, err.message);
    assert_int_equal(kind, SOURCE_YOUTUBE);
    assert_string_equal(found, video);
    assert_string_equal(id, mel_starts_with(id, "yt-") ? id : "yt-");
    assert_string_equal(id + 3, video);
    assert_true(mel_name_valid(id));
    free(found);
}

static void a_bare_id_is_a_youtube_video(void **state)
{
    (void)state;
    check_youtube("mElKit_0-_1", "mElKit_0-_1");
    check_youtube("-0Gj8-vB1q4", "-0Gj8-vB1q4");
    check_youtube("-----------", "-----------");
    check_youtube("___________", "___________");
    check_youtube("12345678901", "12345678901");
}

static void every_form_of_youtube_address_names_its_video(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "https://www.youtube.com/watch?v=-mElKit__01",
        "http://youtube.com/watch?v=-mElKit__01&t=30s",
        "https://www.youtube.com/watch?feature=share&v=-mElKit__01#t=30",
        "https://www.youtube.com/watch?app=desktop&xv=notthis&v=-mElKit__01&list=PL123",
        "HTTPS://WWW.YouTube.COM/watch?v=-mElKit__01",
        "https://www.youtube.com:443/watch?v=-mElKit__01",
        "https://www.youtube.com/watch/-mElKit__01",
        "https://www.youtube.com/?v=-mElKit__01",
        "https://m.youtube.com/watch?v=-mElKit__01",
        "https://music.youtube.com/watch?v=-mElKit__01",
        "https://youtu.be/-mElKit__01",
        "https://youtu.be/-mElKit__01?t=30",
        "http://www.youtu.be/-mElKit__01/",
        "https://www.youtube.com/embed/-mElKit__01?rel=0",
        "https://www.youtube-nocookie.com/embed/-mElKit__01",
        "https://www.youtube.com/v/-mElKit__01&hl=en",
        "https://www.youtube.com/e/-mElKit__01",
        "https://www.youtube.com/shorts/-mElKit__01",
        "https://www.youtube.com/live/-mElKit__01?feature=share",
        "www.youtube.com/watch?v=-mElKit__01",
        "youtube.com/shorts/-mElKit__01",
        "youtu.be/-mElKit__01",
    };
    for (size_t i = 0; i < MEL_COUNT(addresses); i++)
        check_youtube(addresses[i], "-mElKit__01");
}

static void check_url(const char *locator, const char *normal)
{
    Err err = {0};
    SourceKind kind = SOURCE_FILE;
    char id[65] = "", hex[SHA256_HEX_SIZE], *found = NULL;
    if (!mel_source_identify(locator, &kind, id, &found, &err))
        fail_msg("'%s': %s", locator, err.message);
    assert_int_equal(kind, SOURCE_URL);
    assert_string_equal(found, normal);
    mel_sha256_hex(normal, strlen(normal), hex);
    assert_memory_equal(id, "url-", 4);
    assert_memory_equal(id + 4, hex, 16);
    assert_int_equal(strlen(id), 20);
    free(found);
}

static void other_addresses_have_one_normal_form(void **state)
{
    (void)state;
    check_url("https://example.org/a.mp4", "https://example.org/a.mp4");
    check_url("HTTPS://Example.ORG:443/x/../a.mp4#frag", "https://example.org/a.mp4");
    check_url("http://example.org:80", "http://example.org/");
    check_url("http://example.org:8080/A?b=C&d", "http://example.org:8080/A?b=C&d");
    check_url("https://example.org/caf\xC3\xA9", "https://example.org/caf%C3%A9");
    check_url("https://example.org/%c3%a9?q=\xC3\xA9%2f", "https://example.org/%C3%A9?q=%C3%A9%2F");
    check_url("https://example.org/100%", "https://example.org/100%");
    check_url("https://example.org?q=1", "https://example.org/?q=1");
    check_url("http://M\xC3\xBCsik.example/x", "http://m\xC3\xBCsik.example/x");
    check_url("http://127.0.0.1:9/x", "http://127.0.0.1:9/x");
    check_url("http://[::1]:9/x", "http://[::1]:9/x");
    check_url("https://notyoutube.com/watch?v=-mElKit__01",
              "https://notyoutube.com/watch?v=-mElKit__01");
    check_url("https://youtube.com.example.org/watch?v=-mElKit__01",
              "https://youtube.com.example.org/watch?v=-mElKit__01");
}

static void check_refused(const char *locator, const char *reason)
{
    Err err = {0};
    SourceKind kind = SOURCE_FILE;
    char id[65] = "untouched", *found = NULL;
    if (mel_source_identify(locator, &kind, id, &found, &err))
        fail_msg("'%.60s' became %s", locator, id);
    if (strcmp(err.reason, reason) != 0)
        fail_msg("'%.60s': %s, wanted %s", locator, err.reason, reason);
    assert_int_equal(err.code, ERR_FORMAT);
    assert_string_equal(id, "untouched");
    assert_null(found);
    assert_true(mel_utf8_valid(err.message, strlen(err.message)));
}

static void what_names_no_source_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"",                                                      "list.missing_source"},
        {"mElKit",                                                "list.bad_id"        },
        {"mElKit_0-_12",                                          "list.bad_id"        },
        {"mElKit 0-_1",                                           "list.bad_id"        },
        {"../../../etc/none",                                     "list.no_file"       },
        {"/",                                                     "list.no_file"       },
        {"/tmp",                                                  "list.no_file"       },
        {"no such file.wav",                                      "list.no_file"       },
        {"file:///etc/passwd",                                    "list.bad_url"       },
        {"FILE://localhost/etc/passwd",                           "list.bad_url"       },
        {"javascript:alert(1)",                                   "list.bad_url"       },
        {"data:text/plain,x",                                     "list.bad_url"       },
        {"ftp://example.org/x",                                   "list.bad_url"       },
        {"gopher://example.org:70/x",                             "list.bad_url"       },
        {"://x",                                                  "list.bad_url"       },
        {"http://",                                               "list.bad_url"       },
        {"https:///x",                                            "list.bad_url"       },
        {"http://exa%baple.org/x",                                "list.bad_url"       },
        {"http://exa%2fple.org/x",                                "list.bad_url"       },
        {"http://exa mple.org/",                                  "list.bad_url"       },
        {"http://example.org:99999/",                             "list.bad_url"       },
        {"https://user@example.org/x",                            "list.bad_url"       },
        {"https://www.youtube.com/watch?v=short",                 "list.bad_url"       },
        {"https://www.youtube.com/watch",                         "list.bad_url"       },
        {"https://www.youtube.com/playlist?list=PL1234567890",    "list.bad_url"       },
        {"https://www.youtube.com/@channel",                      "list.bad_url"       },
        {"https://www.youtube.com/embed/videoseries?list=PL1",    "list.bad_url"       },
        {"https://www.youtube.com/embed/live_stream?channel=UC1", "list.bad_url"       },
        {"https://youtu.be/",                                     "list.bad_url"       },
        {"https://youtu.be/-mElKit__01x",                         "list.bad_url"       },
        {"youtube.com/@channel",                                  "list.bad_url"       },
        {"a\x1B[2Jb",                                             "list.control"       },
        {"https://example.org/\x7F",                              "list.control"       },
        {"a\xFF",                                                 "list.not_utf8"      },
        {"two\nlines",                                            "list.bad_id"        },
        {"https://example.org/\r\nX: y",                          "list.bad_id"        },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        check_refused(cases[i][0], cases[i][1]);
}

static void long_locators_are_refused(void **state)
{
    (void)state;
    char *text = mel_alloc(1 << 20);
    memset(text, 'a', (1 << 20) - 1);
    check_refused(text, "list.bad_id");
    memcpy(text, "https://example.org/", 20);
    check_refused(text, "list.bad_id");
    text[3000] = '\0';
    check_refused(text, "list.bad_url");
    text[1900] = '\0';
    check_url(text, text);
    free(text);
}

static void a_password_in_an_address_is_not_repeated(void **state)
{
    (void)state;
    Err err = {0};
    SourceKind kind;
    char id[65], *found = NULL;
    CHECK_FAILS(mel_source_identify("https://user:hunter2@example.org/x", &kind, id, &found, &err),
                ERR_FORMAT);
    err.code = ERR_NONE;
    assert_false(
        mel_source_identify("https://user:hunter2@example.org/x", &kind, id, &found, &err));
    assert_null(strstr(err.message, "hunter2"));
    assert_string_equal(err.reason, "list.bad_url");
}

static void check_file(const char *locator, const char *absolute)
{
    Err err = {0};
    SourceKind kind = SOURCE_URL;
    char id[65], hex[SHA256_HEX_SIZE], *found = NULL;
    if (!mel_source_identify(locator, &kind, id, &found, &err))
        fail_msg("'%s': %s", locator, err.message);
    assert_int_equal(kind, SOURCE_FILE);
    assert_string_equal(found, absolute);
    mel_sha256_hex(absolute, strlen(absolute), hex);
    assert_memory_equal(id, "file-", 5);
    assert_memory_equal(id + 5, hex, 16);
    assert_int_equal(strlen(id), 21);
    free(found);
}

static void one_file_has_one_id_however_it_is_named(void **state)
{
    (void)state;
    Err err = {0};
    char *made = test_folder(), *folder = realpath(made, NULL);
    char *before = getcwd(NULL, 0);
    CHECK_OK(mel_make_dirs(test_path(folder, "sub"), &err));
    const char *path = test_path(folder, "Bach: Air \xC3\xA9.flac");
    test_write(path, "x", 1);
    assert_int_equal(symlink("../Bach: Air \xC3\xA9.flac", test_path(folder, "sub/link.flac")), 0);
    check_file(path, path);
    check_file(test_path(folder, "sub/../Bach: Air \xC3\xA9.flac"), path);
    check_file(test_path(folder, "sub/link.flac"), path);
    assert_int_equal(chdir(folder), 0);
    check_file("Bach: Air \xC3\xA9.flac", path);
    check_file("./sub//link.flac", path);
    assert_int_equal(chdir(before), 0);
    free(before);
    free(folder);
    test_folder_remove(made);
}

static void what_is_no_regular_file_is_no_source(void **state)
{
    (void)state;
    char *folder = test_folder();
    assert_int_equal(mkfifo(test_path(folder, "pipe.wav"), 0600), 0);
    assert_int_equal(symlink("nowhere", test_path(folder, "broken.wav")), 0);
    assert_int_equal(symlink("loop.wav", test_path(folder, "loop.wav")), 0);
    check_refused(test_path(folder, "pipe.wav"), "list.no_file");
    check_refused(test_path(folder, "broken.wav"), "list.no_file");
    check_refused(test_path(folder, "loop.wav"), "list.no_file");
    check_refused("/dev/zero", "list.no_file");
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_id_is_a_youtube_video),
        cmocka_unit_test(every_form_of_youtube_address_names_its_video),
        cmocka_unit_test(other_addresses_have_one_normal_form),
        cmocka_unit_test(what_names_no_source_is_refused),
        cmocka_unit_test(long_locators_are_refused),
        cmocka_unit_test(a_password_in_an_address_is_not_repeated),
        cmocka_unit_test(one_file_has_one_id_however_it_is_named),
        cmocka_unit_test(what_is_no_regular_file_is_no_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
