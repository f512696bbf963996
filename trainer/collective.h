/* SPDX-License-Identifier: Apache-2.0
 *
 * What the processes of a run compute together. Every rank makes the same calls in the same order;
 * each call returns when its result is there, and with an error, at every rank, as soon as one of
 * them is gone. One thread at a time may call. */
#ifndef MEL_TRAINER_COLLECTIVE_H
#define MEL_TRAINER_COLLECTIVE_H

#include "trainer/launch.h"
#include "trainer/watchdog.h"

typedef struct Collective Collective;

typedef struct CollectiveOptions {
    int64_t meet_us; /* how long to wait for the others at the beginning; 0: 60 s */
    WatchOptions watch;
} CollectiveOptions;

/* Meets the other processes; *out gets NULL when the place is that of one process alone. Options
 * may be NULL. ERR_NET says who did not come, or who does not belong here. */
MEL_MUST_CHECK bool mel_collective_open(const LaunchPlace *place, const CollectiveOptions *options,
                                        Collective **out, Err *err);

/* Leaves; `why`, when it is an error of this rank's own, is told to the others. NULL is fine. */
void mel_collective_close(Collective *collective, const Err *why);

/* Of NULL: 0 of 1. */
int mel_collective_rank(const Collective *collective);
int mel_collective_size(const Collective *collective);

/* ERR_NET when a rank is gone; to be asked by whoever waits for the others elsewhere. */
MEL_MUST_CHECK bool collective_all_well(Collective *collective, Err *err);

/* Adds up `count` floats over all ranks, in place; every rank gets the same bits. A ring: each
 * sends and receives 2 (size-1) / size of the numbers, whatever the size (P. Patarasuk, X. Yuan,
 * "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009). ERR_NET: a rank is
 * gone, or is at another call. */
MEL_MUST_CHECK bool collective_sum(Collective *collective, float *values, int64_t count, Err *err);

/* Rank 0's n bytes to all. */
MEL_MUST_CHECK bool collective_broadcast(Collective *collective, void *bytes, int64_t n, Err *err);

#endif
