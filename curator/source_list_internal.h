/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of the list formats share: the row in hand, and where it goes. */
#ifndef MEL_CURATOR_SOURCE_LIST_INTERNAL_H
#define MEL_CURATOR_SOURCE_LIST_INTERNAL_H

#include "curator/source_list.h"

enum {
    LIST_EXCERPT_BYTES = 200,
    LIST_LABEL_BYTES_MAX = 96,   /* longer text of a plain column is kept in extra_json */
    LIST_TIME_MAX_S = 7 * 86400, /* no published video is longer than a week */
    LIST_SPAN_MAX_S = 3600,
    YOUTUBE_ID_LENGTH = 11,
};

/* How a locator is to be understood. */
typedef enum LocatorHint {
    LOCATOR_ANY,     /* YouTube id or address, other address, file */
    LOCATOR_YOUTUBE, /* a bare YouTube id, as published lists have it */
    LOCATOR_FILE,    /* a path (or an address with a scheme) */
} LocatorHint;

/* One reading of one list. */
typedef struct ListRun {
    const char *path;
    char *folder; /* relative paths start here */
    ListFormat format;
    const ListReader *reader;
    int64_t rows, bad;
    Arena arena; /* the texts of the row in hand */
    ListRow row;
    ListLabel *labels;
    size_t label_capacity;
    json_t *extra;
} ListRun;

/* Forgets the last row and begins one. */
void mel_list_row_begin(ListRun *run, int64_t line);

/* What a row is made of. Each returns false with the reason in `problem`, which spoils the row. */
bool mel_list_row_locator(ListRun *run, LocatorHint hint, const char *text, Err *problem);
bool mel_list_row_text(ListRun *run, const char **slot, const char *text, Err *problem);
bool mel_list_row_label(ListRun *run, const char *scheme, const char *value, Err *problem);
bool mel_list_row_extra(ListRun *run, const char *key, json_t *value, Err *problem); /* takes it */
/* A column that has no place of its own: a label when short, else extra. */
bool mel_list_row_other(ListRun *run, const char *column, const char *value, Err *problem);

/* Sets the span from microseconds; -1 = not given. */
bool mel_list_row_span(ListRun *run, int64_t start_us, int64_t end_us, Err *problem);

/* Seconds as text; with `clock` also [h:]mm:ss. list.bad_time. */
bool mel_list_time(const char *text, double unit_s, bool clock, int64_t *us_out, Err *problem);

/* True unless the bytes hold control characters other than tab, CR and LF, or are not UTF-8. */
bool mel_list_text_clean(const char *text, Err *problem);

/* Hands the row in hand to the reader, or reports it as bad. False stops the reading. */
bool mel_list_row_finish(ListRun *run, bool good, Err *problem, const char *raw, size_t raw_length,
                         Err *err);

/* At most LIST_EXCERPT_BYTES printable bytes: NUL becomes `separator`, control characters and what
 * is not UTF-8 become '?'. */
void mel_list_excerpt(const char *raw, size_t n, char separator, char out[LIST_EXCERPT_BYTES + 1]);

/* The items of a Python list of strings, "['a', \"b's\"]", allocated in the arena. list.bad_list */
bool mel_list_python(const char *text, Arena *arena, const char *const **items_out,
                     size_t *count_out, Err *problem);

/* The source of a locator as mel_source_identify, with a hint and a folder (may be NULL) that
 * relative paths start from. */
bool mel_source_identify_in(const char *folder, LocatorHint hint, const char *locator,
                            SourceKind *kind_out, char id_out[65], char **locator_out, Err *err);
bool mel_youtube_id_valid(const char *text);

/* The formats. Each reads the whole file and counts in run->rows and run->bad. */
bool mel_list_read_table(ListRun *run, FILE *file, Err *err); /* LIST_CSV, LIST_TSV */
bool mel_list_read_published(ListRun *run, FILE *file, Err *err);
bool mel_list_read_jsonl(ListRun *run, FILE *file, Err *err);
bool mel_list_read_media(ListRun *run, Err *err);

/* Hands on what mel_csv_next could not read. False stops the reading. */
bool mel_list_csv_bad(ListRun *run, const CsvReader *csv, Err *problem, Err *err);
bool mel_list_csv_finish(ListRun *run, const CsvReader *csv, bool good, Err *problem, Err *err);

/* The format of a text by its first bytes, LIST_AUTO when it cannot be told (with the reason). */
ListFormat mel_list_detect(const char *path, const char *head, size_t n, Err *err);
/* list.binary or list.utf16 for bytes that are no text. */
bool mel_list_is_text(const char *path, const char *head, size_t n, Err *err);
bool mel_list_is_media_name(const char *path);
bool mel_list_is_musiccaps_header(const CsvReader *csv); /* of the row just read */

/* A row of a plain list: its texts by column, in any order, then put together. */
enum { LIST_COLUMN_KINDS = 27 };

typedef struct PlainRow {
    const char *values[LIST_COLUMN_KINDS]; /* borrowed until mel_list_plain_end */
} PlainRow;

/* True for the names of columns that may say where the sound is, whatever the case. */
bool mel_list_column_is_locator(const char *name);

bool mel_list_plain_set(ListRun *run, PlainRow *plain, const char *column, const char *text,
                        Err *problem);
bool mel_list_plain_end(ListRun *run, PlainRow *plain, Err *problem);

#endif
