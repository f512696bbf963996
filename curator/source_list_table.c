/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain CSV and TSV: the first line names the columns. */
#include "curator/source_list_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct Header {
    Arena arena;
    const char **names;
    size_t count;
} Header;

static bool is_comment(const CsvReader *csv)
{
    return mel_starts_with(mel_csv_field(csv, 0), "#");
}

static bool check_header(const ListRun *run, const Header *header, Err *err)
{
    bool located = false;
    for (size_t i = 0; i < header->count; i++) {
        located |= mel_list_column_is_locator(header->names[i]);
        for (size_t k = 0; k < i && *header->names[i]; k++)
            if (strcasecmp(header->names[i], header->names[k]) == 0)
                return mel_err_reason(err, ERR_FORMAT, "list.duplicate_column",
                                      "columns %zu and %zu of '%s' have the same name", k + 1,
                                      i + 1, run->path);
    }
    if (located) return true;
    mel_err_reason(err, ERR_FORMAT, "list.no_header", "no column of '%s' says where the sound is",
                   run->path);
    return mel_err_hint(err, "name one of the columns url, path, file, location, ytid, "
                             "youtube_id, id or source in the first line");
}

/* The first row that is no comment. */
static bool read_header(const ListRun *run, CsvReader *csv, Header *header, Err *err)
{
    CsvStatus status;
    do {
        status = mel_csv_next(csv, err);
    } while (status == CSV_ROW && is_comment(csv));
    if (status == CSV_END)
        return mel_err_reason(err, ERR_FORMAT, "list.empty", "there is no row in '%s'", run->path);
    if (status == CSV_BAD)
        return mel_err_wrap(err, "cannot read the first line of '%s'", run->path);
    header->count = csv->count;
    header->names = mel_arena_alloc(&header->arena, csv->count * sizeof *header->names);
    for (size_t i = 0; i < csv->count; i++)
        header->names[i] = mel_trim(mel_arena_strdup(&header->arena, mel_csv_field(csv, i)));
    return check_header(run, header, err);
}

static bool read_row(ListRun *run, const CsvReader *csv, const Header *header, Err *problem)
{
    PlainRow plain = {0};
    mel_list_row_begin(run, csv->line);
    if (csv->count != header->count)
        return mel_err_reason(problem, ERR_FORMAT, "list.columns",
                              "the row has %zu columns, the header %zu", csv->count, header->count);
    for (size_t i = 0; i < csv->count; i++) {
        char *text = mel_trim(mel_arena_strdup(&run->arena, mel_csv_field(csv, i)));
        const char *name = header->names[i];
        if (!*name) name = mel_arena_printf(&run->arena, "column_%zu", i + 1);
        if (!mel_list_plain_set(run, &plain, name, text, problem)) return false;
    }
    return mel_list_plain_end(run, &plain, problem);
}

bool mel_list_read_table(ListRun *run, FILE *file, Err *err)
{
    CsvReader csv;
    Header header = {0};
    Err problem = {0};
    CsvStatus status;
    mel_csv_reader_init(&csv, file, run->format == LIST_TSV ? '\t' : ',', false);
    bool ok = read_header(run, &csv, &header, err);
    while (ok && (status = mel_csv_next(&csv, &problem)) != CSV_END) {
        if (status == CSV_BAD)
            ok = mel_list_csv_bad(run, &csv, &problem, err);
        else
            ok = mel_list_csv_finish(run, &csv, read_row(run, &csv, &header, &problem), &problem,
                                     err);
    }
    mel_arena_clear(&header.arena);
    mel_csv_reader_clear(&csv);
    return ok;
}
