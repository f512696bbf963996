/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/walk.h"

enum { THREADS = 256 };

/* Pictures [B, h, w, C]. */
struct Picture {
    int64_t h, w, channels, places; /* places: of all pictures */
};

static Picture picture_of(const Shape *shape)
{
    return Picture{shape->dims[1], shape->dims[2], shape->dims[3],
                   shape->dims[0] * shape->dims[1] * shape->dims[2]};
}

static bool whole_packs(const Picture *picture, int n)
{
    return picture->channels % n == 0;
}

/* ---- upsampling: each number is read once and written to its whole block ----------------------
 */

template <typename T, int N, typename Index>
static __global__ void upsample_kernel(Picture in, int times_h, int times_w, const T *x, T *y)
{
    const Index packs = (Index)(in.channels / N), width = (Index)in.w;
    for (EACH_INDEX(i, in.places * (int64_t)packs)) {
        const Index place = (Index)i / packs, row = place / width;
        const int64_t column = (int64_t)(place - row * width) * times_w;
        const int64_t channel = (int64_t)((Index)i - place * packs) * N;
        const Pack<T, N> pack = *(const Pack<T, N> *)(x + i * N);
        for (int h = 0; h < times_h; h++) {
            const int64_t to = (((int64_t)row * times_h + h) * in.w * times_w) + column;
            for (int w = 0; w < times_w; w++)
                *(Pack<T, N> *)(y + (to + w) * in.channels + channel) = pack;
        }
    }
}

template <typename T, int N>
static void start_upsample(const CudaCall *call, const Picture *in, const BlockAttrs *attrs)
{
    const int64_t count = in->places * (in->channels / N);
    WITH_INDEX(count, Index,
               LAUNCH((upsample_kernel<T, N, Index>), blocks_for(count, THREADS), THREADS, 0, call,
                      *in, attrs->h, attrs->w, (const T *)call->in[0], (T *)call->out));
}

template <typename T> static void run_upsample(const CudaCall *call)
{
    const Picture in = picture_of(&call->node->in[0]->shape);
    const BlockAttrs *attrs = (const BlockAttrs *)call->node->attrs;
    constexpr int N = pack_size<T>;
    if (in.places * in.channels == 0) return;
    if (all_aligned(call->in[0], call->out) && whole_packs(&in, N))
        start_upsample<T, N>(call, &in, attrs);
    else
        start_upsample<T, 1>(call, &in, attrs);
}

static bool upsample_run(const CudaCall *call, Err *err)
{
    if (mel_dtype_size(call->node->dtype) == 2)
        run_upsample<uint16_t>(call);
    else
        run_upsample<uint32_t>(call);
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_upsample = {NULL, upsample_run, 0};

/* ---- pools ---------------------------------------------------------------------------------- */

struct Window {
    Picture large, pooled;
    int h, w;
    bool max;
};

static Window window_of(const Node *node, const Shape *large, const Shape *pooled)
{
    const BlockAttrs *attrs = (const BlockAttrs *)node->attrs;
    return Window{picture_of(large), picture_of(pooled), attrs->h, attrs->w,
                  attrs->kind == POOL_MAX};
}

/* Where the first number of a window lies. */
static __device__ __forceinline__ int64_t corner_of(const Window &window, int64_t b, int64_t row,
                                                    int64_t column)
{
    const Picture &large = window.large;
    return ((b * large.h + row * window.h) * large.w + column * window.w) * large.channels;
}

template <typename T, int N, typename Index>
static __global__ void pool_kernel(Window window, const T *x, T *y)
{
    const Picture &out = window.pooled;
    const Index packs = (Index)(out.channels / N), height = (Index)out.h, width = (Index)out.w;
    const float factor = window.max ? 1.0f : 1.0f / (float)(window.h * window.w);
    for (EACH_INDEX(i, out.places * (int64_t)packs)) {
        const Index place = (Index)i / packs, line = place / width, b = line / height;
        const T *from = x + corner_of(window, b, line - b * height, place - line * width) +
                        (int64_t)((Index)i - place * packs) * N;
        float value[N], v[N];
        for (int k = 0; k < N; k++)
            value[k] = window.max ? -FLT_MAX : 0.0f;
        for (int h = 0; h < window.h; h++)
            for (int w = 0; w < window.w; w++) {
                load_pack<T, N>(from + (h * window.large.w + w) * out.channels, v);
                for (int k = 0; k < N; k++)
                    value[k] = !window.max ? value[k] + v[k] : v[k] > value[k] ? v[k] : value[k];
            }
        for (int k = 0; k < N; k++)
            value[k] *= factor;
        store_pack<T, N>(y + i * N, value);
    }
}

template <typename T, int N> static void start_pool(const CudaCall *call, const Window *window)
{
    const int64_t count = window->pooled.places * (window->pooled.channels / N);
    WITH_INDEX(count, Index,
               LAUNCH((pool_kernel<T, N, Index>), blocks_for(count, THREADS), THREADS, 0, call,
                      *window, (const T *)call->in[0], (T *)call->out));
}

static bool pool_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const Window window = window_of(node, &node->in[0]->shape, &node->shape);
    if (mel_shape_count(&node->shape) == 0) return true;
    WITH_FLOAT(
        node->dtype, T,
        WITH_PACK(all_aligned(call->in[0], call->out) && whole_packs(&window.pooled, pack_size<T>),
                  T, N, start_pool<T, N>(call, &window)));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_pool = {NULL, pool_run, 0};

/* Which place of its window has the first largest of each channel. */
template <typename T, int N>
static __device__ __forceinline__ void find_largest(const Window &window, const T *x,
                                                    int (&places)[N])
{
    float top[N], v[N];
    load_pack<T, N>(x, top);
    for (int k = 0; k < N; k++)
        places[k] = 0;
    for (int h = 0; h < window.h; h++)
        for (int w = 0; w < window.w; w++) {
            load_pack<T, N>(x + (h * window.large.w + w) * window.large.channels, v);
            for (int k = 0; k < N; k++) {
                if (!(v[k] > top[k])) continue;
                top[k] = v[k];
                places[k] = h * window.w + w;
            }
        }
}

/* A thread writes a window's slopes, or the zeroes of one that the pool left out for the picture
 * ends within it: `across` and `down` count both kinds. */
template <typename T, int N, typename Index>
static __global__ void pool_grad_kernel(Window window, int64_t down, int64_t across, int64_t count,
                                        const T *dy, const T *x, T *dx)
{
    const Picture &large = window.large, &pooled = window.pooled;
    const Index packs = (Index)(large.channels / N), height = (Index)down, width = (Index)across;
    const float factor = window.max ? 1.0f : 1.0f / (float)(window.h * window.w);
    for (EACH_INDEX(i, count)) {
        const Index place = (Index)i / packs, line = place / width, b = line / height;
        const int64_t row = line - b * height, column = place - line * width;
        const int64_t channel = (int64_t)((Index)i - place * packs) * N;
        const int64_t corner = corner_of(window, b, row, column) + channel;
        float slope[N] = {}, v[N];
        int places[N] = {};
        if (row < pooled.h && column < pooled.w) {
            const int64_t from = (b * pooled.h + row) * pooled.w + column;
            load_pack<T, N>(dy + from * pooled.channels + channel, slope);
            if (window.max) find_largest<T, N>(window, x + corner, places);
        }
        for (int h = 0; h < window.h && row * window.h + h < large.h; h++)
            for (int w = 0; w < window.w && column * window.w + w < large.w; w++) {
                for (int k = 0; k < N; k++)
                    v[k] = window.max && places[k] != h * window.w + w ? 0.0f : slope[k] * factor;
                store_pack<T, N>(dx + corner + (h * large.w + w) * large.channels, v);
            }
    }
}

template <typename T, int N> static void start_pool_grad(const CudaCall *call, const Window *window)
{
    const Picture *large = &window->large;
    const int64_t down = (large->h + window->h - 1) / window->h;
    const int64_t across = (large->w + window->w - 1) / window->w;
    const int64_t count = call->node->shape.dims[0] * down * across * (window->large.channels / N);
    WITH_INDEX(count, Index,
               LAUNCH((pool_grad_kernel<T, N, Index>), blocks_for(count, THREADS), THREADS, 0, call,
                      *window, down, across, count, (const T *)call->in[0], (const T *)call->in[1],
                      (T *)call->out));
}

static bool pool_grad_run(const CudaCall *call, Err *err)
{
    const Node *node = call->node;
    const Window window = window_of(node, &node->shape, &node->in[0]->shape);
    if (mel_shape_count(&node->shape) == 0) return true;
    WITH_FLOAT(node->dtype, T,
               WITH_PACK(all_aligned(call->in[0], call->in[1], call->out) &&
                             whole_packs(&window.pooled, pack_size<T>),
                         T, N, start_pool_grad<T, N>(call, &window)));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_pool_grad = {NULL, pool_grad_run, 0};
