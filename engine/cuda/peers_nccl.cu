/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over GPUs by NCCL, in a stream beside the one that computes. What is used of it has been the
 * same since NCCL 2.0, so its header is not needed. */
#include "engine/cuda/kernel.h"
#include "engine/cuda/runtime.h"
#include "engine/cuda/shared_library.h"

extern "C" {
#include "engine/peers.h"

typedef struct ncclComm *ncclComm_t;
typedef struct {
    char internal[128];
} ncclUniqueId;
}

/* Of ncclResult_t, ncclDataType_t and ncclRedOp_t. */
enum { NCCL_SUCCESS = 0, NCCL_IN_PROGRESS = 7, NCCL_FLOAT32 = 7, NCCL_SUM = 0 };

static_assert(sizeof(ncclUniqueId) == sizeof(PeersId), "one is told as the other");

/* The library as it was found. */
struct Nccl {
    int (*ncclGetUniqueId)(ncclUniqueId *id);
    int (*ncclCommInitRank)(ncclComm_t *comm, int size, ncclUniqueId id, int rank);
    int (*ncclCommDestroy)(ncclComm_t comm);
    int (*ncclCommAbort)(ncclComm_t comm);
    int (*ncclCommGetAsyncError)(ncclComm_t comm, int *error);
    int (*ncclAllReduce)(const void *from, void *to, size_t count, int type, int op,
                         ncclComm_t comm, cudaStream_t stream);
    const char *(*ncclGetErrorString)(int result);
};

struct Group {
    const Nccl *nccl;
    ncclComm_t comm;
    cudaStream_t stream;
    void *last; /* an event behind the last sum */
};

static const Nccl *library(Err *err)
{
    static const char *const names[] = {"libnccl.so.2", NULL};
    static Nccl nccl;
    static bool open;
    const Symbol symbols[] = {
        {"ncclGetUniqueId",       (void **)&nccl.ncclGetUniqueId      },
        {"ncclCommInitRank",      (void **)&nccl.ncclCommInitRank     },
        {"ncclCommDestroy",       (void **)&nccl.ncclCommDestroy      },
        {"ncclCommAbort",         (void **)&nccl.ncclCommAbort        },
        {"ncclCommGetAsyncError", (void **)&nccl.ncclCommGetAsyncError},
        {"ncclAllReduce",         (void **)&nccl.ncclAllReduce        },
        {"ncclGetErrorString",    (void **)&nccl.ncclGetErrorString   }
    };
    open = open || shared_library_open("NCCL", names, symbols, MEL_COUNT(symbols), err);
    return open ? &nccl : NULL;
}

static bool good(const Nccl *nccl, int result, const char *call, Err *err)
{
    return result == NCCL_SUCCESS || result == NCCL_IN_PROGRESS ||
           mel_err(err, ERR_DEVICE, "%s: %s", call, nccl->ncclGetErrorString(result));
}

static bool fine(cudaError_t status, const char *call, Err *err)
{
    return status == cudaSuccess ||
           mel_err(err, ERR_DEVICE, "%s: %s", call, cudaGetErrorString(status));
}

static bool ready(Backend *, Err *err)
{
    return library(err) != NULL;
}

static bool new_id(Backend *, PeersId *id, Err *err)
{
    const Nccl *nccl = library(err);
    return nccl && good(nccl, nccl->ncclGetUniqueId((ncclUniqueId *)id), "ncclGetUniqueId", err);
}

static void leave(void *group)
{
    Group *g = (Group *)group;
    if (g->comm) (void)g->nccl->ncclCommDestroy(g->comm);
    runtime_event_free(g->last);
    if (g->stream) (void)cudaStreamDestroy(g->stream);
    delete g;
}

/* Sums are few and short: they go before what the other stream waits with. */
static bool make_stream(Group *g, Err *err)
{
    int least, greatest;
    return fine(cudaDeviceGetStreamPriorityRange(&least, &greatest),
                "cudaDeviceGetStreamPriorityRange", err) &&
           fine(cudaStreamCreateWithPriority(&g->stream, cudaStreamNonBlocking, greatest),
                "cudaStreamCreate", err) &&
           runtime_event_new(&g->last, err);
}

static bool join(Backend *, const PeersId *id, int rank, int size, void **out, Err *err)
{
    ncclUniqueId unique;
    memcpy(&unique, id, sizeof unique);
    Group *g = new Group{};
    g->nccl = library(err);
    const bool ok = g->nccl && make_stream(g, err) &&
                    good(g->nccl, g->nccl->ncclCommInitRank(&g->comm, size, unique, rank),
                         "ncclCommInitRank", err);
    if (ok)
        *out = g;
    else
        leave(g);
    return ok;
}

static bool sum(void *group, void *event, float *memory, int64_t count, Err *err)
{
    Group *g = (Group *)group;
    if (event &&
        !fine(cudaStreamWaitEvent(g->stream, (cudaEvent_t)event, 0), "cudaStreamWaitEvent", err))
        return false;
    return good(g->nccl,
                g->nccl->ncclAllReduce(memory, memory, (size_t)count, NCCL_FLOAT32, NCCL_SUM,
                                       g->comm, g->stream),
                "ncclAllReduce", err) &&
           runtime_event_put((Stream *)g->stream, g->last, err);
}

static bool done(void *group, bool *done, Err *err)
{
    const Group *g = (const Group *)group;
    int broken = NCCL_SUCCESS;
    if (!good(g->nccl, g->nccl->ncclCommGetAsyncError(g->comm, &broken), "ncclCommGetAsyncError",
              err) ||
        !good(g->nccl, broken, "NCCL", err))
        return false;
    const cudaError_t status = cudaEventQuery((cudaEvent_t)g->last);
    *done = status == cudaSuccess;
    if (status != cudaErrorNotReady) return fine(status, "the sums of the GPUs", err);
    (void)cudaGetLastError(); /* else the next kernel would seem not to have started */
    return true;
}

/* It also frees what the other calls would need. */
static void abort_group(void *group)
{
    Group *g = (Group *)group;
    if (g->comm) (void)g->nccl->ncclCommAbort(g->comm);
    g->comm = NULL;
}

extern "C" const BackendPeers runtime_peers = {ready, new_id, join, leave, sum, done, abort_group};
