/* SPDX-License-Identifier: Apache-2.0
 *
 * Sources, clips, what became of them, and takedown. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static void a_source_is_added_once_and_then_filled(void **state)
{
    Store *store = *state;
    Err err = {0};
    bool added;
    Source source = {
        .id = "yt-abc", .kind = "youtube", .locator = "https://x/abc", .duration_us = -1};
    CHECK_OK(mel_source_put(store->db, &source, &added, &err));
    assert_true(added);
    source.title = "First";
    source.channel = "someone";
    source.duration_us = 7000000;
    CHECK_OK(mel_source_put(store->db, &source, &added, &err));
    assert_false(added);
    source.title = "Second";
    CHECK_OK(mel_source_put(store->db, &source, &added, &err));
    CHECK_OK(mel_clip_put(store->db, "yt-abc", 0, 1, NULL, NULL, NULL, &err));
    assert_string_equal(store_field(store->db, "clips", NULL, "title"), "First");
    assert_string_equal(store_field(store->db, "clips", NULL, "channel"), "someone");
    assert_string_equal(store_field(store->db, "clips", NULL, "source_duration_s"), "7");
}

static void a_clip_is_added_once(void **state)
{
    Store *store = *state;
    Err err = {0};
    char id[CLIP_ID_SIZE];
    bool added;
    store_source(store->db, "file-a");
    CHECK_OK(mel_clip_put(store->db, "file-a", 1500000, 11500000, "train", id, &added, &err));
    assert_true(added);
    assert_string_equal(id, "file-a:1500");
    CHECK_OK(mel_clip_put(store->db, "file-a", 1500000, 12000000, "test", id, &added, &err));
    assert_false(added);
    assert_string_equal(id, "file-a:1500");
    assert_string_equal(store_field(store->db, "clips", NULL, "published_split"), "train");
    assert_string_equal(store_field(store->db, "clips", NULL, "end_s"), "11.5");
}

static void clips_that_make_no_sense_are_refused(void **state)
{
    Store *store = *state;
    Err err = {0};
    char longest[200];
    store_source(store->db, "file-a");
    CHECK_FAILS(mel_clip_put(store->db, "file-none", 0, 1, NULL, NULL, NULL, &err), ERR_DB);
    CHECK_FAILS(mel_clip_put(store->db, "file-a", 5, 5, NULL, NULL, NULL, &err), ERR_DB);
    CHECK_FAILS(mel_clip_put(store->db, "file-a", -1, 5, NULL, NULL, NULL, &err), ERR_DB);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    store_source(store->db, longest);
    CHECK_FAILS(mel_clip_put(store->db, longest, 0, 1, NULL, NULL, NULL, &err), ERR_USAGE);
    assert_int_equal(store_count(store->db, "clips", NULL), 0);
}

static void labels_and_bad_rows_are_kept_once(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(mel_clip_label(store->db, clip, "audioset", "/m/1", &err));
        CHECK_OK(mel_clip_label(store->db, clip, "audioset", "/m/2", &err));
        CHECK_OK(mel_bad_row_put(store->db, "l.csv", 7, "time.order", "no", "a,b", &err));
    }
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM label"), 2);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM bad_row"), 1);
}

static void importing_the_same_rows_again_changes_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    char *before = NULL;
    for (int round = 0; round < 2; round++) {
        CHECK_OK(mel_db_begin(store->db, &err));
        for (int i = 0; i < 50; i++) {
            const char *clip = store_clip(store->db, i % 2 ? "file-a" : "file-b", i);
            CHECK_OK(mel_clip_label(store->db, clip, "audioset", "/m/1", &err));
        }
        CHECK_OK(mel_db_end(store->db, true, &err));
        char *dump = store_dump(store->db, &err);
        if (before) assert_string_equal(before, dump);
        free(before);
        before = dump;
    }
    free(before);
}

/* ---- work
 * ---------------------------------------------------------------------------------------- */

static void work_is(Db *db, const char *where, const char *classes, const char *wanted)
{
    Err err = {0};
    ClipWork *work = NULL;
    size_t count = 0;
    Str ids = {0};
    CHECK_OK(mel_clip_work(db, where, classes, &work, &count, &err));
    for (size_t i = 0; i < count; i++)
        mel_str_addf(&ids, "%s ", work[i].clip_id);
    if (!mel_equal(mel_str_text(&ids), wanted))
        fail_msg("work where %s of %s is '%s', wanted '%s'", where ? where : "-",
                 classes ? classes : "-", mel_str_text(&ids), wanted);
    mel_clip_work_free(work, count);
    mel_str_clear(&ids);
}

static void fail_clip(Db *db, const char *clip, const char *reason, const char *class)
{
    Err err = {0};
    CHECK_OK(mel_clip_failed(db, clip, reason, class, "it failed", 5, 6, "{}", &err));
}

static void work_is_what_waits_in_order_of_source_and_start(void **state)
{
    Store *store = *state;
    work_is(store->db, NULL, NULL, "");
    store_clip(store->db, "file-b", 9);
    store_clip(store->db, "file-b", 100);
    store_clip(store->db, "file-a", 20);
    store_ready_clip(store->db, "file-a", 5, -20);
    work_is(store->db, NULL, NULL, "file-a:20000 file-b:9000 file-b:100000 ");
    work_is(store->db, "source = 'file-b'", NULL, "file-b:9000 file-b:100000 ");
    work_is(store->db, "start_s > 10", NULL, "file-a:20000 file-b:100000 ");
}

static void work_carries_what_fetching_needs(void **state)
{
    Store *store = *state;
    Err err = {0};
    ClipWork *work = NULL;
    size_t count = 0;
    fail_clip(store->db, store_clip(store->db, "file-a", 3), "http.503", "transient");
    CHECK_OK(mel_clip_work(store->db, NULL, "transient", &work, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(work->source_id, "file-a");
    assert_string_equal(work->kind, "file");
    assert_string_equal(work->locator, "/films/file-a.mp4");
    assert_int_equal(work->start_us, 3000000);
    assert_int_equal(work->end_us, 13000000);
    assert_int_equal(work->attempts, 1);
    mel_clip_work_free(work, count);
}

static void failed_clips_come_back_by_class_only(void **state)
{
    Store *store = *state;
    fail_clip(store->db, store_clip(store->db, "file-a", 1), "http.503", "transient");
    fail_clip(store->db, store_clip(store->db, "file-a", 2), "http.429", "pause");
    fail_clip(store->db, store_clip(store->db, "file-a", 3), "http.404", "permanent");
    store_clip(store->db, "file-a", 4);
    work_is(store->db, NULL, NULL, "file-a:4000 ");
    work_is(store->db, NULL, "transient", "file-a:1000 ");
    work_is(store->db, NULL, "transient,pause", "file-a:1000 file-a:2000 ");
    work_is(store->db, NULL, "pause,permanent", "file-a:2000 file-a:3000 ");
    work_is(store->db, NULL, "trans", "");
    work_is(store->db, NULL, "", "");
    work_is(store->db, NULL, "all", "file-a:1000 file-a:2000 file-a:3000 file-a:4000 ");
    work_is(store->db, "reason = 'http.404'", "all", "file-a:3000 ");
}

static void a_failed_clip_without_a_class_does_not_hang_the_work_list(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 1);
    CHECK_OK(mel_clip_failed(store->db, clip, "odd", NULL, "odd", 1, 1, "{}", &err));
    work_is(store->db, NULL, "transient", "");
    work_is(store->db, NULL, "all", "file-a:1000 ");
    assert_int_equal(store_findings(store->db, "store.product"), 1);
}

static void work_with_a_bad_condition_is_refused(void **state)
{
    Store *store = *state;
    Err err = {0};
    ClipWork *work = NULL;
    size_t count = 0;
    store_clip(store->db, "file-a", 1);
    CHECK_FAILS(mel_clip_work(store->db, "nonsense = 1", NULL, &work, &count, &err), ERR_USAGE);
    assert_null(work);
}

/* ---- outcomes
 * --------------------------------------------------------------------------------------- */

static void a_failure_is_told_with_its_history(void **state)
{
    Store *store = *state;
    const char *clip = store_clip(store->db, "file-a", 0);
    fail_clip(store->db, clip, "http.503", "transient");
    fail_clip(store->db, clip, "http.404", "permanent");
    assert_string_equal(store_field(store->db, "clips", NULL, "state"), "failed");
    assert_string_equal(store_field(store->db, "clips", NULL, "reason"), "http.404");
    assert_string_equal(store_field(store->db, "clips", NULL, "failure_class"), "permanent");
    assert_string_equal(store_field(store->db, "clips", NULL, "attempts"), "2");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM attempt WHERE outcome = 'failed'"),
                     2);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

static void a_success_clears_the_failure_and_replaces_older_products(void **state)
{
    Store *store = *state;
    const char *clip = store_clip(store->db, "file-a", 0);
    fail_clip(store->db, clip, "http.503", "transient");
    store_ready(store->db, clip, 5, -10);
    store_ready(store->db, clip, 2, -12);
    assert_string_equal(store_field(store->db, "clips", NULL, "state"), "ready");
    assert_string_equal(store_field(store->db, "clips", NULL, "reason"), "");
    assert_string_equal(store_field(store->db, "clips", NULL, "attempts"), "3");
    assert_string_equal(store_field(store->db, "clips", NULL, "loudness_lufs"), "-12");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM media"), 4);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM frame"), 2);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM landmark"), 1);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

static void an_unknown_clip_or_measure_records_nothing(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_clip(store->db, "file-a", 0);
    const ClipMeasure measure = {"no_such_measure", 1};
    const ClipProducts products = {.clip_id = clip,
                                   .tools_json = "{}",
                                   .container = "mp4",
                                   .audio_codec = "aac",
                                   .video_codec = "h264",
                                   .measures = &measure,
                                   .measure_count = 1};
    CHECK_FAILS(mel_clip_ready(store->db, &products, &err), ERR_DB);
    CHECK_FAILS(mel_clip_failed(store->db, "no:clip", "x", "local", "x", 1, 1, "{}", &err), ERR_DB);
    CHECK_FAILS(mel_clip_failed(store->db, clip, "x", "no class", "x", 1, 1, "{}", &err), ERR_DB);
    assert_string_equal(store_field(store->db, "clips", NULL, "state"), "new");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM attempt"), 0);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM cut"), 0);
}

static void two_clips_cannot_own_one_file(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *first = store_ready_clip(store->db, "file-a", 0, -20);
    const char *second = store_clip(store->db, "file-a", 20);
    char *path = mel_asprintf("media/%s/audio-0.flac", first), hex[SHA256_HEX_SIZE];
    mel_sha256_hex("x", 1, hex);
    const ClipMedia media = {.role = "audio", .path = path, .sha256 = hex, .size_bytes = 1};
    const ClipProducts products = {.clip_id = second,
                                   .tools_json = "{}",
                                   .container = "mp4",
                                   .audio_codec = "aac",
                                   .video_codec = "h264",
                                   .media = &media,
                                   .media_count = 1};
    CHECK_FAILS(mel_clip_ready(store->db, &products, &err), ERR_DB);
    assert_int_equal(store_count(store->db, "clips", "state = 'ready'"), 1);
    free(path);
}

static bool add_path(void *ctx, const MediaRow *row, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s %d %lld\n", row->path, row->position, (long long)row->size_bytes);
    return true;
}

static void every_file_is_listed_for_one_clip_or_for_all(void **state)
{
    Store *store = *state;
    Err err = {0};
    Str one = {0}, all = {0};
    const char *clip = store_clip(store->db, "file-b", 1);
    store_ready_clip(store->db, "file-a", 0, -20);
    store_ready(store->db, clip, 1, -20);
    CHECK_OK(mel_media_each(store->db, clip, add_path, &one, &err));
    CHECK_OK(mel_media_each(store->db, NULL, add_path, &all, &err));
    assert_string_equal(mel_str_text(&one), "media/file-b:1000/audio-0.flac 0 1000\n"
                                            "media/file-b:1000/preview-0.mp4 0 1000\n"
                                            "media/file-b:1000/still-0.jpg 0 1000\n");
    assert_true(mel_ends_with(mel_str_text(&all), mel_str_text(&one)));
    assert_true(all.length > 2 * one.length);
    mel_str_clear(&one);
    mel_str_clear(&all);
}

static void looking_at_a_source_is_remembered(void **state)
{
    Store *store = *state;
    Err err = {0};
    store_clip(store->db, "file-a", 0);
    assert_string_equal(store_field(store->db, "clips", NULL, "availability"), "unknown");
    CHECK_OK(mel_source_seen(store->db, "file-a", "available", NULL, NULL, &err));
    CHECK_OK(mel_source_seen(store->db, "file-a", "gone", "yt.removed", "it was removed", &err));
    assert_string_equal(store_field(store->db, "clips", NULL, "availability"), "gone");
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM sighting"), 2);
    CHECK_FAILS(mel_source_seen(store->db, "file-a", "perhaps", NULL, NULL, &err), ERR_DB);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM sighting"), 2);
}

/* ---- takedown
 * ---------------------------------------------------------------------------------------- */

static void a_taken_down_source_loses_its_media_and_never_comes_back(void **state)
{
    Store *store = *state;
    Err err = {0};
    const char *clip = store_ready_clip(store->db, "file-a", 0, -20);
    const char *waiting = store_clip(store->db, "file-a", 20);
    store_ready_clip(store->db, "file-b", 0, -20);
    store_say(store->db, clip, "ann", "jazz", NULL);
    assert_int_equal(store_count(store->db, "triplets", NULL), 1);
    CHECK_OK(mel_source_takedown(store->db, "file-a", "asked to", "mail 17", &err));
    assert_int_equal(store_count(store->db, "triplets", NULL), 0);
    assert_int_equal(store_count(store->db, "clips", "reason = 'source.taken_down'"), 2);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM media"), 5);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM landmark"), 1);
    work_is(store->db, NULL, "all", "");

    const Source again = {.id = "file-a", .kind = "file", .locator = "/x", .duration_us = -1};
    CHECK_FAILS(mel_source_put(store->db, &again, NULL, &err), ERR_DENIED);
    CHECK_FAILS(mel_clip_put(store->db, "file-a", 40000000, 50000000, NULL, NULL, NULL, &err),
                ERR_DENIED);
    CHECK_FAILS(store_try_ready(store->db, waiting, 1, -20, &err), ERR_DENIED);
    fail_clip(store->db, waiting, "http.503", "transient"); /* a fetch that was under way */
    assert_int_equal(store_count(store->db, "clips", "reason = 'source.taken_down'"), 2);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

static void a_takedown_may_come_before_the_source_and_twice(void **state)
{
    Store *store = *state;
    Err err = {0};
    const Source source = {.id = "yt-x", .kind = "youtube", .locator = "/x", .duration_us = -1};
    CHECK_OK(mel_source_takedown(store->db, "yt-x", "asked to", NULL, &err));
    CHECK_OK(mel_source_takedown(store->db, "yt-x", "asked to", NULL, &err));
    CHECK_FAILS(mel_source_put(store->db, &source, NULL, &err), ERR_DENIED);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM source"), 0);
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(a_source_is_added_once_and_then_filled),
        IN_A_STORE(a_clip_is_added_once),
        IN_A_STORE(clips_that_make_no_sense_are_refused),
        IN_A_STORE(labels_and_bad_rows_are_kept_once),
        IN_A_STORE(importing_the_same_rows_again_changes_nothing),
        IN_A_STORE(work_is_what_waits_in_order_of_source_and_start),
        IN_A_STORE(work_carries_what_fetching_needs),
        IN_A_STORE(failed_clips_come_back_by_class_only),
        IN_A_STORE(a_failed_clip_without_a_class_does_not_hang_the_work_list),
        IN_A_STORE(work_with_a_bad_condition_is_refused),
        IN_A_STORE(a_failure_is_told_with_its_history),
        IN_A_STORE(a_success_clears_the_failure_and_replaces_older_products),
        IN_A_STORE(an_unknown_clip_or_measure_records_nothing),
        IN_A_STORE(two_clips_cannot_own_one_file),
        IN_A_STORE(every_file_is_listed_for_one_clip_or_for_all),
        IN_A_STORE(looking_at_a_source_is_remembered),
        IN_A_STORE(a_taken_down_source_loses_its_media_and_never_comes_back),
        IN_A_STORE(a_takedown_may_come_before_the_source_and_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
