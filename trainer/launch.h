/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of how many processes this one is, as whatever started them says: torchrun (or anything
 * that sets its variables), mpirun of Open MPI and of MPICH, or Slurm's srun. */
#ifndef MEL_TRAINER_LAUNCH_H
#define MEL_TRAINER_LAUNCH_H

#include "base/base.h"

enum { LAUNCH_ADDRESS_SIZE = 256, LAUNCH_RANKS_MAX = 4096 };

typedef struct LaunchPlace {
    int rank, size;                    /* 0 … size-1; size 1 is one process alone */
    int local_rank;                    /* among those of this host */
    char address[LAUNCH_ADDRESS_SIZE]; /* rank 0's host, a name or a number */
    int port;                          /* on which rank 0 listens */
} LaunchPlace;

/* The value of a variable, or NULL; borrowed until the next call. */
typedef const char *LaunchVariable(void *ctx, const char *name);

/* Fills *out from the first of these that is set: RANK and WORLD_SIZE; OMPI_COMM_WORLD_RANK and
 * _SIZE; PMI_RANK and PMI_SIZE; SLURM_PROCID within a step. MASTER_ADDR and MASTER_PORT say where
 * rank 0 is; without them that is the first host of Slurm's step, or 127.0.0.1, and a port that
 * follows from Slurm's job, or 29500. Nothing set: one process. ERR_USAGE names a variable that
 * makes no sense. */
MEL_MUST_CHECK bool mel_launch_place(LaunchVariable *variable, void *ctx, LaunchPlace *out,
                                     Err *err);

/* The process's own environment, for mel_launch_place. */
const char *mel_launch_environment(void *ctx, const char *name);

#endif
