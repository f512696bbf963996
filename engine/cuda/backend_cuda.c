/* SPDX-License-Identifier: Apache-2.0
 *
 * The GPU as a backend: the operations' kernels by ops.def, in one stream. */
#include "engine/cuda/runtime.h"
#include "engine/device.h"

static const CudaOp *const cuda_table[] = {
#define OP(name) &cuda_op_##name,
#include "engine/ops.def"
#undef OP
};

static const CudaOp *cuda_op_of(const Node *node)
{
    for (int i = 0; i < op_count; i++)
        if (op_table[i] == node->def) return cuda_table[i];
    return NULL;
}

static Stream *stream_or_default(Stream *stream)
{
    return stream ? stream : runtime_stream();
}

static DType keep_as_it_is(DType dtype)
{
    return dtype;
}

static void *gpu_alloc(Backend *backend, int64_t bytes, Err *err)
{
    (void)backend;
    return cuda_alloc(bytes, err);
}

static void gpu_free(Backend *backend, void *memory)
{
    (void)backend;
    cuda_free(memory);
}

static bool gpu_upload(Backend *backend, Stream *stream, void *to, DType kept, const Tensor *from,
                       Err *err)
{
    (void)backend;
    return runtime_copy_in(stream_or_default(stream), to, kept, from, err);
}

static bool gpu_download(Backend *backend, Stream *stream, const Tensor *to, const void *from,
                         DType kept, Err *err)
{
    (void)backend;
    return runtime_copy_out(stream_or_default(stream), to, from, kept, err);
}

bool cuda_upload(void *to, DType kept, const Tensor *from, Err *err)
{
    return runtime_copy_in(runtime_stream(), to, kept, from, err);
}

static bool gpu_copy(Backend *backend, Stream *stream, void *to, const void *from, int64_t bytes,
                     Err *err)
{
    (void)backend;
    return runtime_copy(stream_or_default(stream), to, from, bytes, err);
}

static bool gpu_clear(Backend *backend, Stream *stream, void *memory, int64_t bytes, Err *err)
{
    (void)backend;
    return runtime_clear(stream_or_default(stream), memory, bytes, err);
}

/* Kernels are compiled for one float type: what they would misread is refused. */
static bool check_types(const Node *node, unsigned mixed, Err *err)
{
    for (int i = 1; i < node->in_count; i++) {
        const Node *in = node->in[i];
        if (!in || (mixed & MIXED(i)) || !mel_dtype_is_float(in->dtype)) continue;
        if (mel_dtype_is_float(node->in[0]->dtype) && in->dtype != node->in[0]->dtype)
            return mel_err(err, ERR_USAGE, "its input %d is %s, its first %s", i,
                           mel_dtype_name(in->dtype), mel_dtype_name(node->in[0]->dtype));
    }
    return true;
}

static bool gpu_prepare(Backend *backend, Prepare *prepare, Err *err)
{
    (void)backend;
    const CudaOp *op = cuda_op_of(prepare->node);
    MEL_ASSERT(op);
    if (!check_types(prepare->node, op->mixed, err)) return false;
    return !op->prepare || op->prepare(prepare, err);
}

static bool gpu_run(Backend *backend, Stream *stream, const Call *call, Err *err)
{
    (void)backend;
    CudaCall cuda = {.node = call->node,
                     .out = call->out,
                     .state = call->state,
                     .scratch = call->scratch,
                     .stream = stream_or_default(stream)};
    for (int i = 0; i < OP_INPUTS_MAX; i++)
        cuda.in[i] = call->in[i];
    return cuda_op_of(call->node)->run(&cuda, err);
}

static bool gpu_synchronize(Backend *backend, Stream *stream, Err *err)
{
    (void)backend;
    return runtime_wait(stream_or_default(stream), err);
}

static bool gpu_record(Backend *backend, Stream *stream, BackendWork *work, void *ctx,
                       void **recording, Err *err)
{
    (void)backend;
    return runtime_record(stream_or_default(stream), work, ctx, recording, err);
}

static bool gpu_replay(Backend *backend, Stream *stream, void *recording, Err *err)
{
    (void)backend;
    return runtime_replay(stream_or_default(stream), recording, err);
}

static void gpu_forget(Backend *backend, void *recording)
{
    (void)backend;
    runtime_forget(recording);
}

static bool gpu_event_new(Backend *backend, void **event, Err *err)
{
    (void)backend;
    return runtime_event_new(event, err);
}

static bool gpu_event_put(Backend *backend, Stream *stream, void *event, Err *err)
{
    (void)backend;
    return runtime_event_put(stream_or_default(stream), event, err);
}

static bool gpu_event_wait(Backend *backend, void *event, Err *err)
{
    (void)backend;
    return runtime_event_wait(event, err);
}

static void gpu_event_free(Backend *backend, void *event)
{
    (void)backend;
    runtime_event_free(event);
}

static int64_t gpu_memory_used(Backend *backend)
{
    (void)backend;
    return runtime_memory_used();
}

Backend *mel_backend_cuda(int index, Err *err)
{
    static Backend backend = {.name = runtime_name,
                              .dtype = keep_as_it_is,
                              .alloc = gpu_alloc,
                              .free = gpu_free,
                              .upload = gpu_upload,
                              .download = gpu_download,
                              .copy = gpu_copy,
                              .clear = gpu_clear,
                              .prepare = gpu_prepare,
                              .run = gpu_run,
                              .synchronize = gpu_synchronize,
                              .event_new = gpu_event_new,
                              .event_put = gpu_event_put,
                              .event_wait = gpu_event_wait,
                              .event_free = gpu_event_free,
                              .record = gpu_record,
                              .replay = gpu_replay,
                              .forget = gpu_forget,
                              .peers = &runtime_peers,
                              .memory_used = gpu_memory_used};
    if (!runtime_start(index, err)) return NULL;
    backend.text = runtime_text();
    return &backend;
}
