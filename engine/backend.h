/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: what a plan needs of a device. Work is put into streams; within one it runs in
 * order, and upload, download, copy and clear take part in that order. What is uploaded may change
 * or go at once; what is downloaded is there when the call returns. A backend without streams of
 * its own does everything at once. */
#ifndef MEL_ENGINE_BACKEND_H
#define MEL_ENGINE_BACKEND_H

#include "engine/op.h"

typedef struct Backend Backend;
typedef struct Stream Stream; /* a backend's own; NULL is its default */

typedef struct PeersId PeersId; /* peers.h */

typedef bool BackendWork(void *ctx, Err *err);

/* How devices of several processes add up what lies in their memory by themselves: peers.h, for
 * any memory of the device. What is to be added up waits for the event first (NULL: for nothing).
 */
typedef struct BackendPeers {
    bool (*ready)(Backend *backend, Err *err);
    bool (*id)(Backend *backend, PeersId *id, Err *err);
    bool (*join)(Backend *backend, const PeersId *id, int rank, int size, void **group, Err *err);
    void (*leave)(void *group);
    bool (*sum)(void *group, void *event, float *memory, int64_t count, Err *err);
    bool (*done)(void *group, bool *done, Err *err);
    void (*abort)(void *group);
} BackendPeers;

struct Backend {
    const char *name; /* "cpu", "reference", "cuda" */
    const char *text; /* which one, for people; NULL where the name says all */
    bool host_memory; /* device memory is the host's: weights may be used where they lie */
    DType (*dtype)(DType dtype); /* how a value of a node's type is kept */

    void *(*alloc)(Backend *backend, int64_t bytes, Err *err); /* aligned to 64; NULL on error */
    void (*free)(Backend *backend, void *memory);
    /* Between the host's array, of any type, and the device's, which is kept as `kept`. */
    bool (*upload)(Backend *backend, Stream *stream, void *to, DType kept, const Tensor *from,
                   Err *err);
    bool (*download)(Backend *backend, Stream *stream, const Tensor *to, const void *from,
                     DType kept, Err *err);
    bool (*copy)(Backend *backend, Stream *stream, void *to, const void *from, int64_t bytes,
                 Err *err); /* within the device */
    bool (*clear)(Backend *backend, Stream *stream, void *memory, int64_t bytes,
                  Err *err); /* to zeroes, of every type */
    bool (*prepare)(Backend *backend, Prepare *prepare, Err *err);
    bool (*run)(Backend *backend, Stream *stream, const Call *call, Err *err);
    bool (*synchronize)(Backend *backend, Stream *stream, Err *err);

    /* NULL, all four, where work is done when it is given. An event is put behind what a stream has
     * been given so far; within a recording, at each replay. Any thread may wait for what it was
     * put behind last; freeing NULL is fine. */
    bool (*event_new)(Backend *backend, void **event, Err *err);
    bool (*event_put)(Backend *backend, Stream *stream, void *event, Err *err);
    bool (*event_wait)(Backend *backend, void *event, Err *err);
    void (*event_free)(Backend *backend, void *event);

    /* NULL, all three, where nothing is gained: the work that `work` puts into the stream, made
     * ready to be given to the device at one stroke, and that. The same memory is used each time.
     */
    bool (*record)(Backend *backend, Stream *stream, BackendWork *work, void *ctx, void **recording,
                   Err *err);
    bool (*replay)(Backend *backend, Stream *stream, void *recording, Err *err);
    void (*forget)(Backend *backend, void *recording); /* NULL is fine */

    const BackendPeers *peers; /* NULL where there is no such way */

    /* Bytes of the device's memory that are in use, by whatever. NULL: it is the host's. */
    int64_t (*memory_used)(Backend *backend);
};

/* The specification itself: every operation's plain reference, in double. */
Backend *mel_backend_reference(void);

/* The CPU's fast code: oneDNN and our own kernels, on OpenMP's threads. */
Backend *mel_backend_cpu(void);

#endif
