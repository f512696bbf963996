/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/kernel.h"

#define EXP(x) expf(x)
#define ERF(x) erff(x)
#define TANH(x) tanhf(x)
#define SQRT(x) sqrtf(x)
#define LOG(x) logf(x)
#define SIN(x) sinf(x)
#define COS(x) cosf(x)
#define C(n) ((float)(n))
#include "engine/ops/unary_list.h"

enum { THREADS = 256 };

/* UnaryAttrs as kernels take them. */
struct Function {
    Unary kind;
    float a, b;
};

static Function function_of(const Node *node)
{
    const UnaryAttrs *attrs = (const UnaryAttrs *)node->attrs;
    return Function{attrs->kind, (float)attrs->a, (float)attrs->b};
}

#define VALUE_CASE(kind, value, slope)                                                             \
    case kind:                                                                                     \
        return value;
#define SLOPE_CASE(kind, value, slope)                                                             \
    case kind:                                                                                     \
        return slope;

static __device__ __forceinline__ float value_at(const Function &f, float x)
{
    const float a = f.a, b = f.b;
    switch (f.kind) {
        UNARY_LIST(VALUE_CASE)
    }
    return 0;
}

static __device__ __forceinline__ float slope_at(const Function &f, float x)
{
    const float a = f.a, b = f.b;
    (void)b;
    switch (f.kind) {
        UNARY_LIST(SLOPE_CASE)
    }
    return 0;
}

/* ---- unary: packs of N, and singly what fills none ------------------------------------------ */

template <typename T, int N>
static __global__ void unary_kernel(const T *x, T *y, int64_t count, Function f)
{
    for (EACH_INDEX(i, count / N)) {
        float v[N];
        load_pack<T, N>(x + i * N, v);
        for (int k = 0; k < N; k++)
            v[k] = value_at(f, v[k]);
        store_pack<T, N>(y + i * N, v);
    }
    for (EACH_INDEX(i, count % N)) {
        const int64_t at = count / N * N + i;
        y[at] = from_float<T>(value_at(f, to_float(x[at])));
    }
}

static bool unary_run(const CudaCall *call, Err *err)
{
    const int64_t count = mel_shape_count(&call->node->shape);
    const bool aligned = all_aligned(call->in[0], call->out);
    WITH_FLOAT(
        call->node->dtype, T,
        WITH_PACK(aligned, T, N,
                  LAUNCH((unary_kernel<T, N>), blocks_for(count / N + 1, THREADS), THREADS, 0, call,
                         (const T *)call->in[0], (T *)call->out, count, function_of(call->node))));
    return cuda_started(err);
}

template <typename T, int N>
static __global__ void unary_grad_kernel(const T *x, const T *dy, T *dx, int64_t count, Function f)
{
    for (EACH_INDEX(i, count / N)) {
        float v[N], d[N];
        load_pack<T, N>(x + i * N, v);
        load_pack<T, N>(dy + i * N, d);
        for (int k = 0; k < N; k++)
            v[k] = d[k] * slope_at(f, v[k]);
        store_pack<T, N>(dx + i * N, v);
    }
    for (EACH_INDEX(i, count % N)) {
        const int64_t at = count / N * N + i;
        dx[at] = from_float<T>(to_float(dy[at]) * slope_at(f, to_float(x[at])));
    }
}

static bool unary_grad_run(const CudaCall *call, Err *err)
{
    const int64_t count = mel_shape_count(&call->node->shape);
    const bool aligned = all_aligned(call->in[0], call->in[1], call->out);
    WITH_FLOAT(call->node->dtype, T,
               WITH_PACK(aligned, T, N,
                         LAUNCH((unary_grad_kernel<T, N>), blocks_for(count / N + 1, THREADS),
                                THREADS, 0, call, (const T *)call->in[0], (const T *)call->in[1],
                                (T *)call->out, count, function_of(call->node))));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_unary = {NULL, unary_run, 0};
extern "C" const CudaOp cuda_op_unary_grad = {NULL, unary_grad_run, 0};

/* ---- gated: the halves of a row are `width` apart ------------------------------------------- */

struct Rows {
    int64_t count, width;
};

static Rows rows_of(const Shape *shape)
{
    const int64_t width = shape->dims[shape->rank - 1];
    return Rows{width ? mel_shape_count(shape) / width : 0, width};
}

template <typename T, int N>
static __global__ void gated_kernel(const T *x, T *y, Rows rows, Function f)
{
    const int64_t packs = rows.width / N;
    for (EACH_INDEX(i, rows.count * packs)) {
        const int64_t at = i / packs * 2 * rows.width + i % packs * N;
        float v[N], gate[N];
        load_pack<T, N>(x + at, v);
        load_pack<T, N>(x + at + rows.width, gate);
        for (int k = 0; k < N; k++)
            v[k] *= value_at(f, gate[k]);
        store_pack<T, N>(y + i * N, v);
    }
}

static bool gated_run(const CudaCall *call, Err *err)
{
    const Rows rows = rows_of(&call->node->shape);
    const bool aligned = all_aligned(call->in[0], call->out) && rows.width % 8 == 0;
    WITH_FLOAT(
        call->node->dtype, T,
        WITH_PACK(aligned, T, N,
                  LAUNCH((gated_kernel<T, N>), blocks_for(rows.count * rows.width / N, THREADS),
                         THREADS, 0, call, (const T *)call->in[0], (T *)call->out, rows,
                         function_of(call->node))));
    return cuda_started(err);
}

template <typename T, int N>
static __global__ void gated_grad_kernel(const T *x, const T *dy, T *dx, Rows rows, Function f)
{
    const int64_t packs = rows.width / N;
    for (EACH_INDEX(i, rows.count * packs)) {
        const int64_t at = i / packs * 2 * rows.width + i % packs * N;
        float v[N], gate[N], d[N];
        load_pack<T, N>(x + at, v);
        load_pack<T, N>(x + at + rows.width, gate);
        load_pack<T, N>(dy + i * N, d);
        for (int k = 0; k < N; k++) {
            v[k] *= d[k] * slope_at(f, gate[k]);
            d[k] *= value_at(f, gate[k]);
        }
        store_pack<T, N>(dx + at, d);
        store_pack<T, N>(dx + at + rows.width, v);
    }
}

static bool gated_grad_run(const CudaCall *call, Err *err)
{
    const Rows rows = rows_of(&call->node->in[1]->shape);
    const bool aligned = all_aligned(call->in[0], call->in[1], call->out) && rows.width % 8 == 0;
    WITH_FLOAT(call->node->dtype, T,
               WITH_PACK(aligned, T, N,
                         LAUNCH((gated_grad_kernel<T, N>),
                                blocks_for(rows.count * rows.width / N, THREADS), THREADS, 0, call,
                                (const T *)call->in[0], (const T *)call->in[1], (T *)call->out,
                                rows, function_of(call->node))));
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_gated = {NULL, gated_run, 0};
extern "C" const CudaOp cuda_op_gated_grad = {NULL, gated_grad_run, 0};
