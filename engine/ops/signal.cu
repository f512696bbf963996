/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/walk.h"
#include "engine/ops/places.h"

enum { THREADS = 256 };

/* ---- a step as numbers ---------------------------------------------------------------------- */

/* In double: a step of 1,000 in float leaves its sine four digits. */
template <typename T>
static __global__ void timestep_kernel(Floats steps, int64_t count, int64_t half, T *out)
{
    for (EACH_INDEX(i, count * half)) {
        const int64_t b = i / half, k = i % half;
        const double angle = steps.at(b) * exp(-log(10000.0) * (double)k / (double)half);
        out[b * 2 * half + k] = from_float<T>((float)cos(angle));
        out[b * 2 * half + half + k] = from_float<T>((float)sin(angle));
    }
}

static bool timestep_embedding_run(const CudaCall *call, Err *err)
{
    const int64_t count = call->node->shape.dims[0], half = call->node->shape.dims[1] / 2;
    if (count == 0) return true;
    WITH_FLOAT(call->node->dtype, T,
               LAUNCH((timestep_kernel<T>), blocks_for(count * half, THREADS), THREADS, 0, call,
                      floats_of(call, 0), count, half, (T *)call->out));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_timestep_embedding = {NULL, timestep_embedding_run, 0};

/* ---- windows of a signal -------------------------------------------------------------------- */

/* Signals of `samples` numbers each, and the windows of each. */
struct Windows {
    int64_t signals, samples, frames, length, hop, reflect;
};

static Windows windows_of(const Node *node, const Shape *signals, const Shape *frames)
{
    const FrameAttrs *attrs = (const FrameAttrs *)node->attrs;
    return Windows{signals->dims[0], signals->dims[1], frames->dims[1],
                   attrs->length,    attrs->hop,       attrs->reflect};
}

/* Written in packs; read one by one, for a hop may begin anywhere. */
template <typename T, int N, typename Index>
static __global__ void frame_kernel(Windows windows, const T *x, T *out)
{
    const int64_t packs = windows.length / N;
    for (EACH_INDEX(i, windows.signals * windows.frames * packs)) {
        const Index row = (Index)i / (Index)packs, b = row / (Index)windows.frames;
        const int64_t at = (i - (int64_t)row * packs) * N;
        const int64_t begin = ((int64_t)row - (int64_t)b * windows.frames) * windows.hop + at;
        const T *from = x + (int64_t)b * windows.samples;
        Pack<T, N> pack;
        for (int k = 0; k < N; k++)
            pack.at[k] = from[reflected(begin + k, windows.reflect, windows.samples)];
        *(Pack<T, N> *)(out + i * N) = pack;
    }
}

template <typename T, int N> static void start_frame(const CudaCall *call, const Windows *windows)
{
    const int64_t count = windows->signals * windows->frames * (windows->length / N);
    WITH_INDEX(count, Index,
               LAUNCH((frame_kernel<T, N, Index>), blocks_for(count, THREADS), THREADS, 0, call,
                      *windows, (const T *)call->in[0], (T *)call->out));
}

template <typename T> static void run_frame(const CudaCall *call)
{
    const Windows windows = windows_of(call->node, &call->node->in[0]->shape, &call->node->shape);
    WITH_PACK(all_aligned(call->out) && windows.length % pack_size<T> == 0, T, N,
              start_frame<T, N>(call, &windows));
}

static bool frame_run(const CudaCall *call, Err *err)
{
    if (mel_shape_count(&call->node->shape) == 0) return true;
    if (mel_dtype_size(call->node->dtype) == 2)
        run_frame<uint16_t>(call);
    else
        run_frame<uint32_t>(call);
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_frame = {NULL, frame_run, 0};

/* ---- back: each sample gathers from the windows that show it --------------------------------- */

/* The sum over the windows that hold a place of the reflected signal; 0 beyond the last window. */
template <typename T, typename Index>
static __device__ __forceinline__ float sum_at(const Windows &windows, const T *dy, int64_t place)
{
    const Index hop = (Index)windows.hop;
    const int64_t last = min((int64_t)((Index)place / hop), windows.frames - 1);
    float sum = 0;
    int64_t row = place < windows.length ? 0 : (Index)(place - windows.length) / hop + 1;
    for (; row <= last; row++)
        sum += to_float(dy[row * windows.length + place - row * windows.hop]);
    return sum;
}

template <typename T, typename Index>
static __global__ void frame_grad_kernel(Windows windows, const T *dy, T *dx)
{
    const int64_t samples = windows.samples, reflect = windows.reflect;
    for (EACH_INDEX(i, windows.signals * samples)) {
        const Index b = (Index)i / (Index)samples;
        const int64_t at = i - (int64_t)b * samples;
        const T *from = dy + (int64_t)b * windows.frames * windows.length;
        float sum = sum_at<T, Index>(windows, from, at + reflect);
        if (at > 0 && at <= reflect) sum += sum_at<T, Index>(windows, from, reflect - at);
        if (at < samples - 1 && at >= samples - 1 - reflect)
            sum += sum_at<T, Index>(windows, from, 2 * (samples - 1) - at + reflect);
        dx[i] = from_float<T>(sum);
    }
}

static bool frame_grad_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const Windows windows = windows_of(node, &node->shape, &node->in[0]->shape);
    const int64_t count = mel_shape_count(&node->shape);
    const int64_t places = count + 2 * windows.reflect;
    if (count == 0) return true;
    WITH_FLOAT(node->dtype, T,
               WITH_INDEX(places, Index,
                          LAUNCH((frame_grad_kernel<T, Index>), blocks_for(count, THREADS), THREADS,
                                 0, call, windows, (const T *)call->in[0], (T *)call->out)));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_frame_grad = {NULL, frame_grad_run, 0};
