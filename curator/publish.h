/* SPDX-License-Identifier: Apache-2.0
 *
 * The products of one clip on their way into the dataset: made in a staging folder, decoded back
 * and checked, hashed, flushed, and only then given their final name all at once. */
#ifndef MEL_CURATOR_PUBLISH_H
#define MEL_CURATOR_PUBLISH_H

#include "curator/cut.h"
#include "curator/jail.h"
#include "db/db.h"

/* A staging folder with one open, empty file per product. */
typedef struct Staging {
    char *folder;   /* <dataset>/media/.staging/<ulid> */
    CutFiles files; /* its output descriptors are owned here; inputs are not */
    int still_count;
} Staging;

MEL_MUST_CHECK bool mel_staging_open(const char *dataset, int still_count, bool preview,
                                     Staging *staging, Err *err);
/* Empties the files again, for another attempt. */
MEL_MUST_CHECK bool mel_staging_rewind(Staging *staging, Err *err);
void mel_staging_close(Staging *staging); /* removes what was not published */

/* Removes what killed runs left. Only while no other run is at work. */
MEL_MUST_CHECK bool mel_staging_sweep(const char *dataset, Err *err);

typedef struct PublishInfo {
    const char *clip_id;
    const char *tools_json;
    const char *format_id;
    int64_t took_us, fetched_bytes;
} PublishInfo;

/* Checks every product against what the cut said, names them, and records the clip as ready. */
MEL_MUST_CHECK bool mel_publish(Db *db, Jail *jail, Staging *staging, const CutRequest *request,
                                const CutResult *result, const PublishInfo *info, Err *err);

/* "media/3f/<source>_<start_ms>": where a clip's products lie; yours to free. */
char *mel_clip_folder(const char *clip_id);

#endif
