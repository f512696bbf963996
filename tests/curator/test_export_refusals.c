/* SPDX-License-Identifier: Apache-2.0
 *
 * What an export refuses, leaves out, or must not tell. */
#include "tests/curator/export_fixture.h"

#include <unistd.h>

/* One member of each of two sides. */
typedef struct Pair {
    char train[CLIP_ID_SIZE], test[CLIP_ID_SIZE];
} Pair;

static bool take_pair(void *ctx, const SplitMember *member, Err *err)
{
    (void)err;
    Pair *pair = ctx;
    char *slot = mel_equal(member->side, "train") ? pair->train : pair->test;
    snprintf(slot, CLIP_ID_SIZE, "%s", member->clip_id);
    return true;
}

static Pair pair_of(Fixture *f)
{
    Err err = {0};
    Arena arena = {0};
    SplitRow row;
    Pair pair = {0};
    CHECK_OK(mel_split_find(f->db, "main", &arena, &row, &err));
    CHECK_OK(mel_split_each(f->db, row.id, take_pair, &pair, &err));
    mel_arena_clear(&arena);
    assert_true(*pair.train && *pair.test);
    return pair;
}

static void a_split_that_leaks_is_refused_until_it_is_made_again(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    Pair pair = pair_of(&f);
    bool first = strcmp(pair.train, pair.test) < 0;
    const char *out = test_path(f.folder, "out");
    const ExportOptions options = {
        .split = "main", .side = "train", .format = EXPORT_JSONL, .folder = out};
    ExportReport report = {0};
    DuplicateRow row = {.clip_a = first ? pair.train : pair.test,
                        .clip_b = first ? pair.test : pair.train,
                        .kind = "text",
                        .score = 1,
                        .method = "test"};
    CHECK_OK(mel_duplicate_put(f.db, &row, NULL, &err));
    CHECK_OK(mel_export(f.db, &options, NULL, &report, &err)); /* equal texts are only counted */
    assert_int_equal(report.texts_across, 1);
    mel_export_report_clear(&report);
    CHECK_OK(mel_remove_tree(out, &err));

    row.kind = "audio";
    CHECK_OK(mel_duplicate_put(f.db, &row, NULL, &err));
    assert_false(mel_export(f.db, &options, NULL, &report, &err));
    assert_string_equal(err.reason, "split.leak");
    assert_non_null(strstr(err.message, pair.train));
    assert_non_null(strstr(err.message, pair.test));
    CHECK_FAILS(mel_export(f.db, &options, NULL, &report, &err), ERR_DENIED);
    assert_false(mel_path_exists(out));
    split(&f);
    CHECK_OK(mel_export(f.db, &options, NULL, &report, &err));
    mel_export_report_clear(&report);
    end(&f);
}

static void a_media_file_that_changed_is_named_and_nothing_is_left(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    ExportReport report = {0};
    const char *path = test_path(f.data, "media/yt-source00003_50000.jpg");
    char *bytes;
    size_t n;
    CHECK_OK(mel_read_file(path, 1 << 20, &bytes, &n, &err));
    bytes[n / 2] ^= 1;
    test_write(path, bytes, n);
    free(bytes);
    for (int i = 0; i < EXPORT_FORMATS; i++) {
        ExportOptions options = {
            .split = "main", .format = (ExportFormat)i, .folder = test_path(f.folder, "out")};
        if (i == EXPORT_MUSICCAPS) continue; /* holds no media */
        assert_false(mel_export(f.db, &options, NULL, &report, &err));
        assert_string_equal(err.reason, "export.changed");
        assert_non_null(strstr(err.message, "yt-source00003_50000.jpg"));
        mel_err_clear(&err);
        assert_int_equal(test_shell("test \"$(ls -A '%s')\" = data", f.folder), 0);
    }
    assert_int_equal(unlink(path), 0);
    assert_false(mel_export(f.db,
                            &(ExportOptions){.split = "main",
                                             .format = EXPORT_JSONL,
                                             .folder = test_path(f.folder, "o")},
                            NULL, &report, &err));
    assert_non_null(strstr(err.message, "yt-source00003:50000"));
    end(&f);
}

static void a_folder_that_is_there_is_replaced_only_when_it_is_an_export(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    ExportReport report = {0};
    const char *out = test_path(f.folder, "out");
    ExportOptions options = {.split = "main", .format = EXPORT_JSONL, .folder = out};
    export(&f, options);
    CHECK_FAILS(mel_export(f.db, &options, NULL, &report, &err), ERR_EXISTS);
    options.overwrite = true;
    options.format = EXPORT_CSV;
    export(&f, options);
    assert_true(mel_path_exists(test_path(out, "train.csv")));
    assert_false(mel_path_exists(test_path(out, "train.jsonl")));
    assert_int_equal(test_shell("test $(ls -A '%s' | wc -l) -eq 2", f.folder), 0);

    const char *mine = test_path(f.folder, "mine");
    CHECK_OK(mel_make_dirs(mine, &err));
    test_write(test_path(mine, "thesis.tex"), "x", 1);
    options.folder = mine;
    CHECK_FAILS(mel_export(f.db, &options, NULL, &report, &err), ERR_EXISTS);
    assert_true(mel_path_exists(test_path(mine, "thesis.tex")));
    options.folder = f.data; /* not even the dataset itself */
    CHECK_FAILS(mel_export(f.db, &options, NULL, &report, &err), ERR_EXISTS);
    const char *empty = test_path(f.folder, "empty");
    CHECK_OK(mel_make_dirs(empty, &err));
    options.folder = empty;
    options.overwrite = false;
    export(&f, options);
    end(&f);
}

static void clips_that_are_not_complete_any_more_are_refused_or_left_out(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    ExportReport report = {0};
    CHECK_OK(mel_clip_failed(f.db, "yt-source00002:30000", "media.truncated", "local", "gone", 1, 1,
                             "{}", &err));
    ExportOptions options = {
        .split = "main", .format = EXPORT_JSONL, .folder = test_path(f.folder, "out")};
    assert_false(mel_export(f.db, &options, NULL, &report, &err));
    assert_string_equal(err.reason, "export.incomplete");
    assert_non_null(strstr(err.message, "yt-source00002:30000"));
    mel_err_clear(&err);
    options.skip_missing = true;
    CHECK_OK(mel_export(f.db, &options, NULL, &report, &err));
    assert_int_equal(report.items, CLIPS - 1);
    assert_int_equal(report.missing, 1);
    assert_true(holds(test_path(f.folder, "out/README.md"), "| failed: media.truncated | 1 |"));
    mel_export_report_clear(&report);
    end(&f);
}

static void taken_down_and_filtered_clips_are_left_out_and_counted(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    PassOutcome outcome;
    CHECK_OK(mel_source_takedown(f.db, "yt-source00004", "asked", NULL, &err));
    CHECK_OK(mel_pass_run(f.db, "no-blues", "genre = 'blues'", NULL, false, &outcome, &err));
    const char *out = test_path(f.folder, "out");
    ExportReport report = export(&f, (ExportOptions){.format = EXPORT_JSONL, .folder = out});
    assert_int_equal(report.taken_down, 2);
    assert_int_equal(report.excluded, outcome.newly_excluded);
    assert_true(report.excluded >= 6);
    assert_int_equal(report.items, CLIPS - 2 - report.excluded);
    assert_int_not_equal(test_shell("grep -rq yt-source00004 '%s'", out), 0);
    assert_true(holds(test_path(out, "README.md"), "kept out by the pass no-blues"));
    end(&f);
}

static void a_side_or_condition_chooses_clips(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    ExportReport report = {0};
    ExportOptions options = {.split = "main",
                             .side = "val",
                             .format = EXPORT_JSONL,
                             .folder = test_path(f.folder, "out")};
    CHECK_OK(mel_export(f.db, &options, NULL, &report, &err));
    assert_int_equal(report.side_count, 1);
    assert_int_equal(report.items + report.unwanted, CLIPS);
    assert_int_equal(count_lines(test_path(f.folder, "out/val.jsonl")), report.items);
    assert_false(mel_path_exists(test_path(f.folder, "out/train.jsonl")));
    mel_export_report_clear(&report);
    options.folder = test_path(f.folder, "none");
    options.side = "vall";
    assert_false(mel_export(f.db, &options, NULL, &report, &err));
    assert_string_equal(err.hint, "did you mean 'val'?");
    mel_err_clear(&err);
    options.side = NULL;
    options.where = "genre = 'yodel'";
    CHECK_FAILS(mel_export(f.db, &options, NULL, &report, &err), ERR_NOT_FOUND);
    options.where = "genre = ";
    CHECK_FAILS(mel_export(f.db, &options, NULL, &report, &err), ERR_USAGE);
    options.where = NULL;
    options.split = "nothing";
    CHECK_FAILS(mel_export(f.db, &options, NULL, &report, &err), ERR_NOT_FOUND);
    end(&f);
}

static void people_appear_under_pseudonyms(void **state)
{
    (void)state;
    Fixture f = begin();
    small_clip(f.db,
               (SmallClip){.source = "yt-zzzzzzzzzzz",
                           .start_us = 0,
                           .annotator = "zoe-the-musician",
                           .number = 50},
               NULL);
    split(&f);
    const char *out = test_path(f.folder, "out");
    export(&f, (ExportOptions){.format = EXPORT_JSONL, .folder = out});
    assert_int_not_equal(test_shell("grep -rqE 'alice|zoe-the' '%s'", out), 0);
    assert_int_equal(test_shell("cat '%s'/*.jsonl | grep -q 'annotator-02'", out), 0);
    end(&f);
}

static void the_card_names_files_licences_and_tools(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    const char *out = test_path(f.folder, "out");
    export(&f, (ExportOptions){.format = EXPORT_PARQUET,
                               .folder = out,
                               .title = "Songs *and* stills",
                               .purpose = "To test\nthings",
                               .maintainer = "A Lab"});
    const char *readme = test_path(out, "README.md");
    assert_true(holds(readme, "path: \"data/train-[0-9]*.parquet\""));
    assert_true(holds(readme, "# Songs \\*and\\* stills\n"));
    assert_true(holds(readme, "* Purpose: To test things\n"));
    assert_true(holds(readme, "| CC-BY-4.0 | 40 |"));
    assert_true(holds(readme, "| listed | 40 |"));
    assert_true(holds(readme, "melkit\":\"test"));
    assert_true(holds(readme, "| annotator-01 | 40 |"));
    json_t *card = mel_json_load(test_path(out, "dataset.croissant.json"), 1 << 20, &err);
    const json_t *files = json_object_get(card, "distribution");
    assert_int_equal(json_array_size(files), 3);
    for (size_t i = 0; i < 3; i++) {
        char hex[SHA256_HEX_SIZE];
        const json_t *file = json_array_get(files, i);
        CHECK_OK(mel_sha256_file(test_path(out, "%s", mel_json_text(file, "contentUrl", "?")), hex,
                                 NULL, &err));
        assert_string_equal(hex, mel_json_text(file, "sha256", ""));
    }
    json_decref(card);
    end(&f);
}

static void stop_after_three(void *ctx, const ProgressTick *tick)
{
    (void)ctx;
    if (tick->done == 3) mel_interrupt_raise();
}

/* Last: the flag cannot be taken back. */
static void an_interruption_leaves_nothing(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    ExportReport report = {0};
    const Progress progress = {.fn = stop_after_three};
    ExportOptions options = {
        .split = "main", .format = EXPORT_WEBDATASET, .folder = test_path(f.folder, "out")};
    CHECK_FAILS(mel_export(f.db, &options, &progress, &report, &err), ERR_CANCELLED);
    assert_int_equal(test_shell("test \"$(ls -A '%s')\" = data", f.folder), 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_that_leaks_is_refused_until_it_is_made_again),
        cmocka_unit_test(a_media_file_that_changed_is_named_and_nothing_is_left),
        cmocka_unit_test(a_folder_that_is_there_is_replaced_only_when_it_is_an_export),
        cmocka_unit_test(clips_that_are_not_complete_any_more_are_refused_or_left_out),
        cmocka_unit_test(taken_down_and_filtered_clips_are_left_out_and_counted),
        cmocka_unit_test(a_side_or_condition_chooses_clips),
        cmocka_unit_test(people_appear_under_pseudonyms),
        cmocka_unit_test(the_card_names_files_licences_and_tools),
        cmocka_unit_test(an_interruption_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
