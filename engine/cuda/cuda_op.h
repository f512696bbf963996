/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operation is on a GPU: one file ops/<family>.cu defines cuda_op_<name> for each of its
 * family's operations in ops.def. An operation without one does not link. */
#ifndef MEL_CUDA_OP_H
#define MEL_CUDA_OP_H

#ifdef __cplusplus
extern "C" {
#endif

#include "engine/backend.h"

/* One execution; arrays are the device's. Nothing here may allocate or wait: the work is put into
 * the stream and may be recorded there once and replayed. */
typedef struct CudaCall {
    const Node *node;
    const void *in[OP_INPUTS_MAX];
    void *out, *state, *scratch;
    Stream *stream;
} CudaCall;

typedef struct CudaOp {
    /* As the CPU's (op.h): may make a state, ask for scratch memory, pack weights. The weights are
     * the host's. NULL for nothing. */
    bool (*prepare)(Prepare *prepare, Err *err);
    bool (*run)(const CudaCall *call, Err *err);
    unsigned mixed; /* a bit for each input that may have another float type than the first */
} CudaOp;

#define MIXED(input) (1U << (input))

#define OP(name) extern const CudaOp cuda_op_##name;
#include "engine/ops.def"
#undef OP

/* Whether the kernels that were put into the stream last could be started. */
bool cuda_started(Err *err);

/* Memory for states, made and filled once; freed by the state's free_state. */
void *cuda_alloc(int64_t bytes, Err *err);
void cuda_free(void *memory);
bool cuda_upload(void *to, DType kept, const Tensor *from, Err *err); /* which may go at once */

#ifdef __cplusplus
}
#endif
#endif
