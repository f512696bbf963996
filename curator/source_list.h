/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of clips as their publishers wrote them: MusicCaps, AudioSet, VGGSound, plain CSV / TSV /
 * JSON Lines, and folders or files of media. A bad row is reported with its line and reason and
 * the rest goes in.
 *
 * Plain lists (CSV, TSV: the first line names the columns; JSON Lines: the keys do; whatever the
 * case) say where the sound is in url, path, file, location, ytid, youtube_id, id or source, the
 * span in start_s, start, start_seconds or start_ms and end_s, end, end_seconds, end_ms or
 * duration_s, the rest in caption, captions, text, description, title, channel, license, licence,
 * author and split. Of several with one meaning the first in this order that is filled in counts,
 * the others go to extra_json. Seconds may also be [h:]mm:ss. Any other column is a label when its
 * value is short (its name, in lower-case letters, digits and _, is the scheme), else extra_json.
 * JSON Lines may nest labels: "mood": ["calm", "slow"], "labels": {"genre": ["Jazz"]} or
 * "labels": [["genre", "Jazz"]]; "captions" may be an array. Relative paths start at the list's own
 * folder. Lines that start with # before the header are comments. Cells such as =cmd() are text.
 *
 * Limits: 1 MiB a row, 4,096 columns, times up to a week, spans up to an hour. */
#ifndef MEL_CURATOR_SOURCE_LIST_H
#define MEL_CURATOR_SOURCE_LIST_H

#include "base/base.h"

typedef enum ListFormat {
    LIST_AUTO, /* by the header lines, the columns and the extension */
    LIST_MUSICCAPS,
    LIST_AUDIOSET,
    LIST_VGGSOUND,
    LIST_CSV,
    LIST_TSV,
    LIST_JSONL,
    LIST_MEDIA, /* a folder or one media file */
} ListFormat;

typedef enum SourceKind { SOURCE_YOUTUBE, SOURCE_URL, SOURCE_FILE } SourceKind;

/* One label: ("audioset", "/m/03v3yw"), ("vggsound", "playing harp"), ("aspect", "tinny hi hats"),
 * ("genre", "Jazz"), … Schemes are lower-case words; plain lists use their column names. */
typedef struct ListLabel {
    const char *scheme, *value;
} ListLabel;

/* One candidate. Texts are borrowed for the call; NULL = not given. */
typedef struct ListRow {
    int64_t line; /* 1-based; 0 for media files */
    SourceKind kind;
    const char *source_id;    /* "yt-<id>" / "url-<16 hex>" / "file-<16 hex>": a valid name */
    const char *locator;      /* YouTube id / URL / absolute path */
    int64_t start_us, end_us; /* start -1: the list gives no span */
    const char *caption, *title, *channel, *license, *author;
    const char *published_split; /* "train"/"test"/"eval" of the publisher */
    const ListLabel *labels;
    size_t label_count;
    const char *extra_json; /* columns that have no place above, as one JSON object; or NULL */
} ListRow;

typedef struct ListBadRow {
    int64_t line;
    const char *reason;  /* see mel_list_read */
    const char *message; /* one sentence */
    const char *text;    /* the start of the row, printable, at most 200 bytes */
} ListBadRow;

typedef struct ListReader {
    bool (*row)(void *ctx, const ListRow *row, Err *err); /* false stops the reading */
    bool (*bad)(void *ctx, const ListBadRow *bad, Err *err);
    void *ctx;
    double default_duration_s; /* of clips whose list gives a start only; 0 = 10 */
} ListReader;

/* Reads a file or a folder. `detected_out` (may be NULL) says which format it was. Errors are only
 * what makes the whole list unreadable (no file, binary file, no row that could be understood), or
 * a callback that returned false (ERR_CANCELLED unless it set err).
 *
 * Reasons of the whole list: list.missing, list.not_a_file, list.binary, list.utf16, list.empty,
 * list.no_header, list.bad_header, list.duplicate_column, list.json_array, list.no_rows, and those
 * of an unreadable first line (csv.*).
 * Reasons of a row: list.unclosed_quote, list.text_after_quote, list.nul, list.not_utf8,
 * list.control, list.long_row, list.many_columns, list.columns, list.missing_source, list.bad_id,
 * list.bad_url, list.no_file, list.bad_time, list.bad_span, list.bad_list, list.bad_label,
 * list.bad_flag, list.bad_author, list.bad_split, list.bad_caption, list.bad_json,
 * list.duplicate_key. */
MEL_MUST_CHECK bool mel_list_read(const char *path, ListFormat format, const ListReader *reader,
                                  ListFormat *detected_out, Err *err);

const char *mel_list_format_name(ListFormat format);
bool mel_list_format_parse(const char *name, ListFormat *out);

/* The source of a locator, in this order: an 11-character YouTube id (may start with "-"); a
 * YouTube address (watch, youtu.be, embed, shorts, live, v; with or without https://) that names a
 * video: both "yt-<id>"; any other http or https address: "url-<16 hex>" of its normal form
 * (lower-case host, no default port, no fragment, no dot segments), which is the locator; the name
 * of an existing file: "file-<16 hex>" of its absolute path with links resolved, which is the
 * locator. The digits are the first of the SHA-256. locator_out is yours to free. Reasons:
 * list.bad_id, list.bad_url (other schemes, credentials, no video), list.no_file,
 * list.missing_source (empty), list.control, list.not_utf8. */
MEL_MUST_CHECK bool mel_source_identify(const char *locator, SourceKind *kind_out, char id_out[65],
                                        char **locator_out, Err *err);

#endif
