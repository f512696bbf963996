/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/conv_cudnn.h"

#if __has_include(<cudnn.h>) && !defined(MEL_EMULATED)

#include "engine/cuda/shared_library.h"

#include <cudnn.h>

#define CALLS(X)                                                                                   \
    X(cudnnCreate)                                                                                 \
    X(cudnnSetStream)                                                                              \
    X(cudnnGetErrorString)                                                                         \
    X(cudnnCreateTensorDescriptor)                                                                 \
    X(cudnnDestroyTensorDescriptor)                                                                \
    X(cudnnSetTensor4dDescriptor)                                                                  \
    X(cudnnCreateFilterDescriptor)                                                                 \
    X(cudnnDestroyFilterDescriptor)                                                                \
    X(cudnnSetFilter4dDescriptor)                                                                  \
    X(cudnnCreateConvolutionDescriptor)                                                            \
    X(cudnnDestroyConvolutionDescriptor)                                                           \
    X(cudnnSetConvolution2dDescriptor)                                                             \
    X(cudnnSetConvolutionGroupCount)                                                               \
    X(cudnnSetConvolutionMathType)                                                                 \
    X(cudnnGetConvolutionForwardAlgorithm_v7)                                                      \
    X(cudnnGetConvolutionForwardWorkspaceSize)                                                     \
    X(cudnnConvolutionForward)                                                                     \
    X(cudnnGetConvolutionBackwardDataAlgorithm_v7)                                                 \
    X(cudnnGetConvolutionBackwardDataWorkspaceSize)                                                \
    X(cudnnConvolutionBackwardData)                                                                \
    X(cudnnGetConvolutionBackwardFilterAlgorithm_v7)                                               \
    X(cudnnGetConvolutionBackwardFilterWorkspaceSize)                                              \
    X(cudnnConvolutionBackwardFilter)

/* The library as it was found: its functions by their own names. */
struct Dnn {
#define POINTER(name) decltype(&::name) name;
    CALLS(POINTER)
    cudnnHandle_t handle;
    bool usable;
};

constexpr size_t WORKSPACE_BYTES = 256 << 20;
constexpr uintptr_t WORKSPACE_ALIGNMENT = 256;
constexpr int PROPOSALS = 8;

static Dnn open_library(void)
{
    static const char *const names[] = {"libcudnn.so.9", NULL};
    Dnn dnn = {};
    Err err = {};
#define SYMBOL(name) {#name, (void **)&dnn.name},
    const Symbol symbols[] = {CALLS(SYMBOL)};
    dnn.usable = shared_library_open("cuDNN", names, symbols, MEL_COUNT(symbols), &err) &&
                 dnn.cudnnCreate(&dnn.handle) == CUDNN_STATUS_SUCCESS;
    return dnn;
}

/* Opened once in the process, by whoever comes first. */
static const Dnn &library(void)
{
    static const Dnn dnn = open_library();
    return dnn;
}

struct ConvDnn {
    ConvKind kind;
    cudnnTensorDescriptor_t large, small;
    cudnnFilterDescriptor_t weights;
    cudnnConvolutionDescriptor_t conv;
    int algorithm; /* of the kind's own enum */
    size_t workspace_bytes;
};

/* ---- what is asked for ---------------------------------------------------------------------- */

static bool fits(int64_t batch, const int64_t size[2], int64_t channels)
{
    return batch * size[0] * size[1] * channels <= INT32_MAX;
}

static bool suits(const ConvMap *map, DType dtype)
{
    const ConvAttrs *a = map->attrs;
    const int64_t pack = 16 / (int64_t)mel_dtype_size(dtype);
    bool symmetric = true, plain = true;
    for (int i = 0; i < 2; i++) {
        const int64_t room =
            map->large[i] + 2 * a->pad_before[i] - a->dilation[i] * (map->kernel[i] - 1) - 1;
        symmetric = symmetric && room >= 0 && room / a->stride[i] + 1 == map->small[i];
        plain = plain && map->kernel[i] == 1 && a->stride[i] == 1 && a->pad_before[i] == 0;
    }
    return symmetric && !plain && map->in % pack == 0 && map->out % pack == 0 &&
           fits(map->batch, map->large, map->in) && fits(map->batch, map->small, map->out);
}

static bool set_side(const Dnn &dnn, cudnnTensorDescriptor_t *side, cudnnDataType_t type,
                     int64_t batch, const int64_t size[2], int64_t channels)
{
    return !dnn.cudnnCreateTensorDescriptor(side) &&
           !dnn.cudnnSetTensor4dDescriptor(*side, CUDNN_TENSOR_NHWC, type, (int)batch,
                                           (int)channels, (int)size[0], (int)size[1]);
}

static bool describe(const Dnn &dnn, const ConvMap *map, DType dtype, ConvDnn *c)
{
    const ConvAttrs *a = map->attrs;
    const bool half = dtype == DTYPE_BF16;
    const cudnnDataType_t type = half ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    return set_side(dnn, &c->large, type, map->batch, map->large, map->in) &&
           set_side(dnn, &c->small, type, map->batch, map->small, map->out) &&
           !dnn.cudnnCreateFilterDescriptor(&c->weights) &&
           !dnn.cudnnSetFilter4dDescriptor(c->weights, type, CUDNN_TENSOR_NHWC, (int)map->out,
                                           (int)(map->in / a->groups), (int)map->kernel[0],
                                           (int)map->kernel[1]) &&
           !dnn.cudnnCreateConvolutionDescriptor(&c->conv) &&
           !dnn.cudnnSetConvolution2dDescriptor(
               c->conv, a->pad_before[0], a->pad_before[1], a->stride[0], a->stride[1],
               a->dilation[0], a->dilation[1], CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT) &&
           !dnn.cudnnSetConvolutionGroupCount(c->conv, a->groups) &&
           !dnn.cudnnSetConvolutionMathType(c->conv, half ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH);
}

/* ---- how it is done ------------------------------------------------------------------------- */

/* The first proposal that always gives the same bits and has room; size_of tells the workspace. */
template <typename Proposal, typename SizeOf>
static bool take(ConvDnn *c, const Proposal *proposals, int count, SizeOf size_of)
{
    for (int i = 0; i < count; i++) {
        size_t bytes = 0;
        if (proposals[i].status != CUDNN_STATUS_SUCCESS ||
            proposals[i].determinism != CUDNN_DETERMINISTIC || size_of(proposals[i].algo, &bytes) ||
            bytes > WORKSPACE_BYTES)
            continue;
        c->algorithm = (int)proposals[i].algo;
        c->workspace_bytes = bytes;
        return true;
    }
    return false;
}

static bool choose_forward(const Dnn &dnn, ConvDnn *c)
{
    cudnnConvolutionFwdAlgoPerf_t found[PROPOSALS];
    int count = 0;
    return !dnn.cudnnGetConvolutionForwardAlgorithm_v7(dnn.handle, c->large, c->weights, c->conv,
                                                       c->small, PROPOSALS, &count, found) &&
           take(c, found, count, [&](cudnnConvolutionFwdAlgo_t algo, size_t *bytes) {
               return dnn.cudnnGetConvolutionForwardWorkspaceSize(dnn.handle, c->large, c->weights,
                                                                  c->conv, c->small, algo, bytes);
           });
}

static bool choose_backward(const Dnn &dnn, ConvDnn *c)
{
    cudnnConvolutionBwdDataAlgoPerf_t found[PROPOSALS];
    int count = 0;
    return !dnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(
               dnn.handle, c->weights, c->small, c->conv, c->large, PROPOSALS, &count, found) &&
           take(c, found, count, [&](cudnnConvolutionBwdDataAlgo_t algo, size_t *bytes) {
               return dnn.cudnnGetConvolutionBackwardDataWorkspaceSize(
                   dnn.handle, c->weights, c->small, c->conv, c->large, algo, bytes);
           });
}

static bool choose_slope(const Dnn &dnn, ConvDnn *c)
{
    cudnnConvolutionBwdFilterAlgoPerf_t found[PROPOSALS];
    int count = 0;
    return !dnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(
               dnn.handle, c->large, c->small, c->conv, c->weights, PROPOSALS, &count, found) &&
           take(c, found, count, [&](cudnnConvolutionBwdFilterAlgo_t algo, size_t *bytes) {
               return dnn.cudnnGetConvolutionBackwardFilterWorkspaceSize(
                   dnn.handle, c->large, c->small, c->conv, c->weights, algo, bytes);
           });
}

static bool choose(const Dnn &dnn, ConvDnn *c)
{
    switch (c->kind) {
    case CONV_SMALL:
        return choose_forward(dnn, c);
    case CONV_LARGE:
        return choose_backward(dnn, c);
    default:
        return choose_slope(dnn, c);
    }
}

/* ---- conv_cudnn.h --------------------------------------------------------------------------- */

ConvDnn *conv_cudnn_new(const ConvMap *map, ConvKind kind, DType dtype)
{
    if (!suits(map, dtype) || !library().usable) return NULL;
    ConvDnn *c = (ConvDnn *)mel_alloc(sizeof *c);
    c->kind = kind;
    if (describe(library(), map, dtype, c) && choose(library(), c)) return c;
    conv_cudnn_free(c);
    return NULL;
}

void conv_cudnn_free(ConvDnn *c)
{
    if (!c) return;
    const Dnn &dnn = library();
    if (c->large) (void)dnn.cudnnDestroyTensorDescriptor(c->large);
    if (c->small) (void)dnn.cudnnDestroyTensorDescriptor(c->small);
    if (c->weights) (void)dnn.cudnnDestroyFilterDescriptor(c->weights);
    if (c->conv) (void)dnn.cudnnDestroyConvolutionDescriptor(c->conv);
    free(c);
}

int64_t conv_cudnn_scratch_bytes(const ConvDnn *c)
{
    return (int64_t)(c->workspace_bytes + WORKSPACE_ALIGNMENT);
}

static bool good(const Dnn &dnn, cudnnStatus_t status, const char *call, Err *err)
{
    return status == CUDNN_STATUS_SUCCESS ||
           mel_err(err, ERR_DEVICE, "%s: %s", call, dnn.cudnnGetErrorString(status));
}

/* TRY(function, arguments…) in functions that have dnn and err. */
#define TRY(name, ...) good(dnn, dnn.name(__VA_ARGS__), #name, err)

bool conv_cudnn_run(const ConvDnn *c, Stream *stream, const void *a, const void *b, void *out,
                    void *scratch, Err *err)
{
    const Dnn &dnn = library();
    const float one = 1, zero = 0;
    void *work =
        (void *)(((uintptr_t)scratch + WORKSPACE_ALIGNMENT - 1) & ~(WORKSPACE_ALIGNMENT - 1));
    if (!all_aligned(a, b, out))
        return mel_err(err, ERR_DEVICE, "cuDNN: an array begins at no multiple of 16 bytes");
    if (!TRY(cudnnSetStream, dnn.handle, (cudaStream_t)stream)) return false;
    switch (c->kind) {
    case CONV_SMALL:
        return TRY(cudnnConvolutionForward, dnn.handle, &one, c->large, a, c->weights, b, c->conv,
                   (cudnnConvolutionFwdAlgo_t)c->algorithm, work, c->workspace_bytes, &zero,
                   c->small, out);
    case CONV_LARGE:
        return TRY(cudnnConvolutionBackwardData, dnn.handle, &one, c->weights, b, c->small, a,
                   c->conv, (cudnnConvolutionBwdDataAlgo_t)c->algorithm, work, c->workspace_bytes,
                   &zero, c->large, out);
    default:
        return TRY(cudnnConvolutionBackwardFilter, dnn.handle, &one, c->large, a, c->small, b,
                   c->conv, (cudnnConvolutionBwdFilterAlgo_t)c->algorithm, work, c->workspace_bytes,
                   &zero, c->weights, out);
    }
}

#else

/* In the emulation, and where there are no headers of cuDNN's: every convolution is done by
 * products. */

ConvDnn *conv_cudnn_new(const ConvMap *, ConvKind, DType)
{
    return NULL;
}

void conv_cudnn_free(ConvDnn *)
{
}

int64_t conv_cudnn_scratch_bytes(const ConvDnn *)
{
    return 0;
}

bool conv_cudnn_run(const ConvDnn *, Stream *, const void *, const void *, void *, void *, Err *err)
{
    return mel_err(err, ERR_DEVICE, "this program was built without cuDNN");
}

#endif
