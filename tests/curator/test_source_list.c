/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists that are as they should be: each published format, plain lists, folders of media. */
#include "tests/curator/list_collector.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *fixture(const char *name)
{
    return test_path(MEL_TEST_DATA "/lists", "%s", name);
}

/* Reads a fixture and compares its rows with the text beside it. */
static void check_fixture(const char *name, ListFormat format, ListFormat wanted)
{
    Err err = {0};
    Collector collector = {0};
    char *expected = NULL;
    CHECK_OK(collect(&collector, fixture(name), format, &err));
    CHECK_OK(mel_read_file(test_path(MEL_TEST_DATA "/lists", "%s.expected", name), 1 << 20,
                           &expected, NULL, &err));
    assert_string_equal(mel_str_text(&collector.rows), expected);
    assert_int_equal(collector.bad_count, 0);
    assert_int_equal(collector.format, wanted);
    free(expected);
    collector_clear(&collector);
}

static void published_lists_are_read_as_they_are(void **state)
{
    (void)state;
    check_fixture("musiccaps.csv", LIST_AUTO, LIST_MUSICCAPS);
    check_fixture("balanced_train_segments.csv", LIST_AUTO, LIST_AUDIOSET);
    check_fixture("vggsound.csv", LIST_AUTO, LIST_VGGSOUND);
    check_fixture("musiccaps.csv", LIST_MUSICCAPS, LIST_MUSICCAPS);
    check_fixture("balanced_train_segments.csv", LIST_AUDIOSET, LIST_AUDIOSET);
    check_fixture("vggsound.csv", LIST_VGGSOUND, LIST_VGGSOUND);
}

static void plain_lists_are_read_by_their_column_names(void **state)
{
    (void)state;
    check_fixture("plain.csv", LIST_AUTO, LIST_CSV);
    check_fixture("plain.tsv", LIST_AUTO, LIST_TSV);
    check_fixture("labels.jsonl", LIST_AUTO, LIST_JSONL);
}

/* Reads a text as a list in a fresh folder. */
static void read_text(Collector *collector, const char *name, const char *text, Err *err)
{
    char *folder = test_folder();
    const char *path = test_path(folder, "%s", name);
    test_write(path, text, strlen(text));
    if (!collect(collector, path, LIST_AUTO, err)) fail_msg("%s", err->message);
    test_folder_remove(folder);
}

static void audioset_is_recognised_without_its_comments(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    read_text(&collector, "eval_segments.csv", "--mElKit_01, 30.000, 40.000, \"/m/09x0r\"\n", &err);
    assert_int_equal(collector.format, LIST_AUDIOSET);
    assert_non_null(strstr(collector.rows.text, "\"split\":\"eval\""));
    collector_clear(&collector);
}

static void the_split_of_audioset_is_unknown_under_another_name(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    read_text(&collector, "some.csv", "--mElKit_01, 30.000, 40.000, \"/m/09x0r\"\n", &err);
    assert_null(strstr(collector.rows.text, "split"));
    collector_clear(&collector);
}

static void a_start_alone_gets_the_default_duration(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    char *folder = test_folder();
    const char *path = test_path(folder, "a.csv");
    const char text[] = "ytid,start_s\nmElKit___01,3\n";
    test_write(path, text, strlen(text));
    const ListReader reader = {
        .row = collect_row, .bad = collect_bad, .ctx = &collector, .default_duration_s = 2.5};
    CHECK_OK(mel_list_read(path, LIST_AUTO, &reader, NULL, &err));
    assert_non_null(strstr(collector.rows.text, "\"start_us\":3000000,\"end_us\":5500000"));
    collector_clear(&collector);
    test_folder_remove(folder);
}

static void line_numbers_survive_every_line_end(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    for (size_t i = 0; i < 3; i++) {
        Err err = {0};
        Collector collector = {0};
        const char *e = ends[i];
        char *text =
            mel_asprintf("\xEF\xBB\xBFurl,caption%s%smElKit___01,\"two%slines\"%sbad one,%s"
                         "mElKit___02,x%s",
                         e, e, e, e, e, e);
        read_text(&collector, "a.csv", text, &err);
        assert_int_equal(collector.row_count, 2);
        assert_int_equal(collector.first_bad_line, 5);
        assert_non_null(strstr(collector.rows.text, "{\"line\":3,"));
        assert_non_null(strstr(collector.rows.text, "{\"line\":6,"));
        collector_clear(&collector);
        free(text);
    }
}

static void json_lines_may_end_in_any_way_and_start_with_a_mark(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    read_text(&collector, "a.json",
              "\xEF\xBB\xBF{\"ytid\":\"mElKit___01\"}\r{\"ytid\":\"mElKit___02\"}\r\n\n"
              "{\"ytid\":\"mElKit___03\"}",
              &err);
    assert_int_equal(collector.row_count, 3);
    assert_non_null(strstr(collector.rows.text, "{\"line\":4,"));
    collector_clear(&collector);
}

static void melfusion_lines_find_their_files_beside_the_list(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    char *folder = test_folder();
    CHECK_OK(mel_make_dirs(test_path(folder, "audio"), &err));
    test_write(test_path(folder, "audio/a.wav"), "x", 1);
    const char *path = test_path(folder, "train.json");
    const char text[] =
        "{\"dataset\": \"d\", \"location\": \"audio/a.wav\", \"captions\": \"calm\","
        " \"img_path\": \"images/a.jpg\"}\n"
        "{\"dataset\": \"d\", \"location\": \"audio/none.wav\", \"captions\": \"x\"}\n";
    test_write(path, text, strlen(text));
    CHECK_OK(collect(&collector, path, LIST_AUTO, &err));
    assert_string_equal(mel_str_text(&collector.bad), "2 list.no_file\n");
    assert_non_null(strstr(collector.rows.text, "/audio/a.wav\",\"start_us\":-1"));
    assert_non_null(strstr(collector.rows.text, "\"caption\":\"calm\""));
    assert_non_null(strstr(collector.rows.text, "[\"img_path\",\"images/a.jpg\"]"));
    collector_clear(&collector);
    test_folder_remove(folder);
}

static void one_list_may_mix_addresses_and_files(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    char *folder = test_folder();
    test_write(test_path(folder, "Bach: Air.flac"), "x", 1);
    const char *path = test_path(folder, "a.csv");
    const char text[] = "url,path\nhttps://example.org/a,\n,Bach: Air.flac\nBach: Air.flac,\n"
                        ",https://example.org/b\n";
    test_write(path, text, strlen(text));
    CHECK_OK(collect(&collector, path, LIST_AUTO, &err));
    assert_int_equal(collector.row_count, 4);
    assert_int_equal(collector.bad_count, 0);
    collector_clear(&collector);
    test_folder_remove(folder);
}

static void a_folder_gives_its_media_in_order_and_follows_no_link(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    char *folder = test_folder();
    CHECK_OK(mel_make_dirs(test_path(folder, "m/a"), &err));
    static const char *const names[] = {"m/b.WAV",     "m/a/z.mp4", "m/a-1.flac",
                                        "m/notes.txt", "m/._b.wav", "outside.wav"};
    for (size_t i = 0; i < MEL_COUNT(names); i++)
        test_write(test_path(folder, "%s", names[i]), "x", 1);
    assert_int_equal(symlink("../outside.wav", test_path(folder, "m/link.wav")), 0);
    assert_int_equal(symlink("..", test_path(folder, "m/loop")), 0);
    CHECK_OK(collect(&collector, test_path(folder, "m"), LIST_AUTO, &err));
    assert_int_equal(collector.format, LIST_MEDIA);
    assert_int_equal(collector.row_count, 3);
    assert_int_equal(collector.bad_count, 0);
    const char *first = strstr(collector.rows.text, "/m/a-1.flac");
    const char *second = strstr(collector.rows.text, "/m/a/z.mp4");
    const char *third = strstr(collector.rows.text, "/m/b.WAV");
    assert_true(first && second && third && first < second && second < third);
    collector_clear(&collector);
    test_folder_remove(folder);
}

static void one_media_file_is_a_list_of_one(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    char *folder = test_folder();
    test_write(test_path(folder, "x.opus"), "x", 1);
    test_write(test_path(folder, "strange.bin"), "x", 1);
    CHECK_OK(collect(&collector, test_path(folder, "x.opus"), LIST_AUTO, &err));
    assert_int_equal(collector.row_count, 1);
    assert_non_null(strstr(collector.rows.text, "{\"line\":0,\"kind\":2,\"id\":\"file-"));
    collector_clear(&collector);
    CHECK_OK(collect(&collector, test_path(folder, "strange.bin"), LIST_MEDIA, &err));
    assert_int_equal(collector.row_count, 1);
    collector_clear(&collector);
    test_folder_remove(folder);
}

static void a_file_name_that_is_no_text_is_a_bad_row(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    char *folder = test_folder();
    test_write(test_path(folder, "good.wav"), "x", 1);
    test_write(test_path(folder, "b\xFF"
                                 "d.wav"),
               "x", 1);
    test_write(test_path(folder, "new\nline.wav"), "x", 1);
    CHECK_OK(collect(&collector, folder, LIST_AUTO, &err));
    assert_int_equal(collector.row_count, 1);
    assert_string_equal(mel_str_text(&collector.bad), "0 list.not_utf8\n0 list.bad_id\n");
    collector_clear(&collector);
    test_folder_remove(folder);
}

static void the_caller_can_stop_the_reading(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {.stop_after = 2};
    CHECK_FAILS(collect(&collector, fixture("vggsound.csv"), LIST_AUTO, &err), ERR_CANCELLED);
    assert_int_equal(collector.row_count, 2);
    collector_clear(&collector);
}

static void formats_have_names(void **state)
{
    (void)state;
    for (int i = LIST_AUTO; i <= LIST_MEDIA; i++) {
        ListFormat format = LIST_MEDIA;
        assert_true(mel_list_format_parse(mel_list_format_name((ListFormat)i), &format));
        assert_int_equal(format, i);
    }
    ListFormat format = LIST_TSV;
    assert_false(mel_list_format_parse("xlsx", &format));
    assert_int_equal(format, LIST_TSV);
}

static void a_long_list_is_read_in_little_memory_and_time(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    const char *path = test_path(folder, "long.csv");
    FileWriter writer = {0};
    CHECK_OK(mel_writer_begin(&writer, path, &err));
    for (int i = 0; i < 100000; i++)
        fprintf(writer.file, "mElK%07d, %d.000, %d.000, \"/m/09x0r,/t/dd00088\"\n", i, i % 900,
                i % 900 + 10);
    CHECK_OK(mel_writer_commit(&writer, &err));
    Collector collector = {0};
    CHECK_OK(collect(&collector, path, LIST_AUDIOSET, &err));
    assert_int_equal(collector.row_count, 100000);
    collector_clear(&collector);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_lists_are_read_as_they_are),
        cmocka_unit_test(plain_lists_are_read_by_their_column_names),
        cmocka_unit_test(audioset_is_recognised_without_its_comments),
        cmocka_unit_test(the_split_of_audioset_is_unknown_under_another_name),
        cmocka_unit_test(a_start_alone_gets_the_default_duration),
        cmocka_unit_test(line_numbers_survive_every_line_end),
        cmocka_unit_test(json_lines_may_end_in_any_way_and_start_with_a_mark),
        cmocka_unit_test(melfusion_lines_find_their_files_beside_the_list),
        cmocka_unit_test(one_list_may_mix_addresses_and_files),
        cmocka_unit_test(a_folder_gives_its_media_in_order_and_follows_no_link),
        cmocka_unit_test(one_media_file_is_a_list_of_one),
        cmocka_unit_test(a_file_name_that_is_no_text_is_a_bad_row),
        cmocka_unit_test(the_caller_can_stop_the_reading),
        cmocka_unit_test(formats_have_names),
        cmocka_unit_test(a_long_list_is_read_in_little_memory_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
