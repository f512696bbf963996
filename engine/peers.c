/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/peers.h"

#include "engine/backend.h"
#include "engine/plan_internal.h"
#include "engine/variables_internal.h"

#include <stdlib.h>

struct Peers {
    const BackendPeers *calls;
    void *group;
};

bool mel_peers_ready(Backend *backend, Err *err)
{
    if (!backend->peers)
        return mel_err(err, ERR_DEVICE, "'%s' adds nothing up by itself", backend->name);
    return backend->peers->ready(backend, err);
}

bool mel_peers_id(Backend *backend, PeersId *id, Err *err)
{
    return backend->peers->id(backend, id, err);
}

bool mel_peers_join(Backend *backend, const PeersId *id, int rank, int size, Peers **out, Err *err)
{
    void *group;
    if (!backend->peers->join(backend, id, rank, size, &group, err)) return false;
    *out = mel_alloc(sizeof **out);
    **out = (Peers){.calls = backend->peers, .group = group};
    return true;
}

void mel_peers_leave(Peers *peers)
{
    if (!peers) return;
    peers->calls->leave(peers->group);
    free(peers);
}

bool mel_peers_sum(Peers *peers, const Variables *variables, VariableSpan span, const Plan *plan,
                   int milestone, Err *err)
{
    float *memory = variables_part(variables, span);
    return peers->calls->sum(peers->group, plan_event(plan, milestone), memory, span.count, err);
}

bool mel_peers_done(Peers *peers, bool *done, Err *err)
{
    return peers->calls->done(peers->group, done, err);
}

void mel_peers_abort(Peers *peers)
{
    peers->calls->abort(peers->group);
}
