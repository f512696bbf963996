/* SPDX-License-Identifier: Apache-2.0
 *
 * Token buckets that outlive the process: one small file for all workers and runs, under a file
 * lock. A bucket can be paused until a moment (a service asked us to stop); every taker then waits
 * or is told so. */
#ifndef MEL_CURATOR_RATELIMIT_H
#define MEL_CURATOR_RATELIMIT_H

#include "base/base.h"

typedef struct RateLimiter RateLimiter;

typedef struct RateBucket {
    const char *name; /* "ytdlp", "http", … */
    double capacity;  /* tokens at most, also at first */
    double refill_per_hour;
} RateBucket;

/* `path`: the state file (made when absent, replaced when unreadable: a full hour's tokens are
 * then assumed spent). Buckets are copied. */
MEL_MUST_CHECK bool mel_ratelimit_open(const char *path, const RateBucket *buckets, size_t count,
                                       RateLimiter **out, Err *err);
void mel_ratelimit_close(RateLimiter *limiter);

/* Takes one token, waiting for it; thread-safe, process-safe. `waiting` (may be NULL) is called
 * about once a second with the time left. ERR_CANCELLED on mel_interrupted(). When the bucket is
 * paused for longer than `patience_us`: ERR_LIMIT, reason "pause.waiting". */
typedef void RateWaiting(void *ctx, const char *bucket, int64_t left_us);
MEL_MUST_CHECK bool mel_ratelimit_take(RateLimiter *limiter, const char *bucket,
                                       int64_t patience_us, RateWaiting *waiting, void *ctx,
                                       Err *err);

/* Nobody gets a token of this bucket before then. `why` is kept for mel doctor. */
MEL_MUST_CHECK bool mel_ratelimit_pause(RateLimiter *limiter, const char *bucket, int64_t pause_us,
                                        const char *why, Err *err);

typedef struct RateState {
    double tokens;
    int64_t paused_until_wall_us; /* 0 = not paused */
    char why[160];
} RateState;
MEL_MUST_CHECK bool mel_ratelimit_state(RateLimiter *limiter, const char *bucket, RateState *out,
                                        Err *err);

#endif
