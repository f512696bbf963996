/* SPDX-License-Identifier: Apache-2.0
 *
 * A small dataset with a split, to be exported; and ways to look at what came out. */
#ifndef MEL_TESTS_EXPORT_FIXTURE_H
#define MEL_TESTS_EXPORT_FIXTURE_H

#include "curator/export.h"

#include "curator/split.h"
#include "tests/curator/small_store.h"

enum { CLIPS = 40 };

typedef struct Fixture {
    char *folder;
    const char *data; /* the dataset */
    Db *db;
} Fixture;

static inline void split(Fixture *f)
{
    Err err = {0};
    SplitRunReport report = {0};
    CHECK_OK(mel_split_run(f->db, &(SplitRunOptions){.name = "main", .seed = "1"}, &report, &err));
    mel_split_report_clear(&report);
}

/* A dataset of 40 clips and a split of them. */
static inline Fixture begin(void)
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

static inline void end(Fixture *f)
{
    mel_db_close(f->db);
    test_folder_remove(f->folder);
}

static inline ExportReport export(Fixture *f, ExportOptions options)
{
    Err err = {0};
    ExportReport report = {0};
    options.split = "main";
    CHECK_OK(mel_export(f->db, &options, NULL, &report, &err));
    ExportReport numbers = report;
    mel_export_report_clear(&report);
    return numbers;
}

static inline char *read_all(const char *path)
{
    Err err = {0};
    char *text = NULL;
    CHECK_OK(mel_read_file(path, 64 << 20, &text, NULL, &err));
    return text;
}

static inline bool holds(const char *path, const char *text)
{
    char *all = read_all(path);
    bool found = strstr(all, text) != NULL;
    free(all);
    return found;
}

/* The JSON lines of a file, as one array. */
static inline json_t *read_lines(const char *path)
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

static inline int count_lines(const char *path)
{
    char *text = read_all(path);
    int lines = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    free(text);
    return lines;
}

#endif
