/* SPDX-License-Identifier: Apache-2.0
 *
 * How the processes of a run find each other: all come to rank 0, which waits for the last one,
 * sees that they belong together, and tells each where its neighbour in the ring listens. */
#ifndef MEL_TRAINER_RENDEZVOUS_H
#define MEL_TRAINER_RENDEZVOUS_H

#include "trainer/launch.h"

/* Connections, all the caller's to close (rendezvous_close); -1 where there is none. */
typedef struct Meeting {
    int right, left; /* to the next rank of the ring and from the one before */
    int *stars;      /* [size]: rank 0 has one to every other, they have one to rank 0 */
    int size;
} Meeting;

/* Waits up to `wait_us` for all to come, and no longer. ERR_NET says how many did not, or who is of
 * another version or another run; ERR_USAGE that two have one rank. */
MEL_MUST_CHECK bool rendezvous_meet(const LaunchPlace *place, int64_t wait_us, Meeting *out,
                                    Err *err);
void rendezvous_close(Meeting *meeting);

#endif
