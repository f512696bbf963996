/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/export.h"

#include "curator/source_list.h"
#include "curator/split.h"
#include "tests/curator/parquet_reader.h"
#include "tests/curator/small_store.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLIPS = 40 };

typedef struct Fixture {
    char *folder;
    const char *data; /* the dataset */
    Db *db;
} Fixture;

static void split(Fixture *f)
{
    Err err = {0};
    SplitRunReport report = {0};
    CHECK_OK(mel_split_run(f->db, &(SplitRunOptions){.name = "main", .seed = "1"}, &report, &err));
    mel_split_report_clear(&report);
}

/* A dataset of 40 clips and a split of them. */
static Fixture begin(void)
{
    Err err = {0};
    Fixture f = {.folder = test_folder()};
    f.data = test_path(f.folder, "data");
    f.db = small_store(f.data);
    CHECK_OK(mel_db_begin(f.db, &err));
    small_clips(f.db, CLIPS);
    CHECK_OK(mel_db_end(f.db, true, &err));
    split(&f);
    return f;
}

static void end(Fixture *f)
{
    mel_db_close(f->db);
    test_folder_remove(f->folder);
}

static ExportReport export(Fixture *f, ExportOptions options)
{
    Err err = {0};
    ExportReport report = {0};
    options.split = "main";
    CHECK_OK(mel_export(f->db, &options, NULL, &report, &err));
    ExportReport numbers = report;
    mel_export_report_clear(&report);
    return numbers;
}

static char *read_all(const char *path)
{
    Err err = {0};
    char *text = NULL;
    CHECK_OK(mel_read_file(path, 64 << 20, &text, NULL, &err));
    return text;
}

static bool holds(const char *path, const char *text)
{
    char *all = read_all(path);
    bool found = strstr(all, text) != NULL;
    free(all);
    return found;
}

/* The JSON lines of a file, as one array. */
static json_t *read_lines(const char *path)
{
    Err err = {0};
    char *text = read_all(path), *rest = text;
    json_t *list = json_array();
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (!*line) continue;
        json_t *value = mel_json_parse(line, strlen(line), path, &err);
        if (!value) fail_msg("%s", err.message);
        json_array_append_new(list, value);
    }
    free(text);
    return list;
}

static int count_lines(const char *path)
{
    char *text = read_all(path);
    int lines = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    free(text);
    return lines;
}

/* ---- every format
 * ---------------------------------------------------------------------------------- */

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

/* ---- webdataset
 * -------------------------------------------------------------------------------------- */

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

/* ---- parquet
 * ------------------------------------------------------------------------------------------- */

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

/* ---- lists
 * ------------------------------------------------------------------------------------------------
 */

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

/* ---- MusicCaps
 * ---------------------------------------------------------------------------------------------- */

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

/* ---- what is refused
 * ------------------------------------------------------------------------------------------ */

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
        cmocka_unit_test(every_format_gives_the_same_bytes_twice),
        cmocka_unit_test(no_temporary_folder_is_left_beside),
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
