/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists into the store: what goes in, what is kept aside, and that twice is once. */
#include "curator/import.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static const char musiccaps[] =
    "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,"
    "is_balanced_subset,is_audioset_eval\n"
    "-0Gj8-vB1q4,30,40,\"/m/0140xf,/m/02cjck\",\"['low quality', \"\"singer's ballad\"\"]\","
    "\"The low quality recording features a ballad song.\",4,False,True\n"
    "-0SdAVK79lg,30,40,/m/0155w,\"['guitar song']\",\"This song features an electric guitar.\",0,"
    "False,False\n"
    "-bad,30,40,/m/0155w,\"['x']\",\"An id that is too short.\",0,False,False\n";

static ImportReport import_text(Store *store, const char *name, const char *text)
{
    Err err = {0};
    ImportReport report;
    const ImportOptions options = {0};
    const char *path = test_path(store->folder, "%s", name);
    test_write(path, text, strlen(text));
    CHECK_OK(mel_import(store->db, path, &options, NULL, NULL, NULL, &report, &err));
    return report;
}

static void musiccaps_rows_bring_clips_labels_and_captions(void **state)
{
    Store *store = *state;
    ImportReport report = import_text(store, "musiccaps-public.csv", musiccaps);
    assert_int_equal(report.format, LIST_MUSICCAPS);
    assert_int_equal(report.clips_added, 2);
    assert_int_equal(report.bad, 1);
    assert_string_equal(
        store_field(store->db, "clips", "id = 'yt--0Gj8-vB1q4:30000'", "published_split"), "eval");
    assert_string_equal(
        store_field(store->db, "annotations", "clip = 'yt--0Gj8-vB1q4:30000'", "aspects"),
        "low quality; singer's ballad");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM label WHERE scheme = 'audioset'"),
                     3);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM bad_row"), 1);
}

static void importing_twice_changes_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    import_text(store, "list.csv", musiccaps);
    char *before = store_dump(store->db, &err);
    int64_t rows = store_raw_i64(store, "SELECT count(*) FROM annotation");
    int64_t lists = store_raw_i64(store, "SELECT count(*) FROM import_list");
    ImportReport again = import_text(store, "list.csv", musiccaps);
    char *after = store_dump(store->db, &err);
    assert_int_equal(again.clips_added, 0);
    assert_int_equal(again.clips_known, 2);
    assert_string_equal(before, after);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotation"), rows);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM import_list"), lists);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM bad_row"), 1);
    free(before);
    free(after);
}

static void a_changed_caption_is_a_new_revision_of_the_same_answer(void **state)
{
    Store *store = *state;
    import_text(store, "a.csv", "ytid,start_s,caption,genre\naaaaaaaaaaa,5,First words.,Jazz\n");
    import_text(store, "a.csv", "ytid,start_s,caption,genre\naaaaaaaaaaa,5,Other words.,Jazz\n");
    assert_string_equal(store_field(store->db, "annotations", NULL, "text"), "Other words.");
    assert_string_equal(store_field(store->db, "clips", NULL, "genre"), "jazz");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotation"), 2);
}

static void a_source_that_was_taken_down_does_not_come_back(void **state)
{
    Store *store = *state;
    Err err = {0};
    import_text(store, "a.csv", "ytid,start_s\naaaaaaaaaaa,5\n");
    CHECK_OK(mel_source_takedown(store->db, "yt-aaaaaaaaaaa", "asked by the owner", NULL, &err));
    ImportReport again =
        import_text(store, "b.csv", "ytid,start_s\naaaaaaaaaaa,5\nbbbbbbbbbbb,1\n");
    assert_int_equal(again.bad, 1);
    assert_int_equal(again.clips_added, 1);
}

static void a_row_without_a_start_is_kept_aside(void **state)
{
    Store *store = *state;
    ImportReport report = import_text(store, "a.csv", "url\nhttps://example.org/a.mp4\n");
    assert_int_equal(report.clips_added, 0);
    assert_int_equal(report.bad, 1);
}

int main(void)
{
#define IMPORT_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IMPORT_TEST(musiccaps_rows_bring_clips_labels_and_captions),
        IMPORT_TEST(importing_twice_changes_nothing),
        IMPORT_TEST(a_changed_caption_is_a_new_revision_of_the_same_answer),
        IMPORT_TEST(a_source_that_was_taken_down_does_not_come_back),
        IMPORT_TEST(a_row_without_a_start_is_kept_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
