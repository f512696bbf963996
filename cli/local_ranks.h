/* SPDX-License-Identifier: Apache-2.0
 *
 * Several processes of this program on this machine, as torchrun would start them. */
#ifndef MEL_CLI_LOCAL_RANKS_H
#define MEL_CLI_LOCAL_RANKS_H

#include "base/base.h"

typedef struct LocalRanks {
    int count;
    int64_t restarts;              /* how often all are started again when one has failed */
    const char *const *argv;       /* of each process, argv[0] this program; NULL at the end */
    const char *const *again_argv; /* of those that are started again */
} LocalRanks;

/* Runs them to their end, and passes SIGINT and SIGTERM on to them. When one fails the others have
 * some seconds to say why and end, then they are ended. *code gets the exit code of the first that
 * failed, 128 + the signal for one that was killed, or 0. ERR_USAGE when a launcher's variables say
 * already which rank this is. */
MEL_MUST_CHECK bool local_ranks_run(const LocalRanks *ranks, int *code, Err *err);

#endif
