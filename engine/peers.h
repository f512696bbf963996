/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices of several processes that add up what lies in their memory by themselves, beside what
 * each of them computes: on GPUs by NCCL. What the processes tell each other is the trainer's. */
#ifndef MEL_ENGINE_PEERS_H
#define MEL_ENGINE_PEERS_H

#include "engine/plan.h"
#include "engine/variables.h"

typedef struct Peers Peers;

/* Whether the backend has such a way on this machine; ERR_DEVICE says why not. */
MEL_MUST_CHECK bool mel_peers_ready(Backend *backend, Err *err);

/* By which peers find each other: rank 0 makes one and tells it to all others. */
struct PeersId {
    unsigned char bytes[128];
};
typedef struct PeersId PeersId;
MEL_MUST_CHECK bool mel_peers_id(Backend *backend, PeersId *id, Err *err);

/* Waits for all ranks, each of which has a device of its own. ERR_DEVICE says what went wrong. */
MEL_MUST_CHECK bool mel_peers_join(Backend *backend, const PeersId *id, int rank, int size,
                                   Peers **out, Err *err);
void mel_peers_leave(Peers *peers); /* NULL is fine */

/* Has the device turn these numbers into their sums over all ranks as soon as it is past that
 * milestone of the plan's last run; returns at once. Every rank asks for the same, in the same
 * order, and gets the same bits. */
MEL_MUST_CHECK bool mel_peers_sum(Peers *peers, const Variables *variables, VariableSpan span,
                                  const Plan *plan, int milestone, Err *err);

/* Whether all that was asked for is done. ERR_DEVICE when it cannot be any more. */
MEL_MUST_CHECK bool mel_peers_done(Peers *peers, bool *done, Err *err);

/* A rank is gone: what was asked for ends, with whatever numbers. Then only mel_peers_leave. */
void mel_peers_abort(Peers *peers);

#endif
