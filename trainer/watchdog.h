/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is still alive: a thread that sends and expects a sign of life every few seconds, between
 * rank 0 and each other, whatever the main thread is at. When one is gone, rank 0 tells all, so
 * that all name the same one. */
#ifndef MEL_TRAINER_WATCHDOG_H
#define MEL_TRAINER_WATCHDOG_H

#include "base/base.h"

typedef struct WatchOptions {
    int64_t beat_us;     /* between two signs of life; 0: 2 s */
    int64_t silence_us;  /* after which a rank is given up; 0: 30 s */
    int64_t patience_us; /* from there until the main thread must have ended; 0: 15 s */
    /* Called by the watchdog's thread when it has not; is to end the process. May be NULL. */
    void (*lost)(void *ctx, const Err *why);
    void *ctx;
} WatchOptions;

typedef struct Watchdog Watchdog;

/* Watches these connections ([size], see Meeting), which are its own from here on. */
MEL_MUST_CHECK bool watchdog_start(int rank, int size, const int *stars,
                                   const WatchOptions *options, Watchdog **out, Err *err);

/* Readable once a rank is lost. */
int watchdog_alarm(const Watchdog *dog);

/* ERR_NET: which rank is lost, and why. */
MEL_MUST_CHECK bool watchdog_all_well(Watchdog *dog, Err *err);

/* Says good-bye, or to all what made this rank fail (`why`, NULL for nothing), and ends. */
void watchdog_stop(Watchdog *dog, const Err *why);

#endif
