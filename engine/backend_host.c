/* SPDX-License-Identifier: Apache-2.0
 *
 * The two backends in the host's memory. "reference" is the specification: each operation's plain
 * reference, every float type kept as double; slow, for tests and for finding out which kernel is
 * wrong. "cpu" is the fast one. */
#include "engine/backend.h"
#include "engine/big_alloc.h"

#include <stdlib.h>
#include <string.h>

static DType keep(DType dtype)
{
    return mel_dtype_is_float(dtype) ? DTYPE_F64 : dtype;
}

static void *host_alloc(Backend *backend, int64_t bytes, Err *err)
{
    (void)backend;
    void *memory = big_alloc(bytes + 64); /* vectors may read past the last number */
    if (!memory) mel_err(err, ERR_NOMEM, "no memory for %lld bytes", (long long)bytes);
    return memory;
}

static void host_free(Backend *backend, void *memory)
{
    (void)backend;
    free(memory);
}

static bool host_copy(Backend *backend, Stream *stream, void *to, const void *from, int64_t bytes,
                      Err *err)
{
    (void)backend, (void)stream, (void)err;
    memcpy(to, from, (size_t)bytes);
    return true;
}

static bool host_upload(Backend *backend, Stream *stream, void *to, DType kept, const Tensor *from,
                        Err *err)
{
    (void)backend, (void)stream, (void)err;
    mel_convert(from->data, from->dtype, to, kept, mel_shape_count(&from->shape));
    return true;
}

static bool host_download(Backend *backend, Stream *stream, const Tensor *to, const void *from,
                          DType kept, Err *err)
{
    (void)backend, (void)stream, (void)err;
    mel_convert(from, kept, to->data, to->dtype, mel_shape_count(&to->shape));
    return true;
}

static bool host_clear(Backend *backend, Stream *stream, void *memory, int64_t bytes, Err *err)
{
    (void)backend, (void)stream, (void)err;
    memset(memory, 0, (size_t)bytes);
    return true;
}

static bool host_synchronize(Backend *backend, Stream *stream, Err *err)
{
    (void)backend, (void)stream, (void)err;
    return true;
}

static bool prepare_nothing(Backend *backend, Prepare *prepare, Err *err)
{
    (void)backend, (void)prepare, (void)err;
    return true;
}

static bool run_reference(Backend *backend, Stream *stream, const Call *call, Err *err)
{
    (void)backend, (void)stream, (void)err;
    call->node->def->reference(call);
    return true;
}

static DType keep_as_it_is(DType dtype)
{
    return dtype;
}

static bool prepare_cpu(Backend *backend, Prepare *prepare, Err *err)
{
    (void)backend;
    const OpDef *def = prepare->node->def;
    return !def->cpu_prepare || def->cpu_prepare(prepare, err);
}

static bool run_cpu(Backend *backend, Stream *stream, const Call *call, Err *err)
{
    (void)backend, (void)stream, (void)err;
    call->node->def->cpu_run(call);
    return true;
}

Backend *mel_backend_reference(void)
{
    static Backend backend = {.name = "reference",
                              .host_memory = true,
                              .dtype = keep,
                              .alloc = host_alloc,
                              .free = host_free,
                              .upload = host_upload,
                              .download = host_download,
                              .copy = host_copy,
                              .clear = host_clear,
                              .prepare = prepare_nothing,
                              .run = run_reference,
                              .synchronize = host_synchronize};
    return &backend;
}

Backend *mel_backend_cpu(void)
{
    static Backend backend = {.name = "cpu",
                              .host_memory = true,
                              .dtype = keep_as_it_is,
                              .alloc = host_alloc,
                              .free = host_free,
                              .upload = host_upload,
                              .download = host_download,
                              .copy = host_copy,
                              .clear = host_clear,
                              .prepare = prepare_cpu,
                              .run = run_cpu,
                              .synchronize = host_synchronize};
    return &backend;
}
