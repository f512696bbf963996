/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/kernel.h"
#include "engine/cuda/runtime.h"

extern "C" {
#include "engine/device.h"
}

extern "C" const char runtime_name[] = "cuda";

/* Pinned memory through which everything passes: while one piece is on its way, the next is
 * filled, from a file as like as not. */
constexpr int64_t PIECE_BYTES = 16 << 20;
constexpr int PIECES = 4;

struct Piece {
    unsigned char *memory;
    cudaEvent_t free; /* its last copy has ended */
};

static struct {
    bool started;
    int index;
    cudaStream_t stream;
    bool recording;
    Piece pieces[PIECES];
    int next;
    char text[384];
} runtime;

/* False, and an error that names the call, unless it went well. */
static bool good(cudaError_t status, const char *call, Err *err)
{
    return status == cudaSuccess ||
           mel_err(err, ERR_DEVICE, "%s: %s", call, cudaGetErrorString(status));
}

static bool make_pieces(Err *err)
{
    for (Piece &piece : runtime.pieces)
        if (!good(cudaMallocHost((void **)&piece.memory, PIECE_BYTES), "cudaMallocHost", err) ||
            !good(cudaEventCreateWithFlags(&piece.free, cudaEventDisableTiming), "cudaEventCreate",
                  err))
            return false;
    return true;
}

/* From sm_80 on. */
static bool check_device(int index, Err *err)
{
    int count = 0;
    cudaDeviceProp properties;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0) {
        mel_err_reason(err, ERR_DEVICE, DEVICE_NONE, "there is no CUDA GPU: %s",
                       status == cudaSuccess ? "the driver lists none"
                                             : cudaGetErrorString(status));
        return mel_err_hint(err, "--device cpu works everywhere");
    }
    if (index < 0 || index >= count)
        return mel_err(err, ERR_DEVICE, "there is no GPU %d: there are %d, from 0", index, count);
    if (!good(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties", err))
        return false;
    snprintf(runtime.text, sizeof runtime.text, "%s, %.1f GiB, compute capability %d.%d",
             properties.name, (double)properties.totalGlobalMem / 0x1p30, properties.major,
             properties.minor);
    return properties.major >= 8 ||
           mel_err_reason(err, ERR_DEVICE, DEVICE_NONE,
                          "'%s' has compute capability %d.%d, and bf16 needs 8.0 (Ampere) at least",
                          properties.name, properties.major, properties.minor);
}

extern "C" bool runtime_start(int index, Err *err)
{
    if (runtime.started)
        return index == runtime.index ||
               mel_err(err, ERR_USAGE, "this process computes on GPU %d already", runtime.index);
    if (!check_device(index, err)) return false;
    if (!good(cudaSetDevice(index), "cudaSetDevice", err) ||
        !good(cudaStreamCreateWithFlags(&runtime.stream, cudaStreamNonBlocking), "cudaStreamCreate",
              err) ||
        !make_pieces(err))
        return false;
    runtime.index = index;
    runtime.started = true;
    return true;
}

extern "C" const char *runtime_text(void)
{
    return runtime.text;
}

extern "C" Stream *runtime_stream(void)
{
    return (Stream *)runtime.stream;
}

/* ---- memory --------------------------------------------------------------------------------- */

extern "C" void *cuda_alloc(int64_t bytes, Err *err)
{
    void *memory = NULL;
    const cudaError_t status = cudaMalloc(&memory, (size_t)(bytes > 0 ? bytes : 1));
    if (status == cudaSuccess) return memory;
    size_t left = 0, all = 0;
    (void)cudaGetLastError(); /* it is told here */
    (void)cudaMemGetInfo(&left, &all);
    mel_err(err, ERR_NOMEM, "%.1f GB of GPU memory are wanted at once, %.1f of %.1f GB are free",
            (double)bytes / 1e9, (double)left / 1e9, (double)all / 1e9);
    mel_err_hint(err, "a smaller batch, bf16, recomputation, or --device cpu");
    return NULL;
}

extern "C" int64_t runtime_memory_used(void)
{
    size_t left = 0, all = 0;
    return cudaMemGetInfo(&left, &all) == cudaSuccess ? (int64_t)(all - left) : 0;
}

extern "C" void cuda_free(void *memory)
{
    (void)cudaFree(memory);
}

static Piece *next_piece(Err *err)
{
    Piece *piece = &runtime.pieces[runtime.next];
    runtime.next = (runtime.next + 1) % PIECES;
    return good(cudaEventSynchronize(piece->free), "cudaEventSynchronize", err) ? piece : NULL;
}

/* How many numbers go at once: as many as a piece holds of the device's type. */
static int64_t numbers_at_once(DType dtype)
{
    return PIECE_BYTES / (int64_t)mel_dtype_size(dtype);
}

static void *at(void *array, DType dtype, int64_t begin)
{
    return (char *)array + begin * (int64_t)mel_dtype_size(dtype);
}

static const void *at(const void *array, DType dtype, int64_t begin)
{
    return (const char *)array + begin * (int64_t)mel_dtype_size(dtype);
}

extern "C" bool runtime_copy_in(Stream *stream, void *to, DType kept, const Tensor *from, Err *err)
{
    const int64_t all = mel_shape_count(&from->shape), most = numbers_at_once(kept);
    for (int64_t begin = 0; begin < all; begin += most) {
        const int64_t count = all - begin < most ? all - begin : most;
        Piece *piece = next_piece(err);
        if (!piece) return false;
        mel_convert(at(from->data, from->dtype, begin), from->dtype, piece->memory, kept, count);
        if (!good(cudaMemcpyAsync(at(to, kept, begin), piece->memory,
                                  (size_t)count * mel_dtype_size(kept), cudaMemcpyHostToDevice,
                                  (cudaStream_t)stream),
                  "cudaMemcpyAsync to the GPU", err) ||
            !good(cudaEventRecord(piece->free, (cudaStream_t)stream), "cudaEventRecord", err))
            return false;
    }
    return true;
}

extern "C" bool runtime_copy_out(Stream *stream, const Tensor *to, const void *from, DType kept,
                                 Err *err)
{
    const int64_t all = mel_shape_count(&to->shape), most = numbers_at_once(kept);
    for (int64_t begin = 0; begin < all; begin += most) {
        const int64_t count = all - begin < most ? all - begin : most;
        Piece *piece = next_piece(err);
        if (!piece ||
            !good(cudaMemcpyAsync(piece->memory, at(from, kept, begin),
                                  (size_t)count * mel_dtype_size(kept), cudaMemcpyDeviceToHost,
                                  (cudaStream_t)stream),
                  "cudaMemcpyAsync from the GPU", err) ||
            !runtime_wait(stream, err))
            return false;
        mel_convert(piece->memory, kept, at(to->data, to->dtype, begin), to->dtype, count);
    }
    return true;
}

extern "C" bool runtime_copy(Stream *stream, void *to, const void *from, int64_t bytes, Err *err)
{
    return good(
        cudaMemcpyAsync(to, from, (size_t)bytes, cudaMemcpyDeviceToDevice, (cudaStream_t)stream),
        "cudaMemcpyAsync within the GPU", err);
}

extern "C" bool runtime_clear(Stream *stream, void *memory, int64_t bytes, Err *err)
{
    return good(cudaMemsetAsync(memory, 0, (size_t)bytes, (cudaStream_t)stream), "cudaMemsetAsync",
                err);
}

extern "C" bool runtime_wait(Stream *stream, Err *err)
{
    return good(cudaStreamSynchronize((cudaStream_t)stream), "the GPU's work", err);
}

extern "C" bool cuda_started(Err *err)
{
    return good(cudaGetLastError(), "a kernel did not start", err);
}

/* ---- recordings: CUDA graphs ---------------------------------------------------------------- */

extern "C" bool runtime_record(Stream *stream, bool (*work)(void *ctx, Err *err), void *ctx,
                               void **recording, Err *err)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t made = NULL;
    if (!good(cudaStreamBeginCapture((cudaStream_t)stream, cudaStreamCaptureModeThreadLocal),
              "cudaStreamBeginCapture", err))
        return false;
    runtime.recording = true;
    bool ok = work(ctx, err);
    runtime.recording = false;
    ok =
        good(cudaStreamEndCapture((cudaStream_t)stream, &graph), "cudaStreamEndCapture", err) && ok;
    ok = ok && good(cudaGraphInstantiate(&made, graph, 0), "cudaGraphInstantiate", err);
    if (graph) (void)cudaGraphDestroy(graph);
    if (ok) *recording = made;
    return ok;
}

extern "C" bool runtime_replay(Stream *stream, void *recording, Err *err)
{
    return good(cudaGraphLaunch((cudaGraphExec_t)recording, (cudaStream_t)stream),
                "cudaGraphLaunch", err);
}

extern "C" void runtime_forget(void *recording)
{
    if (recording) (void)cudaGraphExecDestroy((cudaGraphExec_t)recording);
}

/* ---- events --------------------------------------------------------------------------------- */

extern "C" bool runtime_event_new(void **event, Err *err)
{
    return good(cudaEventCreateWithFlags((cudaEvent_t *)event, cudaEventDisableTiming),
                "cudaEventCreate", err);
}

/* Within a recording it becomes a node of the graph that those outside may wait for. */
extern "C" bool runtime_event_put(Stream *stream, void *event, Err *err)
{
    const unsigned flags = runtime.recording ? cudaEventRecordExternal : cudaEventRecordDefault;
    return good(cudaEventRecordWithFlags((cudaEvent_t)event, (cudaStream_t)stream, flags),
                "cudaEventRecord", err);
}

/* Each thread has a current device of its own. */
extern "C" bool runtime_event_wait(void *event, Err *err)
{
    return good(cudaSetDevice(runtime.index), "cudaSetDevice", err) &&
           good(cudaEventSynchronize((cudaEvent_t)event), "cudaEventSynchronize", err);
}

extern "C" void runtime_event_free(void *event)
{
    if (event) (void)cudaEventDestroy((cudaEvent_t)event);
}
