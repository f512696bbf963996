/* SPDX-License-Identifier: Apache-2.0
 *
 * What the backend needs of CUDA's runtime: runtime_cuda.cu has the real one, runtime_emulated.cpp
 * that of the tests. One device for each process. */
#ifndef MEL_CUDA_RUNTIME_H
#define MEL_CUDA_RUNTIME_H

#include "engine/cuda/cuda_op.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const char runtime_name[]; /* "cuda", "emulated" */

/* Takes device `index` and makes what lasts as long as the process: a stream, staging memory. Doing
 * it twice with one index is fine. */
bool runtime_start(int index, Err *err);
Stream *runtime_stream(void);
const char *runtime_text(void); /* the device, for people */

/* Into and out of the device, in the stream's order, from and into another type on the way. What is
 * copied in may change or go at once; what is copied out is there when the function returns. */
bool runtime_copy_in(Stream *stream, void *to, DType kept, const Tensor *from, Err *err);
bool runtime_copy_out(Stream *stream, const Tensor *to, const void *from, DType kept, Err *err);

/* Within the device, in the stream's order. */
bool runtime_copy(Stream *stream, void *to, const void *from, int64_t bytes, Err *err);
bool runtime_clear(Stream *stream, void *memory, int64_t bytes, Err *err);
bool runtime_wait(Stream *stream, Err *err);

int64_t runtime_memory_used(void); /* bytes of the device, by whatever; 0 when that is not told */

/* Records what `work` puts into the stream instead of doing it. */
bool runtime_record(Stream *stream, bool (*work)(void *ctx, Err *err), void *ctx, void **recording,
                    Err *err);
bool runtime_replay(Stream *stream, void *recording, Err *err);
void runtime_forget(void *recording);

/* As backend.h has them; the stream may be any of this device's. */
bool runtime_event_new(void **event, Err *err);
bool runtime_event_put(Stream *stream, void *event, Err *err);
bool runtime_event_wait(void *event, Err *err);
void runtime_event_free(void *event);

extern const BackendPeers runtime_peers; /* peers_nccl.cu */

#ifdef __cplusplus
}
#endif
#endif
