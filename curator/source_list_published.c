/* SPDX-License-Identifier: Apache-2.0
 *
 * MusicCaps, AudioSet and VGGSound, exactly as their publishers wrote them. */
#include "curator/source_list_internal.h"

#include <string.h>
#include <strings.h>

/* The header of musiccaps-public.csv. */
static const char *const musiccaps_columns[] = {
    "ytid",
    "start_s",
    "end_s",
    "audioset_positive_labels",
    "aspect_list",
    "caption",
    "author_id",
    "is_balanced_subset",
    "is_audioset_eval",
};
enum {
    MC_YTID,
    MC_START,
    MC_END,
    MC_LABELS,
    MC_ASPECTS,
    MC_CAPTION,
    MC_AUTHOR,
    MC_BALANCED,
    MC_EVAL,
    MC_COLUMNS,
};

bool mel_list_is_musiccaps_header(const CsvReader *csv)
{
    if (csv->count != MC_COLUMNS) return false;
    for (size_t i = 0; i < MC_COLUMNS; i++)
        if (strcmp(mel_csv_field(csv, i), musiccaps_columns[i]) != 0) return false;
    return true;
}

static bool expect_columns(const CsvReader *csv, size_t count, Err *problem)
{
    return csv->count == count ||
           mel_err_reason(problem, ERR_FORMAT, "list.columns", "the row has %zu columns, not %zu",
                          csv->count, count);
}

/* "True" and "False" as Python writes them. */
static bool read_flag(const char *text, bool *out, Err *problem)
{
    *out = mel_equal(text, "True");
    return *out || mel_equal(text, "False") ||
           mel_err_reason(problem, ERR_FORMAT, "list.bad_flag", "a flag is not True or False");
}

/* /m/03v3yw, /g/122z_qxw, /t/dd00003 */
static bool is_machine_id(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (text[0] != '/' || !text[1] || !strchr("mgt", text[1]) || text[2] != '/') return false;
    size_t n = strspn(text + 3, allowed);
    return n > 0 && n <= 32 && text[3 + n] == '\0';
}

/* "/m/03v3yw,/m/0k4j" */
static bool read_machine_ids(ListRun *run, const char *text, Err *problem)
{
    char *rest = mel_arena_strdup(&run->arena, text);
    for (char *id; (id = strsep(&rest, ",")) != NULL;) {
        id = mel_trim(id);
        if (!is_machine_id(id))
            return mel_err_reason(problem, ERR_FORMAT, "list.bad_label",
                                  "a label is no AudioSet id such as /m/03v3yw");
        if (!mel_list_row_label(run, "audioset", id, problem)) return false;
    }
    return true;
}

static bool read_span(ListRun *run, const char *start, const char *end, Err *problem)
{
    int64_t start_us, end_us;
    return mel_list_time(start, 1, false, &start_us, problem) &&
           mel_list_time(end, 1, false, &end_us, problem) &&
           mel_list_row_span(run, start_us, end_us, problem);
}

static bool read_aspects(ListRun *run, const char *text, Err *problem)
{
    const char *const *aspects;
    size_t count;
    if (!mel_list_python(text, &run->arena, &aspects, &count, problem)) return false;
    for (size_t i = 0; i < count; i++)
        if (!mel_list_row_label(run, "aspect", aspects[i], problem)) return false;
    return true;
}

static bool read_musiccaps(ListRun *run, const CsvReader *csv, Err *problem)
{
    bool balanced, eval;
    int64_t author;
    if (!expect_columns(csv, MC_COLUMNS, problem) ||
        !mel_list_row_locator(run, LOCATOR_YOUTUBE, mel_csv_field(csv, MC_YTID), problem) ||
        !read_span(run, mel_csv_field(csv, MC_START), mel_csv_field(csv, MC_END), problem) ||
        !read_machine_ids(run, mel_csv_field(csv, MC_LABELS), problem) ||
        !read_aspects(run, mel_csv_field(csv, MC_ASPECTS), problem) ||
        !mel_list_row_text(run, &run->row.caption, mel_csv_field(csv, MC_CAPTION), problem) ||
        !read_flag(mel_csv_field(csv, MC_BALANCED), &balanced, problem) ||
        !read_flag(mel_csv_field(csv, MC_EVAL), &eval, problem))
        return false;
    if (!mel_parse_i64(mel_csv_field(csv, MC_AUTHOR), &author) || author < 0)
        return mel_err_reason(problem, ERR_FORMAT, "list.bad_author", "the author is no number");
    run->row.author = mel_arena_printf(&run->arena, "musiccaps-%lld", (long long)author);
    run->row.published_split = eval ? "eval" : "train";
    return mel_list_row_extra(run, "is_balanced_subset", json_boolean(balanced), problem);
}

/* The lists say by their name only which part of AudioSet they are. */
static const char *audioset_split(const char *path)
{
    const char *name = mel_path_base(path);
    if (mel_starts_with(name, "eval_segments")) return "eval";
    return strstr(name, "balanced_train_segments") ? "train" : NULL;
}

static bool read_audioset(ListRun *run, const CsvReader *csv, Err *problem)
{
    if (!expect_columns(csv, 4, problem) ||
        !mel_list_row_locator(run, LOCATOR_YOUTUBE, mel_csv_field(csv, 0), problem) ||
        !read_span(run, mel_csv_field(csv, 1), mel_csv_field(csv, 2), problem) ||
        !read_machine_ids(run, mel_csv_field(csv, 3), problem))
        return false;
    run->row.published_split = audioset_split(run->path);
    return true;
}

static bool read_vggsound(ListRun *run, const CsvReader *csv, Err *problem)
{
    int64_t start_us;
    const char *split = mel_csv_field(csv, 3);
    if (!expect_columns(csv, 4, problem) ||
        !mel_list_row_locator(run, LOCATOR_YOUTUBE, mel_csv_field(csv, 0), problem) ||
        !mel_list_time(mel_csv_field(csv, 1), 1, false, &start_us, problem) ||
        !mel_list_row_span(run, start_us, -1, problem) ||
        !mel_list_row_label(run, "vggsound", mel_csv_field(csv, 2), problem))
        return false;
    if (!mel_equal(split, "train") && !mel_equal(split, "test"))
        return mel_err_reason(problem, ERR_FORMAT, "list.bad_split",
                              "the split is neither train nor test");
    return mel_list_row_text(run, &run->row.published_split, split, problem);
}

/* AudioSet's comment lines, readable or not. "#NAME?", what spreadsheets make of an id that starts
 * with "-", is none: such a row is reported. */
static bool is_comment(const ListRun *run, const CsvReader *csv)
{
    const char *text = mel_str_text(&csv->buffer);
    return run->format == LIST_AUDIOSET && text[0] == '#' && (text[1] == ' ' || text[1] == '\0');
}

static bool read_row(ListRun *run, const CsvReader *csv, Err *problem)
{
    mel_list_row_begin(run, csv->line);
    switch (run->format) {
    case LIST_MUSICCAPS:
        return read_musiccaps(run, csv, problem);
    case LIST_AUDIOSET:
        return read_audioset(run, csv, problem);
    default:
        return read_vggsound(run, csv, problem);
    }
}

static bool read_musiccaps_header(const ListRun *run, CsvReader *csv, Err *err)
{
    Err problem = {0};
    if (mel_csv_next(csv, &problem) == CSV_ROW && mel_list_is_musiccaps_header(csv)) return true;
    return mel_err_reason(err, ERR_FORMAT, "list.bad_header",
                          "'%s' does not start with the header of MusicCaps", run->path);
}

bool mel_list_read_published(ListRun *run, FILE *file, Err *err)
{
    CsvReader csv;
    Err problem = {0};
    CsvStatus status;
    mel_csv_reader_init(&csv, file, ',', run->format == LIST_AUDIOSET);
    bool ok = run->format != LIST_MUSICCAPS || read_musiccaps_header(run, &csv, err);
    while (ok && (status = mel_csv_next(&csv, &problem)) != CSV_END) {
        if (is_comment(run, &csv))
            mel_err_clear(&problem);
        else if (status == CSV_BAD)
            ok = mel_list_csv_bad(run, &csv, &problem, err);
        else
            ok = mel_list_csv_finish(run, &csv, read_row(run, &csv, &problem), &problem, err);
    }
    mel_csv_reader_clear(&csv);
    return ok;
}
