/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of clips as their publishers wrote them: MusicCaps, AudioSet, VGGSound, plain CSV / TSV /
 * JSON Lines, and folders or files of media. A bad row is reported with its line and reason and
 * the rest goes in. */
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
    int64_t line;              /* 1-based; 0 for media files */
    SourceKind kind;
    const char *source_id;     /* "yt-<id>" / "url-<16 hex>" / "file-<16 hex>": a valid name */
    const char *locator;       /* YouTube id / URL / absolute path */
    int64_t start_us, end_us;  /* start -1: the list gives no span */
    const char *caption, *title, *channel, *license, *author;
    const char *published_split; /* "train"/"test"/"eval" of the publisher */
    const ListLabel *labels;
    size_t label_count;
    const char *extra_json;    /* columns that have no place above, as one JSON object; or NULL */
} ListRow;

typedef struct ListBadRow {
    int64_t line;
    const char *reason;  /* "list.bad_id", "list.bad_time", … stable words */
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
 * what makes the whole list unreadable (no file, binary file, no row that could be understood). */
MEL_MUST_CHECK bool mel_list_read(const char *path, ListFormat format, const ListReader *reader,
                                  ListFormat *detected_out, Err *err);

const char *mel_list_format_name(ListFormat format);
bool mel_list_format_parse(const char *name, ListFormat *out);

/* The source id of a locator ("yt-dQw4w9WgXcQ", "url-…", "file-…"); also recognises YouTube URLs
 * (watch, youtu.be, embed, shorts) as YouTube. False with list.bad_id / list.bad_url. */
MEL_MUST_CHECK bool mel_source_identify(const char *locator, SourceKind *kind_out, char id_out[65],
                                        char **locator_out, Err *err);

#endif
