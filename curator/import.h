/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists and media files into the store. Importing twice changes nothing. */
#ifndef MEL_CURATOR_IMPORT_H
#define MEL_CURATOR_IMPORT_H

#include "curator/jail.h"
#include "curator/source_list.h"
#include "db/db.h"

typedef struct ImportOptions {
    ListFormat format;
    double clip_s; /* length of clips whose list gives only a start; 0 = 10 */
    double
        every_s; /* media files without a span: a clip every so often; 0 = one, from the middle */
    Jail *jail;  /* to ask media files for their length; NULL: such files cannot be imported */
} ImportOptions;

typedef struct ImportReport {
    ListFormat format;
    int64_t rows, sources_added, clips_added, clips_known, annotations, bad;
} ImportReport;

/* Reads the list, folder or file at `path`. Bad rows are quarantined in the store and told to
 * `on_bad` (may be NULL); the rest goes in, a thousand rows a transaction. */
typedef void ImportBadFn(void *ctx, const char *path, const ListBadRow *bad);
MEL_MUST_CHECK bool mel_import(Db *db, const char *path, const ImportOptions *options,
                               ImportBadFn *on_bad, void *ctx, const Progress *progress,
                               ImportReport *report, Err *err);

#endif
