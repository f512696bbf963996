/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/curator/export_fixture.h"

#include "curator/source_list.h"
#include "tests/curator/parquet_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

/* ---- every format ---------------------------------------------------------------------------- */

static void every_format_gives_the_same_bytes_twice(void **state)
{
    (void)state;
    Fixture f = begin();
    for (int i = 0; i < EXPORT_FORMATS; i++) {
        const char *name = mel_export_format_name((ExportFormat)i);
        const char *a = test_path(f.folder, "a-%s", name), *b = test_path(f.folder, "b-%s", name);
        ExportReport first = export(&f, (ExportOptions){.format = (ExportFormat)i, .folder = a});
        ExportReport second =
            export(&f, (ExportOptions){.format = (ExportFormat)i, .folder = b, .link = true});
        assert_string_equal(first.manifest_sha256, second.manifest_sha256);
        assert_int_equal(first.items, CLIPS);
        assert_int_equal(first.size_bytes, second.size_bytes);
        assert_int_equal(test_shell("diff -r '%s' '%s'", a, b), 0);
        assert_int_equal(test_shell("cd '%s' && sha256sum --quiet -c SHA256SUMS", a), 0);
        assert_int_equal(test_shell("cd '%s' && test $(find . -type f | wc -l) -eq %lld", a,
                                    (long long)first.files),
                         0);
        assert_int_not_equal(test_shell("grep -rqF '%s' '%s'", f.folder, a), 0);
    }
    end(&f);
}

static void no_temporary_folder_is_left_beside(void **state)
{
    (void)state;
    Fixture f = begin();
    export(&f, (ExportOptions){.format = EXPORT_JSONL, .folder = test_path(f.folder, "out/one/")});
    assert_int_equal(test_shell("test \"$(ls -A '%s/out')\" = one", f.folder), 0);
    end(&f);
}

/* Neither a further annotator nor another one's number. */
static void what_was_asked_again_changes_no_export(void **state)
{
    (void)state;
    Fixture f = begin();
    const char *before = test_path(f.folder, "before"), *after = test_path(f.folder, "after");
    export(&f, (ExportOptions){.format = EXPORT_JSONL, .folder = before});
    small_answer(f.db, &(SmallClip){.genre = "metal"}, "yt-source00000:30000",
                 "alice" RETEST_SUFFIX);
    export(&f, (ExportOptions){.format = EXPORT_JSONL, .folder = after});
    assert_int_equal(test_shell("diff -r '%s' '%s'", before, after), 0);
    end(&f);
}

static void formats_have_names(void **state)
{
    (void)state;
    ExportFormat format;
    for (int i = 0; i < EXPORT_FORMATS; i++) {
        assert_true(mel_export_format_parse(mel_export_format_name((ExportFormat)i), &format));
        assert_int_equal(format, i);
    }
    assert_false(mel_export_format_parse("zip", &format));
}

/* ---- webdataset ------------------------------------------------------------------------------ */

typedef struct TarCheck {
    int samples, members;
    char last[160];
    Sha256 *audio;
} TarCheck;

static void check_member(TarCheck *check, struct archive *a, struct archive_entry *entry)
{
    static const char *const suffixes[] = {"flac", "jpg", "json", "txt"};
    const char *name = archive_entry_pathname(entry), *dot = strchr(name, '.');
    assert_non_null(dot);
    assert_string_equal(dot + 1, suffixes[check->members % 4]);
    char key[160];
    snprintf(key, sizeof key, "%.*s", (int)(dot - name), name);
    assert_true(mel_name_valid(key));
    if (check->members % 4 == 0) {
        assert_true(strcmp(check->last, key) < 0);
        snprintf(check->last, sizeof check->last, "%s", key);
        check->samples++;
    }
    assert_string_equal(check->last, key);
    assert_int_equal(archive_entry_mtime(entry), 0);
    assert_int_equal(archive_entry_uid(entry), 0);
    assert_int_equal(archive_entry_gid(entry), 0);
    assert_int_equal(archive_entry_perm(entry), 0644);
    size_t n = (size_t)archive_entry_size(entry);
    char *bytes = mel_alloc(n + 1);
    assert_int_equal(archive_read_data(a, bytes, n), n);
    if (mel_equal(dot, ".flac")) assert_memory_equal(bytes, "fLaC", 4);
    if (mel_equal(dot, ".jpg")) assert_memory_equal(bytes, "\xFF\xD8\xFF", 3);
    if (mel_equal(dot, ".txt")) assert_non_null(strstr(bytes, "A calm piece number"));
    if (mel_equal(dot, ".json")) {
        Err err = {0};
        json_t *json = mel_json_parse(bytes, n, name, &err);
        assert_string_equal(mel_json_text(json, "key", ""), key);
        const json_t *provenance = json_object_get(json, "provenance");
        assert_int_equal(strlen(mel_json_text(provenance, "audio_sha256", "")), 64);
        assert_string_equal(mel_json_text(provenance, "license", ""), "CC-BY-4.0");
        assert_string_equal(mel_json_text(provenance, "settled_by", ""), "single");
        const json_t *who = json_array_get(json_object_get(provenance, "annotators"), 0);
        assert_string_equal(json_string_value(who), "annotator-01");
        json_decref(json);
    }
    free(bytes);
    check->members++;
}

static int read_tar(const char *path, TarCheck *check)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    int before = check->samples;
    archive_read_support_format_tar(a);
    assert_int_equal(archive_read_open_filename(a, path, 10240), ARCHIVE_OK);
    while (archive_read_next_header(a, &entry) == ARCHIVE_OK)
        check_member(check, a, entry);
    assert_int_equal(archive_format(a), ARCHIVE_FORMAT_TAR_USTAR);
    archive_read_free(a);
    return check->samples - before;
}

static void tar_shards_are_dense_sorted_and_complete(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    const char *out = test_path(f.folder, "out");
    ExportReport report =
        export(&f, (ExportOptions){.format = EXPORT_WEBDATASET, .folder = out, .shard_items = 7});
    json_t *sizes = mel_json_load(test_path(out, "sizes.json"), 1 << 20, &err);
    int total = 0;
    size_t shards = 0;
    for (int side = 0; side < report.side_count; side++) {
        static const char *const names[] = {"train", "val", "test"};
        TarCheck check = {0};
        for (int number = 0; check.samples < report.counts[side]; number++) {
            const char *name = test_path("", "%s-%06d.tar", names[side], number) + 1;
            int samples = read_tar(test_path(out, "%s", name), &check);
            assert_int_equal(samples, mel_json_i64(sizes, name, -1));
            assert_true(samples <= 7);
            shards++;
        }
        assert_int_equal(check.members, 4 * report.counts[side]);
        total += check.samples;
    }
    assert_int_equal(total, CLIPS);
    assert_int_equal(json_object_size(sizes), shards);
    assert_true(shards > 5);
    json_decref(sizes);
    end(&f);
}

static void shards_end_before_they_grow_too_large(void **state)
{
    (void)state;
    Fixture f = begin();
    const char *out = test_path(f.folder, "out");
    export(&f, (ExportOptions){.format = EXPORT_WEBDATASET, .folder = out, .shard_bytes = 1});
    TarCheck check = {0};
    assert_int_equal(read_tar(test_path(out, "train-000000.tar"), &check), 1);
    assert_int_equal(read_tar(test_path(out, "train-000001.tar"), &check), 1);
    end(&f);
}

/* ---- parquet --------------------------------------------------------------------------------- */

static void parquet_holds_the_media_byte_for_byte(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    const char *out = test_path(f.folder, "out");
    ExportReport report =
        export(&f, (ExportOptions){.format = EXPORT_PARQUET, .folder = out, .shard_items = 10});
    int files = (int)((report.counts[0] + 9) / 10);
    int64_t rows = 0;
    for (int i = 0; i < files; i++) {
        PqFile p = pq_open(test_path(out, "data/train-%05d-of-%05d.parquet", i, files));
        PqColumn audio = pq_read(&p, "audio.bytes"), names = pq_read(&p, "audio.path");
        PqColumn captions = pq_read(&p, "caption"), bpm = pq_read(&p, "bpm");
        PqColumn moods = pq_read(&p, "moods.list.element"), imsm = pq_read(&p, "imsm");
        assert_int_equal(audio.count, p.rows);
        for (size_t r = 0; r < audio.count; r++) {
            char *bytes, name[64];
            size_t n;
            snprintf(name, sizeof name, "%.*s", (int)names.values[r].n,
                     (const char *)names.values[r].bytes);
            CHECK_OK(mel_read_file(test_path(f.data, "media/%s", name), 1 << 20, &bytes, &n, &err));
            assert_int_equal(audio.values[r].n, n);
            assert_memory_equal(audio.values[r].bytes, bytes, n);
            assert_true(captions.values[r].n > 20);
            assert_true(bpm.values[r].f64 == 72.5);
            assert_true(pq_is(&moods.values[r], "calm"));
            assert_false(imsm.values[r].there);
            free(bytes);
        }
        const char *features = pq_metadata(&p, "huggingface");
        assert_non_null(
            strstr(features, "\"audio\":{\"_type\":\"Audio\",\"sampling_rate\":16000}"));
        assert_non_null(strstr(features, "\"image\":{\"_type\":\"Image\"}"));
        rows += p.rows;
        free(audio.values), free(names.values), free(captions.values), free(bpm.values);
        free(moods.values), free(imsm.values);
        pq_close(&p);
    }
    assert_int_equal(rows, report.counts[0]);
    end(&f);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void json_lines_lead_to_their_media(void **state)
{
    (void)state;
    Fixture f = begin();
    const char *out = test_path(f.folder, "out");
    ExportReport report = export(&f, (ExportOptions){.format = EXPORT_JSONL, .folder = out});
    json_t *lines = read_lines(test_path(out, "train.jsonl"));
    assert_int_equal(json_array_size(lines), report.counts[0]);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        const json_t *provenance = json_object_get(line, "provenance");
        char hex[SHA256_HEX_SIZE];
        Err err = {0};
        CHECK_OK(mel_sha256_file(test_path(out, "%s", mel_json_text(line, "audio_path", "?")), hex,
                                 NULL, &err));
        assert_string_equal(hex, mel_json_text(provenance, "audio_sha256", ""));
        CHECK_OK(mel_sha256_file(test_path(out, "%s", mel_json_text(line, "image_path", "?")), hex,
                                 NULL, &err));
        assert_string_equal(hex, mel_json_text(provenance, "image_sha256", ""));
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)line, key, value)
            assert_false(mel_ends_with(key, "file_name"));
    }
    json_decref(lines);
    end(&f);
}

static void linked_media_shares_the_datasets_own_files(void **state)
{
    (void)state;
    Fixture f = begin();
    struct stat own, linked, copied;
    export(&f, (ExportOptions){
                   .format = EXPORT_JSONL, .folder = test_path(f.folder, "l"), .link = true});
    export(&f, (ExportOptions){.format = EXPORT_JSONL, .folder = test_path(f.folder, "c")});
    const char *name = "media/yt-source00000_30000.flac";
    assert_int_equal(stat(test_path(f.data, "%s", name), &own), 0);
    assert_int_equal(stat(test_path(f.folder, "l/%s", name), &linked), 0);
    assert_int_equal(stat(test_path(f.folder, "c/%s", name), &copied), 0);
    assert_int_equal(own.st_ino, linked.st_ino);
    assert_int_not_equal(own.st_ino, copied.st_ino);
    end(&f);
}

static void melfusion_lines_have_what_its_loader_reads(void **state)
{
    (void)state;
    Fixture f = begin();
    const char *out = test_path(f.folder, "out");
    export(&f, (ExportOptions){.format = EXPORT_MELFUSION, .folder = out});
    json_t *lines = read_lines(test_path(out, "train.json"));
    json_t *names = json_object();
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        assert_int_equal(json_object_size(line), 4);
        assert_string_equal(mel_json_text(line, "dataset", ""), "main");
        assert_true(*mel_json_text(line, "captions", ""));
        assert_true(mel_path_exists(test_path(out, "%s", mel_json_text(line, "img_path", "?"))));
        const char *location = mel_json_text(line, "location", "?");
        assert_true(mel_path_exists(test_path(out, "%s", location)));
        json_object_set_new(names, mel_path_base(location), json_true());
    }
    assert_int_equal(json_object_size(names), json_array_size(lines));
    json_decref(names);
    json_decref(lines);
    end(&f);
}

static void csv_disarms_formulas_and_keeps_numbers(void **state)
{
    (void)state;
    Fixture f = begin();
    const char *out = test_path(f.folder, "out");
    small_clip(f.db,
               (SmallClip){.source = "yt--formula000",
                           .start_us = 12345678,
                           .text = "=cmd|' /C calc'!A0, \"quoted\"",
                           .channel = "@channel",
                           .number = 99},
               NULL);
    split(&f);
    export(&f, (ExportOptions){.format = EXPORT_CSV, .folder = out});
    FILE *file = NULL;
    CsvReader csv;
    Err err = {0};
    bool seen = false;
    static const char *const sides[] = {"train", "val", "test"};
    for (int side = 0; side < 3; side++) {
        file = fopen(test_path(out, "%s.csv", sides[side]), "rb");
        assert_non_null(file);
        mel_csv_reader_init(&csv, file, ',', false);
        assert_int_equal(mel_csv_next(&csv, &err), CSV_ROW);
        assert_int_equal(csv.count, 34);
        assert_string_equal(mel_csv_field(&csv, 3), "caption");
        while (mel_csv_next(&csv, &err) == CSV_ROW) {
            assert_int_equal(csv.count, 34);
            if (!mel_equal(mel_csv_field(&csv, 0), "yt--formula000:12346")) continue;
            seen = true;
            assert_string_equal(mel_csv_field(&csv, 3), "'=cmd|' /C calc'!A0, \"quoted\"");
            assert_string_equal(mel_csv_field(&csv, 7), "72.5");
            assert_string_equal(mel_csv_field(&csv, 17), "'-formula000");
            assert_string_equal(mel_csv_field(&csv, 18), "12.345678");
            assert_string_equal(mel_csv_field(&csv, 21), "'@channel");
        }
        assert_false(mel_err_is_set(&err));
        mel_csv_reader_clear(&csv);
        fclose(file);
    }
    assert_true(seen);
    end(&f);
}

/* ---- MusicCaps ------------------------------------------------------------------------------- */

typedef struct Read {
    int rows, bad;
    bool found;
} Read;

static bool read_row(void *ctx, const ListRow *row, Err *err)
{
    (void)err;
    Read *read = ctx;
    read->rows++;
    if (!mel_equal(row->locator, "-abcdefghi_")) return true;
    read->found = true;
    static const ListLabel wanted[] = {
        {"audioset", "/m/03v3yw"         },
        {"audioset", "/m/0k4j"           },
        {"aspect",   "80's, \"synth\""   },
        {"aspect",   "a\\b\tc"           },
        {"aspect",   "tinny wide hi hats"},
        {"aspect",   "\xC3\xA9tude"      },
    };
    assert_int_equal(row->start_us, 30000000);
    assert_int_equal(row->end_us, 40000000);
    assert_string_equal(row->caption, "A song, with \"quotes\".\nAnd a second line");
    assert_string_equal(row->author, "musiccaps-4");
    assert_string_equal(row->published_split, "eval");
    assert_int_equal(row->label_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(row->labels[i].scheme, wanted[i].scheme);
        assert_string_equal(row->labels[i].value, wanted[i].value);
    }
    return true;
}

static bool read_bad(void *ctx, const ListBadRow *bad, Err *err)
{
    (void)err;
    ((Read *)ctx)->bad++;
    print_error("line %lld: %s\n", (long long)bad->line, bad->message);
    return true;
}

static void musiccaps_reads_back_as_it_was(void **state)
{
    (void)state;
    Fixture f = {.folder = test_folder()};
    Err err = {0};
    f.data = test_path(f.folder, "data");
    f.db = small_store(f.data);
    small_clip(f.db,
               (SmallClip){
                   .source = "yt--abcdefghi_",
                   .start_us = 30000000,
                   .published = "eval",
                   .text = "A song, with \"quotes\".\nAnd a second line",
                   .annotator = "musiccaps-4",
                   .annotator_kind = "import",
                   .aspects = {"tinny wide hi hats", "80's, \"synth\"", "a\\b\tc", "\xC3\xA9tude"},
                   .labels = {"/m/0k4j",      "/m/03v3yw"                      }
    },
               NULL);
    small_clip(
        f.db,
        (SmallClip){
            .source = "yt-bbbbbbbbbbb", .start_us = 30250000, .labels = {"/m/0k4j"}, .number = 1},
        NULL);
    split(&f);
    const char *out = test_path(f.folder, "out");
    ExportReport report = export(&f, (ExportOptions){.format = EXPORT_MUSICCAPS, .folder = out});
    Read read = {0};
    ListReader reader = {.row = read_row, .bad = read_bad, .ctx = &read};
    static const char *const sides[] = {"train", "val", "test"};
    bool quoted = false, fraction = false;
    for (int i = 0; i < 3; i++) {
        const char *path = test_path(out, "%s.csv", sides[i]);
        if (!mel_path_exists(path)) continue;
        ListFormat detected;
        CHECK_OK(mel_list_read(path, LIST_AUTO, &reader, &detected, &err));
        assert_int_equal(detected, LIST_MUSICCAPS);
        char *text = read_all(path);
        assert_true(
            mel_starts_with(text, "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,"
                                  "author_id,is_balanced_subset,is_audioset_eval\n"));
        quoted = quoted || strstr(text, "\n-abcdefghi_,30,40,\"/m/03v3yw,/m/0k4j\",\"['80\\'s, "
                                        "\"\"synth\"\"', 'a\\\\b\\tc', 'tinny wide hi hats', ");
        fraction = fraction || strstr(text, "\nbbbbbbbbbbb,30.25,40.25,/m/0k4j,[],A calm piece "
                                            "number 1 with a piano.,1001,False,False\n");
        free(text);
    }
    assert_int_equal(report.items, 2);
    assert_int_equal(read.rows, 2);
    assert_int_equal(read.bad, 0);
    assert_true(read.found && quoted && fraction);
    end(&f);
}

static void musiccaps_refuses_what_is_not_from_youtube(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    ExportReport report = {0};
    small_clip(f.db,
               (SmallClip){.source = "file-0123456789abcdef",
                           .start_us = 0,
                           .kind = "file",
                           .locator = "/home/someone/secret/video.mp4",
                           .number = 77},
               NULL);
    split(&f);
    ExportOptions options = {
        .split = "main", .format = EXPORT_MUSICCAPS, .folder = test_path(f.folder, "out")};
    CHECK_FAILS(mel_export(f.db, &options, NULL, &report, &err), ERR_USAGE);
    assert_false(mel_path_exists(options.folder));
    options.where = "kind = 'youtube'";
    CHECK_OK(mel_export(f.db, &options, NULL, &report, &err));
    assert_int_equal(report.items, CLIPS);
    assert_int_equal(report.unwanted, 1);
    mel_export_report_clear(&report);
    /* and no path of this machine is published */
    const char *other = test_path(f.folder, "other");
    export(&f, (ExportOptions){.format = EXPORT_JSONL, .folder = other});
    assert_int_not_equal(test_shell("grep -rq secret '%s'", other), 0);
    assert_int_equal(test_shell("cat '%s'/*.jsonl | grep -q '\"locator\":\"video.mp4\"'", other),
                     0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_gives_the_same_bytes_twice),
        cmocka_unit_test(no_temporary_folder_is_left_beside),
        cmocka_unit_test(what_was_asked_again_changes_no_export),
        cmocka_unit_test(formats_have_names),
        cmocka_unit_test(tar_shards_are_dense_sorted_and_complete),
        cmocka_unit_test(shards_end_before_they_grow_too_large),
        cmocka_unit_test(parquet_holds_the_media_byte_for_byte),
        cmocka_unit_test(json_lines_lead_to_their_media),
        cmocka_unit_test(linked_media_shares_the_datasets_own_files),
        cmocka_unit_test(melfusion_lines_have_what_its_loader_reads),
        cmocka_unit_test(csv_disarms_formulas_and_keeps_numbers),
        cmocka_unit_test(musiccaps_reads_back_as_it_was),
        cmocka_unit_test(musiccaps_refuses_what_is_not_from_youtube),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
