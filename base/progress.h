/* SPDX-License-Identifier: Apache-2.0
 *
 * How libraries report progress: by calling back. Front ends draw it (or not). */
#ifndef MEL_BASE_PROGRESS_H
#define MEL_BASE_PROGRESS_H

#include <stdint.h>

typedef struct ProgressTick {
    const char *what;    /* "fetch", "export", …; borrowed for the call */
    int64_t done, total; /* items; total 0 = not known */
    int64_t failed;
    const char *note; /* what is in hand or what is waited for; may be NULL */
} ProgressTick;

/* Called from one thread at a time. A callback with fn NULL reports nothing. */
typedef struct Progress {
    void (*fn)(void *ctx, const ProgressTick *tick);
    void *ctx;
} Progress;

static inline void mel_progress(const Progress *progress, const ProgressTick *tick)
{
    if (progress && progress->fn) progress->fn(progress->ctx, tick);
}

#endif
