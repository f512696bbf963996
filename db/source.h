/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEL_DB_SOURCE_H
#define MEL_DB_SOURCE_H

#include "db/store.h"

/* A video that clips are cut from. Texts NULL = not known; duration_us -1 = not known. */
typedef struct Source {
    const char *id;   /* "yt-…", "url-…", "file-…" */
    const char *kind; /* "youtube", "url", "file" */
    const char *locator;
    const char *title, *channel_id, *channel, *license, *upload_date, *extractor, *metadata_json;
    int64_t duration_us;
} Source;

/* Adds the source, or fills what was not known of it. ERR_DENIED when it was taken down. */
MEL_MUST_CHECK bool mel_source_put(Db *db, const Source *source, bool *added_out, Err *err);

/* Records that somebody looked: availability is "available", "gone", "conditional" or
 * "unreachable". */
MEL_MUST_CHECK bool mel_source_seen(Db *db, const char *source_id, const char *availability,
                                    const char *reason, const char *message, Err *err);

/* Tombstones a source: its clips are never fetched or exported again, and what was cut from it is
 * forgotten. List the files with mel_media_each first: their rows go too. Repeating is harmless. */
MEL_MUST_CHECK bool mel_source_takedown(Db *db, const char *source_id, const char *reason,
                                        const char *request_ref, Err *err);

#endif
