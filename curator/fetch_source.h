/* SPDX-License-Identifier: Apache-2.0
 *
 * A source made readable: a local file as it is, anything else as sparse mirrors of its media. */
#ifndef MEL_CURATOR_FETCH_SOURCE_H
#define MEL_CURATOR_FETCH_SOURCE_H

#include "curator/cut.h"
#include "curator/ratelimit.h"
#include "curator/remote.h"
#include "db/db.h"

typedef struct OpenSource {
    int input_count; /* 1, or 2: picture and sound apart */
    int fds[2];
    RemoteFile *remotes[2]; /* NULL for local files */
    char *format_id;        /* of the resolver; NULL */
} OpenSource;

typedef struct SourceAccess {
    Db *db;
    const char *dataset;
    HttpClient *http;
    RateLimiter *limiter;
    const char *ytdlp_program;
    int64_t limit_bytes;
} SourceAccess;

/* Opens a source by what it is; what a resolver says of it (title, channel, licence, …) goes into
 * the store. Reasons as in failure.h. */
MEL_MUST_CHECK bool mel_source_open(const SourceAccess *access, const ClipWork *work,
                                    OpenSource *out, Err *err);

/* Makes the clip's bytes present (remote sources). */
MEL_MUST_CHECK bool mel_source_need(OpenSource *source, int64_t start_us, int64_t end_us, Err *err);

/* After media.missing_bytes: fetches around the place that was missing, ever larger. */
MEL_MUST_CHECK bool mel_source_page_in(OpenSource *source, const CutResult *result, int attempt,
                                       Err *err);

/* Fills the request's inputs and the descriptors. */
void mel_source_describe(const OpenSource *source, CutRequest *request, CutFiles *files);

int64_t mel_source_fetched_bytes(const OpenSource *source);

/* Closes; keeps a mirror for the next run only when `keep`. */
void mel_source_close(OpenSource *source, bool keep);

#endif
