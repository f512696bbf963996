/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetching: from candidates in the store to verified products. One source at a time per worker,
 * its clips in order; every clip ends as ready or as failed with a reason, in a transaction of its
 * own, so that a killed run loses the clip in hand and nothing else. */
#ifndef MEL_CURATOR_FETCH_H
#define MEL_CURATOR_FETCH_H

#include "curator/jail.h"
#include "db/db.h"

typedef struct FetchOptions {
    const char *where;         /* condition over clips; NULL = all that wait */
    const char *retry_classes; /* NULL = new clips; else as mel_clip_work */
    int jobs;                  /* workers; 0 = cores */
    Jail *jail;                /* borrowed */
    bool allow_private;        /* loopback and private addresses */
    bool allow_silent;         /* sources without sound become clips too */
    int still_count;           /* 0 = 4 */
    int preview_height;        /* 0 = 240; < 0 = no preview */
    double ytdlp_per_hour;     /* 0 = 250 */
    double http_per_hour;      /* 0 = 7200 */
    int64_t limit_bytes;       /* of one remote file that cannot be had in parts; 0 = 2 GiB */
    const char *ytdlp_program; /* NULL = "yt-dlp" */
} FetchOptions;

typedef struct FetchReport {
    int64_t total, ready, failed, untouched; /* untouched: left for the next run (pause, Ctrl-C) */
    int64_t fetched_bytes;
    bool paused, interrupted;
    char pause_reason[40];
} FetchReport;

/* Called for every clip that ends, from one thread at a time. reason NULL = ready. */
typedef void FetchDoneFn(void *ctx, const char *clip_id, const char *reason, const char *message);

/* One mel_fetch at a time works on a dataset; another is told so (ERR_EXISTS). True when the run
 * itself worked, however many clips failed. */
MEL_MUST_CHECK bool mel_fetch(const char *dataset, const FetchOptions *options, FetchDoneFn *done,
                              void *ctx, const Progress *progress, FetchReport *report, Err *err);

/* The rate limiter's buckets and state file, shared with mel doctor. */
char *mel_fetch_ratelimit_path(const char *dataset); /* yours to free */

#endif
