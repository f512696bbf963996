/* SPDX-License-Identifier: Apache-2.0
 *
 * Which format a list has, by its first bytes and its name. */
#include "curator/source_list_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ROWS_LOOKED_AT = 20, CONTROL_PERCENT_MAX = 5 };

static const char *const media_extensions[] = {
    "aac", "aif",  "aiff", "avi", "flac", "flv", "m2ts", "m4a", "m4v", "mka",  "mkv", "mov", "mp3",
    "mp4", "mpeg", "mpg",  "oga", "ogg",  "ogv", "opus", "ts",  "wav", "webm", "wma", "wmv", "3gp",
};

bool mel_list_is_media_name(const char *path)
{
    const char *extension = mel_path_extension(path);
    for (size_t i = 0; i < MEL_COUNT(media_extensions); i++)
        if (strcasecmp(extension, media_extensions[i]) == 0) return true;
    return false;
}

/* UTF-16 with its mark, or with every other byte NUL at the start as plain letters have it. */
static bool is_utf16(const char *head, size_t n)
{
    if (n >= 2 && (memcmp(head, "\xFF\xFE", 2) == 0 || memcmp(head, "\xFE\xFF", 2) == 0))
        return true;
    size_t looked = n < 64 ? n / 2 * 2 : 64, nuls[2] = {0, 0};
    for (size_t i = 0; i < looked; i++)
        nuls[i % 2] += head[i] == '\0';
    return looked >= 8 && (nuls[0] == 0 || nuls[1] == 0) &&
           nuls[0] + nuls[1] >= looked / 2 * 9 / 10;
}

bool mel_list_is_text(const char *path, const char *head, size_t n, Err *err)
{
    if (is_utf16(head, n)) {
        mel_err_reason(err, ERR_FORMAT, "list.utf16", "'%s' is UTF-16 text", path);
        return mel_err_hint(err, "convert it: iconv -f UTF-16 -t UTF-8 LIST > NEW");
    }
    size_t controls = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)head[i];
        controls += (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    }
    /* One stray NUL spoils its row only; random bytes have a tenth of controls. */
    if (controls * 100 <= n * CONTROL_PERCENT_MAX || controls < 4) return true;
    mel_err_reason(err, ERR_FORMAT, "list.binary", "'%s' is no text", path);
    return mel_err_hint(err, "give a CSV, TSV or JSON Lines list (unpacked), or media");
}

static bool is_number(const char *text)
{
    double value;
    return mel_parse_f64(text, &value);
}

static ListFormat headerless(const CsvReader *csv)
{
    if (csv->count != 4 || !mel_youtube_id_valid(mel_csv_field(csv, 0)) ||
        !is_number(mel_csv_field(csv, 1)))
        return LIST_AUTO;
    const char *last = mel_csv_field(csv, 3);
    if (mel_equal(last, "train") || mel_equal(last, "test")) return LIST_VGGSOUND;
    return is_number(mel_csv_field(csv, 2)) && *last == '/' ? LIST_AUDIOSET : LIST_AUTO;
}

static bool names_a_source(const CsvReader *csv)
{
    for (size_t i = 0; i < csv->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s", mel_csv_field(csv, i));
        if (mel_list_column_is_locator(mel_trim(name))) return true;
    }
    return false;
}

static ListFormat by_rows(char *head, size_t n, char delimiter)
{
    ListFormat format = LIST_AUTO;
    CsvReader csv;
    Err problem = {0};
    FILE *file = fmemopen(head, n, "r");
    if (!file) return LIST_AUTO;
    mel_csv_reader_init(&csv, file, delimiter, true);
    bool first = true;
    for (int row = 0; row < ROWS_LOOKED_AT && format == LIST_AUTO; row++) {
        CsvStatus status = mel_csv_next(&csv, &problem);
        mel_err_clear(&problem);
        if (status == CSV_END) break;
        const char *start = mel_str_text(&csv.buffer);
        if (*start == '#') {
            if (strstr(start, "YTID")) format = LIST_AUDIOSET;
            continue;
        }
        if (status == CSV_ROW && delimiter == ',') format = headerless(&csv);
        if (status == CSV_ROW && first && format == LIST_AUTO) {
            if (mel_list_is_musiccaps_header(&csv))
                format = LIST_MUSICCAPS;
            else if (names_a_source(&csv))
                format = delimiter == '\t' ? LIST_TSV : LIST_CSV;
        }
        first = false;
    }
    mel_csv_reader_clear(&csv);
    fclose(file);
    return format;
}

ListFormat mel_list_detect(const char *path, const char *head, size_t n, Err *err)
{
    const char *extension = mel_path_extension(path);
    size_t skip = n >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (skip < n && strchr(" \t\r\n", head[skip]) && head[skip])
        skip++;
    if (skip == n) {
        mel_err_reason(err, ERR_FORMAT, "list.empty", "there is no row in '%s'", path);
        return LIST_AUTO;
    }
    if (head[skip] == '{' || strcasecmp(extension, "jsonl") == 0 ||
        strcasecmp(extension, "ndjson") == 0)
        return LIST_JSONL;
    if (head[skip] == '[') {
        mel_err_reason(err, ERR_FORMAT, "list.json_array", "'%s' is one JSON array", path);
        mel_err_hint(err, "write one object a line: jq -c '.[]' LIST > NEW.jsonl");
        return LIST_AUTO;
    }
    char *copy = mel_alloc(n + 1);
    memcpy(copy, head, n);
    bool tabs_first = strcasecmp(extension, "tsv") == 0;
    ListFormat format = by_rows(copy, n, tabs_first ? '\t' : ',');
    if (format == LIST_AUTO) format = by_rows(copy, n, tabs_first ? ',' : '\t');
    free(copy);
    if (format != LIST_AUTO) return format;
    mel_err_reason(err, ERR_FORMAT, "list.no_header", "cannot tell what the columns of '%s' are",
                   path);
    mel_err_hint(err, "start it with a line of column names such as url,start_s,caption");
    return LIST_AUTO;
}
