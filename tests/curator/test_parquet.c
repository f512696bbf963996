/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/parquet.h"

#include "tests/curator/parquet_reader.h"

static const ParquetColumn columns[] = {
    {"name",  PARQUET_TEXT },
    {"count", PARQUET_I64  },
    {"score", PARQUET_F64  },
    {"moods", PARQUET_TEXTS},
    {"audio", PARQUET_MEDIA},
};
enum { COLUMNS = MEL_COUNT(columns) };

static ParquetWriter *open_writer(const char *path)
{
    Err err = {0};
    ParquetWriter *writer = NULL;
    CHECK_OK(mel_parquet_begin(path, columns, COLUMNS, "huggingface", "{\"a\":1}", &writer, &err));
    return writer;
}

static void close_writer(ParquetWriter *writer)
{
    Err err = {0};
    CHECK_OK(mel_parquet_finish(writer, &err));
    mel_parquet_free(writer);
}

static void put_row(ParquetWriter *writer, const char *name, int64_t count, double score,
                    const char *const *moods, size_t mood_count, const void *audio, size_t n,
                    const char *path)
{
    Err err = {0};
    mel_parquet_media(writer, 4, audio, n, path);
    mel_parquet_text(writer, 0, name);
    mel_parquet_i64(writer, 1, count);
    mel_parquet_f64(writer, 2, score);
    mel_parquet_texts(writer, 3, moods, mood_count);
    CHECK_OK(mel_parquet_row_end(writer, &err));
}

static void rows_read_back_as_they_were_written(void **state)
{
    (void)state;
    char *folder = test_folder();
    const char *path = test_path(folder, "a.parquet");
    static const char *const moods[] = {"calm", "", "sad"};
    ParquetWriter *writer = open_writer(path);
    put_row(writer, "first", INT64_MIN, -0.5, moods, 3, "\0\1\2", 3, "a.flac");
    put_row(writer, NULL, 7, NAN, NULL, 0, "", 0, NULL);
    put_row(writer, "", INT64_MAX, 1e300, moods, 1, "xyz", 3, "b.flac");
    close_writer(writer);

    PqFile f = pq_open(path);
    assert_int_equal(f.rows, 3);
    assert_int_equal(f.leaf_count, 6);
    assert_string_equal(pq_metadata(&f, "huggingface"), "{\"a\":1}");
    PqColumn name = pq_read(&f, "name"), count = pq_read(&f, "count"), score = pq_read(&f, "score");
    assert_int_equal(name.count, 3);
    assert_true(pq_is(&name.values[0], "first") && !name.values[1].there &&
                pq_is(&name.values[2], ""));
    assert_true(count.values[0].i64 == INT64_MIN && count.values[1].i64 == 7 &&
                count.values[2].i64 == INT64_MAX);
    assert_true(score.values[0].f64 == -0.5 && !score.values[1].there &&
                score.values[2].f64 == 1e300);

    PqColumn mood = pq_read(&f, "moods.list.element");
    static const int repetitions[] = {0, 1, 1, 0, 0}, definitions[] = {3, 3, 3, 1, 3};
    assert_int_equal(mood.count, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(mood.values[i].repetition, repetitions[i]);
        assert_int_equal(mood.values[i].definition, definitions[i]);
    }
    assert_true(pq_is(&mood.values[0], "calm") && pq_is(&mood.values[1], "") &&
                pq_is(&mood.values[2], "sad") && pq_is(&mood.values[4], "calm"));

    PqColumn bytes = pq_read(&f, "audio.bytes"), where = pq_read(&f, "audio.path");
    assert_int_equal(bytes.values[0].n, 3);
    assert_memory_equal(bytes.values[0].bytes, "\0\1\2", 3);
    assert_true(bytes.values[1].there && bytes.values[1].n == 0);
    assert_true(pq_is(&where.values[0], "a.flac"));
    assert_int_equal(where.values[1].definition, 1);
    free(name.values), free(count.values), free(score.values), free(mood.values);
    free(bytes.values), free(where.values);
    pq_close(&f);
    test_folder_remove(folder);
}

static void many_rows_make_many_pages_and_row_groups(void **state)
{
    (void)state;
    enum { ROWS = 90, BYTES = 1 << 20 };
    char *folder = test_folder();
    const char *path = test_path(folder, "a.parquet");
    char *audio = mel_alloc(BYTES);
    ParquetWriter *writer = open_writer(path);
    for (int i = 0; i < ROWS; i++) {
        memset(audio, i, BYTES);
        put_row(writer, "x", i, i, NULL, 0, audio, BYTES, "p");
    }
    close_writer(writer);
    PqFile f = pq_open(path);
    const json_t *groups = json_object_get(f.footer, "4");
    assert_int_equal(f.rows, ROWS);
    assert_int_equal(json_array_size(groups), 2);
    int64_t rows = 0;
    for (size_t g = 0; g < 2; g++) {
        const json_t *group = json_array_get(groups, g);
        rows += mel_json_i64(group, "3", 0);
        assert_true(mel_json_i64(group, "2", 0) < 100 * 1000 * 1000);
    }
    assert_int_equal(rows, ROWS);
    PqColumn bytes = pq_read(&f, "audio.bytes"), count = pq_read(&f, "count");
    assert_true(bytes.pages >= ROWS - 2);
    assert_int_equal(count.pages, 2);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(count.values[i].i64, i);
        assert_int_equal(bytes.values[i].n, BYTES);
        assert_int_equal(bytes.values[i].bytes[BYTES - 1], i);
    }
    free(bytes.values), free(count.values);
    free(audio);
    pq_close(&f);
    test_folder_remove(folder);
}

static void long_runs_of_levels_and_long_lists_survive(void **state)
{
    (void)state;
    enum { ROWS = 3000, ITEMS = 300 };
    char *folder = test_folder();
    const char *path = test_path(folder, "a.parquet");
    const char *items[ITEMS];
    for (int i = 0; i < ITEMS; i++)
        items[i] = i % 7 ? "item" : NULL;
    ParquetWriter *writer = open_writer(path);
    for (int i = 0; i < ROWS; i++)
        put_row(writer, i % 1000 ? "x" : NULL, i, i, items, i % 100 ? 0 : ITEMS, "", 0, NULL);
    close_writer(writer);
    PqFile f = pq_open(path);
    PqColumn mood = pq_read(&f, "moods.list.element"), name = pq_read(&f, "name");
    assert_int_equal(mood.count, ROWS / 100 * ITEMS + (ROWS - ROWS / 100));
    size_t rows = 0, there = 0;
    for (size_t i = 0; i < mood.count; i++) {
        rows += mood.values[i].repetition == 0;
        there += mood.values[i].there;
    }
    assert_int_equal(rows, ROWS);
    assert_int_equal(there, ROWS / 100 * (ITEMS - (ITEMS + 6) / 7));
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(name.values[i].there, i % 1000 != 0);
    free(mood.values), free(name.values);
    pq_close(&f);
    test_folder_remove(folder);
}

static void a_file_without_rows_is_a_table_still(void **state)
{
    (void)state;
    char *folder = test_folder();
    const char *path = test_path(folder, "a.parquet");
    close_writer(open_writer(path));
    PqFile f = pq_open(path);
    assert_int_equal(f.rows, 0);
    assert_int_equal(json_array_size(json_object_get(f.footer, "4")), 0);
    pq_close(&f);
    test_folder_remove(folder);
}

static void a_writer_that_is_given_up_leaves_no_file(void **state)
{
    (void)state;
    char *folder = test_folder();
    ParquetWriter *writer = open_writer(test_path(folder, "a.parquet"));
    put_row(writer, "x", 1, 1, NULL, 0, "", 0, NULL);
    mel_parquet_free(writer);
    assert_int_equal(test_shell("test -z \"$(ls -A '%s')\"", folder), 0);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_read_back_as_they_were_written),
        cmocka_unit_test(many_rows_make_many_pages_and_row_groups),
        cmocka_unit_test(long_runs_of_levels_and_long_lists_survive),
        cmocka_unit_test(a_file_without_rows_is_a_table_still),
        cmocka_unit_test(a_writer_that_is_given_up_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
